/* From a parsed line to an example: the format's reader, then what all formats share. */
#include "exam/example.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"
#include "exam/turns.h"

void pr_example_warn(struct pr_example_reader *r, const char *fmt, ...)
{
    if (!r->options || !r->options->warn)
        return;
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    text[pr_utf8_valid_prefix(text, strlen(text))] = 0; /* a cut never splits a character */
    r->options->warn(r->options->ctx, text);
}

struct pr_text pr_example_keep(struct pr_example_reader *r, const char *s, size_t n)
{
    return (struct pr_text){.s = pr_arena_strndup(r->arena, s, n), .n = n};
}

struct pr_text pr_think_split(struct pr_text text, bool *ret_has, bool *ret_closed)
{
    static const char open[] = "<think>", close[] = "</think>";
    size_t n;
    const char *s = pr_utf8_trim(text.s, text.n, &n);
    *ret_has = n >= sizeof open - 1 && !memcmp(s, open, sizeof open - 1);
    *ret_closed = false;
    if (!*ret_has)
        return text;
    const char *stop = text.s + text.n,
               *end = memmem(s, (size_t)(stop - s), close, sizeof close - 1);
    if (!end)
        return (struct pr_text){.s = stop, .n = 0};
    *ret_closed = true;
    const char *rest = end + sizeof close - 1, *from;
    from = pr_utf8_trim(rest, (size_t)(stop - rest), &n);
    return (struct pr_text){.s = n ? from : stop, .n = n ? (size_t)(stop - from) : 0};
}

/* A label: a string, or a number's text; empty counts as absent. */
static enum pr_code label(
    struct pr_example_reader *r, const char *key, const char **ret, struct pr_error *e)
{
    const json_t *v = json_object_get(r->line, key);
    if (!v || json_is_null(v))
        return PR_OK;
    if (!json_is_string(v) && !json_is_number(v))
        return pr_fail(
            e, PR_E_FORMAT, "'%s' is %s, a string was expected", key, pr_json_type_name(v));
    struct pr_str text = PR_STR_INIT(1 << 16);
    if (json_is_string(v))
        pr_str_append(&text, json_string_value(v), json_string_length(v));
    else
        pr_json_dump(v, 0, 0, &text);
    enum pr_code code = PR_OK;
    if (text.over || memchr(pr_str_cstr(&text), 0, text.len))
        code = pr_fail(e, PR_E_FORMAT, "'%s' is longer than 64 KiB or holds NUL", key);
    else if (text.len)
        *ret = pr_arena_strndup(r->arena, text.data, text.len);
    pr_str_done(&text);
    return code;
}

/* "Easy" and "HARD" mean easy and hard. */
static const char *known_difficulty(const char *d)
{
    static const char *const known[] = {"easy", "medium", "hard"};
    for (size_t i = 0; d && i < 3; i++)
        if (!strcasecmp(d, known[i]))
            return known[i];
    return d;
}

static enum pr_code read_labels(struct pr_example_reader *r, struct pr_error *e)
{
    struct pr_example *x = r->x;
    const struct {
        const char *key, **to;
    } labels[] = {{"id", &x->id}, {"skill", &x->skill}, {"difficulty", &x->difficulty},
        {"pattern", &x->pattern}};
    for (size_t i = 0; i < sizeof labels / sizeof *labels; i++) {
        enum pr_code code = label(r, labels[i].key, labels[i].to, e);
        if (code)
            return code;
    }
    x->difficulty = known_difficulty(x->difficulty);
    const char *of_file = r->options ? r->options->file_difficulty : NULL;
    if (!x->difficulty) /* the caller's text may be gone before the example is */
        x->difficulty =
            of_file ? pr_arena_strndup(r->arena, of_file, strlen(of_file)) : PR_UNSPECIFIED;
    return PR_OK;
}

static void set_text(json_t *o, const char *key, struct pr_text t)
{
    if (t.s)
        pr_json_set_strn(o, key, t.s, t.n);
}

