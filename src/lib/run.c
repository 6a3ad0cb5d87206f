/* Scoring and generating: public items to the engine's requests and back. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "lib/internal.h"

enum pr_code proctor_check_ids(
    struct proctor_model *m, const int32_t *ids, size_t n, struct pr_error *e)
{
    int32_t vocabulary = proctor_vocabulary(m);
    size_t positions = proctor_max_positions(m);
    if (n == 0)
        return pr_fail(e, PR_E_USAGE, "no ids; at least one was expected");
    if (positions && n > positions)
        return pr_fail(e, PR_E_USAGE, "%zu ids, the model has %zu positions", n, positions);
    for (size_t i = 0; i < n; i++)
        if (ids[i] < 0 || ids[i] >= vocabulary)
            return pr_fail(
                e, PR_E_USAGE, "ids[%zu] is %d, expected 0 to %d", i, ids[i], vocabulary - 1);
    return PR_OK;
}

/* One call of score or generate: what the engine's callbacks need. */
struct call {
    struct pr_request *requests;
    const struct proctor_watch *watch;
    void (*collect)(void *items, size_t index, const struct pr_request *r);
    void *items;
};

static int on_done(void *ctx, struct pr_request *r)
{
    struct call *c = ctx;
    size_t index = (size_t)(r - c->requests);
    c->collect(c->items, index, r);
    return c->watch && c->watch->finished ? c->watch->finished(c->watch->ctx, index) : 0;
}

static int on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct call *c = ctx;
    return c->watch && c->watch->progress ? c->watch->progress(c->watch->ctx, done, total) : 0;
}

static enum pr_code run(struct proctor_model *m, struct call *c, size_t n, struct pr_error *e)
{
    struct pr_run r = {.done = on_done, .progress = on_progress, .ctx = c};
    enum pr_code code = proctor_load(m, e);
    return code || !n ? code : pr_engine_run(m->engine, c->requests, n, &r, e);
}

static void collect_score(void *items, size_t index, const struct pr_request *r)
{
    struct proctor_score *s = (struct proctor_score *)items + index;
    double sum = 0;
    for (size_t i = 0; i + 1 < s->n; i++)
        sum += (double)s->logprobs[i];
    s->done = true;
    s->bad_number = r->bad_number || !isfinite(sum);
    s->loss = s->n > 1 && !s->bad_number ? -sum / (double)(s->n - 1) : (double)NAN;
}

static enum pr_code prepare_score(struct proctor_score *s, struct pr_request *r, struct pr_error *e)
{
    s->done = s->bad_number = false;
    s->loss = (double)NAN;
    if (s->top_k > 16)
        return pr_fail(e, PR_E_USAGE, "top_k is %zu, expected 0 to 16", s->top_k);
    s->logprobs = pr_zalloc(s->n * sizeof(float));
    s->top_ids = s->top_k ? pr_zalloc(s->n * s->top_k * sizeof(int32_t)) : NULL;
    s->top_logprobs = s->top_k ? pr_zalloc(s->n * s->top_k * sizeof(float)) : NULL;
    *r = (struct pr_request){.ids = s->ids,
        .n = s->n,
        .score_from = 1,
        .logprobs = s->logprobs,
        .top_k = s->top_k,
        .top_ids = s->top_ids,
        .top_logprobs = s->top_logprobs};
    return PR_OK;
}

enum pr_code proctor_score(struct proctor_model *m, struct proctor_score *items, size_t n_items,
    const struct proctor_watch *watch, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    struct call c = {pr_zalloc((n_items + 1) * sizeof *c.requests), watch, collect_score, items};
    for (size_t i = 0; i < n_items; i++)
        items[i].logprobs = items[i].top_logprobs = NULL, items[i].top_ids = NULL;
    for (size_t i = 0; i < n_items && !code; i++) {
        code = proctor_check_ids(m, items[i].ids, items[i].n, e);
        if (!code)
            code = prepare_score(&items[i], &c.requests[i], e);
    }
    if (!code)
        code = run(m, &c, n_items, e);
    pr_free(c.requests);
    return code;
}

void proctor_score_done(struct proctor_score *s)
{
    pr_free(s->logprobs);
    pr_free(s->top_ids);
    pr_free(s->top_logprobs);
    s->logprobs = s->top_logprobs = NULL;
    s->top_ids = NULL;
}

static void collect_generation(void *items, size_t index, const struct pr_request *r)
{
    struct proctor_generation *g = (struct proctor_generation *)items + index;
    g->done = true;
    g->bad_number = r->bad_number;
    g->n_new = r->n_new;
    g->stopped = r->finish == PR_FINISH_STOP;
}

static enum pr_code prepare_generation(
    struct proctor_model *m, struct proctor_generation *g, struct pr_request *r, struct pr_error *e)
{
    size_t left = proctor_max_positions(m) - g->n, n_stop;
    const int32_t *stop = pr_checkpoint_eos(m->checkpoint, &n_stop);
    size_t max_new = g->max_new_tokens < left ? g->max_new_tokens : left;
    if (!g->max_new_tokens || !(g->temperature >= 0) || !isfinite(g->temperature))
        return pr_fail(e, PR_E_USAGE, "max_new_tokens must be at least 1, temperature at least 0");
    if (!max_new)
        return pr_fail(
            e, PR_E_USAGE, "%zu ids fill all of the model's positions; nothing can follow", g->n);
    g->done = g->bad_number = g->stopped = false;
    g->n_new = 0;
    g->new_ids = pr_zalloc(max_new * sizeof(int32_t));
    g->logprobs = pr_zalloc(max_new * sizeof(float));
    *r = (struct pr_request){.ids = g->ids,
        .n = g->n,
        .score_from = g->n,
        .max_new = max_new,
        .stop = stop,
        .n_stop = g->ignore_eos ? 0 : n_stop,
        .temperature = g->temperature,
        .seed = g->seed,
        .new_ids = g->new_ids,
        .new_logprobs = g->logprobs};
    return PR_OK;
}

enum pr_code proctor_generate(struct proctor_model *m, struct proctor_generation *items,
    size_t n_items, const struct proctor_watch *watch, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    struct call c = {
        pr_zalloc((n_items + 1) * sizeof *c.requests), watch, collect_generation, items};
    for (size_t i = 0; i < n_items; i++)
        items[i].new_ids = NULL, items[i].logprobs = NULL;
    for (size_t i = 0; i < n_items && !code; i++) {
        code = proctor_check_ids(m, items[i].ids, items[i].n, e);
        if (!code)
            code = prepare_generation(m, &items[i], &c.requests[i], e);
    }
    if (!code)
        code = run(m, &c, n_items, e);
    pr_free(c.requests);
    return code;
}

void proctor_generation_done(struct proctor_generation *g)
{
    pr_free(g->new_ids);
    pr_free(g->logprobs);
    g->new_ids = NULL;
    g->logprobs = NULL;
}
