/* Vectors of sixteen floats: AVX-512 F, BW, VL and DQ; see vec_portable.h for what each does. */
#ifndef PR_COMPUTE_VEC_AVX512_H
#define PR_COMPUTE_VEC_AVX512_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VL 16

typedef float vf __attribute__((vector_size(4 * VL)));
typedef int32_t vi __attribute__((vector_size(4 * VL)));
typedef uint32_t vu __attribute__((vector_size(4 * VL)));

static inline vf vf_set1(float x)
{
    return (vf)_mm512_set1_ps(x);
}

static inline vf vf_load(const float *p)
{
    return (vf)_mm512_loadu_ps(p);
}

static inline void vf_store(float *p, vf v)
{
    _mm512_storeu_ps(p, (__m512)v);
}

static inline vf vf_load_n(const float *p, size_t n)
{
    return (vf)_mm512_maskz_loadu_ps((__mmask16)((1u << n) - 1), p);
}

static inline void vf_store_n(float *p, vf v, size_t n)
{
    _mm512_mask_storeu_ps(p, (__mmask16)((1u << n) - 1), (__m512)v);
}

static inline vf vf_fma(vf a, vf b, vf c)
{
    return (vf)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
}

static inline vf vf_select(vi mask, vf a, vf b)
{
    return (vf)((mask & (vi)a) | (~mask & (vi)b));
}

static inline vf vf_sqrt(vf v)
{
    return (vf)_mm512_sqrt_ps((__m512)v);
}

static inline vf vf_max(vf a, vf b)
{
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
}

static inline vf vf_min(vf a, vf b)
{
    return (vf)_mm512_min_ps((__m512)a, (__m512)b);
}

static inline vf vf_scale2(vf y, vi n, vf n_float)
{
    (void)n;
    return (vf)_mm512_scalef_ps((__m512)y, (__m512)n_float);
}

static inline vf vf_load_bf16(const uint16_t *p)
{
    __m256i h = _mm256_loadu_si256((const __m256i *)(const void *)p);
    return (vf)_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16);
}

static inline vf vf_load_f16(const uint16_t *p)
{
    return (vf)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

static inline void vu_store_low16(uint16_t *p, vu v, size_t n)
{
    __m256i h = _mm512_cvtepi32_epi16((__m512i)v);
    if (n == VL)
        _mm256_storeu_si256((__m256i *)(void *)p, h);
    else
        _mm256_mask_storeu_epi16(p, (__mmask16)((1u << n) - 1), h);
}

/* 6 × 4 sums, 4 vectors of the panel and one broadcast fit 32 registers. */
#define TILE_ROWS    6
#define TILE_VECTORS 4
/* Release 14 of clang-format lays this out anew each time it runs. */
/* clang-format off */
#define TILES(X)                                                                                   \
    X(1, 1) X(1, 2) X(1, 4)                                                                        \
    X(2, 1) X(2, 2) X(2, 4)                                                                        \
    X(3, 1) X(3, 2) X(3, 4)                                                                        \
    X(4, 1) X(4, 2) X(4, 4)                                                                        \
    X(5, 1) X(5, 2) X(5, 4)                                                                        \
    X(6, 1) X(6, 2) X(6, 4)
/* clang-format on */

#define WIDEN_BEFORE(kind, rows) false /* widening in the tile is free here */

static inline size_t tile_vectors(size_t rows, size_t cols)
{
    (void)rows;
    return cols >= 4 * VL ? 4 : cols >= 2 * VL ? 2 : 1;
}

#endif
