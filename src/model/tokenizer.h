/* The tokenizer of a checkpoint, straight from tokenizer.json (byte-level BPE), identical to
 * Hugging Face's `tokenizers`. */
#ifndef PR_MODEL_TOKENIZER_H
#define PR_MODEL_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct pr_tokenizer;

/* A growing list of token ids: {v, n, cap}; zero-initialise, pr_ids_done frees. */
struct pr_ids {
    int32_t *v;
    size_t n, cap;
};
void pr_ids_push(struct pr_ids *ids, int32_t id);
void pr_ids_done(struct pr_ids *ids);

/* What was odd but accepted (ids shared by two tokens, missing byte tokens …): one text each. */
struct pr_notes {
    char **v;
    size_t n, cap;
};
void pr_notes_add(struct pr_notes *notes, const char *fmt, ...) PR_PRINTF(2, 3);
void pr_notes_done(struct pr_notes *notes);

/* Opens a tokenizer.json file.  notes may be NULL.  Errors name the file, the field and what was
 * expected: PR_E_FORMAT, PR_E_UNSUPPORTED (a model or component proctor does not know, by name). */
PR_MUST_CHECK enum pr_code pr_tokenizer_open(
    const char *path, struct pr_tokenizer **ret, struct pr_notes *notes, struct pr_error *e);
/* As open, from bytes in memory; `name` starts messages. */
PR_MUST_CHECK enum pr_code pr_tokenizer_parse(const char *json, size_t n, const char *name,
    struct pr_tokenizer **ret, struct pr_notes *notes, struct pr_error *e);
void pr_tokenizer_free(struct pr_tokenizer *t);

/* Appends the ids of text (valid UTF-8, n bytes).  Special tokens written in the text are
 * recognised; none are added.  Safe from several threads at once. */
PR_MUST_CHECK enum pr_code pr_tokenizer_encode(const struct pr_tokenizer *t, const char *text,
    size_t n, struct pr_ids *out, struct pr_error *e);
/* Appends the text of ids: always valid UTF-8.  Ids without a token add nothing. */
PR_MUST_CHECK enum pr_code pr_tokenizer_decode(const struct pr_tokenizer *t, const int32_t *ids,
    size_t n, bool skip_special, struct pr_str *out, struct pr_error *e);

/* The id of a token's exact content (added tokens first), or -1. */
int32_t pr_tokenizer_id(const struct pr_tokenizer *t, const char *content);
/* The token's content as stored (byte-level alphabet for ordinary tokens), or NULL. */
const char *pr_tokenizer_content(const struct pr_tokenizer *t, int32_t id);
bool pr_tokenizer_is_special(const struct pr_tokenizer *t, int32_t id);
/* One more than the largest id. */
int32_t pr_tokenizer_size(const struct pr_tokenizer *t);
/* SHA-256 of what the tokenizer does (canonical JSON without cosmetic fields), for fingerprints. */
const uint8_t *pr_tokenizer_digest(const struct pr_tokenizer *t);

#endif
