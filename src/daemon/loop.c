/* The loop: epoll for descriptors, a sorted list of timers, a signalfd, and an eventfd for words
 * from other threads.  Used by everything of the daemon; it owns no descriptor but its own three.
 *
 * Events come from the kernel in batches, and a callback may drop or replace a watch whose event is
 * in the same batch.  So each watch has a number that its events carry: an event whose number is
 * not that of the descriptor's present watch is of a former life and is passed over. */
#include "daemon/loop.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/log.h"

#define BATCH   64
#define SLOW_NS ((int64_t)100 * 1000000)
/* How long to wait at most while a test's clock decides, which epoll knows nothing of. */
#define OVERRIDE_WAIT_MS 5

struct watch {
    void (*ready)(void *ctx, int fd, unsigned what); /* NULL: none */
    void *ctx;
    unsigned what;
    uint32_t number;
};

struct signal_watch {
    void (*came)(void *ctx, int signal); /* NULL: none */
    void *ctx;
};

struct post {
    void (*call)(void *ctx);
    void *ctx;
};

struct pr_loop {
    int epoll, signals, wake;
    bool stop;
    int status;
    struct watch *watches; /* by descriptor */
    size_t n_watches;
    uint32_t last_number;
    struct pr_timer timers; /* heads of two rings: all that are set, soonest first, */
    struct pr_timer due;    /* and those that this turn fires */
    struct signal_watch by_signal[_NSIG];
    sigset_t mask, mask_before;
    pthread_mutex_t lock; /* guards what follows */
    struct post *posts;
    size_t n_posts, posts_cap;
};

/* The time that a callback takes is the time that everything else waits. */
static void note_slow(const char *what, int which, int64_t from_ns)
{
    int64_t took = pr_clock_monotonic_ns() - from_ns;
    if (took > SLOW_NS)
        pr_log(PR_LOG_DEBUG, "loop", "slow-callback", "kind=%s which=%d ms=%lld", what, which,
            (long long)(took / 1000000));
}

/* Descriptors. */

enum pr_code pr_loop_watch(struct pr_loop *l, int fd, unsigned what,
    void (*ready)(void *ctx, int fd, unsigned what), void *ctx, struct pr_error *e)
{
    if (fd < 0)
        return pr_fail(e, PR_E_USAGE, "a descriptor to watch was expected, got %d", fd);
    if (!what) {
        /* The kernel would go on reporting hang-ups, again and again. */
        pr_loop_unwatch(l, fd);
        return PR_OK;
    }
    if ((size_t)fd >= l->n_watches) {
        size_t n = ((size_t)fd + 1) * 2;
        l->watches = pr_realloc(l->watches, n, sizeof *l->watches);
        for (size_t i = l->n_watches; i < n; i++)
            l->watches[i] = (struct watch){0};
        l->n_watches = n;
    }
    uint32_t number = ++l->last_number;
    struct epoll_event ev = {
        .events = (what & PR_LOOP_READ ? EPOLLIN : 0u) | (what & PR_LOOP_WRITE ? EPOLLOUT : 0u),
        .data.u64 = (uint64_t)number << 32 | (uint32_t)fd};
    bool known = l->watches[fd].ready != NULL;
    int failed = epoll_ctl(l->epoll, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev);
    if (failed && known && errno == ENOENT) /* closed and opened again without our being told */
        failed = epoll_ctl(l->epoll, EPOLL_CTL_ADD, fd, &ev);
    if (failed)
        return pr_fail_errno(e, errno, "cannot watch descriptor %d", fd);
    l->watches[fd] = (struct watch){ready, ctx, what, number};
    return PR_OK;
}

