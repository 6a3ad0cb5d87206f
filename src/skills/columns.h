/* Adding, subtracting and multiplying by columns, as people learn it: the steps, and what comes of
 * the usual slips in them. */
#ifndef PR_SKILLS_COLUMNS_H
#define PR_SKILLS_COLUMNS_H

#include "skills/skill.h"

/* a op b, op one of + - * /, neither below 0.  Appends lines to out. */
void pr_column_working(struct pr_str *out, char op, int64_t a, int64_t b);
/* The results of other operations, of forgotten carries and borrows, and of the other sign. */
void pr_column_slips(struct pr_slips *ret, char op, int64_t a, int64_t b);
/* Is no carry (+) or borrow (-, a >= b) needed in any column? */
bool pr_column_plain(char op, int64_t a, int64_t b);
/* false: it does not fit, or (/) does not come out even. */
bool pr_column_result(char op, int64_t a, int64_t b, int64_t *ret);

#endif
