/* The words of word puzzles, in syllables. */
#ifndef PR_SKILLS_WORD_LIST_H
#define PR_SKILLS_WORD_LIST_H

#include <stddef.h>

#define PR_MAX_SYLLABLES 4

struct pr_list_word {
    const char *syllables; /* "ba-na-na" */
    int kind;              /* index of pr_word_kinds */
};

/* "animal" … */
extern const char *const pr_word_kinds[];
extern const size_t pr_n_word_kinds;
/* No word is of two kinds. */
extern const struct pr_list_word pr_word_list[];
extern const size_t pr_n_words;

#endif
