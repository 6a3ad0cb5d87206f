/* One pass of the transformer over rows of many sequences at once. */
#ifndef PR_MODEL_FORWARD_H
#define PR_MODEL_FORWARD_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "compute/kernels.h"
#include "compute/pool.h"
#include "model/kv.h"
#include "model/packed.h"
#include "model/rope.h"

/* Rows of one sequence in a pass: positions first_pos … first_pos + n_rows − 1. */
struct pr_group {
    struct pr_kv_seq *kv; /* its pages reach past the last of these positions */
    uint32_t first_row, n_rows, first_pos;
};

/* The model in memory and the buffers of a pass.  Activations that feed a matrix product are in its
 * format (f32 or bf16, `elem` bytes), everything else is f32. */
struct pr_forward {
    const struct pr_model_config *config;
    const struct pr_kernels *kernels;
    struct pr_pool *pool;
    struct pr_packed *weights;
    struct pr_kv *kv;
    struct pr_rope_table rope;
    bool bf16;
    size_t elem;
    uint32_t max_rows;

    void *block; /* all of the following are views into it */
    size_t block_bytes;
    float *x;       /* (max_rows, hidden) residual stream */
    char *norm_out; /* (max_rows, ld_hidden) */
    float *qkv;     /* (max_rows, ld_qkv): q heads, k heads, v heads */
    char *q;        /* (kv_heads, max_rows, group, head_dim): rotated queries */
    char *attn_out; /* (max_rows, ld_attn) */
    char *mlp_act;  /* (max_rows, ld_mlp) */
    char *lora[3];  /* (max_rows, ld_rank) scaled A·x of up to three modules */
    char *scratch;  /* (threads, scratch_bytes) */
    size_t ld_hidden, ld_qkv, ld_attn, ld_mlp, ld_rank, scratch_bytes;
};

/* Allocates the buffers for passes of at most max_rows rows.  config, kernels, pool, weights, kv
 * and bf16 are set by the caller before. */
PR_MUST_CHECK enum pr_code pr_forward_init(
    struct pr_forward *f, uint32_t max_rows, struct pr_error *e);
void pr_forward_done(struct pr_forward *f);

/* Runs tokens (n_rows ids, each < vocab) of the groups through all layers: f->x holds the residual
 * stream after the last one, keys and values are in the groups' pages.  The rotary table must reach
 * the last position. */
void pr_forward_run(struct pr_forward *f, const int32_t *tokens, uint32_t n_rows,
    const struct pr_group *groups, uint32_t n_groups);

/* y[rows][ld] = final RMSNorm of the listed rows of f->x, in the format of a matrix product. */
void pr_forward_final_norm(struct pr_forward *f, const uint32_t *rows, uint32_t n, char *y);

/* c (rows × 64, leading dimension ldc) = panel `panel` of l applied to `rows` rows of a (leading
 * dimension lda), with low-rank part (t: its scaled A·x, (rows, ld_rank); may be NULL) and bias. */
void pr_linear_apply(const struct pr_forward *f, const struct pr_linear *l, size_t panel,
    size_t rows, const void *a, size_t lda, const void *t, float *c, size_t ldc);
/* t (n rows, ld_rank) = scale · A·a of l's low-rank part, for pr_linear_apply; nothing without one.
 */
void pr_linear_low_rank(
    struct pr_forward *f, const struct pr_linear *l, size_t n, const char *a, size_t lda, char *t);

#endif
