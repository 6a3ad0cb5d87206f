/* Reading answers. */
#include "skills/answer.h"

#include <string.h>

#define MAX_DIGITS 15
#define MINUS      "\xe2\x88\x92" /* U+2212 */

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

int64_t pr_gcd(int64_t a, int64_t b)
{
    a = a < 0 ? -a : a;
    b = b < 0 ? -b : b;
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Digits, all in one or in groups of three; the count, 0: none, or groups that are not. */
static size_t take_groups(struct pr_skill_text *t, int64_t *ret)
{
    size_t digits = 0, run = 0, i = 0;
    bool grouped = false;
    *ret = 0;
    for (; i < t->n; i++) {
        if (is_digit(t->s[i])) {
            if (++digits > MAX_DIGITS)
                return 0;
            run++;
            *ret = *ret * 10 + (t->s[i] - '0');
            continue;
        }
        bool comma = t->s[i] == ',' && i + 1 < t->n && is_digit(t->s[i + 1]);
        if (!comma)
            break;
        if (grouped ? run != 3 : run > 3 || !run)
            return 0;
        grouped = true;
        run = 0;
    }
    if (!digits || (grouped && run != 3) || (digits > 1 && t->s[0] == '0'))
        return 0;
    t->s += i;
    t->n -= i;
    return digits;
}

bool pr_answer_take_integer(struct pr_skill_text *t, int64_t *ret)
{
    struct pr_skill_text rest = *t;
    bool minus = pr_skill_take(&rest, "-") || pr_skill_take(&rest, MINUS);
    int64_t x;
    if (!minus)
        pr_skill_take(&rest, "+");
    if (!take_groups(&rest, &x))
        return false;
    *t = rest;
    *ret = minus ? -x : x;
    return true;
}

bool pr_answer_is_integer(struct pr_skill_text a, int64_t value, const char *unit)
{
    int64_t x;
    a = pr_skill_trim(a.s, a.n);
    if (!pr_answer_take_integer(&a, &x) || x != value)
        return false;
    if (!a.n || !unit)
        return !a.n;
    size_t n = strlen(unit);
    a = pr_skill_trim(a.s, a.n);
    return pr_answer_same_word(a, unit, n) ||
           (value == 1 && n > 1 && unit[n - 1] == 's' && pr_answer_same_word(a, unit, n - 1));
}

/* ".25" behind a whole part. */
static bool take_decimals(struct pr_skill_text *t, int64_t *num, int64_t *den)
{
    struct pr_skill_text rest = *t, digits;
    if (!pr_skill_take(&rest, ".") || !pr_skill_take_digits(&rest, &digits) || digits.n > 9)
        return false;
    for (size_t i = 0; i < digits.n; i++) {
        if (__builtin_mul_overflow(*num, 10, num) ||
            __builtin_add_overflow(*num, digits.s[i] - '0', num))
            return false;
        *den *= 10;
    }
    *t = rest;
    return true;
}

bool pr_answer_take_rational(struct pr_skill_text *t, int64_t *ret_num, int64_t *ret_den)
{
    struct pr_skill_text rest = *t, after;
    bool minus = pr_skill_take(&rest, "-") || pr_skill_take(&rest, MINUS);
    int64_t num, den = 1;
    if (!minus)
        pr_skill_take(&rest, "+");
    if (!take_groups(&rest, &num))
        return false;
    if (rest.n && rest.s[0] == '.') {
        if (!take_decimals(&rest, &num, &den))
            return false;
    } else {
        after = rest;
        pr_answer_skip_space(&after);
        if (pr_skill_take(&after, "/")) {
            pr_answer_skip_space(&after);
            if (!take_groups(&after, &den) || !den)
                return false;
            rest = after;
        }
    }
    int64_t g = pr_gcd(num, den);
    *t = rest;
    *ret_num = (minus ? -num : num) / g;
    *ret_den = den / g;
    return true;
}

bool pr_answer_same_word(struct pr_skill_text a, const char *word, size_t n)
{
    if (a.n != n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (lower(a.s[i]) != lower(word[i]))
            return false;
    return true;
}

struct pr_skill_text pr_answer_unquoted(struct pr_skill_text a)
{
    a = pr_skill_trim(a.s, a.n);
    if (a.n >= 2 && a.s[0] == '"' && a.s[a.n - 1] == '"')
        return (struct pr_skill_text){a.s + 1, a.n - 2};
    return a;
}

void pr_answer_skip_space(struct pr_skill_text *t)
{
    while (t->n && (t->s[0] == ' ' || (t->s[0] >= '\t' && t->s[0] <= '\r'))) {
        t->s++;
        t->n--;
    }
}

bool pr_answer_next_item(struct pr_skill_text *t, struct pr_skill_text *ret)
{
    size_t n = 0, skip = 0;
    for (; n < t->n; n++) {
        struct pr_skill_text rest = {t->s + n, t->n - n};
        skip = rest.s[0] == ',' ? 1 : pr_skill_take(&rest, " and ") ? 5 : 0;
        if (skip)
            break;
    }
    *ret = pr_skill_trim(t->s, n);
    /* "a, b, and c": the comma says it all. */
    t->s += n + skip;
    t->n -= n + skip;
    if (skip == 1) {
        struct pr_skill_text rest = *t;
        pr_answer_skip_space(&rest);
        if (pr_skill_take(&rest, "and "))
            *t = rest;
    }
    return ret->n > 0;
}
