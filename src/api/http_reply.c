/* Answers as libmicrohttpd sends them.  What is shared (a document, a file of the page) is prepared
 * once a form, and sent from then on without a copy. */
#include <stdio.h>
#include <string.h>

#include "api/counts.h"
#include "api/http_internal.h"

static const char page_policy[] =
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'";
static const char api_policy[] = "default-src 'none'; frame-ancestors 'none'";

void pr_http_secure(struct MHD_Response *m, bool page)
{
    MHD_add_response_header(m, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(m, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(m, "Cross-Origin-Resource-Policy", "same-origin");
    MHD_add_response_header(m, "Content-Security-Policy", page ? page_policy : api_policy);
    if (page)
        MHD_add_response_header(m, "Cross-Origin-Opener-Policy", "same-origin");
}

static bool has_body(enum pr_api_form form)
{
    return form == PR_API_PLAIN || form == PR_API_GZIP;
}

static void describe(struct MHD_Response *m, const struct pr_api_blob *b, enum pr_api_form form)
{
    bool gzip = form == PR_API_GZIP || form == PR_API_UNCHANGED_GZIP;
    if (has_body(form))
        MHD_add_response_header(m, MHD_HTTP_HEADER_CONTENT_TYPE, b->type);
    if (form == PR_API_GZIP)
        MHD_add_response_header(m, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
    if (b->etag[0])
        MHD_add_response_header(m, MHD_HTTP_HEADER_ETAG, gzip ? b->etag_gz : b->etag);
    if (b->gz)
        MHD_add_response_header(m, MHD_HTTP_HEADER_VARY, "Accept-Encoding");
    MHD_add_response_header(m, MHD_HTTP_HEADER_CACHE_CONTROL,
        b->immutable ? "public, max-age=31536000, immutable"
        : b->etag[0] ? "private, no-cache"
                     : "no-store");
}

static struct MHD_Response *make(const struct pr_api_blob *b, enum pr_api_form form)
{
    /* A 304 says Content-Length: 0.  The length of what is not sent would be the better word for
     * it, but there are clients (wrk, older http_parsers) that then wait for a body; none at all is
     * not to be had of libmicrohttpd. */
    const char *bytes = "";
    size_t n = 0;
    if (b && has_body(form)) {
        bytes = form == PR_API_GZIP ? b->gz : b->body;
        n = form == PR_API_GZIP ? b->gz_n : b->n;
    }
    struct MHD_Response *m =
        MHD_create_response_from_buffer(n, (void *)(uintptr_t)bytes, MHD_RESPMEM_PERSISTENT);
    if (!m)
        return NULL;
    if (b)
        describe(m, b, form);
    pr_http_secure(m, b && b->page);
    return m;
}

static void forget(void *m)
{
    MHD_destroy_response(m);
}

/* The blob keeps what is made of it; two threads may make it at once, and one gives its own up. */
static struct MHD_Response *prepared(struct pr_api_blob *b, enum pr_api_form form)
{
    void *m = atomic_load(&b->front[form]), *none = NULL;
    if (m)
        return m;
    m = make(b, form);
    if (!m)
        return NULL;
    b->front_free = forget;
    if (atomic_compare_exchange_strong(&b->front[form], &none, m))
        return m;
    MHD_destroy_response(m);
    return none;
}

static bool is_plain(const struct pr_api_reply *r)
{
    return r->blob && r->blob->etag[0] && !r->allow[0] && !r->cookie[0] && !r->retry_after_s &&
           !r->challenge && !r->close;
}

static struct MHD_Response *make_own(const struct pr_api_reply *r)
{
    char seconds[16];
    struct MHD_Response *m = make(r->blob, r->form);
    if (!m)
        return NULL;
    snprintf(seconds, sizeof seconds, "%d", r->retry_after_s);
    if (r->allow[0])
        MHD_add_response_header(m, MHD_HTTP_HEADER_ALLOW, r->allow);
    if (r->cookie[0])
        MHD_add_response_header(m, MHD_HTTP_HEADER_SET_COOKIE, r->cookie);
    if (r->retry_after_s)
        MHD_add_response_header(m, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    if (r->challenge)
        MHD_add_response_header(m, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer realm=\"proctor\"");
    if (r->close)
        MHD_add_response_header(m, MHD_HTTP_HEADER_CONNECTION, "close");
    if (!r->blob)
        MHD_add_response_header(m, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    return m;
}

enum MHD_Result pr_http_send(struct pr_front_conn *k, struct pr_api_reply *r)
{
    bool plain = is_plain(r);
    struct MHD_Response *m = plain ? prepared(r->blob, r->form) : make_own(r);
    enum MHD_Result ret = m ? MHD_queue_response(k->c, (unsigned)r->status, m) : MHD_NO;
    if (m && !plain)
        MHD_destroy_response(m); /* the connection has its own reference */
    if (ret == MHD_YES)
        pr_api_count_answer(r->status);
    pr_front_set_deadline(k, PR_HTTP_SEND_S);
    k->sending = r->blob;
    r->blob = NULL;
    return ret;
}
