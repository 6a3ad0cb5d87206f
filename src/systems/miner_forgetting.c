/* What an earlier checkpoint of the run solved and the newest fails. */
#include <string.h>

#include "base/alloc.h"
#include "systems/miner.h"

#define IDS 20

struct forgetting {
    bool *solved; /* by example: one of the earlier ones answered it rightly */
    json_t *against;
    size_t n_solved, n;
    json_t *by_skill, *ids;
};

static void note_solved(struct forgetting *f, const struct pr_grades *g)
{
    for (size_t i = 0; i < g->n; i++)
        f->solved[i] |= g->v[i].graded && g->v[i].correct == PR_VERDICT_RIGHT;
    json_array_append_new(f->against, json_string_nocheck(g->checkpoint));
}

/* The last so many of the run before the newest that are graded to the end, the newest first. */
static enum pr_code look_back(struct pr_view *v, const struct pr_checkpoint_row *newest,
    int64_t suite, struct forgetting *f, struct pr_error *e)
{
    size_t at = 0;
    while (at < v->n_checkpoints && &v->checkpoints[at] != newest)
        at++;
    while (at-- > 0 && json_array_size(f->against) < (size_t)v->settings->last) {
        const struct pr_checkpoint_row *c = &v->checkpoints[at];
        struct pr_view_grades g;
        if (c->run_id != newest->run_id || !c->model || c->model == newest->model)
            continue;
        enum pr_code code = pr_view_grades(v, c, suite, &g, e);
        if (code)
            return code;
        if (g.complete && g.grades)
            note_solved(f, g.grades);
    }
    return PR_OK;
}

static const char *skill_of(const struct pr_example *x)
{
    struct pr_text q = pr_example_question(x);
    const struct pr_skill *s = pr_skill_knowing(x->skill, q.s, q.n);
    return s ? s->name : x->skill ? x->skill : "unknown";
}

static void compare(struct forgetting *f, const struct pr_grades *g)
{
    for (size_t i = 0; i < g->n; i++) {
        const struct pr_grade *x = &g->v[i];
        if (!f->solved[i] || !x->graded || x->correct == PR_VERDICT_NONE)
            continue;
        f->n_solved++;
        if (x->correct == PR_VERDICT_RIGHT)
            continue;
        f->n++;
        const char *skill = skill_of(x->example);
        pr_json_set_int(
            f->by_skill, skill, 1 + json_integer_value(json_object_get(f->by_skill, skill)));
        if (json_array_size(f->ids) < IDS)
            json_array_append_new(f->ids, json_string_nocheck(x->example->id));
    }
}

enum pr_code pr_miner_forgetting(struct pr_view *v, const struct pr_checkpoint_row *newest,
    const struct pr_suite_row *suite, const struct pr_grades *grades, json_t **ret,
    const char **ret_why, struct pr_error *e)
{
    struct forgetting f = {.solved = pr_zalloc((grades->n + 1) * sizeof *f.solved),
        .against = json_array(),
        .by_skill = json_object(),
        .ids = json_array()};
    json_t *o = json_object();
    *ret = NULL;
    *ret_why = NULL;
    enum pr_code code = look_back(v, newest, suite->id, &f, e);
    if (!code) {
        compare(&f, grades);
        pr_json_set_int(o, "n", (int64_t)f.n);
        pr_json_set_int(o, "solved_before", (int64_t)f.n_solved);
        code = pr_miner_rate(o, "rate", f.n, f.n_solved, "none of them solved any", e);
        pr_json_set(o, "against", json_incref(f.against));
        pr_json_set(o, "by_skill", json_incref(f.by_skill));
        pr_json_set(o, "ids", json_incref(f.ids));
    }
    if (!code && json_array_size(f.against))
        *ret = json_incref(o);
    else
        *ret_why = "no earlier checkpoint of its run is graded";
    json_decref(o);
    json_decref(f.against);
    json_decref(f.by_skill);
    json_decref(f.ids);
    pr_free(f.solved);
    return code;
}
