/* Alerts and actions as documents: for the API and `proctor alert`. */
#ifndef PR_DAEMON_ALERT_VIEW_H
#define PR_DAEMON_ALERT_VIEW_H

#include "base/error.h"
#include "base/json.h"
#include "gradebook/gradebook.h"

/* {"alerts": […],"n_open","next_cursor"} as docs/api.md has it: newest first, at most limit, of
 * those behind the cursor (NULL: from the start).  PR_E_USAGE: not a cursor.  New reference. */
PR_MUST_CHECK enum pr_code pr_alerts_document(struct pr_gradebook *g, bool open_only,
    const char *cursor, size_t limit, json_t **ret, struct pr_error *e);
/* {"actions": […],"next_cursor"}. */
PR_MUST_CHECK enum pr_code pr_actions_document(
    struct pr_gradebook *g, const char *cursor, size_t limit, json_t **ret, struct pr_error *e);

#endif
