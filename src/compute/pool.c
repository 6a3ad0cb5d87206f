/* The pool of threads behind pool.h.
 *
 * A loop is alive while items are unclaimed or unfinished; `unclaimed` is the only thing a worker
 * looks at to join it.  A worker reads the loop's fields only between a successful claim and the
 * report that the item is done, and the caller returns only when all items are done: so a worker
 * that wakes late, or not at all, neither delays a loop nor touches a finished one.
 *
 * Sleeping: a worker announces itself in `sleepers` and then looks at `unclaimed` once more; the
 * caller sets `unclaimed` and then looks at `sleepers` (both sequentially consistent), so one of
 * the two sees the other.  The caller's wait for the last item works the same way.
 */
#include "compute/pool.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "compute/cpus.h"

/* How long a thread spins before it sleeps: longer than the serial gaps between the loops of one
 * model pass, short beside a scheduler's time slice.  With more threads than CPUs a spinning thread
 * keeps a working one from running. */
#define SPIN_NS         100000
#define SPIN_NS_CROWDED 2000
#define MAX_THREADS     1024

struct worker {
    struct pr_pool *pool;
    int thread;
    pthread_t handle;
};

struct pr_pool {
    int n_threads, n_started; /* n_started workers run beside the caller */
    int64_t spin_ns;
    struct worker *workers;
    /* the loop; written by the caller while no loop is alive */
    void (*fn)(void *ctx, size_t item, int thread);
    void *ctx;
    size_t n_items;

    _Alignas(64) atomic_size_t unclaimed; /* items not yet claimed */
    _Alignas(64) atomic_uint unfinished;  /* items not yet done; the caller's futex */
    atomic_uint caller_sleeps;
    _Alignas(64) atomic_uint wakeups; /* the workers' futex: counts calls to wake them */
    atomic_uint sleepers;
    atomic_bool stop;
};

