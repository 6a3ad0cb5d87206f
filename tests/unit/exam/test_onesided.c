/* One-sided tests on pairs: closed forms, exact sums over all outcomes, and seeded simulation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "exam/special.h"
#include "exam/stats.h"

#define NEAR(a, b, eps) near(a, b, eps, __LINE__)

static void near(double got, double want, double eps, int line)
{
    if (!(fabs(got - want) <= eps))
        fail_msg("line %d: %.17g, expected %.17g", line, got, want);
}

static void one_sided_mcnemar_is_the_binomial_tail(void **state)
{
    (void)state;
    assert_true(pr_stats_mcnemar_worse(0, 0) == 1);
    NEAR(pr_stats_mcnemar_worse(0, 6), 1.0 / 64, 1e-15);
    NEAR(pr_stats_mcnemar_worse(6, 0), 1, 1e-15);
    NEAR(pr_stats_mcnemar_worse(1, 4), 6.0 / 32, 1e-15); /* 5 + 1 of 32 */
    /* 20 lost, 3 gained: (1 + 23 + 253 + 1771) / 2^23. */
    NEAR(pr_stats_mcnemar_worse(3, 20), 2048.0 / 8388608, 1e-15);
    /* The two-sided one is twice the smaller side. */
    for (uint64_t lost = 21; lost <= 40; lost++)
        NEAR(2 * pr_stats_mcnemar_worse(40 - lost, lost), pr_stats_mcnemar(40 - lost, lost, false),
            1e-12);
}

static double binomial(size_t n, size_t k, double p)
{
    double a = (double)n, b = (double)k;
    return exp(
        lgamma(a + 1) - lgamma(b + 1) - lgamma(a - b + 1) + b * log(p) + (a - b) * log1p(-p));
}

/* The share of rejections given d discordant pairs, each lost with probability q. */
static double rejected(size_t d, double q, double level)
{
    double sum = 0;
    for (size_t lost = d; lost > 0; lost--) {
        if (pr_stats_mcnemar_worse(d - lost, lost) > level)
            break;
        sum += binomial(d, lost, q);
    }
    return sum;
}

/* Added up over all numbers of discordant pairs, n pairs of which each is discordant with
 * probability `share`. */
static double found(size_t n, double share, double drop, double level)
{
    double sum = 0;
    for (size_t d = 1; d <= n; d++) {
        double w = binomial(n, d, share);
        if (w > 1e-13)
            sum += w * rejected(d, (share + drop) / 2 / share, level);
    }
    return sum;
}

static void mcnemar_holds_its_level_and_has_its_power(void **state)
{
    (void)state;
    for (size_t d = 0; d <= 400; d++)
        assert_true(rejected(d, 0.5, 0.0095) <= 0.0095);
    /* The levels of the accuracy test at an error rate of 1 % and 15 % of discordant answers. */
    NEAR(found(300, 0.15, 0, 0.0095), 0.00633, 1e-5);
    NEAR(found(300, 0.15, 0.10, 0.0095), 0.98907, 1e-5);
    NEAR(found(1000, 0.15, 0.05, 0.0095), 0.95701, 1e-5);
}

static void sign_flips_are_counted_exactly_and_bounded(void **state)
{
    (void)state;
    static const double d[] = {1, 2, 3, -1};
    /* Σ = 5 of 7: sums >= 5 of ±1 ±2 ±3 ±1: 7, 5 (either 1 negative) → 3 of 16. */
    NEAR(pr_stats_sign_flips(d, 4, 0, 1), 3.0 / 16, 1e-15);
    static const double tied[] = {0.1, 0.2, 0.3, 0.6};
    NEAR(pr_stats_sign_flips(tied, 4, 0, 1), 1.0 / 16, 1e-15);
    /* The bound is above the exact p for every one of many random sets, and sharp at √2: two equal
     * differences have P = 1/4 exactly. */
    static const double two[] = {1, 1};
    NEAR(pr_stats_sign_bound(two, 2), 0.25, 1e-9);
    static const double down[] = {-1, 0.5};
    assert_true(pr_stats_sign_bound(down, 2) == 1);
    static const double zero[] = {0, 0};
    assert_true(pr_stats_sign_bound(zero, 2) == 1);
    struct pr_rng r;
    pr_rng_seed(&r, 4);
    for (int k = 0; k < 300; k++) {
        double x[14];
        size_t n = 2 + (size_t)pr_rng_below(&r, 13);
        for (size_t i = 0; i < n; i++)
            x[i] = exp(2 * pr_rng_normal(&r)) * (pr_rng_below(&r, 4) ? 1 : -1);
        assert_true(pr_stats_sign_bound(x, n) >= pr_stats_sign_flips(x, n, 0, 1) - 1e-12);
    }
    /* Far out it follows the normal tail: 100 equal differences, Σ/√Σ² = 10. */
    double same[100];
    for (size_t i = 0; i < 100; i++)
        same[i] = 1e-200; /* whose squares are 0 in double */
    double bound = pr_stats_sign_bound(same, 100);
    assert_true(bound >= pow(0.5, 100) && bound < 1e-22);
}

