/* Opening a training: the model or a new one, the data, how many steps there are to be. */
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "train/feed.h"
#include "train/trainer_internal.h"

#define F32_BELOW   200000000 /* parameters: auto is f32 below, as the engine has it */
#define CONFIG_MAX  ((size_t)1 << 20)
#define PASS_BYTES  ((size_t)1 << 30) /* of activations that a pass should keep to */
#define LEAST_ROWS  512
#define MOST_ROWS   8192
#define DEFAULT_STD 0.02 /* transformers' initializer_range */

void pr_trainer_note(const struct pr_trainer *t, const char *fmt, ...)
{
    char text[2048];
    va_list args;
    if (!t->o->on_note)
        return;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    t->o->on_note(t->o->ctx, text);
}

/* Rows whose activations fit into PASS_BYTES, kept per layer as backward needs them. */
static uint32_t choose_rows(const struct pr_model_config *c)
{
    size_t heads = (size_t)(c->n_heads + 2 * c->n_kv_heads) * c->head_dim;
    size_t row = c->n_layers * (6 * (size_t)c->hidden + 3 * (size_t)c->intermediate + 2 * heads);
    size_t rows = PASS_BYTES / ((row + c->vocab) * sizeof(float));
    return (uint32_t)(rows < LEAST_ROWS ? LEAST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows);
}

static struct pr_net_options net_options(struct pr_trainer *t, const struct pr_model_config *c)
{
    const struct pr_train_options *o = t->o;
    bool small = pr_model_config_parameters(c) < F32_BELOW;
    t->bf16 = !strcmp(o->dtype, "bf16") || (!strcmp(o->dtype, "auto") && !small);
    t->micro_rows = o->micro_rows ? o->micro_rows : choose_rows(c);
    return (struct pr_net_options){
        .bf16 = t->bf16, .lora = o->lora, .recompute = o->recompute, .seed = o->seed};
}

/* Dropout is not computed: a file that asks for it is to hear so. */
static void note_dropout(const struct pr_trainer *t, const char *path, const char *key)
{
    json_t *v = NULL;
    if (pr_json_read(AT_FDCWD, path, CONFIG_MAX, PR_JSON_LENIENT, &v, NULL))
        return; /* whether it can be read is said elsewhere */
    double share = json_number_value(json_object_get(v, key));
    if (share > 0)
        pr_trainer_note(t, "%s: '%s' is %g, but proctor trains without dropout", path, key, share);
    json_decref(v);
}

static void note_dropouts(const struct pr_trainer *t)
{
    char *config = t->o->scratch
                       ? pr_strdup(t->o->scratch)
                       : pr_path_join(pr_checkpoint_config_dir(t->checkpoint), "config.json");
    note_dropout(t, config, "attention_dropout");
    pr_free(config);
    if (t->o->scratch || !pr_checkpoint_is_adapter(t->checkpoint))
        return;
    config = pr_path_join(t->o->model, "adapter_config.json");
    note_dropout(t, config, "lora_dropout");
    pr_free(config);
}

/* The shape of a new model, checked against the tokenizer that it is to have. */
static enum pr_code read_config(
    struct pr_trainer *t, struct pr_model_config *ret, double *ret_std, struct pr_error *e)
{
    const char *path = t->o->scratch;
    const struct pr_tokenizer *tokenizer;
    struct pr_notes notes = {0};
    json_t *v = NULL;
    *ret_std = DEFAULT_STD;
    enum pr_code code = pr_json_read(AT_FDCWD, path, CONFIG_MAX, PR_JSON_STRICT, &v, e);
    if (code)
        return pr_wrap(e, code, "--from-scratch");
    if ((code = pr_model_config_parse(v, ret, &notes, e)) ||
        (code = pr_json_get_real(v, "initializer_range", false, 0, 10, ret_std, e)))
        code = pr_wrap(e, code, "--from-scratch: %s", path);
    for (size_t i = 0; i < notes.n; i++)
        pr_trainer_note(t, "%s: %s", path, notes.v[i]);
    pr_notes_done(&notes);
    t->config = v;
    if (code || (code = pr_checkpoint_tokenizer(t->checkpoint, &tokenizer, e)))
        return code;
    int32_t size = pr_tokenizer_size(tokenizer);
    if ((uint32_t)size > ret->vocab)
        return pr_fail(e, PR_E_FORMAT,
            "--from-scratch: %s: 'vocab_size' is %u, the tokenizer in %s has %d ids: set it to %d "
            "or more",
            path, ret->vocab, t->o->model, size, size);
    return PR_OK;
}

