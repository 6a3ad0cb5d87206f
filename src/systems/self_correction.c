/* Self-correction: files that come in are validated, the newest checkpoint is asked what waits to
 * be trained on, and errors of a kind that come often enough become reports and corrections.
 *
 * What a run remembers is in two places.  Of files (what was found in those that wait, totals) in
 * queue/.self-correction.json, which is a cache.  Of asking in the status document itself, which
 * the same transaction stores as the examples: `asking.checkpoint_id` is whom they are for. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "exam/stats.h"
#include "systems/data.h"
#include "systems/intake.h"
#include "systems/pieces.h"
#include "systems/self_correction.h"
#include "systems/waiting.h"

#define SYSTEM        PR_CORRECTION_SYSTEM
#define SHOWN_GROUPS  100
#define WITH_EXAMPLES 30   /* of them: the largest */
#define SLACK_MS      1000 /* that a run may come before its interval is over */

struct work {
    struct pr_view *v;
    struct pr_findings *f;
    json_t *remembered; /* of files */
    struct pr_known *known[2];
    const struct pr_checkpoint_row *newest; /* NULL: none */
    const struct pr_suite_row *own;         /* NULL: nothing is asked */
    int64_t asked_for;                      /* the checkpoint that own is for; 0: none */
};

/* ---- files ---- */

static enum pr_code known_to_intake(void *ctx, struct pr_known **ret, struct pr_error *e)
{
    struct work *w = ctx;
    enum pr_code code = pr_data_protected(w->v, &w->known[0], e);
    if (!code)
        code = pr_data_add_queues(
            w->known[0], w->v->data->base_dir, PR_DATA_WAITING | PR_DATA_TRAINED, NULL, e);
    *ret = w->known[0];
    return code;
}

static enum pr_code known_to_waiting(void *ctx, struct pr_known **ret, struct pr_error *e)
{
    struct work *w = ctx;
    enum pr_code code = pr_data_protected(w->v, &w->known[1], e);
    *ret = w->known[1];
    return code;
}

static void forget_known(struct work *w)
{
    for (size_t i = 0; i < sizeof w->known / sizeof *w->known; i++) {
        pr_known_free(w->known[i]);
        w->known[i] = NULL;
    }
}

static void set_counts(const struct pr_intake *i, json_t *o)
{
    const struct {
        const char *key;
        size_t n;
    } counts[] = {{"files", i->files}, {"moved", i->moved}, {"split", i->split},
        {"rejected", i->rejected}, {"failed", i->failed}, {"lines", i->lines},
        {"lines_moved", i->lines_moved}, {"lines_rejected", i->lines_rejected},
        {"recovered", i->recovered}};
    for (size_t k = 0; k < sizeof counts / sizeof *counts; k++)
        pr_json_set_int(o, counts[k].key,
            (int64_t)counts[k].n + json_integer_value(json_object_get(o, counts[k].key)));
}

/* Adds to total what was wrong with the lines of this run. */
static void add_defects(const json_t *by_defect, json_t *total)
{
    const char *key;
    json_t *n, *sum = json_object_get(total, "by_defect");
    if (!json_is_object(sum)) {
        sum = json_object();
        pr_json_set(total, "by_defect", sum);
    }
    json_object_foreach ((json_t *)(uintptr_t)by_defect, key, n)
        pr_json_set_int(
            sum, key, json_integer_value(n) + json_integer_value(json_object_get(sum, key)));
}

/* What the runs before this one counted for the same --once; new reference. */
static json_t *counted_before(const struct work *w)
{
    const json_t *once = json_object_get(w->remembered, "once");
    int64_t asked = w->v->data->once_ms;
    if (!asked || json_integer_value(json_object_get(once, "asked")) != asked)
        return json_object();
    return json_deep_copy(json_object_get(once, "counts"));
}

static void remember_counts(struct work *w, const json_t *counts)
{
    json_t *once = json_object();
    pr_json_set_int(once, "asked", w->v->data->once_ms);
    pr_json_set(once, "counts", json_deep_copy(counts));
    pr_json_set(w->remembered, "once", once);
}

