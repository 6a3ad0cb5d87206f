/* The connections that are open, and their deadlines. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "api/http_internal.h"
#include "base/clock.h"

#define SECOND_NS 1000000000LL

void pr_http_address(const struct sockaddr *a, char ret[PR_HTTP_ADDRESS])
{
    memcpy(ret, "unknown", 8);
    if (a && a->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, ret,
            PR_HTTP_ADDRESS);
    } else if (a && a->sa_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(v6))
            inet_ntop(AF_INET, &v6->s6_addr[12], ret, PR_HTTP_ADDRESS);
        else
            inet_ntop(AF_INET6, v6, ret, PR_HTTP_ADDRESS);
    }
}

struct http_conn *pr_http_conn(struct MHD_Connection *c)
{
    return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

void pr_http_set_deadline(struct http_conn *k, int seconds)
{
    atomic_store(&k->deadline_ns, seconds ? pr_clock_monotonic_ns() + seconds * SECOND_NS : 0);
}

static void begin(struct pr_http *h, struct MHD_Connection *c, void **socket_context)
{
    struct http_conn *k = pr_zalloc(sizeof *k);
    struct sockaddr_storage local = {0};
    socklen_t n = sizeof local;
    k->h = h;
    k->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    pr_http_address(
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr, k->peer);
    bool known = !getsockname(k->fd, (struct sockaddr *)&local, &n);
    pr_http_address(known ? (struct sockaddr *)&local : NULL, k->local);
    k->since_ns = pr_clock_monotonic_ns();
    pr_http_set_deadline(k, PR_HTTP_ARRIVE_S);
    *socket_context = k;
    pthread_mutex_lock(&h->lock);
    k->after = h->conns;
    if (h->conns)
        h->conns->before = k;
    h->conns = k;
    pthread_mutex_unlock(&h->lock);
}

/* Before the socket is closed: under the lock it can be shut down, after this never. */
static void end(struct pr_http *h, struct http_conn *k)
{
    pthread_mutex_lock(&h->lock);
    if (k->before)
        k->before->after = k->after;
    else
        h->conns = k->after;
    if (k->after)
        k->after->before = k->before;
    h->n_conns--;
    pthread_mutex_unlock(&h->lock);
    pr_free(k);
}

void pr_http_on_connection(void *cls, struct MHD_Connection *c, void **socket_context,
    enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        begin(cls, c, socket_context);
    else if (*socket_context)
        end(cls, *socket_context);
}

void pr_http_reap(struct pr_http *h, bool full)
{
    int64_t now = pr_clock_monotonic_ns(), first = INT64_MAX;
    struct http_conn *oldest = NULL;
    pthread_mutex_lock(&h->lock);
    for (struct http_conn *k = h->conns; k; k = k->after) {
        int64_t deadline = atomic_load(&k->deadline_ns);
        if (deadline && now > deadline)
            shutdown(k->fd, SHUT_RDWR);
        else if (full && deadline && deadline < first && now - k->since_ns > SECOND_NS) {
            first = deadline;
            oldest = k;
        }
    }
    if (oldest)
        shutdown(oldest->fd, SHUT_RDWR);
    pthread_mutex_unlock(&h->lock);
}
