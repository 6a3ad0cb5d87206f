/* adapter_config.json: what of PEFT's LoraConfig proctor applies, and what it refuses by name
 * because it would change the result. */
#include <string.h>

#include "base/alloc.h"
#include "model/adapter.h"

/* What a setting may be. */
enum rule {
    READ,   /* read below */
    FREE,   /* says how it was trained, not what it computes */
    ABSENT, /* must be missing, null, false, or empty */
};

static const struct {
    const char *key;
    enum rule rule;
} settings[] = {
    {"peft_type", READ},
    {"r", READ},
    {"lora_alpha", READ},
    {"use_rslora", READ},
    {"rank_pattern", READ},
    {"alpha_pattern", READ},
    {"modules_to_save", READ},
    {"target_modules", READ},
    {"layers_to_transform", READ},
    {"exclude_modules", READ},
    {"base_model_name_or_path", READ},
    {"revision", READ},
    {"bias", READ},
    {"init_lora_weights", READ},
    {"task_type", READ},
    {"ensure_weight_tying", READ},
    {"lora_dropout", FREE},
    {"inference_mode", FREE},
    {"auto_mapping", FREE},
    {"layers_pattern", FREE},
    {"eva_config", FREE},
    {"corda_config", FREE},
    {"loftq_config", FREE},
    {"lora_ga_config", FREE},
    {"qalora_group_size", FREE},
    {"peft_version", FREE},
    {"megatron_core", FREE},
    {"use_dora", ABSENT},
    {"fan_in_fan_out", ABSENT},
    {"lora_bias", ABSENT},
    {"use_qalora", ABSENT},
    {"use_bdlora", ABSENT},
    {"megatron_config", ABSENT},
    {"layer_replication", ABSENT},
    {"trainable_token_indices", ABSENT},
    {"target_parameters", ABSENT},
    {"alora_invocation_tokens", ABSENT},
    {"arrow_config", ABSENT},
};

static bool nothing(const json_t *v)
{
    return !v || json_is_null(v) || json_is_false(v) || (json_is_array(v) && !json_array_size(v)) ||
           (json_is_object(v) && !json_object_size(v));
}

static enum pr_code check_keys(const json_t *root, struct pr_notes *notes, struct pr_error *e)
{
    const char *key;
    json_t *v;
    json_object_foreach ((json_t *)root, key, v) {
        size_t i = 0, n = sizeof settings / sizeof *settings;
        while (i < n && strcmp(settings[i].key, key))
            i++;
        if (i == n && !nothing(v))
            pr_notes_add(notes, "adapter_config.json: '%.80s' is not known and not used", key);
        if (i < n && settings[i].rule == ABSENT && !nothing(v))
            return pr_fail(e, PR_E_UNSUPPORTED,
                "'%s' is set: adapters with it are not supported (plain LoRA is: r, lora_alpha, "
                "use_rslora, rank_pattern, alpha_pattern, modules_to_save)",
                key);
    }
    return PR_OK;
}

/* Ways to begin that leave the base's weights alone.  Others (pissa, olora, loftq, corda, lora_ga)
 * subtract from them, so that the saved adapter belongs to weights that nobody saved. */
static enum pr_code check_init(const json_t *v, struct pr_error *e)
{
    static const char *const harmless[] = {"gaussian", "eva", "orthogonal"};
    if (!v || json_is_null(v) || json_is_boolean(v))
        return PR_OK;
    const char *s = json_string_value(v);
    for (size_t i = 0; s && i < sizeof harmless / sizeof *harmless; i++)
        if (!strcmp(s, harmless[i]))
            return PR_OK;
    return pr_fail(e, PR_E_UNSUPPORTED,
        "'init_lora_weights' is %.40s: it changes the base's weights at the start; adapters "
        "converted to "
        "plain LoRA when saved are supported (path_initial_model_for_weight_conversion)",
        s ? s : pr_json_type_name(v));
}

static enum pr_code check_kind(const json_t *root, struct pr_error *e)
{
    const char *type = NULL, *bias = "none", *task = "CAUSAL_LM";
    enum pr_code code = pr_json_get_str(root, "peft_type", true, &type, e);
    if (!code)
        code = pr_json_get_str(root, "bias", false, &bias, e);
    if (!code)
        code = pr_json_get_str(root, "task_type", false, &task, e);
    if (code)
        return code;
    if (strcmp(type, "LORA"))
        return pr_fail(
            e, PR_E_UNSUPPORTED, "'peft_type' %.40s is not supported (supported: LORA)", type);
    if (strcmp(bias, "none"))
        return pr_fail(e, PR_E_UNSUPPORTED,
            "'bias' is %.40s: adapters that train biases are not supported (none is)", bias);
    if (strcmp(task, "CAUSAL_LM"))
        return pr_fail(
            e, PR_E_UNSUPPORTED, "'task_type' %.40s is not supported (supported: CAUSAL_LM)", task);
    return check_init(json_object_get(root, "init_lora_weights"), e);
}

