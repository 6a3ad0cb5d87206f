/* The listening sockets, and the thread that accepts for both: it shares connections out among the
 * threads that serve, keeps to the limit, and ends those that are too slow. */
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/http_internal.h"
#include "base/clock.h"

#define BACKLOG   1024
#define TURN_MS   500 /* between two looks at the deadlines */
#define FULL_MS   20  /* no room, or no descriptor: tried again after */
#define PER_TURN  64  /* accepted at a socket before the other has its turn */
#define SECOND_NS 1000000000LL

static const struct {
    const char *key, *option;
} port_names[PR_HTTP_PORTS] = {{"api.port", "--port"}, {"api.page_port", "--page-port"}};

static enum pr_code explain(int err, int port, int which, const char *bind, struct pr_error *e)
{
    if (err == EADDRINUSE)
        pr_fail(e, PR_E_IO,
            "port %d is in use by another program: %s of proctor.yaml (or %s) takes another one, 0 "
            "a free one",
            port, port_names[which].key, port_names[which].option);
    else
        pr_fail_errno(e, err, "port %d at %s (%s, api.bind) cannot be listened at", port, bind,
            port_names[which].key);
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

static enum pr_code listen_at(struct pr_http *h, int which, int port, struct pr_error *e)
{
    char text[16];
    const char *bind = h->config->api.bind;
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE}, *found = NULL;
    snprintf(text, sizeof text, "%d", port);
    int err = getaddrinfo(bind, text, &hints, &found);
    if (err)
        return pr_fail(e, PR_E_USAGE, "api.bind: '%s' is no address of this machine: %s", bind,
            gai_strerror(err));
    h->listening[which] = open_socket(found);
    err = errno;
    freeaddrinfo(found);
    if (h->listening[which] < 0)
        return explain(err, port, which, bind, e);
    h->ports[which] = port_of(h->listening[which]);
    return PR_OK;
}

enum pr_code pr_http_listen(struct pr_http *h, struct pr_error *e)
{
    enum pr_code code = listen_at(h, PR_HTTP_API, (int)h->config->api.port, e);
    return code ? code : listen_at(h, PR_HTTP_PAGE, (int)h->config->api.page_port, e);
}

static struct MHD_Daemon *least_busy(const struct pr_http *h)
{
    unsigned best = ~0U;
    struct MHD_Daemon *ret = h->daemons[0];
    for (int i = 0; i < PR_HTTP_THREADS; i++) {
        unsigned n = MHD_get_daemon_info(h->daemons[i], MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
                         ->num_connections;
        if (n < best) {
            best = n;
            ret = h->daemons[i];
        }
    }
    return ret;
}

static void count(struct pr_http *h, int by)
{
    pthread_mutex_lock(&h->lock);
    h->n_conns += (size_t)by;
    pthread_mutex_unlock(&h->lock);
}

static bool is_full(struct pr_http *h)
{
    pthread_mutex_lock(&h->lock);
    bool ret = h->n_conns >= h->max_connections;
    pthread_mutex_unlock(&h->lock);
    return ret;
}

/* false: there is no descriptor left. */
static bool take_some(struct pr_http *h, int listening)
{
    int on = 1;
    for (int i = 0; i < PER_TURN && !is_full(h); i++) {
        struct sockaddr_storage a = {0};
        socklen_t n = sizeof a;
        int fd = accept4(listening, (struct sockaddr *)&a, &n, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0)
            return errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        count(h, 1);
        /* It closes the socket itself where it fails. */
        if (MHD_add_connection(least_busy(h), fd, (struct sockaddr *)&a, n) != MHD_YES)
            count(h, -1);
    }
    return true;
}

void *pr_http_accept(void *ctx)
{
    struct pr_http *h = ctx;
    int64_t ticked = 0;
    bool short_of = false;
    for (;;) {
        bool full = short_of || is_full(h);
        struct pollfd fds[PR_HTTP_PORTS + 1] = {{.fd = h->wake, .events = POLLIN}};
        for (int i = 0; i < PR_HTTP_PORTS; i++)
            fds[1 + i] = (struct pollfd){.fd = full ? -1 : h->listening[i], .events = POLLIN};
        poll(fds, PR_HTTP_PORTS + 1, full ? FULL_MS : TURN_MS);
        if (fds[0].revents)
            return NULL;
        short_of = false;
        for (int i = 0; i < PR_HTTP_PORTS; i++)
            if (fds[1 + i].revents)
                short_of = !take_some(h, h->listening[i]) || short_of;
        int64_t now = pr_clock_monotonic_ns();
        if (full || now - ticked >= TURN_MS * SECOND_NS / 1000)
            pr_http_reap(h, full);
        if (now - ticked >= TURN_MS * SECOND_NS / 1000) {
            pr_api_events_tick(pr_api_events_of(h->api));
            ticked = now;
        }
    }
}
