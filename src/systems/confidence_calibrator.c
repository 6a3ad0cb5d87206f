/* The confidence calibrator: can the newest checkpoint's confidence be believed?  The arithmetic is
 * calibration.c's; docs/systems.md says what each figure means. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "exam/stats.h"
#include "systems/calibration.h"
#include "systems/pieces.h"
#include "systems/system.h"

#define NAME          "confidence-calibrator"
#define ADAPTIVE_BINS 10
#define NOISE_DRAWS   2000
#define HISTORY       20 /* checkpoints */
#define FEW_TO_SAY    30 /* below so many answers nothing is said about being well calibrated */
#define FEW_IN_GROUP  10 /* and no ECE is given for a group */
#define FEW_IN_HALF   20 /* and nothing is fitted */

static enum pr_code plan(struct pr_view *v, struct pr_needs *ret, struct pr_error *e)
{
    (void)e;
    const struct pr_suite_row *s = pr_view_suite(v, PR_SUITE_MAIN);
    const struct pr_checkpoint_row *newest = pr_view_newest(v);
    if (s && newest)
        pr_needs_add(ret, newest->id, s->id, PR_PRIORITY_NEWEST);
    return PR_OK;
}

static enum pr_code ece_of(const struct pr_answers *a, const double *edges, size_t n_bins,
    struct pr_bin *bins, double *ret, struct pr_error *e)
{
    return pr_stats_ece(a->confidence, a->right, a->n, edges, n_bins, bins, ret, e);
}

static double mean_confidence(const struct pr_answers *a)
{
    return a->n ? pr_stats_sum(a->confidence, a->n) / (double)a->n : NAN;
}

static void set_accuracy(json_t *o, const struct pr_answers *a)
{
    struct pr_estimate x;
    size_t right = 0;
    for (size_t i = 0; i < a->n; i++)
        right += a->right[i];
    bool known = a->n && !pr_stats_wilson(right, a->n, PR_STATS_LEVEL, &x, NULL);
    pr_json_set_real(o, "accuracy", known ? x.value : NAN, "no answer has a verdict");
    pr_json_set(o, "accuracy_ci95", known ? pr_interval_json(x.lo, x.hi) : json_null());
}

/* ---- groups ---- */

static const char *skill_of(const struct pr_example *x)
{
    return x->skill ? x->skill : PR_UNSPECIFIED;
}

static const char *difficulty_of(const struct pr_example *x)
{
    return x->difficulty;
}

static bool of_skill(const struct pr_example *x, const char *group)
{
    return !strcmp(skill_of(x), group);
}

static bool of_difficulty(const struct pr_example *x, const char *group)
{
    return !strcmp(difficulty_of(x), group);
}

static const struct grouping {
    const char *key;
    const char *(*of)(const struct pr_example *x);
    bool (*is)(const struct pr_example *x, const char *group);
    const char *always[4]; /* groups that are there, null, without examples too */
} groupings[] = {
    {"by_difficulty", difficulty_of, of_difficulty, {"easy", "medium", "hard", NULL}},
    {"by_skill", skill_of, of_skill, {NULL}},
};

static enum pr_code group_json(const struct pr_view *v, const struct pr_grades *g,
    const struct grouping *by, const char *name, json_t **ret, struct pr_error *e)
{
    struct pr_bin bins[PR_MAX_BINS];
    struct pr_answers a;
    struct pr_ece_noise noise;
    double ece;
    pr_answers_make(g, by->is, name, &a);
    enum pr_code code = ece_of(&a, v->settings->edges, (size_t)v->settings->n_bins, bins, &ece, e);
    if (code)
        goto out;
    json_t *o = json_object();
    char few[80];
    snprintf(few, sizeof few, "%zu answers: below %d no ECE is given", a.n, FEW_IN_GROUP);
    pr_answers_ece_noise(
        &a, v->settings->edges, (size_t)v->settings->n_bins, 500, PR_STATS_SEED, &noise);
    bool enough = a.n >= FEW_IN_GROUP;
    pr_json_set_int(o, "n", (int64_t)a.n);
    set_accuracy(o, &a);
    pr_json_set_real(o, "mean_confidence", mean_confidence(&a), "no answer has a confidence");
    pr_json_set_real(o, "ece", enough ? ece : NAN, few);
    pr_json_set_real(o, "ece_noise_p99", enough ? noise.p99 : NAN, few);
    *ret = o;
out:
    pr_answers_done(&a);
    return code;
}

