/* See http.h. */
#include "api/http.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/http_internal.h"
#include "base/file.h"
#include "daemon/log.h"

#define MAX_PEM     ((size_t)1 << 20)
#define OTHER_FILES 256 /* descriptors that are no connections */
/* For headers of 8 KiB, what libmicrohttpd notes of them, and the answer's headers. */
#define CONNECTION_MEMORY (PR_API_MAX_HEADER + 4096)

/* The limit is kept where connections are accepted: libmicrohttpd 0.9.75 that reaches its own one
 * keeps a lock for ever. */
#define MHD_LIMIT 1000000U

/* ---- what is needed first ---- */

static enum pr_code read_pem(const char *path, bool secret, char **ret, struct pr_error *e)
{
    struct stat st;
    size_t n;
    if (secret && !stat(path, &st) && (st.st_mode & (S_IRWXG | S_IRWXO)))
        return pr_fail(e, PR_E_USAGE,
            "api.tls_key: %s: others may read it (mode %03o): chmod 600 it", path,
            (unsigned)(st.st_mode & 0777));
    enum pr_code code = pr_file_read(AT_FDCWD, path, MAX_PEM, ret, &n, e);
    return code ? pr_wrap(e, code, secret ? "api.tls_key" : "api.tls_certificate") : PR_OK;
}

static enum pr_code read_tls(struct pr_http *h, struct pr_error *e)
{
    const char *certificate = h->config->api.tls_certificate, *key = h->config->api.tls_key;
    if (!certificate && !key)
        return PR_OK;
    if (!certificate || !key)
        return pr_fail(e, PR_E_USAGE,
            "api.tls_certificate and api.tls_key belong together: %s is missing",
            certificate ? "api.tls_key" : "api.tls_certificate");
    if (MHD_is_feature_supported(MHD_FEATURE_TLS) != MHD_YES)
        return pr_fail(e, PR_E_UNSUPPORTED,
            "api.tls_certificate: this machine's libmicrohttpd was built without TLS");
    enum pr_code code = read_pem(certificate, false, &h->certificate, e);
    return code ? code : read_pem(key, true, &h->key, e);
}

/* The usual soft limit of 1024 is for programs that use select(); we do not. */
static void raise_limit(struct pr_http *h)
{
    struct rlimit l;
    size_t need = h->max_connections + OTHER_FILES;
    if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur == RLIM_INFINITY || l.rlim_cur >= need)
        return;
    l.rlim_cur = l.rlim_max == RLIM_INFINITY || l.rlim_max >= need ? need : l.rlim_max;
    setrlimit(RLIMIT_NOFILE, &l);
    if (getrlimit(RLIMIT_NOFILE, &l) || l.rlim_cur >= need)
        return;
    size_t most = l.rlim_cur > 2 * OTHER_FILES ? (size_t)l.rlim_cur - OTHER_FILES : OTHER_FILES;
    pr_log(PR_LOG_WARN, "api", "descriptors", "limit=%zu max_connections=%zu instead_of=%zu",
        (size_t)l.rlim_cur, most, h->max_connections);
    h->max_connections = most;
}

/* ---- libmicrohttpd ---- */

/* Malformed requests are the client's affair: they are answered, not logged. */
static void hush(void *cls, const char *fmt, va_list ap)
{
    (void)cls;
    (void)fmt;
    (void)ap;
}

/* A path may hold anything: it is decoded by request.c, once it is known what it is. */
static size_t leave(void *cls, struct MHD_Connection *c, char *s)
{
    (void)cls;
    (void)c;
    return strlen(s);
}

static struct MHD_Daemon *start_one(struct pr_http *h)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET |
                     MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG |
                     (h->certificate ? MHD_USE_TLS : 0U);
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, h->certificate},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, h->key}, {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(flags, 0, NULL, NULL, pr_http_on_request, h, MHD_OPTION_EXTERNAL_LOGGER,
        hush, NULL, /* first: errors of the others go there */
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_CONNECTION_LIMIT,
        MHD_LIMIT, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)PR_HTTP_QUIET_S,
        MHD_OPTION_NOTIFY_CONNECTION, pr_http_on_connection, h, MHD_OPTION_NOTIFY_COMPLETED,
        pr_http_on_completed, h, MHD_OPTION_URI_LOG_CALLBACK, pr_http_on_uri, h,
        MHD_OPTION_UNESCAPE_CALLBACK, leave, NULL, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_ARRAY, h->certificate ? tls : none, MHD_OPTION_END);
}

static enum pr_code start(struct pr_http *h, struct pr_error *e)
{
    for (int i = 0; i < PR_HTTP_THREADS; i++) {
        h->daemons[i] = start_one(h);
        if (!h->daemons[i])
            return pr_fail(e, PR_E_IO, "libmicrohttpd does not start%s",
                h->certificate ? ": are api.tls_certificate and api.tls_key a pair, in PEM?" : "");
    }
    h->wake = eventfd(0, EFD_CLOEXEC);
    int err = h->wake < 0 ? errno : pthread_create(&h->thread, NULL, pr_http_accept, h);
    h->started = !err;
    return err ? pr_fail_errno(e, err, "the API's thread cannot be started") : PR_OK;
}

enum pr_code pr_http_new(
    struct pr_api *api, const struct pr_config *config, struct pr_http **ret, struct pr_error *e)
{
    struct pr_http *h = pr_zalloc(sizeof *h);
    h->api = api;
    h->config = config;
    h->wake = h->listening[0] = h->listening[1] = -1;
    h->max_connections = (size_t)config->api.max_connections;
    pthread_mutex_init(&h->lock, NULL);
    enum pr_code code = read_tls(h, e);
    if (!code)
        code = pr_http_listen(h, e);
    if (!code) {
        raise_limit(h);
        code = start(h, e);
    }
    if (code) {
        pr_http_stop(h);
        pr_http_free(h);
        return code;
    }
    *ret = h;
    return PR_OK;
}

void pr_http_stop(struct pr_http *h)
{
    if (h->started) {
        eventfd_write(h->wake, 1);
        pthread_join(h->thread, NULL);
        h->started = false;
    }
    for (int i = 0; i < PR_HTTP_PORTS; i++) {
        if (h->listening[i] >= 0)
            close(h->listening[i]);
        h->listening[i] = -1;
    }
}

void pr_http_free(struct pr_http *h)
{
    if (!h)
        return;
    for (int i = 0; i < PR_HTTP_THREADS; i++)
        if (h->daemons[i])
            MHD_stop_daemon(h->daemons[i]);
    if (h->wake >= 0)
        close(h->wake);
    if (h->key)
        explicit_bzero(h->key, strlen(h->key));
    pr_free(h->key);
    pr_free(h->certificate);
    pthread_mutex_destroy(&h->lock);
    pr_free(h);
}

int pr_http_port(const struct pr_http *h, enum pr_http_port which)
{
    return h->ports[which];
}

bool pr_http_tls(const struct pr_http *h)
{
    return h->certificate != NULL;
}
