/* The regression monitor: is the newest checkpoint worse than the baseline, on the fixed validation
 * set and on every further suite?
 *
 * What decides is in judge.c, the baseline's way in baseline.c; here is what must be graded for it,
 * and the document and alerts that are made of the judgements. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "systems/baseline.h"
#include "systems/system.h"

#define SYSTEM "regression-monitor"

/* ---- plan ---- */

/* The run that a checkpoint came to last. */
static const struct pr_run_row *newest_run(const struct pr_view *v)
{
    const struct pr_run_row *ret = NULL;
    for (size_t i = 0; i < v->n_runs; i++) {
        bool present = false;
        for (size_t k = 0; k < v->n_checkpoints && !present; k++)
            present = v->checkpoints[k].run_id == v->runs[i].id;
        if (present && (!ret || v->runs[i].last_ms >= ret->last_ms))
            ret = &v->runs[i];
    }
    return ret;
}

static int64_t newest_ready(const struct pr_view *v, int64_t run)
{
    int64_t ret = 0;
    for (size_t i = 0; i < v->n_checkpoints; i++)
        if (v->checkpoints[i].state == PR_CHECKPOINT_READY && v->checkpoints[i].run_id == run)
            ret = v->checkpoints[i].id;
    return ret;
}

/* The checkpoint that the baseline moved to last, as far as it is stored; 0: none.  Graded it is
 * already, unless the options changed: then nothing can be judged before it is graded again. */
static enum pr_code last_baseline(
    struct pr_view *v, int64_t suite, int64_t *ret, struct pr_error *e)
{
    struct pr_decision_filter f = {.kind = "baseline", .suite = suite, .present_only = true};
    struct pr_decision *d;
    size_t n;
    enum pr_code code = pr_gradebook_decisions(v->g, &f, &d, &n, e);
    if (code)
        return code;
    *ret = 0;
    for (size_t i = 0; i < n; i++)
        if (!strcmp(d[i].verdict, "moved") && pr_view_checkpoint(v, d[i].checkpoint))
            *ret = d[i].checkpoint;
    pr_decisions_free(d, n);
    return PR_OK;
}

static enum pr_code plan_suite(
    struct pr_view *v, const struct pr_suite_row *s, struct pr_needs *ret, struct pr_error *e)
{
    const struct pr_run_row *run = newest_run(v);
    bool main = !strcmp(s->name, PR_SUITE_MAIN);
    int first = main ? PR_PRIORITY_NEWEST : PR_PRIORITY_REST;
    int64_t base = 0, ready = run ? newest_ready(v, run->id) : 0;
    enum pr_code code = main ? last_baseline(v, s->id, &base, e) : PR_OK;
    if (code)
        return code;
    for (size_t i = 0; i < v->n_checkpoints; i++) {
        const struct pr_checkpoint_row *c = &v->checkpoints[i];
        if (c->state != PR_CHECKPOINT_READY && c->state != PR_CHECKPOINT_FOUND)
            continue;
        bool newest = c->id == ready; /* what was never opened the supervisor places */
        pr_needs_add(ret, c->id, s->id,
            c->id == base && !newest ? PR_PRIORITY_ALARM
            : newest                 ? first
                                     : PR_PRIORITY_BACKFILL);
    }
    if (v->reference)
        pr_needs_add(ret, v->reference->id, s->id, PR_PRIORITY_BACKFILL);
    return PR_OK;
}

static enum pr_code plan(struct pr_view *v, struct pr_needs *ret, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < v->n_suites && !code; i++)
        if (strcmp(v->suites[i].name, PR_SUITE_TESTING) != 0)
            code = plan_suite(v, &v->suites[i], ret, e);
    return code;
}

/* ---- what was judged, as JSON ---- */

static const char *const unjudged = "no checkpoint has been judged yet";
static const char *const no_baseline = "there is no baseline yet";

/* evidence[section][key] (or of its sequential test, where the verdict was an early one). */
static double figure(const struct pr_judgement *j, const char *section, const char *key)
{
    const json_t *o = json_object_get(j->evidence, section);
    if (!o && !strcmp(section, "loss"))
        o = json_object_get(j->evidence, "sequential");
    const json_t *x = json_object_get(o, key);
    return json_is_number(x) ? json_number_value(x) : NAN;
}

