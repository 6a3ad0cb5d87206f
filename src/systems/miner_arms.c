/* Where the next problems come from, and how many from each.
 *
 * Similar problems: an arm for each cluster of failures.  Fresh ones: an arm for each skill and
 * difficulty, of the skills that the configuration weighs, else those that the suite asks for, else
 * all.  In the first round a cluster counts by the confidence of its errors; in the next ones each
 * arm by the square of its yield, which is the share of failures among what was asked of it, drawn
 * towards the yield of its whole kind as if one more problem had been asked.
 *
 * What the model cannot do at all yields most and teaches least: it finds nothing out, and a model
 * that solves none of a kind learns little from more of it.  An arm of which, at 95 % confidence,
 * less than one problem in ten is solved is out of reach and keeps a tenth of its weight, so that
 * it is noticed when that changes. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "exam/stats.h"
#include "systems/miner.h"

#define REACH        0.1 /* share solved, below which it is out of reach */
#define REACH_WEIGHT 0.1

/* ---- which there are ---- */

static void add_similar(const struct pr_miner_plan *p, struct pr_miner_arms *ret)
{
    const struct pr_miner_failures *f = p->failures;
    for (size_t i = 0; i < f->n_clusters; i++) {
        const struct pr_miner_cluster *c = &f->clusters[i];
        const struct pr_miner_failure *x = &f->v[c->from];
        if (!x->skill || !x->skill->vary)
            continue;
        struct pr_miner_arm a = {.skill = x->skill,
            .cluster = c,
            .weight = c->weight + 0.05 * (double)c->n}; /* an unsure error is one too */
        pr_miner_cluster_name(x, a.name);
        PR_PUSH(ret->v, ret->n, ret->cap, a);
    }
}

static void add_fresh(const struct pr_skill *s, double weight, struct pr_miner_arms *ret)
{
    for (int d = 0; d < PR_N_DIFFICULTIES && weight > 0; d++) {
        struct pr_miner_arm a = {.skill = s, .difficulty = (enum pr_difficulty)d, .weight = weight};
        snprintf(
            a.name, sizeof a.name, "%.60s/%s/fresh", s->name, pr_difficulty_name(a.difficulty));
        PR_PUSH(ret->v, ret->n, ret->cap, a);
    }
}

/* Marks the skills that the suite asks for, by their places in the table. */
static void mark_asked(
    const struct pr_suite *s, const struct pr_skill *const *skills, size_t n, bool *ret)
{
    for (size_t i = 0; i < s->n; i++) {
        struct pr_text q = pr_example_question(&s->v[i]);
        const struct pr_skill *knows = pr_skill_knowing(s->v[i].skill, q.s, q.n);
        for (size_t k = 0; k < n; k++)
            ret[k] |= skills[k] == knows;
    }
}

static void add_all_fresh(const struct pr_miner_plan *p, struct pr_miner_arms *ret)
{
    size_t n, before = ret->n;
    const struct pr_skill *const *skills = pr_skills(&n);
    const json_t *weights = p->v->data->skill_weights;
    bool *asked = pr_zalloc(n * sizeof *asked);
    if (!json_object_size(weights))
        mark_asked(p->examples, skills, n, asked);
    for (size_t i = 0; i < n; i++)
        add_fresh(skills[i],
            json_object_size(weights) ? json_number_value(json_object_get(weights, skills[i]->name))
                                      : asked[i],
            ret);
    bool none = ret->n == before;
    for (size_t i = 0; i < n && none; i++)
        add_fresh(skills[i], 1, ret);
    pr_free(asked);
}

/* ---- what they brought ---- */

static void count(const struct pr_miner_plan *p, struct pr_miner_arms *arms)
{
    const struct pr_grades *g = p->asked->grades;
    for (size_t i = 0; g && i < g->n; i++) {
        const struct pr_grade *x = &g->v[i];
        const char *name = json_string_value(json_object_get(pr_miner_mine(x->example), "cluster"));
        if (!x->graded || x->correct == PR_VERDICT_NONE || !name)
            continue;
        for (size_t k = 0; k < arms->n; k++)
            if (!strcmp(arms->v[k].name, name)) {
                arms->v[k].asked++;
                arms->v[k].failed += x->correct == PR_VERDICT_WRONG;
                break;
            }
    }
}

static double yield_of_kind(const struct pr_miner_arms *arms, bool fresh)
{
    size_t asked = 0, failed = 0;
    for (size_t i = 0; i < arms->n; i++)
        if (!arms->v[i].cluster == fresh) {
            asked += arms->v[i].asked;
            failed += arms->v[i].failed;
        }
    return ((double)failed + 0.5) / ((double)asked + 1);
}

/* Less than REACH of its problems are solved, by the upper end of Wilson's interval. */
static bool is_out_of_reach(const struct pr_miner_arm *a)
{
    struct pr_estimate x;
    struct pr_error ignored;
    return a->asked &&
           !pr_stats_wilson(a->asked - a->failed, a->asked, PR_STATS_LEVEL, &x, &ignored) &&
           x.hi < REACH;
}

static void weigh(const struct pr_miner_plan *p, struct pr_miner_arms *arms)
{
    double mean[2] = {yield_of_kind(arms, false), yield_of_kind(arms, true)};
    for (size_t i = 0; i < arms->n; i++) {
        struct pr_miner_arm *a = &arms->v[i];
        double yield = ((double)a->failed + mean[!a->cluster]) / ((double)a->asked + 1);
        if (p->round > 1)
            a->weight = (a->cluster ? 1 : a->weight) * yield * yield;
        if (is_out_of_reach(a))
            a->weight *= REACH_WEIGHT;
        /* Which of equal ones goes first is another one for each checkpoint and round. */
        char text[256];
        uint8_t digest[PR_SHA256_LEN];
        int n =
            snprintf(text, sizeof text, "%s/%d/%s", p->checkpoint->fingerprint, p->round, a->name);
        pr_sha256(text, (size_t)n, digest);
        a->weight *= 1 + digest[0] / 25600.0;
    }
}

void pr_miner_arms_make(const struct pr_miner_plan *p, struct pr_miner_arms *ret)
{
    *ret = (struct pr_miner_arms){0};
    add_similar(p, ret);
    add_all_fresh(p, ret);
    count(p, ret);
    weigh(p, ret);
}

void pr_miner_arms_done(struct pr_miner_arms *a)
{
    pr_free(a->v);
    *a = (struct pr_miner_arms){0};
}

/* Shares in proportion to the weights, one at a time (Sainte-Laguë's divisors). */
struct pr_miner_arm *pr_miner_arms_next(struct pr_miner_arms *arms, bool fresh)
{
    struct pr_miner_arm *best = NULL;
    double most = 0;
    for (size_t i = 0; i < arms->n; i++) {
        struct pr_miner_arm *a = &arms->v[i];
        double claim = a->weight / (2 * (double)a->made + 1);
        if (a->empty || !a->cluster != fresh || (best && claim <= most))
            continue;
        best = a;
        most = claim;
    }
    return best;
}
