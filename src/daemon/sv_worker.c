/* A thread that does one task after the other, beside the loop.  Finished tasks come back through
 * an eventfd.  The thread shares this structure with its owner and may outlive it by the task at
 * hand: who leaves last frees it. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "daemon/supervisor_internal.h"

#define WAIT_MS 700

struct pr_sv_worker {
    struct pr_loop *loop;
    int nice;
    int event; /* its end is the owner's */
    pthread_t thread;
    bool started;
    /* guarded by lock */
    pthread_mutex_t lock;
    pthread_cond_t work_came, ended_cond;
    struct pr_sv_task *first, **last; /* to be done */
    struct pr_sv_task *done, **done_last;
    bool closed, ended, abandoned, busy; /* busy: a task is being done */
};

static void destroy(struct pr_sv_worker *w)
{
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->work_came);
    pthread_cond_destroy(&w->ended_cond);
    pr_free(w);
}

static void drop(struct pr_sv_task *t)
{
    for (struct pr_sv_task *next; t; t = next) {
        next = t->next;
        t->free(t);
    }
}

/* A task is finished; false: the owner is gone. */
static bool hand_back(struct pr_sv_worker *w, struct pr_sv_task *t)
{
    static const uint64_t one = 1;
    t->next = NULL;
    if (w->closed) {
        t->free(t);
        return false;
    }
    *w->done_last = t;
    w->done_last = &t->next;
    if (write(w->event, &one, sizeof one) < 0 && errno != EAGAIN)
        pr_log(PR_LOG_ERROR, PR_SV_NAME, "worker-event", "errno=%d", errno);
    return true;
}

static void *run(void *arg)
{
    struct pr_sv_worker *w = arg;
    /* Linux keeps this for each thread. */
    setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), w->nice);
    pthread_mutex_lock(&w->lock);
    while (!w->closed) {
        struct pr_sv_task *t = w->first;
        if (!t) {
            pthread_cond_wait(&w->work_came, &w->lock);
            continue;
        }
        w->first = t->next;
        if (!w->first)
            w->last = &w->first;
        w->busy = true;
        pthread_mutex_unlock(&w->lock);
        t->work(t);
        pthread_mutex_lock(&w->lock);
        w->busy = false;
        pthread_cond_signal(&w->ended_cond);
        if (!hand_back(w, t))
            break;
    }
    w->ended = true;
    bool abandoned = w->abandoned;
    pthread_cond_signal(&w->ended_cond);
    pthread_mutex_unlock(&w->lock);
    if (abandoned)
        destroy(w);
    return NULL;
}

static void deliver_all(struct pr_sv_worker *w)
{
    pthread_mutex_lock(&w->lock);
    struct pr_sv_task *t = w->done;
    w->done = NULL;
    w->done_last = &w->done;
    pthread_mutex_unlock(&w->lock);
    for (struct pr_sv_task *next; t; t = next) {
        next = t->next;
        t->done(t);
        t->free(t);
    }
}

static void deliver(void *ctx, int fd, unsigned what)
{
    (void)what;
    uint64_t n;
    if (read(fd, &n, sizeof n) >= 0)
        deliver_all(ctx);
}

enum pr_code pr_sv_worker_new(
    struct pr_loop *loop, int nice, struct pr_sv_worker **ret, struct pr_error *e)
{
    int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (event < 0)
        return pr_fail_errno(e, errno, "eventfd");
    struct pr_sv_worker *w = pr_zalloc(sizeof *w);
    *w = (struct pr_sv_worker){.loop = loop, .nice = nice, .event = event};
    w->last = &w->first;
    w->done_last = &w->done;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->work_came, NULL);
    pthread_cond_init(&w->ended_cond, &attr);
    pthread_condattr_destroy(&attr);
    enum pr_code code = pr_loop_watch(loop, event, PR_LOOP_READ, deliver, w, e);
    if (code) {
        close(event);
        destroy(w);
        return code;
    }
    *ret = w;
    return PR_OK;
}

/* All signals are the loop's. */
static bool start(struct pr_sv_worker *w)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    w->started = !pthread_create(&w->thread, NULL, run, w);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return w->started;
}

void pr_sv_worker_put(struct pr_sv_worker *w, struct pr_sv_task *t)
{
    t->next = NULL;
    if (!w->started && !start(w)) { /* then here and now, slowly */
        t->work(t);
        pthread_mutex_lock(&w->lock);
        hand_back(w, t);
        pthread_mutex_unlock(&w->lock);
        return;
    }
    pthread_mutex_lock(&w->lock);
    *w->last = t;
    w->last = &t->next;
    pthread_cond_signal(&w->work_came);
    pthread_mutex_unlock(&w->lock);
}

static struct timespec in_ms(int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += (long)(ms % 1000) * 1000000L;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return until;
}

void pr_sv_worker_drain(struct pr_sv_worker *w, int64_t ms)
{
    struct timespec until = in_ms(ms);
    pthread_mutex_lock(&w->lock);
    while ((w->busy || w->first) && !pthread_cond_timedwait(&w->ended_cond, &w->lock, &until))
        ;
    pthread_mutex_unlock(&w->lock);
    deliver_all(w);
}

/* Waits for the thread's end; false: it takes longer than it may. */
static bool wait_ended(struct pr_sv_worker *w)
{
    struct timespec until = in_ms(WAIT_MS);
    while (!w->ended && !pthread_cond_timedwait(&w->ended_cond, &w->lock, &until))
        ;
    return w->ended;
}

void pr_sv_worker_free(struct pr_sv_worker *w)
{
    if (!w)
        return;
    pr_loop_unwatch(w->loop, w->event);
    pthread_mutex_lock(&w->lock);
    w->closed = true;
    drop(w->first);
    drop(w->done);
    w->first = w->done = NULL;
    pthread_cond_signal(&w->work_came);
    bool over = !w->started || wait_ended(w);
    w->abandoned = !over;
    pthread_t thread = w->thread;
    int event = w->event;
    pthread_mutex_unlock(&w->lock);
    close(event);
    if (!over) { /* w is the thread's now */
        pthread_detach(thread);
        return;
    }
    if (w->started)
        pthread_join(thread, NULL);
    destroy(w);
}
