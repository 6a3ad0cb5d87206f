/* An answer's text as its tokens come: whole characters only, and nothing that may still turn out
 * to be the beginning of a stop text. */
#ifndef PR_SERVE_TEXT_H
#define PR_SERVE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/str.h"
#include "model/tokenizer.h"

struct pr_serve_text {
    const struct pr_tokenizer *tokenizer; /* borrowed */
    const char *const *stop;              /* (n_stop) borrowed; none is empty */
    size_t n_stop;
    struct pr_ids ids;  /* the last ones: of a window in which their text is known */
    size_t read;        /* of them whose text has come */
    struct pr_str held; /* text that came and was not given out */
    bool stopped;
};

void pr_serve_text_init(struct pr_serve_text *t, const struct pr_tokenizer *tokenizer,
    const char *const *stop, size_t n_stop);
void pr_serve_text_done(struct pr_serve_text *t);
/* One more token (not one that ends the answer); its text, special tokens left out, goes to out as
 * far as it is certain.  false: a stop text came, which is not given out, nor what follows it. */
PR_MUST_CHECK enum pr_code pr_serve_text_add(
    struct pr_serve_text *t, int32_t id, struct pr_str *out, bool *ret_goes_on, struct pr_error *e);
/* No more comes: what was held back. */
PR_MUST_CHECK enum pr_code pr_serve_text_end(
    struct pr_serve_text *t, struct pr_str *out, struct pr_error *e);

#endif