static enum pr_code set_groups(const struct pr_view *v, const struct pr_grades *g,
    const struct grouping *by, json_t *doc, struct pr_error *e)
{
    json_t *out = json_object();
    for (size_t i = 0; by->always[i]; i++)
        pr_json_set(out, by->always[i], json_null());
    pr_json_set(doc, by->key, out);
    for (size_t i = 0; i < g->n; i++) {
        const char *name = by->of(g->v[i].example);
        json_t *o;
        if (json_is_object(json_object_get(out, name)))
            continue;
        enum pr_code code = group_json(v, g, by, name, &o, e);
        if (code)
            return code;
        pr_json_set(out, name, o);
    }
    return PR_OK;
}

/* ---- fits ---- */

struct fit {
    const char *key;
    struct pr_logistic (*make)(const struct pr_answers *x, int only_half);
    const char *what;
};
static const struct fit fits[] = {
    {"temperature", pr_fit_temperature,
        "c' = sigmoid(logit(c) / T) of the confidence of a whole answer, by maximum likelihood; "
        "not a temperature of the softmax over tokens"},
    {"platt", pr_fit_platt,
        "c' = sigmoid(a·logit(c) + b), by maximum likelihood: also corrects a confidence that is "
        "too high or low throughout"},
};

/* The same answers with other confidences. */
static struct pr_answers with(const struct pr_answers *a, double *confidence)
{
    struct pr_answers x = *a;
    x.confidence = confidence;
    return x;
}

static void set_parameters(json_t *o, const struct fit *f, struct pr_logistic x)
{
    if (f->make == pr_fit_temperature) {
        pr_json_set_real(o, "temperature", 1 / x.a, NULL);
        return;
    }
    pr_json_set_real(o, "a", x.a, NULL);
    pr_json_set_real(o, "b", x.b, NULL);
}

static enum pr_code fit_json(const struct pr_view *v, const struct pr_answers *a,
    const struct fit *f, json_t **ret, struct pr_error *e)
{
    size_t n_bins = (size_t)v->settings->n_bins;
    const struct pr_logistic halves[2] = {f->make(a, 0), f->make(a, 1)};
    double *after = pr_zalloc((a->n + 1) * sizeof *after), ece[2];
    struct pr_bin bins[PR_MAX_BINS];
    pr_logistic_cross_apply(a, halves, after);
    struct pr_answers corrected = with(a, after);
    enum pr_code code = ece_of(a, v->settings->edges, n_bins, bins, &ece[0], e);
    if (code || (code = ece_of(&corrected, v->settings->edges, n_bins, bins, &ece[1], e)))
        goto out;
    json_t *o = json_object(), *list = json_array();
    set_parameters(o, f, f->make(a, -1));
    for (size_t h = 0; h < 2; h++) {
        json_t *half = json_object();
        size_t n = 0;
        for (size_t i = 0; i < a->n; i++)
            n += a->half[i] == (h == 1);
        pr_json_set_int(half, "n", (int64_t)n);
        set_parameters(half, f, halves[h]);
        json_array_append_new(list, half);
    }
    pr_json_set(o, "halves", list);
    pr_json_set_real(o, "ece_before", ece[0], NULL);
    pr_json_set_real(o, "ece_after", ece[1], NULL);
    pr_json_set_real(o, "brier_before", pr_answers_brier(a), NULL);
    pr_json_set_real(o, "brier_after", pr_answers_brier(&corrected), NULL);
    pr_json_set_real(o, "log_loss_before", pr_answers_log_loss(a, a->confidence), NULL);
    pr_json_set_real(o, "log_loss_after", pr_answers_log_loss(a, after), NULL);
    pr_json_set_str(o, "what", f->what);
    pr_json_set_str(o, "after", "each half of the examples corrected with the fit on the other");
    *ret = o;
out:
    pr_free(after);
    return code;
}

