/* The table of answer checks and their decisions; judge.c and regex.c hold the larger ones' parts.
 */
#include "exam/checks.h"

#include <math.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"
#include "exam/example.h"
#include "exam/jsonvalue.h"
#include "exam/numbers.h"
#include "exam/regex.h"
#include "skills/skill.h"

#define MAX_TEXT ((size_t)1 << 30)

/* Trimmed of white space, in Unicode NFC, in lower case where asked. */
static enum pr_code fold(struct pr_text t, bool ignore_case, struct pr_str *out, struct pr_error *e)
{
    size_t n;
    const char *s = pr_utf8_trim(t.s, t.n, &n);
    *out = PR_STR_INIT(MAX_TEXT);
    if (!ignore_case)
        return pr_utf8_normalize(PR_NFC, s, n, out, e);
    struct pr_str lower = PR_STR_INIT(MAX_TEXT);
    for (size_t i = 0; i < n;) {
        uint32_t c;
        char buf[4];
        i += pr_utf8_decode(s + i, &c);
        pr_str_append(&lower, buf, pr_utf8_encode(pr_utf8_lower(c), buf));
    }
    enum pr_code code = pr_utf8_normalize(PR_NFC, pr_str_cstr(&lower), lower.len, out, e);
    pr_str_done(&lower);
    return code;
}

static enum pr_code decide_exact(
    const struct pr_check *c, const struct pr_answer *a, bool *ret, struct pr_error *e)
{
    struct pr_str x = {0}, y = {0};
    enum pr_code code = fold(c->golden, c->ignore_case, &x, e);
    if (!code && !(code = fold(a->text, c->ignore_case, &y, e)))
        *ret = x.len == y.len && !memcmp(pr_str_cstr(&x), pr_str_cstr(&y), x.len);
    pr_str_done(&x);
    pr_str_done(&y);
    return code;
}

static enum pr_code decide_contains(
    const struct pr_check *c, const struct pr_answer *a, bool *ret, struct pr_error *e)
{
    struct pr_str hay = {0};
    enum pr_code code = fold(a->text, c->ignore_case, &hay, e);
    bool all = true;
    size_t n = c->n_texts ? c->n_texts : 1;
    for (size_t i = 0; !code && all && i < n; i++) {
        struct pr_str needle = {0};
        code = fold(c->n_texts ? c->texts[i] : c->golden, c->ignore_case, &needle, e);
        all = memmem(pr_str_cstr(&hay), hay.len, pr_str_cstr(&needle), needle.len);
        pr_str_done(&needle);
    }
    pr_str_done(&hay);
    if (!code)
        *ret = all;
    return code;
}

static bool compare_numbers(const struct pr_check *c, struct pr_text answer,
    bool (*read)(struct pr_text, struct pr_number *))
{
    struct pr_number want, got;
    if (!read(c->golden, &want))
        return false;
    bool same = read(answer, &got);
    if (same) {
        same = pr_number_equal(&want, &got, c->tolerance);
        pr_number_done(&got);
    }
    pr_number_done(&want);
    return same;
}

static bool is_number(const struct pr_check *c, struct pr_text answer)
{
    (void)c;
    struct pr_number x;
    bool fine = pr_number_parse(answer, &x);
    if (fine)
        pr_number_done(&x);
    return fine;
}

static bool holds_number(const struct pr_check *c, struct pr_text answer)
{
    (void)c;
    struct pr_number x;
    bool fine = pr_number_last(answer, &x);
    if (fine)
        pr_number_done(&x);
    return fine;
}

static enum pr_code decide_numeric(
    const struct pr_check *c, const struct pr_answer *a, bool *ret, struct pr_error *e)
{
    (void)e;
    *ret = compare_numbers(c, a->text, pr_number_parse);
    return PR_OK;
}

static enum pr_code decide_final_number(
    const struct pr_check *c, const struct pr_answer *a, bool *ret, struct pr_error *e)
{
    (void)e;
    *ret = compare_numbers(c, a->text, pr_number_last);
    return PR_OK;
}

