/* See comparison.h. */
#include "systems/comparison.h"

#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "exam/suiteset.h"
#include "systems/baseline.h"
#include "systems/pieces.h"

/* The settings under which the newest checkpoint is graded now: only its like is ranked. */
static enum pr_code find_settings(struct pr_comparison *c, struct pr_error *e)
{
    const struct pr_checkpoint_row *newest = pr_view_newest(c->view);
    enum pr_code code = PR_OK;
    if (newest)
        code = pr_gradebook_settings(c->view->g, newest->model, c->view->options, &c->settings, e);
    const struct pr_view *v = c->view;
    for (size_t i = v->n_checkpoints; !code && !c->settings && i--;)
        if (v->checkpoints[i].model)
            code =
                pr_gradebook_settings(v->g, v->checkpoints[i].model, v->options, &c->settings, e);
    return code;
}

/* The verdicts of the regression monitor's rule, judged here where it has not stored them yet: what
 * may be the best does not depend on which system ran first. */
static enum pr_code judge(struct pr_comparison *c, struct pr_error *e)
{
    for (size_t i = 0; i < c->view->n_runs; i++) {
        struct pr_judgement *v;
        size_t n;
        enum pr_code code = pr_baseline_walk(
            c->view, c->view->runs[i].id, c->suite->id, "regression-monitor", NULL, &v, &n, e);
        if (code)
            return code;
        for (size_t k = 0; k < n; k++) {
            struct pr_comparison_verdict x = {
                v[k].checkpoint->id, pr_verdict_level_name(v[k].level)};
            if (v[k].judged)
                PR_PUSH(c->verdicts, c->n_verdicts, c->verdicts_cap, x);
        }
        pr_judgements_free(v, n);
    }
    return PR_OK;
}

static const char *level_of(const struct pr_comparison *c, int64_t checkpoint)
{
    for (size_t i = c->n_verdicts; i--;)
        if (c->verdicts[i].checkpoint == checkpoint)
            return c->verdicts[i].level;
    return NULL;
}

static void leave_out(struct pr_comparison *c, const struct pr_checkpoint_row *row,
    const struct pr_view_grades *g, const char *other)
{
    struct pr_str why = PR_STR_INIT(8192);
    const char *state = pr_checkpoint_state_name(row->state);
    if (row->state == PR_CHECKPOINT_REFUSED || row->state == PR_CHECKPOINT_QUARANTINED)
        pr_str_printf(&why, "%s: %s", state, row->reason ? row->reason : "no reason was noted");
    else if (other)
        pr_str_puts(&why, other);
    else if (row->state == PR_CHECKPOINT_FOUND)
        pr_str_puts(&why, "not opened yet");
    else
        pr_str_printf(&why, "grading: %zu of %zu examples", g->done, g->all);
    json_t *o = pr_checkpoint_json(row);
    pr_json_set_str(o, "state", state);
    pr_json_set_int(o, "graded", (int64_t)g->done);
    pr_json_set_int(o, "of", (int64_t)g->all);
    pr_json_set_str(o, "why", pr_str_cstr(&why));
    json_array_append_new(c->unranked, o);
    if (json_array_size(c->unranked) > PR_COMPARISON_LISTED)
        json_array_remove(c->unranked, 0);
    c->n_unranked++;
    pr_str_done(&why);
}

static const char *why_not_best(const struct pr_checkpoint_row *row, const char *level)
{
    if (row->state == PR_CHECKPOINT_QUARANTINED)
        return "quarantined: its grader died of it";
    if (row->bad_weights && json_array_size(row->bad_weights))
        return "its weights hold NaN or infinity";
    if (level && !strcmp(level, "critical"))
        return "critical by the regression monitor";
    return NULL;
}

/* Enters a checkpoint beside those of the same content, or with an item of its own. */
static void enter(
    struct pr_comparison *c, const struct pr_checkpoint_row *row, const struct pr_view_grades *g)
{
    struct pr_comparison_entry x = {.row = row, .next = SIZE_MAX, .level = level_of(c, row->id)};
    x.not_best = why_not_best(row, x.level);
    x.by_difficulty = pr_by_difficulty_json(g->grades);
    size_t i = 0;
    while (i < c->n && c->entries[i].row->model != row->model)
        i++;
    if (i < c->n) {
        x.item = c->entries[i].item;
        x.next = c->newest_of[x.item];
        c->newest_of[x.item] = c->n;
    } else {
        struct pr_rank_item item = {.excluded = true};
        size_t n = x.item = c->ranking.n;
        pr_score_sheet_make(g->grades, &item.sheet);
        pr_score_make(&item.sheet, &c->weights, &item.score);
        PR_PUSH(c->ranking.v, c->ranking.n, c->ranking.cap, item);
        PR_PUSH(c->newest_of, n, c->newest_cap, c->n);
    }
    if (!x.not_best)
        c->ranking.v[x.item].excluded = false;
    PR_PUSH(c->entries, c->n, c->cap, x);
}

/* Into the ranking, or into the list of those that are not in it. */
static enum pr_code consider(
    struct pr_comparison *c, const struct pr_checkpoint_row *row, struct pr_error *e)
{
    struct pr_view_grades g = {.all = c->examples->n};
    int64_t settings = 0;
    const char *other = NULL;
    enum pr_code code = PR_OK;
    if (row->model)
        code = pr_gradebook_settings(c->view->g, row->model, c->view->options, &settings, e);
    if (!code && settings == c->settings)
        code = pr_view_grades(c->view, row, c->suite->id, &g, e);
    if (code)
        return code;
    if (row->model && !settings)
        other = "not opened yet under the present settings";
    else if (settings && settings != c->settings)
        other = "graded under other settings (arithmetic, template or limits) than the newest one";
    bool usable = row->state == PR_CHECKPOINT_READY || row->state == PR_CHECKPOINT_QUARANTINED;
    if (!usable || other || !g.complete || !g.grades) {
        leave_out(c, row, &g, other);
        return PR_OK;
    }
    enter(c, row, &g);
    return PR_OK;
}

static void mark_same_names(struct pr_comparison *c)
{
    struct pr_idset names = {0};
    for (size_t i = 0; i < c->n; i++) {
        size_t first = pr_idset_add(&names, c->entries[i].row->name, i);
        c->entries[i].same_name = first != i;
        c->entries[first].same_name |= first != i;
    }
    pr_idset_done(&names);
}

enum pr_code pr_comparison_gather(struct pr_comparison *c, struct pr_error *e)
{
    c->unranked = json_array();
    enum pr_code code = pr_view_examples(c->view, c->suite->id, &c->examples, e);
    if (code || (code = find_settings(c, e)) || (code = judge(c, e)))
        return code;
    pr_score_weigh(c->view->settings, c->examples, &c->weights);
    for (size_t i = 0; i < c->view->n_checkpoints && !code; i++)
        code = consider(c, &c->view->checkpoints[i], e);
    mark_same_names(c);
    return code ? code : pr_comparison_gather_past(c, e);
}

void pr_comparison_done(struct pr_comparison *c)
{
    json_decref(c->unranked);
    pr_comparison_past_done(c);
    pr_ranking_done(&c->ranking);
    pr_free(c->newest_of);
    for (size_t i = 0; i < c->n; i++)
        json_decref(c->entries[i].by_difficulty);
    pr_free(c->entries);
    pr_free(c->verdicts);
}