static void digest_of(const json_t *o, uint8_t ret[PR_SHA256_LEN])
{
    struct pr_str text = PR_STR_INIT((size_t)1 << 31);
    pr_json_dump_canonical(o, &text);
    pr_sha256(pr_str_cstr(&text), text.len, ret);
    pr_str_done(&text);
}

/* The id of a line without one is the hash of what is asked and answered; the digest adds its
 * labels. */
static void identify(struct pr_example_reader *r)
{
    struct pr_example *x = r->x;
    json_t *o = json_object();
    if (x->messages)
        json_object_set(o, "messages", x->messages);
    if (x->tools)
        json_object_set(o, "tools", x->tools);
    if (x->check.spec)
        json_object_set(o, "check", x->check.spec);
    for (size_t i = 0; i < x->check.n_choices; i++) {
        json_t *list = json_object_get(o, "choices");
        if (!list)
            pr_json_set(o, "choices", list = json_array());
        json_array_append_new(
            list, json_stringn_nocheck(x->check.choices[i].s, x->check.choices[i].n));
    }
    set_text(o, "golden", x->golden);
    set_text(o, "text", x->text);
    x->own_id = x->id != NULL;
    if (!x->id) {
        uint8_t hash[PR_SHA256_LEN];
        char hex[PR_SHA256_HEX];
        digest_of(o, hash);
        pr_sha256_hex(hash, hex);
        x->id = pr_arena_strndup(r->arena, hex, 16);
    }
    if (x->check.type)
        pr_json_set_str(o, "check_type", x->check.type->name);
    pr_json_set_str(o, "id", x->id);
    pr_json_set_str(o, "skill", x->skill);
    pr_json_set_str(o, "difficulty", x->difficulty);
    digest_of(o, x->digest);
    json_decref(o);
}

enum pr_code pr_example_parse(const json_t *line, const struct pr_example_options *options,
    struct pr_arena *arena, struct pr_example *ret, struct pr_error *e)
{
    struct pr_example x = {0};
    struct pr_example_reader r = {.line = line, .options = options, .arena = arena, .x = &x};
    enum pr_code code = pr_format_detect(line, &x.format, e);
    if (code || (code = x.format->read(&r, e)) || (code = read_labels(&r, e)))
        goto out;
    json_t *tools = json_object_get(line, "tools");
    if (json_is_array(tools) && json_array_size(tools))
        x.tools = json_incref(tools);
    if (x.messages)
        x.prompt = pr_turns_text(&r, x.messages);
    if (x.golden.s && (code = pr_check_parse(&r, e)))
        goto out;
    identify(&r);
    x.source = json_incref((json_t *)(uintptr_t)line);
    if (options && options->file_difficulty)
        x.file_difficulty =
            pr_arena_strndup(arena, options->file_difficulty, strlen(options->file_difficulty));
    *ret = x;
    return PR_OK;
out:
    pr_example_done(&x);
    return code;
}

struct pr_text pr_example_question(const struct pr_example *x)
{
    for (size_t i = json_array_size(x->messages); i-- > 0;) {
        const json_t *turn = json_array_get(x->messages, i);
        const char *role = json_string_value(json_object_get(turn, "role"));
        const json_t *content = json_object_get(turn, "content");
        if (role && !strcmp(role, "user") && json_is_string(content))
            return (struct pr_text){json_string_value(content), json_string_length(content)};
    }
    return (struct pr_text){.s = ""};
}

void pr_example_done(struct pr_example *x)
{
    json_decref(x->messages);
    json_decref(x->tools);
    json_decref(x->source);
    pr_check_done(&x->check);
    x->messages = x->tools = x->source = NULL;
}

char *pr_example_pack(const struct pr_example *x)
{
    struct pr_str text = PR_STR_INIT((size_t)1 << 31);
    json_t *o = json_object();
    json_object_set(o, "line", x->source);
    if (x->file_difficulty)
        pr_json_set_str(o, "difficulty", x->file_difficulty);
    pr_json_dump(o, 0, 0, &text);
    json_decref(o);
    return pr_str_take(&text);
}
