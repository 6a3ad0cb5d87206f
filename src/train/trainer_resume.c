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

static enum pr_code fail_other(const struct pr_error *why, struct pr_error *e)
{
    return pr_fail(
        e, PR_E_USAGE, "--out: %s: give another folder, or --resume never", why->message);
}

/* The newest checkpoint with this training's settings, or NULL.  Where others write to the same
 * folder, theirs are passed over; where there are only theirs, that is an error: a folder mistyped,
 * or an option. */
static enum pr_code find_own(const struct pr_trainer *t, char **ret, json_t **ret_training,
    struct pr_notes *notes, struct pr_error *e)
{
    struct pr_error first, why;
    size_t others = 0;
    enum pr_code code;
    for (int64_t before = INT64_MAX;;) {
        code = pr_save_newest(t->o->out, before, ret, ret_training, notes, e);
        if (code || !*ret || !same_training(t, *ret, *ret_training, &why))
            break;
        before = json_integer_value(json_object_get(*ret_training, "step"));
        if (!others++)
            first = why;
        pr_notes_add(notes, "%s: passed over, and replaced when this training comes to its step",
            why.message);
        json_decref(*ret_training);
        pr_free(*ret);
    }
    return !code && !*ret && others ? fail_other(&first, e) : code;
}

/* Steps with other rates are an error and not passed over: --steps was changed where that changes
 * the schedule, and an older checkpoint may agree by its warm-up alone. */
static enum pr_code go_on(struct pr_trainer *t, struct pr_notes *notes, struct pr_error *e)
{
    char *path;
    json_t *training;
    struct pr_error why;
    enum pr_code code = find_own(t, &path, &training, notes, e);
    if (code)
        return code;
    note_all(t, notes);
    if (!path)
        return PR_OK;
    code = take_over(t, path, training, &why);
    if (!code) {
        note_isa(t, path, training);
        t->saved = t->step;
        t->last_checkpoint = path;
        pr_trainer_note(t, "going on from %s", path);
    } else if (code == PR_E_USAGE) {
        (void)!fail_other(&why, e);
    } else if (e) {
        *e = why;
    }
    if (code)
        pr_free(path);
    json_decref(training);
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
    } else if (!(code = pr_save_newest(t->o->out, INT64_MAX, &path, &training, &notes, e)) &&
               path) {
        pr_trainer_note(t,
            "%s is left aside (--resume never); checkpoints of the same step are replaced", path);
        pr_free(path);
        json_decref(training);
    }
    pr_notes_done(&notes);
    return code;
}
