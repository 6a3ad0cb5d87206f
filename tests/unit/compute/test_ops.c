/* The operations on rows of every table against the same in double: any length, any address, NaN,
 * infinity and subnormals; and that an element's bits depend neither on its place nor on the
 * length. */
#include "support.h"

#define MAX_N 600

static float *odd_address(struct pr_rng *r, float *buffer)
{
    return buffer + below(r, 16); /* floats are aligned to 4 bytes and to no more */
}

static void check_close(
    const struct pr_kernels *kn, const char *op, size_t i, float got, double want, double error)
{
    if (isnan(want))
        CHECK(isnan(got), "%s %s [%zu]: %g, expected NaN", kn->isa, op, i, (double)got);
    else
        CHECK((double)got == want || fabs((double)got - want) <= error,
            "%s %s [%zu]: %.9g, expected %.9g within %.3g", kn->isa, op, i, (double)got, want,
            error);
}

/* e^x as softmax_block computes it: one visible score under a running maximum of 0. */
static float exp_of(const struct pr_kernels *kn, float x)
{
    _Alignas(64) float s[64] = {0}, p[64];
    float m = 0, l = 0;
    s[5] = x;
    kn->softmax_block(s, 5, 6, 1.0f, &m, &l, p, NULL);
    return p[5];
}

static void exp_is_within_two_units_in_the_last_place(void **state)
{
    (void)state;
    FOR_EACH_TABLE(kn)
    {
        double worst = 0;
        for (float x = -106; x <= 0; x += 0.0013f) {
            double want = exp((double)x), got = (double)exp_of(kn, x);
            int e;
            frexp(want, &e);
            double ulp = ldexp(1, e - 24 > -149 ? e - 24 : -149);
            double error = fabs(got - want) / ulp;
            worst = error > worst ? error : worst;
        }
        print_message("%s: exp within %.2f ulp\n", kn->isa, worst);
        assert_true(worst <= 2);
        assert_true(exp_of(kn, 0) == 1.0f);
        assert_true(exp_of(kn, -INFINITY) == 0.0f);
        assert_true(exp_of(kn, -3e38f) == 0.0f);
        assert_true(isnan(exp_of(kn, NAN)));
        assert_true(exp_of(kn, -100) > 0 && exp_of(kn, -100) < 0x1p-126f); /* subnormal, not 0 */
    }
}

static void rmsnorm_is_the_one_in_double(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 21);
    static float buffer[3][4200];
    FOR_EACH_TABLE(kn)
    {
        for (int round = 0; round < 120; round++) {
            size_t n = round % 10 ? 1 + below(&r, 300) : 4096;
            float *x = odd_address(&r, buffer[0]), *w = odd_address(&r, buffer[1]);
            float *y = round % 2 ? x : odd_address(&r, buffer[2]);
            double sum = 0, in[4096];
            for (size_t i = 0; i < n; i++) {
                x[i] = normal(&r) * 30;
                w[i] = 1 + normal(&r);
                in[i] = (double)x[i];
                sum += in[i] * in[i];
            }
            y[n] = 77;
            kn->rmsnorm(x, w, n, 1e-6f, y);
            for (size_t i = 0; i < n; i++) {
                double want = in[i] / sqrt(sum / (double)n + 1e-6) * (double)w[i];
                check_close(kn, "rmsnorm", i, y[i], want, fabs(want) * 5e-7);
            }
            assert_true(y[n] == 77);
        }
    }
}

