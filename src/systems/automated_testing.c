/* Automated testing: a fixed suite of 100, balanced by difficulty, asked of every checkpoint.
 *
 * The baseline is the regression monitor's: the same rule on the same grades (baseline.h).  Each
 * checkpoint is tested once against the baseline as it stood before it; the result is a decision of
 * kind "test", of which the history is made. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "systems/judge.h"
#include "systems/pieces.h"
#include "systems/system.h"

#define SYSTEM  "automated-testing"
#define HISTORY 100
/* Before there is anything to compare with, detectable_drop reckons with this share of answers that
 * differ between two checkpoints, and says so. */
#define USUAL_SHARE 0.15

struct testing {
    struct pr_view *v;
    const struct pr_suite_row *suite, *main;
    struct pr_judgement *judged; /* on the main suite, for the baseline */
    size_t n_judged;
    struct pr_decision *stored; /* tests, the present ones */
    size_t n_stored;
    const json_t *newest; /* evidence of the newest checkpoint's test; NULL: none */
    const struct pr_checkpoint_row *checkpoint;
};

static enum pr_code plan(struct pr_view *v, struct pr_needs *ret, struct pr_error *e)
{
    const struct pr_suite_row *suite = pr_view_suite(v, PR_SUITE_TESTING);
    (void)e;
    if (!suite)
        return PR_OK;
    int64_t newest = 0;
    for (size_t i = 0; i < v->n_checkpoints; i++)
        if (v->checkpoints[i].state == PR_CHECKPOINT_READY)
            newest = v->checkpoints[i].id;
    for (size_t i = 0; i < v->n_checkpoints; i++) {
        const struct pr_checkpoint_row *c = &v->checkpoints[i];
        if (c->state == PR_CHECKPOINT_READY || c->state == PR_CHECKPOINT_FOUND)
            pr_needs_add(
                ret, c->id, suite->id, c->id == newest ? PR_PRIORITY_NEWEST : PR_PRIORITY_BACKFILL);
    }
    return PR_OK;
}

/* ---- one test ---- */

static void drop_json(json_t *o, const struct pr_settings *s, size_t n, double share, bool assumed)
{
    json_t *d = json_object();
    double drop = pr_detectable_accuracy(n, share, s->error_rate, s->test_threshold / 100);
    pr_json_set_real(
        d, "accuracy_points", 100 * drop, "no drop would be found with this certainty");
    pr_json_set_real(d, "power", 0.8, NULL);
    pr_json_set_int(d, "n", (int64_t)n);
    pr_json_set_real(d, "discordant_share", share, NULL);
    pr_json_set_bool(d, "assumed", assumed);
    pr_json_set(o, "detectable_drop", d);
}

/* Compared with the baseline's answers: a regression is more than the threshold and beyond chance.
 * Returns whether it is one. */
static enum pr_code compare(const struct pr_settings *s, const struct pr_grades *base,
    const struct pr_grades *g, json_t *o, bool *ret, struct pr_error *e)
{
    struct pr_pairs p;
    struct pr_estimate d;
    enum pr_code code = pr_pairs_make(base, g, false, &p, e);
    if (code)
        return code;
    if ((code = pr_stats_paired_proportions(
             p.both, p.gained, p.lost, p.neither, PR_STATS_LEVEL, &d, e)))
        goto out;
    double n = (double)p.n_verdicts;
    double chance = n > 0 ? pr_stats_mcnemar_worse(p.gained, p.lost) : NAN;
    *ret = -100 * d.value > s->test_threshold && chance <= s->error_rate;
    pr_json_set_str(o, "baseline", base->checkpoint);
    pr_json_set_str(o, "baseline_fingerprint", base->fingerprint);
    pr_json_set_real(o, "baseline_accuracy", n > 0 ? (double)(p.both + p.lost) / n : NAN,
        "no answers to compare");
    pr_json_set_real(o, "difference_points", 100 * d.value, "no answers to compare");
    pr_evidence_interval(
        o, "difference_points_ci95", 100 * d.lo, 100 * d.hi, "no answers to compare");
    pr_json_set_int(o, "gained", (int64_t)p.gained);
    pr_json_set_int(o, "lost", (int64_t)p.lost);
    pr_json_set_real(o, "p", chance, "no answers to compare");
    drop_json(
        o, s, p.n_verdicts, n > 0 ? ((double)(p.gained + p.lost) + 0.5) / n : USUAL_SHARE, n <= 0);
out:
    pr_pairs_done(&p);
    return code;
}

