/* config.json into numbers, every one of them range-checked so that no product of two can overflow
 * and no missing key is guessed at that transformers would not default. */
#include "model/config.h"

#include <string.h>

#include "base/str.h"
#include "model/config_internal.h"

/* Far above any model, far below where products of three overflow 64 bits. */
#define MAX_WIDTH    (1 << 18)
#define MAX_FF       (1 << 20)
#define MAX_VOCAB    (1 << 22)
#define MAX_HEADS    (1 << 12)
#define MAX_HEAD_DIM (1 << 10)

static enum pr_code unsupported_arch(const char *name, struct pr_error *e)
{
    struct pr_str list = PR_STR_INIT(1024);
    size_t n;
    const struct pr_arch *table = pr_arch_table(&n);
    for (size_t i = 0; i < n; i++)
        pr_str_printf(&list, "%s%s", i ? ", " : "", table[i].name);
    enum pr_code code = pr_fail(e, PR_E_UNSUPPORTED,
        "architecture '%.80s' is not supported (supported: %s)", name, pr_str_cstr(&list));
    pr_str_done(&list);
    return code;
}

static const struct pr_arch *arch_of_type(const char *model_type)
{
    size_t n;
    const struct pr_arch *table = pr_arch_table(&n);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(table[i].model_type, model_type))
            return &table[i];
    return NULL;
}

/* transformers goes by model_type and writes architectures beside it: either alone is enough, but
 * they must not disagree. */
static enum pr_code read_arch(const json_t *config, const struct pr_arch **ret, struct pr_error *e)
{
    const char *type = NULL, *name = NULL;
    enum pr_code code = pr_json_get_str(config, "model_type", false, &type, e);
    if (code)
        return code;
    const json_t *list = json_object_get(config, "architectures");
    if (list && !json_is_null(list)) {
        name = json_string_value(json_array_get(list, 0));
        if (!name)
            return pr_fail(
                e, PR_E_FORMAT, "'architectures' is not an array that begins with a string");
    }
    if (!name && !type)
        return pr_fail(e, PR_E_FORMAT, "'architectures' and 'model_type' are missing");
    *ret = name ? pr_arch_find(name) : arch_of_type(type);
    if (!*ret)
        return unsupported_arch(name ? name : type, e);
    if (type && strcmp(type, (*ret)->model_type))
        return pr_fail(e, PR_E_FORMAT, "'model_type' is '%.80s', expected '%s' for %s", type,
            (*ret)->model_type, (*ret)->name);
    return PR_OK;
}

/* Settings under which the weights or layers are not what the table of architectures says. */
static enum pr_code refuse_others(const json_t *config, struct pr_error *e)
{
    const char *act = "silu", *method = "unknown";
    enum pr_code code = pr_json_get_str(config, "hidden_act", false, &act, e);
    if (code)
        return code;
    if (strcmp(act, "silu") && strcmp(act, "swish"))
        return pr_fail(e, PR_E_UNSUPPORTED, "'hidden_act' is '%.40s', only silu is supported", act);
    const json_t *q = json_object_get(config, "quantization_config");
    if (!q || json_is_null(q))
        return PR_OK;
    const json_t *name = json_object_get(q, "quant_method");
    if (json_is_string(name))
        method = json_string_value(name);
    return pr_fail(e, PR_E_UNSUPPORTED,
        "'quantization_config': weights quantized by '%.40s' are not supported (F32, F16 and BF16 "
        "are)",
        method);
}

/* Reads key into *ret; absent or null leaves it. */
static enum pr_code get_u32(const json_t *config, const char *key, bool required, int64_t max,
    uint32_t *ret, struct pr_error *e)
{
    int64_t x = *ret;
    enum pr_code code = pr_json_get_int(config, key, required, 1, max, &x, e);
    if (!code)
        *ret = (uint32_t)x;
    return code;
}

static enum pr_code read_heads(const json_t *config, struct pr_model_config *c, struct pr_error *e)
{
    enum pr_code code = get_u32(config, "num_attention_heads", true, MAX_HEADS, &c->n_heads, e);
    if (code)
        return code;
    /* A key that is missing takes the class's default, null means derived. */
    if (!json_object_get(config, "num_key_value_heads"))
        c->n_kv_heads = c->arch->default_kv_heads;
    if (!json_object_get(config, "head_dim"))
        c->head_dim = c->arch->default_head_dim;
    if ((code = get_u32(config, "num_key_value_heads", false, MAX_HEADS, &c->n_kv_heads, e)) ||
        (code = get_u32(config, "head_dim", false, MAX_HEAD_DIM, &c->head_dim, e)))
        return code;
    if (!c->n_kv_heads)
        c->n_kv_heads = c->n_heads;
    if (c->n_heads % c->n_kv_heads)
        return pr_fail(e, PR_E_FORMAT,
            "'num_attention_heads' is %u, expected a multiple of num_key_value_heads %u",
            c->n_heads, c->n_kv_heads);
    if (!c->head_dim) {
        if (c->hidden % c->n_heads || c->hidden / c->n_heads > MAX_HEAD_DIM)
            return pr_fail(e, PR_E_FORMAT,
                "'head_dim' is missing and hidden_size %u is not 1 to %d times num_attention_heads "
                "%u",
                c->hidden, MAX_HEAD_DIM, c->n_heads);
        c->head_dim = c->hidden / c->n_heads;
    }
    if (c->head_dim % 2)
        return pr_fail(e, PR_E_FORMAT, "'head_dim' is %u, expected an even number", c->head_dim);
    return PR_OK;
}

