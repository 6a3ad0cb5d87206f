/* Continuous batching over one engine: which rows go into the next pass, and what comes of it.
 *
 * A sequence waits (it has no keys and values), or runs: `done` of its positions are computed, and
 * the rows from there to its newest token are what it wants next: one when it generates, many when
 * its prompt is new or it was set back. */
#include "model/batcher.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "model/engine_internal.h"
#include "model/prefix.h"

/* A sequence whose newest token is among the pass's rows. */
struct stepped {
    struct pr_live *l;
    uint32_t row;
    float *logits; /* (vocab) NULL: greedy */
};

struct pr_batcher {
    struct pr_engine *g;
    struct pr_prefix prefix;
    struct pr_live *waiting;  /* linked by next, the one that goes first in front */
    struct pr_live **running; /* in the order in which they began to run */
    size_t n_running, cap_running;
    uint32_t max_rows;
    struct pr_batcher_counts counts;

    /* the pass */
    int32_t *tokens; /* (max_rows) */
    uint32_t n_rows;
    struct pr_group *groups; /* (n_groups) of owners */
    struct pr_live **owners;
    size_t n_groups, cap_groups, cap_owners;
    struct stepped *stepped;
    size_t n_stepped, cap_stepped;
    float *logits; /* (n_logits, vocab), kept from pass to pass */
    size_t n_logits;
};

struct pr_batcher *pr_batcher_new(struct pr_engine *g, size_t most_cached)
{
    struct pr_batcher *b = pr_zalloc(sizeof *b);
    b->g = g;
    b->max_rows = g->forward.max_rows;
    b->tokens = pr_alloc(b->max_rows * sizeof *b->tokens);
    pr_prefix_init(&b->prefix, &g->kv, most_cached);
    return b;
}

void pr_batcher_free(struct pr_batcher *b)
{
    if (!b)
        return;
    pr_prefix_done(&b->prefix);
    pr_free(b->running);
    pr_free(b->tokens);
    pr_free(b->groups);
    pr_free(b->owners);
    pr_free(b->stepped);
    pr_free(b->logits);
    pr_free(b);
}

static size_t total(const struct pr_live *l)
{
    return l->n + l->n_new;
}

/* New tokens that it may have: its own limit, or where the model's positions end. */
static size_t new_limit(const struct pr_batcher *b, const struct pr_live *l)
{
    size_t room = b->g->config->max_position - l->n;
    return l->max_new < room ? l->max_new : room;
}

/* ---- coming and going ---- */

static enum pr_code check(const struct pr_engine *g, const struct pr_live *l, struct pr_error *e)
{
    const struct pr_sampling *s = &l->sampling;
    if (!l->n || !l->max_new)
        return pr_fail(e, PR_E_USAGE, "%s", l->n ? "no new token is wanted" : "no tokens");
    if (l->n >= g->config->max_position)
        return pr_fail(e, PR_E_USAGE,
            "%zu tokens leave no room for an answer: the model has %u positions", l->n,
            g->config->max_position);
    for (size_t i = 0; i < l->n; i++)
        if (l->ids[i] < 0 || (uint32_t)l->ids[i] >= g->config->vocab)
            return pr_fail(e, PR_E_USAGE, "token id %d at place %zu, the vocabulary has %u",
                l->ids[i], i, g->config->vocab);
    if (l->top > PR_MAX_TOP)
        return pr_fail(e, PR_E_USAGE, "top %u, at most %d", l->top, PR_MAX_TOP);
    if (!(s->temperature >= 0 && isfinite(s->temperature) && s->top_p >= 0 && s->top_p <= 1 &&
            s->min_p >= 0 && s->min_p <= 1))
        return pr_fail(e, PR_E_USAGE, "temperature, top_p or min_p is out of range");
    return PR_OK;
}

