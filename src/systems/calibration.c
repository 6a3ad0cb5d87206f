/* See calibration.h. */
#include "systems/calibration.h"

#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/rng.h"

#define MARGIN 1e-6 /* confidences are kept this far off 0 and 1 where their logit is taken */
#define RIDGE  1e-3

void pr_answers_make(const struct pr_grades *g,
    bool (*take)(const struct pr_example *x, const char *group), const char *group,
    struct pr_answers *ret)
{
    *ret = (struct pr_answers){.confidence = pr_zalloc((g->n + 1) * sizeof(double)),
        .right = pr_zalloc((g->n + 1) * sizeof(bool)),
        .half = pr_zalloc((g->n + 1) * sizeof(bool))};
    for (size_t i = 0; i < g->n; i++) {
        const struct pr_grade *x = &g->v[i];
        if (!x->graded || x->correct == PR_VERDICT_NONE || !isfinite(x->confidence) ||
            (take && !take(x->example, group)))
            continue;
        ret->confidence[ret->n] = x->confidence;
        ret->half[ret->n] = x->example->digest[PR_SHA256_LEN - 1] & 1;
        ret->right[ret->n++] = x->correct == PR_VERDICT_RIGHT;
    }
}

void pr_answers_done(struct pr_answers *a)
{
    pr_free(a->confidence);
    pr_free(a->right);
    pr_free(a->half);
    *a = (struct pr_answers){0};
}

struct answer {
    double confidence;
    bool right;
};

static int by_confidence(const void *a, const void *b)
{
    double x = ((const struct answer *)a)->confidence, y = ((const struct answer *)b)->confidence;
    return (x > y) - (x < y);
}

double pr_answers_adaptive_ece(const struct pr_answers *a, size_t n_bins)
{
    struct answer *v = pr_zalloc((a->n + 1) * sizeof *v);
    for (size_t i = 0; i < a->n; i++)
        v[i] = (struct answer){a->confidence[i], a->right[i]};
    qsort(v, a->n, sizeof *v, by_confidence);
    double off = 0;
    for (size_t i = 0, b = 1; i < a->n; b++) {
        size_t end = b * a->n / n_bins;
        double gap = 0;
        /* Answers of one confidence are not parted. */
        for (; i < a->n && (i < end || (i && v[i].confidence == v[i - 1].confidence)); i++)
            gap += v[i].right - v[i].confidence;
        off += fabs(gap);
    }
    pr_free(v);
    return a->n ? off / (double)a->n : NAN;
}

