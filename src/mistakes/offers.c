/* What a question offers: words of assent, signs, letters, numbers, expressions, texts. */
#include <string.h>

#include "mistakes/reading.h"
#include "mistakes/span.h"

static struct pr_text literal(const char *s)
{
    return (struct pr_text){.s = s, .n = strlen(s)};
}

static bool offer_all(struct pr_reading *r, enum pr_offer_kind kind, const char *const *v, size_t n)
{
    r->offers.kind = kind;
    r->offers.n = n;
    for (size_t i = 0; i < n; i++) {
        r->offers.v[i] = literal(v[i]);
        if (pr_span_is(r->right.text, v[i]))
            r->right.offer = i;
    }
    return true;
}

/* Does the last sentence begin as one does that is answered yes or no? */
static bool asks_whether(struct pr_text q)
{
    static const char *const verbs[] = {"are ", "is ", "can ", "could ", "does ", "do ", "did ",
        "will ", "was ", "were ", "has ", "have ", "must ", "may ", "might ", "should ", "would "};
    size_t from = q.n;
    while (from && !(q.s[from - 1] == '.' || q.s[from - 1] == ':' || q.s[from - 1] == '\n' ||
                       q.s[from - 1] == ','))
        from--;
    q = pr_span_trim(pr_span(q, from, q.n));
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (pr_span_starts(q, 0, verbs[i]))
            return true;
    return false;
}

static bool words(struct pr_reading *r)
{
    static const char *const yes[] = {"yes", "no", "unknown"};
    static const char *const truth[] = {"true", "false", "unknown"};
    static const char *const signs[] = {"<", "=", ">"};
    struct pr_text g = r->right.text;
    if (pr_span_is(g, "yes") || pr_span_is(g, "no") ||
        (pr_span_is(g, "unknown") && asks_whether(r->question)))
        return offer_all(r, PR_OFFER_WORDS, yes, 3);
    if (pr_span_is(g, "true") || pr_span_is(g, "false"))
        return offer_all(r, PR_OFFER_WORDS, truth, 3);
    if (g.n == 1 && memchr("<=>", *g.s, 3))
        return offer_all(r, PR_OFFER_SIGNS, signs, 3);
    return false;
}

/* "(A) …", "A) …", "A. …" or "A: …" at `at`: the length up to the content, else 0. */
static size_t label(struct pr_text t, size_t at, char letter)
{
    bool open = t.s[at] == '(';
    size_t i = at + open;
    if ((at && pr_span_in_word(t.s[at - 1])) || i + 1 >= t.n || t.s[i] != letter)
        return 0;
    return open ? (t.s[i + 1] == ')' ? 3 : 0) : memchr(").:", t.s[i + 1], 3) ? 2 : 0;
}

static bool letters(struct pr_reading *r)
{
    struct pr_text g = pr_span_unwrap(r->right.text), q = r->question;
    struct pr_offers *o = &r->offers;
    if (g.n != 1 || *g.s < 'A' || *g.s > 'Z')
        return false;
    o->n = 0;
    for (size_t i = 0; i < q.n && o->n < PR_MAX_OFFERS; i++) {
        size_t n = label(q, i, (char)('A' + (int)o->n));
        if (!n)
            continue;
        if (o->n) {
            struct pr_text *before = &o->content[o->n - 1];
            *before = pr_span_trim(pr_span(*before, 0, (size_t)(q.s + i - before->s)));
        }
        o->v[o->n] = pr_span(q, q.s[i] == '(' ? i + 1 : i, q.s[i] == '(' ? i + 2 : i + 1);
        o->content[o->n++] = pr_span(q, i + n, q.n);
        i += n - 1;
    }
    if (o->n < 2 || (size_t)(*g.s - 'A') >= o->n)
        return false;
    o->content[o->n - 1] = pr_span_bare(o->content[o->n - 1]);
    o->kind = PR_OFFER_LETTERS;
    r->right.offer = (size_t)(*g.s - 'A');
    r->right.text = g;
    return true;
}

static const char *const superlatives[] = {"largest", "biggest", "greatest", "highest", "maximum",
    "max", "smallest", "least", "lowest", "minimum", "min", "larger", "bigger", "greater", "higher",
    "smaller", "lower", "less", NULL};

/* Does the text between two expressions make them alternatives? */
static bool parts(struct pr_text gap, bool *ret_or)
{
    gap = pr_span_trim(gap);
    if (gap.n && *gap.s == ',')
        gap = pr_span_trim(pr_span(gap, 1, gap.n));
    else if (!gap.n)
        return false;
    if (pr_span_is(gap, "or"))
        *ret_or = true;
    return !gap.n || pr_span_is(gap, "or") || pr_span_is(gap, "and");
}

/* The next row of expressions that are alternatives, at most PR_MAX_WORKINGS of them. */
static size_t next_row(struct pr_reading *r, size_t *at, bool *ret_or)
{
    size_t n = 0;
    *ret_or = false;
    while (n < PR_MAX_WORKINGS) {
        struct pr_working *w = &r->workings[n];
        size_t end = *at;
        if (!pr_expression_next(r->question, &end, w)) {
            *at = n ? *at : end;
            return n;
        }
        if (n && !parts(pr_span(r->question, w[-1].to, w->from), ret_or))
            return n;
        *at = end;
        n++;
    }
    return n;
}

