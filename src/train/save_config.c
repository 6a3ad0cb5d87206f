/* The JSON beside the weights: config.json as the source had it, but for what is saved otherwise;
 * generation_config.json where there was none. */
#include <string.h>

#include "base/alloc.h"
#include "train/save_internal.h"

/* How transformers names the types. */
static const char *dtype_name(enum pr_dtype t)
{
    static const struct {
        enum pr_dtype dtype;
        const char *name;
    } names[] = {{PR_F32, "float32"}, {PR_BF16, "bfloat16"}, {PR_F16, "float16"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (names[i].dtype == t)
            return names[i].name;
    return NULL;
}

/* "torch_dtype" is what all versions of transformers read, "dtype" what newer ones write: what the
 * source has is kept. */
static enum pr_code set_dtype(json_t *config, enum pr_dtype dtype, struct pr_error *e)
{
    const char *name = dtype_name(dtype);
    bool newer = json_object_get(config, "dtype") != NULL;
    if (!name)
        return pr_fail(e, PR_E_UNSUPPORTED, "weights cannot be saved as %s", pr_dtype_name(dtype));
    if (newer)
        pr_json_set_str(config, "dtype", name);
    if (!newer || json_object_get(config, "torch_dtype"))
        pr_json_set_str(config, "torch_dtype", name);
    return PR_OK;
}

static void set_arch(json_t *config, const struct pr_model_config *c)
{
    if (!json_is_array(json_object_get(config, "architectures"))) {
        json_t *list = json_array();
        json_array_append_new(list, json_string(c->arch->name));
        json_object_set_new(config, "architectures", list);
    }
    if (!json_is_string(json_object_get(config, "model_type")))
        pr_json_set_str(config, "model_type", c->arch->model_type);
}

static bool lacks(const json_t *config, const char *key)
{
    const json_t *v = json_object_get(config, key);
    return !v || json_is_null(v);
}

/* What a new model's file leaves to defaults, said outright: converters know them less well than
 * transformers does. */
static void complete(json_t *config, const struct pr_model_config *c, int32_t end_of_turn)
{
    const struct {
        const char *key;
        int64_t value;
    } numbers[] = {
        {"num_key_value_heads", c->n_kv_heads},
        {"head_dim", c->head_dim},
        {"max_position_embeddings", c->max_position},
    };
    const struct {
        const char *key;
        double value;
    } reals[] = {{"rms_norm_eps", 1e-6}, {"initializer_range", 0.02}, {"attention_dropout", 0}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (lacks(config, numbers[i].key))
            pr_json_set_int(config, numbers[i].key, numbers[i].value);
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        if (lacks(config, reals[i].key))
            pr_json_set_real(config, reals[i].key, reals[i].value, NULL);
    if (lacks(config, "hidden_act"))
        pr_json_set_str(config, "hidden_act", "silu");
    if (lacks(config, "rope_theta") && lacks(config, "rope_parameters"))
        pr_json_set_real(config, "rope_theta", c->rope.theta, NULL);
    if (lacks(config, "use_cache"))
        pr_json_set_bool(config, "use_cache", true);
    if (c->arch->attention_bias_key && lacks(config, "attention_bias"))
        pr_json_set_bool(config, "attention_bias", false);
    if (c->arch->mlp_bias_key && lacks(config, "mlp_bias"))
        pr_json_set_bool(config, "mlp_bias", false);
    if (end_of_turn >= 0 && !json_object_get(config, "eos_token_id"))
        pr_json_set_int(config, "eos_token_id", end_of_turn);
}

static void add_id(json_t *list, int64_t id)
{
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_integer_value(json_array_get(list, i)) == id)
            return;
    json_array_append_new(list, json_integer(id));
}

/* Generation ends where answers ended in training, and where config.json says. */
static enum pr_code write_generation(
    const json_t *config, int32_t end_of_turn, int dir_fd, struct pr_error *e)
{
    const json_t *given = json_object_get(config, "eos_token_id");
    const json_t *bos = json_object_get(config, "bos_token_id");
    json_t *ids = json_array(), *generation = json_object();
    enum pr_code code = PR_OK;
    if (end_of_turn >= 0)
        add_id(ids, end_of_turn);
    if (json_is_integer(given))
        add_id(ids, json_integer_value(given));
    for (size_t i = 0; i < json_array_size(given); i++)
        if (json_is_integer(json_array_get(given, i)))
            add_id(ids, json_integer_value(json_array_get(given, i)));
    if (json_is_integer(bos))
        pr_json_set_int(generation, "bos_token_id", json_integer_value(bos));
    if (json_array_size(ids) == 1)
        json_object_set(generation, "eos_token_id", json_array_get(ids, 0));
    else
        json_object_set(generation, "eos_token_id", ids);
    if (json_array_size(ids))
        code = pr_save_write_json(
            dir_fd, "generation_config.json", generation, PR_SAVE_JSON_MAX, NULL, e);
    json_decref(ids);
    json_decref(generation);
    return code;
}

enum pr_code pr_save_config(const struct pr_save *s, int dir_fd, struct pr_error *e)
{
    const struct pr_model_config *c = pr_net_config(s->net);
    if (pr_save_is_adapter(s->net))
        return pr_save_adapter_config(s, dir_fd, e);
    json_t *config = json_copy(s->source->config); /* whose own values alone are changed */
    set_arch(config, c);
    if (s->source->is_new)
        complete(config, c, s->end_of_turn);
    /* Older files leave it out, and it tells whether a head is to be looked for. */
    pr_json_set_bool(config, "tie_word_embeddings", c->tied);
    enum pr_code code = set_dtype(config, s->dtype, e);
    if (!code)
        code = pr_save_write_json(dir_fd, "config.json", config, PR_SAVE_JSON_MAX, NULL, e);
    if (!code && !s->source->generation)
        code = write_generation(config, s->end_of_turn, dir_fd, e);
    json_decref(config);
    return code;
}
