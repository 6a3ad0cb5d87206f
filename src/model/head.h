/* The vocabulary head without a rows × vocabulary matrix: logits are made a chunk of the vocabulary
 * at a time, reduced to what is wanted of them, and forgotten. */
#ifndef PR_MODEL_HEAD_H
#define PR_MODEL_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/forward.h"

#define PR_MAX_TOP 20 /* what the OpenAI API allows */

/* The log-probability of one token after one row. */
struct pr_target {
    uint32_t slot; /* index into the rows of the call */
    int32_t id;
    float logit; /* out */
};

struct pr_top {
    float logit;
    int32_t id; /* -1: none (all logits were NaN) */
};

/* One head's buffers; reused from pass to pass. */
struct pr_head {
    struct pr_forward *f;
    uint32_t max_rows;
    size_t n_chunks;
    char *rows;                 /* (max_rows, ld_hidden) normalised rows */
    char *t;                    /* (max_rows, ld_rank) low-rank part */
    float *scratch;             /* (threads, block of rows, chunk) logits */
    float *part_max, *part_sum; /* (n_chunks, max_rows) */
    struct pr_top *part_top;    /* (n_chunks, max_rows, top_k), grown on demand */
    size_t part_top_n;
    void *block;
    size_t block_bytes;
    /* out, of the last call */
    double *lse;        /* (max_rows) ln Σ exp(logit); NaN where a logit is NaN or +inf */
    struct pr_top *top; /* (max_rows, PR_MAX_TOP) best first; ties: the smaller id first */
};

PR_MUST_CHECK enum pr_code pr_head_init(
    struct pr_head *h, struct pr_forward *f, struct pr_error *e);
void pr_head_done(struct pr_head *h);

/* Works on n rows (indices into f->x, n <= max_rows): fills h->lse[slot], the first top_k (≤
 * PR_MAX_TOP) of h->top[slot], each target's logit, and logits[slot] (vocab values) where that is
 * not NULL (logits itself may be NULL). */
void pr_head_run(struct pr_head *h, const uint32_t *rows, uint32_t n, uint32_t top_k,
    struct pr_target *targets, size_t n_targets, float *const *logits);

#endif
