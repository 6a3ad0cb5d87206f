/* A t test that is looked at again after every block.
 *
 * The test rejects at a look where the ordinary one-sided t test of the n differences so far has a
 * p below the nominal level g, the same g at every n from PR_LOOKS_FIRST to PR_LOOKS_LAST (the
 * shape of Pocock 1977, for an unknown variance).  Looking 26 times rejects a true null more often
 * than g: pr_looks_overall(g) is how often, exactly for normal differences, whenever one stops.
 * After the last look the question rests.
 */
#ifndef PR_CURRICULUM_LOOKS_H
#define PR_CURRICULUM_LOOKS_H

#include <stdbool.h>
#include <stddef.h>

#define PR_LOOKS_FIRST 5
#define PR_LOOKS_LAST  30
#define PR_LOOKS_TABLE 40

/* Nominal level of the table's i-th entry: 0.5 · 0.7^i. */
double pr_looks_nominal(int i);
/* The chance of ever rejecting with nominal level g, and the nominal level that gives this chance
 * (0 < p < 1). */
double pr_looks_overall(double g);
double pr_looks_level(double p);

/* Mean and standard error of n differences; NaN where there are none, or for se one. */
void pr_looks_mean(const double *d, size_t n, double *ret_mean, double *ret_se);
/* One-sided p of the ordinary t test for a mean above 0; NaN where n < 2 or nothing varies. */
double pr_looks_t_p(double mean, double se, size_t n);

#endif
