/* One line: read quickly where it is plainly sound, else by the readers of exam/, then its turns.
 */
#include "queue/line.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/utf8.h"
#include "exam/turns.h"
#include "skills/skill.h"

void pr_line_checker_done(struct pr_line_checker *c)
{
    pr_quick_done(&c->quick);
    pr_dialog_done(&c->dialog);
    pr_known_scratch_done(&c->scratch);
}

void pr_line_reason(struct pr_line_result *r, enum pr_defect d, const char *fmt, ...)
{
    va_list args;
    size_t at;
    bool refuses = pr_defect_refuses(d);
    r->refused |= refuses;
    for (at = 0; at < r->n_reasons; at++)
        if (refuses && !pr_defect_refuses(r->reasons[at].defect))
            break;
    if (at == PR_LINE_REASONS)
        return;
    size_t behind = r->n_reasons - at;
    if (at + 1 + behind > PR_LINE_REASONS)
        behind = PR_LINE_REASONS - at - 1;
    memmove(&r->reasons[at + 1], &r->reasons[at], behind * sizeof *r->reasons);
    r->n_reasons = at + 1 + behind;
    struct pr_reason *to = &r->reasons[at];
    to->defect = d;
    va_start(args, fmt);
    vsnprintf(to->text, sizeof to->text, fmt, args);
    va_end(args);
    to->text[pr_utf8_valid_prefix(to->text, strlen(to->text))] = 0;
}

/* --- turns --- */

/* <think> and </think> take turns, beginning with the first; returns what is wrong, or NULL. */
static const char *think_fault(struct pr_text t)
{
    static const char tag[] = "think>";
    const char *s = t.s, *end = t.s + t.n;
    bool open = false;
    while ((s = memmem(s, (size_t)(end - s), tag, sizeof tag - 1))) {
        bool opens = s > t.s && s[-1] == '<';
        bool closes = s > t.s + 1 && s[-1] == '/' && s[-2] == '<';
        if (opens && open)
            return "<think> inside a think block";
        if (closes && !open)
            return "</think> without <think> before it";
        open = opens || (open && !closes);
        s += sizeof tag - 1;
    }
    return open ? "<think> is not closed" : NULL;
}

static bool is_empty(struct pr_text t)
{
    size_t n;
    pr_utf8_trim(t.s, t.n, &n);
    return !n;
}

static void check_text(
    struct pr_line_result *r, const struct pr_turn *turn, size_t place, size_t max)
{
    static const char *const names[] = {[PR_ROLE_SYSTEM] = "system",
        [PR_ROLE_USER] = "user",
        [PR_ROLE_ASSISTANT] = "assistant",
        [PR_ROLE_OTHER] = "other",
        [PR_ROLE_TEXT] = "text"};
    const char *name = names[turn->role], *fault;
    if (!turn->text.s)
        return;
    if (turn->role != PR_ROLE_SYSTEM && turn->role != PR_ROLE_OTHER && is_empty(turn->text))
        pr_line_reason(r, PR_DEFECT_EMPTY_TURN, "turn %zu (%s) is empty", place, name);
    if (turn->text.n > max)
        pr_line_reason(r, PR_DEFECT_LONG_TURN, "turn %zu (%s) has %zu bytes, the limit is %zu",
            place, name, turn->text.n, max);
    if ((turn->role == PR_ROLE_ASSISTANT || turn->role == PR_ROLE_TEXT) &&
        (fault = think_fault(turn->text)))
        pr_line_reason(r, PR_DEFECT_THINK, "turn %zu (%s): %s", place, name, fault);
}

/* What may not come right after what; whatever surrounds a tool's turn is the template's business.
 */
static const char *order_fault(enum pr_role before, enum pr_role role, bool first)
{
    if (role == PR_ROLE_SYSTEM)
        return first ? NULL : "a system turn that is not the first";
    if (first || before == PR_ROLE_SYSTEM)
        return role == PR_ROLE_USER || role == PR_ROLE_TEXT ? NULL
                                                            : "the user does not speak first";
    if (role == PR_ROLE_USER && before == PR_ROLE_USER)
        return "two user turns in a row";
    if (role == PR_ROLE_ASSISTANT && before == PR_ROLE_ASSISTANT)
        return "two assistant turns in a row";
    return NULL;
}