double pr_answers_brier(const struct pr_answers *a)
{
    double sum = 0;
    for (size_t i = 0; i < a->n; i++) {
        double d = a->confidence[i] - a->right[i];
        sum += d * d;
    }
    return a->n ? sum / (double)a->n : NAN;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

void pr_answers_ece_noise(const struct pr_answers *a, const double *edges, size_t n_bins,
    size_t draws, uint64_t seed, struct pr_ece_noise *ret)
{
    *ret = (struct pr_ece_noise){NAN, NAN};
    if (!a->n || !draws)
        return;
    size_t *bin = pr_zalloc(a->n * sizeof *bin);
    double *gap = pr_zalloc(n_bins * sizeof *gap), *ece = pr_zalloc(draws * sizeof *ece), sum = 0;
    struct pr_rng rng;
    pr_rng_seed(&rng, seed);
    for (size_t i = 0; i < a->n; i++)
        while (bin[i] + 1 < n_bins && a->confidence[i] >= edges[bin[i] + 1])
            bin[i]++;
    for (size_t r = 0; r < draws; r++) {
        for (size_t b = 0; b < n_bins; b++)
            gap[b] = 0;
        for (size_t i = 0; i < a->n; i++)
            gap[bin[i]] += (pr_rng_double(&rng) < a->confidence[i]) - a->confidence[i];
        for (size_t b = 0; b < n_bins; b++)
            ece[r] += fabs(gap[b]) / (double)a->n;
        sum += ece[r];
    }
    qsort(ece, draws, sizeof *ece, by_value);
    ret->mean = sum / (double)draws;
    ret->p99 = ece[(size_t)ceil(0.99 * (double)draws) - 1];
    pr_free(ece);
    pr_free(gap);
    pr_free(bin);
}

static double clip(double c)
{
    return fmin(fmax(c, MARGIN), 1 - MARGIN);
}

static double logit(double c)
{
    c = clip(c);
    return log(c / (1 - c));
}

static double sigmoid(double x)
{
    return x >= 0 ? 1 / (1 + exp(-x)) : exp(x) / (1 + exp(x));
}

double pr_logistic_apply(struct pr_logistic f, double confidence)
{
    return sigmoid(f.a * logit(confidence) + f.b);
}

static bool taken(const struct pr_answers *x, size_t i, int only_half)
{
    return only_half < 0 || x->half[i] == (only_half != 0);
}

/* The likelihood of 1/T is log-concave: its slope falls and is 0 once, at most. */
struct pr_logistic pr_fit_temperature(const struct pr_answers *x, int only_half)
{
    double lo = log(0.05), hi = log(20);
    for (int step = 0; step < 60; step++) {
        double mid = (lo + hi) / 2, slope = 0;
        for (size_t i = 0; i < x->n; i++) {
            double l = logit(x->confidence[i]);
            if (taken(x, i, only_half))
                slope += (x->right[i] - sigmoid(exp(mid) * l)) * l;
        }
        if (slope > 0)
            lo = mid;
        else
            hi = mid;
    }
    return (struct pr_logistic){.a = exp((lo + hi) / 2)};
}

/* What Newton's method needs at one point of the penalised log loss. */
struct curve {
    double value, da, db, daa, dab, dbb;
};

static struct curve curve_at(const struct pr_answers *x, int only_half, struct pr_logistic f)
{
    struct curve c = {.value = RIDGE / 2 * ((f.a - 1) * (f.a - 1) + f.b * f.b),
        .da = RIDGE * (f.a - 1),
        .db = RIDGE * f.b,
        .daa = RIDGE,
        .dbb = RIDGE};
    for (size_t i = 0; i < x->n; i++) {
        if (!taken(x, i, only_half))
            continue;
        double l = logit(x->confidence[i]), z = f.a * l + f.b, p = sigmoid(z);
        /* ln(1 + e^z) − y·z without overflow */
        c.value += fmax(z, 0) + log1p(exp(-fabs(z))) - x->right[i] * z;
        c.da += (p - x->right[i]) * l;
        c.db += p - x->right[i];
        c.daa += p * (1 - p) * l * l;
        c.dab += p * (1 - p) * l;
        c.dbb += p * (1 - p);
    }
    return c;
}

struct pr_logistic pr_fit_platt(const struct pr_answers *x, int only_half)
{
    struct pr_logistic f = {.a = 1};
    struct curve c = curve_at(x, only_half, f);
    for (int step = 0; step < 100; step++) {
        double det = c.daa * c.dbb - c.dab * c.dab;
        double a = (c.dbb * c.da - c.dab * c.db) / det, b = (c.daa * c.db - c.dab * c.da) / det;
        if (!(fabs(a) + fabs(b) > 1e-10))
            break;
        struct pr_logistic next;
        struct curve at;
        double share = 1;
        do { /* a convex function: some part of the step leads down */
            next = (struct pr_logistic){f.a - share * a, f.b - share * b};
            at = curve_at(x, only_half, next);
            share /= 2;
        } while (!(at.value <= c.value) && share > 1e-9);
        if (!(at.value <= c.value))
            break;
        f = next;
        c = at;
    }
    return f;
}

void pr_logistic_cross_apply(
    const struct pr_answers *a, const struct pr_logistic by_half[2], double *ret)
{
    for (size_t i = 0; i < a->n; i++)
        ret[i] = pr_logistic_apply(by_half[!a->half[i]], a->confidence[i]);
}

double pr_answers_log_loss(const struct pr_answers *a, const double *confidence)
{
    double sum = 0;
    for (size_t i = 0; i < a->n; i++)
        sum -= log(a->right[i] ? clip(confidence[i]) : 1 - clip(confidence[i]));
    return a->n ? sum / (double)a->n : NAN;
}

bool pr_well_calibrated(double ece, const struct pr_ece_noise *noise)
{
    return ece <= fmax(PR_CALIBRATION_LIMIT, noise->p99);
}
