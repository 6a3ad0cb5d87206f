/* The 13-grams of texts that must not be trained on (Brown et al. 2020, appendix C), and the whole
 * of those that are shorter. */
#ifndef PR_QUEUE_GRAMS_H
#define PR_QUEUE_GRAMS_H

#include <stddef.h>
#include <stdint.h>

#define PR_GRAM_WORDS 13

/* Zero-initialise. */
struct pr_grams {
    struct pr_gram_slot *slots; /* open addressing; of a gram that several have the first stays */
    size_t n, n_slots;
    uint64_t *filter; /* a bit for each gram's hash: most that are not there end here */
    size_t n_bits;
};
void pr_grams_done(struct pr_grams *g);
/* Every 13 words in a row; of those that are mostly the answer's, which begins at `answer_at`, the
 * ones that are mostly words: "6 * 5 = <<6*5=30>>" is in many solutions of different problems. */
void pr_grams_add(
    struct pr_grams *g, const uint64_t *words, size_t n, size_t answer_at, uint32_t owner);
/* The text as a whole. */
void pr_grams_add_whole(struct pr_grams *g, const uint64_t *words, size_t n, uint32_t owner);
#define PR_GRAMS_NONE UINT32_MAX
/* The owner of the first gram that the words have, and where in them it begins. */
uint32_t pr_grams_find(const struct pr_grams *g, const uint64_t *words, size_t n, size_t *ret_at);
uint32_t pr_grams_find_whole(const struct pr_grams *g, const uint64_t *words, size_t n);

#endif
