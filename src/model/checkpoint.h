/* A checkpoint folder as trainers leave it: configuration, weights (one file, shards, or a PEFT
 * adapter beside its base), tokenizer, chat template, generation settings, trainer state. */
#ifndef PR_MODEL_CHECKPOINT_H
#define PR_MODEL_CHECKPOINT_H

#include "base/error.h"
#include "base/json.h"
#include "base/stop.h"
#include "compute/pool.h"
#include "model/config.h"
#include "model/safetensors.h"
#include "model/template.h"
#include "model/tokenizer.h"

struct pr_checkpoint;

struct pr_checkpoint_options {
    const char *base_model; /* for adapters: folder of the base; NULL: search below */
    /* For adapters, tried in turn when base_model is NULL: {name in adapter_config.json, folder}
     * pairs of `models.bases` in proctor.yaml.  Then the local Hugging Face cache. */
    const char *const (*bases)[2];
    size_t n_bases;
    bool weights;         /* open and check the tensors too (else configuration and tokenizer) */
    bool scan;            /* look through every weight for NaN, infinities and all-zero tensors */
    struct pr_pool *pool; /* shares the scan out; NULL: the caller's thread alone */
    struct pr_stop
        stop; /* ends the fingerprint's hashing; its ctx lives as long as the checkpoint */
};

/* Opens a folder.  A folder still being written is PR_E_INCOMPLETE.  What is odd but accepted is in
 * pr_checkpoint_notes.  Messages begin with the folder's last component. */
PR_MUST_CHECK enum pr_code pr_checkpoint_open(const char *dir,
    const struct pr_checkpoint_options *options, struct pr_checkpoint **ret, struct pr_error *e);
void pr_checkpoint_free(struct pr_checkpoint *c);

const char *pr_checkpoint_dir(const struct pr_checkpoint *c);
const char *pr_checkpoint_name(const struct pr_checkpoint *c); /* the folder's last component */
/* NULL for a tokenizer alone (opened without weights, no config.json).  An adapter's is its base's,
 * `tied` as it is with what the adapter replaces. */
const struct pr_model_config *pr_checkpoint_config(const struct pr_checkpoint *c);
const struct pr_notes *pr_checkpoint_notes(const struct pr_checkpoint *c);
/* Names of the tensors in which a scan found NaN or infinities (a base's included); none where it
 * was not asked for. */
const struct pr_notes *pr_checkpoint_bad_weights(const struct pr_checkpoint *c);
/* The tokenizer (an adapter's own, else its base's); opened on first use. */
PR_MUST_CHECK enum pr_code pr_checkpoint_tokenizer(
    struct pr_checkpoint *c, const struct pr_tokenizer **ret, struct pr_error *e);
/* The chat template's source (chat_template.jinja before tokenizer_config.json; where that holds a
 * list, the one named "default"), or NULL. */
const char *pr_checkpoint_template(const struct pr_checkpoint *c);
/* A special token's text from tokenizer_config.json ("bos_token", "eos_token" …), or NULL. */
const char *pr_checkpoint_special(const struct pr_checkpoint *c, const char *role);
/* All special tokens there as an object of role → text, for the template's variables;
 * "additional_special_tokens" is an array of texts.  Borrowed. */
const json_t *pr_checkpoint_specials(const struct pr_checkpoint *c);
/* Ids that end a generation: generation_config.json's eos_token_id, else config.json's. */
const int32_t *pr_checkpoint_eos(const struct pr_checkpoint *c, size_t *ret_n);

/* A weight by its name in the full model ("model.layers.0.mlp.up_proj.weight"), or NULL: for an
 * adapter, modules_to_save replace the base's.  With tied embeddings "lm_head.weight" is NULL (a
 * stray one in the file is only noted) unless an adapter saved a head of its own. */