static void copy(json_t *o, const char *as, const struct pr_judgement *j, const char *section,
    const char *key, const char *reason)
{
    json_t *x = json_object_get(json_object_get(j->evidence, section), key);
    if (x && !json_is_null(x))
        pr_json_set(o, as, json_deep_copy(x));
    else
        pr_json_set_null(o, as, reason);
}

static const char *why_null(const struct pr_judgement *j)
{
    if (!j->judged)
        return unjudged;
    if (json_object_get(j->evidence, "sequential"))
        return "judged early, by its first examples";
    return j->baseline ? "not known for this checkpoint" : no_baseline;
}

/* One of the last checkpoints: level, figures, differences with their intervals. */
static json_t *row_json(const struct pr_judgement *j)
{
    json_t *o = json_object();
    const char *why = why_null(j);
    pr_json_set_str(o, "checkpoint", j->checkpoint->name);
    pr_json_set_int(o, "step", j->checkpoint->step);
    if (j->judged)
        pr_json_set_str(o, "level", pr_verdict_level_name(j->level));
    else
        pr_json_set_null(o, "level", j->reason);
    pr_json_set_bool(o, "early", j->early);
    pr_json_set_bool(o, "moved", j->moved);
    pr_json_set_str(o, "baseline", j->baseline ? j->baseline->name : NULL);
    pr_json_set_real(o, "loss", figure(j, "loss", "checkpoint"), why);
    copy(o, "loss_difference", j, "loss", "difference", why);
    copy(o, "loss_difference_ci95", j, "loss", "difference_ci95", why);
    copy(o, "increase_percent", j, "loss", "increase_percent", why);
    copy(o, "increase_percent_ci95", j, "loss", "increase_percent_ci95", why);
    copy(o, "accuracy", j, "accuracy", "checkpoint", why);
    copy(o, "accuracy_difference_points", j, "accuracy", "difference_points", why);
    copy(o, "accuracy_difference_points_ci95", j, "accuracy", "difference_points_ci95", why);
    pr_json_set_str(o, "reason", j->reason);
    return o;
}

/* The judgements of one suite on the run that the document is about. */
struct judged {
    const struct pr_suite_row *suite;
    struct pr_judgement *v;
    size_t n;
    const struct pr_judgement *newest; /* the newest that was judged; NULL: none */
    const struct pr_judgement *last;   /* the newest of all, judged or not; NULL: none */
};

static void find_newest(struct judged *s)
{
    s->newest = s->last = NULL;
    for (size_t i = 0; i < s->n; i++) {
        if (s->v[i].judged)
            s->newest = &s->v[i];
        if (s->v[i].judged || s->v[i].checkpoint->state == PR_CHECKPOINT_READY)
            s->last = &s->v[i];
    }
}

