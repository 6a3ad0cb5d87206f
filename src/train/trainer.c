/* The loop of a training; see trainer.h. */
#include "train/trainer.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "train/trainer_internal.h"

/* Forward and backward over a batch, in passes of whole sequences that keep to micro_rows. */
static enum pr_code learn(struct pr_trainer *t, const struct pr_batch *b, uint64_t counted,
    double *ret_nll, struct pr_error *e)
{
    double nll = 0;
    pr_net_zero_gradients(t->net);
    for (uint32_t at = 0, next; at < b->n_sequences; at = next) {
        uint32_t from = b->starts[at];
        for (next = at + 1; next < b->n_sequences; next++)
            if (b->starts[next + 1] - from > t->micro_rows)
                break;
        uint32_t n = next - at;
        uint32_t *starts = pr_realloc(NULL, (size_t)n + 1, sizeof *starts);
        for (uint32_t i = 0; i <= n; i++)
            starts[i] = b->starts[at + i] - from;
        struct pr_batch part = {b->ids + from, b->targets + from, starts[n], starts, n};
        struct pr_pass pass = {0};
        enum pr_code code = pr_net_pass(t->net, &part, 1 / (double)counted, &pass, e);
        pr_free(starts);
        if (code)
            return code;
        nll += pass.nll;
    }
    *ret_nll = nll;
    return PR_OK;
}

/* The step that comes next.  On failure nothing of it is kept. */
static enum pr_code make_step(struct pr_trainer *t, struct pr_error *e)
{
    struct pr_batch b;
    struct pr_train_step s = {
        .step = t->step + 1, .steps = t->steps, .loss = NAN, .grad_norm = NAN};
    int64_t began = pr_clock_monotonic_ns();
    double nll = 0;
    int64_t of_data = t->feed ? t->file_step + 1 : s.step;
    enum pr_code code = pr_train_data_batch(t->data, of_data, &b, &s.tokens, e);
    s.learning_rate = pr_schedule_at(&t->schedule, s.step);
    if (!code && s.tokens) {
        code = learn(t, &b, s.tokens, &nll, e);
        s.loss = nll / (double)s.tokens;
        if (!code && !isfinite(nll))
            code = pr_fail(e, PR_E_NUMBER, "the loss is not finite");
        if (!code)
            code = pr_optimizer_step(&t->optimizer, s.learning_rate, &s.grad_norm, e);
    }
    if (code == PR_E_NUMBER)
        return pr_wrap(e, code,
            "step %lld is refused, the training stops (a smaller --lr or a "
            "--warmup may help)",
            (long long)s.step);
    if (code)
        return pr_wrap(e, code, "step %lld", (long long)s.step);
    t->step = s.step;
    t->answer_total += s.tokens;
    t->input_total += b.n_rows;
    s.rows = b.n_rows;
    s.sequences = b.n_sequences;
    s.epoch = pr_trainer_epoch(t, s.step);
    s.answer_total = t->answer_total;
    s.seconds = (double)(pr_clock_monotonic_ns() - began) / 1e9;
    t->last = s;
    if (s.tokens) {
        struct pr_train_log l = {s.step, s.epoch, s.loss, s.grad_norm, s.learning_rate};
        pr_trainer_log_add(t, &l);
    }
    if (t->feed)
        pr_trainer_fed(t);
    return PR_OK;
}

/* Rates as a page shows them: the last steps count most. */
static void measure(struct pr_trainer *t)
{
    const struct pr_train_step *s = &t->last;
    double keep = t->seconds > 0 ? 0.9 : 0, by = s->seconds > 0 ? (1 - keep) / s->seconds : 0;
    t->seconds = keep * t->seconds + (1 - keep) * s->seconds;
    t->rate = keep * t->rate + by * (double)s->rows;
    t->examples_rate = keep * t->examples_rate + by * (double)s->sequences;
}

void pr_trainer_keep(struct pr_trainer *t)
{
    struct pr_error e;
    if (!pr_save_keep(t->o->out, t->saved, t->o->keep, t->o->model, &e) ||
        (t->keep_said && !strcmp(t->keep_said, e.message)))
        return;
    pr_trainer_note(t, "--keep: %s; it stays, and the training goes on", e.message);
    pr_free(t->keep_said);
    t->keep_said = pr_strdup(e.message);
}

