/* The texts that were seen: 112 bytes each, whatever their length, and tables of their hashes. */
#ifndef PR_QUEUE_SEEN_H
#define PR_QUEUE_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "queue/print.h"

/* Buckets of each band: about as many as texts, from the first number to the last. */
#define PR_SEEN_FEW   12 /* as powers of two */
#define PR_SEEN_MANY  20
#define PR_SEEN_LOOKS 64 /* texts looked at for each band: repeated filler costs no more */

struct pr_seen_text {
    uint64_t exact, sketch[PR_PRINT_SKETCH];
    uint32_t key, n_shingles, file, line;
    uint32_t next[PR_PRINT_BANDS]; /* the text before it in the bucket, from 1; 0: none */
    uint8_t high[PR_PRINT_BANDS];  /* the bits of the bands' hashes from PR_SEEN_FEW on */
    uint8_t scale;
};

/* Zero-initialise. */
struct pr_seen {
    struct pr_seen_text *v;
    size_t n, cap;
    uint32_t *exact; /* open addressing by the hash of the words: index from 1 */
    size_t n_slots;
    uint32_t *head; /* [PR_PRINT_BANDS][1 << buckets]: the newest text of the bucket, from 1 */
    unsigned buckets;
};
void pr_seen_done(struct pr_seen *s);
/* The text with the same words, or one that is near (*ret_near); NULL: neither. */
const struct pr_seen_text *pr_seen_find(
    const struct pr_seen *s, const struct pr_print *p, bool *ret_near);
void pr_seen_add(struct pr_seen *s, const struct pr_print *p, uint32_t file, uint32_t line);

#endif
