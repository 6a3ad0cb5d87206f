/* trainer_state.json as the Hugging Face Trainer writes it: where the training stands and what it
 * logged.  Python writes NaN and Infinity there; they are no error and stay what they are: a value
 * that is present and not a number. */
#ifndef PR_MODEL_TRAINER_STATE_H
#define PR_MODEL_TRAINER_STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "model/tokenizer.h" /* struct pr_notes */

#define PR_TRAINER_STATE_MAX ((size_t)256 << 20) /* bytes of the file */

/* Which of an entry's values were there. */
enum pr_log_has {
    PR_LOG_EPOCH = 1 << 0,
    PR_LOG_LOSS = 1 << 1,
    PR_LOG_EVAL_LOSS = 1 << 2,
    PR_LOG_LEARNING_RATE = 1 << 3,
    PR_LOG_GRAD_NORM = 1 << 4,
    PR_LOG_TRAIN_LOSS = 1 << 5, /* the last line of a finished training: the mean over all of it */
};

/* One element of log_history.  A value is NaN where it is absent (its bit of `has` unset) and where
 * Python wrote NaN, Infinity or null (bit set). */
struct pr_log_entry {
    int64_t step;
    unsigned has;
    double epoch, loss, eval_loss, learning_rate, grad_norm, train_loss;
    const json_t *raw; /* all of its keys; lives as long as the state */
};

struct pr_trainer_state {
    int64_t global_step;
    int64_t max_steps;           /* -1: not given */
    double epoch;                /* NaN: not given */
    double best_metric;          /* NaN: not given */
    const char *best_checkpoint; /* NULL: not given; lives as long as the state */
    struct pr_log_entry *log;
    size_t n_log;
    bool has_log; /* there is a log_history at all */
    json_t *root;
};

/* Parses the file's text.  No log_history and steps that go back are notes; a log line and an eval
 * line at one step are as they should be.  A missing or negative global_step, a log_history that is
 * no array of objects with steps: PR_E_FORMAT by field.  `name` starts messages. */
PR_MUST_CHECK enum pr_code pr_trainer_state_parse(const char *text, size_t n, const char *name,
    struct pr_trainer_state *ret, struct pr_notes *notes, struct pr_error *e);
/* Reads dir_fd/name. */
PR_MUST_CHECK enum pr_code pr_trainer_state_read(int dir_fd, const char *name,
    struct pr_trainer_state *ret, struct pr_notes *notes, struct pr_error *e);
void pr_trainer_state_done(struct pr_trainer_state *s); /* a zeroed one is fine */

#endif