/* The counts of this run (of all that one --once took), and those of all that are remembered. */
static void intake_json(struct work *w, const struct pr_intake *i)
{
    json_t *o = counted_before(w), *total = json_object_get(w->remembered, "total"),
           *files = json_object_get(w->remembered, "last_files");
    if (!json_is_object(total)) {
        total = json_object();
        pr_json_set(w->remembered, "total", total);
    }
    if (!json_is_array(files) || json_array_size(i->files_done)) {
        files = json_incref(i->files_done);
        pr_json_set(w->remembered, "last_files", files);
    }
    set_counts(i, o);
    add_defects(i->by_defect, o);
    if (w->v->data->once_ms && i->files)
        remember_counts(w, o);
    pr_json_set_int(o, "unsettled", (int64_t)i->unsettled);
    set_counts(i, total);
    add_defects(i->by_defect, total);
    pr_json_set(o, "total", json_deep_copy(total));
    pr_json_set(o, "last_files", json_deep_copy(files));
    pr_json_set(w->f->status, "validation", o);
}

static enum pr_code take_files(struct work *w, struct pr_error *e)
{
    const struct pr_view_data *data = w->v->data;
    struct pr_intake i = {0};
    struct pr_intake_options o = {
        .base_dir = data->base_dir, .queue = PR_QUEUE_NORMAL, .known = known_to_intake, .ctx = w};
    if (data->correction_queue)
        (void)pr_queue_find(data->correction_queue, &o.queue); /* else it stays normal */
    enum pr_code code = pr_intake_run(&o, &i, e);
    if (!code)
        intake_json(w, &i);
    if (!code && i.failed)
        pr_findings_alert(w->f, "intake-failed", 0, PR_ALERT_WARNING,
            "%zu files of queue/unvalidated could not be moved: see last_files", i.failed);
    pr_intake_done(&i);
    forget_known(w);
    return code;
}

static enum pr_code look_at_waiting(struct work *w, struct pr_error *e)
{
    char suites[65];
    json_t *found;
    pr_data_suites_fingerprint(w->v, suites);
    const struct pr_waiting_options o = {
        .base_dir = w->v->data->base_dir, .suites = suites, .known = known_to_waiting, .ctx = w};
    enum pr_code code = pr_waiting_look(&o, w->remembered, &found, e);
    forget_known(w);
    if (!code)
        pr_json_set(w->f->status, "waiting_files", found);
    return code;
}

static enum pr_code do_files(struct work *w, struct pr_error *e)
{
    w->remembered = pr_data_remembered(w->v->data->base_dir, SYSTEM);
    json_t *before = json_deep_copy(w->remembered);
    enum pr_code code = take_files(w, e);
    if (!code)
        code = look_at_waiting(w, e);
    if (!code && !json_equal(before, w->remembered))
        code = pr_data_remember(w->v->data->base_dir, SYSTEM, w->remembered, e);
    json_decref(before);
    return code;
}

/* ---- asking ---- */

static enum pr_code asked_for(struct pr_view *v, int64_t *ret, struct pr_error *e)
{
    json_t *o = NULL;
    int64_t at;
    enum pr_code code = pr_gradebook_finding(v->g, SYSTEM, &o, &at, e);
    if (!code)
        *ret = json_integer_value(json_object_get(json_object_get(o, "asking"), "checkpoint_id"));
    json_decref(o);
    return code;
}

static enum pr_code plan(struct pr_view *v, struct pr_needs *ret, struct pr_error *e)
{
    const struct pr_checkpoint_row *newest = pr_view_newest(v);
    const struct pr_suite_row *own = pr_view_own(v, SYSTEM);
    int64_t for_whom = 0;
    if (!newest || !own)
        return PR_OK;
    enum pr_code code = asked_for(v, &for_whom, e);
    /* For another checkpoint the run chooses anew, and fewer, first. */
    if (!code && for_whom == newest->id)
        pr_needs_add(ret, newest->id, own->id, PR_PRIORITY_OWN);
    return code;
}

/* What is asked already, as lines. */
static enum pr_code asked_lines(struct work *w, json_t *ret, struct pr_error *e)
{
    const struct pr_suite *s;
    if (!w->own || w->asked_for != w->newest->id)
        return PR_OK;
    enum pr_code code = pr_view_examples(w->v, w->own->id, &s, e);
    for (size_t i = 0; !code && i < s->n; i++)
        json_array_append(ret, s->v[i].source);
    return code;
}

