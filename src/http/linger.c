/* Connections that were answered before all of their request had come.  A socket that is closed
 * with bytes unread resets its connection, and the client may lose the answer to that: so a second
 * descriptor keeps it open, for a moment, and what comes is thrown away. */
#include <errno.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/front_internal.h"

#define LINGER_S  2
#define PER_TURN  16 /* blocks */
#define BLOCK     16384
#define MOST_READ ((size_t)16 << 20)

void pr_front_linger_begin(struct pr_front *f, int fd)
{
    for (int i = 0; i < FRONT_LINGER; i++) {
        struct front_linger *l = &f->lingering[i];
        if (l->fd >= 0)
            continue;
        *l = (struct front_linger){.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0),
            .until_ns = pr_clock_monotonic_ns() + LINGER_S * SECOND_NS,
            .left = MOST_READ};
        if (l->fd >= 0)
            shutdown(l->fd, SHUT_WR); /* or the client would wait for more of the answer */
        eventfd_write(f->watching.wake, 1);
        return;
    }
}

/* false: it is over. */
static bool read_some(struct front_linger *l)
{
    char block[BLOCK];
    for (int i = 0; i < PER_TURN && l->left; i++) {
        ssize_t n = recv(l->fd, block, sizeof block, MSG_DONTWAIT);
        if (n < 0)
            return pr_clock_monotonic_ns() < l->until_ns && (errno == EAGAIN || errno == EINTR);
        if (!n)
            return false;
        l->left -= (size_t)n < l->left ? (size_t)n : l->left;
    }
    return l->left && pr_clock_monotonic_ns() < l->until_ns;
}

bool pr_front_linger_turn(struct pr_front *f)
{
    bool any = false;
    pthread_mutex_lock(&f->lock);
    for (int i = 0; i < FRONT_LINGER; i++) {
        struct front_linger *l = &f->lingering[i];
        if (l->fd >= 0 && !read_some(l)) {
            close(l->fd);
            l->fd = -1;
        }
        any = any || l->fd >= 0;
    }
    pthread_mutex_unlock(&f->lock);
    return any;
}

void pr_front_linger_done(struct pr_front *f)
{
    for (int i = 0; i < FRONT_LINGER; i++)
        if (f->lingering[i].fd >= 0)
            close(f->lingering[i].fd);
}
