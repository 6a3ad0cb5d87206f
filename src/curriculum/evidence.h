/* What probes have shown so far: is a strategy better than random order, beyond chance?
 *
 * The replicate is the seed, not the example.  A *block* is one start checkpoint with one seed:
 * what every strategy made of it is compared with what `random` made of it, pairwise.  A second
 * random arm (`random_again`, other shuffles) shows how large a difference chance alone makes; it
 * is never a candidate.
 *
 * Five statements could be wrong: that one of four strategies is better than random, or that random
 * is the best since all four are worse.  Each gets a fifth of the error rate (Bonferroni), spent
 * over the looks after the 5th to the 30th block by the repeated t test of curriculum/looks.h.  The
 * methods, their error rates and their sources are in docs/curriculum.md.
 *
 * Differences are of blocks in which both sides have a score.  A strategy that destroys the model
 * on some seeds must not be weighed on the others alone: a model that diverged is an outcome of its
 * own, and what diverges or fails more often than the other side is not named.
 */
#ifndef PR_CURRICULUM_EVIDENCE_H
#define PR_CURRICULUM_EVIDENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "curriculum/strategy.h" /* PR_ARM_RANDOM, PR_ARM_AGAIN */

#define PR_MAX_ARMS   8
#define PR_MIN_SEEDS  5  /* blocks before anything is named */
#define PR_MOST_SEEDS 30 /* blocks of an arm after which its question rests */

/* One probe's outcome. */
struct pr_probe_outcome {
    int64_t start; /* checkpoint (row) it started from */
    const char *arm;
    uint64_t seed;
    double score; /* larger is better; −infinity: what it trained gives NaN or infinity (diverged);
                     NaN: the probe failed for another reason */
};
struct pr_evidence_options {
    double error_rate; /* of ever naming a strategy that is not better, looks and arms together, in
                          answer to one question */
    size_t min_seeds;  /* blocks before a name is given: 5 to 30; 0: PR_MIN_SEEDS */
    size_t max_seeds;  /* of an arm: min_seeds to 30; 0: PR_MOST_SEEDS */
};
struct pr_arm_evidence {
    const char *name; /* static */
    size_t n;         /* blocks with this arm and `random`, those after max_seeds left out */
    double mean, se;  /* of the difference to `random` within blocks; NaN: unknown */
    /* Each bound holds at every look and for all strategies together with the error rate; NaN
     * before min_seeds blocks. */
    double lo, hi;
    double p; /* anytime, corrected for the five statements, of the side on which it is; NaN:
                 unknown */
    bool better, worse; /* lo > 0, hi < 0, and nothing holds the name back; never of random_again */
    const char *held;   /* why it is not called better or worse although the bounds say so; static;
                           NULL: they do not, or it is */
    size_t tried;       /* blocks, whatever came of it */
    size_t diverged, random_diverged; /* blocks in which both it and random were tried */
};
struct pr_evidence {
    struct pr_arm_evidence arms[PR_MAX_ARMS]; /* in the table's order without random, then
                                               * random_again */
    size_t n_arms;
    size_t blocks; /* with `random` */
    size_t failed; /* probes; those that diverged apart */
    size_t diverged;
    double noise;     /* standard deviation of random_again − random; NaN: unknown */
    bool decided;     /* some arm is better, or all are worse than random */
    const char *best; /* of the better ones the largest mean, or random; NULL while undecided */
};
/* Outcomes may come in any order; of an arm that was tried twice in a block the first counts that
 * did not fail.  Blocks count in the order of their seeds.  Unknown arms are left out.  PR_E_USAGE:
 * an option out of range. */
PR_MUST_CHECK enum pr_code pr_evidence_weigh(const struct pr_probe_outcome *v, size_t n,
    const struct pr_evidence_options *o, struct pr_evidence *ret, struct pr_error *e);

/* The next probe to run from the checkpoint `start`: first what the last block begun there still
 * lacks (of the open arms the one that was tried in the fewest blocks), then a new block (with a
 * seed that no block has had) of `random` and the arms whose question is open.  First every arm has
 * min_seeds blocks; then an arm is dropped that is clearly worse than random or than an arm that is
 * better than random; one that diverged in two blocks more than random is dropped at once.  False:
 * nothing is open. */
bool pr_evidence_next(const struct pr_probe_outcome *v, size_t n,
    const struct pr_evidence_options *o, int64_t start, const char **ret_arm, uint64_t *ret_seed);
/* The checkpoint of the newest block that was begun and lacks probes: where it still exists, ask
 * for the next probe from there.  False: none. */
bool pr_evidence_begun(const struct pr_probe_outcome *v, size_t n,
    const struct pr_evidence_options *o, int64_t *ret_start);
/* The arms that more seeds could still tell from random: when nothing is open, their probes or
 * those of random came to nothing too often.  Returns how many; names are static. */
size_t pr_evidence_lacking(const struct pr_probe_outcome *v, size_t n,
    const struct pr_evidence_options *o, const char *ret[PR_MAX_ARMS]);
/* {"decided","best","blocks","failed","noise","arms":[…]}; a new reference. */
json_t *pr_evidence_json(const struct pr_evidence *e);

#endif
