/* The whole state in one document; see state.h.  What the gradebook knows is read in one
 * transaction, what only the running owner knows comes in `live`. */
#include "daemon/state.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "daemon/state_internal.h"
#include "systems/pieces.h"
#include "systems/system.h"
#include "systems/training.h"

#define SHOWN_CHECKPOINTS 30   /* the newest */
#define SHOWN_ORDERS      20   /* each of open and ended ones */
#define COUNTED_ORDERS    2000 /* for the account of tokens */
#define SHOWN_ALERTS      100

void pr_state_time(json_t *o, const char *key, int64_t ms)
{
    char at[32];
    if (ms)
        pr_clock_iso8601(ms, at);
    pr_json_set_str(o, key, ms ? at : NULL);
}

/* What the parts of the document are made from. */
struct state {
    const struct pr_config *c;
    struct pr_gradebook *g;
    const json_t *live;
    json_t *known_training; /* NULL: it is to be read */
    int64_t now_ms;
    struct pr_view view;
    char options[65];
    int64_t main; /* the main suite; -1: there is none */
    json_t *doc;
};

static const char *suite_name(const struct state *s, int64_t id)
{
    for (size_t i = 0; i < s->view.n_suites; i++)
        if (s->view.suites[i].id == id)
            return s->view.suites[i].name;
    return "an older suite";
}

/* ---- training ---- */

/* Where the training's files are; status and current are freed by the caller. */
static struct pr_training_places places_of(const struct pr_config *c, const char *const *folders,
    size_t n, char **ret_status, char **ret_current)
{
    *ret_status = pr_path_join(c->base_dir, "status/training_status.json");
    *ret_current =
        c->current ? pr_strdup(c->current) : pr_path_join(c->base_dir, "models/current_model");
    if (!c->current && !pr_path_is_dir(*ret_current)) {
        pr_free(*ret_current);
        *ret_current = pr_path_join(c->base_dir, "current_model");
    }
    return (struct pr_training_places){.status_file = *ret_status,
        .checkpoints = folders,
        .n_checkpoints = n,
        .runs_folder = *ret_current};
}

json_t *pr_state_training(
    const struct pr_config *c, const char *const *folders, size_t n, int64_t now_ms)
{
    char *status, *current;
    struct pr_training_places p = places_of(c, folders, n, &status, &current);
    json_t *o = pr_training_read(&p, now_ms);
    pr_free(status);
    pr_free(current);
    return o;
}

void pr_state_training_stamp(
    const struct pr_config *c, const char *const *folders, size_t n, char ret[65])
{
    char *status, *current;
    struct pr_training_places p = places_of(c, folders, n, &status, &current);
    pr_training_stamp(&p, ret);
    pr_free(status);
    pr_free(current);
}

static json_t *training(const struct state *s)
{
    if (s->known_training)
        return json_incref(s->known_training);
    const char *folders[PR_STATE_TRAINING_FOLDERS];
    size_t n = 0, from = 0;
    const struct pr_view *v = &s->view;
    if (v->n_checkpoints > PR_STATE_TRAINING_FOLDERS)
        from = v->n_checkpoints - PR_STATE_TRAINING_FOLDERS;
    for (size_t i = from; i < v->n_checkpoints; i++)
        folders[n++] = v->checkpoints[i].path;
    return pr_state_training(s->c, folders, n, s->now_ms);
}

/* ---- systems ---- */

static const json_t *live_system(const struct state *s, const char *name)
{
    size_t i;
    const json_t *x, *list = json_object_get(s->live, "systems");
    json_array_foreach (list, i, x) {
        const char *is = json_string_value(json_object_get(x, "name"));
        if (is && !strcmp(is, name))
            return x;
    }
    return NULL;
}