static void null_figures(json_t *o, const char *reason)
{
    static const char *const keys[] = {"baseline_loss", "current_loss", "increase_percent"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        pr_json_set_null(o, keys[i], reason);
}

/* The promised fields for one suite. */
static void suite_fields(const struct judged *s, const struct pr_settings *settings, json_t *o)
{
    const struct pr_judgement *j = s->newest;
    const struct pr_judgement *shown = j ? j : s->last;
    pr_json_set_str(o, "checkpoint", shown ? shown->checkpoint->name : NULL);
    if (!j) {
        null_figures(o, unjudged);
        pr_json_set_null(o, "alert_level", unjudged);
    } else if (!j->baseline) {
        null_figures(o, no_baseline);
    } else {
        pr_json_set_real(o, "baseline_loss", figure(j, "loss", "baseline"), why_null(j));
        pr_json_set_real(o, "current_loss", figure(j, "loss", "checkpoint"), why_null(j));
        pr_json_set_real(o, "increase_percent", figure(j, "loss", "increase_percent"), why_null(j));
    }
    if (j)
        pr_json_set_str(o, "alert_level", pr_verdict_level_name(j->level));
    pr_json_set_str(o, "baseline", j && j->baseline ? j->baseline->name : NULL);
    /* What the next one will be judged against. */
    pr_json_set_str(o, "next_baseline",
        j && j->moved      ? j->checkpoint->name
        : j && j->baseline ? j->baseline->name
                           : NULL);
    pr_json_set_int(o, "earlier_not_graded", j ? (int64_t)j->pending : 0);
    pr_json_set_str(o, "reason", j ? j->reason : shown ? shown->reason : unjudged);
    if (j)
        pr_json_set_bool(o, "early", j->early);
    json_t *drop = j ? json_object_get(j->evidence, "detectable_drop") : NULL;
    if (drop)
        pr_json_set(o, "detectable_drop", json_deep_copy(drop));
    else
        pr_json_set_null(o, "detectable_drop", j ? why_null(j) : unjudged);
    json_t *rows = json_array();
    size_t from = s->n > (size_t)settings->last ? s->n - (size_t)settings->last : 0;
    for (size_t i = s->n; i-- > from;)
        json_array_append_new(rows, row_json(&s->v[i]));
    pr_json_set(o, "checkpoints", rows);
    pr_json_set(o, "evidence", j && j->evidence ? json_incref(j->evidence) : json_null());
}

static enum pr_code reference_json(
    struct pr_view *v, const struct pr_suite_row *s, json_t *o, struct pr_error *e)
{
    if (!v->reference) {
        pr_json_set_null(o, "reference", "models.reference is not set, or it was not opened yet");
        return PR_OK;
    }
    struct pr_view_grades g;
    enum pr_code code = pr_view_grades(v, v->reference, s->id, &g, e);
    if (code)
        return code;
    json_t *r = json_object();
    pr_json_set_str(r, "checkpoint", v->reference->name);
    struct pr_figures f = {.loss_mean_per_example = NAN, .accuracy = NAN};
    if (g.complete && g.grades && (code = pr_figures_make(g.grades, &f, e))) {
        json_decref(r);
        return code;
    }
    static const char *const partly = "not all examples are graded yet";
    pr_json_set_real(r, "loss", f.loss_mean_per_example, g.complete ? "no finite losses" : partly);
    pr_json_set_real(r, "accuracy", f.accuracy, g.complete ? "no answers to check" : partly);
    pr_json_set_int(r, "n", (int64_t)f.n);
    pr_figures_done(&f);
    pr_json_set(o, "reference", r);
    return PR_OK;
}

/* ---- alerts ---- */

/* Those of one run and suite that hold: newer than its last checkpoint that is ok.  A verdict of
 * the first examples counts as one. */
static void raise_alerts(const struct judged *s, struct pr_findings *ret)
{
    for (size_t i = s->n; i-- > 0;) {
        const struct pr_judgement *j = &s->v[i];
        if (!j->judged)
            continue;
        if (j->level == PR_LEVEL_OK)
            return;
        char key[300];
        snprintf(key, sizeof key, "%.100s/%.100s#%lld", s->suite->name, j->checkpoint->name,
            (long long)j->checkpoint->id);
        pr_findings_alert(ret, key, j->checkpoint->id,
            j->level == PR_LEVEL_CRITICAL ? PR_ALERT_CRITICAL : PR_ALERT_WARNING, "%s on %s: %s",
            j->checkpoint->name, s->suite->name, j->reason);
    }
}

/* ---- run ---- */

static void say_waiting(const struct judged *s, struct pr_findings *ret)
{
    const struct pr_judgement *j = s->last;
    char text[700];
    /* Older ones may never be graded (watch.backfill): they are waited for only as long as there is
     * nothing else to compare with. */
    if (ret->waiting || !j || (j->judged && !j->early && (j->baseline || !j->pending)))
        return;
    if (j->judged && !j->early)
        snprintf(text, sizeof text,
            "%zu earlier checkpoints are not graded yet on %.100s: nothing to compare with",
            j->pending, s->suite->name);
    else
        snprintf(text, sizeof text, "%.100s on %.100s: %.400s", j->checkpoint->name, s->suite->name,
            j->early ? "critical by its first examples, the others are being graded" : j->reason);
    ret->waiting = pr_strdup(text);
}

/* The run's document: the main suite's fields, the further suites, the worst level of all. */
static enum pr_code document(struct pr_view *v, const struct judged *s, size_t n,
    struct pr_findings *ret, struct pr_error *e)
{
    const struct pr_settings *set = v->settings;
    json_t *o = ret->status, *suites = json_array();
    const struct judged *worst = NULL;
    enum pr_code code = PR_OK;
    pr_json_set_str(o, "suite", s[0].suite->name);
    suite_fields(&s[0], set, o);
    for (size_t i = 0; i < n; i++) {
        if (s[i].newest && (!worst || s[i].newest->level > worst->newest->level))
            worst = &s[i];
        say_waiting(&s[i], ret);
    }
    for (size_t i = 1; i < n && !code; i++) {
        json_t *x = json_object();
        pr_json_set_str(x, "suite", s[i].suite->name);
        suite_fields(&s[i], set, x);
        code = reference_json(v, s[i].suite, x, e);
        json_array_append_new(suites, x);
    }
    pr_json_set(o, "suites", suites);
    if (code || (code = reference_json(v, s[0].suite, o, e)))
        return code;
    if (worst) {
        pr_json_set_bool(o, "regression_detected", worst->newest->level == PR_LEVEL_CRITICAL);
        pr_json_set_str(o, "alert_level", pr_verdict_level_name(worst->newest->level));
        pr_json_set_str(
            o, "alert_suite", worst->newest->level == PR_LEVEL_OK ? NULL : worst->suite->name);
    } else {
        pr_json_set_null(o, "regression_detected", unjudged);
    }
    pr_json_set_real(o, "error_rate", set->error_rate, NULL);
    pr_json_set_real(o, "expected_false_alarms_per_1000", 1000 * set->error_rate * (double)n, NULL);
    pr_json_set_real(o, "threshold_percent", set->threshold, NULL);
    return PR_OK;
}

/* Nothing to speak of: the promised fields are there nevertheless. */
static void empty_document(struct pr_findings *ret, const char *why)
{
    json_t *o = ret->status;
    pr_json_set_null(o, "checkpoint", why);
    null_figures(o, why);
    pr_json_set_null(o, "regression_detected", why);
    pr_json_set_null(o, "alert_level", why);
    ret->waiting = pr_strdup(why);
}

static enum pr_code walk_run(struct pr_view *v, const struct pr_run_row *run, struct judged *s,
    size_t n, struct pr_findings *ret, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < n && !code; i++) {
        code = pr_baseline_walk(v, run->id, s[i].suite->id, SYSTEM, ret, &s[i].v, &s[i].n, e);
        if (code)
            break;
        find_newest(&s[i]);
        raise_alerts(&s[i], ret);
    }
    return code;
}

