/* /api/events over a suspended connection: it costs its memory, and no thread. */
#include <string.h>

#include "api/counts.h"
#include "api/http_internal.h"
#include "base/alloc.h"
#include "base/clock.h"

#define BLOCK 1024

struct flow {
    struct MHD_Connection *c;
    struct pr_api_stream *stream;
    struct pr_api_auth *auth;
    char *cookie; /* NULL: it does not end with a session */
};

static void park(void *ctx)
{
    const struct flow *f = ctx;
    MHD_suspend_connection(f->c);
}

static void wake(void *ctx)
{
    const struct flow *f = ctx;
    MHD_resume_connection(f->c);
}

/* Who signed out hears no more. */
static bool alive(void *ctx)
{
    const struct flow *f = ctx;
    return !f->cookie || pr_api_auth_has_session(f->auth, f->cookie, pr_clock_monotonic_ns());
}

static const struct pr_api_stream_calls calls = {park, wake, alive};

static ssize_t read_on(void *ctx, uint64_t position, char *buf, size_t max)
{
    struct flow *f = ctx;
    (void)position;
    ssize_t n = pr_api_stream_read(f->stream, buf, max);
    return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static void end(void *ctx)
{
    struct flow *f = ctx;
    pr_api_count_stream(-1);
    pr_api_stream_free(f->stream);
    pr_free(f->cookie);
    pr_free(f);
}

static enum MHD_Result refuse(struct pr_front_conn *k)
{
    struct pr_api_reply r = {.retry_after_s = 5};
    pr_api_reply_error(429, "api.max_streams listen to events already", &r);
    return pr_http_send(k, &r);
}

/* HEAD of a stream has its headers, and no stream. */
static enum MHD_Result head_only(struct MHD_Connection *c)
{
    struct MHD_Response *m = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
    if (!m)
        return MHD_NO;
    MHD_add_response_header(m, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    pr_http_secure(m, false);
    enum MHD_Result ret = MHD_queue_response(c, MHD_HTTP_OK, m);
    if (ret == MHD_YES)
        pr_api_count_answer(MHD_HTTP_OK);
    MHD_destroy_response(m);
    return ret;
}

enum MHD_Result pr_http_stream(struct pr_front_conn *k, const struct pr_api_call *call)
{
    const struct pr_http *h = k->ctx;
    if (!strcmp(call->method, "HEAD"))
        return head_only(k->c);
    struct flow *f = pr_zalloc(sizeof *f);
    const char *cookie = call->header[PR_API_H_COOKIE];
    f->c = k->c;
    f->auth = pr_api_auth_of(h->api);
    if (cookie && !call->header[PR_API_H_AUTHORIZATION] &&
        pr_api_auth_has_session(f->auth, cookie, pr_clock_monotonic_ns()))
        f->cookie = pr_strdup(cookie);
    f->stream = pr_api_stream_new(
        pr_api_events_of(h->api), call->header[PR_API_H_LAST_EVENT_ID], &calls, f);
    if (!f->stream) {
        pr_free(f->cookie);
        pr_free(f);
        return refuse(k);
    }
    pr_api_count_stream(1);
    struct MHD_Response *m =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_on, f, end);
    if (!m) {
        end(f);
        return MHD_NO;
    }
    MHD_add_response_header(m, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
    MHD_add_response_header(m, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    /* A proxy in front must not keep events until there are enough of them. */
    MHD_add_response_header(m, "X-Accel-Buffering", "no");
    pr_http_secure(m, false);
    pr_front_set_deadline(k, 0);
    enum MHD_Result ret = MHD_queue_response(k->c, MHD_HTTP_OK, m);
    if (ret == MHD_YES)
        pr_api_count_answer(MHD_HTTP_OK);
    MHD_destroy_response(m);
    return ret;
}
