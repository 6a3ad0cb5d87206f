/* Regular expressions of data sets, over PCRE2: untrusted patterns on untrusted text, so every
 * match is limited in steps, depth and memory. */
#ifndef PR_EXAM_REGEX_H
#define PR_EXAM_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct pr_regex;
/* PR_E_FORMAT names what is wrong and at which byte of the pattern. */
PR_MUST_CHECK enum pr_code pr_regex_compile(
    const char *pattern, size_t n, bool ignore_case, struct pr_regex **ret, struct pr_error *e);
/* Does the pattern match anywhere in s (valid UTF-8)?  PR_E_LIMIT when that took too long to tell.
 */
PR_MUST_CHECK enum pr_code pr_regex_search(
    const struct pr_regex *r, const char *s, size_t n, bool *ret, struct pr_error *e);
void pr_regex_free(struct pr_regex *r);

#endif
