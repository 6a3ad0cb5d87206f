/* A prefix cache: the keys and values of sequences that are over, for those that begin alike.
 *
 * Whole pages only.  Exact: a sequence that goes on from a cached beginning has the bits that it
 * would have alone.  Used by one thread, the engine's. */
#ifndef PR_MODEL_PREFIX_H
#define PR_MODEL_PREFIX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/kv.h"

struct pr_prefix_entry {
    int32_t *ids; /* (seq.len) */
    struct pr_kv_seq seq;
    uint64_t used; /* when it was last put or taken, counted */
};
struct pr_prefix {
    struct pr_kv *kv;
    struct pr_prefix_entry *v;
    size_t n, cap, most; /* most entries */
    uint64_t now;
};

void pr_prefix_init(struct pr_prefix *p, struct pr_kv *kv, size_t most);
void pr_prefix_done(struct pr_prefix *p); /* lets all pages go */

/* The longest cached beginning of ids[0..n) that leaves at least one token to compute, as a
 * sequence that shares its pages (zeroed where there is none).  Returns its length. */
uint32_t pr_prefix_take(struct pr_prefix *p, const int32_t *ids, size_t n, struct pr_kv_seq *ret);
/* Keeps the whole pages of seq, whose positions hold ids[0..seq->len); seq stays the caller's. */
void pr_prefix_put(struct pr_prefix *p, const int32_t *ids, const struct pr_kv_seq *seq);
/* Forgets the one that was used longest ago; false: there is none. */
bool pr_prefix_drop_oldest(struct pr_prefix *p);

#endif
