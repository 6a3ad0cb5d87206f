/* Linear equations in one letter, "3x + 12 = 0"; see working.h. */
#include <string.h>

#include "mistakes/span.h"
#include "mistakes/working.h"

#define MAX_TERMS 4

struct term {
    bool negative, unknown, divided; /* divided: x/4 */
    struct pr_ratio value;           /* of a number, or what stands at the unknown */
};
struct side {
    struct term v[MAX_TERMS];
    size_t n;
};
struct parser {
    struct pr_text t;
    size_t at;
    char letter; /* 0: none seen */
};

static void skip(struct parser *p)
{
    while (p->at < p->t.n && p->t.s[p->at] == ' ')
        p->at++;
}

static bool take(struct parser *p, const char *text)
{
    skip(p);
    if (!pr_span_starts(p->t, p->at, text))
        return false;
    p->at += strlen(text);
    return true;
}

static bool take_letter(struct parser *p)
{
    skip(p);
    size_t i = p->at;
    if (i >= p->t.n || !pr_span_is_letter(p->t.s[i]) ||
        (i + 1 < p->t.n && pr_span_in_word(p->t.s[i + 1])) || (p->letter && p->letter != p->t.s[i]))
        return false;
    p->letter = p->t.s[i];
    p->at++;
    return true;
}

static bool take_number(struct parser *p, struct pr_ratio *ret)
{
    struct pr_figure f;
    skip(p);
    if (p->at >= p->t.n || !pr_span_is_digit(p->t.s[p->at]))
        return false;
    size_t end = pr_figure_at(p->t, p->at, &f);
    if (!f.exact)
        return false;
    p->at = end;
    *ret = f.value;
    return true;
}

static bool take_term(struct parser *p, struct term *x)
{
    x->value = (struct pr_ratio){1, 1};
    bool number = take_number(p, &x->value);
    if (number)
        (void)take(p, "*");
    x->unknown = take_letter(p);
    if (x->unknown && !number && take(p, "/")) {
        x->divided = true;
        return take_number(p, &x->value) && x->value.num;
    }
    return number || x->unknown;
}

static bool take_side(struct parser *p, struct side *s)
{
    bool negative = take(p, "-");
    for (s->n = 0; s->n < MAX_TERMS;) {
        struct term x = {.negative = negative};
        if (!take_term(p, &x))
            return false;
        s->v[s->n++] = x;
        negative = take(p, "-");
        if (!negative && !take(p, "+"))
            return true;
    }
    return false;
}

/* Adds the terms of one kind to the working's step `sum` (-1: none yet); with `moved` they come
 * from the other side. */
static int collect(
    struct pr_working *w, const struct side *s, bool unknown, bool moved, int sum, bool *ok)
{
    for (size_t i = 0; i < s->n && *ok; i++) {
        const struct term *x = &s->v[i];
        bool negative = x->negative != moved;
        if (x->unknown != unknown || x->divided)
            continue;
        struct pr_ratio value = x->value;
        if (sum < 0) {
            value.num = negative ? -value.num : value.num;
            sum = pr_working_number(w, value);
        } else {
            sum = pr_working_step(w, negative ? '-' : '+', sum, pr_working_number(w, value));
        }
        *ok = sum >= 0;
    }
    return sum;
}

static bool work_out(const struct side *l, const struct side *r, struct pr_working *w)
{
    const struct term *divided = NULL;
    size_t unknowns = 0;
    for (size_t i = 0; i < l->n; i++) {
        unknowns += l->v[i].unknown;
        divided = l->v[i].divided ? &l->v[i] : divided;
    }
    for (size_t i = 0; i < r->n; i++) {
        unknowns += r->v[i].unknown;
        if (r->v[i].divided)
            return false;
    }
    if (!unknowns || (divided && (unknowns > 1 || divided->negative)))
        return false;
    bool ok = true;
    w->n = 0;
    int top = collect(w, r, false, false, -1, &ok);
    top = collect(w, l, false, true, top, &ok);
    if (!ok || top < 0)
        return false;
    if (divided)
        return pr_working_step(w, '*', top, pr_working_number(w, divided->value)) >= 0;
    int below = collect(w, l, true, false, -1, &ok);
    below = collect(w, r, true, true, below, &ok);
    if (!ok || below < 0)
        return false;
    if (!w->v[below].op && pr_ratio_equal(w->v[below].value, (struct pr_ratio){1, 1}))
        return --w->n > 0; /* x alone: nothing is divided */
    return pr_working_step(w, '/', top, below) >= 0;
}

bool pr_equation_find(struct pr_text t, struct pr_working *ret)
{
    for (size_t i = 0; i < t.n; i++) {
        char before = i ? t.s[i - 1] : ' ';
        if (pr_span_in_word(before) || before == '.' ||
            (t.s[i] != '-' && !pr_span_is_digit(t.s[i]) && !pr_span_is_letter(t.s[i])))
            continue;
        struct parser p = {.t = t, .at = i};
        struct side l, r;
        if (!take_side(&p, &l) || !take(&p, "=") || !take_side(&p, &r) || !p.letter ||
            !work_out(&l, &r, ret) || !pr_working_run(ret))
            continue;
        ret->from = i;
        ret->to = p.at;
        return true;
    }
    return false;
}
