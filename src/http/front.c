/* See front.h. */
#include "http/front.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/alloc.h"
#include "http/front_internal.h"

#define OTHER_FILES 256 /* descriptors that are no connections */
/* What libmicrohttpd notes of a request's headers, and the answer's headers. */
#define NOTES 4096

/* The limit is kept where connections are accepted: libmicrohttpd 0.9.75 that reaches its own one
 * keeps a lock for ever. */
#define MHD_LIMIT 1000000U

/* The usual soft limit of 1024 is for programs that use select(); we do not. */
static void raise_limit(struct pr_front *f)
{
    struct rlimit l;
    size_t need = f->max_connections + OTHER_FILES;
    if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur == RLIM_INFINITY || l.rlim_cur >= need)
        return;
    l.rlim_cur = l.rlim_max == RLIM_INFINITY || l.rlim_max >= need ? need : l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= need)
        return;
    f->max_connections =
        l.rlim_cur > 2 * OTHER_FILES ? (size_t)l.rlim_cur - OTHER_FILES : OTHER_FILES;
}

/* ---- libmicrohttpd ---- */

/* Malformed requests are the client's affair: they are answered, not logged. */
static void hush(void *cls, const char *fmt, va_list ap)
{
    (void)cls;
    (void)fmt;
    (void)ap;
}

/* A path may hold anything: it is decoded by the caller, once it is known what it is. */
static size_t leave(void *cls, struct MHD_Connection *c, char *s)
{
    (void)cls;
    (void)c;
    return strlen(s);
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *c)
{
    struct front_conn *k = pr_front_conn_of(c);
    (void)cls;
    pr_free(k->pub.uri);
    k->pub.uri = pr_strdup(uri);
    return NULL;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_n, void **context)
{
    const struct pr_front *f = cls;
    (void)url;
    (void)version;
    (void)context;
    return f->o.request(&pr_front_conn_of(c)->pub, method, upload, upload_n);
}

static void on_completed(
    void *cls, struct MHD_Connection *c, void **context, enum MHD_RequestTerminationCode code)
{
    const struct pr_front *f = cls;
    struct front_conn *k = pr_front_conn_of(c);
    (void)context;
    (void)code;
    f->o.completed(&k->pub);
    pr_front_unwatch(k);
    pr_free(k->pub.uri);
    k->pub.uri = NULL;
    k->pub.complete = false;
    pr_front_set_deadline(&k->pub, PR_FRONT_IDLE_S);
}

static struct MHD_Daemon *start_one(struct pr_front *f)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET |
                     MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG |
                     (f->certificate ? MHD_USE_TLS : 0U);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, f->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, f->key}, {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, f, MHD_OPTION_EXTERNAL_LOGGER, hush,
        NULL, /* first: errors of the others go there */
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, f->o.max_header + NOTES, MHD_OPTION_CONNECTION_LIMIT,
        MHD_LIMIT, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)PR_FRONT_QUIET_S,
        MHD_OPTION_NOTIFY_CONNECTION, pr_front_on_connection, f, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, f, MHD_OPTION_URI_LOG_CALLBACK, on_uri, f, MHD_OPTION_UNESCAPE_CALLBACK,
        leave, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_ARRAY, f->certificate ? tls : none,
        MHD_OPTION_END);
}

/* ---- the threads ---- */

static enum pr_code start_thread(
    struct pr_front *f, struct front_thread *t, void *(*run)(void *), struct pr_error *e)
{
    t->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int err = t->wake < 0 ? errno : pthread_create(&t->id, NULL, run, f);
    t->started = !err;
    return err ? pr_fail_errno(e, err, "a thread for connections cannot be started") : PR_OK;
}

static void end_thread(struct front_thread *t)
{
    if (t->started) {
        atomic_store(&t->over, true);
        eventfd_write(t->wake, 1);
        pthread_join(t->id, NULL);
        t->started = false;
    }
}

static enum pr_code start(struct pr_front *f, const struct pr_front_options *o, struct pr_error *e)
{
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (f->epoll < 0)
        return pr_fail_errno(e, errno, "connections cannot be watched");
    for (int i = 0; i < FRONT_THREADS; i++) {
        f->daemons[i] = start_one(f);
        if (!f->daemons[i] && f->certificate)
            return pr_fail(e, PR_E_IO,
                "libmicrohttpd does not start: are %s and %s a pair, in PEM?",
                o->tls_certificate_name, o->tls_key_name);
        if (!f->daemons[i])
            return pr_fail(e, PR_E_IO, "libmicrohttpd does not start");
    }
    enum pr_code code = start_thread(f, &f->watching, pr_front_watch_all, e);
    return code ? code : start_thread(f, &f->accepting, pr_front_accept, e);
}

/* ---- from outside ---- */

enum pr_code pr_front_new(
    const struct pr_front_options *o, struct pr_front **ret, struct pr_error *e)
{
    struct pr_front *f = pr_zalloc(sizeof *f);
    f->o = *o;
    f->epoll = f->accepting.wake = f->watching.wake = -1;
    for (int i = 0; i < PR_FRONT_PORTS; i++)
        f->listening[i] = -1;
    for (int i = 0; i < FRONT_LINGER; i++)
        f->lingering[i].fd = -1;
    f->max_connections = o->max_connections;
    pthread_mutex_init(&f->lock, NULL);
    enum pr_code code = pr_front_read_tls(f, o, e);
    if (!code)
        code = pr_front_listen(f, o, e);
    if (!code) {
        raise_limit(f);
        code = start(f, o, e);
    }
    if (code) {
        pr_front_free(f);
        return code;
    }
    *ret = f;
    return PR_OK;
}

void pr_front_stop(struct pr_front *f)
{
    end_thread(&f->accepting);
    for (int i = 0; i < PR_FRONT_PORTS; i++) {
        if (f->listening[i] >= 0)
            close(f->listening[i]);
        f->listening[i] = -1;
    }
}

void pr_front_free(struct pr_front *f)
{
    if (!f)
        return;
    pr_front_stop(f);
    end_thread(&f->watching);
    pr_front_cut_all(f);
    for (int i = 0; i < FRONT_THREADS; i++)
        if (f->daemons[i])
            MHD_stop_daemon(f->daemons[i]);
    pr_front_linger_done(f);
    int fds[] = {f->accepting.wake, f->watching.wake, f->epoll};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    if (f->key)
        explicit_bzero(f->key, strlen(f->key));
    pr_free(f->key);
    pr_free(f->certificate);
    pthread_mutex_destroy(&f->lock);
    pr_free(f);
}

int pr_front_port(const struct pr_front *f, int which)
{
    return f->ports[which];
}

bool pr_front_tls(const struct pr_front *f)
{
    return f->certificate != NULL;
}

size_t pr_front_max_connections(const struct pr_front *f)
{
    return f->max_connections;
}
