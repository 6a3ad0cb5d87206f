/* Subtraction: "49-7=" → "42", never below zero.  Easy takes a digit away without borrowing, medium
 * works on numbers of two digits, hard on three. */
#include "skills/columns.h"
#include "skills/phrase.h"
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

static bool take(const char *prompt, size_t n, int64_t *a, int64_t *b)
{
    struct pr_skill_text t = pr_skill_trim(prompt, n);
    return pr_skill_take_number(&t, a) && pr_skill_take(&t, "-") && pr_skill_take_number(&t, b) &&
           pr_skill_take(&t, "=") && !t.n;
}

static bool solve(const char *prompt, size_t n, struct pr_str *golden, struct pr_str *working)
{
    int64_t a, b;
    if (!take(prompt, n, &a, &b))
        return false;
    if (golden)
        pr_str_printf(golden, "%lld", (long long)(a - b));
    if (working)
        pr_column_working(working, '-', a, b);
    return true;
}

static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    int64_t a, b;
    return take(prompt, prompt_len, &a, &b) && pr_skill_says_number(answer, n, a - b);
}

static int level(const char *prompt, size_t n)
{
    int64_t a, b;
    if (!take(prompt, n, &a, &b))
        return 0;
    if (a <= 99 && b <= a % 10)
        return 1;
    if (a < b)
        return 0;
    return a < 10 || b < 10                               ? 0
           : a <= 99 && b <= 99                           ? 2
           : a >= 100 && a <= 999 && b >= 100 && b <= 999 ? 3
                                                          : 0;
}

static bool vary(struct pr_rng *rng, const char *prompt, size_t n, struct pr_str *ret_prompt,
    struct pr_str *ret_golden)
{
    return pr_skill_vary_made(&pr_skill_subtraction, rng, prompt, n, ret_prompt, ret_golden);
}

static void slips(const char *prompt, size_t n, struct pr_slips *ret)
{
    int64_t a, b;
    if (take(prompt, n, &a, &b))
        pr_column_slips(ret, '-', a, b);
}

const struct pr_skill pr_skill_subtraction = {
    .name = "subtraction",
    .summary = "the difference of two whole numbers, the larger one first",
    .n_levels = PR_N_DIFFICULTIES,
    .make = make,
    .solve = solve,
    .verify = verify,
    .vary = vary,
    .level = level,
    .slips = slips,
};
