/* Why a checkpoint stands as it does; see state.h.  Nothing is judged here again: what was decided
 * is shown with the evidence of its moment. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "daemon/state.h"
#include "daemon/state_internal.h"
#include "systems/curriculum.h"
#include "systems/pieces.h"
#include "systems/view.h"

#define LISTED         20
#define COUNTED_ALERTS 10000

/* ---- the document ---- */

struct why {
    struct pr_gradebook *g;
    const struct pr_checkpoint_row *c, *rows;
    size_t n_rows;
    struct pr_suite_row *suites; /* all versions */
    size_t n_suites;
    struct pr_view view;
    json_t *doc, *summary;
};

static const char *name_of(const struct why *w, int64_t checkpoint)
{
    for (size_t i = 0; i < w->n_rows; i++)
        if (w->rows[i].id == checkpoint)
            return w->rows[i].name;
    return NULL;
}

static const char *suite_of(const struct why *w, int64_t suite)
{
    for (size_t i = 0; i < w->n_suites; i++)
        if (w->suites[i].id == suite)
            return w->suites[i].name;
    return NULL;
}

static void set_checkpoint(struct why *w)
{
    const struct pr_checkpoint_row *c = w->c;
    json_t *o = pr_checkpoint_json(c);
    pr_json_set_int(o, "id", c->id);
    pr_json_set_str(o, "state", pr_checkpoint_state_name(c->state));
    pr_json_set_str(o, "reason", c->reason);
    pr_json_set_bool(o, "reference", c->reference);
    pr_state_time(o, "found_at", c->found_ms);
    pr_state_time(o, "opened_at", c->opened_ms);
    pr_json_set_int(o, "failures", c->failures);
    if (c->model) {
        pr_json_set_int(o, "parameters", (int64_t)c->parameters);
        pr_json_set_int(o, "weight_bytes", (int64_t)c->weight_bytes);
    }
    pr_json_set(o, "notes", c->notes ? json_incref(c->notes) : json_null());
    pr_json_set(o, "bad_weights", c->bad_weights ? json_incref(c->bad_weights) : json_null());
    pr_json_set(w->doc, "checkpoint", o);
}

/* The figures on each current suite, as far as they are known. */
static enum pr_code set_grades(struct why *w, struct pr_error *e)
{
    json_t *list = json_array();
    pr_json_set(w->doc, "grades", list);
    for (size_t i = 0; i < w->view.n_suites; i++) {
        struct pr_view_grades g;
        struct pr_figures f = {0};
        enum pr_code code = pr_view_grades(&w->view, w->c, w->view.suites[i].id, &g, e);
        if (!code && g.grades)
            code = pr_figures_make(g.grades, &f, e);
        if (code)
            return code;
        json_t *o = json_object();
        pr_json_set_str(o, "suite", w->view.suites[i].name);
        pr_json_set_int(o, "graded", (int64_t)g.done);
        pr_json_set_int(o, "of", (int64_t)g.all);
        if (g.grades)
            json_object_update_missing(o, f.document);
        pr_figures_done(&f);
        json_array_append_new(list, o);
    }
    return PR_OK;
}

static bool supersedes(const struct pr_decision *later, const struct pr_decision *d)
{
    return later->suite == d->suite && !strcmp(later->system, d->system) &&
           !strcmp(later->kind, d->kind);
}

static enum pr_code set_decisions(struct why *w, struct pr_error *e)
{
    const struct pr_decision_filter mine = {.checkpoint = w->c->id};
    struct pr_decision *v = NULL;
    size_t n = 0;
    enum pr_code code = pr_gradebook_decisions(w->g, &mine, &v, &n, e);
    if (code)
        return code;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const struct pr_decision *d = &v[i];
        const char *against = d->against ? name_of(w, d->against) : NULL;
        bool superseded = false;
        for (size_t k = i + 1; k < n && !superseded; k++)
            superseded = supersedes(&v[k], d);
        json_t *o = json_object();
        pr_state_time(o, "at", d->at_ms);
        pr_json_set_str(o, "system", d->system);
        pr_json_set_str(o, "kind", d->kind);
        pr_json_set_str(o, "suite", d->suite ? suite_of(w, d->suite) : NULL);
        pr_json_set_str(o, "verdict", d->verdict);
        pr_json_set_str(o, "against", against);
        pr_json_set_bool(o, "superseded", superseded);
        pr_json_set(o, "evidence", d->evidence ? json_incref(d->evidence) : json_null());
        json_array_append_new(list, o);
        pr_why_say_decision(d, suite_of(w, d->suite), against, !superseded, w->summary);
    }
    pr_decisions_free(v, n);
    pr_json_set(w->doc, "decisions", list);
    return PR_OK;
}

