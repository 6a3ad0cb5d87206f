/* The gate: a table of checks.  To add one: its function and its line. */
#include "deploy/gate.h"

#include <string.h>

#include "base/str.h"
#include "deploy/weighed.h"

#define MAX_FAILED 5 /* times in a row of one fingerprint */

struct judging {
    const struct pr_gate *g;
    const json_t *promotion, *current; /* current: what is deployed; no object: nothing */
    const char *fingerprint;           /* of the candidate */
    const char *deployed;              /* fingerprint of what is deployed; NULL: none is known */
    const json_t *against;             /* the comparison with that; NULL */
    struct pr_str why;
    json_t *figures;
};

static bool fail(struct judging *j, const char *why)
{
    pr_str_puts(&j->why, why);
    return false;
}

static void figure(struct judging *j, const char *key, const json_t *v)
{
    if (v)
        json_object_set(j->figures, key, (json_t *)(uintptr_t)v);
}

static bool is_regressed(const struct judging *j)
{
    const json_t *list = json_object_get(j->g->regression, "checkpoints"), *x;
    const char *name = pr_json_text(j->promotion, "candidate"), *level;
    int64_t step = json_integer_value(json_object_get(j->promotion, "step"));
    size_t i;
    json_array_foreach (list, i, x) {
        const char *own = pr_json_text(x, "checkpoint");
        if (own && name && !strcmp(own, name) &&
            json_integer_value(json_object_get(x, "step")) == step &&
            (level = pr_json_text(x, "level")) && !strcmp(level, "critical"))
            return true;
    }
    return false;
}

static bool not_regressed(struct judging *j)
{
    const char *level = pr_json_text(j->promotion, "level");
    figure(j, "level", json_object_get(j->promotion, "level"));
    if ((level && !strcmp(level, "critical")) || is_regressed(j))
        return fail(j, "the regression monitor calls it critical");
    if (!level && json_is_object(j->current))
        return fail(j, "the regression monitor has not judged it yet");
    return true;
}

static bool is_new(struct judging *j)
{
    if (j->deployed && !strcmp(j->deployed, j->fingerprint))
        return fail(j, "it is deployed already");
    return true;
}

static bool is(const json_t *o, const char *key, const char *text)
{
    const char *own = pr_json_text(o, key);
    return own && !strcmp(own, text);
}

/* A fingerprint that failed its probe, or that somebody went back from, is not tried again by
 * itself.  The newest word counts. */
static bool not_rolled_back(struct judging *j)
{
    const json_t *x;
    size_t i;
    json_array_foreach (json_object_get(j->g->status, "history"), i, x) {
        const char *reason = pr_json_text(x, "reason");
        bool own = is(x, "fingerprint", j->fingerprint), done = is(x, "step", "done");
        if (done && is(x, "by", "rollback") && is(x, "previous_fingerprint", j->fingerprint)) {
            figure(j, "rolled_back_at", json_object_get(x, "ended_at"));
            return fail(j, "`proctor rollback` went back from it; `proctor deploy --force` tries "
                           "it again");
        }
        if (own && done)
            return true;
        if (own && (is(x, "step", "rolled_back") || is(x, "step", "rolling_back"))) {
            figure(j, "rolled_back_at", json_object_get(x, "ended_at"));
            pr_str_printf(&j->why,
                "it was rolled back (%.200s); `proctor deploy --force` tries it again",
                reason ? reason : "no reason is known");
            return false;
        }
    }
    return true;
}

/* Copying and verifying may fail for what passes (a full disk); after some times it is no news. */
static bool not_failing(struct judging *j)
{
    const json_t *x;
    const char *why = NULL;
    size_t i;
    int n = 0;
    json_array_foreach (json_object_get(j->g->status, "history"), i, x) {
        const char *reason = pr_json_text(x, "reason");
        if (!is(x, "fingerprint", j->fingerprint))
            continue;
        if (!is(x, "step", "failed"))
            break;
        if (reason && !strncmp(reason, PR_DEPLOY_INTERRUPTED, strlen(PR_DEPLOY_INTERRUPTED)))
            continue;
        why = why ? why : reason;
        n++;
    }
    pr_json_set_int(j->figures, "failed", n);
    if (n < MAX_FAILED)
        return true;
    pr_str_printf(&j->why,
        "it could not be deployed %d times (%.200s); `proctor deploy --force` tries it again", n,
        why ? why : "no reason is known");
    return false;
}

