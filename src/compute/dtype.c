/* Names and conversions of element types; the table of safetensors' types. */
#include "compute/dtype.h"

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

void pr_to_f32(enum pr_dtype t, const void *src, size_t n, float *dst)
{
    const unsigned char *p = src;
    for (size_t i = 0; i < n; i++) {
        uint16_t h;
        double d;
        switch (t) {
        case PR_F32:
            memcpy(dst + i, p + 4 * i, 4);
            break;
        case PR_BF16:
            memcpy(&h, p + 2 * i, 2);
            dst[i] = pr_bf16_to_f32(h);
            break;
        case PR_F16:
            memcpy(&h, p + 2 * i, 2);
            dst[i] = pr_f16_to_f32(h);
            break;
        case PR_F64:
            memcpy(&d, p + 8 * i, 8);
            dst[i] = (float)d;
            break;
        default:
            dst[i] = 0;
        }
    }
}
