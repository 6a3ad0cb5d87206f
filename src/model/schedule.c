/* Running requests: which rows go into the next pass, and what becomes of a pass's results.
 *
 * A pass first takes the next token of every sequence that generates, then fills up with stretches
 * of prompts in depth-first order, so that the cache of a shared beginning lives only while its
 * branches are being computed.  When the cache's budget is reached, prompts wait; when generating
 * sequences outgrow it, the youngest is set back to be computed again later — exact, because
 * results do not depend on how they were batched.
 */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "model/engine_internal.h"
#include "model/plan.h"
#include "model/sample.h"

#define MIN_SHARE 4

/* A sequence that generates: its last token is the next row. */
struct gen {
    struct pr_request *r;
    struct pr_kv_seq kv;
};

/* What is wanted of one row of the head. */
enum want_kind { WANT_SCORE, WANT_TOP, WANT_NEXT };
struct want {
    enum want_kind kind;
    uint32_t slot;
    struct pr_request *r;
    size_t index; /* into the request's output array; for SCORE also of the target */
    size_t target;
};

struct sched {
    struct pr_engine *g;
    struct pr_run *run;
    struct pr_plan plan;
    struct pr_node *ready; /* linked by next_ready */
    struct gen **gens;
    size_t n_gens, cap_gens;
    bool hold;     /* a sequence was set back: none is added until one has finished */
    size_t n_left; /* requests not finished */
    uint64_t done_tokens;
    uint32_t max_rows;

    /* the pass */
    uint32_t n_rows, n_slots;
    int32_t *tokens;     /* (max_rows) */
    uint32_t *slot_row;  /* (max_rows) row of each head slot */
    int32_t *row_slot;   /* (max_rows) slot of each row, or -1 */
    float **slot_logits; /* (max_rows) where a slot's logits go, or NULL */
    bool *slot_owned;    /* (max_rows) … made here for sampling, to be freed after the pass */
    struct pr_group *groups;
    size_t n_groups, cap_groups;
    struct pr_node **active; /* nodes with rows in this pass, by group; NULL for a gen */
    size_t n_active, cap_active;
    struct want *wants;
    size_t n_wants, cap_wants;
    struct pr_target *targets;
    size_t n_targets, cap_targets;
    uint32_t top_k;
    struct gen **stepped; /* gens with a row in this pass */
    size_t n_stepped, cap_stepped;
};

static enum pr_code check(
    const struct pr_engine *g, const struct pr_request *r, size_t index, struct pr_error *e)
{
    if (r->n < 1)
        return pr_fail(e, PR_E_USAGE, "request %zu: no tokens", index);
    if (r->n > g->config->max_position)
        return pr_fail(e, PR_E_USAGE, "request %zu: %zu tokens, the model has %u positions", index,
            r->n, g->config->max_position);
    if (r->logprobs && r->score_from < 1)
        return pr_fail(e, PR_E_USAGE, "request %zu: the first token has no probability", index);
    if (r->top_k > PR_MAX_TOP)
        return pr_fail(
            e, PR_E_USAGE, "request %zu: top %zu, at most %d", index, r->top_k, PR_MAX_TOP);
    for (size_t i = 0; i < r->n; i++)
        if (r->ids[i] < 0 || (uint32_t)r->ids[i] >= g->config->vocab)
            return pr_fail(e, PR_E_USAGE,
                "request %zu: token id %d at place %zu, the vocabulary has %u", index, r->ids[i], i,
                g->config->vocab);
    return PR_OK;
}

/* New tokens that r may have: its own limit, or where the model's positions end. */
static size_t new_limit(const struct pr_engine *g, const struct pr_request *r)
{
    size_t room = g->config->max_position - r->n;
    return r->max_new < room ? r->max_new : room;
}

/* ---- the cache of nodes ---- */

/* Gives one user of a computed node its cache; the last one takes over the pages. */
static void take_kv(struct pr_node *node, struct pr_kv_seq *to)
{
    if (node->users == 1) {
        *to = node->kv;
        node->kv = (struct pr_kv_seq){0};
    } else {
        pr_kv_fork(to, &node->kv);
    }
    node->users--;
}

static void push_ready_back(struct sched *s, struct pr_node *n)
{
    struct pr_node **link = &s->ready;
    while (*link)
        link = &(*link)->next_ready;
    n->next_ready = NULL;
    *link = n;
}

