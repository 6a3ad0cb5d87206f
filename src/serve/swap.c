/* The models of a server: which one serves, who holds it, and how the next one takes its place.
 *
 * Under the server's lock an answer takes its place and its model at once: it begins and ends on
 * one model, and none can begin on one that was replaced. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "model/packed.h"
#include "serve/memory.h"
#include "serve/server_internal.h"

#define MIB ((double)(1 << 20))

/* ---- holding ---- */

struct pr_serve_loaded *pr_serve_take(struct pr_serve_server *s)
{
    pthread_mutex_lock(&s->lock);
    struct pr_serve_loaded *l = s->current;
    l->n_users++;
    pthread_mutex_unlock(&s->lock);
    return l;
}

const char *pr_serve_name_of(const struct pr_serve_loaded *l)
{
    return l->server->name ? l->server->name : pr_serve_model_name(l->model);
}

bool pr_serve_is_named(const struct pr_serve_loaded *l, const char *name, struct pr_serve_error *e)
{
    if (!strcmp(name, pr_serve_name_of(l)) || !strcmp(name, PR_SERVE_ALIAS))
        return true;
    pr_serve_refuse(e, 404, "model_not_found", "model",
        "there is no model '%.100s' here: it is '%.100s', or '" PR_SERVE_ALIAS
        "' whichever is loaded",
        name, pr_serve_name_of(l));
    return false;
}

static bool has_places(struct pr_serve_server *s, size_t n, struct pr_serve_error *e)
{
    if (s->draining)
        pr_serve_refuse(e, 503, "shutting_down", NULL, "the server is ending: ask again later");
    else if (s->n_answers && s->n_answers + n > s->o.most_waiting)
        pr_serve_refuse(e, 429, "rate_limit_exceeded", NULL,
            "%zu answers are under way or waiting, and there may be %zu: ask again later",
            s->n_answers, s->o.most_waiting);
    else
        return true;
    return false;
}

struct pr_serve_loaded *pr_serve_take_places(
    struct pr_serve_server *s, const char *name, size_t n, struct pr_serve_error *e)
{
    pthread_mutex_lock(&s->lock);
    struct pr_serve_loaded *l = s->current;
    bool ok = pr_serve_is_named(l, name, e) && has_places(s, n, e);
    if (ok && !pr_serve_model_hold(l->model)) { /* its limit is above the server's */
        pr_serve_refuse(e, 429, "rate_limit_exceeded", NULL, "the model's places are all taken");
        ok = false;
    }
    l->n_users += ok;
    s->n_answers += ok ? n : 0;
    pthread_mutex_unlock(&s->lock);
    return ok ? l : NULL;
}

