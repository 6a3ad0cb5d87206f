/* Options of `proctor train`; see training.h. */
#include "cli/training.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/term.h"

#define RATES_MAX ((size_t)1 << 28) /* bytes of a file of learning rates */

static size_t index_of(const char *word, const char *const *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(word, words[i]))
            return i;
    return 0;
}

/* ---- the learning rate ---- */

static enum pr_code read_rates(struct pr_training *t, const char *path, struct pr_error *e)
{
    char *text;
    size_t n, cap = 0, line = 1;
    enum pr_code code = pr_file_read(AT_FDCWD, path, RATES_MAX, &text, &n, e);
    if (code)
        return pr_wrap(e, code, "--lr");
    for (const char *s = text + pr_utf8_bom(text, n); !code;) {
        for (; *s && strchr(" \t\r\n,", *s); s++)
            line += *s == '\n';
        if (s == text + n)
            break;
        char *end;
        double x = strtod(s, &end);
        if (end == s || (*end && !strchr(" \t\r\n,", *end)) || !isfinite(x) || x < 0)
            code = pr_fail(e, PR_E_FORMAT,
                "--lr: %s:%zu: '%.*s' is no learning rate, a number of 0 or more was expected",
                path, line, (int)strcspn(s, " \t\r\n,"), s);
        else
            PR_PUSH(t->rates, t->n_rates, cap, x);
        s = end;
    }
    pr_free(text);
    if (!code && !t->n_rates)
        code = pr_fail(e, PR_E_FORMAT, "--lr: %s holds no rates", path);
    return code;
}

static enum pr_code read_rate(struct pr_training *t, const struct pr_args *a, struct pr_error *e)
{
    static const char *const kinds[] = {"constant", "linear", "cosine"};
    struct pr_schedule *s = &t->options.schedule;
    const char *text = pr_args_text(a, "lr");
    char *end;
    s->kind = (enum pr_schedule_kind)index_of(pr_args_text(a, "schedule"), kinds, 3);
    s->warmup = pr_args_int(a, "warmup", 0);
    s->lr = t->options.scratch ? 1e-3 : t->options.lora.r ? 2e-4 : 2e-5;
    if (!text)
        return PR_OK;
    if (*text == '@') {
        if (s->kind != PR_SCHEDULE_CONSTANT || s->warmup > 0)
            return pr_fail(e, PR_E_USAGE,
                "--lr @FILE gives each step its rate: leave out --schedule and --warmup");
        enum pr_code code = read_rates(t, text + 1, e);
        s->table = t->rates;
        s->n_table = t->n_rates;
        return code;
    }
    s->lr = strtod(text, &end);
    if (!*text || *text == ' ' || *end || !isfinite(s->lr) || s->lr < 0)
        return pr_fail(
            e, PR_E_USAGE, "--lr: '%s' is neither a number of 0 or more nor @FILE", text);
    return PR_OK;
}

/* ---- the rest ---- */

static enum pr_code read_lora(struct pr_training *t, const struct pr_args *a, struct pr_error *e)
{
    static const char *const only[] = {"lora-alpha", "lora-targets"};
    struct pr_net_lora *l = &t->options.lora;
    const char *targets = pr_args_text(a, "lora-targets");
    size_t cap = 0;
    l->r = (uint32_t)pr_args_int(a, "lora-rank", 0);
    l->alpha = pr_args_real(a, "lora-alpha", 2.0 * l->r);
    for (size_t i = 0; i < 2; i++)
        if (!l->r && pr_args_given(a, only[i]))
            return pr_fail(e, PR_E_USAGE, "--%s needs --lora-rank", only[i]);
    if (l->r && t->options.scratch)
        return pr_fail(e, PR_E_USAGE, "--lora-rank needs a MODEL_DIR to adapt, not --from-scratch");
    if (!targets)
        return PR_OK;
    char *rest = t->targets = pr_strdup(targets);
    for (char *name; (name = strsep(&rest, ","));) {
        if (!*name)
            return pr_fail(e, PR_E_USAGE, "--lora-targets: '%s' holds an empty name", targets);
        PR_PUSH(t->target_names, t->n_targets, cap, name);
    }
    l->targets = t->target_names;
    l->n_targets = t->n_targets;
    return PR_OK;
}

/* The status folder of the base folder that --out lies in: the nearest parent with a proctor.yaml.
 */
static char *status_near(const char *out)
{
    char *path = NULL, *full = pr_path_absolute(out);
    for (size_t n = strlen(full); n && !path;) {
        full[n] = 0;
        char *yaml = pr_path_join(full, "proctor.yaml");
        if (pr_path_exists(yaml))
            path = pr_path_join(full, "status/training_status.json");
        pr_free(yaml);
        while (n && full[n - 1] != '/')
            n--;
        while (n && full[n - 1] == '/')
            n--;
    }
    pr_free(full);
    return path;
}

static enum pr_code read_status(struct pr_training *t, const struct pr_args *a, struct pr_error *e)
{
    const char *given = pr_args_text(a, "status");
    if (!given)
        t->status_file = status_near(t->options.out);
    else if (strcmp(given, "none"))
        t->status_file = pr_strdup(given);
    t->options.status_file = t->status_file;
    if (!t->status_file)
        return PR_OK;
    char *slash = strrchr(t->status_file, '/');
    if (!slash || slash == t->status_file)
        return PR_OK;
    *slash = 0;
    enum pr_code code = pr_mkdirs(t->status_file, e);
    *slash = '/';
    return code ? pr_wrap(e, code, "--status") : PR_OK;
}

