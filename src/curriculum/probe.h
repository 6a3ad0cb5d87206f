/* A probe: train a little from a checkpoint in the order of a strategy, then examine the result.
 *
 * Three steps, each of which others can take over: an order file is written; a *trainer* of the
 * table (the built-in one, or a command of the user's) makes a checkpoint of it in a folder of the
 * probe's own; a grader examines that on the validation examples.  The start checkpoint is only
 * read.
 */
#ifndef PR_CURRICULUM_PROBE_H
#define PR_CURRICULUM_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "curriculum/strategy.h"

struct pr_probe_options {
    const char *start;       /* checkpoint folder */
    const char *base_model;  /* of an adapter; NULL */
    const char *const *pool; /* files or folders of training examples */
    size_t n_pool;
    size_t pool_samples;      /* 0: all */
    const char *const *suite; /* files or folders of validation examples */
    size_t n_suite, samples;  /* 0: all */
    const char *strategy;     /* or PR_ARM_AGAIN */
    uint64_t seed;
    uint64_t tokens; /* answer tokens to train on */
    uint32_t batch;
    double learning_rate;
    uint32_t lora_rank;     /* 0: all parameters */
    const json_t *progress; /* {"easy": [losses, oldest first], …}; NULL: unknown */
    /* The user's trainer, with {order} {start} {out} {seed} {tokens} {learning_rate} in its
     * arguments; NULL: the built-in one. */
    const char *const *command;
    const char *work; /* folder for order, checkpoint and log; emptied before and after */
    double seconds;   /* the whole may take; 0: no limit */
    int n_threads, nice, cpu_percent;
    bool keep; /* leave the folder as it is, to look at */
};
struct pr_probe_level {
    char name[32];
    size_t n, n_accuracy;
    double loss, accuracy; /* NaN: unknown */
};
struct pr_probe_result {
    size_t n;                               /* graded examples */
    double loss_mean_per_example, accuracy; /* NaN: unknown */
    struct pr_probe_level levels[PR_MAX_LEVELS];
    size_t n_levels;
    uint64_t tokens, examples; /* trained on */
    double train_seconds, grade_seconds;
    char suite[65], pool[65]; /* fingerprints */
};
/* Blocks until done.  *stop, set from elsewhere, ends it within a second (PR_E_CANCELLED). */
PR_MUST_CHECK enum pr_code pr_probe_run(const struct pr_probe_options *o, volatile int *stop,
    struct pr_probe_result *ret, struct pr_error *e);
json_t *pr_probe_result_json(const struct pr_probe_result *r); /* new reference */

#endif