/* ---- assembling a pass ---- */

static uint32_t slot_of(struct sched *s, uint32_t row)
{
    if (s->row_slot[row] < 0) {
        s->row_slot[row] = (int32_t)s->n_slots;
        s->slot_logits[s->n_slots] = NULL;
        s->slot_owned[s->n_slots] = false;
        s->slot_row[s->n_slots++] = row;
    }
    return (uint32_t)s->row_slot[row];
}

static void want(struct sched *s, enum want_kind kind, uint32_t row, struct pr_request *r,
    size_t index, uint32_t top_k)
{
    struct want w = {kind, slot_of(s, row), r, index, s->n_targets};
    PR_PUSH(s->wants, s->n_wants, s->cap_wants, w);
    s->top_k = top_k > s->top_k ? top_k : s->top_k;
}

static void want_score(struct sched *s, uint32_t row, struct pr_request *r, size_t pos)
{
    want(s, WANT_SCORE, row, r, pos + 1 - r->score_from, 0);
    struct pr_target t = {slot_of(s, row), r->ids[pos + 1], 0};
    PR_PUSH(s->targets, s->n_targets, s->cap_targets, t);
}

/* Two requests may ask for the logits of one row: the first gets them from the head, the others a
 * copy in share_logits. */
static void want_logits(struct sched *s, uint32_t row, float *to)
{
    uint32_t slot = slot_of(s, row);
    if (!s->slot_logits[slot])
        s->slot_logits[slot] = to;
}

static void want_next(struct sched *s, uint32_t row, struct pr_request *r)
{
    want(s, WANT_NEXT, row, r, r->n_new, 1);
    uint32_t slot = slot_of(s, row);
    if (r->temperature > 0 && !s->slot_logits[slot]) {
        s->slot_logits[slot] = pr_alloc(s->g->config->vocab * sizeof(float));
        s->slot_owned[slot] = true;
    }
}

static void want_row(struct sched *s, const struct pr_node *node, uint32_t row, size_t pos)
{
    for (size_t i = 0; i < node->n_wanting; i++) {
        struct pr_request *r = node->wanting[i];
        if (r->logprobs && pos + 1 >= r->score_from && pos + 1 < r->n)
            want_score(s, row, r, pos);
        if (r->top_k && pos >= r->top_from && pos < r->n)
            want(s, WANT_TOP, row, r, (pos - r->top_from) * r->top_k, (uint32_t)r->top_k);
        if (r->logits && pos == r->n - 1)
            want_logits(s, row, r->logits);
    }
}

static void add_group(
    struct sched *s, struct pr_kv_seq *kv, struct pr_node *node, uint32_t first_pos, uint32_t n)
{
    struct pr_group group = {kv, s->n_rows, n, first_pos};
    PR_PUSH(s->groups, s->n_groups, s->cap_groups, group);
    PR_PUSH(s->active, s->n_active, s->cap_active, node);
    s->n_rows += n;
}

/* Sets the youngest generating sequence back: what it has so far becomes a prompt again. */
static void set_back(struct sched *s)
{
    struct gen *gen = s->gens[--s->n_gens];
    struct pr_request *r = gen->r;
    int32_t *ids = pr_alloc((r->n + r->n_new) * sizeof *ids);
    memcpy(ids, r->ids, r->n * sizeof *ids);
    memcpy(ids + r->n, r->new_ids, r->n_new * sizeof *ids);
    struct pr_node *node = pr_plan_add(&s->plan, ids, (uint32_t)(r->n + r->n_new));
    PR_PUSH(node->ending, node->n_ending, node->cap_ending, r);
    push_ready_back(s, node);
    pr_free(ids);
    pr_kv_release(&s->g->kv, &gen->kv);
    pr_free(gen);
    s->hold = true;
}

