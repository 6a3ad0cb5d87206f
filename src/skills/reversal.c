/* Reversal: "rev 417" → "714"; 3, 5 or 8 digits. */
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

static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    struct pr_skill_text t = pr_skill_trim(prompt, prompt_len), digits;
    if (!pr_skill_take(&t, "rev ") || !pr_skill_take_digits(&t, &digits) || t.n)
        return false;
    struct pr_skill_text a = pr_skill_trim(answer, n);
    if (a.n != digits.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (a.s[i] != digits.s[a.n - 1 - i])
            return false;
    return true;
}

const struct pr_skill pr_skill_reversal = {
    .name = "reversal",
    .summary = "digits from the last to the first",
    .n_levels = PR_N_DIFFICULTIES,
    .make = make,
    .verify = verify,
};
