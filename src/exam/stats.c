/* Intervals and bootstraps; see stats.h for the rules. */
#include "exam/stats.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "exam/special.h"

double pr_stats_sum(const double *x, size_t n)
{
    double sum = 0, lost = 0;
    for (size_t i = 0; i < n; i++) {
        double t = sum + x[i];
        lost += fabs(sum) >= fabs(x[i]) ? sum - t + x[i] : x[i] - t + sum;
        sum = t;
    }
    return sum + lost;
}

enum pr_code pr_stats_finite(const double *x, size_t n, const char *what, struct pr_error *e)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return pr_fail(e, PR_E_NUMBER, "%s %zu is %s, a finite number was expected", what, i,
                isnan(x[i]) ? "NaN" : "infinite");
    return PR_OK;
}

static const struct pr_estimate unknown = {.value = NAN, .lo = NAN, .hi = NAN};

static enum pr_code check_level(double level, struct pr_error *e)
{
    if (!(level > 0 && level < 1))
        return pr_fail(e, PR_E_USAGE, "a level between 0 and 1 was expected, not %g", level);
    return PR_OK;
}

static struct pr_estimate wilson(double k, double n, double level)
{
    double z = pr_normal_quantile(0.5 + level / 2), p = k / n, zz = z * z;
    double mid = (p + zz / (2 * n)) / (1 + zz / n);
    double half = z / (1 + zz / n) * sqrt(p * (1 - p) / n + zz / (4 * n * n));
    /* At the ends the bound is 0 or 1 exactly; rounding must not say 1e-17. */
    return (struct pr_estimate){.known = true,
        .value = p,
        .lo = k == 0 ? 0 : fmax(0, mid - half),
        .hi = k == n ? 1 : fmin(1, mid + half),
        .n = (size_t)n};
}

enum pr_code pr_stats_wilson(
    uint64_t k, uint64_t n, double level, struct pr_estimate *ret, struct pr_error *e)
{
    enum pr_code code = check_level(level, e);
    if (code)
        return code;
    if (k > n)
        return pr_fail(e, PR_E_USAGE, "%llu successes in %llu trials", (unsigned long long)k,
            (unsigned long long)n);
    *ret = n ? wilson((double)k, (double)n, level) : unknown;
    return PR_OK;
}

