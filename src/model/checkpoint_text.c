/* What surrounds a checkpoint's weights: chat template, special tokens, generation settings.  Every
 * one of these files may be missing. */
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "model/checkpoint_internal.h"
#include "model/config_internal.h"

static const char *const roles[] = {
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token"};

/* A special token is its text, or an AddedToken object that holds it as "content". */
static const char *token_text(const json_t *v)
{
    return json_string_value(json_is_object(v) ? json_object_get(v, "content") : v);
}

/* Those beyond the named roles, as transformers hands them to templates: a list of them all, and
 * roles of the model's own. */
static enum pr_code add_further(
    const json_t *from, const char *file, json_t *specials, struct pr_error *e)
{
    static const char list_key[] = "additional_special_tokens";
    const json_t *list = json_object_get(from, list_key);
    const json_t *own = json_object_get(from, "extra_special_tokens");
    const char *role;
    json_t *v;
    if (json_is_array(list) && json_array_size(list) && !json_object_get(specials, list_key)) {
        json_t *texts = json_array();
        for (size_t i = 0; i < json_array_size(list); i++) {
            const char *text = token_text(json_array_get(list, i));
            if (!text) {
                json_decref(texts);
                return pr_fail(e, PR_E_FORMAT,
                    "%s: '%s'[%zu] is not a string or an object with a 'content' string", file,
                    list_key, i);
            }
            json_array_append_new(texts, json_string(text));
        }
        pr_json_set(specials, list_key, texts);
    }
    json_object_foreach ((json_t *)own, role, v)
        if (token_text(v) && !json_object_get(specials, role))
            pr_json_set_str(specials, role, token_text(v));
    return PR_OK;
}

static enum pr_code add_specials(
    const json_t *from, const char *file, json_t *specials, struct pr_error *e)
{
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        const json_t *v = json_object_get(from, roles[i]);
        if (!v || json_is_null(v) || json_object_get(specials, roles[i]))
            continue;
        const char *text = token_text(v);
        if (!text)
            return pr_fail(e, PR_E_FORMAT,
                "%s: '%s' is %s, a string or an object with a 'content' string was expected", file,
                roles[i], pr_json_type_name(v));
        pr_json_set_str(specials, roles[i], text);
    }
    return add_further(from, file, specials, e);
}

/* "chat_template": a string, or a list of {"name", "template"}, see pr_template_choose. */
static enum pr_code template_of(
    const json_t *v, const char *file, char **ret, struct pr_notes *notes, struct pr_error *e)
{
    if (!v || json_is_null(v))
        return PR_OK;
    for (size_t i = 0; json_is_array(v) && i < json_array_size(v); i++) {
        const json_t *entry = json_array_get(v, i);
        if (!json_is_string(json_object_get(entry, "name")) ||
            !json_is_string(json_object_get(entry, "template")))
            return pr_fail(e, PR_E_FORMAT,
                "%s: 'chat_template'[%zu] is not an object with the strings 'name' and 'template'",
                file, i);
    }
    if (!json_is_array(v) && !json_is_string(v))
        return pr_fail(e, PR_E_FORMAT,
            "%s: 'chat_template' is %s, a string or a list of named templates was expected", file,
            pr_json_type_name(v));
    char *text = pr_template_choose(v);
    if (!text) {
        pr_notes_add(
            notes, "%s: none of the chat templates is named 'default'; none is used", file);
        return PR_OK;
    }
    if (strlen(text) > PR_TEMPLATE_MAX) {
        size_t n = strlen(text);
        pr_free(text);
        return pr_fail(e, PR_E_LIMIT, "%s: 'chat_template' has %zu bytes, at most %zu are accepted",
            file, n, PR_TEMPLATE_MAX);
    }
    *ret = text;
    return PR_OK;
}

/* "\r\n" and "\r" become "\n", as Python reads text files. */
static void plain_newlines(char *s)
{
    char *to = s;
    for (; *s; s++) {
        if (*s == '\r' && s[1] == '\n')
            continue;
        *to++ = *s == '\r' ? '\n' : *s;
    }
    *to = 0;
}

