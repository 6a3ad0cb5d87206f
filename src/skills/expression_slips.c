/* What typical mistakes make of an expression. */
#include <stdio.h>
#include <string.h>

#include "skills/columns.h"
#include "skills/expression.h"

static void add_slip(struct pr_slips *ret, const char *pattern, int64_t answer, const char *why)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)answer);
    pr_slips_add(ret, pattern, text, "%s", why);
}

/* From left to right, as if no operation came before another and there were no brackets. */
static bool left_to_right(const struct pr_expr *x, int node, int64_t *value, char *pending)
{
    const struct pr_expr_node *v = &x->v[node];
    if (v->op) {
        if (!left_to_right(x, v->left, value, pending))
            return false;
        *pending = v->op;
        return left_to_right(x, v->right, value, pending);
    }
    int64_t before = *value;
    return pr_column_result(*pending, before, v->value, value);
}

/* The result with one operation exchanged for its neighbour. */
static void exchanged(const struct pr_expr *x, struct pr_slips *ret)
{
    static const char from[] = "+-*/", to[] = "-++-";
    for (int i = 0; i < x->n; i++) {
        const char *op = x->v[i].op ? strchr(from, x->v[i].op) : NULL;
        struct pr_expr other = *x;
        char why[160];
        if (!op || i == x->root)
            continue;
        other.v[i].op = to[op - from];
        if (!pr_expr_work_out(&other))
            continue;
        snprintf(why, sizeof why, "%lld %c %lld was worked out as %lld %c %lld",
            (long long)x->v[x->v[i].left].value, x->v[i].op, (long long)x->v[x->v[i].right].value,
            (long long)x->v[x->v[i].left].value, other.v[i].op,
            (long long)x->v[x->v[i].right].value);
        add_slip(ret, "wrong_operation", other.v[x->root].value, why);
    }
}

void pr_expr_slips(const struct pr_expr *x, struct pr_slips *ret)
{
    char pending = '+', why[160];
    int64_t flat = 0;
    const struct pr_expr_node *root = &x->v[x->root];
    if (x->numbers > 2 && left_to_right(x, x->root, &flat, &pending) && flat != root->value)
        add_slip(ret, "wrong_operation", flat,
            "it was worked out from left to right, without regard to which operation comes first");
    for (int i = x->n; i-- > 0;) {
        if (!x->v[i].op || i == x->root)
            continue;
        snprintf(why, sizeof why, "%lld is the result of a step on the way; the rest was left out",
            (long long)x->v[i].value);
        add_slip(ret, "step_missing", x->v[i].value, why);
    }
    pr_column_slips(ret, root->op, x->v[root->left].value, x->v[root->right].value);
    if (root->value)
        add_slip(ret, "sign", -root->value, "the amount is right and its sign is not");
    exchanged(x, ret);
}
