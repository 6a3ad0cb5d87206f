/* Which of what is offered a text claims. */
#include <string.h>

#include "mistakes/reading.h"
#include "mistakes/span.h"

static bool take(struct pr_claim *ret, size_t offer, struct pr_text text)
{
    ret->offer = offer;
    ret->text = text;
    return ret->there = true;
}

/* The first, or with `last` the last, of the offered texts that is named. */
static bool named(const struct pr_offers *o, struct pr_text t, bool last, struct pr_claim *ret)
{
    size_t best = PR_SPAN_NONE;
    for (size_t i = 0; i < o->n; i++) {
        bool sign = o->kind == PR_OFFER_SIGNS;
        char name[64];
        if (o->v[i].n >= sizeof name || !o->v[i].n)
            continue;
        memcpy(name, o->v[i].s, o->v[i].n);
        name[o->v[i].n] = 0;
        for (size_t at = 0; (at = sign ? pr_span_find(t, name, at)
                                       : pr_span_find_word(t, name, at)) != PR_SPAN_NONE;
             at++) {
            if (best == PR_SPAN_NONE || (last ? at >= best : at < best)) {
                best = at;
                (void)take(ret, i, pr_span(t, at, at + o->v[i].n));
            }
            if (!last)
                break;
        }
    }
    return best != PR_SPAN_NONE;
}

static bool word_claim(const struct pr_offers *o, struct pr_text t, bool last, struct pr_claim *ret)
{
    struct pr_text region;
    if (o->kind == PR_OFFER_WORDS && !last)
        for (int nth = 0; pr_reading_marked(t, &nth, &region);)
            if (named(o, region, false, ret))
                return true;
    return named(o, t, last, ret);
}

static size_t offered_number(const struct pr_offers *o, const struct pr_figure *f)
{
    for (size_t i = 0; i < o->n; i++)
        if (pr_figure_equal(&o->number[i], f))
            return i;
    return PR_SPAN_NONE;
}

static bool number_claim(
    const struct pr_offers *o, struct pr_text t, bool last, struct pr_claim *ret)
{
    struct pr_figure f;
    size_t at = 0;
    /* The only one, or a marked one. */
    if (pr_number_claim(t, last, ret))
        return take(ret, offered_number(o, &ret->number), ret->text);
    while (pr_figure_next(t, &at, &f)) {
        size_t i = offered_number(o, &f);
        if (i != PR_SPAN_NONE) {
            ret->number = f;
            return take(ret, i, f.text);
        }
    }
    return false;
}

static bool letter(struct pr_text t, size_t at, struct pr_claim *ret)
{
    return take(ret, (size_t)(t.s[at] - 'A'), pr_span(t, at, at + 1));
}

/* A capital that stands alone and is no word: in parentheses, before ) . or :, or not A or I. */
static bool letter_at(struct pr_text t, size_t i)
{
    char before = i ? t.s[i - 1] : ' ', after = i + 1 < t.n ? t.s[i + 1] : ' ';
    if (t.s[i] < 'A' || t.s[i] > 'Z' || pr_span_in_word(before) || pr_span_in_word(after) ||
        after == '\'')
        return false;
    return before == '(' || memchr(").:", after, 3) || (t.s[i] != 'A' && t.s[i] != 'I');
}

static bool letter_claim(
    const struct pr_offers *o, struct pr_text t, bool last, struct pr_claim *ret)
{
    struct pr_text bare = pr_span_unwrap(t), region;
    bool found = false;
    if (bare.n == 1 && pr_span_is_letter(*bare.s)) {
        (void)take(ret, (size_t)(pr_span_lower(*bare.s) - 'a'), bare);
        found = true;
    }
    for (int nth = 0; !found && !last && pr_reading_marked(t, &nth, &region);) {
        bare = pr_span_unwrap(region);
        if (bare.n && *bare.s >= 'A' && *bare.s <= 'Z' &&
            (bare.n == 1 || !pr_span_in_word(bare.s[1])))
            found = letter(bare, 0, ret);
    }
    for (size_t i = 0; i < t.n && (!found || last); i++)
        if (letter_at(t, i))
            found = letter(t, i, ret);
    if (found) {
        ret->offer = ret->offer < o->n ? ret->offer : PR_SPAN_NONE;
        return true;
    }
    size_t best = PR_SPAN_NONE; /* the content of one instead of its letter */
    for (size_t i = 0; i < o->n; i++) {
        size_t at = o->content[i].n && o->content[i].n <= 256
                        ? pr_span_find_text(t, o->content[i], 0, false)
                        : PR_SPAN_NONE;
        if (at < best) {
            best = at;
            (void)take(ret, i, pr_span(t, at, at + o->content[i].n));
        }
    }
    return ret->there;
}

/* A piece of the question may hold more than what is offered ("Is the sky blue"). */
static size_t offered_text(const struct pr_reading *r, struct pr_text t)
{
    for (size_t i = 0; i < r->offers.n && t.n; i++) {
        struct pr_text v = i == r->right.offer ? r->right.text : r->offers.v[i];
        if (pr_offer_holds(v, t))
            return i;
    }
    return PR_SPAN_NONE;
}

static bool text_claim(
    const struct pr_reading *r, struct pr_text t, bool last, struct pr_claim *ret)
{
    struct pr_offers o = r->offers;
    struct pr_text bare = pr_span_unwrap(t), region;
    struct pr_figure f;
    o.v[r->right.offer] = r->right.text;
    if (offered_text(r, bare) != PR_SPAN_NONE)
        return take(ret, offered_text(r, bare), bare);
    for (int nth = 0; !last && pr_reading_marked(t, &nth, &region);)
        if (named(&o, region, false, ret))
            return true;
    if (named(&o, t, last, ret))
        return true;
    if (!bare.n || pr_figure_whole(bare, &f) || last)
        return false;
    return take(ret, PR_SPAN_NONE, bare);
}

bool pr_choice_claim(const struct pr_reading *r, struct pr_text t, bool last, struct pr_claim *ret)
{
    switch (r->offers.kind) {
    case PR_OFFER_WORDS:
    case PR_OFFER_SIGNS:
        return word_claim(&r->offers, t, last, ret);
    case PR_OFFER_LETTERS:
        return letter_claim(&r->offers, t, last, ret);
    case PR_OFFER_NUMBERS:
        return number_claim(&r->offers, t, last, ret);
    case PR_OFFER_TEXTS:
        return text_claim(r, t, last, ret);
    }
    return false;
}