static enum pr_code assemble_gens(struct sched *s, struct pr_error *e)
{
    for (size_t i = 0; i < s->n_gens && s->n_rows < s->max_rows; i++) {
        struct gen *gen = s->gens[i];
        struct pr_request *r = gen->r;
        uint32_t pos = (uint32_t)(r->n + r->n_new) - 1;
        bool ok = false;
        while (!ok && i < s->n_gens) {
            bool alone = i == 0 && s->n_gens == 1;
            enum pr_code code = pr_kv_reserve(&s->g->kv, &gen->kv, pos + 1, alone, &ok, e);
            if (code)
                return code;
            if (!ok)
                set_back(s);
        }
        if (!ok)
            break; /* this one was set back itself */
        s->tokens[s->n_rows] = r->new_ids[r->n_new - 1];
        want_next(s, s->n_rows, r);
        PR_PUSH(s->stepped, s->n_stepped, s->cap_stepped, gen);
        add_group(s, &gen->kv, NULL, pos, 1);
    }
    return PR_OK;
}

static bool generates(const struct pr_node *n)
{
    for (size_t i = 0; i < n->n_ending; i++)
        if (n->ending[i]->max_new)
            return true;
    return false;
}

/* Adds as many rows of the node as fit; *ret_more false when the pass is full or memory is. */
static enum pr_code assemble_node(
    struct sched *s, struct pr_node *node, bool *ret_more, struct pr_error *e)
{
    *ret_more = false;
    if (!node->started) {
        if (node->parent)
            take_kv(node->parent, &node->kv);
        node->started = true;
    }
    uint32_t n = node->end - node->done, room = s->max_rows - s->n_rows;
    n = n < room ? n : room;
    bool ok;
    enum pr_code code = pr_kv_reserve(&s->g->kv, &node->kv, node->done + n, s->n_rows == 0, &ok, e);
    if (code || !ok)
        return code;
    for (uint32_t i = 0; i < n; i++) {
        s->tokens[s->n_rows + i] = node->ids[node->done + i];
        want_row(s, node, s->n_rows + i, node->done + i);
    }
    if (node->done + n == node->end)
        for (size_t i = 0; i < node->n_ending; i++)
            if (new_limit(s->g, node->ending[i]))
                want_next(s, s->n_rows + n - 1, node->ending[i]);
    add_group(s, &node->kv, node, node->done, n);
    node->done += n;
    *ret_more = node->done == node->end && s->n_rows < s->max_rows;
    return PR_OK;
}

static enum pr_code assemble(struct sched *s, struct pr_error *e)
{
    s->n_rows = s->n_slots = s->top_k = 0;
    s->n_groups = s->n_active = s->n_wants = s->n_targets = s->n_stepped = 0;
    memset(s->row_slot, 0xff, s->max_rows * sizeof *s->row_slot);
    enum pr_code code = assemble_gens(s, e);
    size_t coming = s->n_gens;
    bool more = true;
    while (!code && more && s->ready && s->n_rows < s->max_rows) {
        struct pr_node *node = s->ready;
        if (generates(node) && s->n_rows && (s->hold || ++coming > s->max_rows / 2))
            break; /* let some finish first */
        code = assemble_node(s, node, &more, e);
        if (!code && node->done == node->end)
            s->ready = node->next_ready;
    }
    return code;
}

/* ---- after a pass ---- */

static bool stops(const struct pr_request *r, int32_t id)
{
    for (size_t i = 0; i < r->n_stop; i++)
        if (r->stop[i] == id)
            return true;
    return false;
}

/* The next token of a request, from its slot of the head. */
static void next_token(struct sched *s, const struct want *w)
{
    struct pr_request *r = w->r;
    const struct pr_head *h = &s->g->head;
    double lse = h->lse[w->slot];
    const struct pr_top *best = &h->top[(size_t)w->slot * PR_MAX_TOP];
    if (!isfinite(lse) || best->id < 0) {
        r->bad_number = true;
        return;
    }
    int32_t id = best->id;
    float logit = best->logit;
    if (r->temperature > 0) {
        const struct pr_sampling how = {.temperature = r->temperature, .seed = r->seed};
        id = pr_sample(&how, r->n + r->n_new, s->slot_logits[w->slot], s->g->config->vocab);
        logit = s->slot_logits[w->slot][id];
    }
    r->new_ids[r->n_new] = id;
    r->new_logprobs[r->n_new++] = (float)(logit - lse);
    s->run->tokens_generated++;
    if (stops(r, id))
        r->finish = PR_FINISH_STOP;
    else if (r->n_new == new_limit(s->g, r))
        r->finish = PR_FINISH_LENGTH;
}

