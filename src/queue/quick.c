/* The quick reader: one pass over the line's bytes; see quick.h.  Whatever is unusual, although it
 * may be sound, ends it: escapes in keys, long numbers, many members, repeated keys. */
#include "queue/quick.h"

#include <string.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/utf8.h"
#include "exam/numbers.h"
#include "exam/turns.h"
#include "skills/skill.h"

#define MAX_FIELDS 24
#define MAX_DEPTH  16
#define MAX_LABEL  ((size_t)1 << 15)

enum type { ABSENT, NOTHING, STRING, NUMBER, OTHER, TURNS };

struct field {
    struct pr_text key, text; /* text: of strings and numbers */
    enum type type;
};

struct reader {
    struct pr_quick *q;
    const char *s, *end;
    struct field fields[MAX_FIELDS];
    size_t n_fields;
    bool has_turns;
};

void pr_quick_done(struct pr_quick *q)
{
    pr_dialog_done(&q->dialog);
    pr_free(q->decoded);
}

/* --- JSON --- */

static inline void skip_space(struct reader *r)
{
    while (r->s < r->end && (*r->s == ' ' || *r->s == '\t' || *r->s == '\n' || *r->s == '\r'))
        r->s++;
}

static inline bool take(struct reader *r, char c)
{
    skip_space(r);
    if (r->s == r->end || *r->s != c)
        return false;
    r->s++;
    return true;
}

/* The first byte from s on that is a quote, a backslash or a control character. */
static const char *plain_end(const char *s, const char *end)
{
    const uint64_t ones = 0x0101010101010101u, high = 0x8080808080808080u;
    while (end - s >= 8) {
        uint64_t v;
        memcpy(&v, s, 8);
        uint64_t quote = v ^ ones * '"', slash = v ^ ones * '\\';
        uint64_t hit = ((quote - ones) & ~quote) | ((slash - ones) & ~slash) | (v - ones * 32);
        if (hit & ~v & high) /* may name a byte of two too early, never too late */
            break;
        s += 8;
    }
    while (s < end && *s != '"' && *s != '\\' && (unsigned char)*s >= 32)
        s++;
    return s;
}

/* \uXXXX at s, pairs of surrogates included; false for what is no character, or NUL. */
static bool unicode_escape(const char **s, const char *end, char **out)
{
    if (end - *s < 6)
        return false;
    int c = pr_json_hex4(*s + 2), low;
    *s += 6;
    if (c <= 0 || (c >= 0xdc00 && c <= 0xdfff))
        return false;
    if (c >= 0xd800 && c < 0xdc00) {
        if (end - *s < 6 || (*s)[0] != '\\' || (*s)[1] != 'u')
            return false;
        low = pr_json_hex4(*s + 2);
        if (low < 0xdc00 || low > 0xdfff)
            return false;
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        *s += 6;
    }
    *out += pr_utf8_encode((uint32_t)c, *out);
    return true;
}

static bool escape(const char **s, const char *end, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (end - *s < 2)
        return false;
    if ((*s)[1] == 'u')
        return unicode_escape(s, end, out);
    const char *at = memchr(from, (*s)[1], sizeof from - 1);
    if (!at)
        return false;
    *(*out)++ = to[at - from];
    *s += 2;
    return true;
}

/* The string that begins after the quote at r->s; decoded text is no longer than the escaped. */
static bool read_string(struct reader *r, struct pr_text *ret)
{
    const char *from = r->s, *s = plain_end(from, r->end);
    if (s < r->end && *s == '"') {
        *ret = (struct pr_text){from, (size_t)(s - from)};
        r->s = s + 1;
        return true;
    }
    char *begin = r->q->decoded + r->q->n_decoded, *out = begin;
    for (;;) {
        memcpy(out, from, (size_t)(s - from));
        out += s - from;
        if (s >= r->end || (*s != '"' && *s != '\\'))
            return false;
        if (*s == '"')
            break;
        if (!escape(&s, r->end, &out))
            return false;
        from = s;
        s = plain_end(from, r->end);
    }
    *ret = (struct pr_text){begin, (size_t)(out - begin)};
    r->q->n_decoded = (size_t)(out - r->q->decoded);
    r->s = s + 1;
    return true;
}

