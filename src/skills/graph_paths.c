/* Small graphs: "Edges: A-B, B-C, C-D. Fewest edges from A to D?" → "3".  Levels: 1 neighbours, 2
 * is there a way, 3 the shortest way, 4 separate groups, 5 and 6 ways and shortest ways along
 * arrows, 7 ways with lengths over up to six nodes, 8 how many paths over up to seven, 9 and 10 the
 * same two over more.  Each level has more than 10^6 questions. */
#include <stdio.h>
#include <string.h>

#include "skills/answer.h"
#include "skills/form.h"
#include "skills/graph.h"
#include "skills/sentence.h"

#define PHRASES 3
#define LL(x)   ((long long)(x))

enum kind {
    NEIGHBOURS,
    LINKED,
    SHORTEST,
    GROUPS,
    ARROWS_LINKED,
    ARROWS_SHORTEST,
    LENGTHS,
    PATHS,
    N_KINDS
};

struct problem {
    enum kind kind;
    size_t phrase;
    int from, to; /* -1: not in the question */
    struct pr_graph g;
};

/* Slots: 1 and 2 nodes, 3 the edges. */
static const struct {
    int level, level_large; /* with more than `small` nodes */
    size_t small;
    bool directed, lengths;
    const char *phrases[PHRASES];
} kinds[N_KINDS] = {
    [NEIGHBOURS] = {1, 1, 26, false, false,
        {"Edges: {s3}. How many neighbours has {w1}?", "{s3}. To how many is {w1} linked?",
            "Links {s3}: count those of {w1}."}},
    [LINKED] = {2, 2, 26, false, false,
        {"Roads: {s3}. Can one get from {w1} to {w2}?", "{s3}. Is {w2} reachable from {w1}?",
            "Links {s3}: are {w1} and {w2} connected?"}},
    [SHORTEST] = {3, 3, 26, false, false,
        {"Roads: {s3}. How many at least from {w1} to {w2}?",
            "{s3}. Fewest edges from {w1} to {w2}?",
            "Links {s3}: how many steps from {w1} to {w2}, going the shortest way?"}},
    [GROUPS] = {4, 4, 26, false, false,
        {"Links: {s3}. How many separate groups are there?",
            "{s3}. Count the connected components.",
            "Roads {s3}: into how many unconnected parts do they fall?"}},
    [ARROWS_LINKED] = {5, 5, 26, true, false,
        {"One-way roads: {s3}. Does a way lead from {w1} to {w2}?",
            "{s3}. Can {w1} reach {w2} along the arrows?",
            "Arrows {s3}: from {w1} to {w2} or not?"}},
    [ARROWS_SHORTEST] = {6, 6, 26, true, false,
        {"One-way roads: {s3}. How many at least from {w1} to {w2}?",
            "{s3}. Fewest arrows from {w1} to {w2}?",
            "Arrows {s3}: how many steps from {w1} to {w2}, going the shortest way?"}},
    [LENGTHS] = {7, 9, 6, false, true,
        {"Roads with lengths: {s3}. How long is the shortest way from {w1} to {w2}?",
            "{s3}. Least total length from {w1} to {w2}?",
            "Links and costs {s3}: how cheaply does one get from {w1} to {w2}?"}},
    [PATHS] = {8, 10, 7, true, false,
        {"Arrows: {s3}. How many different paths lead from {w1} to {w2}?",
            "{s3}. Count the paths from {w1} to {w2}.",
            "One-way roads {s3}: in how many ways from {w1} to {w2}?"}},
};

static bool asks_yes_no(enum kind k)
{
    return k == LINKED || k == ARROWS_LINKED;
}

/* ---- answers ------------------------------------------------------------------------------- */

static int64_t distance(const struct problem *p, bool lengths)
{
    int64_t d[PR_GRAPH_NODES];
    pr_graph_distances(&p->g, p->from, lengths, d, NULL, NULL);
    return d[p->to];
}

static int64_t neighbours(const struct problem *p)
{
    int64_t n = 0;
    for (int v = 0; v < PR_GRAPH_NODES; v++)
        n += pr_graph_linked(&p->g, p->from, v);
    return n;
}

