/* See report.h.  The answers come from the same handlers as those of the server.
 *
 * To have another answer in reports: a line in `wanted`. */
#include "api/report.h"

#include <stdio.h>
#include <string.h>

#include "api/assets.h"
#include "api/book.h"
#include "api/events.h"
#include "api/queries.h"
#include "api/router.h"
#include "api/snapshot.h"
#include "base/clock.h"
#include "base/gzip.h"

#define TEMPLATE "report.html"
#define PLACE    "@REPORT@"
#define MAX_PAGE ((size_t)8 << 20)

/* An address, and for each element of a list in its answer another one.  A report is read in
 * windows of any width: the page takes an answer for an address whatever its width and limit are.
 */
struct wanted {
    const char *url;
    const char *list, *key, *each; /* each: %s is the element's key */
    size_t most;
};
static const struct wanted wanted[] = {
    {"/api/gradebook/runs", NULL, NULL, NULL, 0},
    {"/api/gradebook/suites", NULL, NULL, NULL, 0},
    {"/api/gradebook/history?width=2000", NULL, NULL, NULL, 0},
    {"/api/gradebook/calibration", NULL, NULL, NULL, 0},
    {"/api/curves", "series", "id", "/api/curves/%s?width=2000", 64},
    {"/api/gpu/curves", "series", "id", "/api/gpu/curves/%s?width=1000", 64},
    {"/api/checkpoints?limit=500", "checkpoints", "id", "/api/checkpoints/%s", 50},
    {"/api/checkpoints?limit=500&state=ready", NULL, NULL, NULL, 0},
    {"/api/checkpoints?limit=500&order=best&state=ready", NULL, NULL, NULL, 0},
    {"/api/gradebook/examples?limit=200", "examples", "example", "/api/gradebook/examples/%s", 100},
    {"/api/gradebook/examples?limit=200&outcome=wrong", "examples", "example",
        "/api/gradebook/examples/%s", 100},
    {"/api/gradebook/examples?limit=200&outcome=right", NULL, NULL, NULL, 0},
    {"/api/gradebook/examples?limit=200&outcome=truncated", NULL, NULL, NULL, 0},
    {"/api/alerts?state=open&limit=200", NULL, NULL, NULL, 0},
    {"/api/alerts?state=all&limit=200", NULL, NULL, NULL, 0},
};

struct report {
    struct pr_api_book book;
    struct pr_api_world *world;
    json_t *documents; /* url → answer */
    void (*progress)(void *ctx, size_t n);
    void *ctx;
};

static void put(struct report *r, const char *url, json_t *answer /* stolen */)
{
    json_object_set_new(r->documents, url, answer);
    if (r->progress)
        r->progress(r->ctx, json_object_size(r->documents));
}

static json_t *parsed(const struct pr_api_blob *b)
{
    json_t *o = NULL;
    struct pr_error ignored;
    if (b->status != 200 || pr_json_parse(b->body, b->n, PR_JSON_NUL, NULL, &o, NULL, &ignored))
        return NULL;
    return o;
}

/* An answer that cannot be given (there is no such suite yet, a system that is not here) is left
 * out: the page says so where it would be.  Borrowed; NULL. */
static const json_t *ask(struct report *r, const char *url)
{
    struct pr_api_request q = {0};
    struct pr_api_match m;
    struct pr_error e;
    const json_t *known = json_object_get(r->documents, url);
    size_t path = strcspn(url, "?");
    pr_api_router_find("GET", url, path, &m);
    if (known || !m.route || m.route->sources || m.route->type)
        return known;
    if (!pr_api_request_parse(&q, m.route, url, path, url[path] ? url + path + 1 : "", &e)) {
        struct pr_api_context x = pr_api_world_context(r->world, r->book.g, pr_clock_utc_ms());
        struct pr_api_blob *b = pr_api_answer(&q, &x);
        json_t *answer = parsed(b);
        if (answer)
            put(r, url, answer);
        pr_api_blob_unref(b);
    }
    pr_api_request_done(&q);
    return json_object_get(r->documents, url);
}

static void ask_each(struct report *r, const struct wanted *w, const json_t *answer)
{
    size_t i;
    const json_t *x;
    json_array_foreach (json_object_get(answer, w->list), i, x) {
        const json_t *key = json_object_get(x, w->key);
        char text[96], url[200];
        if (i >= w->most)
            break;
        if (json_is_integer(key))
            snprintf(text, sizeof text, "%lld", (long long)json_integer_value(key));
        else
            snprintf(text, sizeof text, "%s", json_is_string(key) ? json_string_value(key) : "");
        const char *at = strstr(w->each, "%s");
        snprintf(url, sizeof url, "%.*s%s%s", (int)(at - w->each), w->each, text, at + 2);
        if (*text)
            ask(r, url);
    }
}

