/* What the curriculum optimizer says: its status document, and the evidence of its decisions. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "exam/stats.h"
#include "systems/curriculum.h"
#include "systems/pieces.h"

#define SHOWN_HISTORY  50
#define SHOWN_FAILURES 10

static void set_time(json_t *o, const char *key, int64_t ms, const char *why)
{
    char at[32];
    if (!ms) {
        pr_json_set_null(o, key, why);
        return;
    }
    pr_clock_iso8601(ms, at);
    pr_json_set_str(o, key, at);
}

static const char *name_of(const struct pr_view *v, int64_t checkpoint)
{
    const struct pr_checkpoint_row *c = pr_view_checkpoint(v, checkpoint);
    return c ? c->name : "a checkpoint that is gone";
}

/* ---- strategies ---- */

struct tried {
    size_t n, failed, diverged; /* all that were run; those without a result; NaN or infinity */
    size_t n_accuracy;
    double accuracy, loss; /* means; NaN: unknown */
};

/* arm NULL: of all. */
static void try_of(const struct pr_curriculum_probes *p, const char *arm, struct tried *ret)
{
    double accuracy = 0, loss = 0;
    size_t n_loss = 0;
    *ret = (struct tried){0};
    for (size_t i = 0; i < p->n; i++) {
        const struct pr_probe_row *r = &p->rows[i];
        if (arm && strcmp(r->arm, arm) != 0)
            continue;
        ret->n++;
        bool diverged = pr_curriculum_diverged(r);
        ret->diverged += diverged;
        ret->failed += r->reason && !diverged;
        if (r->reason || !isfinite(r->loss))
            continue;
        n_loss++;
        loss += r->loss;
        if (isfinite(r->accuracy)) {
            accuracy += r->accuracy;
            ret->n_accuracy++;
        }
    }
    ret->loss = n_loss ? loss / (double)n_loss : NAN;
    ret->accuracy = ret->n_accuracy ? accuracy / (double)ret->n_accuracy : NAN;
}

static const struct pr_arm_evidence *arm_of(const struct pr_evidence *e, const char *name)
{
    for (size_t i = 0; i < e->n_arms; i++)
        if (!strcmp(e->arms[i].name, name))
            return &e->arms[i];
    return NULL;
}

static void set_counts(const struct tried *t, json_t *o)
{
    pr_json_set_int(o, "n_probes", (int64_t)t->n);
    pr_json_set_int(o, "n_failed", (int64_t)t->failed);
    pr_json_set_int(o, "n_diverged", (int64_t)t->diverged);
}

static void set_tried(const struct pr_curriculum_probes *p, const char *arm, json_t *o)
{
    struct tried t;
    try_of(p, arm, &t);
    set_counts(&t, o);
    pr_json_set_real(o, "accuracy", t.accuracy, "no probe of it has an accuracy yet");
    pr_json_set_real(o, "loss_mean_per_example", t.loss, "no probe of it was done yet");
}

/* Differences are of the score, minus the loss: above 0 is better. */
static void set_difference(const struct pr_arm_evidence *a, json_t *o)
{
    static const char why[] = "too few blocks with this strategy and random order";
    pr_json_set_int(o, "n_blocks", a ? (int64_t)a->n : 0);
    pr_json_set_real(o, "difference_to_random", a ? a->mean : NAN, why);
    pr_json_set_real(o, "difference_se", a ? a->se : NAN, why);
    if (a && isfinite(a->lo) && isfinite(a->hi))
        pr_json_set(o, "difference_interval", pr_interval_json(a->lo, a->hi));
    else
        pr_json_set_null(o, "difference_interval", why);
    pr_json_set_real(o, "p", a ? a->p : NAN, why);
}

static const char *verdict_of(const struct pr_arm_evidence *a)
{
    return a && a->better ? "better" : a && a->worse ? "worse" : "open";
}

