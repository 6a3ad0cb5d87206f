/* A request, as libmicrohttpd calls for it: once with the headers, once for each piece of a body,
 * once when all is there, and again whenever a parked one was woken. */
#include <stdatomic.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "serve/http_internal.h"
#include "serve/request.h"

#define MAX_DISCARDED ((size_t)1 << 20) /* of a body that is too large already */

static void release_body(struct serve_request *r)
{
    struct pr_serve_http *h = r->k->ctx;
    atomic_fetch_sub(&h->bodies, r->held);
    r->held = 0;
    pr_str_done(&r->body);
}

void pr_serve_http_on_completed(struct pr_front_conn *k)
{
    struct serve_request *r = k->request;
    if (!r)
        return;
    k->request = NULL;
    release_body(r);
    pr_str_done(&r->refusal.body);
    if (r->x)
        pr_serve_exchange_free(r->x);
    pr_free(r->path);
    pr_free(r);
}

/* ---- headers ---- */

struct headers {
    struct pr_front_lengths lengths;
    const char *authorization, *content_type, *host;
};

static enum MHD_Result take_header(
    void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct headers *h = cls;
    (void)kind;
    value = value ? value : "";
    pr_front_lengths_take(&h->lengths, key, value);
    /* Two keys are no key: which one counts would be a guess. */
    if (!strcasecmp(key, MHD_HTTP_HEADER_AUTHORIZATION))
        h->authorization = h->authorization ? "" : value;
    else if (!strcasecmp(key, MHD_HTTP_HEADER_CONTENT_TYPE))
        h->content_type = h->content_type ? "" : value;
    else if (!strcasecmp(key, MHD_HTTP_HEADER_HOST))
        h->host = h->host ? "" : value;
    return MHD_YES;
}

static struct pr_serve_head head_of(const struct serve_request *r)
{
    return (struct pr_serve_head){.method = r->method,
        .path = r->path,
        .authorization = r->authorization,
        .content_type = r->content_type,
        .host = r->host,
        .local = r->k->local,
        .peer = r->k->peer};
}

/* An error that has nothing to do with what was asked for. */
static enum MHD_Result refuse_form(struct pr_front_conn *k, int status, const char *why)
{
    struct pr_serve_error e;
    struct pr_serve_refusal r = {.status = status, .body = PR_STR_INIT(4096)};
    pr_serve_refuse(&e, status, NULL, NULL, "%s", why);
    json_t *o = pr_serve_error_json(&e);
    pr_json_dump(o, 0, 0, &r.body);
    json_decref(o);
    return pr_serve_http_refuse(k, &r, false);
}

/* Where a request ends must be beyond doubt.  0: it is. */
static int check_form(const struct headers *h, const char **ret_why)
{
    *ret_why = PR_FRONT_BAD_LENGTH;
    int status = pr_front_lengths_check(&h->lengths, SERVE_MAX_HEADER, SIZE_MAX);
    if (status == MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE)
        *ret_why = "more than 8 KiB of headers";
    if (!status && h->lengths.encodings && !h->lengths.chunked) {
        *ret_why = "a Transfer-Encoding other than chunked";
        status = MHD_HTTP_NOT_IMPLEMENTED;
    }
    return status;
}

static char *path_of(const struct pr_front_conn *k)
{
    const char *uri = k->uri ? k->uri : "";
    return pr_strndup(uri, strcspn(uri, "?"));
}

static enum MHD_Result begin(struct pr_front_conn *k, const char *method)
{
    const struct pr_serve_http *http = k->ctx;
    struct headers h = {0};
    const char *why;
    MHD_get_connection_values(k->c, MHD_HEADER_KIND, take_header, &h);
    int status = check_form(&h, &why);
    if (status)
        return refuse_form(k, status, why);
    struct serve_request *r = pr_zalloc(sizeof *r);
    *r = (struct serve_request){.k = k,
        .method = method,
        .authorization = h.authorization,
        .content_type = h.content_type,
        .host = h.host,
        .path = path_of(k),
        .body = PR_STR_INIT(PR_SERVE_MAX_BODY)};
    k->request = r;
    struct pr_serve_head head = head_of(r);
    if (pr_serve_server_check(http->server, &head, h.lengths.length, &r->refusal))
        r->state = SERVE_REFUSED;
    /* An answer to this first call ends the connection: libmicrohttpd takes it that more of the
     * request was to come.  So what has no body is refused at the second. */
    if (!pr_front_lengths_body(&h.lengths))
        return MHD_YES;
    if (r->state == SERVE_REFUSED)
        return pr_serve_http_refuse(k, &r->refusal, false);
    pr_front_set_deadline(k, SERVE_BODY_S);
    return MHD_YES;
}

/* ---- the body ---- */

/* Enough is kept to see that it is too much; the answer to that comes when it has ended, since
 * libmicrohttpd takes none before. */
static enum MHD_Result take_body(struct serve_request *r, const char *upload, size_t *upload_n)
{
    struct pr_serve_http *h = r->k->ctx;
    size_t n = *upload_n;
    *upload_n = 0;
    r->came += n;
    if (r->came > PR_SERVE_MAX_BODY || r->crowded) {
        release_body(r);
        return r->came > PR_SERVE_MAX_BODY + MAX_DISCARDED ? MHD_NO : MHD_YES;
    }
    r->held += n;
    r->crowded = atomic_fetch_add(&h->bodies, n) + n > SERVE_MAX_BODIES;
    pr_str_append(&r->body, upload, n);
    return MHD_YES;
}

static void wake(void *ctx)
{
    pr_front_wake(ctx);
}

static enum MHD_Result end_body(struct pr_front_conn *k)
{
    const struct pr_serve_http *h = k->ctx;
    struct serve_request *r = k->request;
    struct pr_serve_head head = head_of(r);
    if (r->came > PR_SERVE_MAX_BODY &&
        pr_serve_server_check(h->server, &head, r->came, &r->refusal))
        return pr_serve_http_refuse(k, &r->refusal, false);
    if (r->crowded)
        return refuse_form(
            k, MHD_HTTP_SERVICE_UNAVAILABLE, "too many large requests at once: try again later");
    pr_front_set_deadline(k, 0);
    pr_front_watch(k);
    r->state = SERVE_WAITING;
    r->x = pr_serve_exchange_new(h->server, &head, pr_str_cstr(&r->body), r->body.len, wake, k);
    release_body(r);
    return pr_serve_http_answer(k);
}

enum MHD_Result pr_serve_http_on_request(
    struct pr_front_conn *k, const char *method, const char *upload, size_t *upload_n)
{
    struct serve_request *r = k->request;
    if (!r)
        return begin(k, method);
    if (*upload_n)
        return take_body(r, upload, upload_n);
    if (r->state == SERVE_BODY)
        return end_body(k);
    if (r->state == SERVE_REFUSED)
        return pr_serve_http_refuse(k, &r->refusal, true);
    return r->state == SERVE_WAITING ? pr_serve_http_answer(k) : MHD_YES;
}
