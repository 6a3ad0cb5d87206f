/* Wrong answers, each with its kind of mistake, and clusters of them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "systems/miner.h"

static struct pr_miner_failure look_at(const struct pr_grade *g, const char *suite)
{
    struct pr_miner_failure x = {.grade = g, .suite = suite};
    struct pr_mistake_case c;
    struct pr_mistake_found found;
    pr_mistake_case_of(g, &c);
    pr_mistake_recognise(&c, &found);
    x.pattern = found.pattern;
    x.why = found.why;
    x.skill = c.skill;
    x.name = c.skill ? c.skill->name : g->example->skill;
    x.difficulty = g->example->difficulty;
    if (c.skill && c.skill->level)
        x.level = c.skill->level(c.question.s, c.question.n);
    if (x.level)
        x.difficulty = pr_difficulty_name(pr_skill_difficulty(c.skill, x.level));
    return x;
}

void pr_miner_failures_add(
    struct pr_miner_failures *f, const struct pr_grades *g, const char *suite)
{
    for (size_t i = 0; i < g->n; i++) {
        const struct pr_grade *x = &g->v[i];
        if (!x->example->golden.s) /* plain text: there is nothing to answer */
            continue;
        if (!x->graded || x->correct == PR_VERDICT_NONE) {
            f->n_ungraded++;
        } else if (x->correct == PR_VERDICT_RIGHT) {
            f->n_right++;
        } else {
            PR_PUSH(f->v, f->n, f->cap, look_at(x, suite));
            f->n_unknown += !f->v[f->n - 1].skill;
        }
    }
}

/* ---- clusters ---- */

static int by_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "");
}

/* Unknown ones come last. */
static double confidence_of(const struct pr_miner_failure *x)
{
    return isfinite(x->grade->confidence) ? x->grade->confidence : -1;
}

static int by_kind(const struct pr_miner_failure *a, const struct pr_miner_failure *b)
{
    int names = by_text(a->name, b->name);
    if (names)
        return names;
    if (a->level != b->level)
        return a->level < b->level ? -1 : 1;
    return (int)a->pattern - (int)b->pattern;
}

static int by_cluster(const void *pa, const void *pb)
{
    const struct pr_miner_failure *a = pa, *b = pb;
    int kinds = by_kind(a, b);
    if (kinds)
        return kinds;
    double x = confidence_of(a), y = confidence_of(b);
    if (x < y || x > y)
        return x > y ? -1 : 1;
    return by_text(a->grade->example->id, b->grade->example->id);
}

/* Of equal weight the order of kinds, which is that of their places in v. */
static int by_weight(const void *pa, const void *pb)
{
    const struct pr_miner_cluster *a = pa, *b = pb;
    if (a->weight < b->weight || a->weight > b->weight)
        return a->weight > b->weight ? -1 : 1;
    return a->from < b->from ? -1 : a->from > b->from;
}

void pr_miner_failures_group(struct pr_miner_failures *f)
{
    if (!f->n)
        return;
    qsort(f->v, f->n, sizeof *f->v, by_cluster);
    for (size_t i = 0; i < f->n; i++) {
        struct pr_miner_cluster *c = f->n_clusters ? &f->clusters[f->n_clusters - 1] : NULL;
        if (!c || by_kind(&f->v[c->from], &f->v[i])) {
            struct pr_miner_cluster new = {.from = i};
            PR_PUSH(f->clusters, f->n_clusters, f->clusters_cap, new);
            c = &f->clusters[f->n_clusters - 1];
        }
        double confidence = confidence_of(&f->v[i]);
        c->n++;
        c->n_confident += confidence >= PR_MINER_CONFIDENT;
        c->weight += fmax(confidence, 0);
    }
    qsort(f->clusters, f->n_clusters, sizeof *f->clusters, by_weight);
}

void pr_miner_failures_done(struct pr_miner_failures *f)
{
    for (size_t i = 0; i < f->n; i++)
        pr_free(f->v[i].why);
    pr_free(f->v);
    pr_free(f->clusters);
    *f = (struct pr_miner_failures){0};
}

void pr_miner_cluster_name(const struct pr_miner_failure *x, char ret[128])
{
    char level[16] = "?";
    if (x->level)
        snprintf(level, sizeof level, "%d", x->level);
    snprintf(ret, 128, "%.60s/%s/%s", x->name ? x->name : "?", level, pr_mistake_name(x->pattern));
}
