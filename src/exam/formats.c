/* The formats in which examples come, and their readers.  Called by example.c alone. */
#include <string.h>

#include "base/str.h"
#include "exam/example.h"
#include "exam/turns.h"

static const json_t *get(const json_t *line, const char *key)
{
    const json_t *v = json_object_get(line, key);
    return v && !json_is_null(v) ? v : NULL;
}

/* A text field; numbers, true and false count as their JSON text, and so do objects and arrays
 * where `structured` (the golden answer of a json check). */
static enum pr_code text_of(struct pr_example_reader *r, const char *key, bool structured,
    struct pr_text *ret, struct pr_error *e)
{
    const json_t *v = json_object_get(r->line, key);
    if (json_is_string(v)) {
        *ret = pr_example_keep(r, json_string_value(v), json_string_length(v));
        return PR_OK;
    }
    bool nested = json_is_array(v) || json_is_object(v);
    if (!v || json_is_null(v) || (nested && !structured))
        return pr_fail(
            e, PR_E_FORMAT, "'%s' is %s, a string was expected", key, pr_json_type_name(v));
    struct pr_str out = PR_STR_INIT((size_t)1 << 30);
    pr_json_dump(v, 0, 0, &out);
    *ret = pr_example_keep(r, pr_str_cstr(&out), out.len);
    pr_str_done(&out);
    return PR_OK;
}

/* The system prompt that ShareGPT and Alpaca files of some tools keep beside the turns. */
static enum pr_code start_turns(struct pr_example_reader *r, json_t **ret, struct pr_error *e)
{
    json_t *turns = json_array();
    const json_t *system = get(r->line, "system");
    if (system && !json_is_string(system)) {
        json_decref(turns);
        return pr_fail(
            e, PR_E_FORMAT, "'system' is %s, a string was expected", pr_json_type_name(system));
    }
    if (system && json_string_length(system))
        pr_turns_add(turns, "system", json_string_value(system), json_string_length(system));
    *ret = turns;
    return PR_OK;
}

/* prompt → answer: one user turn (or a list of turns) and a golden answer. */
static enum pr_code read_pair(
    struct pr_example_reader *r, const char *prompt_key, const char *answer_key, struct pr_error *e)
{
    const json_t *prompt = json_object_get(r->line, prompt_key);
    const json_t *answer = json_object_get(r->line, answer_key);
    json_t *turns = NULL;
    struct pr_text text;
    enum pr_code code = start_turns(r, &turns, e);
    if (code)
        return code;
    if (json_is_array(prompt)) {
        code = pr_turns_read(r, prompt, prompt_key, turns, e);
    } else if (!(code = text_of(r, prompt_key, false, &text, e))) {
        pr_turns_add(turns, "user", text.s, text.n);
    }
    if (code)
        goto out;
    /* The conversational form of prompt/completion: both are lists of turns. */
    if (json_is_array(prompt) && json_is_array(answer)) {
        if (!(code = pr_turns_read(r, answer, answer_key, turns, e)))
            code = pr_turns_finish(r, turns, e);
        goto out;
    }
    if ((code = text_of(r, answer_key, true, &r->x->golden, e)))
        goto out;
    r->x->messages = json_incref(turns);
out:
    json_decref(turns);
    return code;
}

static enum pr_code read_conversation(
    struct pr_example_reader *r, const char *key, struct pr_error *e)
{
    json_t *turns = NULL;
    enum pr_code code = start_turns(r, &turns, e);
    if (code)
        return code;
    if (!(code = pr_turns_read(r, json_object_get(r->line, key), key, turns, e)))
        code = pr_turns_finish(r, turns, e);
    json_decref(turns);
    return code;
}

static enum pr_code read_messages(struct pr_example_reader *r, struct pr_error *e)
{
    return read_conversation(r, "messages", e);
}

static enum pr_code read_sharegpt(struct pr_example_reader *r, struct pr_error *e)
{
    return read_conversation(r, "conversations", e);
}

