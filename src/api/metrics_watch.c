/* Metrics of the training, its checkpoints, and of proctor itself. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/counts.h"
#include "api/metrics_internal.h"

#define LOOK_BACK 8 /* checkpoints, for the newest that is graded completely */

/* ---- proctor itself ---- */

static enum pr_code build_info(struct pr_metrics *m)
{
    pr_metrics_sample(m, 1, "version", PR_VERSION, NULL);
    return PR_OK;
}

static enum pr_code owner_up(struct pr_metrics *m)
{
    pr_metrics_sample(m, m->x->live != NULL, NULL);
    return PR_OK;
}

static enum pr_code owner_start(struct pr_metrics *m)
{
    pr_metrics_sample(m, pr_metrics_time(pr_metrics_at(m->x->live, "owner.since")), NULL);
    return PR_OK;
}

static enum pr_code storage_paused(struct pr_metrics *m)
{
    const char *state = json_string_value(pr_metrics_at(m->x->live, "storage.state"));
    if (state)
        pr_metrics_sample(m, strcmp(state, "ok") != 0, NULL);
    return PR_OK;
}

static enum pr_code api_requests(struct pr_metrics *m)
{
    char code[12];
    for (int i = 0; i < PR_API_CODES; i++) {
        uint64_t n = pr_api_answers(i);
        snprintf(code, sizeof code, "%d", i);
        if (n)
            pr_metrics_sample(m, (double)n, "code", code, NULL);
    }
    return PR_OK;
}

static enum pr_code api_streams(struct pr_metrics *m)
{
    pr_metrics_sample(m, (double)pr_api_streams(), NULL);
    return PR_OK;
}

/* ---- training ---- */

static enum pr_code training_info(struct pr_metrics *m)
{
    const char *status = json_string_value(pr_metrics_at(m->state, "training.status"));
    if (status)
        pr_metrics_sample(m, 1, "status", status, "source",
            json_string_value(pr_metrics_at(m->state, "training.source")), NULL);
    return PR_OK;
}

static enum pr_code training_time(struct pr_metrics *m)
{
    pr_metrics_sample(m, pr_metrics_time(pr_metrics_at(m->state, "training.timestamp")), NULL);
    return PR_OK;
}

/* ---- checkpoints ---- */

static enum pr_code checkpoints(struct pr_metrics *m)
{
    static const enum pr_checkpoint_state states[] = {
        PR_CHECKPOINT_FOUND, PR_CHECKPOINT_READY, PR_CHECKPOINT_REFUSED, PR_CHECKPOINT_QUARANTINED};
    for (size_t s = 0; m->view && s < sizeof states / sizeof *states; s++) {
        size_t n = 0;
        for (size_t i = 0; i < m->view->n_checkpoints; i++)
            n += m->view->checkpoints[i].state == states[s];
        pr_metrics_sample(m, (double)n, "state", pr_checkpoint_state_name(states[s]), NULL);
    }
    return PR_OK;
}

static enum pr_code newest_step(struct pr_metrics *m)
{
    const struct pr_checkpoint_row *c = m->view ? pr_view_newest(m->view) : NULL;
    if (c && c->step >= 0)
        pr_metrics_sample(m, (double)c->step, NULL);
    return PR_OK;
}

/* How much of a checkpoint is graded. */
static enum pr_code count_graded(struct pr_metrics *m, const struct pr_checkpoint_row *c,
    const struct pr_suite_row *suite, size_t *ret_done, size_t *ret_all)
{
    int64_t settings = 0;
    *ret_done = 0;
    *ret_all = suite->n;
    enum pr_code code =
        pr_gradebook_settings(m->view->g, c->model, m->view->options, &settings, m->e);
    if (!code && settings)
        code =
            pr_gradebook_count(m->view->g, c->model, settings, suite->id, ret_done, ret_all, m->e);
    return code;
}

static enum pr_code newest_graded(struct pr_metrics *m)
{
    const struct pr_checkpoint_row *c = m->view ? pr_view_newest(m->view) : NULL;
    for (size_t i = 0; c && i < m->view->n_suites; i++) {
        size_t done, all;
        enum pr_code code = count_graded(m, c, &m->view->suites[i], &done, &all);
        if (code)
            return code;
        pr_metrics_sample(m, (double)done, "suite", m->view->suites[i].name, NULL);
    }
    return PR_OK;
}

