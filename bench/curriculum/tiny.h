/* A tiny model of the experiment: trained on examples in a given order, and its loss measured. */
#ifndef PR_BENCH_CURRICULUM_TINY_H
#define PR_BENCH_CURRICULUM_TINY_H

#include <stdint.h>

#include "base/error.h"
#include "compute/pool.h"
#include "curriculum/pools.h"
#include "curriculum/strategy.h"
#include "train/net.h"

struct pr_tiny_options {
    struct pr_task task;
    uint32_t layers, hidden, heads, head_dim, intermediate;
    uint32_t batch;
    double learning_rate; /* rises over the first `warmup` steps */
    int64_t warmup;
    double decay; /* share of it that is gone by the last step, linearly */
};
struct pr_tiny {
    const struct pr_tiny_options *o; /* borrowed */
    struct pr_pool *pool;
    struct pr_net *net;
    int32_t *ids, *targets; /* of a batch */
    uint32_t *starts;
    size_t most; /* sequences that they hold */
};
PR_MUST_CHECK enum pr_code pr_tiny_new(
    const struct pr_tiny_options *o, uint64_t seed, struct pr_tiny *ret, struct pr_error *e);
void pr_tiny_done(struct pr_tiny *t);
/* One pass over the order (NULL: as they come) with a fresh optimizer. */
PR_MUST_CHECK enum pr_code pr_tiny_train(struct pr_tiny *t, const struct pr_task_set *s,
    const size_t *order, size_t n, struct pr_error *e);
/* Mean loss per answer token over the set's examples; by level too. */
PR_MUST_CHECK enum pr_code pr_tiny_loss(struct pr_tiny *t, const struct pr_task_set *s,
    double *ret_mean, double ret_level[3], struct pr_error *e);

#endif
