/* Judging one checkpoint against a baseline: critical, warning or ok, with every figure behind it.
 * Called by the baseline's walk; pure.
 *
 * Two one-sided tests over the same examples.  The accuracy test is McNemar's exact one and has
 * most of the error rate (1 − loss_share): a drop of a few points at a few hundred examples needs
 * the power.  The loss test is the larger p of Student's t and sign flips; losses move by many
 * standard errors where anything happened, so a small share suffices.  Mid-p would find a little
 * more, but leaves no room below the stated rate (bench/false_alarms.c measures both sides). */
#include "systems/judge.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "systems/collapse.h"

#define MAX_LOST   20
#define MAX_REASON 600

enum rule {
    RULE_BAD_WEIGHTS,
    RULE_BAD_NUMBERS,
    RULE_COLLAPSE,
    RULE_LOSS,
    RULE_ACCURACY_WARNING,
    RULE_LOSS_WARNING,
    N_RULES
};
static const struct {
    const char *name;
    enum pr_verdict_level level;
} rules[N_RULES] = {
    [RULE_BAD_WEIGHTS] = {"bad_weights", PR_LEVEL_CRITICAL},
    [RULE_BAD_NUMBERS] = {"bad_numbers", PR_LEVEL_CRITICAL},
    [RULE_COLLAPSE] = {"collapse", PR_LEVEL_CRITICAL},
    [RULE_LOSS] = {"loss", PR_LEVEL_CRITICAL},
    [RULE_ACCURACY_WARNING] = {"accuracy_warning", PR_LEVEL_WARNING},
    [RULE_LOSS_WARNING] = {"loss_warning", PR_LEVEL_WARNING},
};

/* One judging: what was measured, and which rules fired. */
struct trial {
    const struct pr_settings *s;
    const struct pr_grades *a, *b; /* a: the baseline's, NULL without one */
    struct pr_pairs pairs;         /* of a and b; empty without a baseline */
    struct pr_greater worse;
    double better_p; /* what the baseline rule looks at */
    double loss_a, loss_b, percent;
    double points, points_lo, points_hi, accuracy_p;
    double accuracy_a, accuracy_b;
    size_t n_bad;
    bool fired[N_RULES];
};

void pr_judgement_done(struct pr_judgement *j)
{
    pr_free(j->reason);
    json_decref(j->evidence);
    j->reason = NULL;
    j->evidence = NULL;
}

/* The baseline's rule asks for p values that draws cannot reach: the bound on the sign flips' p is
 * at least the exact one, so the baseline moves at most as often as it may. */
static double improvement_p(const struct pr_pairs *p)
{
    double *d = pr_alloc((p->n_loss + 1) * sizeof *d), mean, se;
    for (size_t i = 0; i < p->n_loss; i++)
        d[i] = p->loss_a[i] - p->loss_b[i];
    /* fmax ignores the NaN of too few pairs, for which the bound is at least 0.37. */
    double t = pr_stats_t_greater(d, p->n_loss, &mean, &se);
    double ret = fmax(t, pr_stats_sign_bound(d, p->n_loss));
    pr_free(d);
    return ret;
}

enum pr_code pr_baseline_moves(const struct pr_settings *s, const struct pr_grades *baseline,
    const struct pr_grades *checkpoint, bool *ret, double *ret_p, struct pr_error *e)
{
    struct pr_pairs p;
    enum pr_code code = pr_pairs_make(baseline, checkpoint, false, &p, e);
    if (code)
        return code;
    *ret_p = improvement_p(&p);
    *ret = *ret_p <= s->baseline_p;
    pr_pairs_done(&p);
    return PR_OK;
}

static enum pr_code measure_loss(struct trial *t, struct pr_error *e)
{
    const struct pr_pairs *p = &t->pairs;
    double *d = pr_alloc((p->n_loss + 1) * sizeof *d), n = (double)p->n_loss;
    for (size_t i = 0; i < p->n_loss; i++)
        d[i] = p->loss_b[i] - p->loss_a[i];
    enum pr_code code = pr_stats_greater(d, p->n_loss, pr_level_loss(t->s, p), &t->worse, e);
    pr_free(d);
    if (code)
        return code;
    t->better_p = improvement_p(p);
    t->loss_a = n > 0 ? pr_stats_sum(p->loss_a, p->n_loss) / n : NAN;
    t->loss_b = n > 0 ? pr_stats_sum(p->loss_b, p->n_loss) / n : NAN;
    t->percent = t->loss_a > 0 ? 100 * (t->loss_b - t->loss_a) / t->loss_a : NAN;
    return PR_OK;
}