static enum pr_code run(struct pr_view *v, struct pr_findings *ret, struct pr_error *e)
{
    const struct pr_run_row *newest = newest_run(v);
    struct judged *s = pr_zalloc((v->n_suites + 1) * sizeof *s);
    size_t n = 0;
    enum pr_code code = PR_OK;
    ret->status = json_object();
    for (size_t i = 0; i < v->n_suites; i++)
        if (strcmp(v->suites[i].name, PR_SUITE_TESTING) != 0)
            s[n++].suite = &v->suites[i];
    if (!n || !newest)
        empty_document(ret, !n ? "there is no suite of examples in data/validation yet"
                               : "no checkpoint has been opened yet");
    for (size_t i = 0; n && i < v->n_runs && !code; i++) {
        if (!newest_ready(v, v->runs[i].id) && &v->runs[i] != newest)
            continue;
        code = walk_run(v, &v->runs[i], s, n, ret, e);
        if (!code && &v->runs[i] == newest)
            code = document(v, s, n, ret, e);
        for (size_t k = 0; k < n; k++) {
            pr_judgements_free(s[k].v, s[k].n);
            s[k].v = NULL;
            s[k].n = 0;
        }
    }
    pr_free(s);
    return code;
}

static const struct pr_system_option options[] = {
    {"threshold", "monitor.threshold", "PERCENT", "increase of the loss that is critical"},
    {"last", "monitor.last", "N", "how many of the newest checkpoints are shown"},
};

const struct pr_system pr_system_regression_monitor = {
    .name = SYSTEM,
    .status_file = "regression_monitoring.json",
    .summary = "judges every checkpoint against the best one before it",
    .about =
        "Grades each checkpoint on the fixed validation set (and on every further suite) and "
        "compares it with the baseline, example by example.\n\n"
        "critical: the loss rose by more than the threshold, weights or losses are not finite, or "
        "the output collapsed. warning: worse beyond chance, by a paired test of the losses or of "
        "the answers. ok: neither; the status says which drop would have been seen. The baseline "
        "moves only to a checkpoint that is ok and better beyond doubt.",
    .roles = PR_ROLE_INFERENCE,
    .interval_s = 300,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .plan = plan,
    .run = run,
};
