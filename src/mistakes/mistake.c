/* A stub: tells numbers that are off by one, empty answers, and nothing else. */
#include "mistakes/mistake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

static const char *const names[] = {
#define PR_X(name, group, text) #name,
    PR_MISTAKES(PR_X)
#undef PR_X
};
static const char *const abouts[] = {
#define PR_X(name, group, text) text,
    PR_MISTAKES(PR_X)
#undef PR_X
};

const char *pr_mistake_name(enum pr_mistake m)
{
    return names[m];
}

const char *pr_mistake_about(enum pr_mistake m)
{
    return abouts[m];
}

bool pr_mistake_find(const char *name, enum pr_mistake *ret)
{
    for (int i = 0; i < PR_N_MISTAKES; i++)
        if (!strcmp(names[i], name)) {
            *ret = (enum pr_mistake)i;
            return true;
        }
    return false;
}

void pr_mistake_case_of(const struct pr_grade *g, struct pr_mistake_case *ret)
{
    struct pr_text q = pr_example_question(g->example);
    bool has, closed;
    *ret = (struct pr_mistake_case){.question = q,
        .golden = pr_think_split(g->example->golden, &has, &closed),
        .answer = {g->answer, g->answer_len},
        .output = {g->output, g->output_len},
        .truncated = g->truncated,
        .think = g->think,
        .skill = pr_skill_knowing(g->example->skill, q.s, q.n)};
}

void pr_mistake_recognise(const struct pr_mistake_case *c, struct pr_mistake_found *ret)
{
    char *end, why[200] = "";
    ret->pattern = PR_MISTAKE_IS_other;
    if (c->truncated) {
        ret->pattern = PR_MISTAKE_IS_truncated;
    } else if (!c->answer.n) {
        ret->pattern = PR_MISTAKE_IS_empty;
    } else {
        long a = strtol(c->answer.s, &end, 10);
        bool number = end != c->answer.s && !*end;
        long g = strtol(c->golden.s, &end, 10);
        if (number && end != c->golden.s && labs(a - g) == 1) {
            ret->pattern = PR_MISTAKE_IS_off_by_one;
            snprintf(why, sizeof why, "%ld is one %s than %ld", a, a > g ? "more" : "less", g);
        } else if (number && end != c->golden.s) {
            ret->pattern = PR_MISTAKE_IS_far;
        }
    }
    ret->why = pr_strdup(why);
}