static enum pr_code measure_accuracy(struct trial *t, struct pr_error *e)
{
    const struct pr_pairs *p = &t->pairs;
    struct pr_estimate x;
    enum pr_code code =
        pr_stats_paired_proportions(p->both, p->gained, p->lost, p->neither, PR_STATS_LEVEL, &x, e);
    if (code)
        return code;
    double n = (double)p->n_verdicts;
    t->points = 100 * x.value;
    t->points_lo = 100 * x.lo;
    t->points_hi = 100 * x.hi;
    t->accuracy_a = n > 0 ? (double)(p->both + p->lost) / n : NAN;
    t->accuracy_b = n > 0 ? (double)(p->both + p->gained) / n : NAN;
    t->accuracy_p = n > 0 ? pr_stats_mcnemar_worse(p->gained, p->lost) : NAN;
    return PR_OK;
}

/* Comparisons with NaN are false: what is unknown fires nothing. */
static void apply_rules(struct trial *t)
{
    const struct pr_settings *s = t->s;
    double by = t->loss_b - t->loss_a;
    bool chance = t->worse.p <= pr_level_loss(s, &t->pairs) && t->worse.lower_bound > 0;
    t->fired[RULE_LOSS] = chance && by > s->threshold / 100 * t->loss_a && by > s->margin_nats;
    t->fired[RULE_LOSS_WARNING] = chance && by >= s->warn_percent / 100 * t->loss_a;
    t->fired[RULE_ACCURACY_WARNING] =
        t->accuracy_p <= pr_level_accuracy(s) && -t->points >= s->warn_points;
}

static json_t *loss_evidence(const struct trial *t)
{
    static const char *const none = "fewer than two pairs of losses";
    json_t *o = json_object();
    const struct pr_greater *w = &t->worse;
    double scale = t->loss_a > 0 ? 100 / t->loss_a : NAN;
    pr_json_set_int(o, "n", (int64_t)t->pairs.n_loss);
    pr_json_set_real(o, "baseline", t->loss_a, none);
    pr_json_set_real(o, "checkpoint", t->loss_b, none);
    pr_json_set_real(o, "difference", w->mean, none);
    pr_evidence_interval(o, "difference_ci95", w->lo, w->hi, none);
    pr_json_set_real(o, "increase_percent", t->percent, none);
    pr_evidence_interval(o, "increase_percent_ci95", w->lo * scale, w->hi * scale, none);
    pr_json_set_real(o, "lower_bound", w->lower_bound, none);
    pr_json_set_real(o, "p", w->p, none);
    pr_json_set_real(o, "t_p", w->t_p, none);
    pr_json_set_real(o, "sign_flip_p", w->sign_flip_p, "not needed: t does not reject");
    pr_json_set_real(o, "level", pr_level_loss(t->s, &t->pairs), NULL);
    return o;
}

static json_t *accuracy_evidence(const struct trial *t)
{
    static const char *const none = "no answers to compare";
    json_t *o = json_object();
    const struct pr_pairs *p = &t->pairs;
    pr_json_set_int(o, "n", (int64_t)p->n_verdicts);
    pr_json_set_real(o, "baseline", t->accuracy_a, none);
    pr_json_set_real(o, "checkpoint", t->accuracy_b, none);
    pr_json_set_real(o, "difference_points", t->points, none);
    pr_evidence_interval(o, "difference_points_ci95", t->points_lo, t->points_hi, none);
    pr_json_set_int(o, "both", (int64_t)p->both);
    pr_json_set_int(o, "gained", (int64_t)p->gained);
    pr_json_set_int(o, "lost", (int64_t)p->lost);
    pr_json_set_int(o, "neither", (int64_t)p->neither);
    pr_json_set_real(o, "p", t->accuracy_p, none);
    pr_json_set_real(o, "level", pr_level_accuracy(t->s), NULL);
    return o;
}

