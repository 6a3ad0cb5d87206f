/* Comparison: "47?52" → "<".  In easy problems the first digits differ; in medium ones (three
 * digits) the first is shared, in hard ones (five digits) the first three; one in eight of these
 * two compares a number with itself. */
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

static bool verify(const char *prompt, size_t prompt_len, const char *answer, size_t n)
{
    struct pr_skill_text t = pr_skill_trim(prompt, prompt_len);
    int64_t a, b;
    return pr_skill_take_number(&t, &a) && pr_skill_take(&t, "?") && pr_skill_take_number(&t, &b) &&
           !t.n && pr_skill_says(answer, n, sign(a, b), 1);
}

const struct pr_skill pr_skill_comparison = {
    .name = "comparison",
    .summary = "the sign that belongs between two numbers: <, > or =",
    .n_levels = PR_N_DIFFICULTIES,
    .make = make,
    .verify = verify,
};
