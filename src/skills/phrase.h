/* Phrasings: one pattern, "What is % in %?", makes a question and takes it apart again, so that
 * what is asked and what is understood cannot drift apart.  And answers as people write them. */
#ifndef PR_SKILLS_PHRASE_H
#define PR_SKILLS_PHRASE_H

#include "skills/skill.h"
#include "skills/text.h"

#define PR_PHRASE_SLOTS 6

/* Appends the pattern with its n-th % replaced by slots[n]. */
void pr_phrase_put(struct pr_str *out, const char *pattern, const char *const *slots);
/* The parts of t that stand where the pattern has %, each as short as the text that follows allows
 * and none empty; false: t is not of this form.  Slots borrow from t. */
bool pr_phrase_take(struct pr_skill_text t, const char *pattern, struct pr_skill_text *ret_slots);

bool pr_text_is(struct pr_skill_text t, const char *text);
/* The place in the table of the text that t is, else n. */
size_t pr_text_index(struct pr_skill_text t, const char *const *table, size_t n);
/* t without white space and one full stop at its end. */
struct pr_skill_text pr_skill_answer(const char *answer, size_t n);
/* Is the answer this word, in either case? */
bool pr_answer_is_word(const char *answer, size_t n, const char *word);
/* Is the answer this whole number: an optional sign (also U+2212), digits without zeros in front,
 * in groups of three with commas or in none, optionally ".0"? */
bool pr_answer_is_number(const char *answer, size_t n, int64_t number);

/* A signed number of up to nine digits and as many decimals as PR_DECIMALS: "-3.25". *ret is in
 * units of the last decimal. */
#define PR_DECIMALS     6
#define PR_DECIMAL_UNIT 1000000
bool pr_skill_take_decimal(struct pr_skill_text *t, int64_t *ret);

/* How many digits x has, 1 for 0; x >= 0.  A random number of so many digits. */
int pr_skill_digits(int64_t x);
int64_t pr_skill_of_digits(struct pr_rng *rng, int digits);

/* A made-up noun of one syllable, "blorn" (1,920 of them); buf holds at least 12. */
void pr_skill_word(struct pr_rng *rng, char buf[12]);

/* vary for a skill whose levels each ask one form: another question of the same level.  Where the
 * question is of none, other digits of the same number take the place of each. */
bool pr_skill_vary_made(const struct pr_skill *s, struct pr_rng *rng, const char *prompt, size_t n,
    struct pr_str *ret_prompt, struct pr_str *ret_golden);

#endif
