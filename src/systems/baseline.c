/* The walk over a run: who was judged against what, and where the baseline went. */
#include "systems/baseline.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/sha256.h"
#include "base/str.h"
#include "systems/judge.h"

/* Counts how verdicts are reached: raised when a rule changes, so that old ones are not reused. */
#define RULES_VERSION 1
#define MAX_BRANCHES  64 /* runs that branched off runs */

struct walk {
    struct pr_view *v;
    int64_t run;
    int64_t suite;
    const char *suite_name, *suite_fingerprint;
    const char *system;
    struct pr_findings *decide;
    char key[17];
    struct pr_checkpoint_row *rows; /* of the run and what it branched off, in order */
    size_t n_rows, rows_cap;
    struct pr_decision *stored; /* by checkpoint */
    size_t n_stored;
    const struct pr_checkpoint_row *base;
    struct pr_grades *base_grades; /* NULL: not read yet */
    size_t pending;
};

void pr_judgements_free(struct pr_judgement *v, size_t n)
{
    if (n)
        pr_checkpoint_rows_free(v->rows, v->n_rows);
    for (size_t i = 0; i < n; i++)
        pr_judgement_done(&v[i]);
    pr_free(v);
}

/* Everything beside the two sets of grades that a verdict depends on. */
static void make_key(struct walk *w)
{
    const struct pr_settings *s = w->v->settings;
    char text[600], hex[PR_SHA256_HEX];
    uint8_t digest[PR_SHA256_LEN];
    int n = snprintf(text, sizeof text, "%d %s %s %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g",
        RULES_VERSION, w->v->options, w->suite_fingerprint, s->threshold, s->margin_nats,
        s->error_rate, s->loss_share, s->warn_points, s->warn_percent, s->early_rate,
        s->baseline_p);
    pr_sha256(text, n < (int)sizeof text ? (size_t)n : sizeof text - 1, digest);
    pr_sha256_hex(digest, hex);
    memcpy(w->key, hex, sizeof w->key - 1);
}

static int by_checkpoint(const void *a, const void *b)
{
    const struct pr_decision *x = a, *y = b;
    if (x->checkpoint != y->checkpoint)
        return x->checkpoint < y->checkpoint ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static enum pr_code read_stored(struct walk *w, struct pr_error *e)
{
    struct pr_decision_filter f = {.kind = "verdict", .suite = w->suite, .present_only = true};
    enum pr_code code = pr_gradebook_decisions(w->v->g, &f, &w->stored, &w->n_stored, e);
    if (!code && w->n_stored)
        qsort(w->stored, w->n_stored, sizeof *w->stored, by_checkpoint);
    return code;
}

static const struct pr_run_row *run_of(const struct pr_view *v, int64_t id)
{
    for (size_t i = 0; i < v->n_runs; i++)
        if (v->runs[i].id == id)
            return &v->runs[i];
    return NULL;
}

/* The rows of one run up to a step; what is not taken is freed. */
static enum pr_code add_rows(struct walk *w, int64_t run, int64_t last_step, struct pr_error *e)
{
    struct pr_checkpoint_filter f = {.gone = true, .run_id = run};
    struct pr_checkpoint_row *rows;
    size_t n;
    enum pr_code code = pr_gradebook_checkpoints(w->v->g, &f, &rows, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n; i++) {
        if (rows[i].reference || !rows[i].model || (last_step >= 0 && rows[i].step > last_step))
            pr_checkpoint_row_done(&rows[i]);
        else
            PR_PUSH(w->rows, w->n_rows, w->rows_cap, rows[i]);
    }
    pr_free(rows);
    return PR_OK;
}

/* The run's own rows, after those of the runs that it branched off up to the branch. */
static enum pr_code read_rows(struct walk *w, struct pr_error *e)
{
    struct {
        int64_t run, last_step;
    } chain[MAX_BRANCHES];
    size_t n = 0;
    int64_t last_step = -1;
    for (int64_t id = w->run; id && n < MAX_BRANCHES;) {
        const struct pr_run_row *r = run_of(w->v, id);
        chain[n].run = id;
        chain[n++].last_step = last_step;
        if (!r || r->parent_step < 0)
            break;
        /* A branch of a branch: the earliest branch on the way down bounds what is shared. */
        last_step = last_step < 0 || r->parent_step < last_step ? r->parent_step : last_step;
        id = r->parent;
    }
    enum pr_code code = PR_OK;
    while (n-- && !code)
        code = add_rows(w, chain[n].run, chain[n].last_step, e);
    return code;
}

/* With texts, since repeating output is told by them.  *ret NULL: nothing is graded. */
static enum pr_code load(struct walk *w, const struct pr_checkpoint_row *c, struct pr_grades **ret,
    size_t *ret_done, struct pr_error *e)
{
    const struct pr_suite *examples;
    int64_t settings = 0;
    size_t all;
    *ret = NULL;
    *ret_done = 0;
    enum pr_code code = pr_gradebook_settings(w->v->g, c->model, w->v->options, &settings, e);
    if (code || !settings ||
        (code = pr_gradebook_count(w->v->g, c->model, settings, w->suite, ret_done, &all, e)) ||
        !*ret_done || (*ret_done < all && c->state == PR_CHECKPOINT_GONE) ||
        (code = pr_view_examples(w->v, w->suite, &examples, e)))
        return code;
    return pr_gradebook_grades(w->v->g, c, settings, examples, true, ret, e);
}

static void set_reason(struct pr_judgement *j, const char *fmt, ...) PR_PRINTF(2, 3);
static void set_reason(struct pr_judgement *j, const char *fmt, ...)
{
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    pr_free(j->reason);
    j->reason = pr_strdup(text);
}

/* A stored verdict that still holds: under the same key and against the same baseline.  Early ones
 * are reached again, as more may be graded by now. */
static const struct pr_decision *find_stored(
    const struct walk *w, int64_t checkpoint, const struct pr_decision **ret_last)
{
    size_t lo = 0, hi = w->n_stored;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        *(w->stored[mid].checkpoint < checkpoint ? &lo : &hi) =
            w->stored[mid].checkpoint < checkpoint ? mid + 1 : mid;
    }
    const struct pr_decision *found = NULL;
    *ret_last = NULL;
    for (; lo < w->n_stored && w->stored[lo].checkpoint == checkpoint; lo++) {
        const struct pr_decision *d = &w->stored[lo];
        const char *key = json_string_value(json_object_get(d->evidence, "key"));
        bool mine = !strcmp(d->system, w->system);
        if (mine || !*ret_last)
            *ret_last = d;
        if (key && !strcmp(key, w->key) && d->against == (w->base ? w->base->id : 0) &&
            (mine || !found))
            found = d;
    }
    return found;
}