static void check_turns(struct pr_line_result *r, const struct pr_dialog *d, size_t max_turn)
{
    const char *fault = NULL;
    bool has, closed;
    for (size_t i = 0; i < d->n; i++) {
        if (!fault && (fault = order_fault(i ? d->v[i - 1].role : PR_ROLE_TEXT, d->v[i].role, !i)))
            pr_line_reason(r, PR_DEFECT_ROLE_ORDER, "turn %zu: %s", i + 1, fault);
        check_text(r, &d->v[i], i + 1, max_turn);
    }
    const struct pr_turn *last = &d->v[d->n - 1];
    if (last->role != PR_ROLE_ASSISTANT || !last->text.s || is_empty(last->text))
        return;
    struct pr_text answer = pr_think_split(last->text, &has, &closed);
    if (has && closed && is_empty(answer))
        pr_line_reason(r, PR_DEFECT_EMPTY_TURN, "nothing comes after the answer's think block");
}

static void note_id(struct pr_line_result *r, struct pr_text id)
{
    if (!id.s)
        return;
    uint64_t h = id.n;
    for (size_t i = 0; i < id.n; i++)
        h = (h ^ (unsigned char)id.s[i]) * 0x100000001b3u;
    r->has_id = true;
    r->id = pr_mix(h);
    size_t n = id.n < sizeof r->id_text - 1 ? id.n : sizeof r->id_text - 1;
    memcpy(r->id_text, id.s, n);
    r->id_text[pr_utf8_valid_prefix(r->id_text, n)] = 0;
}

static void check_dialog(struct pr_line_checker *c, struct pr_line_result *r,
    const struct pr_dialog *d, struct pr_text id, struct pr_text skill)
{
    check_turns(r, d, c->max_turn);
    note_id(r, id);
    if (r->refused)
        return;
    pr_line_check_answer(r, d, skill);
    if (c->known && !r->refused) {
        pr_known_read(c->known, d, &c->scratch, &r->text);
        r->has_text = true;
    }
}

/* --- what quick leaves to others --- */

static void warned(void *ctx, const char *text)
{
    pr_line_reason(ctx, PR_DEFECT_ODD, "%s", text);
}

/* A conversation in which nobody answers is named as such. */
static bool lacks_answer(const json_t *line)
{
    static const char *const keys[] = {"messages", "conversations"};
    const json_t *list = NULL, *turn;
    size_t i;
    for (size_t k = 0; k < 2 && !json_is_array(list); k++)
        list = json_object_get(line, keys[k]);
    if (!json_is_array(list))
        return false;
    json_array_foreach ((json_t *)(uintptr_t)list, i, turn) {
        const json_t *role = json_object_get(turn, "role");
        role = role ? role : json_object_get(turn, "from");
        const char *known = json_is_string(role)
                                ? pr_turns_role(json_string_value(role), json_string_length(role))
                                : NULL;
        if (!json_is_string(role) || (known && !strcmp(known, "assistant") && i))
            return false;
    }
    return true;
}

static size_t count(const char *s, size_t n, const char *what)
{
    size_t found = 0, len = strlen(what);
    const char *end = s + n;
    while ((s = memmem(s, (size_t)(end - s), what, len))) {
        s += len;
        found++;
    }
    return found;
}

static struct pr_text text_member(const json_t *line, const char *key)
{
    const json_t *v = json_object_get(line, key);
    return (struct pr_text){json_string_value(v), json_string_length(v)};
}

struct slow {
    struct pr_arena arena;
    struct pr_example x;
    struct pr_error e;
    enum pr_code code;
};

static void parse(struct slow *p, const json_t *line, struct pr_line_result *r)
{
    /* A command is not run here, so it may be named. */
    struct pr_example_options o = {.allow_commands = true, .warn = r ? warned : NULL, .ctx = r};
    p->code = pr_example_parse(line, &o, &p->arena, &p->x, &p->e);
}

static void parse_done(struct slow *p)
{
    if (!p->code)
        pr_example_done(&p->x);
    pr_arena_done(&p->arena);
}

