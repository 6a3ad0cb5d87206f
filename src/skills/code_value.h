/* Names, values and expressions of the small language of code_run.h. */
#ifndef PR_SKILLS_CODE_VALUE_H
#define PR_SKILLS_CODE_VALUE_H

#include "skills/text.h"

#define PR_CODE_NAMES 12
#define PR_CODE_NAME  10 /* letters and NUL */

struct pr_code_values {
    int n;
    char names[PR_CODE_NAMES][PR_CODE_NAME];
    bool set[PR_CODE_NAMES];
    int64_t x[PR_CODE_NAMES];
};

/* Takes a name, small letters that are no keyword: its place; -1: there is none, or too many. */
int pr_code_take_name(struct pr_skill_text *t, struct pr_code_values *v);
bool pr_code_get(const struct pr_code_values *v, int name, int64_t *ret); /* false: not set yet */
void pr_code_set(struct pr_code_values *v, int name, int64_t x);

/* a op b as Python does it: + - *, // and % with the divisor's sign. false: by 0, or beyond 10^12.
 */
bool pr_code_apply(const char *op, int64_t a, int64_t b, int64_t *ret);
/* Takes a sum of products of numbers, names and brackets, with a blank on both sides of each
 * operator. live: it is worked out, so that each name must be set; else it is read alone and *ret
 * is 0. */
bool pr_code_expression(struct pr_skill_text *t, struct pr_code_values *v, bool live, int64_t *ret);
/* Takes comparisons joined by and, or. */
bool pr_code_condition(struct pr_skill_text *t, struct pr_code_values *v, bool live, bool *ret);

#endif
