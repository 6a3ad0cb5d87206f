/* See snapshot.h. */
#include "api/snapshot.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "api/router.h"
#include "api/watch.h"
#include "base/clock.h"
#include "daemon/log.h"

#define LOOK_NS     250000000LL
#define IDLE_NS     2000000000LL  /* nobody asks: looked at that often */
#define ATTENDED_NS 60000000000LL /* after the last request */
#define RENEW_NS    30000000000LL /* what depends on the time alone: is a file old by now? */
#define BUILD_NS    20000000000LL /* a build that takes longer fails */
/* Building takes at most a fifth of the time, however large the base folder is. */
#define SHARE 5

struct document {
    const struct pr_api_route *route; /* NULL: not a document */
    const char *name;                 /* as in events: "training"; NULL: of no event */
    struct pr_api_blob *blob;         /* guarded by the lock */
};

struct pr_api_snapshot {
    /* Of the building thread alone. */
    struct pr_api_watch watch;
    struct pr_api_live *live;
    struct pr_api_events *events;
    json_t *api, *panels;
    int64_t not_before_ns, renewed_ns;
    unsigned pending;
    /* Shared. */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stir;
    struct document *documents; /* one a route */
    size_t n;
    struct pr_api_blob *ready;
    struct pr_api_world *world;
    json_t *new_peers; /* NULL: none came */
    bool stop, started;
    _Atomic int64_t asked_ns;
};

/* ---- the world ---- */

static struct pr_api_world *world_new(const struct pr_config *config)
{
    struct pr_api_world *w = pr_zalloc(sizeof *w);
    atomic_init(&w->refs, 1);
    pr_config_copy(config, &w->config);
    return w;
}

void pr_api_world_unref(struct pr_api_world *w)
{
    if (!w || atomic_fetch_sub(&w->refs, 1) != 1)
        return;
    json_decref(w->live);
    json_decref(w->machine);
    json_decref(w->peers);
    json_decref(w->panels);
    json_decref(w->api);
    pr_config_done(&w->config);
    pr_free(w);
}

struct pr_api_context pr_api_world_context(
    const struct pr_api_world *w, struct pr_gradebook *g, int64_t now_ms)
{
    return (struct pr_api_context){.config = &w->config,
        .g = g,
        .live = w->live,
        .live_reason = w->live ? NULL : w->live_reason,
        .machine = w->machine,
        .peers = w->peers,
        .api = w->api,
        .panels = w->panels,
        .now_ms = now_ms};
}

static enum pr_code reload(const struct pr_api_world *old, struct pr_api_world **ret)
{
    struct pr_error e;
    struct pr_config fresh;
    enum pr_code code = pr_config_load(old->config.base_dir, &fresh, &e);
    if (code) {
        pr_log(PR_LOG_ERROR, "api", "configuration", "why=%s kept=%s", pr_log_quote(e.message),
            "the one before");
        return code;
    }
    *ret = world_new(&fresh);
    pr_config_done(&fresh);
    return PR_OK;
}

/* What is true now, from what was and what changed. */
static struct pr_api_world *renew(struct pr_api_snapshot *s, unsigned changed)
{
    const struct pr_api_world *old = s->world;
    struct pr_api_world *w = NULL;
    if (!(changed & PR_API_CONFIG) || reload(old, &w))
        w = world_new(&old->config);
    pthread_mutex_lock(&s->lock);
    w->peers = s->new_peers ? s->new_peers : json_incref(old->peers);
    s->new_peers = NULL;
    pthread_mutex_unlock(&s->lock);
    w->live = json_incref(s->watch.now.state);
    w->machine = json_incref(s->watch.now.machine);
    memcpy(w->live_reason, s->watch.now.why, sizeof w->live_reason);
    w->api = json_incref(s->api);
    w->panels = json_incref(s->panels);
    return w;
}

