/* Lists: the right answer's items and what parts them, and the list that a text claims. */
#include <string.h>

#include "base/alloc.h"
#include "mistakes/reading.h"
#include "mistakes/span.h"

#define MAX_ITEM_WORDS 4 /* a right answer of longer pieces is a sentence */

static const char *const sorts[] = {"sort", "sorted", "order", "ordered", "arrange", "arranged",
    "reverse", "reversed", "rev", "backwards", "backward", "alphabetically", "ascending",
    "descending", "rank", NULL};

static struct pr_text strip_quotes(struct pr_text t)
{
    t = pr_span_trim(t);
    if (t.n >= 2 && (*t.s == '"' || *t.s == '\'') && t.s[t.n - 1] == *t.s)
        t = pr_span(t, 1, t.n - 1);
    return pr_span_trim(t);
}

static struct pr_text strip_brackets(struct pr_text t)
{
    t = pr_span_bare(t);
    if (t.n >= 2 && ((*t.s == '[' && t.s[t.n - 1] == ']') || (*t.s == '(' && t.s[t.n - 1] == ')') ||
                        (*t.s == '{' && t.s[t.n - 1] == '}')))
        t = pr_span_trim(pr_span(t, 1, t.n - 1));
    return t;
}

static void split(struct pr_text t, struct pr_text separator, struct pr_items *ret)
{
    size_t from = 0;
    while (!separator.n && from < t.n) {
        PR_PUSH(ret->v, ret->n, ret->cap, pr_span(t, from, from + 1));
        from++;
    }
    while (separator.n && from <= t.n) {
        size_t end = pr_span_find_text(t, separator, from, true);
        end = end == PR_SPAN_NONE ? t.n : end;
        struct pr_text item = strip_quotes(pr_span(t, from, end));
        bool nothing = !item.n && (end == t.n || *separator.s == ' ');
        if (!nothing) /* a separator at the very end closes the last item */
            PR_PUSH(ret->v, ret->n, ret->cap, item);
        from = end + separator.n;
    }
}

static size_t words(struct pr_text t)
{
    size_t n = 0;
    for (size_t i = 0; i < t.n; i++)
        n += !pr_span_is_space(t.s[i]) && (!i || pr_span_is_space(t.s[i - 1]));
    return n;
}

static bool is_number(struct pr_text t)
{
    struct pr_figure f;
    return pr_figure_whole(t, &f) && f.text.n == t.n;
}

/* The characters of one word; all of one class where those of the right answer are. */
static bool characters_fit(const struct pr_reading *r, struct pr_text t)
{
    bool digits = true, letters = true;
    for (size_t i = 0; i < r->right.text.n; i++) {
        digits &= pr_span_is_digit(r->right.text.s[i]);
        letters &= pr_span_is_letter(r->right.text.s[i]);
    }
    for (size_t i = 0; i < t.n; i++)
        if (pr_span_is_space(t.s[i]) || (digits && !pr_span_is_digit(t.s[i])) ||
            (letters && !pr_span_is_letter(t.s[i])))
            return false;
    return t.n > 0;
}

/* Are the items of the kind of the right ones? */
static bool items_fit(const struct pr_reading *r, const struct pr_items *items)
{
    size_t most = 1, numbers = 0;
    for (size_t i = 0; i < r->right.items.n; i++)
        most = words(r->right.items.v[i]) > most ? words(r->right.items.v[i]) : most;
    for (size_t i = 0; i < items->n; i++) {
        bool number = is_number(items->v[i]);
        if (!items->v[i].n || (r->numbers ? !number : words(items->v[i]) > most))
            return false;
        numbers += number;
    }
    return items->n && (r->numbers || !numbers || numbers < items->n);
}

static bool parse(const struct pr_reading *r, struct pr_text t, struct pr_claim *ret)
{
    struct pr_items items = {0};
    t = strip_brackets(t);
    if (r->characters) {
        t = pr_span_unwrap(t);
        if (!characters_fit(r, t))
            return false;
    }
    split(t, r->separator, &items);
    if (!r->characters && !items_fit(r, &items)) {
        pr_free(items.v);
        return false;
    }
    ret->items = items;
    ret->text = t;
    return ret->there = true;
}

/* The next run of two numbers or more that the right separator parts. */
static bool next_run(const struct pr_reading *r, struct pr_text t, size_t *at, struct pr_text *ret)
{
    struct pr_figure f;
    while (pr_figure_next(t, at, &f)) {
        size_t from = (size_t)(f.text.s - t.s), to = *at, n = 1;
        while (to < t.n) {
            size_t next = to;
            while (next < t.n && t.s[next] == ' ' && *r->separator.s != ' ')
                next++;
            if (pr_span_find_text(
                    pr_span(t, next, next + r->separator.n <= t.n ? next + r->separator.n : t.n),
                    r->separator, 0, true))
                break;
            next += r->separator.n;
            while (next < t.n && pr_span_is_space(t.s[next]))
                next++;
            size_t end = pr_figure_at(t, next, &f);
            if (end == next)
                break;
            to = end;
            n++;
        }
        *at = to;
        *ret = pr_span(t, from, to);
        if (n > 1)
            return true;
    }
    return false;
}

