/* The queue of grading orders: pure bookkeeping, no process and no file touched.
 *
 * What the systems need is merged by checkpoint: an example that several suites share, or several
 * systems want, is ordered once.  The first PR_ORDER_FIRST examples of the order that all
 * checkpoints share go ahead as a piece of their own, since the sequential test may tell from them
 * that a checkpoint blew up; the rest follows at a lower priority.
 */
#ifndef PR_DAEMON_ORDERS_H
#define PR_DAEMON_ORDERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PR_ORDER_FIRST 16

/* One checkpoint with something to be graded (or opened: no suites). */
struct pr_wanted {
    int64_t checkpoint;
    int64_t rank;    /* larger is newer: decides within one priority */
    int priority;    /* the highest of its suites' */
    int64_t *suites; /* in order of priority */
    size_t n_suites;
    bool open_only; /* it was never opened under these options */
    bool first;     /* the first examples of the main suite are not graded yet */
};
/* Which one is graded next, as an index, or -1: highest priority, then the newest.  `blocked`
 * (checkpoint ids) are left out: backing off, too big for this machine. */
int64_t pr_orders_next(
    const struct pr_wanted *v, size_t n, const int64_t *blocked, size_t n_blocked);
/* The priority that a checkpoint goes by once its first examples are graded: what only made it
 * urgent to look at is done, an alarm stays one. */
int pr_orders_rest(int priority);
/* Is it worth to set `running` aside for `next`?  Only for a higher class of priority, so that two
 * of a kind do not push each other out. */
bool pr_orders_preempts(const struct pr_wanted *running, const struct pr_wanted *next);
/* Milliseconds before the n-th try after a failure (n from 1): 1 s, doubling, at most 5 minutes. */
int64_t pr_orders_backoff_ms(int failures);

#endif