/* The number asked for; 1 or 0 for yes or no; false: there is none. */
static bool value(const struct problem *p, int64_t *ret)
{
    int64_t paths[PR_GRAPH_NODES];
    int order[PR_GRAPH_NODES];
    size_t n;
    switch (p->kind) {
    case NEIGHBOURS:
        *ret = neighbours(p);
        return true;
    case GROUPS:
        *ret = (int64_t)pr_graph_groups(&p->g, order);
        return true;
    case PATHS:
        if (!pr_graph_paths(&p->g, p->from, paths, order, &n))
            return false;
        *ret = paths[p->to];
        return true;
    default:
        *ret = distance(p, p->kind == LENGTHS);
        if (asks_yes_no(p->kind))
            *ret = *ret != PR_GRAPH_NONE;
        return *ret != PR_GRAPH_NONE;
    }
}

static void put_nodes(const int *group, int which, struct pr_str *w)
{
    bool first = true;
    for (int v = 0; v < PR_GRAPH_NODES; v++) {
        if (group[v] != which)
            continue;
        pr_str_printf(w, "%s%c", first ? "" : ", ", 'A' + v);
        first = false;
    }
}

/* What is found with each step. */
static void work_steps(const struct problem *p, struct pr_str *w)
{
    int64_t d[PR_GRAPH_NODES];
    int order[PR_GRAPH_NODES], before[PR_GRAPH_NODES];
    bool lengths = p->kind == LENGTHS;
    size_t n = pr_graph_distances(&p->g, p->from, lengths, d, order, before);
    pr_str_printf(w, "Start: %c", 'A' + p->from);
    for (size_t i = 1; i < n; i++) {
        int v = order[i], u = before[v];
        if (d[v] > d[p->to])
            break;
        if (lengths)
            pr_str_printf(w, "\n%c: %lld + %lld = %lld, over %c", 'A' + v, LL(d[u]),
                LL(d[v] - d[u]), LL(d[v]), 'A' + u);
        else if (d[v] == d[order[i - 1]])
            pr_str_printf(w, ", %c (from %c)", 'A' + v, 'A' + u);
        else
            pr_str_printf(w, "\nStep %lld: %c (from %c)", LL(d[v]), 'A' + v, 'A' + u);
    }
    if (d[p->to] == PR_GRAPH_NONE)
        pr_str_printf(w, "\nNothing more is reached, %c is not among them", 'A' + p->to);
    else if (asks_yes_no(p->kind))
        pr_str_printf(w, "\n%c is reached", 'A' + p->to);
}

static void work_paths(const struct problem *p, struct pr_str *w)
{
    int64_t paths[PR_GRAPH_NODES];
    int order[PR_GRAPH_NODES];
    size_t n;
    if (!pr_graph_paths(&p->g, p->from, paths, order, &n))
        return;
    pr_str_printf(w, "Ways to %c: 1 (the start)\n", 'A' + p->from);
    for (size_t i = 0; i < n; i++) {
        int v = order[i];
        const char *sign = ": ";
        if (v == p->from || !paths[v])
            continue;
        pr_str_printf(w, "Ways to %c", 'A' + v);
        for (size_t k = 0; k < p->g.n_edges; k++) {
            int u = p->g.edges[k].a;
            if (p->g.edges[k].b != v || !paths[u])
                continue;
            pr_str_printf(w, "%s%lld (over %c)", sign, LL(paths[u]), 'A' + u);
            sign = " + ";
        }
        pr_str_printf(w, " = %lld\n", LL(paths[v]));
    }
    if (!paths[p->to])
        pr_str_printf(w, "Ways to %c: 0\n", 'A' + p->to);
}

