/* Exact fractions of 64-bit whole numbers, in lowest terms, den > 0. What would not fit is not a
 * number any more (den 0), and stays none through whatever follows. */
#ifndef PR_SKILLS_RATIONAL_H
#define PR_SKILLS_RATIONAL_H

#include "skills/text.h"

struct pr_rational {
    int64_t num, den;
};

struct pr_rational pr_rational(int64_t num, int64_t den);
struct pr_rational pr_rational_add(struct pr_rational a, struct pr_rational b);
struct pr_rational pr_rational_sub(struct pr_rational a, struct pr_rational b);
struct pr_rational pr_rational_mul(struct pr_rational a, struct pr_rational b);
struct pr_rational pr_rational_div(struct pr_rational a, struct pr_rational b); /* by 0: none */
bool pr_rational_same(struct pr_rational a, struct pr_rational b); /* false where one is none */
void pr_rational_put(struct pr_str *out, struct pr_rational a);    /* "-3/2", "4" */

#endif
