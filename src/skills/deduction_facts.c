/* Inference about facts: every combination of them that fits all statements is looked at. */
#include "skills/deduction_form.h"

static bool holds(const struct pr_statement *s, unsigned world)
{
    bool v[3] = {false};
    for (int i = 0; i < pr_logic_literals(s->kind); i++)
        v[i] = (world >> s->v[i].name & 1) != s->v[i].negated;
    switch (s->kind) {
    case PR_LOGIC_FACT:
        return v[0];
    case PR_LOGIC_IF:
    case PR_LOGIC_ONLY_IF:
        return !v[0] || v[1];
    case PR_LOGIC_IF_BOTH:
        return !v[0] || !v[1] || v[2];
    case PR_LOGIC_OR:
        return v[0] || v[1];
    case PR_LOGIC_XOR:
        return v[0] != v[1];
    case PR_LOGIC_IFF:
        return v[0] == v[1];
    case PR_LOGIC_NOT_BOTH:
        return !v[0] || !v[1];
    default:
        return false;
    }
}

/* Does statement i alone, with what is known, leave fact `name` one value?  -1: no, else it. */
static int forced(const struct pr_logic *q, int i, int name, unsigned known, unsigned values)
{
    unsigned touched = 0;
    bool can[2] = {false, false};
    for (int k = 0; k < pr_logic_literals(q->v[i].kind); k++)
        touched |= 1u << q->v[i].v[k].name;
    if (!(touched >> name & 1))
        return -1;
    for (unsigned world = 0; world < 1u << q->n_names; world++)
        if (!(world & ~touched) && (world & known & touched) == (values & known & touched) &&
            holds(&q->v[i], world))
            can[world >> name & 1] = true;
    return can[0] == can[1] ? -1 : can[1];
}

static void put_fact(const struct pr_logic *q, int name, bool is, struct pr_str *out)
{
    struct pr_statement s = {PR_LOGIC_FACT, {{.name = name, .negated = !is}}};
    pr_logic_put_statement(q, &s, out);
}

/* One fact after the other, each with the statement that gives it. */
static void explain(const struct pr_logic *q, enum pr_verdict verdict, struct pr_str *out)
{
    unsigned known = 0, values = 0;
    int asked = q->question.v[0].name;
    for (bool more = true; more && !(known >> asked & 1);) {
        more = false;
        for (int i = 0; i < q->n; i++)
            for (int name = 0; name < q->n_names; name++) {
                int is = known >> name & 1 ? -1 : forced(q, i, name, known, values);
                if (is < 0)
                    continue;
                known |= 1u << name;
                values |= (unsigned)is << name;
                pr_logic_put_statement(q, &q->v[i], out);
                if (q->v[i].kind != PR_LOGIC_FACT) {
                    pr_str_puts(out, " So: ");
                    put_fact(q, name, is, out);
                }
                pr_str_putc(out, '\n');
                more = true;
            }
    }
    if (verdict == PR_VERDICT_UNKNOWN) {
        pr_str_puts(out, "Both fit all statements: ");
        put_fact(q, asked, true, out);
        pr_str_putc(out, ' ');
        put_fact(q, asked, false, out);
    } else {
        pr_str_puts(out, known >> asked & 1 ? "So: " : "In every case that fits all statements: ");
        put_fact(q, asked, verdict == PR_VERDICT_YES, out);
    }
    pr_str_putc(out, '\n');
}

bool pr_logic_facts(const struct pr_logic *q, enum pr_verdict *ret, struct pr_str *working)
{
    bool can[2] = {false, false};
    for (unsigned world = 0; world < 1u << q->n_names; world++) {
        bool fits = true;
        for (int i = 0; fits && i < q->n; i++)
            fits = holds(&q->v[i], world);
        if (fits)
            can[world >> q->question.v[0].name & 1] = true;
    }
    if (!can[0] && !can[1])
        return false;
    *ret = can[0] && can[1] ? PR_VERDICT_UNKNOWN : can[1] ? PR_VERDICT_YES : PR_VERDICT_NO;
    if (working)
        explain(q, *ret, working);
    return true;
}
