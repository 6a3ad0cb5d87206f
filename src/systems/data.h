/* What the systems of the data side share: texts that are known, a lock, a small state. */
#ifndef PR_SYSTEMS_DATA_H
#define PR_SYSTEMS_DATA_H

#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "queue/folder.h"
#include "queue/known.h"
#include "systems/view.h"

/* A set of known texts: the validation suites of the view, protected.  pr_known_free. */
PR_MUST_CHECK enum pr_code pr_data_protected(
    struct pr_view *v, struct pr_known **ret, struct pr_error *e);
/* Adds the files of these queues (1 << PR_QUEUE_NORMAL | …).  One that vanishes meanwhile is
 * left out; one that cannot be read too: it is counted (NULL: not wanted), and must not keep the
 * others waiting. */
PR_MUST_CHECK enum pr_code pr_data_add_queues(struct pr_known *k, const char *base_dir,
    unsigned queues, size_t *ret_unread, struct pr_error *e);
#define PR_DATA_WAITING (1u << PR_QUEUE_HIGH | 1u << PR_QUEUE_NORMAL | 1u << PR_QUEUE_LOW)
#define PR_DATA_TRAINED (1u << PR_QUEUE_PROCESSING | 1u << PR_QUEUE_COMPLETED)
/* Changes whenever a suite of the view does; 64 hex digits. */
void pr_data_suites_fingerprint(const struct pr_view *v, char ret[65]);

/* Takes base_dir/queue/.NAME.lock without waiting: *ret_fd is to be closed, which gives it back;
 * -1: somebody else has it. */
PR_MUST_CHECK enum pr_code pr_data_lock(
    const char *base_dir, const char *name, int *ret_fd, struct pr_error *e);

/* base_dir/queue/.NAME.json, an object: what a system remembers of files, and can do without; what
 * is not there or cannot be read is empty.  A new reference. */
json_t *pr_data_remembered(const char *base_dir, const char *name);
PR_MUST_CHECK enum pr_code pr_data_remember(
    const char *base_dir, const char *name, const json_t *o, struct pr_error *e);

/* Removes what a killed writer left in a folder of names that begin so: NAME.tmp.XXXXXX of
 * pr_file_write_atomic, .NAME.PID.tmp of pr_queue_put. */
void pr_data_sweep(const char *folder, const char *begin);

#endif
