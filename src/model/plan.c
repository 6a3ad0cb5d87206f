/* Building the tree of shared beginnings: a compressed trie from the sorted token sequences. */
#include "model/plan.h"

#include <stdlib.h>
#include <string.h>

static int by_tokens(const void *a, const void *b)
{
    const struct pr_request *x = *(struct pr_request *const *)a,
                            *y = *(struct pr_request *const *)b;
    size_t n = x->n < y->n ? x->n : y->n;
    for (size_t i = 0; i < n; i++)
        if (x->ids[i] != y->ids[i])
            return x->ids[i] < y->ids[i] ? -1 : 1;
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    return x < y ? -1 : x > y; /* equal sequences stay in the caller's order */
}

static size_t common(const struct pr_request *x, const struct pr_request *y)
{
    size_t n = x->n < y->n ? x->n : y->n, i = 0;
    while (i < n && x->ids[i] == y->ids[i])
        i++;
    return i;
}

static struct pr_node *new_node(struct pr_plan *p, const int32_t *ids, uint32_t start, uint32_t end)
{
    struct pr_node *node = pr_arena_alloc(&p->arena, sizeof *node);
    node->ids = ids;
    node->start = node->done = start;
    node->end = end;
    PR_PUSH(p->nodes, p->n_nodes, p->cap_nodes, node);
    return node;
}

static void add_child(struct pr_node *parent, struct pr_node *child)
{
    child->parent = parent;
    if (parent->last_child)
        parent->last_child->sibling = child;
    else
        parent->first_child = child;
    parent->last_child = child;
}

/* Cuts node at position `at`: a new node takes its first part and its place; returns it. */
static struct pr_node *cut(struct pr_plan *p, struct pr_node *node, uint32_t at)
{
    struct pr_node *head = new_node(p, node->ids, node->start, at), *parent = node->parent;
    head->parent = parent;
    if (parent) { /* node is the last child: the tree grows at its right edge */
        struct pr_node **link = &parent->first_child;
        while (*link != node)
            link = &(*link)->sibling;
        *link = parent->last_child = head;
    }
    node->start = node->done = at;
    node->sibling = NULL;
    add_child(head, node);
    return head;
}

void pr_request_rows(const struct pr_request *r, size_t *ret_first, size_t *ret_end)
{
    size_t first = r->n, end = 0;
    if (r->logprobs && r->score_from < r->n) {
        first = r->score_from - 1;
        end = r->n - 1;
    }
    if (r->top_k && r->top_from < r->n) {
        first = r->top_from < first ? r->top_from : first;
        end = r->n;
    }
    if (r->logits || r->max_new) {
        first = r->n - 1 < first ? r->n - 1 : first;
        end = r->n;
    }
    *ret_first = first;
    *ret_end = end > first ? end : first;
}

static void attach(struct pr_node *leaf, struct pr_request *r)
{
    size_t first, end;
    pr_request_rows(r, &first, &end);
    PR_PUSH(leaf->ending, leaf->n_ending, leaf->cap_ending, r);
    for (struct pr_node *n = leaf; n && first < end && n->end > first; n = n->parent)
        if (n->start < end)
            PR_PUSH(n->wanting, n->n_wanting, n->cap_wanting, r);
}

struct root {
    struct pr_node *node;
    const struct pr_request *first;
};

static int by_request(const void *a, const void *b)
{
    const struct pr_request *x = ((const struct root *)a)->first,
                            *y = ((const struct root *)b)->first;
    return x < y ? -1 : x > y;
}

/* Links the roots in the order of the first request below each. */
static void order_roots(struct pr_plan *p, struct root *roots, size_t n)
{
    if (n)
        qsort(roots, n, sizeof *roots, by_request);
    struct pr_node **link = &p->first_root;
    for (size_t i = 0; i < n; i++) {
        *link = roots[i].node;
        link = &roots[i].node->sibling;
    }
    *link = NULL;
}

void pr_plan_build(struct pr_plan *p, struct pr_request *requests, size_t n, uint32_t min_share)
{
    struct pr_request **sorted = pr_alloc(n * sizeof(struct pr_request *));
    struct pr_node **leaves = pr_alloc(n * sizeof(struct pr_node *));
    struct root *roots = NULL;
    size_t n_roots = 0, cap_roots = 0;
    struct pr_node *top = NULL; /* the node at the right edge where the last request ends */
    for (size_t i = 0; i < n; i++)
        sorted[i] = &requests[i];
    if (n)
        qsort(sorted, n, sizeof *sorted, by_tokens);
    for (size_t i = 0; i < n; i++) {
        struct pr_request *r = sorted[i];
        size_t same = i ? common(sorted[i - 1], r) : 0;
        if (same < min_share)
            same = 0;
        while (top && top->start >= same && top->start > 0)
            top = top->parent;
        if (!same)
            top = NULL;
        if (top && top->end > same) {
            bool root = !top->parent;
            top = cut(p, top, (uint32_t)same);
            if (root)
                roots[n_roots - 1].node = top;
        }
        if (!top || r->n > same) {
            struct pr_node *node = new_node(p, r->ids, (uint32_t)same, (uint32_t)r->n);
            if (top)
                add_child(top, node);
            else
                PR_PUSH(roots, n_roots, cap_roots, ((struct root){node, r}));
            top = node;
        }
        if (r < roots[n_roots - 1].first)
            roots[n_roots - 1].first = r;
        leaves[i] = top;
        p->shared += same;
    }
    /* Cutting moves ends, so requests are attached once the tree stands. */
    for (size_t i = 0; i < n; i++)
        attach(leaves[i], sorted[i]);
    for (size_t i = 0; i < p->n_nodes; i++)
        p->tokens += p->nodes[i]->end - p->nodes[i]->start;
    order_roots(p, roots, n_roots);
    pr_free(roots);
    pr_free(leaves);
    pr_free(sorted);
}

struct pr_node *pr_plan_add(struct pr_plan *p, const int32_t *ids, uint32_t n)
{
    int32_t *copy = pr_arena_alloc(&p->arena, n * sizeof *copy);
    memcpy(copy, ids, n * sizeof *copy);
    return new_node(p, copy, 0, n);
}

void pr_plan_done(struct pr_plan *p)
{
    for (size_t i = 0; i < p->n_nodes; i++) {
        pr_free(p->nodes[i]->ending);
        pr_free(p->nodes[i]->wanting);
        pr_free(p->nodes[i]->kv.pages);
    }
    pr_free(p->nodes);
    pr_arena_done(&p->arena);
    *p = (struct pr_plan){0};
}
