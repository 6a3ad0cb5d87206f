/* Numbers as they stand in questions and answers: the exact value, and the digits as written. */
#ifndef PR_MISTAKES_FIGURE_H
#define PR_MISTAKES_FIGURE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "exam/checks.h"

/* An exact value: den > 0, no common divisor. */
struct pr_ratio {
    int64_t num, den;
};
/* a op b, op one of + - * /; false where it is too large or divides by zero. */
bool pr_ratio_apply(char op, struct pr_ratio a, struct pr_ratio b, struct pr_ratio *ret);
bool pr_ratio_equal(struct pr_ratio a, struct pr_ratio b);
bool pr_ratio_ends(struct pr_ratio a); /* do its decimals end? */
void pr_ratio_put(struct pr_str *out, struct pr_ratio a);

#define PR_FIGURE_DIGITS 60

struct pr_figure {
    struct pr_text text; /* as it stands, with its sign; borrowed */
    /* Its digits and point without sign, thousands separators and leading zeros; of what is longer
     * or a fraction nothing is kept, and `plain` is false. */
    char digits[PR_FIGURE_DIGITS + 1];
    bool plain;
    bool negative;
    bool exact; /* value holds it; else only approx does */
    struct pr_ratio value;
    double approx; /* may be infinite */
};

/* The number that begins right at `at`; its end, or `at` where there is none. */
size_t pr_figure_at(struct pr_text t, size_t at, struct pr_figure *ret);
/* The next number that begins at or after *at, which is moved behind it.  A sign counts where no
 * digit, letter or parenthesis stands before it; digits within a word are no number. */
bool pr_figure_next(struct pr_text t, size_t *at, struct pr_figure *ret);
/* Is the text one number, with a currency sign, a percent sign or one unit beside it?  Also a
 * fraction a/b. */
bool pr_figure_whole(struct pr_text t, struct pr_figure *ret);
bool pr_figure_equal(const struct pr_figure *a, const struct pr_figure *b);
void pr_figure_of(struct pr_ratio value, struct pr_figure *ret); /* text and digits empty */

#endif
