/* A probe: train a little from a checkpoint in the order of a strategy, then examine the result.
 *
 * Three steps, each of which others can take over: an order file is written; a *trainer* of the
 * table (the built-in one, or a command of the user's) makes a checkpoint of it in a folder of the
 * probe's own; a grader examines that on the validation examples.  The start checkpoint is only
 * read.
 *
 * A probe is a function of its options: with the built-in trainer the same ones give the same
 * numbers to the last bit.
 */
#ifndef PR_CURRICULUM_PROBE_H
#define PR_CURRICULUM_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "curriculum/pool.h"
#include "curriculum/strategy.h"

struct pr_probe_options {
    const char *program; /* what `… train` and `… grader` are started as; NULL: this program */
    const char *start;   /* checkpoint folder */
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
    /* The user's trainer, ended by NULL, with {order} {start} {out} {seed} {tokens} {learning_rate}
     * in its arguments; NULL: the built-in one. */
    const char *const *command;
    const char *work; /* folder for order, checkpoint and log; emptied before and after */
    double seconds;   /* the whole may take; 0: no limit */
    int n_threads, nice, cpu_percent; /* 0: all CPUs; 0–19; 1–100, 0: 100 */
    bool keep;                        /* leave the folder as it is, to look at */
    bool baseline;                    /* examine the start checkpoint too */
    /* How prompts are made and answers graded: exam/prompt.h, grader/grader.h. */
    const json_t *template_vars;
    int64_t now_utc_ms;
    size_t max_new_tokens; /* 0: PR_GRADE_MAX_NEW */
    const char *dtype;     /* of grading; NULL: "auto" */
    const char *const (*bases)[2];
    size_t n_bases;
    uint64_t max_memory;   /* bytes that a grader may take; 0: no limit */
    bool (*stopped)(void); /* asked often; true ends the probe within a second; NULL */
};
struct pr_probe_level {
    char name[PR_LEVEL_NAME];
    size_t n, n_accuracy;  /* graded; of these with a verdict */
    double loss, accuracy; /* mean over examples; NaN: unknown */
};
/* What an examination found. */
struct pr_probe_exam {
    size_t n, n_accuracy;                   /* graded examples; of these with a verdict */
    size_t n_ungraded;                      /* could not be asked; they count nowhere */
    size_t n_command;                       /* graded, but a command has the verdict */
    char *ungraded;                         /* the first reason; owned */
    size_t n_bad;                           /* NaN or infinity came out: then no loss is known */
    double loss_mean_per_example, accuracy; /* NaN: unknown */
    struct pr_probe_level levels[PR_MAX_LEVELS];
    size_t n_levels;
    double seconds;
};
struct pr_probe_result {
    struct pr_probe_exam exam;
    struct pr_probe_exam baseline; /* of the start checkpoint, where it was wanted */
    bool has_baseline;
    uint64_t tokens, examples,
        steps;                 /* trained on; answer tokens as the start's tokenizer has them */
    struct pr_levels trained;  /* examples and tokens of the order, by level */
    size_t n_pool, n_left_out; /* examples to draw from; those that cannot be trained on */
    char *left_out;            /* the first reason; NULL; owned */
    const char *trainer;       /* static: "builtin", "command" */
    double prepare_seconds, train_seconds, grade_seconds, seconds; /* the last: the whole */
    char suite[65], pool[65];                                      /* fingerprints */
};
/* Blocks until done; on the calling thread, whose death ends the children.  PR_E_CANCELLED: stopped
 * by `stopped`; PR_E_LIMIT: the time was over; PR_E_USAGE: options that make no sense, among them a
 * work folder that is not ours to use. */
PR_MUST_CHECK enum pr_code pr_probe_run(
    const struct pr_probe_options *o, struct pr_probe_result *ret, struct pr_error *e);
void pr_probe_result_done(struct pr_probe_result *r);
json_t *pr_probe_result_json(const struct pr_probe_result *r); /* new reference */

/* Is this a command that can be a trainer?  PR_E_USAGE names a placeholder that there is not, or
 * says that {order} or {out} is missing.  argv ended by NULL. */
PR_MUST_CHECK enum pr_code pr_probe_command_check(const char *const *argv, struct pr_error *e);

#endif