static json_t *strategies(const struct pr_curriculum_probes *p)
{
    size_t n;
    const struct pr_strategy *s = pr_strategies(&n);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        bool random = !strcmp(s[i].name, PR_ARM_RANDOM);
        const struct pr_arm_evidence *a = random ? NULL : arm_of(&p->evidence, s[i].name);
        json_t *o = json_object();
        pr_json_set_str(o, "strategy", s[i].name);
        pr_json_set_str(o, "summary", s[i].summary);
        set_tried(p, s[i].name, o);
        if (!random)
            set_difference(a, o);
        pr_json_set_str(o, "verdict", random ? "reference" : verdict_of(a));
        if (a && a->held)
            pr_json_set_str(o, "verdict_reason", a->held);
        json_array_append_new(list, o);
    }
    return list;
}

/* How large a difference chance alone makes: random order against random order. */
static json_t *noise_floor(const struct pr_curriculum_probes *p)
{
    json_t *o = json_object();
    const struct pr_arm_evidence *a = arm_of(&p->evidence, PR_ARM_AGAIN);
    pr_json_set_str(o, "arm", PR_ARM_AGAIN);
    set_tried(p, PR_ARM_AGAIN, o);
    set_difference(a, o);
    pr_json_set_real(o, "sd", p->evidence.noise, "too few blocks with both random arms");
    pr_json_set_bool(o, "stands_out", a && (a->lo > 0 || a->hi < 0)); /* NaN: no */
    return o;
}

/* ---- progress ---- */

static json_t *level_json(const struct pr_curriculum_level *l)
{
    static const char why[] = "no examples of this difficulty with an answer";
    json_t *o = json_object();
    pr_json_set_int(o, "n", (int64_t)l->n);
    pr_json_set_int(o, "n_accuracy", (int64_t)l->n_accuracy);
    pr_json_set_real(o, "accuracy", l->accuracy, why);
    if (isfinite(l->lo) && isfinite(l->hi))
        pr_json_set(o, "accuracy_ci95", pr_interval_json(l->lo, l->hi));
    else
        pr_json_set_null(o, "accuracy_ci95", why);
    pr_json_set_real(o, "loss", l->loss, "no loss is known");
    pr_json_set_real(o, "loss_mean_per_example", l->loss_mean_per_example, "no loss is known");
    return o;
}

static json_t *checkpoints(const struct pr_curriculum_progress *p)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_checkpoints; i++) {
        json_t *o = pr_checkpoint_json(p->checkpoints[i]), *levels = json_object();
        for (size_t d = 0; d < p->n_levels; d++)
            pr_json_set(levels, p->names[d], level_json(&p->levels[i][d]));
        pr_json_set(o, "by_difficulty", levels);
        json_array_append_new(list, o);
    }
    return list;
}

static void set_weights(const struct pr_curriculum_progress *p, json_t *doc)
{
    json_t *progress = json_object();
    for (size_t d = 0; d < p->n_levels; d++)
        pr_json_set_real(
            progress, p->names[d], pr_strategy_progress(&p->progress[d]), "needs two known losses");
    pr_json_set(doc, "learning_progress", progress);
    if (p->reason[0]) {
        pr_json_set_null(doc, "difficulty_weights", p->reason);
        return;
    }
    json_t *weights = json_object();
    for (size_t d = 0; d < p->n_levels; d++)
        pr_json_set_real(weights, p->names[d], p->weights[d], NULL);
    pr_json_set(doc, "difficulty_weights", weights);
}

/* ---- question, budget, failures ---- */

/* What became of the files: lines that are not used, and changes that wait. */
static void set_pool(const struct pr_view_pool *pool, json_t *o)
{
    pr_json_set_int(o, "lines_skipped", (int64_t)pool->n_skipped);
    if (pool->skipped)
        pr_json_set_str(o, "lines_skipped_reason", pool->skipped);
    pr_json_set_bool(o, "pool_changed", pool->changed_ms > 0);
    if (pool->changed_ms)
        set_time(o, "pool_changed_at", pool->changed_ms, NULL);
}

/* Examples that the model cannot be trained on, or asked: known from the last probe that says so.
 */
static void set_left_out(const struct pr_curriculum_probes *p, const char *const from[2],
    const char *const as[2], bool done_only, json_t *o)
{
    for (size_t i = p->n; json_is_object(o) && i-- > 0;) {
        json_t *n = json_object_get(p->rows[i].result, from[0]);
        json_t *why = json_object_get(p->rows[i].result, from[1]);
        if (!json_is_integer(n) || (done_only && p->rows[i].reason))
            continue;
        json_object_set(o, as[0], n);
        if (json_is_string(why))
            json_object_set(o, as[1], why);
        return;
    }
}

