/* From a case to its reading; see reading.h. */
#include "mistakes/reading.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "exam/jsonvalue.h"
#include "mistakes/span.h"

#define GOLDEN_CASE_MAX 512 /* a longer right answer is looked for in its own case only */

void pr_claim_done(struct pr_claim *c)
{
    pr_free(c->items.v);
    *c = (struct pr_claim){0};
}

/* Each mark, where its region begins and what ends it. */
static const struct {
    const char *mark, *end;
} marks[] = {{"####", "\n"}, {"\\boxed{", "}"}, {"**", "**"}, {"answer is", "\n"},
    {"answer:", "\n"}, {"=", "\n"}};

bool pr_reading_marked(struct pr_text t, int *nth, struct pr_text *ret)
{
    for (; (size_t)*nth < sizeof marks / sizeof *marks; ++*nth) {
        const char *mark = marks[*nth].mark, *end_mark = marks[*nth].end;
        size_t at = pr_span_find_last(t, mark), end;
        if (at == PR_SPAN_NONE)
            continue;
        if (*mark == '*') { /* the last pair */
            end = at;
            at = pr_span_find_last(pr_span(t, 0, end), mark);
            if (at == PR_SPAN_NONE)
                continue;
            *ret = pr_span(t, at + strlen(mark), end);
        } else {
            at += strlen(mark);
            end = pr_span_find(t, end_mark, at);
            *ret = pr_span(t, at, end == PR_SPAN_NONE ? t.n : end);
        }
        ++*nth;
        return true;
    }
    return false;
}

static bool is_json(struct pr_text t)
{
    return pr_utf8_valid(t.s, t.n) && pr_json_text_valid(t);
}

/* The part that is one JSON value: all of it, or from the first bracket to the last. */
static bool json_claim(struct pr_text t, struct pr_claim *ret)
{
    ret->text = pr_span_trim(t);
    if (is_json(ret->text))
        return ret->there = true;
    size_t from = 0, to = t.n;
    while (from < t.n && t.s[from] != '{' && t.s[from] != '[')
        from++;
    while (to > from && t.s[to - 1] != '}' && t.s[to - 1] != ']')
        to--;
    ret->text = pr_span(t, from, to);
    return ret->there = is_json(ret->text);
}

/* Where the right text stands within t as whole words. */
static size_t golden_in(const struct pr_reading *r, struct pr_text t)
{
    struct pr_text g = pr_span_bare(r->golden);
    if (!g.n)
        return PR_SPAN_NONE;
    for (int pass = 0; pass < (g.n <= GOLDEN_CASE_MAX ? 2 : 1); pass++)
        for (size_t at = 0; at + g.n <= t.n; at++) {
            const char *found = pass ? NULL : memmem(t.s + at, t.n - at, g.s, g.n);
            at = found  ? (size_t)(found - t.s)
                 : pass ? pr_span_find_text(t, g, at, false)
                        : PR_SPAN_NONE;
            if (at == PR_SPAN_NONE)
                break;
            if ((!at || !pr_span_in_word(t.s[at - 1]) || !pr_span_in_word(*g.s)) &&
                (at + g.n == t.n || !pr_span_in_word(t.s[at + g.n]) ||
                    !pr_span_in_word(g.s[g.n - 1])))
                return at;
        }
    return PR_SPAN_NONE;
}

static bool text_claim(
    const struct pr_reading *r, struct pr_text t, bool last, struct pr_claim *ret)
{
    struct pr_text g = pr_span_bare(r->golden), region;
    if (r->json)
        return json_claim(t, ret);
    ret->text = pr_span_bare(t);
    ret->there = ret->text.n > 0;
    if (pr_span_same(ret->text, g, false))
        return ret->there;
    if (last) { /* a think block: only what it ends with */
        if (ret->text.n >= g.n)
            ret->text = pr_span(ret->text, ret->text.n - g.n, ret->text.n);
        return ret->there;
    }
    for (int nth = 0; nth < 5 && pr_reading_marked(t, &nth, &region);)
        if (pr_span_unwrap(region).n && nth <= 5) {
            ret->text = pr_span_unwrap(region);
            break;
        }
    size_t at = g.n >= 3 ? golden_in(r, t) : PR_SPAN_NONE;
    if (at != PR_SPAN_NONE)
        ret->text = pr_span(t, at, at + g.n);
    return ret->there;
}