static enum pr_code decide_regex(
    const struct pr_check *c, const struct pr_answer *a, bool *ret, struct pr_error *e)
{
    return pr_regex_search(c->regex, a->text.s, a->text.n, ret, e);
}

static enum pr_code decide_json(
    const struct pr_check *c, const struct pr_answer *a, bool *ret, struct pr_error *e)
{
    (void)e;
    *ret = pr_json_text_equal(c->golden, a->text);
    return PR_OK;
}

static bool is_json(const struct pr_check *c, struct pr_text answer)
{
    (void)c;
    return pr_json_text_valid(answer);
}

/* What the model chose is compared where choices are ranked; here as text, for answers from
 * outside. */
static enum pr_code decide_choice(
    const struct pr_check *c, const struct pr_answer *a, bool *ret, struct pr_error *e)
{
    struct pr_check same = *c;
    same.golden = c->choices[c->right_choice];
    return decide_exact(&same, a, ret, e);
}

static enum pr_code decide_command(
    const struct pr_check *c, const struct pr_answer *a, bool *ret, struct pr_error *e)
{
    if (!a->judges)
        return pr_fail(e, PR_E_UNSUPPORTED, "check 'command' is not allowed here");
    json_t *q = json_object();
    pr_json_set_str(q, "id", a->example->id);
    json_object_set(q, "messages", a->example->messages);
    pr_json_set_strn(q, "golden", a->example->golden.s, a->example->golden.n);
    pr_json_set_strn(q, "answer", a->text.s, a->text.n);
    enum pr_code code =
        pr_judges_ask(a->judges, (const char *const *)c->argv, c->timeout_ms, q, ret, e);
    json_decref(q);
    return code;
}

/* --- settings --- */

static struct pr_text keep(const struct pr_example_reader *r, const json_t *v)
{
    size_t n = json_string_length(v);
    return (struct pr_text){.s = pr_arena_strndup(r->arena, json_string_value(v), n), .n = n};
}

/* A string, or an array of strings, as a list in the arena. */
static enum pr_code text_list(const struct pr_example_reader *r, const json_t *v, const char *key,
    struct pr_text **ret, size_t *ret_n, struct pr_error *e)
{
    size_t n = json_is_array(v) ? json_array_size(v) : 1;
    struct pr_text *list = pr_arena_alloc(r->arena, (n + 1) * sizeof *list);
    for (size_t i = 0; i < n; i++) {
        const json_t *item = json_is_array(v) ? json_array_get(v, i) : v;
        if (!json_is_string(item))
            return pr_fail(e, PR_E_FORMAT, "'%s' of the check holds %s, strings were expected", key,
                pr_json_type_name(item));
        list[i] = keep(r, item);
    }
    *ret = list;
    *ret_n = n;
    return PR_OK;
}

static enum pr_code ignore_case_of(struct pr_check *c, const json_t *spec, struct pr_error *e)
{
    return pr_json_get_bool(spec, "ignore_case", false, &c->ignore_case, e);
}

static enum pr_code prepare_exact(
    struct pr_check *c, const json_t *spec, const struct pr_example_reader *r, struct pr_error *e)
{
    (void)r;
    return ignore_case_of(c, spec, e);
}

static enum pr_code prepare_contains(
    struct pr_check *c, const json_t *spec, const struct pr_example_reader *r, struct pr_error *e)
{
    const json_t *v = json_object_get(spec, "text");
    enum pr_code code = ignore_case_of(c, spec, e);
    if (!code && v)
        code = text_list(r, v, "text", &c->texts, &c->n_texts, e);
    for (size_t i = 0; !code && i < (v ? c->n_texts : 1); i++) {
        struct pr_text t = v ? c->texts[i] : c->golden;
        size_t n;
        pr_utf8_trim(t.s, t.n, &n);
        if (!n)
            return pr_fail(
                e, PR_E_FORMAT, "check 'contains' with an empty text would accept every answer");
    }
    return code;
}

static enum pr_code tolerance_of(struct pr_check *c, const json_t *spec, struct pr_error *e)
{
    return pr_json_get_real(spec, "tolerance", false, 0, 1e300, &c->tolerance, e);
}

