/* adapter_config.json, as PEFT writes it. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "train/save_internal.h"

bool pr_save_is_adapter(const struct pr_net *net)
{
    const struct pr_net_lora *lora = pr_net_lora_of(net);
    return lora && lora->r > 0;
}

/* "Qwen/Qwen3-0.6B" and the revision of …/models--Qwen--Qwen3-0.6B/snapshots/<revision>. */
static bool cache_name(const char *path, char **ret_name, char **ret_revision)
{
    static const char mark[] = "/models--", below[] = "/snapshots/";
    const char *name = NULL, *revision;
    for (const char *p = path; (p = strstr(p, mark)); p += strlen(mark))
        name = p + strlen(mark);
    revision = name ? strchr(name, '/') : NULL;
    if (!revision || strncmp(revision, below, strlen(below)) ||
        strchr(revision + strlen(below), '/') || !revision[strlen(below)])
        return false;
    char *plain = pr_strndup(name, (size_t)(revision - name));
    char *dashes = strstr(plain, "--");
    if (dashes) { /* between owner and name; neither may hold two dashes */
        *dashes = '/';
        memmove(dashes + 1, dashes + 2, strlen(dashes + 2) + 1);
    }
    *ret_name = plain;
    *ret_revision = pr_strdup(revision + strlen(below));
    return true;
}

static void set_base(const struct pr_save *s, json_t *config)
{
    static const char key[] = "base_model_name_or_path";
    const char *place = s->source->place;
    char *name, *revision;
    if (s->base_model) {
        pr_json_set_str(config, key, s->base_model);
    } else if (cache_name(place, &name, &revision)) {
        pr_json_set_str(config, key, name);
        pr_json_set_str(config, "revision", revision);
        pr_free(name);
        pr_free(revision);
    } else {
        pr_json_set_str(config, key, place);
    }
}

static json_t *target_list(const struct pr_net_lora *lora)
{
    static const char *const all[] = {
        "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};
    json_t *list = json_array();
    const char *const *names = lora->targets ? lora->targets : all;
    size_t n = lora->targets ? lora->n_targets : sizeof all / sizeof *all;
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_string(names[i]));
    return list;
}

/* The keys that PEFT has written since rank_pattern came, so that older versions, which take no
 * unknown ones, read it as well. */
static json_t *fresh(const struct pr_save *s)
{
    static const char *const nulls[] = {"auto_mapping", "layers_pattern", "layers_to_transform",
        "megatron_config", "modules_to_save", "revision"};
    const struct pr_net_lora *lora = pr_net_lora_of(s->net);
    json_t *c = json_object();
    pr_json_set(c, "alpha_pattern", json_object());
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        json_object_set_new(c, nulls[i], json_null());
    pr_json_set_str(c, "bias", "none");
    pr_json_set_bool(c, "fan_in_fan_out", false);
    pr_json_set_bool(c, "inference_mode", true);
    pr_json_set_bool(c, "init_lora_weights", true);
    pr_json_set(c, "loftq_config", json_object());
    if (lora->alpha == floor(lora->alpha)) /* vLLM wants a whole number */
        pr_json_set_int(c, "lora_alpha", (int64_t)lora->alpha);
    else
        pr_json_set_real(c, "lora_alpha", lora->alpha, NULL);
    pr_json_set_real(c, "lora_dropout", 0, NULL);
    pr_json_set_str(c, "megatron_core", "megatron.core");
    pr_json_set_str(c, "peft_type", "LORA");
    pr_json_set_int(c, "r", lora->r);
    pr_json_set(c, "rank_pattern", json_object());
    pr_json_set(c, "target_modules", target_list(lora));
    pr_json_set_str(c, "task_type", "CAUSAL_LM");
    pr_json_set_bool(c, "use_rslora", lora->rslora);
    set_base(s, c);
    return c;
}

/* An adapter that is continued keeps its settings. */
static json_t *continued(const struct pr_save *s)
{
    json_t *c = json_copy(s->source->adapter);
    pr_json_set_bool(c, "inference_mode", true);
    if (s->base_model)
        set_base(s, c);
    return c;
}

enum pr_code pr_save_adapter_config(const struct pr_save *s, int dir_fd, struct pr_error *e)
{
    json_t *config = s->source->adapter ? continued(s) : fresh(s);
    enum pr_code code =
        pr_save_write_json(dir_fd, "adapter_config.json", config, PR_SAVE_JSON_MAX, NULL, e);
    json_decref(config);
    return code;
}
