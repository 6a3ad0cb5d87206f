/* Prompts; see prompt.h. */
#include "exam/prompt.h"

#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/sha256.h"
#include "base/utf8.h"

#define MAX_TEXT ((size_t)1 << 30)

struct pr_prompter {
    struct pr_checkpoint *checkpoint;
    const struct pr_tokenizer *tokenizer;
    struct pr_template *chat; /* NULL: none */
    json_t *vars;             /* the configuration's variables, an object */
    int64_t now_utc_ms;
    int32_t end_of_turn;
    struct pr_ids stops;
};

/* A template's variables, as transformers passes them; the special tokens, then the configured
 * ones, then what this call is about. */
static enum pr_code render_with(const struct pr_prompter *p, json_t *messages, json_t *tools,
    const json_t *more, bool generation_prompt, struct pr_str *out, struct pr_error *e)
{
    struct pr_template_options o = {.now_utc_ms = p->now_utc_ms};
    const json_t *specials = pr_checkpoint_specials(p->checkpoint);
    json_t *vars = json_object();
    pr_json_set(vars, "tools", json_null());
    pr_json_set(vars, "documents", json_null());
    if (specials)
        json_object_update(vars, (json_t *)(uintptr_t)specials);
    json_object_update(vars, p->vars);
    if (more)
        json_object_update(vars, (json_t *)(uintptr_t)more);
    json_object_set(vars, "messages", messages);
    if (tools)
        json_object_set(vars, "tools", tools);
    pr_json_set_bool(vars, "add_generation_prompt", generation_prompt);
    enum pr_code code = pr_template_render(p->chat, vars, &o, out, e);
    json_decref(vars);
    return code;
}

static enum pr_code render(const struct pr_prompter *p, json_t *messages, json_t *tools,
    bool generation_prompt, struct pr_str *out, struct pr_error *e)
{
    return render_with(p, messages, tools, NULL, generation_prompt, out, e);
}

static json_t *probe(const char *user, const char *assistant)
{
    json_t *turns = json_array(), *one;
    const char *const roles[] = {"user", "assistant"}, *const texts[] = {user, assistant};
    for (int i = 0; i < 2; i++) {
        one = json_object();
        pr_json_set_str(one, "role", roles[i]);
        pr_json_set_str(one, "content", texts[i]);
        json_array_append_new(turns, one);
    }
    return turns;
}

/* Renders a turn with a word that no template holds and looks at what follows it.  −1 where the
 * template raises, drops the word, or writes nothing but white space after it. */
static int32_t probe_end_of_turn(const struct pr_prompter *p)
{
    static const char word[] = "proctorprobeword";
    struct pr_str text = PR_STR_INIT(MAX_TEXT);
    struct pr_ids ids = {0};
    struct pr_error e;
    int32_t id = -1;
    json_t *turns = probe("a", word);
    if (!render(p, turns, NULL, false, &text, &e)) {
        const char *s = pr_str_cstr(&text), *at = NULL;
        for (const char *next = strstr(s, word); next; next = strstr(next + 1, word))
            at = next;
        size_t n = 0, rest = at ? text.len - (size_t)(at - s) - (sizeof word - 1) : 0;
        /* Some templates set the token off by a space (Llama 2); white space ends no turn. */
        const char *after = at ? pr_utf8_trim(at + sizeof word - 1, rest, &n) : NULL;
        if (n && !pr_tokenizer_encode(p->tokenizer, after, n, &ids, &e) && ids.n)
            id = ids.v[0];
    }
    json_decref(turns);
    pr_ids_done(&ids);
    pr_str_done(&text);
    return id;
}

static int32_t find_end_of_turn(const struct pr_prompter *p)
{
    int32_t id = p->chat ? probe_end_of_turn(p) : -1;
    const char *eos = pr_checkpoint_special(p->checkpoint, "eos_token");
    if (id < 0 && eos)
        id = pr_tokenizer_id(p->tokenizer, eos);
    size_t n;
    const int32_t *ends = pr_checkpoint_eos(p->checkpoint, &n);
    return id < 0 && n ? ends[0] : id;
}

static void push_once(struct pr_ids *ids, int32_t id)
{
    for (size_t i = 0; i < ids->n; i++)
        if (ids->v[i] == id)
            return;
    pr_ids_push(ids, id);
}

enum pr_code pr_prompter_new(struct pr_checkpoint *c, const struct pr_prompt_options *options,
    struct pr_prompter **ret, struct pr_error *e)
{
    struct pr_prompter *p = pr_zalloc(sizeof *p);
    p->checkpoint = c;
    p->now_utc_ms = options && options->now_utc_ms ? options->now_utc_ms : PR_PROMPT_NOW_MS;
    p->vars =
        options && options->template_vars ? json_deep_copy(options->template_vars) : json_object();
    const char *source = pr_checkpoint_template(c);
    enum pr_code code = pr_checkpoint_tokenizer(c, &p->tokenizer, e);
    if (!code && source && (code = pr_template_compile(source, strlen(source), &p->chat, e)))
        code = pr_wrap(e, code, "%s: chat template", pr_checkpoint_name(c));
    if (code) {
        pr_prompter_free(p);
        return code;
    }
    p->end_of_turn = find_end_of_turn(p);
    size_t n;
    const int32_t *ends = pr_checkpoint_eos(c, &n);
    for (size_t i = 0; i < n; i++)
        push_once(&p->stops, ends[i]);
    if (p->end_of_turn >= 0)
        push_once(&p->stops, p->end_of_turn);
    *ret = p;
    return PR_OK;
}

