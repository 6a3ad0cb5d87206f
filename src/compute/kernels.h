/* The arithmetic of the engine: one table of single-threaded operations for each instruction set.
 *
 * To add a backend: a file kernels_<isa>.c that fills a struct pr_kernels, a line in the table of
 * kernels.c, and nothing else: tests/unit/compute runs every operation of every backend that this
 * CPU can run against the scalar reference.
 *
 * Panels.  A weight matrix W [N][K] (N output features, row-major in the file) is repacked into
 * panels of 64 output features.  Within a panel the layout is [K/u][64][u] with u = 1 (f32 math) or
 * u = 2 (bf16 math: pairs, as vdpbf16ps takes them); K is padded to u and the last panel to 64
 * columns with zeros.  The KV cache uses the same layout, with keys as columns for Q·Kᵀ (K =
 * head_dim) and head_dim as columns for P·V (K = keys), so that attention is the same kernel.
 *
 * The numerics contract.  Every output element is accumulated over k in ascending order into one
 * f32 accumulator (bf16 math: in ascending pairs), whatever the number of rows, columns or threads,
 * and no sum is split over k: so a row's result is bit-identical alone or among others.
 * Intermediate accumulators may be stored to C and loaded again (exact).  Reductions over a row use
 * an order that depends on the row's length alone.
 */
#ifndef PR_COMPUTE_KERNELS_H
#define PR_COMPUTE_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "compute/dtype.h"

#define PR_PANEL 64 /* columns of a panel */

/* Activation format × weight storage. */
enum pr_panel_kind {
    PR_PANEL_F32_F32,  /* a f32, panel f32 */
    PR_PANEL_F32_BF16, /* a f32, panel bf16, widened exactly in the kernel; u = 1 */
    PR_PANEL_F32_F16,  /* a f32, panel f16, widened exactly; u = 1 */
    PR_PANEL_BF16,     /* a bf16, panel bf16, products exact, sums f32; u = 2 */
    PR_PANEL_KINDS
};

static inline size_t pr_panel_unit(enum pr_panel_kind kind)
{
    return kind == PR_PANEL_BF16 ? 2 : 1;
}
static inline size_t pr_panel_elem(enum pr_panel_kind kind)
{
    return kind == PR_PANEL_F32_F32 ? 4 : 2;
}
/* Bytes of one panel of `cols` columns over k. */
static inline size_t pr_panel_bytes(enum pr_panel_kind kind, size_t k, size_t cols)
{
    size_t u = pr_panel_unit(kind);
    return (k + u - 1) / u * u * cols * pr_panel_elem(kind);
}

/* What one step of AdamW does to every value alike; rest1 and rest2 are 1 − beta1 and 1 − beta2,
 * which must be rounded from double: 1 − 0.999f is off in the fifth digit. */
struct pr_adamw_step {
    float scale, lr_decay, beta1, beta2, rest1, rest2, step, root, eps;
};

struct pr_kernels {
    const char *isa; /* "portable", "avx2", "avx512", "avx512bf16": part of the numerics id */

    /* c[r][0..cols) = (accumulate ? c : 0) + Σ_k a[r][k] · panel[k][0..cols)
     * rows >= 1; cols 16, 32, 48 or 64 and equal to the panel's layout width; k as in the panel
     * (padded to u; a holds zeros in the padding).  lda, ldc in elements.  panel 64-byte aligned.
     */
    void (*gemm[PR_PANEL_KINDS])(size_t rows, size_t cols, size_t k, const void *a, size_t lda,
        const void *panel, float *c, size_t ldc, bool accumulate);

    /* Packs rows [0, n) (n <= 64) of a row-major matrix, `stride` elements from row to row, into
     * one 64-column panel.  Conversions to the panel's type round to nearest even. */
    void (*pack)(enum pr_panel_kind kind, enum pr_dtype src_dtype, const void *src, size_t stride,
        size_t n, size_t k, void *panel);

    void (*to_bf16)(const float *x, size_t n, uint16_t *y); /* round to nearest even */
    /* y = x / sqrt(mean(x²) + eps) · w, over n elements; y may be x. */
    void (*rmsnorm)(const float *x, const float *w, size_t n, float eps, float *y);
    /* Rotates n_heads consecutive heads of head_dim in half-split form: for i < head_dim/2
     * (x[i], x[i+h]) = (x[i]·cos[i] − x[i+h]·sin[i], x[i+h]·cos[i] + x[i]·sin[i]). */
    void (*rope)(float *x, size_t n_heads, size_t head_dim, const float *cos, const float *sin);
    /* y = silu(gate) · up, as f32 or rounded to bf16. */
    void (*silu_mul)(const float *gate, const float *up, size_t n, float *y);
    void (*silu_mul_bf16)(const float *gate, const float *up, size_t n, uint16_t *y);
    void (*add)(const float *x, size_t n, float *y); /* y += x */
    void (*scale)(float a, size_t n, float *y);      /* y *= a */

