/* Reversal: "rev 417" → "714"; 3, 5 or 8 digits. */
#include "skills/phrase.h"
#include "skills/skill.h"
#include "skills/text.h"

#define MAX_DIGITS 8

static void make(struct pr_rng *rng, int level, struct pr_str *prompt, struct pr_str *golden)
{
    enum pr_difficulty d = (enum pr_difficulty)(level - 1);
    static const size_t lengths[PR_N_DIFFICULTIES] = {3, 5, MAX_DIGITS};
    char digits[MAX_DIGITS + 1];
    pr_skill_random_digits(rng, lengths[d], digits);
    pr_str_printf(prompt, "rev %s", digits);
    for (size_t i = lengths[d]; i-- > 0;)
        pr_str_putc(golden, digits[i]);
}

static bool take(const char *prompt, size_t n, struct pr_skill_text *ret)
{
    struct pr_skill_text t = pr_skill_trim(prompt, n);
    return pr_skill_take(&t, "rev ") && pr_skill_take_digits(&t, ret) && !t.n;
}

static bool solve(const char *prompt, size_t n, struct pr_str *golden, struct pr_str *working)
{
    struct pr_skill_text digits;
    if (!take(prompt, n, &digits))
        return false;
    for (size_t i = digits.n; i-- > 0;) {
        if (golden)
            pr_str_putc(golden, digits.s[i]);
        if (working)
            pr_str_printf(working, "digit %zu of the question is %c\n", i + 1, digits.s[i]);
    }
    return true;
}

static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    struct pr_skill_text digits, a = pr_skill_trim(answer, n);
    if (!take(prompt, prompt_len, &digits) || a.n != digits.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (a.s[i] != digits.s[a.n - 1 - i])
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
    return pr_skill_vary_made(&pr_skill_reversal, rng, prompt, n, ret_prompt, ret_golden);
}

static void slips(const char *prompt, size_t n, struct pr_slips *ret)
{
    struct pr_skill_text digits;
    if (!take(prompt, n, &digits) || digits.n > MAX_DIGITS)
        return;
    char same[MAX_DIGITS + 1] = {0};
    for (size_t i = 0; i < digits.n; i++)
        same[i] = digits.s[i];
    pr_slips_add(ret, "wrong_order", same, "left in the order of the question");
}

const struct pr_skill pr_skill_reversal = {
    .name = "reversal",
    .summary = "digits from the last to the first",
    .n_levels = PR_N_DIFFICULTIES,
    .make = make,
    .solve = solve,
    .verify = verify,
    .vary = vary,
    .level = level,
    .slips = slips,
};
