/* proctor tokenize: text to ids, and what the ids decode to. */
#include <proctor.h>

#include "base/alloc.h"
#include "cli/commands.h"
#include "cli/filter.h"
#include "cli/rows.h"
#include "cli/session.h"

struct job {
    struct proctor_model *model;
    bool no_special;
};

static enum pr_code one(struct job *j, struct pr_filter_row *row, struct pr_error *e)
{
    const json_t *text = json_object_get(row->in.row, "text");
    int32_t *ids = NULL;
    char *decoded = NULL;
    size_t n = 0, len = 0;
    if (!json_is_string(text))
        return pr_fail(
            e, PR_E_FORMAT, "'text' is %s, a string was expected", pr_json_type_name(text));
    enum pr_code code =
        proctor_tokenize(j->model, json_string_value(text), json_string_length(text), &ids, &n, e);
    if (!code)
        code = proctor_detokenize(j->model, ids, n, j->no_special, &decoded, &len, e);
    if (!code) {
        pr_str_puts(&row->out, "{\"ids\":");
        pr_row_put_ids(&row->out, ids, n);
        pr_row_put_text(&row->out, "decoded", decoded, len);
        pr_str_putc(&row->out, '}');
    }
    proctor_free(ids);
    proctor_free(decoded);
    return code;
}

static bool batch(struct pr_filter *f, void *ctx)
{
    struct pr_error e;
    for (size_t i = 0; i < f->n; i++) {
        if (f->rows[i].ready)
            continue;
        if (one(ctx, &f->rows[i], &e))
            pr_filter_refuse(f, i, &e);
        else
            pr_filter_ready(f, i);
        if (pr_filter_progress(f, (double)i, (double)f->n, 0))
            return false;
    }
    return true;
}

static int run(const struct pr_args *a)
{
    struct pr_session s;
    struct job j = {.no_special = pr_args_flag(a, "no-special")};
    int status = pr_session_init(&s, a, false);
    if (status)
        return status;
    j.model = pr_session_open_text(&s, a, a->positional[0]);
    status = j.model ? pr_filter_run(
                           "tokenize", pr_args_flag(a, "quiet"), "tokenizing", "tokens", batch, &j)
                     : PR_EXIT_REFUSED;
    proctor_close(j.model);
    pr_session_done(&s);
    return status;
}

static const struct pr_option options[] = {
    {"no-special", NULL, "leave special tokens out of 'decoded'; 'ids' stay as they are", NULL,
        PR_OPT_FLAG},
    PR_OPTION_QUIET,
};

const struct pr_command pr_command_tokenize = {
    .name = "tokenize",
    .summary = "turn text into token ids",
    .arguments = "MODEL_DIR < LINES",
    .about =
        "Reads lines {\"text\"} on stdin and writes a line {\"ids\":[…],\"decoded\":\"…\"} for "
        "each, "
        "identical to what Hugging Face's tokenizers give. Special tokens written in the text are "
        "recognised as such; none are added. MODEL_DIR may hold a tokenizer alone.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_args = 1,
    .max_args = 1,
    .examples = {{"The tokens of one text",
                     "echo '{\"text\":\"Hello, world\"}' | proctor tokenize models/checkpoint-100"},
        {"How many tokens does each line of a file have?",
            "proctor tokenize models/checkpoint-100 < lines.jsonl | jq '.ids | length'"}},
    .run = run,
};
