/* Problems as lines: what `proctor generate` writes, from proctor's own skills and from others. */
#ifndef PR_CLI_PROBLEMS_H
#define PR_CLI_PROBLEMS_H

#include "skills/generate.h"
#include "skills/source.h"

struct pr_problem_row {
    const char *id, *prompt, *golden, *skill;
    enum pr_difficulty difficulty;
    int level;
    bool verifier; /* the exam knows the skill's verifier */
};

/* Where lines go. */
struct pr_problem_sink {
    struct pr_str *file; /* NULL: stdout */
    bool messages;       /* in chat format */
    size_t n;            /* lines put */
};
/* false: stdout takes no more. */
bool pr_problem_put(struct pr_problem_sink *s, const struct pr_problem_row *row);

/* Problems of other skills: count of them, spread evenly over their levels that fit; none that g
 * has.  Stops early when interrupted. */
PR_MUST_CHECK enum pr_code pr_problems_outside(struct pr_skill_source *const *v, size_t n,
    const struct pr_levels *levels, size_t count, uint64_t seed, struct pr_generator *g,
    struct pr_problem_sink *sink, struct pr_error *e);
/* How many levels of these fit, all of them together; asks each for its info. */
PR_MUST_CHECK enum pr_code pr_problems_outside_cells(struct pr_skill_source *const *v, size_t n,
    const struct pr_levels *levels, size_t *ret, struct pr_error *e);

#endif
