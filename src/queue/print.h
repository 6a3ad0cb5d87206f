/* The print of a text: what comparing it needs, in a fixed number of bytes. */
#ifndef PR_QUEUE_PRINT_H
#define PR_QUEUE_PRINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/dialog.h"
#include "queue/words.h"

/* MinHash (Broder 1997) in bands (Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3.4):
 * two texts of Jaccard similarity J share a band with probability 1 − (1 − J^rows)^bands, which is
 * 0.991 at J = 0.8 and 0.9998 at 0.87. */
#define PR_PRINT_BANDS    12
#define PR_PRINT_ROWS     5
#define PR_PRINT_SHINGLE  3 /* words */
#define PR_PRINT_SIMILAR  0.8
#define PR_PRINT_SKETCH   4   /* words of 64 bits */
#define PR_PRINT_ANSWER   12  /* words: an answer of at most so many must be the same */
#define PR_PRINT_SHINGLES 256 /* about so many are drawn into a sketch at most */

struct pr_print {
    bool empty;          /* no words: equal to nothing */
    uint64_t exact;      /* of all words */
    uint32_t key;        /* of numbers, their signs, and a short answer: near texts have the same */
    uint32_t n_shingles; /* with repetitions */
    uint32_t band[PR_PRINT_BANDS];
    /* An odd sketch (Mitzenmacher, Pagh, Pham 2014): the parity of the shingles that fall on each
     * bit, of those whose hash ends in `scale` zeros.  Where two differ tells how many shingles are
     * in one set alone. */
    uint64_t sketch[PR_PRINT_SKETCH];
    uint8_t scale;
};

/* Of the turns that are not the system's: all = their words; answer_at: where the last answer's
 * begin (n: there is none). */
void pr_print_make(const uint64_t *words, size_t n, size_t answer_at, struct pr_print *ret);
/* The Jaccard similarity of two sets of shingles, from sizes and sketches of the same scale. */
double pr_print_similarity(const struct pr_print *a, const struct pr_print *b);

#endif