/* What it last found stays shown when it does not run any more; `running` says whether it does. */
static enum pr_code add_system(
    struct state *s, const struct pr_system *system, json_t *list, struct pr_error *e)
{
    static const char *const from_live[] = {
        "last_run", "running", "next_run_seconds", "jobs", "outstanding", "error"};
    json_t *finding = NULL, *o;
    int64_t at = 0;
    if (s->g) {
        enum pr_code code = pr_gradebook_finding(s->g, system->name, &finding, &at, e);
        if (code)
            return code;
    }
    const json_t *live = live_system(s, system->name);
    const char *state = json_string_value(json_object_get(finding, "state"));
    o = json_object();
    pr_json_set_str(o, "name", system->name);
    pr_json_set_bool(o, "active", live != NULL);
    if (!finding && !live && system->needs && !pr_config_is_set(s->c, system->needs)) {
        char why[200];
        snprintf(why, sizeof why, "%s is not set in proctor.yaml", system->needs);
        pr_json_set_str(o, "state", "not_installed");
        pr_json_set_str(o, "state_reason", why);
    } else {
        json_t *reason = json_object_get(finding, "state_reason");
        pr_json_set_str(o, "state", state ? state : finding ? "ok" : "never run");
        pr_json_set(o, "state_reason", reason ? json_incref(reason) : json_null());
    }
    pr_state_time(o, "last_run", at);
    for (size_t i = 0; live && i < sizeof from_live / sizeof *from_live; i++)
        if (!json_is_null(json_object_get(live, from_live[i])))
            json_object_set(o, from_live[i], json_object_get(live, from_live[i]));
    pr_json_set_str(o, "status_file", system->status_file);
    pr_json_set(o, "finding", finding ? finding : json_null());
    json_array_append_new(list, o);
    return PR_OK;
}

static enum pr_code set_systems(struct state *s, struct pr_error *e)
{
    size_t n;
    const struct pr_system *const *all = pr_systems(&n);
    json_t *list = json_array();
    pr_json_set(s->doc, "systems", list);
    for (size_t i = 0; i < n; i++) {
        enum pr_code code = add_system(s, all[i], list, e);
        if (code)
            return code;
    }
    return PR_OK;
}

/* ---- checkpoints ---- */

/* What the monitor says of a checkpoint on the main suite. */
static enum pr_code set_level(
    struct state *s, const struct pr_checkpoint_row *c, json_t *o, struct pr_error *e)
{
    const struct pr_decision_filter f = {.system = "regression-monitor",
        .kind = "verdict",
        .checkpoint = c->id,
        .suite = s->main,
        .present_only = true};
    struct pr_decision *v = NULL;
    size_t n = 0;
    enum pr_code code = pr_gradebook_decisions(s->g, &f, &v, &n, e);
    if (code)
        return code;
    pr_json_set_str(o, "level", n ? v[n - 1].verdict : NULL);
    json_t *why = n ? json_object_get(v[n - 1].evidence, "reason") : NULL;
    pr_json_set(o, "level_reason", why ? json_incref(why) : json_null());
    pr_decisions_free(v, n);
    return PR_OK;
}

static enum pr_code progress(struct state *s, const struct pr_checkpoint_row *c,
    const struct pr_suite_row *suite, json_t *list, struct pr_error *e)
{
    int64_t settings = 0;
    size_t done = 0, all = suite->n;
    enum pr_code code =
        c->model ? pr_gradebook_settings(s->g, c->model, s->options, &settings, e) : PR_OK;
    if (!code && settings)
        code = pr_gradebook_count(s->g, c->model, settings, suite->id, &done, &all, e);
    if (code)
        return code;
    json_t *o = json_object();
    pr_json_set_str(o, "suite", suite->name);
    pr_json_set_int(o, "graded", (int64_t)done);
    pr_json_set_int(o, "of", (int64_t)all);
    json_array_append_new(list, o);
    return PR_OK;
}

static enum pr_code checkpoint_json(
    struct state *s, const struct pr_checkpoint_row *c, json_t **ret, struct pr_error *e)
{
    json_t *o = pr_checkpoint_json(c), *suites = json_array();
    pr_json_set_int(o, "id", c->id);
    pr_json_set_str(o, "state", pr_checkpoint_state_name(c->state));
    pr_json_set_str(o, "reason", c->reason);
    pr_state_time(o, "found_at", c->found_ms);
    enum pr_code code = set_level(s, c, o, e);
    pr_json_set(o, "suites", suites);
    for (size_t i = 0; i < s->view.n_suites && !code; i++)
        code = progress(s, c, &s->view.suites[i], suites, e);
    if (code)
        json_decref(o);
    else
        *ret = o;
    return code;
}

