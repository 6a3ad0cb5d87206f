/* Skills: procedural generators of problems, each with the verifier that knows a right answer.
 *
 * To add a skill: a file src/skills/<name>.c with its one `const struct pr_skill pr_skill_<name>`,
 * a line in PR_SKILLS, the file in meson.build, and its row in docs/skills.md; test_skills runs
 * every skill of the table at every difficulty.
 *
 * A problem depends on the generator's state alone: the same seed gives the same problems on every
 * machine and in every release.
 */
#ifndef PR_SKILLS_SKILL_H
#define PR_SKILLS_SKILL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/rng.h"
#include "base/str.h"

#define PR_SKILLS(X)                                                                               \
    X(addition)                                                                                    \
    X(subtraction)                                                                                 \
    X(comparison)                                                                                  \
    X(sorting)                                                                                     \
    X(reversal)                                                                                    \
    X(maximum)

/* Rising: a harder problem of the same skill. */
#define PR_DIFFICULTIES(X) X(EASY, "easy") X(MEDIUM, "medium") X(HARD, "hard")
enum pr_difficulty {
#define PR_X(name, text) PR_##name,
    PR_DIFFICULTIES(PR_X)
#undef PR_X
        PR_N_DIFFICULTIES
};
const char *pr_difficulty_name(enum pr_difficulty d);
bool pr_difficulty_find(const char *name, enum pr_difficulty *ret);

struct pr_skill {
    const char *name;    /* "addition" */
    const char *summary; /* one line */
    /* Appends the question and its one right answer. */
    void (*make)(
        struct pr_rng *rng, enum pr_difficulty d, struct pr_str *prompt, struct pr_str *golden);
    /* Is the answer right?  Derived from the question alone, not from a stored answer; both may be
     * any bytes.  White space around either does not count; a question that make would not have
     * asked in this form has no right answer. */
    bool (*verify)(const char *prompt, size_t prompt_len, const char *answer, size_t n);
};

#define PR_X(name) extern const struct pr_skill pr_skill_##name;
PR_SKILLS(PR_X)
#undef PR_X

const struct pr_skill *const *pr_skills(size_t *ret_n);
const struct pr_skill *pr_skill_find(const char *name); /* NULL: there is none */
/* Appends "addition, subtraction, …" for messages. */
void pr_skill_names(struct pr_str *out);

#endif
