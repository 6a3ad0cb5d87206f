/* Packing of weights into panels and the conversions between element types. */
#include "support.h"

/* One value of type t as a double. */
__attribute__((noinline)) static double value_of(enum pr_dtype t, const void *p)
{
    double d;
    float f;
    if (t == PR_F64) {
        memcpy(&d, p, 8);
        return d;
    }
    pr_to_f32(t, p, 1, &f);
    return (double)f;
}

/* A random finite number's bytes: over the whole range of exponents every third time. */
static void random_element(struct pr_rng *r, enum pr_dtype t, void *p)
{
    double d = pr_rng_normal(r) * (below(r, 3) ? 1 : ldexp(1, (int)below(r, 300) - 150));
    uint64_t bits = pr_rng_u64(r);
    if (t == PR_F64) {
        memcpy(p, &d, 8);
    } else if (t == PR_F32) {
        float f = (float)d;
        memcpy(p, &f, 4);
    } else {
        uint16_t h = (uint16_t)bits, exponent = t == PR_BF16 ? 0x7f80 : 0x7c00;
        if ((h & exponent) == exponent)
            h &= 0x83ff;
        memcpy(p, &h, 2);
    }
}

/* The nearest number of type `to`, ties to even, found by looking at both neighbours. */
static double nearest(enum pr_dtype to, double d)
{
    if (to == PR_F32)
        return (double)(float)d;
    uint32_t lo = 0, hi = to == PR_BF16 ? 0x7f80 : 0x7c00; /* bits of magnitudes: ordered */
    double a = fabs(d);
    while (hi - lo > 1) {
        uint16_t mid = (uint16_t)((lo + hi) / 2);
        if (value_of(to, &mid) <= a)
            lo = mid;
        else
            hi = mid;
    }
    uint16_t l = (uint16_t)lo, h = (uint16_t)hi, before = (uint16_t)(lo - 1);
    double below_a = value_of(to, &l), above = value_of(to, &h);
    if (isinf(above)) /* as if one more finite number followed */
        above = 2 * below_a - value_of(to, &before);
    double up = above - a, down = a - below_a;
    bool take_up = up < down || (up == down && (lo & 1));
    double result = take_up ? value_of(to, &h) : below_a;
    return d < 0 ? -result : result;
}

static const enum pr_dtype sources[] = {PR_F64, PR_F32, PR_F16, PR_BF16};
static const enum pr_dtype targets[] = {PR_F32, PR_F16, PR_BF16};

static void conversions_round_once_to_nearest_even(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 11);
    for (size_t s = 0; s < 4; s++) {
        for (size_t t = 0; t < 3; t++) {
            for (int round = 0; round < 20000; round++) {
                unsigned char in[9], out[4];
                unsigned char *p = in + 1; /* any byte address will do */
                random_element(&r, sources[s], p);
                if (sources[s] == PR_F64 && round % 4 == 0) { /* just beside a tie */
                    double d = value_of(PR_F64, p);
                    uint64_t u;
                    memcpy(&u, &d, 8);
                    u = (u & ~(uint64_t)0xfffffffffffff) | (pr_rng_u64(&r) >> 57) << 44 |
                        1ull << 43;
                    u += (uint64_t)round % 3 - 1;
                    memcpy(p, &u, 8);
                }
                pr_convert(sources[s], p, 1, targets[t], out);
                double got = value_of(targets[t], out);
                double want = nearest(targets[t], value_of(sources[s], p));
                CHECK(got == want, "%s to %s: %.17g became %.9g, expected %.9g",
                    pr_dtype_name(sources[s]), pr_dtype_name(targets[t]), value_of(sources[s], p),
                    got, want);
            }
        }
    }
}

static void every_16_bit_number_survives_f32_and_back(void **state)
{
    (void)state;
    for (uint32_t u = 0; u < 65536; u++) {
        uint16_t h = (uint16_t)u, f16 = pr_f32_to_f16(pr_f16_to_f32(h));
        uint16_t bf16 = pr_f32_to_bf16(pr_bf16_to_f32(h));
        if ((h & 0x7c00) == 0x7c00 && (h & 0x3ff))
            assert_true(isnan(pr_f16_to_f32(f16)));
        else
            assert_int_equal(f16, h);
        if ((h & 0x7f80) == 0x7f80 && (h & 0x7f))
            assert_true(isnan(pr_bf16_to_f32(bf16)));
        else
            assert_int_equal(bf16, h);
    }
}

