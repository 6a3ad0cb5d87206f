/* The statistics against published values and by seeded simulation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/rng.h"
#include "exam/special.h"
#include "exam/stats.h"

#define NEAR(a, b, eps) near(a, b, eps, __LINE__)

/* cmocka's own comparison rounds to float. */
static void near(double got, double want, double eps, int line)
{
    if (!(fabs(got - want) <= eps))
        fail_msg("line %d: %.17g, expected %.17g", line, got, want);
}

static void quantiles_and_tails_are_those_of_the_tables(void **state)
{
    (void)state;
    NEAR(pr_normal_quantile(0.975), 1.959963984540054, 1e-14);
    NEAR(pr_normal_quantile(1e-10), -6.361340902404056, 1e-12);
    NEAR(pr_t_quantile(0.95, 9), 2.2621571627409915, 1e-9); /* any table of Student's t: 2.262 */
    NEAR(pr_t_quantile(0.99, 1), 63.65674116287399, 1e-6);
    NEAR(pr_t_two_sided(2.0, 1e7), 2 * (1 - pr_normal_cdf(2.0)), 2e-7);
    NEAR(pr_ibeta(2, 3, 0.4), 0.5248, 1e-12); /* exact: P(B(4, 0.4) >= 2) */
    NEAR(pr_log_ibeta(500, 1, 0.01), 500 * log(0.01), 1e-9);
}

/* Newcombe 1998, Statistics in Medicine 17:857, table I, method 3 (score without correction). */
static void wilson_intervals_are_those_of_newcombe(void **state)
{
    (void)state;
    static const struct {
        uint64_t k, n;
        double lo, hi;
    } t[] = {{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0.0, 0.1611},
        {1, 29, 0.0061, 0.1718}};
    struct pr_estimate x;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pr_stats_wilson(t[i].k, t[i].n, 0.95, &x, NULL), PR_OK);
        NEAR(x.lo, t[i].lo, 5e-5);
        NEAR(x.hi, t[i].hi, 5e-5);
    }
    assert_int_equal(pr_stats_wilson(20, 20, 0.95, &x, NULL), PR_OK);
    assert_true(x.hi == 1.0);
}

static void nothing_has_no_value_and_nan_is_an_error(void **state)
{
    (void)state;
    struct pr_estimate x;
    struct pr_error e;
    struct pr_paired p;
    assert_int_equal(pr_stats_wilson(0, 0, 0.95, &x, NULL), PR_OK);
    assert_false(x.known);
    assert_true(isnan(x.value));
    assert_int_equal(pr_stats_bootstrap(NULL, NULL, 0, NULL, &x, NULL), PR_OK);
    assert_false(x.known);
    double bad[] = {1, NAN, 2}, good[] = {1, 2, 3};
    assert_int_equal(pr_stats_bootstrap(bad, NULL, 3, NULL, &x, &e), PR_E_NUMBER);
    assert_non_null(strstr(e.message, "observation 1 is NaN"));
    assert_int_equal(pr_stats_paired(good, bad, 3, NULL, &p, &e), PR_E_NUMBER);
    double ece;
    struct pr_bin bins[PR_BINS_SIX];
    assert_int_equal(
        pr_stats_ece(NULL, NULL, 0, pr_stats_six_edges, PR_BINS_SIX, bins, &ece, &e), PR_OK);
    assert_true(isnan(ece));
    assert_true(isnan(bins[0].accuracy));
    bool right[] = {true, true, true};
    assert_int_equal(pr_stats_ece(bad, right, 3, NULL, 5, bins, &ece, &e), PR_E_NUMBER);
    double beyond[] = {0.5, 0.7, 1.5};
    assert_int_equal(pr_stats_ece(beyond, right, 3, NULL, 5, bins, &ece, &e), PR_E_NUMBER);
    assert_int_equal(pr_stats_wilson(3, 2, 0.95, &x, &e), PR_E_USAGE);
    double one[] = {4};
    assert_int_equal(pr_stats_bootstrap(one, NULL, 1, NULL, &x, &e), PR_OK);
    assert_true(x.known && x.value == 4 && isnan(x.lo));
}

/* Fagerland, Lydersen & Laake 2013 (BMC Med Res Methodol 13:91), airway hyper-responsiveness before
 * and after transplantation: 1 and 7 discordant pairs, exact p 0.070, mid-p 0.039. */
