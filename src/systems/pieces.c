/* See pieces.h. */
#include "systems/pieces.h"

#include <math.h>
#include <string.h>

void pr_checkpoint_json_into(const struct pr_checkpoint_row *c, json_t *o)
{
    static const char unopened[] = "not opened yet";
    pr_json_set_str(o, "checkpoint", c->name);
    pr_json_set_str(o, "path", c->path);
    if (c->step >= 0)
        pr_json_set_int(o, "step", c->step);
    else
        pr_json_set_null(o, "step",
            c->model ? "neither trainer_state.json nor the folder's name says it" : unopened);
    if (c->model) {
        pr_json_set_str(o, "run", c->run);
        pr_json_set_str(o, "fingerprint", c->fingerprint);
    } else {
        pr_json_set(o, "run", json_null());
        pr_json_set_null(o, "fingerprint", unopened);
    }
}

json_t *pr_checkpoint_json(const struct pr_checkpoint_row *c)
{
    json_t *o = json_object();
    pr_checkpoint_json_into(c, o);
    return o;
}

json_t *pr_interval_json(double lo, double hi)
{
    if (!isfinite(lo) || !isfinite(hi))
        return json_null();
    json_t *ci = json_array();
    json_array_append_new(ci, json_real(lo));
    json_array_append_new(ci, json_real(hi));
    return ci;
}

json_t *pr_by_difficulty_json(const struct pr_grades *g)
{
    static const char *const names[] = {"easy", "medium", "hard"};
    json_t *all = json_object();
    for (size_t d = 0; d < 3; d++) {
        size_t n = 0, right = 0;
        for (size_t i = 0; i < g->n; i++) {
            const struct pr_grade *x = &g->v[i];
            if (!x->graded || x->correct == PR_VERDICT_NONE || !x->example->difficulty ||
                strcmp(x->example->difficulty, names[d]) != 0)
                continue;
            n++;
            right += x->correct == PR_VERDICT_RIGHT;
        }
        pr_json_set_real(
            all, names[d], n ? (double)right / (double)n : NAN, "no examples of this difficulty");
    }
    return all;
}
