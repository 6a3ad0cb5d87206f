/* Expressions in a text: "(3 + 4) * 2 - 1", "12 times 4"; see working.h. */
#include "mistakes/working.h"

#include <string.h>

#include "mistakes/span.h"

#define MAX_DEPTH 16

struct parser {
    struct pr_text t;
    size_t at;
    int depth;
    struct pr_working *w;
};

static const struct {
    const char *text;
    char op;
} operators[] = {{"+", '+'}, {"-", '-'}, {"\u2212", '-'}, {"\u2013", '-'}, {"*", '*'},
    {"\u00d7", '*'}, {"\u00b7", '*'}, {"/", '/'}, {"\u00f7", '/'}, {"plus ", '+'}, {"minus ", '-'},
    {"times ", '*'}, {"multiplied by ", '*'}, {"divided by ", '/'}, {"x", '*'}};

static size_t spaces(struct pr_text t, size_t at)
{
    while (at < t.n && t.s[at] == ' ')
        at++;
    return at;
}

static char next_operator(const struct parser *p, size_t *ret_end)
{
    size_t at = spaces(p->t, p->at);
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (!pr_span_starts(p->t, at, operators[i].text))
            continue;
        *ret_end = spaces(p->t, at + strlen(operators[i].text));
        /* A letter is an operator only between numbers. */
        if (operators[i].text[0] == 'x' &&
            !(*ret_end < p->t.n && (pr_span_is_digit(p->t.s[*ret_end]) || p->t.s[*ret_end] == '(')))
            return 0;
        return operators[i].op;
    }
    return 0;
}

static int sum(struct parser *p);

static int operand(struct parser *p)
{
    p->at = spaces(p->t, p->at);
    if (p->at < p->t.n && p->t.s[p->at] == '(') {
        if (p->depth == MAX_DEPTH)
            return -1;
        p->depth++;
        p->at++;
        int i = sum(p);
        p->depth--;
        p->at = spaces(p->t, p->at);
        if (i < 0 || p->at >= p->t.n || p->t.s[p->at] != ')')
            return -1;
        p->at++;
        return i;
    }
    struct pr_figure f;
    size_t end = pr_figure_at(p->t, p->at, &f);
    if (end == p->at || !f.exact)
        return -1;
    p->at = end;
    return pr_working_number(p->w, f.value);
}

static int product(struct parser *p)
{
    int left = operand(p);
    size_t end;
    char op;
    while (left >= 0 && ((op = next_operator(p, &end)) == '*' || op == '/')) {
        size_t back = p->at;
        p->at = end;
        int n = p->w->n, right = operand(p);
        if (right < 0) {
            p->at = back;
            p->w->n = n;
            return left;
        }
        left = pr_working_step(p->w, op, left, right);
    }
    return left;
}

static int sum(struct parser *p)
{
    int left = product(p);
    size_t end;
    char op;
    while (left >= 0 && ((op = next_operator(p, &end)) == '+' || op == '-')) {
        size_t back = p->at;
        p->at = end;
        int n = p->w->n, right = product(p);
        if (right < 0) {
            p->at = back;
            p->w->n = n;
            return left;
        }
        left = pr_working_step(p->w, op, left, right);
    }
    return left;
}

static bool may_begin(struct pr_text t, size_t at)
{
    char before = at ? t.s[at - 1] : ' ';
    if (pr_span_in_word(before) || before == '.')
        return false;
    return pr_span_is_digit(t.s[at]) || t.s[at] == '(' || t.s[at] == '.' || t.s[at] == '-' ||
           pr_span_starts(t, at, "\u2212");
}

bool pr_expression_next(struct pr_text t, size_t *at, struct pr_working *ret)
{
    for (size_t i = *at; i < t.n; i++) {
        if (!may_begin(t, i))
            continue;
        struct parser p = {.t = t, .at = i, .w = ret};
        ret->n = 0;
        int root = sum(&p);
        if (root < 0 || root != ret->n - 1 || !pr_working_run(ret))
            continue;
        ret->from = i;
        ret->to = *at = p.at;
        return true;
    }
    *at = t.n;
    return false;
}
