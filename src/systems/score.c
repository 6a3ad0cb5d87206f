/* See score.h. */
#include "systems/score.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "exam/stats.h"

const char *const pr_score_part_names[PR_SCORE_PARTS] = {
    [PR_SCORE_ACCURACY] = "accuracy",
    [PR_SCORE_LOSS] = "loss",
    [PR_SCORE_CALIBRATION] = "ece",
    [PR_SCORE_FORMAT] = "format_ok",
};

void pr_score_weigh(
    const struct pr_settings *s, const struct pr_suite *suite, struct pr_score_weights *ret)
{
    *ret = (struct pr_score_weights){.gives[PR_SCORE_LOSS] = suite->n > 0};
    for (size_t i = 0; i < suite->n; i++) {
        const struct pr_example *x = &suite->v[i];
        if (!x->golden.s)
            continue;
        ret->gives[PR_SCORE_ACCURACY] = ret->gives[PR_SCORE_CALIBRATION] = true;
        ret->gives[PR_SCORE_FORMAT] |= x->check.type && x->check.type->generates;
    }
    for (size_t k = 0; k < PR_SCORE_PARTS; k++)
        ret->sum += ret->gives[k] ? s->weights[k] : 0;
    for (size_t k = 0; k < PR_SCORE_PARTS; k++)
        ret->w[k] = ret->gives[k] && ret->sum > 0 ? s->weights[k] / ret->sum : 0;
}

static uint8_t bin_of(double confidence)
{
    uint8_t k = 0;
    while (k + 1 < PR_BINS_SIX && confidence >= pr_stats_six_edges[k + 1])
        k++;
    return k;
}

static struct pr_score_cell cell_of(const struct pr_grade *g)
{
    struct pr_score_cell c = {0};
    bool right = g->correct == PR_VERDICT_RIGHT;
    if (isfinite(g->loss)) {
        c.has_loss = 1;
        c.loss = g->loss;
    }
    if (g->correct != PR_VERDICT_NONE) {
        c.decided = 1;
        c.right = right;
        c.calibrated = isfinite(g->confidence);
    }
    if (c.calibrated) {
        c.bin = bin_of(g->confidence);
        c.gap = right - g->confidence;
    }
    c.asked = g->finish && strcmp(g->finish, "choice") != 0;
    c.fine = c.asked && g->well_formed;
    return c;
}

void pr_score_sheet_make(const struct pr_grades *g, struct pr_score_sheet *ret)
{
    *ret = (struct pr_score_sheet){.n = g->n, .cells = pr_zalloc((g->n + 1) * sizeof *ret->cells)};
    for (size_t i = 0; i < g->n; i++) {
        const struct pr_grade *x = &g->v[i];
        if (!x->graded) {
            if (!ret->reason && x->reason)
                ret->reason = pr_strdup(x->reason);
            continue;
        }
        ret->n_graded++;
        ret->n_bad += x->bad_number;
        ret->n_decided += x->correct != PR_VERDICT_NONE;
        ret->n_right += x->correct == PR_VERDICT_RIGHT;
        ret->cells[i] = cell_of(x);
    }
}

void pr_score_sheet_done(struct pr_score_sheet *s)
{
    pr_free(s->cells);
    pr_free(s->reason);
    *s = (struct pr_score_sheet){0};
}

static double ratio(double a, double n)
{
    return n > 0 ? a / n : NAN;
}

/* The four parts, each example taken counts[i] times (NULL: once). */
static void parts_of(const struct pr_score_sheet *s, const uint8_t *counts, double *ret)
{
    double loss = 0, gap[PR_BINS_SIX] = {0}, off = 0;
    unsigned losses = 0, decided = 0, right = 0, calibrated = 0, asked = 0, fine = 0;
    for (size_t i = 0; i < s->n; i++) {
        const struct pr_score_cell *c = &s->cells[i];
        unsigned k = counts ? counts[i] : 1;
        loss += (double)k * c->loss;
        gap[c->bin] += (double)k * c->gap;
        losses += k * c->has_loss;
        decided += k * c->decided;
        right += k * c->right;
        calibrated += k * c->calibrated;
        asked += k * c->asked;
        fine += k * c->fine;
    }
    for (size_t b = 0; b < PR_BINS_SIX; b++)
        off += fabs(gap[b]);
    ret[PR_SCORE_ACCURACY] = ratio(right, decided);
    ret[PR_SCORE_LOSS] = ratio(loss, losses);
    ret[PR_SCORE_CALIBRATION] = ratio(off, calibrated);
    ret[PR_SCORE_FORMAT] = ratio(fine, asked);
}

static double value_of(const double *part, const struct pr_score_weights *w)
{
    double credit[PR_SCORE_PARTS] = {
        [PR_SCORE_ACCURACY] = part[PR_SCORE_ACCURACY],
        [PR_SCORE_LOSS] = exp(-part[PR_SCORE_LOSS]),
        [PR_SCORE_CALIBRATION] = 1 - part[PR_SCORE_CALIBRATION],
        [PR_SCORE_FORMAT] = part[PR_SCORE_FORMAT],
    };
    double sum = 0;
    for (size_t k = 0; k < PR_SCORE_PARTS; k++)
        sum += w->w[k] > 0 ? w->w[k] * credit[k] : 0;
    return w->sum > 0 ? sum : NAN;
}

