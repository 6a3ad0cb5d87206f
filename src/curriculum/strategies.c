/* The strategies of the table.
 *
 * Within a difficulty each of them keeps the order of the draw, which all arms of a seed share: two
 * strategies differ in how they mix the difficulties and in nothing else, and what luck of the draw
 * there is cancels in the difference.
 */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "curriculum/draw.h"

#define SHARE_UNITS 1000000 /* in which `adaptive` counts shares: whole numbers add up exactly */

/* The draw holds whole epochs and a part of one; in each of them a strategy orders by itself, so
 * that all examples come before one comes again. */
static size_t epoch_length(
    const struct pr_strategy_input *in, const struct pr_example_order *draw, size_t at)
{
    return draw->n - at < in->n ? draw->n - at : in->n;
}

static void order_random(const struct pr_strategy_input *in, const struct pr_example_order *draw,
    struct pr_example_order *ret)
{
    for (size_t i = 0; i < draw->n; i++)
        pr_order_push(in, ret, draw->v[i]);
}

static void by_level(const struct pr_strategy_input *in, const struct pr_example_order *draw,
    bool descending, struct pr_example_order *ret)
{
    for (size_t at = 0, len; at < draw->n; at += len) {
        len = epoch_length(in, draw, at);
        for (size_t k = 0; k < in->n_levels; k++)
            for (size_t i = 0; i < len; i++)
                if (in->level[draw->v[at + i]] == (descending ? in->n_levels - 1 - k : k))
                    pr_order_push(in, ret, draw->v[at + i]);
    }
}

static void order_easy_to_hard(const struct pr_strategy_input *in,
    const struct pr_example_order *draw, struct pr_example_order *ret)
{
    by_level(in, draw, false, ret);
}

static void order_hard_first(const struct pr_strategy_input *in,
    const struct pr_example_order *draw, struct pr_example_order *ret)
{
    by_level(in, draw, true, ret);
}

/* Levels in turn by weight, as evenly as whole picks can be (smooth weighted round-robin): after k
 * picks each level has had its share of k within one.  Equal weights: 0, 1, 2, 0, 1, 2, … */
struct turns {
    int64_t weight[PR_MAX_LEVELS], credit[PR_MAX_LEVELS];
    size_t n;
};
static size_t next_turn(struct turns *t)
{
    size_t best = 0;
    int64_t total = 0;
    for (size_t l = 0; l < t->n; l++) {
        total += t->weight[l];
        t->credit[l] += t->weight[l];
        if (t->weight[l] > 0 && (t->weight[best] == 0 || t->credit[l] > t->credit[best]))
            best = l;
    }
    t->credit[best] -= total;
    return best;
}

/* The levels' examples of one stretch of the draw, each in the order of the draw. */
struct queues {
    size_t *v[PR_MAX_LEVELS], n[PR_MAX_LEVELS], at[PR_MAX_LEVELS];
};
static void queues_fill(struct queues *q, const struct pr_strategy_input *in, const size_t *v,
    size_t n, size_t only /* this level; n_levels: all */)
{
    for (size_t l = 0; l < in->n_levels; l++)
        if (only == in->n_levels || only == l)
            q->n[l] = q->at[l] = 0;
    for (size_t i = 0; i < n; i++) {
        size_t l = in->level[v[i]];
        if (only == in->n_levels || only == l)
            q->v[l][q->n[l]++] = v[i];
    }
}
static void queues_init(struct queues *q, const struct pr_strategy_input *in)
{
    *q = (struct queues){0};
    for (size_t i = 0; i < in->n; i++)
        q->n[in->level[i]]++;
    for (size_t l = 0; l < in->n_levels; l++)
        q->v[l] = pr_alloc((q->n[l] + 1) * sizeof **q->v);
}
static void queues_done(struct queues *q, size_t n_levels)
{
    for (size_t l = 0; l < n_levels; l++)
        pr_free(q->v[l]);
}

