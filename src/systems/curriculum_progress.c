/* How the last checkpoints came along on each difficulty, and the mix that follows from it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "exam/stats.h"
#include "systems/curriculum.h"

/* ---- which levels there are ---- */

static const char *difficulty_of(const struct pr_example *x)
{
    return x->difficulty ? x->difficulty : PR_UNSPECIFIED;
}

/* Easy, medium, hard; then others by name; unspecified is last. */
static int rank_of(const char *name)
{
    static const char *const known[] = {"easy", "medium", "hard"};
    for (int i = 0; i < 3; i++)
        if (!strcmp(known[i], name))
            return i;
    return strcmp(name, PR_UNSPECIFIED) ? 3 : 4;
}

static bool is_before(const char *a, const char *b)
{
    int d = rank_of(a) - rank_of(b);
    return d < 0 || (d == 0 && strcmp(a, b) < 0);
}

static size_t level_of(const struct pr_curriculum_progress *p, const struct pr_example *x)
{
    size_t i = 0;
    while (i < p->n_levels && strcmp(p->names[i], difficulty_of(x)) != 0)
        i++;
    return i;
}

/* A suite of more difficulties than can be told apart keeps the first ones; the others' examples
 * are left out. */
static void collect_levels(const struct pr_suite *s, struct pr_curriculum_progress *p)
{
    for (size_t i = 0; i < s->n; i++) {
        if (p->n_levels == PR_MAX_LEVELS || level_of(p, &s->v[i]) < p->n_levels)
            continue;
        const char *name = difficulty_of(&s->v[i]);
        size_t k = p->n_levels++;
        for (; k && is_before(name, p->names[k - 1]); k--)
            p->names[k] = p->names[k - 1];
        p->names[k] = name;
    }
}

/* ---- a checkpoint's figures ---- */

struct sums {
    double *losses;
    size_t n_losses;
    double nll;
    uint64_t tokens;
};

static void add(const struct pr_grade *g, struct pr_curriculum_level *l, struct sums *s)
{
    if (!g->graded)
        return;
    l->n++;
    l->n_accuracy += g->correct != PR_VERDICT_NONE;
    l->right += g->correct == PR_VERDICT_RIGHT;
    if (!isfinite(g->loss))
        return;
    s->losses[s->n_losses++] = g->loss;
    s->nll += g->nll;
    s->tokens += g->answer_tokens;
}

static enum pr_code finish(struct pr_curriculum_level *l, const struct sums *s, struct pr_error *e)
{
    struct pr_estimate x;
    enum pr_code code = pr_stats_wilson(l->right, l->n_accuracy, PR_STATS_LEVEL, &x, e);
    if (code)
        return code;
    l->accuracy = l->n_accuracy ? (double)l->right / (double)l->n_accuracy : NAN;
    l->lo = x.lo;
    l->hi = x.hi;
    l->loss = s->tokens ? s->nll / (double)s->tokens : NAN;
    l->loss_mean_per_example =
        s->n_losses ? pr_stats_sum(s->losses, s->n_losses) / (double)s->n_losses : NAN;
    return PR_OK;
}

static enum pr_code figures(const struct pr_curriculum_progress *p, const struct pr_grades *g,
    struct pr_curriculum_level *ret, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    double *losses = pr_alloc((g->n + 1) * sizeof *losses);
    for (size_t d = 0; d < p->n_levels && !code; d++) {
        struct sums s = {.losses = losses};
        ret[d] = (struct pr_curriculum_level){0};
        for (size_t i = 0; i < g->n; i++)
            if (level_of(p, g->v[i].example) == d)
                add(&g->v[i], &ret[d], &s);
        code = finish(&ret[d], &s, e);
    }
    pr_free(losses);
    return code;
}

/* ---- the last checkpoints ---- */

static enum pr_code take(struct pr_view *v, const struct pr_suite_row *suite, size_t last,
    struct pr_curriculum_progress *p, struct pr_error *e)
{
    const struct pr_checkpoint_row *newest = pr_view_newest(v), *found[PR_CURRICULUM_MAX_LAST];
    size_t n = 0;
    enum pr_code code = PR_OK;
    for (size_t i = v->n_checkpoints; newest && i-- > 0 && n < last && !code;) {
        const struct pr_checkpoint_row *c = &v->checkpoints[i];
        struct pr_view_grades g;
        if (c->run_id != newest->run_id || c->state != PR_CHECKPOINT_READY)
            continue;
        if (!(code = pr_view_grades(v, c, suite->id, &g, e)) && g.complete)
            found[n++] = c;
    }
    for (size_t i = 0; i < n && !code; i++) {
        struct pr_view_grades g;
        p->checkpoints[i] = found[n - 1 - i];
        if (!(code = pr_view_grades(v, p->checkpoints[i], suite->id, &g, e)))
            code = figures(p, g.grades, p->levels[i], e);
    }
    p->n_checkpoints = n;
    return code;
}

static void mix(struct pr_curriculum_progress *p)
{
    bool known = false;
    for (size_t d = 0; d < p->n_levels; d++) {
        struct pr_level_progress *x = &p->progress[d];
        size_t losses = 0;
        x->n = p->n_checkpoints;
        for (size_t i = 0; i < p->n_checkpoints; i++) {
            x->loss[i] = p->levels[i][d].loss_mean_per_example;
            losses += isfinite(x->loss[i]) != 0;
        }
        known |= losses >= 2;
    }
    if (!p->n_levels)
        snprintf(p->reason, sizeof p->reason, "there are no examples in data/validation yet");
    else if (!known)
        snprintf(p->reason, sizeof p->reason,
            "progress needs two graded checkpoints of the run, and %s",
            p->n_checkpoints == 1 ? "there is one"
            : p->n_checkpoints    ? "their losses are not known"
                                  : "there is none");
    else
        pr_strategy_mix(p->progress, p->n_levels, p->weights);
}

enum pr_code pr_curriculum_progress(
    struct pr_view *v, struct pr_curriculum_progress *ret, struct pr_error *e)
{
    const struct pr_suite_row *suite = pr_view_suite(v, PR_SUITE_MAIN);
    const struct pr_suite *examples;
    int64_t last = v->settings->curriculum_last;
    *ret = (struct pr_curriculum_progress){0};
    if (suite) {
        enum pr_code code = pr_view_examples(v, suite->id, &examples, e);
        if (code)
            return code;
        collect_levels(examples, ret);
        if (last > PR_CURRICULUM_MAX_LAST)
            last = PR_CURRICULUM_MAX_LAST;
        if ((code = take(v, suite, (size_t)last, ret, e)))
            return code;
    }
    mix(ret);
    return PR_OK;
}

json_t *pr_curriculum_progress_losses(const struct pr_curriculum_progress *p)
{
    json_t *o = json_object();
    for (size_t d = 0; d < p->n_levels; d++) {
        json_t *list = json_array();
        for (size_t i = 0; i < p->n_checkpoints; i++) {
            double x = p->progress[d].loss[i];
            json_array_append_new(list, isfinite(x) ? json_real(x) : json_null());
        }
        pr_json_set(o, p->names[d], list);
    }
    return o;
}
