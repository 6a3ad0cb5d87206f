/* proctor score: log-probabilities of sequences. */
#include <math.h>
#include <proctor.h>

#include "base/alloc.h"
#include "cli/commands.h"
#include "cli/filter.h"
#include "cli/rows.h"
#include "cli/session.h"

#define TOP 5

struct job {
    struct proctor_model *model;
    struct pr_filter *filter;
    size_t n;
    struct proctor_score items[PR_FILTER_WINDOW];
    size_t row[PR_FILTER_WINDOW]; /* of each item */
    bool from_text[PR_FILTER_WINDOW];
};

static bool all_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!isfinite(x[i]))
            return false;
    return true;
}

static void put_top(struct pr_str *out, const struct proctor_score *s)
{
    pr_str_puts(out, ",\"top\":[");
    for (size_t i = 0; i < s->n; i++) {
        pr_str_puts(out, i ? ",[" : "[");
        for (size_t k = 0; k < TOP; k++)
            pr_str_printf(out, "%s[%d,%.9g]", k ? "," : "", s->top_ids[i * TOP + k],
                (double)s->top_logprobs[i * TOP + k]);
        pr_str_putc(out, ']');
    }
    pr_str_putc(out, ']');
}

static void put_row(struct job *j, size_t k, struct pr_str *out)
{
    static const char reason[] = "NaN or infinity came up in the model's logits";
    const struct proctor_score *s = &j->items[k];
    pr_str_puts(out, "{\"logprobs\":");
    if (s->bad_number || !all_finite(s->top_logprobs, s->n * TOP)) {
        pr_str_printf(out,
            "null,\"logprobs_reason\":\"%s\",\"loss\":null,\"loss_reason\":\"%s\","
            "\"top\":null,\"top_reason\":\"%s\"",
            reason, reason, reason);
        pr_say("score", "line %zu: %s", j->filter->rows[j->row[k]].in.number, reason);
    } else {
        pr_row_put_reals(out, s->logprobs, s->n - 1);
        if (s->n > 1)
            pr_str_printf(out, ",\"loss\":%.17g", s->loss);
        else
            pr_str_puts(
                out, ",\"loss\":null,\"loss_reason\":\"one id has no next token to predict\"");
        put_top(out, s);
    }
    if (j->from_text[k]) {
        pr_str_puts(out, ",\"ids\":");
        pr_row_put_ids(out, s->ids, s->n);
    }
    pr_str_printf(out, ",\"dtype\":\"%s\"}", proctor_dtype_used(j->model));
}

static int finished(void *ctx, size_t k)
{
    struct job *j = ctx;
    put_row(j, k, &j->filter->rows[j->row[k]].out);
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
    if (pr_row_ids(row->in.row, "text", j->model, &ids, &n, &e) ||
        proctor_check_ids(j->model, ids, n, &e)) {
        proctor_free(ids);
        pr_filter_refuse(j->filter, i, &e);
        return;
    }
    j->items[j->n] = (struct proctor_score){.ids = ids, .n = n, .top_k = TOP};
    j->from_text[j->n] = !json_object_get(row->in.row, "ids");
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
    enum pr_code code = proctor_score(j->model, j->items, j->n, &watch, &e);
    if (code)
        pr_filter_fail(f, &e);
    for (size_t k = 0; k < j->n; k++) {
        f->count += (double)j->items[k].n;
        proctor_free((void *)(uintptr_t)j->items[k].ids);
        proctor_score_done(&j->items[k]);
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
    j->model = pr_session_open(&s, a, a->positional[0]);
    status = j->model
                 ? pr_filter_run("score", pr_args_flag(a, "quiet"), "scoring", "tokens", batch, j)
                 : PR_EXIT_REFUSED;
    proctor_close(j->model);
    pr_free(j);
    pr_session_done(&s);
    return status;
}

static const struct pr_option options[] = {
    PR_OPTION_DTYPE,
    PR_OPTION_THREADS,
    PR_OPTION_BASE_MODEL,
    PR_OPTION_BASE_DIR,
    PR_OPTION_QUIET,
};

const struct pr_command pr_command_score = {
    .name = "score",
    .summary = "give the log-probability of every token of a sequence",
    .arguments = "MODEL_DIR < LINES",
    .about = "Reads lines {\"ids\":[…]} or {\"text\"} on stdin (text is tokenized as it stands) "
             "and writes "
             "for each\n\n"
             "  {\"logprobs\":[…],\"loss\":x,\"top\":[[[id,logprob],…]…],\"dtype\"}\n\n"
             "where logprobs[i] is ln p(ids[i+1] | ids[0..i]), one fewer than ids; loss is the "
             "negative mean "
             "of logprobs; top[i] holds the five likeliest next tokens after ids[0..i]. One id has "
             "no loss: "
             "null, with loss_reason. Numbers do not depend on what else is in the input, nor on "
             "the number "
             "of threads.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_args = 1,
    .max_args = 1,
    .examples = {{"How likely is each token of a text?",
                     "echo '{\"text\":\"2 + 2 = 4\"}' | proctor score models/checkpoint-100"},
        {"The loss of every line of a file",
            "proctor score models/checkpoint-100 < lines.jsonl | jq .loss"},
        {"A LoRA adapter beside its base",
            "proctor score out/adapter --base-model models/qwen3-0.6b < lines.jsonl"}},
    .run = run,
};
