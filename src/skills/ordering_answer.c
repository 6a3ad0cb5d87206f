/* Answers to questions about order, however they are written. */
#include <string.h>

#include "skills/ordering_form.h"
#include "skills/phrase.h"

/* The next item of an answer is this one, however it is written. */
static bool take_same(
    struct pr_skill_text *t, const struct pr_order *q, const struct pr_order_item *x)
{
    size_t n = strlen(x->text);
    int64_t value;
    if (q->words) {
        if (t->n < n || strncasecmp(t->s, x->text, n) != 0)
            return false;
        *t = (struct pr_skill_text){t->s + n, t->n - n};
        return true;
    }
    bool minus = t->n && (t->s[0] == '-' || (unsigned char)t->s[0] == 0xe2);
    return pr_skill_take_decimal(t, &value) && value == x->value &&
           (value || !minus || x->text[0] == '-'); /* nobody writes -0 for 0 */
}

/* White space, with or without one comma or semicolon. */
static bool take_separator(struct pr_skill_text *t)
{
    struct pr_skill_text before = *t;
    *t = pr_skill_trim(t->s, t->n);
    if (pr_skill_take(t, ",") || pr_skill_take(t, ";"))
        *t = pr_skill_trim(t->s, t->n);
    return t->n < before.n && t->n;
}

static bool is_sorted_list(struct pr_skill_text t, const struct pr_order *q)
{
    struct pr_order_item sorted[PR_ORDER_ITEMS];
    pr_order_sorted(q, sorted);
    if (t.n > 1 && t.s[0] == '[' && t.s[t.n - 1] == ']')
        t = pr_skill_trim(t.s + 1, t.n - 2);
    for (int i = 0; i < q->n; i++)
        if ((i && !take_separator(&t)) || !take_same(&t, q, &sorted[i]))
            return false;
    return !t.n;
}

bool pr_order_accepts(const struct pr_order *q, const char *answer, size_t n)
{
    struct pr_order_item sorted[PR_ORDER_ITEMS];
    struct pr_skill_text t = pr_skill_answer(answer, n);
    if (!t.n)
        return false;
    if (q->kind == PR_ORDER_SORT)
        return is_sorted_list(t, q);
    pr_order_sorted(q, sorted);
    const struct pr_order_item *right = &sorted[q->nth - 1];
    if (!q->words && right->value % PR_DECIMAL_UNIT == 0 &&
        pr_answer_is_number(t.s, t.n, right->value / PR_DECIMAL_UNIT))
        return true;
    return take_same(&t, q, right) && !t.n;
}