static void rope_rotates_each_head_by_halves(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 22);
    static float buffer[3][1200];
    static const size_t dims[] = {2, 6, 8, 16, 20, 32, 64, 80, 128};
    FOR_EACH_TABLE(kn)
    {
        for (int round = 0; round < 60; round++) {
            size_t heads = 1 + below(&r, 5), dim = dims[below(&r, 9)], h = dim / 2;
            float *x = odd_address(&r, buffer[0]), *co = odd_address(&r, buffer[1]);
            float *si = odd_address(&r, buffer[2]), in[640];
            fill_normal(&r, x, 641);
            fill_normal(&r, co, h);
            fill_normal(&r, si, h);
            memcpy(in, x, sizeof in);
            float behind = x[heads * dim];
            kn->rope(x, heads, dim, co, si);
            for (size_t i = 0; i < heads * dim; i++) {
                size_t j = i % h;
                double c = (double)co[j], s = (double)si[j];
                double other = i % dim < h ? -(double)in[i + h] : (double)in[i - h];
                double want = (double)in[i] * c + other * s;
                check_close(kn, "rope", i, x[i], want, 4e-7 * (fabs(in[i] * c) + fabs(other * s)));
            }
            assert_true(x[heads * dim] == behind);
        }
    }
}

static void elementwise_operations_are_those_in_double(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 23);
    static float buffer[3][MAX_N + 20];
    static uint16_t halves[MAX_N + 20];
    FOR_EACH_TABLE(kn)
    {
        for (int round = 0; round < 200; round++) {
            size_t n = below(&r, round % 2 ? 40 : MAX_N);
            float *g = odd_address(&r, buffer[0]), *u = odd_address(&r, buffer[1]);
            float *y = odd_address(&r, buffer[2]), in[MAX_N], a = normal(&r);
            uint16_t *h = halves + below(&r, 8);
            for (size_t i = 0; i < n; i++) {
                g[i] = normal(&r) * (below(&r, 4) ? 3.0f : 60.0f);
                u[i] = normal(&r);
            }
            kn->silu_mul(g, u, n, y);
            h[n] = 0x1234;
            kn->silu_mul_bf16(g, u, n, h);
            assert_int_equal(h[n], 0x1234);
            for (size_t i = 0; i < n; i++) {
                double want = (double)g[i] / (1 + exp(-(double)g[i])) * (double)u[i];
                check_close(kn, "silu_mul", i, y[i], want, fabs(want) * 8e-7 + 2e-36);
                assert_int_equal(h[i], pr_f32_to_bf16(y[i]));
            }
            kn->to_bf16(g, n, h);
            for (size_t i = 0; i < n; i++)
                assert_int_equal(h[i], pr_f32_to_bf16(g[i]));
            for (size_t i = 0; i < n; i++)
                in[i] = y[i];
            y[n] = 77;
            kn->add(g, n, y);
            for (size_t i = 0; i < n; i++)
                assert_true(y[i] == in[i] + g[i]);
            kn->scale(a, n, y);
            for (size_t i = 0; i < n; i++)
                assert_true(y[i] == (in[i] + g[i]) * a);
            assert_true(y[n] == 77);
        }
    }
}

static const uint32_t special_bits[] = {0, 0x80000000, 1, 0x80000001, 0x007fffff, 0x00800000,
    0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc12345, 0x7f800001, 0x3f808000,
    0x3f818000, 0x3f808001, 0x33800000};
#define N_SPECIAL (sizeof special_bits / sizeof *special_bits)

static void special_numbers_pass_through_operations(void **state)
{
    (void)state;
    float x[N_SPECIAL], y[N_SPECIAL];
    uint16_t h[N_SPECIAL];
    memcpy(x, special_bits, sizeof x);
    FOR_EACH_TABLE(kn)
    {
        kn->to_bf16(x, N_SPECIAL, h);
        for (size_t i = 0; i < N_SPECIAL; i++)
            assert_int_equal(h[i], pr_f32_to_bf16(x[i]));
        memcpy(y, x, sizeof x);
        kn->scale(1.0f, N_SPECIAL, y);
        for (size_t i = 0; i < N_SPECIAL; i++)
            assert_true(isnan(x[i]) ? isnan(y[i]) : x[i] == y[i]); /* subnormals are kept */
        float up[N_SPECIAL];
        for (size_t i = 0; i < N_SPECIAL; i++)
            up[i] = 1;
        kn->silu_mul(x, up, N_SPECIAL, y);
        for (size_t i = 0; i < N_SPECIAL; i++) {
            if (isnan(x[i]) || x[i] == -INFINITY)
                assert_true(isnan(y[i]));
            else
                check_close(kn, "silu", i, y[i], (double)x[i] / (1 + exp(-(double)x[i])),
                    fabs((double)x[i]) * 1e-6 + 0x1p-149);
        }
    }
}

