/* The outcomes of probes as a table of blocks by arms: what evidence.c weighs and next.c plans by.
 * Nobody else includes it. */
#ifndef PR_CURRICULUM_BLOCKS_H
#define PR_CURRICULUM_BLOCKS_H

#include "curriculum/evidence.h"

/* Arms by number: the strategies in the table's order, then random_again. */
size_t pr_arms(void);
const char *pr_arm_name(size_t arm);
size_t pr_arm_random(void);
size_t pr_arm_again(void);

struct pr_block {
    int64_t start;
    uint64_t seed;
    bool tried[PR_MAX_ARMS];
    double score[PR_MAX_ARMS]; /* NaN: not tried, or failed; −infinity: its model diverged */
};
struct pr_blocks {
    struct pr_block *v;         /* by seed, then start */
    size_t n, failed, diverged; /* the last two: probes */
};
void pr_blocks_make(const struct pr_probe_outcome *v, size_t n, struct pr_blocks *ret);
void pr_blocks_done(struct pr_blocks *b);

/* Fills in 0 and checks the ranges. */
PR_MUST_CHECK enum pr_code pr_evidence_options_check(
    const struct pr_evidence_options *o, struct pr_evidence_options *ret, struct pr_error *e);
/* Differences of `arm` to arm `to` in the first `n_blocks` blocks that have both, `max` at most;
 * d holds PR_MOST_SEEDS. */
size_t pr_blocks_pairs(
    const struct pr_blocks *b, size_t n_blocks, size_t arm, size_t to, size_t max, double *d);
/* What came to no score in the first `n_blocks` blocks: of `arm`, and of arm `to`.  Divergence is
 * counted over the blocks in which both were tried, failure over those in which one of them alone
 * failed.  A block is given up when `to` failed in it, so that such a block counts although `arm`
 * was not tried there, once `arm` was tried in a later one. */
struct pr_mishaps {
    size_t tried; /* blocks with arm */
    size_t diverged, diverged_to;
    size_t failed, failed_to;
};
void pr_blocks_mishaps(
    const struct pr_blocks *b, size_t n_blocks, size_t arm, size_t to, struct pr_mishaps *ret);
/* Weighs the first n_blocks blocks; o is checked.  Without `bounds` lo and hi stay NaN: they take
 * most of the time. */
void pr_blocks_weigh(const struct pr_blocks *b, size_t n_blocks,
    const struct pr_evidence_options *o, bool bounds, struct pr_evidence *ret);

#endif
