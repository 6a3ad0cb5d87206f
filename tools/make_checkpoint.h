/* make-checkpoint's parts: what is asked for (the command line, make_checkpoint.c), the weights
 * (made_weights.c), and the JSON files beside them (made_json.c). */
#ifndef PR_TOOLS_MAKE_CHECKPOINT_H
#define PR_TOOLS_MAKE_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "compute/dtype.h"

#define BYTE_VOCAB 259 /* ids of the tokenizer named "bytes" */

enum bias { BIAS_QKV = 1, BIAS_O = 2, BIAS_MLP = 4 };

struct shape {
    const char *name; /* of the preset */
    const char *arch;
    int64_t layers, hidden, heads, kv_heads, head_dim, mlp, vocab;
    bool tied;
    double theta;
    double eps;
    int64_t max_position, window; /* window 0: every key is seen */
    double llama3_factor;         /* 0: no rope scaling */
};

struct job {
    struct shape shape;
    const char *out, *tokenizer; /* tokenizer: a folder, "bytes" or "none" */
    enum pr_dtype dtype;
    unsigned bias;
    uint64_t seed, max_shard;
    int64_t step; /* of trainer_state.json; -1: none is written */
    double std;
    int64_t eos;
};

/* model.safetensors, or shards and their index.  *ret_elements and *ret_files say what was written.
 */
PR_MUST_CHECK enum pr_code make_weights(
    const struct job *job, uint64_t *ret_elements, size_t *ret_files, struct pr_error *e);

/* Chooses the end token where the job leaves it open: the tokenizer folder's, else the last id. */
PR_MUST_CHECK enum pr_code make_eos(struct job *job, struct pr_error *e);
/* config.json and generation_config.json. */
PR_MUST_CHECK enum pr_code make_configs(const struct job *job, struct pr_error *e);
/* tokenizer.json and what belongs to it, copied or made. */
PR_MUST_CHECK enum pr_code make_tokenizer(const struct job *job, struct pr_error *e);
/* trainer_state.json, where the job has a step. */
PR_MUST_CHECK enum pr_code make_trainer_state(const struct job *job, struct pr_error *e);
/* Writes v to the folder as `name`, indented, and drops the reference. */
PR_MUST_CHECK enum pr_code make_json(
    const struct job *job, const char *name, json_t *v, struct pr_error *e);

#endif
