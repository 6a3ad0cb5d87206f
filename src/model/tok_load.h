/* Reading tokenizer.json; for tok_load.c, tok_added_load.c, tok_digest.c and tokenizer.c. */
#ifndef PR_MODEL_TOK_LOAD_H
#define PR_MODEL_TOK_LOAD_H

#include "model/tok_internal.h"

/* The members of tokenizer.json, in the order of part_names in tok_load.c. */
enum pr_tok_part {
    PR_TOK_PART_VERSION,
    PR_TOK_PART_TRUNCATION,
    PR_TOK_PART_PADDING,
    PR_TOK_PART_ADDED_TOKENS,
    PR_TOK_PART_NORMALIZER,
    PR_TOK_PART_PRE_TOKENIZER,
    PR_TOK_PART_POST_PROCESSOR,
    PR_TOK_PART_DECODER,
    PR_TOK_PART_MODEL, /* without vocab and merges */
    PR_TOK_PARTS
};

/* Fills a zeroed tokenizer, also in part when it fails. */
PR_MUST_CHECK enum pr_code pr_tok_load(struct pr_tokenizer *t, const char *json, size_t n,
    const char *name, struct pr_notes *notes, struct pr_error *e);
/* The list "added_tokens" (or NULL); vocabulary and normalizer are there. */
PR_MUST_CHECK enum pr_code pr_tok_added_load(struct pr_tokenizer *t, const json_t *list,
    struct pr_notes *notes, const char *name, struct pr_error *e);
void pr_tok_make_digest(struct pr_tokenizer *t, json_t *const part[PR_TOK_PARTS]);

#endif