const struct pr_tensor *pr_checkpoint_tensor(const struct pr_checkpoint *c, const char *name);
/* Does an adapter bring this tensor itself, in place of its base's? */
bool pr_checkpoint_replaces(const struct pr_checkpoint *c, const char *name);
/* Lets go of a tensor's mapped pages once they have been packed. */
void pr_checkpoint_drop(const struct pr_checkpoint *c, const struct pr_tensor *t);
uint64_t pr_checkpoint_weight_bytes(const struct pr_checkpoint *c);

/* The low-rank update of one linear module ("model.layers.0.self_attn.q_proj"):
 * y += scale · B·(A·x), A [r, in], B [out, r].  False where the adapter leaves it alone. */
struct pr_lora {
    const struct pr_tensor *a, *b;
    uint32_t r;
    float scale; /* alpha / r, or alpha / √r with rslora */
};
bool pr_checkpoint_lora(const struct pr_checkpoint *c, const char *module, struct pr_lora *ret);
bool pr_checkpoint_is_adapter(const struct pr_checkpoint *c);
/* The folder that config.json is in: an adapter's base's. */
const char *pr_checkpoint_config_dir(const struct pr_checkpoint *c);

/* Complete, or still being written?  Decided from content, never from age alone (the rule is at the
 * top of complete.c).  *ret_complete false comes with *reason, whose code tells PR_E_INCOMPLETE
 * from files that are broken (PR_E_FORMAT).  The error return is for folders that cannot be read at
 * all, PR_E_UNSUPPORTED for pickled weights. */
PR_MUST_CHECK enum pr_code pr_checkpoint_complete(
    const char *dir, bool *ret_complete, struct pr_error *reason, struct pr_error *e);

/* The fingerprint (docs/fingerprint.md): SHA-256 over tensor bytes in name order (a tree over 4 MiB
 * blocks) and over canonical config, generation config, tokenizer and template; an adapter's
 * includes its base's. Lower-case hex.  Cached by (device, inode, size, mtime, ctime) of every file
 * in $XDG_CACHE_HOME/proctor.  n_threads as for pr_pool_new.  PR_E_CANCELLED: told to stop. */
PR_MUST_CHECK enum pr_code pr_checkpoint_fingerprint(
    struct pr_checkpoint *c, int n_threads, char ret[65], struct pr_error *e);
/* Are the files still those that were opened?  PR_E_CHANGED names the one that is not. */
PR_MUST_CHECK enum pr_code pr_checkpoint_unchanged(
    const struct pr_checkpoint *c, struct pr_error *e);

/* Step and run.
 *
 * step: trainer_state.json's global_step, else N of a folder named checkpoint-N, else -1.
 *
 * run: 16 hex digits that name (the folder that holds the checkpoints, the first entry of
 * log_history).  The folder is checkpoint-N's parent, by its real path; a folder of another name is
 * a run of its own.  The first entry is what every checkpoint of one training shares and what a
 * training started over does not (its loss, gradient norm and learning rate are written with all
 * their digits); times and throughput are left out of it.  A resumed training keeps the entries it
 * resumed from, so it stays in its run.  Without log_history the run is the folder alone.
 *
 * history: 16 hex digits over all entries, "" without any.  A training that went back to an earlier
 * checkpoint reaches the same step of the same run with another history: who keeps records compares
 * (run, step, history) and starts a new run where a known step comes with a new history. */
struct pr_checkpoint_origin {
    int64_t step;
    char run[17];
    char history[17];
};
PR_MUST_CHECK enum pr_code pr_checkpoint_origin(
    const char *dir, struct pr_checkpoint_origin *ret, struct pr_error *e);

/* The same for a folder that stands for one elsewhere: `place` is the name of the folder that holds
 * the run's checkpoints there, in place of the real path here (NULL: that one). */
PR_MUST_CHECK enum pr_code pr_checkpoint_origin_in(
    const char *dir, const char *place, struct pr_checkpoint_origin *ret, struct pr_error *e);

#endif