/* NULL: a fit makes sense. */
static const char *cannot_fit(const struct pr_answers *a)
{
    size_t n[2] = {0}, right[2] = {0};
    for (size_t i = 0; i < a->n; i++) {
        n[a->half[i]]++;
        right[a->half[i]] += a->right[i];
    }
    for (size_t h = 0; h < 2; h++) {
        if (n[h] < FEW_IN_HALF)
            return "fewer than 20 answers in a half of the examples";
        if (!right[h] || right[h] == n[h])
            return "all answers in a half of the examples are right, or all are wrong";
    }
    return NULL;
}

static enum pr_code set_fits(
    const struct pr_view *v, const struct pr_answers *a, json_t *doc, struct pr_error *e)
{
    const char *why = cannot_fit(a);
    for (size_t i = 0; i < sizeof fits / sizeof *fits; i++) {
        json_t *o = NULL;
        enum pr_code code = why ? PR_OK : fit_json(v, a, &fits[i], &o, e);
        if (code)
            return code;
        if (o)
            pr_json_set(doc, fits[i].key, o);
        else
            pr_json_set_null(doc, fits[i].key, why);
    }
    return PR_OK;
}

/* ---- the whole ---- */

static const char rule[] =
    "well calibrated: ece <= max(0.05, ece_noise.p99); ece_noise is what the ECE of a perfectly "
    "calibrated model with these confidences would be (its verdicts drawn 2,000 times), which for "
    "few answers is far above 0.  Below 30 answers nothing is said";

static void set_verdict(
    json_t *doc, const struct pr_answers *a, double ece, const struct pr_ece_noise *noise)
{
    json_t *o = json_object();
    pr_json_set_real(o, "mean", noise->mean, "no answers");
    pr_json_set_real(o, "p99", noise->p99, "no answers");
    pr_json_set(doc, "ece_noise", o);
    if (a->n < FEW_TO_SAY)
        pr_json_set_null(doc, "well_calibrated", "fewer than 30 answers have a verdict");
    else
        pr_json_set_bool(doc, "well_calibrated", pr_well_calibrated(ece, noise));
    pr_json_set_str(doc, "rule", rule);
}

static enum pr_code set_figures(
    const struct pr_view *v, const struct pr_answers *a, json_t *doc, struct pr_error *e)
{
    static const char none[] = "no answer has a verdict and a confidence";
    const struct pr_settings *s = v->settings;
    struct pr_bin bins[PR_MAX_BINS], fifteen[15], six[PR_BINS_SIX];
    struct pr_ece_noise noise;
    double ece, ece_15, ece_six, mean = mean_confidence(a);
    enum pr_code code = ece_of(a, s->edges, (size_t)s->n_bins, bins, &ece, e);
    if (code || (code = ece_of(a, NULL, 15, fifteen, &ece_15, e)) ||
        (code = ece_of(a, pr_stats_six_edges, PR_BINS_SIX, six, &ece_six, e)))
        return code;
    pr_answers_ece_noise(a, s->edges, (size_t)s->n_bins, NOISE_DRAWS, PR_STATS_SEED, &noise);
    pr_json_set_int(doc, "n", (int64_t)a->n);
    set_accuracy(doc, a);
    pr_json_set_real(doc, "mean_confidence", mean, none);
    pr_json_set(doc, "bins", pr_bins_json(bins, (size_t)s->n_bins));
    pr_json_set_real(doc, "ece", ece, none);
    set_verdict(doc, a, ece, &noise);
    pr_json_set_real(doc, "ece_six_bins", ece_six, none);
    pr_json_set_real(doc, "ece_15", ece_15, none);
    pr_json_set_real(doc, "ece_adaptive", pr_answers_adaptive_ece(a, ADAPTIVE_BINS), none);
    pr_json_set_int(doc, "ece_adaptive_bins", ADAPTIVE_BINS);
    pr_json_set_real(doc, "brier", pr_answers_brier(a), none);
    return PR_OK;
}

