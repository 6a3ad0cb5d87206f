/* Turns of a conversation; see turns.h. */
#include "exam/turns.h"

#include <string.h>

#include "base/str.h"
#include "base/utf8.h"

/* ShareGPT's names and those of its many relatives → the role that chat templates know. */
static const struct role {
    const char *name, *role;
} roles[] = {
    {"system", "system"},
    {"user", "user"},
    {"assistant", "assistant"},
    {"tool", "tool"},
    {"developer", "developer"},
    {"function", "function"},
    {"ipython", "ipython"},
    {"human", "user"},
    {"gpt", "assistant"},
    {"chatgpt", "assistant"},
    {"bing", "assistant"},
    {"bard", "assistant"},
    {"model", "assistant"},
    {"observation", "tool"},
    {"function_response", "tool"},
    {"tool_response", "tool"},
};

const char *pr_turns_role(const char *name, size_t n)
{
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strlen(roles[i].name) == n && !memcmp(roles[i].name, name, n))
            return roles[i].role;
    return NULL;
}

static const char *role_of(struct pr_example_reader *r, const char *name)
{
    const char *role = pr_turns_role(name, strlen(name));
    if (role)
        return role;
    pr_example_warn(r, "unknown role '%s'", name);
    return name;
}

void pr_turns_add(json_t *turns, const char *role, const char *s, size_t n)
{
    json_t *turn = json_object();
    pr_json_set_str(turn, "role", role);
    pr_json_set_strn(turn, "content", s, n);
    json_array_append_new(turns, turn);
}

/* A list of parts, all of them text: one string, as templates for text models expect. */
static enum pr_code join_parts(
    const json_t *parts, size_t at, const char *key, json_t **ret, struct pr_error *e)
{
    struct pr_str out = PR_STR_INIT((size_t)1 << 30);
    size_t i;
    json_t *part;
    json_array_foreach (parts, i, part) {
        const char *type = json_string_value(json_object_get(part, "type"));
        const json_t *text = json_is_string(part) ? part : json_object_get(part, "text");
        if (!json_is_string(text) || (type && strcmp(type, "text"))) {
            pr_str_done(&out);
            return pr_fail(e, PR_E_UNSUPPORTED,
                "'%s'[%zu] has a part of type '%s', only text is supported", key, at,
                type ? type : "unknown");
        }
        pr_str_append(&out, json_string_value(text), json_string_length(text));
    }
    *ret = json_stringn_nocheck(pr_str_cstr(&out), out.len);
    pr_str_done(&out);
    return PR_OK;
}

static enum pr_code content_of(
    const json_t *turn, size_t at, const char *key, json_t **ret, struct pr_error *e)
{
    json_t *v = json_object_get(turn, "content");
    v = v ? v : json_object_get(turn, "value");
    if (json_is_array(v))
        return join_parts(v, at, key, ret, e);
    if (json_is_string(v) || (json_is_null(v) && json_object_get(turn, "tool_calls")) ||
        (!v && json_object_get(turn, "tool_calls"))) {
        *ret = v ? json_incref(v) : json_null();
        return PR_OK;
    }
    return pr_fail(e, PR_E_FORMAT, "'%s'[%zu] has %s as its content, a string was expected", key,
        at, pr_json_type_name(v));
}

enum pr_code pr_turns_read(struct pr_example_reader *r, const json_t *list, const char *key,
    json_t *turns, struct pr_error *e)
{
    if (!json_is_array(list))
        return pr_fail(
            e, PR_E_FORMAT, "'%s' is %s, an array was expected", key, pr_json_type_name(list));
    size_t i;
    json_t *turn;
    json_array_foreach (list, i, turn) {
        const json_t *role = json_object_get(turn, "role");
        role = role ? role : json_object_get(turn, "from");
        if (!json_is_string(role))
            return pr_fail(
                e, PR_E_FORMAT, "'%s'[%zu] lacks a 'role' (or 'from') that is a string", key, i);
        json_t *content = NULL;
        enum pr_code code = content_of(turn, i, key, &content, e);
        if (code)
            return code;
        /* Other members (name, tool_calls, tool_call_id …) are the template's business. */
        json_t *out = json_object();
        pr_json_set_str(out, "role", role_of(r, json_string_value(role)));
        pr_json_set(out, "content", content);
        const char *name;
        json_t *v;
        json_object_foreach ((json_t *)turn, name, v) {
            static const char *const taken[] = {"role", "content", "from", "value"};
            bool skip = false;
            for (size_t k = 0; k < 4; k++)
                skip |= !strcmp(name, taken[k]);
            if (!skip)
                json_object_set(out, name, v);
        }
        json_array_append_new(turns, out);
    }
    return PR_OK;
}