enum pr_code pr_stats_paired_proportions(uint64_t both, uint64_t gained, uint64_t lost,
    uint64_t neither, double level, struct pr_estimate *ret, struct pr_error *e)
{
    enum pr_code code = check_level(level, e);
    if (code)
        return code;
    double a = (double)both, b = (double)gained, c = (double)lost, d = (double)neither;
    double n = a + b + c + d;
    if (n == 0) {
        *ret = unknown;
        return PR_OK;
    }
    struct pr_estimate first = wilson(a + b, n, level), second = wilson(a + c, n, level);
    double product = (a + b) * (c + d) * (a + c) * (b + d), phi = 0;
    if (product > 0) {
        double det = a * d - b * c;
        /* Newcombe's continuity correction of φ, for positive determinants only. */
        det = det > n / 2 ? det - n / 2 : det >= 0 ? 0 : det;
        phi = det / sqrt(product);
    }
    double theta = (b - c) / n;
    double dl1 = first.value - first.lo, du1 = first.hi - first.value;
    double dl2 = second.value - second.lo, du2 = second.hi - second.value;
    double below = sqrt(fmax(0, dl1 * dl1 - 2 * phi * dl1 * du2 + du2 * du2));
    double above = sqrt(fmax(0, du1 * du1 - 2 * phi * du1 * dl2 + dl2 * dl2));
    *ret = (struct pr_estimate){.known = true,
        .value = theta,
        .lo = fmax(-1, theta - below),
        .hi = fmin(1, theta + above),
        .n = (size_t)n};
    return PR_OK;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The quantile of sorted v by linear interpolation (Hyndman & Fan 1996, type 7, as NumPy's). */
static double quantile(const double *v, size_t n, double p)
{
    double at = p * (double)(n - 1);
    size_t i = (size_t)at;
    if (i + 1 >= n)
        return v[n - 1];
    return v[i] + (at - (double)i) * (v[i + 1] - v[i]);
}

static double ratio_of(const double *num, const double *den, size_t n)
{
    double d = den ? pr_stats_sum(den, n) : (double)n;
    return pr_stats_sum(num, n) / d;
}

/* Efron's acceleration from the jackknife: a sixth of the skewness of the leave-one-out values. */
static double acceleration(const double *num, const double *den, size_t n)
{
    double sn = pr_stats_sum(num, n), sd = den ? pr_stats_sum(den, n) : (double)n, mean = 0;
    for (size_t i = 0; i < n; i++)
        mean += (sn - num[i]) / (sd - (den ? den[i] : 1)) / (double)n;
    double cubes = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        double d = mean - (sn - num[i]) / (sd - (den ? den[i] : 1));
        cubes += d * d * d;
        squares += d * d;
    }
    double a = cubes / (6 * pow(squares, 1.5));
    return isfinite(a) ? a : 0;
}

/* Which quantiles of the resampled values bound the interval. */
static void bca_levels(
    const double *v, size_t m, double value, double accel, double *lo, double *hi)
{
    size_t below = 0, equal = 0;
    for (size_t i = 0; i < m; i++) {
        below += v[i] < value;
        equal += v[i] == value;
    }
    double share = ((double)below + (double)equal / 2) / (double)m;
    double z0 = pr_normal_quantile(fmin(fmax(share, 0.5 / (double)m), 1 - 0.5 / (double)m));
    double *const ends[] = {lo, hi};
    for (int i = 0; i < 2; i++) {
        double z = z0 + pr_normal_quantile(*ends[i]);
        *ends[i] = pr_normal_cdf(z0 + z / (1 - accel * z));
    }
}

static enum pr_code set_defaults(
    struct pr_bootstrap_options *o, const struct pr_bootstrap_options *options, struct pr_error *e)
{
    *o = options ? *options : (struct pr_bootstrap_options){0};
    o->level = o->level == 0 ? PR_STATS_LEVEL : o->level;
    o->resamples = o->resamples ? o->resamples : PR_STATS_RESAMPLES;
    o->seed = o->seed ? o->seed : PR_STATS_SEED;
    return check_level(o->level, e);
}

enum pr_code pr_stats_bootstrap(const double *num, const double *den, size_t n,
    const struct pr_bootstrap_options *options, struct pr_estimate *ret, struct pr_error *e)
{
    struct pr_bootstrap_options o;
    enum pr_code code = set_defaults(&o, options, e);
    if (code || (code = pr_stats_finite(num, n, "observation", e)) ||
        (den && (code = pr_stats_finite(den, n, "weight", e))))
        return code;
    *ret = unknown;
    ret->n = n;
    if (!n || (den && pr_stats_sum(den, n) <= 0))
        return PR_OK;
    ret->known = true;
    ret->value = ratio_of(num, den, n);
    if (n < 2)
        return PR_OK;
    void *block;
    if ((code = pr_big_alloc(&block, o.resamples, sizeof(double), "bootstrap", e)))
        return code;
    double *v = block;
    struct pr_rng rng;
    pr_rng_seed(&rng, o.seed);
    size_t m = 0;
    for (size_t r = 0; r < o.resamples; r++) {
        double sn = 0, sd = 0;
        for (size_t i = 0; i < n; i++) {
            size_t k = (size_t)pr_rng_below(&rng, n);
            sn += num[k];
            sd += den ? den[k] : 1;
        }
        if (sd > 0)
            v[m++] = sn / sd;
    }
    if (m) {
        double lo = (1 - o.level) / 2, hi = 1 - lo;
        if (o.bca)
            bca_levels(v, m, ret->value, acceleration(num, den, n), &lo, &hi);
        qsort(v, m, sizeof *v, by_value);
        ret->lo = quantile(v, m, lo);
        ret->hi = quantile(v, m, hi);
    }
    pr_big_free(block, o.resamples * sizeof(double));
    return PR_OK;
}

enum pr_code pr_stats_bootstrap_any(size_t n,
    double (*value)(const void *ctx, const size_t *index, size_t n), const void *ctx,
    const struct pr_bootstrap_options *options, struct pr_estimate *ret, struct pr_error *e)
{
    struct pr_bootstrap_options o;
    enum pr_code code = set_defaults(&o, options, e);
    if (code)
        return code;
    *ret = unknown;
    ret->n = n;
    if (!n)
        return PR_OK;
    void *block, *chosen;
    if ((code = pr_big_alloc(&block, o.resamples, sizeof(double), "bootstrap", e)))
        return code;
    if ((code = pr_big_alloc(&chosen, n, sizeof(size_t), "bootstrap", e)))
        goto out;
    double *v = block;
    size_t *index = chosen, m = 0;
    for (size_t i = 0; i < n; i++)
        index[i] = i;
    ret->value = value(ctx, index, n);
    ret->known = isfinite(ret->value);
    struct pr_rng rng;
    pr_rng_seed(&rng, o.seed);
    for (size_t r = 0; ret->known && n > 1 && r < o.resamples; r++) {
        for (size_t i = 0; i < n; i++)
            index[i] = (size_t)pr_rng_below(&rng, n);
        v[m] = value(ctx, index, n);
        m += isfinite(v[m]);
    }
    if (m && m * 20 >= o.resamples * 19) {
        qsort(v, m, sizeof *v, by_value);
        ret->lo = quantile(v, m, (1 - o.level) / 2);
        ret->hi = quantile(v, m, (1 + o.level) / 2);
    }
    pr_big_free(chosen, n * sizeof(size_t));
out:
    pr_big_free(block, o.resamples * sizeof(double));
    return code;
}
