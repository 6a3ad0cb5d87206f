/* See server.h. */
#include "api/server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "api/openapi.h"
#include "api/page.h"
#include "api/peers.h"
#include "api/router.h"
#include "base/clock.h"
#include "base/file.h"
#include "http/hosts.h"

struct pr_api {
    const struct pr_config *config;
    struct pr_api_auth *auth;
    struct pr_api_events *events;
    struct pr_api_snapshot *snapshot;
    struct pr_api_peers *peers;
    struct pr_api_queries *queries;
    struct pr_api_page *page;
    struct pr_api_blob *health, *openapi, *sessions[2][2]; /* [signed in][token required] */
    bool closed; /* off loopback: every reader needs the token */
    char boot[20];
};

/* ---- replies ---- */

void pr_api_reply_done(struct pr_api_reply *r)
{
    pr_api_blob_unref(r->blob);
    r->blob = NULL;
}

void pr_api_reply_error(int status, const char *message, struct pr_api_reply *r)
{
    r->blob = pr_api_blob_error(status, message);
    r->status = status;
    r->form = PR_API_PLAIN;
}

/* Is gzip among what is taken, and not with a weight of 0? */
static bool takes_gzip(const char *accept)
{
    for (const char *s = accept; s && *s;) {
        size_t n = strcspn(s, ","), name;
        s += strspn(s, " \t");
        name = strcspn(s, ",; \t");
        if ((name == 4 && !strncasecmp(s, "gzip", 4)) || (name == 1 && *s == '*')) {
            const char *q = s + name + strspn(s + name, " \t");
            q += *q == ';';
            q += strspn(q, " \t");
            return !(*q == 'q' && q[1] == '=' && q[2] == '0' &&
                     strspn(q + 2, "0.") == strcspn(q + 2, ", \t"));
        }
        s += strcspn(s, ",");
        s += *s == ',';
        (void)n;
    }
    return false;
}

/* A list of ETags, weak ones and those of the other form too: the content is the same. */
static bool is_known(const char *list, const struct pr_api_blob *b)
{
    if (!list || !b->etag[0])
        return false;
    if (!strcmp(list, "*"))
        return true;
    size_t n = strlen(b->etag) - 1; /* without the closing quote */
    for (const char *s = list; (s = strstr(s, "\"")); s++)
        if (!strncmp(s, b->etag, n) && (s[n] == '"' || !strncmp(s + n, "-gz\"", 4)))
            return true;
    return false;
}

void pr_api_reply_with(
    const struct pr_api_call *call, struct pr_api_blob *blob, struct pr_api_reply *r)
{
    bool gzip = blob->gz && takes_gzip(call->header[PR_API_H_ACCEPT_ENCODING]);
    r->blob = blob;
    r->status = blob->status;
    r->form = gzip ? PR_API_GZIP : PR_API_PLAIN;
    if (blob->status == 200 && strcmp(call->method, "POST") != 0 &&
        is_known(call->header[PR_API_H_IF_NONE_MATCH], blob)) {
        r->status = 304;
        r->form = gzip ? PR_API_UNCHANGED_GZIP : PR_API_UNCHANGED;
    }
    if (blob->status == 429 || blob->status == 503)
        r->retry_after_s = 1;
}

/* ---- who may ---- */

static enum pr_api_next refuse(int status, const char *message, struct pr_api_reply *r)
{
    pr_api_reply_error(status, message, r);
    return PR_API_REPLY;
}

static bool may_go_on(struct pr_api *a, const struct pr_api_call *c, bool needs_token,
    struct pr_api_request *q, struct pr_api_reply *r)
{
    if (!needs_token)
        return true;
    enum pr_api_verdict v = pr_api_auth_check(a->auth, c->header[PR_API_H_AUTHORIZATION],
        c->header[PR_API_H_COOKIE], c->peer, pr_clock_monotonic_ns());
    if (v == PR_API_TOKEN || v == PR_API_SESSION) {
        snprintf(q->who, sizeof q->who, "%s", v == PR_API_TOKEN ? "token" : "session");
        return true;
    }
    if (v == PR_API_WAIT) {
        refuse(429, "too many wrong tokens from this address: wait a minute", r);
        r->retry_after_s = 60;
        return false;
    }
    refuse(401,
        v == PR_API_WRONG
            ? "this token or session is not known"
            : "this needs the token: 'Authorization: Bearer …', or sign in on the page",
        r);
    r->challenge = true;
    return false;
}