static void work(const struct problem *p, struct pr_str *w)
{
    int group[PR_GRAPH_NODES];
    if (p->kind == NEIGHBOURS) {
        for (int v = 0; v < PR_GRAPH_NODES; v++)
            group[v] = pr_graph_linked(&p->g, p->from, v);
        pr_str_printf(w, "%c is linked to ", 'A' + p->from);
        put_nodes(group, 1, w);
    } else if (p->kind == GROUPS) {
        size_t n = pr_graph_groups(&p->g, group);
        for (size_t i = 0; i < n; i++) {
            pr_str_printf(w, "Group %zu: ", i + 1);
            put_nodes(group, (int)i, w);
            pr_str_putc(w, '\n');
        }
    } else if (p->kind == PATHS) {
        work_paths(p, w);
    } else {
        work_steps(p, w);
    }
}

static bool answer(const void *q, struct pr_str *golden, struct pr_str *working)
{
    const struct problem *p = q;
    int64_t x;
    if (!value(p, &x))
        return false;
    work(p, working);
    if (asks_yes_no(p->kind))
        pr_str_puts(golden, x ? "yes" : "no");
    else
        pr_str_printf(golden, "%lld", LL(x));
    return true;
}

static bool right(const void *q, const char *golden, struct pr_skill_text a)
{
    (void)golden;
    const struct problem *p = q;
    int64_t x;
    if (!value(p, &x))
        return false;
    if (asks_yes_no(p->kind))
        return pr_answer_same_word(a, x ? "yes" : "no", x ? 3 : 2);
    return pr_answer_is_integer(a, x, NULL);
}

static int level(const void *q)
{
    const struct problem *p = q;
    bool large = pr_graph_nodes(&p->g) > kinds[p->kind].small;
    return large ? kinds[p->kind].level_large : kinds[p->kind].level;
}

/* ---- text ---------------------------------------------------------------------------------- */

static void write(const void *q, struct pr_str *out)
{
    const struct problem *p = q;
    char from = (char)('A' + p->from), to = (char)('A' + p->to);
    struct pr_slot slots[PR_SLOTS] = {{0}};
    struct pr_str edges = PR_STR_INIT(1024);
    for (size_t i = 0; i < p->g.n_edges; i++) {
        const struct pr_graph_edge *e = &p->g.edges[i];
        pr_str_printf(
            &edges, "%s%c%c%c", i ? ", " : "", 'A' + e->a, p->g.directed ? '>' : '-', 'A' + e->b);
        if (kinds[p->kind].lengths)
            pr_str_printf(&edges, ":%lld", LL(e->w));
    }
    pr_slot_text(&slots[1], &from, 1);
    pr_slot_text(&slots[2], &to, 1);
    pr_slot_text(&slots[3], pr_str_cstr(&edges), edges.len);
    pr_sentence_write(out, kinds[p->kind].phrases[p->phrase], slots);
    pr_str_done(&edges);
}

static bool take_node(struct pr_skill_text *t, int *ret)
{
    if (!t->n || t->s[0] < 'A' || t->s[0] > 'Z')
        return false;
    *ret = t->s[0] - 'A';
    t->s++;
    t->n--;
    return true;
}

static bool read_edges(struct pr_skill_text t, bool lengths, struct pr_graph *g)
{
    do {
        struct pr_graph_edge *e = &g->edges[g->n_edges];
        if (g->n_edges == PR_GRAPH_EDGES || !take_node(&t, &e->a) ||
            !pr_skill_take(&t, g->directed ? ">" : "-") || !take_node(&t, &e->b))
            return false;
        e->w = 1;
        if (lengths && (!pr_skill_take(&t, ":") || !pr_skill_take_number(&t, &e->w) || e->w < 1 ||
                           e->w > 1000000))
            return false;
        if (e->a == e->b || pr_graph_linked(g, e->a, e->b))
            return false;
        g->n_edges++;
    } while (pr_skill_take(&t, ", "));
    return !t.n;
}

/* A node in a slot is one of the graph's. */
static bool read_node(const struct pr_slot *slot, const struct pr_graph *g, int *ret)
{
    struct pr_skill_text t = slot->s;
    *ret = -1;
    if (!slot->set)
        return true;
    return take_node(&t, ret) && !t.n && pr_graph_has(g, *ret);
}