static void an_elements_bits_do_not_depend_on_place_or_length(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 24);
    float g[MAX_N], u[MAX_N], whole[MAX_N], part[MAX_N];
    FOR_EACH_TABLE(kn)
    {
        for (int round = 0; round < 50; round++) {
            fill_normal(&r, g, MAX_N);
            fill_normal(&r, u, MAX_N);
            kn->silu_mul(g, u, MAX_N, whole);
            for (size_t i = 0, n; i < MAX_N; i += n) {
                n = 1 + below(&r, MAX_N - i < 50 ? MAX_N - i : 50);
                kn->silu_mul(g + i, u + i, n, part + i);
            }
            assert_memory_equal(whole, part, sizeof whole);
            float m1 = -INFINITY, l1 = 0, m2 = -INFINITY, l2 = 0, p1[64], p2[64];
            size_t at = below(&r, 64);
            float s1[64], s2[64];
            memcpy(s1, g, sizeof s1);
            memcpy(s2, g, sizeof s2);
            kn->softmax_block(s1, 0, at + 1, 0.3f, &m1, &l1, p1, NULL);
            for (size_t i = at + 1; i < 64; i++)
                s2[i] = NAN; /* what is not visible does not matter */
            kn->softmax_block(s2, 0, at + 1, 0.3f, &m2, &l2, p2, NULL);
            assert_memory_equal(p1, p2, sizeof p1);
            assert_true(m1 == m2 && l1 == l2);
        }
    }
}

static void softmax_in_blocks_is_the_softmax_of_the_row(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 25);
    FOR_EACH_TABLE(kn)
    {
        for (int round = 0; round < 100; round++) {
            size_t n = 1 + below(&r, 256), first = below(&r, n);
            bool as_bf16 = round % 2;
            _Alignas(64) float s[256], p[64];
            uint16_t h[64];
            double out = 0, want = 0, norm = 0, top = -INFINITY;
            float m = -INFINITY, l = 0, scale = 0.125f;
            for (size_t i = 0; i < 256; i++)
                s[i] = normal(&r) * 40;
            for (size_t i = first; i < n; i++)
                top = fmax(top, (double)s[i] * (double)scale);
            for (size_t i = first; i < n; i++) {
                norm += exp((double)s[i] * (double)scale - top);
                want += exp((double)s[i] * (double)scale - top) * (double)i;
            }
            for (size_t b = 0; b < 4; b++) {
                size_t lo = first > 64 * b ? first - 64 * b : 0, hi = n > 64 * b ? n - 64 * b : 0;
                lo = lo > 64 ? 64 : lo;
                hi = hi > 64 ? 64 : hi;
                float m0 = m, l0 = l;
                float f = kn->softmax_block(
                    s + 64 * b, lo, hi, scale, &m, &l, as_bf16 ? NULL : p, as_bf16 ? h : NULL);
                if (lo >= hi)
                    assert_true(f == 1 && m == m0 && l == l0);
                out *= (double)f;
                for (size_t i = 0; i < 64; i++) {
                    double x = as_bf16 ? (double)pr_bf16_to_f32(h[i]) : (double)p[i];
                    if (i < lo || i >= hi)
                        assert_true(x == 0);
                    out += x * (double)(64 * b + i);
                }
            }
            double error = as_bf16 ? 0.005 : 2e-6; /* l sums the rounded ones, so half cancels */
            check_close(kn, "softmax max", n, m, top, fabs(top) * 1e-6);
            check_close(kn, "softmax sum", n, l, norm, norm * error);
            check_close(kn, "softmax mean", n, (float)(out / (double)l), want / norm, 256 * error);
        }
    }
}

