/* Maximum: "max 417" → "7"; of 3, 5 or 8 digits. */
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

static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    struct pr_skill_text t = pr_skill_trim(prompt, prompt_len), digits;
    if (!pr_skill_take(&t, "max ") || !pr_skill_take_digits(&t, &digits) || t.n)
        return false;
    char right = largest(digits);
    return pr_skill_says(answer, n, &right, 1);
}

const struct pr_skill pr_skill_maximum = {
    .name = "maximum",
    .summary = "the largest of several digits",
    .n_levels = PR_N_DIFFICULTIES,
    .make = make,
    .verify = verify,
};