/* In turn by the levels' numbers in the draw: as mixed as it can be from beginning to end, rather
 * than even at first with what is left of the largest level at the end. */
static void order_interleaved(const struct pr_strategy_input *in,
    const struct pr_example_order *draw, struct pr_example_order *ret)
{
    struct queues q;
    queues_init(&q, in);
    for (size_t at = 0, len; at < draw->n; at += len) {
        len = epoch_length(in, draw, at);
        queues_fill(&q, in, draw->v + at, len, in->n_levels);
        struct turns t = {.n = in->n_levels};
        for (size_t l = 0; l < in->n_levels; l++)
            t.weight[l] = (int64_t)q.n[l];
        for (size_t i = 0; i < len; i++) {
            size_t l = next_turn(&t);
            pr_order_push(in, ret, q.v[l][q.at[l]++]);
        }
    }
    queues_done(&q, in->n_levels);
}

/* The mix over the levels that the pool has. */
static void adaptive_turns(
    const struct pr_strategy_input *in, const struct queues *q, struct turns *ret)
{
    double share[PR_MAX_LEVELS];
    struct pr_level_progress there[PR_MAX_LEVELS];
    size_t of[PR_MAX_LEVELS], n = 0;
    for (size_t l = 0; l < in->n_levels; l++)
        if (q->n[l] > 0) {
            there[n] = in->progress ? in->progress[l] : (struct pr_level_progress){0};
            of[n++] = l;
        }
    pr_strategy_mix(there, n, share);
    *ret = (struct turns){.n = in->n_levels};
    for (size_t k = 0; k < n; k++)
        ret->weight[of[k]] = llround(share[k] * SHARE_UNITS);
}

/* Examples of the levels by the mix, in turn; a level that is used up begins again in another
 * order.  Ends with the batch that comes nearest to the tokens of the draw. */
static void order_adaptive(const struct pr_strategy_input *in, const struct pr_example_order *draw,
    struct pr_example_order *ret)
{
    struct queues q;
    struct turns turns;
    queues_init(&q, in);
    adaptive_turns(in, &q, &turns);
    size_t *perm = pr_alloc(in->n * sizeof *perm), batch = in->batch ? in->batch : 1;
    uint64_t round[PR_MAX_LEVELS] = {0}, before = 0;
    for (size_t i = 0; i < in->n; i++)
        perm[i] = i;
    pr_order_shuffle(in->seed, PR_DRAW_POOL, 0, perm, in->n);
    queues_fill(&q, in, perm, in->n, in->n_levels);
    size_t few = draw->n < batch ? draw->n : 0; /* a draw that makes no batch */
    while (few ? ret->n < few : ret->n % batch != 0 || ret->tokens < draw->tokens) {
        if (ret->n % batch == 0)
            before = ret->tokens;
        size_t l = next_turn(&turns);
        if (q.at[l] == q.n[l]) {
            for (size_t i = 0; i < in->n; i++)
                perm[i] = i;
            pr_order_shuffle(in->seed, PR_DRAW_POOL, ++round[l], perm, in->n);
            queues_fill(&q, in, perm, in->n, l);
        }
        pr_order_push(in, ret, q.v[l][q.at[l]++]);
    }
    bool nearer = ret->n > batch && draw->tokens - before < ret->tokens - draw->tokens;
    if (nearer && !few)
        while (ret->n % batch != 0 || ret->tokens > before)
            ret->tokens -= pr_order_tokens(in, ret->v[--ret->n]);
    pr_free(perm);
    queues_done(&q, in->n_levels);
}

static const struct pr_strategy table[] = {
#define PR_X(name, summary) {#name, summary, order_##name},
    PR_STRATEGIES(PR_X)
#undef PR_X
};

const struct pr_strategy *pr_strategies(size_t *ret_n)
{
    *ret_n = sizeof table / sizeof *table;
    return table;
}

const struct pr_strategy *pr_strategy_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}
