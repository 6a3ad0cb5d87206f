/* Looking at other machines: a thread for each. */
#include "api/peers.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/str.h"
#include "daemon/log.h"
#include "daemon/peer_list.h"
#include "net/fetch.h"

#define TIMEOUT_MS 5000
#define MAX_STATUS (4 << 20)
#define MAX_GPU    (1 << 20)
#define MAX_WAIT_S 60

struct one {
    struct pr_api_peers *all;
    struct pr_peer peer;
    pthread_t thread;
    bool started;
    char etag[2][128]; /* of status and gpu; the thread's alone */
    json_t *status, *gpu;
    bool said_down; /* logged */
    /* guarded by all->lock */
    json_t *shown;
};

struct pr_api_peers {
    struct pr_peer *list; /* the strings of `one.peer` */
    struct one *v;
    size_t n;
    int64_t seconds;
    char *boot;
    void (*changed)(void *ctx, json_t *peers);
    void *ctx;
    atomic_bool stop;
    pthread_mutex_t telling; /* held while `changed` is called: the newest comes last */
    pthread_mutex_t lock;
    pthread_cond_t woken; /* stop was set */
};

/* ---- what is shown ---- */

static json_t *shown(const struct pr_peer *p, const char *reason, const char *at)
{
    json_t *o = json_object();
    pr_json_set_str(o, "url", *p->url ? p->url : NULL);
    pr_json_set_bool(o, "reachable", !reason);
    pr_json_set_str(o, "reason", reason);
    pr_json_set_str(o, "at", at);
    return o;
}

static void tell(struct pr_api_peers *all)
{
    pthread_mutex_lock(&all->telling);
    json_t *o = json_object();
    pthread_mutex_lock(&all->lock);
    for (size_t i = 0; i < all->n; i++)
        pr_json_set(o, all->v[i].peer.name, json_incref(all->v[i].shown));
    pthread_mutex_unlock(&all->lock);
    all->changed(all->ctx, o);
    pthread_mutex_unlock(&all->telling);
}

/* Takes o over as what is shown. */
static void show(struct one *one, json_t *o)
{
    struct pr_api_peers *all = one->all;
    pthread_mutex_lock(&all->lock);
    json_t *old = one->shown;
    one->shown = o;
    pthread_mutex_unlock(&all->lock);
    json_decref(old);
    tell(all);
}

static void show_answer(struct one *one)
{
    char at[32];
    pr_clock_iso8601(pr_clock_utc_ms(), at);
    json_t *o = shown(&one->peer, NULL, at);
    pr_json_set(o, "status", json_incref(one->status));
    pr_json_set(o, "gpu", json_incref(one->gpu));
    if (one->said_down)
        pr_log(PR_LOG_INFO, "peers", "reachable", "peer=%s", pr_log_quote(one->peer.name));
    one->said_down = false;
    show(one, o);
}

/* When it last answered stays; what it said then does not. */
static void show_failure(struct one *one, const char *reason)
{
    struct pr_api_peers *all = one->all;
    pthread_mutex_lock(&all->lock);
    const char *at = json_string_value(json_object_get(one->shown, "at"));
    json_t *o = shown(&one->peer, reason, at);
    pthread_mutex_unlock(&all->lock);
    pr_json_set_null(o, "status", "it cannot be reached");
    pr_json_set_null(o, "gpu", "it cannot be reached");
    if (!one->said_down)
        pr_log(PR_LOG_WARN, "peers", "unreachable", "peer=%s reason=%s",
            pr_log_quote(one->peer.name), pr_log_quote(reason));
    one->said_down = true;
    show(one, o);
}

/* ---- asking ---- */

static enum pr_code refused(int status, bool has_token, struct pr_error *e)
{
    if (status == 401 && has_token)
        return pr_fail(e, PR_E_IO, "it does not take the token in token_file (HTTP 401)");
    if (status == 401)
        return pr_fail(e, PR_E_IO, "it wants a token: name one as token_file (HTTP 401)");
    return pr_fail(e, PR_E_IO, "it answered with HTTP %d", status);
}

struct question {
    const char *path;
    size_t max;
    enum pr_code (*clean)(const json_t *document, json_t **ret, struct pr_error *e);
};

/* *kept: what was taken of the last answer; stays where nothing changed.  On failure it is
 * untouched, and is asked for anew next time. */
static enum pr_code ask(struct one *one, const struct question *q, const char *token,
    char etag[128], json_t **kept, struct pr_error *e)
{
    struct pr_str url = PR_STR_INIT(9000), auth = PR_STR_INIT(700), match = PR_STR_INIT(200);
    const char *headers[4];
    size_t n = 0;
    pr_str_printf(&url, "%s%s", one->peer.url, q->path);
    pr_str_printf(&auth, "Authorization: Bearer %s", token ? token : "");
    pr_str_printf(&match, "If-None-Match: %s", etag);
    headers[n++] = "Accept: application/json";
    if (token)
        headers[n++] = pr_str_cstr(&auth);
    if (*etag && *kept)
        headers[n++] = pr_str_cstr(&match);
    headers[n] = NULL;
    const struct pr_fetch_options o = {.url = pr_str_cstr(&url),
        .headers = headers,
        .timeout_ms = TIMEOUT_MS,
        .max_bytes = q->max,
        .ca_file = one->peer.ca_file,
        .stop = &one->all->stop};
    struct pr_fetched got = {0};
    json_t *document = NULL, *clean = NULL;
    enum pr_code code = pr_fetch(&o, &got, e);
    if (!code && !(got.status == 304 && *kept)) {
        if (got.status != 200)
            code = refused(got.status, token != NULL, e);
        else if (!(code = pr_json_parse(pr_str_cstr(&got.body), got.body.len, PR_JSON_STRICT,
                       q->path, &document, NULL, e)) &&
                 !(code = q->clean(document, &clean, e))) {
            json_decref(*kept);
            *kept = clean;
            memcpy(etag, got.etag, sizeof got.etag);
        }
    }
    json_decref(document);
    pr_fetched_done(&got);
    pr_str_done(&url);
    pr_str_done(&auth);
    pr_str_done(&match);
    return code;
}

