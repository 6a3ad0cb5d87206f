/* Messages, prompts and stop texts of a request. */
#include "serve/request_parts.h"

#include <string.h>

#include "base/alloc.h"
#include "base/str.h"

#define MAX_TEXT ((size_t)64 << 20)

static bool refuse(struct pr_serve_error *e, const char *name, const char *what)
{
    pr_serve_refuse(e, 400, "invalid_value", name, "'%s': %s", name, what);
    return false;
}

/* ---- messages ---- */

/* The text of a content that is a list of parts. */
static bool join_parts(
    const json_t *parts, const char *name, json_t **ret, struct pr_serve_error *e)
{
    struct pr_str text = PR_STR_INIT(MAX_TEXT);
    bool ok = true;
    size_t i;
    json_t *part;
    json_array_foreach (parts, i, part) {
        const char *type = json_string_value(json_object_get(part, "type"));
        const json_t *x = json_object_get(part, "text");
        if (ok && (!type || strcmp(type, "text") != 0 || !json_is_string(x)))
            ok = refuse(e, name,
                "a content's parts are {\"type\":\"text\",\"text\":…}: no others "
                "are supported");
        if (ok)
            pr_str_append(&text, json_string_value(x), json_string_length(x));
    }
    *ret = ok ? json_stringn(pr_str_cstr(&text), text.len) : NULL;
    pr_str_done(&text);
    return ok;
}

static bool read_message(const json_t *m, const char *name, json_t *list, struct pr_serve_error *e)
{
    const json_t *content = json_object_get(m, "content");
    json_t *text = NULL;
    if (!json_is_object(m) || !json_is_string(json_object_get(m, "role")))
        return refuse(e, name, "each is an object with 'role' and 'content'");
    if (json_is_array(content) && !join_parts(content, name, &text, e))
        return false;
    if (!text && !json_is_string(content))
        return refuse(e, name, "a message's 'content' is a text, or a list of its parts");
    json_t *own = json_copy((json_t *)(uintptr_t)m);
    if (text)
        pr_json_set(own, "content", text);
    json_array_append_new(list, own);
    return true;
}

bool pr_serve_read_messages(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    size_t i;
    json_t *m;
    if (!json_is_array(v) || !json_array_size(v))
        return refuse(e, name, "a list of at least one message was expected");
    r->messages = json_array();
    json_array_foreach (v, i, m)
        if (!read_message(m, name, r->messages, e))
            return false;
    return true;
}

/* ---- prompts ---- */

static bool read_ids(
    const json_t *v, const char *name, struct pr_serve_prompt *ret, struct pr_serve_error *e)
{
    size_t i;
    json_t *x;
    ret->n = json_array_size(v);
    ret->ids = pr_alloc((ret->n + 1) * sizeof *ret->ids);
    json_array_foreach (v, i, x) {
        int64_t id = json_integer_value(x);
        if (!json_is_integer(x) || id < 0 || id > INT32_MAX)
            return refuse(e, name, "a list of token ids holds something else");
        ret->ids[i] = (int32_t)id;
    }
    return ret->n ? true : refuse(e, name, "a list of token ids is empty");
}

static bool read_prompt(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    struct pr_serve_prompt *p = &r->prompts[r->n_prompts++];
    if (json_is_array(v))
        return read_ids(v, name, p, e);
    if (!json_is_string(v))
        return refuse(
            e, name, "a text, a list of texts, of token ids, or of such lists was expected");
    p->n = json_string_length(v);
    p->text = pr_strndup(json_string_value(v), p->n);
    return true;
}

bool pr_serve_read_prompt(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    bool list = json_is_array(v) && !json_is_integer(json_array_get(v, 0));
    size_t n = list ? json_array_size(v) : 1, i;
    json_t *x;
    if (!n || n > PR_SERVE_MAX_PROMPTS)
        return refuse(e, name, n ? "at most 128 prompts are possible" : "the list is empty");
    r->prompts = pr_zalloc(n * sizeof *r->prompts);
    if (!list)
        return read_prompt(r, name, v, e);
    json_array_foreach (v, i, x)
        if (!read_prompt(r, name, x, e))
            return false;
    return true;
}

/* ---- stop ---- */

static bool add_stop(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    size_t n = json_string_length(v);
    if (!json_is_string(v) || strlen(json_string_value(v)) != n)
        return refuse(e, name, "a text or a list of texts was expected");
    if (!n || n > PR_SERVE_MAX_STOP)
        return refuse(e, name, n ? "a text of more than 256 bytes" : "an empty text");
    r->stop[r->n_stop++] = pr_strdup(json_string_value(v));
    return true;
}

bool pr_serve_read_stop(
    struct pr_serve_request *r, const char *name, const json_t *v, struct pr_serve_error *e)
{
    size_t i;
    json_t *x;
    if (!json_is_array(v))
        return add_stop(r, name, v, e);
    if (json_array_size(v) > PR_SERVE_MAX_STOPS)
        return refuse(e, name, "at most 16 texts are possible");
    json_array_foreach (v, i, x)
        if (!add_stop(r, name, x, e))
            return false;
    return true;
}
