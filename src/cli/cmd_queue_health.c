/* proctor queue-health: is the training queue in order? */
#include "daemon/queue_look.h"

#include <string.h>

#include "base/alloc.h"
#include "cli/commands.h"
#include "cli/layout.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/term.h"
#include "queue/folder.h"

static enum pr_code examine(const char *base, json_t **ret, struct pr_error *e)
{
    struct pr_config c;
    enum pr_code code = pr_config_load(base, &c, e);
    if (code)
        return code;
    code = pr_queue_look(&c, 0, ret, e);
    pr_config_done(&c);
    return code;
}

static void put_reasons(struct pr_str *out, const json_t *doc)
{
    size_t i, k, width = pr_term_width(1);
    const json_t *r, *file;
    json_array_foreach (json_object_get(doc, "reasons"), i, r) {
        const json_t *files = json_object_get(r, "files");
        pr_layout_pad(out, json_string_value(json_object_get(r, "level")), 8);
        pr_layout_wrap(out, json_string_value(json_object_get(r, "text")), 8, 8, width);
        json_array_foreach (files, k, file) {
            pr_str_puts(out, "          ");
            pr_term_clean(out, json_string_value(file), json_string_length(file), width - 10);
            pr_str_putc(out, '\n');
        }
    }
    if (i)
        pr_str_putc(out, '\n');
}

static void put_queues(struct pr_str *out, const json_t *doc)
{
    static const char *const headings[] = {"<queue", "files", "MB", "oldest"};
    const json_t *all = json_object_get(doc, "queues");
    struct pr_table t;
    pr_table_init(&t, 4, headings);
    for (int q = 0; q < PR_N_QUEUES; q++) {
        const char *name = pr_queue_name((enum pr_queue)q);
        const json_t *o = json_object_get(all, name), *age = json_object_get(o, "oldest_seconds");
        char oldest[32] = "\u2013";
        if (json_is_integer(age))
            pr_layout_duration((double)json_integer_value(age), oldest);
        pr_table_cell(&t, name, 0);
        pr_table_number(&t, o, "files", 0, 1);
        pr_table_number(&t, o, "bytes", 1, 1e-6);
        pr_table_cell(&t, oldest, 0);
    }
    pr_table_finish(&t, out);
}

static void show(const json_t *doc)
{
    struct pr_str out = PR_STR_INIT(1 << 22);
    const json_t *hours = json_object_get(doc, "hours_left");
    pr_str_printf(&out, "The queue is %s.\n\n", json_string_value(json_object_get(doc, "status")));
    put_reasons(&out, doc);
    put_queues(&out, doc);
    if (json_is_real(hours)) {
        char lasts[32];
        pr_layout_duration(json_real_value(hours) * 3600, lasts);
        pr_str_printf(&out, "\nWhat waits lasts for about %s of training.\n", lasts);
    } else {
        pr_str_printf(&out, "\nHow long it lasts is not known: %s.\n",
            json_string_value(json_object_get(doc, "hours_left_reason")));
    }
    pr_out_text(pr_str_cstr(&out), out.len);
    pr_str_done(&out);
}

static int run(const struct pr_args *a)
{
    char *base = pr_config_base_dir(pr_args_text(a, "base-dir"));
    json_t *doc = NULL;
    struct pr_error e;
    int status = PR_EXIT_REFUSED;
    if (examine(base, &doc, &e)) {
        pr_say("queue-health", "%s", e.message);
    } else {
        if (!pr_args_flag(a, "json") && pr_term_is(1))
            show(doc);
        else
            pr_out_json(doc);
        if (!strcmp(json_string_value(json_object_get(doc, "status")), "green"))
            status = PR_EXIT_OK;
    }
    json_decref(doc);
    pr_free(base);
    return pr_out_status(status);
}

static const struct pr_option options[] = {
    {"json", NULL, "print the document on a terminal too", NULL, PR_OPT_FLAG},
    PR_OPTION_BASE_DIR,
};

const struct pr_command pr_command_queue_health = {
    .name = "queue-health",
    .summary = "say whether the training queue is in order",
    .arguments = "",
    .about =
        "Looks at the folders of the base folder's queue and gives a traffic light with its "
        "reasons: files that hold lines nobody can train on, files stuck in processing (a warning "
        "after 12 hours, critical after 24: queue.stuck_warning_hours and stuck_critical_hours), "
        "failed and empty files, a backlog, the same file in two queues, an empty queue, and for "
        "how many hours of training at the present rate the waiting files last.\n\n"
        "Waiting files are checked for their format alone, for 20 seconds at most; what is known "
        "of a file is kept until it changes. 'proctor validate-data --queue' looks for everything. "
        "Exit status 0 is green, 1 is yellow or red; the document's 'status' tells which. "
        "docs/queue.md has the rules.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .examples = {{"On a terminal", "proctor queue-health --base-dir ~/TRAINING"},
        {"For a monitoring script",
            "proctor queue-health --json || echo 'look at the training queue'"}},
    .run = run,
};
