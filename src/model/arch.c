/* The architectures that proctor knows, and the tensors that a model of each has. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/config.h"

/* clang-format off */
static const struct pr_arch table[] = {
    {.name = "Qwen3ForCausalLM", .model_type = "qwen3", .qk_norm = true, .attention_bias_key = true,
        .layer_window_keys = true, .default_kv_heads = 32, .default_head_dim = 128,
        .default_max_position = 32768, .default_window = 4096, .default_window_layer = 28,
        .default_bos = -1, .default_eos = -1},
    {.name = "Qwen2ForCausalLM", .model_type = "qwen2", .qkv_bias = true,
        .layer_window_keys = true, .default_kv_heads = 32,
        .default_max_position = 32768, .default_window = 4096, .default_window_layer = 28,
        .default_bos = -1, .default_eos = -1},
    {.name = "LlamaForCausalLM", .model_type = "llama", .attention_bias_key = true,
        .mlp_bias_key = true, .default_max_position = 2048, .default_bos = 1, .default_eos = 2},
    {.name = "MistralForCausalLM", .model_type = "mistral", .sliding_window_key = true,
        .default_kv_heads = 8, .default_max_position = 131072, .default_window = 4096,
        .default_bos = 1, .default_eos = 2},
};
/* clang-format on */

const struct pr_arch *pr_arch_table(size_t *ret_n)
{
    *ret_n = sizeof table / sizeof *table;
    return table;
}

const struct pr_arch *pr_arch_find(const char *name)
{
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (!strcmp(table[i].name, name))
            return &table[i];
    return NULL;
}

/* The size of a tensor's dimension, by what it spans. */
enum dim { DIM_NONE, DIM_HIDDEN, DIM_VOCAB, DIM_FF, DIM_Q, DIM_KV, DIM_HEAD };

static uint64_t extent(const struct pr_model_config *c, enum dim d)
{
    const uint64_t sizes[] = {[DIM_NONE] = 1,
        [DIM_HIDDEN] = c->hidden,
        [DIM_VOCAB] = c->vocab,
        [DIM_FF] = c->intermediate,
        [DIM_Q] = (uint64_t)c->n_heads * c->head_dim,
        [DIM_KV] = (uint64_t)c->n_kv_heads * c->head_dim,
        [DIM_HEAD] = c->head_dim};
    return sizes[d];
}

/* Which switch of the configuration a tensor depends on. */
enum when { ALWAYS, QKV_BIAS, O_BIAS, MLP_BIAS, QK_NORM, UNTIED };

static bool holds(const struct pr_model_config *c, enum when w)
{
    const bool on[] = {[ALWAYS] = true,
        [QKV_BIAS] = c->qkv_bias,
        [O_BIAS] = c->o_bias,
        [MLP_BIAS] = c->mlp_bias,
        [QK_NORM] = c->qk_norm,
        [UNTIED] = !c->tied};
    return on[w];
}

struct part {
    const char *name;
    enum dim rows, cols; /* cols DIM_NONE: one dimension */
    enum when when;
};

static const struct part whole[] = {
    {"lm_head.weight", DIM_VOCAB, DIM_HIDDEN, UNTIED},
    {"model.embed_tokens.weight", DIM_VOCAB, DIM_HIDDEN, ALWAYS},
    {"model.norm.weight", DIM_HIDDEN, DIM_NONE, ALWAYS},
};

static const struct part layer[] = {
    {"input_layernorm.weight", DIM_HIDDEN, DIM_NONE, ALWAYS},
    {"mlp.down_proj.bias", DIM_HIDDEN, DIM_NONE, MLP_BIAS},
    {"mlp.down_proj.weight", DIM_HIDDEN, DIM_FF, ALWAYS},
    {"mlp.gate_proj.bias", DIM_FF, DIM_NONE, MLP_BIAS},
    {"mlp.gate_proj.weight", DIM_FF, DIM_HIDDEN, ALWAYS},
    {"mlp.up_proj.bias", DIM_FF, DIM_NONE, MLP_BIAS},
    {"mlp.up_proj.weight", DIM_FF, DIM_HIDDEN, ALWAYS},
    {"post_attention_layernorm.weight", DIM_HIDDEN, DIM_NONE, ALWAYS},
    {"self_attn.k_norm.weight", DIM_HEAD, DIM_NONE, QK_NORM},
    {"self_attn.k_proj.bias", DIM_KV, DIM_NONE, QKV_BIAS},
    {"self_attn.k_proj.weight", DIM_KV, DIM_HIDDEN, ALWAYS},
    {"self_attn.o_proj.bias", DIM_HIDDEN, DIM_NONE, O_BIAS},
    {"self_attn.o_proj.weight", DIM_HIDDEN, DIM_Q, ALWAYS},
    {"self_attn.q_norm.weight", DIM_HEAD, DIM_NONE, QK_NORM},
    {"self_attn.q_proj.bias", DIM_Q, DIM_NONE, QKV_BIAS},
    {"self_attn.q_proj.weight", DIM_Q, DIM_HIDDEN, ALWAYS},
    {"self_attn.v_proj.bias", DIM_KV, DIM_NONE, QKV_BIAS},
    {"self_attn.v_proj.weight", DIM_KV, DIM_HIDDEN, ALWAYS},
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

static struct pr_tensor_spec spec_of(const struct pr_model_config *c, const struct part *p)
{
    return (struct pr_tensor_spec){
        .rank = p->cols == DIM_NONE ? 1 : 2, .shape = {extent(c, p->rows), extent(c, p->cols)}};
}

static int by_name(const void *a, const void *b)
{
    return strcmp(
        ((const struct pr_tensor_spec *)a)->name, ((const struct pr_tensor_spec *)b)->name);
}

void pr_model_config_tensors(
    const struct pr_model_config *c, struct pr_tensor_spec **ret, size_t *ret_n)
{
    /* At most PR_MAX_LAYERS layers: a bounded size, whatever the file says. */
    struct pr_tensor_spec *v = pr_alloc((COUNT(whole) + c->n_layers * COUNT(layer)) * sizeof *v);
    size_t n = 0;
    for (size_t i = 0; i < COUNT(whole); i++) {
        if (!holds(c, whole[i].when))
            continue;
        v[n] = spec_of(c, &whole[i]);
        snprintf(v[n++].name, sizeof v->name, "%s", whole[i].name);
    }
    for (uint32_t l = 0; l < c->n_layers; l++) {
        for (size_t i = 0; i < COUNT(layer); i++) {
            if (!holds(c, layer[i].when))
                continue;
            v[n] = spec_of(c, &layer[i]);
            snprintf(v[n++].name, sizeof v->name, "model.layers.%u.%s", l, layer[i].name);
        }
    }
    qsort(v, n, sizeof *v, by_name);
    *ret = v;
    *ret_n = n;
}

const struct pr_tensor_spec *pr_tensor_spec_find(
    const struct pr_tensor_spec *v, size_t n, const char *name)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(name, v[mid].name);
        if (!c)
            return &v[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

uint64_t pr_model_config_parameters(const struct pr_model_config *c)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < COUNT(whole); i++)
        if (holds(c, whole[i].when))
            sum += extent(c, whole[i].rows) * extent(c, whole[i].cols);
    for (size_t i = 0; i < COUNT(layer); i++)
        if (holds(c, layer[i].when))
            sum += c->n_layers * extent(c, layer[i].rows) * extent(c, layer[i].cols);
    return sum;
}
