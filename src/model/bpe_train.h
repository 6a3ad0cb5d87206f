/* Training a byte-level BPE tokenizer: texts → words with counts → merges → a tokenizer.json.
 *
 * Normalization (NFC) and splitting (Qwen2's pattern, each digit a word) are those that the written
 * tokenizer uses.  Merges are chosen exactly as Hugging Face's BpeTrainer chooses them: the pair
 * that occurs most often, among equals the one with the smaller left id, then the smaller right id;
 * so the same texts give the same tokenizer in whatever order they come.
 */
#ifndef PR_MODEL_BPE_TRAIN_H
#define PR_MODEL_BPE_TRAIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

/* <|endoftext|>, <|im_start|>, <|im_end|>: the last ids of every tokenizer made here. */
#define PR_BPE_SPECIALS  3
#define PR_BPE_MIN_VOCAB (256 + PR_BPE_SPECIALS)
#define PR_BPE_MAX_VOCAB ((size_t)1 << 24)
/* A longer word is passed over: nothing that people write is one. */
#define PR_BPE_MAX_WORD 4096

struct pr_bpe_trainer;
PR_MUST_CHECK enum pr_code pr_bpe_trainer_new(struct pr_bpe_trainer **ret, struct pr_error *e);
void pr_bpe_trainer_free(struct pr_bpe_trainer *t);

/* Counts the words of a text (n bytes of valid UTF-8).  Special tokens written in it part it and
 * are not counted. */
PR_MUST_CHECK enum pr_code pr_bpe_trainer_add(
    struct pr_bpe_trainer *t, const char *text, size_t n, struct pr_error *e);

struct pr_bpe_figures {
    uint64_t bytes, words; /* counted so far */
    size_t distinct;       /* words */
    uint64_t too_long;     /* words passed over */
};
struct pr_bpe_figures pr_bpe_trainer_figures(const struct pr_bpe_trainer *t);

struct pr_bpe_train_options {
    size_t vocab_size; /* all tokens: the 256 bytes, merges, special ones; at least MIN_VOCAB */
    uint64_t min_frequency; /* a pair that occurs less often is not merged; 0 is 1 */
    /* Every so many merges; non-zero stops with PR_E_CANCELLED.  NULL: not wanted. */
    int (*on_progress)(void *ctx, size_t tokens, size_t vocab_size);
    void *ctx;
};

/* Ids 0 to 255 are the bytes in the order of their characters in GPT-2's byte alphabet, as in
 * GPT-2's own vocabulary; then the merges' results. */
struct pr_bpe_merge {
    uint32_t left, right;
};
struct pr_bpe_result {
    char *bytes;                 /* owned: all tokens' bytes, one behind the other */
    size_t *offset;              /* owned: token i is bytes[offset[i]] to bytes[offset[i + 1]] */
    size_t n_tokens;             /* without the special ones */
    struct pr_bpe_merge *merges; /* owned, in rank order; merge i makes token 256 + i */
    size_t n_merges;
};
/* Learns the merges of all that was added.  Fewer than asked for come out where no pair is left
 * that occurs often enough.  *ret: pr_bpe_result_done. */
PR_MUST_CHECK enum pr_code pr_bpe_trainer_run(const struct pr_bpe_trainer *t,
    const struct pr_bpe_train_options *options, struct pr_bpe_result *ret, struct pr_error *e);
void pr_bpe_result_done(struct pr_bpe_result *r);

/* tokenizer.json as Hugging Face's tokenizers write it: byte for byte what they write after reading
 * it. */
PR_MUST_CHECK enum pr_code pr_bpe_tokenizer_json(
    const struct pr_bpe_result *r, struct pr_str *out, struct pr_error *e);
/* tokenizer_config.json: <|im_end|> ends, <|endoftext|> pads; `chat`: with a ChatML template. */
void pr_bpe_config_json(const struct pr_bpe_result *r, bool chat, struct pr_str *out);
/* generation_config.json: what ends an answer. */
void pr_bpe_generation_json(const struct pr_bpe_result *r, struct pr_str *out);

#endif
