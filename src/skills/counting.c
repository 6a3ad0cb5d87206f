/* Counting: "count 3: 313" → "2", how often a digit stands in a row of 3, 6 or 10. */
#include "skills/skill.h"
#include "skills/text.h"

#define MAX_DIGITS 10

static int64_t count_of(char digit, struct pr_skill_text row)
{
    int64_t n = 0;
    for (size_t i = 0; i < row.n; i++)
        n += row.s[i] == digit;
    return n;
}

/* Each digit of the row is the one asked for with a chance of a half, so that all counts occur. */
static void make(
    struct pr_rng *rng, enum pr_difficulty d, struct pr_str *prompt, struct pr_str *golden)
{
    static const size_t lengths[PR_N_DIFFICULTIES] = {3, 6, MAX_DIGITS};
    char digit[2], row[MAX_DIGITS + 1];
    pr_skill_random_digits(rng, 1, digit);
    pr_skill_random_digits(rng, lengths[d], row);
    for (size_t i = 0; i < lengths[d]; i++)
        if (pr_rng_below(rng, 2))
            row[i] = digit[0];
    pr_str_printf(prompt, "count %s: %s", digit, row);
    pr_str_printf(
        golden, "%lld", (long long)count_of(digit[0], (struct pr_skill_text){row, lengths[d]}));
}

static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    struct pr_skill_text t = pr_skill_trim(prompt, prompt_len), digit, row;
    return pr_skill_take(&t, "count ") && pr_skill_take_digits(&t, &digit) && digit.n == 1 &&
           pr_skill_take(&t, ": ") && pr_skill_take_digits(&t, &row) && !t.n &&
           pr_skill_says_number(answer, n, count_of(digit.s[0], row));
}

const struct pr_skill pr_skill_counting = {
    .name = "counting",
    .summary = "how often a digit occurs in a row of digits",
    .make = make,
    .verify = verify,
};
