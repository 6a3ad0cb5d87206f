/* Drawing the next token from logits. */
#ifndef PR_MODEL_SAMPLE_H
#define PR_MODEL_SAMPLE_H

#include <stddef.h>
#include <stdint.h>

/* What is left of the distribution, applied in this order (as Hugging Face's generate does):
 * softmax of logits / temperature; the top_k most likely tokens; of these, renormalised, the fewest
 * whose probabilities sum to at least top_p (Holtzman et al. 2020); those at least min_p times as
 * likely as the most likely one (Nguyen et al. 2024).  Ties: the smaller id first.  Zeros switch a
 * limit off; the most likely token always stays. */
struct pr_sampling {
    double temperature; /* 0: greedy, the rest does not matter */
    uint32_t top_k;     /* 0: all */
    double top_p;       /* 0 or 1: all */
    double min_p;       /* 0 to 1 */
    uint64_t seed;
};

/* The token at `place` (its position in the sequence) of n logits; none is NaN or +inf, and one is
 * above −inf.  The random number depends on seed and place alone, so that what else is computed
 * beside it changes nothing.  Not for temperature 0. */
int32_t pr_sample(const struct pr_sampling *s, uint64_t place, const float *logits, size_t n);

/* What it draws from: ids and probabilities (summing to 1), most likely first; *ret_n of at most n.
 * Both are the caller's (pr_free). */
void pr_sample_set(const struct pr_sampling *s, const float *logits, size_t n, int32_t **ret_ids,
    double **ret_p, size_t *ret_n);

#endif