static void take_top(const struct pr_head *h, const struct want *w)
{
    struct pr_request *r = w->r;
    const struct pr_top *top = &h->top[(size_t)w->slot * PR_MAX_TOP];
    for (size_t k = 0; k < r->top_k; k++) {
        r->top_ids[w->index + k] = top[k].id;
        r->top_logprobs[w->index + k] = (float)(top[k].logit - h->lse[w->slot]);
        r->bad_number |= !isfinite(h->lse[w->slot]);
    }
}

static void take_score(const struct sched *s, const struct want *w)
{
    float x = (float)(s->targets[w->target].logit - s->g->head.lse[w->slot]);
    w->r->logprobs[w->index] = x;
    w->r->bad_number |= !isfinite(x);
}

static void take_results(struct sched *s)
{
    for (size_t i = 0; i < s->n_wants; i++) {
        const struct want *w = &s->wants[i];
        if (w->kind == WANT_SCORE)
            take_score(s, w);
        else if (w->kind == WANT_TOP)
            take_top(&s->g->head, w);
        else
            next_token(s, w);
    }
}

/* Copies the logits of rows that several requests asked for, and frees those made for sampling. */
static void share_logits(struct sched *s)
{
    for (size_t i = 0; i < s->n_active; i++) {
        const struct pr_node *node = s->active[i];
        const struct pr_group *g = &s->groups[i];
        for (size_t k = 0; node && k < node->n_wanting; k++) {
            struct pr_request *r = node->wanting[k];
            size_t at = r->n - 1 - g->first_pos;
            if (!r->logits || r->n - 1 < g->first_pos || at >= g->n_rows)
                continue;
            float **slot = &s->slot_logits[s->row_slot[g->first_row + at]];
            if (*slot != r->logits)
                memcpy(r->logits, *slot, s->g->config->vocab * sizeof(float));
        }
    }
}

static void free_logits(struct sched *s)
{
    for (uint32_t i = 0; i < s->n_slots; i++)
        if (s->slot_owned[i])
            pr_free(s->slot_logits[i]);
}

static enum pr_code finished(struct sched *s, struct pr_request *r, struct pr_error *e)
{
    s->n_left--;
    s->hold = false;
    if (s->run->done && s->run->done(s->run->ctx, r))
        return pr_fail(e, PR_E_CANCELLED, "cancelled");
    return PR_OK;
}

static bool goes_on(const struct sched *s, const struct pr_request *r)
{
    return new_limit(s->g, r) && !r->finish && !r->bad_number;
}

/* A node whose rows are all computed: its children may start, its generations begin. */
static enum pr_code complete(struct sched *s, struct pr_node *node, struct pr_error *e)
{
    node->users = 0;
    struct pr_node *list = NULL, **tail = &list;
    for (struct pr_node *c = node->first_child; c; c = c->sibling) {
        node->users++;
        *tail = c;
        tail = &c->next_ready;
    }
    *tail = s->ready; /* depth first: before whatever else waits */
    s->ready = list;
    for (size_t i = 0; i < node->n_ending; i++)
        node->users += goes_on(s, node->ending[i]);
    enum pr_code code = PR_OK;
    for (size_t i = 0; !code && i < node->n_ending; i++) {
        struct pr_request *r = node->ending[i];
        if (goes_on(s, r)) {
            struct gen *gen = pr_zalloc(sizeof *gen);
            gen->r = r;
            take_kv(node, &gen->kv);
            PR_PUSH(s->gens, s->n_gens, s->cap_gens, gen);
        } else {
            if (r->max_new && !r->finish && !r->bad_number)
                r->finish = PR_FINISH_LENGTH; /* no position is left for a new token */
            code = finished(s, r, e);
        }
    }
    if (node->users == 0)
        pr_kv_release(&s->g->kv, &node->kv);
    return code;
}

/* Removes the generations that are finished. */
static enum pr_code sweep_gens(struct sched *s, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    size_t kept = 0;
    for (size_t i = 0; i < s->n_gens; i++) {
        struct gen *gen = s->gens[i];
        if (code || goes_on(s, gen->r)) {
            s->gens[kept++] = gen;
            continue;
        }
        code = finished(s, gen->r, e);
        pr_kv_release(&s->g->kv, &gen->kv);
        pr_free(gen);
    }
    s->n_gens = kept;
    return code;
}

