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

static enum pr_code parse_request(const char *text, size_t n, json_t **ret, struct pr_error *e)
{
    json_t *row = NULL;
    enum pr_code code = pr_json_parse(text, n, PR_JSON_LENIENT, NULL, &row, NULL, e);
    if (code)
        return code;
    const json_t *messages = json_object_get(row, "messages");
    if (!json_is_array(messages)) {
        code = pr_fail(
            e, PR_E_FORMAT, "'messages' is %s, an array was expected", pr_json_type_name(messages));
        json_decref(row);
        return code;
    }
    *ret = row;
    return PR_OK;
}

static enum pr_code render(
    struct proctor_model *m, json_t *request, struct pr_str *out, struct pr_error *e)
{
    struct pr_template_options options = {.now_utc_ms = m->now_utc_ms};
    enum pr_code code = pr_model_need_template(m, e);
    if (code)
        return code;
    json_t *vars = variables(m, request);
    code = pr_template_render(m->chat_template, vars, &options, out, e);
    json_decref(vars);
    return code;
}

enum pr_code proctor_render(struct proctor_model *m, const char *request, size_t n, char **ret,
    size_t *ret_len, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT((size_t)1 << 30);
    json_t *row = NULL;
    enum pr_code code = parse_request(request, n, &row, e);
    if (!code)
        code = render(m, row, &text, e);
    if (!code) {
        *ret_len = text.len;
        *ret = pr_str_take(&text);
    }
    pr_str_done(&text);
    json_decref(row);
    return code;
}

static void put_content(struct pr_str *out, const json_t *content)
{
    size_t i;
    const json_t *part;
    if (json_is_string(content))
        pr_str_append(out, json_string_value(content), json_string_length(content));
    json_array_foreach (content, i, part) {
        put_content(out, json_object_get(part, "text"));
    }
}

/* The contents of all turns, a line each, as grading takes them for a model without a template. */
static void plain(const json_t *messages, struct pr_str *out)
{
    size_t i;
    const json_t *turn;
    json_array_foreach (messages, i, turn) {
        if (out->len)
            pr_str_putc(out, '\n');
        put_content(out, json_object_get(turn, "content"));
    }
}

enum pr_code proctor_prompt(struct proctor_model *m, const char *request, size_t n,
    int32_t **ret_ids, size_t *ret_n, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT((size_t)1 << 30);
    json_t *row = NULL;
    enum pr_code code = parse_request(request, n, &row, e);
    if (!code && !proctor_has_template(m)) {
        plain(json_object_get(row, "messages"), &text);
    } else if (!code) {
        if (!json_object_get(row, "add_generation_prompt"))
            json_object_set_new(row, "add_generation_prompt", json_true());
        code = render(m, row, &text, e);
    }
    if (!code)
        code = proctor_tokenize(m, pr_str_cstr(&text), text.len, ret_ids, ret_n, e);
    pr_str_done(&text);
    json_decref(row);
    return code;
}
