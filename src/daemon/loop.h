/* The daemon's one loop: descriptors, timers, signals and words from other threads, all on the main
 * thread, over epoll.  Callbacks must not block. */
#ifndef PR_DAEMON_LOOP_H
#define PR_DAEMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct pr_loop;
PR_MUST_CHECK enum pr_code pr_loop_new(struct pr_loop **ret, struct pr_error *e);
void pr_loop_free(struct pr_loop *l);

/* Runs until pr_loop_stop; then returns its status. */
int pr_loop_run(struct pr_loop *l);
void pr_loop_stop(struct pr_loop *l, int status);

/* Calls back while fd is readable / writable (or has hung up).  One watch a descriptor; watching it
 * again changes it, and it may be changed or dropped from within any callback. */
enum pr_loop_for { PR_LOOP_READ = 1, PR_LOOP_WRITE = 2 };
PR_MUST_CHECK enum pr_code pr_loop_watch(struct pr_loop *l, int fd, unsigned what,
    void (*ready)(void *ctx, int fd, unsigned what), void *ctx, struct pr_error *e);
void pr_loop_unwatch(struct pr_loop *l, int fd);

/* Timers by the monotonic clock (base/clock.h), once each; setting one again moves it.  Embedded in
 * their owner, zero-initialised. */
struct pr_timer {
    void (*fired)(void *ctx);
    void *ctx;
    int64_t at_ns; /* 0: not set */
    struct pr_timer *next, *prev;
};
void pr_timer_set(struct pr_loop *l, struct pr_timer *t, int64_t at_ns);
void pr_timer_after(struct pr_loop *l, struct pr_timer *t, int64_t ms);
void pr_timer_stop(struct pr_loop *l, struct pr_timer *t);

/* Signals arrive here as events (signalfd; blocked for all threads that are made later). */
PR_MUST_CHECK enum pr_code pr_loop_signal(struct pr_loop *l, int signal,
    void (*came)(void *ctx, int signal), void *ctx, struct pr_error *e);

/* From any thread: call back on the loop's thread, in order. */
void pr_loop_post(struct pr_loop *l, void (*call)(void *ctx), void *ctx);

#endif