enum pr_code pr_batcher_add(struct pr_batcher *b, struct pr_live *l, struct pr_error *e)
{
    struct pr_live **link = &b->waiting;
    enum pr_code code = check(b->g, l, e);
    if (!code)
        code = pr_rope_table_grow(&b->g->forward.rope, &b->g->config->rope, b->g->config->head_dim,
            (uint32_t)(l->n + new_limit(b, l)), e);
    if (code)
        return code;
    l->finish = PR_FINISH_NONE;
    l->bad_number = false;
    l->n_new = l->n_cached = l->done = 0;
    l->kv = (struct pr_kv_seq){0};
    l->cap = l->n;
    l->all = pr_alloc(l->cap * sizeof *l->all);
    memcpy(l->all, l->ids, l->n * sizeof *l->all);
    l->next = NULL;
    while (*link)
        link = &(*link)->next;
    *link = l;
    b->counts.waiting++;
    return PR_OK;
}

/* What it computed stays in the prefix cache. */
static void let_go(struct pr_batcher *b, struct pr_live *l)
{
    if (!l->bad_number)
        pr_prefix_put(&b->prefix, l->all, &l->kv);
    pr_kv_release(&b->g->kv, &l->kv);
    l->done = 0;
}

static void forget(struct pr_live *l)
{
    pr_free(l->all);
    l->all = NULL;
}

void pr_batcher_cancel(struct pr_batcher *b, struct pr_live *l)
{
    for (struct pr_live **link = &b->waiting; *link; link = &(*link)->next)
        if (*link == l) {
            *link = l->next;
            b->counts.waiting--;
            forget(l);
            return;
        }
    for (size_t i = 0; i < b->n_running; i++)
        if (b->running[i] == l) {
            memmove(&b->running[i], &b->running[i + 1], (--b->n_running - i) * sizeof *b->running);
            let_go(b, l);
            forget(l);
            return;
        }
}

/* ---- assembling a pass ---- */

static bool is_in_pass(const struct pr_batcher *b, const struct pr_live *l)
{
    for (size_t i = 0; i < b->n_groups; i++)
        if (b->owners[i] == l)
            return true;
    return false;
}

/* Sets the youngest that is not l and has no row in the pass back; false: there is none. */
static bool set_back_one(struct pr_batcher *b, const struct pr_live *l)
{
    for (size_t i = b->n_running; i-- > 0;) {
        struct pr_live *x = b->running[i];
        if (x == l || is_in_pass(b, x))
            continue;
        memmove(&b->running[i], &b->running[i + 1], (--b->n_running - i) * sizeof *b->running);
        let_go(b, x);
        x->next = b->waiting;
        b->waiting = x;
        b->counts.waiting++;
        b->counts.set_back++;
        return true;
    }
    return false;
}

/* Room for l's positions up to new_len.  Cached beginnings are forgotten for it; `push`: others are
 * set back for it too, and where even that is not enough the budget is passed. */
static enum pr_code make_room(struct pr_batcher *b, struct pr_live *l, size_t new_len, bool push,
    bool *ret_ok, struct pr_error *e)
{
    struct pr_kv *kv = &b->g->kv;
    for (;;) {
        enum pr_code code = pr_kv_reserve(kv, &l->kv, (uint32_t)new_len, false, ret_ok, e);
        if (code || *ret_ok)
            return code;
        if (pr_prefix_drop_oldest(&b->prefix) || (push && set_back_one(b, l)))
            continue;
        return push ? pr_kv_reserve(kv, &l->kv, (uint32_t)new_len, true, ret_ok, e) : PR_OK;
    }
}

