/* Talking with a program that may be slow, noisy or cut off: ssh and rsync.
 *
 * All of its three ends are served by one loop, so that neither side can wait for the other for
 * ever: what is queued for its stdin is written as it takes it, its stdout is buffered up to a
 * bound, and of its stderr the last 4 kB are kept for the message.  Nothing waits past the
 * deadline, and `stop` is looked at every 100 ms.  Used by one thread at a time. */
#ifndef PR_TRANSFER_TALK_H
#define PR_TRANSFER_TALK_H

#include <stdatomic.h>
#include <stdbool.h>

#include "base/subprocess.h"

struct pr_talk {
    struct pr_child child; /* pid 0: not running */
    int err;               /* its stderr; -1: closed */
    bool in_open, out_open;
    struct pr_str to_send; /* from `sent` on not written yet */
    size_t sent;
    struct pr_str got; /* from `taken` on not handed out yet */
    size_t taken;
    char errors[4096]; /* the end of its stderr, NUL-terminated */
    size_t n_errors;
    const atomic_bool *stop; /* NULL: never */
};

/* Called about ten times a second while something is waited for; may be NULL. */
typedef void pr_talk_tick(void *ctx);

/* Starts argv[0] (searched in PATH). */
PR_MUST_CHECK enum pr_code pr_talk_start(
    struct pr_talk *t, const char *const argv[], const atomic_bool *stop, struct pr_error *e);
/* Puts n bytes into the queue for its stdin; written while something is waited for. */
void pr_talk_queue(struct pr_talk *t, const void *bytes, size_t n);

/* Writes of the queue what its stdin takes at once. */
PR_MUST_CHECK enum pr_code pr_talk_push(struct pr_talk *t, struct pr_error *e);

/* Exactly n bytes of its stdout: *ret lies in the buffer until the next call.  PR_E_IO: it ended
 * before (pr_talk_errors says what it said), PR_E_LIMIT: not by `deadline` (of
 * pr_clock_monotonic_ns), PR_E_CANCELLED.  After a failure only pr_talk_stop makes sense. */
PR_MUST_CHECK enum pr_code pr_talk_take(
    struct pr_talk *t, size_t n, int64_t deadline, const char **ret, struct pr_error *e);
/* The bytes up to the next NUL, at most max of them; *ret is NUL-terminated.  PR_E_LIMIT also for
 * a longer one. */
PR_MUST_CHECK enum pr_code pr_talk_entry(struct pr_talk *t, size_t max, int64_t deadline,
    const char **ret, size_t *ret_n, struct pr_error *e);
/* Sends the rest of the queue, closes its stdin, and waits for its end: *ret_status is its exit
 * status, or 128 + the signal.  What it still writes is appended to `said`, or dropped where that
 * is NULL; PR_E_LIMIT: more than said->max.  A program that does not move is left to its own
 * time-outs: there is no deadline here, only `stop`.  Afterwards it is gone either way. */
PR_MUST_CHECK enum pr_code pr_talk_finish(struct pr_talk *t, pr_talk_tick *tick, void *ctx,
    struct pr_str *said, int *ret_status, struct pr_error *e);
/* What it said on stderr, without the white space around it; "" for nothing.  Also after the end.
 */
const char *pr_talk_errors(struct pr_talk *t);
/* Kills it with its group, frees all but the errors.  Safe on a zeroed one. */
void pr_talk_stop(struct pr_talk *t);

#endif
