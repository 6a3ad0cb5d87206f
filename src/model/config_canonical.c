/* The configuration as it was understood, in one fixed form (docs/fingerprint.md). */
#include "model/config.h"

static const char *const rope_names[] = {
    [PR_ROPE_DEFAULT] = "default", [PR_ROPE_LINEAR] = "linear", [PR_ROPE_LLAMA3] = "llama3"};

static json_t *rope_json(const struct pr_rope *r)
{
    json_t *o = json_object();
    pr_json_set_str(o, "rope_type", rope_names[r->type]);
    pr_json_set_real(o, "rope_theta", r->theta, NULL);
    if (r->type != PR_ROPE_DEFAULT)
        pr_json_set_real(o, "factor", r->factor, NULL);
    if (r->type == PR_ROPE_LLAMA3) {
        pr_json_set_real(o, "low_freq_factor", r->low_freq_factor, NULL);
        pr_json_set_real(o, "high_freq_factor", r->high_freq_factor, NULL);
        pr_json_set_real(o, "original_max_position_embeddings", r->original_max_position, NULL);
    }
    return o;
}

json_t *pr_model_config_canonical(const struct pr_model_config *c)
{
    json_t *o = json_object(), *windows = json_array(), *eos = json_array();
    pr_json_set_str(o, "architecture", c->arch->name);
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {
        {"num_hidden_layers", c->n_layers},
        {"hidden_size", c->hidden},
        {"num_attention_heads", c->n_heads},
        {"num_key_value_heads", c->n_kv_heads},
        {"head_dim", c->head_dim},
        {"intermediate_size", c->intermediate},
        {"vocab_size", c->vocab},
        {"max_position_embeddings", c->max_position},
        {"bos_token_id", c->bos},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        pr_json_set_int(o, numbers[i].key, numbers[i].value);
    pr_json_set_real(o, "rms_norm_eps", (double)c->rms_eps, NULL);
    pr_json_set_bool(o, "tie_word_embeddings", c->tied);
    pr_json_set_bool(o, "qkv_bias", c->qkv_bias);
    pr_json_set_bool(o, "o_bias", c->o_bias);
    pr_json_set_bool(o, "mlp_bias", c->mlp_bias);
    pr_json_set_bool(o, "qk_norm", c->qk_norm);
    pr_json_set(o, "rope", rope_json(&c->rope));
    for (uint32_t i = 0; i < c->n_layers; i++)
        json_array_append_new(windows, json_integer(c->window[i]));
    pr_json_set(o, "windows", windows);
    for (uint32_t i = 0; i < c->n_eos; i++)
        json_array_append_new(eos, json_integer(c->eos[i]));
    pr_json_set(o, "eos_token_id", eos);
    return o;
}
