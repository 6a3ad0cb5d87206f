/* Texts: letters that differ, and parts. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "mistakes/recognisers.h"
#include "mistakes/span.h"

#define MAX_EDITS 2
#define MAX_CHARS 4096 /* a longer text is no spelling */
#define FAR_OFF   (MAX_EDITS + 1)

/* Characters without case. */
struct chars {
    uint32_t *v;
    size_t n, letters;
};

static bool is_letter(uint32_t c)
{
    return *pr_utf8_category(c) == 'L';
}

static bool spell(struct pr_text t, struct chars *ret)
{
    *ret = (struct chars){0};
    if (t.n > MAX_CHARS || !pr_utf8_valid(t.s, t.n))
        return false;
    ret->v = pr_alloc((t.n + 1) * sizeof *ret->v);
    for (size_t i = 0; i < t.n;) {
        uint32_t c;
        i += pr_utf8_decode(t.s + i, &c);
        ret->letters += is_letter(c);
        ret->v[ret->n++] = pr_utf8_lower(c);
    }
    return true;
}

static int least(int a, int b)
{
    return a < b ? a : b;
}

/* Insertions, deletions and replacements of letters, and exchanges of neighbours, that lead from a
 * to b (optimal string alignment); more than MAX_EDITS is FAR_OFF.  Only the five diagonals within
 * reach are filled. */
static int distance(const struct chars *a, const struct chars *b)
{
    int row[3][2 * MAX_EDITS + 1];
    enum { N = 2 * MAX_EDITS + 1 };
    for (size_t i = 0; i <= a->n; i++) {
        int *now = row[i % 3], *above = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        for (int k = 0; k < N; k++) { /* column j = i + k - MAX_EDITS */
            size_t j = i + (size_t)k - MAX_EDITS;
            now[k] = FAR_OFF;
            if (i + (size_t)k < MAX_EDITS || j > b->n)
                continue;
            if (!i && !j)
                now[k] = 0;
            if (i && k + 1 < N && is_letter(a->v[i - 1]))
                now[k] = least(now[k], above[k + 1] + 1);
            if (j && k && is_letter(b->v[j - 1]))
                now[k] = least(now[k], now[k - 1] + 1);
            if (!i || !j)
                continue;
            bool same = a->v[i - 1] == b->v[j - 1];
            bool letters = is_letter(a->v[i - 1]) && is_letter(b->v[j - 1]);
            if (same || letters)
                now[k] = least(now[k], above[k] + !same);
            if (i > 1 && j > 1 && letters && a->v[i - 1] == b->v[j - 2] &&
                a->v[i - 2] == b->v[j - 1] && is_letter(a->v[i - 2]))
                now[k] = least(now[k], before[k] + 1);
        }
    }
    size_t apart = a->n > b->n ? a->n - b->n : b->n - a->n;
    return apart > MAX_EDITS ? FAR_OFF : row[a->n % 3][b->n + MAX_EDITS - a->n];
}

bool pr_mistake_is_misspelt(const struct pr_reading *r, struct pr_str *why)
{
    struct chars given, right = {0};
    int edits = FAR_OFF;
    if (spell(r->given.text, &given) && spell(r->right.text, &right) && right.letters >= 4)
        edits = distance(&given, &right);
    pr_free(given.v);
    size_t letters = right.letters;
    pr_free(right.v);
    if (!edits || edits > (letters >= 6 ? 2 : 1))
        return false;
    pr_str_puts(why, "'");
    pr_span_quote(why, r->given.text);
    pr_str_printf(why, "' is %s away from '", edits == 1 ? "one letter" : "two letters");
    pr_span_quote(why, r->right.text);
    pr_str_puts(why, "'");
    return true;
}

static bool is_part(struct pr_text part, struct pr_text whole)
{
    bool one_word = true;
    for (size_t i = 0; i < whole.n; i++)
        one_word &= !pr_span_is_space(whole.s[i]);
    if (!part.n || part.n >= whole.n || whole.n > MAX_CHARS || (one_word && part.n < 2))
        return false;
    for (size_t at = 0; (at = pr_span_find_text(whole, part, at, false)) != PR_SPAN_NONE; at++) {
        bool front = !at || !pr_span_in_word(whole.s[at - 1]) || !pr_span_in_word(*part.s);
        size_t end = at + part.n;
        bool back = end == whole.n || !pr_span_in_word(whole.s[end]) ||
                    !pr_span_in_word(part.s[part.n - 1]);
        if (one_word || (front && back))
            return true;
    }
    return false;
}

bool pr_mistake_is_part(const struct pr_reading *r, struct pr_str *why)
{
    if (!is_part(r->given.text, r->right.text))
        return false;
    pr_str_puts(why, "'");
    pr_span_quote(why, r->given.text);
    pr_str_puts(why, "' is only a part of '");
    pr_span_quote(why, r->right.text);
    pr_str_puts(why, "'");
    return true;
}

bool pr_mistake_is_other(const struct pr_reading *r, struct pr_str *why)
{
    if (!r->c->answer.s && !r->c->output.s) {
        pr_str_puts(why, "what was answered was not kept");
        return true;
    }
    pr_str_puts(why, "'");
    pr_span_quote(why, r->answer);
    pr_str_puts(why, "' instead of '");
    pr_span_quote(why, r->golden);
    pr_str_puts(why, "'");
    return true;
}
