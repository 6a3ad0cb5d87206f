/* The listening sockets, and the thread that accepts for all of them: it shares connections out
 * among the threads that serve, and keeps to the limit. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "http/front_internal.h"

#define BACKLOG  1024
#define FULL_MS  20 /* no room, or no descriptor: tried again after */
#define PER_TURN 64 /* accepted at a socket before the other has its turn */

static enum pr_code explain(
    int err, int which, const struct pr_front_options *o, struct pr_error *e)
{
    int port = o->ports[which].port;
    if (err == EADDRINUSE)
        pr_fail(e, PR_E_IO,
            "port %d is in use by another program: %s takes another one, 0 a free one", port,
            o->ports[which].remedy);
    else
        pr_fail_errno(e, err, "port %d at %s (%s, %s) cannot be listened at", port, o->bind,
            o->ports[which].key, o->bind_key);
    if (e)
        e->sys_errno = err;
    return PR_E_IO;
}

static int open_socket(const struct addrinfo *a)
{
    int on = 1, off = 0;
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    if (!bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, BACKLOG))
        return fd;
    int err = errno;
    close(fd);
    errno = err;
    return -1;
}

static int port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } a;
    socklen_t n = sizeof a;
    memset(&a, 0, sizeof a);
    if (getsockname(fd, &a.any, &n))
        return 0;
    return ntohs(a.any.sa_family == AF_INET6 ? a.v6.sin6_port : a.v4.sin_port);
}

static enum pr_code listen_at(
    struct pr_front *f, int which, const struct pr_front_options *o, struct pr_error *e)
{
    char text[16];
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    snprintf(text, sizeof text, "%d", o->ports[which].port);
    int err = getaddrinfo(o->bind, text, &hints, &found);
    if (err)
        return pr_fail(e, PR_E_USAGE, "%s: '%s' is no address of this machine: %s", o->bind_key,
            o->bind, gai_strerror(err));
    f->listening[which] = open_socket(found);
    err = errno;
    freeaddrinfo(found);
    if (f->listening[which] < 0)
        return explain(err, which, o, e);
    f->ports[which] = port_of(f->listening[which]);
    return PR_OK;
}

enum pr_code pr_front_listen(
    struct pr_front *f, const struct pr_front_options *o, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (int i = 0; i < o->n_ports && !code; i++)
        code = listen_at(f, i, o, e);
    return code;
}

static struct MHD_Daemon *least_busy(const struct pr_front *f)
{
    unsigned best = ~0U;
    struct MHD_Daemon *ret = f->daemons[0];
    for (int i = 0; i < FRONT_THREADS; i++) {
        unsigned n = MHD_get_daemon_info(f->daemons[i], MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
                         ->num_connections;
        if (n < best) {
            best = n;
            ret = f->daemons[i];
        }
    }
    return ret;
}

static void count(struct pr_front *f, int by)
{
    pthread_mutex_lock(&f->lock);
    f->n_conns += (size_t)by;
    pthread_mutex_unlock(&f->lock);
}

static bool is_full(struct pr_front *f)
{
    pthread_mutex_lock(&f->lock);
    bool ret = f->n_conns >= f->max_connections;
    pthread_mutex_unlock(&f->lock);
    return ret;
}

static void set_up(const struct pr_front *f, int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (f->o.send_buffer)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &f->o.send_buffer, sizeof f->o.send_buffer);
}

/* false: there is no descriptor left. */
static bool take_some(struct pr_front *f, int listening)
{
    for (int i = 0; i < PER_TURN && !is_full(f); i++) {
        struct sockaddr_storage a = {0};
        socklen_t n = sizeof a;
        int fd = accept4(listening, (struct sockaddr *)&a, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS;
        set_up(f, fd);
        count(f, 1);
        /* It closes the socket itself where it fails. */
        if (MHD_add_connection(least_busy(f), fd, (struct sockaddr *)&a, n) != MHD_YES)
            count(f, -1);
    }
    return true;
}

void *pr_front_accept(void *ctx)
{
    struct pr_front *f = ctx;
    int64_t ticked = 0;
    bool short_of = false;
    for (;;) {
        bool full = short_of || is_full(f);
        struct pollfd fds[PR_FRONT_PORTS + 1] = {{.fd = f->accepting.wake, .events = POLLIN}};
        for (int i = 0; i < PR_FRONT_PORTS; i++)
            fds[1 + i] = (struct pollfd){.fd = full ? -1 : f->listening[i], .events = POLLIN};
        poll(fds, PR_FRONT_PORTS + 1, full ? FULL_MS : FRONT_TURN_MS);
        if (atomic_load(&f->accepting.over))
            return NULL;
        short_of = false;
        for (int i = 0; i < PR_FRONT_PORTS; i++)
            if (fds[1 + i].revents)
                short_of = !take_some(f, f->listening[i]) || short_of;
        if (full)
            pr_front_reap(f, true);
        int64_t now = pr_clock_monotonic_ns();
        if (f->o.tick && now - ticked >= FRONT_TURN_MS * SECOND_NS / 1000) {
            f->o.tick(f->o.ctx);
            ticked = now;
        }
    }
}
