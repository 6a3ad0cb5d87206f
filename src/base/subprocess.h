/* A child process that speaks lines over its stdin and stdout, with deadlines.  No shell is ever
 * involved; standard error is inherited. */
#ifndef PR_BASE_SUBPROCESS_H
#define PR_BASE_SUBPROCESS_H

#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/str.h"

struct pr_child {
    pid_t pid; /* its own process group; 0 when not running */
    int in, out;
    struct pr_str buf;
};

/* Starts argv[0] (searched in PATH). */
PR_MUST_CHECK enum pr_code pr_child_start(
    struct pr_child *c, const char *const argv[], struct pr_error *e);
/* The same with a standard error of its own: *ret_err is the end to read it from (non-blocking),
 * the caller's to drain and to close.  A child whose standard error nobody reads may wait for ever.
 */
PR_MUST_CHECK enum pr_code pr_child_start_err(
    struct pr_child *c, const char *const argv[], int *ret_err, struct pr_error *e);
/* Writes what its stdin takes without waiting: the bytes taken, 0 for none now, -1 and errno; a
 * child that does not read any more is EPIPE, never a signal. */
ssize_t pr_child_write(struct pr_child *c, const void *bytes, size_t n);
/* Sends line + "\n" and waits for one line back, at most max_line bytes, within timeout_ms.  On any
 * failure the child is killed: its answers can no longer be told apart.  One that does not read all
 * of line may have answered all the same.  *ret: pr_free. */
PR_MUST_CHECK enum pr_code pr_child_ask(struct pr_child *c, const char *line, size_t n,
    int timeout_ms, size_t max_line, char **ret, struct pr_error *e);
/* Closes its stdin and takes all that it still writes, at most out->max bytes, until it ends.
 * *ret_status is its exit status, or 128 + the signal that ended it.  On failure it was killed;
 * either way it is gone.  PR_E_LIMIT: too much, or not within timeout_ms. */
PR_MUST_CHECK enum pr_code pr_child_rest(
    struct pr_child *c, int timeout_ms, struct pr_str *out, int *ret_status, struct pr_error *e);
/* Closes its stdin, waits 200 ms, kills the group, reaps.  Safe on a child that never started. */
void pr_child_stop(struct pr_child *c);

/* A whole run of a program: writes n bytes to its stdin and closes it, reads its stdout to the end,
 * of which at most max_out bytes are kept (what is more is read and dropped), and waits for it.
 * *ret_status as waitpid gives it.  PR_E_LIMIT: not over within timeout_ms, PR_E_CANCELLED: `stop`
 * (NULL: never) was set by another thread; both killed with all of its group.  A child that does
 * not read its stdin is no failure. */
PR_MUST_CHECK enum pr_code pr_child_run(const char *const argv[], const char *bytes, size_t n,
    int timeout_ms, size_t max_out, const atomic_bool *stop, struct pr_str *out, int *ret_status,
    struct pr_error *e);

#endif
