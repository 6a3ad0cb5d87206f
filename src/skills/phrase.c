/* Patterns of questions, and answers as people write them. */
#include "skills/phrase.h"

#include <string.h>

void pr_phrase_put(struct pr_str *out, const char *pattern, const char *const *slots)
{
    for (const char *p = pattern; *p; p++) {
        if (*p == '%')
            pr_str_puts(out, *slots++);
        else
            pr_str_putc(out, *p);
    }
}

/* The first place of the literal in t, or NULL. */
static const char *find(struct pr_skill_text t, const char *literal, size_t n)
{
    return n <= t.n ? memmem(t.s, t.n, literal, n) : NULL;
}

bool pr_phrase_take(struct pr_skill_text t, const char *pattern, struct pr_skill_text *ret_slots)
{
    size_t lead = strcspn(pattern, "%");
    if (!t.n || t.n < lead || memcmp(t.s, pattern, lead) != 0)
        return false;
    t.s += lead;
    t.n -= lead;
    for (pattern += lead; *pattern; ret_slots++) {
        size_t n = strcspn(++pattern, "%");
        const char *at = NULL;
        if (pattern[n]) { /* another slot follows: up to the nearest such text */
            at = t.n ? find((struct pr_skill_text){t.s + 1, t.n - 1}, pattern, n) : NULL;
        } else if (t.n > n && !memcmp(t.s + t.n - n, pattern, n)) {
            at = t.s + t.n - n;
        }
        if (!at)
            return false;
        *ret_slots = (struct pr_skill_text){t.s, (size_t)(at - t.s)};
        t.n -= (size_t)(at - t.s) + n;
        t.s = at + n;
        pattern += n;
    }
    return !t.n;
}

bool pr_text_is(struct pr_skill_text t, const char *text)
{
    return t.n == strlen(text) && !memcmp(t.s, text, t.n);
}

size_t pr_text_index(struct pr_skill_text t, const char *const *table, size_t n)
{
    size_t i = 0;
    while (i < n && !pr_text_is(t, table[i]))
        i++;
    return i;
}

struct pr_skill_text pr_skill_answer(const char *answer, size_t n)
{
    struct pr_skill_text t = pr_skill_trim(answer, n);
    if (t.n > 1 && t.s[t.n - 1] == '.')
        t = pr_skill_trim(t.s, t.n - 1);
    return t;
}

bool pr_answer_is_word(const char *answer, size_t n, const char *word)
{
    struct pr_skill_text t = pr_skill_answer(answer, n);
    return t.n == strlen(word) && !strncasecmp(t.s, word, t.n);
}

/* x * 10 + its next digits; false: past 64 bits. */
static bool append_digits(uint64_t *x, struct pr_skill_text digits)
{
    for (size_t i = 0; i < digits.n; i++)
        if (__builtin_mul_overflow(*x, 10u, x) ||
            __builtin_add_overflow(*x, (uint64_t)(digits.s[i] - '0'), x))
            return false;
    return true;
}

/* Digits, plain or in groups of three: "1075" and "1,075", not "10,75". */
static bool take_grouped(struct pr_skill_text *t, uint64_t *ret)
{
    struct pr_skill_text digits;
    size_t groups = 0;
    *ret = 0;
    while (pr_skill_take_digits(t, &digits)) {
        if ((groups && digits.n != 3) || (!groups && digits.n > 1 && *digits.s == '0') ||
            !append_digits(ret, digits))
            return false;
        if (!t->n || t->s[0] != ',')
            return true;
        if (!groups++ && (digits.n > 3 || *digits.s == '0'))
            return false;
        (void)pr_skill_take(t, ",");
    }
    return false;
}

bool pr_answer_is_number(const char *answer, size_t n, int64_t number)
{
    struct pr_skill_text t = pr_skill_answer(answer, n);
    bool minus = pr_skill_take(&t, "-") || pr_skill_take(&t, "\xe2\x88\x92");
    uint64_t x;
    if (!minus)
        (void)pr_skill_take(&t, "+");
    if (!take_grouped(&t, &x))
        return false;
    if (pr_skill_take(&t, ".")) {
        if (!t.n)
            return false;
        while (pr_skill_take(&t, "0"))
            continue;
    }
    /* The amount of the least number is one more than the largest number's. */
    uint64_t amount = number < 0 ? -(uint64_t)number : (uint64_t)number;
    return !t.n && x == amount && minus == (number < 0);
}

