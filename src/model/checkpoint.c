/* A checkpoint folder opened: the parts joined behind checkpoint.h. */
#include "model/checkpoint.h"

#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "model/checkpoint_internal.h"
#include "model/scan.h"

static enum pr_code read_config(struct pr_checkpoint *c, bool required, struct pr_error *e)
{
    json_t *v;
    enum pr_code code =
        pr_folder_json(&c->folder, "config.json", PR_CONFIG_MAX, PR_JSON_STRICT, &v, e);
    if (code)
        return code;
    if (!v && (required || !pr_folder_has(&c->folder, "tokenizer.json")))
        return pr_fail(e, PR_E_NOT_FOUND, "config.json: No such file");
    if (!v)
        return PR_OK; /* a tokenizer alone */
    code = pr_model_config_parse(v, &c->config, &c->notes, e);
    json_decref(v);
    if (code)
        return pr_wrap(e, code, "config.json");
    c->has_config = true;
    return PR_OK;
}

static enum pr_code open_model(
    struct pr_checkpoint *c, const struct pr_checkpoint_options *o, struct pr_error *e)
{
    enum pr_code code = read_config(c, o->weights, e);
    if (!code)
        code = pr_texts_read(&c->folder, &c->texts, &c->notes, e);
    if (code || !o->weights)
        return code;
    if (pr_folder_has(&c->folder, "adapter_config.json"))
        pr_notes_add(&c->notes, "the adapter beside the model's own weights is not used");
    code = pr_weights_open(&c->folder, "model.safetensors", "model.safetensors.index.json", true,
        &c->weights, &c->notes, e);
    if (!code)
        code = pr_weights_check(&c->weights, &c->config, &c->notes, e);
    c->has_weights = !code;
    return code;
}

static enum pr_code open_folder(
    struct pr_checkpoint *c, const struct pr_checkpoint_options *o, struct pr_error *e)
{
    enum pr_code code = o->weights ? pr_folder_complete(&c->folder, e) : PR_OK;
    if (code)
        return code;
    code = pr_folder_is_adapter(&c->folder) ? pr_adapter_open(c, o, e) : open_model(c, o, e);
    if (!code && o->weights && o->scan)
        pr_scan_notes(c->weights.by_name, c->weights.n, o->pool, &c->notes, &c->bad_weights);
    return code;
}

enum pr_code pr_checkpoint_open(const char *dir, const struct pr_checkpoint_options *options,
    struct pr_checkpoint **ret, struct pr_error *e)
{
    struct pr_checkpoint *c = pr_zalloc(sizeof *c);
    c->stop = options->stop;
    enum pr_code code = pr_folder_open(dir, &c->folder, e);
    if (!code && (code = open_folder(c, options, e)))
        code = pr_wrap(e, code, "%s", c->folder.name);
    if (code)
        pr_checkpoint_free(c);
    else
        *ret = c;
    return code;
}

void pr_checkpoint_free(struct pr_checkpoint *c)
{
    if (!c)
        return;
    pr_adapter_free(c->adapter);
    pr_checkpoint_free(c->base);
    pr_tokenizer_free(c->tokenizer);
    pr_texts_done(&c->texts);
    pr_weights_done(&c->weights);
    pr_notes_done(&c->notes);
    pr_notes_done(&c->bad_weights);
    pr_folder_done(&c->folder);
    pr_free(c);
}

const char *pr_checkpoint_dir(const struct pr_checkpoint *c)
{
    return c->folder.path;
}

const char *pr_checkpoint_name(const struct pr_checkpoint *c)
{
    return c->folder.name;
}

const struct pr_model_config *pr_checkpoint_config(const struct pr_checkpoint *c)
{
    return c->has_config ? &c->config : NULL;
}

const struct pr_notes *pr_checkpoint_notes(const struct pr_checkpoint *c)
{
    return &c->notes;
}

const struct pr_notes *pr_checkpoint_bad_weights(const struct pr_checkpoint *c)
{
    return &c->bad_weights;
}

