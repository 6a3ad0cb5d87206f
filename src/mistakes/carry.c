/* Carries and borrows in columns (docs/mistakes.md, "Carries"). */
#include <stdlib.h>

#include "mistakes/recognisers.h"
#include "mistakes/span.h"

#define MAX_COLUMNS 17 /* 10^17 and what is added to it fit */

struct sum {
    char op;
    int64_t x, y, right;
    int columns;
};

/* One answer that a slip gives, and what the slip was. */
struct slip {
    int64_t value;
    const char *what;
    int64_t place; /* 0: none in particular */
};
typedef bool (*take_fn)(void *ctx, const struct sum *s, const struct slip *slip);

static int columns_of(int64_t x)
{
    int n = 1;
    for (; x > 9; x /= 10)
        n++;
    return n;
}

/* A carry goes into the column of this place, or a borrow is taken from it. */
static bool carried(const struct sum *s, int64_t place)
{
    int64_t x = s->x % place, y = s->y % place;
    return s->op == '+' ? x + y >= place : x < y;
}

/* Each column by itself: carries forgotten, borrows not paid back, or the smaller digit from the
 * larger.  full: the top column's sum is written in full. */
static int64_t by_columns(const struct sum *s, bool full, bool smaller_from_larger)
{
    int64_t x = s->x, y = s->y, place = 1, sum = 0;
    for (int k = 0; k < s->columns; k++, x /= 10, y /= 10, place *= 10) {
        int64_t d = s->op == '+' ? x % 10 + y % 10 : x % 10 - y % 10;
        if (s->op == '+' && !(full && k == s->columns - 1))
            d %= 10;
        if (d < 0)
            d = smaller_from_larger ? -d : d + 10;
        sum += d * place;
    }
    return sum;
}

static bool one_slip(const struct sum *s, take_fn take, void *ctx)
{
    bool add = s->op == '+';
    int64_t place = 10;
    for (int k = 1; add ? k <= s->columns : k < s->columns; k++, place *= 10) {
        bool is = carried(s, place);
        struct slip slip = {.value = s->right + (is == add ? -place : place),
            .what = add  ? is ? "the carry was forgotten" : "a carry was made where none is"
                    : is ? "the borrow was not taken off"
                         : "a borrow was taken off where none is needed",
            .place = place};
        if ((is || slip.value >= 0) && take(ctx, s, &slip))
            return true;
    }
    return false;
}

static bool each_slip(const struct sum *s, take_fn take, void *ctx)
{
    if (one_slip(s, take, ctx))
        return true;
    if (s->op == '+')
        return take(ctx, s,
                   &(struct slip){by_columns(s, true, false), "all carries were forgotten", 0}) ||
               take(ctx, s,
                   &(struct slip){by_columns(s, false, false), "all carries were forgotten", 0});
    return take(ctx, s,
               &(struct slip){by_columns(s, false, false),
                   "ten was lent where it was needed and never paid back", 0}) ||
           take(ctx, s,
               &(struct slip){by_columns(s, false, true),
                   "in each column the smaller digit was taken from the larger", 0});
}

struct wanted {
    const struct pr_reading *r;
    const struct pr_working *w;
    int step;
    struct pr_str *why;
};

static bool take_answer(void *ctx, const struct sum *s, const struct slip *slip)
{
    struct wanted *x = ctx;
    struct pr_ratio result;
    if (slip->value == s->right ||
        !pr_working_result(x->w, x->step, (struct pr_ratio){slip->value, 1}, &result) ||
        !pr_ratio_equal(result, x->r->given.number.value))
        return false;
    pr_str_printf(x->why, "in %lld %c %lld ", (long long)s->x, s->op, (long long)s->y);
    pr_str_puts(x->why, slip->what);
    if (slip->place == 10)
        pr_str_puts(x->why, " (tens)");
    else if (slip->place)
        pr_str_printf(x->why, " (column of %lld)", (long long)slip->place);
    pr_str_printf(x->why, ": %lld instead of %lld", (long long)slip->value, (long long)s->right);
    return true;
}

static bool sum_of(const struct pr_working *w, int i, struct sum *ret)
{
    const struct pr_step *s = &w->v[i];
    if (s->op != '+' && s->op != '-')
        return false;
    struct pr_ratio x = w->v[s->left].value, y = w->v[s->right].value;
    *ret = (struct sum){.op = s->op, .x = x.num, .y = y.num};
    if (x.den != 1 || y.den != 1 || x.num < 0 || y.num < 0 || (s->op == '-' && x.num < y.num))
        return false;
    ret->right = s->op == '+' ? x.num + y.num : x.num - y.num;
    ret->columns = columns_of(x.num > y.num ? x.num : y.num);
    return ret->columns < MAX_COLUMNS;
}

bool pr_mistake_is_carry(const struct pr_reading *r, struct pr_str *why)
{
    size_t n = r->kind == PR_KIND_COMPUTED && r->n_workings ? 1 : r->n_workings;
    for (size_t k = 0; k < n && r->given.number.exact; k++)
        for (int i = 0; i < r->workings[k].n; i++) {
            struct wanted x = {.r = r, .w = &r->workings[k], .step = i, .why = why};
            struct sum s;
            if (sum_of(x.w, i, &s) && each_slip(&s, take_answer, &x))
                return true;
        }
    return false;
}
