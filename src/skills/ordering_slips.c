/* What typical mistakes make of a question about order. */
#include <stdio.h>

#include "skills/ordering_form.h"
#include "skills/phrase.h"

static void add_order(struct pr_slips *ret, const char *pattern, const struct pr_order_item *v,
    int n, bool backwards, const char *why)
{
    struct pr_str text = PR_STR_INIT(PR_ORDER_ITEMS * PR_ORDER_TEXT * 2);
    for (int i = 0; i < n; i++)
        pr_str_printf(&text, "%s%s", i ? ", " : "", v[backwards ? n - 1 - i : i].text);
    pr_slips_add(ret, pattern, pr_str_cstr(&text), "%s", why);
    pr_str_done(&text);
}

static void sorting_slips(
    const struct pr_order *q, const struct pr_order_item *sorted, struct pr_slips *ret)
{
    struct pr_order_item once[PR_ORDER_ITEMS];
    int n = 0;
    add_order(ret, "wrong_order", sorted, q->n, true, "sorted, but in the opposite direction");
    add_order(ret, "wrong_order", q->v, q->n, false, "left in the order of the question");
    for (int i = 0; i < q->n; i++)
        if (!i || pr_order_compare(q, &sorted[i], &sorted[i - 1]) != 0)
            once[n++] = sorted[i];
    if (n < q->n)
        add_order(ret, "item_missing", once, n, false, "what comes twice was written once");
}

void pr_order_slips(const struct pr_order *q, struct pr_slips *ret)
{
    struct pr_order_item sorted[PR_ORDER_ITEMS];
    char text[PR_ORDER_TEXT];
    pr_order_sorted(q, sorted);
    if (q->kind == PR_ORDER_SORT) {
        sorting_slips(q, sorted, ret);
        return;
    }
    for (int i = 0; i < q->n; i++) {
        if (i == q->nth - 1)
            continue;
        if (q->expressions)
            snprintf(text, sizeof text, "%lld", (long long)(sorted[i].value / PR_DECIMAL_UNIT));
        pr_slips_add(ret, "other_choice", q->expressions ? text : sorted[i].text,
            "%s comes %s place %d, not at place %d, counted from the %s", sorted[i].text,
            i + 1 == q->n ? "last, at" : "at", i + 1, q->nth,
            q->words ? (q->down ? "last" : "first") : (q->down ? "largest" : "smallest"));
    }
}
