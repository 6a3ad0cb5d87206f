/* Where the user's training stands: the trainer's own training_status.json, else the newest
 * trainer_state.json, else (and for what those lack) TensorBoard event files.  Only read, never
 * written. */
#ifndef PR_SYSTEMS_TRAINING_H
#define PR_SYSTEMS_TRAINING_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"

struct pr_training_places {
    const char *status_file;        /* base folder's status/training_status.json */
    const char *const *checkpoints; /* folders of checkpoints, the newest last */
    size_t n_checkpoints;
    const char *runs_folder; /* holds the checkpoints; event files are looked for in it and in
                                its `runs` and `logs`, two levels deep */
};

/* {"source": "training_status.json" | "trainer_state.json" | "events" | null, "source_path",
 * "status", "current_step", "total_steps", "epoch", "loss", "eval_loss", "learning_rate",
 * "grad_norm", "timestamp", "age_seconds", "tokens_per_second", "steps_per_second", "eta_seconds",
 * "model_name", "history": [{"step","loss","eval_loss","learning_rate"}…] (at most 500, evenly
 * thinned), "warnings": […]}.  Unknown numbers are null with a reason.  A file that cannot be read
 * is a warning and the next source counts; new reference, never NULL. */
json_t *pr_training_read(const struct pr_training_places *p, int64_t now_ms);

#endif
