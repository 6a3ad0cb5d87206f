/* The supervisor: what the owner of a base folder does.
 *
 *   arrivals ──▶ gradebook ◀── grades ── graders
 *                   │                      ▲
 *                   ▼                      │ orders (merged, by priority)
 *   systems: plan ─────────────────────────┘
 *            run (worker thread, read-only) ──▶ findings ──▶ gradebook, status/<system>.json
 *
 * Everything but `run` is on the loop's thread; the gradebook's writing connection belongs to it.
 */
#ifndef PR_DAEMON_SUPERVISOR_H
#define PR_DAEMON_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "daemon/config.h"
#include "daemon/loop.h"
#include "systems/system.h"

struct pr_supervisor;

/* Opens the gradebook as its owner, makes the folders status/ and logs/, starts watching.  config
 * is copied. */
PR_MUST_CHECK enum pr_code pr_supervisor_new(const struct pr_config *config, struct pr_loop *loop,
    struct pr_supervisor **ret, struct pr_error *e);
/* Stops graders and the worker (within a second), closes the gradebook.  No callback comes after.
 */
void pr_supervisor_free(struct pr_supervisor *s);

/* A system to be run: at its interval, and whenever what it needs was graded. */
struct pr_job_options {
    const struct pr_system *system;
    int64_t interval_ms; /* 0: from the configuration, else the system's */
    const json_t *set;   /* {"monitor.threshold": "20"}: for this job alone; NULL: none */
    bool once;           /* run until everything it needs is graded, then `finished` */
    /* After every run: the whole status document as it is in the file (borrowed); waiting: it still
     * waits for grades.  And why a run failed (document NULL). */
    void (*found)(void *ctx, const json_t *document, bool waiting, const struct pr_error *failed);
    void (*finished)(void *ctx); /* once: all is graded and run */
    void *ctx;
};
struct pr_job;
/* A system that is already there with the same settings is shared: its status file has one author.
 * With other settings the newest job's count, which the status says. */
PR_MUST_CHECK enum pr_code pr_supervisor_add(struct pr_supervisor *s,
    const struct pr_job_options *o, struct pr_job **ret, struct pr_error *e);
void pr_supervisor_remove(struct pr_supervisor *s, struct pr_job *j); /* no callback comes after */

/* Reads the configuration again, keeps what is going on where it still holds. */
void pr_supervisor_reload(struct pr_supervisor *s, const struct pr_config *config);

/* Looks at all folders and suites now, and runs every system. */
void pr_supervisor_scan(struct pr_supervisor *s);

/* What goes on now: {"owner": {pid, since, version}, "systems": […], "orders": […], "grader": {…},
 * "probe": {…}, "arrivals": {…}, "suites": […], "tokens": {…}, "machine": {…}, "alerts": n}; new
 * reference.  The live half of `proctor status`; the other half is read from the gradebook
 * (state.h). */
json_t *pr_supervisor_state(struct pr_supervisor *s);

/* Carries out what somebody asked for (acting.h) and notes it: the answer, a new reference. */
json_t *pr_supervisor_act(struct pr_supervisor *s, const json_t *message);

/* Something cannot go on (the disk said no to fsync): the process is to end with this status. */
void pr_supervisor_on_fatal(
    struct pr_supervisor *s, void (*fatal)(void *ctx, const struct pr_error *why), void *ctx);

#endif