static bool enough_evidence(struct judging *j)
{
    int64_t n = json_integer_value(json_object_get(j->promotion, "n_confirm"));
    figure(j, "n_choose", json_object_get(j->promotion, "n_choose"));
    figure(j, "n_confirm", json_object_get(j->promotion, "n_confirm"));
    pr_json_set_int(j->figures, "min_examples", j->g->settings->min_examples);
    if (n >= j->g->settings->min_examples)
        return true;
    pr_str_printf(&j->why, "%lld examples confirm, and deploy.min_examples is %lld", (long long)n,
        (long long)j->g->settings->min_examples);
    return false;
}

static bool is_better(struct judging *j)
{
    const json_t *confirm = json_object_get(j->against, "confirm");
    const json_t *p = json_object_get(confirm, "p"), *d = json_object_get(confirm, "difference");
    if (!j->deployed && json_is_object(j->current)) {
        const char *why = pr_json_text(j->current, "fingerprint_reason");
        pr_str_printf(&j->why,
            "what is deployed cannot be told, so that they cannot be compared (%.300s); `proctor "
            "deploy --force` replaces it",
            why ? why : "it has no fingerprint");
        return false;
    }
    if (!j->deployed)
        return true;
    if (!j->against)
        return fail(j,
            "model comparison does not know what is deployed, so that they cannot be compared: it "
            "was never graded on the present suite under the present settings; put it into "
            "models.current, or `proctor deploy --force` replaces it");
    figure(j, "choose", json_object_get(j->against, "choose"));
    figure(j, "confirm", confirm);
    const json_t *weighed = json_object_get(j->g->status, "weighed");
    size_t k = pr_weighed_rank(weighed, j->deployed, j->fingerprint);
    double share = pr_weighed_share(j->g->settings->error_rate, k);
    pr_json_set_real(j->figures, "error_rate", j->g->settings->error_rate, NULL);
    pr_json_set_int(j->figures, "attempt", (int64_t)k);
    pr_json_set_real(j->figures, "p_below", share, NULL);
    if (!json_is_number(p) || !json_is_number(d))
        return fail(j, "how far it is better is not known on the confirming examples");
    if (json_number_value(d) > 0 && json_number_value(p) < share)
        return true;
    pr_str_printf(&j->why,
        "it is no more than tied with what is deployed on the confirming examples "
        "(difference %+.4f, p %.3g; attempt %zu against it, so that p must be below %.3g)",
        json_number_value(d), json_number_value(p), k, share);
    return false;
}

static bool nothing_collapsed(struct judging *j)
{
    const json_t *list = json_object_get(j->against, "collapsed"), *x = json_array_get(list, 0);
    if (!x)
        return true;
    figure(j, "collapsed", list);
    const char *by = pr_json_text(x, "by"), *name = pr_json_text(x, "name");
    pr_str_printf(&j->why, "%s %.60s has collapsed: %.1f %% are right, %.1f %% were",
        by ? by : "group", name ? name : "?", 100 * json_number_value(json_object_get(x, "now")),
        100 * json_number_value(json_object_get(x, "was")));
    return false;
}

static bool enough_steps(struct judging *j)
{
    const json_t *x, *now = json_object_get(j->promotion, "step"), *was = NULL;
    const char *run = pr_json_text(j->promotion, "run"), *run_was = NULL;
    size_t i;
    if (!j->deployed || j->g->settings->min_steps <= 0)
        return true;
    json_array_foreach (json_object_get(j->g->status, "history"), i, x) {
        const char *own = pr_json_text(x, "fingerprint");
        if (!was && own && !strcmp(own, j->deployed) &&
            json_is_integer(json_object_get(x, "run_step"))) {
            was = json_object_get(x, "run_step");
            run_was = pr_json_text(x, "run");
        }
    }
    if (was && json_integer_value(was) < 0) /* as a journal may say for "not known" */
        was = NULL;
    if (run_was && !*run_was)
        run_was = NULL;
    if (!was)
        was = json_object_get(j->against, "step");
    if (!run_was)
        run_was = pr_json_text(j->against, "run");
    figure(j, "step", now);
    figure(j, "deployed_step", was);
    pr_json_set_int(j->figures, "min_steps", j->g->settings->min_steps);
    if (!json_is_integer(now) || !json_is_integer(was) || (run && run_was && strcmp(run, run_was)))
        return true; /* another run counts its own steps */
    int64_t steps = json_integer_value(now) - json_integer_value(was);
    if (steps >= j->g->settings->min_steps)
        return true;
    pr_str_printf(&j->why, "%lld steps after what is deployed, and deploy.min_steps is %lld",
        (long long)steps, (long long)j->g->settings->min_steps);
    return false;
}

