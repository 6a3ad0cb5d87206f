/* Reading, writing and working out expressions. */
#include "skills/expression.h"

#include <string.h>

#include "skills/columns.h"

static const struct {
    char op;
    int rank; /* * and / bind closer */
    const char *text[PR_EXPR_N_STYLES];
} operators[] = {
    {'+', 1, {"+", "+", "plus"}},
    {'-', 1, {"-", "\xe2\x88\x92", "minus"}},
    {'*', 2, {"*", "\xc3\x97", "times"}},
    {'/', 2, {"/", "\xc3\xb7", "divided by"}},
};
#define N_OPERATORS (sizeof operators / sizeof *operators)

static void skip_spaces(struct pr_skill_text *t)
{
    while (pr_skill_take(t, " "))
        continue;
}

int pr_expr_add(struct pr_expr *x, char op, int left, int right, int64_t value)
{
    if (x->n == PR_EXPR_NODES)
        return -1;
    x->v[x->n] = (struct pr_expr_node){.op = op, .value = value, .left = left, .right = right};
    x->numbers += !op;
    return x->root = x->n++;
}

static int combine(struct pr_expr *x, char op, int left, int right)
{
    int64_t value;
    if (left < 0 || right < 0 || !pr_column_result(op, x->v[left].value, x->v[right].value, &value))
        return -1;
    return pr_expr_add(x, op, left, right, value);
}

static int take_sum(struct pr_skill_text *t, struct pr_expr *x, int depth);

static int take_number(struct pr_skill_text *t, struct pr_expr *x)
{
    int64_t value;
    bool minus = pr_skill_take(t, "-") || pr_skill_take(t, "\xe2\x88\x92");
    const char *from = t->s;
    if (!pr_skill_take_number(t, &value))
        return -1;
    int node = pr_expr_add(x, 0, -1, -1, minus ? -value : value);
    if (node >= 0)
        x->v[node].digits = (struct pr_skill_text){from, (size_t)(t->s - from)};
    return node;
}

static int take_operand(struct pr_skill_text *t, struct pr_expr *x, int depth)
{
    skip_spaces(t);
    if (!pr_skill_take(t, "("))
        return take_number(t, x);
    if (depth >= PR_EXPR_DEPTH)
        return -1;
    int deepest = x->brackets;
    x->brackets = 0;
    int node = take_sum(t, x, depth + 1);
    skip_spaces(t);
    if (node < 0 || !pr_skill_take(t, ")"))
        return -1;
    int own = x->brackets + (x->v[node].op != 0);
    x->brackets = own > deepest ? own : deepest;
    return node;
}

/* The next operator of this rank; 0: something else comes. */
static char take_operator(struct pr_skill_text *t, int rank)
{
    struct pr_skill_text rest = *t;
    skip_spaces(&rest);
    for (size_t i = 0; i < N_OPERATORS; i++)
        for (size_t k = 0; k < PR_EXPR_N_STYLES && operators[i].rank == rank; k++)
            if (pr_skill_take(&rest, operators[i].text[k])) {
                *t = rest;
                return operators[i].op;
            }
    return 0;
}

static int take_product(struct pr_skill_text *t, struct pr_expr *x, int depth)
{
    int node = take_operand(t, x, depth);
    char op;
    while (node >= 0 && (op = take_operator(t, 2)))
        node = combine(x, op, node, take_operand(t, x, depth));
    return node;
}

static int take_sum(struct pr_skill_text *t, struct pr_expr *x, int depth)
{
    int node = take_product(t, x, depth);
    char op;
    while (node >= 0 && (op = take_operator(t, 1)))
        node = combine(x, op, node, take_product(t, x, depth));
    return node;
}

bool pr_expr_take(struct pr_skill_text *t, struct pr_expr *ret)
{
    struct pr_skill_text rest = *t;
    *ret = (struct pr_expr){0};
    int node = take_sum(&rest, ret, 0);
    if (node < 0)
        return false;
    ret->root = node;
    *t = rest;
    return true;
}

bool pr_expr_work_out(struct pr_expr *x)
{
    for (int i = 0; i < x->n; i++) {
        struct pr_expr_node *v = &x->v[i];
        if (v->op && !pr_column_result(v->op, x->v[v->left].value, x->v[v->right].value, &v->value))
            return false;
    }
    return true;
}

static size_t place_of(char op)
{
    size_t i = 0;
    while (i + 1 < N_OPERATORS && operators[i].op != op)
        i++;
    return i;
}

static void put_side(
    const struct pr_expr *x, int node, bool brackets, enum pr_expr_style style, struct pr_str *out)
{
    if (brackets)
        pr_str_putc(out, '(');
    pr_expr_put(x, node, style, out);
    if (brackets)
        pr_str_putc(out, ')');
}

void pr_expr_put(const struct pr_expr *x, int node, enum pr_expr_style style, struct pr_str *out)
{
    const struct pr_expr_node *v = &x->v[node];
    if (!v->op) {
        pr_str_printf(out, "%lld", (long long)v->value);
        return;
    }
    size_t own = place_of(v->op);
    const struct pr_expr_node *l = &x->v[v->left], *r = &x->v[v->right];
    put_side(
        x, v->left, l->op && operators[place_of(l->op)].rank < operators[own].rank, style, out);
    pr_str_printf(out, " %s ", operators[own].text[style]);
    put_side(x, v->right,
        r->op ? operators[place_of(r->op)].rank <= operators[own].rank : r->value < 0, style, out);
}