static enum pr_code open_new(struct pr_trainer *t, struct pr_error *e)
{
    struct pr_checkpoint_options co = {0};
    struct pr_model_config *c = pr_zalloc(sizeof *c);
    enum pr_code code = pr_checkpoint_open(t->o->model, &co, &t->checkpoint, e);
    if (code)
        code = pr_wrap(e, code, "--tokenizer");
    else if (!(code = read_config(t, c, &t->std, e))) {
        struct pr_net_options no = net_options(t, c);
        code = pr_net_new(c, t->std, &no, t->pool, &t->net, e);
    }
    pr_free(c);
    return code;
}

static enum pr_code open_model(struct pr_trainer *t, struct pr_error *e)
{
    struct pr_checkpoint_options co = {.base_model = t->o->base_model,
        .bases = t->o->bases,
        .n_bases = t->o->n_bases,
        .weights = true};
    enum pr_code code = pr_checkpoint_open(t->o->model, &co, &t->checkpoint, e);
    if (code)
        return code;
    const struct pr_notes *notes = pr_checkpoint_notes(t->checkpoint);
    for (size_t i = 0; i < notes->n; i++)
        pr_trainer_note(t, "%s: %s", pr_checkpoint_name(t->checkpoint), notes->v[i]);
    if (t->o->lora.r && pr_checkpoint_is_adapter(t->checkpoint))
        return pr_fail(e, PR_E_USAGE,
            "--lora-rank: %s is an adapter already: it goes on with its own rank, alpha and "
            "modules; leave the lora options out",
            pr_checkpoint_name(t->checkpoint));
    struct pr_net_options no = net_options(t, pr_checkpoint_config(t->checkpoint));
    return pr_net_open(t->checkpoint, &no, t->pool, &t->net, e);
}

struct pr_train_data_options pr_trainer_data_options(const struct pr_trainer *t)
{
    const struct pr_model_config *c = pr_net_config(t->net);
    struct pr_train_data_options d = t->o->data;
    d.stopped = t->o->stopped;
    d.ctx = t->o->ctx;
    d.end = t->o->scratch && c->n_eos ? c->eos[0] : -1;
    d.seed = t->o->seed;
    return d;
}

static enum pr_code open_data(struct pr_trainer *t, struct pr_error *e)
{
    const struct pr_train_options *o = t->o;
    const struct pr_model_config *c = pr_net_config(t->net);
    struct pr_train_data_options d = pr_trainer_data_options(t);
    if (o->token_batches)
        return pr_train_data_load_batches(o->token_batches, c, &d, &t->data, e);
    enum pr_code code = pr_prompter_new(t->checkpoint, &o->prompt, &t->prompter, e);
    if (code)
        return code;
    if (pr_prompter_end_of_turn(t->prompter) < 0 && d.end < 0)
        pr_trainer_note(t, "the model has no end token (no chat template, no eos_token): it will "
                           "not learn where an answer ends");
    return o->queue ? PR_OK : pr_train_data_load(t->prompter, c, &d, &t->data, e);
}

double pr_trainer_epoch(const struct pr_trainer *t, int64_t step)
{
    if (!t->o->queue)
        return pr_train_data_epoch(t->data, step);
    return t->steps ? (double)step / (double)t->steps : 0;
}