/* As many of l's rows as fit; *ret_ok false where memory is short. */
static enum pr_code add_rows(
    struct pr_batcher *b, struct pr_live *l, bool push, bool *ret_ok, struct pr_error *e)
{
    size_t n = total(l) - l->done, room = b->max_rows - b->n_rows;
    n = n < room ? n : room;
    enum pr_code code = make_room(b, l, l->done + n, push, ret_ok, e);
    if (code || !*ret_ok)
        return code;
    struct pr_group group = {&l->kv, b->n_rows, (uint32_t)n, (uint32_t)l->done};
    size_t n_owners = b->n_groups;
    PR_PUSH(b->owners, n_owners, b->cap_owners, l);
    PR_PUSH(b->groups, b->n_groups, b->cap_groups, group);
    memcpy(b->tokens + b->n_rows, l->all + l->done, n * sizeof *l->all);
    b->n_rows += (uint32_t)n;
    if (l->done + n == total(l)) {
        struct stepped x = {.l = l, .row = b->n_rows - 1};
        PR_PUSH(b->stepped, b->n_stepped, b->cap_stepped, x);
    }
    return PR_OK;
}

static bool is_generating(const struct pr_live *l)
{
    return total(l) - l->done == 1 && l->n_new;
}

/* Rows of those that run: first of those that generate, then of those that do not yet. */
static enum pr_code add_running(struct pr_batcher *b, bool generating, struct pr_error *e)
{
    bool ok = true;
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < b->n_running && b->n_rows < b->max_rows && ok && !code; i++) {
        struct pr_live *l = b->running[i];
        if (is_generating(l) != generating)
            continue;
        code = add_rows(b, l, generating || !b->n_rows, &ok, e);
        while (i < b->n_running && b->running[i] != l) /* others in front of it were set back */
            i--;
    }
    return code;
}

/* Takes in those that wait, as long as there is room; half of a pass is the most that generate. */
static enum pr_code add_waiting(struct pr_batcher *b, struct pr_error *e)
{
    bool ok = true;
    enum pr_code code = PR_OK;
    while (b->waiting && b->n_rows < b->max_rows && b->n_running < b->max_rows / 2 && ok && !code) {
        struct pr_live *l = b->waiting;
        l->done = pr_prefix_take(&b->prefix, l->all, total(l), &l->kv);
        code = add_rows(b, l, !b->n_rows, &ok, e);
        if (code || !ok) {
            pr_kv_release(&b->g->kv, &l->kv);
            l->done = 0;
            break;
        }
        b->waiting = l->next;
        b->counts.waiting--;
        b->counts.tokens_cached += l->done;
        if (!l->n_new)
            l->n_cached = l->done;
        PR_PUSH(b->running, b->n_running, b->cap_running, l);
    }
    return code;
}

static enum pr_code assemble(struct pr_batcher *b, struct pr_error *e)
{
    b->n_rows = 0;
    b->n_groups = b->n_stepped = 0;
    enum pr_code code = add_running(b, true, e);
    if (!code)
        code = add_running(b, false, e);
    return code ? code : add_waiting(b, e);
}

/* ---- after a pass ---- */

static void run_head(struct pr_batcher *b)
{
    size_t vocab = b->g->config->vocab, n_sampled = 0;
    uint32_t *rows = pr_alloc((b->n_stepped + 1) * sizeof *rows), top = 1;
    float **logits = pr_alloc((b->n_stepped + 1) * sizeof *logits);
    for (size_t i = 0; i < b->n_stepped; i++)
        n_sampled += b->stepped[i].l->sampling.temperature > 0;
    if (n_sampled > b->n_logits) {
        b->logits = pr_realloc(b->logits, n_sampled * vocab, sizeof *b->logits);
        b->n_logits = n_sampled;
    }
    n_sampled = 0;
    for (size_t i = 0; i < b->n_stepped; i++) {
        struct stepped *s = &b->stepped[i];
        bool sampled = s->l->sampling.temperature > 0;
        s->logits = sampled ? b->logits + n_sampled++ * vocab : NULL;
        rows[i] = s->row;
        logits[i] = s->logits;
        top = s->l->top > top ? s->l->top : top;
    }
    pr_head_run(&b->g->head, rows, (uint32_t)b->n_stepped, top, NULL, 0, logits);
    pr_free(rows);
    pr_free(logits);
}