static enum pr_code suite_examples(struct pr_metrics *m)
{
    for (size_t i = 0; m->view && i < m->view->n_suites; i++)
        pr_metrics_sample(m, (double)m->view->suites[i].n, "suite", m->view->suites[i].name, NULL);
    return PR_OK;
}

/* The newest checkpoint of which every example of the suite is graded: figures over a part of a
 * suite would be compared with those over the whole.  *ret NULL: none among the last few. */
static enum pr_code find_graded(struct pr_metrics *m, const struct pr_suite_row *suite,
    const struct pr_checkpoint_row **ret, const struct pr_grades **ret_grades)
{
    const struct pr_view *v = m->view;
    size_t looked = 0;
    *ret = NULL;
    for (size_t i = v->n_checkpoints; i-- && looked < LOOK_BACK;) {
        struct pr_view_grades g;
        size_t done, all;
        const struct pr_checkpoint_row *c = &v->checkpoints[i];
        if (c->state != PR_CHECKPOINT_READY || !c->model)
            continue;
        looked++;
        enum pr_code code = count_graded(m, c, suite, &done, &all);
        if (code)
            return code;
        if (!done || done < all)
            continue;
        if ((code = pr_view_grades(m->view, c, suite->id, &g, m->e)))
            return code;
        if (!g.grades)
            continue;
        *ret = c;
        *ret_grades = g.grades;
        return PR_OK;
    }
    return PR_OK;
}

/* [{"suite", "step", "figures": the document of `proctor eval`}] of every suite that such a
 * checkpoint is there for; made once. */
static enum pr_code make_graded(struct pr_metrics *m)
{
    m->graded = json_array();
    for (size_t i = 0; m->view && i < m->view->n_suites; i++) {
        const struct pr_checkpoint_row *c = NULL;
        const struct pr_grades *grades = NULL;
        struct pr_figures f = {0};
        enum pr_code code = find_graded(m, &m->view->suites[i], &c, &grades);
        if (!code && c)
            code = pr_figures_make(grades, &f, m->e);
        if (code)
            return code;
        if (!c)
            continue;
        json_t *o = json_object();
        pr_json_set_str(o, "suite", m->view->suites[i].name);
        if (c->step >= 0)
            pr_json_set_int(o, "step", c->step);
        pr_json_set(o, "figures", json_incref(f.document));
        json_array_append_new(m->graded, o);
        pr_figures_done(&f);
    }
    return PR_OK;
}

/* What stands at a path of each of them. */
static enum pr_code figure(struct pr_metrics *m, const char *path)
{
    const json_t *one;
    size_t i;
    enum pr_code code = m->graded ? PR_OK : make_graded(m);
    json_array_foreach (m->graded, i, one)
        pr_metrics_json(m, pr_metrics_at(one, path), 1, "suite",
            json_string_value(json_object_get(one, "suite")));
    return code;
}

static enum pr_code by_difficulty(struct pr_metrics *m, const char *key)
{
    const json_t *one;
    size_t i;
    enum pr_code code = m->graded ? PR_OK : make_graded(m);
    json_array_foreach (m->graded, i, one) {
        const char *suite = json_string_value(json_object_get(one, "suite")), *name;
        json_t *of;
        json_object_foreach (
            (json_t *)(uintptr_t)pr_metrics_at(one, "figures.by_difficulty"), name, of) {
            const json_t *v = json_object_get(of, key);
            if (json_is_number(v))
                pr_metrics_sample(
                    m, json_number_value(v), "suite", suite, "difficulty", name, NULL);
        }
    }
    return code;
}

#define OF(how, name, key)                                                                         \
    static enum pr_code name(struct pr_metrics *m)                                                 \
    {                                                                                              \
        return how(m, key);                                                                        \
    }
OF(figure, graded_step, "step")
OF(figure, graded_accuracy, "figures.accuracy")
OF(figure, graded_loss, "figures.loss_mean_per_example")
OF(figure, graded_ece, "figures.ece")
OF(by_difficulty, difficulty_accuracy, "accuracy")
OF(by_difficulty, difficulty_loss, "loss_mean_per_example")
#undef OF

/* ---- what systems found ---- */

static enum pr_code best_score(struct pr_metrics *m)
{
    pr_metrics_json(
        m, pr_metrics_at(pr_metrics_finding(m, "model-comparison"), "best.score"), 1, NULL, NULL);
    return PR_OK;
}

