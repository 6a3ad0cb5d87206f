/* Skills: arbitrary bytes as a question and an answer (parted by the first 0xff).  No verifier,
 * solver, variation or slip may crash or read astray; what a verifier accepts it accepts with white
 * space around it too; what is solved is verified, and what was varied is solved. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "skills/skill.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes a question apart in every way that there is. */
static void use(const struct pr_skill *s, const char *prompt, size_t n)
{
    struct pr_str golden = PR_STR_INIT(1 << 20), working = PR_STR_INIT(1 << 20),
                  other = PR_STR_INIT(1 << 20), other_golden = PR_STR_INIT(1 << 20);
    struct pr_slips slips = {0};
    struct pr_rng rng;
    pr_rng_seed(&rng, n);
    int level = s->level(prompt, n);
    bool solved = s->solve(prompt, n, &golden, &working);
    if (level < 0 || level > s->n_levels || (level && !solved))
        abort();
    if (solved && !golden.over && !s->verify(prompt, n, pr_str_cstr(&golden), golden.len))
        abort();
    if (s->vary(&rng, prompt, n, &other, &other_golden) && !other.over &&
        !s->solve(pr_str_cstr(&other), other.len, NULL, NULL))
        abort();
    if (s->slips)
        s->slips(prompt, n, &slips);
    pr_slips_done(&slips);
    pr_str_done(&golden);
    pr_str_done(&working);
    pr_str_done(&other);
    pr_str_done(&other_golden);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *cut = size ? memchr(data, 0xff, size) : NULL;
    size_t n_prompt = cut ? (size_t)(cut - data) : size, n = cut ? size - n_prompt - 1 : 0;
    size_t n_skills;
    const struct pr_skill *const *skills = pr_skills(&n_skills);
    /* Blocks of their own, so that reading past them is seen. */
    char *prompt = pr_alloc(n_prompt + 1), *answer = pr_alloc(n + 1), *spaced = pr_alloc(n + 3);
    if (n_prompt)
        memcpy(prompt, data, n_prompt);
    if (n)
        memcpy(answer, cut + 1, n);
    spaced[0] = ' ';
    memcpy(spaced + 1, answer, n);
    spaced[n + 1] = '\n';
    for (size_t i = 0; i < n_skills; i++) {
        if (skills[i]->verify(prompt, n_prompt, answer, n) !=
            skills[i]->verify(prompt, n_prompt, spaced, n + 2))
            abort();
        use(skills[i], prompt, n_prompt);
    }
    pr_free(prompt);
    pr_free(answer);
    pr_free(spaced);
    return 0;
}
