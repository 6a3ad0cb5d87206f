/* The quick reader: one pass over the line's bytes; see quick.h. */
#include "queue/quick.h"

#include <string.h>

#include "base/alloc.h"
#include "exam/numbers.h"
#include "exam/turns.h"
#include "queue/cursor.h"
#include "skills/skill.h"

#define MAX_FIELDS 24
#define MAX_LABEL  ((size_t)1 << 15)

struct reader {
    struct pr_quick *q;
    struct pr_cursor c;
    struct pr_value fields[MAX_FIELDS];
    size_t n_fields;
    bool has_turns;
};

void pr_quick_done(struct pr_quick *q)
{
    pr_dialog_done(&q->dialog);
    pr_free(q->decoded);
}

/* --- turns --- */

static bool is(struct pr_text t, const char *word)
{
    return t.n == strlen(word) && !memcmp(t.s, word, t.n);
}

static bool add_turn(struct reader *r, struct pr_text role, struct pr_text text)
{
    const char *known = pr_turns_role(role.s, role.n);
    if (!known)
        return false;
    pr_dialog_add(&r->q->dialog, pr_role_of(known, strlen(known)), text.s, text.n);
    return true;
}

/* {"role":…,"content":…}, or "from" and "value"; other members are the template's business. */
static bool read_turn(struct reader *r)
{
    struct pr_text keys[8], role = {NULL, 0}, text = {NULL, 0};
    size_t n = 0;
    if (!pr_cursor_take(&r->c, '{') || pr_cursor_take(&r->c, '}'))
        return false;
    do {
        struct pr_value f;
        if (n == 8 || !pr_cursor_key(&r->c, &keys[n]))
            return false;
        for (size_t i = 0; i < n; i++)
            if (pr_text_same(keys[i], keys[n]))
                return false;
        if (!pr_cursor_value(&r->c, &f))
            return false;
        struct pr_text *to = is(keys[n], "role") || is(keys[n], "from")       ? &role
                             : is(keys[n], "content") || is(keys[n], "value") ? &text
                                                                              : NULL;
        n++;
        if (to && (to->s || f.type != PR_VALUE_STRING))
            return false;
        if (to)
            *to = f.text;
    } while (pr_cursor_take(&r->c, ','));
    return pr_cursor_take(&r->c, '}') && role.s && text.s && add_turn(r, role, text);
}

static bool read_turns(struct reader *r)
{
    if (r->has_turns || !pr_cursor_take(&r->c, '['))
        return false;
    r->has_turns = true;
    do {
        if (!read_turn(r))
            return false;
    } while (pr_cursor_take(&r->c, ','));
    return pr_cursor_take(&r->c, ']');
}

/* --- the line --- */

static struct pr_value *find(struct reader *r, const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < r->n_fields; i++)
        if (r->fields[i].key.n == n && !memcmp(r->fields[i].key.s, key, n))
            return &r->fields[i];
    return NULL;
}

static enum pr_value_type type_of(struct reader *r, const char *key)
{
    const struct pr_value *f = find(r, key);
    return f ? f->type : PR_VALUE_ABSENT;
}

static bool has(struct reader *r, const char *key)
{
    enum pr_value_type t = type_of(r, key);
    return t != PR_VALUE_ABSENT && t != PR_VALUE_NOTHING;
}

static bool read_fields(struct reader *r)
{
    if (!pr_cursor_take(&r->c, '{') || pr_cursor_take(&r->c, '}'))
        return false;
    do {
        struct pr_value *f = &r->fields[r->n_fields];
        if (r->n_fields == MAX_FIELDS || !pr_cursor_key(&r->c, &f->key))
            return false;
        for (size_t i = 0; i < r->n_fields; i++)
            if (pr_text_same(r->fields[i].key, f->key))
                return false;
        pr_cursor_skip_space(&r->c);
        if (is(f->key, "messages") || is(f->key, "conversations")) {
            f->type = PR_VALUE_TURNS;
            if (!read_turns(r))
                return false;
        } else if (!pr_cursor_value(&r->c, f)) {
            return false;
        }
        r->n_fields++;
    } while (pr_cursor_take(&r->c, ','));
    if (!pr_cursor_take(&r->c, '}'))
        return false;
    pr_cursor_skip_space(&r->c);
    return r->c.s == r->c.end;
}

static bool find_format(struct reader *r)
{
    size_t n;
    const struct pr_format *all = pr_formats(&n);
    for (size_t i = 0; i < n; i++)
        if (has(r, all[i].keys[0]) && (!all[i].keys[1] || has(r, all[i].keys[1]))) {
            r->q->format = &all[i];
            return true;
        }
    return false;
}

/* Text of a label: absent, or a string or number that is not long. */
static bool label(struct reader *r, const char *key, struct pr_text *ret)
{
    const struct pr_value *f = find(r, key);
    *ret = (struct pr_text){NULL, 0};
    if (!f || f->type == PR_VALUE_NOTHING)
        return true;
    if ((f->type != PR_VALUE_STRING && f->type != PR_VALUE_NUMBER) || f->text.n > MAX_LABEL)
        return false;
    if (f->text.n)
        *ret = f->text;
    return true;
}

