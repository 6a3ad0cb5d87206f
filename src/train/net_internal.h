/* What the files of net share; nobody else includes it.
 *
 * net.c opens and frees; net_params.c lists what is trained and binds it to layers; net_lora.c says
 * which low-rank pairs there are; net_new.c begins from nothing; net_acts.c carves the activations;
 * net_linear.c and net_rows.c are the operations, each forward and back; net_layer.c and net_head.c
 * put them together; net_pass.c runs a batch.
 */
#ifndef PR_TRAIN_NET_INTERNAL_H
#define PR_TRAIN_NET_INTERNAL_H

#include "base/alloc.h"
#include "model/rope.h"
#include "train/attention.h"
#include "train/matmul.h"
#include "train/net.h"

/* Shapes: R rows of the pass, H hidden, Q n_heads·head_dim, K n_kv_heads·head_dim, F intermediate,
 * V vocabulary, r a LoRA's rank. */

/* y = x·Wᵀ + bias + scale·(x·Aᵀ)·Bᵀ.  What is not trained has no gradient (NULL). */
struct pr_net_linear {
    uint32_t n_out, n_in;
    struct pr_mat w; /* (n_out, n_in): the net's own values, or the checkpoint's mapped ones */
    float *dw;
    const float *bias; /* (n_out) or NULL */
    float *dbias;
    uint32_t r; /* 0: no LoRA */
    float scale;
    const float *a, *b; /* (r, n_in), (n_out, r) */
    float *da, *db;
};

struct pr_net_norm {
    const float *w; /* NULL: there is none */
    float *dw;
};

enum { NET_Q, NET_K, NET_V, NET_O, NET_GATE, NET_UP, NET_DOWN, NET_LINEARS };

/* The linear modules of a layer, by the numbers above: "self_attn", "q_proj". */
struct pr_net_module {
    const char *block, *name;
};
extern const struct pr_net_module pr_net_modules[NET_LINEARS];

struct pr_net_layer {
    struct pr_net_linear linear[NET_LINEARS];
    struct pr_net_norm attn_norm, mlp_norm; /* (H) */
    struct pr_net_norm q_norm, k_norm;      /* (head_dim), none without QK-norm */
    bool trained, attn_trained; /* it, or its first half, has something with a gradient */
};

/* What a layer's backward needs of its forward. */
struct pr_net_acts {
    float *norm1;          /* (R, H) input of q, k, v */
    float *raw;            /* (R, Q + K) q and k before QK-norm; NULL without it */
    float *qkv;            /* (R, Q + 2K) rotated q and k, v */
    float *att, *lse;      /* (R, Q), (R, n_heads) */
    float *mid;            /* (R, H) residual stream after attention */
    float *norm2;          /* (R, H) input of gate and up */
    float *gate, *up;      /* (R, F); backward turns them into their gradients */
    float *act;            /* (R, F) silu(gate)·up */
    float *t[NET_LINEARS]; /* (R, r) scale·x·Aᵀ of each LoRA */
};

#define PR_NET_BLOCK 64 /* rows whose part of a norm's gradient is added up by one item */

/* What of the activations is kept. */
enum pr_net_keep { KEEP_NOTHING, KEEP_INPUTS, KEEP_ALL };

struct pr_net_space {
    enum pr_net_keep keep;
    bool backward;
    uint32_t rows, head_rows; /* that it has room for */
    void *block;              /* all of the following are views into it */
    size_t bytes;
    float *x;                  /* (n_x, R, H) each kept layer's input, then the output */
    struct pr_net_acts *layer; /* (n_sets); an allocation of its own */
    uint32_t n_x, n_sets;
    float *dx;         /* (R, H) gradient of the residual stream */
    float *dnorm;      /* (R, H) */
    float *dmlp;       /* (R, F) */
    float *datt;       /* (R, Q) */
    float *dqkv;       /* (R, Q + 2K) */
    float *dt;         /* (R, largest r) */
    float *partial;    /* (blocks of rows, H or 2·head_dim): sums of norms' gradients */
    float *logits;     /* (head_rows, V) */
    float *hn, *dhn;   /* (head_rows, H): normalised rows, their gradient */
    float *ht;         /* (head_rows, r of the head) */
    double *nll;       /* (head_rows) */
    float *tmp;        /* (threads, tmp_size) */
    uint32_t *pos;     /* (R) position of each row in its sequence */
    uint32_t *counted; /* (n_counted, of R) the rows that count, ascending */
    uint32_t n_counted;
    size_t tmp_size;
};

