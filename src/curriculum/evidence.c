/* Weighs what probes have shown: intervals, p values, and what may be named. */
#include "curriculum/evidence.h"

#include <math.h>

#include "curriculum/blocks.h"
#include "curriculum/looks.h"
#include "exam/special.h"

_Static_assert(PR_MIN_SEEDS == PR_LOOKS_FIRST && PR_MOST_SEEDS == PR_LOOKS_LAST,
    "the repeated test is made for these looks");

/* Each of four strategies is better, or random is the best: a fifth of the error rate each.  That
 * random is the best needs no more correction: all four tests must reject, and it is wrong only
 * when one of them was (an intersection–union test, Berger 1982). */
static double statements(void)
{
    size_t n;
    (void)pr_strategies(&n);
    return (double)n;
}

enum pr_code pr_evidence_options_check(
    const struct pr_evidence_options *o, struct pr_evidence_options *ret, struct pr_error *e)
{
    struct pr_evidence_options r = *o;
    if (r.min_seeds == 0)
        r.min_seeds = PR_MIN_SEEDS;
    if (r.max_seeds == 0)
        r.max_seeds = PR_MOST_SEEDS;
    if (!(r.error_rate > 0 && r.error_rate <= 0.5))
        return pr_fail(e, PR_E_USAGE, "error rate %g: above 0, 0.5 at most", r.error_rate);
    if (r.min_seeds < PR_MIN_SEEDS || r.max_seeds > PR_MOST_SEEDS || r.min_seeds > r.max_seeds)
        return pr_fail(e, PR_E_USAGE, "seeds %zu to %zu: %d at least, %d at most", r.min_seeds,
            r.max_seeds, PR_MIN_SEEDS, PR_MOST_SEEDS);
    *ret = r;
    return PR_OK;
}

static void weigh_arm(const double *d, size_t n, const struct pr_evidence_options *o, bool bounds,
    struct pr_arm_evidence *a)
{
    a->n = n;
    a->lo = a->hi = a->p = NAN;
    pr_looks_mean(d, n, &a->mean, &a->se);
    double above = pr_looks_t_p(a->mean, a->se, n);
    if (n < o->min_seeds || isnan(above))
        return;
    double level = pr_looks_level(o->error_rate / statements());
    a->p = fmin(1, statements() * pr_looks_overall(fmin(above, 1 - above)));
    a->better = above < level;
    a->worse = 1 - above < level;
    if (!bounds)
        return;
    double t = pr_t_quantile(1 - 2 * level, (double)(n - 1));
    a->lo = a->mean - t * a->se;
    a->hi = a->mean + t * a->se;
}

void pr_blocks_weigh(const struct pr_blocks *b, size_t n_blocks,
    const struct pr_evidence_options *o, bool bounds, struct pr_evidence *ret)
{
    size_t worse = 0, others = 0;
    *ret = (struct pr_evidence){.failed = b->failed, .noise = NAN};
    const struct pr_arm_evidence *best = NULL;
    for (size_t i = 0; i < n_blocks; i++)
        ret->blocks += isfinite(b->v[i].score[pr_arm_random()]);
    for (size_t arm = 0; arm < pr_arms(); arm++) {
        if (arm == pr_arm_random())
            continue;
        double d[PR_MOST_SEEDS];
        size_t n = pr_blocks_pairs(b, n_blocks, arm, pr_arm_random(), o->max_seeds, d);
        struct pr_arm_evidence *a = &ret->arms[ret->n_arms++];
        *a = (struct pr_arm_evidence){.name = pr_arm_name(arm)};
        weigh_arm(d, n, o, bounds, a);
        if (arm == pr_arm_again()) {
            a->better = a->worse = false;
            ret->noise = a->se * sqrt((double)n);
            continue;
        }
        others++;
        worse += a->worse;
        if (a->better && (!best || a->mean > best->mean))
            best = a;
    }
    ret->best = best ? best->name : worse == others ? PR_ARM_RANDOM : NULL;
    ret->decided = ret->best != NULL;
}

enum pr_code pr_evidence_weigh(const struct pr_probe_outcome *v, size_t n,
    const struct pr_evidence_options *o, struct pr_evidence *ret, struct pr_error *e)
{
    struct pr_evidence_options checked;
    enum pr_code code = pr_evidence_options_check(o, &checked, e);
    if (code != PR_OK)
        return code;
    struct pr_blocks b;
    pr_blocks_make(v, n, &b);
    pr_blocks_weigh(&b, b.n, &checked, true, ret);
    pr_blocks_done(&b);
    return PR_OK;
}

json_t *pr_evidence_json(const struct pr_evidence *e)
{
    json_t *doc = json_object(), *arms = json_array();
    pr_json_set_bool(doc, "decided", e->decided);
    pr_json_set_str(doc, "best", e->best);
    pr_json_set_int(doc, "blocks", (int64_t)e->blocks);
    pr_json_set_int(doc, "failed", (int64_t)e->failed);
    pr_json_set_real(doc, "noise", e->noise, "needs two blocks with random and random_again");
    for (size_t i = 0; i < e->n_arms; i++) {
        const struct pr_arm_evidence *a = &e->arms[i];
        const char *few = a->n < 2 ? "needs two blocks with this arm and random" : NULL,
                   *early = a->n < PR_MIN_SEEDS ? "too few blocks yet"
                                                : "too few blocks yet, or all differ alike";
        json_t *x = json_object();
        pr_json_set_str(x, "arm", a->name);
        pr_json_set_int(x, "n", (int64_t)a->n);
        pr_json_set_real(x, "mean", a->mean, "no block with this arm and random");
        pr_json_set_real(x, "se", a->se, few);
        pr_json_set_real(x, "lo", a->lo, early);
        pr_json_set_real(x, "hi", a->hi, early);
        pr_json_set_real(x, "p", a->p, early);
        pr_json_set_bool(x, "better", a->better);
        pr_json_set_bool(x, "worse", a->worse);
        json_array_append_new(arms, x);
    }
    pr_json_set(doc, "arms", arms);
    return doc;
}
