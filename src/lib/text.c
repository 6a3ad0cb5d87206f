/* Text to ids and back, and chat templates. */
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "lib/internal.h"

enum pr_code pr_model_need_tokenizer(struct proctor_model *m, struct pr_error *e)
{
    if (m->tokenizer)
        return PR_OK;
    if (m->checkpoint)
        return pr_checkpoint_tokenizer(m->checkpoint, &m->tokenizer, e);
    m->tokenizer = m->own_tokenizer;
    return m->tokenizer ? PR_OK : pr_fail(e, PR_E_NOT_FOUND, "%s: no tokenizer.json", m->name);
}

static const char *template_source(const struct proctor_model *m)
{
    return m->checkpoint ? pr_checkpoint_template(m->checkpoint) : m->template_source;
}

bool proctor_has_template(const struct proctor_model *m)
{
    return template_source(m) != NULL;
}

enum pr_code pr_model_need_template(struct proctor_model *m, struct pr_error *e)
{
    const char *source = template_source(m);
    if (m->chat_template)
        return PR_OK;
    if (!source)
        return pr_fail(e, PR_E_NOT_FOUND,
            "%s: no chat template (chat_template.jinja, or chat_template in tokenizer_config.json)",
            m->name);
    enum pr_code code = pr_template_compile(source, strlen(source), &m->chat_template, e);
    return code ? pr_wrap(e, code, "%s: chat template", m->name) : PR_OK;
}

enum pr_code proctor_tokenize(struct proctor_model *m, const char *text, size_t n,
    int32_t **ret_ids, size_t *ret_n, struct pr_error *e)
{
    struct pr_ids ids = {0};
    enum pr_code code = pr_model_need_tokenizer(m, e);
    if (code)
        return code;
    size_t valid = pr_utf8_valid_prefix(text, n);
    if (valid < n)
        return pr_fail_at(e, PR_E_FORMAT, (int64_t)valid, "text: not valid UTF-8");
    code = pr_tokenizer_encode(m->tokenizer, text, n, &ids, e);
    if (code) {
        pr_ids_done(&ids);
        return code;
    }
    *ret_ids = ids.v ? ids.v : pr_alloc(1);
    *ret_n = ids.n;
    return PR_OK;
}

enum pr_code proctor_detokenize(struct proctor_model *m, const int32_t *ids, size_t n,
    bool skip_special, char **ret, size_t *ret_len, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT((size_t)1 << 32);
    enum pr_code code = pr_model_need_tokenizer(m, e);
    if (!code)
        code = pr_tokenizer_decode(m->tokenizer, ids, n, skip_special, &text, e);
    if (code) {
        pr_str_done(&text);
        return code;
    }
    *ret_len = text.len;
    *ret = pr_str_take(&text);
    return PR_OK;
}

/* The variables of one rendering: special tokens, under the model's own variables, under the
 * request's; tools and documents are none where nobody gave them, as in transformers. */
static json_t *variables(const struct proctor_model *m, json_t *request)
{
    json_t *vars = json_object();
    const json_t *specials = m->checkpoint ? pr_checkpoint_specials(m->checkpoint) : m->specials;
    json_object_set_new(vars, "tools", json_null());
    json_object_set_new(vars, "documents", json_null());
    json_object_set_new(vars, "add_generation_prompt", json_false());
    json_object_update(vars, (json_t *)(uintptr_t)specials);
    json_object_update(vars, m->template_vars);
    json_object_update(vars, request);
    return vars;
}

enum pr_code proctor_render(struct proctor_model *m, const char *request, size_t n, char **ret,
    size_t *ret_len, struct pr_error *e)
{
    struct pr_template_options options = {.now_utc_ms = m->now_utc_ms};
    struct pr_str text = PR_STR_INIT((size_t)1 << 30);
    json_t *row = NULL, *vars = NULL;
    enum pr_code code = pr_model_need_template(m, e);
    if (!code)
        code = pr_json_parse(request, n, PR_JSON_LENIENT, NULL, &row, NULL, e);
    if (code)
        goto out;
    if (!json_is_array(json_object_get(row, "messages"))) {
        code = pr_fail(e, PR_E_FORMAT, "'messages' is %s, an array was expected",
            pr_json_type_name(json_object_get(row, "messages")));
        goto out;
    }
    vars = variables(m, row);
    code = pr_template_render(m->chat_template, vars, &options, &text, e);
    if (code)
        goto out;
    *ret_len = text.len;
    *ret = pr_str_take(&text);
out:
    pr_str_done(&text);
    json_decref(vars);
    json_decref(row);
    return code;
}
