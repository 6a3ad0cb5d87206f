/* Form: the answer is not what can be right or wrong. */
#include <string.h>

#include "base/alloc.h"
#include "mistakes/recognisers.h"
#include "mistakes/span.h"

bool pr_mistake_is_think_unclosed(const struct pr_reading *r, struct pr_str *why)
{
    struct pr_text rest;
    (void)pr_reading_think(r->c->output, &rest);
    if (!r->c->think_unclosed && rest.s)
        return false;
    pr_str_puts(why, r->c->truncated ? "the think block was begun and not closed before the end"
                                     : "the think block was begun and never closed");
    return true;
}

#define LOOP_MAX (1 << 20) /* of a longer output its end is looked at */

/* The length of the piece that the end of t repeats three times or more (the last perhaps cut
 * off), where this makes up at least half of it; else 0.  Borders of the text read from its end,
 * as Knuth, Morris and Pratt do: linear. */
static size_t repeated(struct pr_text t)
{
    size_t found = 0;
    if (t.n < 3)
        return 0;
    uint32_t *border = pr_alloc(t.n * sizeof *border);
    const char *last = t.s + t.n - 1;
    border[0] = 0;
    for (size_t i = 1, k = 0; i < t.n && !found; i++) {
        while (k && *(last - i) != *(last - k))
            k = border[k - 1];
        k += *(last - i) == *(last - k);
        border[i] = (uint32_t)k;
        size_t n = i + 1, period = n - k;
        if (n * 2 >= t.n && n > 2 * period)
            found = period;
    }
    pr_free(border);
    return found;
}

bool pr_mistake_is_looped(const struct pr_reading *r, struct pr_str *why)
{
    static const char broken[] = "\uFFFD"; /* a character of which the last bytes never came */
    struct pr_text t = r->c->output;
    if (!r->c->truncated || !t.s)
        return false;
    if (t.n > LOOP_MAX)
        t = pr_span(t, t.n - LOOP_MAX, t.n);
    if (t.n >= sizeof broken - 1 &&
        !memcmp(t.s + t.n - (sizeof broken - 1), broken, sizeof broken - 1))
        t.n -= sizeof broken - 1;
    size_t n = repeated(t);
    if (!n)
        return false;
    pr_str_puts(why, "'");
    pr_span_quote(why, pr_span(t, t.n - n, t.n));
    pr_str_puts(why, "' again and again until the token limit");
    return true;
}

bool pr_mistake_is_truncated(const struct pr_reading *r, struct pr_str *why)
{
    if (!r->c->truncated)
        return false;
    pr_str_puts(why, "cut off at the token limit");
    if (r->c->output.s && r->c->output.n) {
        struct pr_text t = r->c->output;
        pr_str_puts(why, " after '");
        pr_span_quote(why, pr_span(t, t.n > 40 ? t.n - 40 : 0, t.n));
        pr_str_puts(why, "'");
    }
    return true;
}

bool pr_mistake_is_empty(const struct pr_reading *r, struct pr_str *why)
{
    if (r->answer.n || (!r->c->answer.s && !r->c->output.s))
        return false;
    pr_str_puts(why, r->think.s ? "nothing follows the think block" : "there is no answer");
    return true;
}

static const char *const refusals[] = {"i can't", "i cannot", "i can not", "i can\u2019t",
    "i won't", "i will not", "i won\u2019t", "i'm sorry", "i am sorry", "i\u2019m sorry", "sorry",
    "unable to", "not able to", "as an ai", "do not know", "don't know", "don\u2019t know",
    "no idea", "not enough information", "insufficient information", "cannot be determined",
    "can't be determined", "cannot answer", "can't answer", "cannot help", "can't help", "not sure",
    "i must decline", "i decline", "i refuse", NULL};

#define REFUSAL_MAX   400 /* a longer text says more than that it does not answer */
#define REFUSAL_BEGIN 80  /* and says so at once */

/* Does a value stand there beside the refusal?  "no" in "no idea" is none. */
static bool claims(const struct pr_reading *r, const char *refusal)
{
    struct pr_claim claim;
    if (r->kind == PR_KIND_TEXT) /* any text is of this kind: only the right one counts */
        return pr_reading_same(r, &r->given) && r->given.text.n < r->answer.n;
    char *rest = pr_strndup(r->answer.s, r->answer.n);
    struct pr_text t = {.s = rest, .n = r->answer.n};
    size_t at = pr_span_find(t, refusal, 0);
    memset(rest + at, ' ', strlen(refusal));
    pr_reading_claim(r, t, false, &claim);
    bool there = claim.there && !(r->kind == PR_KIND_CHOICE && claim.offer == PR_SPAN_NONE);
    pr_claim_done(&claim);
    pr_free(rest);
    return there;
}

bool pr_mistake_is_refused(const struct pr_reading *r, struct pr_str *why)
{
    for (size_t i = 0; refusals[i] && r->answer.n <= REFUSAL_MAX; i++) {
        size_t at = pr_span_find(r->answer, refusals[i], 0);
        if (at > REFUSAL_BEGIN || (at && pr_span_in_word(r->answer.s[at - 1])) ||
            pr_span_find(r->golden, refusals[i], 0) != PR_SPAN_NONE)
            continue;
        if (claims(r, refusals[i]))
            return false;
        pr_str_puts(why, "it says '");
        pr_span_quote(why, r->answer);
        pr_str_puts(why, "' and claims no value");
        return true;
    }
    return false;
}

/* Where the right value is there: does it stand as the right answer is written?  Of a text around
 * it, case aside. */
static bool written_right(const struct pr_reading *r)
{
    struct pr_text bare = pr_span_bare(r->answer);
    bool around = r->given.text.n < bare.n;
    if (r->json && around)
        return true;
    return pr_span_same(pr_span_bare(r->given.text), pr_span_bare(r->right.text), !around);
}

bool pr_mistake_is_misplaced(const struct pr_reading *r, struct pr_str *why)
{
    if (r->given.there && pr_reading_same(r, &r->given)) {
        if (!written_right(r))
            return false;
        pr_span_quote(why, r->right.text);
        pr_str_puts(why, " is right, but the check does not take '");
        pr_span_quote(why, r->answer);
        pr_str_puts(why, "'");
        return true;
    }
    if (!r->thought)
        return false;
    pr_str_puts(why, "the think block comes to ");
    pr_span_quote(why, r->right.text);
    pr_str_puts(why, ", but '");
    pr_span_quote(why, r->answer);
    pr_str_puts(why, "' was answered");
    return true;
}

bool pr_mistake_is_format_broken(const struct pr_reading *r, struct pr_str *why)
{
    static const char *const wanted[PR_N_KINDS] = {[PR_KIND_LIST] = "a list",
        [PR_KIND_CHOICE] = "one of what was offered",
        [PR_KIND_COMPUTED] = "a number",
        [PR_KIND_NUMBER] = "one number",
        [PR_KIND_DATE] = "a date",
        [PR_KIND_TEXT] = "JSON"};
    if (!r->answer.n || (r->given.there && !pr_reading_same(r, &r->given)))
        return false;
    pr_str_puts(why, "'");
    pr_span_quote(why, r->answer);
    if (!r->given.there) {
        pr_str_printf(why, "' cannot be read as %s", wanted[r->kind]);
    } else {
        pr_str_puts(why, "' is right but written otherwise: ");
        pr_span_quote(why, r->right.text);
    }
    return true;
}
