/* Reading numbers; see figure.h. */
#include "mistakes/figure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "mistakes/span.h"

static const char *const minus[] = {"-", "\u2212", NULL};
static const char *const currency[] = {"$", "€", "£", "¥", "₹", NULL};
static const char *const separators[] = {",", "_", "\u00a0", "\u202f", NULL};

/* The length of the token at `at`, else 0. */
static size_t token(struct pr_text t, size_t at, const char *const *tokens)
{
    for (; *tokens; tokens++)
        if (pr_span_starts(t, at, *tokens))
            return strlen(*tokens);
    return 0;
}

static size_t digits_from(struct pr_text t, size_t at)
{
    size_t n = 0;
    while (at + n < t.n && pr_span_is_digit(t.s[at + n]))
        n++;
    return n;
}

/* Thousands separators part groups of three, the same one throughout. */
static size_t group(struct pr_text t, size_t at, size_t *kind)
{
    for (size_t i = 0; separators[i]; i++) {
        size_t n = strlen(separators[i]);
        if ((*kind == i || *kind == PR_SPAN_NONE) && pr_span_starts(t, at, separators[i]) &&
            digits_from(t, at + n) == 3) {
            *kind = i;
            return n;
        }
    }
    return 0;
}

static void keep(struct pr_figure *f, size_t *n, char c)
{
    if (*n == PR_FIGURE_DIGITS)
        f->plain = false;
    else if (c != '0' || *n)
        f->digits[(*n)++] = c;
    f->digits[*n] = 0;
}

/* The value from the digits as kept. */
static void evaluate(struct pr_figure *f)
{
    int64_t num = 0, den = 1;
    bool point = false, fits = f->plain;
    for (const char *p = f->digits; *p && fits; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        fits = !__builtin_mul_overflow(num, 10, &num) &&
               !__builtin_add_overflow(num, *p - '0', &num) &&
               (!point || !__builtin_mul_overflow(den, 10, &den));
    }
    f->approx = f->plain ? strtod(*f->digits ? f->digits : "0", NULL) : HUGE_VAL;
    f->approx = f->negative ? -f->approx : f->approx;
    f->exact = fits && pr_ratio_apply('/', (struct pr_ratio){f->negative ? -num : num, 1},
                           (struct pr_ratio){den, 1}, &f->value);
}

/* Digits with separators and decimals at `at`; their end, or `at` where there are none. */
static size_t unsigned_at(struct pr_text t, size_t at, struct pr_figure *f)
{
    size_t i = at, n = 0, kind = PR_SPAN_NONE, run = digits_from(t, i), skip;
    f->plain = true;
    *f->digits = 0;
    bool groups = run >= 1 && run <= 3;
    for (size_t end = i + run; i < end; i++)
        keep(f, &n, t.s[i]);
    while (groups && (skip = group(t, i, &kind))) {
        i += skip;
        for (size_t end = i + 3; i < end; i++)
            keep(f, &n, t.s[i]);
    }
    if (i + 1 < t.n && t.s[i] == '.' && pr_span_is_digit(t.s[i + 1])) {
        keep(f, &n, '.');
        for (i++; i < t.n && pr_span_is_digit(t.s[i]); i++)
            keep(f, &n, t.s[i]);
    }
    return i;
}

size_t pr_figure_at(struct pr_text t, size_t at, struct pr_figure *f)
{
    size_t i = at, sign = token(t, i, minus);
    *f = (struct pr_figure){.negative = sign > 0};
    i += sign ? sign : i < t.n && t.s[i] == '+';
    i += token(t, i, currency);
    size_t end = unsigned_at(t, i, f);
    if (end == i)
        return at;
    f->text = pr_span(t, at, end);
    evaluate(f);
    return end;
}

/* What may stand behind a number: a percent or currency sign, or one word; "m2" too, but no other
 * digits, or 1c66 would be one. */
static bool is_unit(struct pr_text t)
{
    t = pr_span_trim(t);
    if (t.n > 1 && (t.s[t.n - 1] == '2' || t.s[t.n - 1] == '3') && t.s[t.n - 2] == 'm')
        t.n--;
    for (size_t i = 0; i < t.n; i++)
        if (!pr_span_is_letter(t.s[i]) && (unsigned char)t.s[i] < 0x80 &&
            !memchr("%$/^", t.s[i], 4))
            return false;
    return t.n <= 24;
}

/* The end of the word that the number's unit begins with, if any. */
static size_t word_end(struct pr_text t, size_t at)
{
    while (at < t.n && (pr_span_is_letter(t.s[at]) || pr_span_is_digit(t.s[at])))
        at++;
    return at;
}

bool pr_figure_next(struct pr_text t, size_t *at, struct pr_figure *ret)
{
    for (size_t i = *at; i < t.n; i++) {
        char before = i ? t.s[i - 1] : ' ';
        bool sign = token(t, i, minus) > 0,
             word = pr_span_in_word(before) && (unsigned char)before < 0x80;
        if ((!sign && !pr_span_is_digit(t.s[i]) && t.s[i] != '.') || word ||
            (sign && before == ')'))
            continue;
        size_t end = pr_figure_at(t, i, ret), word_to = word_end(t, end);
        if (end == i)
            continue;
        if (is_unit(pr_span(t, end, word_to))) {
            *at = end;
            return true;
        }
        i = word_to - 1; /* "47cb8" is no number */
    }
    *at = t.n;
    return false;
}

static bool fraction(struct pr_text t, size_t at, struct pr_figure *f)
{
    struct pr_figure below;
    if (at + 1 >= t.n || t.s[at] != '/' || !pr_span_is_digit(t.s[at + 1]) ||
        pr_figure_at(t, at + 1, &below) != t.n)
        return false;
    f->plain = false;
    f->text = t;
    f->approx /= below.approx;
    f->exact = f->exact && below.exact && pr_ratio_apply('/', f->value, below.value, &f->value);
    return !isnan(f->approx);
}

bool pr_figure_whole(struct pr_text t, struct pr_figure *ret)
{
    t = pr_span_bare(t);
    size_t front = token(t, 0, currency); /* "$ 5" */
    t = pr_span_trim(pr_span(t, front, t.n));
    size_t end = t.n ? pr_figure_at(t, 0, ret) : 0;
    return end && (end == t.n || fraction(t, end, ret) || is_unit(pr_span(t, end, t.n)));
}

bool pr_figure_equal(const struct pr_figure *a, const struct pr_figure *b)
{
    if (a->exact && b->exact)
        return pr_ratio_equal(a->value, b->value);
    return a->plain && b->plain && a->negative == b->negative && !strcmp(a->digits, b->digits);
}

void pr_figure_of(struct pr_ratio value, struct pr_figure *ret)
{
    *ret = (struct pr_figure){
        .exact = true, .value = value, .approx = (double)value.num / (double)value.den};
    ret->negative = value.num < 0;
}