static enum pr_code prepare_numeric(
    struct pr_check *c, const json_t *spec, const struct pr_example_reader *r, struct pr_error *e)
{
    (void)r;
    if (!is_number(c, c->golden))
        return pr_fail(e, PR_E_FORMAT, "check 'numeric': the golden answer is not a number");
    return tolerance_of(c, spec, e);
}

static enum pr_code prepare_final_number(
    struct pr_check *c, const json_t *spec, const struct pr_example_reader *r, struct pr_error *e)
{
    (void)r;
    if (!holds_number(c, c->golden))
        return pr_fail(e, PR_E_FORMAT, "check 'final_number': the golden answer holds no number");
    return tolerance_of(c, spec, e);
}

static enum pr_code prepare_json(
    struct pr_check *c, const json_t *spec, const struct pr_example_reader *r, struct pr_error *e)
{
    (void)spec;
    (void)r;
    return is_json(c, c->golden)
               ? PR_OK
               : pr_fail(e, PR_E_FORMAT, "check 'json': the golden answer is not JSON");
}

/* The pattern is the check's own, else the line's "pattern", else the golden answer. */
static enum pr_code prepare_regex(
    struct pr_check *c, const json_t *spec, const struct pr_example_reader *r, struct pr_error *e)
{
    const json_t *v = json_object_get(spec, "pattern");
    v = v ? v : json_object_get(r->line, "pattern");
    if (v && !json_is_string(v))
        return pr_fail(
            e, PR_E_FORMAT, "'pattern' is %s, a string was expected", pr_json_type_name(v));
    struct pr_text pattern = v ? keep(r, v) : c->golden;
    enum pr_code code = ignore_case_of(c, spec, e);
    return code ? code : pr_regex_compile(pattern.s, pattern.n, c->ignore_case, &c->regex, e);
}

/* Which choice is golden: the one with its text, else the number or letter that names it. */
static bool find_choice(struct pr_check *c, const struct pr_example_reader *r)
{
    struct pr_error e;
    for (size_t i = 0; i < c->n_choices; i++) {
        struct pr_check one = {.golden = c->choices[i]};
        struct pr_answer golden = {.text = c->golden};
        bool same = false;
        if (!decide_exact(&one, &golden, &same, &e) && same) {
            c->right_choice = i;
            return true;
        }
    }
    static const char *const answers[] = {"golden", "answer", "completion", "output", "target"};
    size_t n;
    const char *s = pr_utf8_trim(c->golden.s, c->golden.n, &n);
    size_t at = n == 1 && *s >= 'A' && *s <= 'Z'   ? (size_t)(*s - 'A')
                : n == 1 && *s >= 'a' && *s <= 'z' ? (size_t)(*s - 'a')
                                                   : c->n_choices;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        const json_t *v = json_object_get(r->line, answers[i]);
        if (json_is_integer(v) && json_integer_value(v) >= 0)
            at = (size_t)json_integer_value(v);
    }
    c->right_choice = at;
    return at < c->n_choices;
}

static enum pr_code prepare_choice(
    struct pr_check *c, const json_t *spec, const struct pr_example_reader *r, struct pr_error *e)
{
    const json_t *v = json_object_get(spec, "choices");
    v = v ? v : json_object_get(r->line, "choices");
    if (!json_is_array(v) || json_array_size(v) < 2 || json_array_size(v) > 1024)
        return pr_fail(e, PR_E_FORMAT,
            "check 'choice': 'choices' is %s, 2 to 1024 strings were expected",
            json_is_array(v) ? "an array of another length" : pr_json_type_name(v));
    enum pr_code code = text_list(r, v, "choices", &c->choices, &c->n_choices, e);
    if (code)
        return code;
    if (!find_choice(c, r))
        return pr_fail(e, PR_E_FORMAT, "check 'choice': the golden answer is none of the choices");
    /* A number or letter stands for the text, which is what is scored. */
    r->x->golden = c->golden = c->choices[c->right_choice];
    return PR_OK;
}

