/* "Did you mean …?": the known name nearest to a mistyped one, for options, commands and keys. */
#ifndef PR_LIB_SUGGEST_H
#define PR_LIB_SUGGEST_H

#include <stddef.h>

/* The name nearest to word by Damerau-Levenshtein distance, or NULL when none is near enough (more
 * than a third of the word would have to change; one edit is always near).  Names are borrowed. */
const char *pr_suggest(const char *word, const char *const *names, size_t n_names);

#endif
