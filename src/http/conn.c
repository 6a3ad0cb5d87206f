/* The connections that are open, and their deadlines. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "http/front_internal.h"

static void put_address(const struct sockaddr *a, char ret[PR_FRONT_ADDRESS])
{
    memcpy(ret, "unknown", 8);
    if (a && a->sa_family == AF_INET) {
        inet_ntop(AF_INET, &((const struct sockaddr_in *)(const void *)a)->sin_addr, ret,
            PR_FRONT_ADDRESS);
    } else if (a && a->sa_family == AF_INET6) {
        const struct in6_addr *v6 = &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(v6))
            inet_ntop(AF_INET, &v6->s6_addr[12], ret, PR_FRONT_ADDRESS);
        else
            inet_ntop(AF_INET6, v6, ret, PR_FRONT_ADDRESS);
    }
}

struct front_conn *pr_front_conn_of(struct MHD_Connection *c)
{
    return MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static void set_deadline(struct pr_front_conn *pub, int seconds, bool sending)
{
    struct front_conn *k = (struct front_conn *)pub;
    atomic_store(&k->sending, sending);
    atomic_store(&k->deadline_ns, seconds ? pr_clock_monotonic_ns() + seconds * SECOND_NS : 0);
}

void pr_front_set_deadline(struct pr_front_conn *k, int seconds)
{
    set_deadline(k, seconds, false);
}

void pr_front_set_deadline_sending(struct pr_front_conn *k, int seconds)
{
    set_deadline(k, seconds, true);
}

void pr_front_linger(struct pr_front_conn *pub)
{
    ((struct front_conn *)pub)->linger = true;
}

static void begin(struct pr_front *f, struct MHD_Connection *c, void **socket_context)
{
    struct front_conn *k = pr_zalloc(sizeof *k);
    struct sockaddr_storage local = {0};
    socklen_t n = sizeof local;
    k->f = f;
    k->pub.ctx = f->o.ctx;
    k->pub.c = c;
    k->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    put_address(
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr, k->pub.peer);
    bool known = !getsockname(k->fd, (struct sockaddr *)&local, &n);
    put_address(known ? (struct sockaddr *)&local : NULL, k->pub.local);
    k->since_ns = pr_clock_monotonic_ns();
    pthread_mutex_init(&k->lock, NULL);
    pr_front_set_deadline(&k->pub, PR_FRONT_ARRIVE_S);
    *socket_context = k;
    pthread_mutex_lock(&f->lock);
    k->after = f->conns;
    if (f->conns)
        f->conns->before = k;
    f->conns = k;
    pthread_mutex_unlock(&f->lock);
}

/* Before the socket is closed: under the lock it can be shut down, after this never. */
static void end(struct pr_front *f, struct front_conn *k)
{
    pthread_mutex_lock(&f->lock);
    if (k->before)
        k->before->after = k->after;
    else
        f->conns = k->after;
    if (k->after)
        k->after->before = k->before;
    f->n_conns--;
    if (k->linger)
        pr_front_linger_begin(f, k->fd);
    pthread_mutex_unlock(&f->lock);
    pthread_mutex_destroy(&k->lock);
    pr_free(k);
}

void pr_front_on_connection(void *cls, struct MHD_Connection *c, void **socket_context,
    enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        begin(cls, c, socket_context);
    else if (*socket_context)
        end(cls, *socket_context);
}

void pr_front_reap(struct pr_front *f, bool full)
{
    int64_t now = pr_clock_monotonic_ns(), first = INT64_MAX;
    struct front_conn *oldest = NULL;
    pthread_mutex_lock(&f->lock);
    for (struct front_conn *k = f->conns; k; k = k->after) {
        int64_t deadline = atomic_load(&k->deadline_ns);
        if (deadline && now > deadline)
            shutdown(k->fd, SHUT_RDWR);
        else if (full && deadline && !atomic_load(&k->sending) && deadline < first &&
                 now - k->since_ns > SECOND_NS) {
            first = deadline;
            oldest = k;
        }
    }
    if (oldest)
        shutdown(oldest->fd, SHUT_RDWR);
    pthread_mutex_unlock(&f->lock);
}
