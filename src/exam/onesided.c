/* One-sided tests on pairs: is the second worse (or better) than the first beyond chance?  See
 * stats.h. */
#include <math.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "exam/special.h"
#include "exam/stats.h"

double pr_stats_mcnemar_worse(uint64_t gained, uint64_t lost)
{
    double n = (double)(gained + lost), k = (double)lost;
    /* P(X >= k) for X ~ B(n, 1/2) is I_{1/2}(k, n − k + 1). */
    return k > 0 ? fmin(1, pr_ibeta(k, n - k + 1, 0.5)) : 1;
}

double pr_stats_sign_bound(const double *d, size_t n)
{
    /* P(Z >= √2) / … : the constant of Bentkus & Dzindzalieta, 1 / (4 P(Z >= √2)). */
    const double c = 1 / (4 * pr_normal_cdf(-M_SQRT2));
    double squares = 0, sum = pr_stats_sum(d, n), largest = 0;
    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(d[i]));
    if (!(sum > 0))
        return 1;
    for (size_t i = 0; i < n; i++)
        squares += d[i] / largest * (d[i] / largest); /* scaled: no overflow, no underflow */
    double x = sum / largest / sqrt(squares);
    return fmin(1, fmin(exp(-x * x / 2), c * pr_normal_cdf(-x)));
}

#define EXACT_FLIPS 16

double pr_stats_sign_flips(const double *d, size_t n, size_t draws, uint64_t seed)
{
    double observed = 0, scale = 0;
    for (size_t i = 0; i < n; i++) {
        observed += d[i];
        scale += fabs(d[i]);
    }
    /* Sums of the same numbers in another order differ in the last bits: those count as equal. */
    double bar = observed - 1e-12 * scale;
    bool exact = n <= EXACT_FLIPS;
    size_t m = exact ? (size_t)1 << n : draws, hits = 0;
    struct pr_rng rng;
    pr_rng_seed(&rng, seed);
    for (size_t r = 0; r < m; r++) {
        double sum = 0;
        uint64_t bits = r;
        for (size_t i = 0; i < n; i++) {
            if (!exact && i % 64 == 0)
                bits = pr_rng_u64(&rng);
            /* The sign bit itself is flipped: a branch on a random bit is a miss half the time. */
            sum += d[i] * (double)(1 - 2 * (int)(bits & 1));
            bits >>= 1;
        }
        hits += sum >= bar;
    }
    return exact ? (double)hits / (double)m : (double)(hits + 1) / (double)(m + 1);
}

double pr_stats_t_greater(const double *d, size_t n, double *ret_mean, double *ret_se)
{
    *ret_mean = n ? pr_stats_sum(d, n) / (double)n : NAN;
    *ret_se = NAN;
    if (n < 2)
        return NAN;
    double squares = 0, df = (double)(n - 1), mean = *ret_mean;
    for (size_t i = 0; i < n; i++)
        squares += (d[i] - mean) * (d[i] - mean);
    double se = *ret_se = sqrt(squares / df / (double)n);
    double tail = se > 0 ? pr_t_two_sided(mean / se, df) / 2 : mean != 0 ? 0 : 0.5;
    return mean >= 0 ? tail : 1 - tail;
}

/* Draws of sign flips: p is then known to 1/20,000, a twentieth of the smallest level in use. */
#define DRAWS 19999

enum pr_code pr_stats_greater(
    const double *d, size_t n, double level, struct pr_greater *ret, struct pr_error *e)
{
    enum pr_code code = pr_stats_finite(d, n, "difference", e);
    if (code)
        return code;
    if (!(level > 0 && level < 0.5))
        return pr_fail(e, PR_E_USAGE, "a level between 0 and 0.5 was expected, not %g", level);
    struct pr_greater out = {.n = n, .lo = NAN, .hi = NAN, .lower_bound = NAN, .sign_flip_p = NAN};
    out.p = out.t_p = pr_stats_t_greater(d, n, &out.mean, &out.se);
    if (n >= 2) {
        double df = (double)(n - 1), half = 0, below = 0;
        if (out.se > 0) {
            half = pr_t_quantile(PR_STATS_LEVEL, df) * out.se;
            below = pr_t_quantile(1 - 2 * level, df) * out.se;
        }
        out.lo = out.mean - half;
        out.hi = out.mean + half;
        out.lower_bound = out.mean - below;
    }
    /* The larger p counts, so the flips matter only where t alone would reject. */
    if (out.t_p <= level) {
        out.sign_flip_p = pr_stats_sign_flips(d, n, DRAWS, PR_STATS_SEED);
        out.p = fmax(out.t_p, out.sign_flip_p);
    }
    *ret = out;
    return PR_OK;
}
