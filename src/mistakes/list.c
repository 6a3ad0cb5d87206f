/* Lists: the items of the answer against the right ones, each as often as it occurs. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "mistakes/recognisers.h"
#include "mistakes/span.h"

#define SHOWN 3 /* items that are named */

/* Items of numbers by value, others case aside. */
static int compare_texts(struct pr_text a, struct pr_text b)
{
    for (size_t i = 0; i < a.n && i < b.n; i++) {
        unsigned char x = (unsigned char)pr_span_lower(a.s[i]),
                      y = (unsigned char)pr_span_lower(b.s[i]);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return a.n < b.n ? -1 : a.n > b.n;
}

static int compare(const void *pa, const void *pb)
{
    const struct pr_text *a = pa, *b = pb;
    struct pr_figure x, y;
    if (pr_figure_whole(*a, &x) && pr_figure_whole(*b, &y)) {
        if (pr_figure_equal(&x, &y))
            return 0;
        if (x.approx < y.approx || x.approx > y.approx)
            return x.approx < y.approx ? -1 : 1;
    }
    return compare_texts(*a, *b);
}

struct difference {
    size_t n_missing, n_added;
    struct pr_text missing[SHOWN], added[SHOWN];
};

static void note(struct pr_text *v, size_t *n, struct pr_text item)
{
    if (*n < SHOWN)
        v[*n] = item;
    ++*n;
}

static struct pr_text *sorted(const struct pr_items *items)
{
    struct pr_text *v = pr_alloc((items->n + 1) * sizeof *v);
    memcpy(v, items->v, items->n * sizeof *v);
    qsort(v, items->n, sizeof *v, compare);
    return v;
}

static void differ(const struct pr_reading *r, struct difference *ret)
{
    const struct pr_items *a = &r->given.items, *b = &r->right.items;
    struct pr_text *given = sorted(a), *right = sorted(b);
    size_t i = 0, k = 0;
    *ret = (struct difference){0};
    while (i < a->n || k < b->n) {
        int order = i == a->n ? 1 : k == b->n ? -1 : compare(&given[i], &right[k]);
        if (order < 0)
            note(ret->added, &ret->n_added, given[i++]);
        else if (order > 0)
            note(ret->missing, &ret->n_missing, right[k++]);
        else
            i++, k++;
    }
    pr_free(given);
    pr_free(right);
}

static void name(struct pr_str *why, const struct pr_text *v, size_t n)
{
    for (size_t i = 0; i < n && i < SHOWN; i++) {
        pr_str_puts(why, i ? ", " : "");
        pr_span_quote(why, v[i]);
    }
    if (n > SHOWN)
        pr_str_printf(why, " and %zu more", n - SHOWN);
}

bool pr_mistake_is_wrong_order(const struct pr_reading *r, struct pr_str *why)
{
    struct difference d;
    differ(r, &d);
    if (d.n_missing || d.n_added)
        return false;
    size_t i = 0;
    while (i < r->right.items.n && !compare(&r->given.items.v[i], &r->right.items.v[i]))
        i++;
    pr_str_puts(why, "all items are there, but not in the order asked for");
    if (i < r->right.items.n) {
        pr_str_printf(why, ": item %zu is ", i + 1);
        pr_span_quote(why, r->given.items.v[i]);
        pr_str_puts(why, " instead of ");
        pr_span_quote(why, r->right.items.v[i]);
    }
    return true;
}

bool pr_mistake_is_item_missing(const struct pr_reading *r, struct pr_str *why)
{
    struct difference d;
    differ(r, &d);
    if (d.n_added)
        return false;
    name(why, d.missing, d.n_missing);
    pr_str_printf(why, " %s missing", d.n_missing == 1 ? "is" : "are");
    return true;
}

bool pr_mistake_is_item_added(const struct pr_reading *r, struct pr_str *why)
{
    struct difference d;
    differ(r, &d);
    if (d.n_missing)
        return false;
    name(why, d.added, d.n_added);
    pr_str_printf(why, " %s too many", d.n_added == 1 ? "is one" : "are");
    return true;
}

bool pr_mistake_is_item_changed(const struct pr_reading *r, struct pr_str *why)
{
    struct difference d;
    differ(r, &d);
    if (!d.n_missing || !d.n_added)
        return false;
    name(why, d.missing, d.n_missing);
    pr_str_printf(why, " %s missing, ", d.n_missing == 1 ? "is" : "are");
    name(why, d.added, d.n_added);
    pr_str_printf(why, " %s there instead", d.n_added == 1 ? "is" : "are");
    return true;
}
