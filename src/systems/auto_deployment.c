/* Auto-deployment: the candidate of model comparison becomes what a server serves, when the gate
 * lets it.  `run` says under which options grades are read; all else is `act`'s, which may copy,
 * wait for a server, and roll back. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "deploy/expect.h"
#include "deploy/gate.h"
#include "deploy/source.h"
#include "deploy/weighed.h"
#include "systems/auto_deployment.h"
#include "systems/deploy_settings.h"
#include "systems/system.h"

#define SYSTEM PR_AUTO_DEPLOYMENT

struct errand {
    char options[65];
    int64_t now_ms;
};

static enum pr_code plan(struct pr_view *v, struct pr_needs *ret, struct pr_error *e)
{
    (void)v;
    (void)ret;
    (void)e;
    return PR_OK;
}

static enum pr_code run(struct pr_view *v, struct pr_findings *ret, struct pr_error *e)
{
    static const char unset[] =
        "deploy.target is not set in proctor.yaml: nothing is deployed (docs/deploy.md)";
    (void)e;
    if (!v->move || !v->move->deploy || !v->move->deploy->target) {
        ret->waiting = pr_strdup(unset);
        ret->status = pr_deploy_no_document(unset);
        return PR_OK;
    }
    struct errand *x = pr_zalloc(sizeof *x);
    snprintf(x->options, sizeof x->options, "%s", v->options ? v->options : "");
    x->now_ms = v->now_ms;
    ret->status = json_object();
    ret->errand = x;
    ret->errand_free = pr_free;
    return PR_OK;
}

/* ---- acting ---- */

struct acting {
    const struct pr_move *m;
    const struct pr_deploy_settings *s;
    const struct errand *errand;
    struct pr_findings *f;
    struct pr_gradebook *g;
    struct pr_deploy_call call;
    struct pr_suite *suite; /* to compute answers from */
    json_t *gate;
};

static void tell_step(void *ctx, const char *step, const char *version)
{
    struct acting *a = ctx;
    json_t *status = NULL;
    struct pr_error e;
    if (!a->m->tell || pr_deploy_status(a->s, &status, &e))
        return;
    json_t *doc = pr_deploy_document(status, a->gate), *now = json_object();
    pr_json_set_str(now, "step", step);
    pr_json_set_str(now, "version", version);
    pr_json_set(doc, "under_way", now);
    a->m->tell(a->m->ctx, doc);
    json_decref(doc);
    json_decref(status);
}

static enum pr_code compute(void *ctx, const char *dir, json_t **ret, struct pr_error *e)
{
    const struct acting *a = ctx;
    return a->suite ? pr_expect_compute(dir, a->s, a->suite, a->m->stop, ret, e)
                    : (*ret = json_array(), PR_OK);
}

static void decide(struct acting *a, const struct pr_deploy_candidate *c,
    const struct pr_deploy_outcome *o, const json_t *status)
{
    static const char *const verdicts[] = {[PR_DEPLOY_END_DONE] = "deployed",
        [PR_DEPLOY_END_FAILED] = "failed",
        [PR_DEPLOY_END_ROLLED_BACK] = "rolled_back",
        [PR_DEPLOY_END_BROKEN] = "rolled_back"};
    const json_t *last = json_array_get(json_object_get(status, "history"), 0);
    json_t *evidence = json_object();
    if (o->end == PR_DEPLOY_END_ALREADY)
        return json_decref(evidence);
    pr_json_set_str(evidence, "checkpoint", c->name);
    pr_json_set_str(evidence, "fingerprint", c->fingerprint);
    pr_json_set_str(evidence, "target", a->s->target);
    pr_json_set_str(evidence, "reason", *o->reason ? o->reason : NULL);
    pr_json_set(evidence, "gate", json_deep_copy(a->gate));
    if (json_object_get(last, "probe"))
        pr_json_set(evidence, "probe", json_deep_copy(json_object_get(last, "probe")));
    pr_findings_decide(
        a->f, SYSTEM, "deployment", c->id, 0, verdicts[o->end], 0, evidence, a->errand->now_ms);
}