static bool numeric_run(
    const struct pr_reading *r, struct pr_text t, bool last, struct pr_claim *ret)
{
    struct pr_text run, found = {0};
    size_t at = 0, n = 0;
    while (next_run(r, t, &at, &run)) {
        found = run;
        n++;
    }
    return (n == 1 || (n && last)) && parse(r, found, ret);
}

bool pr_list_claim(const struct pr_reading *r, struct pr_text t, bool last, struct pr_claim *ret)
{
    struct pr_text region;
    if (!t.n)
        return false;
    if (parse(r, t, ret))
        return true;
    for (int nth = 0; pr_reading_marked(t, &nth, &region);)
        if (parse(r, pr_span_unwrap(region), ret))
            return true;
    size_t colon = pr_span_find_last(t, ":");
    if (colon != PR_SPAN_NONE && parse(r, pr_span(t, colon + 1, t.n), ret))
        return true;
    if (r->numbers && !r->characters)
        return numeric_run(r, t, last, ret);
    size_t at = pr_span_find_text(t, r->right.text, 0, false);
    return at != PR_SPAN_NONE && (!at || !pr_span_in_word(t.s[at - 1])) &&
           (at + r->right.text.n == t.n || !pr_span_in_word(t.s[at + r->right.text.n])) &&
           parse(r, pr_span(t, at, at + r->right.text.n), ret);
}

/* Are they the characters of a word of the question, in another order or the same? */
static bool characters_of_question(const struct pr_reading *r, struct pr_text g)
{
    int balance[256];
    for (size_t from = 0, to; from < r->question.n; from = to + 1) {
        for (to = from; to < r->question.n && pr_span_in_word(r->question.s[to]);)
            to++;
        if (to - from != g.n)
            continue;
        memset(balance, 0, sizeof balance);
        for (size_t i = 0; i < g.n; i++) {
            balance[(unsigned char)g.s[i]]++;
            balance[(unsigned char)r->question.s[from + i]]--;
        }
        size_t wrong = 0;
        for (size_t i = 0; i < 256; i++)
            wrong += balance[i] != 0;
        if (!wrong)
            return true;
    }
    return false;
}

static bool plausible(const struct pr_items *items)
{
    for (size_t i = 0; i < items->n; i++) {
        struct pr_text t = items->v[i];
        if (!t.n || words(t) > MAX_ITEM_WORDS || t.n > 64)
            return false;
        for (size_t k = 0; k < t.n; k++)
            if (memchr("(){};=<>\"\n.!?", t.s[k], 13) && !is_number(t))
                return false;
    }
    return items->n >= 2;
}

/* Items that `separator` parts; spaces part only what the question asks to put in an order, or
 * numbers. */
static bool try_separator(
    struct pr_reading *r, struct pr_text g, const char *separator, bool sorting)
{
    struct pr_items items = {0};
    size_t numbers = 0;
    r->separator = (struct pr_text){.s = separator, .n = strlen(separator)};
    split(g, r->separator, &items);
    for (size_t i = 0; i < items.n; i++)
        numbers += is_number(items.v[i]);
    r->numbers = numbers && numbers == items.n;
    if (!plausible(&items) || (*separator == ' ' && !sorting && !r->numbers)) {
        pr_free(items.v);
        return false;
    }
    r->right.items = items;
    return true;
}

bool pr_list_kind(struct pr_reading *r)
{
    struct pr_text g = pr_span_bare(r->golden);
    struct pr_figure f;
    bool sorting = pr_span_has_word(r->question, sorts);
    static const char *const separators[] = {"\n", ";", ",", " > ", " < ", "->", " "};
    if (g.n >= 2 && sorting && words(g) == 1 && characters_of_question(r, g)) {
        r->characters = true;
        r->separator = (struct pr_text){.s = "", .n = 0};
        split(g, r->separator, &r->right.items);
        r->kind = PR_KIND_LIST;
        return true;
    }
    if (pr_figure_whole(g, &f))
        return false;
    g = strip_brackets(g);
    for (size_t i = 0; i < sizeof separators / sizeof *separators; i++)
        if (try_separator(r, g, separators[i], sorting)) {
            r->kind = PR_KIND_LIST;
            return true;
        }
    return false;
}