static enum pr_code read_jinja(struct pr_folder *f, char **ret, struct pr_error *e)
{
    static const char name[] = "chat_template.jinja";
    char *text;
    size_t n;
    enum pr_code code = pr_folder_read(f, name, PR_TEMPLATE_MAX, &text, &n, e);
    if (code == PR_E_NOT_FOUND)
        return PR_OK;
    if (code)
        return code;
    size_t valid = pr_utf8_valid_prefix(text, n);
    if (valid < n || strlen(text) < n) {
        code = pr_fail_at(e, PR_E_FORMAT, (int64_t)(valid < n ? valid : strlen(text)),
            "%s: not UTF-8 text", name);
        pr_free(text);
        return code;
    }
    plain_newlines(text);
    *ret = text;
    return PR_OK;
}

/* One of the three JSON files that may hold tokens or a template.  *ret_newer: it lists the added
 * tokens itself, as tokenizer_config.json does since transformers 4.34. */
static enum pr_code read_settings(struct pr_folder *f, const char *file, json_t *specials,
    char **chat_template, bool *ret_newer, struct pr_notes *notes, struct pr_error *e)
{
    json_t *v;
    enum pr_code code = pr_folder_json(f, file, PR_CONFIG_MAX, PR_JSON_STRICT, &v, e);
    *ret_newer = false;
    if (code || !v)
        return code;
    if (!json_is_object(v))
        code =
            pr_fail(e, PR_E_FORMAT, "%s: %s, an object was expected", file, pr_json_type_name(v));
    if (!code)
        code = add_specials(v, file, specials, e);
    if (!code && !*chat_template)
        code = template_of(json_object_get(v, "chat_template"), file, chat_template, notes, e);
    *ret_newer = json_is_object(json_object_get(v, "added_tokens_decoder"));
    json_decref(v);
    return code;
}

/* special_tokens_map.json: in folders from before tokenizer_config.json listed the added tokens it
 * goes before it, as in transformers; in later ones it only fills in. */
static enum pr_code read_map(
    struct pr_folder *f, bool newer, struct pr_texts *t, struct pr_notes *notes, struct pr_error *e)
{
    json_t *map = json_object();
    bool unused;
    enum pr_code code =
        read_settings(f, "special_tokens_map.json", map, &t->chat_template, &unused, notes, e);
    if (!code && newer)
        json_object_update_missing(t->specials, map);
    else if (!code)
        json_object_update(t->specials, map);
    json_decref(map);
    return code;
}

static enum pr_code read_generation(struct pr_folder *f, struct pr_texts *t, struct pr_error *e)
{
    static const char file[] = "generation_config.json";
    enum pr_code code = pr_folder_json(f, file, PR_CONFIG_MAX, PR_JSON_STRICT, &t->generation, e);
    if (code || !t->generation)
        return code;
    if (!json_is_object(t->generation))
        return pr_fail(e, PR_E_FORMAT, "%s: %s, an object was expected", file,
            pr_json_type_name(t->generation));
    bool given;
    code = pr_config_token_ids(t->generation, "eos_token_id", t->eos, &t->n_eos, &given, e);
    t->eos_given = t->n_eos > 0;
    return code ? pr_wrap(e, code, "%s", file) : PR_OK;
}

enum pr_code pr_texts_read(
    struct pr_folder *f, struct pr_texts *ret, struct pr_notes *notes, struct pr_error *e)
{
    struct pr_texts t = {.specials = json_object()};
    bool newer, unused;
    enum pr_code code = read_jinja(f, &t.chat_template, e);
    if (!code)
        code = read_settings(
            f, "tokenizer_config.json", t.specials, &t.chat_template, &newer, notes, e);
    if (!code)
        code = read_map(f, newer, &t, notes, e);
    if (!code)
        code =
            read_settings(f, "chat_template.json", t.specials, &t.chat_template, &unused, notes, e);
    if (!code)
        code = read_generation(f, &t, e);
    if (code)
        pr_texts_done(&t);
    else
        *ret = t;
    return code;
}

void pr_texts_done(struct pr_texts *t)
{
    pr_free(t->chat_template);
    json_decref(t->specials);
    json_decref(t->generation);
    *t = (struct pr_texts){0};
}
