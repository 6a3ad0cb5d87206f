/* A checkpoint's weights as the kernels want them: matrices packed into panels, vectors as f32.
 * The embedding stays mapped, since a pass reads a few rows of it, unless the weights are to be
 * independent of their files: then its rows are read from the head's panels where these hold it
 * exactly, else from a copy. */
#ifndef PR_MODEL_PACKED_H
#define PR_MODEL_PACKED_H

#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "compute/kernels.h"
#include "compute/pool.h"
#include "model/checkpoint.h"

struct pr_low_rank;

/* y = W·x (+ bias) (+ scale · B·(A·x)). */
struct pr_linear {
    enum pr_panel_kind kind;
    uint32_t n_out, k, n_panels;
    size_t panel_bytes;
    char *panels;             /* [n_panels][panel_bytes], in the weights' one block */
    float *bias;              /* [n_panels × 64], zero past n_out; NULL: none */
    struct pr_low_rank *lora; /* NULL: none */
};

struct pr_low_rank {
    struct pr_linear a, b; /* A [r, k], B [n_out, r] */
    float scale;
};

static inline const void *pr_linear_panel(const struct pr_linear *l, size_t i)
{
    return l->panels + i * l->panel_bytes;
}

struct pr_layer {
    struct pr_linear q, k, v, o, gate, up, down;
    float *attn_norm, *mlp_norm; /* (hidden) */
    float *q_norm, *k_norm;      /* (head_dim), NULL without QK-norm */
};

struct pr_packed {
    struct pr_layer *layers;
    struct pr_linear head;
    float *final_norm;             /* (hidden) */
    const struct pr_tensor *embed; /* (vocab, hidden), mapped or a copy: pr_packed_embed_row */
    bool embed_in_head;            /* its rows are the columns of the head's panels */
    struct pr_tensor copy;         /* of the embedding; data NULL: none */
    uint32_t max_rank;             /* the largest LoRA rank, 0 without */
    void *block;                   /* all panels */
    size_t block_bytes;
    struct pr_arena arena; /* vectors and low-rank records */
};

/* Packs every matrix of c for bf16 or f32 math; a tensor's mapped pages are let go once it is
 * packed, so that memory never holds two copies of the whole.  *w is zero before, and
 * pr_packed_done frees whatever a failure left.  own: the mapped files are not read afterwards.
 * stop is asked before each panel: PR_E_CANCELLED.
 */
PR_MUST_CHECK enum pr_code pr_packed_make(struct pr_packed *w, const struct pr_checkpoint *c,
    bool bf16, bool own, const struct pr_kernels *kernels, struct pr_pool *pool,
    const struct pr_stop *stop, struct pr_error *e);
void pr_packed_done(struct pr_packed *w);

/* A token's row of the embedding, (hidden). */
void pr_packed_embed_row(const struct pr_packed *w, size_t id, float *ret);
/* Bytes of the embedding's copy with `own`, 0 where none is made. */
uint64_t pr_packed_copy_bytes(const struct pr_checkpoint *c, bool bf16);

#endif
