/* Tests on pairs: McNemar, sign flips, Student's t, and the betting test that may be watched. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "exam/special.h"
#include "exam/stats.h"

double pr_stats_mcnemar(uint64_t gained, uint64_t lost, bool mid_p)
{
    double n = (double)(gained + lost), k = (double)(gained < lost ? gained : lost);
    if (n == 0)
        return 1;
    /* P(X <= k) for X ~ B(n, 1/2) is I_{1/2}(n − k, k + 1). */
    double tail = pr_ibeta(n - k, k + 1, 0.5);
    double p = 2 * tail;
    if (mid_p) {
        double point = exp(lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1) - n * M_LN2);
        p = gained == lost ? 1 - point : p - point;
    }
    return fmin(1, p);
}

#define EXACT_FLIPS 16

/* How often Σ ±d is at least as far from 0 as Σ d: over all 2^n signs, or over seeded draws (then
 * with the observed one counted in, so that p is never 0: Phipson & Smyth 2010). */
static double sign_flip(const double *d, size_t n, size_t draws, uint64_t seed)
{
    double observed = 0, scale = 0;
    for (size_t i = 0; i < n; i++) {
        observed += d[i];
        scale += fabs(d[i]);
    }
    /* Sums of the same numbers in another order differ in the last bits: those count as equal. */
    double bar = fabs(observed) - 1e-12 * scale;
    struct pr_rng rng;
    pr_rng_seed(&rng, seed);
    bool exact = n <= EXACT_FLIPS;
    size_t m = exact ? (size_t)1 << n : draws, hits = 0;
    for (size_t r = 0; r < m; r++) {
        double sum = 0;
        uint64_t bits = r;
        for (size_t i = 0; i < n; i++) {
            if (!exact && i % 64 == 0)
                bits = pr_rng_u64(&rng);
            sum += bits & 1 ? -d[i] : d[i];
            bits >>= 1;
        }
        hits += fabs(sum) >= bar;
    }
    return exact ? (double)hits / (double)m : (double)(hits + 1) / (double)(m + 1);
}

static double t_test(const double *d, size_t n)
{
    if (n < 2)
        return NAN;
    double mean = pr_stats_sum(d, n) / (double)n, squares = 0;
    for (size_t i = 0; i < n; i++)
        squares += (d[i] - mean) * (d[i] - mean);
    double se = sqrt(squares / (double)(n - 1) / (double)n);
    return se > 0 ? pr_t_two_sided(mean / se, (double)(n - 1)) : NAN;
}

enum pr_code pr_stats_paired(const double *a, const double *b, size_t n,
    const struct pr_bootstrap_options *options, struct pr_paired *ret, struct pr_error *e)
{
    enum pr_code code = pr_stats_finite(a, n, "first observation", e);
    if (code || (code = pr_stats_finite(b, n, "second observation", e)))
        return code;
    void *block;
    if ((code = pr_big_alloc(&block, n + 1, sizeof(double), "paired differences", e)))
        return code;
    double *d = block;
    struct pr_paired out = {.t_p = NAN, .sign_flip_p = NAN};
    for (size_t i = 0; i < n; i++) {
        d[i] = b[i] - a[i];
        out.n_better += d[i] < 0;
        out.n_worse += d[i] > 0;
    }
    if ((code = pr_stats_bootstrap(d, NULL, n, options, &out.difference, e)))
        goto out;
    if (n) {
        size_t draws = options && options->resamples ? options->resamples : PR_STATS_RESAMPLES;
        uint64_t seed = options && options->seed ? options->seed : PR_STATS_SEED;
        out.t_p = t_test(d, n);
        out.sign_flip_p = sign_flip(d, n, draws, seed);
    }
    *ret = out;
out:
    pr_big_free(block, (n + 1) * sizeof(double));
    return code;
}

void pr_betting_init(struct pr_betting *b)
{
    *b = (struct pr_betting){0}; /* wealth 1 at the start: ln 1 = 0 is the first maximum */
}

double pr_betting_log_e(const struct pr_betting *b, enum pr_betting_side side)
{
    double g = (double)b->gained + 0.5, l = (double)b->lost + 0.5,
           n = (double)(b->gained + b->lost);
    /* ∫ p^gained (1−p)^lost dBeta(1/2, 1/2) ÷ 2^−n; B(1/2, 1/2) = π. */
    double two = lgamma(g) + lgamma(l) - lgamma(g + l) - log(M_PI) + n * M_LN2;
    if (side == PR_BET_TWO_SIDED)
        return two;
    /* The prior doubled on one half: p > 1/2 holds the share I_{1/2}(lost, gained) of it. */
    return two + M_LN2 +
           (side == PR_BET_GAINED ? pr_log_ibeta(l, g, 0.5) : pr_log_ibeta(g, l, 0.5));
}

void pr_betting_add(struct pr_betting *b, bool gained)
{
    b->gained += gained;
    b->lost += !gained;
    for (int s = 0; s < 3; s++)
        b->max_log_e[s] = fmax(b->max_log_e[s], pr_betting_log_e(b, (enum pr_betting_side)s));
}

double pr_betting_p(const struct pr_betting *b, enum pr_betting_side side)
{
    return fmin(1, exp(-b->max_log_e[side]));
}
