/* The experiment's parts: a repetition, its trainings, its probes. */
#ifndef PR_BENCH_CURRICULUM_EXPERIMENT_H
#define PR_BENCH_CURRICULUM_EXPERIMENT_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "curriculum/evidence.h"
#include "curriculum/tiny.h"

struct pr_experiment {
    struct pr_tiny_options model;
    double start_rate; /* learning rate of the start training */
    size_t stage;      /* examples of a fifth of it */
    size_t pool, validation;
    size_t probe; /* examples of a probe */
    double error_rate;
};
/* The definition under which results are reported. */
extern const struct pr_experiment pr_experiment_reported;

#define PR_EXPERIMENT_ARMS 6 /* random, then the others as the table has them, random_again */
extern const char *const pr_experiment_arms[PR_EXPERIMENT_ARMS];

/* The validation losses of full-length trainings, the whole pool once in each arm's order, and of
 * the checkpoint that they began from; everything random follows from the repetition's number. */
PR_MUST_CHECK enum pr_code pr_experiment_full(const struct pr_experiment *d, enum pr_task_pool pool,
    uint64_t number, double ret_loss[PR_EXPERIMENT_ARMS], double *ret_start, struct pr_error *e);
/* One repetition of the optimizer: probes until no question is open. */
PR_MUST_CHECK enum pr_code pr_experiment_probes(const struct pr_experiment *d,
    enum pr_task_pool pool, uint64_t number, struct pr_evidence *ret, size_t *ret_probes,
    struct pr_error *e);

#endif
