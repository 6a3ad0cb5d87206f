/* The plan of a run: all requests' tokens as a tree, so that a shared beginning is computed once.
 */
#ifndef PR_MODEL_PLAN_H
#define PR_MODEL_PLAN_H

#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "model/engine.h"
#include "model/kv.h"

/* A stretch of tokens [start, end) that the requests below it have in common. */
struct pr_node {
    const int32_t *ids;        /* of some request that runs through this node, from position 0 */
    uint32_t start, end, done; /* done: positions computed so far, start ≤ done ≤ end */
    struct pr_node *parent, *first_child, *last_child, *sibling;
    struct pr_node *next_ready;
    uint32_t users; /* children not started yet, while the node's cache is kept for them */
    struct pr_request **ending; /* requests whose tokens end with this node */
    size_t n_ending, cap_ending;
    struct pr_request **wanting; /* requests that want numbers of rows in this node */
    size_t n_wanting, cap_wanting;
    struct pr_kv_seq kv;
    bool started;
};

struct pr_plan {
    struct pr_arena arena;
    struct pr_node **nodes; /* all, for cleaning up */
    size_t n_nodes, cap_nodes;
    struct pr_node *first_root; /* linked by sibling, in the order of the requests */
    uint64_t tokens, shared;    /* to compute; saved by sharing */
};

/* Builds the tree.  Beginnings shorter than min_share tokens are not shared: the pass that would be
 * spent on them alone costs more. */
void pr_plan_build(struct pr_plan *p, struct pr_request *requests, size_t n, uint32_t min_share);
/* A node of its own, outside the tree, for a sequence that is computed again. */
struct pr_node *pr_plan_add(struct pr_plan *p, const int32_t *ids, uint32_t n);
void pr_plan_done(struct pr_plan *p); /* the nodes' caches must have been released */

/* The rows whose next-token numbers request r wants: [ret_first, ret_end); empty for none. */
void pr_request_rows(const struct pr_request *r, size_t *ret_first, size_t *ret_end);

#endif