static enum pr_code after(struct sched *s, struct pr_error *e)
{
    for (size_t i = 0; i < s->n_groups; i++)
        s->groups[i].kv->len = s->groups[i].first_pos + s->groups[i].n_rows;
    take_results(s);
    share_logits(s);
    free_logits(s);
    enum pr_code code = sweep_gens(s, e);
    for (size_t i = 0; !code && i < s->n_active; i++)
        if (s->active[i] && s->active[i]->done == s->active[i]->end)
            code = complete(s, s->active[i], e);
    return code;
}

static enum pr_code pass(struct sched *s, struct pr_error *e)
{
    struct pr_engine *g = s->g;
    enum pr_code code = assemble(s, e);
    if (code)
        return code;
    assert(s->n_rows && "something can always run");
    pr_forward_run(&g->forward, s->tokens, s->n_rows, s->groups, (uint32_t)s->n_groups);
    /* The rows of the embedding that were read would add up to a second copy of it. */
    pr_checkpoint_drop(g->checkpoint, g->weights.embed);
    pr_head_run(
        &g->head, s->slot_row, s->n_slots, s->top_k, s->targets, s->n_targets, s->slot_logits);
    s->done_tokens += s->n_rows;
    s->run->tokens_prefilled += s->n_rows - s->n_stepped;
    if ((code = after(s, e)))
        return code;
    uint64_t total = s->plan.tokens;
    for (size_t i = 0; i < s->n_gens; i++)
        total += new_limit(g, s->gens[i]->r) - s->gens[i]->r->n_new;
    if (total < s->done_tokens)
        total = s->done_tokens;
    if (s->run->progress && s->run->progress(s->run->ctx, s->done_tokens, total))
        return pr_fail(e, PR_E_CANCELLED, "cancelled");
    return PR_OK;
}

static void sched_done(struct sched *s)
{
    for (size_t i = 0; i < s->n_gens; i++) {
        pr_kv_release(&s->g->kv, &s->gens[i]->kv);
        pr_free(s->gens[i]);
    }
    for (size_t i = 0; i < s->plan.n_nodes; i++)
        pr_kv_release(&s->g->kv, &s->plan.nodes[i]->kv);
    pr_plan_done(&s->plan);
    pr_free(s->gens);
    pr_free(s->tokens);
    pr_free(s->slot_row);
    pr_free(s->row_slot);
    pr_free(s->slot_logits);
    pr_free(s->slot_owned);
    pr_free(s->groups);
    pr_free(s->active);
    pr_free(s->wants);
    pr_free(s->targets);
    pr_free(s->stepped);
}

enum pr_code pr_engine_run(struct pr_engine *g, struct pr_request *requests, size_t n,
    struct pr_run *run, struct pr_error *e)
{
    struct pr_run none = {0};
    struct sched s = {
        .g = g, .run = run ? run : &none, .n_left = n, .max_rows = g->forward.max_rows};
    uint32_t longest = 0;
    for (size_t i = 0; i < n; i++) {
        enum pr_code code = check(g, &requests[i], i, e);
        if (code)
            return code;
        struct pr_request *r = &requests[i];
        r->n_new = 0;
        r->finish = PR_FINISH_NONE;
        r->bad_number = false;
        uint32_t len = (uint32_t)(r->n + new_limit(g, r));
        longest = len > longest ? len : longest;
    }
    enum pr_code code =
        pr_rope_table_grow(&g->forward.rope, &g->config->rope, g->config->head_dim, longest, e);
    if (code)
        return code;
    s.tokens = pr_alloc(s.max_rows * sizeof *s.tokens);
    s.slot_row = pr_alloc(s.max_rows * sizeof *s.slot_row);
    s.row_slot = pr_alloc(s.max_rows * sizeof *s.row_slot);
    s.slot_logits = pr_zalloc(s.max_rows * sizeof *s.slot_logits);
    s.slot_owned = pr_zalloc(s.max_rows * sizeof *s.slot_owned);
    pr_plan_build(&s.plan, requests, n, MIN_SHARE);
    s.run->tokens_prefilled = s.run->tokens_generated = 0;
    s.run->tokens_shared = s.plan.shared;
    struct pr_node **link = &s.ready;
    for (struct pr_node *root = s.plan.first_root; root; root = root->sibling) {
        *link = root;
        link = &root->next_ready;
    }
    while (!code && s.n_left)
        code = pass(&s, e);
    sched_done(&s);
    return code;
}
