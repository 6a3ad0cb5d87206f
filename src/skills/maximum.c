/* Maximum: "max 417" → "7"; of 3, 5 or 8 digits. */
#include "skills/phrase.h"
#include "skills/skill.h"
#include "skills/text.h"

#define MAX_DIGITS 8

static char largest(struct pr_skill_text digits)
{
    char best = '0';
    for (size_t i = 0; i < digits.n; i++)
        best = digits.s[i] > best ? digits.s[i] : best;
    return best;
}

static void make(struct pr_rng *rng, int level, struct pr_str *prompt, struct pr_str *golden)
{
    enum pr_difficulty d = (enum pr_difficulty)(level - 1);
    static const size_t lengths[PR_N_DIFFICULTIES] = {3, 5, MAX_DIGITS};
    char digits[MAX_DIGITS + 1];
    pr_skill_random_digits(rng, lengths[d], digits);
    pr_str_printf(prompt, "max %s", digits);
    pr_str_putc(golden, largest((struct pr_skill_text){digits, lengths[d]}));
}

static bool take(const char *prompt, size_t n, struct pr_skill_text *ret)
{
    struct pr_skill_text t = pr_skill_trim(prompt, n);
    return pr_skill_take(&t, "max ") && pr_skill_take_digits(&t, ret) && !t.n;
}

static bool solve(const char *prompt, size_t n, struct pr_str *golden, struct pr_str *working)
{
    struct pr_skill_text digits;
    if (!take(prompt, n, &digits))
        return false;
    if (golden)
        pr_str_putc(golden, largest(digits));
    char best = 0;
    for (size_t i = 0; working && i < digits.n; i++)
        if (digits.s[i] > best)
            pr_str_printf(working, "largest so far: %c\n", best = digits.s[i]);
    return true;
}

static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    struct pr_skill_text digits;
    if (!take(prompt, prompt_len, &digits))
        return false;
    char right = largest(digits);
    return pr_skill_says(answer, n, &right, 1);
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
    return pr_skill_vary_made(&pr_skill_maximum, rng, prompt, n, ret_prompt, ret_golden);
}

static void slips(const char *prompt, size_t n, struct pr_slips *ret)
{
    struct pr_skill_text digits;
    if (!take(prompt, n, &digits) || digits.n > MAX_DIGITS)
        return;
    for (size_t i = 0; i < digits.n; i++) {
        char other[2] = {digits.s[i], 0};
        if (other[0] != largest(digits))
            pr_slips_add(
                ret, "other_choice", other, "%c is larger than %c", largest(digits), other[0]);
    }
}

const struct pr_skill pr_skill_maximum = {
    .name = "maximum",
    .summary = "the largest of several digits",
    .n_levels = PR_N_DIFFICULTIES,
    .make = make,
    .solve = solve,
    .verify = verify,
    .vary = vary,
    .level = level,
    .slips = slips,
};