static void relax(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t now_ns(void) /* not pr_clock: a test's clock may stand still */
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void futex_wait(atomic_uint *word, unsigned seen)
{
    syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static void futex_wake(atomic_uint *word, int n)
{
    syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

/* Claims one item of the living loop; false when none is left. */
static bool claim(struct pr_pool *p, size_t *item)
{
    size_t left = atomic_load_explicit(&p->unclaimed, memory_order_relaxed);
    while (left) {
        if (atomic_compare_exchange_weak_explicit(
                &p->unclaimed, &left, left - 1, memory_order_acquire, memory_order_relaxed)) {
            *item = p->n_items - left;
            return true;
        }
    }
    return false;
}

/* Works until no item is left to claim. */
static void work(struct pr_pool *p, int thread)
{
    size_t item;
    while (claim(p, &item)) {
        p->fn(p->ctx, item, thread);
        if (atomic_fetch_sub(&p->unfinished, 1) == 1 && atomic_load(&p->caller_sleeps))
            futex_wake(&p->unfinished, 1);
    }
}

static bool has_work(struct pr_pool *p)
{
    return atomic_load_explicit(&p->unclaimed, memory_order_relaxed) ||
           atomic_load_explicit(&p->stop, memory_order_relaxed);
}

static bool finished(struct pr_pool *p)
{
    return !atomic_load_explicit(&p->unfinished, memory_order_acquire);
}

/* Spins until ready(p) or the spinning time is over; returns what ready said last. */
static bool spin(struct pr_pool *p, bool (*ready)(struct pr_pool *))
{
    int64_t end = now_ns() + p->spin_ns;
    do {
        for (int i = 0; i < 32; i++) {
            if (ready(p))
                return true;
            relax();
        }
        if (p->spin_ns == SPIN_NS_CROWDED)
            sched_yield();
    } while (now_ns() < end);
    return ready(p);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct pr_pool *p = w->pool;
    while (!atomic_load(&p->stop)) {
        if (spin(p, has_work)) {
            work(p, w->thread);
            continue;
        }
        unsigned seen = atomic_load(&p->wakeups);
        atomic_fetch_add(&p->sleepers, 1);
        if (!atomic_load(&p->unclaimed) && !atomic_load(&p->stop))
            futex_wait(&p->wakeups, seen);
        atomic_fetch_sub(&p->sleepers, 1);
    }
    return NULL;
}

static void wake_workers(struct pr_pool *p, size_t n)
{
    if (!atomic_load(&p->sleepers))
        return;
    atomic_fetch_add(&p->wakeups, 1);
    futex_wake(&p->wakeups, n < INT_MAX ? (int)n : INT_MAX);
}

void pr_pool_run(
    struct pr_pool *p, size_t n_items, void (*fn)(void *ctx, size_t item, int thread), void *ctx)
{
    assert(n_items <= UINT_MAX);
    if (!p->n_started || n_items <= 1) {
        for (size_t i = 0; i < n_items; i++)
            fn(ctx, i, 0);
        return;
    }
    p->fn = fn;
    p->ctx = ctx;
    p->n_items = n_items;
    atomic_store(&p->unfinished, (unsigned)n_items);
    atomic_store(&p->unclaimed, n_items);
    wake_workers(p, n_items - 1);
    work(p, 0);
    if (spin(p, finished))
        return;
    atomic_store(&p->caller_sleeps, 1);
    for (unsigned left; (left = atomic_load(&p->unfinished));)
        futex_wait(&p->unfinished, left);
    atomic_store(&p->caller_sleeps, 0);
}

/* Starts the workers with all signals blocked: those are for the caller's threads.  But SIGBUS
 * comes to the thread that reads a mapped file which became shorter, and blocked it ends the
 * process unheard. */
static enum pr_code start_workers(struct pr_pool *p, struct pr_error *e)
{
    sigset_t all, old;
    sigfillset(&all);
    sigdelset(&all, SIGBUS);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int err = 0;
    for (int i = 0; i < p->n_threads - 1 && !err; i++) {
        p->workers[i] = (struct worker){.pool = p, .thread = i + 1};
        err = pthread_create(&p->workers[i].handle, NULL, worker_main, &p->workers[i]);
        p->n_started += !err;
    }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (err)
        return pr_fail_errno(
            e, err, "thread pool: starting thread %d of %d", p->n_started + 2, p->n_threads);
    return PR_OK;
}

enum pr_code pr_pool_new(int n_threads, struct pr_pool **ret, struct pr_error *e)
{
    int cpus = pr_cpus_usable();
    if (!n_threads)
        n_threads = cpus < MAX_THREADS ? cpus : MAX_THREADS;
    if (n_threads < 0 || n_threads > MAX_THREADS)
        return pr_fail(e, PR_E_USAGE, "thread pool: %d threads asked for, 1 to %d are possible",
            n_threads, MAX_THREADS);
    void *block;
    enum pr_code code = pr_big_alloc(&block, 1, sizeof(struct pr_pool), "thread pool", e);
    if (code)
        return code;
    struct pr_pool *p = block;
    p->n_threads = n_threads;
    p->spin_ns = n_threads <= cpus ? SPIN_NS : SPIN_NS_CROWDED;
    p->workers = pr_zalloc((size_t)n_threads * sizeof *p->workers);
    code = start_workers(p, e);
    if (code) {
        pr_pool_free(p);
        return code;
    }
    *ret = p;
    return PR_OK;
}

void pr_pool_free(struct pr_pool *p)
{
    if (!p)
        return;
    atomic_store(&p->stop, true);
    atomic_fetch_add(&p->wakeups, 1);
    futex_wake(&p->wakeups, INT_MAX);
    for (int i = 0; i < p->n_started; i++)
        pthread_join(p->workers[i].handle, NULL);
    pr_free(p->workers);
    pr_big_free(p, sizeof *p);
}

int pr_pool_threads(const struct pr_pool *p)
{
    return p->n_threads;
}