void pr_score_make(
    const struct pr_score_sheet *s, const struct pr_score_weights *w, struct pr_score *ret)
{
    static const char *const lacks[PR_SCORE_PARTS] = {
        [PR_SCORE_ACCURACY] = "no answer could be judged right or wrong",
        [PR_SCORE_LOSS] = "no example has a finite loss",
        [PR_SCORE_CALIBRATION] = "no judged answer has a confidence",
        [PR_SCORE_FORMAT] = "nothing was generated",
    };
    *ret = (struct pr_score){.value = NAN};
    parts_of(s, NULL, ret->part);
    const char *why = NULL;
    for (size_t k = 0; k < PR_SCORE_PARTS; k++)
        if (w->w[k] > 0 && !isfinite(ret->part[k]) && !why)
            why = lacks[k];
    if (s->n_bad)
        snprintf(ret->reason, sizeof ret->reason,
            "NaN or infinity came out of the model on %zu of %zu examples", s->n_bad, s->n);
    else if (!s->n_graded)
        snprintf(ret->reason, sizeof ret->reason, "no example could be graded: %s",
            s->reason ? s->reason : "unknown");
    else if (!(w->sum > 0))
        snprintf(ret->reason, sizeof ret->reason,
            "this suite gives none of the parts that have a weight");
    else if (why)
        snprintf(ret->reason, sizeof ret->reason, "%s", why);
    else
        ret->value = value_of(ret->part, w);
}

void pr_score_draws_make(size_t n, size_t n_draws, uint64_t seed, struct pr_score_draws *ret)
{
    struct pr_rng rng;
    size_t bytes = 1;
    bool fits = pr_mul(n, n_draws, &bytes);
    *ret = (struct pr_score_draws){
        .n = n, .n_draws = fits ? n_draws : 0, .counts = pr_zalloc(fits && bytes ? bytes : 1)};
    pr_rng_seed(&rng, seed);
    for (size_t r = 0; n && r < ret->n_draws; r++) {
        uint8_t *row = ret->counts + r * n;
        for (size_t i = 0; i < n; i++) {
            uint8_t *c = &row[pr_rng_below(&rng, n)];
            if (*c < UINT8_MAX) /* one example is not drawn that often */
                ++*c;
        }
    }
}

void pr_score_draws_done(struct pr_score_draws *d)
{
    pr_free(d->counts);
    *d = (struct pr_score_draws){0};
}

void pr_score_redraw(const struct pr_score_sheet *s, const struct pr_score_weights *w,
    const struct pr_score_draws *d, double *ret)
{
    for (size_t r = 0; r < d->n_draws; r++) {
        double part[PR_SCORE_PARTS];
        parts_of(s, d->counts + r * d->n, part);
        ret[r] = value_of(part, w);
    }
}

static double difference(const double *a, const double *b, size_t r)
{
    return b ? a[r] - b[r] : a[r];
}

static double mean_of(const double *a, const double *b, size_t n_draws, size_t *ret_n)
{
    double sum = 0;
    size_t n = 0;
    for (size_t r = 0; r < n_draws; r++) {
        double d = difference(a, b, r);
        sum += isfinite(d) ? d : 0;
        n += isfinite(d);
    }
    *ret_n = n;
    return sum / (double)n;
}

double pr_score_spread(const double *a, const double *b, size_t n_draws)
{
    size_t n;
    double mean = mean_of(a, b, n_draws, &n), squares = 0;
    if (n < 2 || n * 20 < n_draws * 19)
        return NAN;
    for (size_t r = 0; r < n_draws; r++) {
        double d = difference(a, b, r) - mean;
        squares += isfinite(d) ? d * d : 0;
    }
    return sqrt(squares / (double)(n - 1));
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double pr_score_joint_factor(const struct pr_score_pair *v, size_t n, size_t n_draws)
{
    double *worst = pr_zalloc((n_draws + 1) * sizeof *worst);
    bool any = false;
    for (size_t i = 0; i < n; i++) {
        size_t known;
        if (!(v[i].spread > 0))
            continue;
        double mean = mean_of(v[i].a, v[i].b, n_draws, &known);
        for (size_t r = 0; r < n_draws; r++) {
            double t = fabs(difference(v[i].a, v[i].b, r) - mean) / v[i].spread;
            if (t > worst[r]) /* false for NaN */
                worst[r] = t;
        }
        any = true;
    }
    qsort(worst, n_draws, sizeof *worst, by_value);
    double at = ceil(0.95 * (double)n_draws);
    double factor = any && n_draws ? worst[(size_t)at - 1] : NAN;
    pr_free(worst);
    return factor;
}
