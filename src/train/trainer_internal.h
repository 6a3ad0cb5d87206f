/* What a training holds while it runs; made by trainer_open.c and trainer_resume.c, driven by
 * trainer.c, fed by trainer_feed.c (--queue), described by trainer_state.c (trainer_state.json,
 * proctor/training.json), trainer_log.c (log_history) and trainer_status.c. */
#ifndef PR_TRAIN_TRAINER_INTERNAL_H
#define PR_TRAIN_TRAINER_INTERNAL_H

#include "base/alloc.h"
#include "compute/pool.h"
#include "exam/prompt.h"
#include "train/save.h"
#include "train/trainer.h"

/* Key in proctor/training.json: the instruction set that the last steps were computed with. */
#define PR_TRAINING_ISA  "instruction_set"
#define PR_TRAINING_PLAN "rate_plan"
/* How far it is in a queue's files: pr_feed_state. */
#define PR_TRAINING_QUEUE "queue"

#define PR_TRAIN_WAITING "waiting for training files" /* a status */

struct pr_feed;

/* One line of log_history. */
struct pr_train_log {
    int64_t step;
    double epoch, loss, grad_norm, learning_rate;
};

struct pr_trainer {
    const struct pr_train_options *o;
    int lock;                         /* on o->out; -1: not held */
    size_t made;                      /* folders of the path o->out that were not there before */
    struct pr_checkpoint *checkpoint; /* the model, or a new model's tokenizer */
    json_t *config;                   /* config.json of a new model; NULL */
    struct pr_save_source *source;    /* what checkpoints take over from the start */
    struct pr_prompter *prompter;     /* NULL with given batches */
    struct pr_pool *pool;
    struct pr_train_data *data; /* with a queue: of the last file; NULL: none yet */
    struct pr_net *net;
    struct pr_optimizer optimizer;
    struct pr_schedule schedule;
    json_t *settings; /* what makes this training this one; proctor/training.json keeps it */
    json_t
        *rate_plan; /* what tells the rates of all its steps, beside the settings; kept there too */
    double std;     /* of a new model's weights */
    bool bf16;
    uint32_t micro_rows;
    int64_t steps; /* 0: no last one */
    int64_t started_ns;

    /* how far it is */
    int64_t step, saved; /* saved: the step of the last checkpoint written, or resumed from */
    uint64_t answer_total, input_total;
    struct pr_train_log *log; /* at least what pr_trainer_log_history gives */
    size_t n_log, log_cap;
    struct pr_train_step last;
    char *last_checkpoint;
    char *keep_said; /* the last note of what --keep could not remove; NULL: none */

    /* with a queue */
    struct pr_feed *feed;          /* NULL: without */
    json_t *feed_state;            /* of the checkpoint that was gone on from; NULL */
    int64_t file_step, file_steps; /* of the current file; equal: there is none */
    char *feed_said;               /* as keep_said, of files that could not be moved on */

    /* training_status.json */
    int64_t status_ns;          /* when it was last written; 0: never */
    bool told_waiting;          /* and whether it then said that it waits */
    bool status_broken;         /* it could not be */
    double seconds;             /* a step's, of the last ones */
    double rate, examples_rate; /* tokens and examples a second, likewise */
};

/* Opens all that a training needs, and goes on from the newest checkpoint in o->out. */
PR_MUST_CHECK enum pr_code pr_trainer_open(struct pr_trainer *t, struct pr_error *e);
/* Goes on from the newest checkpoint in o->out that is whole and of this training, others passed
 * over; without one it begins.  PR_E_USAGE, naming a difference, where all are of others. */
PR_MUST_CHECK enum pr_code pr_trainer_resume(struct pr_trainer *t, struct pr_error *e);
/* After a failure of opening: removes the folders that were made, as far as they are empty and no
 * other training holds them. */
void pr_trainer_undo(struct pr_trainer *t);
void pr_trainer_done(struct pr_trainer *t);
void pr_trainer_note(const struct pr_trainer *t, const char *fmt, ...) PR_PRINTF(2, 3);

/* How data are read; files, epochs and seed are as the options have them. */
struct pr_train_data_options pr_trainer_data_options(const struct pr_trainer *t);
/* Notes what could not be used of t->data. */
void pr_trainer_note_data(const struct pr_trainer *t);
/* The epoch after a step.  Of a queue, which has no end, it is the share of the steps that are to
 * be, as the Hugging Face Trainer has it of a stream; 0 where no last step is known. */
double pr_trainer_epoch(const struct pr_trainer *t, int64_t step);

/* Opens the queue, and moves on what t->feed_state holds. */
PR_MUST_CHECK enum pr_code pr_trainer_feed_open(struct pr_trainer *t, struct pr_error *e);
/* Sees that there is a next step in the current file, or takes the next one: *ret_fed false where
 * none waits.  Files of which nothing is usable go to failed.  PR_E_CANCELLED: `stopped` said so.
 */
PR_MUST_CHECK enum pr_code pr_trainer_feed(struct pr_trainer *t, bool *ret_fed, struct pr_error *e);
void pr_trainer_fed(struct pr_trainer *t); /* a step of the current file was made */
/* A checkpoint of this moment is durable.  What goes wrong is noted, each thing once. */
void pr_trainer_feed_saved(struct pr_trainer *t);
void pr_trainer_wait(struct pr_trainer *t); /* a moment, for files */

/* Removes what --keep does not ask for, counted from the checkpoint saved last.  What goes wrong is
 * noted, each thing once: the new checkpoint is in its place, and a training does not end for an
 * old one. */
void pr_trainer_keep(struct pr_trainer *t);

/* trainer_state.json and proctor/training.json of the present step; new references. */
json_t *pr_trainer_state(const struct pr_trainer *t);
json_t *pr_trainer_training(const struct pr_trainer *t);
/* log_history of the present step, a new reference: of every pr_trainer_log_stride-th step, and the
 * newest.  The stride is 1 up to step 100,000, then the least power of two with which there are no
 * more lines than that. */
json_t *pr_trainer_log_history(const struct pr_trainer *t);
int64_t pr_trainer_log_stride(int64_t step);
/* Adds the newest line; lets those go that no checkpoint to come asks for. */
void pr_trainer_log_add(struct pr_trainer *t, const struct pr_train_log *line);
/* Takes step, totals and log over from a checkpoint of this training.  PR_E_USAGE where its steps
 * had other learning rates than this one's. */
PR_MUST_CHECK enum pr_code pr_trainer_state_resume(
    struct pr_trainer *t, const char *checkpoint, const json_t *training, struct pr_error *e);
/* The settings of the training that t is; a new reference. */
PR_MUST_CHECK enum pr_code pr_trainer_settings(
    struct pr_trainer *t, json_t **ret, struct pr_error *e);

/* Writes training_status.json; "training" and PR_TRAIN_WAITING at most once a second each.
 * What goes wrong is noted, once: a training does not end for that. */
void pr_trainer_tell(struct pr_trainer *t, const char *status, const char *error);

#endif
