/* Operations: another one of the four in place of the right one, or a step left out. */
#include "mistakes/recognisers.h"
#include "mistakes/span.h"

static const char *sign_of(char op)
{
    return op == '*' ? "×" : op == '/' ? "÷" : op == '-' ? "-" : "+";
}

static void put_step(struct pr_str *why, struct pr_ratio a, char op, struct pr_ratio b)
{
    pr_ratio_put(why, a);
    pr_str_printf(why, " %s ", sign_of(op));
    if (b.num < 0)
        pr_str_putc(why, '(');
    pr_ratio_put(why, b);
    if (b.num < 0)
        pr_str_putc(why, ')');
}

/* Does step i of the working, done as a op b, lead to the answer? */
static bool leads(const struct pr_reading *r, const struct pr_working *w, int i, struct pr_ratio a,
    char op, struct pr_ratio b)
{
    struct pr_ratio x, result;
    return pr_ratio_apply(op, a, b, &x) && (op != '/' || pr_ratio_ends(x)) &&
           pr_working_result(w, i, x, &result) && pr_ratio_equal(result, r->given.number.value);
}

static bool other_operation(
    const struct pr_reading *r, const struct pr_working *w, int i, struct pr_str *why)
{
    static const char ops[] = "+-*/";
    const struct pr_step *s = &w->v[i];
    struct pr_ratio a = w->v[s->left].value, b = w->v[s->right].value;
    for (int k = 0; k < 5; k++) { /* the last: the operands exchanged */
        bool exchange = k == 4;
        char op = exchange ? s->op : ops[k];
        if (exchange ? op == '+' || op == '*' || !leads(r, w, i, b, op, a)
                     : op == s->op || !leads(r, w, i, a, op, b))
            continue;
        bool last = i == w->n - 1;
        if (last) {
            pr_span_quote(why, r->given.text);
            pr_str_puts(why, " is ");
        }
        put_step(why, exchange ? b : a, op, exchange ? a : b);
        pr_str_puts(why, last ? "; " : " was worked out; ");
        put_step(why, a, s->op, b);
        pr_str_puts(why, " was asked for");
        if (!last) {
            pr_str_puts(why, ", all else is right and makes ");
            pr_span_quote(why, r->given.text);
        }
        return true;
    }
    return false;
}

/* The date in the question from which the right one is counted. */
static bool start_day(const struct pr_reading *r, struct pr_day *ret)
{
    struct pr_text text;
    size_t at = 0;
    while (pr_day_next(r->question, &at, ret, &text))
        if (ret->weekday == r->right.day.weekday)
            return true;
    return false;
}

static int64_t weekday(int64_t n)
{
    return (n % 7 + 7) % 7;
}

static bool other_direction(const struct pr_reading *r, struct pr_str *why)
{
    struct pr_day start, other;
    if (r->given.day.weekday != r->right.day.weekday || !start_day(r, &start))
        return false;
    other = start;
    other.n = 2 * start.n - r->right.day.n;
    if (other.weekday)
        other.n = weekday(other.n);
    if (other.n != r->given.day.n)
        return false;
    pr_span_quote(why, r->given.text);
    pr_str_puts(why, " is as far from ");
    pr_day_put(why, start);
    pr_str_puts(why, " in the other direction");
    return true;
}

bool pr_mistake_is_wrong_operation(const struct pr_reading *r, struct pr_str *why)
{
    if (r->kind == PR_KIND_DATE)
        return other_direction(r, why);
    for (size_t k = 0; k < r->n_workings && r->given.number.exact; k++)
        for (int i = 0; i < r->workings[k].n; i++)
            if (r->workings[k].v[i].op && other_operation(r, &r->workings[k], i, why))
                return true;
    return false;
}

static bool hands_on(
    const struct pr_reading *r, const struct pr_working *w, int i, int operand, struct pr_str *why)
{
    const struct pr_step *s = &w->v[i];
    struct pr_ratio result;
    if (!pr_working_result(w, i, w->v[operand].value, &result) ||
        !pr_ratio_equal(result, r->given.number.value))
        return false;
    put_step(why, w->v[s->left].value, s->op, w->v[s->right].value);
    pr_str_puts(why, " was left out: ");
    pr_ratio_put(why, w->v[operand].value);
    pr_str_puts(why, i == w->n - 1 ? " was answered" : " was used in its place, which makes ");
    if (i < w->n - 1)
        pr_span_quote(why, r->given.text);
    return true;
}

static bool earlier_result(
    const struct pr_reading *r, const struct pr_working *w, struct pr_str *why)
{
    for (int i = w->n - 2; i >= 0; i--) {
        const struct pr_step *s = &w->v[i];
        if (!s->op || !pr_ratio_equal(s->value, r->given.number.value))
            continue;
        pr_span_quote(why, r->given.text);
        pr_str_puts(why, " is ");
        put_step(why, w->v[s->left].value, s->op, w->v[s->right].value);
        pr_str_puts(why, ", the result of an earlier step");
        return true;
    }
    return false;
}

/* Of a computed choice a step is to compute an expression: any number of the question is one that
 * was not computed. */
static bool operand_alone(
    const struct pr_reading *r, const struct pr_working *w, struct pr_str *why)
{
    for (int i = 0; i < w->n; i++)
        if (!w->v[i].op && pr_ratio_equal(w->v[i].value, r->given.number.value)) {
            pr_span_quote(why, r->given.text);
            pr_str_puts(why, " stands in '");
            pr_span_quote(why, pr_span(r->question, w->from, w->to));
            pr_str_puts(why, "', which was not worked out");
            return true;
        }
    return false;
}

bool pr_mistake_is_step_missing(const struct pr_reading *r, struct pr_str *why)
{
    for (size_t k = 0; r->kind != PR_KIND_DATE && k < r->n_workings && r->given.number.exact; k++) {
        const struct pr_working *w = &r->workings[k];
        if (r->kind == PR_KIND_COMPUTED && operand_alone(r, w, why))
            return true;
        if (pr_working_operations(w) < 2)
            continue;
        if (earlier_result(r, w, why))
            return true;
        for (int i = 0; i < w->n; i++)
            if (w->v[i].op &&
                (hands_on(r, w, i, w->v[i].left, why) || hands_on(r, w, i, w->v[i].right, why)))
                return true;
    }
    return false;
}
