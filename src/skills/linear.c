/* Reading and writing linear expressions. */
#include "skills/linear.h"

#include "skills/answer.h"

#define MAX_DEPTH 3
#define MAX_TERMS 12
#define MAX_VALUE 1000000000

struct reader {
    struct pr_skill_text t;
    enum pr_linear_reading how;
    char *names;
    bool brackets, divided;
    int unknowns, constants; /* terms outside brackets, and those in them */
};

static const struct pr_rational zero = {0, 1}, one = {1, 1};

struct pr_linear pr_linear_sub(const struct pr_linear *a, const struct pr_linear *b)
{
    struct pr_linear l;
    for (int i = 0; i < 3; i++)
        l.c[i] = pr_rational_sub(a->c[i], b->c[i]);
    return l;
}

struct pr_linear pr_linear_times(const struct pr_linear *a, struct pr_rational by)
{
    struct pr_linear l;
    for (int i = 0; i < 3; i++)
        l.c[i] = pr_rational_mul(a->c[i], by);
    return l;
}

static bool next_is(struct reader *r, char c)
{
    pr_answer_skip_space(&r->t);
    return r->t.n && r->t.s[0] == c;
}

static bool take(struct reader *r, char c)
{
    if (!next_is(r, c))
        return false;
    r->t.s++;
    r->t.n--;
    return true;
}

static bool take_number(struct reader *r, struct pr_rational *ret)
{
    int64_t x;
    pr_answer_skip_space(&r->t);
    if (!pr_skill_take_number(&r->t, &x) || x > MAX_VALUE)
        return false;
    *ret = pr_rational(x, 1);
    return true;
}

/* The letter's place among the unknowns, 2: it is none. */
static int take_unknown(struct reader *r)
{
    pr_answer_skip_space(&r->t);
    if (!r->t.n || r->t.s[0] < 'a' || r->t.s[0] > 'z')
        return 2;
    for (int i = 0; i < 2; i++) {
        if (!r->names[i])
            r->names[i] = r->t.s[0];
        if (r->names[i] == r->t.s[0]) {
            r->t.s++;
            r->t.n--;
            return i;
        }
    }
    return 2;
}

static bool take_sum(struct reader *r, int depth, struct pr_linear *ret);

static bool take_bracket(struct reader *r, int depth, struct pr_rational by, struct pr_linear *ret)
{
    struct pr_linear inside;
    if (!take_sum(r, depth + 1, &inside) || !take(r, ')'))
        return false;
    r->brackets = true;
    *ret = pr_linear_times(&inside, by);
    if (r->how == PR_LINEAR_FIRST_ONLY)
        ret->c[2] = inside.c[2];
    return true;
}

/* "3", "3/4", "3x", "x/4", "3(x + 1)", "(x + 1)/2". */
static bool take_term(struct reader *r, int depth, struct pr_linear *ret)
{
    struct pr_rational by = one, under;
    bool number = take_number(r, &by);
    *ret = (struct pr_linear){{zero, zero, zero}};
    if (depth < MAX_DEPTH && take(r, '(')) {
        if (!take_bracket(r, depth, by, ret))
            return false;
        number = false;
    } else {
        int place = take_unknown(r);
        if (place == 2 && !number)
            return false;
        ret->c[place] = by;
        r->unknowns += place < 2;
        r->constants += place == 2;
        number = place == 2;
    }
    if (take(r, '/')) {
        if (!take_number(r, &under) || !under.num)
            return false;
        *ret = pr_linear_times(ret, pr_rational_div(one, under));
        r->divided |= !number;
    }
    return true;
}

static bool take_sum(struct reader *r, int depth, struct pr_linear *ret)
{
    *ret = (struct pr_linear){{zero, zero, zero}};
    bool minus = take(r, '-');
    for (int i = 0; i < MAX_TERMS; i++) {
        struct pr_linear term;
        if (!take_term(r, depth, &term))
            return false;
        if (!minus)
            term = pr_linear_times(&term, pr_rational(-1, 1));
        *ret = pr_linear_sub(ret, &term);
        minus = next_is(r, '-');
        if (!take(r, '+') && !take(r, '-'))
            return ret->c[0].den && ret->c[1].den && ret->c[2].den;
    }
    return false;
}

bool pr_linear_read(struct pr_skill_text t, enum pr_linear_reading how, char names[2],
    struct pr_linear_equation *ret)
{
    struct reader r = {.t = t, .how = how, .names = names};
    for (int i = 0; i < 2; i++) {
        r.unknowns = r.constants = 0;
        if (!take_sum(&r, 0, &ret->side[i]) || (i ? r.t.n != 0 : !take(&r, '=')))
            return false;
        ret->unknowns[i] = r.unknowns;
        ret->constants[i] = r.constants;
    }
    ret->brackets = r.brackets;
    ret->divided = r.divided;
    return true;
}

void pr_linear_put(struct pr_str *out, const struct pr_linear *l, const char names[2])
{
    bool first = true;
    for (int i = 0; i < 3; i++) {
        struct pr_rational x = l->c[i];
        if (!x.num)
            continue;
        bool minus = x.num < 0;
        x.num = minus ? -x.num : x.num;
        pr_str_puts(out, first ? (minus ? "-" : "") : (minus ? " - " : " + "));
        if (i == 2 || x.num != 1)
            pr_str_printf(out, "%lld", (long long)x.num);
        if (i < 2)
            pr_str_putc(out, names[i]);
        if (x.den != 1)
            pr_str_printf(out, "/%lld", (long long)x.den);
        first = false;
    }
    if (first)
        pr_str_putc(out, '0');
}
