/* What the readers of training data bring together: data_examples.c (suites through the prompter),
 * data_order.c (the order file) and data_given.c (--token-batches) fill it, data.c makes batches of
 * it. */
#ifndef PR_TRAIN_DATA_INTERNAL_H
#define PR_TRAIN_DATA_INTERNAL_H

#include "base/alloc.h"
#include "base/sha256.h"
#include "exam/suite.h"
#include "train/data.h"

#define PR_TRAIN_NOT_COUNTED (-100)

/* Tokens [at, at + n) of the data: those from n_prompt on are targets, the very first never; with
 * labels, the labels say which. */
struct pr_sequence {
    size_t at;
    uint32_t n, n_prompt;
    const char *id, *skill, *difficulty; /* in the arena; NULL: none */
};

struct pr_train_data {
    int32_t *tokens;
    size_t n_tokens, tokens_cap;
    int32_t *labels; /* beside tokens; NULL: by n_prompt */
    size_t n_labels, labels_cap;
    struct pr_sequence *v;
    size_t n, cap;
    size_t *given; /* the sequences in the order that was asked for; NULL: permutations */
    size_t n_given, given_cap;
    size_t *first; /* given batches: the first sequence of each, and behind the last; NULL: none */
    size_t n_batches, first_cap;

    uint32_t max_tokens; /* given batches: of a sequence; 0: any */
    uint32_t batch;
    uint64_t places; /* sequences of all epochs; 0: without end */
    uint64_t seed;
    size_t *permutation; /* of epoch `epoch` */
    int64_t epoch;       /* −1: none yet */
    char fingerprint[PR_SHA256_HEX];
    json_t *facts;
    struct pr_arena arena;

    /* the last batch */
    int32_t *ids, *targets;
    size_t ids_cap, targets_cap;
    uint32_t *starts;
    size_t *members; /* sequence of each */
    size_t starts_cap, members_cap;
    uint32_t n_members;
};

static inline bool pr_train_data_stopped(const struct pr_train_data_options *o)
{
    return o->stopped && o->stopped(o->ctx);
}
/* Puts the sequences that an order file names into d->given.  of_example[i]: the sequence of the
 * suite's example i, or SIZE_MAX where it was left out; *ret_left_out counts lines that name one of
 * those. */
PR_MUST_CHECK enum pr_code pr_train_order_read(struct pr_train_data *d, const char *path,
    const struct pr_suite *s, const size_t *of_example, size_t *ret_left_out, struct pr_error *e);
/* Is this place of a sequence a target that counts?  i from 1 to n − 1. */
static inline bool pr_sequence_counts(
    const struct pr_train_data *d, const struct pr_sequence *q, uint32_t i)
{
    return d->labels ? d->labels[q->at + i] != PR_TRAIN_NOT_COUNTED : i >= q->n_prompt;
}
/* Totals into d->facts, and d->fingerprint. */
void pr_train_data_seal(struct pr_train_data *d);

/* One line of --token-batches appended to d: the fuzzer's way in.  PR_E_FORMAT says what is wrong
 * with it, without file and line. */
PR_MUST_CHECK enum pr_code pr_train_given_line(
    struct pr_train_data *d, const char *line, size_t n, uint32_t vocab, struct pr_error *e);

#endif
