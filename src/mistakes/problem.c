/* Word problems: which operations lead from the numbers of a text to the right answer.  What is
 * tried: the numbers in their order, each new one joined to what came out so far; of four numbers
 * else two pairs.  A quotient is taken only where the text speaks of parts, unless nothing else
 * fits.  Where two ways fit, none is taken: it would be a guess. */
#include <string.h>

#include "mistakes/span.h"
#include "mistakes/working.h"

#define MAX_NUMBERS 6
#define N_JOINS     6 /* + * - / and the last two with their operands exchanged */

struct search {
    struct pr_ratio number[MAX_NUMBERS], result;
    int n;
    bool divide;
    int found; /* ways that fit */
    struct pr_working *ret;
};

static int join(struct pr_working *w, int how, int a, int b)
{
    static const char ops[N_JOINS] = "+*-/-/";
    return how < 4 ? pr_working_step(w, ops[how], a, b) : pr_working_step(w, ops[how], b, a);
}

static bool divides(int how)
{
    return how == 3 || how == 5;
}

/* Things are counted: what comes out on the way is not below zero. */
static void consider(struct search *s, struct pr_working *w)
{
    if (!pr_working_run(w) || !pr_ratio_equal(w->v[w->n - 1].value, s->result))
        return;
    for (int i = 0; i < w->n - 1; i++)
        if (w->v[i].op && w->v[i].value.num < 0)
            return;
    if (!s->found++)
        *s->ret = *w;
}

/* `code` in base N_JOINS says how each number is joined.  false: not to be tried. */
static bool decode(const struct search *s, int code, int n, int *ret)
{
    for (int i = 0; i < n; i++, code /= N_JOINS) {
        ret[i] = code % N_JOINS;
        if (divides(ret[i]) && !s->divide)
            return false;
    }
    return true;
}

static void try_row(struct search *s, int code)
{
    int how[MAX_NUMBERS];
    struct pr_working w = {.n = 0};
    if (!decode(s, code, s->n - 1, how))
        return;
    int so_far = pr_working_number(&w, s->number[0]);
    for (int i = 1; i < s->n; i++)
        so_far = join(&w, how[i - 1], so_far, pr_working_number(&w, s->number[i]));
    consider(s, &w);
}

static void try_pairs(struct search *s, int code)
{
    int how[3];
    struct pr_working w = {.n = 0};
    if (!decode(s, code, 3, how))
        return;
    int leaf[4];
    for (int i = 0; i < 4; i++)
        leaf[i] = pr_working_number(&w, s->number[i]);
    int a = join(&w, how[0], leaf[0], leaf[1]), b = join(&w, how[1], leaf[2], leaf[3]);
    (void)join(&w, how[2], a, b);
    consider(s, &w);
}

static void search(struct search *s)
{
    int codes = 1;
    for (int i = 1; i < s->n; i++)
        codes *= N_JOINS;
    for (int i = 0; i < codes; i++)
        try_row(s, i);
    for (int i = 0; s->n == 4 && !s->found && i < codes; i++)
        try_pairs(s, i);
}

bool pr_problem_solve(struct pr_text t, struct pr_ratio result, struct pr_working *ret)
{
    static const char *const parts[] = {"per", "share", "shared", "shares", "split", "splits",
        "divide", "divided", "divides", "half", "equally", "equal", "average", "mean", NULL};
    struct search s = {.result = result, .ret = ret, .divide = pr_span_has_word(t, parts)};
    struct pr_figure f;
    size_t at = 0;
    while (pr_figure_next(t, &at, &f)) {
        if (s.n == MAX_NUMBERS || !f.exact)
            return false;
        s.number[s.n++] = f.value;
    }
    if (s.n < 2)
        return false;
    search(&s);
    if (!s.found && !s.divide) {
        s.divide = true;
        search(&s);
    }
    return s.found == 1;
}
