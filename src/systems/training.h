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

#endif
