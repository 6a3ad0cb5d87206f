/* Inference about kinds: All, No, Some, Some-not, each kind taken to have members.
 *
 * Complete for these statements (Łukasiewicz 1957; Pratt-Hartmann & Moss 2009): "all" is what a
 * chain of them leads to; everything else is one No, Some or Some-not, carried along such chains.
 */
#include "skills/deduction_form.h"

struct closure {
    const struct pr_logic *q;
    bool all[PR_LOGIC_NAMES][PR_LOGIC_NAMES];
};

static void close_over(const struct pr_logic *q, struct closure *c)
{
    *c = (struct closure){.q = q};
    for (int i = 0; i < q->n_names; i++)
        c->all[i][i] = true;
    for (int i = 0; i < q->n; i++)
        if (q->v[i].kind == PR_LOGIC_ALL)
            c->all[q->v[i].v[0].name][q->v[i].v[1].name] = true;
    for (int k = 0; k < q->n_names; k++)
        for (int i = 0; i < q->n_names; i++)
            for (int j = 0; j < q->n_names; j++)
                c->all[i][j] = c->all[i][j] || (c->all[i][k] && c->all[k][j]);
}

static bool none(const struct closure *c, int x, int y)
{
    for (int i = 0; i < c->q->n; i++) {
        int a = c->q->v[i].v[0].name, b = c->q->v[i].v[1].name;
        if (c->q->v[i].kind == PR_LOGIC_NO &&
            ((c->all[x][a] && c->all[y][b]) || (c->all[x][b] && c->all[y][a])))
            return true;
    }
    return false;
}

/* Some x are y: a member of any kind that is both, or a Some that leads to both. */
static bool some(const struct closure *c, int x, int y)
{
    for (int z = 0; z < c->q->n_names; z++)
        if (c->all[z][x] && c->all[z][y])
            return true;
    for (int i = 0; i < c->q->n; i++) {
        int a = c->q->v[i].v[0].name, b = c->q->v[i].v[1].name;
        if (c->q->v[i].kind == PR_LOGIC_SOME &&
            ((c->all[a][x] || c->all[b][x]) && (c->all[a][y] || c->all[b][y])))
            return true;
    }
    return false;
}

static bool some_not(const struct closure *c, int x, int y)
{
    for (int z = 0; z < c->q->n_names; z++)
        if (c->all[z][x] && none(c, z, y))
            return true;
    for (int i = 0; i < c->q->n; i++) {
        const struct pr_statement *s = &c->q->v[i];
        int a = s->v[0].name, b = s->v[1].name;
        if (s->kind == PR_LOGIC_SOME && (c->all[a][x] || c->all[b][x]) &&
            (none(c, a, y) || none(c, b, y)))
            return true;
        if (s->kind == PR_LOGIC_SOME_NOT && c->all[a][x] && c->all[y][b])
            return true;
    }
    return false;
}

static bool contradictory(const struct closure *c)
{
    for (int i = 0; i < c->q->n_names; i++)
        for (int k = 0; k < c->q->n_names; k++)
            if ((none(c, i, k) && some(c, i, k)) || (c->all[i][k] && some_not(c, i, k)))
                return true;
    return false;
}

/* The chain of "all" statements from x to y, one a line; found backwards in breadth. */
static void put_chain(const struct closure *c, int x, int y, struct pr_str *out)
{
    int next[PR_LOGIC_NAMES], queue[PR_LOGIC_NAMES], n = 0;
    for (int i = 0; i < PR_LOGIC_NAMES; i++)
        next[i] = -1;
    queue[n++] = y;
    for (int k = 0; k < n; k++)
        for (int i = 0; i < c->q->n; i++) {
            int from = c->q->v[i].v[0].name, to = c->q->v[i].v[1].name;
            if (c->q->v[i].kind == PR_LOGIC_ALL && to == queue[k] && from != y && next[from] < 0) {
                next[from] = i;
                queue[n++] = from;
            }
        }
    for (; x != y && next[x] >= 0; x = c->q->v[next[x]].v[1].name) {
        pr_logic_put_statement(c->q, &c->q->v[next[x]], out);
        pr_str_putc(out, '\n');
    }
}

/* The No, Some or Some-not that decides, with the chains that lead to it. */
static void put_decisive(const struct closure *c, int x, int y, struct pr_str *out)
{
    for (int i = 0; i < c->q->n; i++) {
        const struct pr_statement *s = &c->q->v[i];
        int a = s->v[0].name, b = s->v[1].name;
        if (s->kind == PR_LOGIC_ALL)
            continue;
        bool straight = c->all[x][a] && c->all[y][b], turned = c->all[x][b] && c->all[y][a];
        if (s->kind == PR_LOGIC_NO && (straight || turned)) {
            put_chain(c, x, straight ? a : b, out);
            put_chain(c, y, straight ? b : a, out);
        } else if (!(s->kind == PR_LOGIC_SOME && (c->all[a][x] || c->all[b][x])) &&
                   !(s->kind == PR_LOGIC_SOME_NOT && c->all[a][x])) {
            continue;
        }
        pr_logic_put_statement(c->q, s, out);
        pr_str_putc(out, '\n');
    }
}

static void explain(const struct closure *c, enum pr_verdict verdict, struct pr_str *out)
{
    const struct pr_logic *q = c->q;
    int x = q->question.v[0].name, y = q->question.v[1].name;
    if (q->question.kind != PR_LOGIC_ALL)
        put_decisive(c, x, y, out);
    if (c->all[x][y])
        put_chain(c, x, y, out);
    if (q->question.kind == PR_LOGIC_ALL && !c->all[x][y])
        pr_str_printf(out, "no chain of 'all' statements leads from %s to %s%s\n", q->names[x][0],
            q->names[y][0], c->all[y][x] ? ", only the other way" : "");
    else if (verdict == PR_VERDICT_UNKNOWN)
        pr_str_puts(out, "the statements neither demand nor exclude it\n");
    else if (q->question.kind != PR_LOGIC_ALL && verdict == PR_VERDICT_NO)
        pr_str_puts(
            out, q->ask == PR_LOGIC_POSSIBLE ? "so none can be\n" : "so it does not follow\n");
    else
        pr_str_puts(out, "so it follows\n");
}

bool pr_logic_kinds(const struct pr_logic *q, enum pr_verdict *ret, struct pr_str *working)
{
    struct closure c;
    int x = q->question.v[0].name, y = q->question.v[1].name;
    close_over(q, &c);
    if (contradictory(&c))
        return false;
    bool follows = q->question.kind == PR_LOGIC_ALL    ? c.all[x][y]
                   : q->question.kind == PR_LOGIC_NO   ? none(&c, x, y)
                   : q->question.kind == PR_LOGIC_SOME ? some(&c, x, y)
                                                       : some_not(&c, x, y);
    *ret = follows                                          ? PR_VERDICT_YES
           : q->ask == PR_LOGIC_POSSIBLE && !none(&c, x, y) ? PR_VERDICT_UNKNOWN
                                                            : PR_VERDICT_NO;
    if (working)
        explain(&c, *ret, working);
    return true;
}
