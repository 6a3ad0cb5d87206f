/* Sorting: "sort 417" → "147"; 3, 5 or 8 digits. */
#include "skills/phrase.h"
#include "skills/skill.h"
#include "skills/text.h"

#define MAX_DIGITS 8

/* Appends the digits in rising order: each as often as it is there. */
static void put_sorted(struct pr_skill_text digits, struct pr_str *out)
{
    for (int c = '0'; c <= '9'; c++)
        for (size_t i = 0; i < digits.n; i++)
            if (digits.s[i] == c)
                pr_str_putc(out, (char)c);
}

static void make(struct pr_rng *rng, int level, struct pr_str *prompt, struct pr_str *golden)
{
    enum pr_difficulty d = (enum pr_difficulty)(level - 1);
    static const size_t lengths[PR_N_DIFFICULTIES] = {3, 5, MAX_DIGITS};
    char digits[MAX_DIGITS + 1];
    pr_skill_random_digits(rng, lengths[d], digits);
    pr_str_printf(prompt, "sort %s", digits);
    put_sorted((struct pr_skill_text){digits, lengths[d]}, golden);
}

static bool take(const char *prompt, size_t n, struct pr_skill_text *ret)
{
    struct pr_skill_text t = pr_skill_trim(prompt, n);
    return pr_skill_take(&t, "sort ") && pr_skill_take_digits(&t, ret) && !t.n;
}

static bool solve(const char *prompt, size_t n, struct pr_str *golden, struct pr_str *working)
{
    struct pr_skill_text digits;
    if (!take(prompt, n, &digits))
        return false;
    if (golden)
        put_sorted(digits, golden);
    for (int c = '0'; working && c <= '9'; c++) {
        size_t times = 0;
        for (size_t i = 0; i < digits.n; i++)
            times += digits.s[i] == c;
        if (times)
            pr_str_printf(working, "%c comes %zu time%s\n", c, times, times > 1 ? "s" : "");
    }
    return true;
}

/* Right where the answer never falls and holds each digit as often as the prompt. */
static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    struct pr_skill_text digits, a = pr_skill_trim(answer, n);
    long long balance[10] = {0};
    if (!take(prompt, prompt_len, &digits) || a.n != digits.n)
        return false;
    for (size_t i = 0; i < a.n; i++) {
        if (a.s[i] < '0' || a.s[i] > '9' || (i && a.s[i] < a.s[i - 1]))
            return false;
        balance[a.s[i] - '0']++;
        balance[digits.s[i] - '0']--;
    }
    for (size_t i = 0; i < 10; i++)
        if (balance[i])
            return false;
    return true;
}

static int level(const char *prompt, size_t n)
{
    struct pr_skill_text digits;
    if (!take(prompt, n, &digits))
        return 0;
    return digits.n == 3 ? 1 : digits.n == 5 ? 2 : digits.n == MAX_DIGITS ? 3 : 0;
}

static bool vary(struct pr_rng *rng, const char *prompt, size_t n, struct pr_str *ret_prompt,
    struct pr_str *ret_golden)
{
    return pr_skill_vary_made(&pr_skill_sorting, rng, prompt, n, ret_prompt, ret_golden);
}

static void slips(const char *prompt, size_t n, struct pr_slips *ret)
{
    struct pr_skill_text digits;
    if (!take(prompt, n, &digits) || digits.n > MAX_DIGITS)
        return;
    struct pr_str s = PR_STR_INIT(64), other = PR_STR_INIT(64);
    put_sorted(digits, &s);
    for (size_t i = s.len; i-- > 0;)
        pr_str_putc(&other, s.data[i]);
    pr_slips_add(ret, "wrong_order", pr_str_cstr(&other), "sorted from the largest down");
    pr_str_clear(&other);
    pr_str_append(&other, digits.s, digits.n);
    pr_slips_add(ret, "wrong_order", pr_str_cstr(&other), "left in the order of the question");
    pr_str_clear(&other);
    for (size_t i = 0; i < s.len; i++)
        if (!i || s.data[i] != s.data[i - 1])
            pr_str_putc(&other, s.data[i]);
    pr_slips_add(
        ret, "item_missing", pr_str_cstr(&other), "a digit that comes twice is there once");
    pr_str_done(&s);
    pr_str_done(&other);
}

const struct pr_skill pr_skill_sorting = {
    .name = "sorting",
    .summary = "digits in rising order",
    .n_levels = PR_N_DIFFICULTIES,
    .make = make,
    .solve = solve,
    .verify = verify,
    .vary = vary,
    .level = level,
    .slips = slips,
};
