/* The stories of word problems: sentences in which amounts change. */
#ifndef PR_SKILLS_WORD_STORIES_H
#define PR_SKILLS_WORD_STORIES_H

#include <stdbool.h>
#include <stddef.h>

#include "skills/names.h"

/* How a sentence changes the amount; PACKS are {d0} times {d1} at once: two steps. */
enum pr_word_op {
    PR_WORD_ADD,
    PR_WORD_SUB,
    PR_WORD_MUL,
    PR_WORD_DIV,
    PR_WORD_ADD_PACKS,
    PR_WORD_SUB_PACKS,
    PR_WORD_N_OPS
};

#define PR_WORD_PHRASES 3

/* Patterns of phrase.h; slots: 0 and 1 numbers, 2 whom the story is about, 3 the things, 4 another
 * name, 5 the person of the sentence before.  A phrasing that is NULL is not there. */
struct pr_word_story {
    enum pr_names who, others; /* what slots 2 and 4 are drawn from */
    const char *unit;          /* of the answer; NULL: the things of slot 3 */
    bool money;                /* "$17" is an answer too */
    const char *starts[PR_WORD_PHRASES], *steps[PR_WORD_N_OPS][PR_WORD_PHRASES],
        *questions[PR_WORD_PHRASES];
};

extern const struct pr_word_story pr_word_stories[];
extern const size_t pr_word_n_stories;

#endif
