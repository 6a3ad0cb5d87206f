/* proctor render: conversations through the model's chat template. */
#include <proctor.h>
#include <time.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/filter.h"
#include "cli/rows.h"
#include "cli/session.h"

static enum pr_code one(struct proctor_model *m, struct pr_filter_row *row, struct pr_error *e)
{
    char *text = NULL;
    size_t n = 0;
    enum pr_code code = proctor_render(m, row->in.text, row->in.len, &text, &n, e);
    if (code)
        return code;
    json_t *doc = json_object();
    pr_json_set_strn(doc, "text", text, n);
    pr_json_dump(doc, 0, 0, &row->out);
    json_decref(doc);
    proctor_free(text);
    return PR_OK;
}

static bool batch(struct pr_filter *f, void *ctx)
{
    struct pr_error e;
    for (size_t i = 0; i < f->n; i++) {
        if (f->rows[i].ready)
            continue;
        enum pr_code code = one(ctx, &f->rows[i], &e);
        if (code == PR_E_TEMPLATE) /* the template's own answer to this conversation */
            pr_filter_error(f, i, &e);
        else if (code)
            pr_filter_refuse(f, i, &e);
        else
            pr_filter_ready(f, i);
        if (pr_filter_progress(f, (double)i, (double)f->n, 0))
            return false;
    }
    return true;
}

/* The wall clock's local time, as transformers' strftime_now shows it. */
static int64_t local_now_ms(void)
{
    int64_t ms = pr_clock_utc_ms();
    time_t t = (time_t)(ms / 1000);
    struct tm tm;
    return localtime_r(&t, &tm) ? ms + (int64_t)tm.tm_gmtoff * 1000 : ms;
}

static int run(const struct pr_args *a)
{
    struct pr_session s;
    int status = pr_session_init(&s, a, false);
    if (status)
        return status;
    if (!s.options.now_utc_ms)
        s.options.now_utc_ms = local_now_ms();
    struct proctor_model *m = pr_session_open_text(&s, a, a->positional[0]);
    status = PR_EXIT_REFUSED;
    if (m && !proctor_has_template(m))
        pr_say("render",
            "%s: no chat template (chat_template.jinja, or chat_template in "
            "tokenizer_config.json)",
            proctor_name(m));
    else if (m)
        status = pr_filter_run("render", pr_args_flag(a, "quiet"), "rendering", "lines", batch, m);
    proctor_close(m);
    pr_session_done(&s);
    return status;
}

static const struct pr_option options[] = {
    PR_OPTION_TEMPLATE_VAR,
    {"date", "DATE",
        "the date that strftime_now shows, such as 2026-01-31 (default: now, as in "
        "transformers)",
        NULL, PR_OPT_TEXT},
    PR_OPTION_QUIET,
};

const struct pr_command pr_command_render = {
    .name = "render",
    .summary = "render conversations with the model's chat template",
    .arguments = "MODEL_DIR < LINES",
    .about =
        "Reads lines {\"messages\":[…],\"add_generation_prompt\":true|false,\"tools\":[…]?,…} on "
        "stdin "
        "and writes {\"text\":\"…\"} for each, character for character what transformers' "
        "apply_chat_template gives. Further keys, such as enable_thinking, are variables of the "
        "template. Where the template itself refuses a conversation the line is {\"error\":\"…\"} "
        "with the template's words.\n\n"
        "The template is chat_template.jinja, else chat_template in tokenizer_config.json. "
        "MODEL_DIR may hold a tokenizer alone.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_args = 1,
    .max_args = 1,
    .examples = {{"What the model sees of a question",
        "echo '{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],"
        "\"add_generation_prompt\":true}' | proctor render models/checkpoint-100"}},
    .run = run,
};
