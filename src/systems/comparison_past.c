/* Checkpoints whose folder is gone, and that somebody may still go by: a trainer deletes what it
 * saved some saves ago, and what is deployed goes on being served. */
#include <string.h>

#include "base/alloc.h"
#include "systems/comparison.h"

#define MOST 64 /* decisions of each kind that are looked at, the newest */

static bool is_known(const struct pr_comparison *c, int64_t model)
{
    bool known = false;
    for (size_t i = 0; i < c->n && !known; i++)
        known = c->entries[i].row->model == model;
    for (size_t i = 0; i < c->n_past && !known; i++)
        known = c->past[i].row.model == model;
    return known;
}

/* Takes the row over where it can be compared with what is ranked. */
static enum pr_code consider(
    struct pr_comparison *c, struct pr_checkpoint_row *row, struct pr_error *e)
{
    struct pr_view_grades g = {.all = c->examples->n};
    int64_t settings = 0;
    if (row->state != PR_CHECKPOINT_GONE || !row->model || row->reference ||
        is_known(c, row->model))
        return PR_OK;
    enum pr_code code =
        pr_gradebook_settings(c->view->g, row->model, c->view->options, &settings, e);
    if (!code && settings && settings == c->settings)
        code = pr_view_grades(c->view, row, c->suite->id, &g, e);
    if (code || !g.complete || !g.grades)
        return code;
    struct pr_comparison_past x = {.row = *row};
    pr_score_sheet_make(g.grades, &x.sheet);
    PR_PUSH(c->past, c->n_past, c->past_cap, x);
    *row = (struct pr_checkpoint_row){0};
    return PR_OK;
}

static enum pr_code look_at(struct pr_comparison *c, int64_t checkpoint, struct pr_error *e)
{
    struct pr_checkpoint_row row;
    if (!checkpoint || pr_view_checkpoint(c->view, checkpoint))
        return PR_OK;
    enum pr_code code = pr_gradebook_checkpoint(c->view->g, checkpoint, &row, e);
    if (code)
        return code == PR_E_NOT_FOUND ? PR_OK : code;
    code = consider(c, &row, e);
    pr_checkpoint_row_done(&row);
    return code;
}

enum pr_code pr_comparison_gather_past(struct pr_comparison *c, struct pr_error *e)
{
    const struct pr_decision_filter filters[] = {
        {.system = "model-comparison", .kind = PR_COMPARISON_CANDIDATE, .suite = c->suite->id},
        {.system = "auto-deployment", .kind = "deployment"}};
    enum pr_code code = PR_OK;
    for (size_t k = 0; k < sizeof filters / sizeof *filters && !code; k++) {
        struct pr_decision_filter filter = filters[k];
        struct pr_decision *v = NULL;
        size_t n = 0;
        filter.present_only = true;
        filter.limit = MOST;
        code = pr_gradebook_decisions(c->view->g, &filter, &v, &n, e);
        for (size_t i = n; i-- > 0 && !code;)
            code = look_at(c, v[i].checkpoint, e);
        pr_decisions_free(v, n);
    }
    return code;
}

void pr_comparison_past_done(struct pr_comparison *c)
{
    for (size_t i = 0; i < c->n_past; i++) {
        pr_checkpoint_row_done(&c->past[i].row);
        pr_score_sheet_done(&c->past[i].sheet);
    }
    pr_free(c->past);
}