void pr_trainer_note_data(const struct pr_trainer *t)
{
    if (!t->data)
        return;
    const json_t *facts = pr_train_data_json(t->data);
    json_int_t empty = json_integer_value(json_object_get(facts, "empty_batches"));
    size_t i;
    json_t *warning;
    json_array_foreach (json_object_get(facts, "warnings"), i, warning)
        pr_trainer_note(t, "%s", json_string_value(warning));
    if (empty)
        pr_trainer_note(t,
            "%lld batch%s without a label that counts: skipped when their turn comes",
            (long long)empty, empty == 1 ? "" : "es");
}

/* How many steps there will be, and the schedule over them. */
static enum pr_code plan(struct pr_trainer *t, struct pr_error *e)
{
    const struct pr_train_options *o = t->o;
    bool limited = o->seconds > 0 || o->max_answer_tokens || o->queue;
    double epochs = o->epochs > 0 ? o->epochs : limited ? 0 : 1;
    t->steps = o->steps;
    if (!t->steps && epochs > 0) { /* the first step after which so many have passed */
        double steps = ceil(epochs / pr_train_data_epoch(t->data, 1) - 1e-9);
        t->steps = steps < 1 ? 1 : steps < 1e15 ? (int64_t)steps : (int64_t)1e15;
    }
    t->schedule = o->schedule;
    t->schedule.steps = t->steps;
    const struct pr_schedule *s = &t->schedule;
    if (!t->steps && !s->table && s->kind != PR_SCHEDULE_CONSTANT)
        return pr_fail(e, PR_E_USAGE,
            "--schedule: linear and cosine need to know the last step: give --steps or --epochs");
    if (s->table && (!t->steps || (size_t)t->steps > s->n_table))
        return pr_fail(e, PR_E_USAGE,
            "--lr: the file has %zu rates, for %lld steps: give --steps %zu", s->n_table,
            (long long)t->steps, s->n_table);
    if (!s->table && t->steps && s->warmup >= t->steps)
        pr_trainer_note(t,
            "--warmup %lld is still going on at the last of %lld steps: the rate never reaches "
            "--lr",
            (long long)s->warmup, (long long)t->steps);
    return PR_OK;
}

/* One line about what is going to happen. */
static void introduce(struct pr_trainer *t)
{
    const struct pr_model_config *c = pr_net_config(t->net);
    const struct pr_net_lora *lora = pr_net_lora_of(t->net);
    struct pr_str text = PR_STR_INIT(4096);
    size_t n;
    pr_net_values(t->net, &n);
    pr_str_printf(
        &text, "%s, %.1f M parameters", c->arch->name, (double)pr_model_config_parameters(c) / 1e6);
    if (lora && lora->r)
        pr_str_printf(&text, ", a LoRA of rank %u with %.3g M trained", lora->r, (double)n / 1e6);
    pr_str_printf(
        &text, ", dtype %s, %d threads; ", t->bf16 ? "bf16" : "f32", pr_pool_threads(t->pool));
    if (t->data)
        pr_str_printf(&text, "%zu %s", pr_train_data_size(t->data),
            t->o->token_batches ? "batches" : "examples");
    else
        pr_str_printf(&text, "the files of %s/queue", t->o->queue);
    if (t->steps)
        pr_str_printf(&text, ", %lld steps", (long long)t->steps);
    if (t->steps && t->data)
        pr_str_printf(&text, " (%.3g epochs)", pr_train_data_epoch(t->data, t->steps));
    pr_trainer_note(t, "%s", pr_str_cstr(&text));
    pr_str_done(&text);
}

/* Cuts the last component off. */
static void to_parent(char *path)
{
    size_t n = strlen(path);
    for (int slashes = 1; slashes >= 0; slashes--) {
        while (n && path[n - 1] == '/')
            n--;
        while (slashes && n && path[n - 1] != '/')
            n--;
    }
    path[n] = 0;
}