static enum pr_code check(const struct pr_args *a, struct pr_error *e)
{
    static const char *const pairs[][2] = {{"token-batches", "data"}, {"token-batches", "order"},
        {"token-batches", "max-tokens"}, {"steps", "epochs"}, {"from-scratch", "base-model"},
        {"queue", "data"}, {"queue", "token-batches"}, {"queue", "order"}, {"queue", "epochs"}};
    bool scratch = pr_args_given(a, "from-scratch");
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        if (pr_args_given(a, pairs[i][0]) && pr_args_given(a, pairs[i][1]))
            return pr_fail(
                e, PR_E_USAGE, "--%s and --%s exclude each other", pairs[i][0], pairs[i][1]);
    if (!pr_args_given(a, "data") && !pr_args_given(a, "token-batches") &&
        !pr_args_given(a, "queue"))
        return pr_fail(
            e, PR_E_USAGE, "--data FILE… (or --queue BASE_DIR) is missing: what to train on");
    if (pr_args_given(a, "epochs-per-file") && !pr_args_given(a, "queue"))
        return pr_fail(e, PR_E_USAGE, "--epochs-per-file needs --queue");
    if (!pr_args_text(a, "out") || !*pr_args_text(a, "out"))
        return pr_fail(e, PR_E_USAGE, "--out DIR is missing: where the checkpoints go");
    if (!scratch && !a->n_positional)
        return pr_fail(e, PR_E_USAGE,
            "MODEL_DIR is missing: what to train (or --from-scratch CONFIG.json --tokenizer DIR)");
    if (scratch && a->n_positional)
        return pr_fail(
            e, PR_E_USAGE, "'%s' and --from-scratch exclude each other", a->positional[0]);
    if (scratch != pr_args_given(a, "tokenizer"))
        return pr_fail(e, PR_E_USAGE, "--from-scratch and --tokenizer go together");
    if (pr_args_given(a, "token-batches") && pr_args_given(a, "batch"))
        pr_say("train", "--batch does not count: a line of --token-batches is a batch");
    return PR_OK;
}

static void read_numbers(struct pr_train_options *o, const struct pr_args *a)
{
    static const char *const recompute[] = {"auto", "on", "off"};
    o->data.order = pr_args_text(a, "order");
    o->data.max_tokens = (uint32_t)pr_args_int(a, "max-tokens", 0);
    o->data.batch = (uint32_t)pr_args_int(a, "batch", 0);
    o->token_batches = pr_args_text(a, "token-batches");
    o->queue = pr_args_text(a, "queue");
    o->epochs_per_file = (uint32_t)pr_args_int(a, "epochs-per-file", 1);
    o->steps = pr_args_int(a, "steps", 0);
    o->epochs = pr_args_real(a, "epochs", 0);
    o->save_every = pr_args_int(a, "save-every", 0);
    o->keep = pr_args_int(a, "keep", 0);
    o->micro_rows = (uint32_t)pr_args_int(a, "micro-tokens", 0);
    o->optimizer = (struct pr_optimizer_options){.beta1 = 0.9,
        .beta2 = 0.999,
        .eps = 1e-8,
        .weight_decay = pr_args_real(a, "weight-decay", 0),
        .decay_all = !strcmp(pr_args_text(a, "decay"), "all"),
        .grad_clip = pr_args_real(a, "grad-clip", 0)};
    o->dtype = pr_args_text(a, "dtype");
    o->recompute = (enum pr_recompute)index_of(pr_args_text(a, "recompute"), recompute, 3);
    o->seed = (uint64_t)pr_args_int(a, "seed", 0);
    o->resume = strcmp(pr_args_text(a, "resume"), "never") ? PR_RESUME_AUTO : PR_RESUME_NEVER;
    o->seconds = pr_args_real(a, "seconds", 0);
    o->max_answer_tokens = (uint64_t)pr_args_int(a, "max-answer-tokens", 0);
}

enum pr_code pr_training_options(
    struct pr_training *t, const struct pr_args *a, const struct pr_session *s, struct pr_error *e)
{
    struct pr_train_options *o = &t->options;
    const char *vars = s->options.template_vars;
    enum pr_code code = check(a, e);
    if (code)
        return code;
    o->scratch = pr_args_text(a, "from-scratch");
    o->model = o->scratch ? pr_args_text(a, "tokenizer") : a->positional[0];
    o->base_model = s->options.base_model;
    o->bases = s->options.bases;
    o->n_bases = s->options.n_bases;
    o->data.files = pr_args_list(a, "data", &o->data.n_files);
    o->out = pr_args_text(a, "out");
    o->n_threads = s->options.n_threads;
    o->prompt.now_utc_ms = s->options.now_utc_ms;
    if (vars && pr_json_parse(vars, strlen(vars), PR_JSON_STRICT, NULL, &t->template_vars, NULL, e))
        return pr_wrap(e, PR_E_USAGE, "--template-var");
    o->prompt.template_vars = t->template_vars;
    read_numbers(o, a);
    if ((code = read_lora(t, a, e)) || (code = read_rate(t, a, e)))
        return code;
    if (o->schedule.table && !o->steps && !(o->epochs > 0))
        o->steps = (int64_t)o->schedule.n_table;
    return read_status(t, a, e);
}

void pr_training_options_done(struct pr_training *t)
{
    pr_free(t->rates);
    pr_free(t->targets);
    pr_free(t->target_names);
    json_decref(t->template_vars);
    pr_free(t->status_file);
    *t = (struct pr_training){0};
}
