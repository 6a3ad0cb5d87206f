/* An interpreter for a small part of Python: whole numbers, assignments, if, for, while, break and
 * print.  Any bytes may be given as the program: it is bounded in lines, depth, steps and values,
 * and whatever goes beyond is no program. */
#ifndef PR_SKILLS_CODE_RUN_H
#define PR_SKILLS_CODE_RUN_H

#include "skills/text.h"

#define PR_CODE_LINES 40

/* How a program is read: as it is meant, or as one who errs reads it. */
enum pr_code_reading {
    PR_CODE_RIGHT,
    PR_CODE_END_INCLUDED, /* range(1, 4) goes to 4 */
    PR_CODE_ONE_LESS,     /* the last round of each for is missed */
    PR_CODE_ONE_ROUND,    /* a loop's body is run once */
    PR_CODE_OTHER_BRANCH, /* the first condition of each if the other way round */
    PR_CODE_ONE_BY_ONE,   /* "a, b = b, a": the second sees what the first has set */
    PR_CODE_NO_UPDATE     /* "a += 3" changes nothing */
};

/* What a program consists of; lines from 1, 0: there is none. */
struct pr_code_shape {
    int assignments, ifs, whiles, breaks, loop_depth;
    int first_for, first_while, first_if, first_pair, first_update;
};

/* Runs the program and appends what it prints, lines parted by newlines, and a line a step to
 * trace; either may be NULL, as shape may be.  false: not a program, or not one that ends within
 * bounds: out and trace then hold a part. */
bool pr_code_run(struct pr_skill_text code, enum pr_code_reading how, struct pr_str *out,
    struct pr_str *trace, struct pr_code_shape *shape, int *ret_steps);

#endif
