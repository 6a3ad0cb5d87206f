/* The search for words in syllables. */
#ifndef PR_SKILLS_HIDDEN_SEARCH_H
#define PR_SKILLS_HIDDEN_SEARCH_H

#include <stdbool.h>

#include "skills/word_list.h"

#define PR_HIDDEN_MAX_WORDS     6
#define PR_HIDDEN_MAX_SYLLABLES 28
#define PR_HIDDEN_MAX_SYLLABLE  8  /* letters and NUL */
#define PR_HIDDEN_MAX_WORD      20 /* letters and NUL */

struct pr_hidden_clue {
    int kind;   /* of pr_word_kinds; -1: any */
    int length; /* letters; 0: any */
};

struct pr_hidden {
    char syllables[PR_HIDDEN_MAX_SYLLABLES][PR_HIDDEN_MAX_SYLLABLE];
    size_t n_syllables, spare; /* spare ones are in no word */
    struct pr_hidden_clue clues[PR_HIDDEN_MAX_WORDS];
    size_t n_clues;
};

/* The letters of word w of the list. */
void pr_hidden_word(size_t w, char ret[PR_HIDDEN_MAX_WORD]);
bool pr_hidden_fits(const struct pr_hidden_clue *c, size_t w);
/* How many answers there are, 2 for two and more (and where there is too much to look through): a
 * different word for each clue, each put together from syllables of the puzzle, of which all but
 * `spare` are used. ret: the first one found. */
int pr_hidden_solve(const struct pr_hidden *h, size_t ret[PR_HIDDEN_MAX_WORDS]);

#endif
