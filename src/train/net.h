/* A model that learns: parameters, gradients, and the pass forward and back over packed sequences.
 *
 * The architectures are those of the engine's table (model/arch.c).  What is trained lies in one
 * block of f32 values and one of gradients, with the parameters as views into both in the order of
 * their names; a LoRA leaves the checkpoint's tensors where they are (mapped, in their own type)
 * and its block holds the adapter alone.
 */
#ifndef PR_TRAIN_NET_H
#define PR_TRAIN_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "compute/pool.h"
#include "model/checkpoint.h"

struct pr_net;

enum pr_recompute { PR_RECOMPUTE_AUTO, PR_RECOMPUTE_ON, PR_RECOMPUTE_OFF };

struct pr_net_lora {
    uint32_t r; /* 0: no LoRA, all parameters are trained */
    double alpha;
    bool rslora;                /* scale alpha/√r instead of alpha/r */
    const char *const *targets; /* as PEFT names them: "q_proj", "v_proj" …; NULL: all seven */
    size_t n_targets;
};

struct pr_net_options {
    /* Matrix products in bf16 (weights rounded from f32 masters, sums f32), everything else f32. */
    bool bf16;
    struct pr_net_lora lora;
    /* Keep only each layer's input and make the rest again on the way back, which takes a third
     * more time; the gradients are the same bits.  Auto: where weights, gradients and activations
     * would pass memory_bytes (0: half of the machine's). */
    enum pr_recompute recompute;
    uint64_t memory_bytes;
    uint64_t seed; /* of what starts at random: a LoRA's A, a new model */
};

/* The weights of a checkpoint opened with `weights`, which is borrowed and must outlive the net. An
 * adapter is continued: its own rank, alpha and modules count, options->lora is ignored, and what
 * it brings whole (modules_to_save) is trained with it.  A new LoRA begins as PEFT's: A uniform in
 * ±1/√in, B zero.  PR_E_USAGE lists the targets that there are; PR_E_UNSUPPORTED names what cannot
 * be trained. */
PR_MUST_CHECK enum pr_code pr_net_open(struct pr_checkpoint *c, const struct pr_net_options *o,
    struct pr_pool *pool, struct pr_net **ret, struct pr_error *e);
/* A new model of this shape: matrices N(0, std²), norms 1, biases 0, by options->seed, the same on
 * every machine and at every number of threads.  std: config.json's initializer_range. */
PR_MUST_CHECK enum pr_code pr_net_new(const struct pr_model_config *config, double std,
    const struct pr_net_options *o, struct pr_pool *pool, struct pr_net **ret, struct pr_error *e);
void pr_net_free(struct pr_net *n);

const struct pr_model_config *pr_net_config(const struct pr_net *n);

/* What is trained, sorted by name; tied weights once, as "model.embed_tokens.weight"; LoRA's as in
 * adapter_model.safetensors ("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"). */
struct pr_param {
    const char *name;
    float *value, *grad;  /* n each */
    size_t n, rows, cols; /* cols 1 and rank 1: a vector */
    uint32_t rank;
};
const struct pr_param *pr_net_params(const struct pr_net *n, size_t *ret_n);
/* The whole blocks that the parameters are views of: *ret_n floats each. */
float *pr_net_values(struct pr_net *n, size_t *ret_n);
float *pr_net_gradients(struct pr_net *n, size_t *ret_n);
void pr_net_zero_gradients(struct pr_net *n);
/* To be called after values were changed, before the next pass. */
void pr_net_changed(struct pr_net *n);
const struct pr_net_lora *pr_net_lora_of(const struct pr_net *n); /* r 0: none */

/* Sequences packed one after the other without padding. */
struct pr_batch {
    const int32_t *ids;     /* (n_rows), each < vocab */
    const int32_t *targets; /* (n_rows): the token that follows, or −100: not counted */
    uint32_t n_rows;
    const uint32_t *starts; /* (n_sequences + 1): first row of each, then n_rows */
    uint32_t n_sequences;
};
struct pr_pass {
    double nll;       /* Σ −ln p over the counted targets; NaN where a number was not finite */
    uint64_t counted; /* of them */
};
/* Forward, and with `scale` > 0 backward (else nothing of the pass is kept): gradients += scale ·
 * ∂nll/∂parameter, so scale 1/counted of the whole batch gives the mean's.  A batch without counted
 * targets changes nothing.  After an error the gradients are to be zeroed.  Results are the same
 * bits at every number of threads. */
PR_MUST_CHECK enum pr_code pr_net_pass(struct pr_net *n, const struct pr_batch *b, double scale,
    struct pr_pass *ret, struct pr_error *e);
/* Bytes held now: weights, gradients, activations. */
uint64_t pr_net_bytes(const struct pr_net *n);

#endif
