/* See ranking.h. */
#include "systems/ranking.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "exam/stats.h"

/* Draws: 2,000 where that is cheap, fewer for large suites (the table of counts stays below 8 MB)
 * and many checkpoints (their scores in each draw stay below 8 MB), never below 200. */
static size_t draws_for(size_t n_items, size_t n_examples)
{
    size_t n = PR_STATS_RESAMPLES;
    if (n_examples && n > ((size_t)8 << 20) / n_examples)
        n = ((size_t)8 << 20) / n_examples;
    if (n_items && n > ((size_t)1 << 20) / n_items)
        n = ((size_t)1 << 20) / n_items;
    return n < 200 ? 200 : n;
}

struct key {
    double score;
    size_t index;
};

static int better_first(const void *a, const void *b)
{
    const struct key *x = a, *y = b;
    bool no_x = isnan(x->score), no_y = isnan(y->score);
    if (no_x != no_y)
        return no_x - no_y;
    if (!no_x && x->score != y->score)
        return x->score > y->score ? -1 : 1;
    return x->index > y->index ? -1 : 1;
}

static void set_order(struct pr_ranking *r)
{
    struct key *keys = pr_zalloc((r->n + 1) * sizeof *keys);
    for (size_t i = 0; i < r->n; i++)
        keys[i] = (struct key){r->v[i].score.value, i};
    qsort(keys, r->n, sizeof *keys, better_first);
    r->order = pr_zalloc((r->n + 1) * sizeof *r->order);
    r->best = SIZE_MAX;
    for (size_t k = 0; k < r->n; k++) {
        struct pr_rank_item *x = &r->v[keys[k].index];
        r->order[k] = keys[k].index;
        if (isnan(keys[k].score))
            continue;
        bool equal = k && keys[k].score == keys[k - 1].score;
        x->rank = equal ? r->v[keys[k - 1].index].rank : k + 1;
        if (r->best == SIZE_MAX && !x->excluded)
            r->best = keys[k].index;
    }
    pr_free(keys);
}

/* The pairs to be compared, as places in the order: near ones, and each with the best. */
struct pairs {
    struct pair {
        size_t a, b; /* indices of items, a ahead */
    } * v;
    struct pr_score_pair *draws;
    size_t n, cap, draws_n, draws_cap;
};

static void add_pair(struct pr_ranking *r, struct pairs *p, size_t a, size_t b)
{
    struct pair x = {a, b};
    struct pr_score_pair d = {
        r->v[a].draws, r->v[b].draws, pr_score_spread(r->v[a].draws, r->v[b].draws, r->n_draws)};
    PR_PUSH(p->v, p->n, p->cap, x);
    PR_PUSH(p->draws, p->draws_n, p->draws_cap, d);
}

static void find_pairs(struct pr_ranking *r, size_t n_scored, struct pairs *p)
{
    size_t at_best = 0;
    while (at_best < n_scored && r->order[at_best] != r->best)
        at_best++;
    for (size_t i = 0; i < n_scored; i++) {
        for (size_t k = i + 1; k < n_scored && k - i <= PR_RANKING_REACH; k++)
            add_pair(r, p, r->order[i], r->order[k]);
        if (at_best + PR_RANKING_REACH < i && at_best < n_scored)
            add_pair(r, p, r->best, r->order[i]);
        else if (i + PR_RANKING_REACH < at_best && at_best < n_scored)
            add_pair(r, p, r->order[i], r->best);
    }
}

static void tie(struct pr_rank_item *x, size_t with)
{
    PR_PUSH(x->tied, x->n_tied, x->tied_cap, with);
}

/* Of equals no draw tells them apart (spread 0); of others without a spread nothing is known. */
static bool is_tie(double difference, double spread, double factor)
{
    if (difference == 0 || isnan(spread))
        return true;
    return spread > 0 && fabs(difference) <= factor * spread;
}

static void compare_pairs(struct pr_ranking *r, size_t n_scored)
{
    struct pairs p = {0};
    find_pairs(r, n_scored, &p);
    r->n_pairs = p.n;
    r->factor = pr_score_joint_factor(p.draws, p.n, r->n_draws);
    for (size_t i = 0; i < p.n; i++) {
        struct pr_rank_item *a = &r->v[p.v[i].a], *b = &r->v[p.v[i].b];
        if (!is_tie(a->score.value - b->score.value, p.draws[i].spread, r->factor))
            continue;
        tie(a, p.v[i].b);
        tie(b, p.v[i].a);
    }
    pr_free(p.v);
    pr_free(p.draws);
}

static void set_behind(struct pr_ranking *r, size_t n_scored)
{
    for (size_t i = 0; i < r->n; i++)
        r->v[i].behind = r->v[i].behind_spread = NAN;
    for (size_t k = 0; k < n_scored && r->best != SIZE_MAX; k++) {
        const struct pr_rank_item *best = &r->v[r->best];
        struct pr_rank_item *x = &r->v[r->order[k]];
        x->behind = best->score.value - x->score.value;
        x->behind_spread = pr_score_spread(best->draws, x->draws, r->n_draws);
    }
}

/* Parts that the suite does not give are the same (unknown) for all and decide nothing. */
static bool dominates(const double *a, const double *b)
{
    static const struct {
        enum pr_score_part part;
        int sign; /* −1: less is better */
    } axes[] = {{PR_SCORE_ACCURACY, 1}, {PR_SCORE_LOSS, -1}, {PR_SCORE_CALIBRATION, -1}};
    bool better = false;
    for (size_t k = 0; k < 3; k++) {
        double d = axes[k].sign * (a[axes[k].part] - b[axes[k].part]);
        if (d < 0)
            return false;
        better |= d > 0;
    }
    return better;
}

static void set_pareto(struct pr_ranking *r, size_t n_scored)
{
    for (size_t i = 0; i < n_scored; i++) {
        struct pr_rank_item *x = &r->v[r->order[i]];
        x->pareto = !x->excluded;
        for (size_t k = 0; k < n_scored && x->pareto; k++) {
            const struct pr_rank_item *y = &r->v[r->order[k]];
            x->pareto = y->excluded || !dominates(y->score.part, x->score.part);
        }
    }
}

void pr_ranking_make(struct pr_ranking *r, const struct pr_score_weights *w, size_t n_examples)
{
    struct pr_score_draws draws;
    size_t n_scored = 0;
    set_order(r);
    while (n_scored < r->n && r->v[r->order[n_scored]].rank)
        n_scored++;
    r->n_draws = draws_for(n_scored, n_examples);
    pr_score_draws_make(n_examples, r->n_draws, PR_STATS_SEED, &draws);
    for (size_t i = 0; i < r->n; i++)
        r->v[i].spread = NAN;
    for (size_t k = 0; k < n_scored; k++) {
        struct pr_rank_item *x = &r->v[r->order[k]];
        x->draws = pr_zalloc((r->n_draws + 1) * sizeof *x->draws);
        pr_score_redraw(&x->sheet, w, &draws, x->draws);
        x->spread = pr_score_spread(x->draws, NULL, r->n_draws);
    }
    pr_score_draws_done(&draws);
    compare_pairs(r, n_scored);
    set_behind(r, n_scored);
    set_pareto(r, n_scored);
}

void pr_ranking_done(struct pr_ranking *r)
{
    for (size_t i = 0; i < r->n; i++) {
        pr_score_sheet_done(&r->v[i].sheet);
        pr_free(r->v[i].tied);
        pr_free(r->v[i].draws);
    }
    pr_free(r->v);
    pr_free(r->order);
    *r = (struct pr_ranking){0};
}
