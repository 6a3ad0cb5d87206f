/* A request, as libmicrohttpd calls for it: once with the headers, once for each piece of a body,
 * once when all is there, and again when a suspended one goes on. */
#include <string.h>
#include <strings.h>

#include "api/http_internal.h"

#define MAX_DISCARDED ((size_t)1 << 20) /* of a body that is too large already */

void *pr_http_on_uri(void *cls, const char *uri, struct MHD_Connection *c)
{
    struct http_conn *k = pr_http_conn(c);
    (void)cls;
    pr_free(k->uri);
    k->uri = pr_strdup(uri);
    return NULL;
}

static void forget(struct http_conn *k)
{
    if (k->r) {
        pr_api_request_done(&k->r->q);
        pr_str_done(&k->r->body);
        pr_api_reply_done(&k->r->reply);
        pr_api_blob_unref(k->r->answer);
        pr_free(k->r);
        k->r = NULL;
    }
    pr_free(k->uri);
    k->uri = NULL;
    k->complete = false;
    pr_api_blob_unref(k->sending);
    k->sending = NULL;
}

void pr_http_on_completed(
    void *cls, struct MHD_Connection *c, void **context, enum MHD_RequestTerminationCode code)
{
    struct http_conn *k = pr_http_conn(c);
    (void)cls;
    (void)context;
    (void)code;
    forget(k);
    pr_http_set_deadline(k, PR_HTTP_IDLE_S);
}

/* ---- headers ---- */

struct headers {
    struct pr_api_call *call;
    size_t bytes;
    int lengths, encodings; /* how often they came */
    unsigned long long length;
    bool bad_length;
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
    h->bytes += strlen(key) + strlen(value) + 4;
    if (!strcasecmp(key, MHD_HTTP_HEADER_CONTENT_LENGTH)) {
        size_t n = strlen(value);
        h->lengths++;
        h->bad_length = !n || n > 18 || strspn(value, "0123456789") != n;
        for (size_t i = 0; i < n && !h->bad_length; i++)
            h->length = h->length * 10 + (unsigned)(value[i] - '0');
    }
    h->encodings += !strcasecmp(key, MHD_HTTP_HEADER_TRANSFER_ENCODING);
    for (int i = 0; i < PR_API_N_HEADERS; i++) {
        if (strcasecmp(key, names[i]) != 0)
            continue;
        /* Two Hosts are no host, and two tokens no token: which one counts would be a guess. */
        h->call->header[i] = h->call->header[i] ? "" : value;
    }
    return MHD_YES;
}

/* 0: fine; else the status. Whoever disagrees with a proxy about where a request ends can be made
 * to answer one that was never sent. */
static int check_headers(const struct headers *h, const char **ret_why)
{
    static const struct {
        int status;
        const char *why;
    } refusals[] = {{431, "more than 8 KiB of headers"},
        {400, "Content-Length is given twice, together with Transfer-Encoding, or is no number"},
        {413, "a body of more than 64 KiB"}};
    int i = h->bytes > PR_API_MAX_HEADER ? 0
            : h->lengths > 1 || h->encodings > 1 || (h->lengths && h->encodings) || h->bad_length
                ? 1
            : h->length > PR_API_MAX_BODY ? 2
                                          : -1;
    if (i < 0)
        return 0;
    *ret_why = refusals[i].why;
    return refusals[i].status;
}

static enum MHD_Result refuse(
    struct MHD_Connection *c, struct http_conn *k, int status, const char *why)
{
    struct pr_api_reply r = {.close = true};
    pr_api_reply_error(status, why, &r);
    return pr_http_send(c, k, &r);
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

static enum MHD_Result work(struct MHD_Connection *c, struct http_conn *k)
{
    struct http_request *r = k->r;
    pr_http_set_deadline(k, 0);
    r->state = HTTP_WORKING;
    MHD_suspend_connection(c);
    if (!pr_api_work(k->h->api, &r->q, answered, r, &r->reply)) {
        r->state = HTTP_REFUSED;
        MHD_resume_connection(c);
    }
    return MHD_YES;
}

static enum MHD_Result begin(struct MHD_Connection *c, struct http_conn *k, const char *method)
{
    struct pr_api_call call = {.method = method,
        .uri = k->uri ? k->uri : "",
        .peer = k->peer,
        .local = k->local,
        .tls = k->h->certificate != NULL};
    struct headers h = {.call = &call};
    struct pr_api_request q = {0};
    struct pr_api_reply reply;
    const char *why;
    MHD_get_connection_values(c, MHD_HEADER_KIND, take_header, &h);
    int status = check_headers(&h, &why);
    if (status)
        return refuse(c, k, status, why);
    /* An answer to the first call ends the connection: libmicrohttpd takes it that more of the
     * request was to come.  So what has no body is answered at the second. */
    if (!h.length && !h.encodings && !k->complete) {
        k->complete = true;
        return MHD_YES;
    }
    enum pr_api_next next = pr_api_begin(k->h->api, &call, &q, &reply);
    if (next == PR_API_BODY || next == PR_API_WORK) {
        k->r = pr_zalloc(sizeof *k->r);
        *k->r = (struct http_request){
            .call = call, .q = q, .body = PR_STR_INIT(PR_API_MAX_BODY), .c = c, .state = HTTP_BODY};
        pr_http_set_deadline(k, PR_HTTP_ARRIVE_S);
        return next == PR_API_WORK ? work(c, k) : MHD_YES;
    }
    pr_api_request_done(&q);
    if (next == PR_API_STREAM)
        return pr_http_stream(c, k, &call);
    /* What is left of a refused request is not read: the connection ends with it. */
    reply.close = h.length || h.encodings;
    return pr_http_send(c, k, &reply);
}

static enum MHD_Result take_body(struct http_request *r, const char *upload, size_t *n)
{
    r->came += *n;
    pr_str_append(&r->body, upload, *n);
    *n = 0;
    return r->came > MAX_DISCARDED ? MHD_NO : MHD_YES;
}

static enum MHD_Result end_body(struct MHD_Connection *c, struct http_conn *k)
{
    struct http_request *r = k->r;
    struct pr_api_reply reply;
    if (r->body.over || r->came > PR_API_MAX_BODY)
        return refuse(c, k, 413, "a body of more than 64 KiB");
    if (pr_api_body_done(k->h->api, &r->call, &r->q, pr_str_cstr(&r->body), r->body.len, &reply) ==
        PR_API_WORK)
        return work(c, k);
    return pr_http_send(c, k, &reply);
}

enum MHD_Result pr_http_on_request(void *cls, struct MHD_Connection *c, const char *url,
    const char *method, const char *version, const char *upload, size_t *upload_n, void **context)
{
    struct http_conn *k = pr_http_conn(c);
    (void)cls;
    (void)url;
    (void)version;
    (void)context;
    if (!k->r)
        return begin(c, k, method);
    if (*upload_n)
        return take_body(k->r, upload, upload_n);
    if (k->r->state == HTTP_BODY)
        return end_body(c, k);
    if (k->r->state == HTTP_ANSWERED) {
        struct pr_api_reply reply = {0};
        pr_api_reply_with(&k->r->call, k->r->answer, &reply);
        k->r->answer = NULL;
        return pr_http_send(c, k, &reply);
    }
    return k->r->state == HTTP_REFUSED ? pr_http_send(c, k, &k->r->reply) : MHD_YES;
}