/* Is the last one in the gradebook that which ended then? */
static bool is_noted(struct pr_gradebook *g, const char *ended_at)
{
    const struct pr_decision_filter mine = {.system = SYSTEM, .kind = "deployment", .limit = 1};
    struct pr_decision *v = NULL;
    struct pr_error ignored;
    size_t n = 0;
    if (pr_gradebook_decisions(g, &mine, &v, &n, &ignored))
        return true;
    const char *own = n ? pr_json_text(v->evidence, "ended_at") : NULL;
    bool noted = own && !strcmp(own, ended_at);
    pr_decisions_free(v, n);
    return noted;
}

/* `proctor deploy` and `proctor rollback` write in the journal alone: the gradebook, which knows
 * every deployment, has it from here. */
static void note_by_hand(struct acting *a, const json_t *status)
{
    const json_t *last = json_array_get(json_object_get(status, "history"), 0);
    const char *step = pr_json_text(last, "step"), *by = pr_json_text(last, "by"),
               *fingerprint = pr_json_text(last, "fingerprint"),
               *ended_at = pr_json_text(last, "ended_at");
    if (!step || strcmp(step, "done") != 0 || !by || !strcmp(by, SYSTEM) || !fingerprint ||
        !ended_at)
        return;
    int64_t id = pr_deploy_row(a->g, fingerprint);
    if (!id || is_noted(a->g, ended_at))
        return;
    static const char *const keys[] = {"checkpoint", "fingerprint", "ended_at", "by", "probe"};
    json_t *evidence = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (json_object_get(last, keys[i]))
            json_object_set(evidence, keys[i], json_object_get(last, keys[i]));
    pr_json_set_str(evidence, "target", a->s->target);
    pr_json_set_str(evidence, "reason", "by hand");
    pr_findings_decide(
        a->f, SYSTEM, "deployment", id, 0, "deployed", 0, evidence, a->errand->now_ms);
}

/* The gate lets it. */
static enum pr_code deploy(struct acting *a, struct pr_error *e)
{
    const json_t *x = json_object_get(a->gate, "candidate");
    const char *fingerprint = json_string_value(json_object_get(x, "fingerprint"));
    struct pr_deploy_candidate c;
    struct pr_deploy_outcome out;
    json_t *questions = NULL, *status = NULL;
    enum pr_code code =
        pr_deploy_find(a->g, a->s, json_string_value(json_object_get(x, "checkpoint")),
            json_string_value(json_object_get(x, "path")), fingerprint, &c, e);
    if (code == PR_E_NOT_FOUND) {
        a->f->waiting = pr_strdup(e->message);
        return PR_OK;
    }
    if (code)
        return code;
    code =
        pr_deploy_questions(a->g, a->s, a->errand->options, fingerprint, &questions, &a->suite, e);
    if (!code && questions)
        code = pr_expect_shape(c.path, a->s, questions, e);
    json_t *more = pr_deploy_more(a->gate, &c, SYSTEM);
    const struct pr_deploy_wanted wanted = {.from = c.path,
        .checkpoint = c.name,
        .fingerprint = c.fingerprint,
        .questions = questions,
        .ask = compute,
        .ask_ctx = a,
        .more = more};
    if (!code)
        code = pr_deploy_run(&a->call, &wanted, &out, e);
    if (!code && !(code = pr_deploy_status(a->s, &status, e)))
        decide(a, &c, &out, status);
    json_decref(status);
    json_decref(more);
    json_decref(questions);
    pr_deploy_candidate_done(&c);
    return code;
}

/* What the journal says last, while it does. */
static void alert(struct acting *a, const json_t *status)
{
    const json_t *last = json_array_get(json_object_get(status, "history"), 0);
    const char *step = json_string_value(json_object_get(last, "step"));
    const char *reason = json_string_value(json_object_get(last, "reason"));
    const char *name = json_string_value(json_object_get(last, "checkpoint"));
    if (!step || !reason)
        return;
    if (!strcmp(step, "rolled_back") || !strcmp(step, "rolling_back"))
        pr_findings_alert(a->f, "rolled-back", 0, PR_ALERT_CRITICAL,
            "the deployment of %.100s was rolled back: %s", name ? name : "?", reason);
    else if (!strcmp(step, "failed") &&
             strncmp(reason, PR_DEPLOY_INTERRUPTED, strlen(PR_DEPLOY_INTERRUPTED)) != 0)
        pr_findings_alert(a->f, "not-deployed", 0, PR_ALERT_CRITICAL,
            "%.100s could not be deployed: %s", name ? name : "?", reason);
}

