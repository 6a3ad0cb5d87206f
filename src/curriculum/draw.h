/* What strategy.c and strategies.c share: adding to an order, and the streams of random numbers of
 * a seed.  Nobody else includes it. */
#ifndef PR_CURRICULUM_DRAW_H
#define PR_CURRICULUM_DRAW_H

#include "curriculum/strategy.h"

static inline uint64_t pr_order_tokens(const struct pr_strategy_input *in, size_t example)
{
    return in->tokens && in->tokens[example] ? in->tokens[example] : 1;
}
uint64_t pr_order_budget(const struct pr_strategy_input *in);
void pr_order_push(const struct pr_strategy_input *in, struct pr_example_order *o, size_t example);
/* Drops the last examples that make no whole batch, but never the only batch. */
void pr_order_whole_batches(const struct pr_strategy_input *in, struct pr_example_order *o);

/* POOL is shared by all arms of a seed, so that what they have in common is the same. */
enum pr_draw_stream { PR_DRAW_POOL = 1, PR_DRAW_AGAIN = 2 };
/* Shuffles v by (seed, stream, epoch): Fisher–Yates. */
void pr_order_shuffle(
    uint64_t seed, enum pr_draw_stream stream, uint64_t epoch, size_t *v, size_t n);

#endif
