/* proctor complete: continue sequences. */
#include <proctor.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "cli/commands.h"
#include "cli/filter.h"
#include "cli/rows.h"
#include "cli/session.h"

struct job {
    struct proctor_model *model;
    struct pr_filter *filter;
    struct proctor_generation settings;
    size_t n;
    struct proctor_generation items[PR_FILTER_WINDOW];
    size_t row[PR_FILTER_WINDOW]; /* of each item */
};

static enum pr_code put_row(
    struct job *j, const struct proctor_generation *g, struct pr_str *out, struct pr_error *e)
{
    char *text = NULL;
    size_t len = 0;
    if (g->bad_number)
        return pr_fail(e, PR_E_NUMBER, "NaN or infinity came up in the model's logits");
    enum pr_code code = proctor_detokenize(j->model, g->new_ids, g->n_new, true, &text, &len, e);
    if (code && code != PR_E_NOT_FOUND)
        return code;
    pr_str_puts(out, "{\"ids\":");
    pr_row_put_ids(out, g->new_ids, g->n_new);
    if (code)
        pr_str_puts(out, ",\"text\":null,\"text_reason\":\"the model has no tokenizer.json\"");
    else
        pr_row_put_text(out, "text", text, len);
    pr_str_puts(out, ",\"logprobs\":");
    pr_row_put_reals(out, g->logprobs, g->n_new);
    pr_str_printf(out, ",\"finish\":\"%s\",\"dtype\":\"%s\"}", g->stopped ? "stop" : "length",
        proctor_dtype_used(j->model));
    proctor_free(text);
    return PR_OK;
}

static int finished(void *ctx, size_t k)
{
    struct job *j = ctx;
    struct pr_filter_row *row = &j->filter->rows[j->row[k]];
    struct pr_error e;
    if (put_row(j, &j->items[k], &row->out, &e))
        pr_filter_refuse(j->filter, j->row[k], &e);
    else
        pr_filter_ready(j->filter, j->row[k]);
    return 0;
}

static int progress(void *ctx, uint64_t done, uint64_t total)
{
    struct job *j = ctx;
    return pr_filter_progress(j->filter, (double)done, (double)total, (double)done);
}

static void collect(struct job *j, size_t i)
{
    struct pr_filter_row *row = &j->filter->rows[i];
    struct pr_error e;
    int32_t *ids = NULL;
    size_t n = 0;
    bool messages =
        json_object_get(row->in.row, "messages") && !json_object_get(row->in.row, "ids");
    enum pr_code code = messages ? proctor_prompt(j->model, row->in.text, row->in.len, &ids, &n, &e)
                                 : pr_row_ids(row->in.row, "prompt", j->model, &ids, &n, &e);
    if (!code)
        code = proctor_check_ids(j->model, ids, n, &e);
    if (!code && n == proctor_max_positions(j->model))
        code = pr_fail(&e, PR_E_LIMIT, "%zu ids fill all of the model's positions", n);
    if (code) {
        proctor_free(ids);
        pr_filter_refuse(j->filter, i, &e);
        return;
    }
    struct pr_rng rng;
    pr_rng_seed(&rng, j->settings.seed + row->in.number);
    j->items[j->n] = j->settings;
    j->items[j->n].ids = ids;
    j->items[j->n].n = n;
    j->items[j->n].seed = pr_rng_u64(&rng);
    j->row[j->n++] = i;
}

static bool batch(struct pr_filter *f, void *ctx)
{
    struct job *j = ctx;
    struct proctor_watch watch = {progress, finished, j};
    struct pr_error e;
    j->filter = f;
    j->n = 0;
    for (size_t i = 0; i < f->n; i++)
        if (!f->rows[i].ready)
            collect(j, i);
    enum pr_code code = proctor_generate(j->model, j->items, j->n, &watch, &e);
    if (code)
        pr_filter_fail(f, &e);
    for (size_t k = 0; k < j->n; k++) {
        f->count += (double)(j->items[k].n + j->items[k].n_new);
        proctor_free((void *)(uintptr_t)j->items[k].ids);
        proctor_generation_done(&j->items[k]);
    }
    return !code;
}

static int run(const struct pr_args *a)
{
    struct pr_session s;
    int status = pr_session_init(&s, a, false);
    if (status)
        return status;
    struct job *j = pr_zalloc(sizeof *j);
    j->settings.max_new_tokens = (size_t)pr_args_int(a, "max-new-tokens", 0);
    j->settings.ignore_eos = pr_args_flag(a, "ignore-eos");
    j->settings.temperature = pr_args_real(a, "temperature", 0);
    j->settings.seed = (uint64_t)pr_args_int(a, "seed", 0);
    j->model = pr_session_open(&s, a, a->positional[0]);
    status = j->model ? pr_filter_run(
                            "complete", pr_args_flag(a, "quiet"), "completing", "tokens", batch, j)
                      : PR_EXIT_REFUSED;
    proctor_close(j->model);
    pr_free(j);
    pr_session_done(&s);
    return status;
}

static const struct pr_option options[] = {
    {"max-new-tokens", "N", "tokens to generate at most for each line", "512", PR_OPT_INT, 1,
        1 << 20},
    {"temperature", "T", "sample at this temperature; 0 takes the likeliest token each time", "0",
        PR_OPT_REAL, 0, 100},
    {"seed", "N", "of sampling: the same seed gives the same answers", "0", PR_OPT_INT, 0, 1e15},
    {"ignore-eos", NULL, "go on past end tokens", NULL, PR_OPT_FLAG},
    PR_OPTION_TEMPLATE_VAR,
    {"date", "DATE", "the date that a template's strftime_now shows", "2026-01-01", PR_OPT_TEXT},
    PR_OPTION_DTYPE,
    PR_OPTION_THREADS,
    PR_OPTION_BASE_MODEL,
    PR_OPTION_BASE_DIR,
    PR_OPTION_QUIET,
};

const struct pr_command pr_command_complete = {
    .name = "complete",
    .summary = "continue prompts with the model",
    .arguments = "MODEL_DIR < LINES",
    .about =
        "Reads lines {\"ids\":[…]}, {\"prompt\"} (plain text) or {\"messages\":[…]} (through the "
        "chat "
        "template, with its generation prompt; plain without a template) on stdin and writes for "
        "each\n\n"
        "  {\"ids\":[…new…],\"text\",\"logprobs\":[…],\"finish\":\"stop|length\",\"dtype\"}\n\n"
        "ids holds the end token that stopped it; text leaves special tokens out; finish is "
        "'length' "
        "where the limit was reached. Lines are generated together, each exactly as it would be "
        "alone.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_args = 1,
    .max_args = 1,
    .examples = {{"Ask a question", "echo '{\"messages\":[{\"role\":\"user\",\"content\":\"What is "
                                    "12 + 30?\"}]}' | "
                                    "proctor complete models/checkpoint-100"},
        {"Exactly 32 tokens after some ids",
            "echo '{\"ids\":[1,2,3]}' | proctor complete models/checkpoint-100 --max-new-tokens 32 "
            "--ignore-eos"},
        {"Sampled, repeatably",
            "proctor complete models/checkpoint-100 --temperature 0.8 --seed 7 < prompts.jsonl"}},
    .run = run,
};
