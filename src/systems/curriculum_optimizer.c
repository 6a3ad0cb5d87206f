/* Curriculum optimizer: in which order is it best to train?
 *
 * Asked by experiment: probes train a little from one checkpoint in the order of each strategy and
 * are examined on the same questions.  Here is what is concluded from those that were run, and
 * which is to be run next; the supervisor runs it (daemon/sv_probes.c). */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "systems/curriculum.h"

/* ---- plan ---- */

/* The last checkpoints on the validation set: usually graded already, for the other systems. */
static enum pr_code plan(struct pr_view *v, struct pr_needs *ret, struct pr_error *e)
{
    const struct pr_suite_row *suite = pr_view_suite(v, PR_SUITE_MAIN);
    const struct pr_checkpoint_row *newest = pr_view_newest(v);
    int64_t n = 0;
    (void)e;
    for (size_t i = v->n_checkpoints; suite && i-- > 0 && n < v->settings->curriculum_last;) {
        const struct pr_checkpoint_row *c = &v->checkpoints[i];
        bool found = c->state == PR_CHECKPOINT_FOUND;
        bool ready = c->state == PR_CHECKPOINT_READY && newest && c->run_id == newest->run_id;
        if (!found && !ready)
            continue;
        pr_needs_add(
            ret, c->id, suite->id, c == newest ? PR_PRIORITY_NEWEST : PR_PRIORITY_BACKFILL);
        n += ready;
    }
    return PR_OK;
}

/* ---- decisions ---- */

void pr_curriculum_standing(
    const struct pr_decision *v, size_t n, struct pr_curriculum_standing *ret)
{
    *ret = (struct pr_curriculum_standing){.best = PR_ARM_RANDOM};
    for (size_t i = 0; i < n; i++) {
        const char *best = json_string_value(json_object_get(v[i].evidence, "best_strategy"));
        const struct pr_strategy *s = best ? pr_strategy_find(best) : NULL;
        ret->question = json_string_value(json_object_get(v[i].evidence, "question"));
        ret->decided = s && !strcmp(v[i].verdict, "decided");
        if (!ret->decided)
            continue;
        ret->best = s->name;
        ret->decided_ms = v[i].at_ms;
    }
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? !strcmp(a, b) : a == b;
}

static void say_decided(const struct pr_evidence *e, char *ret, size_t size)
{
    for (size_t i = 0; i < e->n_arms; i++) {
        const struct pr_arm_evidence *a = &e->arms[i];
        if (strcmp(a->name, e->best) != 0)
            continue;
        snprintf(ret, size,
            "%s beats random order by %.4g nats of loss (interval %.4g to %.4g, p = %.2g) over "
            "%zu blocks",
            a->name, a->mean, a->lo, a->hi, a->p, a->n);
        return;
    }
    snprintf(ret, size, "every strategy is worse than random order, over %zu blocks", e->blocks);
}

/* A decision is appended when it is another one than the last.  While no question can be asked,
 * what was decided stands. */
static void decide(struct pr_curriculum *c, struct pr_findings *ret)
{
    const struct pr_evidence *x = &c->probes.evidence;
    struct pr_curriculum_standing *s = &c->standing;
    const char *question = c->v->pool ? c->v->pool->question : NULL;
    const struct pr_suite_row *suite = pr_view_suite(c->v, PR_SUITE_MAIN);
    const struct pr_checkpoint_row *newest = pr_view_newest(c->v);
    const char *best = x->decided && x->best ? x->best : s->best;
    char why[300];
    if (!question ||
        (x->decided == s->decided &&
            (!x->decided || (!strcmp(best, s->best) && is_same(question, s->question)))))
        return;
    if (x->decided)
        say_decided(x, why, sizeof why);
    else if (!is_same(question, s->question))
        snprintf(why, sizeof why, "another question is asked now: other examples or settings");
    else
        snprintf(why, sizeof why, "with the newest probes it could be chance again");
    *s = (struct pr_curriculum_standing){.best = best,
        .decided = x->decided,
        .question = question,
        .decided_ms = x->decided ? c->v->now_ms : s->decided_ms};
    pr_findings_decide(ret, PR_CURRICULUM_SYSTEM, PR_CURRICULUM_DECISION, newest ? newest->id : 0,
        suite ? suite->id : 0, x->decided ? "decided" : "undecided", 0,
        pr_curriculum_decision(c, why), c->v->now_ms);
}

/* ---- what else comes of a run ---- */

/* What the start itself could not be asked (too long for it, say) no probe from it is measured by.
 */
static json_t *unasked(const struct pr_grades *g)
{
    json_t *ret = json_object();
    for (size_t i = 0; g && i < g->n; i++)
        if (!g->v[i].graded && g->v[i].reason)
            pr_json_set_str(ret, g->v[i].example->id, g->v[i].reason);
    return ret;
}