/* May more be asked now?  Only when all that was asked is graded; then at once, or an interval
 * after it was asked. */
static bool is_due(const struct work *w, const struct pr_view_grades *g)
{
    const struct pr_view_data *d = w->v->data;
    if (!w->own || w->asked_for != w->newest->id)
        return true;
    if (!g->complete)
        return false;
    return w->v->settings->correction_continuous ||
           w->v->now_ms - w->own->first_ms >= d->interval_ms - SLACK_MS;
}

static void ask_all(struct work *w, const json_t *asked, const json_t *more)
{
    size_t i;
    json_t *line;
    pr_findings_ask(w->f, NULL);
    json_array_foreach (asked, i, line)
        pr_findings_ask(w->f, json_incref(line));
    json_array_foreach (more, i, line)
        pr_findings_ask(w->f, json_incref(line));
}

static enum pr_code ask_more(struct work *w, json_t *asking, struct pr_error *e)
{
    const struct pr_settings *set = w->v->settings;
    json_t *asked = json_array();
    struct pr_sample sample;
    enum pr_code code = asked_lines(w, asked, e);
    size_t have = json_array_size(asked), max = (size_t)set->correction_max_samples;
    size_t want = (size_t)set->correction_samples;
    if (!code && !w->known[1])
        code = known_to_waiting(w, &(struct pr_known *){NULL}, e);
    if (code)
        goto out;
    struct pr_sample_options o = {.base_dir = w->v->data->base_dir,
        .n = have >= max         ? 0
             : want > max - have ? max - have
                                 : want,
        .asked = asked,
        .protect = w->known[1]};
    if ((code = pr_sample_draw(&o, &sample, e)))
        goto out;
    size_t more = json_array_size(sample.lines);
    if (more || w->asked_for != w->newest->id)
        ask_all(w, asked, sample.lines);
    pr_json_set_int(asking, "examples", (int64_t)(have + more));
    pr_json_set_int(asking, "added", (int64_t)more);
    pr_json_set_int(asking, "queue_lines", (int64_t)sample.seen);
    pr_json_set_int(asking, "drawn_not_usable", (int64_t)sample.unusable);
    pr_json_set_int(asking, "drawn_in_a_suite", (int64_t)sample.protected);
    pr_json_set_str(asking, "nothing_added_because",
        more          ? NULL
        : have >= max ? "correction.max_samples of this checkpoint are asked"
                      : "the queue has no further example that can be asked");
    pr_sample_done(&sample);
out:
    forget_known(w);
    json_decref(asked);
    return code;
}

/* ---- errors ---- */

static void set_share(json_t *o, const char *key, size_t k, size_t n)
{
    struct pr_estimate s = {.value = NAN, .lo = NAN, .hi = NAN};
    struct pr_error ignored;
    char interval[64];
    snprintf(interval, sizeof interval, "%.50s_ci95", key);
    if (!n || pr_stats_wilson(k, n, PR_STATS_LEVEL, &s, &ignored))
        s = (struct pr_estimate){.value = NAN, .lo = NAN, .hi = NAN};
    pr_json_set_real(o, key, s.value, "no answer has a verdict yet");
    pr_json_set(o, interval, pr_interval_json(s.lo, s.hi));
}

static json_t *group_json(const struct work *w, const struct pr_queue_errors *x,
    const struct pr_error_group *g, const char *report)
{
    json_t *o = json_object();
    bool reached = (int64_t)g->n >= w->v->settings->correction_threshold;
    pr_json_set_str(o, "skill", g->of_skill ? g->of : NULL);
    pr_json_set_str(o, "file", g->of_skill ? NULL : g->of);
    pr_json_set_str(o, "pattern", pr_mistake_name(g->pattern));
    pr_json_set_str(o, "meaning", pr_mistake_about(g->pattern));
    pr_json_set_int(o, "count", (int64_t)g->n);
    pr_json_set_int(o, "asked", (int64_t)g->asked);
    set_share(o, "share", g->n, g->asked);
    pr_json_set_bool(o, "threshold_reached", reached);
    if (report)
        pr_json_set_str(o, "report", report);
    else
        pr_json_set_null(o, "report", "fewer errors than correction.error_threshold");
    pr_json_set(o, "examples",
        g < x->groups + WITH_EXAMPLES ? pr_report_examples(x, g, PR_REPORT_FEW) : json_array());
    return o;
}