static void append_sentence(const struct why *w, const char *fmt, ...) PR_PRINTF(2, 3);
static void append_sentence(const struct why *w, const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    json_t *o = json_object(); /* invalid UTF-8 of a name is replaced on the way */
    pr_json_set_str(o, "text", text);
    json_array_append(w->summary, json_object_get(o, "text"));
    json_decref(o);
}

/* Who was judged against it: what it did as a baseline. */
static enum pr_code set_judged(struct why *w, struct pr_error *e)
{
    const struct pr_decision_filter verdicts = {
        .kind = "verdict", .against = w->c->id, .present_only = true};
    struct pr_decision *v = NULL;
    size_t n = 0, count = 0;
    enum pr_code code = pr_gradebook_decisions(w->g, &verdicts, &v, &n, e);
    if (code)
        return code;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        const char *name = name_of(w, v[i].checkpoint);
        if (v[i].checkpoint == w->c->id || !name)
            continue;
        if (count++ < LISTED) {
            json_t *o = json_object();
            pr_json_set_str(o, "checkpoint", name);
            pr_json_set_str(o, "suite", suite_of(w, v[i].suite));
            pr_json_set_str(o, "verdict", v[i].verdict);
            json_array_append_new(list, o);
        }
    }
    if (count)
        append_sentence(w, "%zu verdict%s on other checkpoints compare%s with it as the baseline.",
            count, count == 1 ? "" : "s", count == 1 ? "s" : "");
    pr_decisions_free(v, n);
    pr_json_set(w->doc, "judged_against_it", list);
    pr_json_set_int(w->doc, "n_judged_against_it", (int64_t)count);
    return PR_OK;
}

static const json_t *by_path(const json_t *list, const char *path)
{
    size_t i;
    const json_t *x;
    json_array_foreach (list, i, x) {
        const char *is = json_string_value(json_object_get(x, "path"));
        if (is && !strcmp(is, path))
            return x;
    }
    return NULL;
}

static void say_rank(const struct why *w, const json_t *x, size_t of)
{
    const json_t *score = json_object_get(x, "score"), *rank = json_object_get(x, "rank");
    const json_t *tied = json_object_get(x, "tied_with");
    const char *not_best = json_string_value(json_object_get(x, "not_best_because"));
    const char *why = json_string_value(json_object_get(x, "score_reason"));
    struct pr_str names = PR_STR_INIT(1500);
    size_t i;
    const json_t *t;
    json_array_foreach (tied, i, t) {
        const char *name = json_string_value(t);
        if (i < 5 && name)
            pr_str_printf(&names, "%s%s", i ? ", " : "", name);
    }
    if (json_array_size(tied) > 5)
        pr_str_printf(&names, " and %zu more", json_array_size(tied) - 5);
    if (!json_is_integer(rank))
        append_sentence(w, "It has no score in the ranking: %s.", why ? why : "unknown");
    else
        append_sentence(w, "It is number %lld of %zu in the ranking, with a score of %.4f%s%s.",
            (long long)json_integer_value(rank), of, json_number_value(score),
            names.len ? "; by chance it cannot be told from " : "", pr_str_cstr(&names));
    if (not_best)
        append_sentence(w, "It may not be the best one: %s.", not_best);
    pr_str_done(&names);
}