static json_t *find_panels(const struct pr_api_context *x)
{
    size_t n;
    const struct pr_api_plugin *const *p = pr_api_plugins(&n);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        if (!p[i]->panel || (p[i]->present && !p[i]->present(x)))
            continue;
        json_t *o = json_object();
        pr_json_set_str(o, "id", p[i]->panel);
        pr_json_set_str(o, "title", p[i]->title);
        pr_json_set_str(o, "plugin", p[i]->name);
        json_array_append_new(list, o);
    }
    return list;
}

/* ---- documents ---- */

static struct pr_api_blob *answer(
    const struct pr_api_snapshot *s, const struct pr_api_route *r, const struct pr_api_context *x)
{
    struct pr_error e;
    json_t *content = NULL;
    struct pr_api_blob *blob;
    enum pr_code code = s->watch.book_code;
    if (code && (r->sources & PR_API_GRADEBOOK))
        return pr_api_blob_error(503, s->watch.book_error.message);
    if ((code = r->get(x, NULL, &content, &e)))
        return pr_api_blob_error(code == PR_E_CANCELLED ? 503 : pr_api_status_of(code), e.message);
    if (r->type)
        blob = pr_api_blob_text(r->type, json_string_value(content), json_string_length(content));
    else
        blob = pr_api_blob_json(content, x->now_ms);
    json_decref(content);
    return blob;
}

/* Two errors are alike by their text: they have no ETag. */
static bool same(const struct pr_api_blob *a, const struct pr_api_blob *b)
{
    if (!a || a->status != b->status)
        return false;
    return a->etag[0] ? !strcmp(a->etag, b->etag) : a->n == b->n && !memcmp(a->body, b->body, a->n);
}

/* The old one stays where nothing but the time passed: it is what its ETag was given to. */
static bool put(struct pr_api_snapshot *s, struct pr_api_blob **place, struct pr_api_blob *fresh)
{
    pthread_mutex_lock(&s->lock);
    struct pr_api_blob *old = *place;
    bool news = !same(old, fresh);
    if (news)
        *place = fresh;
    pthread_mutex_unlock(&s->lock);
    pr_api_blob_unref(news ? old : fresh);
    return news;
}

static void build_ready(struct pr_api_snapshot *s, const struct pr_api_context *x)
{
    json_t *o = json_object(), *reasons = json_array();
    const json_t *storage = json_object_get(x->live, "storage");
    const char *state = json_string_value(json_object_get(storage, "state")), *why = NULL;
    if (!x->live)
        json_array_append_new(reasons, json_string(x->live_reason));
    if (s->watch.book_code)
        json_array_append_new(reasons, json_string(s->watch.book_error.message));
    else if (!x->g)
        json_array_append_new(reasons, json_string("there is no gradebook yet"));
    if (state && strcmp(state, "ok") != 0) {
        why = json_string_value(json_object_get(storage, "reason"));
        json_array_append_new(reasons, json_string(why ? why : "grading is held up"));
    }
    bool ready = !json_array_size(reasons);
    pr_json_set_bool(o, "ready", ready);
    pr_json_set(o, "reasons", reasons);
    struct pr_api_blob *b = pr_api_blob_json(o, x->now_ms);
    b->status = ready ? 200 : 503;
    json_decref(o);
    put(s, &s->ready, b);
}

static const struct {
    unsigned source;
    const char *name;
} source_names[] = {{PR_API_GRADEBOOK, "gradebook"}, {PR_API_TRAINING, "training"},
    {PR_API_LIVE, "live"}, {PR_API_MACHINE, "machine"}, {PR_API_PEERS, "peers"},
    {PR_API_CONFIG, "config"}, {PR_API_QUEUE, "queue"}};

static void tell(struct pr_api_snapshot *s, json_t *names, unsigned changed)
{
    json_t *data = json_object(), *sources = json_array();
    for (size_t i = 0; i < sizeof source_names / sizeof *source_names; i++)
        if (changed & source_names[i].source)
            json_array_append_new(sources, json_string(source_names[i].name));
    pr_json_set(data, "documents", json_incref(names));
    pr_json_set(data, "sources", sources);
    /* Of what the owner does, only what documents show of it is news. */
    if (json_object_size(names) || (changed & ~(unsigned)PR_API_LIVE))
        pr_api_events_publish(s->events, "changed", data);
    json_decref(data);
}