/* Where a parameter's first values come from. */
struct pr_net_source {
    const struct pr_tensor *tensor; /* NULL: made up, by the rule */
    enum { NET_NORMAL, NET_UNIFORM, NET_ZERO, NET_ONE } rule;
    double width; /* standard deviation, or bound */
};

struct pr_net {
    struct pr_model_config config;
    const struct pr_kernels *kernels;
    struct pr_pool *pool;
    struct pr_checkpoint *checkpoint; /* NULL: a new model */
    struct pr_net_options options;
    bool is_lora;
    struct pr_net_lora lora;
    const char **targets; /* of lora, in the arena */

    struct pr_param *params;
    struct pr_net_source *sources; /* of params */
    size_t n_params, cap_params, cap_sources;
    float *values, *gradients; /* (n_values) */
    size_t n_values;

    const void *embed_data; /* (V, H) */
    enum pr_dtype embed_dtype;
    float *d_embed; /* NULL: not trained */
    struct pr_net_layer *layers;
    struct pr_net_norm final_norm;
    struct pr_net_linear head;
    uint32_t first;    /* gradients go down to this layer's parts; n_layers: to the head alone */
    uint32_t max_rank; /* of the layers' LoRA */
    uint64_t frozen_bytes; /* of weights that stay where the checkpoint maps them */

    struct pr_matmul matmul;
    struct pr_attention attention;
    struct pr_rope_table rope;
    float *minus_sin; /* (rope.n, rope.half): turns back */
    size_t minus_n;
    struct pr_net_space space;
    struct pr_arena arena; /* names, layers, vectors that are not trained */
};

/* ---- net_params.c, net_lora.c, net_new.c ---- */

/* Adds a parameter; its values are set later from src. */
void pr_net_add(struct pr_net *n, const char *name, uint32_t rank, size_t rows, size_t cols,
    const struct pr_net_source *src);
