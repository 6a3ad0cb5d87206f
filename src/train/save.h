/* Checkpoints that a training writes and goes on from: Hugging Face folders that appear whole.
 *
 * OUT/checkpoint-N/ holds config.json, model.safetensors (or adapter_config.json and
 * adapter_model.safetensors), generation_config.json, the tokenizer's files, trainer_state.json in
 * the Hugging Face Trainer's field names, and in proctor/ what only a resumed training needs: the
 * optimizer's state and the f32 masters (optimizer.safetensors), and training.json.  They lie in a
 * folder of their own because loaders take every *.safetensors beside config.json for weights.
 *
 * The folder is written as OUT/.checkpoint-N.tmp, synced, and renamed: a watcher never sees half of
 * one.
 */
#ifndef PR_TRAIN_SAVE_H
#define PR_TRAIN_SAVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "compute/dtype.h"
#include "model/tokenizer.h" /* struct pr_notes */
#include "train/net.h"
#include "train/optimizer.h"

/* What checkpoints take over from the folder that the training started from: its configuration, its
 * tokenizer, its template.  It is held in memory, so that they are all the same and complete,
 * whatever becomes of the folder meanwhile. */
struct pr_save_source;
/* Reads it from `model`.  config: config.json of a new model (`model` then has the tokenizer alone,
 * and may lack generation_config.json: its end tokens are end_of_turn), of which a reference is
 * taken; NULL: `model`'s own.  net says whether an adapter is saved.  PR_E_FORMAT names a file that
 * is not plain or a link that leaves the folder, PR_E_LIMIT one that is too large. */
PR_MUST_CHECK enum pr_code pr_save_source_read(const char *model, const json_t *config,
    const struct pr_net *net, struct pr_save_source **ret, struct pr_error *e);
void pr_save_source_free(struct pr_save_source *s); /* NULL is fine */

struct pr_save {
    const char *out;   /* folder of the checkpoints */
    const char *model; /* folder that the training started from; it is never replaced */
    const struct pr_save_source *source; /* read from it */
    int32_t end_of_turn;    /* what ends an answer in the data, for a generation_config.json that is
                             * not carried over; -1: none */
    const char *base_model; /* an adapter's base_model_name_or_path; NULL: the source adapter's,
                             * else `model` by its name in the Hugging Face cache or its path */
    struct pr_net *net;
    const struct pr_optimizer *optimizer;
    enum pr_dtype dtype;         /* of the weights as they are saved: F32, BF16 or F16 */
    const json_t *trainer_state; /* the whole document of trainer_state.json */
    const json_t *training;      /* of proctor/training.json */
    uint64_t shard_bytes;        /* largest file of weights; 0: 5 GB, as transformers has it */
};
/* Writes checkpoint-`step`; one of ours that is there already is replaced.  On failure the folder
 * is as it was: the previous checkpoints are untouched, what was written is removed.  PR_E_USAGE
 * where what is there is to stay, as in pr_save_check_places. */
PR_MUST_CHECK enum pr_code pr_save_checkpoint(
    const struct pr_save *s, int64_t step, struct pr_error *e);

/* Removes what is older than the newest `keep` (0: all stay) of ours up to `step`: after a save,
 * and for a training that goes on after it was killed between the two.  `model` itself stays.  What
 * cannot be removed is left and the rest removed all the same; the error names the first. */
PR_MUST_CHECK enum pr_code pr_save_keep(
    const char *out, int64_t step, int64_t keep, const char *model, struct pr_error *e);

/* Is there room in `out` for the checkpoints of all steps after `from` that will be saved: the
 * multiples of `every` (0: none) up to `last`, and `last`?  PR_E_USAGE names a folder that
 * would have to make room and may not: `model` itself, another trainer's, a link.  Without a last
 * step (0) it is not known which will be reached, and each save looks for itself. */
PR_MUST_CHECK enum pr_code pr_save_check_places(const char *out, int64_t from, int64_t every,
    int64_t last, const char *model, struct pr_error *e);

/* Makes `out` and keeps other trainings away from it while *ret_fd is open (close it at the end).
 * PR_E_IO where another holds it, or nothing can be written there. */
PR_MUST_CHECK enum pr_code pr_save_lock(const char *out, int *ret_fd, struct pr_error *e);

/* Which checkpoint is looked for: of a step before `before`, and one that `fits` says yes to, from
 * its proctor/training.json (NULL: any).  It is asked before the files are read through. */
struct pr_save_wanted {
    int64_t before;
    bool (*fits)(void *ctx, const char *checkpoint, const json_t *training);
    void *ctx;
};
/* The newest checkpoint in `out` (of those wanted; NULL: any) that a training can go on from, or
 * NULL; pr_free.  Removes what a killed training left half written: `out` must be locked.
 * *ret_training: its proctor/training.json, a new reference.  Newer ones that were passed over are
 * noted with the reason: another trainer's, a damaged file by name; so is what of a removed one
 * cannot be removed.  An `out` that is not there has none. */
PR_MUST_CHECK enum pr_code pr_save_newest(const char *out, const struct pr_save_wanted *wanted,
    char **ret, json_t **ret_training, struct pr_notes *notes, struct pr_error *e);
/* Values (masters), m, v and step of a checkpoint into net and optimizer, exactly.  PR_E_FORMAT
 * names the file and the tensor that does not fit; net and optimizer are then as they were. */
PR_MUST_CHECK enum pr_code pr_save_restore(
    const char *checkpoint, struct pr_net *net, struct pr_optimizer *o, struct pr_error *e);

#endif
