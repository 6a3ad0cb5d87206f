/* The KV cache: pages of 64 positions, shared between sequences that begin alike.
 *
 * A page holds keys and values of 64 consecutive positions (aligned to multiples of 64) for every
 * layer and kv head, in the kernels' panel layout: keys as the columns of a panel (Q·Kᵀ), head_dim
 * as the columns of panels (P·V).  Pages are reference-counted: a sequence may read a shared page
 * and copies it before it writes.  Used by one thread; the pass writes distinct slots in parallel.
 */
#ifndef PR_MODEL_KV_H
#define PR_MODEL_KV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "model/config.h"

#define PR_KV_PAGE 64 /* positions; equal to PR_PANEL, so that a page is one panel of keys */

struct pr_kv_page {
    struct pr_kv_page *next_free;
    char *data;
    uint32_t refs;
};

/* One sequence's cache: positions [0, len) are written. */
struct pr_kv_seq {
    struct pr_kv_page **pages;
    uint32_t n_pages, cap_pages, len;
};

struct pr_kv {
    size_t elem;               /* bytes an element: 2 (bf16) or 4 */
    size_t unit;               /* of the panels: 2 or 1 */
    uint32_t head_dim, v_cols; /* v_cols: head_dim rounded up to 16 */
    size_t k_bytes, v_bytes;   /* of one head's keys / values in a page */
    size_t layer_bytes, page_bytes;
    uint32_t n_kv_heads;
    size_t max_pages, n_pages; /* the budget, and what is in use */
    struct pr_kv_page *free;
};

void pr_kv_init(struct pr_kv *kv, const struct pr_model_config *c, bool bf16, size_t budget_bytes);
void pr_kv_done(struct pr_kv *kv); /* every sequence must have been released */

/* dst (zeroed) becomes a sequence that shares all of src's positions. */
void pr_kv_fork(struct pr_kv_seq *dst, const struct pr_kv_seq *src);
/* Likewise of the first len positions only, len <= src->len. */
void pr_kv_fork_part(struct pr_kv_seq *dst, const struct pr_kv_seq *src, uint32_t len);
/* Makes positions [seq->len, new_len) writable: new pages, and a copy of a shared last one.
 * *ret_ok false (and nothing changed) where that would pass the budget and force is not set. */
PR_MUST_CHECK enum pr_code pr_kv_reserve(struct pr_kv *kv, struct pr_kv_seq *seq, uint32_t new_len,
    bool force, bool *ret_ok, struct pr_error *e);
void pr_kv_release(struct pr_kv *kv, struct pr_kv_seq *seq);

/* One head's keys [head_dim/u][64][u] and values: panels of 64 head_dim columns (the last of
 * v_cols − 64·i), each [64/u][cols][u]. */
static inline char *pr_kv_keys(
    const struct pr_kv *kv, const struct pr_kv_page *p, uint32_t layer, uint32_t head)
{
    return p->data + layer * kv->layer_bytes + head * (kv->k_bytes + kv->v_bytes);
}
static inline char *pr_kv_values(
    const struct pr_kv *kv, const struct pr_kv_page *p, uint32_t layer, uint32_t head)
{
    return pr_kv_keys(kv, p, layer, head) + kv->k_bytes;
}

/* Writes one position's key and value of one head ((head_dim) f32 each) into its slot (0–63). */
void pr_kv_write(const struct pr_kv *kv, struct pr_kv_page *p, uint32_t layer, uint32_t head,
    uint32_t slot, const float *key, const float *value);

#endif