/* What was trained from it, to find out in which order that is done best. */
static enum pr_code set_probes(struct why *w, struct pr_error *e)
{
    struct pr_probe_row *v = NULL;
    size_t n = 0, count = 0, failed = 0, diverged = 0;
    enum pr_code code = pr_gradebook_probes(w->g, NULL, 0, &v, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n; i++) {
        if (v[i].checkpoint != w->c->id || !*v[i].question) /* or it was given up */
            continue;
        count++;
        bool bad = pr_curriculum_diverged(&v[i]); /* an outcome, and counted as the status does */
        diverged += bad;
        failed += v[i].reason && !bad;
    }
    pr_json_set_int(w->doc, "n_probes", (int64_t)count);
    pr_json_set_int(w->doc, "n_failed_probes", (int64_t)failed);
    pr_json_set_int(w->doc, "n_diverged_probes", (int64_t)diverged);
    if (count)
        append_sentence(w,
            "%zu probe%s of the curriculum optimizer started from it, %zu failed, %zu diverged.",
            count, count == 1 ? "" : "s", failed, diverged);
    pr_probe_rows_free(v, n);
    return PR_OK;
}

static enum pr_code set_rank(struct why *w, struct pr_error *e)
{
    json_t *found = NULL;
    int64_t at = 0;
    enum pr_code code = pr_gradebook_finding(w->g, "model-comparison", &found, &at, e);
    if (code)
        return code;
    const json_t *list = json_object_get(found, "rankings");
    const json_t *x = by_path(list, w->c->path);
    const json_t *out = x ? NULL : by_path(json_object_get(found, "unranked"), w->c->path);
    const char *why = json_string_value(json_object_get(out, "why"));
    if (x) {
        json_t *o = json_copy((json_t *)(uintptr_t)x);
        json_t *all = json_object_get(found, "n_ranked");
        size_t of = all ? (size_t)json_integer_value(all) : json_array_size(list);
        pr_json_set_int(o, "of", (int64_t)of);
        pr_state_time(o, "at", at);
        pr_json_set(w->doc, "rank", o);
        say_rank(w, x, of);
    } else {
        pr_json_set_null(w->doc, "rank",
            why     ? why
            : found ? "the last ranking does not list it"
                    : "nothing was ranked yet");
        if (why)
            append_sentence(w, "It is not in the ranking: %s.", why);
    }
    json_decref(found);
    return PR_OK;
}

static enum pr_code set_alerts(struct why *w, struct pr_error *e)
{
    struct pr_alert *v = NULL;
    size_t n = 0;
    enum pr_code code = pr_gradebook_alerts(w->g, false, COUNTED_ALERTS, &v, &n, e);
    if (code)
        return code;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        if (v[i].checkpoint != w->c->id)
            continue;
        json_array_append_new(list, pr_state_alert(&v[i]));
        if (!v[i].cleared_ms)
            append_sentence(w, "An alert is open: %s.", v[i].text);
    }
    pr_alerts_free(v, n);
    pr_json_set(w->doc, "alerts", list);
    return PR_OK;
}

static void say_state(const struct why *w)
{
    const struct pr_checkpoint_row *c = w->c;
    const char *reason = c->reason ? c->reason : "no reason was noted";
    switch (c->state) {
    case PR_CHECKPOINT_FOUND:
        append_sentence(w, "%s is complete and was not opened yet.", c->name);
        break;
    case PR_CHECKPOINT_READY:
        if (c->step >= 0)
            append_sentence(w, "%s is step %lld of run %s.", c->name, (long long)c->step, c->run);
        else
            append_sentence(w, "%s is of run %s; its step is not known.", c->name, c->run);
        break;
    case PR_CHECKPOINT_REFUSED:
        append_sentence(w, "%s cannot be used: %s.", c->name, reason);
        break;
    case PR_CHECKPOINT_QUARANTINED:
        append_sentence(w, "%s is quarantined after %d failure%s of its grader: %s.", c->name,
            c->failures, c->failures == 1 ? "" : "s", reason);
        break;
    case PR_CHECKPOINT_GONE:
        append_sentence(w, "%s is not there any more, or its files were rewritten since.", c->name);
        break;
    }
    if (json_array_size(c->bad_weights))
        append_sentence(w, "%zu of its tensors hold NaN or infinity, '%s' the first.",
            json_array_size(c->bad_weights), json_string_value(json_array_get(c->bad_weights, 0)));
    if (c->reference)
        append_sentence(
            w, "It is the reference model: it is graded, and neither judged nor ranked.");
}

