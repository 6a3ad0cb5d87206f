/* What the files of the inference server's sockets share. */
#ifndef PR_SERVE_HTTP_INTERNAL_H
#define PR_SERVE_HTTP_INTERNAL_H

#include <stdatomic.h>

#include "base/str.h"
#include "http/front.h"
#include "serve/http.h"

#define SERVE_MAX_HEADER 8192
#define SERVE_BODY_S     30 /* a body to arrive */
#define SERVE_SEND_S     30 /* without a byte of an answer being taken */
/* Bodies that are being read, together: connections are cheap, and each may send 8 MiB. */
#define SERVE_MAX_BODIES ((size_t)256 << 20)
/* What the kernel may hold of an answer: the rest stays where the core can count it. */
#define SERVE_SEND_BUFFER (64 << 10)

/* A request past its headers: k->request. */
struct serve_request {
    enum { SERVE_BODY, SERVE_REFUSED, SERVE_WAITING, SERVE_SENDING } state;
    struct pr_front_conn *k;
    const char *method, *authorization, *content_type,
        *host; /* libmicrohttpd's, until it is over */
    char *path;
    struct pr_str body;
    size_t came;                     /* bytes of it, kept or not */
    size_t held;                     /* … that are counted in h->bodies */
    bool crowded;                    /* there was no room for it */
    struct pr_serve_refusal refusal; /* SERVE_REFUSED */
    struct pr_serve_exchange *x;
};

struct pr_serve_http {
    struct pr_serve_server *server;
    struct pr_front *front;
    _Atomic size_t bodies; /* bytes of all bodies that are being read */
};

/* http_request.c: k->ctx is struct pr_serve_http */
enum MHD_Result pr_serve_http_on_request(
    struct pr_front_conn *k, const char *method, const char *upload, size_t *upload_n);
void pr_serve_http_on_completed(struct pr_front_conn *k);

/* http_reply.c */
/* An error of a request whose body was not, or not wholly, read; r's body is emptied.  The
 * connection ends with it unless `keep`. */
enum MHD_Result pr_serve_http_refuse(
    struct pr_front_conn *k, struct pr_serve_refusal *r, bool keep);
/* What the exchange answers, when it is known: else the connection is parked. */
enum MHD_Result pr_serve_http_answer(struct pr_front_conn *k);

#endif