void pr_reading_claim(const struct pr_reading *r, struct pr_text t, bool last, struct pr_claim *ret)
{
    *ret = (struct pr_claim){.offer = PR_SPAN_NONE};
    t = pr_span_trim(t);
    switch (r->kind) {
    case PR_KIND_LIST:
        (void)pr_list_claim(r, t, last, ret);
        break;
    case PR_KIND_CHOICE:
        (void)pr_choice_claim(r, t, last, ret);
        break;
    case PR_KIND_DATE:
        (void)pr_day_claim(r, t, last, ret);
        break;
    case PR_KIND_TEXT:
    case PR_N_KINDS:
        (void)text_claim(r, t, last, ret);
        break;
    case PR_KIND_NUMBER:
    case PR_KIND_COMPUTED:
        (void)pr_number_claim(t, last, ret);
        break;
    }
}

static bool same_items(const struct pr_items *a, const struct pr_items *b, bool numbers)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        struct pr_figure x, y;
        if (numbers && pr_figure_whole(a->v[i], &x) && pr_figure_whole(b->v[i], &y)
                ? !pr_figure_equal(&x, &y)
                : !pr_span_same(a->v[i], b->v[i], false))
            return false;
    }
    return true;
}

bool pr_reading_same(const struct pr_reading *r, const struct pr_claim *c)
{
    if (!c->there)
        return false;
    switch (r->kind) {
    case PR_KIND_LIST:
        return same_items(&c->items, &r->right.items, r->numbers);
    case PR_KIND_CHOICE:
        return c->offer == r->right.offer;
    case PR_KIND_DATE:
        return c->day.weekday == r->right.day.weekday && c->day.n == r->right.day.n;
    case PR_KIND_NUMBER:
    case PR_KIND_COMPUTED:
        return pr_figure_equal(&c->number, &r->right.number);
    case PR_KIND_TEXT:
    case PR_N_KINDS:
        break;
    }
    return r->json ? pr_json_text_equal(c->text, r->right.text)
                   : pr_span_same(pr_span_bare(c->text), pr_span_bare(r->right.text), false);
}

static struct pr_text clip(struct pr_text t, bool end)
{
    if (!t.s)
        t = (struct pr_text){.s = "", .n = 0};
    if (t.n > PR_READING_MAX)
        t = end ? pr_span(t, t.n - PR_READING_MAX, t.n) : pr_span(t, 0, PR_READING_MAX);
    return pr_span_trim(t);
}

struct pr_text pr_reading_think(struct pr_text output, struct pr_text *ret_rest)
{
    static const char open[] = "<think>", close[] = "</think>";
    struct pr_text t = pr_span_trim(output.s ? output : (struct pr_text){.s = "", .n = 0});
    bool opened = pr_span_starts(t, 0, open);
    const char *end = t.n ? memmem(t.s, t.n, close, sizeof close - 1) : NULL;
    *ret_rest = (struct pr_text){0};
    if (!end) {
        if (!opened)
            *ret_rest = t;
        return (struct pr_text){0};
    }
    size_t at = (size_t)(end - t.s);
    *ret_rest = pr_span(t, at + sizeof close - 1, t.n);
    return pr_span(t, opened ? sizeof open - 1 : 0, at);
}

/* The expressions or the equation of the question that come to the right number, else the way that
 * a word problem suggests (a question that a skill knows is none). */
