/* A request, as libmicrohttpd calls for it: once with the headers, once for each piece of a body,
 * once when all is there, and again when a suspended one goes on. */
#include <string.h>
#include <strings.h>

#include "api/http_internal.h"
#include "base/alloc.h"

#define MAX_DISCARDED ((size_t)1 << 20) /* of a body that is too large already */

void pr_http_on_completed(struct pr_front_conn *k)
{
    struct http_request *r = k->request;
    if (r) {
        pr_api_request_done(&r->q);
        pr_str_done(&r->body);
        pr_api_reply_done(&r->reply);
        pr_api_blob_unref(r->answer);
        pr_free(r);
    }
    k->request = NULL;
    pr_api_blob_unref(k->sending);
    k->sending = NULL;
}

/* ---- headers ---- */

struct headers {
    struct pr_api_call *call;
    struct pr_front_lengths lengths;
};

static const char *const names[PR_API_N_HEADERS] = {
#define PR_X(name, text) [PR_API_H_##name] = text,
    PR_API_HEADERS(PR_X)
#undef PR_X
};

static enum MHD_Result take_header(
    void *cls, enum MHD_ValueKind kind, const char *key, const char *value)
{
    struct headers *h = cls;
    (void)kind;
    value = value ? value : "";
    pr_front_lengths_take(&h->lengths, key, value);
    for (int i = 0; i < PR_API_N_HEADERS; i++) {
        if (strcasecmp(key, names[i]) != 0)
            continue;
        /* Two Hosts are no host, and two tokens no token: which one counts would be a guess. */
        h->call->header[i] = h->call->header[i] ? "" : value;
    }
    return MHD_YES;
}

static enum MHD_Result refuse(struct pr_front_conn *k, int status)
{
    static const struct {
        int status;
        const char *why;
    } whys[] = {{431, "more than 8 KiB of headers"}, {400, PR_FRONT_BAD_LENGTH},
        {413, "a body of more than 64 KiB"}};
    struct pr_api_reply r = {.close = true};
    size_t i = 0;
    while (whys[i].status != status)
        i++;
    pr_api_reply_error(status, whys[i].why, &r);
    return pr_http_send(k, &r);
}

/* ---- work ---- */

/* On a worker's thread: the connection is suspended until here, so nobody else looks at r. */
static void answered(void *ctx, struct pr_api_blob *answer)
{
    struct http_request *r = ctx;
    r->answer = answer;
    r->state = HTTP_ANSWERED;
    MHD_resume_connection(r->c);
}

static enum MHD_Result work(struct pr_front_conn *k)
{
    const struct pr_http *h = k->ctx;
    struct http_request *r = k->request;
    pr_front_set_deadline(k, 0);
    r->state = HTTP_WORKING;
    MHD_suspend_connection(k->c);
    if (!pr_api_work(h->api, &r->q, answered, r, &r->reply)) {
        r->state = HTTP_REFUSED;
        MHD_resume_connection(k->c);
    }
    return MHD_YES;
}

static enum MHD_Result begin(struct pr_front_conn *k, const char *method)
{
    const struct pr_http *http = k->ctx;
    struct pr_api_call call = {.method = method,
        .uri = k->uri ? k->uri : "",
        .peer = k->peer,
        .local = k->local,
        .tls = http->tls};
    struct headers h = {.call = &call};
    struct pr_api_request q = {0};
    struct pr_api_reply reply;
    MHD_get_connection_values(k->c, MHD_HEADER_KIND, take_header, &h);
    int status = pr_front_lengths_check(&h.lengths, PR_API_MAX_HEADER, PR_API_MAX_BODY);
    if (status)
        return refuse(k, status);
    bool has_body = pr_front_lengths_body(&h.lengths);
    /* An answer to the first call ends the connection: libmicrohttpd takes it that more of the
     * request was to come.  So what has no body is answered at the second. */
    if (!has_body && !k->complete) {
        k->complete = true;
        return MHD_YES;
    }
    enum pr_api_next next = pr_api_begin(http->api, &call, &q, &reply);
    if (next == PR_API_BODY || next == PR_API_WORK) {
        struct http_request *r = pr_zalloc(sizeof *r);
        *r = (struct http_request){.call = call,
            .q = q,
            .body = PR_STR_INIT(PR_API_MAX_BODY),
            .c = k->c,
            .state = HTTP_BODY};
        k->request = r;
        pr_front_set_deadline(k, PR_FRONT_ARRIVE_S);
        return next == PR_API_WORK ? work(k) : MHD_YES;
    }
    pr_api_request_done(&q);
    if (next == PR_API_STREAM)
        return pr_http_stream(k, &call);
    /* What is left of a refused request is not read: the connection ends with it. */
    reply.close = has_body;
    return pr_http_send(k, &reply);
}

static enum MHD_Result take_body(struct http_request *r, const char *upload, size_t *n)
{
    r->came += *n;
    pr_str_append(&r->body, upload, *n);
    *n = 0;
    return r->came > MAX_DISCARDED ? MHD_NO : MHD_YES;
}

static enum MHD_Result end_body(struct pr_front_conn *k)
{
    const struct pr_http *h = k->ctx;
    struct http_request *r = k->request;
    struct pr_api_reply reply;
    if (r->body.over || r->came > PR_API_MAX_BODY)
        return refuse(k, 413);
    if (pr_api_body_done(h->api, &r->call, &r->q, pr_str_cstr(&r->body), r->body.len, &reply) ==
        PR_API_WORK)
        return work(k);
    return pr_http_send(k, &reply);
}

enum MHD_Result pr_http_on_request(
    struct pr_front_conn *k, const char *method, const char *upload, size_t *upload_n)
{
    struct http_request *r = k->request;
    if (!r)
        return begin(k, method);
    if (*upload_n)
        return take_body(r, upload, upload_n);
    if (r->state == HTTP_BODY)
        return end_body(k);
    if (r->state == HTTP_ANSWERED) {
        struct pr_api_reply reply = {0};
        pr_api_reply_with(&r->call, r->answer, &reply);
        r->answer = NULL;
        return pr_http_send(k, &reply);
    }
    return r->state == HTTP_REFUSED ? pr_http_send(k, &r->reply) : MHD_YES;
}
