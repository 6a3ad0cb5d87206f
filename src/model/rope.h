/* Rotary position embeddings: inverse frequencies with their scaling, and the cos/sin table. */
#ifndef PR_MODEL_ROPE_H
#define PR_MODEL_ROPE_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/config.h"

/* ret[head_dim/2]: theta^(−2i/head_dim), changed by the scaling rule ("llama3": Llama 3.1 model
 * card; "linear": Chen et al. 2023, divided by the factor). */
void pr_rope_frequencies(const struct pr_rope *rope, uint32_t head_dim, double *ret);

/* cos and sin of position × frequency, computed in double.  Zero-initialise. */
struct pr_rope_table {
    uint32_t half;    /* head_dim / 2 */
    uint32_t n;       /* positions in the table */
    float *cos, *sin; /* [n][half] */
};
/* Makes the table hold at least n positions; not while a pass reads it. */
PR_MUST_CHECK enum pr_code pr_rope_table_grow(struct pr_rope_table *t, const struct pr_rope *rope,
    uint32_t head_dim, uint32_t n, struct pr_error *e);
void pr_rope_table_done(struct pr_rope_table *t);

#endif
