/* What the parts of judging share: levels, and pieces of evidence.  pr_judge itself is in
 * baseline.h. */
#ifndef PR_SYSTEMS_JUDGE_H
#define PR_SYSTEMS_JUDGE_H

#include "exam/stats.h"
#include "systems/baseline.h"

/* The error rate of a checkpoint and suite, shared between the two tests.  A suite of plain text
 * has no answers: there the loss test has all of it. */
static inline double pr_level_loss(const struct pr_settings *s, const struct pr_pairs *p)
{
    return p->n_verdicts ? s->error_rate * s->loss_share : s->error_rate;
}
static inline double pr_level_accuracy(const struct pr_settings *s)
{
    return s->error_rate * (1 - s->loss_share);
}

/* The smallest drop in accuracy (a fraction) that is found in 80 % of cases with n answers of which
 * `share` differ between the two, at this level and past this margin (a fraction); NaN: none. */
double pr_detectable_accuracy(size_t n, double share, double level, double margin);
/* The smallest mean difference that a one-sided test at this level finds in 80 % of cases. */
double pr_detectable_mean(const struct pr_greater *t, double level);

/* [lo, hi], or null with a reason in o[key]. */
void pr_evidence_interval(json_t *o, const char *key, double lo, double hi, const char *reason);
/* checkpoint, baseline, suite, thresholds …: who is compared with whom, under which rules. */
json_t *pr_evidence_new(const struct pr_settings *s, const struct pr_grades *baseline,
    const struct pr_grades *checkpoint);
/* Mean loss of all graded examples and share of right answers; NaN where there are none. */
double pr_mean_loss(const struct pr_grades *g, size_t *ret_n);
double pr_accuracy(const struct pr_grades *g, size_t *ret_right, size_t *ret_n);
size_t pr_bad_numbers(const struct pr_grades *g);

#endif