void pr_prompter_free(struct pr_prompter *p)
{
    if (!p)
        return;
    pr_template_free(p->chat);
    json_decref(p->vars);
    pr_ids_done(&p->stops);
    pr_free(p);
}

const struct pr_tokenizer *pr_prompter_tokenizer(const struct pr_prompter *p)
{
    return p->tokenizer;
}

bool pr_prompter_has_template(const struct pr_prompter *p)
{
    return p->chat;
}

int32_t pr_prompter_end_of_turn(const struct pr_prompter *p)
{
    return p->end_of_turn;
}

const int32_t *pr_prompter_stops(const struct pr_prompter *p, size_t *ret_n)
{
    *ret_n = p->stops.n;
    return p->stops.v;
}

json_t *pr_prompter_settings(const struct pr_prompter *p)
{
    json_t *o = json_object(), *stops = json_array();
    char date[32] = "", hex[PR_SHA256_HEX];
    uint8_t hash[PR_SHA256_LEN];
    const char *source = p->chat ? pr_checkpoint_template(p->checkpoint) : "";
    pr_sha256(source, strlen(source), hash);
    pr_sha256_hex(hash, hex);
    pr_clock_iso8601(p->now_utc_ms, date);
    pr_json_set_str(o, "template", p->chat ? hex : "none");
    json_object_set(o, "template_variables", p->vars);
    pr_json_set_str(o, "date", date);
    pr_json_set_int(o, "end_of_turn", p->end_of_turn);
    for (size_t i = 0; i < p->stops.n; i++)
        json_array_append_new(stops, json_integer(p->stops.v[i]));
    pr_json_set(o, "stop", stops);
    return o;
}

enum pr_code pr_prompter_render(
    const struct pr_prompter *p, const struct pr_example *x, struct pr_str *out, struct pr_error *e)
{
    if (x->messages && p->chat)
        return render(p, x->messages, x->tools, true, out, e);
    if (x->messages)
        pr_str_append(out, x->prompt.s, x->prompt.n);
    return PR_OK;
}

enum pr_code pr_prompter_render_turns(const struct pr_prompter *p, const json_t *messages,
    const json_t *vars, struct pr_str *out, struct pr_error *e)
{
    if (!p->chat)
        return pr_fail(e, PR_E_NOT_FOUND, "the model has no chat template");
    return render_with(p, (json_t *)(uintptr_t)messages, NULL, vars, true, out, e);
}

/* Does the text end inside a think block, as the generation prompts of some reasoning models do? */
static bool ends_in_think(const struct pr_str *text)
{
    static const char open[] = "<think>";
    size_t n;
    const char *s = pr_utf8_trim(pr_str_cstr(text), text->len, &n);
    return n >= sizeof open - 1 && !memcmp(s + n - (sizeof open - 1), open, sizeof open - 1);
}

enum pr_code pr_prompter_build(const struct pr_prompter *p, const struct pr_example *x,
    struct pr_text answer, struct pr_prompt *ret, struct pr_error *e)
{
    struct pr_prompt out = {0};
    struct pr_str text = PR_STR_INIT(MAX_TEXT);
    enum pr_code code;
    if (x->text.s) {
        code = pr_tokenizer_encode(p->tokenizer, x->text.s, x->text.n, &out.ids, e);
        if (!code && !out.ids.n)
            code = pr_fail(e, PR_E_FORMAT, "the text has no tokens");
        goto out;
    }
    if ((code = pr_prompter_render(p, x, &text, e)) ||
        (code = pr_tokenizer_encode(p->tokenizer, pr_str_cstr(&text), text.len, &out.ids, e)))
        goto out;
    if (!out.ids.n) {
        code = pr_fail(
            e, PR_E_FORMAT, "the prompt has no tokens, so its answer has no first one to predict");
        goto out;
    }
    out.n_prompt = out.ids.n;
    out.think_open = p->chat && ends_in_think(&text);
    if ((code = pr_tokenizer_encode(p->tokenizer, answer.s, answer.n, &out.ids, e)))
        goto out;
    if (p->end_of_turn >= 0)
        pr_ids_push(&out.ids, p->end_of_turn);
    if (out.ids.n == out.n_prompt)
        code = pr_fail(e, PR_E_FORMAT, "the answer has no tokens");
out:
    pr_str_done(&text);
    if (code)
        pr_prompt_done(&out);
    else
        *ret = out;
    return code;
}

void pr_prompt_done(struct pr_prompt *p)
{
    pr_ids_done(&p->ids);
}
