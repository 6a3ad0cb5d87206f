/* Where a training goes on: the newest checkpoint in its folder that it wrote itself. */
#include <string.h>

#include "compute/kernels.h"
#include "train/trainer_internal.h"

static void put_value(struct pr_str *out, const json_t *v)
{
    if (!v)
        pr_str_printf(out, "not set");
    else if (json_is_real(
                 v)) /* 2e-05, where JSON's seventeen digits would be 2.0000000000000002e-5 */
        pr_str_printf(out, "%.15g", json_real_value(v));
    else
        pr_json_dump(v, 0, 0, out);
}

/* Says that a checkpoint is another training's, by the setting in which they differ; NULL: not
 * set. */
static enum pr_code differs(const char *checkpoint, const char *key, const json_t *theirs,
    const json_t *mine, struct pr_error *e)
{
    struct pr_str a = PR_STR_INIT(200), b = PR_STR_INIT(200);
    put_value(&a, theirs);
    put_value(&b, mine);
    enum pr_code code =
        pr_fail(e, PR_E_USAGE, "%s is of another training ('%s' was %s, now it is %s)", checkpoint,
            key, a.over ? "another" : pr_str_cstr(&a), b.over ? "changed" : pr_str_cstr(&b));
    pr_str_done(&a);
    pr_str_done(&b);
    return code;
}

/* Two trainings may differ in what is saved when and in the number of steps, and still be one;
 * rates are compared step by step (trainer_state.c). */
static enum pr_code same_training(
    const struct pr_trainer *t, const char *checkpoint, const json_t *training, struct pr_error *e)
{
    const json_t *theirs = json_object_get(training, "settings"), *mine;
    const char *key;
    json_object_foreach (t->settings, key, mine) {
        const json_t *other = json_object_get(theirs, key);
        if (!json_equal((json_t *)(uintptr_t)mine, (json_t *)(uintptr_t)other))
            return differs(checkpoint, key, other, mine, e);
    }
    json_object_foreach ((json_t *)(uintptr_t)theirs, key, mine)
        if (!json_object_get(t->settings, key)) /* a LoRA's, where all parameters are trained now */
            return differs(checkpoint, key, mine, NULL, e);
    return PR_OK;
}

/* PR_E_USAGE where its steps had other rates than they would have now. */
static enum pr_code take_over(
    struct pr_trainer *t, const char *checkpoint, const json_t *training, struct pr_error *e)
{
    enum pr_code code = pr_trainer_state_resume(t, checkpoint, training, e);
    return code ? code : pr_save_restore(checkpoint, t->net, &t->optimizer, e);
}

static void note_all(const struct pr_trainer *t, const struct pr_notes *notes)
{
    for (size_t i = 0; i < notes->n; i++)
        pr_trainer_note(t, "%s", notes->v[i]);
}

/* A training may move to another machine, but its bytes do not come along. */
static void note_isa(const struct pr_trainer *t, const char *checkpoint, const json_t *training)
{
    const char *then = json_string_value(json_object_get(training, PR_TRAINING_ISA));
    const char *now = t->optimizer.kernels->isa;
    if (then && strcmp(then, now) != 0)
        pr_trainer_note(t,
            "%s was computed with the instruction set %s, what follows is with %s: it will not be "
            "byte for byte what an undisturbed training would have written",
            checkpoint, then, now);
}

static void begin_anew(struct pr_trainer *t)
{
    t->step = 0;
    t->answer_total = t->input_total = 0;
    t->n_log = 0;
    json_decref(t->feed_state);
    t->feed_state = NULL;
    t->last = (struct pr_train_step){0};
}

/* The search for the checkpoint to go on from. */
struct search {
    const struct pr_trainer *t;
    struct pr_notes theirs; /* checkpoints of other trainings, that this one will replace */
    struct pr_error first;  /* why the newest of them is none of this one's */
    bool same_plan;         /* only with the same rates to the last step */
};

static void pass_over(struct search *s, const struct pr_error *why)
{
    if (!s->theirs.n)
        s->first = *why;
    pr_notes_add(&s->theirs, "%s: passed over, and replaced when this training comes to its step",
        why->message);
}

static bool fits(void *ctx, const char *checkpoint, const json_t *training)
{
    struct search *s = ctx;
    struct pr_error why;
    if (same_training(s->t, checkpoint, training, &why)) {
        pass_over(s, &why);
        return false;
    }
    return !s->same_plan ||
           json_equal(json_object_get(training, PR_TRAINING_PLAN), s->t->rate_plan);
}

/* From the newest of this training.  Where others write to the same folder, theirs are passed over;
 * where there are only theirs, that is an error: a folder mistyped, or an option.  Rates that
 * differ in a step that was made are another training's too; but an older checkpoint may agree by
 * its warm-up alone, so that it is taken only if the rates of all its steps were to be these. */
static enum pr_code find_own(
    struct pr_trainer *t, struct search *s, char **ret, struct pr_notes *notes, struct pr_error *e)
{
    struct pr_save_wanted wanted = {INT64_MAX, fits, s};
    struct pr_error why;
    json_t *training;
    for (;;) {
        enum pr_code code = pr_save_newest(t->o->out, &wanted, ret, &training, notes, e);
        if (code || !*ret)
            return code;
        wanted.before = json_integer_value(json_object_get(training, "step"));
        code = take_over(t, *ret, training, &why);
        if (!code)
            note_isa(t, *ret, training);
        json_decref(training);
        if (!code)
            return PR_OK;
        pr_free(*ret);
        *ret = NULL;
        if (code != PR_E_USAGE) {
            if (e)
                *e = why;
            return code;
        }
        pass_over(s, &why);
        s->same_plan = true;
        begin_anew(t);
    }
}

static enum pr_code go_on(struct pr_trainer *t, struct pr_notes *notes, struct pr_error *e)
{
    struct search s = {.t = t};
    char *path = NULL;
    enum pr_code code = find_own(t, &s, &path, notes, e);
    note_all(t, notes);
    if (path) {
        note_all(t, &s.theirs);
        t->saved = t->step;
        t->last_checkpoint = path;
        pr_trainer_note(t, "going on from %s", path);
    } else if (!code && s.theirs.n) {
        code = pr_fail(
            e, PR_E_USAGE, "--out: %s: give another folder, or --resume never", s.first.message);
    }
    pr_notes_done(&s.theirs);
    return code;
}

enum pr_code pr_trainer_resume(struct pr_trainer *t, struct pr_error *e)
{
    char *path;
    json_t *training;
    struct pr_notes notes = {0};
    enum pr_code code;
    if (t->o->resume == PR_RESUME_AUTO) {
        code = go_on(t, &notes, e);
    } else if (!(code = pr_save_newest(t->o->out, NULL, &path, &training, &notes, e)) && path) {
        pr_trainer_note(t,
            "%s is left aside (--resume never); checkpoints of the same step are replaced", path);
        pr_free(path);
        json_decref(training);
    }
    pr_notes_done(&notes);
    return code;
}