/* The row that holds the right number, put first; 0 where there is none. */
static size_t right_row(struct pr_reading *r, const struct pr_figure *right)
{
    bool superlative = pr_span_has_word(r->question, superlatives), any_or;
    size_t at = 0, n;
    while ((n = next_row(r, &at, &any_or))) {
        for (size_t i = 0; n >= 2 && (any_or || superlative) && i < n; i++) {
            struct pr_working w = r->workings[i];
            if (!right->exact || !pr_ratio_equal(w.v[w.n - 1].value, right->value))
                continue;
            r->workings[i] = r->workings[0];
            r->workings[0] = w;
            return n;
        }
    }
    return 0;
}

static bool numbers(struct pr_reading *r)
{
    struct pr_figure right;
    if (!pr_figure_whole(r->right.text, &right))
        return false;
    size_t n = right_row(r, &right);
    for (size_t i = 0; i < n; i++) {
        const struct pr_working *w = &r->workings[i];
        if (pr_working_operations(w))
            return false;
        r->offers.v[i] = pr_span(r->question, w->from, w->to);
        pr_figure_of(w->v[0].value, &r->offers.number[i]);
    }
    r->offers.kind = PR_OFFER_NUMBERS;
    r->offers.n = n;
    r->right.offer = 0;
    r->right.text = right.text;
    return n > 0;
}

/* "max 417": one digit of a number. */
static bool digits(struct pr_reading *r)
{
    static const char *const asks[] = {"digit", "digits", "max", "min", NULL};
    struct pr_figure f, more;
    struct pr_text g = r->right.text;
    size_t at = 0;
    if (g.n != 1 || !pr_span_is_digit(*g.s) || !pr_span_has_word(r->question, superlatives) ||
        !pr_span_has_word(r->question, asks) || !pr_figure_next(r->question, &at, &f) ||
        f.text.n < 2 || pr_figure_next(r->question, &at, &more))
        return false;
    struct pr_offers *o = &r->offers;
    *o = (struct pr_offers){.kind = PR_OFFER_NUMBERS};
    r->right.offer = PR_SPAN_NONE;
    for (size_t i = 0; i < f.text.n && o->n < PR_MAX_OFFERS; i++) {
        if (!pr_span_is_digit(f.text.s[i]) || (o->n && memchr(f.text.s, f.text.s[i], i)))
            continue;
        o->v[o->n] = pr_span(f.text, i, i + 1);
        pr_figure_of((struct pr_ratio){f.text.s[i] - '0', 1}, &o->number[o->n]);
        if (f.text.s[i] == *g.s)
            r->right.offer = o->n;
        o->n++;
    }
    return r->right.offer != PR_SPAN_NONE;
}

bool pr_offer_holds(struct pr_text piece, struct pr_text text)
{
    if (!text.n || piece.n < text.n)
        return false;
    bool front = pr_span_same(pr_span(piece, 0, text.n), text, false) &&
                 (piece.n == text.n || !pr_span_in_word(piece.s[text.n]));
    bool back = pr_span_same(pr_span(piece, piece.n - text.n, piece.n), text, false) &&
                (piece.n == text.n || !pr_span_in_word(piece.s[piece.n - text.n - 1]));
    return front || back;
}

/* The part of the question that lists texts: the last sentence with " or ", or what follows "of"
 * in "Which of zud and zimp comes first?". */
static bool listing(struct pr_text q, struct pr_text *ret)
{
    static const char *const asks[] = {"which", "what", "who", NULL};
    size_t at = pr_span_find_last(q, " or ");
    bool either = at != PR_SPAN_NONE;
    if (!either && pr_span_has_word(q, asks))
        at = pr_span_find_last(q, " of ");
    if (at == PR_SPAN_NONE)
        return false;
    size_t from = either ? at : at + 4, to = at;
    while (either && from && !memchr(".?!:\n", q.s[from - 1], 5))
        from--;
    while (to < q.n && !memchr(".?!\n", q.s[to], 4))
        to++;
    *ret = pr_span(q, from, to);
    return from < to;
}

/* The length of what parts two pieces at `at`, else 0. */
static size_t parting(struct pr_text t, size_t at)
{
    static const char *const between[] = {", or ", ", and ", ",", " or ", " and ", ":"};
    for (size_t i = 0; i < sizeof between / sizeof *between; i++)
        if (pr_span_starts(t, at, between[i]))
            return strlen(between[i]);
    return 0;
}

/* "Which is heavier, lead or iron?" */
static bool texts(struct pr_reading *r)
{
    struct pr_text t, g = r->right.text;
    struct pr_figure f;
    if (!g.n || pr_figure_whole(g, &f) || !listing(r->question, &t))
        return false;
    struct pr_offers *o = &r->offers;
    *o = (struct pr_offers){.kind = PR_OFFER_TEXTS};
    r->right.offer = PR_SPAN_NONE;
    for (size_t from = 0, end; from < t.n && o->n < PR_MAX_OFFERS; from = end + parting(t, end)) {
        for (end = from; end < t.n && !parting(t, end);)
            end++;
        struct pr_text piece = pr_span_trim(pr_span(t, from, end));
        if (!piece.n)
            continue;
        if (r->right.offer == PR_SPAN_NONE && pr_offer_holds(piece, g))
            r->right.offer = o->n;
        o->v[o->n++] = piece;
    }
    return r->right.offer != PR_SPAN_NONE && o->n >= 2;
}

bool pr_offers_find(struct pr_reading *r)
{
    return words(r) || letters(r) || numbers(r) || digits(r) || texts(r);
}

bool pr_computed_find(struct pr_reading *r)
{
    struct pr_figure right;
    r->n_workings = 0;
    if (!pr_figure_whole(r->right.text, &right) || !(r->n_workings = right_row(r, &right)))
        return false;
    r->right.number = right;
    r->right.text = right.text;
    r->kind = PR_KIND_COMPUTED;
    return true;
}
