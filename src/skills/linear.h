/* Linear equations in one or two unknowns, read from text: "3(x - 2) + 5 = x/4". */
#ifndef PR_SKILLS_LINEAR_H
#define PR_SKILLS_LINEAR_H

#include "skills/rational.h"

/* c[0] x + c[1] y + c[2] */
struct pr_linear {
    struct pr_rational c[3];
};

struct pr_linear_equation {
    struct pr_linear side[2];
    int unknowns[2], constants[2]; /* how many terms of each kind the sides have */
    bool brackets, divided;        /* a bracket; an unknown or a bracket over a number */
};

/* How brackets are read: as they are meant, or as one who multiplies their first part alone. */
enum pr_linear_reading { PR_LINEAR_RIGHT, PR_LINEAR_FIRST_ONLY };

/* names: the letters of the unknowns, filled in as they come where they are 0.  false: not such an
 * equation, or numbers too large. */
bool pr_linear_read(struct pr_skill_text t, enum pr_linear_reading how, char names[2],
    struct pr_linear_equation *ret);
/* "3x - 2y + 4"; "0" where nothing is left. */
void pr_linear_put(struct pr_str *out, const struct pr_linear *l, const char names[2]);
struct pr_linear pr_linear_sub(const struct pr_linear *a, const struct pr_linear *b);
struct pr_linear pr_linear_times(const struct pr_linear *a, struct pr_rational by);

#endif
