/* What systems that move checkpoints (sync, deployment) work with beside a view.
 *
 * Their runs have two halves.  `run` sees the view, as every system's does, and leaves in its
 * findings what is to be done (pr_findings.errand).  `act` follows when the view is closed, so that
 * a transfer of hours holds no transaction open: it does it, and completes the findings.  Both
 * happen on a thread that such a system has for itself. */
#ifndef PR_SYSTEMS_MOVE_H
#define PR_SYSTEMS_MOVE_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/json.h"

struct pr_sync_settings;   /* sync_settings.h */
struct pr_deploy_settings; /* deploy_settings.h */

/* What a system keeps from one run for the next, such as an open connection.  Nobody uses it
 * between runs; it is freed when the system is not wanted any more. */
struct pr_kept {
    void *thing; /* NULL: nothing */
    void (*free)(void *thing);
};

struct pr_move {
    const char *base_dir;
    const struct pr_sync_settings *sync;
    const struct pr_deploy_settings *deploy;
    int64_t interval_ms; /* between two runs */
    int64_t once_ms;     /* when somebody asked for it with --once; 0: it goes on */
    /* Set: return within half a second with PR_E_CANCELLED; what is half done stays as a kill would
     * leave it. */
    const atomic_bool *stop;
    /* Shows how far it is: a document (borrowed) that stands in for the status until the run is
     * over.  May be called often; shown once a second. */
    void (*tell)(void *ctx, const json_t *status);
    /* A line in the log: what changed, from what, and why; may be NULL. */
    void (*note)(void *ctx, const char *event, const char *text);
    void *ctx;
    struct pr_kept *kept; /* NULL: nothing can be kept */
};

#endif