/* What the page compares before anybody chose: the newest two. */
static void ask_comparison(struct report *r)
{
    const json_t *list =
        json_object_get(json_object_get(r->documents, "/api/checkpoints?limit=500"), "checkpoints");
    const json_t *b = json_object_get(json_array_get(list, 0), "id"),
                 *a = json_object_get(json_array_get(list, 1), "id");
    char url[120];
    snprintf(url, sizeof url, "/api/gradebook/compare?a=%lld&b=%lld",
        (long long)json_integer_value(a), (long long)json_integer_value(b));
    if (a && b)
        ask(r, url);
}

static enum pr_code gather(struct report *r, struct pr_api_snapshot *s, struct pr_error *e)
{
    const struct pr_api_route *route;
    const struct pr_api_plugin *plugin;
    enum pr_code code = pr_api_book_look(&r->book, NULL, e);
    if (code)
        return code;
    if (!r->book.g)
        return pr_fail(e, PR_E_NOT_FOUND,
            "nothing was graded in this base folder yet: there is no proctor.db");
    if ((code = pr_api_book_begin(&r->book, 0, e)))
        return code;
    for (size_t k = 0; (route = pr_api_route_at(k, &plugin)); k++) {
        if (!route->sources || route->type)
            continue;
        struct pr_api_blob *b = pr_api_snapshot_document(s, k);
        json_t *answer = parsed(b);
        if (answer)
            put(r, route->path, answer);
        pr_api_blob_unref(b);
    }
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        const json_t *answer = ask(r, wanted[i].url);
        if (answer && wanted[i].list)
            ask_each(r, &wanted[i], answer);
    }
    ask_comparison(r);
    return pr_api_book_end(&r->book, e);
}

/* JSON within a script element: nothing in it may look like that element's end. */
static void put_json(const json_t *o, struct pr_str *out)
{
    struct pr_str text = PR_STR_INIT(PR_API_REPORT_MAX);
    pr_json_dump(o, 0, 0, &text);
    for (const char *s = pr_str_cstr(&text), *end = s + text.len; s < end;) {
        const char *at = memchr(s, '<', (size_t)(end - s));
        size_t n = at ? (size_t)(at - s) : (size_t)(end - s);
        pr_str_append(out, s, n);
        s += n;
        if (at) {
            pr_str_puts(out, "\\u003c");
            s++;
        }
    }
    out->over |= text.over;
    pr_str_done(&text);
}

static enum pr_code write_page(const struct report *r, struct pr_str *out, struct pr_error *e)
{
    size_t n, page_n = 0;
    char *page = NULL, at[32];
    const struct pr_api_asset *a = pr_api_assets(&n);
    for (size_t i = 0; i < n && !page; i++)
        if (!strcmp(a[i].path, TEMPLATE) &&
            !pr_gunzip(a[i].gz, a[i].gz_n, MAX_PAGE, &page, &page_n))
            page = NULL;
    const char *place = page ? strstr(page, PLACE) : NULL;
    if (!place) {
        pr_free(page);
        return pr_fail(e, PR_E_UNSUPPORTED,
            "this proctor was built without its page: install node and npm, and build it again");
    }
    json_t *o = json_object();
    pr_clock_iso8601(pr_clock_utc_ms(), at);
    pr_json_set_int(o, "schema_version", 1);
    pr_json_set_str(o, "made_at", at);
    pr_json_set_str(o, "version", PR_VERSION);
    pr_json_set(o, "documents", json_incref(r->documents));
    pr_str_append(out, page, (size_t)(place - page));
    put_json(o, out);
    pr_str_puts(out, place + sizeof PLACE - 1);
    json_decref(o);
    pr_free(page);
    return out->over ? pr_fail(e, PR_E_LIMIT, "the report would be larger than %zu MB",
                           PR_API_REPORT_MAX >> 20)
                     : PR_OK;
}

enum pr_code pr_api_report(const struct pr_config *c, struct pr_str *out,
    void (*progress)(void *ctx, size_t n), void *ctx, struct pr_error *e)
{
    struct report r = {.documents = json_object(), .progress = progress, .ctx = ctx};
    struct pr_api_events *events;
    struct pr_api_snapshot *s = NULL;
    json_t *api = json_object();
    pr_json_set_str(api, "version", PR_VERSION);
    pr_api_book_init(&r.book, c->base_dir);
    events = pr_api_events_new("report", PR_VERSION, 1);
    enum pr_code code = pr_api_snapshot_new(c, api, events, &s, e);
    if (!code) {
        r.world = pr_api_snapshot_world(s);
        code = gather(&r, s, e);
    }
    if (!code)
        code = write_page(&r, out, e);
    if (r.world)
        pr_api_world_unref(r.world);
    pr_api_snapshot_free(s);
    pr_api_events_free(events);
    pr_api_book_done(&r.book);
    json_decref(r.documents);
    json_decref(api);
    return code;
}