static json_t *lost_examples(const struct pr_grades *a, const struct pr_grades *b)
{
    json_t *o = json_array();
    for (size_t i = 0; i < a->n && json_array_size(o) < MAX_LOST; i++)
        if (a->v[i].graded && b->v[i].graded && a->v[i].correct == PR_VERDICT_RIGHT &&
            b->v[i].correct == PR_VERDICT_WRONG)
            json_array_append_new(o, json_string(b->v[i].example->id));
    return o;
}

/* Without a baseline: the checkpoint's own figures in the same places. */
static void alone_evidence(const struct trial *t, json_t *o)
{
    static const char *const none = "there is no baseline";
    size_t n, right, asked;
    double loss = pr_mean_loss(t->b, &n), accuracy = pr_accuracy(t->b, &right, &asked);
    json_t *l = json_object(), *a = json_object();
    pr_json_set_int(l, "n", (int64_t)n);
    pr_json_set_null(l, "baseline", none);
    pr_json_set_real(l, "checkpoint", loss, "no finite losses");
    pr_json_set_null(l, "difference", none);
    pr_json_set_int(a, "n", (int64_t)asked);
    pr_json_set_null(a, "baseline", none);
    pr_json_set_real(a, "checkpoint", accuracy, "no answers to check");
    pr_json_set_null(a, "difference_points", none);
    pr_json_set(o, "loss", l);
    pr_json_set(o, "accuracy", a);
}

static void pair_evidence(const struct trial *t, json_t *o)
{
    json_t *better = json_object();
    pr_json_set_int(o, "n_paired", (int64_t)t->pairs.n);
    pr_json_set(o, "loss", loss_evidence(t));
    pr_json_set(o, "accuracy", accuracy_evidence(t));
    pr_json_set_real(better, "p", t->better_p, NULL);
    pr_json_set_real(better, "needed", t->s->baseline_p, NULL);
    pr_json_set(o, "improvement", better);
    pr_json_set(o, "lost_examples", lost_examples(t->a, t->b));
    pr_json_set(o, "detectable_drop", pr_detectable_drop(t->s, &t->pairs));
}

static void say_bad(const struct trial *t, const json_t *weights, struct pr_str *r)
{
    if (t->fired[RULE_BAD_WEIGHTS])
        pr_str_printf(r, "%zu tensors hold NaN or infinite weights, '%.100s' the first; ",
            json_array_size(weights), json_string_value(json_array_get(weights, 0)));
    if (t->fired[RULE_BAD_NUMBERS])
        pr_str_printf(r, "NaN or infinity came out of the model for %zu examples; ", t->n_bad);
}

/* One sentence, worst first. */
static char *say(const struct trial *t, const json_t *weights, const struct pr_outputs *out)
{
    struct pr_str r = PR_STR_INIT(MAX_REASON);
    say_bad(t, weights, &r);
    if (t->fired[RULE_COLLAPSE])
        pr_str_printf(&r,
            "output collapsed: of %zu answers %zu are empty, %zu endless, %zu repeating; ",
            out->asked, out->empty, out->truncated, out->repeating);
    if (t->fired[RULE_LOSS])
        pr_str_printf(&r,
            "loss %+.1f %% over %s (%.4f to %.4f, %+.4f or more; the threshold is %g %%); ",
            t->percent, t->a->checkpoint, t->loss_a, t->loss_b, t->worse.lower_bound,
            t->s->threshold);
    if (t->fired[RULE_ACCURACY_WARNING])
        pr_str_printf(&r, "%zu answers lost, %zu gained (%+.1f points, p = %.2g); ", t->pairs.lost,
            t->pairs.gained, t->points, t->accuracy_p);
    /* Beside lost answers the loss is told even where it would be no warning by itself. */
    if ((t->fired[RULE_LOSS_WARNING] || t->fired[RULE_ACCURACY_WARNING]) && !t->fired[RULE_LOSS] &&
        isfinite(t->percent))
        pr_str_printf(&r, "loss %+.1f %% (%.4f to %.4f, p = %.2g); ", t->percent, t->loss_a,
            t->loss_b, t->worse.p);
    if (r.len) {
        char *text = pr_str_take(&r);
        text[strlen(text) - 2] = 0;
        return text;
    }
    if (!t->a) {
        pr_str_puts(&r, "the first of its run that was graded: nothing to compare with");
        return pr_str_take(&r);
    }
    pr_str_printf(&r, "not worse than %s beyond chance", t->a->checkpoint);
    const char *sep = ": ";
    if (isfinite(t->percent)) {
        pr_str_printf(&r, "%sloss %+.1f %%", sep, t->percent);
        sep = ", ";
    }
    if (isfinite(t->points))
        pr_str_printf(&r, "%saccuracy %+.1f points", sep, t->points);
    return pr_str_take(&r);
}

