/* Shortest ways, paths and groups. */
#include "skills/graph.h"

bool pr_graph_linked(const struct pr_graph *g, int a, int b)
{
    for (size_t i = 0; i < g->n_edges; i++) {
        const struct pr_graph_edge *e = &g->edges[i];
        if ((e->a == a && e->b == b) || (!g->directed && e->a == b && e->b == a))
            return true;
    }
    return false;
}

bool pr_graph_has(const struct pr_graph *g, int node)
{
    for (size_t i = 0; i < g->n_edges; i++)
        if (g->edges[i].a == node || g->edges[i].b == node)
            return true;
    return false;
}

size_t pr_graph_nodes(const struct pr_graph *g)
{
    size_t n = 0;
    for (int v = 0; v < PR_GRAPH_NODES; v++)
        n += pr_graph_has(g, v);
    return n;
}

/* Shortens the ways that lead on over v. */
static void relax(const struct pr_graph *g, int v, bool lengths, int64_t *distance, int *before)
{
    for (size_t i = 0; i < g->n_edges; i++) {
        const struct pr_graph_edge *e = &g->edges[i];
        int to = e->a == v ? e->b : !g->directed && e->b == v ? e->a : -1;
        if (to < 0)
            continue;
        int64_t d = distance[v] + (lengths ? e->w : 1);
        if (d >= distance[to])
            continue;
        distance[to] = d;
        if (before)
            before[to] = v;
    }
}

size_t pr_graph_distances(const struct pr_graph *g, int from, bool lengths,
    int64_t ret[PR_GRAPH_NODES], int order[PR_GRAPH_NODES], int before[PR_GRAPH_NODES])
{
    bool done[PR_GRAPH_NODES] = {false};
    size_t n = 0;
    for (int v = 0; v < PR_GRAPH_NODES; v++) {
        ret[v] = PR_GRAPH_NONE;
        if (before)
            before[v] = -1;
    }
    ret[from] = 0;
    for (;;) {
        int next = -1;
        for (int v = 0; v < PR_GRAPH_NODES; v++)
            if (!done[v] && ret[v] != PR_GRAPH_NONE && (next < 0 || ret[v] < ret[next]))
                next = v;
        if (next < 0)
            return n;
        done[next] = true;
        if (order)
            order[n] = next;
        n++;
        relax(g, next, lengths, ret, before);
    }
}

bool pr_graph_paths(const struct pr_graph *g, int from, int64_t ret[PR_GRAPH_NODES],
    int order[PR_GRAPH_NODES], size_t *ret_n)
{
    bool done[PR_GRAPH_NODES] = {false};
    size_t n = 0, all = pr_graph_nodes(g);
    for (int v = 0; v < PR_GRAPH_NODES; v++)
        ret[v] = v == from;
    while (n < all) {
        int next = -1;
        for (int v = 0; v < PR_GRAPH_NODES && next < 0; v++) {
            bool free = !done[v] && pr_graph_has(g, v);
            for (size_t i = 0; i < g->n_edges && free; i++)
                free = g->edges[i].b != v || done[g->edges[i].a];
            next = free ? v : -1;
        }
        if (next < 0)
            return false;
        done[next] = true;
        order[n++] = next;
        for (size_t i = 0; i < g->n_edges; i++)
            if (g->edges[i].a == next)
                ret[g->edges[i].b] += ret[next];
    }
    *ret_n = n;
    return true;
}

size_t pr_graph_groups(const struct pr_graph *g, int ret[PR_GRAPH_NODES])
{
    int n = 0;
    for (int v = 0; v < PR_GRAPH_NODES; v++)
        ret[v] = -1;
    for (int v = 0; v < PR_GRAPH_NODES; v++) {
        int64_t distance[PR_GRAPH_NODES];
        if (ret[v] >= 0 || !pr_graph_has(g, v))
            continue;
        pr_graph_distances(g, v, false, distance, NULL, NULL);
        for (int u = 0; u < PR_GRAPH_NODES; u++)
            if (distance[u] != PR_GRAPH_NONE)
                ret[u] = n;
        n++;
    }
    return (size_t)n;
}
