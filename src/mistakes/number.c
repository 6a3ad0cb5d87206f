/* Numbers by what they look like beside the right one, whatever was to be worked out. */
#include <math.h>
#include <string.h>

#include "mistakes/recognisers.h"
#include "mistakes/span.h"

/* "17 instead of 16" */
static void put_both(const struct pr_reading *r, struct pr_str *why)
{
    pr_span_quote(why, r->given.number.text);
    pr_str_puts(why, " instead of ");
    pr_span_quote(why, r->right.number.text);
}

static bool difference(const struct pr_reading *r, struct pr_ratio *ret)
{
    const struct pr_figure *a = &r->given.number, *b = &r->right.number;
    return a->exact && b->exact && pr_ratio_apply('-', a->value, b->value, ret);
}

bool pr_mistake_is_sign(const struct pr_reading *r, struct pr_str *why)
{
    struct pr_figure other = r->right.number;
    other.negative = !other.negative;
    other.value.num = -other.value.num;
    if (!other.value.num || !pr_figure_equal(&other, &r->given.number))
        return false;
    put_both(r, why);
    pr_str_puts(
        why, r->given.number.negative ? ": a minus sign too many" : ": the minus sign is lost");
    return true;
}

bool pr_mistake_is_off_by_one(const struct pr_reading *r, struct pr_str *why)
{
    if (r->kind == PR_KIND_DATE) {
        int64_t d = r->given.day.n - r->right.day.n;
        if (r->given.day.weekday != r->right.day.weekday)
            return false;
        if (r->given.day.weekday)
            d = d == 6 ? -1 : d == -6 ? 1 : d;
        if (d != 1 && d != -1)
            return false;
        pr_str_puts(why, d > 0 ? "one day late: " : "one day early: ");
        pr_span_quote(why, r->given.text);
        pr_str_puts(why, " instead of ");
        pr_span_quote(why, r->right.text);
        return true;
    }
    struct pr_ratio d;
    if (!difference(r, &d) || d.den != 1 || (d.num != 1 && d.num != -1))
        return false;
    put_both(r, why);
    pr_str_puts(why, d.num > 0 ? ": one too many" : ": one too few");
    return true;
}

/* The digits of both as they are written; false where they are not comparable: fractions, too
 * long. */
static bool written(const struct pr_reading *r, const char **ret_given, const char **ret_right)
{
    const struct pr_figure *a = &r->given.number, *b = &r->right.number;
    /* Zero has its digit though it is a leading one. */
    *ret_given = *a->digits ? a->digits : "0";
    *ret_right = *b->digits ? b->digits : "0";
    return a->plain && b->plain;
}

static void significant(const char *digits, char *ret)
{
    for (; *digits; digits++)
        if (*digits != '0' && *digits != '.')
            *ret++ = *digits;
    *ret = 0;
}

bool pr_mistake_is_place_value(const struct pr_reading *r, struct pr_str *why)
{
    const char *given, *right;
    char a[PR_FIGURE_DIGITS + 1], b[PR_FIGURE_DIGITS + 1];
    if (!written(r, &given, &right) || r->given.number.negative != r->right.number.negative)
        return false;
    significant(given, a);
    significant(right, b);
    if (!*a || strcmp(a, b))
        return false;
    put_both(r, why);
    pr_str_puts(why, ": the same digits with the zeros or the point elsewhere");
    return true;
}

/* Where the one character stands that s has more than t; -1: they differ otherwise. */
static int one_more(const char *s, const char *t)
{
    size_t n = strlen(s), i = 0;
    if (n != strlen(t) + 1)
        return -1;
    while (t[i] && s[i] == t[i])
        i++;
    return s[i] != '.' && !strcmp(s + i + 1, t + i) ? (int)i : -1;
}

bool pr_mistake_is_digit_dropped(const struct pr_reading *r, struct pr_str *why)
{
    const char *given, *right;
    int at = written(r, &given, &right) ? one_more(right, given) : -1;
    if (at < 0)
        return false;
    put_both(r, why);
    pr_str_printf(why, ": the %c is missing", right[at]);
    return true;
}

bool pr_mistake_is_digit_added(const struct pr_reading *r, struct pr_str *why)
{
    const char *given, *right;
    int at = written(r, &given, &right) ? one_more(given, right) : -1;
    if (at < 0)
        return false;
    put_both(r, why);
    pr_str_printf(why, ": the %c is too many", given[at]);
    return true;
}

/* How many characters differ between texts of one length, and where the first two do; SIZE_MAX:
 * the lengths differ. */
static size_t differing(const char *a, const char *b, size_t where[2])
{
    size_t n = 0;
    if (strlen(a) != strlen(b))
        return SIZE_MAX;
    for (size_t i = 0; a[i]; i++)
        if (a[i] != b[i]) {
            if (n < 2)
                where[n] = i;
            n++;
        }
    return n;
}

bool pr_mistake_is_digits_swapped(const struct pr_reading *r, struct pr_str *why)
{
    const char *a, *b;
    size_t at[2];
    if (!written(r, &a, &b) || differing(a, b, at) != 2 || a[at[0]] != b[at[1]] ||
        a[at[1]] != b[at[0]] || a[at[0]] == '.' || a[at[1]] == '.')
        return false;
    put_both(r, why);
    pr_str_printf(why, ": %c and %c have changed places", b[at[0]], b[at[1]]);
    return true;
}

bool pr_mistake_is_digit_wrong(const struct pr_reading *r, struct pr_str *why)
{
    const char *a, *b;
    size_t at[2];
    if (!written(r, &a, &b) || strlen(b) < 2 || differing(a, b, at) != 1 || a[at[0]] == '.' ||
        b[at[0]] == '.')
        return false;
    put_both(r, why);
    pr_str_printf(why, ": %c where %c belongs", a[at[0]], b[at[0]]);
    return true;
}

bool pr_mistake_is_near(const struct pr_reading *r, struct pr_str *why)
{
    struct pr_ratio d, tenth;
    double a = r->given.number.approx, b = r->right.number.approx;
    bool near = fabs(a - b) <= fabs(b) / 10;
    if (difference(r, &d) &&
        pr_ratio_apply('/', r->right.number.value, (struct pr_ratio){10, 1}, &tenth)) {
        struct pr_ratio rest;
        d.num = d.num < 0 ? -d.num : d.num;
        tenth.num = tenth.num < 0 ? -tenth.num : tenth.num;
        if (pr_ratio_apply('-', tenth, d, &rest))
            near = rest.num >= 0;
    }
    if (!near)
        return false;
    put_both(r, why);
    pr_str_puts(why, ": within a tenth");
    return true;
}

bool pr_mistake_is_far(const struct pr_reading *r, struct pr_str *why)
{
    put_both(r, why);
    return true;
}
