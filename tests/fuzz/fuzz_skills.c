/* Verifiers: arbitrary bytes as a question and an answer (parted by the first 0xff).  None may
 * crash or read astray, and what one accepts it accepts with white space around it too. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "skills/skill.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    for (size_t i = 0; i < n_skills; i++)
        if (skills[i]->verify(prompt, n_prompt, answer, n) !=
            skills[i]->verify(prompt, n_prompt, spaced, n + 2))
            abort();
    pr_free(prompt);
    pr_free(answer);
    pr_free(spaced);
    return 0;
}
