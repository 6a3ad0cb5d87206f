/* Phrasings: one pattern writes a sentence of a question and reads it again, so that nothing is
 * asked that cannot be read.  A pattern is text with slots between:
 *
 *   {d0}  a whole number, - in front of one below zero, no superfluous zeros
 *   {w1}  a word of ASCII letters
 *   {s2}  any text of one byte or more, up to where the pattern's next text begins
 *
 * The digit is the slot's place.  A slot that is set already (from a sentence before, or from
 * earlier in the same pattern) is read only where the text says the same.
 */
#ifndef PR_SKILLS_SENTENCE_H
#define PR_SKILLS_SENTENCE_H

#include "skills/text.h"

#define PR_SLOTS 10

struct pr_slot {
    bool set;
    int64_t x;              /* {d} */
    struct pr_skill_text s; /* {w} and {s}; borrowed */
};

void pr_slot_number(struct pr_slot *slot, int64_t x);
void pr_slot_text(struct pr_slot *slot, const char *s, size_t n);
/* Copies a word or text into a buffer of `size`; false: it does not fit with its NUL. */
bool pr_slot_copy(const struct pr_slot *slot, char *ret, size_t size);

/* slots: PR_SLOTS of them, those of the pattern set. */
void pr_sentence_write(struct pr_str *out, const char *pattern, const struct pr_slot *slots);
/* Takes the pattern from the front of t and sets its slots.  false: the text goes on differently;
 * t and slots are as they were. */
bool pr_sentence_read(struct pr_skill_text *t, const char *pattern, struct pr_slot *slots);
/* Does the text end in what the pattern ends in, as one that it is all of must?  Mostly not, and
 * that is quickly seen. */
bool pr_sentence_ends_alike(struct pr_skill_text t, const char *pattern);
/* As pr_sentence_read with the first of n patterns that takes the whole of t: its index, or n. */
size_t pr_sentence_which(
    struct pr_skill_text t, const char *const *patterns, size_t n, struct pr_slot *slots);

#endif