static const char chatml_start[] = "<|im_start|>", chatml_end[] = "<|im_end|>";
#define N_START (sizeof chatml_start - 1)
#define N_END   (sizeof chatml_end - 1)

static bool starts_turn(const struct pr_chatml *c)
{
    return (size_t)(c->stop - c->s) >= N_START && !memcmp(c->s, chatml_start, N_START);
}

bool pr_chatml_begin(struct pr_chatml *c, struct pr_text text)
{
    size_t n;
    const char *s = pr_utf8_trim(text.s, text.n, &n);
    *c = (struct pr_chatml){.s = s, .stop = s + n};
    return starts_turn(c);
}

bool pr_chatml_next(struct pr_chatml *c, struct pr_text *ret_role, struct pr_text *ret_body)
{
    if (!starts_turn(c))
        return false;
    const char *s = c->s + N_START, *stop = c->stop;
    const char *line = memchr(s, '\n', (size_t)(stop - s));
    const char *body = line ? line + 1 : stop;
    const char *close = memmem(body, (size_t)(stop - body), chatml_end, N_END);
    size_t len = (size_t)((close ? close : stop) - body);
    ret_role->s = pr_utf8_trim(s, (size_t)((line ? line : stop) - s), &ret_role->n);
    *ret_body = (struct pr_text){close || len ? body : NULL, len};
    c->s = stop;
    if (close) {
        c->s = pr_utf8_trim(close + N_END, (size_t)(stop - close) - N_END, &len);
        c->left_out |= len && !starts_turn(c);
    }
    return true;
}

bool pr_turns_from_chatml(struct pr_example_reader *r, struct pr_text text, json_t *turns)
{
    struct pr_chatml c;
    struct pr_text role, body;
    if (!pr_chatml_begin(&c, text))
        return false;
    while (pr_chatml_next(&c, &role, &body)) {
        const char *known = role_of(r, pr_arena_strndup(r->arena, role.s, role.n));
        if (body.s)
            pr_turns_add(turns, known, body.s, body.n);
    }
    if (c.left_out)
        pr_example_warn(r, "text after a ChatML turn was left out");
    return true;
}

struct pr_text pr_turns_text(struct pr_example_reader *r, const json_t *turns)
{
    struct pr_str out = PR_STR_INIT((size_t)1 << 30);
    size_t i;
    json_t *turn;
    json_array_foreach (turns, i, turn) {
        const json_t *content = json_object_get(turn, "content");
        if (!json_is_string(content))
            continue;
        if (out.len)
            pr_str_putc(&out, '\n');
        pr_str_append(&out, json_string_value(content), json_string_length(content));
    }
    struct pr_text text = pr_example_keep(r, pr_str_cstr(&out), out.len);
    pr_str_done(&out);
    return text;
}

enum pr_code pr_turns_finish(struct pr_example_reader *r, const json_t *turns, struct pr_error *e)
{
    size_t n = json_array_size(turns), last = n;
    while (
        last && strcmp(json_string_value(json_object_get(json_array_get(turns, last - 1), "role")),
                    "assistant"))
        last--;
    if (!last)
        return pr_fail(e, PR_E_FORMAT, "the conversation of %zu turns has no assistant turn", n);
    last--;
    const json_t *answer = json_object_get(json_array_get(turns, last), "content");
    if (!json_is_string(answer))
        return pr_fail(e, PR_E_FORMAT, "the last assistant turn (%zu) has no text", last);
    if (!last)
        return pr_fail(e, PR_E_FORMAT, "nothing comes before the assistant's answer");
    if (last + 1 < n)
        pr_example_warn(r, "%zu turns after the last assistant turn were left out", n - last - 1);
    r->x->golden = pr_example_keep(r, json_string_value(answer), json_string_length(answer));
    json_t *before = json_array();
    for (size_t i = 0; i < last; i++)
        json_array_append(before, json_array_get(turns, i));
    r->x->messages = before;
    return PR_OK;
}