static void no_comparison(const struct pr_settings *s, size_t n, const char *why, json_t *o)
{
    static const char *const keys[] = {
        "baseline", "baseline_accuracy", "difference_points", "difference_points_ci95", "p"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        pr_json_set_null(o, keys[i], why);
    drop_json(o, s, n, USUAL_SHARE, true);
}

static char *say(const json_t *o, bool regression, const struct pr_settings *s)
{
    char text[400];
    double by = json_number_value(json_object_get(o, "difference_points"));
    const char *why = json_string_value(json_object_get(o, "difference_points_reason"));
    if (!json_is_number(json_object_get(o, "difference_points")))
        snprintf(text, sizeof text, "%.300s", why ? why : "no answers to compare");
    else if (regression)
        snprintf(text, sizeof text,
            "%+.1f points against %.100s, %lld answers lost and %lld gained (p = %.2g): more than "
            "%g points and beyond chance",
            by, json_string_value(json_object_get(o, "baseline")),
            json_integer_value(json_object_get(o, "lost")),
            json_integer_value(json_object_get(o, "gained")),
            json_number_value(json_object_get(o, "p")), s->test_threshold);
    else
        snprintf(text, sizeof text, "%+.1f points against %.100s: %s", by,
            json_string_value(json_object_get(o, "baseline")),
            -by > s->test_threshold ? "past the threshold, but not beyond chance"
                                    : "not past the threshold");
    return pr_strdup(text);
}

static enum pr_code own_figures(const struct pr_grades *g, json_t *o, struct pr_error *e)
{
    size_t right, n;
    struct pr_estimate x;
    double accuracy = pr_accuracy(g, &right, &n);
    enum pr_code code = pr_stats_wilson(right, n, PR_STATS_LEVEL, &x, e);
    if (code)
        return code;
    pr_json_set_str(o, "checkpoint", g->checkpoint);
    pr_json_set_str(o, "fingerprint", g->fingerprint);
    pr_json_set_str(o, "settings_fingerprint", g->settings_fingerprint);
    pr_json_set_int(o, "n", (int64_t)n);
    pr_json_set_real(o, "overall_accuracy", accuracy, "no answers to check");
    pr_evidence_interval(o, "overall_accuracy_ci95", x.lo, x.hi, "no answers to check");
    pr_json_set(o, "by_difficulty", pr_by_difficulty_json(g));
    return PR_OK;
}

/* Tests g against base (NULL: none, and why): the evidence, and whether it is a regression. */
static enum pr_code test(struct testing *t, const struct pr_grades *base, const char *why,
    const struct pr_grades *g, json_t **ret, bool *ret_regression, struct pr_error *e)
{
    const struct pr_settings *s = t->v->settings;
    json_t *o = json_object();
    size_t right, n;
    *ret_regression = false;
    enum pr_code code = own_figures(g, o, e);
    if (!code && base)
        code = compare(s, base, g, o, ret_regression, e);
    if (code) {
        json_decref(o);
        return code;
    }
    (void)pr_accuracy(g, &right, &n);
    if (!base)
        no_comparison(s, n, why, o);
    char *reason = say(o, *ret_regression, s);
    if (n)
        pr_json_set_bool(o, "regression_detected", *ret_regression);
    else
        pr_json_set_null(o, "regression_detected", "no answers to check");
    pr_json_set_str(o, "reason", reason);
    pr_json_set_real(o, "threshold_points", s->test_threshold, NULL);
    pr_json_set_real(o, "level", s->error_rate, NULL);
    pr_json_set_str(o, "suite", t->suite->name);
    pr_json_set_str(o, "suite_fingerprint", t->suite->fingerprint);
    pr_json_set_str(o, "options", t->v->options);
    pr_free(reason);
    *ret = o;
    return PR_OK;
}

/* ---- all tests of the run ---- */

static bool same_number(const json_t *o, const char *key, double x)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) && !(json_number_value(v) < x) && !(json_number_value(v) > x);
}

/* A test that still holds: same baseline, options and thresholds. */
static const struct pr_decision *find_stored(
    const struct testing *t, int64_t checkpoint, int64_t against)
{
    for (size_t i = t->n_stored; i-- > 0;) {
        const struct pr_decision *d = &t->stored[i];
        const char *options = json_string_value(json_object_get(d->evidence, "options"));
        if (d->checkpoint == checkpoint && d->against == against && options &&
            !strcmp(options, t->v->options) &&
            same_number(d->evidence, "threshold_points", t->v->settings->test_threshold) &&
            same_number(d->evidence, "level", t->v->settings->error_rate))
            return d;
    }
    return NULL;
}