static enum pr_code unknown_skill(const char *name, struct pr_error *e)
{
    struct pr_str known = PR_STR_INIT(1024);
    pr_skill_names(&known);
    enum pr_code code =
        name ? pr_fail(e, PR_E_UNSUPPORTED,
                   "check 'verifier': skill '%.60s' has no verifier, those with one are %s", name,
                   pr_str_cstr(&known))
             : pr_fail(e, PR_E_UNSUPPORTED, "check 'verifier' needs the line's 'skill', one of %s",
                   pr_str_cstr(&known));
    pr_str_done(&known);
    return code;
}

/* The golden answer must pass, so that a question of another form than the skill's is refused
 * rather than every answer to it called wrong. */
static enum pr_code prepare_verifier(
    struct pr_check *c, const json_t *spec, const struct pr_example_reader *r, struct pr_error *e)
{
    (void)spec;
    const char *name = r->x->skill;
    if (!name || !(c->skill = pr_skill_find(name)))
        return unknown_skill(name, e);
    struct pr_text q = pr_example_question(r->x);
    c->question = (struct pr_text){pr_arena_strndup(r->arena, q.s, q.n), q.n};
    if (!c->skill->verify(q.s, q.n, c->golden.s, c->golden.n))
        return pr_fail(e, PR_E_FORMAT,
            "check 'verifier': by the verifier of skill '%s' the golden answer does not answer "
            "this question",
            name);
    return PR_OK;
}

static enum pr_code decide_verifier(
    const struct pr_check *c, const struct pr_answer *a, bool *ret, struct pr_error *e)
{
    (void)e;
    *ret = c->skill->verify(c->question.s, c->question.n, a->text.s, a->text.n);
    return PR_OK;
}

static enum pr_code prepare_command(
    struct pr_check *c, const json_t *spec, const struct pr_example_reader *r, struct pr_error *e)
{
    const json_t *v = json_object_get(spec, "command");
    double seconds = 10;
    if (!json_is_array(v) || !json_array_size(v) || json_array_size(v) > 256)
        return pr_fail(e, PR_E_FORMAT, "check 'command' is %s, an array of strings was expected",
            json_is_array(v) ? "an empty array" : pr_json_type_name(v));
    enum pr_code code = pr_json_get_real(spec, "timeout", false, 0.001, 3600, &seconds, e);
    if (code)
        return code;
    c->timeout_ms = (int)ceil(seconds * 1000);
    c->n_argv = json_array_size(v);
    c->argv = pr_arena_alloc(r->arena, (c->n_argv + 1) * sizeof *c->argv);
    for (size_t i = 0; i < c->n_argv; i++) {
        const json_t *item = json_array_get(v, i);
        if (!json_is_string(item) || strlen(json_string_value(item)) != json_string_length(item))
            return pr_fail(e, PR_E_FORMAT,
                "check 'command'[%zu] is %s, a string without NUL was expected", i,
                pr_json_type_name(item));
        c->argv[i] = keep(r, item).s;
    }
    if (!r->options || !r->options->allow_commands)
        return pr_fail(e, PR_E_UNSUPPORTED,
            "check 'command' runs a program (%s) that the data set names, which is off unless "
            "allowed: "
            "--allow-commands",
            c->argv[0]);
    return PR_OK;
}

static const struct pr_check_type types[] = {
    {"exact", NULL, true, prepare_exact, decide_exact, NULL},
    {"numeric", "tolerance", true, prepare_numeric, decide_numeric, is_number},
    {"choice", "choices", false, prepare_choice, decide_choice, NULL},
    {"contains", "text", true, prepare_contains, decide_contains, NULL},
    {"regex", "pattern", true, prepare_regex, decide_regex, NULL},
    {"json", NULL, true, prepare_json, decide_json, is_json},
    {"final_number", "tolerance", true, prepare_final_number, decide_final_number, holds_number},
    {"verifier", NULL, true, prepare_verifier, decide_verifier, NULL},
    {"command", "command", true, prepare_command, decide_command, NULL},
};

const struct pr_check_type *pr_check_types(size_t *ret_n)
{
    *ret_n = sizeof types / sizeof *types;
    return types;
}