static bool read_key(struct reader *r, struct pr_text *ret)
{
    if (!take(r, '"'))
        return false;
    const char *from = r->s, *s = plain_end(from, r->end);
    if (s >= r->end || *s != '"')
        return false;
    *ret = (struct pr_text){from, (size_t)(s - from)};
    r->s = s + 1;
    return take(r, ':');
}

static size_t digits(struct reader *r)
{
    const char *from = r->s;
    while (r->s < r->end && *r->s >= '0' && *r->s <= '9')
        r->s++;
    return (size_t)(r->s - from);
}

/* Whole numbers and decimals of a few digits; exponents are left to others. */
static bool read_number(struct reader *r, struct pr_text *ret)
{
    const char *from = r->s;
    r->s += *r->s == '-';
    const char *first = r->s;
    size_t n = digits(r);
    if (!n || n > 17 || (n > 1 && *first == '0'))
        return false;
    if (r->s < r->end && *r->s == '.') {
        r->s++;
        n = digits(r);
        if (!n || n > 40)
            return false;
    }
    if (r->s < r->end && (*r->s == 'e' || *r->s == 'E'))
        return false;
    *ret = (struct pr_text){from, (size_t)(r->s - from)};
    return true;
}

static bool read_word(struct reader *r, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(r->end - r->s) < n || memcmp(r->s, word, n) != 0)
        return false;
    r->s += n;
    return true;
}

static bool same(struct pr_text a, struct pr_text b)
{
    return a.n == b.n && !memcmp(a.s, b.s, a.n);
}

static bool skip_value(struct reader *r, int depth, struct field *f);

static bool skip_array(struct reader *r, int depth)
{
    struct field f;
    if (take(r, ']'))
        return true;
    do {
        if (!skip_value(r, depth + 1, &f))
            return false;
    } while (take(r, ','));
    return take(r, ']');
}

static bool skip_object(struct reader *r, int depth)
{
    struct pr_text keys[8];
    size_t n = 0;
    struct field f;
    if (take(r, '}'))
        return true;
    do {
        if (n == 8 || !read_key(r, &keys[n]))
            return false;
        for (size_t i = 0; i < n; i++)
            if (same(keys[i], keys[n]))
                return false;
        n++;
        if (!skip_value(r, depth + 1, &f))
            return false;
    } while (take(r, ','));
    return take(r, '}');
}

static bool skip_value(struct reader *r, int depth, struct field *f)
{
    skip_space(r);
    if (r->s == r->end || depth > MAX_DEPTH)
        return false;
    f->type = OTHER;
    switch (*r->s) {
    case '"':
        r->s++;
        f->type = STRING;
        return read_string(r, &f->text);
    case '{':
        r->s++;
        return skip_object(r, depth);
    case '[':
        r->s++;
        return skip_array(r, depth);
    case 't':
        return read_word(r, "true");
    case 'f':
        return read_word(r, "false");
    case 'n':
        f->type = NOTHING;
        return read_word(r, "null");
    default:
        f->type = NUMBER;
        return read_number(r, &f->text);
    }
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
    if (!take(r, '{') || take(r, '}'))
        return false;
    do {
        struct field f;
        if (n == 8 || !read_key(r, &keys[n]))
            return false;
        for (size_t i = 0; i < n; i++)
            if (same(keys[i], keys[n]))
                return false;
        if (!skip_value(r, 1, &f))
            return false;
        struct pr_text *to = is(keys[n], "role") || is(keys[n], "from")       ? &role
                             : is(keys[n], "content") || is(keys[n], "value") ? &text
                                                                              : NULL;
        n++;
        if (to && (to->s || f.type != STRING))
            return false;
        if (to)
            *to = f.text;
    } while (take(r, ','));
    return take(r, '}') && role.s && text.s && add_turn(r, role, text);
}

static bool read_turns(struct reader *r)
{
    if (r->has_turns || !take(r, '['))
        return false;
    r->has_turns = true;
    do {
        if (!read_turn(r))
            return false;
    } while (take(r, ','));
    return take(r, ']');
}

/* --- the line --- */