static bool is_post(const struct pr_api_call *c)
{
    return !strcmp(c->method, "POST");
}

static bool is_json(const char *type)
{
    size_t n = type ? strcspn(type, "; \t") : 0;
    return n == sizeof PR_API_JSON - 1 && !strncasecmp(type, PR_API_JSON, n);
}

/* Another site's page in the user's browser may send a POST, but not as one of ours. */
static bool check_post(const struct pr_api_call *c, bool with_body, struct pr_api_reply *r)
{
    const char *const *h = c->header;
    bool by_cookie = h[PR_API_H_COOKIE] && !h[PR_API_H_AUTHORIZATION];
    if (!pr_origin_is_ours(
            h[PR_API_H_ORIGIN], h[PR_API_H_FETCH_SITE], h[PR_API_H_HOST], c->tls, by_cookie)) {
        refuse(403, "this request comes from another site's page", r);
        return false;
    }
    if (with_body && !is_json(h[PR_API_H_CONTENT_TYPE])) {
        refuse(415, "the body must be application/json, and Content-Type must say so", r);
        return false;
    }
    return true;
}

/* ---- the server's own routes ---- */

static enum pr_api_next send_blob(
    const struct pr_api_call *c, struct pr_api_blob *b, struct pr_api_reply *r)
{
    pr_api_reply_with(c, pr_api_blob_ref(b), r);
    return PR_API_REPLY;
}

static enum pr_api_next send_session(
    struct pr_api *a, const struct pr_api_call *c, struct pr_api_reply *r)
{
    bool in = pr_api_auth_has_session(a->auth, c->header[PR_API_H_COOKIE], pr_clock_monotonic_ns());
    return send_blob(c, a->sessions[in][a->closed], r);
}

static void set_cookie(
    const struct pr_api_call *c, const char *value, int seconds, struct pr_api_reply *r)
{
    snprintf(r->cookie, sizeof r->cookie,
        PR_API_COOKIE "=%s; Path=/; Max-Age=%d; HttpOnly; SameSite=Strict%s", value, seconds,
        c->tls ? "; Secure" : "");
}

static enum pr_api_next begin_own(
    struct pr_api *a, const struct pr_api_call *c, enum pr_api_own own, struct pr_api_reply *r)
{
    switch (own) {
    case PR_API_OWN_HEALTHZ:
        return send_blob(c, a->health, r);
    case PR_API_OWN_READYZ:
        pr_api_reply_with(c, pr_api_snapshot_ready(a->snapshot), r);
        return PR_API_REPLY;
    case PR_API_OWN_OPENAPI:
        return send_blob(c, a->openapi, r);
    case PR_API_OWN_SESSION:
        return send_session(a, c, r);
    case PR_API_OWN_EVENTS:
        return PR_API_STREAM;
    case PR_API_OWN_LOGIN:
        return check_post(c, true, r) ? PR_API_BODY : PR_API_REPLY;
    case PR_API_OWN_LOGOUT:
        if (!check_post(c, false, r))
            return PR_API_REPLY;
        pr_api_auth_logout(a->auth, c->header[PR_API_H_COOKIE]);
        set_cookie(c, "", 0, r);
        r->status = 204;
        return PR_API_REPLY;
    case PR_API_OWN_NONE:
        break;
    }
    return refuse(404, "there is no such route", r);
}

/* Login has no route of a plugin: its one member is looked at here. */
static enum pr_api_next log_in(struct pr_api *a, const struct pr_api_call *c, const char *body,
    size_t n, struct pr_api_reply *r)
{
    struct pr_error e;
    json_t *o = NULL;
    const char *token = NULL;
    char session[PR_API_SESSION_CHARS + 1];
    enum pr_code code = pr_json_parse(body, n, PR_JSON_STRICT, "body", &o, NULL, &e);
    if (!code && !json_is_object(o))
        code = pr_fail(&e, PR_E_FORMAT, "body: not an object");
    if (!code)
        code = pr_json_get_str(o, "token", true, &token, &e);
    enum pr_api_verdict v =
        code ? PR_API_NOBODY
             : pr_api_auth_login(a->auth, token, c->peer, pr_clock_monotonic_ns(), session);
    json_decref(o);
    if (code)
        return refuse(400, e.message, r);
    if (v == PR_API_WAIT) {
        refuse(429, "too many wrong tokens from this address: wait a minute", r);
        r->retry_after_s = 60;
        return PR_API_REPLY;
    }
    if (v != PR_API_TOKEN)
        return refuse(401, "this is not the token", r);
    set_cookie(c, session, PR_API_SESSION_S, r);
    explicit_bzero(session, sizeof session);
    r->status = 204;
    return PR_API_REPLY;
}