static void set_all_left_out(const struct pr_curriculum_probes *p, json_t *o)
{
    static const char *const pool[] = {"pool_left_out", "pool_left_out_reason"},
                             *const examples[] = {"examples_left_out", "examples_left_out_reason"},
                             *const exam[] = {"n_ungraded", "ungraded_reason"},
                             *const samples[] = {"samples_left_out", "samples_left_out_reason"};
    set_left_out(p, pool, examples, false, o);
    set_left_out(p, exam, samples, true, o);
}

static void set_question(const struct pr_view *v, json_t *doc)
{
    static const char none[] = "no probe can be run";
    const struct pr_view_pool *pool = v->pool;
    if (!pool || !pool->question) {
        pr_json_set_null(doc, "question", pool && pool->reason ? pool->reason : none);
        return;
    }
    json_t *o = json_object(), *levels = json_object();
    pr_json_set_str(o, "fingerprint", pool->question);
    pr_json_set_int(o, "examples", (int64_t)pool->n);
    for (size_t i = 0; i < pool->n_levels; i++)
        pr_json_set_int(levels, pool->levels[i].name, (int64_t)pool->levels[i].n);
    pr_json_set(o, "by_difficulty", levels);
    set_pool(pool, o);
    pr_json_set_int(o, "tokens", v->settings->curriculum_probe_tokens);
    pr_json_set_int(o, "samples", v->settings->curriculum_samples);
    if (pool->document)
        pr_json_set(o, "settings", json_deep_copy(pool->document));
    pr_json_set(doc, "question", o);
}

static void set_budget(const struct pr_view *v, json_t *doc)
{
    static const char unknown[] = "nothing is known of it";
    const struct pr_view_pool *pool = v->pool;
    json_t *o = json_object();
    pr_json_set_int(o, "percent", v->settings->curriculum_budget_percent);
    pr_json_set_int(o, "probe_seconds", v->settings->curriculum_probe_seconds);
    pr_json_set_int(o, "probe_tokens", v->settings->curriculum_probe_tokens);
    pr_json_set_real(o, "last_probe_seconds", pool ? pool->probe_seconds : NAN, "none was run yet");
    pr_json_set_real(o, "used_seconds_last_hour", pool ? pool->used_seconds : NAN, unknown);
    pr_json_set_real(o, "left_seconds", pool ? pool->budget_seconds : NAN, unknown);
    if (!v->settings->curriculum_budget_percent)
        pr_json_set_null(o, "next_at", "probes are switched off");
    else
        set_time(o, "next_at", pool ? pool->budget_until_ms : 0, "now");
    pr_json_set(doc, "budget", o);
}

static json_t *failures(const struct pr_view *v, const struct pr_curriculum_probes *p)
{
    json_t *list = json_array();
    for (size_t i = p->n; i-- > 0 && json_array_size(list) < SHOWN_FAILURES;) {
        const struct pr_probe_row *r = &p->rows[i];
        json_t *o = NULL;
        if (!r->reason)
            continue;
        o = json_object();
        set_time(o, "at", r->at_ms, NULL);
        pr_json_set_str(o, "strategy", r->arm);
        pr_json_set_int(o, "seed", r->seed);
        pr_json_set_str(o, "checkpoint", name_of(v, r->checkpoint));
        pr_json_set_str(o, "reason", r->reason);
        json_array_append_new(list, o);
    }
    return list;
}

static void set_next(const struct pr_curriculum *c, json_t *doc)
{
    const struct pr_curriculum_probes *p = &c->probes;
    if (!p->arm) {
        pr_json_set_null(doc, "next", p->nothing);
        return;
    }
    json_t *o = json_object();
    pr_json_set_str(o, "strategy", p->arm);
    pr_json_set_int(o, "seed", (int64_t)p->seed);
    pr_json_set_str(o, "checkpoint", name_of(c->v, p->start));
    pr_json_set(doc, "next", o);
}

/* ---- decisions ---- */