static void raise_alert(const struct pr_checkpoint_row *c, const json_t *o, struct pr_findings *ret)
{
    char key[200];
    snprintf(key, sizeof key, "testing/%.100s#%lld", c->name, (long long)c->id);
    pr_findings_alert(ret, key, c->id, PR_ALERT_WARNING, "%s: %s", c->name,
        json_string_value(json_object_get(o, "reason")));
}

/* Tests the checkpoint of a judgement where its 100 are graded; *ret NULL where they are not.  A
 * new reference. */
static enum pr_code test_one(struct testing *t, const struct pr_judgement *j,
    struct pr_findings *ret, json_t **ret_evidence, struct pr_error *e)
{
    const struct pr_decision *d =
        find_stored(t, j->checkpoint->id, j->baseline ? j->baseline->id : 0);
    struct pr_view_grades g, b = {0};
    bool regression;
    *ret_evidence = NULL;
    if (d) {
        *ret_evidence = json_incref(d->evidence);
        return PR_OK;
    }
    enum pr_code code = pr_view_grades(t->v, j->checkpoint, t->suite->id, &g, e);
    if (code || !g.complete ||
        (j->baseline && (code = pr_view_grades(t->v, j->baseline, t->suite->id, &b, e))))
        return code;
    /* The baseline was asked the same 100, unless they were chosen anew since and its folder is
     * gone; under other settings it cannot be compared. */
    bool usable =
        b.complete && !strcmp(b.grades->settings_fingerprint, g.grades->settings_fingerprint);
    if ((code = test(t, usable ? b.grades : NULL,
             j->baseline ? "the baseline has no grades on this suite" : "there is no baseline yet",
             g.grades, ret_evidence, &regression, e)))
        return code;
    if (usable || !j->baseline)
        pr_findings_decide(ret, SYSTEM, "test", j->checkpoint->id, t->suite->id,
            regression ? "regression" : "ok", j->baseline ? j->baseline->id : 0,
            json_incref(*ret_evidence), t->v->now_ms);
    return PR_OK;
}

static enum pr_code test_all(struct testing *t, struct pr_findings *ret, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    bool ok_since = false; /* a newer checkpoint was tested and is no regression */
    for (size_t i = t->n_judged; i-- > 0 && !code;) {
        const struct pr_judgement *j = &t->judged[i];
        json_t *o;
        if ((code = test_one(t, j, ret, &o, e)) || !o)
            continue;
        bool regression = json_is_true(json_object_get(o, "regression_detected"));
        if (!t->checkpoint) {
            t->checkpoint = j->checkpoint;
            t->newest = json_incref(o);
        }
        ok_since |= !regression;
        if (!ok_since)
            raise_alert(j->checkpoint, o, ret);
        json_decref(o);
    }
    return code;
}

/* ---- the document ---- */

static void add_history(json_t *rows, const struct pr_decision *d)
{
    static const char *const keys[] = {"checkpoint", "overall_accuracy", "overall_accuracy_ci95",
        "n", "by_difficulty", "baseline", "difference_points", "p", "regression_detected"};
    char when[32];
    json_t *o = json_object();
    pr_clock_iso8601(d->at_ms, when);
    pr_json_set_str(o, "at", when);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        json_t *x = json_object_get(d->evidence, keys[i]);
        pr_json_set(o, keys[i], x ? json_deep_copy(x) : json_null());
    }
    json_array_append_new(rows, o);
}

/* The newest first.  A test that was made again just now stands for its older one. */
static void history(const struct testing *t, const struct pr_findings *ret, json_t *o)
{
    json_t *rows = json_array();
    for (size_t i = 0; i < ret->n_decisions && json_array_size(rows) < HISTORY; i++)
        if (!strcmp(ret->decisions[i].kind, "test"))
            add_history(rows, &ret->decisions[i]); /* made newest first */
    size_t fresh = json_array_size(rows);
    for (size_t i = t->n_stored; i-- > 0 && json_array_size(rows) < HISTORY;) {
        bool again = false;
        for (size_t k = 0; fresh && k < ret->n_decisions && !again; k++)
            again = !strcmp(ret->decisions[k].kind, "test") &&
                    ret->decisions[k].checkpoint == t->stored[i].checkpoint;
        if (!again)
            add_history(rows, &t->stored[i]);
    }
    pr_json_set(o, "history", rows);
}