/* An object of numbers > 0, or nothing. */
static enum pr_code read_pattern(
    const json_t *root, const char *key, const json_t **ret, struct pr_error *e)
{
    const json_t *v = json_object_get(root, key);
    const char *name;
    json_t *x;
    if (nothing(v))
        return PR_OK;
    if (!json_is_object(v))
        return pr_fail(
            e, PR_E_FORMAT, "'%s' is %s, an object was expected", key, pr_json_type_name(v));
    json_object_foreach ((json_t *)v, name, x)
        if (!json_is_number(x) || !(json_number_value(x) > 0))
            return pr_fail(e, PR_E_FORMAT, "'%s': '%.80s' is not a number above 0", key, name);
    *ret = v;
    return pr_adapter_pattern_check(v, key, e);
}

/* A list of strings, or nothing; a string alone where `or_string`. */
static enum pr_code read_names(
    const json_t *root, const char *key, bool or_string, const json_t **ret, struct pr_error *e)
{
    const json_t *v = json_object_get(root, key);
    if (nothing(v))
        return PR_OK;
    bool ok = json_is_array(v) || (or_string && json_is_string(v));
    for (size_t i = 0; json_is_array(v) && i < json_array_size(v); i++)
        ok = ok && json_is_string(json_array_get(v, i));
    if (!ok)
        return pr_fail(e, PR_E_FORMAT, "'%s' is not a list of module names", key);
    *ret = v;
    return PR_OK;
}

static enum pr_code read_numbers(struct pr_adapter_settings *s, struct pr_error *e)
{
    enum pr_code code = pr_json_get_int(s->root, "r", false, 1, 65536, &s->r, e);
    if (!code)
        code = pr_json_get_real(s->root, "lora_alpha", false, -1e6, 1e6, &s->alpha, e);
    if (!code)
        code = pr_json_get_bool(s->root, "use_rslora", false, &s->rslora, e);
    if (!code)
        code = pr_json_get_bool(s->root, "ensure_weight_tying", false, &s->tie_saved, e);
    if (!code)
        code = pr_json_get_str(s->root, "base_model_name_or_path", false, &s->base, e);
    if (!code)
        code = pr_json_get_str(s->root, "revision", false, &s->revision, e);
    if (!code)
        code = read_pattern(s->root, "rank_pattern", &s->rank_pattern, e);
    if (!code)
        code = read_pattern(s->root, "alpha_pattern", &s->alpha_pattern, e);
    if (!code)
        code = read_names(s->root, "modules_to_save", false, &s->modules_to_save, e);
    if (!code)
        code = read_names(s->root, "target_modules", true, &s->target_modules, e);
    const json_t *layers = json_object_get(s->root, "layers_to_transform");
    s->all_layers =
        (!layers || json_is_null(layers)) && nothing(json_object_get(s->root, "exclude_modules"));
    return code;
}

enum pr_code pr_adapter_settings_parse(
    json_t *root, struct pr_adapter_settings *ret, struct pr_notes *notes, struct pr_error *e)
{
    struct pr_adapter_settings s = {.r = 8, .alpha = 8, .root = root}; /* as LoraConfig's */
    enum pr_code code = PR_OK;
    if (!json_is_object(root))
        code = pr_fail(e, PR_E_FORMAT, "%s, an object was expected", pr_json_type_name(root));
    if (!code)
        code = check_kind(root, e);
    if (!code)
        code = check_keys(root, notes, e);
    if (!code)
        code = read_numbers(&s, e);
    if (code)
        pr_adapter_settings_done(&s);
    else
        *ret = s;
    return code;
}

enum pr_code pr_adapter_settings_read(struct pr_folder *f, struct pr_adapter_settings *ret,
    struct pr_notes *notes, struct pr_error *e)
{
    static const char name[] = "adapter_config.json";
    json_t *root;
    enum pr_code code = pr_folder_json(f, name, PR_CONFIG_MAX, PR_JSON_STRICT, &root, e);
    if (code)
        return code;
    if (!root)
        return pr_fail(e, PR_E_INCOMPLETE, "%s is not there yet", name);
    code = pr_adapter_settings_parse(root, ret, notes, e);
    return code ? pr_wrap(e, code, "%s", name) : PR_OK;
}

void pr_adapter_settings_done(struct pr_adapter_settings *s)
{
    json_decref(s->root);
    *s = (struct pr_adapter_settings){0};
}