static bool stops(const struct pr_live *l, int32_t id)
{
    for (size_t i = 0; i < l->n_stop; i++)
        if (l->stop[i] == id)
            return true;
    return false;
}

/* The next token of the sequence in this slot of the head; false: it is over. */
static bool next_token(struct pr_batcher *b, size_t slot)
{
    const struct stepped *s = &b->stepped[slot];
    struct pr_live *l = s->l;
    const struct pr_head *h = &b->g->head;
    const struct pr_top *best = &h->top[slot * PR_MAX_TOP];
    double lse = h->lse[slot];
    struct pr_top top[PR_MAX_TOP];
    if (!isfinite(lse) || best->id < 0) {
        l->bad_number = true;
        return false;
    }
    struct pr_live_token t = {.id = best->id, .top = top, .n_top = l->top};
    float logit = best->logit;
    if (s->logits) {
        t.id = pr_sample(&l->sampling, total(l), s->logits, b->g->config->vocab);
        logit = s->logits[t.id];
    }
    t.logprob = (float)(logit - lse);
    for (uint32_t k = 0; k < l->top; k++)
        top[k] = (struct pr_top){(float)(best[k].logit - lse), best[k].id};
    size_t n = total(l);
    PR_PUSH(l->all, n, l->cap, t.id);
    l->n_new++;
    b->counts.tokens_generated++;
    bool more = l->calls->token(l->ctx, &t);
    if (stops(l, t.id))
        l->finish = PR_FINISH_STOP;
    else if (l->n_new == new_limit(b, l))
        l->finish = PR_FINISH_LENGTH;
    return more && !l->finish;
}

static void advance(struct pr_batcher *b)
{
    for (size_t i = 0; i < b->n_groups; i++) {
        struct pr_live *l = b->owners[i];
        bool was_new = l->done < l->n;
        l->done += b->groups[i].n_rows;
        l->kv.len = (uint32_t)l->done;
        b->counts.tokens_prefilled += b->groups[i].n_rows;
        if (was_new && l->done >= l->n) /* others that begin alike need not wait for its end */
            pr_prefix_put(&b->prefix, l->all, &l->kv);
    }
    b->counts.tokens_prefilled -= b->n_stepped;
    b->counts.passes++;
}

static void end_those_that_are_over(struct pr_batcher *b, const bool *goes_on)
{
    for (size_t i = 0; i < b->n_stepped; i++) {
        struct pr_live *l = b->stepped[i].l;
        if (goes_on[i])
            continue;
        pr_batcher_cancel(b, l);
        l->calls->over(l->ctx, l);
    }
}

enum pr_code pr_batcher_pass(struct pr_batcher *b, bool *ret_busy, struct pr_error *e)
{
    struct pr_engine *g = b->g;
    enum pr_code code = assemble(b, e);
    if (!code && b->n_rows) {
        bool *goes_on = pr_alloc((b->n_stepped + 1) * sizeof *goes_on);
        pr_forward_run(&g->forward, b->tokens, b->n_rows, b->groups, (uint32_t)b->n_groups);
        pr_checkpoint_drop(g->checkpoint, g->weights.embed); /* else there were two copies of it */
        run_head(b);
        advance(b);
        for (size_t i = 0; i < b->n_stepped; i++)
            goes_on[i] = next_token(b, i);
        end_those_that_are_over(b, goes_on);
        pr_free(goes_on);
    }
    *ret_busy = b->n_running || b->waiting;
    return code;
}

void pr_batcher_count(const struct pr_batcher *b, struct pr_batcher_counts *ret)
{
    *ret = b->counts;
    ret->running = b->n_running;
    ret->kv_pages = b->g->kv.n_pages;
    ret->kv_most = b->g->kv.max_pages;
    ret->cached = b->prefix.n;
}
