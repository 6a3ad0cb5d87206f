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
    X(maximum)                                                                                     \
    X(arithmetic)                                                                                  \
    X(ordering)                                                                                    \
    X(deduction)                                                                                   \
    X(bases)                                                                                       \
    X(word_problem)                                                                                \
    X(equations)                                                                                   \
    X(sequences)                                                                                   \
    X(dates)                                                                                       \
    X(strings)                                                                                     \
    X(hidden_words)                                                                                \
    X(graph_paths)                                                                                 \
    X(tables)                                                                                      \
    X(code_tracing)

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

/* Answers that known errors would give: what a recogniser of mistakes compares with (mistakes/). */
struct pr_slip {
    char *pattern; /* the name of a pattern of mistakes/mistake.h: "wrong_operation" */
    char *answer;  /* as such a model would write it */
    char *why;     /* the step that went wrong: "38 was taken from 32 instead of added" */
};
struct pr_slips {
    struct pr_slip *v;
    size_t n, cap;
};
/* Copies all three.  An answer that is the right one, or was added before, is left out by whoever
 * reads them: first come, first named. */
void pr_slips_add(struct pr_slips *s, const char *pattern, const char *answer, const char *fmt, ...)
    PR_PRINTF(4, 5);
void pr_slips_done(struct pr_slips *s);

/* Levels rise from 1 to n_levels, which is 3 (the difficulties themselves) or PR_SKILL_LEVELS. */
#define PR_SKILL_LEVELS 10

struct pr_skill {
    const char *name;    /* "addition" */
    const char *summary; /* one line */
    int n_levels;
    /* Appends a question and its right answer in canonical form. */
    void (*make)(struct pr_rng *rng, int level, struct pr_str *prompt, struct pr_str *golden);
    /* The canonical answer, and how one comes to it, a line a step ("8 + 7 = 15, write 5, carry
     * 1"). Derived from the question alone, which may be any bytes; white space around it does not
     * count.  false: not a question that this skill asks in any of its phrasings; then nothing was
     * appended.  Either of the two may be NULL. */
    bool (*solve)(const char *prompt, size_t n, struct pr_str *golden, struct pr_str *working);
    /* Is the answer right?  Accepts every right answer, however it is normally written, and nothing
     * else; both may be any bytes. */
    bool (*verify)(const char *prompt, size_t prompt_len, const char *answer, size_t n);
    /* A similar question: the same form and size, other numbers, names or words, with its answer.
     * false: as solve. */
    bool (*vary)(struct pr_rng *rng, const char *prompt, size_t n, struct pr_str *ret_prompt,
        struct pr_str *ret_golden);
    /* The level at which make would ask this; 0: none (solve says whether it is a question of
     * ours). */
    int (*level)(const char *prompt, size_t n);
    /* What typical mistakes would answer; NULL: nothing beyond what any number or text may suffer.
     */
    void (*slips)(const char *prompt, size_t n, struct pr_slips *ret);
};

/* The difficulty that a level counts as: of ten, 1-3 easy, 4-7 medium, 8-10 hard. */
enum pr_difficulty pr_skill_difficulty(const struct pr_skill *s, int level);
/* The skill that this question is one of: `name` (NULL: not known) where it takes the question,
 * else the first of the table that does; NULL: none. */
const struct pr_skill *pr_skill_knowing(const char *name, const char *prompt, size_t n);

#define PR_X(name) extern const struct pr_skill pr_skill_##name;
PR_SKILLS(PR_X)
#undef PR_X

const struct pr_skill *const *pr_skills(size_t *ret_n);
const struct pr_skill *pr_skill_find(const char *name); /* NULL: there is none */
/* Appends "addition, subtraction, …" for messages. */
void pr_skill_names(struct pr_str *out);

#endif
