/* Vectors of four floats in plain GNU C: what the compiler makes of it on any CPU.
 *
 * vec_*.h give the same names to one instruction set each; *.inc.h are written with these names and
 * compiled once for each set.  Everything is static, so that no object holds code for another set.
 */
#ifndef PR_COMPUTE_VEC_PORTABLE_H
#define PR_COMPUTE_VEC_PORTABLE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define VL 4 /* floats of a vector */

typedef float vf __attribute__((vector_size(4 * VL)));
typedef int32_t vi __attribute__((vector_size(4 * VL)));
typedef uint32_t vu __attribute__((vector_size(4 * VL)));
typedef uint16_t vh __attribute__((vector_size(2 * VL)));

static inline vf vf_set1(float x)
{
    return (vf){x, x, x, x};
}

static inline vf vf_load(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline void vf_store(float *p, vf v)
{
    memcpy(p, &v, sizeof v);
}

/* n <= VL elements; the others are 0 / not written. */
static inline vf vf_load_n(const float *p, size_t n)
{
    vf v = {0};
    for (size_t i = 0; i < n; i++)
        v[i] = p[i];
    return v;
}

static inline void vf_store_n(float *p, vf v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = v[i];
}

/* a·b + c: here the product is rounded too. */
static inline vf vf_fma(vf a, vf b, vf c)
{
    return a * b + c;
}

static inline vf vf_select(vi mask, vf a, vf b)
{
    return (vf)((mask & (vi)a) | (~mask & (vi)b));
}

static inline vf vf_sqrt(vf v)
{
    for (int i = 0; i < VL; i++)
        v[i] = __builtin_sqrtf(v[i]);
    return v;
}

/* The greater / smaller; b where either is NaN. */
static inline vf vf_max(vf a, vf b)
{
    return vf_select((vi)(a > b), a, b);
}

static inline vf vf_min(vf a, vf b)
{
    return vf_select((vi)(a < b), a, b);
}

/* y · 2^n for whole n in [-150, 128], rounded once; n is the same as a float. */
static inline vf vf_scale2(vf y, vi n, vf n_float)
{
    (void)n_float;
    vi half = n >> 1;
    vf s1 = (vf)((half + 127) << 23), s2 = (vf)((n - half + 127) << 23);
    return y * s1 * s2; /* the first product is exact */
}

static inline vf vf_load_bf16(const uint16_t *p)
{
    vh h;
    memcpy(&h, p, sizeof h);
    return (vf)(__builtin_convertvector(h, vu) << 16);
}

static inline vf vf_load_f16(const uint16_t *p)
{
    vh h;
    memcpy(&h, p, sizeof h);
    vu u = __builtin_convertvector(h, vu);
    /* 2^112 moves the exponent's bias from 15 to 127, subnormals included, exactly */
    vf magnitude = (vf)((u & 0x7fff) << 13) * vf_set1(0x1p112f);
    vu special = (vu)((u & 0x7c00) == 0x7c00) & 0x7f800000; /* infinity and NaN */
    return (vf)((vu)magnitude | special | (u & 0x8000) << 16);
}

/* The low halves of n <= VL elements. */
static inline void vu_store_low16(uint16_t *p, vu v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint16_t)v[i];
}

/* --- tiles of the matrix product: rows × vectors that fit 16 registers --- */

#define TILE_ROWS    2
#define TILE_VECTORS 4
#define TILES(X)     X(1, 4) X(2, 4)

/* Whether a panel is better widened before than in the tile (gemm_wide). */
#define WIDEN_BEFORE(kind, rows) ((kind) != PR_PANEL_F32_F32 && (rows) >= 16)

static inline size_t tile_vectors(size_t rows, size_t cols)
{
    (void)rows;
    (void)cols;
    return 4;
}

#endif
