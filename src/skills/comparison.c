/* Comparison: "47?52" → "<".  In easy problems the first digits differ; in medium ones (three
 * digits) the first is shared, in hard ones (five digits) the first three; one in eight of these
 * two compares a number with itself. */
#include "skills/phrase.h"
#include "skills/skill.h"
#include "skills/text.h"

static const char *sign(int64_t a, int64_t b)
{
    return a < b ? "<" : a > b ? ">" : "=";
}

static void make(struct pr_rng *rng, int level, struct pr_str *prompt, struct pr_str *golden)
{
    enum pr_difficulty d = (enum pr_difficulty)(level - 1);
    int64_t a, b;
    if (d == PR_EASY) {
        int64_t tens = pr_skill_between(rng, 1, 9), other = pr_skill_between(rng, 1, 8);
        other += other >= tens;
        a = tens * 10 + pr_skill_between(rng, 0, 9);
        b = other * 10 + pr_skill_between(rng, 0, 9);
    } else {
        int64_t shared =
            d == PR_MEDIUM ? pr_skill_between(rng, 1, 9) : pr_skill_between(rng, 100, 999);
        a = shared * 100 + pr_skill_between(rng, 0, 99);
        b = shared * 100 + pr_skill_between(rng, 0, 99);
        if (!pr_rng_below(rng, 8))
            b = a;
    }
    pr_str_printf(prompt, "%lld?%lld", (long long)a, (long long)b);
    pr_str_puts(golden, sign(a, b));
}

static bool take(const char *prompt, size_t n, int64_t *a, int64_t *b)
{
    struct pr_skill_text t = pr_skill_trim(prompt, n);
    return pr_skill_take_number(&t, a) && pr_skill_take(&t, "?") && pr_skill_take_number(&t, b) &&
           !t.n;
}

static bool solve(const char *prompt, size_t n, struct pr_str *golden, struct pr_str *working)
{
    int64_t a, b;
    if (!take(prompt, n, &a, &b))
        return false;
    if (golden)
        pr_str_puts(golden, sign(a, b));
    if (working)
        pr_str_printf(working, "%lld %s %lld\n", (long long)a, sign(a, b), (long long)b);
    return true;
}

static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    int64_t a, b;
    return take(prompt, prompt_len, &a, &b) && pr_skill_says(answer, n, sign(a, b), 1);
}

static int level(const char *prompt, size_t n)
{
    int64_t a, b;
    if (!take(prompt, n, &a, &b) || pr_skill_digits(a) != pr_skill_digits(b))
        return 0;
    int digits = pr_skill_digits(a);
    if (digits == 2)
        return a / 10 != b / 10 ? 1 : 0;
    return (digits == 3 || digits == 5) && a / 100 == b / 100 ? digits == 3 ? 2 : 3 : 0;
}

static bool vary(struct pr_rng *rng, const char *prompt, size_t n, struct pr_str *ret_prompt,
    struct pr_str *ret_golden)
{
    return pr_skill_vary_made(&pr_skill_comparison, rng, prompt, n, ret_prompt, ret_golden);
}

static void slips(const char *prompt, size_t n, struct pr_slips *ret)
{
    static const char *const all[] = {"<", ">", "="};
    int64_t a, b;
    for (size_t i = 0; take(prompt, n, &a, &b) && i < 3; i++)
        if (sign(a, b)[0] != all[i][0])
            pr_slips_add(ret, "other_choice", all[i], "%lld %s %lld is not true, %s belongs there",
                (long long)a, all[i], (long long)b, sign(a, b));
}

const struct pr_skill pr_skill_comparison = {
    .name = "comparison",
    .summary = "the sign that belongs between two numbers: <, > or =",
    .n_levels = PR_N_DIFFICULTIES,
    .make = make,
    .solve = solve,
    .verify = verify,
    .vary = vary,
    .level = level,
    .slips = slips,
};
