/* What the newest checkpoint got wrong, by what kind of error it is. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "systems/self_correction.h"

static const json_t *from_of(const struct pr_example *x)
{
    return json_object_get(x->source, "from");
}

static const char *file_of(const struct pr_example *x)
{
    const char *file = json_string_value(json_object_get(from_of(x), "file"));
    return file ? file : "";
}

static const char *difficulty_of(const struct pr_example *x)
{
    const char *from = json_string_value(json_object_get(from_of(x), "difficulty"));
    if (x->difficulty && strcmp(x->difficulty, PR_UNSPECIFIED) != 0)
        return x->difficulty;
    return from ? from : PR_UNSPECIFIED;
}

/* Errors are counted by skill, as the line or else a verifier names it, or by file. */
static char *owner_of(const struct pr_example *x, const struct pr_skill *skill, bool *ret_skill)
{
    *ret_skill = skill || x->skill;
    if (x->skill)
        return pr_strdup(x->skill);
    return skill ? pr_strdup(skill->name) : pr_path_base(file_of(x));
}

static const struct pr_skill *skill_of(const struct pr_example *x)
{
    struct pr_text q = pr_example_question(x);
    return pr_skill_knowing(x->skill, q.s, q.n);
}

static struct pr_error_group *group_of(
    struct pr_queue_errors *x, const char *of, bool of_skill, enum pr_mistake pattern)
{
    for (size_t i = 0; i < x->n_groups; i++)
        if (x->groups[i].pattern == pattern && x->groups[i].of_skill == of_skill &&
            !strcmp(x->groups[i].of, of))
            return &x->groups[i];
    struct pr_error_group g = {.of = pr_strdup(of), .of_skill = of_skill, .pattern = pattern};
    PR_PUSH(x->groups, x->n_groups, x->groups_cap, g);
    return &x->groups[x->n_groups - 1];
}

static void add_error(
    struct pr_queue_errors *x, const struct pr_grade *g, const struct pr_skill *skill)
{
    struct pr_mistake_case c;
    struct pr_queue_error one = {.grade = g, .skill = skill};
    one.file = file_of(g->example);
    one.line = json_integer_value(json_object_get(from_of(g->example), "line"));
    one.difficulty = difficulty_of(g->example);
    one.of = owner_of(g->example, skill, &one.of_skill);
    pr_mistake_case_of(g, &c);
    pr_mistake_recognise(&c, &one.found);
    PR_PUSH(x->v, x->n, x->cap, one);
    struct pr_error_group *group = group_of(x, one.of, one.of_skill, one.found.pattern);
    size_t index = x->n - 1;
    PR_PUSH(group->v, group->n, group->cap, index);
}

static void look_at(struct pr_queue_errors *x, const struct pr_grade *g)
{
    const struct pr_example *ex = g->example;
    x->n_asked += g->graded;
    if (!g->graded || g->correct == PR_VERDICT_NONE)
        return;
    x->n_verdicts++;
    if (g->correct != PR_VERDICT_WRONG)
        return;
    x->n_wrong++;
    const struct pr_skill *skill = skill_of(ex);
    struct pr_text q = pr_example_question(ex);
    if (g->texts_dropped)
        x->n_forgotten++;
    else if (skill && g->answer && skill->verify(q.s, q.n, g->answer, g->answer_len))
        x->n_accepted++;
    else
        add_error(x, g, skill);
}

/* How many of a group's skill or file were asked. */
static void count_asked(struct pr_queue_errors *x, const struct pr_grades *g)
{
    for (size_t i = 0; x->n_groups && i < g->n; i++) {
        bool of_skill;
        const struct pr_grade *one = &g->v[i];
        if (!one->graded || one->correct == PR_VERDICT_NONE)
            continue;
        char *of = owner_of(one->example, skill_of(one->example), &of_skill);
        for (size_t k = 0; k < x->n_groups; k++)
            x->groups[k].asked += x->groups[k].of_skill == of_skill && !strcmp(x->groups[k].of, of);
        pr_free(of);
    }
}

static int by_size(const void *pa, const void *pb)
{
    const struct pr_error_group *a = pa, *b = pb;
    int of = strcmp(a->of, b->of);
    if (a->n != b->n)
        return a->n > b->n ? -1 : 1;
    return of ? of : (int)a->pattern - (int)b->pattern;
}

/* The most confident first; then as they were asked. */
static void sort_group(const struct pr_queue_errors *x, struct pr_error_group *g)
{
    for (size_t i = 1; i < g->n; i++) {
        size_t moved = g->v[i], k = i;
        double c = x->v[moved].grade->confidence;
        for (; k && isfinite(c); k--) {
            double before = x->v[g->v[k - 1]].grade->confidence;
            if (isfinite(before) && before >= c)
                break;
            g->v[k] = g->v[k - 1];
        }
        g->v[k] = moved;
    }
}

void pr_errors_find(const struct pr_grades *g, struct pr_queue_errors *ret)
{
    *ret = (struct pr_queue_errors){0};
    for (size_t i = 0; i < g->n; i++)
        look_at(ret, &g->v[i]);
    count_asked(ret, g);
    if (ret->n_groups)
        qsort(ret->groups, ret->n_groups, sizeof *ret->groups, by_size);
    for (size_t i = 0; i < ret->n_groups; i++)
        sort_group(ret, &ret->groups[i]);
}

void pr_errors_done(struct pr_queue_errors *x)
{
    for (size_t i = 0; i < x->n; i++) {
        pr_free(x->v[i].of);
        pr_free(x->v[i].found.why);
    }
    for (size_t i = 0; i < x->n_groups; i++) {
        pr_free(x->groups[i].of);
        pr_free(x->groups[i].v);
    }
    pr_free(x->v);
    pr_free(x->groups);
    *x = (struct pr_queue_errors){0};
}
