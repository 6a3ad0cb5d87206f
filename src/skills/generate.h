/* Many distinct problems of several skills and levels.
 *
 * Each pair of a skill and a level (a cell) has a random sequence of its own that depends on the
 * seed, the skill's name and the level alone: a cell's problems are the same whatever else is asked
 * for, and a problem that is excluded is passed over without changing those after it.
 */
#ifndef PR_SKILLS_GENERATE_H
#define PR_SKILLS_GENERATE_H

#include "skills/skill.h"

struct pr_problem {
    const struct pr_skill *skill;
    int level;
    enum pr_difficulty difficulty; /* that the level counts as */
    /* NUL-terminated; until the next call. */
    const char *prompt, *golden;
    size_t time; /* 1, or the how many-th time this problem comes */
};

struct pr_generator;

/* Which levels: those within [lo, hi] that count as a difficulty whose entry is true.  A skill with
 * fewer levels has those that it has. */
struct pr_levels {
    int lo, hi;
    bool difficulties[PR_N_DIFFICULTIES];
};
#define PR_LEVELS_ALL ((struct pr_levels){1, PR_SKILL_LEVELS, {true, true, true}})
bool pr_levels_has(const struct pr_levels *l, const struct pr_skill *s, int level);

/* skills: n of them (NULL: all); levels: NULL is all. */
struct pr_generator *pr_generator_new(
    uint64_t seed, const struct pr_skill *const *skills, size_t n, const struct pr_levels *levels);
void pr_generator_free(struct pr_generator *g);
/* This prompt is not to be made (white space around it does not count). */
void pr_generator_exclude(struct pr_generator *g, const char *prompt, size_t n);
/* Takes a problem from elsewhere into the set: false where it was excluded, made or taken before.
 */
bool pr_generator_claim(struct pr_generator *g, const char *prompt, size_t n);
/* From now on a cell that has no more distinct problems draws from those it has shown again, so
 * that every cell keeps its share however many are asked for. */
void pr_generator_repeat(struct pr_generator *g);
/* The next problem, one cell after the other, no prompt again without repeat; false when no cell
 * has any left.  A cell counts as empty when so many tries in a row brought nothing new that one
 * more problem is next to impossible (1,000 and twenty times what it has shown). */
bool pr_generator_next(struct pr_generator *g, struct pr_problem *ret);

/* How far a cell is; i < the number of cells. */
struct pr_generator_cell {
    const struct pr_skill *skill;
    int level;
    size_t made;
    bool empty; /* it has no more */
};
size_t pr_generator_cells(const struct pr_generator *g);
struct pr_generator_cell pr_generator_cell(const struct pr_generator *g, size_t i);

/* The seed of a cell's sequence by what names it: "addition", "easy". */
uint64_t pr_cell_seed(uint64_t seed, const char *skill, const char *cell);
/* "<cell>-<12 hex digits of the prompt's SHA-256>", "-2" behind it the second time. */
void pr_problem_id_of(const char *cell, const char *prompt, size_t time, char buf[128]);
/* "addition-easy" of a skill whose levels are the difficulties, else "arithmetic-7"; buf holds 64.
 */
void pr_cell_name(const struct pr_skill *s, int level, char buf[64]);
/* The cell's name and 12 hex digits of the prompt's SHA-256: the same wherever the problem occurs;
 * "-2" follows where it comes a second time; buf holds at least 128. */
void pr_problem_id(const struct pr_problem *p, char buf[128]);

#endif