static bool is_true(const json_t *evidence, const char *key)
{
    return json_is_true(json_object_get(evidence, key));
}

static enum pr_verdict_level level_named(const char *name)
{
    for (int l = PR_LEVEL_CRITICAL; l > PR_LEVEL_OK; l--)
        if (!strcmp(name, pr_verdict_level_name((enum pr_verdict_level)l)))
            return (enum pr_verdict_level)l;
    return PR_LEVEL_OK;
}

static void reuse(const struct pr_decision *d, struct pr_judgement *j)
{
    const char *reason = json_string_value(json_object_get(d->evidence, "reason"));
    j->judged = true;
    j->level = level_named(d->verdict);
    j->moved = is_true(d->evidence, "moved");
    j->reason = pr_strdup(reason ? reason : "");
    j->evidence = json_incref(d->evidence);
}

/* Weights with NaN are critical before anything is graded. */
static void judge_weights(const struct walk *w, struct pr_judgement *j)
{
    const json_t *bad = j->checkpoint->bad_weights;
    if (!json_array_size(bad))
        return;
    const char *first = json_string_value(json_array_get(bad, 0));
    j->judged = j->early = true;
    j->level = PR_LEVEL_CRITICAL;
    set_reason(j, "%zu tensors hold NaN or infinite weights, '%.100s' the first",
        json_array_size(bad), first ? first : "");
    json_decref(j->evidence);
    j->evidence = pr_evidence_new(w->v->settings, NULL, NULL);
    pr_json_set_str(j->evidence, "checkpoint", j->checkpoint->name);
    pr_json_set_str(j->evidence, "fingerprint", j->checkpoint->fingerprint);
    pr_json_set_str(j->evidence, "rule", "bad_weights");
    pr_json_set(j->evidence, "rules", json_pack("[s]", "bad_weights"));
    pr_json_set(j->evidence, "bad_weights", json_deep_copy(bad));
    pr_json_set_bool(j->evidence, "early", true);
    pr_json_set_str(j->evidence, "reason", j->reason);
}

