/* Weighs what probes have shown: intervals, p values, and what may be named. */
#include "curriculum/evidence.h"

#include <math.h>

#include "curriculum/blocks.h"
#include "curriculum/looks.h"
#include "exam/special.h"

#define HOLD 0.05 /* level at which one side fails more often than the other */

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

/* Nominal level of one statement at each look. */
static double level_of(const struct pr_evidence_options *o)
{
    return pr_looks_level(o->error_rate / statements());
}

/* The chance that of n fair coins at least k are heads. */
static double at_least(size_t k, size_t n)
{
    double term = pow(0.5, (double)n), p = 0;
    for (size_t i = 0; i <= n; i++) {
        if (i >= k)
            p += term;
        term *= (double)(n - i) / (double)(i + 1);
    }
    return p;
}

/* Sign test over the blocks in which one of two alone failed. */
static bool fails_more(size_t failed, size_t other)
{
    return failed > other && at_least(failed, failed + other) <= HOLD;
}

/* A few failures that chance could explain may still be what makes the mean.  So each that is too
 * many is put in as an outcome that was lost because it was bad: as the worst difference that was
 * seen, or half as far on the other side as the largest, whichever is worse.  Does the test still
 * reject?  sign: 1 for above 0, −1 for below.  (The worst that was seen, or no difference, is not
 * bad enough: where the worst 30 % of each strategy's probes fail, 6 % of 900 made-up streams named
 * one; so, 2 %.) */
static bool holds_with(const double *d, size_t n, size_t excess, int sign, double level)
{
    double v[2 * PR_MOST_SEEDS], worst = INFINITY, largest = 0, mean, se;
    for (size_t i = 0; i < n; i++) {
        v[i] = sign * d[i];
        worst = fmin(worst, v[i]);
        largest = fmax(largest, v[i]);
    }
    for (size_t i = 0; i < excess && i < PR_MOST_SEEDS; i++)
        v[n++] = fmin(worst, -largest / 2);
    pr_looks_mean(v, n, &mean, &se);
    return pr_looks_t_p(mean, se, n) < level;
}

/* What is weighed is what survived.  A side that lost more than the other may have lost its bad
 * outcomes, so that no name is given in its favour. */
static void hold_back(const struct pr_mishaps *m, const double *d,
    const struct pr_evidence_options *o, struct pr_arm_evidence *a)
{
    static const char *const why[2][2] = {
        {"it diverged in more blocks than random order",
            "its probes fail more often than those of random order"},
        {"random order diverged in more blocks than it",
            "probes of random order fail more often than its own"}};
    a->tried = m->tried;
    a->diverged = m->diverged;
    a->random_diverged = m->diverged_to;
    if (!a->better && !a->worse)
        return;
    size_t diverged = a->better ? m->diverged : m->diverged_to,
           other_diverged = a->better ? m->diverged_to : m->diverged,
           failed = a->better ? m->failed : m->failed_to,
           other_failed = a->better ? m->failed_to : m->failed;
    if (diverged > other_diverged)
        a->held = why[a->worse][0];
    else if (failed > other_failed &&
             (fails_more(failed, other_failed) ||
                 !holds_with(d, a->n, failed - other_failed, a->better ? 1 : -1, level_of(o))))
        a->held = why[a->worse][1];
    if (a->held)
        a->better = a->worse = false;
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
    double level = level_of(o);
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
    struct pr_mishaps mishaps;
    *ret = (struct pr_evidence){.failed = b->failed, .diverged = b->diverged, .noise = NAN};
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
        pr_blocks_mishaps(b, n_blocks, arm, pr_arm_random(), &mishaps);
        hold_back(&mishaps, d, o, a);
        if (arm == pr_arm_again()) {
            a->better = a->worse = false;
            a->held = NULL;
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
    pr_json_set_int(doc, "diverged", (int64_t)e->diverged);
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
        pr_json_set_str(x, "held", a->held);
        pr_json_set_int(x, "tried", (int64_t)a->tried);
        pr_json_set_int(x, "diverged", (int64_t)a->diverged);
        pr_json_set_int(x, "random_diverged", (int64_t)a->random_diverged);
        json_array_append_new(arms, x);
    }
    pr_json_set(doc, "arms", arms);
    return doc;
}