static struct field *find(struct reader *r, const char *key)
{
    size_t n = strlen(key);
    for (size_t i = 0; i < r->n_fields; i++)
        if (r->fields[i].key.n == n && !memcmp(r->fields[i].key.s, key, n))
            return &r->fields[i];
    return NULL;
}

static enum type type_of(struct reader *r, const char *key)
{
    const struct field *f = find(r, key);
    return f ? f->type : ABSENT;
}

static bool has(struct reader *r, const char *key)
{
    enum type t = type_of(r, key);
    return t != ABSENT && t != NOTHING;
}

static bool read_fields(struct reader *r)
{
    if (!take(r, '{') || take(r, '}'))
        return false;
    do {
        struct field *f = &r->fields[r->n_fields];
        if (r->n_fields == MAX_FIELDS || !read_key(r, &f->key))
            return false;
        for (size_t i = 0; i < r->n_fields; i++)
            if (same(r->fields[i].key, f->key))
                return false;
        skip_space(r);
        if (is(f->key, "messages") || is(f->key, "conversations")) {
            f->type = TURNS;
            if (!read_turns(r))
                return false;
        } else if (!skip_value(r, 0, f)) {
            return false;
        }
        r->n_fields++;
    } while (take(r, ','));
    if (!take(r, '}'))
        return false;
    skip_space(r);
    return r->s == r->end;
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
    const struct field *f = find(r, key);
    *ret = (struct pr_text){NULL, 0};
    if (!f || f->type == NOTHING)
        return true;
    if ((f->type != STRING && f->type != NUMBER) || f->text.n > MAX_LABEL)
        return false;
    if (f->text.n)
        *ret = f->text;
    return true;
}

static bool system_turn(struct reader *r)
{
    const struct field *f = find(r, "system");
    if (!f || f->type == NOTHING)
        return true;
    if (f->type != STRING)
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
    const struct field *answer = find(r, r->q->format->keys[1]);
    struct pr_number x;
    if (answer->type != STRING)
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
    const struct field *asked = find(r, "instruction"), *input = find(r, "input");
    if (asked->type != STRING || (input && input->type != STRING && input->type != NOTHING))
        return false;
    struct pr_text all = asked->text;
    if (input && input->type == STRING && input->text.n) {
        char *out = r->q->decoded + r->q->n_decoded;
        all = (struct pr_text){out, asked->text.n + 2 + input->text.n};
        memcpy(out, asked->text.s, asked->text.n);
        memcpy(out + asked->text.n, "\n\n", 2);
        memcpy(out + asked->text.n + 2, input->text.s, input->text.n);
        r->q->n_decoded += all.n;
    }
    return pair(r, all);
}

static bool text(struct reader *r)
{
    const struct field *f = find(r, r->q->format->keys[0]);
    struct pr_chatml c;
    struct pr_text role, body;
    if (f->type != STRING || !f->text.n)
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
    const struct field *asked = find(r, r->q->format->keys[0]);
    enum pr_format_shape shape = r->q->format->shape;
    if (r->has_turns != (shape == PR_SHAPE_TURNS))
        return false;
    switch (shape) {
    case PR_SHAPE_PAIR:
        return asked->type == STRING && pair(r, asked->text);
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
    const struct field *f = find(r, "check");
    const struct pr_dialog *d = &r->q->dialog;
    char name[64] = "";
    bool has_think, closed;
    if (!f || f->type == NOTHING)
        return true;
    if (f->type != STRING || !is(f->text, "verifier") || !r->q->skill.s ||
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
    struct reader r = {.q = q, .s = s, .end = s + n};
    struct pr_text other;
    pr_dialog_clear(&q->dialog);
    q->n_decoded = 0;
    if (q->cap_decoded < 2 * n + 16) { /* all strings once, and two of them joined */
        pr_free(q->decoded);
        q->decoded = pr_alloc(q->cap_decoded = 2 * n + 16);
    }
    if (!read_fields(&r) || !find_format(&r) || !fill(&r) || !label(&r, "id", &q->id) ||
        !label(&r, "skill", &q->skill) || !label(&r, "difficulty", &other) ||
        !label(&r, "pattern", &other))
        return false;
    if (q->format->shape != PR_SHAPE_TEXT && !system_turn(&r))
        return false;
    return is_answered(&q->dialog) && checked(&r);
}
