/* Small graphs over the nodes A to Z. */
#ifndef PR_SKILLS_GRAPH_H
#define PR_SKILLS_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PR_GRAPH_NODES 26
#define PR_GRAPH_EDGES 40
#define PR_GRAPH_NONE  INT64_MAX /* there is no way */

struct pr_graph {
    bool directed;
    size_t n_edges;
    struct pr_graph_edge {
        int a, b;  /* from, to; 0 is A */
        int64_t w; /* 1 where edges have no length; 1 to 10^6 */
    } edges[PR_GRAPH_EDGES];
};

/* Is there an edge from a to b (or, undirected, between them)? */
bool pr_graph_linked(const struct pr_graph *g, int a, int b);
bool pr_graph_has(const struct pr_graph *g, int node); /* at the end of some edge */
size_t pr_graph_nodes(const struct pr_graph *g);
/* Distances from a node: PR_GRAPH_NONE where no way leads.  order: the nodes that are reached, as
 * their distances rise; before: each one's node on a shortest way (-1: none).  Either may be NULL.
 * How many are reached. */
size_t pr_graph_distances(const struct pr_graph *g, int from, bool lengths,
    int64_t ret[PR_GRAPH_NODES], int order[PR_GRAPH_NODES], int before[PR_GRAPH_NODES]);
/* Paths from a node to each in a directed graph without cycles; order: such that edges lead on in
 * it, n of them; false: it has a cycle. */
bool pr_graph_paths(const struct pr_graph *g, int from, int64_t ret[PR_GRAPH_NODES],
    int order[PR_GRAPH_NODES], size_t *ret_n);
/* The group (connected component) of each node, from 0; -1: not in the graph.  How many. */
size_t pr_graph_groups(const struct pr_graph *g, int ret[PR_GRAPH_NODES]);

#endif
