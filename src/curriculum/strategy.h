/* Curriculum strategies: in which order the examples of a pool are trained on.
 *
 * A comparison of orders is fair when everything else is the same.  So a seed first *draws* its
 * examples from the pool, as many as the budget of answer tokens buys; every strategy then puts
 * these same examples into its order, down to the last one.  Only `adaptive`, whose mix is the
 * point, takes others of the same pool for the same number of tokens.
 *
 * To add a strategy: its function in strategies.c, a line in PR_STRATEGIES, its row in
 * docs/curriculum.md; test_strategies runs every one of the table.
 */
#ifndef PR_CURRICULUM_STRATEGY_H
#define PR_CURRICULUM_STRATEGY_H

#include <stdbool.h>
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

#define PR_ARM_RANDOM "random"       /* what all others are compared with */
#define PR_ARM_AGAIN  "random_again" /* the A/A arm: the same examples in another random order */

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
    const uint8_t *level;   /* (n) of each example */
    const uint32_t *tokens; /* (n) answer tokens of each, 0 counts as 1; NULL: 1 each */
    size_t n, n_levels;
    const struct pr_level_progress *progress; /* (n_levels); NULL: unknown */
    uint64_t seed;
    uint64_t budget; /* answer tokens to train on; 0: those of the whole pool, once */
    uint32_t batch;  /* the order is made of whole batches where it holds one at all; 0: of 1 */
};
/* Examples in the order of training, an index each; zero-initialise, pr_example_order_done frees.
 */
struct pr_example_order {
    size_t *v;
    size_t n, cap;
    uint64_t tokens; /* answer tokens of all of them */
};
void pr_example_order_done(struct pr_example_order *o);

struct pr_strategy {
    const char *name, *summary;
    /* Appends to ret.  draw: the seed's examples in random order, the same for every strategy; past
     * the pool's size it goes through the pool again in another random order. */
    void (*order)(const struct pr_strategy_input *in, const struct pr_example_order *draw,
        struct pr_example_order *ret);
};
const struct pr_strategy *pr_strategies(size_t *ret_n);
const struct pr_strategy *pr_strategy_find(const char *name); /* NULL: there is none */

/* What to train on, once from front to back, by a strategy's name or PR_ARM_AGAIN.  A function of
 * its arguments alone.  The tokens stay within the budget (but for a first batch that passes it)
 * and are the same for all arms of a seed; those of `adaptive` differ by half a batch at most.  So
 * whoever trains goes through the whole order and stops there, rather than at a count of tokens.
 * PR_E_USAGE: an unknown name; PR_E_FORMAT: no examples, or a level out of range; PR_E_LIMIT. */
PR_MUST_CHECK enum pr_code pr_strategy_order(const char *arm, const struct pr_strategy_input *in,
    struct pr_example_order *ret, struct pr_error *e);

/* Learning progress: how much the loss fell per checkpoint, by least squares over the known losses;
 * below 0 where it rose, NaN where less than two are known. */
double pr_strategy_progress(const struct pr_level_progress *p);
/* The mix that `adaptive` draws by: each level's share of the examples, summing to 1, after the
 * size of its learning progress (Matiisen et al. 2019, "Teacher–student curriculum learning"): what
 * is being learnt, and what is being forgotten, whose loss rises as fast.  PR_MIX_FLOOR of the
 * whole is dealt out equally.  A level of which less than two losses are known counts as the mean
 * of the others; equal shares where no loss has changed. */
#define PR_MIX_FLOOR 0.3
void pr_strategy_mix(const struct pr_level_progress *progress, size_t n_levels, double *ret);

#endif
