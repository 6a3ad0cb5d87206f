/* The sockets of the inference server: HTTP/1.1, with or without TLS, for the core of
 * serve/server.h.
 *
 * - What pr_serve_server_check refuses is answered without a byte of its body being read, and ends
 *   its connection when there was to be one.
 * - Times: 10 s for a request's headers, 30 s for its body, 30 s between two requests, and 30 s in
 *   which the next piece of an answer (16 KiB at most) is not taken.  An answer as a whole may take
 *   as long as it likes: that is the core's to limit.
 * - Bodies that are under way may hold 256 MiB together; what is more is answered with 503.
 * - Where there are max_connections, one that waits for its next request makes room.
 * - A client that goes away while its answer is computed has its exchange freed within some tenths
 *   of a second.  One that only ends its own side (shutdown(SHUT_WR)) counts as gone. */
#ifndef PR_SERVE_HTTP_H
#define PR_SERVE_HTTP_H

#include "serve/server.h"

struct pr_serve_http_options {
    const char *bind;                      /* NULL: 127.0.0.1 */
    int port;                              /* 0: a free one */
    const char *tls_certificate, *tls_key; /* files in PEM; both or neither */
    size_t max_connections;                /* 0: 1024; fewer where descriptors do not allow it */
};

struct pr_serve_http;
/* Listens and serves, on threads of its own.  s is borrowed, options are copied.  PR_E_IO with
 * EADDRINUSE names the port. */
PR_MUST_CHECK enum pr_code pr_serve_http_new(struct pr_serve_server *s,
    const struct pr_serve_http_options *o, struct pr_serve_http **ret, struct pr_error *e);
int pr_serve_http_port(const struct pr_serve_http *h);
bool pr_serve_http_tls(const struct pr_serve_http *h);
/* The connections that it takes at most: less than was asked for where the limit of descriptors is
 * too low. */
size_t pr_serve_http_max_connections(const struct pr_serve_http *h);
/* Accepts no more connections; those that there are go on.  To end in order: this,
 * pr_serve_server_drain, pr_serve_http_free, pr_serve_server_free. */
void pr_serve_http_stop(struct pr_serve_http *h);
/* Cuts the connections that are left and frees their exchanges; also without a stop before. */
void pr_serve_http_free(struct pr_serve_http *h); /* NULL is fine */

#endif
