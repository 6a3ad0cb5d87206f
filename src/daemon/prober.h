/* A `proctor probe` as a child process: started, heard, stopped.
 *
 * It has a process group of its own, nothing to read, and gets SIGTERM when its parent dies.  One
 * line on its stdout is the outcome; the end of what it says on stderr is why it failed.  What it
 * started itself ends with it, however it ends (curriculum/probe_child.h).
 */
#ifndef PR_DAEMON_PROBER_H
#define PR_DAEMON_PROBER_H

#include <sys/types.h>

#include "daemon/loop.h"
#include "daemon/question.h"

struct pr_prober_options {
    const struct pr_config *config;
    const struct pr_question *question; /* pool, suite, learning rate, rank */
    const char *start, *work, *arm;
    int64_t seed;
    const json_t *progress;
};
struct pr_prober;
/* spoke: something about it changed; look at pr_prober_over. */
PR_MUST_CHECK enum pr_code pr_prober_start(const struct pr_prober_options *o, struct pr_loop *loop,
    void (*spoke)(void *ctx), void *ctx, struct pr_prober **ret, struct pr_error *e);
pid_t pr_prober_pid(const struct pr_prober *c);
bool pr_prober_over(struct pr_prober *c); /* it has ended, and was reaped */
/* Over, with exit status 0. */
bool pr_prober_ok(const struct pr_prober *c);
/* Of one that is over: what it printed (new reference), or NULL and the reason. */
json_t *pr_prober_result(const struct pr_prober *c, char *reason, size_t size);
/* Of one that is over: its last line, all of it, speaks of a number that is not finite.  A reason
 * is shortened. */
bool pr_prober_diverged(const struct pr_prober *c);
void pr_prober_stop(struct pr_prober *c); /* SIGTERM: it is to stop what it started */
void pr_prober_kill(struct pr_prober *c);
/* Stops it within two seconds where it still runs.  NULL is fine. */
void pr_prober_free(struct pr_prober *c, struct pr_loop *loop);

/* Removes a folder of ours with all that is in it; links are removed, not followed. */
void pr_prober_remove_tree(const char *path);

#endif
