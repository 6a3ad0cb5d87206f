/* Draws a seed's examples and has a strategy of the table put them in order. */
#include "curriculum/strategy.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "curriculum/draw.h"

#define MAX_EXAMPLES (1 << 24) /* of an order, repetitions counted */

void pr_example_order_done(struct pr_example_order *o)
{
    pr_free(o->v);
    *o = (struct pr_example_order){0};
}

void pr_order_push(const struct pr_strategy_input *in, struct pr_example_order *o, size_t example)
{
    PR_PUSH(o->v, o->n, o->cap, example);
    o->tokens += pr_order_tokens(in, example);
}

void pr_order_whole_batches(const struct pr_strategy_input *in, struct pr_example_order *o)
{
    size_t batch = in->batch ? in->batch : 1;
    for (size_t keep = o->n / batch ? o->n - o->n % batch : o->n; o->n > keep;)
        o->tokens -= pr_order_tokens(in, o->v[--o->n]);
}

uint64_t pr_order_budget(const struct pr_strategy_input *in)
{
    if (in->budget)
        return in->budget;
    uint64_t all = 0;
    for (size_t i = 0; i < in->n; i++)
        all += pr_order_tokens(in, i);
    return all;
}

void pr_order_shuffle(
    uint64_t seed, enum pr_draw_stream stream, uint64_t epoch, size_t *v, size_t n)
{
    /* Streams far apart in the seed's space: each of the three is spread over all its bits. */
    struct pr_rng r;
    pr_rng_seed(&r, seed);
    uint64_t base = pr_rng_u64(&r);
    pr_rng_seed(&r, base ^ (uint64_t)stream * 0xd1342543de82ef95u ^ epoch * 0xaf251af3b0f025b5u);
    for (size_t i = n; i > 1; i--) {
        size_t j = (size_t)pr_rng_below(&r, i), t = v[j];
        v[j] = v[i - 1];
        v[i - 1] = t;
    }
}

/* Permutations of the pool, one after the other, until the budget is reached; an example that would
 * pass it is the end, unless the first batch is not full yet. */
static enum pr_code draw_examples(
    const struct pr_strategy_input *in, struct pr_example_order *ret, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    uint64_t budget = pr_order_budget(in);
    size_t batch = in->batch ? in->batch : 1, *perm = pr_alloc(in->n * sizeof *perm);
    for (uint64_t epoch = 0;; epoch++) {
        for (size_t i = 0; i < in->n; i++)
            perm[i] = i;
        pr_order_shuffle(in->seed, PR_DRAW_POOL, epoch, perm, in->n);
        for (size_t i = 0; i < in->n; i++) {
            bool past = ret->tokens + pr_order_tokens(in, perm[i]) > budget;
            if (past && (ret->n >= batch || epoch > 0))
                goto out;
            if (ret->n == MAX_EXAMPLES) {
                code = pr_fail(e, PR_E_LIMIT, "a budget of more than %d examples", MAX_EXAMPLES);
                goto out;
            }
            pr_order_push(in, ret, perm[i]);
        }
    }
out:
    pr_order_whole_batches(in, ret);
    pr_free(perm);
    return code;
}

/* The A/A arm: `random` with other shuffles of the same examples, epoch by epoch. */
static void random_again(const struct pr_strategy_input *in, const struct pr_example_order *draw,
    struct pr_example_order *ret)
{
    for (size_t i = 0; i < draw->n; i++)
        pr_order_push(in, ret, draw->v[i]);
    for (size_t at = 0; at < ret->n; at += in->n) {
        size_t n = ret->n - at < in->n ? ret->n - at : in->n;
        pr_order_shuffle(in->seed, PR_DRAW_AGAIN, at / in->n, ret->v + at, n);
    }
}

enum pr_code pr_strategy_order(const char *arm, const struct pr_strategy_input *in,
    struct pr_example_order *ret, struct pr_error *e)
{
    const struct pr_strategy *s = pr_strategy_find(arm);
    if (!s && strcmp(arm, PR_ARM_AGAIN) != 0)
        return pr_fail(e, PR_E_USAGE, "'%s' is no curriculum strategy", arm);
    if (in->n == 0)
        return pr_fail(e, PR_E_FORMAT, "no examples to train on");
    if (in->n_levels == 0 || in->n_levels > PR_MAX_LEVELS)
        return pr_fail(e, PR_E_FORMAT, "%zu levels of difficulty: 1 to %d are told apart",
            in->n_levels, PR_MAX_LEVELS);
    for (size_t i = 0; i < in->n; i++)
        if (in->level[i] >= in->n_levels)
            return pr_fail(
                e, PR_E_FORMAT, "example %zu is of level %u of %zu", i, in->level[i], in->n_levels);
    struct pr_example_order draw = {0}, out = {0};
    enum pr_code code = draw_examples(in, &draw, e);
    if (code == PR_OK) {
        (s ? s->order : random_again)(in, &draw, &out);
        *ret = out;
    }
    pr_example_order_done(&draw);
    return code;
}

double pr_strategy_progress(const struct pr_level_progress *p)
{
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0;
    for (size_t i = 0; i < p->n && i < sizeof p->loss / sizeof *p->loss; i++) {
        double x = (double)i, y = p->loss[i];
        if (!isfinite(y))
            continue;
        n += 1, sx += x, sy += y, sxx += x * x, sxy += x * y;
    }
    return n < 2 ? NAN : -(n * sxy - sx * sy) / (n * sxx - sx * sx);
}

void pr_strategy_mix(const struct pr_level_progress *progress, size_t n_levels, double *ret)
{
    double sum = 0, known = 0;
    for (size_t l = 0; l < n_levels; l++) {
        ret[l] = progress ? pr_strategy_progress(&progress[l]) : NAN;
        if (!isnan(ret[l])) {
            ret[l] = fabs(ret[l]);
            sum += ret[l], known += 1;
        }
    }
    double mean = known > 0 ? sum / known : 0, total = mean * (double)n_levels;
    for (size_t l = 0; l < n_levels; l++) {
        double even = 1.0 / (double)n_levels, p = isnan(ret[l]) ? mean : ret[l];
        ret[l] = total > 0 && isfinite(total) ? PR_MIX_FLOOR * even + (1 - PR_MIX_FLOOR) * p / total
                                              : even;
    }
}