static enum pr_code judge(struct acting *a, struct pr_error *e)
{
    struct pr_deploy_documents d;
    json_t *status = NULL;
    enum pr_code code = pr_deploy_documents_read(a->s, a->m->base_dir, a->m->stop, &d, e);
    if (code)
        return code;
    code = pr_deploy_status(a->s, &status, e);
    if (!code) {
        const struct pr_gate gate = {d.comparison, d.regression, status, a->s};
        a->gate = pr_gate_judge(&gate);
        code = pr_weighed_note(a->s, status, a->gate, e);
    }
    json_decref(status);
    pr_deploy_documents_done(&d);
    return code;
}

static enum pr_code work(struct acting *a, struct pr_error *e)
{
    struct pr_deploy_outcome out;
    bool found;
    enum pr_code code = pr_deploy_recover(&a->call, &found, &out, e);
    if (!code)
        code = judge(a, e);
    const char *verdict = json_string_value(json_object_get(a->gate, "verdict"));
    if (!code && verdict && !strcmp(verdict, "deploy"))
        code = deploy(a, e);
    else if (!code && json_is_null(json_object_get(a->gate, "candidate")))
        a->f->waiting = pr_strdup(json_string_value(json_object_get(a->gate, "why")));
    return code;
}

static void close_all(struct acting *a)
{
    pr_gradebook_close(a->g);
    pr_suite_free(a->suite);
    json_decref(a->gate);
}

/* What went wrong before the journal could say so: shown, and tried again at the next run. */
static void show_trouble(struct acting *a, enum pr_code code, const struct pr_error *why)
{
    if (!code)
        return;
    pr_free(a->f->waiting);
    a->f->waiting = pr_strdup(why->message);
    if (code == PR_E_IO && why->sys_errno)
        pr_findings_alert(
            a->f, "target", 0, PR_ALERT_CRITICAL, "nothing can be deployed: %s", why->message);
}

static void show(struct acting *a)
{
    struct pr_error why;
    json_t *status = NULL;
    bool known = !pr_deploy_status(a->s, &status, &why);
    json_decref(a->f->status);
    a->f->status = known ? pr_deploy_document(status, a->gate) : pr_deploy_no_document(why.message);
    if (known) {
        alert(a, status);
        note_by_hand(a, status);
    }
    json_decref(status);
}

static enum pr_code act(const struct pr_move *m, struct pr_findings *f, struct pr_error *e)
{
    struct acting a = {.m = m, .s = m->deploy, .errand = f->errand, .f = f};
    if (!a.errand) /* nothing is configured */
        return PR_OK;
    a.call =
        (struct pr_deploy_call){.settings = a.s, .stop = m->stop, .step = tell_step, .ctx = &a};
    char *book = pr_path_join(m->base_dir, "proctor.db");
    enum pr_code code = pr_gradebook_open(book, PR_GRADEBOOK_READ, &a.g, e);
    pr_free(book);
    if (code)
        return code;
    struct pr_error why = {0};
    code = work(&a, &why);
    if (code == PR_E_CANCELLED) {
        code = pr_fail(e, code, "%s", why.message);
    } else {
        show_trouble(&a, code, &why);
        show(&a);
        code = PR_OK;
    }
    close_all(&a);
    return code;
}

static const struct pr_system_option options[] = {
    {"target", "deploy.target", "FOLDER",
        "what the best checkpoint is brought to: a symbolic link, or a folder, that a server "
        "loads"},
};

const struct pr_system pr_system_auto_deployment = {
    .name = SYSTEM,
    .status_file = "last_deployment.json",
    .summary = "serve the best checkpoint, and go back by itself when that fails",
    .about =
        "Takes the candidate of model comparison, asks a gate (not regressed, better than what is "
        "deployed on examples that took no part in choosing it, nothing collapsed, enough "
        "evidence), copies it to a version beside the target, verifies it, swaps the target, has "
        "the server load it and probes that it answers like the graded checkpoint. What fails "
        "after the swap is rolled back. `proctor deploy` and `proctor rollback` do it by hand.",
    .roles = PR_ROLE_TRAINING,
    .interval_s = 600,
    .needs = "deploy.target",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .plan = plan,
    .run = run,
    .act = act,
};