static enum pr_code examine(
    const struct pr_view *v, const struct pr_grades *g, json_t *doc, struct pr_error *e)
{
    struct pr_answers a;
    pr_answers_make(g, NULL, NULL, &a);
    enum pr_code code = set_figures(v, &a, doc, e);
    for (size_t i = 0; i < sizeof groupings / sizeof *groupings && !code; i++)
        code = set_groups(v, g, &groupings[i], doc, e);
    if (!code)
        code = set_fits(v, &a, doc, e);
    pr_answers_done(&a);
    return code;
}

/* Of the newest checkpoint's run, from the newest back: the graded ones. */
struct graded {
    const struct pr_checkpoint_row *row[HISTORY];
    size_t n;
};

static enum pr_code find_graded(
    struct pr_view *v, int64_t suite, struct graded *ret, struct pr_error *e)
{
    const struct pr_checkpoint_row *newest = pr_view_newest(v);
    ret->n = 0;
    for (size_t i = v->n_checkpoints; newest && i-- && ret->n < HISTORY;) {
        const struct pr_checkpoint_row *c = &v->checkpoints[i];
        struct pr_view_grades g;
        if (c->run_id != newest->run_id || c->state != PR_CHECKPOINT_READY)
            continue;
        enum pr_code code = pr_view_grades(v, c, suite, &g, e);
        if (code)
            return code;
        if (g.complete && g.grades)
            ret->row[ret->n++] = c;
    }
    return PR_OK;
}

static enum pr_code set_history(
    struct pr_view *v, int64_t suite, const struct graded *found, json_t *doc, struct pr_error *e)
{
    json_t *list = json_array();
    pr_json_set(doc, "history", list);
    for (size_t i = found->n; i--;) {
        struct pr_bin bins[PR_MAX_BINS];
        struct pr_view_grades g;
        struct pr_answers a;
        double ece;
        enum pr_code code = pr_view_grades(v, found->row[i], suite, &g, e);
        if (code)
            return code;
        pr_answers_make(g.grades, NULL, NULL, &a);
        code = ece_of(&a, v->settings->edges, (size_t)v->settings->n_bins, bins, &ece, e);
        json_t *o = pr_checkpoint_json(found->row[i]);
        pr_json_set_int(o, "n", (int64_t)a.n);
        pr_json_set_real(o, "ece", ece, "no answer has a verdict and a confidence");
        pr_json_set_real(o, "mean_confidence", mean_confidence(&a), "no answer has a confidence");
        json_array_append_new(list, o);
        pr_answers_done(&a);
        if (code)
            return code;
    }
    return PR_OK;
}

