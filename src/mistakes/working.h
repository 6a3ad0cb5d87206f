/* Workings: arithmetic that leads to a right answer, as a tree of operations on the question's
 * numbers.  It is read from an expression or an equation, or, of a word problem, found. */
#ifndef PR_MISTAKES_WORKING_H
#define PR_MISTAKES_WORKING_H

#include <stdbool.h>
#include <stddef.h>

#include "mistakes/figure.h"

#define PR_WORKING_NODES 31

struct pr_step {
    char op;               /* + - * /, or 0: a number of the question, `value` */
    int left, right;       /* before this one in the working */
    struct pr_ratio value; /* filled for all by pr_working_run */
};
struct pr_working {
    struct pr_step v[PR_WORKING_NODES]; /* operands first; the last is the result */
    int n;
    size_t from, to; /* where it stands in the text */
};

int pr_working_number(struct pr_working *w, struct pr_ratio value); /* -1: no room */
int pr_working_step(struct pr_working *w, char op, int left, int right);
int pr_working_operations(const struct pr_working *w);

/* Replaces what step `at` gives by `value`, or with at < 0 nothing, and works out the rest into
 * ret_values[n].  false: too large, or a division by zero. */
bool pr_working_values(
    const struct pr_working *w, int at, struct pr_ratio value, struct pr_ratio *ret_values);
bool pr_working_run(struct pr_working *w); /* fills each step's value */
bool pr_working_result(
    const struct pr_working *w, int at, struct pr_ratio value, struct pr_ratio *ret);

/* The next expression at or after *at, which is moved behind it; one number alone is one too.
 * Its values are filled. */
bool pr_expression_next(struct pr_text t, size_t *at, struct pr_working *ret);
/* A linear equation in one letter: terms to the other side, then divided. */
bool pr_equation_find(struct pr_text t, struct pr_working *ret);
/* The one plausible way from the numbers of a text, in their order, to the result; false where
 * there is none or more than one. */
bool pr_problem_solve(struct pr_text t, struct pr_ratio result, struct pr_working *ret);

#endif