static enum pr_code set_checkpoints(struct state *s, struct pr_error *e)
{
    const struct pr_view *v = &s->view;
    json_t *list = json_array(), *counts = json_object(), *x = json_null();
    enum pr_code code = PR_OK;
    pr_json_set(s->doc, "checkpoints", list);
    pr_json_set(s->doc, "checkpoints_by_state", counts);
    pr_json_set_int(s->doc, "n_checkpoints", (int64_t)v->n_checkpoints);
    for (size_t i = 0; i < v->n_checkpoints; i++) {
        const char *state = pr_checkpoint_state_name(v->checkpoints[i].state);
        json_int_t n = json_integer_value(json_object_get(counts, state));
        pr_json_set_int(counts, state, n + 1);
    }
    size_t shown = v->n_checkpoints < SHOWN_CHECKPOINTS ? v->n_checkpoints : SHOWN_CHECKPOINTS;
    for (size_t i = v->n_checkpoints - shown; i < v->n_checkpoints && !code; i++)
        if (!(code = checkpoint_json(s, &v->checkpoints[i], &x, e)))
            json_array_append_new(list, x);
    const struct pr_checkpoint_row *newest = pr_view_newest(v);
    x = json_null();
    if (!code && newest)
        code = checkpoint_json(s, newest, &x, e);
    if (!code)
        pr_json_set(s->doc, "newest", x);
    x = json_null();
    if (!code && v->reference)
        code = checkpoint_json(s, v->reference, &x, e);
    if (!code)
        pr_json_set(s->doc, "reference", x);
    return code;
}

/* ---- orders ---- */

static json_t *order_json(const struct state *s, const struct pr_order_row *r)
{
    json_t *o = json_object();
    struct pr_checkpoint_row c;
    if (!pr_gradebook_checkpoint(s->g, r->checkpoint, &c, NULL)) {
        pr_checkpoint_json_into(&c, o);
        pr_checkpoint_row_done(&c);
    }
    pr_json_set_int(o, "id", r->id);
    pr_json_set_str(o, "suite", suite_name(s, r->suite));
    pr_json_set_str(o, "asked_by", r->asked_by);
    pr_json_set_int(o, "priority", r->priority);
    pr_json_set_str(o, "state", r->state);
    pr_json_set_str(o, "reason", r->reason);
    pr_state_time(o, "asked_at", r->asked_ms);
    pr_state_time(o, "ended_at", r->ended_ms);
    pr_json_set_int(o, "examples", (int64_t)r->examples);
    pr_json_set_int(o, "tokens_computed", (int64_t)(r->tokens_prefilled + r->tokens_generated));
    pr_json_set_real(o, "seconds", r->seconds, NULL);
    return o;
}

/* One line of the queue: a checkpoint and how far each of its suites is. */
static enum pr_code queued_json(
    struct state *s, const json_t *live, json_t *list, struct pr_error *e)
{
    static const char *const keys[] = {"state", "priority", "asked_by"};
    const struct pr_checkpoint_row *c =
        pr_view_checkpoint(&s->view, json_integer_value(json_object_get(live, "checkpoint")));
    size_t i;
    const json_t *id;
    enum pr_code code = PR_OK;
    if (!c) /* it went in this moment */
        return PR_OK;
    json_t *o = pr_checkpoint_json(c), *suites = json_array();
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
        json_object_set(o, keys[k], json_object_get(live, keys[k]));
    pr_json_set(o, "suites", suites);
    json_array_foreach (json_object_get(live, "suites"), i, id)
        for (size_t k = 0; k < s->view.n_suites && !code; k++)
            if (s->view.suites[k].id == json_integer_value(id))
                code = progress(s, c, &s->view.suites[k], suites, e);
    json_array_append_new(list, o);
    return code;
}

