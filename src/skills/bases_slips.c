/* What typical mistakes make of a question about bases. */
#include <stdio.h>

#include "skills/bases_form.h"

static void add_slip(
    struct pr_slips *ret, const char *pattern, uint64_t value, int base, const char *why)
{
    struct pr_str text = PR_STR_INIT(128);
    pr_bases_put_digits(value, base, &text);
    pr_slips_add(ret, pattern, pr_str_cstr(&text), "%s", why);
    pr_str_done(&text);
}

static void conversion_slips(const struct pr_bases *q, struct pr_slips *ret)
{
    struct pr_str text = PR_STR_INIT(128), back = PR_STR_INIT(128);
    pr_str_append(&text, q->v[0].digits.s, q->v[0].digits.n);
    pr_slips_add(ret, "step_missing", pr_str_cstr(&text), "the digits were copied, not converted");
    pr_str_clear(&text);
    pr_bases_put_digits(q->value, q->to, &text);
    for (size_t i = text.len; i-- > 0;)
        pr_str_putc(&back, text.data[i]);
    pr_slips_add(ret, "wrong_order", pr_str_cstr(&back),
        "the digits are there from the last to the first: remainders are read upwards");
    pr_str_done(&text);
    pr_str_done(&back);
}

void pr_bases_slips(const struct pr_bases *q, struct pr_slips *ret)
{
    static const int others[] = {10, 2, 8, 16};
    uint64_t other;
    char why[160];
    const struct pr_bases_step *last = q->n_steps ? &q->steps[q->n_steps - 1] : NULL;
    if (!last)
        conversion_slips(q, ret);
    if (last && last->op == PR_BASES_PLUS)
        add_slip(ret, "carry", last->a ^ last->b, q->to, "the bits were added without carrying");
    for (size_t i = 0; i < 4; i++) {
        snprintf(why, sizeof why, "the value is right, but written in base %d, not %d", others[i],
            q->to);
        if (others[i] != q->to)
            add_slip(ret, last ? "step_missing" : "wrong_operation", q->value, others[i], why);
    }
    for (int i = 0; last && i < PR_BASES_N_OPS; i++) {
        if (i == (int)last->op || !pr_bases_apply((enum pr_bases_op)i, last->a, last->b, &other))
            continue;
        snprintf(why, sizeof why, "%s was worked out instead of %s",
            pr_bases_op_text((enum pr_bases_op)i), pr_bases_op_text(last->op));
        add_slip(ret, "wrong_operation", other, q->to, why);
    }
    for (int i = 0; i + 1 < q->n_steps; i++)
        add_slip(ret, "step_missing", q->steps[i].result, q->to,
            "this is the result of a step on the way; the rest was left out");
}
