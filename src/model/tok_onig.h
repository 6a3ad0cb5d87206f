/* Regular expressions of Oniguruma, rewritten for PCRE2. */
#ifndef PR_MODEL_TOK_ONIG_H
#define PR_MODEL_TOK_ONIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct pr_tok_onig {
    struct pr_str text; /* for PCRE2 with UTF, UCP and MULTILINE */
    uint32_t *source;   /* [text.len] where each byte came from, for error messages */
    size_t n, cap;
    size_t bad; /* where a construct begins that cannot be rewritten */
};
/* False when the pattern uses intersection or negation within a class.  Done in either case. */
bool pr_tok_onig_rewrite(const char *s, size_t n, struct pr_tok_onig *ret);
void pr_tok_onig_done(struct pr_tok_onig *o);

#endif
