/* See status_view.h.
 *
 * To show what another system found: a line in `tellers`. */
#include "cli/status_view.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cli/layout.h"
#include "cli/table.h"
#include "cli/term.h"
#include "daemon/config.h"

#define LABEL        11 /* columns */
#define SHOWN_ROWS   8
#define SHOWN_ALERTS 6

struct view {
    const json_t *state;
    struct pr_str text; /* before it is cut */
    size_t width;
    int64_t now_ms;
};

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static double real_of(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static long long whole_of(const json_t *o, const char *key)
{
    return (long long)json_integer_value(json_object_get(o, key));
}

/* Text from outside. */
static void put(struct view *v, const char *text, size_t max_columns)
{
    pr_term_clean(&v->text, text, strlen(text), max_columns);
}

static void label(struct view *v, const char *name)
{
    pr_layout_pad(&v->text, name, LABEL);
}

static void put_count(struct view *v, long long n)
{
    char buf[32];
    pr_layout_count(n, buf);
    pr_str_puts(&v->text, buf);
}

/* "12 s ago" since an ISO time, with or without milliseconds. */
static void ago(const struct view *v, const char *iso, struct pr_str *out)
{
    char whole[32], buf[32];
    int64_t ms;
    snprintf(whole, sizeof whole, "%.19sZ", iso);
    if (strlen(iso) < 20 || !pr_config_parse_date(whole, &ms)) {
        pr_str_puts(out, "never");
        return;
    }
    pr_layout_duration((double)(v->now_ms - ms) / 1000, buf);
    pr_str_printf(out, "%s ago", buf);
}

/* ---- head ---- */

static void put_head(struct view *v)
{
    const json_t *owner = json_object_get(v->state, "owner");
    const json_t *live = json_object_get(v->state, "live");
    pr_str_puts(&v->text, "proctor in ");
    put(v, text_of(v->state, "base_dir"), v->width > 50 ? v->width - 32 : 20);
    pr_str_printf(&v->text, ", %.16s UTC\n", text_of(v->state, "at"));
    if (json_is_object(owner)) {
        pr_str_printf(&v->text, "watched by process %lld, started ", whole_of(owner, "pid"));
        ago(v, text_of(owner, "since"), &v->text);
    } else {
        const char *why = text_of(v->state, "live_reason");
        pr_str_puts(&v->text, "not watched: ");
        put(v, *why ? why : "unknown", 0);
        pr_str_puts(&v->text, " (`proctor run` starts it)");
    }
    pr_str_puts(&v->text, "\n");
    if (*text_of(v->state, "page")) {
        pr_str_puts(&v->text, "page at ");
        put(v, text_of(v->state, "page"), 0);
        pr_str_puts(&v->text, "\n");
    }
    const json_t *storage = json_object_get(live, "storage");
    if (!strcmp(text_of(storage, "state"), "paused")) {
        pr_str_puts(&v->text, "PAUSED: ");
        put(v, text_of(storage, "reason"), 0);
        pr_str_puts(&v->text, "\n");
    }
    pr_str_puts(&v->text, "\n");
}

/* ---- training, newest, best ---- */

static void put_training(struct view *v)
{
    const json_t *t = json_object_get(v->state, "training");
    double step = real_of(t, "current_step"), all = real_of(t, "total_steps"),
           loss = real_of(t, "loss"), rate = real_of(t, "learning_rate"),
           eta = real_of(t, "eta_seconds"), age = real_of(t, "age_seconds");
    char buf[32];
    label(v, "training");
    if (!*text_of(t, "source")) {
        pr_str_puts(&v->text, "nothing is known of it\n");
        return;
    }
    if (isfinite(step)) {
        pr_str_puts(&v->text, "step ");
        put_count(v, (long long)step);
    } else {
        pr_str_puts(&v->text, "step not known");
    }
    if (isfinite(step) && all > 0) {
        pr_str_puts(&v->text, " of ");
        put_count(v, (long long)all);
        pr_str_printf(&v->text, " (%.0f %%)", 100 * step / all);
    }
    if (isfinite(loss))
        pr_str_printf(&v->text, "  loss %.4f", loss);
    if (isfinite(rate))
        pr_str_printf(&v->text, "  lr %.3g", rate);
    if (eta > 0) {
        pr_layout_duration(eta, buf);
        pr_str_printf(&v->text, "  about %s left", buf);
    }
    pr_str_puts(&v->text, "\n");
    label(v, "");
    pr_layout_duration(age, buf);
    pr_str_puts(&v->text, "from ");
    put(v, text_of(t, "source"), 40);
    if (isfinite(age))
        pr_str_printf(&v->text, ", written %s ago", buf);
    pr_str_puts(&v->text, "\n");
}

static const json_t *finding(const struct view *v, const char *system)
{
    size_t i;
    const json_t *x, *list = json_object_get(v->state, "systems");
    json_array_foreach (list, i, x)
        if (!strcmp(text_of(x, "name"), system))
            return json_object_get(x, "finding");
    return NULL;
}

static void put_newest(struct view *v)
{
    const json_t *x = json_object_get(v->state, "newest");
    const char *level = text_of(x, "level"), *reason = text_of(x, "level_reason");
    label(v, "newest");
    if (!json_is_object(x)) {
        pr_str_puts(&v->text, "no checkpoint was opened yet\n");
        return;
    }
    put(v, text_of(x, "checkpoint"), 40);
    pr_str_puts(&v->text, *level ? ": " : ": not judged yet");
    put(v, level, 0);
    if (*level && *reason) {
        pr_str_puts(&v->text, ", ");
        put(v, reason, 0);
    }
    pr_str_puts(&v->text, "\n");
}

static void put_best(struct view *v)
{
    const json_t *f = finding(v, "model-comparison"), *best = json_object_get(f, "best"), *x;
    const json_t *tied = json_object_get(best, "tied_with");
    size_t i;
    label(v, "best");
    if (!json_is_object(best)) {
        pr_str_puts(&v->text, "nothing is ranked yet\n");
        return;
    }
    put(v, text_of(best, "checkpoint"), 40);
    pr_str_printf(&v->text, ", score %.4f", real_of(best, "score"));
    json_array_foreach (tied, i, x) {
        if (i >= 3)
            break;
        const char *name = json_string_value(x);
        pr_str_puts(&v->text, i ? ", " : "; tied with ");
        put(v, name ? name : "?", 40);
    }
    if (json_array_size(tied) > 3)
        pr_str_printf(&v->text, " and %zu more", json_array_size(tied) - 3);
    pr_str_puts(&v->text, "\n");
}

/* Nothing where none is configured. */
static void put_reference(struct view *v)
{
    const json_t *x = json_object_get(finding(v, "model-comparison"), "reference");
    double score = real_of(x, "score"), accuracy = real_of(x, "accuracy");
    if (!json_is_object(x))
        return;
    label(v, "reference");
    put(v, text_of(x, "checkpoint"), 40);
    if (isfinite(score))
        pr_str_printf(&v->text, ", score %.4f", score);
    if (isfinite(accuracy))
        pr_str_printf(&v->text, ", accuracy %.1f %%", 100 * accuracy);
    if (!isfinite(score)) {
        pr_str_puts(&v->text, ": ");
        put(v, text_of(x, "score_reason"), 0);
    }
    pr_str_puts(&v->text, "\n");
}

static void put_counts(struct view *v)
{
    const char *state;
    json_t *n, *counts = json_object_get(v->state, "checkpoints_by_state");
    const json_t *arrivals = json_object_get(json_object_get(v->state, "live"), "arrivals");
    bool first = true;
    label(v, "folders");
    put_count(v, whole_of(v->state, "n_checkpoints"));
    pr_str_puts(&v->text, " checkpoints");
    json_object_foreach (counts, state, n) {
        pr_str_puts(&v->text, first ? ": " : ", ");
        put_count(v, (long long)json_integer_value(n));
        pr_str_printf(&v->text, " %s", state);
        first = false;
    }
    if (whole_of(arrivals, "waiting"))
        pr_str_printf(&v->text, "; %lld not complete yet", whole_of(arrivals, "waiting"));
    pr_str_puts(&v->text, "\n");
}

/* ---- systems ---- */

/* What matters goes first: the end is cut on a narrow terminal. */
static void put_of(const json_t *f, struct pr_str *out)
{
    if (*text_of(f, "checkpoint"))
        pr_str_printf(out, " (%s)", text_of(f, "checkpoint"));
}

static void tell_monitor(const json_t *f, struct pr_str *out)
{
    const char *level = text_of(f, "alert_level"), *suite = text_of(f, "alert_suite");
    double percent = real_of(f, "increase_percent");
    pr_str_puts(out, *level ? level : "not judged yet");
    if (*suite)
        pr_str_printf(out, " on %s", suite);
    if (isfinite(percent))
        pr_str_printf(out, ", loss %+.1f %%", percent);
    put_of(f, out);
}

static void tell_comparison(const json_t *f, struct pr_str *out)
{
    const char *best = text_of(f, "best_checkpoint");
    pr_str_printf(out, "%lld ranked, best %s", whole_of(f, "n_ranked"), *best ? best : "none");
}

static void tell_calibrator(const json_t *f, struct pr_str *out)
{
    const json_t *well = json_object_get(f, "well_calibrated");
    double ece = real_of(f, "ece");
    if (isfinite(ece))
        pr_str_printf(out, "ECE %.3f, ", ece);
    pr_str_puts(out, json_is_true(well)    ? "well calibrated"
                     : json_is_false(well) ? "not well calibrated"
                                           : "calibration not known");
    put_of(f, out);
}

static void tell_testing(const json_t *f, struct pr_str *out)
{
    double accuracy = real_of(f, "overall_accuracy");
    bool regression = json_is_true(json_object_get(f, "regression_detected"));
    if (isfinite(accuracy))
        pr_str_printf(
            out, "%.1f %%, %s", 100 * accuracy, regression ? "a regression" : "no regression");
    else
        pr_str_puts(out, "not tested yet");
    put_of(f, out);
}

static void tell_curriculum(const json_t *f, struct pr_str *out)
{
    const char *best = text_of(f, "best_strategy"), *decision = text_of(f, "decision");
    const json_t *next = json_object_get(f, "next");
    bool probes = !strcmp(text_of(f, "method"), "probes");
    pr_str_printf(out, "%s: %s", *decision ? decision : "undecided", *best ? best : "random");
    if (probes)
        pr_str_printf(out, ", %lld probes", whole_of(f, "n_probes"));
    else
        pr_str_printf(out, ", no probes: %s", text_of(f, "method_reason"));
    if (json_is_object(next))
        pr_str_printf(out, ", next %s", text_of(next, "strategy"));
}

static const struct teller {
    const char *system;
    void (*tell)(const json_t *finding, struct pr_str *out);
} tellers[] = {
    {"regression-monitor", tell_monitor},
    {"model-comparison", tell_comparison},
    {"confidence-calibrator", tell_calibrator},
    {"automated-testing", tell_testing},
    {"curriculum-optimizer", tell_curriculum},
};

/* What it found, or why it found nothing. */
static void tell(const json_t *system, struct pr_str *out)
{
    const json_t *f = json_object_get(system, "finding");
    const char *reason = text_of(system, "state_reason"), *error = text_of(system, "error");
    if (*error || !strcmp(text_of(system, "state"), "failed")) {
        pr_str_puts(out, *error ? error : reason);
        return;
    }
    for (size_t i = 0; json_is_object(f) && i < sizeof tellers / sizeof *tellers; i++)
        if (!strcmp(tellers[i].system, text_of(system, "name")))
            tellers[i].tell(f, out);
    if (*reason)
        pr_str_printf(out, "%swaits: %s", out->len ? "; " : "", reason);
}

static void put_systems(struct view *v)
{
    static const char *const headings[] = {"<system", "<state", "<last run", "<found"};
    const json_t *x, *list = json_object_get(v->state, "systems");
    struct pr_table t;
    size_t i;
    pr_table_init(&t, 4, headings);
    json_array_foreach (list, i, x) {
        struct pr_str when = PR_STR_INIT(100), found = PR_STR_INIT(1 << 16);
        bool active = json_is_true(json_object_get(x, "active"));
        bool running = json_is_true(json_object_get(x, "running"));
        ago(v, text_of(x, "last_run"), &when);
        tell(x, &found);
        pr_table_cell(&t, text_of(x, "name"), 30);
        pr_table_cell(&t, running ? "runs" : active ? text_of(x, "state") : "off", 12);
        pr_table_cell(&t, pr_str_cstr(&when), 0);
        pr_table_cell(&t, pr_str_cstr(&found), v->width > 70 ? v->width - 47 : 20);
        pr_str_done(&when);
        pr_str_done(&found);
    }
    pr_str_puts(&v->text, "\n");
    pr_table_finish(&t, &v->text);
    pr_str_puts(&v->text, "\n");
}

/* ---- queue, tokens, alerts ---- */

static void put_suites(struct view *v, const json_t *suites)
{
    size_t i, said = 0;
    const json_t *x;
    json_array_foreach (suites, i, x) {
        if (whole_of(x, "graded") >= whole_of(x, "of"))
            continue;
        pr_str_puts(&v->text, said++ ? ", " : "");
        put(v, text_of(x, "suite"), 30);
        pr_str_printf(&v->text, " %lld/%lld", whole_of(x, "graded"), whole_of(x, "of"));
    }
}

static void put_grader(struct view *v)
{
    const json_t *live = json_object_get(v->state, "live"), *g = json_object_get(live, "grader");
    const char *state = text_of(g, "state"), *box = text_of(g, "sandbox");
    if (!json_is_object(g))
        return;
    label(v, "grader");
    if (!*state || !strcmp(state, "none")) {
        pr_str_puts(&v->text, "none is running\n");
        return;
    }
    pr_str_printf(&v->text, "%s ", state);
    put(v, text_of(g, "name"), 40);
    pr_str_printf(&v->text, ", process %lld, started ", whole_of(g, "pid"));
    ago(v, text_of(g, "since"), &v->text);
    pr_str_puts(&v->text, *box ? ", sandbox " : "");
    put(v, box, 30);
    pr_str_puts(&v->text, "\n");
}

/* Nothing while none runs. */
static void put_probe(struct view *v)
{
    const json_t *p = json_object_get(json_object_get(v->state, "live"), "probe");
    if (!*text_of(p, "strategy"))
        return;
    label(v, "probe");
    put(v, text_of(p, "strategy"), 30);
    pr_str_printf(
        &v->text, ", seed %lld, process %lld, started ", whole_of(p, "seed"), whole_of(p, "pid"));
    ago(v, text_of(p, "since"), &v->text);
    pr_str_puts(&v->text, "\n");
}

static void put_queue(struct view *v)
{
    const json_t *x, *list = json_object_get(v->state, "orders");
    long long n = whole_of(v->state, "n_orders");
    size_t i;
    if (json_is_object(json_object_get(v->state, "live"))) {
        label(v, "queue");
        if (n)
            put_count(v, n);
        pr_str_puts(&v->text, n == 1 ? " checkpoint\n" : n ? " checkpoints\n" : "empty\n");
    }
    json_array_foreach (list, i, x) {
        if (i >= SHOWN_ROWS)
            break;
        pr_str_puts(&v->text, "  ");
        pr_layout_pad(&v->text, text_of(x, "checkpoint"), 24);
        pr_str_puts(&v->text, "  ");
        pr_layout_pad(&v->text, text_of(x, "state"), 12);
        put_suites(v, json_object_get(x, "suites"));
        pr_str_puts(&v->text, "\n");
    }
    if (n > SHOWN_ROWS)
        pr_str_printf(&v->text, "  … and %lld more\n", n - SHOWN_ROWS);
}

static void put_tokens(struct view *v)
{
    const json_t *t = json_object_get(v->state, "tokens");
    if (!json_is_object(t) || !whole_of(t, "orders"))
        return;
    label(v, "tokens");
    put_count(v, whole_of(t, "computed"));
    pr_str_puts(&v->text, " for ");
    put_count(v, whole_of(t, "examples"));
    pr_str_puts(&v->text, " examples; each system by itself: ");
    put_count(v, whole_of(t, "if_each_system_graded"));
    pr_str_puts(&v->text, "\n");
}

static void put_alerts(struct view *v)
{
    const json_t *x, *list = json_object_get(v->state, "alerts");
    size_t i, n = json_array_size(list);
    label(v, "alerts");
    if (n)
        pr_str_printf(&v->text, "%zu open\n", n);
    else
        pr_str_puts(&v->text, "none\n");
    json_array_foreach (list, i, x) {
        if (i >= SHOWN_ALERTS)
            break;
        pr_str_puts(&v->text, "  ");
        pr_layout_pad(&v->text, text_of(x, "level"), LABEL - 2);
        /* An alert is worth more than one line. */
        pr_layout_wrap(&v->text, text_of(x, "text"), LABEL, LABEL, v->width);
    }
    if (n > SHOWN_ALERTS)
        pr_str_printf(&v->text, "  … and %zu more\n", n - SHOWN_ALERTS);
}

void pr_status_view(const json_t *state, size_t width, struct pr_str *out)
{
    char whole[32];
    struct view v = {.state = state, .text = PR_STR_INIT(1 << 22), .width = width};
    snprintf(whole, sizeof whole, "%.19sZ", text_of(state, "at"));
    if (!pr_config_parse_date(whole, &v.now_ms))
        v.now_ms = 0;
    put_head(&v);
    put_training(&v);
    put_newest(&v);
    put_best(&v);
    put_reference(&v);
    put_counts(&v);
    put_systems(&v);
    put_grader(&v);
    put_probe(&v);
    put_queue(&v);
    put_tokens(&v);
    put_alerts(&v);
    pr_layout_cut(out, pr_str_cstr(&v.text), width, 0);
    pr_str_done(&v.text);
}