static enum pr_code set_queue(struct state *s, struct pr_error *e)
{
    json_t *list = json_array();
    size_t i;
    const json_t *x, *orders = json_object_get(s->live, "orders");
    pr_json_set(s->doc, "orders", list);
    json_array_foreach (orders, i, x) {
        enum pr_code code = i < SHOWN_ORDERS ? queued_json(s, x, list, e) : PR_OK;
        if (code)
            return code;
    }
    json_t *n = json_object_get(s->live, "wanted");
    if (n)
        pr_json_set(s->doc, "n_orders", json_incref(n));
    else
        pr_json_set_null(s->doc, "n_orders", "the queue is known to the owner alone");
    return PR_OK;
}

/* Systems that asked for an order; the testing suite is a part of the main one, so its share alone
 * would have been computed for it. */
static double asked_times(const struct state *s, const char *asked_by)
{
    const struct pr_suite_row *all = pr_view_suite(&s->view, PR_SUITE_MAIN);
    const struct pr_suite_row *part = pr_view_suite(&s->view, PR_SUITE_TESTING);
    double share = all && part && all->n ? fmin(1, (double)part->n / (double)all->n) : 1, sum = 0;
    for (const char *p = asked_by; p && *p;) {
        size_t n = strcspn(p, ",");
        sum += n == 17 && !memcmp(p, "automated-testing", n) ? share : n > 0;
        p += n + (p[n] == ',');
    }
    return fmax(sum, 1);
}

static enum pr_code set_ended(struct state *s, struct pr_error *e)
{
    struct pr_order_row *v = NULL;
    size_t n = 0;
    uint64_t computed = 0, shared = 0, examples = 0;
    double alone = 0;
    enum pr_code code = pr_gradebook_orders(s->g, false, COUNTED_ORDERS, &v, &n, e);
    if (code)
        return code;
    json_t *list = json_array(), *o = json_object();
    for (size_t i = 0; i < n; i++) {
        uint64_t cost = v[i].tokens_prefilled + v[i].tokens_generated;
        computed += cost;
        shared += v[i].tokens_shared;
        if (!strcmp(v[i].state, "done")) { /* what was cancelled half-way is our cost alone */
            examples += v[i].examples;
            alone += (double)cost * asked_times(s, v[i].asked_by);
        }
        if (v[i].ended_ms && json_array_size(list) < SHOWN_ORDERS)
            json_array_append_new(list, order_json(s, &v[i]));
    }
    pr_order_rows_free(v, n);
    pr_json_set(s->doc, "ended_orders", list);
    pr_json_set_int(o, "orders", (int64_t)n);
    pr_json_set_int(o, "examples", (int64_t)examples);
    pr_json_set_int(o, "computed", (int64_t)computed);
    pr_json_set_int(o, "shared_prefixes", (int64_t)shared);
    pr_json_set_int(o, "if_each_system_graded", (int64_t)alone);
    pr_json_set_int(o, "saved", (int64_t)alone - (int64_t)computed);
    pr_json_set_str(o, "what",
        "tokens that went through the model for the newest 2,000 orders; shared_prefixes did not "
        "have to, and if_each_system_graded is what separate programs would have computed");
    pr_json_set(s->doc, "tokens", o);
    return PR_OK;
}

/* ---- alerts, gradebook ---- */

json_t *pr_state_alert(const struct pr_alert *a)
{
    json_t *o = json_object();
    pr_json_set_int(o, "id", a->id);
    pr_json_set_str(o, "system", a->system);
    pr_json_set_str(o, "level", pr_alert_level_name(a->level));
    pr_json_set_str(o, "text", a->text);
    pr_state_time(o, "raised_at", a->raised_ms);
    pr_state_time(o, "cleared_at", a->cleared_ms);
    pr_state_time(o, "acknowledged_at", a->acknowledged_ms);
    return o;
}

static enum pr_code set_alerts(struct state *s, struct pr_error *e)
{
    struct pr_alert *v = NULL;
    size_t n = 0;
    enum pr_code code = pr_gradebook_alerts(s->g, true, SHOWN_ALERTS, &v, &n, e);
    if (code)
        return code;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, pr_state_alert(&v[i]));
    pr_alerts_free(v, n);
    pr_json_set(s->doc, "alerts", list);
    return PR_OK;
}

