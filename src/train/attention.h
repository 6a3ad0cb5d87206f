/* Causal attention of training over packed sequences, forward and backward.
 *
 * Work is shared out by (sequence, kv head); each item's arithmetic is its own.  Probabilities are
 * not kept: backward makes them again from q, k and the rows' log-sum-exp (Dao et al. 2022).
 */
#ifndef PR_TRAIN_ATTENTION_H
#define PR_TRAIN_ATTENTION_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "compute/kernels.h"
#include "compute/pool.h"

/* Rows [starts[s], starts[s+1]) are sequence s, for s < n_sequences. */
struct pr_attention {
    struct pr_pool *pool;
    const struct pr_kernels *kernels;
    const uint32_t *starts;
    uint32_t n_sequences;
    uint32_t n_heads, n_kv_heads, head_dim;
    uint32_t window; /* keys a query sees, itself included; 0: all before it */
    float scale;     /* of scores: head_dim^−½ */
    char *scratch;   /* the functions' own, grown by them; pr_attention_done frees it */
    size_t scratch_bytes;
};

/* qkv (rows, ld_qkv): rotated q heads, rotated k heads, v heads.  Writes out (rows, ld_out): the
 * heads' outputs side by side, and lse (rows, n_heads): ln Σ exp of each query's scaled scores. */
PR_MUST_CHECK enum pr_code pr_attention_forward(struct pr_attention *t, const float *qkv,
    size_t ld_qkv, float *out, size_t ld_out, float *lse, struct pr_error *e);
/* dqkv (rows, ld_qkv) = the gradients by q, k and v, given d_out and lse as pr_attention_forward
 * left it.  dqkv may not be qkv. */
PR_MUST_CHECK enum pr_code pr_attention_back(struct pr_attention *t, const float *qkv,
    size_t ld_qkv, const float *d_out, size_t ld_out, const float *lse, float *dqkv,
    struct pr_error *e);
void pr_attention_done(struct pr_attention *t);

#endif