/* How many of the folders of `out` are not there yet. */
static size_t count_missing(const char *out)
{
    size_t n = 0;
    char *path = pr_strdup(out);
    for (; *path && !pr_path_exists(path); n++)
        to_parent(path);
    pr_free(path);
    return n;
}

void pr_trainer_undo(struct pr_trainer *t)
{
    char *path = pr_strdup(t->o->out);
    for (; t->lock >= 0 && t->made && !rmdir(path);
         t->made--) /* not what others have used meanwhile */
        to_parent(path);
    pr_free(path);
}

/* A continued adapter's base is read all the time and named by each checkpoint; in `out` a save or
 * --keep could take it away. */
static enum pr_code check_base(const struct pr_trainer *t, struct pr_error *e)
{
    struct stat in, out;
    if (t->o->scratch || !pr_checkpoint_is_adapter(t->checkpoint))
        return PR_OK;
    char base[PATH_MAX];
    if (!realpath(pr_checkpoint_config_dir(t->checkpoint), base))
        return PR_OK;
    char *parent = pr_path_join(base, "..");
    bool inside = !stat(parent, &in) && !stat(t->o->out, &out) && in.st_dev == out.st_dev &&
                  in.st_ino == out.st_ino;
    enum pr_code code = inside ? pr_fail(e, PR_E_USAGE,
                                     "--out: the adapter's base model %s lies in it, where "
                                     "checkpoints are replaced and removed: give another folder",
                                     base)
                               : PR_OK;
    pr_free(parent);
    return code;
}

static enum pr_code ask(const struct pr_trainer *t, struct pr_error *e)
{
    bool stopped = t->o->stopped && t->o->stopped(t->o->ctx);
    return stopped ? pr_fail(e, PR_E_CANCELLED, "stopped before the first step") : PR_OK;
}

enum pr_code pr_trainer_open(struct pr_trainer *t, struct pr_error *e)
{
    const struct pr_train_options *o = t->o;
    t->made = count_missing(o->out);
    enum pr_code code = pr_save_lock(o->out, &t->lock, e);
    if (code || (code = pr_pool_new(o->n_threads, &t->pool, e)) ||
        (code = o->scratch ? open_new(t, e) : open_model(t, e)) || (code = check_base(t, e)) ||
        (code = ask(t, e)) ||
        (code = pr_save_source_read(o->model, t->config, t->net, &t->source, e)) ||
        (code = open_data(t, e)))
        return code;
    note_dropouts(t);
    pr_trainer_note_data(t);
    if ((code = plan(t, e)) ||
        (code = pr_optimizer_init(&t->optimizer, t->net, t->pool, &o->optimizer, e)) ||
        (code = pr_trainer_settings(t, &t->settings, e)) || (code = ask(t, e)))
        return code;
    introduce(t);
    if ((code = pr_trainer_resume(t, e)) ||
        (code = pr_save_check_places(o->out, t->step, o->save_every, t->steps, o->model, e)) ||
        (o->queue && (code = pr_trainer_feed_open(t, e))))
        return code;
    return ask(t, e);
}

void pr_trainer_done(struct pr_trainer *t)
{
    pr_optimizer_done(&t->optimizer);
    pr_train_data_free(t->data);
    pr_feed_free(t->feed);
    json_decref(t->feed_state);
    pr_prompter_free(t->prompter);
    pr_net_free(t->net);
    pr_checkpoint_free(t->checkpoint);
    pr_pool_free(t->pool);
    pr_save_source_free(t->source);
    json_decref(t->config);
    json_decref(t->settings);
    json_decref(t->rate_plan);
    pr_free(t->log);
    pr_free(t->last_checkpoint);
    pr_free(t->keep_said);
    pr_free(t->feed_said);
    if (t->lock >= 0)
        close(t->lock);
}
