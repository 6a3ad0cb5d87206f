/* Random digits and the reading of prompts and answers. */
#include "skills/text.h"

#include <stdio.h>
#include <string.h>

#define MAX_DIGITS 18 /* sums of two such numbers stay within 64 bits */

int64_t pr_skill_between(struct pr_rng *rng, int64_t lo, int64_t hi)
{
    return lo + (int64_t)pr_rng_below(rng, (uint64_t)(hi - lo) + 1);
}

void pr_skill_random_digits(struct pr_rng *rng, size_t n, char *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (char)('0' + (int)pr_rng_below(rng, 10));
    out[n] = 0;
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

struct pr_skill_text pr_skill_trim(const char *s, size_t n)
{
    while (n && is_space(s[0])) {
        s++;
        n--;
    }
    while (n && is_space(s[n - 1]))
        n--;
    return (struct pr_skill_text){s, n};
}

bool pr_skill_take(struct pr_skill_text *t, const char *literal)
{
    size_t n = strlen(literal);
    if (t->n < n || memcmp(t->s, literal, n) != 0)
        return false;
    t->s += n;
    t->n -= n;
    return true;
}

bool pr_skill_take_digits(struct pr_skill_text *t, struct pr_skill_text *ret)
{
    size_t n = 0;
    while (n < t->n && is_digit(t->s[n]))
        n++;
    if (!n)
        return false;
    *ret = (struct pr_skill_text){t->s, n};
    t->s += n;
    t->n -= n;
    return true;
}

bool pr_skill_take_number(struct pr_skill_text *t, int64_t *ret)
{
    struct pr_skill_text rest = *t, digits;
    int64_t x = 0;
    if (!pr_skill_take_digits(&rest, &digits) || digits.n > MAX_DIGITS ||
        (digits.n > 1 && digits.s[0] == '0'))
        return false;
    for (size_t i = 0; i < digits.n; i++)
        x = x * 10 + (digits.s[i] - '0');
    *t = rest;
    *ret = x;
    return true;
}

bool pr_skill_says(const char *answer, size_t n, const char *text, size_t text_len)
{
    struct pr_skill_text a = pr_skill_trim(answer, n);
    return a.n == text_len && !memcmp(a.s, text, text_len);
}

bool pr_skill_says_number(const char *answer, size_t n, int64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", (long long)number);
    return pr_skill_says(answer, n, text, (size_t)len);
}
