/* Arithmetic: "What is 9 + 2?" → "11", in several phrasings and, at higher levels, with more
 * operations and brackets.  `kind_of` says what makes a level. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skills/columns.h"
#include "skills/expression.h"
#include "skills/phrase.h"
#include "skills/skill.h"
#include "skills/text.h"

static const char *const phrases[] = {"What is %?", "Compute %.", "% =", "Calculate %.",
    "Work out %.", "How much is %?", "% = ?", "Evaluate %.", "Find the value of %.", "%=", "%"};
#define N_PHRASES (sizeof phrases / sizeof *phrases)
#define N_MADE    9 /* of them; the last two are understood as well */

static bool take(const char *prompt, size_t n, struct pr_expr *ret)
{
    struct pr_skill_text all = pr_skill_trim(prompt, n), body;
    for (size_t i = 0; i < N_PHRASES; i++) {
        if (!pr_phrase_take(all, phrases[i], &body))
            continue;
        body = pr_skill_trim(body.s, body.n);
        if (pr_expr_take(&body, ret) && !body.n && ret->v[ret->root].op)
            return true;
    }
    return false;
}

/* ---- levels -------------------------------------------------------------------------------- */

struct sizes {
    int lo, hi; /* digits of the shortest and the longest number */
    bool negative;
};

static struct sizes sizes_of(const struct pr_expr *x)
{
    struct sizes s = {.lo = 99, .negative = x->v[x->root].value < 0};
    for (int i = 0; i < x->n; i++) {
        int64_t value = x->v[i].value;
        int digits = pr_skill_digits(value < 0 ? -value : value);
        if (x->v[i].op)
            continue;
        s.negative |= value < 0;
        s.lo = digits < s.lo ? digits : s.lo;
        s.hi = digits > s.hi ? digits : s.hi;
    }
    return s;
}

static int level_of_two(const struct pr_expr *x, struct sizes s)
{
    const struct pr_expr_node *v = &x->v[x->root];
    int64_t a = x->v[v->left].value, b = x->v[v->right].value;
    bool sum = v->op == '+' || v->op == '-';
    if (s.negative)
        return s.hi > 4 ? 0 : sum ? 5 : s.hi <= 3 ? 7 : 0;
    if (sum)
        return s.hi <= 4 && pr_column_plain(v->op, a, b) ? 1 : s.hi <= 3 ? 2 : s.hi <= 6 ? 3 : 0;
    if (v->op == '*')
        return s.lo == 1 && s.hi <= 5 ? 4 : s.lo <= 2 && s.hi <= 4 ? 5 : s.hi <= 4 ? 7 : 0;
    int divisor = pr_skill_digits(b);
    return pr_skill_digits(a) > 7 || divisor > 3 ? 0 : divisor == 1 ? 4 : divisor == 2 ? 5 : 7;
}

static int level_of(const struct pr_expr *x)
{
    struct sizes s = sizes_of(x);
    int n = x->numbers;
    if (n == 2)
        return level_of_two(x, s);
    if (s.hi > 4 || n > 8)
        return 0;
    if (!x->brackets)
        return n == 3 ? 6 : n == 4 ? 7 : n <= 6 ? 8 : 0;
    return n <= 4 && x->brackets == 1 ? 8 : n <= 5 ? 9 : 10;
}

static int level(const char *prompt, size_t n)
{
    struct pr_expr x;
    return take(prompt, n, &x) ? level_of(&x) : 0;
}

/* ---- making -------------------------------------------------------------------------------- */

/* What is drawn for a level; what then is of another level is drawn again. */
static const struct {
    const char *operations;
    int numbers[2], digits[2];
    int negative; /* one number in so many; 0: none */
} kinds[PR_SKILL_LEVELS] = {
    {"+-", {2, 2}, {1, 4}, 0},
    {"+-", {2, 2}, {1, 3}, 0},
    {"+-", {2, 2}, {4, 6}, 0},
    {"**/", {2, 2}, {1, 5}, 0},
    {"+-*/", {2, 2}, {1, 4}, 4},
    {"+-*/", {3, 3}, {1, 3}, 0},
    {"+-**/", {2, 4}, {1, 4}, 9},
    {"+-*/", {3, 6}, {1, 2}, 0},
    {"+-*/", {4, 5}, {1, 3}, 9},
    {"+-*/", {6, 8}, {1, 3}, 9},
};

static int64_t number(struct pr_rng *rng, int level)
{
    const int *digits = kinds[level - 1].digits, negative = kinds[level - 1].negative;
    int64_t x = pr_skill_of_digits(rng, (int)pr_skill_between(rng, digits[0], digits[1]));
    return negative && !pr_rng_below(rng, (uint64_t)negative) ? -x : x;
}

/* A tree over n numbers; -1: a division found no divisor, or a result does not fit. */
static int grow(struct pr_rng *rng, int level, int n, struct pr_expr *x)
{
    const char *ops = kinds[level - 1].operations;
    if (n == 1)
        return pr_expr_add(x, 0, -1, -1, number(rng, level));
    char op = ops[pr_rng_below(rng, strlen(ops))];
    int first = op == '/' ? 1 : (int)pr_skill_between(rng, 1, n - 1);
    int left = grow(rng, level, first, x);
    int right = left < 0 ? -1 : grow(rng, level, n - first, x);
    if (right < 0)
        return -1;
    int64_t value, by = x->v[right].value;
    if (op == '/') {
        if (by < 1 || by > 999)
            return -1;
        int64_t most = n == 2 ? 9999 : 9999 / by;
        if (most < 1)
            return -1;
        x->v[left].value = by * pr_skill_between(rng, 1, most);
    }
    if (!pr_column_result(op, x->v[left].value, by, &value) || llabs(value) > 100000000)
        return -1;
    return pr_expr_add(x, op, left, right, value);
}

