/* The composite score of a checkpoint on one suite, and how far scores can be told apart.
 *
 *   score = (w₁·accuracy + w₂·exp(−loss) + w₃·(1 − ECE) + w₄·format_ok) / (w₁ + w₂ + w₃ + w₄)
 *
 * of a checkpoint's own figures alone, so that it does not change when others come or go.  A part
 * that the suite cannot give (no example has an answer) is left out with its weight; a part that
 * one checkpoint lacks leaves that checkpoint without a score.
 *
 * Uncertainty is that of the examples: they are drawn again with replacement, the same draws for
 * every checkpoint, and all four parts are computed anew each time.  Two checkpoints' draws pair.
 */
#ifndef PR_SYSTEMS_SCORE_H
#define PR_SYSTEMS_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exam/grade.h"
#include "systems/settings.h"

extern const char *const pr_score_part_names[PR_SCORE_PARTS]; /* "accuracy", "loss", … */

/* Weights as they count: 0 for a part that the suite cannot give, their sum 1.  sum 0: there is no
 * score. */
struct pr_score_weights {
    double w[PR_SCORE_PARTS];
    double sum; /* of the given weights that count */
    bool gives[PR_SCORE_PARTS];
};
void pr_score_weigh(
    const struct pr_settings *s, const struct pr_suite *suite, struct pr_score_weights *ret);

/* One example of one checkpoint, as the score needs it; numbers that are not known are 0 and their
 * flag too. */
struct pr_score_cell {
    double loss, gap; /* gap: right − confidence */
    uint8_t has_loss, decided, right, calibrated, bin, asked, fine;
};
struct pr_score_sheet {
    size_t n;
    struct pr_score_cell *cells;
    size_t n_graded, n_bad, n_decided, n_right;
    char *reason; /* of the first example that could not be graded; owned */
};
void pr_score_sheet_make(const struct pr_grades *g, struct pr_score_sheet *ret);
void pr_score_sheet_done(struct pr_score_sheet *s);

struct pr_score {
    double value; /* NaN: `reason` says why */
    char reason[200];
    double
        part[PR_SCORE_PARTS]; /* accuracy, loss, ECE, share of well-formed answers; NaN: unknown */
};
/* Over all examples. */
void pr_score_make(
    const struct pr_score_sheet *s, const struct pr_score_weights *w, struct pr_score *ret);

/* Draws shared by all checkpoints: how often each of n examples is drawn in each of n_draws. */
struct pr_score_draws {
    size_t n, n_draws;
    uint8_t *counts; /* [n_draws][n] */
};
void pr_score_draws_make(size_t n, size_t n_draws, uint64_t seed, struct pr_score_draws *ret);
void pr_score_draws_done(struct pr_score_draws *d);
/* The score in each draw (NaN where it has none): ret has n_draws places. */
void pr_score_redraw(const struct pr_score_sheet *s, const struct pr_score_weights *w,
    const struct pr_score_draws *d, double *ret);

/* The standard deviation of a − b over the draws where both have a value (b NULL: of a alone); NaN
 * when more than 5 % lack one. */
double pr_score_spread(const double *a, const double *b, size_t n_draws);

/* Intervals that hold together: the factor c so that with 95 % probability every difference d of
 * the compared pairs lies within c standard deviations (the largest studentized deviation of any
 * pair in each draw, its 95th percentile).  pairs without a spread are left out; NaN without any.
 */
struct pr_score_pair {
    const double *a, *b; /* n_draws each */
    double spread;
};
double pr_score_joint_factor(const struct pr_score_pair *v, size_t n, size_t n_draws);

#endif
