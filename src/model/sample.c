/* Sampling: only the likeliest tokens are ever sorted. */
#include "model/sample.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/rng.h"

struct candidate {
    double p; /* exp((logit − max) / temperature), not normalised */
    int32_t id;
};
struct candidates {
    struct candidate *v;
    size_t n, cap;
};

static double highest(const float *logits, size_t n)
{
    double max = -INFINITY;
    for (size_t i = 0; i < n; i++)
        max = logits[i] > max ? logits[i] : max;
    return max;
}

static double weight(const struct pr_sampling *s, float logit, double max)
{
    return exp((logit - max) / s->temperature);
}

static double uniform(const struct pr_sampling *s, uint64_t place)
{
    struct pr_rng rng;
    pr_rng_seed(&rng, s->seed + place * 0x9e3779b97f4a7c15u);
    return pr_rng_double(&rng);
}

/* From the whole distribution: nothing is sorted. */
static int32_t draw_any(
    const struct pr_sampling *s, double u, double max, const float *logits, size_t n)
{
    double sum = 0;
    int32_t last = 0;
    for (size_t i = 0; i < n; i++)
        sum += weight(s, logits[i], max);
    u *= sum;
    for (size_t i = 0; i < n; i++) {
        double p = weight(s, logits[i], max);
        if (p > 0)
            last = (int32_t)i;
        if ((u -= p) < 0)
            break;
    }
    return last;
}

static int by_likelihood(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->p != y->p)
        return x->p > y->p ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* All tokens that are at least `least` times as likely as the likeliest, sorted. */
static void collect(const struct pr_sampling *s, double least, double max, const float *logits,
    size_t n, struct candidates *c)
{
    double cut = max + s->temperature * log(least);
    c->n = 0;
    for (size_t i = 0; i < n; i++) {
        if (logits[i] < cut) /* −inf where least is 0: all of them */
            continue;
        struct candidate x = {weight(s, logits[i], max), (int32_t)i};
        if (x.p > 0)
            PR_PUSH(c->v, c->n, c->cap, x);
    }
    qsort(c->v, c->n, sizeof *c->v, by_likelihood);
}

static double sum_of(const struct candidate *v, size_t n)
{
    double sum = 0;
    for (size_t i = n; i-- > 0;) /* the small ones first */
        sum += v[i].p;
    return sum;
}

static bool limits_p(const struct pr_sampling *s)
{
    return s->top_p > 0 && s->top_p < 1;
}

/* Are those that are at least `least` times as likely as the likeliest enough to find all that
 * stays?  all: the weight of every token, where it is needed. */
static bool are_enough(
    const struct pr_sampling *s, const struct candidates *c, double least, double all)
{
    if (!(least > 0))
        return true;
    if (s->top_k)
        return c->n >= s->top_k || (!limits_p(s) && least < s->min_p);
    return least < s->min_p || (limits_p(s) && sum_of(c->v, c->n) >= s->top_p * all);
}

/* What stays, in c, most likely first.  Looks at ever less likely tokens until nothing that stays
 * can be missing: mostly a few are sorted. */
static void select_set(
    const struct pr_sampling *s, double max, const float *logits, size_t n, struct candidates *c)
{
    double all = 0, least = 1.0 / 16;
    for (size_t i = 0; limits_p(s) && !s->top_k && i < n; i++)
        all += weight(s, logits[i], max);
    for (collect(s, least, max, logits, n, c); !are_enough(s, c, least, all);) {
        least = least > 1e-12 ? least / 256 : 0;
        collect(s, least, max, logits, n, c);
    }
    if (s->top_k && c->n > s->top_k)
        c->n = s->top_k;
    if (limits_p(s)) {
        double want = s->top_p * (s->top_k ? sum_of(c->v, c->n) : all), sum = 0;
        size_t kept = 0;
        while (kept < c->n && (!kept || sum < want))
            sum += c->v[kept++].p;
        c->n = kept;
    }
    while (c->n > 1 && c->v[c->n - 1].p < s->min_p)
        c->n--;
}

static bool is_limited(const struct pr_sampling *s)
{
    return s->top_k || limits_p(s) || s->min_p > 0;
}

int32_t pr_sample(const struct pr_sampling *s, uint64_t place, const float *logits, size_t n)
{
    double max = highest(logits, n), u = uniform(s, place);
    struct candidates c = {0};
    if (!is_limited(s))
        return draw_any(s, u, max, logits, n);
    select_set(s, max, logits, n, &c);
    u *= sum_of(c.v, c.n);
    size_t i = 0;
    while (i + 1 < c.n && (u -= c.v[i].p) >= 0)
        i++;
    int32_t id = c.v[i].id;
    pr_free(c.v);
    return id;
}

void pr_sample_set(const struct pr_sampling *s, const float *logits, size_t n, int32_t **ret_ids,
    double **ret_p, size_t *ret_n)
{
    struct candidates c = {0};
    double max = highest(logits, n);
    if (is_limited(s))
        select_set(s, max, logits, n, &c);
    else
        collect(s, 0, max, logits, n, &c);
    double sum = sum_of(c.v, c.n);
    *ret_ids = pr_alloc((c.n + 1) * sizeof **ret_ids);
    *ret_p = pr_alloc((c.n + 1) * sizeof **ret_p);
    for (size_t i = 0; i < c.n; i++) {
        (*ret_ids)[i] = c.v[i].id;
        (*ret_p)[i] = c.v[i].p / sum;
    }
    *ret_n = c.n;
    pr_free(c.v);
}