static enum pr_code set_gradebook(struct state *s, struct pr_error *e)
{
    struct pr_gradebook_size x;
    enum pr_code code = pr_gradebook_size(s->g, &x, e);
    if (code)
        return code;
    json_t *o = json_object(), *suites = json_array();
    pr_json_set_int(o, "bytes", (int64_t)x.bytes);
    pr_json_set_int(o, "wal_bytes", (int64_t)x.wal_bytes);
    pr_json_set_int(o, "checkpoints", (int64_t)x.checkpoints);
    pr_json_set_int(o, "models", (int64_t)x.models);
    pr_json_set_int(o, "examples", (int64_t)x.examples);
    pr_json_set_int(o, "grades", (int64_t)x.grades);
    pr_json_set_int(o, "decisions", (int64_t)x.decisions);
    for (size_t i = 0; i < s->view.n_suites; i++) {
        json_t *r = json_object();
        pr_json_set_str(r, "name", s->view.suites[i].name);
        pr_json_set_str(r, "fingerprint", s->view.suites[i].fingerprint);
        pr_json_set_int(r, "n", (int64_t)s->view.suites[i].n);
        json_array_append_new(suites, r);
    }
    pr_json_set(o, "suites", suites);
    pr_json_set(s->doc, "gradebook", o);
    return PR_OK;
}

static enum pr_code from_gradebook(struct state *s, struct pr_error *e)
{
    enum pr_code code = pr_view_open(s->g, &s->c->settings, s->options, s->now_ms, &s->view, e);
    if (code)
        return code;
    const struct pr_suite_row *suite = pr_view_suite(&s->view, PR_SUITE_MAIN);
    s->main = suite ? suite->id : -1;
    pr_json_set(s->doc, "training", training(s));
    if (!(code = set_systems(s, e)) && !(code = set_checkpoints(s, e)) &&
        !(code = set_queue(s, e)) && !(code = set_ended(s, e)) && !(code = set_alerts(s, e)))
        code = set_gradebook(s, e);
    pr_view_close(&s->view);
    return code;
}

static enum pr_code without_gradebook(struct state *s, struct pr_error *e)
{
    static const char *const lists[] = {"checkpoints", "orders", "ended_orders", "alerts"};
    pr_json_set(s->doc, "training", training(s));
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        pr_json_set(s->doc, lists[i], json_array());
    pr_json_set(s->doc, "newest", json_null());
    pr_json_set_null(s->doc, "gradebook", "nothing was graded in this base folder yet");
    return set_systems(s, e);
}

enum pr_code pr_state_document(const struct pr_config *c, struct pr_gradebook *g,
    const json_t *live, int64_t now_ms, json_t **ret, struct pr_error *e)
{
    return pr_state_document_with(c, g, live, NULL, now_ms, ret, e);
}

enum pr_code pr_state_document_with(const struct pr_config *c, struct pr_gradebook *g,
    const json_t *live, json_t *training, int64_t now_ms, json_t **ret, struct pr_error *e)
{
    struct state s = {.c = c,
        .g = g,
        .live = live,
        .known_training = training,
        .now_ms = now_ms,
        .doc = json_object()};
    json_t *owner = json_object_get(live, "owner");
    pr_config_grading_fingerprint(c, s.options);
    pr_json_set_int(s.doc, "schema_version", 1);
    pr_state_time(s.doc, "at", now_ms);
    pr_json_set_str(s.doc, "base_dir", c->base_dir);
    pr_json_set(s.doc, "owner", owner ? json_incref(owner) : json_null());
    bool begin = g && !pr_gradebook_in_transaction(g);
    enum pr_code code = begin ? pr_gradebook_begin(g, e) : PR_OK;
    if (!code)
        code = g ? from_gradebook(&s, e) : without_gradebook(&s, e);
    if (begin)
        pr_gradebook_rollback(g);
    if (live)
        pr_json_set(s.doc, "live", json_incref((json_t *)(uintptr_t)live));
    else
        pr_json_set_null(s.doc, "live", "no proctor runs in this base folder");
    if (code)
        json_decref(s.doc);
    else
        *ret = s.doc;
    return code;
}