/* changed is told with the documents that are others now; also: built again too. */
static void build(struct pr_api_snapshot *s, unsigned changed, unsigned also, bool silent)
{
    struct pr_error e;
    json_t *names = json_object();
    struct pr_api_watch *w = &s->watch;
    int64_t deadline = pr_clock_monotonic_ns() + BUILD_NS;
    if (!w->book_code && (w->book_code = pr_api_book_begin(&w->book, deadline, &e)))
        w->book_error = e;
    struct pr_gradebook *g = w->book_code ? NULL : w->book.g;
    struct pr_api_world *fresh = renew(s, silent ? 0 : changed), *old;
    struct pr_api_context x = pr_api_world_context(fresh, g, pr_clock_utc_ms());
    json_decref(s->panels);
    s->panels = find_panels(&x);
    json_decref(fresh->panels);
    fresh->panels = json_incref(s->panels);
    x.panels = s->panels;
    pthread_mutex_lock(&s->lock);
    old = s->world;
    s->world = fresh;
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < s->n; i++) {
        struct document *d = &s->documents[i];
        if (!d->route || !(d->route->sources & (changed | also)))
            continue;
        if (put(s, &d->blob, answer(s, d->route, &x)) && d->name)
            pr_json_set_str(names, d->name, d->blob->etag);
    }
    build_ready(s, &x);
    pr_api_watch_training(w, fresh->config.base_dir, fresh->config.current);
    if (pr_api_book_end(&w->book, &e))
        s->pending |= PR_API_GRADEBOOK;
    if (!silent)
        tell(s, names, changed);
    json_decref(names);
    pr_api_world_unref(old);
}

/* ---- the thread ---- */

static void wait(struct pr_api_snapshot *s)
{
    int64_t now = pr_clock_monotonic_ns();
    bool attended =
        now - atomic_load(&s->asked_ns) < ATTENDED_NS || pr_api_events_streams(s->events);
    pr_api_live_attend(s->live, attended);
    int64_t until = now + (attended ? LOOK_NS : IDLE_NS);
    until = until > s->not_before_ns ? until : s->not_before_ns;
    struct timespec at = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
    pthread_mutex_lock(&s->lock);
    bool news = s->new_peers && !(s->pending & PR_API_PEERS);
    if (!s->stop && !news)
        pthread_cond_timedwait(&s->stir, &s->lock, &at);
    pthread_mutex_unlock(&s->lock);
}

static bool must_stop(struct pr_api_snapshot *s)
{
    pthread_mutex_lock(&s->lock);
    bool ret = s->stop;
    if (s->new_peers)
        s->pending |= PR_API_PEERS;
    pthread_mutex_unlock(&s->lock);
    return ret;
}

static void *run(void *ctx)
{
    struct pr_api_snapshot *s = ctx;
    while (wait(s), !must_stop(s)) {
        s->pending |= pr_api_watch_look(&s->watch);
        int64_t began = pr_clock_monotonic_ns();
        unsigned also = began - s->renewed_ns > RENEW_NS ? PR_API_TRAINING : 0U;
        if (!(s->pending | also) || began < s->not_before_ns)
            continue;
        unsigned changed = s->pending;
        s->pending = 0;
        if ((changed | also) & PR_API_TRAINING)
            s->renewed_ns = began;
        build(s, changed, also, false);
        int64_t now = pr_clock_monotonic_ns();
        s->not_before_ns = now + (now - began) * (SHARE - 1);
    }
    return NULL;
}

