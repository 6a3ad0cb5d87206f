/* A training's curves, from its checkpoints' logs and its own status file. */
#include <fcntl.h>
#include <math.h>

#include "base/alloc.h"
#include "base/file.h"
#include "model/trainer_state.h"
#include "systems/training_internal.h"

const char *pr_training_curve_name(enum pr_training_curve_id c)
{
    static const char *const names[] = {
#define PR_X(name, text) text,
        PR_TRAINING_CURVES(PR_X)
#undef PR_X
    };
    return names[c];
}

void pr_training_curves_done(struct pr_training_curves *c)
{
    for (int i = 0; i < PR_TRAINING_N_CURVES; i++)
        pr_free(c->of[i].v);
    *c = (struct pr_training_curves){.step = -1};
}

/* A step that comes again (a log that went back) takes the place of those from it on. */
static void add(struct pr_training_curve *c, int64_t step, double x)
{
    while (c->n && c->v[c->n - 1].step >= step)
        c->n--;
    struct pr_point p = {step, isfinite(x) ? x : NAN};
    PR_PUSH(c->v, c->n, c->cap, p);
}

static void take(struct pr_training_curves *ret, const struct pr_log_entry *l)
{
    const struct {
        enum pr_log_has bit;
        enum pr_training_curve_id curve;
        double x;
    } all[] = {
        {PR_LOG_LOSS, PR_TRAINING_CURVE_LOSS, l->loss},
        {PR_LOG_EVAL_LOSS, PR_TRAINING_CURVE_EVAL_LOSS, l->eval_loss},
        {PR_LOG_LEARNING_RATE, PR_TRAINING_CURVE_RATE, l->learning_rate},
        {PR_LOG_GRAD_NORM, PR_TRAINING_CURVE_GRAD_NORM, l->grad_norm},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (l->has & all[i].bit)
            add(&ret->of[all[i].curve], l->step, all[i].x);
}

enum pr_code pr_training_logged(
    const char *folder, struct pr_training_curves *ret, struct pr_error *e)
{
    struct pr_trainer_state s = {0};
    char *path = pr_path_join(folder, "trainer_state.json");
    *ret = (struct pr_training_curves){.step = -1};
    enum pr_code code = pr_trainer_state_read(AT_FDCWD, path, &s, NULL, e);
    pr_free(path);
    if (code)
        return code == PR_E_NOT_FOUND ? PR_OK : code;
    ret->step = s.global_step;
    for (size_t i = 0; i < s.n_log; i++)
        take(ret, &s.log[i]);
    pr_trainer_state_done(&s);
    return PR_OK;
}

enum pr_code pr_training_now(
    const char *status_file, struct pr_training_curves *ret, struct pr_error *e)
{
    static const enum pr_training_field fields[PR_TRAINING_N_CURVES] = {
        [PR_TRAINING_CURVE_LOSS] = PR_TRAINING_LOSS,
        [PR_TRAINING_CURVE_EVAL_LOSS] = PR_TRAINING_EVAL_LOSS,
        [PR_TRAINING_CURVE_RATE] = PR_TRAINING_RATE,
        [PR_TRAINING_CURVE_GRAD_NORM] = PR_TRAINING_GRAD_NORM,
        [PR_TRAINING_CURVE_TOKENS_PER_SECOND] = PR_TRAINING_TOKENS_PER_SECOND,
    };
    struct pr_training_source s = {0};
    char *text;
    size_t n;
    *ret = (struct pr_training_curves){.step = -1};
    enum pr_code code = pr_file_read(AT_FDCWD, status_file, PR_TRAINING_STATUS_MAX, &text, &n, e);
    if (code)
        return code == PR_E_NOT_FOUND ? PR_OK : code;
    struct pr_notes none = {0};
    code = pr_training_status_parse(text, n, &s, &none, e);
    pr_free(text);
    pr_notes_done(&none);
    if (!code && s.v[PR_TRAINING_STEP].known)
        ret->step = (int64_t)s.v[PR_TRAINING_STEP].x;
    for (int i = 0; i < PR_TRAINING_N_CURVES && ret->step >= 0; i++) {
        const struct pr_training_value *v = &s.v[fields[i]];
        if (v->known || v->why)
            add(&ret->of[i], ret->step, v->known ? v->x : NAN);
    }
    pr_training_source_done(&s);
    return code;
}