static void softmax_of_nothing_or_nan_is_not_a_number_made_up(void **state)
{
    (void)state;
    FOR_EACH_TABLE(kn)
    {
        float s[64], p[64], m = -INFINITY, l = 0;
        for (int i = 0; i < 64; i++)
            s[i] = -INFINITY;
        assert_true(kn->softmax_block(s, 0, 64, 1, &m, &l, p, NULL) == 1); /* all −inf */
        assert_true(m == -INFINITY && l == 0 && p[0] == 0 && p[63] == 0);
        assert_true(kn->softmax_block(s, 64, 64, 1, &m, &l, p, NULL) == 1);
        s[7] = 3;
        assert_true(kn->softmax_block(s, 0, 64, 1, &m, &l, p, NULL) == 0); /* first real block */
        assert_true(m == 3 && l == 1 && p[7] == 1 && p[6] == 0);
        s[8] = NAN;
        kn->softmax_block(s, 0, 64, 1, &m, &l, p, NULL);
        assert_true(isnan(p[8]) && isnan(l));
    }
}

static void logsumexp_is_the_one_in_double(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 26);
    static float buffer[4200];
    static const size_t sizes[] = {1, 2, 15, 16, 17, 64, 100, 1024, 1500, 4096};
    FOR_EACH_TABLE(kn)
    {
        for (int round = 0; round < 100; round++) {
            size_t n = sizes[round % 10];
            float *x = odd_address(&r, buffer), max, sum;
            double top = -INFINITY, want = 0;
            for (size_t i = 0; i < n; i++) {
                x[i] = normal(&r) * 5 - 20;
                top = fmax(top, (double)x[i]);
            }
            x[n] = 1000; /* behind the row */
            for (size_t i = 0; i < n; i++)
                want += exp((double)x[i] - top);
            kn->logsumexp_part(x, n, &max, &sum);
            assert_true((double)max == top);
            check_close(kn, "logsumexp", n, sum, want, want * 1e-6);
            x[below(&r, n)] = NAN;
            kn->logsumexp_part(x, n, &max, &sum);
            assert_true(isnan(max) && isnan(sum));
            for (size_t i = 0; i < n; i++)
                x[i] = -INFINITY;
            kn->logsumexp_part(x, n, &max, &sum);
            assert_true(max == -INFINITY && sum == 0);
        }
    }
}

static void tables_are_found_by_name(void **state)
{
    (void)state;
    size_t n;
    const struct pr_kernels *const *all = pr_kernels_all(&n);
    assert_true(n >= 1);
    assert_string_equal(all[n - 1]->isa, "portable");
    for (size_t i = 0; i < n; i++)
        assert_ptr_equal(pr_kernels_named(all[i]->isa), all[i]);
    assert_null(pr_kernels_named("z80"));
    unsetenv("PROCTOR_ISA");
    assert_ptr_equal(pr_kernels_default(), all[0]);
    setenv("PROCTOR_ISA", "portable", 1);
    assert_ptr_equal(pr_kernels_default(), all[n - 1]);
    setenv("PROCTOR_ISA", "z80", 1);
    assert_null(pr_kernels_default());
    unsetenv("PROCTOR_ISA");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exp_is_within_two_units_in_the_last_place),
        cmocka_unit_test(rmsnorm_is_the_one_in_double),
        cmocka_unit_test(rope_rotates_each_head_by_halves),
        cmocka_unit_test(elementwise_operations_are_those_in_double),
        cmocka_unit_test(special_numbers_pass_through_operations),
        cmocka_unit_test(an_elements_bits_do_not_depend_on_place_or_length),
        cmocka_unit_test(softmax_in_blocks_is_the_softmax_of_the_row),
        cmocka_unit_test(softmax_of_nothing_or_nan_is_not_a_number_made_up),
        cmocka_unit_test(logsumexp_is_the_one_in_double),
        cmocka_unit_test(tables_are_found_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