/* A newest checkpoint that is being graded is waited for: what it cannot be asked is not known. */
static enum pr_code ask(const struct pr_curriculum *c, struct pr_findings *ret, struct pr_error *e)
{
    const struct pr_curriculum_probes *p = &c->probes;
    const struct pr_suite_row *suite = pr_view_suite(c->v, PR_SUITE_MAIN);
    const struct pr_checkpoint_row *start = p->arm ? pr_view_checkpoint(c->v, p->start) : NULL;
    struct pr_view_grades g = {.grades = NULL};
    if (!start)
        return PR_OK;
    enum pr_code code = suite ? pr_view_grades(c->v, start, suite->id, &g, e) : PR_OK;
    if (code || (suite && !g.complete && start == pr_view_newest(c->v)))
        return code;
    ret->probe = pr_zalloc(sizeof *ret->probe);
    *ret->probe = (struct pr_probe_wanted){.checkpoint = p->start,
        .question = pr_strdup(c->v->pool->question),
        .arm = pr_strdup(p->arm),
        .seed = (int64_t)p->seed,
        .progress = pr_curriculum_progress_losses(&c->progress),
        .unasked = unasked(g.grades)};
    return PR_OK;
}

static void raise_alerts(const struct pr_curriculum *c, struct pr_findings *ret)
{
    const struct pr_curriculum_probes *p = &c->probes;
    if (p->failing)
        pr_findings_alert(ret, "probes", pr_view_newest(c->v)->id, PR_ALERT_WARNING,
            "%s; no more are run until the newest checkpoint, the pool or the settings of "
            "curriculum change, or a day has passed",
            p->nothing);
}

/* The checkpoint whose grades are being waited for. */
static enum pr_code say_waiting(struct pr_view *v, struct pr_findings *ret, struct pr_error *e)
{
    const struct pr_suite_row *suite = pr_view_suite(v, PR_SUITE_MAIN);
    const struct pr_checkpoint_row *newest = pr_view_newest(v);
    struct pr_view_grades g;
    char text[300];
    if (!suite) {
        ret->waiting = pr_strdup("there are no examples in data/validation yet");
        return PR_OK;
    }
    if (!newest) {
        ret->waiting = pr_strdup("no checkpoint has been opened yet");
        return PR_OK;
    }
    enum pr_code code = pr_view_grades(v, newest, suite->id, &g, e);
    if (code || g.complete)
        return code;
    snprintf(text, sizeof text, "%.200s: %zu of %zu examples graded", newest->name, g.done, g.all);
    ret->waiting = pr_strdup(text);
    return PR_OK;
}

static enum pr_code look(struct pr_curriculum *c, struct pr_findings *ret, struct pr_error *e)
{
    struct pr_view *v = c->v;
    const struct pr_decision_filter f = {
        .system = PR_CURRICULUM_SYSTEM, .kind = PR_CURRICULUM_DECISION};
    enum pr_code code = pr_gradebook_decisions(v->g, &f, &c->decisions, &c->n_decisions, e);
    if (code || (code = pr_curriculum_progress(v, &c->progress, e)) ||
        (code = pr_curriculum_probes(v, &c->probes, e)))
        return code;
    pr_curriculum_standing(c->decisions, c->n_decisions, &c->standing);
    decide(c, ret);
    if ((code = ask(c, ret, e)))
        return code;
    raise_alerts(c, ret);
    pr_curriculum_document(c, ret);
    return say_waiting(v, ret, e);
}

static enum pr_code run(struct pr_view *v, struct pr_findings *ret, struct pr_error *e)
{
    struct pr_curriculum *c = pr_zalloc(sizeof *c);
    c->v = v;
    ret->status = json_object();
    enum pr_code code = look(c, ret, e);
    pr_curriculum_probes_done(&c->probes);
    pr_decisions_free(c->decisions, c->n_decisions);
    pr_free(c);
    return code;
}

static const struct pr_system_option options[] = {
    {"samples", "curriculum.samples", "N", "validation examples on which a probe is examined",
        true},
    {"last", "curriculum.last", "K", "checkpoints over which learning progress is measured"},
    {"budget", "curriculum.budget_percent", "PERCENT",
        "share of the time that probes may take; 0: none are made"},
};

const struct pr_system pr_system_curriculum_optimizer = {
    .name = PR_CURRICULUM_SYSTEM,
    .status_file = "curriculum_optimization.json",
    .summary = "finds out by experiment in which order it is best to train",
    .about =
        "Runs short trainings (probes) from the newest checkpoint in the order of each strategy: "
        "the same examples and tokens, the same seeds, examined on the same questions. A strategy "
        "is named only when it beats random order beyond chance, over at least five seeds; until "
        "then the decision is 'undecided', and the best strategy is the last that was decided "
        "upon, at first random. A second arm of random order shows how large a difference chance "
        "makes.\n\n"
        "Probes run one at a time, when nothing is to be graded, and for no more than "
        "curriculum.budget_percent of the time; they read the training's checkpoints and write "
        "nothing but the folder .proctor of the base folder. The examples come from "
        "curriculum.pool, else from the queue; curriculum.probe_command has a program of yours "
        "train. Where no probe fits, the status tells how fast each difficulty is being learned "
        "(method 'observational'), and the mix that follows from it.\n\n"
        "With --once it grades what it needs, then runs probes until they took the budget's share "
        "of one interval (75 seconds by default; a probe that was begun is finished), or the "
        "question is decided or nothing is left to be tried, and tells what is known then. Calling "
        "it again goes on from there.",
    .roles = PR_ROLE_INFERENCE,
    .interval_s = 300,
    .uses_pool = true,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .plan = plan,
    .run = run,
};
