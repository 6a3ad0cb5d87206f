/* The table of patterns, and the few recognisers that need no other file. */
#include "mistakes/mistake.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "exam/example.h"

static const struct {
    const char *name, *about;
} table[] = {
#define PR_X(name, group, text) {#name, text},
    PR_MISTAKES(PR_X)
#undef PR_X
};

const char *pr_mistake_name(enum pr_mistake m)
{
    return table[m].name;
}

const char *pr_mistake_about(enum pr_mistake m)
{
    return table[m].about;
}

bool pr_mistake_find(const char *name, enum pr_mistake *ret)
{
    for (int i = 0; i < PR_N_MISTAKES; i++)
        if (!strcmp(table[i].name, name)) {
            *ret = (enum pr_mistake)i;
            return true;
        }
    return false;
}

static bool says(struct pr_text t, long long *ret)
{
    char buf[20], *end;
    if (!t.s || !t.n || t.n >= sizeof buf)
        return false;
    memcpy(buf, t.s, t.n);
    buf[t.n] = 0;
    *ret = strtoll(buf, &end, 10);
    return !*end;
}

static enum pr_mistake recognise(const struct pr_mistake_case *c)
{
    long long a, b;
    if (c->think_unclosed)
        return PR_MISTAKE_IS_think_unclosed;
    if (c->truncated)
        return PR_MISTAKE_IS_truncated;
    if (!c->answer.s || !c->answer.n)
        return PR_MISTAKE_IS_empty;
    if (!says(c->answer, &a) || !says(c->golden, &b))
        return PR_MISTAKE_IS_other;
    return a == -b                        ? PR_MISTAKE_IS_sign
           : a == b + 1 || a == b - 1     ? PR_MISTAKE_IS_off_by_one
           : llabs(a - b) * 10 < llabs(b) ? PR_MISTAKE_IS_near
                                          : PR_MISTAKE_IS_far;
}

void pr_mistake_recognise(const struct pr_mistake_case *c, struct pr_mistake_found *ret)
{
    ret->pattern = recognise(c);
    ret->why = pr_strdup(pr_mistake_about(ret->pattern));
}

void pr_mistake_case_of(const struct pr_grade *g, struct pr_mistake_case *ret)
{
    const struct pr_example *x = g->example;
    struct pr_text q = pr_example_question(x);
    *ret = (struct pr_mistake_case){.question = q,
        .golden = x->check.golden,
        .answer = {g->answer, g->answer_len},
        .output = {g->output, g->output_len},
        .truncated = g->truncated,
        .think = g->think,
        .think_unclosed = g->think && g->truncated,
        .skill = pr_skill_knowing(x->skill, q.s, q.n)};
}