static void why_not(const struct pr_judgement *j, size_t done, size_t all, char *text, size_t size)
{
    const struct pr_checkpoint_row *c = j->checkpoint;
    if (c->state != PR_CHECKPOINT_READY)
        snprintf(text, size, "%s%s%.300s", pr_checkpoint_state_name(c->state),
            c->reason ? ": " : "", c->reason ? c->reason : "");
    else
        snprintf(text, size, "%zu of %zu examples graded", done, all);
}

static enum pr_code judge_complete(
    struct walk *w, const struct pr_grades *g, struct pr_judgement *j, struct pr_error *e)
{
    size_t done;
    double p;
    enum pr_code code;
    if (w->base && !w->base_grades && (code = load(w, w->base, &w->base_grades, &done, e)))
        return code;
    if (w->base && (!w->base_grades || strcmp(w->base_grades->settings_fingerprint,
                                           g->settings_fingerprint) != 0)) {
        set_reason(j, "graded under other settings than %s: not comparable", w->base->name);
        return PR_OK;
    }
    if ((code = pr_judge(w->v->settings, w->base_grades, g, j, e)) || !j->judged ||
        j->level != PR_LEVEL_OK)
        return code;
    j->moved = !w->base;
    return w->base ? pr_baseline_moves(w->v->settings, w->base_grades, g, &j->moved, &p, e) : PR_OK;
}

static enum pr_code judge_partly(
    struct walk *w, const struct pr_grades *g, struct pr_judgement *j, struct pr_error *e)
{
    size_t done;
    enum pr_code code;
    if (w->base && !w->base_grades && (code = load(w, w->base, &w->base_grades, &done, e)))
        return code;
    bool same =
        w->base_grades && !strcmp(w->base_grades->settings_fingerprint, g->settings_fingerprint);
    return pr_judge_early(w->v->settings, same ? w->base_grades : NULL, g, j, e);
}

static enum pr_code judge_anew(struct walk *w, struct pr_judgement *j, struct pr_error *e)
{
    struct pr_grades *g;
    size_t done, all = 0;
    char text[512];
    enum pr_code code = load(w, j->checkpoint, &g, &done, e);
    if (code)
        return code;
    if (g)
        all = g->n;
    if (g && done == all)
        code = judge_complete(w, g, j, e);
    else if (g && j->checkpoint->state == PR_CHECKPOINT_READY)
        code = judge_partly(w, g, j, e);
    if (!code && !j->judged)
        judge_weights(w, j);
    if (!code && !j->judged && !j->reason) {
        const struct pr_suite *examples;
        if (!all && !(code = pr_view_examples(w->v, w->suite, &examples, e)))
            all = examples->n;
        why_not(j, done, all, text, sizeof text);
        set_reason(j, "%s", text);
    }
    /* Its grades become the baseline's. */
    if (!code && j->moved) {
        pr_grades_free(w->base_grades);
        w->base_grades = g;
        g = NULL;
    }
    pr_grades_free(g);
    return code;
}

static void complete_evidence(const struct walk *w, struct pr_judgement *j)
{
    json_t *o = j->evidence;
    pr_json_set_str(o, "suite", w->suite_name);
    pr_json_set_str(o, "suite_fingerprint", w->suite_fingerprint);
    pr_json_set_str(o, "options", w->v->options);
    pr_json_set_str(o, "key", w->key);
    pr_json_set_int(o, "step", j->checkpoint->step);
    pr_json_set_bool(o, "moved", j->moved);
    pr_json_set_int(o, "earlier_not_graded", (int64_t)j->pending);
}

static json_t *move_evidence(const struct walk *w, const struct pr_judgement *j)
{
    json_t *o = json_object(), *better = json_object_get(j->evidence, "improvement");
    pr_json_set_str(o, "from", w->base ? w->base->name : NULL);
    pr_json_set_str(o, "to", j->checkpoint->name);
    pr_json_set(o, "improvement", better ? json_incref(better) : json_null());
    pr_json_set_str(o, "suite", w->suite_name);
    pr_json_set_str(o, "key", w->key);
    return o;
}

/* A verdict that only has another baseline than the stored one, while older checkpoints are still
 * to be graded: it may get yet another with every one of them.  A thousand checkpoints of one
 * quality, graded from the newest back, would make half a million rows.  Once all are graded each
 * is stored as it stands; of the newest it is always. */
