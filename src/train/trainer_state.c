/* What a checkpoint says of its training: trainer_state.json in the Hugging Face Trainer's names,
 * and proctor/training.json, by which the same training is known again and gone on with. */
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/sha256.h"
#include "compute/kernels.h"
#include "model/trainer_state.h"
#include "train/feed.h"
#include "train/trainer_internal.h"

/* Sequences a step; of given batches, which need not be alike, the mean. */
static int64_t batch_size(const struct pr_trainer *t)
{
    const json_t *facts = t->o->queue ? NULL : pr_train_data_json(t->data);
    double sequences = json_number_value(json_object_get(facts, "sequences"));
    double batches = json_number_value(json_object_get(facts, "batches"));
    return batches > 0 ? llround(sequences / batches) : t->o->data.batch;
}

/* transformers takes each key for a field of its TrainerState and fails on one that it does not
 * know: best_global_step and stateful_callbacks, which came late and may be missing, are left out.
 */
json_t *pr_trainer_state(const struct pr_trainer *t)
{
    json_t *o = json_object();
    double epochs = t->steps ? ceil(pr_trainer_epoch(t, t->steps) - 1e-9) : 0;
    pr_json_set(o, "best_metric", json_null());
    pr_json_set(o, "best_model_checkpoint", json_null());
    pr_json_set_real(o, "epoch", pr_trainer_epoch(t, t->step), NULL);
    pr_json_set_int(o, "eval_steps", 0);
    pr_json_set_int(o, "global_step", t->step);
    pr_json_set_bool(o, "is_hyper_param_search", false);
    pr_json_set_bool(o, "is_local_process_zero", true);
    pr_json_set_bool(o, "is_world_process_zero", true);
    pr_json_set(o, "log_history", pr_trainer_log_history(t));
    pr_json_set_int(o, "logging_steps", pr_trainer_log_stride(t->step));
    pr_json_set_int(o, "max_steps", t->steps);
    pr_json_set_int(o, "num_input_tokens_seen", (int64_t)t->input_total);
    pr_json_set_int(o, "num_train_epochs", epochs < 1e15 ? (int64_t)epochs : 0);
    pr_json_set_int(o, "save_steps", t->o->save_every ? t->o->save_every : t->steps);
    pr_json_set_real(o, "total_flos", 0, NULL);
    pr_json_set_int(o, "train_batch_size", batch_size(t));
    pr_json_set(o, "trial_name", json_null());
    pr_json_set(o, "trial_params", json_null());
    return o;
}

json_t *pr_trainer_training(const struct pr_trainer *t)
{
    json_t *o = json_object();
    pr_json_set_int(o, "schema_version", 1);
    pr_json_set_int(o, "step", t->step);
    pr_json_set_int(o, "answer_tokens", (int64_t)t->answer_total);
    pr_json_set_int(o, "input_tokens", (int64_t)t->input_total);
    pr_json_set_str(o, PR_TRAINING_ISA, t->optimizer.kernels->isa);
    json_object_set(o, "settings", t->settings);
    json_object_set(o, PR_TRAINING_PLAN, t->rate_plan);
    if (t->feed) /* a file that was trained to its end is no longer the current one */
        pr_json_set(o, PR_TRAINING_QUEUE,
            pr_feed_state(t->feed, t->file_step < t->file_steps ? t->file_step : 0));
    else
        json_object_set(o, "data", (json_t *)(uintptr_t)pr_train_data_json(t->data));
    return o;
}

static enum pr_code take_log(struct pr_trainer *t, const char *checkpoint, struct pr_error *e)
{
    struct pr_trainer_state s = {0};
    struct pr_notes notes = {0};
    char *path = pr_path_join(checkpoint, "trainer_state.json");
    enum pr_code code = pr_trainer_state_read(AT_FDCWD, path, &s, &notes, e);
    if (!code && s.global_step != t->step)
        code = pr_fail(e, PR_E_FORMAT,
            "%s: 'global_step' is %lld, proctor/training.json beside it says %lld", path,
            (long long)s.global_step, (long long)t->step);
    for (size_t i = 0; i < s.n_log && !code; i++) {
        const struct pr_log_entry *l = &s.log[i];
        struct pr_train_log x = {l->step, l->epoch, l->loss, l->grad_norm, l->learning_rate};
        if (l->has & PR_LOG_LOSS)
            PR_PUSH(t->log, t->n_log, t->log_cap, x);
    }
    pr_trainer_state_done(&s);
    pr_notes_done(&notes);
    pr_free(path);
    return code;
}

/* The steps that were made had the rates that this training's would have: of a file of rates, and
 * of a schedule over another number of steps, only that counts.  Of a log that was thinned out the
 * lines that are there. */
static enum pr_code same_rates(
    const struct pr_trainer *t, const char *checkpoint, struct pr_error *e)
{
    for (size_t i = 0; i < t->n_log; i++) {
        double then = t->log[i].learning_rate, now = pr_schedule_at(&t->schedule, t->log[i].step);
        if (then < now || then > now)
            return pr_fail(e, PR_E_USAGE,
                "%s is of another training (step %lld had the learning rate %.9g, now it would be "
                "%.9g)",
                checkpoint, (long long)t->log[i].step, then, now);
    }
    return PR_OK;
}

