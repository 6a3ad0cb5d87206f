/* Lines in, lines out. */
#include "cli/filter.h"

#include "base/alloc.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"

#define MAX_ROW ((size_t)1 << 31)

void pr_filter_ready(struct pr_filter *f, size_t i)
{
    f->rows[i].ready = true;
    while (f->next < f->n && f->rows[f->next].ready) {
        struct pr_str *out = &f->rows[f->next++].out;
        pr_out_line(pr_str_cstr(out), out->len);
        pr_str_done(out);
    }
}

void pr_filter_error(struct pr_filter *f, size_t i, const struct pr_error *e)
{
    struct pr_filter_row *row = &f->rows[i];
    json_t *doc = json_object();
    pr_json_set_str(doc, "error", e->message);
    pr_str_clear(&row->out);
    pr_json_dump(doc, 0, 0, &row->out);
    json_decref(doc);
    pr_say(f->command, "line %zu: %s", row->in.number, e->message);
    pr_filter_ready(f, i);
}

void pr_filter_refuse(struct pr_filter *f, size_t i, const struct pr_error *e)
{
    f->status = PR_EXIT_REFUSED;
    pr_filter_error(f, i, e);
}

bool pr_filter_progress(struct pr_filter *f, double done, double total, double count)
{
    double before = f->input.read - f->batch_bytes, share = total > 0 ? done / total : 0;
    pr_progress_show(&f->progress, before + f->batch_bytes * share, f->input.size, f->count + count,
        f->rate_unit);
    return pr_interrupted() || !pr_out_open();
}

void pr_filter_fail(struct pr_filter *f, const struct pr_error *e)
{
    if (e->code == PR_E_CANCELLED)
        return;
    pr_say(f->command, "%s", e->message);
    f->status = PR_EXIT_REFUSED;
}

static void drop_rows(struct pr_filter *f)
{
    for (size_t i = 0; i < f->n; i++) {
        pr_input_line_done(&f->rows[i].in);
        pr_str_done(&f->rows[i].out);
        f->rows[i].ready = false;
    }
    f->n = f->next = 0;
}

/* Reads a batch; false at the end of the input. */
static bool next_batch(struct pr_filter *f)
{
    struct pr_input_line lines[PR_FILTER_WINDOW];
    struct pr_error e;
    double before = f->input.read;
    if (pr_input_batch(&f->input, lines, PR_FILTER_WINDOW, &f->n, &e)) {
        f->n = 0;
        pr_filter_fail(f, &e);
    }
    f->batch_bytes = f->input.read - before;
    for (size_t i = 0; i < f->n; i++) {
        f->rows[i] = (struct pr_filter_row){.in = lines[i], .out = PR_STR_INIT(MAX_ROW)};
        if (!lines[i].row)
            pr_filter_refuse(f, i, &lines[i].error);
    }
    return f->n > 0;
}

int pr_filter_run(const char *command, bool quiet, const char *label, const char *rate_unit,
    bool (*batch)(struct pr_filter *f, void *ctx), void *ctx)
{
    struct pr_filter *f = pr_zalloc(sizeof *f);
    f->command = command;
    f->rate_unit = rate_unit;
    pr_input_init(&f->input);
    pr_progress_start(&f->progress, label, quiet);
    while (!pr_interrupted() && pr_out_open() && next_batch(f)) {
        bool go_on = batch(f, ctx);
        drop_rows(f);
        if (!go_on)
            break;
    }
    pr_progress_end(&f->progress);
    int status = pr_interrupted() ? PR_EXIT_STOPPED : f->status;
    drop_rows(f);
    pr_input_done(&f->input);
    pr_free(f);
    return status;
}
