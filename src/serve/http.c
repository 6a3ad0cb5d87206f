/* See http.h. */
#include "serve/http.h"

#include "base/alloc.h"
#include "serve/http_internal.h"

#define DEFAULT_CONNECTIONS 1024

enum pr_code pr_serve_http_new(struct pr_serve_server *s, const struct pr_serve_http_options *o,
    struct pr_serve_http **ret, struct pr_error *e)
{
    struct pr_serve_http *h = pr_zalloc(sizeof *h);
    const struct pr_front_options front = {.bind = o->bind ? o->bind : "127.0.0.1",
        .bind_key = "bind",
        .ports = {{.port = o->port, .key = "port", .remedy = "--port"}},
        .n_ports = 1,
        .tls_certificate = o->tls_certificate,
        .tls_certificate_name = "the certificate of TLS",
        .tls_key = o->tls_key,
        .tls_key_name = "the key of TLS",
        .max_connections = o->max_connections ? o->max_connections : DEFAULT_CONNECTIONS,
        .max_header = SERVE_MAX_HEADER,
        .send_buffer = SERVE_SEND_BUFFER,
        .ctx = h,
        .request = pr_serve_http_on_request,
        .completed = pr_serve_http_on_completed};
    h->server = s;
    enum pr_code code = pr_front_new(&front, &h->front, e);
    if (code) {
        pr_free(h);
        return code;
    }
    *ret = h;
    return PR_OK;
}

int pr_serve_http_port(const struct pr_serve_http *h)
{
    return pr_front_port(h->front, 0);
}

bool pr_serve_http_tls(const struct pr_serve_http *h)
{
    return pr_front_tls(h->front);
}

size_t pr_serve_http_max_connections(const struct pr_serve_http *h)
{
    return pr_front_max_connections(h->front);
}

void pr_serve_http_stop(struct pr_serve_http *h)
{
    pr_front_stop(h->front);
}

void pr_serve_http_free(struct pr_serve_http *h)
{
    if (!h)
        return;
    pr_front_free(h->front);
    pr_free(h);
}
