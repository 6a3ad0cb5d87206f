/* Names of people, places and things that questions are about. */
#ifndef PR_SKILLS_NAMES_H
#define PR_SKILLS_NAMES_H

#include <stddef.h>

#include "base/rng.h"

enum pr_names { PR_PEOPLE, PR_TOWNS, PR_THINGS };
/* One of the list, NUL-terminated, below 16 bytes; of things the plural, which ends in s. */
const char *pr_name_any(struct pr_rng *rng, enum pr_names list);
/* n different ones, n at most 32, in random order. */
void pr_names_some(struct pr_rng *rng, enum pr_names list, const char **ret, size_t n);

#endif