static void find_workings(struct pr_reading *r)
{
    const struct pr_figure *right = &r->right.number;
    struct pr_working *w = &r->workings[0];
    size_t at = 0;
    while (right->exact && !r->n_workings && pr_expression_next(r->question, &at, w))
        r->n_workings =
            pr_working_operations(w) && pr_ratio_equal(w->v[w->n - 1].value, right->value);
    if (!right->exact || r->n_workings)
        return;
    r->n_workings =
        (pr_equation_find(r->question, w) && pr_ratio_equal(w->v[w->n - 1].value, right->value)) ||
        (!r->c->skill && pr_problem_solve(r->question, right->value, w));
}

/* "1c" is a number of base 16 there, not 1 with a unit; as text it is compared as it is written. */
static bool other_base(const struct pr_reading *r)
{
    static const char *const words[] = {"hexadecimal", "hex", "binary", "octal", "base", NULL};
    return r->right.text.n && pr_span_in_word(r->right.text.s[r->right.text.n - 1]) &&
           !pr_span_is_digit(r->right.text.s[r->right.text.n - 1]) &&
           pr_span_has_word(r->question, words);
}

/* GSM8K's right answers end in "#### 42". */
static bool number_kind(struct pr_reading *r)
{
    struct pr_text t = r->golden;
    size_t mark = pr_span_find_last(t, "####");
    if (mark != PR_SPAN_NONE)
        t = pr_span_trim(pr_span(t, mark + 4, t.n));
    if (other_base(r) || !pr_figure_whole(t, &r->right.number))
        return false;
    r->right.text = r->right.number.text;
    r->kind = PR_KIND_NUMBER;
    find_workings(r);
    return true;
}

static bool date_kind(struct pr_reading *r)
{
    if (!pr_day_read(r->golden, &r->right.day))
        return false;
    r->kind = PR_KIND_DATE;
    return true;
}

static void find_kind(struct pr_reading *r)
{
    r->right.text = pr_span_bare(r->golden);
    r->right.there = true;
    if (pr_offers_find(r)) {
        r->kind = PR_KIND_CHOICE;
    } else if (!pr_computed_find(r) && !date_kind(r) && !pr_list_kind(r) && !number_kind(r)) {
        r->kind = PR_KIND_TEXT;
        r->json = r->golden.n && (*r->golden.s == '{' || *r->golden.s == '[') && is_json(r->golden);
        if (r->json)
            r->right.text = r->golden;
    }
}

/* Digits of another base are a number too where the skill says so. */
static void claim_slip(struct pr_reading *r)
{
    struct pr_text bare = pr_span_bare(r->answer);
    for (size_t i = 0; i < r->slips.n && r->kind == PR_KIND_NUMBER && !r->given.there; i++)
        if (pr_span_is(bare, r->slips.v[i].answer)) {
            r->given.there = true;
            r->given.text = r->given.number.text = bare;
            r->given.number.approx = NAN;
        }
}

void pr_reading_make(const struct pr_mistake_case *c, struct pr_reading *ret)
{
    struct pr_text rest;
    *ret = (struct pr_reading){.c = c,
        .question = clip(c->question, false),
        .golden = clip(c->golden, false),
        .think = pr_reading_think(c->output, &rest)};
    struct pr_text answer = c->answer;
    if (!answer.s && c->output.s && !c->truncated)
        answer = rest;
    ret->answer = clip(answer, true);
    find_kind(ret);
    pr_reading_claim(ret, ret->answer, false, &ret->given);
    if (ret->think.s) {
        struct pr_claim claim;
        pr_reading_claim(ret, clip(ret->think, true), true, &claim);
        ret->thought = pr_reading_same(ret, &claim);
        pr_claim_done(&claim);
    }
    if (c->skill && c->skill->slips && c->question.s) {
        c->skill->slips(c->question.s, c->question.n, &ret->slips);
        claim_slip(ret);
    }
}

void pr_reading_done(struct pr_reading *r)
{
    pr_claim_done(&r->right);
    pr_claim_done(&r->given);
    pr_slips_done(&r->slips);
}
