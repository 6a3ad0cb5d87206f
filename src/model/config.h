/* A model's shape: config.json read into numbers, through the table of architectures.
 *
 * To add an architecture whose layers are made of the parts below: a line in the table in arch.c,
 * its test fixture, and its name in README.md.
 */
#ifndef PR_MODEL_CONFIG_H
#define PR_MODEL_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "model/tokenizer.h" /* struct pr_notes */

enum pr_rope_type { PR_ROPE_DEFAULT, PR_ROPE_LINEAR, PR_ROPE_LLAMA3 };

struct pr_rope {
    enum pr_rope_type type;
    double theta;
    double factor;                            /* linear, llama3 */
    double low_freq_factor, high_freq_factor; /* llama3 */
    double original_max_position;             /* llama3 */
};

/* What distinguishes one architecture from another. */
struct pr_arch {
    const char *name;        /* as in config.json "architectures": "Qwen3ForCausalLM" */
    const char *model_type;  /* "qwen3" */
    bool qk_norm;            /* RMSNorm over head_dim on q and k before rotation */
    bool qkv_bias;           /* biases on q, k, v whatever config.json says */
    bool attention_bias_key; /* obeys "attention_bias" (q, k, v and o) */
    bool mlp_bias_key;       /* obeys "mlp_bias" */
    bool sliding_window_key; /* obeys "sliding_window" on every layer where it is a number */
    bool layer_window_keys;  /* obeys "use_sliding_window", "max_window_layers", "layer_types" */
    /* What transformers' configuration class assumes where config.json lacks the key. */
    uint32_t default_kv_heads; /* 0: as many as heads */
    uint32_t default_head_dim; /* 0: hidden / heads */
    uint32_t default_max_position;
    uint32_t default_window;          /* "sliding_window" */
    uint32_t default_window_layer;    /* "max_window_layers" */
    int32_t default_bos, default_eos; /* -1: none */
};
const struct pr_arch *pr_arch_table(size_t *ret_n);
const struct pr_arch *pr_arch_find(const char *name);

#define PR_MAX_LAYERS 512
#define PR_MAX_EOS    16

struct pr_model_config {
    const struct pr_arch *arch;
    uint32_t n_layers, hidden, n_heads, n_kv_heads, head_dim, intermediate, vocab;
    uint32_t max_position;
    float rms_eps;
    struct pr_rope rope;
    bool tied;       /* lm_head shares the embedding's weights */
    bool tied_given; /* config.json says so itself; else `tied` is the class's default, false */
    bool qkv_bias, o_bias, mlp_bias, qk_norm;
    uint32_t window[PR_MAX_LAYERS]; /* keys a query sees, itself included; 0 = all */
    int32_t bos;                    /* -1: none */
    int32_t eos[PR_MAX_EOS];        /* of config.json; generation_config.json's go before them */
    uint32_t n_eos;
};

/* Reads config.json's object (older and newer styles: rope_theta or rope_parameters, torch_dtype or
 * dtype).  Every number is range-checked; heads must be a multiple of kv heads; an unsupported
 * architecture, activation or rope type is PR_E_UNSUPPORTED by name with the list of those
 * supported. */
PR_MUST_CHECK enum pr_code pr_model_config_parse(
    const json_t *config, struct pr_model_config *ret, struct pr_notes *notes, struct pr_error *e);

/* The configuration as JSON of what was understood, for the fingerprint: the same for the older and
 * the newer style, and for keys left out where they hold their defaults.  A new reference. */
json_t *pr_model_config_canonical(const struct pr_model_config *c);

/* A tensor that a model of this shape has. */
struct pr_tensor_spec {
    char name[96];
    uint32_t rank; /* 1 or 2 */
    uint64_t shape[2];
};
/* All of them, lm_head.weight only where it is not tied, sorted by name; *ret is the caller's
 * (pr_free). */
void pr_model_config_tensors(
    const struct pr_model_config *c, struct pr_tensor_spec **ret, size_t *ret_n);
/* The one of that name in a sorted list, or NULL. */
const struct pr_tensor_spec *pr_tensor_spec_find(
    const struct pr_tensor_spec *v, size_t n, const char *name);

/* Number of parameters of this shape (the tied head counted once). */
uint64_t pr_model_config_parameters(const struct pr_model_config *c);

#endif