void pr_serve_give_back(struct pr_serve_loaded *l, size_t n_places)
{
    struct pr_serve_server *s = l->server;
    pthread_mutex_lock(&s->lock);
    l->n_users--;
    s->n_answers -= n_places;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

/* ---- letting go ---- */

static void keep_totals(struct pr_batcher_counts *past, const struct pr_batcher_counts *c)
{
    past->passes += c->passes;
    past->tokens_prefilled += c->tokens_prefilled;
    past->tokens_cached += c->tokens_cached;
    past->tokens_generated += c->tokens_generated;
    past->set_back += c->set_back;
}

static void free_loaded(struct pr_serve_loaded *l)
{
    pr_serve_model_close(l->model);
    pr_free(l->dir);
    pr_free(l);
}

/* Closes one that was replaced when its last answer is over.  Its thread is the server's until its
 * memory is free: the next swap counts it. */
static void *close_old(void *ctx)
{
    struct pr_serve_loaded *l = ctx;
    struct pr_serve_server *s = l->server;
    struct pr_batcher_counts c;
    pthread_mutex_lock(&s->lock);
    while (l->n_users)
        pthread_cond_wait(&s->changed, &s->lock);
    struct pr_serve_loaded **link = &s->old;
    while (*link != l)
        link = &(*link)->next;
    *link = l->next;
    pr_serve_model_count(l->model, &c);
    keep_totals(&s->past, &c);
    s->closing_bytes += l->size.weights + l->size.kv;
    pthread_mutex_unlock(&s->lock);
    uint64_t bytes = l->size.weights + l->size.kv;
    free_loaded(l);
    pthread_mutex_lock(&s->lock);
    s->closing_bytes -= bytes;
    s->n_threads--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* Under the lock: l serves, and the one before it ends by itself. */
static void replace(struct pr_serve_server *s, struct pr_serve_loaded *l)
{
    struct pr_serve_loaded *old = s->current;
    pthread_t thread;
    s->current = l;
    s->n_swaps++;
    old->next = s->old;
    s->old = old;
    s->n_threads++;
    if (pthread_create(&thread, NULL, close_old, old)) /* it stays until the server ends */
        s->n_threads--;
    else
        pthread_detach(thread);
}

void pr_serve_let_go_of_all(struct pr_serve_server *s)
{
    pthread_mutex_lock(&s->lock);
    while (s->n_threads)
        pthread_cond_wait(&s->changed, &s->lock);
    pthread_mutex_unlock(&s->lock);
    for (struct pr_serve_loaded *l = s->old, *next; l; l = next) {
        next = l->next;
        free_loaded(l);
    }
    if (s->current)
        free_loaded(s->current);
}

/* ---- memory ---- */

/* Weights as they are packed; what the embedding's copy takes beyond its own share of them (where
 * the head is the embedding that share is the head's). */
static uint64_t weight_bytes(const struct pr_checkpoint *c, enum pr_math math)
{
    uint64_t each = math == PR_MATH_F32 ? 4 : 2, share = 0;
    uint64_t copy = pr_packed_copy_bytes(c, math == PR_MATH_BF16);
    if (copy && pr_checkpoint_tensor(c, "lm_head.weight"))
        share = each * pr_checkpoint_tensor(c, "model.embed_tokens.weight")->n;
    return pr_model_config_parameters(pr_checkpoint_config(c)) * each +
           (copy > share ? copy - share : 0);
}

/* And the KV cache's budget (by default the engine's own). */
static struct pr_serve_size size_of(
    const struct pr_checkpoint *c, const struct pr_serve_model_options *o, enum pr_math math)
{
    uint64_t weights = weight_bytes(c, math);
    return (struct pr_serve_size){
        weights, o->kv_bytes ? o->kv_bytes : pr_engine_default_kv_bytes(weights)};
}

/* What the one that serves may still take of what the system calls available. */
static uint64_t promised_bytes(struct pr_serve_server *s)
{
    struct pr_batcher_counts n;
    if (!s->current) /* the first is being loaded: nobody else looks */
        return 0;
    struct pr_serve_loaded *l = pr_serve_take(s);
    pr_serve_model_count(l->model, &n);
    size_t left = n.kv_most > n.kv_pages ? n.kv_most - n.kv_pages : 0;
    uint64_t bytes =
        n.kv_most ? (uint64_t)((double)l->size.kv * (double)left / (double)n.kv_most) : 0;
    pr_serve_give_back(l, 0);
    return bytes;
}

/* What those that are loaded may take together. */
static uint64_t taken_bytes(struct pr_serve_server *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t n = s->closing_bytes;
    if (s->current)
        n += s->current->size.weights + s->current->size.kv;
    for (const struct pr_serve_loaded *l = s->old; l; l = l->next)
        n += l->size.weights + l->size.kv;
    pthread_mutex_unlock(&s->lock);
    return n;
}

static enum pr_code check_memory(
    struct pr_serve_server *s, const char *name, struct pr_serve_size size, struct pr_error *e)
{
    uint64_t most = s->o.memory_bytes, wanted = size.weights + size.kv;
    uint64_t all = most ? most : pr_serve_memory_available("/proc", "/sys/fs/cgroup");
    uint64_t taken = most ? taken_bytes(s) : promised_bytes(s);
    uint64_t room = all > taken ? all - taken : 0;
    if (wanted <= room || (!most && !all)) /* the system does not tell */
        return PR_OK;
    return pr_fail(e, PR_E_LIMIT,
        "%s takes %.1f MiB of memory (weights and KV cache), and %.1f MiB are %s: a smaller KV "
        "cache may help",
        name, (double)wanted / MIB, (double)room / MIB, most ? "left of the limit" : "free");
}

/* ---- loading ---- */

/* What can be known of a folder without its weights in memory: its fingerprint, and what it would
 * take. */
static enum pr_code look(struct pr_serve_server *s, const char *dir, char fingerprint[65],
    struct pr_serve_size *ret, struct pr_error *e)
{
    struct pr_checkpoint_options co = s->o.model.checkpoint;
    const struct pr_engine_options eo = {.math = s->o.model.math};
    struct pr_checkpoint *c;
    enum pr_math math;
    char numerics[PR_NUMERICS_MAX];
    co.weights = true;
    enum pr_code code = pr_checkpoint_open(dir, &co, &c, e);
    if (code)
        return code;
    code = pr_checkpoint_fingerprint(c, s->o.model.n_threads, fingerprint, e);
    if (!code)
        code = pr_engine_choose(c, &eo, &math, numerics, e);
    if (!code)
        *ret = size_of(c, &s->o.model, math);
    pr_checkpoint_free(c);
    return code;
}

static enum pr_code load(struct pr_serve_server *s, const char *dir, struct pr_serve_size size,
    struct pr_serve_loaded **ret, struct pr_error *e)
{
    struct pr_serve_model *m;
    enum pr_code code = pr_serve_model_open(dir, &s->o.model, &m, e);
    if (code)
        return code;
    struct pr_serve_loaded *l = pr_zalloc(sizeof *l);
    *l = (struct pr_serve_loaded){.model = m,
        .dir = pr_strdup(dir),
        .since_s = pr_clock_utc_ms() / 1000,
        .size = size,
        .server = s};
    *ret = l;
    return PR_OK;
}

enum pr_code pr_serve_load_first(struct pr_serve_server *s, struct pr_error *e)
{
    char fingerprint[65];
    struct pr_serve_size size;
    enum pr_code code = look(s, s->o.dir, fingerprint, &size, e);
    if (!code)
        code = check_memory(s, s->o.dir, size, e);
    return code ? code : load(s, s->o.dir, size, &s->current, e);
}

void pr_serve_server_now(struct pr_serve_server *s, struct pr_serve_now *ret)
{
    pthread_mutex_lock(&s->lock);
    const struct pr_serve_model *m = s->current->model;
    snprintf(ret->name, sizeof ret->name, "%s", pr_serve_name_of(s->current));
    snprintf(ret->fingerprint, sizeof ret->fingerprint, "%s", pr_serve_model_fingerprint(m));
    snprintf(ret->numerics, sizeof ret->numerics, "%s", pr_serve_model_numerics(m));
    pthread_mutex_unlock(&s->lock);
}

static enum pr_code swap(
    struct pr_serve_server *s, const char *dir, struct pr_serve_swapped *ret, struct pr_error *e)
{
    struct pr_serve_loaded *l;
    struct pr_serve_size size;
    struct pr_serve_now now;
    pr_serve_server_now(s, &now);
    memcpy(ret->from, now.fingerprint, sizeof ret->from);
    enum pr_code code = look(s, dir, ret->to, &size, e);
    ret->unchanged = !code && !strcmp(ret->from, ret->to);
    if (code || ret->unchanged)
        return code;
    code = check_memory(s, dir, size, e);
    if (!code)
        code = load(s, dir, size, &l, e);
    if (code)
        return code;
    memcpy(ret->to, pr_serve_model_fingerprint(l->model), 65);
    pthread_mutex_lock(&s->lock);
    bool ending = s->draining;
    if (!ending)
        replace(s, l);
    pthread_mutex_unlock(&s->lock);
    if (!ending)
        return PR_OK;
    free_loaded(l);
    return pr_fail(e, PR_E_CANCELLED, "the server is ending");
}

enum pr_code pr_serve_swap(
    struct pr_serve_server *s, const char *dir, struct pr_serve_swapped *ret, struct pr_error *e)
{
    pthread_mutex_lock(&s->lock);
    bool busy = s->swapping;
    s->swapping = true;
    pthread_mutex_unlock(&s->lock);
    if (busy)
        return pr_fail(e, PR_E_USAGE, "another checkpoint is being loaded: try again when it is");
    enum pr_code code = swap(s, dir, ret, e);
    pthread_mutex_lock(&s->lock);
    s->swapping = false;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return code;
}

enum pr_code pr_serve_server_swap(struct pr_serve_server *s, const char *dir, struct pr_error *e)
{
    struct pr_serve_swapped swapped;
    return pr_serve_swap(s, dir, &swapped, e);
}