static void nan_and_infinity_survive_all_conversions(void **state)
{
    (void)state;
    for (size_t s = 0; s < 4; s++) {
        for (size_t t = 0; t < 3; t++) {
            static const double d[] = {NAN, INFINITY, -INFINITY};
            for (int i = 0; i < 3; i++) {
                unsigned char in[8], out[4];
                float f = (float)d[i];
                if (sources[s] == PR_F64)
                    memcpy(in, &d[i], 8);
                else
                    pr_convert(PR_F32, &f, 1, sources[s], in);
                pr_convert(sources[s], in, 1, targets[t], out);
                double got = value_of(targets[t], out);
                assert_true(isnan(d[i]) ? isnan(got) : got == d[i]);
            }
        }
    }
}

static void check_panel(const struct pr_kernels *kn, enum pr_panel_kind kind, enum pr_dtype from,
    size_t n, size_t k, struct pr_rng *r)
{
    size_t stride = k + below(r, 9), elem = pr_dtype_size(from), offset = below(r, 9);
    size_t src_bytes = n * stride * elem + 16, bytes = pr_panel_bytes(kind, k, PR_PANEL);
    unsigned char *src = pr_zalloc(src_bytes), *panel = big(bytes + 64), *want = big(bytes);
    for (size_t i = 0; i < n * stride; i++)
        random_element(r, from, src + offset + i * elem);
    memset(panel, 0xa5, bytes + 64);
    kn->pack(kind, from, src + offset, stride, n, k, panel);
    for (size_t row = 0; row < n; row++) {
        for (size_t i = 0; i < k; i++)
            pr_convert(from, src + offset + (row * stride + i) * elem, 1, panel_dtype(kind),
                want + panel_at(kind, PR_PANEL, i, row));
    }
    for (size_t i = 0; i < bytes; i++)
        CHECK(panel[i] == want[i], "%s kind %d from %s, n %zu, k %zu: byte %zu differs", kn->isa,
            kind, pr_dtype_name(from), n, k, i);
    for (size_t i = bytes; i < bytes + 64; i++)
        assert_int_equal(panel[i], 0xa5); /* nothing behind the panel is touched */
    pr_free(src);
    pr_big_free(panel, bytes + 64);
    pr_big_free(want, bytes);
}

static void panels_hold_every_weight_in_its_place_and_zeros_elsewhere(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 12);
    FOR_EACH_TABLE(kn)
    {
        for (int kind = 0; kind < PR_PANEL_KINDS; kind++) {
            for (size_t s = 0; s < 4; s++) {
                for (int round = 0; round < 12; round++) {
                    size_t n = round % 2 ? 64 : 1 + below(&r, 64);
                    size_t k = round % 3 ? 1 + below(&r, 400) : 64 * (1 + below(&r, 5));
                    check_panel(kn, (enum pr_panel_kind)kind, sources[s], n, k, &r);
                }
            }
        }
    }
}

static void names_and_sizes_of_types_agree(void **state)
{
    (void)state;
    for (enum pr_dtype t = 0; t < PR_DTYPE_COUNT; t++)
        assert_int_equal(pr_dtype_from_name(pr_dtype_name(t)), t);
    assert_int_equal(pr_dtype_from_name("BF17"), PR_DTYPE_COUNT);
    assert_int_equal(pr_dtype_size(PR_BF16), 2);
    assert_int_equal(pr_dtype_size(PR_F64), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(conversions_round_once_to_nearest_even),
        cmocka_unit_test(every_16_bit_number_survives_f32_and_back),
        cmocka_unit_test(nan_and_infinity_survive_all_conversions),
        cmocka_unit_test(panels_hold_every_weight_in_its_place_and_zeros_elsewhere),
        cmocka_unit_test(names_and_sizes_of_types_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
