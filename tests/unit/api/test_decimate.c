/* A thinned curve loses no extreme, whatever the curve. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>

#include "api/decimate.h"
#include "base/alloc.h"
#include "base/rng.h"

#define N     5000
#define WIDTH 100

static int64_t x[N];
static double y[2][N];
static size_t kept[2 * WIDTH];

static bool is_kept(size_t n_kept, size_t i)
{
    for (size_t k = 0; k < n_kept; k++)
        if (kept[k] == i)
            return true;
    return false;
}

static void check_order(size_t n_kept, size_t n)
{
    assert_in_range(n_kept, 2, 2 * WIDTH);
    for (size_t k = 1; k < n_kept; k++)
        assert_true(kept[k] > kept[k - 1]);
    assert_int_equal(kept[0], 0);
    assert_int_equal(kept[n_kept - 1], n - 1);
}

/* The extremes of every stretch of `columns` equal shares of the range of x, as they are worked out
 * here anew, are as extreme as those of the points that were kept. */
static void check_columns(size_t n_kept, size_t n, size_t n_y, size_t columns)
{
    double span = (double)x[n - 1] - (double)x[0] + 1;
    for (size_t k = 0; k < n_y; k++) {
        double *lo[2], *hi[2]; /* of all, of those that were kept */
        for (int of = 0; of < 2; of++) {
            lo[of] = pr_zalloc(columns * sizeof(double));
            hi[of] = pr_zalloc(columns * sizeof(double));
            for (size_t c = 0; c < columns; c++) {
                lo[of][c] = INFINITY;
                hi[of][c] = -INFINITY;
            }
        }
        for (size_t i = 0; i < n; i++) {
            size_t c = (size_t)(((double)x[i] - (double)x[0]) * ((double)columns / span));
            c = c < columns ? c : columns - 1;
            for (int of = 0; of < (is_kept(n_kept, i) ? 2 : 1); of++) {
                lo[of][c] = fmin(lo[of][c], y[k][i]);
                hi[of][c] = fmax(hi[of][c], y[k][i]);
            }
        }
        for (size_t c = 0; c < columns; c++) {
            assert_true(lo[0][c] == lo[1][c]);
            assert_true(hi[0][c] == hi[1][c]);
        }
        for (int of = 0; of < 2; of++) {
            pr_free(lo[of]);
            pr_free(hi[of]);
        }
    }
}

static void every_extreme_of_every_column_stays(void **state)
{
    (void)state;
    struct pr_rng r;
    const double *const one[] = {y[0]}, *const two[] = {y[0], y[1]};
    for (uint64_t seed = 1; seed <= 60; seed++) {
        pr_rng_seed(&r, seed);
        size_t n = 2 * WIDTH + 1 + (size_t)(pr_rng_double(&r) * (N - 2 * WIDTH - 1));
        int64_t at = (int64_t)(pr_rng_double(&r) * 1e9);
        for (size_t i = 0; i < n; i++) {
            x[i] = at;
            at += seed % 3                   ? (int64_t)(1 + pr_rng_double(&r) * 20)
                  : pr_rng_double(&r) < 0.01 ? 5000
                                             : 1;
            for (int k = 0; k < 2; k++) {
                y[k][i] = pr_rng_normal(&r);
                if (pr_rng_double(&r) < 0.002)
                    y[k][i] *= 1e6; /* a spike */
                if (pr_rng_double(&r) < 0.05)
                    y[k][i] = NAN;
            }
        }
        size_t n_kept = pr_api_decimate(x, one, 1, n, WIDTH, kept);
        check_order(n_kept, n);
        check_columns(n_kept, n, 1, WIDTH - 1);
        n_kept = pr_api_decimate(x, two, 2, n, WIDTH, kept);
        check_order(n_kept, n);
        check_columns(n_kept, n, 2, (2 * WIDTH - 2) / 4);
    }
}

static void few_points_all_stay(void **state)
{
    (void)state;
    const double *const one[] = {y[0]};
    for (size_t n = 0; n <= 2 * WIDTH; n += 50) {
        for (size_t i = 0; i < n; i++) {
            x[i] = (int64_t)i;
            y[0][i] = NAN;
        }
        assert_int_equal(pr_api_decimate(x, one, 1, n, WIDTH, kept), n);
        for (size_t i = 0; i < n; i++)
            assert_int_equal(kept[i], i);
    }
}

static void a_column_without_a_value_is_seen(void **state)
{
    (void)state;
    const double *const one[] = {y[0]};
    for (size_t i = 0; i < N; i++) {
        x[i] = (int64_t)i;
        y[0][i] = i >= 2000 && i < 3000 ? NAN : 1;
    }
    size_t n_kept = pr_api_decimate(x, one, 1, N, WIDTH, kept), gaps = 0;
    check_order(n_kept, N);
    for (size_t k = 0; k < n_kept; k++)
        gaps += isnan(y[0][kept[k]]);
    assert_in_range(gaps, 15, 25); /* a fifth of 99 columns */
}

static void steps_far_apart_and_steps_alike_are_fine(void **state)
{
    (void)state;
    const double *const one[] = {y[0]};
    for (size_t i = 0; i < N; i++) {
        x[i] = i < N / 2 ? -4000000000000000000 : 4000000000000000000;
        y[0][i] = i == 77 || i == 4077 ? 9 : 1;
    }
    size_t n_kept = pr_api_decimate(x, one, 1, N, WIDTH, kept);
    check_order(n_kept, N);
    assert_true(is_kept(n_kept, 77) && is_kept(n_kept, 4077));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_extreme_of_every_column_stays),
        cmocka_unit_test(few_points_all_stay),
        cmocka_unit_test(a_column_without_a_value_is_seen),
        cmocka_unit_test(steps_far_apart_and_steps_alike_are_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