static enum pr_code look(struct one *one, struct pr_error *e)
{
    static const struct question status = {"/api/status", MAX_STATUS, pr_peer_clean_status};
    static const struct question gpu = {"/api/gpu", MAX_GPU, pr_peer_clean_gpu};
    char *token = NULL;
    enum pr_code code = PR_OK;
    if (one->peer.token_file && (code = pr_peer_token(one->peer.token_file, &token, e)))
        return pr_wrap(e, code, "token_file");
    code = ask(one, &status, token, one->etag[0], &one->status, e);
    if (!code) {
        const json_t *api = json_object_get(one->status, "api");
        if (!strcmp(json_string_value(json_object_get(api, "boot")), one->all->boot))
            code =
                pr_fail(e, PR_E_USAGE, "this is this very proctor: a machine is no peer of itself");
    }
    if (!code)
        code = ask(one, &gpu, token, one->etag[1], &one->gpu, e);
    if (token)
        explicit_bzero(token, strlen(token));
    pr_free(token);
    return code;
}

/* ---- the thread ---- */

/* False: it is to end. */
static bool wait_for(struct pr_api_peers *all, int64_t seconds)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)seconds;
    pthread_mutex_lock(&all->lock);
    while (!all->stop && !pthread_cond_timedwait(&all->woken, &all->lock, &until))
        ;
    pthread_mutex_unlock(&all->lock);
    return !all->stop;
}

static int64_t longer(int64_t wait, int64_t usual)
{
    int64_t most = usual > MAX_WAIT_S ? usual : MAX_WAIT_S;
    return 2 * wait < most ? 2 * wait : most;
}

static void *run(void *arg)
{
    struct one *one = arg;
    struct pr_api_peers *all = one->all;
    int64_t wait = all->seconds;
    do {
        struct pr_error e;
        enum pr_code code = look(one, &e);
        if (all->stop)
            break;
        if (code) {
            show_failure(one, e.message);
            wait = longer(wait, all->seconds);
        } else {
            show_answer(one);
            wait = all->seconds;
        }
    } while (wait_for(all, wait));
    return NULL;
}

/* All signals are the main thread's. */
static void start(struct one *one)
{
    sigset_t every, old;
    sigfillset(&every);
    pthread_sigmask(SIG_SETMASK, &every, &old);
    one->started = !pthread_create(&one->thread, NULL, run, one);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
}

static void init_one(struct one *one, struct pr_api_peers *all, const struct pr_peer *p)
{
    *one = (struct one){.all = all, .peer = *p};
    one->shown = shown(p, p->problem ? p->problem : "it was not asked yet", NULL);
    pr_json_set_null(
        one->shown, "status", json_string_value(json_object_get(one->shown, "reason")));
    pr_json_set_null(one->shown, "gpu", json_string_value(json_object_get(one->shown, "reason")));
    if (p->problem)
        pr_log(PR_LOG_ERROR, "peers", "refused", "peer=%s reason=%s", pr_log_quote(p->name),
            pr_log_quote(p->problem));
}

struct pr_api_peers *pr_api_peers_new(const struct pr_config *config, const char *boot,
    void (*changed)(void *ctx, json_t *peers), void *ctx)
{
    struct pr_api_peers *p = pr_zalloc(sizeof *p);
    pthread_condattr_t attr;
    p->changed = changed;
    p->ctx = ctx;
    p->boot = pr_strdup(boot);
    p->seconds = config->peers_seconds;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&p->telling, NULL);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->woken, &attr);
    pthread_condattr_destroy(&attr);
    pr_peers_of(config, &p->list, &p->n);
    p->v = pr_zalloc((p->n + 1) * sizeof *p->v);
    for (size_t i = 0; i < p->n; i++)
        init_one(&p->v[i], p, &p->list[i]);
    tell(p);
    for (size_t i = 0; i < p->n; i++)
        if (!p->list[i].problem)
            start(&p->v[i]);
    return p;
}

void pr_api_peers_free(struct pr_api_peers *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->stop = true;
    pthread_cond_broadcast(&p->woken);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->n; i++) {
        if (p->v[i].started)
            pthread_join(p->v[i].thread, NULL);
        json_decref(p->v[i].shown);
        json_decref(p->v[i].status);
        json_decref(p->v[i].gpu);
    }
    pr_peers_free(p->list, p->n);
    pthread_mutex_destroy(&p->telling);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->woken);
    pr_free(p->boot);
    pr_free(p->v);
    pr_free(p);
}
