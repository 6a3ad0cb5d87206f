/* Whole-number expressions: + - * / and brackets, the usual order of operations. */
#ifndef PR_SKILLS_EXPRESSION_H
#define PR_SKILLS_EXPRESSION_H

#include "skills/skill.h"
#include "skills/text.h"

#define PR_EXPR_NODES 64
#define PR_EXPR_DEPTH 24

struct pr_expr_node {
    char op; /* + - * /, or 0: a number */
    int64_t value;
    int left, right;             /* nodes; of an operation */
    struct pr_skill_text digits; /* of a number that was read: where its digits stand */
};
struct pr_expr {
    struct pr_expr_node v[PR_EXPR_NODES]; /* operands before their operation */
    int n, root, numbers;
    int brackets; /* how deep; those around one number do not count */
};
/* How operators are written. */
enum pr_expr_style { PR_EXPR_ASCII, PR_EXPR_SIGNS, PR_EXPR_WORDS, PR_EXPR_N_STYLES };

/* Reads as much of an expression as there is; operators in any style.  false: there is none, or a
 * result on the way does not fit or a division does not come out even; t is untouched. */
bool pr_expr_take(struct pr_skill_text *t, struct pr_expr *ret);
/* All results from the numbers up; false: as above. */
bool pr_expr_work_out(struct pr_expr *x);
/* Appends it with the brackets that its structure needs. */
void pr_expr_put(const struct pr_expr *x, int node, enum pr_expr_style style, struct pr_str *out);
/* Adds nodes while building; the index of the new one. -1 operands: a number. */
int pr_expr_add(struct pr_expr *x, char op, int left, int right, int64_t value);
/* What typical mistakes would answer. */
void pr_expr_slips(const struct pr_expr *x, struct pr_slips *ret);

#endif
