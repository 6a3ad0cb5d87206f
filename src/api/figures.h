/* The figures of many checkpoints on one suite: those of `proctor eval`, read in one pass over each
 * one's grades and kept once they are complete, since a grade never changes. */
#ifndef PR_API_FIGURES_H
#define PR_API_FIGURES_H

#include "api/api.h"
#include "exam/grade.h"
#include "systems/score.h"

struct pr_api_figures {
    size_t done; /* examples with a grade, or the reason why none is possible */
    struct pr_tally tally;
    double ece;            /* over the six bins; NaN: unknown */
    struct pr_score score; /* value NaN: `reason` says why; also while grades are missing */
};
struct pr_api_figures_set {
    size_t n;
    struct pr_api_figures *v; /* as asked for */
    size_t n_groups;
    const char **names;      /* of the difficulties, in the suite's order */
    struct pr_tally *groups; /* [n][n_groups] */
    size_t n_examples;
};

struct pr_api_asked {
    int64_t model, settings; /* settings 0: nothing is graded */
};
PR_MUST_CHECK enum pr_code pr_api_figures(const struct pr_api_context *x,
    const struct pr_suite_row *suite, const struct pr_api_asked *v, size_t n,
    struct pr_api_figures_set *ret, struct pr_error *e);
void pr_api_figures_done(struct pr_api_figures_set *s);
/* NaN without verdicts; Wilson's interval, 95 %. */
double pr_api_accuracy(const struct pr_tally *t, double *ret_low, double *ret_high);

/* Forgets everything (tests, and at the end of the process). */
void pr_api_figures_forget(void);

#endif
