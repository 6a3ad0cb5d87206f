/* Answers that a command of the user's decides about.  The grader may not start programs; a thread
 * of the supervisor asks the judge, and the grade is stored when it has spoken. */
#include <string.h>

#include "daemon/supervisor_internal.h"
#include "exam/checks.h"

/* The judges' processes, which the thread may hold longer than the supervisor lives. */
struct pr_sv_judges {
    struct pr_judges *judges; /* touched by tasks, which come one after the other */
    int refs;                 /* atomic: the supervisor's and the tasks' */
};

struct judging {
    struct pr_sv_task task; /* first */
    struct pr_supervisor *s;
    struct pr_sv_judges *judges;
    int64_t order, model, settings;
    char digest[65];
    char *line; /* the example, packed; NULL: only let the judges go */
    struct pr_grade grade;
};

static void unref(struct pr_sv_judges *j)
{
    if (!j || __atomic_sub_fetch(&j->refs, 1, __ATOMIC_ACQ_REL))
        return;
    pr_judges_free(j->judges);
    pr_free(j);
}

static char *copy_text(const char *text)
{
    return text ? pr_strdup(text) : NULL;
}

static void copy_grade(const struct pr_grade *g, struct pr_grade *ret)
{
    *ret = *g;
    ret->example = NULL;
    ret->reason = copy_text(g->reason);
    ret->loss_reason = copy_text(g->loss_reason);
    ret->correct_reason = copy_text(g->correct_reason);
    /* With the NULs that an answer may hold. */
    ret->answer = g->answer ? memcpy(pr_zalloc(g->answer_len + 1), g->answer, g->answer_len) : NULL;
    ret->output = g->output ? memcpy(pr_zalloc(g->output_len + 1), g->output, g->output_len) : NULL;
    ret->choices = NULL; /* an example with choices is not judged */
    ret->n_choices = 0;
}

static void decide(struct judging *j, const struct pr_suite *suite)
{
    bool right = false;
    struct pr_error e;
    const struct pr_answer a = {.example = &suite->v[0],
        .text = {j->grade.answer, j->grade.answer_len},
        .judges = j->judges->judges};
    if (pr_check_decide(&a, &right, &e))
        j->grade.correct_reason = pr_strdup(e.message);
    else
        j->grade.correct = right ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG;
}

static void work(struct pr_sv_task *t)
{
    struct judging *j = (struct judging *)t;
    struct pr_suite *suite;
    struct pr_error e;
    const char *const lines[1] = {j->line};
    if (!j->line) {
        pr_judges_free(j->judges->judges);
        j->judges->judges = NULL;
        return;
    }
    if (!j->judges->judges)
        j->judges->judges = pr_judges_new();
    pr_free(j->grade.correct_reason);
    j->grade.correct_reason = NULL;
    if (pr_suite_from_lines("judged", lines, 1, true, &suite, &e)) {
        j->grade.correct_reason = pr_strdup(e.message);
        return;
    }
    decide(j, suite);
    pr_suite_free(suite);
}

static void done(struct pr_sv_task *t)
{
    struct judging *j = (struct judging *)t;
    struct pr_supervisor *s = j->s;
    struct pr_error e;
    if (!j->line)
        return;
    s->n_judging--;
    bool stored = pr_sv_store_grade(s, j->model, j->settings, j->digest, &j->grade, &e);
    struct pr_sv_order *o = pr_sv_find_order(s, j->order);
    if (o) {
        o->n_judging--;
        o->n_stored += stored;
        pr_sv_settle_orders(s);
    }
    if (!s->n_judging)
        pr_sv_plan_soon(s, 0);
    pr_sv_turn_over(s);
}

static void free_task(struct pr_sv_task *t)
{
    struct judging *j = (struct judging *)t;
    pr_grade_done(&j->grade);
    pr_free(j->line);
    unref(j->judges);
    pr_free(j);
}

static struct judging *new_task(struct pr_supervisor *s)
{
    struct judging *j = pr_zalloc(sizeof *j);
    if (!s->judges) {
        s->judges = pr_zalloc(sizeof *s->judges);
        s->judges->refs = 1;
    }
    __atomic_add_fetch(&s->judges->refs, 1, __ATOMIC_ACQ_REL);
    j->task = (struct pr_sv_task){.work = work, .done = done, .free = free_task};
    j->s = s;
    j->judges = s->judges;
    return j;
}

bool pr_sv_judge(struct pr_supervisor *s, const struct pr_sv_order *o, const char *digest,
    const struct pr_grade *g)
{
    struct pr_error e;
    const char *line = NULL;
    for (size_t i = 0; i < o->n_lines && !line; i++)
        if (!strcmp(o->lines[i].digest, digest))
            line = o->lines[i].line;
    if (!line)
        return false;
    if (!s->judge && pr_sv_worker_new(s->loop, (int)s->config.grader_nice, &s->judge, &e)) {
        pr_log(PR_LOG_ERROR, PR_SV_NAME, "failed", "doing=judge error=%s", pr_log_quote(e.message));
        return false;
    }
    struct judging *j = new_task(s);
    j->order = o->row.id;
    j->model = s->grader.model;
    j->settings = s->grader.settings;
    memcpy(j->digest, digest, sizeof j->digest);
    j->line = pr_strdup(line);
    copy_grade(g, &j->grade);
    s->n_judging++;
    pr_sv_worker_put(s->judge, &j->task);
    return true;
}

void pr_sv_judges_rest(struct pr_supervisor *s)
{
    if (s->judge && s->judges)
        pr_sv_worker_put(s->judge, &new_task(s)->task);
}

void pr_sv_judges_done(struct pr_supervisor *s)
{
    pr_sv_worker_free(s->judge);
    unref(s->judges);
}
