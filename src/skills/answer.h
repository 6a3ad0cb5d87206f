/* Answers as people write them: numbers with a sign or groups of thousands, fractions, words in any
 * case, lists.  Each function reads bytes that may be anything. */
#ifndef PR_SKILLS_ANSWER_H
#define PR_SKILLS_ANSWER_H

#include "skills/text.h"

/* Takes a whole number of at most 15 digits from the front: "17", "+17", "-17", "−17", "1,234"
 * (groups of three), no superfluous zeros.  false: t is as it was. */
bool pr_answer_take_integer(struct pr_skill_text *t, int64_t *ret);
/* Is the answer, trimmed, this number, alone or with this unit behind it ("17 apples"; "1 apple"
 * where the unit ends in s; unit NULL: none)? */
bool pr_answer_is_integer(struct pr_skill_text a, int64_t value, const char *unit);
/* Takes a rational number: a whole one, "3/2", "-3/2", "1.5"; num/den in lowest terms, den > 0. */
bool pr_answer_take_rational(struct pr_skill_text *t, int64_t *ret_num, int64_t *ret_den);
/* The same bytes but for the case of ASCII letters. */
bool pr_answer_same_word(struct pr_skill_text a, const char *word, size_t n);
/* Takes one pair of double quotes off that enclose the trimmed answer. */
struct pr_skill_text pr_answer_unquoted(struct pr_skill_text a);
/* Takes white space from the front. */
void pr_answer_skip_space(struct pr_skill_text *t);
/* Cuts the next item of a list off: up to a comma, to " and " or to the end, trimmed; false: there
 * is none, or it is empty. */
bool pr_answer_next_item(struct pr_skill_text *t, struct pr_skill_text *ret);

int64_t pr_gcd(int64_t a, int64_t b); /* of the amounts; 0 where both are 0 */

#endif