static enum pr_code best_step(struct pr_metrics *m)
{
    pr_metrics_json(
        m, pr_metrics_at(pr_metrics_finding(m, "model-comparison"), "best.step"), 1, NULL, NULL);
    return PR_OK;
}

static enum pr_code regression_level(struct pr_metrics *m)
{
    static const char *const levels[] = {"ok", "warning", "critical"};
    const char *level = json_string_value(
        json_object_get(pr_metrics_finding(m, "regression-monitor"), "alert_level"));
    for (int i = 0; level && i < 3; i++)
        if (!strcmp(level, levels[i]))
            pr_metrics_sample(m, i, NULL);
    return PR_OK;
}

static enum pr_code regression_increase(struct pr_metrics *m)
{
    pr_metrics_json(m,
        json_object_get(pr_metrics_finding(m, "regression-monitor"), "increase_percent"), 0.01,
        NULL, NULL);
    return PR_OK;
}

static enum pr_code alerts_open(struct pr_metrics *m)
{
    struct pr_alert *v = NULL;
    size_t n = 0, counts[3] = {0};
    if (!m->x->g)
        return PR_OK;
    enum pr_code code = pr_gradebook_alerts(m->x->g, true, 1000000, &v, &n, m->e);
    if (code)
        return code;
    for (size_t i = 0; i < n; i++)
        counts[v[i].level]++;
    pr_alerts_free(v, n);
    for (int i = PR_ALERT_INFO; i <= PR_ALERT_CRITICAL; i++)
        pr_metrics_sample(
            m, (double)counts[i], "level", pr_alert_level_name((enum pr_alert_level)i), NULL);
    return PR_OK;
}

/* Of a system: when it last ran; does it run here; did its last run fail. */
static enum pr_code of_systems(struct pr_metrics *m, const char *key)
{
    const json_t *one;
    size_t i;
    json_array_foreach (json_object_get(m->state, "systems"), i, one) {
        const char *name = json_string_value(json_object_get(one, "name"));
        const json_t *v = json_object_get(one, key);
        bool active = json_is_true(json_object_get(one, "active"));
        if (!strcmp(key, "last_run"))
            pr_metrics_sample(m, pr_metrics_time(v), "system", name, NULL);
        else if (!strcmp(key, "active"))
            pr_metrics_sample(m, active, "system", name, NULL);
        else if (active) /* nobody knows of one that does not run here */
            pr_metrics_sample(m, json_is_string(v), "system", name, NULL);
    }
    return PR_OK;
}

static enum pr_code system_last_run(struct pr_metrics *m)
{
    return of_systems(m, "last_run");
}

static enum pr_code system_active(struct pr_metrics *m)
{
    return of_systems(m, "active");
}

static enum pr_code system_failing(struct pr_metrics *m)
{
    return of_systems(m, "error");
}

/* ---- grading ---- */

static enum pr_code tokens(struct pr_metrics *m)
{
    static const char *const kinds[] = {"prefilled", "generated"};
    for (int i = 0; i < 2; i++)
        pr_metrics_json(m, json_object_get(json_object_get(m->x->live, "tokens"), kinds[i]), 1,
            "kind", kinds[i]);
    return PR_OK;
}

