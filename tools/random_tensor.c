/* See random_tensor.h.  Plain loops over PR_RANDOM_LANES lanes of shifts, xors and adds, which
 * every compiler turns into vector code for any instruction set, with the same result. */
#include "random_tensor.h"

#include <string.h>

#include "base/rng.h"

void pr_random_stream_init(struct pr_random_stream *s, uint64_t seed, uint64_t stream)
{
    struct pr_rng rng;
    pr_rng_seed(&rng, seed);
    uint64_t base = pr_rng_u64(&rng) ^ stream * 0x9e3779b97f4a7c15u;
    pr_rng_seed(&rng, base);
    for (size_t i = 0; i < PR_RANDOM_LANES; i++)
        s->lane[i] =
            (uint32_t)(pr_rng_u64(&rng) >> 32) | 1u; /* xorshift needs a state that is not 0 */
}

uint16_t pr_f32_to_f16_bits(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    uint32_t sign = u >> 16 & 0x8000u, mag = u & 0x7fffffffu;
    if (mag > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u);
    if (mag >= 0x477ff000u) /* rounds to 65536 or beyond */
        return (uint16_t)(sign | 0x7c00u);
    if (mag < 0x38800000u) { /* subnormal: adding 0.5 lines the bits up and rounds them */
        float m;
        memcpy(&m, &mag, 4);
        m += 0.5f;
        memcpy(&mag, &m, 4);
        return (uint16_t)(sign | (mag - 0x3f000000u));
    }
    return (uint16_t)(sign | ((mag - 0x38000000u + 0xfffu + (mag >> 13 & 1u)) >> 13));
}

/* The next PR_RANDOM_LANES numbers. */
static void next(struct pr_random_stream *s, float mean, float scale, float out[PR_RANDOM_LANES])
{
    for (size_t i = 0; i < PR_RANDOM_LANES; i++) {
        uint32_t x = s->lane[i];
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        s->lane[i] = x;
        uint32_t pairs = (x & 0x00ff00ffu) + (x >> 8 & 0x00ff00ffu);
        int32_t sum = (int32_t)((pairs & 0xffffu) + (pairs >> 16)) - 510;
        out[i] = mean + (float)sum * scale;
    }
}

static void store(enum pr_dtype t, const float *x, size_t n, void *dst)
{
    uint16_t *half = dst;
    if (t == PR_F32)
        memcpy(dst, x, n * 4);
    else if (t == PR_BF16)
        for (size_t i = 0; i < n; i++)
            half[i] = pr_f32_to_bf16(x[i]);
    else
        for (size_t i = 0; i < n; i++)
            half[i] = pr_f32_to_f16_bits(x[i]);
}

void pr_random_fill(
    struct pr_random_stream *s, enum pr_dtype t, float mean, float std, size_t n, void *dst)
{
    /* The variance of a byte is (256² − 1) / 12, and there are four. */
    float scale = std / 147.80166f, x[PR_RANDOM_LANES];
    char *out = dst;
    for (size_t i = 0; i < n; i += PR_RANDOM_LANES) {
        size_t m = n - i < PR_RANDOM_LANES ? n - i : PR_RANDOM_LANES;
        next(s, mean, scale, x);
        store(t, x, m, out + i * pr_dtype_size(t));
    }
}