static void mcnemar_is_exact(void **state)
{
    (void)state;
    NEAR(pr_stats_mcnemar(1, 7, false), 18.0 / 256, 1e-12);
    NEAR(pr_stats_mcnemar(7, 1, true), 10.0 / 256, 1e-12);
    NEAR(pr_stats_mcnemar(0, 0, false), 1, 0);
    NEAR(pr_stats_mcnemar(5, 5, false), 1, 0);
    NEAR(pr_stats_mcnemar(5, 5, true), 1 - 252.0 / 1024, 1e-12);
    NEAR(pr_stats_mcnemar(0, 10, false), 2.0 / 1024, 1e-15);
    assert_true(pr_stats_mcnemar(0, 2000, false) >= 0);
}

/* Student 1908, hours of sleep gained: t = 4.0621, 9 degrees of freedom, p = 0.002833. */
static void paired_t_is_that_of_student(void **state)
{
    (void)state;
    static const double a[] = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
    static const double b[] = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};
    struct pr_paired p;
    assert_int_equal(pr_stats_paired(a, b, 10, NULL, &p, NULL), PR_OK);
    NEAR(p.difference.value, 1.58, 1e-12);
    NEAR(p.t_p, 0.002833, 5e-7);
    assert_true(p.difference.lo > 0.7 && p.difference.hi < 2.7);
    assert_int_equal(p.n_worse, 9);
    assert_int_equal(p.n_better, 0);
}

/* Fisher 1935, The Design of Experiments, section 21: Darwin's maize, 863 of 32768 sign patterns
 * sum to 314 or more; both tails 1726 / 32768. */
static void sign_flips_are_those_of_fisher(void **state)
{
    (void)state;
    static const double d[] = {49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48};
    static const double zero[15] = {0};
    struct pr_paired p;
    assert_int_equal(pr_stats_paired(zero, d, 15, NULL, &p, NULL), PR_OK);
    NEAR(p.sign_flip_p, 1726.0 / 32768, 1e-12);
    NEAR(p.t_p, 0.0497, 5e-5); /* Fisher: t = 2.148 */
    double again[30], none[30] = {0};
    for (int i = 0; i < 30; i++)
        again[i] = d[i % 15];
    struct pr_bootstrap_options o = {.resamples = 20000};
    assert_int_equal(pr_stats_paired(none, again, 30, &o, &p, NULL), PR_OK);
    assert_true(p.sign_flip_p > 0.001 && p.sign_flip_p < 0.012); /* t test: 0.0037 */
}

static void bootstrap_is_reproducible_and_pools_by_weight(void **state)
{
    (void)state;
    /* Efron & Tibshirani 1993, table 2.1: the treated mice. */
    static const double mice[] = {94, 197, 16, 38, 99, 141, 23};
    struct pr_estimate x, y;
    struct pr_bootstrap_options o = {.resamples = 20000, .seed = 5};
    assert_int_equal(pr_stats_bootstrap(mice, NULL, 7, &o, &x, NULL), PR_OK);
    assert_int_equal(pr_stats_bootstrap(mice, NULL, 7, &o, &y, NULL), PR_OK);
    assert_memory_equal(&x, &y, sizeof x);
    NEAR(x.value, 86.857, 1e-3);
    /* Standard error of the ideal bootstrap: 23.36; the percentile interval is close to ±1.96 of
     * it. */
    NEAR((x.hi - x.lo) / (2 * 1.96), 23.36, 1.0);
    o.bca = true;
    assert_int_equal(pr_stats_bootstrap(mice, NULL, 7, &o, &y, NULL), PR_OK);
    assert_true(y.lo > x.lo && y.hi > x.hi); /* skewed to the right: BCa moves up */
    static const double num[] = {1, 6}, den[] = {1, 3};
    assert_int_equal(pr_stats_bootstrap(num, den, 2, NULL, &x, NULL), PR_OK);
    NEAR(x.value, 7.0 / 4, 1e-15);
    NEAR(x.lo, 1, 1e-12);
    NEAR(x.hi, 2, 1e-12);
}

