/* A look through every weight: NaN, infinities, tensors of nothing but zeros. */
#ifndef PR_MODEL_SCAN_H
#define PR_MODEL_SCAN_H

#include "compute/pool.h"
#include "model/safetensors.h"
#include "model/tokenizer.h" /* struct pr_notes */

struct pr_scan {
    uint64_t n_nan, n_inf;
    uint64_t first_bad; /* index of the first NaN or infinity; the tensor's n where there is none */
    bool all_zero;      /* and not empty; −0 counts as zero */
};

/* Looks through n tensors with data (of a float type; others are passed over: all 0, first_bad n)
 * and fills ret[n].  pool may be NULL.  Runs at the speed of memory. */
void pr_scan_tensors(
    const struct pr_tensor *const *tensors, size_t n, struct pr_pool *pool, struct pr_scan *ret);

/* The same in words: which tensors hold NaN or infinities (how many, where the first) or only zeros
 * (biases may).  bad gets the names of those that hold NaN or infinities (NULL: not wanted).  The
 * tensors are mapped; pool may be NULL. */
void pr_scan_notes(const struct pr_tensor *const *tensors, size_t n, struct pr_pool *pool,
    struct pr_notes *notes, struct pr_notes *bad);

#endif
