/* A process that wants systems to run on a base folder: what `proctor run` and `proctor <system>`
 * are made of.
 *
 * The first one on a folder becomes its owner (owner.h) and runs the supervisor; the others
 * register their systems with it over proctor.sock and are sent what it finds.  When the owner
 * ends, in whatever way, all of them try for the lock: one becomes the owner, the rest register
 * with it. Nothing is lost by that, since what was graded is in the gradebook.
 */
#ifndef PR_DAEMON_HOST_H
#define PR_DAEMON_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "daemon/config.h"
#include "systems/system.h"

struct pr_host_options {
    const struct pr_config *config; /* as read at the start; base_dir is in it */
    /* One system; NULL: all of the machine's role that machine.disabled does not name. */
    const struct pr_system *system;
    int64_t interval_ms; /* for `system`; 0: from the configuration, else the system's */
    const json_t *set;   /* {"monitor.threshold": "20"}, for `system` alone; NULL: none */
    bool once;           /* until everything needed is graded, instead of until a signal */
    bool quiet;          /* the log goes to its files alone */
    /* After each run of one of these systems: its status document (borrowed), or NULL and why the
     * run failed. */
    void (*found)(void *ctx, const struct pr_system *s, const json_t *document, bool waiting,
        const char *failed);
    /* Twice a second, where not NULL: what the owner says of itself (pr_supervisor_state). */
    void (*state)(void *ctx, const json_t *state);
    /* Asked after `found`: is there still somebody who wants to know?  NULL: always. */
    bool (*wanted)(void *ctx);
    void *ctx;
};

/* Runs until all is done (once) or a signal: SIGTERM and SIGINT end it, a second SIGINT at once;
 * SIGHUP reads the configuration again.  Tells systemd (notify.h).  To be called from the main
 * thread, before any other thread was made.
 *
 * PR_OK: done, or stopped as a daemon is; PR_E_CANCELLED: a signal came before `once` was done;
 * PR_E_LIMIT: the folder has its `proctor run` already.  Anything else could not go on. */
PR_MUST_CHECK enum pr_code pr_host_run(const struct pr_host_options *o, struct pr_error *e);

#endif