static void bootstrap_intervals_cover_what_they_promise(void **state)
{
    (void)state;
    struct pr_rng rng;
    pr_rng_seed(&rng, 11);
    int covered = 0, bca = 0, runs = 600;
    for (int r = 0; r < runs; r++) {
        double v[60];
        for (int i = 0; i < 60; i++)
            v[i] = -log(1 - pr_rng_double(&rng)); /* exponential, mean 1 */
        struct pr_bootstrap_options o = {.resamples = 500, .seed = (uint64_t)r + 1};
        struct pr_estimate x;
        assert_int_equal(pr_stats_bootstrap(v, NULL, 60, &o, &x, NULL), PR_OK);
        covered += x.lo <= 1 && 1 <= x.hi;
        o.bca = true;
        assert_int_equal(pr_stats_bootstrap(v, NULL, 60, &o, &x, NULL), PR_OK);
        bca += x.lo <= 1 && 1 <= x.hi;
    }
    assert_in_range(covered, 600 * 90 / 100, 600 * 97 / 100);
    assert_in_range(bca, 600 * 91 / 100, 600 * 98 / 100);
}

static void paired_proportions_cover_and_are_symmetric(void **state)
{
    (void)state;
    struct pr_estimate x, y;
    assert_int_equal(pr_stats_paired_proportions(36, 12, 2, 0, 0.95, &x, NULL), PR_OK);
    assert_int_equal(pr_stats_paired_proportions(36, 2, 12, 0, 0.95, &y, NULL), PR_OK);
    NEAR(x.value, 0.2, 1e-12);
    NEAR(x.lo, -y.hi, 1e-12);
    NEAR(x.hi, -y.lo, 1e-12);
    /* 30 pairs: P(both) .5, P(gained) .25, P(lost) .1, neither .15; the true difference is .15. */
    struct pr_rng rng;
    pr_rng_seed(&rng, 3);
    int covered = 0;
    for (int r = 0; r < 4000; r++) {
        uint64_t t[4] = {0};
        for (int i = 0; i < 30; i++) {
            double u = pr_rng_double(&rng);
            t[u < .5 ? 0 : u < .75 ? 1 : u < .85 ? 2 : 3]++;
        }
        assert_int_equal(
            pr_stats_paired_proportions(t[0], t[1], t[2], t[3], 0.95, &x, NULL), PR_OK);
        covered += x.lo <= .15 && .15 <= x.hi;
    }
    assert_in_range(covered, 4000 * 93 / 100, 4000 * 98 / 100);
}

static void betting_has_the_wealth_of_the_kt_mixture(void **state)
{
    (void)state;
    struct pr_betting b;
    pr_betting_init(&b);
    NEAR(pr_betting_p(&b, PR_BET_TWO_SIDED), 1, 0);
    for (int i = 0; i < 5; i++)
        pr_betting_add(&b, true);
    /* Krichevsky & Trofimov 1981: probability of 11111 is 63/256; against 2^-5 that is 7.875. */
    NEAR(exp(pr_betting_log_e(&b, PR_BET_TWO_SIDED)), 7.875, 1e-9);
    pr_betting_add(&b, false);
    double g = exp(pr_betting_log_e(&b, PR_BET_GAINED)), l = exp(pr_betting_log_e(&b, PR_BET_LOST));
    NEAR((g + l) / 2, exp(pr_betting_log_e(&b, PR_BET_TWO_SIDED)), 1e-9);
    NEAR(pr_betting_p(&b, PR_BET_TWO_SIDED), 1 / 7.875, 1e-9); /* the largest so far counts */
    assert_true(g > 1 && l < 1);
}

static void betting_keeps_its_error_rate_under_optional_stopping(void **state)
{
    (void)state;
    struct pr_rng rng;
    pr_rng_seed(&rng, 77);
    int fooled[3] = {0}, found = 0, runs = 2000;
    for (int r = 0; r < runs; r++) {
        struct pr_betting b, real;
        pr_betting_init(&b);
        pr_betting_init(&real);
        for (int i = 0; i < 300; i++) {
            pr_betting_add(&b, pr_rng_double(&rng) < 0.5);
            if (r < 200)
                pr_betting_add(&real, pr_rng_double(&rng) < 0.7);
        }
        for (int s = 0; s < 3; s++)
            fooled[s] += pr_betting_p(&b, (enum pr_betting_side)s) <= 0.05;
        found += r < 200 && pr_betting_p(&real, PR_BET_TWO_SIDED) <= 0.05;
    }
    for (int s = 0; s < 3; s++)
        assert_true(
            fooled[s] <= runs * 6 / 100); /* 5 % plus two standard errors of the simulation */
    assert_true(found >= 195);
}