static void greater_takes_the_larger_p(void **state)
{
    (void)state;
    struct pr_greater x;
    static const double d[] = {0.3, -0.1, 0.4, 0.2, 0.5, 0.1, -0.2, 0.6, 0.3, 0.2};
    assert_int_equal(pr_stats_greater(d, 10, 0.05, &x, NULL), PR_OK);
    NEAR(x.mean, 0.23, 1e-15);
    /* t = mean / se = 2.9286…, df 9. */
    NEAR(x.t_p, pr_t_two_sided(x.mean / x.se, 9) / 2, 1e-15);
    NEAR(x.sign_flip_p, pr_stats_sign_flips(d, 10, 0, 1), 1e-15);
    assert_true(x.p == fmax(x.t_p, x.sign_flip_p) && x.p < 0.05);
    NEAR(x.lower_bound, x.mean - pr_t_quantile(0.9, 9) * x.se, 1e-12);
    assert_true(x.lower_bound > 0 && x.lo < x.lower_bound && x.hi > x.mean);
    /* Not drawn where t does not reject. */
    assert_int_equal(pr_stats_greater(d, 10, 0.001, &x, NULL), PR_OK);
    assert_true(isnan(x.sign_flip_p) && x.p == x.t_p && x.lower_bound < 0);
    /* Nothing, one, all alike, the wrong way. */
    assert_int_equal(pr_stats_greater(d, 0, 0.05, &x, NULL), PR_OK);
    assert_true(isnan(x.p) && isnan(x.mean));
    assert_int_equal(pr_stats_greater(d, 1, 0.05, &x, NULL), PR_OK);
    assert_true(isnan(x.p) && !isnan(x.mean));
    static const double alike[] = {1, 1, 1, 1, 1, 1, 1};
    assert_int_equal(pr_stats_greater(alike, 7, 0.05, &x, NULL), PR_OK);
    NEAR(x.p, 1.0 / 128, 1e-15); /* t has no variance to go by; the signs have */
    static const double none[] = {0, 0, 0};
    assert_int_equal(pr_stats_greater(none, 3, 0.05, &x, NULL), PR_OK);
    assert_true(x.p >= 0.5);
    static const double down[] = {-1, -2, -3};
    assert_int_equal(pr_stats_greater(down, 3, 0.05, &x, NULL), PR_OK);
    assert_true(x.p > 0.9);
    static const double nan[] = {1, NAN};
    assert_int_equal(pr_stats_greater(nan, 2, 0.05, &x, NULL), PR_E_NUMBER);
    assert_int_equal(pr_stats_greater(d, 10, 0, &x, NULL), PR_E_USAGE);
}

/* Under no change a difference is as likely up as down.  Tails from normal to Cauchy. */
static void greater_holds_its_level_for_heavy_tails(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 77);
    for (int tails = 0; tails < 3; tails++) {
        size_t hits = 0, sets = 40000;
        for (size_t k = 0; k < sets; k++) {
            double d[40];
            struct pr_greater x;
            for (size_t i = 0; i < 40; i++) {
                double z = pr_rng_normal(&r), w = pr_rng_normal(&r);
                d[i] = tails == 0 ? z : tails == 1 ? exp(2 * z) * w : z / w;
            }
            assert_int_equal(pr_stats_greater(d, 40, 0.001, &x, NULL), PR_OK);
            hits += x.p <= 0.001;
        }
        /* 40 expected at the level, three standard errors are 19. */
        assert_true(hits <= 59);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_sided_mcnemar_is_the_binomial_tail),
        cmocka_unit_test(mcnemar_holds_its_level_and_has_its_power),
        cmocka_unit_test(sign_flips_are_counted_exactly_and_bounded),
        cmocka_unit_test(greater_takes_the_larger_p),
        cmocka_unit_test(greater_holds_its_level_for_heavy_tails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