static void add_history(json_t *list, const struct pr_decision *d)
{
    static const char *const keys[] = {
        "best_strategy", "reason", "question", "n_probes", "n_blocks"};
    if (json_array_size(list) == SHOWN_HISTORY)
        return;
    json_t *o = json_object();
    set_time(o, "at", d->at_ms, NULL);
    pr_json_set_str(o, "decision", d->verdict);
    for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
        json_t *x = json_object_get(d->evidence, keys[k]);
        pr_json_set(o, keys[k], x ? json_deep_copy(x) : json_null());
    }
    json_array_append_new(list, o);
}

/* The newest first. */
static json_t *history(const struct pr_curriculum *c, const struct pr_findings *f)
{
    json_t *list = json_array();
    for (size_t i = f->n_decisions; i-- > 0;)
        add_history(list, &f->decisions[i]);
    for (size_t i = c->n_decisions; i-- > 0;)
        add_history(list, &c->decisions[i]);
    return list;
}

json_t *pr_curriculum_decision(const struct pr_curriculum *c, const char *why)
{
    json_t *o = json_object();
    pr_json_set_str(o, "best_strategy", c->standing.best);
    pr_json_set_str(o, "reason", why);
    set_question(c->v, o);
    json_t *question = json_incref(json_object_get(o, "question"));
    pr_json_set_str(o, "question", c->v->pool ? c->v->pool->question : NULL);
    pr_json_set(o, "question_settings", question);
    pr_json_set_int(o, "n_probes", (int64_t)c->probes.n);
    pr_json_set_int(o, "n_blocks", (int64_t)c->probes.evidence.blocks);
    pr_json_set(o, "strategies_tested", strategies(&c->probes));
    pr_json_set(o, "noise_floor", noise_floor(&c->probes));
    pr_json_set_real(o, "error_rate", c->v->settings->curriculum_error_rate, NULL);
    return o;
}

static void set_decision(const struct pr_curriculum *c, json_t *doc)
{
    const struct pr_curriculum_standing *s = &c->standing;
    struct tried t;
    char why[200];
    try_of(&c->probes, s->best, &t);
    snprintf(why, sizeof why, "no probe of %.60s has an accuracy yet", s->best);
    pr_json_set_str(doc, "best_strategy", s->best);
    pr_json_set_str(doc, "decision", s->decided ? "decided" : "undecided");
    pr_json_set_real(doc, "accuracy", t.accuracy, why);
    pr_json_set_int(doc, "accuracy_probes", (int64_t)t.n_accuracy);
    set_time(doc, "decided_at", s->decided_ms, "no strategy was ever decided upon");
}

void pr_curriculum_document(const struct pr_curriculum *c, struct pr_findings *ret)
{
    json_t *doc = ret->status;
    const struct pr_curriculum_probes *p = &c->probes;
    bool probes = !p->no_probes[0];
    struct tried all;
    const struct pr_curriculum_progress *g = &c->progress;
    try_of(p, NULL, &all);
    set_decision(c, doc);
    if (g->n_checkpoints)
        pr_json_set_str(doc, "checkpoint", g->checkpoints[g->n_checkpoints - 1]->name);
    else
        pr_json_set_null(doc, "checkpoint", "no checkpoint is graded yet");
    set_time(doc, "last_update", c->v->now_ms, NULL);
    pr_json_set_str(doc, "method", probes ? "probes" : "observational");
    pr_json_set_str(doc, "method_reason", probes ? NULL : p->no_probes);
    pr_json_set_str(doc, "measured_by",
        "minus the mean loss per validation example after the probe: finer than accuracy");
    pr_json_set(doc, "strategies_tested", strategies(p));
    pr_json_set(doc, "noise_floor", noise_floor(p));
    set_counts(&all, doc);
    pr_json_set_int(doc, "n_blocks", (int64_t)p->evidence.blocks);
    pr_json_set_int(doc, "min_blocks", c->v->settings->curriculum_seeds);
    pr_json_set_real(doc, "error_rate", c->v->settings->curriculum_error_rate, NULL);
    set_weights(&c->progress, doc);
    pr_json_set(doc, "checkpoints", checkpoints(&c->progress));
    set_question(c->v, doc);
    set_all_left_out(p, json_object_get(doc, "question"));
    set_budget(c->v, doc);
    set_next(c, doc);
    pr_json_set(doc, "failures", failures(c->v, p));
    pr_json_set(doc, "history", history(c, ret));
}
