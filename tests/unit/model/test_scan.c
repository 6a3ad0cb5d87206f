/* Looking through weights: every kind of bad value in every type, at any place, at any thread
 * count. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "model/scan.h"

#define N ((size_t)(1 << 20) + 3000) /* more than one work item */

static const struct {
    enum pr_dtype type;
    uint64_t one, nan, inf, minus_zero, largest;
} types[] = {
    {PR_F64, 0x3ff0000000000000u, 0x7ff0000000000001u, 0xfff0000000000000u, 0x8000000000000000u,
        0x7fefffffffffffffu},
    {PR_F32, 0x3f800000u, 0xffc00000u, 0x7f800000u, 0x80000000u, 0x7f7fffffu},
    {PR_F16, 0x3c00u, 0x7c01u, 0xfc00u, 0x8000u, 0x7bffu},
    {PR_BF16, 0x3f80u, 0x7f81u, 0x7f80u, 0x8000u, 0xff7fu},
};

static unsigned char *data; /* one byte off any alignment */

static void put(enum pr_dtype t, size_t i, uint64_t bits)
{
    memcpy(data + i * pr_dtype_size(t), &bits, pr_dtype_size(t));
}

static struct pr_scan scan(enum pr_dtype t, size_t n, struct pr_pool *pool)
{
    struct pr_tensor tensor = {.name = "t",
        .dtype = t,
        .rank = 1,
        .shape = {n},
        .n = n,
        .bytes = n * pr_dtype_size(t),
        .data = data};
    const struct pr_tensor *all[] = {&tensor};
    struct pr_scan s;
    pr_scan_tensors(all, 1, pool, &s);
    return s;
}

static void bad_values_are_counted_and_the_first_is_placed(void **state)
{
    struct pr_pool *pool = *state;
    static const size_t places[] = {0, 1, 1023, 1024, 5555, (1 << 20) - 1, 1 << 20, N - 1};
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        enum pr_dtype t = types[k].type;
        for (size_t i = 0; i < N; i++)
            put(t, i, i % 3 ? types[k].largest : types[k].one);
        struct pr_scan s = scan(t, N, NULL);
        assert_true(!s.n_nan && !s.n_inf && s.first_bad == N && !s.all_zero);
        for (size_t p = 0; p < sizeof places / sizeof *places; p++) {
            put(t, places[p], types[k].inf);
            put(t, N - 1, types[k].nan);
            for (int pooled = 0; pooled < 2; pooled++) {
                s = scan(t, N, pooled ? pool : NULL);
                assert_int_equal(s.first_bad, places[p]);
                assert_int_equal(s.n_nan, 1);
                assert_int_equal(s.n_inf, places[p] != N - 1);
            }
            put(t, places[p], types[k].one);
            put(t, N - 1, types[k].one);
        }
    }
}

static void only_zeros_are_all_zero(void **state)
{
    struct pr_pool *pool = *state;
    for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
        enum pr_dtype t = types[k].type;
        for (size_t i = 0; i < N; i++)
            put(t, i, i % 2 ? types[k].minus_zero : 0);
        assert_true(scan(t, N, pool).all_zero);
        put(t, N - 1, 1); /* the smallest subnormal number */
        assert_false(scan(t, N, pool).all_zero);
        assert_false(scan(t, N, NULL).all_zero);
        assert_true(scan(t, N - 1, NULL).all_zero);
        assert_false(scan(t, 0, NULL).all_zero);
    }
}

static int setup(void **state)
{
    data = (unsigned char *)pr_alloc(8 * N + 1) + 1;
    return pr_pool_new(2, (struct pr_pool **)state, NULL);
}

static int teardown(void **state)
{
    pr_pool_free(*state);
    pr_free(data - 1);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_values_are_counted_and_the_first_is_placed),
        cmocka_unit_test(only_zeros_are_all_zero),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