    /* One block of 64 keys of one query row in streaming softmax (Milakov & Gimelshein 2018).
     * s[64]: raw scores; [lo, hi) are the visible ones, the rest count as −inf.  *m is the running
     * maximum (−inf at first), *l the running sum.  Writes p[64] = exp(s·scale − new m) (0 where
     * not visible) as f32 to p_f32 or bf16 to p_bf16 (the other is NULL; l sums the rounded
     * values), updates m and l, and returns the factor by which the earlier output must be scaled.
     */
    float (*softmax_block)(const float *s, size_t lo, size_t hi, float scale, float *m, float *l,
        float *p_f32, uint16_t *p_bf16);

    /* max over n and Σ exp(x − max); n >= 1.  NaN or +∞ anywhere makes both NaN; of nothing but −∞
     * the maximum is −∞ and the sum 0. */
    void (*logsumexp_part)(const float *x, size_t n, float *ret_max, float *ret_sum);

    /* ---- training ---- */

    /* As pack, with `ld` elements (pairs: u·ld) from one k to the next instead of 64: a panel of
     * 16, 32 or 48 columns (n <= ld), or 64 rows of a matrix at a time its transpose (ld >= 64, a
     * multiple of 16; 64 columns are written, those from n on as zeros). */
    void (*pack_ld)(enum pr_panel_kind kind, enum pr_dtype src_dtype, const void *src,
        size_t stride, size_t n, size_t k, size_t ld, void *panel);
    /* Packs a matrix that has k rows and n columns, `stride` elements from row to row, into a panel
     * of cols >= n columns (16, 32, 48 or 64): panel[i][j] = src[i][j], columns from n on 0. */
    void (*pack_rows)(enum pr_panel_kind kind, enum pr_dtype src_dtype, const void *src,
        size_t stride, size_t n, size_t k, size_t cols, void *panel);
    /* As gemm of PR_PANEL_F32_F32 for the first `cols` (16, 32, 48 or 64) columns of a panel that
     * is ld_panel >= cols columns wide. */
    void (*gemm_columns)(size_t rows, size_t cols, size_t k, const float *a, size_t lda,
        const float *panel, size_t ld_panel, float *c, size_t ldc, bool accumulate);
    /* As gemm of PR_PANEL_F32_F32 with a transposed: its element (row r, k i) is a[i·lda + r]. */
    void (*gemm_at)(size_t rows, size_t cols, size_t k, const float *a, size_t lda,
        const void *panel, float *c, size_t ldc, bool accumulate);
    /* Softmax of one row of scores: s[lo..hi) become exp(s·scale − lse), the rest of s[0..n) 0;
     * returns lse = ln Σ exp(s·scale).  lo < hi <= n.  NaN makes all of them NaN. */
    float (*softmax_row)(float *s, size_t n, size_t lo, size_t hi, float scale);
    /* Its backward: s, the scores once more, become the probabilities p by way of lse; dp, the
     * gradient by p, becomes that by s: p·(dp − Σ p·dp)·scale; both 0 outside [lo, hi). */
    void (*softmax_row_back)(
        float *s, float *dp, size_t n, size_t lo, size_t hi, float scale, float lse);
    /* Backward of rmsnorm over n elements: dx += ∂, dw += ∂ (dw NULL: not wanted).  x: its input.
     */
    void (*rmsnorm_back)(
        const float *x, const float *w, const float *dy, size_t n, float eps, float *dx, float *dw);
    /* Backward of silu_mul: writes dgate and dup, which may be gate and up. */
    void (*silu_mul_back)(
        const float *gate, const float *up, const float *dy, size_t n, float *dgate, float *dup);
    /* Softmax cross-entropy of one row: returns −ln p(target) and turns logits[n] into
     * scale · (softmax − onehot(target)).  NaN or +∞ among the logits gives NaN. */
    double (*softmax_xent)(float *logits, size_t n, size_t target, float scale);
    void (*axpy)(float a, const float *x, size_t n, float *y); /* y += a·x */
    double (*sum_squares)(const float *x, size_t n); /* in an order that depends on n alone */
    /* AdamW (Loshchilov & Hutter 2019) on n values: g = grad·scale; p −= p·lr_decay;
     * m = b1·m + rest1·g; v = b2·v + rest2·g²; p −= step · m / (√v · root + eps), with step =
     * lr / (1 − b1^t) and root = 1 / √(1 − b2^t). */
    void (*adamw)(
        float *p, const float *grad, float *m, float *v, size_t n, const struct pr_adamw_step *k);
};

/* The best table for this CPU, or the one named (NULL when unknown or this CPU lacks it).  The
 * environment variable PROCTOR_ISA names one for pr_kernels_default, which is then NULL too when
 * there is none of that name. */
const struct pr_kernels *pr_kernels_default(void);
const struct pr_kernels *pr_kernels_named(const char *isa);
/* All tables that this CPU can run, best first; *ret_n of them. */
const struct pr_kernels *const *pr_kernels_all(size_t *ret_n);

#endif
