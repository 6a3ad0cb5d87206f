/* What the files of the HTTP side share. */
#ifndef PR_API_HTTP_INTERNAL_H
#define PR_API_HTTP_INTERNAL_H

#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "api/http.h"
#include "base/str.h"

#define PR_HTTP_THREADS 2
#define PR_HTTP_ADDRESS 64

/* An absolute time for each part of a request, since a client that sends or reads a byte a second
 * is active for ever.  In seconds. */
#define PR_HTTP_ARRIVE_S 10  /* headers; then the body */
#define PR_HTTP_IDLE_S   30  /* between two requests, until the next one's headers are complete */
#define PR_HTTP_SEND_S   120 /* an answer to be read */
#define PR_HTTP_QUIET_S  60  /* without a byte either way: libmicrohttpd's own timeout */

/* A request that outlives the first call of its handler. */
struct http_request {
    enum { HTTP_BODY, HTTP_WORKING, HTTP_ANSWERED, HTTP_REFUSED } state;
    struct pr_api_call call;
    struct pr_api_request q;
    struct pr_str body;
    size_t came;                /* bytes of the body, kept or not */
    struct pr_api_reply reply;  /* HTTP_REFUSED */
    struct pr_api_blob *answer; /* HTTP_ANSWERED: written by a worker before it resumes */
    struct MHD_Connection *c;
};

struct http_conn {
    struct pr_http *h;
    struct http_conn *before, *after; /* guarded by h->lock */
    int fd;
    _Atomic int64_t deadline_ns; /* 0: none; past it the socket is shut down */
    int64_t since_ns;
    /* Of the thread that serves it. */
    char peer[PR_HTTP_ADDRESS], local[PR_HTTP_ADDRESS];
    char *uri;
    bool complete; /* the whole request is there */
    struct http_request *r;
    struct pr_api_blob *sending; /* its bytes are in use until the request is over */
};

struct pr_http {
    struct pr_api *api;
    const struct pr_config *config;
    struct MHD_Daemon *daemons[PR_HTTP_THREADS];
    char *certificate, *key; /* PEM; NULL: no TLS */
    int listening[PR_HTTP_PORTS], ports[PR_HTTP_PORTS];
    int wake; /* eventfd: ends the thread that accepts */
    pthread_t thread;
    bool started;
    size_t max_connections;
    pthread_mutex_t lock;    /* guards what follows */
    struct http_conn *conns; /* those that libmicrohttpd has begun with */
    size_t n_conns;          /* accepted and not closed */
};

/* http_conn.c */
void pr_http_on_connection(void *cls, struct MHD_Connection *c, void **socket_context,
    enum MHD_ConnectionNotificationCode code);
struct http_conn *pr_http_conn(struct MHD_Connection *c);
void pr_http_set_deadline(struct http_conn *k, int seconds); /* 0: none */
/* Shuts down what is past its deadline; when `full`, also the one that has been waiting longest for
 * a request to come, if that is a second or more. */
void pr_http_reap(struct pr_http *h, bool full);
void pr_http_address(const struct sockaddr *a, char ret[PR_HTTP_ADDRESS]);

/* http_request.c */
enum MHD_Result pr_http_on_request(void *cls, struct MHD_Connection *c, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_n, void **context);
void *pr_http_on_uri(void *cls, const char *uri, struct MHD_Connection *c);
void pr_http_on_completed(
    void *cls, struct MHD_Connection *c, void **context, enum MHD_RequestTerminationCode code);

/* http_reply.c */
enum MHD_Result pr_http_send(struct MHD_Connection *c, struct http_conn *k, struct pr_api_reply *r);
/* The headers of every answer. */
void pr_http_secure(struct MHD_Response *m, bool page);

/* http_stream.c */
enum MHD_Result pr_http_stream(
    struct MHD_Connection *c, struct http_conn *k, const struct pr_api_call *call);

/* http_listen.c */
PR_MUST_CHECK enum pr_code pr_http_listen(struct pr_http *h, struct pr_error *e);
void *pr_http_accept(void *h); /* the thread */

#endif