/* The parameters of a net in which everything is trained. */
PR_MUST_CHECK enum pr_code pr_net_list_full(struct pr_net *n, double std, struct pr_error *e);
/* The low-rank pairs that the options ask for, or those of an adapter with what it replaces. */
PR_MUST_CHECK enum pr_code pr_net_list_lora(struct pr_net *n, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_net_list_adapter(struct pr_net *n, struct pr_error *e);
/* alpha / r, or alpha / √r. */
float pr_net_lora_scale(const struct pr_net_lora *lora, uint32_t r);
/* Sorts the list, gives it its memory and its first values. */
PR_MUST_CHECK enum pr_code pr_net_fill(struct pr_net *n, struct pr_error *e);
/* First values of one parameter that no checkpoint has. */
void pr_net_make_up(const struct pr_net_source *src, uint64_t seed, float *value, size_t count);
/* Points layers, embedding and head at parameters and tensors. */
PR_MUST_CHECK enum pr_code pr_net_bind(struct pr_net *n, struct pr_error *e);
const struct pr_param *pr_net_find(const struct pr_net *n, const char *name);
#define PR_NET_PREFIX "base_model.model."

/* ---- net_acts.c ---- */

/* Makes room for passes of `rows` rows, with backward or without. */
PR_MUST_CHECK enum pr_code pr_net_room(
    struct pr_net *n, uint32_t rows, bool backward, struct pr_error *e);
/* Rows of which logits exist at a time in a pass with `counted` counted ones: of chunks of about
 * the same size.  The pass alone decides it, since it decides the order of sums. */
uint32_t pr_net_head_rows(const struct pr_net *n, uint32_t counted);
void pr_net_room_done(struct pr_net *n);
/* Views of layer l: its input, its output, and the rest. */
float *pr_net_x(const struct pr_net *n, uint32_t l);
struct pr_net_acts *pr_net_acts_of(const struct pr_net *n, uint32_t l);

/* ---- net_linear.c: linear layers that read the same x; bias is added by the caller, its gradient
 * here ---- */

struct pr_net_branch {
    const struct pr_net_linear *l;
    float *t; /* (rows, r): kept for backward */
    float *y; /* (rows, ldy): what comes out; backward: its gradient */
    size_t ldy;
};
#define PR_NET_BRANCHES PR_MATMUL_PARTS

/* y = or += x·Wᵀ + LoRA of each of `count` layers. */
PR_MUST_CHECK enum pr_code pr_net_linear_forward(struct pr_net *n, const struct pr_net_branch *v,
    size_t count, size_t rows, const float *x, size_t ldx, bool accumulate, struct pr_error *e);
/* Gradients of the parameters from those of y; dx (rows, n_in) = Σ dy·W + LoRA, NULL: not wanted.
 */
PR_MUST_CHECK enum pr_code pr_net_linear_back(struct pr_net *n, const struct pr_net_branch *v,
    size_t count, size_t rows, const float *x, size_t ldx, float *dx, size_t lddx,
    struct pr_error *e);

/* ---- net_rows.c: what is done row by row ---- */

/* x = the embeddings of ids. */
void pr_net_embed(struct pr_net *n, const int32_t *ids, uint32_t rows, float *x);
void pr_net_embed_back(struct pr_net *n, const int32_t *ids, uint32_t rows, const float *dx);
/* y = norm(x); where `copy` is not NULL also copy = x + bias (bias NULL: x). */
void pr_net_norm_forward(struct pr_net *n, const struct pr_net_norm *norm, uint32_t rows,
    const float *x, float *y, float *copy, const float *bias);
/* dx += and norm->dw += ∂, given dy = ∂/∂norm(x). */
void pr_net_norm_back(struct pr_net *n, const struct pr_net_norm *norm, uint32_t rows,
    const float *x, const float *dy, float *dx);
/* y (n_counted, cols) = the rows of x that count, + bias (NULL: none); y may be x. */
void pr_net_gather(struct pr_net *n, const float *x, size_t cols, const float *bias, float *y);
/* x (rows, cols): the n_counted rows at its beginning go where they came from, the others are 0. */
void pr_net_scatter(struct pr_net *n, uint32_t rows, size_t cols, float *x);
/* Biases, QK-norm and rotation of q and k; the bias of v. */
void pr_net_place(struct pr_net *n, const struct pr_net_layer *l, struct pr_net_acts *a,
    const uint32_t *pos, uint32_t rows);
void pr_net_place_back(struct pr_net *n, const struct pr_net_layer *l, const struct pr_net_acts *a,
    const uint32_t *pos, uint32_t rows, float *dqkv);
void pr_net_silu(
    struct pr_net *n, const struct pr_net_layer *l, struct pr_net_acts *a, uint32_t rows);
void pr_net_silu_back(struct pr_net *n, struct pr_net_acts *a, uint32_t rows, const float *dact);
/* db[j] += Σ_r dy[r][j]. */
void pr_net_add_columns(
    struct pr_net *n, uint32_t rows, uint32_t cols, const float *dy, size_t ldy, float *db);

/* ---- net_layer.c, net_head.c ----
 *
 * Behind the last layer's attention only the rows that count go on: the others' outputs would be
 * looked at by nobody. */

PR_MUST_CHECK enum pr_code pr_net_layer_forward(
    struct pr_net *n, uint32_t l, uint32_t rows, struct pr_error *e);
/* The part of it that backward needs and that was not kept. */
PR_MUST_CHECK enum pr_code pr_net_layer_again(
    struct pr_net *n, uint32_t l, uint32_t rows, struct pr_error *e);
/* space.dx: from the gradient of the layer's output to that of its input. */
PR_MUST_CHECK enum pr_code pr_net_layer_back(
    struct pr_net *n, uint32_t l, uint32_t rows, struct pr_error *e);
/* Loss of the n_counted rows of x; scale > 0: also gradients, and dx. */
PR_MUST_CHECK enum pr_code pr_net_head(struct pr_net *n, const struct pr_batch *b, const float *x,
    double scale, double *ret_nll, struct pr_error *e);

#endif