static enum pr_code save(struct pr_trainer *t, struct pr_error *e)
{
    if (t->saved == t->step)
        return PR_OK;
    if (!pr_optimizer_finite(&t->optimizer))
        return pr_fail(e, PR_E_NUMBER,
            "step %lld made parameters that are not finite; no checkpoint is written (a smaller "
            "--lr or a --warmup may help)",
            (long long)t->step);
    json_t *state = pr_trainer_state(t), *training = pr_trainer_training(t);
    struct pr_save s = {.out = t->o->out,
        .model = t->o->model,
        .source = t->source,
        .end_of_turn = t->prompter ? pr_prompter_end_of_turn(t->prompter) : -1,
        .net = t->net,
        .optimizer = &t->optimizer,
        .dtype = t->bf16 ? PR_BF16 : PR_F32,
        .trainer_state = state,
        .training = training};
    enum pr_code code = pr_save_checkpoint(&s, t->step, e);
    json_decref(state);
    json_decref(training);
    if (code)
        return code;
    struct pr_str name = PR_STR_INIT(64);
    pr_str_printf(&name, "checkpoint-%lld", (long long)t->step);
    pr_free(t->last_checkpoint);
    t->last_checkpoint = pr_path_join(t->o->out, pr_str_cstr(&name));
    pr_str_done(&name);
    t->saved = t->step;
    if (t->feed)
        pr_trainer_feed_saved(t);
    pr_trainer_keep(t);
    return PR_OK;
}

static bool limit_reached(const struct pr_trainer *t)
{
    double seconds = (double)(pr_clock_monotonic_ns() - t->started_ns) / 1e9;
    return (t->o->max_answer_tokens && t->answer_total >= t->o->max_answer_tokens) ||
           (t->o->seconds > 0 && seconds >= t->o->seconds);
}

/* Where a folder that is to stay has the present step's name, a stop waits for the next one. */
static bool can_stop(const struct pr_trainer *t)
{
    struct pr_error e;
    return t->saved == t->step ||
           !pr_save_check_places(t->o->out, t->step - 1, 0, t->step, t->o->model, &e);
}

/* Sees that there is data for the next step; waits for it where a queue is empty.  *ret_fed false:
 * the caller wishes to stop, or a limit is reached, before there is. */
static enum pr_code feed(struct pr_trainer *t, struct pr_train_result *ret, bool *stop,
    bool *ret_fed, struct pr_error *e)
{
    *ret_fed = !t->feed;
    while (!*ret_fed) {
        enum pr_code code = pr_trainer_feed(t, ret_fed, e);
        if (code == PR_E_CANCELLED) {
            *stop = true;
            *ret_fed = false;
            return PR_OK;
        }
        if (code || *ret_fed)
            return code;
        pr_trainer_wait(t);
        *stop = *stop || (t->o->stopped && t->o->stopped(t->o->ctx));
        ret->limit = limit_reached(t);
        if (*stop || ret->limit)
            return PR_OK;
    }
    return PR_OK;
}

/* Steps until the last, a limit, or the caller's wish to stop; a checkpoint of the last one. */
static enum pr_code run(struct pr_trainer *t, struct pr_train_result *ret, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    bool stop = false;
    ret->limit = t->step && t->o->max_answer_tokens && t->answer_total >= t->o->max_answer_tokens;
    while (!code && !((stop || ret->limit) && can_stop(t)) && (!t->steps || t->step < t->steps)) {
        bool fed;
        if ((code = feed(t, ret, &stop, &fed, e)) || !fed)
            break;
        if ((code = make_step(t, e)))
            break;
        measure(t);
        stop = t->o->on_step && t->o->on_step(t->o->ctx, &t->last);
        ret->limit = t->step != t->steps && limit_reached(t);
        if (t->o->save_every && t->step % t->o->save_every == 0)
            code = save(t, e);
        pr_trainer_tell(t, "training", NULL);
    }
    if (!code)
        code = save(t, e);
    if (!code && stop && t->step != t->steps)
        code = t->step ? pr_fail(e, PR_E_CANCELLED, "stopped after step %lld", (long long)t->step)
                       : pr_fail(e, PR_E_CANCELLED, "stopped before the first step");
    return code;
}

enum pr_code pr_train(
    const struct pr_train_options *o, struct pr_train_result *ret, struct pr_error *e)
{
    struct pr_trainer t = {.o = o, .lock = -1, .started_ns = pr_clock_monotonic_ns()};
    struct pr_error own;
    struct pr_error *said = e ? e : &own;
    *ret = (struct pr_train_result){0};
    enum pr_code code = pr_trainer_open(&t, said);
    if (code)
        pr_trainer_undo(&t);
    bool begun = !code && !(t.steps && t.step > t.steps);
    ret->from = t.step;
    ret->steps = t.steps;
    /* What is refused before it began is a command line, not a training; and one that is past its
     * steps already has said so.  The status file stays as it is then. */
    if (begun) {
        pr_trainer_tell(&t, "training", NULL);
        if (t.saved) /* it may have been killed between the save and this */
            pr_trainer_keep(&t);
        code = run(&t, ret, said);
        pr_trainer_tell(&t,
            code == PR_E_CANCELLED ? "stopped"
            : code                 ? "failed"
                                   : "completed",
            code && code != PR_E_CANCELLED ? said->message : NULL);
    }
    ret->step = t.step;
    ret->checkpoint = t.last_checkpoint;
    t.last_checkpoint = NULL;
    pr_trainer_done(&t);
    return code;
}