static void conclude(const struct trial *t, struct pr_judgement *ret)
{
    json_t *all = json_array();
    const char *first = NULL;
    ret->level = PR_LEVEL_OK;
    for (int i = 0; i < N_RULES; i++) {
        if (!t->fired[i])
            continue;
        first = first ? first : rules[i].name;
        ret->level = rules[i].level > ret->level ? rules[i].level : ret->level;
        json_array_append_new(all, json_string(rules[i].name));
    }
    pr_json_set_str(ret->evidence, "rule", first ? first : t->a ? "none" : "first");
    pr_json_set(ret->evidence, "rules", all);
}

static enum pr_code measure(struct trial *t, struct pr_error *e)
{
    enum pr_code code = pr_pairs_make(t->a, t->b, false, &t->pairs, e);
    if (code || (code = measure_loss(t, e)) || (code = measure_accuracy(t, e)))
        return code;
    apply_rules(t);
    return PR_OK;
}

/* Nothing was graded, or nothing that the baseline was graded on too: that is not `ok`. */
static bool is_unknown(const struct trial *t, struct pr_judgement *ret)
{
    char text[400];
    const char *first = NULL;
    size_t graded = 0;
    for (size_t i = 0; i < t->b->n; i++) {
        graded += t->b->v[i].graded;
        if (!t->b->v[i].graded && !first)
            first = t->b->v[i].reason;
    }
    if (t->a ? t->pairs.n : graded)
        return false;
    snprintf(text, sizeof text, "none of its %zu examples could be graded%s%s%.300s", t->b->n,
        graded ? " on both sides" : "", first ? ": " : "", first ? first : "");
    ret->judged = false;
    ret->reason = pr_strdup(text);
    return true;
}

enum pr_code pr_judge(const struct pr_settings *s, const struct pr_grades *baseline,
    const struct pr_grades *checkpoint, struct pr_judgement *ret, struct pr_error *e)
{
    const json_t *weights = ret->checkpoint ? ret->checkpoint->bad_weights : NULL;
    struct trial t = {.s = s, .a = baseline, .b = checkpoint, .percent = NAN, .points = NAN};
    struct pr_outputs was = {0}, is;
    json_t *output;
    enum pr_code code = PR_OK;
    if (baseline && (code = measure(&t, e)))
        goto out;
    t.n_bad = pr_bad_numbers(checkpoint);
    t.fired[RULE_BAD_WEIGHTS] = json_array_size(weights) > 0;
    t.fired[RULE_BAD_NUMBERS] = t.n_bad > 0;
    if (!t.fired[RULE_BAD_WEIGHTS] && is_unknown(&t, ret))
        goto out;
    if (baseline)
        pr_outputs_count(baseline, &was);
    pr_outputs_count(checkpoint, &is);
    t.fired[RULE_COLLAPSE] = pr_outputs_collapsed(baseline ? &was : NULL, &is, &output);

    ret->judged = true;
    ret->early = false;
    ret->evidence = pr_evidence_new(s, baseline, checkpoint);
    conclude(&t, ret);
    pr_json_set_int(ret->evidence, "n_bad", (int64_t)t.n_bad);
    if (t.fired[RULE_BAD_WEIGHTS])
        pr_json_set(ret->evidence, "bad_weights", json_deep_copy(weights));
    if (baseline)
        pair_evidence(&t, ret->evidence);
    else
        alone_evidence(&t, ret->evidence);
    pr_json_set(ret->evidence, "output", output);
    ret->reason = say(&t, weights, &is);
    pr_json_set_str(ret->evidence, "reason", ret->reason);
out:
    pr_pairs_done(&t.pairs);
    return code;
}