static json_t *load(const char *name)
{
    char path[4096];
    json_t *v = NULL;
    const char *root = getenv("PR_SOURCE_ROOT");
    snprintf(path, sizeof path, "%s/tests/fixtures/run_a/%s", root ? root : ".", name);
    assert_int_equal(pr_json_read(AT_FDCWD, path, 1 << 24, 0, &v, NULL), PR_OK);
    return v;
}

/* The reference's own ECE over 5 and 15 equal bins, from its own confidences. */
static void ece_is_that_of_the_reference_run(void **state)
{
    (void)state;
    json_t *results = load("RESULTS.json"), *c;
    size_t i, n_checked = 0;
    json_array_foreach (json_object_get(results, "checkpoints"), i, c) {
        char path[4200], *line;
        int fd;
        size_t n = 0, len;
        double confidence[300], ece;
        bool correct[300];
        const char *root = getenv("PR_SOURCE_ROOT");
        snprintf(path, sizeof path, "%s/tests/fixtures/run_a/reference/%s.jsonl", root ? root : ".",
            json_string_value(json_object_get(c, "checkpoint")));
        if (pr_file_open(AT_FDCWD, path, false, &fd, NULL, NULL))
            continue;
        struct pr_lines lines;
        pr_lines_init(&lines, fd, 1 << 20);
        while (n < 300 && pr_lines_next(&lines, &line, &len, NULL) == PR_LINE_OK) {
            json_t *v = NULL;
            assert_int_equal(pr_json_parse(line, len, 0, NULL, &v, NULL, NULL), PR_OK);
            confidence[n] = json_number_value(json_object_get(v, "confidence"));
            correct[n++] = json_is_true(json_object_get(v, "correct"));
            json_decref(v);
        }
        pr_lines_done(&lines);
        close(fd);
        assert_int_equal(n, 300);
        struct pr_bin bins[15];
        assert_int_equal(pr_stats_ece(confidence, correct, n, NULL, 15, bins, &ece, NULL), PR_OK);
        NEAR(ece, json_number_value(json_object_get(json_object_get(c, "ece_15"), "ece")), 1e-7);
        assert_int_equal(pr_stats_ece(confidence, correct, n, NULL, 5, bins, &ece, NULL), PR_OK);
        NEAR(ece, json_number_value(json_object_get(json_object_get(c, "ece_5"), "ece")), 1e-7);
        n_checked++;
    }
    assert_true(n_checked >= 4);
    json_decref(results);
}

static void the_last_bin_is_closed_and_the_others_half_open(void **state)
{
    (void)state;
    static const double c[] = {0.0, 0.2, 0.95, 1.0, 0.9499999};
    static const bool right[] = {false, true, true, true, true};
    struct pr_bin bins[PR_BINS_SIX];
    double ece;
    assert_int_equal(
        pr_stats_ece(c, right, 5, pr_stats_six_edges, PR_BINS_SIX, bins, &ece, NULL), PR_OK);
    static const size_t want[] = {1, 1, 0, 0, 1, 2};
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(bins[i].count, want[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_and_tails_are_those_of_the_tables),
        cmocka_unit_test(wilson_intervals_are_those_of_newcombe),
        cmocka_unit_test(nothing_has_no_value_and_nan_is_an_error),
        cmocka_unit_test(mcnemar_is_exact),
        cmocka_unit_test(paired_t_is_that_of_student),
        cmocka_unit_test(sign_flips_are_those_of_fisher),
        cmocka_unit_test(bootstrap_is_reproducible_and_pools_by_weight),
        cmocka_unit_test(bootstrap_intervals_cover_what_they_promise),
        cmocka_unit_test(paired_proportions_cover_and_are_symmetric),
        cmocka_unit_test(betting_has_the_wealth_of_the_kt_mixture),
        cmocka_unit_test(betting_keeps_its_error_rate_under_optional_stopping),
        cmocka_unit_test(ece_is_that_of_the_reference_run),
        cmocka_unit_test(the_last_bin_is_closed_and_the_others_half_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