static void set_documents(struct pr_api_snapshot *s)
{
    const struct pr_api_route *r;
    size_t cap = 0;
    for (size_t k = 0; (r = pr_api_route_at(k, NULL)); k++) {
        struct document d = {0};
        if (r->sources && r->get)
            d.route = r;
        if (d.route && !r->type && !strncmp(r->path, "/api/", 5))
            d.name = r->path + 5;
        PR_PUSH(s->documents, s->n, cap, d);
    }
}

enum pr_code pr_api_snapshot_new(const struct pr_config *config, const json_t *api,
    struct pr_api_events *events, struct pr_api_snapshot **ret, struct pr_error *e)
{
    struct pr_api_snapshot *s = pr_zalloc(sizeof *s);
    pthread_condattr_t at;
    pthread_mutex_init(&s->lock, NULL);
    pthread_condattr_init(&at);
    pthread_condattr_setclock(&at, CLOCK_MONOTONIC);
    pthread_cond_init(&s->stir, &at);
    pthread_condattr_destroy(&at);
    s->events = events;
    s->api = json_incref((json_t *)(uintptr_t)api);
    s->world = world_new(config);
    s->world->peers = json_object();
    s->live = pr_api_live_new(config->base_dir);
    pr_api_watch_init(&s->watch, config->base_dir, s->live);
    set_documents(s);
    pr_api_watch_look(&s->watch);
    s->renewed_ns = pr_clock_monotonic_ns();
    build(s, ~0U, 0, true);
    int err = pthread_create(&s->thread, NULL, run, s);
    s->started = !err;
    if (err) {
        pr_api_snapshot_free(s);
        return pr_fail_errno(e, err, "a thread cannot be started");
    }
    *ret = s;
    return PR_OK;
}

void pr_api_snapshot_free(struct pr_api_snapshot *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->stop = true;
    pthread_cond_signal(&s->stir);
    pthread_mutex_unlock(&s->lock);
    if (s->started)
        pthread_join(s->thread, NULL);
    for (size_t i = 0; i < s->n; i++)
        pr_api_blob_unref(s->documents[i].blob);
    pr_free(s->documents);
    pr_api_blob_unref(s->ready);
    pr_api_world_unref(s->world);
    pr_api_watch_done(&s->watch);
    pr_api_live_free(s->live);
    json_decref(s->api);
    json_decref(s->panels);
    json_decref(s->new_peers);
    pthread_cond_destroy(&s->stir);
    pthread_mutex_destroy(&s->lock);
    pr_free(s);
}

/* ---- what request threads take ---- */

static struct pr_api_blob *take(struct pr_api_snapshot *s, struct pr_api_blob *const *place)
{
    pthread_mutex_lock(&s->lock);
    struct pr_api_blob *b = pr_api_blob_ref(*place);
    pthread_mutex_unlock(&s->lock);
    return b;
}

struct pr_api_blob *pr_api_snapshot_document(struct pr_api_snapshot *s, size_t route)
{
    return take(s, &s->documents[route].blob);
}

struct pr_api_blob *pr_api_snapshot_ready(struct pr_api_snapshot *s)
{
    return take(s, &s->ready);
}

struct pr_api_world *pr_api_snapshot_world(struct pr_api_snapshot *s)
{
    pthread_mutex_lock(&s->lock);
    struct pr_api_world *w = s->world;
    atomic_fetch_add(&w->refs, 1);
    pthread_mutex_unlock(&s->lock);
    return w;
}

void pr_api_snapshot_attend(struct pr_api_snapshot *s)
{
    atomic_store_explicit(&s->asked_ns, pr_clock_monotonic_ns(), memory_order_relaxed);
}

void pr_api_snapshot_set_peers(struct pr_api_snapshot *s, json_t *peers)
{
    pthread_mutex_lock(&s->lock);
    const json_t *known = s->new_peers ? s->new_peers : s->world->peers;
    if (json_equal(known, peers)) {
        json_decref(peers);
    } else {
        json_decref(s->new_peers);
        s->new_peers = peers;
        pthread_cond_signal(&s->stir);
    }
    pthread_mutex_unlock(&s->lock);
}
