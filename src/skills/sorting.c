/* Sorting: "sort 417" → "147"; 3, 5 or 8 digits. */
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

/* Right where the answer never falls and holds each digit as often as the prompt. */
static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    struct pr_skill_text t = pr_skill_trim(prompt, prompt_len), digits;
    if (!pr_skill_take(&t, "sort ") || !pr_skill_take_digits(&t, &digits) || t.n)
        return false;
    struct pr_skill_text a = pr_skill_trim(answer, n);
    long long balance[10] = {0};
    if (a.n != digits.n)
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

const struct pr_skill pr_skill_sorting = {
    .name = "sorting",
    .summary = "digits in rising order",
    .n_levels = PR_N_DIFFICULTIES,
    .make = make,
    .verify = verify,
};