static void copy_fields(const json_t *from, json_t *o)
{
    const char *key;
    json_t *x;
    json_object_foreach ((json_t *)from, key, x)
        pr_json_set(o, key, json_deep_copy(x));
}

static void empty_document(struct testing *t, struct pr_findings *ret, const char *why)
{
    static const char *const keys[] = {
        "checkpoint", "overall_accuracy", "by_difficulty", "regression_detected", "baseline"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        pr_json_set_null(ret->status, keys[i], why);
    if (t->suite)
        drop_json(ret->status, t->v->settings, t->suite->n, USUAL_SHARE, true);
    ret->waiting = pr_strdup(why);
}

/* The newest checkpoint that is there but not tested, if there is one. */
static enum pr_code say_waiting(struct testing *t, struct pr_findings *ret, struct pr_error *e)
{
    for (size_t i = t->n_judged; i-- > 0;) {
        const struct pr_checkpoint_row *c = t->judged[i].checkpoint;
        struct pr_view_grades g;
        if (c == t->checkpoint)
            return PR_OK;
        if (c->state != PR_CHECKPOINT_READY)
            continue;
        enum pr_code code = pr_view_grades(t->v, c, t->suite->id, &g, e);
        if (code)
            return code;
        char text[300];
        snprintf(text, sizeof text, "%.200s: %zu of %zu examples graded", c->name, g.done, g.all);
        ret->waiting = pr_strdup(text);
        return PR_OK;
    }
    return PR_OK;
}

static int64_t newest_run(const struct pr_view *v)
{
    int64_t ret = 0, at = -1;
    for (size_t i = 0; i < v->n_runs; i++)
        for (size_t k = 0; k < v->n_checkpoints; k++)
            if (v->checkpoints[k].run_id == v->runs[i].id && v->runs[i].last_ms >= at) {
                ret = v->runs[i].id;
                at = v->runs[i].last_ms;
            }
    return ret;
}

static enum pr_code test_run(
    struct testing *t, int64_t run_id, struct pr_findings *ret, struct pr_error *e)
{
    struct pr_decision_filter f = {
        .system = SYSTEM, .kind = "test", .suite = t->suite->id, .present_only = true};
    enum pr_code code = pr_gradebook_decisions(t->v->g, &f, &t->stored, &t->n_stored, e);
    /* The monitor writes the verdicts; where it does not run they are reached again each time. */
    if (code ||
        (code = pr_baseline_walk(
             t->v, run_id, t->main->id, SYSTEM, NULL, &t->judged, &t->n_judged, e)) ||
        (code = test_all(t, ret, e)))
        return code;
    if (t->newest)
        copy_fields(t->newest, ret->status);
    else
        empty_document(t, ret, "no checkpoint has been tested yet");
    pr_free(ret->waiting);
    ret->waiting = NULL;
    history(t, ret, ret->status);
    return say_waiting(t, ret, e);
}

static enum pr_code run(struct pr_view *v, struct pr_findings *ret, struct pr_error *e)
{
    struct testing t = {.v = v,
        .suite = pr_view_suite(v, PR_SUITE_TESTING),
        .main = pr_view_suite(v, PR_SUITE_MAIN)};
    int64_t run_id = newest_run(v);
    enum pr_code code = PR_OK;
    ret->status = json_object();
    if (!t.suite || !t.main)
        empty_document(&t, ret, "there are no examples in data/validation yet");
    else if (!run_id)
        empty_document(&t, ret, "no checkpoint has been opened yet");
    else
        code = test_run(&t, run_id, ret, e);
    pr_judgements_free(t.judged, t.n_judged);
    pr_decisions_free(t.stored, t.n_stored);
    json_decref((json_t *)t.newest);
    return code;
}

static const struct pr_system_option options[] = {
    {"samples", "testing.samples", "N", "how many examples the suite holds"},
    {"threshold", "testing.threshold", "POINTS", "drop in accuracy that is a regression"},
};

const struct pr_system pr_system_automated_testing = {
    .name = SYSTEM,
    .status_file = "automated_testing.json",
    .summary = "tests every checkpoint on a fixed suite of 100, by difficulty",
    .about =
        "Asks each checkpoint the same 100 examples, balanced by difficulty, chosen once from the "
        "validation set and kept under version. More than the threshold below the baseline is a "
        "regression when the paired test agrees; the status says which drop could be seen at all "
        "with so few examples, and holds the history of every test.",
    .roles = PR_ROLE_INFERENCE,
    .interval_s = 600,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .plan = plan,
    .run = run,
};
