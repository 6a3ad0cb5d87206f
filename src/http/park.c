/* Requests that wait for another thread.  libmicrohttpd does not look at a connection that is
 * suspended: a thread of ours does, so that nobody computes an answer for a client that has gone.
 *
 * Locks: f->lock, then a connection's, then libmicrohttpd's own.  The callers' locks come before
 * all of them (they call pr_front_wake), and none is held while a caller is called. */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "http/front_internal.h"

#define PER_TURN  64
#define LINGER_MS 20 /* between two looks at what is read empty */

/* ---- on the thread that serves the connection ---- */

void pr_front_watch(struct pr_front_conn *pub)
{
    struct front_conn *k = (struct front_conn *)pub;
    /* Once: an error would be told again and again until libmicrohttpd has closed it. */
    struct epoll_event event = {.events = EPOLLRDHUP | EPOLLONESHOT, .data.ptr = k};
    if (!k->watched)
        k->watched = !epoll_ctl(k->f->epoll, EPOLL_CTL_ADD, k->fd, &event);
}

/* Under the lock: no event of it is being looked at, and none comes after. */
void pr_front_unwatch(struct front_conn *k)
{
    if (!k->watched)
        return;
    pthread_mutex_lock(&k->f->lock);
    epoll_ctl(k->f->epoll, EPOLL_CTL_DEL, k->fd, NULL);
    pthread_mutex_unlock(&k->f->lock);
    k->watched = false;
}

bool pr_front_look(struct pr_front_conn *pub)
{
    struct front_conn *k = (struct front_conn *)pub;
    pthread_mutex_lock(&k->lock);
    k->woken = false;
    bool there = !k->gone && !atomic_load(&k->f->ending);
    pthread_mutex_unlock(&k->lock);
    return there;
}

bool pr_front_park(struct pr_front_conn *pub)
{
    struct front_conn *k = (struct front_conn *)pub;
    pthread_mutex_lock(&k->lock);
    bool ret = !k->woken && !k->gone && !atomic_load(&k->f->ending);
    if (ret) {
        k->parked = true;
        MHD_suspend_connection(k->pub.c);
    }
    pthread_mutex_unlock(&k->lock);
    return ret;
}

/* ---- on any thread ---- */

/* With k->lock held. */
static void resume(struct front_conn *k)
{
    k->woken = true;
    if (!k->parked)
        return;
    k->parked = false;
    MHD_resume_connection(k->pub.c);
}

void pr_front_wake(struct pr_front_conn *pub)
{
    struct front_conn *k = (struct front_conn *)pub;
    pthread_mutex_lock(&k->lock);
    resume(k);
    pthread_mutex_unlock(&k->lock);
}

/* With f->lock held, so that neither k nor its descriptor goes away. */
static void cut(struct front_conn *k)
{
    pthread_mutex_lock(&k->lock);
    k->gone = true;
    shutdown(k->fd, SHUT_RDWR); /* one that is just being written to is closed by this */
    resume(k);
    pthread_mutex_unlock(&k->lock);
}

void pr_front_cut_all(struct pr_front *f)
{
    atomic_store(&f->ending, true);
    pthread_mutex_lock(&f->lock);
    for (struct front_conn *k = f->conns; k; k = k->after)
        cut(k);
    pthread_mutex_unlock(&f->lock);
}

/* ---- the thread ---- */

static void take_events(struct pr_front *f)
{
    struct epoll_event events[PER_TURN];
    pthread_mutex_lock(&f->lock);
    int n = epoll_wait(f->epoll, events, PER_TURN, 0);
    for (int i = 0; i < n; i++)
        cut(events[i].data.ptr);
    pthread_mutex_unlock(&f->lock);
}

void *pr_front_watch_all(void *ctx)
{
    struct pr_front *f = ctx;
    bool lingering = false;
    int64_t reaped = 0;
    eventfd_t woken;
    for (;;) {
        struct pollfd fds[] = {
            {.fd = f->watching.wake, .events = POLLIN}, {.fd = f->epoll, .events = POLLIN}};
        poll(fds, 2, lingering ? LINGER_MS : FRONT_TURN_MS);
        if (fds[0].revents)
            eventfd_read(f->watching.wake, &woken);
        if (atomic_load(&f->watching.over))
            return NULL;
        if (fds[1].revents)
            take_events(f);
        lingering = pr_front_linger_turn(f);
        int64_t now = pr_clock_monotonic_ns();
        if (now - reaped >= FRONT_TURN_MS * SECOND_NS / 1000) {
            pr_front_reap(f, false);
            reaped = now;
        }
    }
}