/* ---- a request ---- */

static enum pr_api_next begin_route(struct pr_api *a, const struct pr_api_call *c,
    const struct pr_api_match *m, size_t path_n, struct pr_api_request *q, struct pr_api_reply *r)
{
    struct pr_error e;
    const char *query = c->uri[path_n] == '?' ? c->uri + path_n + 1 : NULL;
    if (!may_go_on(a, c, a->closed || is_post(c), q, r) || (is_post(c) && !check_post(c, true, r)))
        return PR_API_REPLY;
    if (m->route->sources && !is_post(c) && (!query || !*query)) {
        pr_api_reply_with(c, pr_api_snapshot_document(a->snapshot, m->index), r);
        return PR_API_REPLY;
    }
    if (is_post(c) && query && *query)
        return refuse(400, "an action takes no parameters but those in its body", r);
    snprintf(q->peer, sizeof q->peer, "%s", c->peer);
    if (pr_api_request_parse(q, m->route, c->uri, path_n, query, &e))
        return refuse(400, e.message, r);
    if (is_post(c))
        return PR_API_BODY;
    if (m->route->sources) { /* a query string that is empty but for & */
        pr_api_reply_with(c, pr_api_snapshot_document(a->snapshot, m->index), r);
        return PR_API_REPLY;
    }
    return PR_API_WORK;
}

/* What is neither: a file of the page, a wrong method, or nothing. */
static enum pr_api_next begin_other(struct pr_api *a, const struct pr_api_call *c,
    const struct pr_api_match *m, size_t path_n, struct pr_api_reply *r)
{
    struct pr_api_blob *b = pr_api_page_find(a->page, c->uri, path_n);
    const char *allow = b ? "GET, HEAD" : m->allow;
    if (b && (!strcmp(c->method, "GET") || !strcmp(c->method, "HEAD")))
        return send_blob(c, b, r);
    if (!*allow)
        return refuse(404, "there is no such route: /api/openapi.json lists them", r);
    refuse(405, "this route does not take this method", r);
    snprintf(r->allow, sizeof r->allow, "%s", allow);
    return PR_API_REPLY;
}

static enum pr_api_next begin(
    struct pr_api *a, const struct pr_api_call *c, struct pr_api_request *q, struct pr_api_reply *r)
{
    struct pr_api_match m;
    if (strlen(c->uri) > PR_API_MAX_URI)
        return refuse(414, "the address is longer than 8 KiB", r);
    if (!pr_host_is_ours(
            c->header[PR_API_H_HOST], a->config->api.bind, c->local, a->config->api.hosts))
        return refuse(403,
            "this is no name of this server: ask it by its address, or list the name in api.hosts",
            r);
    size_t path_n = strcspn(c->uri, "?");
    if (*c->uri != '/')
        return refuse(400, "the request names no path", r);
    pr_api_snapshot_attend(a->snapshot);
    pr_api_router_find(c->method, c->uri, path_n, &m);
    if (m.route)
        return begin_route(a, c, &m, path_n, q, r);
    if (m.own == PR_API_OWN_NONE)
        return begin_other(a, c, &m, path_n, r);
    if (c->uri[path_n] == '?' && c->uri[path_n + 1])
        return refuse(400, "this route takes no parameter", r);
    if (!may_go_on(a, c, a->closed && !pr_api_own_routes[m.own].open, q, r))
        return PR_API_REPLY;
    return begin_own(a, c, m.own, r);
}

enum pr_api_next pr_api_begin(struct pr_api *a, const struct pr_api_call *call,
    struct pr_api_request *q, struct pr_api_reply *r)
{
    *r = (struct pr_api_reply){0};
    return begin(a, call, q, r);
}

enum pr_api_next pr_api_body_done(struct pr_api *a, const struct pr_api_call *call,
    struct pr_api_request *q, const char *body, size_t n, struct pr_api_reply *r)
{
    struct pr_error e;
    *r = (struct pr_api_reply){0};
    if (!q->route)
        return log_in(a, call, body, n, r);
    if (pr_api_request_body(q, body, n, &e))
        return refuse(400, e.message, r);
    return PR_API_WORK;
}

