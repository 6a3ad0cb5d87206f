/* Where the user's training stands: the trainer's own training_status.json, else the newest
 * trainer_state.json, else (and for what those lack) TensorBoard event files.  Only read, never
 * written. */
#ifndef PR_SYSTEMS_TRAINING_H
#define PR_SYSTEMS_TRAINING_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "gradebook/gradebook.h" /* struct pr_point */

struct pr_training_places {
    const char *status_file;        /* base folder's status/training_status.json */
    const char *const *checkpoints; /* folders of checkpoints, the newest last */
    size_t n_checkpoints;
    const char *runs_folder; /* holds the checkpoints; event files are looked for in it and in
                                its `runs` and `logs`, two levels deep */
};

#define PR_TRAINING_STATUS_MAX ((size_t)8 << 20)   /* bytes of training_status.json */
#define PR_TRAINING_EVENTS_MAX ((size_t)256 << 20) /* of an event file */
#define PR_TRAINING_HISTORY    500                 /* points */

/* {"source": "training_status.json" | "trainer_state.json" | "events" | null, "source_path",
 * "status", "model_name", "current_step", "total_steps", "epoch", "loss", "eval_loss",
 * "learning_rate", "grad_norm", "tokens_per_second", "steps_per_second", "eta_seconds",
 * "timestamp", "age_seconds", "history": [{"step","loss","eval_loss","learning_rate"}…] (at most
 * PR_TRAINING_HISTORY, evenly thinned), "from": {field: where it comes from, if not from the
 * source}, "latest_logged": {"source_path","step","loss","learning_rate","timestamp",
 * "age_seconds"} | null (an event file that is ahead of the source), "warnings": […]}.
 *
 * Unknown numbers are null with a reason.  A file that cannot be read is a warning and the next
 * source counts; what the source lacks is taken from the next that has it.  A training_status.json
 * that is ten minutes older than the newest trainer_state.json is left behind, with a warning.
 * age_seconds is now less the source file's modification time; eta_seconds is from that time on.
 * New reference, never NULL. */
json_t *pr_training_read(const struct pr_training_places *p, int64_t now_ms);
/* The same as long as none of the files that it would read changed, by their times and sizes: the
 * document then differs in its ages alone.  65 bytes. */
void pr_training_stamp(const struct pr_training_places *p, char ret[65]);

/* The curves that are kept of a training (training_curves.c), by the names of the Trainer's log. */
#define PR_TRAINING_CURVES(X)                                                                      \
    X(LOSS, "loss")                                                                                \
    X(EVAL_LOSS, "eval_loss")                                                                      \
    X(RATE, "learning_rate")                                                                       \
    X(GRAD_NORM, "grad_norm")                                                                      \
    X(TOKENS_PER_SECOND, "tokens_per_second")
enum pr_training_curve_id {
#define PR_X(name, text) PR_TRAINING_CURVE_##name,
    PR_TRAINING_CURVES(PR_X)
#undef PR_X
        PR_TRAINING_N_CURVES
};
const char *pr_training_curve_name(enum pr_training_curve_id c);

struct pr_training_curve {
    struct pr_point *v; /* steps rise; a value that was logged and is no number is NaN */
    size_t n, cap;
};
struct pr_training_curves {
    struct pr_training_curve of[PR_TRAINING_N_CURVES];
    int64_t step; /* where the training stood; -1: not known */
};
/* What the trainer_state.json of a checkpoint's folder logged.  A folder without one is PR_OK with
 * step -1. */
PR_MUST_CHECK enum pr_code pr_training_logged(
    const char *folder, struct pr_training_curves *ret, struct pr_error *e);
/* What training_status.json says now: at most one point a curve, at its current step.  One that is
 * not there is PR_OK with step -1. */
PR_MUST_CHECK enum pr_code pr_training_now(
    const char *status_file, struct pr_training_curves *ret, struct pr_error *e);
void pr_training_curves_done(struct pr_training_curves *c);

#endif
