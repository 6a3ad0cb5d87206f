/* Answers that were changed: another digit, sign or order, a unit, a near miss, another question's
 * answer; and whether two answers are the same one written differently, found without any verifier.
 */
#ifndef TESTS_SKILLS_MUTATE_H
#define TESTS_SKILLS_MUTATE_H

#include <stdbool.h>

#include "base/rng.h"
#include "base/str.h"

/* Appends a text that differs from golden.  another: the answer to some other question, or "". */
void mutate(struct pr_rng *rng, const char *golden, const char *another, struct pr_str *out);
/* Case, commas, spaces, brackets, a plus, a full stop at the end and zeros that change no number do
 * not count. */
bool same_answer(const char *a, const char *b);

#endif
