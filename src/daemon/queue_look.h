/* The health of a base folder's queue, with what its configuration and its training say. */
#ifndef PR_DAEMON_QUEUE_LOOK_H
#define PR_DAEMON_QUEUE_LOOK_H

#include "daemon/config.h"

/* The document of pr_queue_health.  check_seconds: that looking into files which are not known yet
 * may take; 0: its default. */
PR_MUST_CHECK enum pr_code pr_queue_look(
    const struct pr_config *c, double check_seconds, json_t **ret, struct pr_error *e);
/* The same with what is known of the training already (pr_state_training); NULL: nothing. */
PR_MUST_CHECK enum pr_code pr_queue_look_with(const struct pr_config *c, const json_t *training,
    double check_seconds, json_t **ret, struct pr_error *e);

#endif
