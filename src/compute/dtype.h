/* Element types of tensors, as safetensors names them. */
#ifndef PR_COMPUTE_DTYPE_H
#define PR_COMPUTE_DTYPE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* name in safetensors, bytes an element */
#define PR_DTYPES(X)                                                                               \
    X(F64, 8)                                                                                      \
    X(F32, 4)                                                                                      \
    X(F16, 2)                                                                                      \
    X(BF16, 2)                                                                                     \
    X(I64, 8)                                                                                      \
    X(I32, 4)                                                                                      \
    X(I16, 2) X(I8, 1) X(U64, 8) X(U32, 4) X(U16, 2) X(U8, 1) X(BOOL, 1) X(F8_E4M3, 1) X(F8_E5M2, 1)

enum pr_dtype {
#define PR_X(name, size) PR_##name,
    PR_DTYPES(PR_X)
#undef PR_X
        PR_DTYPE_COUNT
};

const char *pr_dtype_name(enum pr_dtype t);
size_t pr_dtype_size(enum pr_dtype t);
/* The type named s ("BF16"), or PR_DTYPE_COUNT. */
enum pr_dtype pr_dtype_from_name(const char *s);
/* May weights be of this type?  (F64 is taken with a warning.) */
static inline bool pr_dtype_is_float(enum pr_dtype t)
{
    return t == PR_F64 || t == PR_F32 || t == PR_F16 || t == PR_BF16;
}

static inline float pr_bf16_to_f32(uint16_t h)
{
    uint32_t u = (uint32_t)h << 16;
    float f;
    memcpy(&f, &u, 4);
    return f;
}

/* Round to nearest, ties to even; NaN stays NaN. */
static inline uint16_t pr_f32_to_bf16(float f)
{
    uint32_t u;
    memcpy(&u, &f, 4);
    if ((u & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(u >> 16 | 0x40u);
    return (uint16_t)((u + 0x7fffu + (u >> 16 & 1u)) >> 16);
}

float pr_f16_to_f32(uint16_t h);
/* Round to nearest, ties to even; NaN stays NaN. */
uint16_t pr_f32_to_f16(float f);

/* Widens n elements of a float type to f32 (F64 is rounded).  src may lie at any byte address. */
void pr_to_f32(enum pr_dtype t, const void *src, size_t n, float *dst);
/* n elements between any two float types, except to F64; rounds once, to nearest even.  src may lie
 * at any byte address, dst is aligned to its type. */
void pr_convert(enum pr_dtype from, const void *src, size_t n, enum pr_dtype to, void *dst);

#endif