#define GAUGE   "gauge"
#define COUNTER "counter"
const struct pr_metric pr_metrics_watch[] = {
    {"proctor_build_info", GAUGE, "version", "1; which proctor this is", build_info},
    {"proctor_owner_up", GAUGE, "", "1 while a proctor owns the base folder and answers", owner_up},
    {"proctor_owner_start_time_seconds", GAUGE, "", "when that owner started, since 1970",
        owner_start},
    {"proctor_storage_paused", GAUGE, "", "1 while nothing is stored because the disk is full",
        storage_paused},
    {"proctor_api_requests_total", COUNTER, "code",
        "requests answered by this process, by HTTP status", api_requests},
    {"proctor_api_event_streams", GAUGE, "", "clients that listen to /api/events", api_streams},
    {"proctor_training_info", GAUGE, "status, source", "1; what the training does, and who says so",
        training_info},
    {"proctor_training_step", GAUGE, "", "optimizer steps done", NULL, "training.current_step", 1},
    {"proctor_training_steps_planned", GAUGE, "", "optimizer steps planned", NULL,
        "training.total_steps", 1},
    {"proctor_training_epoch", GAUGE, "", "epochs done", NULL, "training.epoch", 1},
    {"proctor_training_loss", GAUGE, "", "the trainer's last loss", NULL, "training.loss", 1},
    {"proctor_training_eval_loss", GAUGE, "", "the trainer's last loss of its own evaluation", NULL,
        "training.eval_loss", 1},
    {"proctor_training_learning_rate", GAUGE, "", "its last learning rate", NULL,
        "training.learning_rate", 1},
    {"proctor_training_grad_norm", GAUGE, "", "its last norm of the gradient", NULL,
        "training.grad_norm", 1},
    {"proctor_training_tokens_per_second", GAUGE, "", "tokens that it trains on in a second", NULL,
        "training.tokens_per_second", 1},
    {"proctor_training_steps_per_second", GAUGE, "", "steps that it does in a second", NULL,
        "training.steps_per_second", 1},
    {"proctor_training_eta_seconds", GAUGE, "", "seconds until its last step", NULL,
        "training.eta_seconds", 1},
    {"proctor_training_updated_timestamp_seconds", GAUGE, "",
        "when the trainer last said anything, since 1970", training_time},
    {"proctor_checkpoints", GAUGE, "state", "checkpoints that are there", checkpoints},
    {"proctor_checkpoint_newest_step", GAUGE, "", "step of the newest checkpoint that can be used",
        newest_step},
    {"proctor_checkpoint_newest_graded_examples", GAUGE, "suite",
        "examples of the suite that are graded of it", newest_graded},
    {"proctor_suite_examples", GAUGE, "suite", "examples of the suite as it is now",
        suite_examples},
    {"proctor_graded_step", GAUGE, "suite",
        "step of the newest checkpoint that is graded on all of the suite", graded_step},
    {"proctor_graded_accuracy_ratio", GAUGE, "suite", "right answers of that checkpoint, 0 to 1",
        graded_accuracy},
    {"proctor_graded_loss", GAUGE, "suite", "its mean over examples of the loss in nats a token",
        graded_loss},
    {"proctor_graded_ece_ratio", GAUGE, "suite", "its expected calibration error, 0 to 1",
        graded_ece},
    {"proctor_graded_difficulty_accuracy_ratio", GAUGE, "suite, difficulty",
        "right answers of that checkpoint by difficulty, 0 to 1", difficulty_accuracy},
    {"proctor_graded_difficulty_loss", GAUGE, "suite, difficulty",
        "its mean loss in nats a token by difficulty", difficulty_loss},
    {"proctor_best_score", GAUGE, "", "score of the best checkpoint, 0 to 1", best_score},
    {"proctor_best_step", GAUGE, "", "step of the best checkpoint", best_step},
    {"proctor_regression_level", GAUGE, "",
        "verdict on the newest checkpoint: 0 ok, 1 warning, 2 critical", regression_level},
    {"proctor_regression_loss_increase_ratio", GAUGE, "",
        "its loss against the baseline's: 0.1 is 10 % more", regression_increase},
    {"proctor_alerts_open", GAUGE, "level", "alerts that are open", alerts_open},
    {"proctor_grading_queue_checkpoints", GAUGE, "", "checkpoints that wait to be graded", NULL,
        "live.wanted", 1},
    {"proctor_tokens_computed_total", COUNTER, "kind",
        "tokens that went through a model for grading, since the owner started", tokens},
    {"proctor_tokens_shared_total", COUNTER, "",
        "tokens that did not have to, since prompts share a beginning", NULL, "live.tokens.shared",
        1},
    {"proctor_examples_graded_total", COUNTER, "", "examples graded since the owner started", NULL,
        "live.tokens.examples", 1},
    {"proctor_system_active", GAUGE, "system", "1 where the system runs here", system_active},
    {"proctor_system_last_run_timestamp_seconds", GAUGE, "system",
        "when its last finding was made, since 1970", system_last_run},
    {"proctor_system_failing", GAUGE, "system", "1 where its last run failed", system_failing},
    {"proctor_gradebook_size_bytes", GAUGE, "", "size of proctor.db", NULL, "gradebook.bytes", 1},
    {"proctor_gradebook_wal_bytes", GAUGE, "", "size of its write-ahead log", NULL,
        "gradebook.wal_bytes", 1},
    {"proctor_gradebook_grades", GAUGE, "", "grades in the gradebook", NULL, "gradebook.grades", 1},
    {NULL},
};
