/* AdamW with decoupled weight decay (Loshchilov & Hutter 2019), gradient clipping by global norm,
 * and the learning rate's schedule. */
#ifndef PR_TRAIN_OPTIMIZER_H
#define PR_TRAIN_OPTIMIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "train/net.h"

enum pr_schedule_kind { PR_SCHEDULE_CONSTANT, PR_SCHEDULE_LINEAR, PR_SCHEDULE_COSINE };
struct pr_schedule {
    enum pr_schedule_kind kind;
    double lr;
    int64_t warmup, steps; /* warmup: steps over which the rate rises linearly from 0 */
    const double *table;   /* one rate a step instead of all this; n_table of them; NULL: none */
    size_t n_table;
};
/* The rate of step s, from 1, as transformers' get_*_schedule_with_warmup have it (their step is s
 * − 1). */
double pr_schedule_at(const struct pr_schedule *s, int64_t step);

struct pr_optimizer_options {
    double beta1, beta2, eps; /* 0.9, 0.999, 1e-8 */
    double weight_decay;
    bool decay_all;   /* else only tensors of two dimensions */
    double grad_clip; /* largest global norm; 0: none */
};
struct pr_optimizer {
    struct pr_optimizer_options options;
    struct pr_net *net; /* borrowed */
    struct pr_pool *pool;
    const struct pr_kernels *kernels;
    float *m, *v;                      /* as the net's block of values */
    size_t n;                          /* values */
    int64_t step;                      /* updates made so far */
    struct pr_optimizer_piece *pieces; /* of the parameters, as threads take them */
    size_t n_pieces;
};
PR_MUST_CHECK enum pr_code pr_optimizer_init(struct pr_optimizer *o, struct pr_net *net,
    struct pr_pool *pool, const struct pr_optimizer_options *options, struct pr_error *e);
void pr_optimizer_done(struct pr_optimizer *o); /* a zeroed one is fine */
/* Clips by min(1, clip / (norm + 1e-6)) and updates; *ret_norm: the gradient's global norm before.
 * PR_E_NUMBER, and nothing is changed, where the norm is not finite or, clipped, over 1e19: its
 * squares could not be kept. */
PR_MUST_CHECK enum pr_code pr_optimizer_step(
    struct pr_optimizer *o, double lr, double *ret_norm, struct pr_error *e);
/* Are all the parameters numbers? */
bool pr_optimizer_finite(struct pr_optimizer *o);

#endif