static bool read(struct pr_skill_text t, void *ret)
{
    struct problem *p = ret;
    for (size_t k = 0; k < N_KINDS; k++)
        for (size_t i = 0; i < PHRASES; i++) {
            struct pr_slot slots[PR_SLOTS] = {{0}};
            if (pr_sentence_which(t, &kinds[k].phrases[i], 1, slots))
                continue;
            *p = (struct problem){.kind = (enum kind)k, .phrase = i};
            p->g.directed = kinds[k].directed;
            if (read_edges(slots[3].s, kinds[k].lengths, &p->g) &&
                read_node(&slots[1], &p->g, &p->from) && read_node(&slots[2], &p->g, &p->to) &&
                (p->from != p->to || p->from < 0))
                return true;
        }
    return false;
}

/* ---- drawing ------------------------------------------------------------------------------- */

static void draw_edges(struct pr_rng *rng, size_t n_nodes, size_t n_edges, struct problem *p)
{
    int nodes[PR_GRAPH_NODES];
    for (int i = 0; i < PR_GRAPH_NODES; i++)
        nodes[i] = i;
    for (size_t i = 0; i < n_nodes; i++) {
        size_t k = i + (size_t)pr_rng_below(rng, PR_GRAPH_NODES - i);
        int v = nodes[k];
        nodes[k] = nodes[i];
        nodes[i] = v;
    }
    p->g.n_edges = 0;
    while (p->g.n_edges < n_edges) {
        size_t a = (size_t)pr_rng_below(rng, n_nodes), b = (size_t)pr_rng_below(rng, n_nodes);
        /* Along the drawn order there are no cycles. */
        bool turn = p->kind == PATHS && a > b;
        struct pr_graph_edge e = {nodes[turn ? b : a], nodes[turn ? a : b], 1};
        if (kinds[p->kind].lengths)
            e.w = pr_skill_between(rng, 1, 30);
        if (a != b && !pr_graph_linked(&p->g, e.a, e.b))
            p->g.edges[p->g.n_edges++] = e;
    }
    size_t from = (size_t)pr_rng_below(rng, n_nodes), to = (size_t)pr_rng_below(rng, n_nodes - 1);
    to += to >= from;
    if (p->kind == PATHS && from > to) {
        size_t other = from;
        from = to;
        to = other;
    }
    p->from = p->kind == GROUPS ? -1 : nodes[from];
    p->to = p->kind == GROUPS || p->kind == NEIGHBOURS ? -1 : nodes[to];
}

/* A question that is worth asking: both nodes are there, and its answer is not the first thing one
 * sees. */
static bool is_good(const struct problem *p, size_t n_nodes, bool want)
{
    int64_t x;
    if ((p->from >= 0 && !pr_graph_has(&p->g, p->from)) ||
        (p->to >= 0 && !pr_graph_has(&p->g, p->to)) || !value(p, &x))
        return false;
    if (asks_yes_no(p->kind))
        return (x != 0) == want && (!x || !pr_graph_linked(&p->g, p->from, p->to));
    if (p->kind == SHORTEST || p->kind == ARROWS_SHORTEST || p->kind == PATHS)
        return x > 1 && pr_graph_nodes(&p->g) == n_nodes;
    return p->kind != LENGTHS ||
           (pr_graph_nodes(&p->g) == n_nodes && distance(p, false) > (want ? 1 : 0));
}

static void draw(struct pr_rng *rng, int lv, const void *like, void *ret)
{
    static const struct {
        enum kind kind;
        size_t nodes, edges;
    } of_level[] = {{NEIGHBOURS, 6, 8}, {LINKED, 8, 7}, {SHORTEST, 7, 8}, {GROUPS, 9, 7},
        {ARROWS_LINKED, 8, 10}, {ARROWS_SHORTEST, 8, 13}, {LENGTHS, 6, 8}, {PATHS, 7, 10},
        {LENGTHS, 9, 14}, {PATHS, 10, 17}};
    struct problem *p = ret;
    bool want = pr_rng_below(rng, 2);
    p->kind = of_level[lv - 1].kind;
    p->phrase = like ? ((const struct problem *)like)->phrase : (size_t)pr_rng_below(rng, PHRASES);
    p->g.directed = kinds[p->kind].directed;
    size_t more = (size_t)pr_rng_below(rng, 2);
    do
        draw_edges(rng, of_level[lv - 1].nodes, of_level[lv - 1].edges + more, p);
    while (!is_good(p, of_level[lv - 1].nodes, want));
}

