/* The words of a tokenizer's training, between bpe_train.c (which counts them) and
 * bpe_train_merge.c (which merges in them). */
#ifndef PR_MODEL_BPE_TRAIN_INTERNAL_H
#define PR_MODEL_BPE_TRAIN_INTERNAL_H

#include "model/bpe_train.h"
#include "model/tok_internal.h"

struct pr_bpe_word {
    uint64_t off; /* in pool */
    uint32_t len; /* 1 to PR_BPE_MAX_WORD */
    uint64_t count;
};
/* A set of byte strings with counts. */
struct pr_bpe_words {
    char *pool;
    size_t pool_n, pool_cap;
    struct pr_bpe_word *v;
    size_t n, cap;
    uint64_t *slots; /* hash's upper half << 32 | index + 1; 0 is free */
    size_t mask;
};

struct pr_bpe_trainer {
    struct pr_bpe_words words;
    struct pr_tok_normalizer normalizer;
    struct pr_str scratch[2]; /* of the normalizer */
    pr_tok_match_fn *match;
    struct pr_bpe_figures figures;
};

/* Qwen2's pattern, and the special tokens in the order of their ids. */
extern const char pr_bpe_pattern[];
extern const char *const pr_bpe_specials[PR_BPE_SPECIALS];

/* The id of each byte: its character's place in the byte alphabet. */
void pr_bpe_byte_ids(uint32_t ret[256]);

#endif