/* The instruction, and the input below it where there is one. */
static enum pr_code read_alpaca(struct pr_example_reader *r, struct pr_error *e)
{
    struct pr_text instruction, input = {.s = ""};
    enum pr_code code = text_of(r, "instruction", false, &instruction, e);
    if (code || (get(r->line, "input") && (code = text_of(r, "input", false, &input, e))))
        return code;
    json_t *turns = NULL;
    if ((code = start_turns(r, &turns, e)))
        return code;
    struct pr_str prompt = PR_STR_INIT((size_t)1 << 30);
    pr_str_append(&prompt, instruction.s, instruction.n);
    if (input.n) {
        pr_str_puts(&prompt, "\n\n");
        pr_str_append(&prompt, input.s, input.n);
    }
    pr_turns_add(turns, "user", pr_str_cstr(&prompt), prompt.len);
    pr_str_done(&prompt);
    if (!(code = text_of(r, "output", true, &r->x->golden, e)))
        r->x->messages = json_incref(turns);
    json_decref(turns);
    return code;
}

static enum pr_code read_golden(struct pr_example_reader *r, struct pr_error *e)
{
    return read_pair(r, "prompt", "golden", e);
}

static enum pr_code read_completion(struct pr_example_reader *r, struct pr_error *e)
{
    return read_pair(r, "prompt", "completion", e);
}

static enum pr_code read_question(struct pr_example_reader *r, struct pr_error *e)
{
    return read_pair(r, "question", "answer", e);
}

static enum pr_code read_output(struct pr_example_reader *r, struct pr_error *e)
{
    return read_pair(r, "input", "output", e);
}

static enum pr_code read_target(struct pr_example_reader *r, struct pr_error *e)
{
    return read_pair(r, "input", "target", e);
}

static enum pr_code read_text(struct pr_example_reader *r, struct pr_error *e)
{
    struct pr_text text;
    if (!json_is_string(json_object_get(r->line, "text")))
        return pr_fail(e, PR_E_FORMAT, "'text' is %s, a string was expected",
            pr_json_type_name(json_object_get(r->line, "text")));
    enum pr_code code = text_of(r, "text", false, &text, e);
    if (code)
        return code;
    json_t *turns = json_array();
    if (pr_turns_from_chatml(r, text, turns)) {
        code = pr_turns_finish(r, turns, e);
    } else if (text.n) {
        r->x->text = text;
    } else {
        code = pr_fail(e, PR_E_FORMAT, "'text' is empty");
    }
    json_decref(turns);
    return code;
}

/* In this order: a line that fits several is read as the first of them. */
static const struct pr_format formats[] = {
    {"prompt/golden", {"prompt", "golden"}, PR_SHAPE_PAIR, read_golden},
    {"messages", {"messages", NULL}, PR_SHAPE_TURNS, read_messages},
    {"sharegpt", {"conversations", NULL}, PR_SHAPE_TURNS, read_sharegpt},
    {"alpaca", {"instruction", "output"}, PR_SHAPE_ALPACA, read_alpaca},
    {"prompt/completion", {"prompt", "completion"}, PR_SHAPE_PAIR, read_completion},
    {"question/answer", {"question", "answer"}, PR_SHAPE_PAIR, read_question},
    {"input/output", {"input", "output"}, PR_SHAPE_PAIR, read_output},
    {"input/target", {"input", "target"}, PR_SHAPE_PAIR, read_target},
    {"text", {"text", NULL}, PR_SHAPE_TEXT, read_text},
};

const struct pr_format *pr_formats(size_t *ret_n)
{
    *ret_n = sizeof formats / sizeof *formats;
    return formats;
}

enum pr_code pr_format_detect(const json_t *line, const struct pr_format **ret, struct pr_error *e)
{
    if (!json_is_object(line))
        return pr_fail(
            e, PR_E_FORMAT, "the line is %s, an object was expected", pr_json_type_name(line));
    struct pr_str near = PR_STR_INIT(400);
    const char *has = NULL;
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const struct pr_format *f = &formats[i];
        bool first = get(line, f->keys[0]), second = !f->keys[1] || get(line, f->keys[1]);
        if (first && second) {
            *ret = f;
            pr_str_done(&near);
            return PR_OK;
        }
        if (first && (!has || !strcmp(has, f->keys[0]))) {
            pr_str_printf(&near, "%s'%s'", has ? " or " : "", f->keys[1]);
            has = f->keys[0];
        }
    }
    enum pr_code code =
        has ? pr_fail(e, PR_E_FORMAT, "has '%s' but lacks %s", has, pr_str_cstr(&near))
            : pr_fail(e, PR_E_FORMAT,
                  "fits no format: 'messages', 'conversations', 'text', or a pair such as "
                  "'prompt' and 'golden' was expected");
    pr_str_done(&near);
    return code;
}