static void make(struct pr_rng *rng, int level, struct pr_str *prompt, struct pr_str *golden)
{
    const int *numbers = kinds[level - 1].numbers;
    struct pr_str text = PR_STR_INIT(1024);
    struct pr_expr x;
    struct pr_skill_text t;
    do { /* read again as solve would: the brackets that were needed count */
        struct pr_expr drawn = {0};
        int n = (int)pr_skill_between(rng, numbers[0], numbers[1]);
        t.n = 0;
        if (grow(rng, level, n, &drawn) < 0)
            continue;
        uint64_t style = pr_rng_below(rng, 8);
        pr_str_clear(&text);
        pr_expr_put(&drawn, drawn.root,
            style > 1        ? PR_EXPR_ASCII
            : style || n > 2 ? PR_EXPR_SIGNS
                             : PR_EXPR_WORDS,
            &text);
        t = (struct pr_skill_text){pr_str_cstr(&text), text.len};
    } while (!t.n || !pr_expr_take(&t, &x) || level_of(&x) != level);
    const char *slot = pr_str_cstr(&text);
    pr_phrase_put(prompt, phrases[pr_rng_below(rng, N_MADE)], &slot);
    pr_str_printf(golden, "%lld", (long long)x.v[x.root].value);
    pr_str_done(&text);
}

/* ---- solving ------------------------------------------------------------------------------- */

static void put_working(const struct pr_expr *x, struct pr_str *out)
{
    for (int i = 0; i < x->n; i++) {
        const struct pr_expr_node *v = &x->v[i];
        if (!v->op)
            continue;
        int64_t a = x->v[v->left].value, b = x->v[v->right].value;
        if (x->numbers == 2 && a >= 0 && b >= 0)
            pr_column_working(out, v->op, a, b);
        else
            pr_str_printf(out, b < 0 ? "%lld %c (%lld) = %lld\n" : "%lld %c %lld = %lld\n",
                (long long)a, v->op, (long long)b, (long long)v->value);
    }
}

static bool solve(const char *prompt, size_t n, struct pr_str *golden, struct pr_str *working)
{
    struct pr_expr x;
    if (!take(prompt, n, &x))
        return false;
    if (golden)
        pr_str_printf(golden, "%lld", (long long)x.v[x.root].value);
    if (working)
        put_working(&x, working);
    return true;
}

static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    struct pr_expr x;
    return take(prompt, prompt_len, &x) && pr_answer_is_number(answer, n, x.v[x.root].value);
}

/* ---- varying ------------------------------------------------------------------------------- */

/* Other numbers of as many digits; a divided number becomes a multiple of its divisor. */
static bool redraw(struct pr_rng *rng, struct pr_expr *x)
{
    for (int i = 0; i < x->n; i++) {
        struct pr_expr_node *v = &x->v[i];
        if (!v->op) {
            int64_t other = pr_skill_of_digits(rng, (int)v->digits.n);
            v->value = v->value < 0 ? -other : other;
            continue;
        }
        struct pr_expr_node *l = &x->v[v->left];
        int64_t by = x->v[v->right].value;
        if (v->op == '/' && !l->op && by) {
            int64_t times = l->value / by;
            if (pr_skill_digits(llabs(times * by)) != (int)l->digits.n)
                times += times < 0 ? -1 : 1;
            l->value = times * by;
            if (pr_skill_digits(llabs(l->value)) != (int)l->digits.n)
                return false;
        }
        if (!pr_column_result(v->op, l->value, by, &v->value))
            return false;
    }
    return true;
}

/* The question with the new numbers in the places of the old. */
static void put_redrawn(struct pr_skill_text t, const struct pr_expr *x, struct pr_str *out)
{
    const char *at = t.s;
    for (int i = 0; i < x->n; i++) {
        const struct pr_expr_node *v = &x->v[i];
        if (v->op)
            continue;
        pr_str_append(out, at, (size_t)(v->digits.s - at));
        pr_str_printf(out, "%lld", llabs(v->value));
        at = v->digits.s + v->digits.n;
    }
    pr_str_append(out, at, (size_t)(t.s + t.n - at));
}

static bool vary(struct pr_rng *rng, const char *prompt, size_t n, struct pr_str *ret_prompt,
    struct pr_str *ret_golden)
{
    enum { TRIES = 5000 };
    struct pr_skill_text t = pr_skill_trim(prompt, n);
    struct pr_expr was, x, again;
    if (!take(t.s, t.n, &was))
        return false;
    int wanted = level_of(&was);
    size_t from = ret_prompt->len;
    for (int i = 0; i < TRIES; i++) {
        x = was;
        if (!redraw(rng, &x))
            continue;
        ret_prompt->len = from;
        put_redrawn(t, &x, ret_prompt);
        const char *made = pr_str_cstr(ret_prompt) + from;
        size_t len = ret_prompt->len - from;
        if ((len == t.n && !memcmp(made, t.s, len)) || !take(made, len, &again) ||
            level_of(&again) != wanted)
            continue;
        pr_str_printf(ret_golden, "%lld", (long long)again.v[again.root].value);
        return true;
    }
    ret_prompt->len = from;
    return false;
}

static void slips(const char *prompt, size_t n, struct pr_slips *ret)
{
    struct pr_expr x;
    if (take(prompt, n, &x))
        pr_expr_slips(&x, ret);
}

const struct pr_skill pr_skill_arithmetic = {
    .name = "arithmetic",
    .summary = "whole numbers added, subtracted, multiplied and divided",
    .n_levels = PR_SKILL_LEVELS,
    .make = make,
    .solve = solve,
    .verify = verify,
    .vary = vary,
    .level = level,
    .slips = slips,
};