static enum pr_code open_tokenizer(struct pr_checkpoint *c, struct pr_error *e)
{
    static const char name[] = "tokenizer.json";
    char *text;
    size_t n;
    enum pr_code code = pr_folder_read(&c->folder, name, PR_TOKENIZER_MAX, &text, &n, e);
    if (code)
        return code;
    struct pr_tokenizer *t;
    code = pr_tokenizer_parse(text, n, name, &t, &c->notes, e);
    pr_free(text);
    if (code)
        return code;
    int32_t size = pr_tokenizer_size(t);
    if (size <= 0) {
        pr_tokenizer_free(t);
        return pr_fail(e, PR_E_FORMAT, "%s: the vocabulary is empty", name);
    }
    if (c->has_config && (uint32_t)size > c->config.vocab)
        pr_notes_add(&c->notes, "%s: ids up to %d, the model's vocabulary has %u", name, size - 1,
            c->config.vocab);
    c->tokenizer = t;
    return PR_OK;
}

enum pr_code pr_checkpoint_tokenizer(
    struct pr_checkpoint *c, const struct pr_tokenizer **ret, struct pr_error *e)
{
    if (!c->tokenizer) {
        if (c->base && !pr_folder_has(&c->folder, "tokenizer.json"))
            return pr_checkpoint_tokenizer(c->base, ret, e);
        enum pr_code code = open_tokenizer(c, e);
        if (code)
            return pr_wrap(e, code, "%s", c->folder.name);
    }
    *ret = c->tokenizer;
    return PR_OK;
}

/* An adapter's own settings go before its base's, each as a whole. */
static const struct pr_texts *texts_with_template(const struct pr_checkpoint *c)
{
    return c->base && !c->texts.chat_template ? &c->base->texts : &c->texts;
}

static const struct pr_texts *texts_with_specials(const struct pr_checkpoint *c)
{
    return c->base && !json_object_size(c->texts.specials) ? &c->base->texts : &c->texts;
}

const char *pr_checkpoint_template(const struct pr_checkpoint *c)
{
    return texts_with_template(c)->chat_template;
}

const json_t *pr_checkpoint_specials(const struct pr_checkpoint *c)
{
    return texts_with_specials(c)->specials;
}

const char *pr_checkpoint_special(const struct pr_checkpoint *c, const char *role)
{
    return json_string_value(json_object_get(pr_checkpoint_specials(c), role));
}

const int32_t *pr_checkpoint_eos(const struct pr_checkpoint *c, size_t *ret_n)
{
    if (c->texts.eos_given) {
        *ret_n = c->texts.n_eos;
        return c->texts.eos;
    }
    if (c->base)
        return pr_checkpoint_eos(c->base, ret_n);
    *ret_n = c->has_config ? c->config.n_eos : 0;
    return c->config.eos;
}

const struct pr_tensor *pr_checkpoint_tensor(const struct pr_checkpoint *c, const char *name)
{
    bool head = !strcmp(name, "lm_head.weight");
    if (head && c->config.tied)
        return NULL;
    if (!c->adapter)
        return pr_weights_find(&c->weights, name);
    const struct pr_tensor *t = pr_adapter_tensor(c->adapter, name);
    if (t || !c->base)
        return t;
    /* Untied only by the adapter: the head is still the base's embedding. */
    if (head && c->base->config.tied)
        name = "model.embed_tokens.weight";
    return pr_checkpoint_tensor(c->base, name);
}

bool pr_checkpoint_replaces(const struct pr_checkpoint *c, const char *name)
{
    return c->adapter && pr_adapter_tensor(c->adapter, name);
}

void pr_checkpoint_drop(const struct pr_checkpoint *c, const struct pr_tensor *t)
{
    for (size_t i = 0; t && i < c->weights.n_files; i++)
        pr_safetensors_drop(c->weights.files[i], t->data, t->bytes);
    if (c->base)
        pr_checkpoint_drop(c->base, t);
}

uint64_t pr_checkpoint_weight_bytes(const struct pr_checkpoint *c)
{
    uint64_t sum = c->base ? pr_checkpoint_weight_bytes(c->base) : 0;
    for (size_t i = 0; i < c->weights.n; i++)
        sum += c->weights.by_name[i]->bytes;
    return sum;
}

const char *pr_checkpoint_config_dir(const struct pr_checkpoint *c)
{
    return c->base ? pr_checkpoint_config_dir(c->base) : c->folder.path;
}

bool pr_checkpoint_is_adapter(const struct pr_checkpoint *c)
{
    return c->adapter != NULL;
}

bool pr_checkpoint_lora(const struct pr_checkpoint *c, const char *module, struct pr_lora *ret)
{
    return c->adapter && pr_adapter_lora(c->adapter, module, ret);
}
