/* Reading and comparing numbers; see numbers.h. */
#include "exam/numbers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define MAX_DIGITS   100000
#define MAX_EXPONENT 1000000

void pr_number_done(struct pr_number *x)
{
    pr_str_done(&x->digits);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

struct cursor {
    const char *s, *end;
};

static bool eat(struct cursor *c, const char *token)
{
    size_t n = strlen(token);
    if ((size_t)(c->end - c->s) < n || memcmp(c->s, token, n))
        return false;
    c->s += n;
    return true;
}

static bool eat_any(struct cursor *c, const char *const *tokens)
{
    for (; *tokens; tokens++)
        if (eat(c, *tokens))
            return true;
    return false;
}

static const char *const minus[] = {"-", "\u2212", NULL};
static const char *const currency[] = {"$", "€", "£", "¥", "₹", NULL};
static const char *const separators[] = {",", "_", " ", "\u00a0", "\u202f", NULL};

/* Length of a separator at s when exactly three digits follow it, else 0.  The same one throughout:
 * *used is NULL before the first. */
static size_t separator(const char *s, const char *end, const char **used)
{
    for (size_t i = 0; separators[i]; i++) {
        struct cursor c = {s, end};
        if ((*used && *used != separators[i]) || !eat(&c, separators[i]))
            continue;
        size_t n = 0;
        while (n < 4 && c.s + n < end && is_digit(c.s[n]))
            n++;
        if (n != 3)
            return 0;
        *used = separators[i];
        return (size_t)(c.s - s);
    }
    return 0;
}

/* Whole digits with or without thousands separators, appended to out.  False when there are none.
 */
static bool integer_part(struct cursor *c, struct pr_str *out, bool spaces)
{
    const char *used = NULL, *from = c->s;
    size_t group = 0;
    while (c->s < c->end) {
        if (is_digit(*c->s)) {
            pr_str_putc(out, *c->s++);
            group++;
            continue;
        }
        /* Separators only after a first group of one to three digits. */
        bool space = *c->s == ' ' || (unsigned char)*c->s >= 0x80;
        size_t skip =
            group && group <= 3 && (spaces || !space) ? separator(c->s, c->end, &used) : 0;
        if (!skip)
            break;
        c->s += skip;
        group = 0;
    }
    return c->s > from;
}

static bool exponent_part(struct cursor *c, int64_t *ret)
{
    struct cursor at = *c;
    if (at.s < at.end && (*at.s == 'e' || *at.s == 'E')) {
        at.s++;
        bool negative = eat(&at, "-");
        if (!negative)
            eat(&at, "+");
        int64_t x = 0;
        const char *from = at.s;
        for (; at.s < at.end && is_digit(*at.s); at.s++)
            x = x > MAX_EXPONENT ? x : x * 10 + (*at.s - '0');
        if (at.s > from && x <= MAX_EXPONENT) {
            *ret = negative ? -x : x;
            *c = at;
            return true;
        }
    }
    return false;
}

/* digits = all written digits, the last `decimals` of them after the point. */
static void normalize(struct pr_number *x, int64_t decimals, int64_t exponent)
{
    struct pr_str text = PR_STR_INIT(MAX_DIGITS + 64);
    const char *d = pr_str_cstr(&x->digits);
    size_t n = x->digits.len, zeros = 0;
    pr_str_printf(&text, "%s0.%.*se%lld", x->negative ? "-" : "", (int)n, d,
        (long long)(exponent + (int64_t)n - decimals));
    x->value = strtod(pr_str_cstr(&text), NULL);
    x->exponent = exponent + (int64_t)n - decimals;
    while (zeros < n && d[zeros] == '0')
        zeros++;
    while (n > zeros && d[n - 1] == '0')
        n--;
    x->exponent = n > zeros ? x->exponent - (int64_t)zeros : 0;
    pr_str_clear(&text);
    pr_str_append(&text, d + zeros, n - zeros);
    pr_str_done(&x->digits);
    x->digits = text;
    x->negative &= text.len > 0; /* −0 is 0 */
    x->exact = true;
}

/* An unsigned decimal.  spaces: thin and ordinary spaces may separate thousands. */
static bool decimal(struct cursor *c, bool spaces, struct pr_number *x)
{
    x->digits = PR_STR_INIT(MAX_DIGITS);
    bool any = integer_part(c, &x->digits, spaces);
    size_t whole = x->digits.len;
    if (c->s + 1 < c->end && *c->s == '.' && is_digit(c->s[1])) {
        for (c->s++; c->s < c->end && is_digit(*c->s); c->s++)
            pr_str_putc(&x->digits, *c->s);
        any = true;
    }
    int64_t exponent = 0;
    if (!any || x->digits.over) {
        pr_str_done(&x->digits);
        return false;
    }
    exponent_part(c, &exponent);
    normalize(x, (int64_t)(x->digits.len - whole), exponent);
    return true;
}

/* "/b" after a number makes it a fraction; false leaves c and x as they were. */
static bool fraction(struct cursor *c, struct pr_number *x)
{
    struct cursor at = *c;
    struct pr_number below = {0};
    if (!eat(&at, "/") || at.s >= at.end || !is_digit(*at.s) || !decimal(&at, false, &below))
        return false;
    bool fine = below.value != 0 && isfinite(x->value / below.value);
    if (fine) {
        x->value /= below.value;
        x->exact = false;
        *c = at;
    }
    pr_number_done(&below);
    return fine;
}

/* Sign, currency sign and number; the sign may stand on either side of the currency sign. */
static bool signed_number(struct cursor *c, bool spaces, struct pr_number *ret)
{
    struct pr_number x = {0};
    struct cursor at = *c;
    bool negative = eat_any(&at, minus);
    if (!negative)
        eat(&at, "+");
    if (eat_any(&at, currency) && !negative)
        negative = eat_any(&at, minus);
    x.negative = negative;
    if (!decimal(&at, spaces, &x))
        return false;
    fraction(&at, &x);
    *c = at;
    *ret = x;
    return true;
}

bool pr_number_parse(struct pr_text text, struct pr_number *ret)
{
    size_t n;
    const char *s = pr_utf8_trim(text.s, text.n, &n);
    struct cursor c = {s, s + n};
    struct pr_number x;
    if (!signed_number(&c, true, &x))
        return false;
    struct cursor sign = c;
    eat(&sign, " ");
    if (eat(&sign, "%")) {
        c = sign;
        x.exponent -= x.digits.len ? 2 : 0;
        x.value /= 100;
    } else if (!eat_any(&c, currency) && eat_any(&sign, currency)) {
        c = sign;
    }
    eat(&c, ".");
    if (c.s != c.end) {
        pr_number_done(&x);
        return false;
    }
    *ret = x;
    return true;
}

/* The part of text after the last "####", or all of it. */
static struct pr_text after_marker(struct pr_text text, bool *ret_found)
{
    for (size_t i = text.n; i >= 4; i--)
        if (!memcmp(text.s + i - 4, "####", 4)) {
            *ret_found = true;
            return (struct pr_text){.s = text.s + i, .n = text.n - i};
        }
    *ret_found = false;
    return text;
}

bool pr_number_last(struct pr_text text, struct pr_number *ret)
{
    bool marked, found = false;
    struct pr_text part = after_marker(text, &marked);
    struct cursor c = {part.s, part.s + part.n};
    while (c.s < c.end) {
        /* Inside a word or after a digit, '-' is a hyphen or a minus between two numbers. */
        char before = c.s > part.s ? c.s[-1] : ' ';
        bool word = (before >= 'a' && before <= 'z') || (before >= 'A' && before <= 'Z') ||
                    is_digit(before) || before == ')' || before == '_';
        struct cursor at = c;
        struct pr_number x;
        bool start = is_digit(*c.s) || (*c.s == '.' && !is_digit(before)) ||
                     (!word && (*c.s == '-' || *c.s == '\xe2'));
        if (start && signed_number(&at, false, &x)) {
            if (found)
                pr_number_done(ret);
            *ret = x;
            found = true;
            c = at;
        } else {
            c.s++;
        }
    }
    return found;
}

bool pr_number_has_marker(struct pr_text text)
{
    bool marked;
    size_t n;
    struct pr_text rest = after_marker(text, &marked);
    if (!marked)
        return false;
    const char *s = pr_utf8_trim(rest.s, rest.n, &n);
    struct pr_number x;
    if (!n || memchr(s, '\n', n) || !pr_number_last((struct pr_text){.s = s, .n = n}, &x))
        return false;
    pr_number_done(&x);
    return true;
}

static bool same_digits(const struct pr_number *a, const struct pr_number *b)
{
    return a->negative == b->negative && a->exponent == b->exponent &&
           a->digits.len == b->digits.len &&
           !memcmp(pr_str_cstr(&a->digits), pr_str_cstr(&b->digits), a->digits.len);
}

bool pr_number_equal(const struct pr_number *a, const struct pr_number *b, double tolerance)
{
    /* Past the range of double the digits still tell numbers apart, differences no longer do. */
    if (a->exact && b->exact && (tolerance < 0 || !isfinite(a->value) || !isfinite(b->value)))
        return same_digits(a, b);
    if (a->value == b->value)
        return true;
    double allowed = tolerance >= 0 ? tolerance : 1e-12 * fmax(fabs(a->value), fabs(b->value));
    return isfinite(a->value) && isfinite(b->value) && fabs(a->value - b->value) <= allowed;
}
