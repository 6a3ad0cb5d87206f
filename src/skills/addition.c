/* Addition: "42+7=" → "49".  Easy adds a digit without carrying, medium two numbers of two digits,
 * hard two of three. */
#include "skills/skill.h"
#include "skills/text.h"

static void make(struct pr_rng *rng, int level, struct pr_str *prompt, struct pr_str *golden)
{
    enum pr_difficulty d = (enum pr_difficulty)(level - 1);
    int64_t lo = d == PR_MEDIUM ? 10 : 100, hi = d == PR_MEDIUM ? 99 : 999, a, b;
    if (d == PR_EASY) {
        a = pr_skill_between(rng, 0, 99);
        b = pr_skill_between(rng, 0, 9 - a % 10);
    } else {
        a = pr_skill_between(rng, lo, hi);
        b = pr_skill_between(rng, lo, hi);
    }
    pr_str_printf(prompt, "%lld+%lld=", (long long)a, (long long)b);
    pr_str_printf(golden, "%lld", (long long)(a + b));
}

static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    struct pr_skill_text t = pr_skill_trim(prompt, prompt_len);
    int64_t a, b;
    return pr_skill_take_number(&t, &a) && pr_skill_take(&t, "+") && pr_skill_take_number(&t, &b) &&
           pr_skill_take(&t, "=") && !t.n && pr_skill_says_number(answer, n, a + b);
}

const struct pr_skill pr_skill_addition = {
    .name = "addition",
    .summary = "the sum of two whole numbers",
    .n_levels = PR_N_DIFFICULTIES,
    .make = make,
    .verify = verify,
};
