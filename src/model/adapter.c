/* An adapter folder opened over its base, which stays mapped as it is. */
#include "model/adapter.h"

#include <string.h>

#include "base/alloc.h"

/* Opens the base named by the options or the settings as a checkpoint of its own. */
static enum pr_code open_base(
    struct pr_checkpoint *c, const struct pr_checkpoint_options *o, struct pr_error *e)
{
    char *path;
    enum pr_code code = pr_adapter_find_base(&c->adapter->settings, o, &path, e);
    if (code)
        return code;
    struct pr_checkpoint_options base = {
        .weights = o->weights, .scan = o->scan, .pool = o->pool, .stop = o->stop};
    code = pr_checkpoint_open(path, &base, &c->base, e);
    if (!code && c->base->adapter)
        code = pr_fail(e, PR_E_UNSUPPORTED,
            "%s is an adapter itself, adapters over adapters are not supported",
            c->base->folder.name);
    if (code)
        code = pr_wrap(e, code, "base model");
    pr_free(path);
    return code;
}

static void pass_on_notes(struct pr_checkpoint *c)
{
    for (size_t i = 0; i < c->base->notes.n; i++)
        pr_notes_add(&c->notes, "base model: %s", c->base->notes.v[i]);
    for (size_t i = 0; i < c->base->bad_weights.n; i++)
        pr_notes_add(&c->bad_weights, "%s", c->base->bad_weights.v[i]);
}

enum pr_code pr_adapter_open(
    struct pr_checkpoint *c, const struct pr_checkpoint_options *o, struct pr_error *e)
{
    c->adapter = pr_zalloc(sizeof *c->adapter);
    enum pr_code code = pr_adapter_settings_read(&c->folder, &c->adapter->settings, &c->notes, e);
    if (!code)
        code = pr_texts_read(&c->folder, &c->texts, &c->notes, e);
    if (code)
        return code;
    code = open_base(c, o, e);
    /* For the tokenizer and template alone the adapter's own files are enough. */
    if (code == PR_E_NOT_FOUND && !o->weights && pr_folder_has(&c->folder, "tokenizer.json"))
        return PR_OK;
    if (code)
        return code;
    pass_on_notes(c);
    c->has_config = c->base->has_config;
    c->config = c->base->config;
    if (!o->weights)
        return PR_OK;
    code = pr_weights_open(
        &c->folder, "adapter_model.safetensors", NULL, true, &c->weights, &c->notes, e);
    if (!code && (code = pr_adapter_place(c->adapter, &c->weights, &c->config, &c->notes, e)))
        code = pr_wrap(e, code, "adapter_model.safetensors");
    c->has_weights = !code;
    return code;
}

void pr_adapter_free(struct pr_adapter *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n_modules; i++)
        pr_free(a->modules[i].name);
    for (size_t i = 0; i < a->n_saved; i++)
        pr_free(a->saved[i].name);
    pr_free(a->modules);
    pr_free(a->saved);
    pr_adapter_settings_done(&a->settings);
    pr_free(a);
}

const struct pr_tensor *pr_adapter_tensor(const struct pr_adapter *a, const char *name)
{
    size_t lo = 0, hi = a->n_saved;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(name, a->saved[mid].name);
        if (!c)
            return a->saved[mid].tensor;
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

bool pr_adapter_lora(const struct pr_adapter *a, const char *module, struct pr_lora *ret)
{
    size_t lo = 0, hi = a->n_modules;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(module, a->modules[mid].name);
        if (!c) {
            *ret = a->modules[mid].lora;
            return true;
        }
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return false;
}

json_t *pr_adapter_canonical(const struct pr_adapter *a)
{
    const struct pr_adapter_settings *s = &a->settings;
    json_t *o = json_object();
    pr_json_set_int(o, "r", s->r);
    pr_json_set_real(o, "lora_alpha", s->alpha, NULL);
    pr_json_set_bool(o, "use_rslora", s->rslora);
    pr_json_set_bool(o, "ensure_weight_tying", s->tie_saved);
    const struct {
        const char *key;
        const json_t *value;
    } lists[] = {
        {"rank_pattern", s->rank_pattern},
        {"alpha_pattern", s->alpha_pattern},
        {"modules_to_save", s->modules_to_save},
    };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        json_object_set_new(
            o, lists[i].key, lists[i].value ? json_incref((json_t *)lists[i].value) : json_null());
    return o;
}
