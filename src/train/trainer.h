/* A training from its options to its last checkpoint: what `proctor train` runs. */
#ifndef PR_TRAIN_TRAINER_H
#define PR_TRAIN_TRAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "train/data.h"
#include "train/net.h"
#include "train/optimizer.h"

enum pr_resume { PR_RESUME_AUTO, PR_RESUME_NEVER };

struct pr_train_step {
    int64_t step, steps; /* steps 0: until a limit of time or tokens ends it */
    double loss;         /* mean over the batch's answer tokens, before the update; NaN where
                          * none of its tokens counts: then nothing was done */
    double learning_rate, grad_norm, epoch;
    uint64_t tokens;       /* answer tokens of this step */
    uint64_t rows;         /* tokens computed */
    uint64_t sequences;    /* examples */
    uint64_t answer_total; /* answer tokens since the start, resumed steps included */
    double seconds;        /* this step took */
};

struct pr_train_options {
    const char *model;      /* folder to start from; for a new model: its tokenizer */
    const char *scratch;    /* a config.json of a new model, or NULL */
    const char *base_model; /* of an adapter; as in struct pr_checkpoint_options */
    const char *const (*bases)[2];
    size_t n_bases;
    struct pr_train_data_options data;
    const char *token_batches; /* instead of data; NULL */
    /* Instead of data: a base folder, from whose queue files are taken as they come; `data` then
     * says how they are read, its files are none.  Where the queue is empty the training waits,
     * until `steps`, a limit or a stop end it.  NULL: none. */
    const char *queue;
    uint32_t epochs_per_file; /* of a queue's */
    struct pr_prompt_options prompt;
    const char *out;
    int64_t steps; /* 0: `epochs` of them; neither: until seconds or max_answer_tokens end it, or
                    * one epoch where there is no such limit either */
    double epochs;
    int64_t save_every; /* 0: only the last */
    int64_t keep;
    uint32_t
        micro_rows; /* tokens a pass computes at most; a larger batch is accumulated; 0: chosen */
    struct pr_schedule schedule; /* its steps are filled in here */
    struct pr_optimizer_options optimizer;
    const char *dtype; /* "auto", "f32", "bf16" */
    struct pr_net_lora lora;
    enum pr_recompute recompute;
    uint64_t seed;
    int n_threads;
    enum pr_resume resume;
    const char *status_file;    /* training_status.json to keep up to date; NULL: none */
    double seconds;             /* stop (with a checkpoint) so long after the call; 0: no limit */
    uint64_t max_answer_tokens; /* stop once so many were trained on since step 1; 0: no limit */
    /* After each step; non-zero stops: a checkpoint of the step is written first. */
    int (*on_step)(void *ctx, const struct pr_train_step *s);
    /* Asked while model and data are read and before the first step: true ends it there, and
     * nothing is written; while a training waits for files: then as on_step.  NULL: never.  `data`
     * has its own from here. */
    bool (*stopped)(void *ctx);
    void (*on_note)(void *ctx, const char *text); /* what a person should know; NULL */
    void *ctx;
};
struct pr_train_result {
    int64_t step;     /* reached */
    int64_t steps;    /* the last one that was asked for, `step` may be past it; 0: none */
    int64_t from;     /* resumed from this step; 0: from the start */
    bool limit;       /* time or tokens ended it before its last step */
    char *checkpoint; /* the last one written; pr_free */
};
/* PR_E_CANCELLED when on_step stopped it, or `stopped` before the first step (ret->step is then
 * ret->from): *ret is set nevertheless.  A loss or gradient that is not
 * finite is PR_E_NUMBER with the step; nothing of that step is kept. */
PR_MUST_CHECK enum pr_code pr_train(
    const struct pr_train_options *o, struct pr_train_result *ret, struct pr_error *e);

#endif
