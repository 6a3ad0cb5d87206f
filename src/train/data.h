/* What is trained on: examples of any accepted format as tokens with the answer's marked, and which
 * of them make the batch of a step.
 *
 * Stateless: the batch of step s is a function of (data, seed, s), so a training is resumed by its
 * step alone.  An epoch is a permutation by the seed, unless an order is given: then that order,
 * over and over.
 */
#ifndef PR_TRAIN_DATA_H
#define PR_TRAIN_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "exam/prompt.h"
#include "exam/suite.h"
#include "train/net.h"

struct pr_train_data;

struct pr_train_data_options {
    const char *const *files; /* or folders of *.jsonl */
    size_t n_files;
    const char
        *order; /* a file of JSON Lines, each with the "id" of an example to train on; NULL */
    uint32_t max_tokens; /* of a sequence: a longer one is left out and counted; 0: the model's */
    uint32_t batch;      /* sequences a step */
    uint32_t epochs;     /* then it ends: the last batch has what is left; 0: it has no end */
    uint64_t seed;
    int32_t end; /* what ends an answer where the prompter knows no end of turn (a new model's
                  * eos_token_id); −1: nothing */
    /* Asked for every line and example; true ends the reading with PR_E_CANCELLED.  NULL: never. */
    bool (*stopped)(void *ctx);
    void *ctx;
};
/* Reads and tokenizes everything: the tokens of pr_prompter_build, targets on the answer's tokens
 * alone (plain text: on all but the first); an example whose id was seen before is used too.
 * config bounds lengths and ids.  PR_E_FORMAT when nothing was usable, naming the first
 * reason; an order that names an unknown id is PR_E_FORMAT with its line. */
PR_MUST_CHECK enum pr_code pr_train_data_load(const struct pr_prompter *p,
    const struct pr_model_config *config, const struct pr_train_data_options *o,
    struct pr_train_data **ret, struct pr_error *e);
/* Given batches instead (--token-batches): lines {"input_ids","labels","attention_mask"}, taken in
 * turn.  config bounds lengths and ids; of the options only `stopped` counts. */
PR_MUST_CHECK enum pr_code pr_train_data_load_batches(const char *path,
    const struct pr_model_config *config, const struct pr_train_data_options *o,
    struct pr_train_data **ret, struct pr_error *e);
void pr_train_data_free(struct pr_train_data *d);

/* {"files":[…],"examples","skipped","repeated_ids","too_long","answer_tokens","tokens","warnings":
 * [text…]}; for given batches {"file","batches","sequences","empty_batches","answer_tokens",
 * "tokens"}.  Borrowed. */
const json_t *pr_train_data_json(const struct pr_train_data *d);
/* SHA-256 of what is trained on and of a given order, in hex: with seed and batch it tells a
 * resumed training from another. */
const char *pr_train_data_fingerprint(const struct pr_train_data *d);
size_t pr_train_data_size(const struct pr_train_data *d); /* examples (or batches) of an epoch */
double pr_train_data_epoch(const struct pr_train_data *d, int64_t step); /* after step s */
int64_t pr_train_data_steps(const struct pr_train_data *d); /* of all its epochs; 0: without end */

/* The batch of step s, from 1 to the last where there is one; valid until the next call.
 * *ret_counted: targets that count.  A sequence's rows end with the last that counts: those after
 * it change neither loss nor gradient.
 */
PR_MUST_CHECK enum pr_code pr_train_data_batch(struct pr_train_data *d, int64_t step,
    struct pr_batch *ret, uint64_t *ret_counted, struct pr_error *e);
/* What sequence i of the last batch is, for people: {"id","skill","difficulty","prompt","golden"}
 * or {"id",…,"text"}, from its tokens, each text at most `max` bytes; NULL for given batches.  A
 * new reference. */
json_t *pr_train_data_show(
    const struct pr_train_data *d, const struct pr_prompter *p, uint32_t i, size_t max);

#endif