bool pr_skill_take_decimal(struct pr_skill_text *t, int64_t *ret)
{
    struct pr_skill_text rest = *t, digits, decimals = {0};
    bool minus = pr_skill_take(&rest, "-") || pr_skill_take(&rest, "\xe2\x88\x92");
    if (!pr_skill_take_digits(&rest, &digits) || digits.n > 9 || (digits.n > 1 && *digits.s == '0'))
        return false;
    struct pr_skill_text before = rest;
    if (pr_skill_take(&rest, ".") && !pr_skill_take_digits(&rest, &decimals))
        rest = before; /* the full stop of a sentence */
    if (decimals.n > PR_DECIMALS)
        return false;
    int64_t x = 0;
    for (size_t i = 0; i < digits.n; i++)
        x = x * 10 + (digits.s[i] - '0');
    for (size_t i = 0; i < PR_DECIMALS; i++)
        x = x * 10 + (i < decimals.n ? decimals.s[i] - '0' : 0);
    *ret = minus ? -x : x;
    *t = rest;
    return true;
}

int pr_skill_digits(int64_t x)
{
    int n = 1;
    while (x >= 10) {
        x /= 10;
        n++;
    }
    return n;
}

int64_t pr_skill_of_digits(struct pr_rng *rng, int digits)
{
    int64_t lo = 1;
    for (int i = 1; i < digits; i++)
        lo *= 10;
    return pr_skill_between(rng, digits == 1 ? 0 : lo, lo * 10 - 1);
}

void pr_skill_word(struct pr_rng *rng, char buf[12])
{
    static const char *const starts[] = {"bl", "br", "dr", "fl", "gl", "gr", "kl", "kr", "pl", "pr",
        "sk", "sm", "sn", "sp", "st", "sw", "tr", "tw", "v", "w", "z", "th", "m", "y"},
                             *const ends[] = {"b", "d", "f", "g", "m", "n", "p", "v", "lb", "rd",
                                 "lm", "nd", "mp", "rf", "lk", "rn"};
    static const char vowels[] = "aeiou";
    const char *start = starts[pr_rng_below(rng, sizeof starts / sizeof *starts)];
    char vowel = vowels[pr_rng_below(rng, 5)];
    const char *end = ends[pr_rng_below(rng, sizeof ends / sizeof *ends)];
    size_t n = strlen(start), m = strlen(end);
    memcpy(buf, start, n);
    buf[n] = vowel;
    memcpy(buf + n + 1, end, m + 1);
}

/* Each digit anew; the first of several stays none if it was none. */
static void other_digits(struct pr_rng *rng, const char *prompt, size_t n, struct pr_str *out)
{
    bool within = false;
    for (size_t i = 0; i < n; i++) {
        bool digit = prompt[i] >= '0' && prompt[i] <= '9';
        bool first = digit && !within && prompt[i] != '0' && i + 1 < n && prompt[i + 1] >= '0' &&
                     prompt[i + 1] <= '9';
        pr_str_putc(out, digit ? (char)('0' + pr_skill_between(rng, first ? 1 : 0, 9)) : prompt[i]);
        within = digit;
    }
}

bool pr_skill_vary_made(const struct pr_skill *s, struct pr_rng *rng, const char *prompt, size_t n,
    struct pr_str *ret_prompt, struct pr_str *ret_golden)
{
    enum { TRIES = 100 };
    struct pr_skill_text t = pr_skill_trim(prompt, n);
    size_t from = ret_prompt->len, golden_from = ret_golden->len;
    if (!s->solve(t.s, t.n, NULL, NULL))
        return false;
    int level = s->level(t.s, t.n);
    for (int i = 0; i < TRIES; i++) {
        if (level)
            s->make(rng, level, ret_prompt, ret_golden);
        else
            other_digits(rng, t.s, t.n, ret_prompt);
        const char *made = ret_prompt->data ? ret_prompt->data + from : "";
        struct pr_skill_text m = {made, ret_prompt->len - from};
        bool other = !ret_prompt->over && (m.n != t.n || memcmp(m.s, t.s, t.n) != 0);
        if (other && (level || s->solve(m.s, m.n, ret_golden, NULL)))
            return true;
        ret_prompt->len = from;
        ret_golden->len = golden_from;
    }
    return false;
}