bool pr_api_work(struct pr_api *a, const struct pr_api_request *q, pr_api_answered *done, void *ctx,
    struct pr_api_reply *r)
{
    if (pr_api_queries_add(a->queries, q, done, ctx))
        return true;
    *r = (struct pr_api_reply){0};
    if (pr_api_queries_stopped(a->queries))
        pr_api_reply_error(503, PR_API_STOPPING, r);
    else
        pr_api_reply_error(429, "too many questions wait to be answered: ask again in a moment", r);
    r->retry_after_s = 1;
    return false;
}

/* ---- life ---- */

static void peers_changed(void *ctx, json_t *peers)
{
    pr_api_snapshot_set_peers(ctx, peers);
}

static enum pr_code start_parts(struct pr_api *a, struct pr_error *e)
{
    json_t *api = json_object();
    pr_json_set_str(api, "version", PR_VERSION);
    pr_json_set_str(api, "boot", a->boot);
    pr_json_set_str(api, "bind", a->config->api.bind);
    pr_json_set_bool(api, "token_required", a->closed);
    pr_json_set_bool(api, "page", pr_api_page_is_there(a->page));
    enum pr_code code = pr_api_snapshot_new(a->config, api, a->events, &a->snapshot, e);
    json_decref(api);
    if (code)
        return code;
    a->peers = pr_api_peers_new(a->config, a->boot, peers_changed, a->snapshot);
    return pr_api_queries_new(a->snapshot, &a->queries, e);
}

static void make_blobs(struct pr_api *a)
{
    int64_t now = pr_clock_utc_ms();
    json_t *o = json_object();
    pr_json_set_str(o, "status", "ok");
    a->health = pr_api_blob_json(o, now);
    json_decref(o);
    o = pr_api_openapi();
    struct pr_str text = PR_STR_INIT((size_t)8 << 20);
    pr_json_dump(o, -1, 0, &text);
    a->openapi = pr_api_blob_text(PR_API_JSON, pr_str_cstr(&text), text.len);
    pr_str_done(&text);
    json_decref(o);
    for (int i = 0; i < 4; i++) {
        o = json_object();
        pr_json_set_bool(o, "signed_in", i & 1);
        pr_json_set_bool(o, "token_required", i >> 1);
        a->sessions[i & 1][i >> 1] = pr_api_blob_json(o, now);
        json_decref(o);
    }
}

enum pr_code pr_api_new(const struct pr_config *config, struct pr_api **ret, struct pr_error *e)
{
    struct pr_api *a = pr_zalloc(sizeof *a);
    uint64_t number = 0;
    a->config = config;
    a->closed = !pr_host_is_loopback(config->api.bind);
    char *own = pr_path_join(config->base_dir, "api.token");
    enum pr_code code =
        pr_api_auth_new(config->api.token_file ? config->api.token_file : own, &a->auth, e);
    pr_free(own);
    if (!code && getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        code = pr_fail_errno(e, errno, "the system gives no random numbers");
    if (!code) {
        snprintf(a->boot, sizeof a->boot, "%012llx", (unsigned long long)number >> 16);
        a->page = pr_api_page_new();
        a->events = pr_api_events_new(a->boot, PR_VERSION, (size_t)config->api.max_streams);
        make_blobs(a);
        code = start_parts(a, e);
    }
    if (code) {
        pr_api_stop(a);
        pr_api_free(a);
        return code;
    }
    *ret = a;
    return PR_OK;
}

void pr_api_stop(struct pr_api *a)
{
    if (a->events)
        pr_api_events_end(a->events);
    if (a->queries)
        pr_api_queries_stop(a->queries);
}

void pr_api_free(struct pr_api *a)
{
    if (!a)
        return;
    pr_api_queries_free(a->queries);
    pr_api_peers_free(a->peers);
    pr_api_snapshot_free(a->snapshot);
    pr_api_events_free(a->events);
    pr_api_page_free(a->page);
    pr_api_auth_free(a->auth);
    pr_api_blob_unref(a->health);
    pr_api_blob_unref(a->openapi);
    for (int i = 0; i < 4; i++)
        pr_api_blob_unref(a->sessions[i & 1][i >> 1]);
    pr_free(a);
}

struct pr_api_events *pr_api_events_of(struct pr_api *a)
{
    return a->events;
}

struct pr_api_snapshot *pr_api_snapshot_of(struct pr_api *a)
{
    return a->snapshot;
}

struct pr_api_auth *pr_api_auth_of(struct pr_api *a)
{
    return a->auth;
}

bool pr_api_has_page(const struct pr_api *a)
{
    return pr_api_page_is_there(a->page);
}
