/* What the skills share: random digits, and reading prompts and answers that may be any bytes. */
#ifndef PR_SKILLS_TEXT_H
#define PR_SKILLS_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"
#include "base/str.h"

/* Uniform in [lo, hi]. */
int64_t pr_skill_between(struct pr_rng *rng, int64_t lo, int64_t hi);
/* Writes n digits, each 0 to 9, and a NUL into out[n + 1]. */
void pr_skill_random_digits(struct pr_rng *rng, size_t n, char *out);

/* The rest of a text that is being read from its front.  Each take leaves t as it was and returns
 * false where the text goes on differently. */
struct pr_skill_text {
    const char *s;
    size_t n;
};
/* Without ASCII white space at either end. */
struct pr_skill_text pr_skill_trim(const char *s, size_t n);
bool pr_skill_take(struct pr_skill_text *t, const char *literal);
/* A whole number of 1 to 18 digits without superfluous zeros in front. */
bool pr_skill_take_number(struct pr_skill_text *t, int64_t *ret);
/* All digits from here on, at least one; *ret borrows them. */
bool pr_skill_take_digits(struct pr_skill_text *t, struct pr_skill_text *ret);

/* Is the trimmed answer this text, or this number as it is normally written? */
bool pr_skill_says(const char *answer, size_t n, const char *text, size_t text_len);
bool pr_skill_says_number(const char *answer, size_t n, int64_t number);

#endif
