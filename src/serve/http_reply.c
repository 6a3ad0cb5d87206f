/* Answers as libmicrohttpd sends them.  Whatever its length is known or not, an answer is read from
 * its exchange piece by piece, as fast as its client takes it. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "serve/http_internal.h"

#define BLOCK 16384

static void put_common(struct MHD_Response *m, const char *type)
{
    MHD_add_response_header(m, MHD_HTTP_HEADER_CONTENT_TYPE, type ? type : "application/json");
    MHD_add_response_header(m, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(m, "X-Content-Type-Options", "nosniff");
}

static void put_challenge(struct MHD_Response *m)
{
    MHD_add_response_header(m, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
}

static enum MHD_Result queue(struct pr_front_conn *k, int status, struct MHD_Response *m)
{
    pr_front_set_deadline_sending(k, SERVE_SEND_S);
    enum MHD_Result ret = MHD_queue_response(k->c, (unsigned)status, m);
    MHD_destroy_response(m); /* the connection has its own reference */
    return ret;
}

enum MHD_Result pr_serve_http_refuse(struct pr_front_conn *k, struct pr_serve_refusal *r, bool keep)
{
    struct MHD_Response *m = MHD_create_response_from_buffer(
        r->body.len, (void *)(uintptr_t)pr_str_cstr(&r->body), MHD_RESPMEM_MUST_COPY);
    pr_str_done(&r->body);
    if (!m)
        return MHD_NO;
    put_common(m, NULL);
    if (r->allow)
        MHD_add_response_header(m, MHD_HTTP_HEADER_ALLOW, r->allow);
    if (r->status == MHD_HTTP_UNAUTHORIZED)
        put_challenge(m);
    if (!keep) {
        MHD_add_response_header(m, MHD_HTTP_HEADER_CONNECTION, "close");
        pr_front_linger(k);
    }
    return queue(k, r->status, m);
}

/* ---- of an exchange ---- */

static ssize_t read_on(void *ctx, uint64_t position, char *to, size_t max)
{
    struct serve_request *r = ctx;
    int n;
    (void)position;
    do {
        if (!pr_front_look(r->k))
            return MHD_CONTENT_READER_END_WITH_ERROR;
        n = pr_serve_exchange_read(r->x, to, max);
        if (n) {
            /* All before it was taken, or we would not be asked. */
            pr_front_set_deadline_sending(r->k, SERVE_SEND_S);
            return n > 0     ? n
                   : n == -1 ? MHD_CONTENT_READER_END_OF_STREAM
                             : MHD_CONTENT_READER_END_WITH_ERROR;
        }
        pr_front_set_deadline(r->k, 0); /* it is we who are slow */
    } while (!pr_front_park(r->k));
    return 0;
}

static struct MHD_Response *make(struct serve_request *r, const struct pr_serve_answer_head *head)
{
    char seconds[16];
    struct MHD_Response *m = MHD_create_response_from_callback(
        head->stream ? MHD_SIZE_UNKNOWN : head->n, BLOCK, read_on, r, NULL);
    if (!m)
        return NULL;
    put_common(m, head->type);
    if (head->fingerprint)
        MHD_add_response_header(m, "X-Model-Fingerprint", head->fingerprint);
    if (head->allow)
        MHD_add_response_header(m, MHD_HTTP_HEADER_ALLOW, head->allow);
    if (head->authenticate)
        put_challenge(m);
    if (head->retry_after_s) {
        snprintf(seconds, sizeof seconds, "%d", head->retry_after_s);
        MHD_add_response_header(m, MHD_HTTP_HEADER_RETRY_AFTER, seconds);
    }
    if (head->stream)
        /* A proxy in front must not keep events until there are enough of them. */
        MHD_add_response_header(m, "X-Accel-Buffering", "no");
    return m;
}

enum MHD_Result pr_serve_http_answer(struct pr_front_conn *k)
{
    struct serve_request *r = k->request;
    do {
        struct pr_serve_answer_head head = {0};
        if (!pr_front_look(k))
            return MHD_NO;
        if (pr_serve_exchange_head(r->x, &head)) {
            struct MHD_Response *m = make(r, &head);
            r->state = SERVE_SENDING;
            return m ? queue(k, head.status, m) : MHD_NO;
        }
    } while (!pr_front_park(k));
    return MHD_YES;
}