static void corrections_json(struct work *w, const struct pr_corrections *c)
{
    json_t *o = json_object();
    pr_json_set_int(o, "run", (int64_t)c->written);
    pr_json_set_int(o, "today", (int64_t)c->today);
    pr_json_set_int(o, "total", (int64_t)c->total);
    pr_json_set_int(o, "not_verified", (int64_t)c->unverified);
    pr_json_set_str(o, "file", c->file);
    pr_json_set(w->f->status, "corrections_written", o);
}

/* Reports and corrections of the groups that are large enough. */
static enum pr_code act(struct work *w, const struct pr_queue_errors *x, struct pr_error *e)
{
    const struct pr_queue_error **v = pr_zalloc((x->n + 1) * sizeof(void *));
    struct pr_corrections c = {0};
    json_t *groups = json_array();
    size_t n = 0;
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < x->n_groups && !code; i++) {
        const struct pr_error_group *g = &x->groups[i];
        char *report = NULL;
        if ((int64_t)g->n >= w->v->settings->correction_threshold) {
            code = pr_report_write(w->v, w->newest, x, g, &report, e);
            for (size_t k = 0; k < g->n; k++)
                v[n++] = &x->v[g->v[k]];
        }
        if (!code && i < SHOWN_GROUPS)
            json_array_append_new(groups, group_json(w, x, g, report));
        pr_free(report);
    }
    if (!code)
        code = pr_corrections_write(w->v, w->newest, v, n, &c, e);
    if (!code)
        corrections_json(w, &c);
    pr_json_set(w->f->status, "groups", groups);
    pr_json_set_int(w->f->status, "groups_in_all", (int64_t)x->n_groups);
    pr_free(c.file);
    pr_free(v);
    return code;
}

/* The grades with what the model wrote, which a view leaves out.  NULL: there are none. */
static enum pr_code read_answers(struct work *w, struct pr_grades **ret, struct pr_error *e)
{
    const struct pr_suite *s;
    int64_t settings = 0;
    enum pr_code code =
        pr_gradebook_settings(w->v->g, w->newest->model, w->v->options, &settings, e);
    if (code || !settings || (code = pr_view_examples(w->v, w->own->id, &s, e)))
        return code;
    return pr_gradebook_grades(w->v->g, w->newest, settings, s, true, ret, e);
}

static enum pr_code look_at_errors(
    struct work *w, const struct pr_view_grades *g, struct pr_error *e)
{
    json_t *o = w->f->status;
    struct pr_queue_errors x = {0};
    struct pr_grades *answers = NULL;
    enum pr_code code = g->grades ? read_answers(w, &answers, e) : PR_OK;
    if (code)
        return code;
    if (answers)
        pr_errors_find(answers, &x);
    pr_json_set_int(o, "asked", (int64_t)x.n_asked);
    pr_json_set_int(o, "answered", (int64_t)x.n_verdicts);
    pr_json_set_int(o, "errors", (int64_t)(x.n_wrong - x.n_accepted));
    set_share(o, "error_rate", x.n_wrong - x.n_accepted, x.n_verdicts);
    pr_json_set_int(o, "right_by_the_verifier", (int64_t)x.n_accepted);
    pr_json_set_int(o, "errors_without_text", (int64_t)x.n_forgotten);
    pr_json_set_int(o, "error_threshold", w->v->settings->correction_threshold);
    code = act(w, &x, e);
    pr_errors_done(&x);
    pr_grades_free(answers);
    return code;
}

/* ---- run ---- */