void pr_loop_unwatch(struct pr_loop *l, int fd)
{
    if (fd < 0 || (size_t)fd >= l->n_watches || !l->watches[fd].ready)
        return;
    l->watches[fd] = (struct watch){0};
    epoll_ctl(l->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static void dispatch(struct pr_loop *l, const struct epoll_event *ev)
{
    int fd = (int)(uint32_t)ev->data.u64;
    uint32_t number = (uint32_t)(ev->data.u64 >> 32);
    if ((size_t)fd >= l->n_watches)
        return;
    struct watch w = l->watches[fd];
    if (!w.ready || w.number != number)
        return;
    unsigned what =
        (ev->events & EPOLLIN ? PR_LOOP_READ : 0u) | (ev->events & EPOLLOUT ? PR_LOOP_WRITE : 0u);
    if (ev->events & (EPOLLHUP | EPOLLERR))
        what |= w.what;
    int64_t from = pr_clock_monotonic_ns();
    w.ready(w.ctx, fd, what & w.what);
    note_slow("descriptor", fd, from);
}

/* Timers. */

static void unlink_timer(struct pr_timer *t)
{
    if (!t->next)
        return;
    t->prev->next = t->next;
    t->next->prev = t->prev;
    t->next = t->prev = NULL;
}

static void link_before(struct pr_timer *t, struct pr_timer *at)
{
    t->next = at;
    t->prev = at->prev;
    at->prev->next = t;
    at->prev = t;
}

void pr_timer_set(struct pr_loop *l, struct pr_timer *t, int64_t at_ns)
{
    unlink_timer(t);
    t->at_ns = at_ns > 0 ? at_ns : 1; /* 0 would say that it is not set */
    /* From the end, since a new timer is mostly the last; equal times keep their order. */
    struct pr_timer *after = l->timers.prev;
    while (after != &l->timers && after->at_ns > t->at_ns)
        after = after->prev;
    link_before(t, after->next);
}

void pr_timer_after(struct pr_loop *l, struct pr_timer *t, int64_t ms)
{
    int64_t now = pr_clock_monotonic_ns(), ns;
    if (__builtin_mul_overflow(ms, 1000000, &ns) || __builtin_add_overflow(now, ns, &ns))
        ns = INT64_MAX;
    pr_timer_set(l, t, ns);
}

void pr_timer_stop(struct pr_loop *l, struct pr_timer *t)
{
    (void)l;
    unlink_timer(t);
    t->at_ns = 0;
}

/* Fires what is due now.  What a callback sets anew waits for the next turn, even when it is due at
 * once: descriptors and signals get theirs in between. */
static void fire(struct pr_loop *l)
{
    int64_t now = pr_clock_monotonic_ns();
    while (l->timers.next != &l->timers && l->timers.next->at_ns <= now) {
        struct pr_timer *t = l->timers.next;
        unlink_timer(t);
        link_before(t, &l->due);
    }
    while (l->due.next != &l->due && !l->stop) {
        struct pr_timer *t = l->due.next;
        unlink_timer(t);
        t->at_ns = 0;
        int64_t from = pr_clock_monotonic_ns();
        t->fired(t->ctx);
        note_slow("timer", 0, from);
    }
    /* Stopped in between: what was not fired is due still. */
    while (l->due.prev != &l->due) {
        struct pr_timer *t = l->due.prev;
        unlink_timer(t);
        link_before(t, l->timers.next);
    }
}

static int timeout_ms(const struct pr_loop *l)
{
    int64_t ms = -1;
    if (l->timers.next != &l->timers) {
        int64_t ns = l->timers.next->at_ns - pr_clock_monotonic_ns();
        ms = ns <= 0 ? 0 : ns / 1000000 + (ns % 1000000 != 0);
    }
    if (pr_clock_override && (ms < 0 || ms > OVERRIDE_WAIT_MS))
        ms = OVERRIDE_WAIT_MS;
    return ms > INT_MAX ? INT_MAX : (int)ms;
}

/* Signals. */

static void signals_ready(void *ctx, int fd, unsigned what)
{
    (void)what;
    struct pr_loop *l = ctx;
    struct signalfd_siginfo info;
    while (!l->stop && read(fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo >= _NSIG)
            continue;
        struct signal_watch s = l->by_signal[info.ssi_signo];
        if (s.came)
            s.came(s.ctx, (int)info.ssi_signo);
    }
}

enum pr_code pr_loop_signal(struct pr_loop *l, int signal, void (*came)(void *ctx, int signal),
    void *ctx, struct pr_error *e)
{
    if (signal < 1 || signal >= _NSIG)
        return pr_fail(e, PR_E_USAGE, "there is no signal %d", signal);
    sigaddset(&l->mask, signal);
    int fd = signalfd(l->signals, &l->mask, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return pr_fail_errno(e, errno, "cannot watch signal %d", signal);
    bool first = l->signals < 0;
    l->signals = fd;
    int err = pthread_sigmask(SIG_BLOCK, &l->mask, NULL);
    if (err)
        return pr_fail_errno(e, err, "cannot block signal %d", signal);
    l->by_signal[signal] = (struct signal_watch){came, ctx};
    return first ? pr_loop_watch(l, fd, PR_LOOP_READ, signals_ready, l, e) : PR_OK;
}

/* Words from other threads. */

void pr_loop_post(struct pr_loop *l, void (*call)(void *ctx), void *ctx)
{
    struct post p = {call, ctx};
    pthread_mutex_lock(&l->lock);
    PR_PUSH(l->posts, l->n_posts, l->posts_cap, p);
    pthread_mutex_unlock(&l->lock);
    uint64_t one = 1;
    ssize_t n;
    do
        n = write(l->wake, &one, sizeof one); /* EAGAIN: it is awake already */
    while (n < 0 && errno == EINTR);
}

static void posts_ready(void *ctx, int fd, unsigned what)
{
    (void)what;
    struct pr_loop *l = ctx;
    uint64_t count;
    if (read(fd, &count, sizeof count) < 0) {
        /* Nothing to take back: the list below is what counts. */
    }
    pthread_mutex_lock(&l->lock);
    struct post *posts = l->posts;
    size_t n = l->n_posts;
    l->posts = NULL;
    l->n_posts = l->posts_cap = 0;
    pthread_mutex_unlock(&l->lock);
    for (size_t i = 0; i < n; i++) {
        int64_t from = pr_clock_monotonic_ns();
        posts[i].call(posts[i].ctx);
        note_slow("post", 0, from);
    }
    pr_free(posts);
}

/* The whole. */

enum pr_code pr_loop_new(struct pr_loop **ret, struct pr_error *e)
{
    struct pr_loop *l = pr_zalloc(sizeof *l);
    l->timers.next = l->timers.prev = &l->timers;
    l->due.next = l->due.prev = &l->due;
    sigemptyset(&l->mask);
    pthread_sigmask(SIG_BLOCK, NULL, &l->mask_before);
    pthread_mutex_init(&l->lock, NULL);
    l->signals = -1;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    enum pr_code code = PR_OK;
    if (l->epoll < 0 || l->wake < 0)
        code = pr_fail_errno(e, errno, "cannot make an event loop");
    if (!code)
        code = pr_loop_watch(l, l->wake, PR_LOOP_READ, posts_ready, l, e);
    if (code) {
        pr_loop_free(l);
        return code;
    }
    *ret = l;
    return PR_OK;
}

void pr_loop_free(struct pr_loop *l)
{
    if (!l)
        return;
    if (l->signals >= 0) {
        pthread_sigmask(SIG_SETMASK, &l->mask_before, NULL);
        close(l->signals);
    }
    if (l->wake >= 0)
        close(l->wake);
    if (l->epoll >= 0)
        close(l->epoll);
    pthread_mutex_destroy(&l->lock);
    pr_free(l->posts);
    pr_free(l->watches);
    pr_free(l);
}

int pr_loop_run(struct pr_loop *l)
{
    while (!l->stop) {
        struct epoll_event events[BATCH];
        int n = epoll_wait(l->epoll, events, BATCH, timeout_ms(l));
        for (int i = 0; i < n && !l->stop; i++)
            dispatch(l, &events[i]);
        if (!l->stop)
            fire(l);
    }
    l->stop = false;
    return l->status;
}

void pr_loop_stop(struct pr_loop *l, int status)
{
    l->stop = true;
    l->status = status;
}