static bool is_passing(
    const struct walk *w, const struct pr_judgement *j, const struct pr_decision *last)
{
    return j->pending && j->checkpoint != &w->rows[w->n_rows - 1] &&
           is_true(last->evidence, "moved") == j->moved;
}

/* Adds what was judged anew, unless it says what the last row already does. */
static void decide(struct walk *w, const struct pr_judgement *j, const struct pr_decision *last)
{
    const char *verdict = pr_verdict_level_name(j->level);
    int64_t against = w->base ? w->base->id : 0, id = j->checkpoint->id;
    if (!w->decide || j->checkpoint->run_id != w->run)
        return;
    const char *key = last ? json_string_value(json_object_get(last->evidence, "key")) : NULL;
    bool was_moved = last && is_true(last->evidence, "moved");
    if (last && key && !strcmp(key, w->key) && !strcmp(last->verdict, verdict) &&
        is_true(last->evidence, "early") == j->early &&
        (last->against == against || is_passing(w, j, last)))
        return;
    pr_findings_decide(w->decide, w->system, "verdict", id, w->suite, verdict, against,
        json_incref(j->evidence), w->v->now_ms);
    if (j->moved || was_moved)
        pr_findings_decide(w->decide, w->system, "baseline", id, w->suite,
            j->moved ? "moved" : "revoked", against, move_evidence(w, j), w->v->now_ms);
}

static enum pr_code step(
    struct walk *w, const struct pr_checkpoint_row *c, struct pr_judgement *j, struct pr_error *e)
{
    const struct pr_decision *last, *d = find_stored(w, c->id, &last);
    j->checkpoint = c;
    j->baseline = w->base;
    j->pending = w->pending;
    if (d && !is_true(d->evidence, "early")) {
        reuse(d, j);
        if (j->moved) {
            pr_grades_free(w->base_grades);
            w->base_grades = NULL;
        }
    } else {
        enum pr_code code = judge_anew(w, j, e);
        if (code)
            return pr_wrap(e, code, "judging %s", c->name);
        if (j->judged) {
            complete_evidence(w, j);
            decide(w, j, last);
        }
    }
    if (j->moved)
        w->base = c;
    w->pending += (!j->judged || j->early) && c->state == PR_CHECKPOINT_READY;
    return PR_OK;
}

static enum pr_code walk_rows(
    struct walk *w, struct pr_judgement **ret, size_t *ret_n, struct pr_error *e)
{
    struct pr_judgement *v = pr_zalloc((w->n_rows + 1) * sizeof *v);
    size_t n = 0;
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < w->n_rows && !code; i++) {
        const struct pr_checkpoint_row *c = &w->rows[i];
        struct pr_judgement j = {0};
        code = step(w, c, &j, e);
        if (!code && c->run_id == w->run && c->state != PR_CHECKPOINT_GONE)
            v[n++] = j;
        else
            pr_judgement_done(&j);
    }
    if (n) {
        v->rows = w->rows;
        v->n_rows = w->n_rows;
    } else {
        pr_checkpoint_rows_free(w->rows, w->n_rows);
    }
    w->rows = NULL;
    w->n_rows = 0;
    if (code) {
        pr_judgements_free(v, n);
        return code;
    }
    *ret = v;
    *ret_n = n;
    return PR_OK;
}

enum pr_code pr_baseline_walk(struct pr_view *v, int64_t run_id, int64_t suite, const char *system,
    struct pr_findings *decisions, struct pr_judgement **ret, size_t *ret_n, struct pr_error *e)
{
    struct walk w = {.v = v, .run = run_id, .suite = suite, .system = system, .decide = decisions};
    const struct pr_suite *examples;
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < v->n_suites; i++)
        if (v->suites[i].id == suite) {
            w.suite_name = v->suites[i].name;
            w.suite_fingerprint = v->suites[i].fingerprint;
        }
    if (!w.suite_name) { /* an old version */
        if ((code = pr_view_examples(v, suite, &examples, e)))
            return code;
        w.suite_name = examples->name;
        w.suite_fingerprint = examples->fingerprint;
    }
    make_key(&w);
    if (!(code = read_stored(&w, e)) && !(code = read_rows(&w, e)))
        code = walk_rows(&w, ret, ret_n, e);
    pr_grades_free(w.base_grades);
    pr_decisions_free(w.stored, w.n_stored);
    pr_checkpoint_rows_free(w.rows, w.n_rows);
    return code;
}