enum pr_code pr_trainer_state_resume(
    struct pr_trainer *t, const char *checkpoint, const json_t *training, struct pr_error *e)
{
    int64_t step = 0, answer = 0, input = 0;
    enum pr_code code = pr_json_get_int(training, "step", true, 1, (int64_t)1e15, &step, e);
    if (!code)
        code = pr_json_get_int(training, "answer_tokens", true, 0, INT64_MAX, &answer, e);
    if (!code)
        code = pr_json_get_int(training, "input_tokens", true, 0, INT64_MAX, &input, e);
    if (code)
        return pr_wrap(e, code, "%s/proctor/training.json", checkpoint);
    if (t->o->queue && !(t->feed_state = json_incref(json_object_get(training, PR_TRAINING_QUEUE))))
        return pr_fail(e, PR_E_FORMAT,
            "%s/proctor/training.json: '" PR_TRAINING_QUEUE "' is missing", checkpoint);
    t->step = step;
    t->answer_total = (uint64_t)answer;
    t->input_total = (uint64_t)input;
    code = take_log(t, checkpoint, e);
    if (!code)
        code = same_rates(t, checkpoint, e);
    if (!code && t->n_log) {
        const struct pr_train_log *l = &t->log[t->n_log - 1];
        t->last = (struct pr_train_step){.step = step,
            .loss = l->loss,
            .epoch = l->epoch,
            .learning_rate = l->learning_rate,
            .grad_norm = l->grad_norm};
    }
    return code;
}

/* ---- settings ---- */

static void hash_json(json_t *o, const char *key, const json_t *v)
{
    struct pr_str text = PR_STR_INIT((size_t)1 << 30);
    uint8_t digest[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX];
    pr_json_dump_canonical(v, &text);
    pr_sha256(pr_str_cstr(&text), text.len, digest);
    pr_sha256_hex(digest, hex);
    pr_json_set_str(o, key, hex);
    pr_str_done(&text);
}

static void put_rates(json_t *o, const struct pr_schedule *s)
{
    static const char *const kinds[] = {"constant", "linear", "cosine"};
    pr_json_set_str(o, "schedule", s->table ? "a file" : kinds[s->kind]);
    if (s->table)
        return;
    pr_json_set_real(o, "lr", s->lr, NULL);
    pr_json_set_int(o, "warmup", s->warmup);
}

/* What the settings do not tell of the rates to the last step: how many steps a falling schedule is
 * over, which rates a file has. */
static json_t *rate_plan(const struct pr_schedule *s)
{
    uint8_t digest[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX];
    if (!s->table)
        return s->kind == PR_SCHEDULE_CONSTANT ? json_null() : json_integer(s->steps);
    pr_sha256(s->table, (size_t)s->steps * sizeof *s->table, digest);
    pr_sha256_hex(digest, hex);
    return json_string(hex);
}

static void put_lora(json_t *o, const struct pr_net_lora *l)
{
    if (!l || !l->r)
        return;
    pr_json_set_int(o, "lora_rank", l->r);
    pr_json_set_real(o, "lora_alpha", l->alpha, NULL);
    json_t *targets = json_array();
    for (size_t i = 0; i < l->n_targets; i++)
        json_array_append_new(targets, json_string(l->targets[i]));
    pr_json_set(o, "lora_targets", targets);
}

/* The model that it starts from: a checkpoint's fingerprint, or the shape of a new one. */
static enum pr_code put_model(struct pr_trainer *t, json_t *o, struct pr_error *e)
{
    char hex[PR_SHA256_HEX];
    if (!t->o->scratch) {
        enum pr_code code = pr_checkpoint_fingerprint(t->checkpoint, t->o->n_threads, hex, e);
        if (!code)
            pr_json_set_str(o, "model", hex);
        return code;
    }
    json_t *config = pr_model_config_canonical(pr_net_config(t->net));
    hash_json(o, "new_model", config);
    pr_json_set_real(o, "initializer_range", t->std, NULL);
    json_decref(config);
    return PR_OK;
}

/* In place of the data, which a queue's are not known of: how they are read. */
static void put_queue(const struct pr_trainer *t, json_t *o)
{
    char hex[PR_SHA256_HEX];
    pr_sha256_hex(pr_tokenizer_digest(pr_prompter_tokenizer(t->prompter)), hex);
    pr_json_set_str(o, "data", "a queue");
    pr_json_set_str(o, "tokenizer", hex);
    pr_json_set_int(o, "epochs_per_file", t->o->epochs_per_file);
    pr_json_set_int(o, "max_tokens", t->o->data.max_tokens);
    pr_json_set_int(o, "date", t->o->prompt.now_utc_ms);
    if (t->o->prompt.template_vars)
        hash_json(o, "template_vars", t->o->prompt.template_vars);
}

enum pr_code pr_trainer_settings(struct pr_trainer *t, json_t **ret, struct pr_error *e)
{
    const struct pr_train_options *o = t->o;
    const struct pr_optimizer_options *a = &o->optimizer;
    json_t *s = json_object();
    enum pr_code code = put_model(t, s, e);
    if (code) {
        json_decref(s);
        return code;
    }
    if (o->queue)
        put_queue(t, s);
    else
        pr_json_set_str(s, "data", pr_train_data_fingerprint(t->data));
    pr_json_set_int(s, "seed", (int64_t)o->seed);
    if (!o->token_batches)
        pr_json_set_int(s, "batch", o->data.batch);
    pr_json_set_int(s, "micro_tokens", t->micro_rows); /* sums are in another order with others */
    pr_json_set_str(s, "dtype", t->bf16 ? "bf16" : "f32");
    put_rates(s, &t->schedule);
    put_lora(s, pr_net_lora_of(t->net));
    pr_json_set_real(s, "beta1", a->beta1, NULL);
    pr_json_set_real(s, "beta2", a->beta2, NULL);
    pr_json_set_real(s, "eps", a->eps, NULL);
    pr_json_set_real(s, "weight_decay", a->weight_decay, NULL);
    pr_json_set_str(s, "decay", a->decay_all ? "all" : "matrices");
    pr_json_set_real(s, "grad_clip", a->grad_clip, NULL);
    t->rate_plan = rate_plan(&t->schedule);
    *ret = s;
    return PR_OK;
}
