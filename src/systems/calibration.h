/* Is a model's confidence to be believed?  The arithmetic of the calibrator: confidences with
 * verdicts in, figures out.  Pure. */
#ifndef PR_SYSTEMS_CALIBRATION_H
#define PR_SYSTEMS_CALIBRATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "exam/grade.h"

/* Answers that have a verdict and a confidence, in the suite's order. */
struct pr_answers {
    double *confidence; /* owned, n each */
    bool *right;
    bool *half; /* which half of the examples it is in: by the example's digest, the same for every
                   checkpoint */
    size_t n;
};
/* take NULL: all of them; else those of whose example it says yes. */
void pr_answers_make(const struct pr_grades *g,
    bool (*take)(const struct pr_example *x, const char *group), const char *group,
    struct pr_answers *ret);
void pr_answers_done(struct pr_answers *a);

/* ECE over n_bins groups of as equal a number of answers as equal confidences allow, from the least
 * confident to the most; NaN without answers. */
double pr_answers_adaptive_ece(const struct pr_answers *a, size_t n_bins);
/* Mean of (confidence − right)²; NaN without answers. */
double pr_answers_brier(const struct pr_answers *a);

/* What the ECE over these bins would be of a perfectly calibrated model with the same confidences:
 * verdicts are drawn from the confidences, seeded.  It is above 0, the more so the fewer answers
 * there are. */
struct pr_ece_noise {
    double mean, p99; /* NaN without answers */
};
void pr_answers_ece_noise(const struct pr_answers *a, const double *edges, size_t n_bins,
    size_t draws, uint64_t seed, struct pr_ece_noise *ret);

/* Maximum likelihood fits of c' = sigmoid(a·logit(c) + b), confidences kept off 0 and 1 by 1e-6.
 * Temperature: a = 1/T within [0.05, 20], b = 0.  Platt: a and b, held by a slight ridge (1e-3)
 * about a = 1, b = 0, so that separable answers give finite numbers.  only_half >= 0: of that half
 * alone. */
struct pr_logistic {
    double a, b;
};
struct pr_logistic pr_fit_temperature(const struct pr_answers *x, int only_half);
struct pr_logistic pr_fit_platt(const struct pr_answers *x, int only_half);
double pr_logistic_apply(struct pr_logistic f, double confidence);
/* Each half with what the other half taught (by_half[h] was fitted on half h): never on itself. */
void pr_logistic_cross_apply(
    const struct pr_answers *a, const struct pr_logistic by_half[2], double *ret);
/* Mean −ln p of the verdicts under these confidences, kept off 0 and 1 as above. */
double pr_answers_log_loss(const struct pr_answers *a, const double *confidence);

/* The rule: well calibrated unless the ECE is above both 0.05 (five points off on average, what one
 * may put up with) and what chance gives a perfectly calibrated model in 99 % of cases. */
#define PR_CALIBRATION_LIMIT 0.05
bool pr_well_calibrated(double ece, const struct pr_ece_noise *noise);

#endif