static enum pr_code no_checkpoint(struct work *w, struct pr_error *e)
{
    static const char why[] = "no checkpoint has been opened yet: nobody can be asked";
    static const char *const nulls[] = {"checkpoint", "asking", "error_rate", "error_rate_ci95"};
    static const char *const zeros[] = {"asked", "answered", "errors", "groups_in_all"};
    for (size_t i = 0; i < sizeof nulls / sizeof *nulls; i++)
        pr_json_set_null(w->f->status, nulls[i], why);
    for (size_t i = 0; i < sizeof zeros / sizeof *zeros; i++)
        pr_json_set_int(w->f->status, zeros[i], 0);
    pr_json_set(w->f->status, "groups", json_array());
    w->f->waiting = pr_strdup(why);
    struct pr_corrections c;
    enum pr_code code = pr_corrections_write(w->v, NULL, NULL, 0, &c, e);
    if (!code)
        corrections_json(w, &c);
    pr_free(c.file);
    return code;
}

static void say_waiting(struct work *w, const struct pr_view_grades *g, const json_t *asking)
{
    char text[300];
    bool adds = json_integer_value(json_object_get(asking, "added")) > 0;
    if (w->own && w->asked_for == w->newest->id && !g->complete)
        snprintf(text, sizeof text, "%.100s: %zu of %zu examples of the queue are graded",
            w->newest->name, g->done, g->all);
    else if (adds && w->asked_for != w->newest->id)
        snprintf(text, sizeof text, "%.100s is being asked %lld examples of the queue",
            w->newest->name, (long long)json_integer_value(json_object_get(asking, "examples")));
    else
        return;
    w->f->waiting = pr_strdup(text);
}

static enum pr_code do_checkpoint(struct work *w, struct pr_error *e)
{
    struct pr_view_grades g = {0};
    json_t *asking = json_object();
    enum pr_code code = PR_OK;
    pr_json_set_str(w->f->status, "checkpoint", w->newest->name);
    pr_json_set(w->f->status, "asking", asking);
    pr_json_set_int(asking, "checkpoint_id", w->newest->id);
    if (w->own && w->asked_for == w->newest->id)
        code = pr_view_grades(w->v, w->newest, w->own->id, &g, e);
    pr_json_set_int(asking, "examples", (int64_t)g.all);
    pr_json_set_int(asking, "max_examples", w->v->settings->correction_max_samples);
    pr_json_set_bool(asking, "continuous", w->v->settings->correction_continuous);
    if (!code)
        code = look_at_errors(w, &g, e);
    if (!code && is_due(w, &g))
        code = ask_more(w, asking, e);
    if (!code)
        say_waiting(w, &g, asking);
    return code;
}

static enum pr_code run(struct pr_view *v, struct pr_findings *ret, struct pr_error *e)
{
    struct work w = {.v = v, .f = ret, .newest = pr_view_newest(v), .own = pr_view_own(v, SYSTEM)};
    ret->status = json_object();
    if (!v->data) {
        ret->waiting = pr_strdup("there is no base folder to look at");
        return PR_OK;
    }
    char *reports = pr_path_join(v->data->base_dir, "logs/error_patterns");
    pr_data_sweep(reports, "");
    pr_free(reports);
    enum pr_code code = do_files(&w, e);
    if (!code)
        code = asked_for(v, &w.asked_for, e);
    if (!code && w.newest)
        code = do_checkpoint(&w, e);
    else if (!code)
        code = no_checkpoint(&w, e);
    forget_known(&w);
    json_decref(w.remembered);
    return code;
}

static const struct pr_system_option options[] = {
    {"error-threshold", "correction.error_threshold", "N",
        "errors of one kind from which on they make a report and corrections"},
    {"continuous", "correction.continuous", NULL,
        "ask the next examples at once instead of at the next interval"},
};

const struct pr_system pr_system_self_correction = {
    .name = SYSTEM,
    .status_file = "self_correction.json",
    .summary = "validates training files, and corrects what the model gets wrong",
    .about =
        "Validates the files of queue/unvalidated: those without a fault move on to their queue, "
        "lines with one go to queue/rejected with the reason, and nothing is deleted. Files that "
        "wait already are looked at, and left as they are.\n\n"
        "Then it asks the newest checkpoint examples of the queue. Errors are grouped by skill and "
        "kind; a group of at least --error-threshold makes a report in logs/error_patterns and "
        "correction examples in queue/corrections, whose answers are verified again.",
    .roles = PR_ROLE_INFERENCE,
    .interval_s = 300,
    .uses_data = true,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .plan = plan,
    .run = run,
};