static enum pr_code read_shape(const json_t *config, struct pr_model_config *c, struct pr_error *e)
{
    const struct {
        const char *key;
        int64_t max;
        uint32_t *ret;
    } sizes[] = {
        {"hidden_size", MAX_WIDTH, &c->hidden},
        {"intermediate_size", MAX_FF, &c->intermediate},
        {"num_hidden_layers", PR_MAX_LAYERS, &c->n_layers},
        {"vocab_size", MAX_VOCAB, &c->vocab},
    };
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        enum pr_code code = get_u32(config, sizes[i].key, true, sizes[i].max, sizes[i].ret, e);
        if (code)
            return code;
    }
    c->max_position = c->arch->default_max_position;
    double eps = 1e-6;
    enum pr_code code =
        get_u32(config, "max_position_embeddings", false, INT32_MAX, &c->max_position, e);
    if (!code)
        code = pr_json_get_real(config, "rms_norm_eps", false, 0, 1, &eps, e);
    c->rms_eps = (float)eps;
    return code ? code : read_heads(config, c, e);
}

static enum pr_code read_switches(
    const json_t *config, struct pr_model_config *c, struct pr_error *e)
{
    bool attention_bias = false, mlp_bias = false;
    enum pr_code code = PR_OK;
    if (c->arch->attention_bias_key)
        code = pr_json_get_bool(config, "attention_bias", false, &attention_bias, e);
    if (!code && c->arch->mlp_bias_key)
        code = pr_json_get_bool(config, "mlp_bias", false, &mlp_bias, e);
    if (!code)
        code = pr_json_get_bool(config, "tie_word_embeddings", false, &c->tied, e);
    c->tied_given = json_is_boolean(json_object_get(config, "tie_word_embeddings"));
    c->qkv_bias = c->arch->qkv_bias || attention_bias;
    c->o_bias = attention_bias;
    c->mlp_bias = mlp_bias;
    c->qk_norm = c->arch->qk_norm;
    return code;
}

enum pr_code pr_config_token_ids(const json_t *obj, const char *key, int32_t ret[PR_MAX_EOS],
    uint32_t *ret_n, bool *ret_given, struct pr_error *e)
{
    const json_t *v = json_object_get(obj, key);
    bool list = json_is_array(v);
    size_t n = !v || json_is_null(v) ? 0 : list ? json_array_size(v) : 1;
    if (n > PR_MAX_EOS)
        return pr_fail(
            e, PR_E_LIMIT, "'%s' lists %zu ids, at most %d are accepted", key, n, PR_MAX_EOS);
    for (size_t i = 0; i < n; i++) {
        const json_t *x = list ? json_array_get(v, i) : v;
        json_int_t id = json_integer_value(x);
        if (!json_is_integer(x) || id < 0 || id > INT32_MAX)
            return pr_fail(
                e, PR_E_FORMAT, "'%s' is not a token id (0 to 2^31-1) or a list of them", key);
        ret[i] = (int32_t)id;
    }
    *ret_n = (uint32_t)n;
    *ret_given = v != NULL;
    return PR_OK;
}

static enum pr_code read_tokens(const json_t *config, struct pr_model_config *c, struct pr_error *e)
{
    int32_t bos[PR_MAX_EOS];
    uint32_t n_bos;
    bool given;
    enum pr_code code = pr_config_token_ids(config, "bos_token_id", bos, &n_bos, &given, e);
    if (code)
        return code;
    c->bos = n_bos ? bos[0] : given ? -1 : c->arch->default_bos;
    if ((code = pr_config_token_ids(config, "eos_token_id", c->eos, &c->n_eos, &given, e)))
        return code;
    if (!given && c->arch->default_eos >= 0) {
        c->eos[0] = c->arch->default_eos;
        c->n_eos = 1;
    }
    return PR_OK;
}

enum pr_code pr_model_config_parse(
    const json_t *config, struct pr_model_config *ret, struct pr_notes *notes, struct pr_error *e)
{
    struct pr_model_config c = {.bos = -1};
    if (!json_is_object(config))
        return pr_fail(e, PR_E_FORMAT, "%s, an object was expected", pr_json_type_name(config));
    enum pr_code code = read_arch(config, &c.arch, e);
    if (!code)
        code = refuse_others(config, e);
    if (!code)
        code = read_shape(config, &c, e);
    if (!code)
        code = read_switches(config, &c, e);
    if (!code)
        code = pr_config_rope(config, &c, e);
    if (!code)
        code = pr_config_windows(config, &c, e);
    if (!code)
        code = read_tokens(config, &c, e);
    if (code)
        return code;
    for (uint32_t i = 0; i < c.n_eos; i++)
        if (c.eos[i] >= (int64_t)c.vocab)
            pr_notes_add(notes, "config.json: 'eos_token_id' %d is outside the vocabulary of %u",
                c.eos[i], c.vocab);
    *ret = c;
    return PR_OK;
}
