/* Opening and closing a model. */
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "lib/internal.h"

static bool has_text(const char *path)
{
    static const char *const names[] = {
        "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"};
    bool there = !pr_path_is_dir(path);
    for (size_t i = 0; i < sizeof names / sizeof *names && !there; i++) {
        char *file = pr_path_join(path, names[i]);
        there = pr_path_exists(file);
        pr_free(file);
    }
    return there;
}

/* Where the folder was refused before, that refusal stays the error. */
static enum pr_code open_alone(
    struct proctor_model *m, const char *path, enum pr_code refused, struct pr_error *e)
{
    enum pr_code code = pr_model_open_tokenizer_alone(m, path, refused ? NULL : e);
    return code && refused ? refused : code;
}

static enum pr_code parse_vars(struct proctor_model *m, const char *text, struct pr_error *e)
{
    if (!text) {
        m->template_vars = json_object();
        return PR_OK;
    }
    enum pr_code code = pr_json_parse(
        text, strlen(text), PR_JSON_STRICT, "template variables", &m->template_vars, NULL, e);
    if (!code && !json_is_object(m->template_vars))
        code = pr_fail(e, PR_E_USAGE, "template variables: %s, an object was expected",
            pr_json_type_name(m->template_vars));
    return code;
}

static enum pr_code open_checkpoint(struct proctor_model *m, const char *dir, bool weights,
    const struct proctor_options *o, struct pr_error *e)
{
    struct pr_checkpoint_options co = {
        .base_model = o->base_model, .bases = o->bases, .n_bases = o->n_bases, .weights = weights};
    m->weights = weights;
    return pr_checkpoint_open(dir, &co, &m->checkpoint, e);
}

static enum pr_code open_model(const char *dir, bool weights, const struct proctor_options *options,
    struct proctor_model **ret, struct pr_error *e)
{
    static const struct proctor_options defaults;
    const struct proctor_options *o = options ? options : &defaults;
    struct proctor_model *m = pr_zalloc(sizeof *m);
    m->name = pr_path_base(dir);
    m->dtype = o->dtype;
    m->n_threads = o->n_threads;
    m->now_utc_ms = o->now_utc_ms ? o->now_utc_ms : PR_DEFAULT_NOW_MS;
    enum pr_code code = parse_vars(m, o->template_vars, e);
    if (code)
        goto out;
    if (!pr_path_exists(dir)) {
        code = pr_fail(e, PR_E_NOT_FOUND, "%s: no such file or folder", dir);
        goto out;
    }
    if (weights || pr_path_is_dir(dir))
        code = open_checkpoint(m, dir, weights, o, e);
    /* Text needs no model: a config.json that proctor cannot run is no obstacle. */
    if (!weights && !m->checkpoint && has_text(dir))
        code = open_alone(m, dir, code, e);
out:
    if (code)
        proctor_close(m);
    else
        *ret = m;
    return code;
}

enum pr_code proctor_open(const char *dir, const struct proctor_options *options,
    struct proctor_model **ret, struct pr_error *e)
{
    return open_model(dir, true, options, ret, e);
}

enum pr_code proctor_open_text(const char *dir, const struct proctor_options *options,
    struct proctor_model **ret, struct pr_error *e)
{
    return open_model(dir, false, options, ret, e);
}

void proctor_close(struct proctor_model *m)
{
    if (!m)
        return;
    pr_engine_free(m->engine);
    pr_template_free(m->chat_template);
    pr_tokenizer_free(m->own_tokenizer);
    pr_checkpoint_free(m->checkpoint);
    json_decref(m->template_vars);
    json_decref(m->specials);
    pr_free(m->template_source);
    pr_free(m->name);
    pr_free(m);
}

enum pr_code proctor_load(struct proctor_model *m, struct pr_error *e)
{
    static const enum pr_math maths[] = {
        [PROCTOR_AUTO] = PR_MATH_AUTO, [PROCTOR_F32] = PR_MATH_F32, [PROCTOR_BF16] = PR_MATH_BF16};
    if (m->engine)
        return PR_OK;
    if (!m->weights)
        return pr_fail(e, PR_E_USAGE, "%s: opened without its weights", m->name);
    struct pr_engine_options options = {.math = maths[m->dtype], .n_threads = m->n_threads};
    enum pr_code code = pr_engine_new(m->checkpoint, &options, &m->engine, e);
    return code ? pr_wrap(e, code, "%s", m->name) : PR_OK;
}

const char *proctor_name(const struct proctor_model *m)
{
    return m->name;
}

/* NULL for a tokenizer without a model. */
static const struct pr_model_config *config(const struct proctor_model *m)
{
    return m->checkpoint ? pr_checkpoint_config(m->checkpoint) : NULL;
}

const char *proctor_architecture(const struct proctor_model *m)
{
    return config(m) ? config(m)->arch->name : "";
}

uint64_t proctor_parameters(const struct proctor_model *m)
{
    return config(m) ? pr_model_config_parameters(config(m)) : 0;
}

const char *proctor_dtype_used(const struct proctor_model *m)
{
    return !m->engine ? "" : pr_engine_math(m->engine) == PR_MATH_BF16 ? "bf16" : "f32";
}

const char *proctor_numerics(const struct proctor_model *m)
{
    return m->engine ? pr_engine_numerics(m->engine) : "";
}

int proctor_threads(const struct proctor_model *m)
{
    return m->engine ? pr_engine_threads(m->engine) : 0;
}

int32_t proctor_vocabulary(const struct proctor_model *m)
{
    if (config(m))
        return (int32_t)config(m)->vocab;
    return m->tokenizer ? pr_tokenizer_size(m->tokenizer) : 0;
}

size_t proctor_max_positions(const struct proctor_model *m)
{
    return config(m) ? config(m)->max_position : 0;
}