static void say_missing(const struct why *w)
{
    size_t i;
    const json_t *o;
    bool usable = w->c->state == PR_CHECKPOINT_READY || w->c->state == PR_CHECKPOINT_FOUND;
    json_array_foreach (json_object_get(w->doc, "grades"), i, o) {
        json_int_t done = json_integer_value(json_object_get(o, "graded"));
        json_int_t all = json_integer_value(json_object_get(o, "of"));
        if (usable && done < all)
            append_sentence(w, "On %s %lld of %lld examples are graded.",
                json_string_value(json_object_get(o, "suite")), (long long)done, (long long)all);
    }
}

static enum pr_code build(struct why *w, const char *options, int64_t now_ms, struct pr_error *e)
{
    static const struct pr_settings none;
    enum pr_code code = pr_gradebook_suites(w->g, false, &w->suites, &w->n_suites, e);
    if (code || (code = pr_view_open(w->g, &none, options, now_ms, &w->view, e)))
        return code;
    set_checkpoint(w);
    say_state(w);
    if ((code = set_grades(w, e)))
        return code;
    say_missing(w);
    if ((code = set_decisions(w, e)) || (code = set_rank(w, e)) || (code = set_judged(w, e)) ||
        (code = set_probes(w, e)))
        return code;
    return set_alerts(w, e);
}

static enum pr_code find_id(const struct pr_checkpoint_row *rows, size_t n, int64_t id,
    const struct pr_checkpoint_row **ret, struct pr_error *e)
{
    for (size_t i = 0; i < n; i++)
        if (rows[i].id == id) {
            *ret = &rows[i];
            return PR_OK;
        }
    return pr_fail(e, PR_E_NOT_FOUND, "there is no checkpoint %lld", (long long)id);
}

/* which NULL: the one of this id. */
static enum pr_code explain(struct pr_gradebook *g, const char *options, const char *which,
    int64_t id, int64_t now_ms, json_t **ret, struct pr_error *e)
{
    static const struct pr_checkpoint_filter all = {.gone = true};
    struct pr_checkpoint_row *rows = NULL;
    size_t n = 0;
    struct why w = {.g = g};
    enum pr_code code = pr_gradebook_checkpoints(g, &all, &rows, &n, e);
    if (code)
        return code;
    w.rows = rows;
    w.n_rows = n;
    if ((code = which ? pr_which_row(rows, n, which, &w.c, e) : find_id(rows, n, id, &w.c, e)))
        goto out;
    w.doc = json_object();
    w.summary = json_array();
    pr_json_set_int(w.doc, "schema_version", 1);
    pr_state_time(w.doc, "at", now_ms);
    if (!(code = build(&w, options, now_ms, e))) {
        pr_json_set(w.doc, "summary", json_incref(w.summary));
        *ret = json_incref(w.doc);
    }
    json_decref(w.summary);
    json_decref(w.doc);
    if (w.view.cache)
        pr_view_close(&w.view);
    pr_suite_rows_free(w.suites, w.n_suites);
out:
    pr_checkpoint_rows_free(rows, n);
    return code;
}

static enum pr_code explain_in(struct pr_gradebook *g, const char *options, const char *which,
    int64_t id, int64_t now_ms, json_t **ret, struct pr_error *e)
{
    bool begin = !pr_gradebook_in_transaction(g);
    enum pr_code code = begin ? pr_gradebook_begin(g, e) : PR_OK;
    if (code)
        return code;
    code = explain(g, options, which, id, now_ms, ret, e);
    if (begin)
        pr_gradebook_rollback(g);
    return code;
}

enum pr_code pr_why_document(struct pr_gradebook *g, const char *options, const char *which,
    int64_t now_ms, json_t **ret, struct pr_error *e)
{
    return explain_in(g, options, which, 0, now_ms, ret, e);
}

enum pr_code pr_why_document_of(struct pr_gradebook *g, const char *options, int64_t checkpoint,
    int64_t now_ms, json_t **ret, struct pr_error *e)
{
    return explain_in(g, options, NULL, checkpoint, now_ms, ret, e);
}
