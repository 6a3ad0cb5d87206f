/* A small reader for the large parts of tokenizer.json.
 *
 * jansson takes half a second for the 150,000 entries and merges of a present-day tokenizer, most
 * of it in allocations.  This reader checks the grammar in one pass, hands out spans, and decodes
 * strings into memory of the caller; small parts go on to base/json.h as spans.  Errors carry the
 * byte offset in the whole file. */
#ifndef PR_MODEL_TOK_JSON_H
#define PR_MODEL_TOK_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct pr_tok_json {
    const char *text;
    size_t n, at;
    struct pr_error *e;
};
struct pr_tok_span {
    size_t at, n; /* n 0: absent */
};

/* The next character that is not white space, or -1 at the end. */
int pr_tok_json_peek(struct pr_tok_json *j);
/* Takes the character c or fails with what was expected. */
PR_MUST_CHECK enum pr_code pr_tok_json_take(struct pr_tok_json *j, char c);
/* Passes over one value of any kind, checked; *ret is its span. */
PR_MUST_CHECK enum pr_code pr_tok_json_skip(struct pr_tok_json *j, struct pr_tok_span *ret);
/* Decodes a string into out, which holds at least as many bytes as the string takes in the text;
 * a NUL follows.  Lone surrogates are refused, as serde does. */
PR_MUST_CHECK enum pr_code pr_tok_json_string(struct pr_tok_json *j, char *out, size_t *ret_len);
/* A whole number from 0 to max. */
PR_MUST_CHECK enum pr_code pr_tok_json_uint(struct pr_tok_json *j, uint64_t max, uint64_t *ret);
/* Steps to the next member or element: *ret_more false at the closing bracket, which is taken.
 * *index counts from 0 and is advanced. */
PR_MUST_CHECK enum pr_code pr_tok_json_next(
    struct pr_tok_json *j, char close, size_t *index, bool *ret_more);
/* PR_E_FORMAT at the reader's place. */
enum pr_code pr_tok_json_fail(struct pr_tok_json *j, const char *fmt, ...) PR_PRINTF(2, 3);

#endif
