/* Names and conversions of element types; the table of safetensors' types. */
#include "compute/dtype.h"

#include <assert.h>

static const struct {
    const char *name;
    size_t size;
} types[] = {
#define PR_X(name, size) [PR_##name] = {#name, size},
    PR_DTYPES(PR_X)
#undef PR_X
};

const char *pr_dtype_name(enum pr_dtype t)
{
    return t < PR_DTYPE_COUNT ? types[t].name : "?";
}

size_t pr_dtype_size(enum pr_dtype t)
{
    return t < PR_DTYPE_COUNT ? types[t].size : 0;
}

enum pr_dtype pr_dtype_from_name(const char *s)
{
    enum pr_dtype t = 0;
    while (t < PR_DTYPE_COUNT && strcmp(types[t].name, s))
        t++;
    return t;
}

float pr_f16_to_f32(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exp = h >> 10 & 0x1fu, man = h & 0x3ffu, u;
    if (exp == 0x1f) {
        u = sign | 0x7f800000u | man << 13;
    } else if (exp) {
        u = sign | (exp + 112) << 23 | man << 13;
    } else {
        float f = (float)man * 0x1p-24f; /* subnormals, exact */
        memcpy(&u, &f, 4);
        u |= sign;
    }
    float f;
    memcpy(&f, &u, 4);
    return f;
}

uint16_t pr_f32_to_f16(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    uint32_t sign = u >> 16 & 0x8000u, magnitude = u & 0x7fffffffu;
    if (magnitude > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u | (magnitude >> 13 & 0x3ffu));
    if (magnitude >= 0x47800000u) /* 65536 and up */
        return (uint16_t)(sign | 0x7c00u);
    if (magnitude < 0x38800000u) { /* subnormal: adding 1/2 rounds at the last place, 2^-24 */
        float m;
        memcpy(&m, &magnitude, 4);
        m += 0.5f;
        memcpy(&magnitude, &m, 4);
        return (uint16_t)(sign | (magnitude - 0x3f000000u));
    }
    magnitude -= 112u << 23; /* the bias becomes 15 */
    return (uint16_t)(sign | (magnitude + 0xfffu + (magnitude >> 13 & 1u)) >> 13);
}

/* d cut to f32 with the last bit set when anything was lost ("round to odd"): rounding that once
 * more to a shorter type gives what rounding d itself would. */
static float narrow_to_odd(double d)
{
    float f = (float)d;
    uint32_t u;
    if (f != f || (double)f == d)
        return f;
    memcpy(&u, &f, 4);
    if (__builtin_fabs((double)f) > __builtin_fabs(d))
        u--;
    u |= 1;
    memcpy(&f, &u, 4);
    return f;
}

/* One function for each pair of types; p steps over the source, which may lie at any address. */
#define CONVERT(name, from, to, value)                                                             \
    static void name(const unsigned char *p, size_t n, void *dst)                                  \
    {                                                                                              \
        to *y = dst;                                                                               \
        for (size_t i = 0; i < n; i++) {                                                           \
            from x;                                                                                \
            memcpy(&x, p + i * sizeof x, sizeof x);                                                \
            y[i] = value;                                                                          \
        }                                                                                          \
    }
CONVERT(f64_to_f32, double, float, (float)x)
CONVERT(f64_to_bf16, double, uint16_t, pr_f32_to_bf16(narrow_to_odd(x)))
CONVERT(f64_to_f16, double, uint16_t, pr_f32_to_f16(narrow_to_odd(x)))
CONVERT(f32_to_f32, float, float, x)
CONVERT(f32_to_bf16, float, uint16_t, pr_f32_to_bf16(x))
CONVERT(f32_to_f16, float, uint16_t, pr_f32_to_f16(x))
CONVERT(f16_to_f32, uint16_t, float, pr_f16_to_f32(x))
CONVERT(f16_to_bf16, uint16_t, uint16_t, pr_f32_to_bf16(pr_f16_to_f32(x)))
CONVERT(bf16_to_f32, uint16_t, float, pr_bf16_to_f32(x))
CONVERT(bf16_to_f16, uint16_t, uint16_t, pr_f32_to_f16(pr_bf16_to_f32(x)))
CONVERT(copy16, uint16_t, uint16_t, x)

static void (*const converters[PR_DTYPE_COUNT][PR_DTYPE_COUNT])(
    const unsigned char *src, size_t n, void *dst) = {
    [PR_F64] = {[PR_F32] = f64_to_f32, [PR_BF16] = f64_to_bf16, [PR_F16] = f64_to_f16},
    [PR_F32] = {[PR_F32] = f32_to_f32, [PR_BF16] = f32_to_bf16, [PR_F16] = f32_to_f16},
    [PR_F16] = {[PR_F32] = f16_to_f32, [PR_BF16] = f16_to_bf16, [PR_F16] = copy16},
    [PR_BF16] = {[PR_F32] = bf16_to_f32, [PR_BF16] = copy16, [PR_F16] = bf16_to_f16},
};

void pr_convert(enum pr_dtype from, const void *src, size_t n, enum pr_dtype to, void *dst)
{
    assert(from < PR_DTYPE_COUNT && to < PR_DTYPE_COUNT && converters[from][to]);
    converters[from][to](src, n, dst);
}

void pr_to_f32(enum pr_dtype t, const void *src, size_t n, float *dst)
{
    pr_convert(t, src, n, PR_F32, dst);
}