const struct pr_check_type *pr_check_find(const char *name)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i].name, name))
            return &types[i];
    return NULL;
}

static enum pr_code unknown_check(const char *name, struct pr_error *e)
{
    struct pr_str known = PR_STR_INIT(512);
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        pr_str_printf(&known, "%s%s", i ? ", " : "", types[i].name);
    pr_fail(e, PR_E_UNSUPPORTED, "unknown check '%s', known are %s", name, pr_str_cstr(&known));
    pr_str_done(&known);
    return PR_E_UNSUPPORTED;
}

/* "regex" | {"type": "regex", "pattern": …} | {"regex": …}, as an object with its type found. */
static enum pr_code read_spec(
    const json_t *v, const struct pr_check_type **ret_type, json_t **ret, struct pr_error *e)
{
    if (json_is_string(v)) {
        if (!(*ret_type = pr_check_find(json_string_value(v))))
            return unknown_check(json_string_value(v), e);
        *ret = json_object();
        return PR_OK;
    }
    if (!json_is_object(v))
        return pr_fail(e, PR_E_FORMAT, "'check' is %s, a string or an object was expected",
            pr_json_type_name(v));
    const json_t *name = json_object_get(v, "type");
    name = name ? name : json_object_get(v, "name");
    if (name && !json_is_string(name))
        return pr_fail(e, PR_E_FORMAT, "'type' of the check is %s, a string was expected",
            pr_json_type_name(name));
    if (name) {
        if (!(*ret_type = pr_check_find(json_string_value(name))))
            return unknown_check(json_string_value(name), e);
        *ret = json_copy((json_t *)v);
        return PR_OK;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        json_t *arg = json_object_get(v, types[i].name);
        if (!arg)
            continue;
        *ret_type = &types[i];
        *ret = json_copy((json_t *)v);
        bool plain = json_is_boolean(arg) || json_is_null(arg); /* {"exact": true} */
        if (types[i].argument && !plain)
            json_object_set(*ret, types[i].argument, arg);
        return PR_OK;
    }
    return pr_fail(e, PR_E_FORMAT,
        "'check' names no check: {\"type\": \"exact\"} or {\"command\": [\u2026]} "
        "was expected");
}

enum pr_code pr_check_parse(struct pr_example_reader *r, struct pr_error *e)
{
    struct pr_check *c = &r->x->check;
    const json_t *v = json_object_get(r->line, "check");
    v = v && !json_is_null(v) ? v : NULL;
    json_t *spec = NULL;
    bool has, closed;
    *c = (struct pr_check){.tolerance = -1, .golden = pr_think_split(r->x->golden, &has, &closed)};
    if (has && !closed)
        return pr_fail(e, PR_E_FORMAT, "the golden answer's <think> block does not end");
    enum pr_code code = PR_OK;
    if (v) {
        if ((code = read_spec(v, &c->type, &spec, e)))
            return code;
        c->spec = json_incref((json_t *)v);
    } else {
        bool gsm =
            !strcmp(r->x->format->name, "question/answer") && pr_number_has_marker(c->golden);
        c->type = pr_check_find(gsm ? "final_number" : "exact");
        spec = json_object();
    }
    if (c->type->prepare)
        code = c->type->prepare(c, spec, r, e);
    json_decref(spec);
    return code;
}

void pr_check_done(struct pr_check *c)
{
    json_decref(c->spec);
    pr_regex_free(c->regex);
    c->spec = NULL;
    c->regex = NULL;
}

enum pr_code pr_check_decide(const struct pr_answer *a, bool *ret_correct, struct pr_error *e)
{
    const struct pr_check *c = &a->example->check;
    if (!c->type || !c->type->decide)
        return pr_fail(e, PR_E_UNSUPPORTED, "the example has no check that can be decided");
    return c->type->decide(c, a, ret_correct, e);
}

bool pr_check_well_formed(const struct pr_check *c, struct pr_text answer)
{
    size_t n;
    pr_utf8_trim(answer.s, answer.n, &n);
    if (c->type && c->type->well_formed)
        return c->type->well_formed(c, answer);
    return n > 0;
}