/* ---- slips --------------------------------------------------------------------------------- */

static void add(struct pr_slips *ret, const char *pattern, int64_t x, const char *why)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", LL(x));
    pr_slips_add(ret, pattern, text, "%s", why);
}

/* The total of lengths on a way of fewest edges, and how many those are. */
static void slips_lengths(const struct problem *p, struct pr_slips *ret)
{
    int64_t d[PR_GRAPH_NODES], total = 0;
    int before[PR_GRAPH_NODES];
    char why[128];
    pr_graph_distances(&p->g, p->from, false, d, NULL, before);
    for (int v = p->to; v != p->from && before[v] >= 0; v = before[v])
        for (size_t i = 0; i < p->g.n_edges; i++) {
            const struct pr_graph_edge *e = &p->g.edges[i];
            if ((e->a == v && e->b == before[v]) || (e->b == v && e->a == before[v]))
                total += e->w;
        }
    snprintf(why, sizeof why, "the way of fewest edges, %lld, was taken instead of the shortest",
        LL(d[p->to]));
    add(ret, "step_missing", total, why);
    snprintf(why, sizeof why, "%lld edges were counted and their lengths left out", LL(d[p->to]));
    add(ret, "wrong_operation", d[p->to], why);
}

static void slips(const void *q, struct pr_slips *ret)
{
    const struct problem *p = q;
    struct problem both = *p;
    char why[128];
    int64_t x, other;
    if (!value(p, &x))
        return;
    if (asks_yes_no(p->kind)) {
        pr_slips_add(ret, "other_choice", x ? "no" : "yes",
            x ? "a way from %c to %c was missed" : "there is no way from %c to %c", 'A' + p->from,
            'A' + p->to);
        return;
    }
    both.g.directed = false;
    if (p->kind == ARROWS_SHORTEST && (other = distance(&both, false)) != x) {
        snprintf(why, sizeof why, "an arrow was followed backwards on the way from %c to %c",
            'A' + p->from, 'A' + p->to);
        add(ret, "wrong_operation", other, why);
    }
    if (p->kind == LENGTHS)
        slips_lengths(p, ret);
    if (p->kind == PATHS) {
        snprintf(why, sizeof why, "only the arrows from %c were counted", 'A' + p->from);
        add(ret, "step_missing", neighbours(p), why);
    }
    if (p->kind == NEIGHBOURS)
        add(ret, "wrong_operation", (int64_t)p->g.n_edges, "all edges were counted");
    if (p->kind == LENGTHS)
        return;
    static const char *const counted[N_KINDS] = {[NEIGHBOURS] = "neighbours",
        [SHORTEST] = "steps",
        [GROUPS] = "groups",
        [ARROWS_SHORTEST] = "steps",
        [PATHS] = "paths"};
    for (int by = 1; by >= -1; by -= 2) {
        snprintf(why, sizeof why, "%lld %s and not %lld: one was %s", LL(x), counted[p->kind],
            LL(x + by), by > 0 ? "counted too many, as if nodes were steps" : "missed");
        if (by > 0 && p->kind != SHORTEST && p->kind != ARROWS_SHORTEST)
            snprintf(why, sizeof why, "%lld %s and not %lld: one was counted twice", LL(x),
                counted[p->kind], LL(x + by));
        add(ret, "off_by_one", x + by, why);
    }
}

static const struct pr_form form = {
    .size = sizeof(struct problem),
    .draw = draw,
    .write = write,
    .read = read,
    .answer = answer,
    .level = level,
    .right = right,
    .slips = slips,
};

PR_FORM_SKILL(graph_paths, "ways, paths and groups in a small graph");
