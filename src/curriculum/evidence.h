/* What probes have shown so far: is a strategy better than random order, beyond chance?
 *
 * The replicate is the seed, not the example.  A *block* is one start checkpoint with one seed:
 * what every strategy made of it is compared with what `random` made of it, pairwise.  A second
 * random arm (`random_again`, other shuffles) shows how large a difference chance alone makes.  The
 * methods, their error rates and their sources are in docs/curriculum.md.
 */
#ifndef PR_CURRICULUM_EVIDENCE_H
#define PR_CURRICULUM_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "curriculum/strategy.h" /* PR_ARM_RANDOM, PR_ARM_AGAIN */

#define PR_MAX_ARMS 8

/* One probe's outcome. */
struct pr_probe_outcome {
    int64_t start; /* checkpoint (row) it started from */
    const char *arm;
    uint64_t seed;
    double score; /* larger is better; NaN: the probe failed */
};
struct pr_evidence_options {
    double error_rate; /* of ever naming a strategy that is not better, looks and arms together */
    size_t min_seeds;  /* blocks before a name is given: 5 */
};
struct pr_arm_evidence {
    const char *name; /* static */
    size_t n;         /* blocks with this arm and `random` */
    double mean, se;  /* of the difference to `random` within blocks; NaN: unknown */
    double lo, hi;    /* interval that holds at every look, corrected for the number of arms */
    double p;         /* anytime, corrected; NaN: unknown */
    bool better, worse;
};
struct pr_evidence {
    struct pr_arm_evidence arms[PR_MAX_ARMS]; /* in the table's order, then random_again */
    size_t n_arms, blocks, failed;
    double noise;     /* standard deviation of random_again − random; NaN: unknown */
    bool decided;     /* some arm is better, or all are worse than random */
    const char *best; /* the strategy decided upon; NULL while undecided */
};
PR_MUST_CHECK enum pr_code pr_evidence_weigh(const struct pr_probe_outcome *v, size_t n,
    const struct pr_evidence_options *o, struct pr_evidence *ret, struct pr_error *e);

/* The next probe to run: completes blocks that were begun, then spends on arms whose question is
 * still open.  False: nothing is open any more (all arms decided), so nothing need be run. */
bool pr_evidence_next(const struct pr_probe_outcome *v, size_t n,
    const struct pr_evidence_options *o, int64_t start, const char **ret_arm, uint64_t *ret_seed);
json_t *pr_evidence_json(const struct pr_evidence *e); /* new reference */

#endif