/* {"check":"verifier"} of a skill that there is: the golden answer must pass it, and that is all
 * that can be wrong. */
static bool is_verified(const json_t *line)
{
    const json_t *check = json_object_get(line, "check");
    const char *type = json_string_value(check), *skill;
    if (json_is_object(check))
        type = json_string_value(json_object_get(check, "type"));
    skill = json_string_value(json_object_get(line, "skill"));
    return type && !strcmp(type, "verifier") && skill && pr_skill_find(skill);
}

static void refuse_line(
    const json_t *line, const char *s, size_t n, const struct slow *p, struct pr_line_result *r)
{
    const struct pr_format *format;
    struct pr_error e;
    if (pr_format_detect(line, &format, &e))
        pr_line_reason(r, PR_DEFECT_MISSING_FIELD, "%s", e.message);
    else if (lacks_answer(line))
        pr_line_reason(r, PR_DEFECT_NO_ANSWER, "%s", p->e.message);
    else if (count(s, n, "<think>") != count(s, n, "</think>"))
        pr_line_reason(r, PR_DEFECT_THINK, "%s", p->e.message);
    else if (is_verified(line))
        pr_line_reason(r, PR_DEFECT_WRONG_ANSWER, "%s", p->e.message);
    else
        pr_line_reason(r, PR_DEFECT_BAD_FIELD, "%s", p->e.message);
}

/* A check that can be decided must take the golden answer. */
static void check_golden(struct pr_line_result *r, const struct pr_example *x)
{
    struct pr_answer a = {.example = x, .text = x->check.golden};
    struct pr_error e;
    bool right = true;
    if (x->check.spec && x->check.type && !pr_check_decide(&a, &right, &e) && !right)
        pr_line_reason(r, PR_DEFECT_WRONG_ANSWER,
            "the line's check '%s' refuses its own golden answer", x->check.type->name);
}

static void note_forgiven(struct pr_line_result *r, const struct pr_json_notes *n)
{
    if (n->lone_surrogate)
        pr_line_reason(r, PR_DEFECT_SURROGATE, "a \\u escape is half of a surrogate pair");
    if (n->nul)
        pr_line_reason(r, PR_DEFECT_NUL, "a string holds \\u0000");
    if (n->repeated_key)
        pr_line_reason(r, PR_DEFECT_ODD, "a key is repeated, its last value is used");
    if (n->number_range)
        pr_line_reason(r, PR_DEFECT_ODD, "a number is out of range");
}

static void check_slowly(
    struct pr_line_checker *c, const char *s, size_t n, struct pr_line_result *r)
{
    json_t *line = NULL;
    struct pr_json_notes notes = {0};
    struct slow p = {0};
    if (pr_json_parse(s, n, PR_JSON_LENIENT, NULL, &line, &notes, &p.e)) {
        pr_line_reason(r, memchr(s, 0, n) ? PR_DEFECT_NUL : PR_DEFECT_NOT_JSON, "%s", p.e.message);
        return;
    }
    note_forgiven(r, &notes);
    parse(&p, line, r);
    if (p.code) {
        refuse_line(line, s, n, &p, r);
    } else {
        struct pr_text id = {0};
        if (p.x.own_id)
            id = (struct pr_text){p.x.id, strlen(p.x.id)};
        pr_dialog_of(&c->dialog, &p.x);
        check_golden(r, &p.x);
        check_dialog(c, r, &c->dialog, id, text_member(line, "skill"));
    }
    parse_done(&p);
    json_decref(line);
}

void pr_line_check(struct pr_line_checker *c, const char *s, size_t n, struct pr_line_result *ret)
{
    ret->has_id = ret->has_text = ret->refused = false;
    ret->n_reasons = 0;
    size_t valid = pr_utf8_valid_prefix(s, n);
    if (valid < n)
        pr_line_reason(ret, PR_DEFECT_NOT_UTF8, "not valid UTF-8 (byte %zu of the line)", valid);
    else if (!c->always_slow && pr_quick_read(&c->quick, s, n))
        check_dialog(c, ret, &c->quick.dialog, c->quick.id, c->quick.skill);
    else
        check_slowly(c, s, n, ret);
}
