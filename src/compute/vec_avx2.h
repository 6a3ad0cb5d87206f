/* Vectors of eight floats: AVX2, FMA and F16C; see vec_portable.h for what each does. */
#ifndef PR_COMPUTE_VEC_AVX2_H
#define PR_COMPUTE_VEC_AVX2_H

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VL 8

typedef float vf __attribute__((vector_size(4 * VL)));
typedef int32_t vi __attribute__((vector_size(4 * VL)));
typedef uint32_t vu __attribute__((vector_size(4 * VL)));

static inline __m256i lanes_below(size_t n)
{
    static const int32_t ones_then_zeros[16] = {-1, -1, -1, -1, -1, -1, -1, -1};
    return _mm256_loadu_si256((const __m256i *)(const void *)(ones_then_zeros + 8 - n));
}

static inline vf vf_set1(float x)
{
    return (vf)_mm256_set1_ps(x);
}

static inline vf vf_load(const float *p)
{
    return (vf)_mm256_loadu_ps(p);
}

static inline void vf_store(float *p, vf v)
{
    _mm256_storeu_ps(p, (__m256)v);
}

static inline vf vf_load_n(const float *p, size_t n)
{
    return (vf)_mm256_maskload_ps(p, lanes_below(n));
}

static inline void vf_store_n(float *p, vf v, size_t n)
{
    _mm256_maskstore_ps(p, lanes_below(n), (__m256)v);
}

static inline vf vf_fma(vf a, vf b, vf c)
{
    return (vf)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
}

static inline vf vf_select(vi mask, vf a, vf b)
{
    return (vf)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)mask);
}

static inline vf vf_sqrt(vf v)
{
    return (vf)_mm256_sqrt_ps((__m256)v);
}

static inline vf vf_max(vf a, vf b)
{
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
}

static inline vf vf_min(vf a, vf b)
{
    return (vf)_mm256_min_ps((__m256)a, (__m256)b);
}

static inline vf vf_scale2(vf y, vi n, vf n_float)
{
    (void)n_float;
    vi half = n >> 1;
    vf s1 = (vf)((half + 127) << 23), s2 = (vf)((n - half + 127) << 23);
    return y * s1 * s2;
}

static inline vf vf_load_bf16(const uint16_t *p)
{
    __m128i h = _mm_loadu_si128((const __m128i *)(const void *)p);
    return (vf)_mm256_slli_epi32(_mm256_cvtepu16_epi32(h), 16);
}

static inline vf vf_load_f16(const uint16_t *p)
{
    return (vf)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(const void *)p));
}

static inline void vu_store_low16(uint16_t *p, vu v, size_t n)
{
    __m256i h = _mm256_packus_epi32((__m256i)v, (__m256i)v); /* within halves of the register */
    __m128i low = _mm256_castsi256_si128(_mm256_permute4x64_epi64(h, 0x08));
    if (n == VL)
        _mm_storeu_si128((__m128i *)(void *)p, low);
    else
        memcpy(p, &low, 2 * n);
}

/* 6 × 2 sums, 2 vectors of the panel and one broadcast fit 16 registers; few rows take more columns
 * at once, so that the panel is read in one stream. */
#define TILE_ROWS    6
#define TILE_VECTORS 8
#define TILES(X)     X(1, 2) X(1, 4) X(1, 8) X(2, 2) X(2, 4) X(3, 2) X(4, 2) X(5, 2) X(6, 2)

/* Whether a panel is better widened before than in the tile (gemm_wide). */
#define WIDEN_BEFORE(kind, rows) ((kind) == PR_PANEL_BF16 && (rows) >= 48)

static inline size_t tile_vectors(size_t rows, size_t cols)
{
    size_t n = rows == 1 ? 8 : rows == 2 ? 4 : 2;
    while (n > cols / VL)
        n /= 2;
    return n;
}

#endif