static bool system_turn(struct reader *r)
{
    const struct pr_value *f = find(r, "system");
    if (!f || f->type == PR_VALUE_NOTHING)
        return true;
    if (f->type != PR_VALUE_STRING)
        return false;
    if (!f->text.n)
        return true;
    pr_dialog_add(&r->q->dialog, PR_ROLE_SYSTEM, f->text.s, f->text.n);
    struct pr_turn *v = r->q->dialog.v, last = v[r->q->dialog.n - 1];
    memmove(v + 1, v, (r->q->dialog.n - 1) * sizeof *v);
    v[0] = last;
    return true;
}

static bool pair(struct reader *r, struct pr_text asked)
{
    const struct pr_value *answer = find(r, r->q->format->keys[1]);
    struct pr_number x;
    if (answer->type != PR_VALUE_STRING)
        return false;
    /* GSM8K's form of an answer has a check of its own, which must find its number. */
    if (memmem(answer->text.s, answer->text.n, "####", 4)) {
        if (!pr_number_last(answer->text, &x))
            return false;
        pr_number_done(&x);
    }
    pr_dialog_add(&r->q->dialog, PR_ROLE_USER, asked.s, asked.n);
    pr_dialog_add(&r->q->dialog, PR_ROLE_ASSISTANT, answer->text.s, answer->text.n);
    return true;
}

static bool alpaca(struct reader *r)
{
    const struct pr_value *asked = find(r, "instruction"), *input = find(r, "input");
    if (asked->type != PR_VALUE_STRING ||
        (input && input->type != PR_VALUE_STRING && input->type != PR_VALUE_NOTHING))
        return false;
    struct pr_text all = asked->text;
    if (input && input->type == PR_VALUE_STRING && input->text.n) {
        char *out = r->c.decoded + r->c.n_decoded;
        all = (struct pr_text){out, asked->text.n + 2 + input->text.n};
        memcpy(out, asked->text.s, asked->text.n);
        memcpy(out + asked->text.n, "\n\n", 2);
        memcpy(out + asked->text.n + 2, input->text.s, input->text.n);
        r->c.n_decoded += all.n;
    }
    return pair(r, all);
}

static bool text(struct reader *r)
{
    const struct pr_value *f = find(r, r->q->format->keys[0]);
    struct pr_chatml c;
    struct pr_text role, body;
    if (f->type != PR_VALUE_STRING || !f->text.n)
        return false;
    if (!pr_chatml_begin(&c, f->text)) {
        pr_dialog_add(&r->q->dialog, PR_ROLE_TEXT, f->text.s, f->text.n);
        return true;
    }
    while (pr_chatml_next(&c, &role, &body))
        if (!body.s || !add_turn(r, role, body))
            return false;
    return !c.left_out;
}

static bool fill(struct reader *r)
{
    const struct pr_value *asked = find(r, r->q->format->keys[0]);
    enum pr_format_shape shape = r->q->format->shape;
    if (r->has_turns != (shape == PR_SHAPE_TURNS))
        return false;
    switch (shape) {
    case PR_SHAPE_PAIR:
        return asked->type == PR_VALUE_STRING && pair(r, asked->text);
    case PR_SHAPE_ALPACA:
        return alpaca(r);
    case PR_SHAPE_TURNS:
        return true;
    case PR_SHAPE_TEXT:
        return text(r);
    default:
        return false;
    }
}

/* The checks that are quickly known to be usable: none, and a verifier that takes the answer. */
static bool checked(struct reader *r)
{
    const struct pr_value *f = find(r, "check");
    const struct pr_dialog *d = &r->q->dialog;
    char name[64] = "";
    bool has_think, closed;
    if (!f || f->type == PR_VALUE_NOTHING)
        return true;
    if (f->type != PR_VALUE_STRING || !is(f->text, "verifier") || !r->q->skill.s ||
        r->q->skill.n >= sizeof name || d->n < 2 || d->v[d->n - 2].role != PR_ROLE_USER)
        return false;
    memcpy(name, r->q->skill.s, r->q->skill.n);
    const struct pr_skill *skill = pr_skill_find(name);
    struct pr_text q = d->v[d->n - 2].text,
                   a = pr_think_split(d->v[d->n - 1].text, &has_think, &closed);
    return skill && closed == has_think && skill->verify(q.s, q.n, a.s, a.n);
}

/* A conversation ends with an answer, and something comes before it. */
static bool is_answered(const struct pr_dialog *d)
{
    return d->n &&
           (d->v[0].role == PR_ROLE_TEXT || (d->n > 1 && d->v[d->n - 1].role == PR_ROLE_ASSISTANT));
}

bool pr_quick_read(struct pr_quick *q, const char *s, size_t n)
{
    struct reader r = {
        .q = q,
    };
    struct pr_text other;
    pr_dialog_clear(&q->dialog);
    if (q->cap_decoded < 2 * n + 16) { /* all strings once, and two of them joined */
        pr_free(q->decoded);
        q->decoded = pr_alloc(q->cap_decoded = 2 * n + 16);
    }
    r.c = (struct pr_cursor){.s = s, .end = s + n, .decoded = q->decoded};
    if (!read_fields(&r) || !find_format(&r) || !fill(&r) || !label(&r, "id", &q->id) ||
        !label(&r, "skill", &q->skill) || !label(&r, "difficulty", &other) ||
        !label(&r, "pattern", &other))
        return false;
    if (q->format->shape != PR_SHAPE_TEXT && !system_turn(&r))
        return false;
    return is_answered(&q->dialog) && checked(&r);
}
