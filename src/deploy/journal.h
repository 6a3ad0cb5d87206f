/* TARGET.versions/journal.jsonl: what was done to a target, a line each, synced before the next
 * step begins.  After a kill it says what was under way.
 *
 *   {"at","deployment","step","version",…}
 *
 * `deployment` counts from 1; `step` is one of enum pr_deploy_step.  A line that a crash cut is
 * passed over and cut off.  Only the holder of the lock writes. */
#ifndef PR_DEPLOY_JOURNAL_H
#define PR_DEPLOY_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

#define PR_DEPLOY_STEPS(X)                                                                         \
    X(INTENT, "intent")             /* the whole plan; nothing is changed */                       \
    X(COPIED, "copied")             /* the version lies beside the target, whole and verified */   \
    X(SWAPPED, "swapped")           /* the target is the version */                                \
    X(RELOADED, "reloaded")         /* the server was told */                                      \
    X(PROBED, "probed")             /* and answers as it must */                                   \
    X(DONE, "done")                 /* over, well */                                               \
    X(ROLLING_BACK, "rolling_back") /* with `reason`; the target may be either */                  \
    X(ROLLED_BACK, "rolled_back")   /* over: the target is what it was */                          \
    X(FAILED, "failed")             /* over, before anything was changed; with `reason` */

enum pr_deploy_step {
#define PR_X(name, text) PR_DEPLOY_##name,
    PR_DEPLOY_STEPS(PR_X)
#undef PR_X
        PR_DEPLOY_STEP_COUNT
};
extern const char *const pr_deploy_step_names[PR_DEPLOY_STEP_COUNT];

/* A deployment as its lines tell it. */
struct pr_deployment {
    int64_t id;
    enum pr_deploy_step step; /* the last one */
    json_t *plan;             /* borrowed: its `intent` */
    json_t *last;             /* borrowed: its last line */
    const char *reason;       /* borrowed: of the end, or NULL */
    const char *began_at, *ended_at;
};

struct pr_journal {
    char *path;
    json_t *lines; /* an array, oldest first */
    struct pr_deployment *v;
    size_t n, cap;
};

/* A file that is not there is empty.  PR_E_FORMAT: it is no journal. */
PR_MUST_CHECK enum pr_code pr_journal_read(
    const char *path, struct pr_journal *ret, struct pr_error *e);
void pr_journal_done(struct pr_journal *j);
/* Appends {"at","deployment","step"} and the members of `more` (borrowed; NULL: none), synced. */
PR_MUST_CHECK enum pr_code pr_journal_put(struct pr_journal *j, int64_t deployment,
    enum pr_deploy_step step, const json_t *more, struct pr_error *e);
/* Once the file has grown past 4 MiB: keeps the last 1000 deployments, and of these the last 20, as
 * far as they fit, with questions, answers and the gate's figures.  What j has stays. */
PR_MUST_CHECK enum pr_code pr_journal_compact(struct pr_journal *j, struct pr_error *e);

/* Borrowed; NULL where there is none.  The last; the last that ended well. */
const struct pr_deployment *pr_journal_last(const struct pr_journal *j);
const struct pr_deployment *pr_journal_served(const struct pr_journal *j);
bool pr_deployment_is_over(const struct pr_deployment *d);

#endif