static const struct {
    const char *name;
    bool (*passes)(struct judging *j);
} checks[] = {
    {"not_regressed", not_regressed},
    {"not_deployed_already", is_new},
    {"not_rolled_back_before", not_rolled_back},
    {"not_failing", not_failing},
    {"enough_evidence", enough_evidence},
    {"better_than_deployed", is_better},
    {"nothing_collapsed", nothing_collapsed},
    {"enough_steps", enough_steps},
};

static void find_deployed(struct judging *j)
{
    const json_t *x;
    size_t i;
    j->current = json_object_get(j->g->status, "current");
    j->deployed = pr_json_text(j->current, "fingerprint");
    json_array_foreach (json_object_get(j->promotion, "against"), i, x) {
        const char *own = pr_json_text(x, "fingerprint");
        if (own && j->deployed && !strcmp(own, j->deployed))
            j->against = x;
    }
}

static json_t *candidate_json(const struct judging *j)
{
    static const char *const keys[] = {
        "fingerprint", "path", "step", "run", "level", "score_choose", "score_confirm"};
    json_t *o = json_object();
    json_object_set(o, "checkpoint", json_object_get(j->promotion, "candidate"));
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        json_object_set(o, keys[i], json_object_get(j->promotion, keys[i]));
    return o;
}

static json_t *held(const char *why)
{
    json_t *o = json_object();
    pr_json_set_str(o, "verdict", "hold");
    pr_json_set_null(o, "candidate", why);
    pr_json_set_str(o, "why", why);
    pr_json_set(o, "checks", json_array());
    return o;
}

json_t *pr_gate_judge(const struct pr_gate *g)
{
    struct judging j = {.g = g, .promotion = json_object_get(g->comparison, "promotion")};
    const char *reason = pr_json_text(j.promotion, "candidate_reason"), *first = NULL;
    j.fingerprint = pr_json_text(j.promotion, "fingerprint");
    if (!json_is_object(j.promotion))
        return held("model comparison has not ranked anything yet");
    if (!pr_json_text(j.promotion, "candidate") || !j.fingerprint)
        return held(reason ? reason : "there is no candidate");
    find_deployed(&j);
    json_t *o = json_object(), *list = json_array();
    pr_json_set_str(o, "verdict", "hold");
    pr_json_set(o, "candidate", candidate_json(&j));
    pr_json_set_null(o, "why", NULL);
    json_object_del(o, "why_reason");
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        json_t *x = json_object();
        j.figures = json_object();
        j.why = PR_STR_INIT(1000);
        bool passed = checks[i].passes(&j);
        pr_json_set_str(x, "name", checks[i].name);
        pr_json_set_bool(x, "passed", passed);
        pr_json_set_str(x, "why", passed ? NULL : pr_str_cstr(&j.why));
        pr_json_set(x, "figures", j.figures);
        if (!passed && !first) {
            first = checks[i].name;
            pr_json_set_str(o, "why", pr_str_cstr(&j.why));
        }
        pr_str_done(&j.why);
        json_array_append_new(list, x);
    }
    pr_json_set_str(o, "verdict", first ? "hold" : "deploy");
    json_t *choose = json_object_get(j.against, "choose"),
           *confirm = json_object_get(j.against, "confirm");
    pr_json_set(o, "choose", choose ? json_incref(choose) : json_null());
    pr_json_set(o, "confirm", confirm ? json_incref(confirm) : json_null());
    pr_json_set(o, "checks", list);
    return o;
}
