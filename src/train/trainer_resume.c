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

/* PR_E_USAGE where it is another training's: t may have taken some of it over then. */
static enum pr_code take_over(
    struct pr_trainer *t, const char *checkpoint, const json_t *training, struct pr_error *e)
{
    enum pr_code code = same_training(t, checkpoint, training, e);
    if (!code)
        code = pr_trainer_state_resume(t, checkpoint, training, e);
    return code ? code : pr_save_restore(checkpoint, t->net, &t->optimizer, e);
}

static void begin_anew(struct pr_trainer *t)
{
    t->step = 0;
    t->answer_total = t->input_total = 0;
    t->n_log = 0;
    t->last = (struct pr_train_step){0};
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

/* From the newest of this training.  Where others write to the same folder, theirs are passed over;
 * where there are only theirs, that is an error: a folder mistyped, or an option. */
static enum pr_code go_on(struct pr_trainer *t, struct pr_notes *notes, struct pr_error *e)
{
    struct pr_error first, why;
    size_t others = 0;
    enum pr_code code;
    char *path;
    json_t *training;
    for (int64_t before = INT64_MAX;;) {
        code = pr_save_newest(t->o->out, before, &path, &training, notes, e);
        if (code || !path)
            break;
        before = json_integer_value(json_object_get(training, "step"));
        code = take_over(t, path, training, &why);
        if (!code)
            note_isa(t, path, training);
        json_decref(training);
        if (code != PR_E_USAGE)
            break;
        begin_anew(t);
        if (!others++)
            first = why;
        pr_notes_add(notes, "%s: passed over, and replaced when this training comes to its step",
            why.message);
        pr_free(path);
    }
    if (!code && !path && others)
        return pr_fail(
            e, PR_E_USAGE, "--out: %s: give another folder, or --resume never", first.message);
    note_all(t, notes);
    if (!path)
        return code;
    if (code) {
        pr_free(path);
        if (e)
            *e = why;
        return code;
    }
    t->saved = t->step;
    t->last_checkpoint = path;
    pr_trainer_note(t, "going on from %s", path);
    return PR_OK;
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
