/* Subtraction: "49-7=" → "42", never below zero.  Easy takes a digit away without borrowing, medium
 * works on numbers of two digits, hard on three. */
#include "skills/skill.h"
#include "skills/text.h"

static void make(struct pr_rng *rng, int level, struct pr_str *prompt, struct pr_str *golden)
{
    enum pr_difficulty d = (enum pr_difficulty)(level - 1);
    int64_t lo = d == PR_MEDIUM ? 10 : 100, hi = d == PR_MEDIUM ? 99 : 999, a, b;
    if (d == PR_EASY) {
        a = pr_skill_between(rng, 0, 99);
        b = pr_skill_between(rng, 0, a % 10);
    } else {
        a = pr_skill_between(rng, lo, hi);
        b = pr_skill_between(rng, lo, hi);
        if (a < b) {
            int64_t larger = b;
            b = a;
            a = larger;
        }
    }
    pr_str_printf(prompt, "%lld-%lld=", (long long)a, (long long)b);
    pr_str_printf(golden, "%lld", (long long)(a - b));
}

static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    struct pr_skill_text t = pr_skill_trim(prompt, prompt_len);
    int64_t a, b;
    return pr_skill_take_number(&t, &a) && pr_skill_take(&t, "-") && pr_skill_take_number(&t, &b) &&
           pr_skill_take(&t, "=") && !t.n && pr_skill_says_number(answer, n, a - b);
}

const struct pr_skill pr_skill_subtraction = {
    .name = "subtraction",
    .summary = "the difference of two whole numbers, the larger one first",
    .n_levels = PR_N_DIFFICULTIES,
    .make = make,
    .verify = verify,
};
