/* Curriculum strategies: in which order the examples of a pool are trained on.
 *
 * To add a strategy: its function in strategies.c, a line in PR_STRATEGIES, its row in
 * docs/curriculum.md; test_strategies runs every one of the table.
 */
#ifndef PR_CURRICULUM_STRATEGY_H
#define PR_CURRICULUM_STRATEGY_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"

#define PR_STRATEGIES(X)                                                                           \
    X(easy_to_hard, "easy examples first, hard ones last")                                         \
    X(random, "in random order")                                                                   \
    X(hard_first, "hard examples first, easy ones last")                                           \
    X(interleaved, "easy, medium and hard in turn")                                                \
    X(adaptive, "more of the difficulty on which the model now learns fastest")

#define PR_MAX_LEVELS 16 /* difficulties of a pool that are told apart */

/* How the model has come along on one difficulty: its mean loss on the validation examples of that
 * difficulty at the last checkpoints, oldest first; NaN: unknown. */
struct pr_level_progress {
    double loss[8];
    size_t n;
};
/* What a strategy is told.  Levels rise in difficulty: easy, medium, hard, then whatever other
 * names there are by their mean loss; "unspecified" is last. */
struct pr_strategy_input {
    const uint8_t *level; /* (n) of each example */
    size_t n;
    size_t n_levels;
    const struct pr_level_progress *progress; /* (n_levels) */
    uint64_t seed;
};
struct pr_strategy {
    const char *name, *summary;
    /* Writes the n_order examples to train on, in turn (an index each; n_order may pass n: then all
     * come before one comes again, but for `adaptive`). */
    void (*order)(const struct pr_strategy_input *in, size_t *order, size_t n_order);
};
const struct pr_strategy *pr_strategies(size_t *ret_n);
const struct pr_strategy *pr_strategy_find(const char *name);

/* The mix that `adaptive` would draw by: each level's share, summing to 1, after its learning
 * progress (how much its loss fell over the last checkpoints, per checkpoint), with a floor so that
 * none is forgotten.  Equal shares where no progress is known. */
void pr_strategy_mix(const struct pr_level_progress *progress, size_t n_levels, double *ret);

#endif