/* What is said of a checkpoint is a decision, once for each answer to the question. */
static enum pr_code decide(struct pr_view *v, const struct pr_checkpoint_row *c, int64_t suite,
    const json_t *doc, struct pr_findings *f, struct pr_error *e)
{
    static const char *const keys[] = {"n", "ece", "ece_noise", "ece_15", "ece_adaptive", "brier",
        "accuracy", "mean_confidence", "rule"};
    const json_t *well = json_object_get(doc, "well_calibrated");
    const char *verdict = json_is_true(well) ? "well calibrated" : "not well calibrated";
    const struct pr_decision_filter mine = {.system = NAME,
        .kind = "calibration",
        .checkpoint = c->id,
        .suite = suite,
        .present_only = true};
    struct pr_decision *last;
    size_t n;
    if (!json_is_boolean(well))
        return PR_OK;
    enum pr_code code = pr_gradebook_decisions(v->g, &mine, &last, &n, e);
    if (code)
        return code;
    if (!n || strcmp(last[n - 1].verdict, verdict) != 0) {
        json_t *evidence = json_object();
        for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
            json_object_set(evidence, keys[i], json_object_get(doc, keys[i]));
        pr_findings_decide(f, NAME, "calibration", c->id, suite, verdict, 0, evidence, v->now_ms);
    }
    pr_decisions_free(last, n);
    return PR_OK;
}

static void set_waiting(const struct pr_view *v, const struct graded *found, struct pr_findings *f)
{
    const struct pr_checkpoint_row *newest = pr_view_newest(v);
    if (newest && found->n && found->row[0] == newest)
        return;
    struct pr_str text = PR_STR_INIT(8192);
    if (newest)
        pr_str_printf(&text, "the grades of %s", newest->name);
    else
        pr_str_puts(&text,
            v->n_checkpoints ? "no checkpoint was opened yet" : "no checkpoint is there yet");
    f->waiting = pr_str_take(&text);
}

/* Nothing can be said: the fields are there, null. */
static void set_unknown(json_t *doc, const char *why)
{
    static const char *const keys[] = {"checkpoint", "ece", "well_calibrated"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        pr_json_set_null(doc, keys[i], why);
    pr_json_set(doc, "bins", json_array());
    pr_json_set_str(doc, "rule", rule);
}

static enum pr_code run(struct pr_view *v, struct pr_findings *ret, struct pr_error *e)
{
    const struct pr_suite_row *suite = pr_view_suite(v, PR_SUITE_MAIN);
    json_t *doc = json_object();
    enum pr_code code = PR_OK;
    struct graded found = {.n = 0};
    if (suite && (code = find_graded(v, suite->id, &found, e)))
        goto out;
    if (!suite)
        ret->waiting = pr_strdup("there is no suite `" PR_SUITE_MAIN "` (data/validation)");
    else
        set_waiting(v, &found, ret);
    if (!found.n) {
        set_unknown(doc, ret->waiting);
        goto done;
    }
    struct pr_view_grades g;
    pr_checkpoint_json_into(found.row[0], doc);
    pr_json_set_str(doc, "suite", suite->name);
    pr_json_set_str(doc, "suite_fingerprint", suite->fingerprint);
    if ((code = pr_view_grades(v, found.row[0], suite->id, &g, e)) ||
        (code = examine(v, g.grades, doc, e)) ||
        (code = set_history(v, suite->id, &found, doc, e)) ||
        (code = decide(v, found.row[0], suite->id, doc, ret, e)))
        goto out;
done:
    ret->status = json_incref(doc);
out:
    json_decref(doc);
    return code;
}

static const struct pr_system_option options[] = {
    {"bins", "calibrator.bins", "N|EDGES",
        "bins of confidence: how many of equal width, or a list of edges such as [0, 0.5, 0.9, 1]"},
};

const struct pr_system pr_system_confidence_calibrator = {
    .name = NAME,
    .status_file = "confidence_calibration.json",
    .summary = "compare the newest checkpoint's confidence with how often it is right",
    .about =
        "Puts the answers of the newest graded checkpoint on the suite `validation` into bins of "
        "confidence and compares each bin's mean confidence with its accuracy: ECE, adaptive ECE "
        "and Brier score, by skill and difficulty, and what a fitted temperature would make of it "
        "on examples that it was not fitted on.  Whether it is well calibrated is decided by a "
        "rule that is written in the document.  Writes status/confidence_calibration.json.",
    .roles = PR_ROLE_INFERENCE,
    .interval_s = 600,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .plan = plan,
    .run = run,
};
