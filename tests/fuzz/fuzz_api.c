/* A request without a socket: any method, address, headers and body are answered or refused, and
 * what is answered is what the rules say.  The input's lines are method, address, then the headers
 * by their place in the table; what follows an empty line is the body. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/router.h"
#include "api/server.h"
#include "base/alloc.h"
#include "base/remove.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static struct pr_api *api;
static struct pr_config config;

static char folder[] = "/tmp/proctor-fuzz-api-XXXXXX";

static void stop(void)
{
    struct pr_error e;
    pr_api_stop(api);
    pr_api_free(api);
    pr_config_done(&config);
    must(!pr_remove_tree(folder, &e));
}

static void start(void)
{
    struct pr_error e;
    if (api)
        return;
    must(mkdtemp(folder) != NULL && !pr_config_load(folder, &config, &e));
    must(!pr_api_new(&config, &api, &e));
    atexit(stop);
}

static void check_reply(const struct pr_api_call *call, struct pr_api_reply *r)
{
    must(r->status >= 200 && r->status < 600);
    must(r->status == 204 || (r->blob && r->blob->body));
    must((r->status == 405) == (r->allow[0] != 0));
    must(r->status != 429 || r->retry_after_s > 0);
    must(r->form != PR_API_GZIP || r->blob->gz);
    must(r->status != 304 || call->header[PR_API_H_IF_NONE_MATCH]);
    must(!strchr(r->cookie, '\n') && !strchr(r->cookie, '\r'));
    pr_api_reply_done(r);
}

/* A worker's part, here and now: without a gradebook, and not as far as the owner. */
static void work(const struct pr_api_call *call, const struct pr_api_request *q)
{
    struct pr_api_reply r = {0};
    must(q->route != NULL);
    must(!q->body == !q->route->post || q->route->get);
    if (q->body)
        return;
    struct pr_api_world *w = pr_api_snapshot_world(pr_api_snapshot_of(api));
    struct pr_api_context x = pr_api_world_context(w, NULL, 0);
    pr_api_reply_with(call, pr_api_answer(q, &x), &r);
    pr_api_world_unref(w);
    check_reply(call, &r);
}

static void ask(const struct pr_api_call *call, const char *body, size_t n)
{
    struct pr_api_request q = {0};
    struct pr_api_reply r;
    enum pr_api_next next = pr_api_begin(api, call, &q, &r);
    if (next == PR_API_BODY) {
        must(!strcmp(call->method, "POST"));
        next = pr_api_body_done(api, call, &q, body, n, &r);
        must(next == PR_API_REPLY || next == PR_API_WORK);
    }
    if (next == PR_API_REPLY)
        check_reply(call, &r);
    else if (next == PR_API_WORK)
        work(call, &q);
    pr_api_request_done(&q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pr_api_call call = {
        .method = "GET", .uri = "/", .peer = "127.0.0.1", .local = "127.0.0.1"};
    char *text = pr_strndup((const char *)data, size), *s = text, *end;
    call.header[PR_API_H_HOST] = "localhost";
    start();
    for (int i = 0; i < PR_API_N_HEADERS + 2 && (end = strchr(s, '\n')) && end > s; i++) {
        *end = 0;
        if (i == 0)
            call.method = s;
        else if (i == 1)
            call.uri = s;
        else if (strcmp(s, "-") != 0) /* not there */
            call.header[i - 2] = s;
        s = end + 1;
    }
    s += *s == '\n';
    ask(&call, s, strlen(s));
    pr_free(text);
    return 0;
}
