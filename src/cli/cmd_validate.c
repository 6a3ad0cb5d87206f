/* proctor validate: a quick validation of one checkpoint. */
#include "base/alloc.h"

#include "cli/commands.h"
#include "cli/grading.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/term.h"

static void row(struct pr_table *t, const char *name, const json_t *figures, const char *interval)
{
    pr_table_cell(t, name, 40);
    pr_table_number(t, figures, "n", 0, 1);
    pr_table_number(t, figures, "accuracy", 1, 100);
    pr_table_interval(t, figures, interval, 1, 100);
    pr_table_number(t, figures, "loss", 4, 1);
    pr_table_number(t, figures, "ece", 4, 1);
}

static void summary(const json_t *doc)
{
    static const char *const headings[] = {
        "<examples", "n", "accuracy %", "95 % interval", "loss", "ECE"};
    struct pr_table t;
    struct pr_str text = PR_STR_INIT(1 << 20);
    const char *difficulty;
    json_t *figures;
    pr_table_init(&t, sizeof headings / sizeof *headings, headings);
    row(&t, "all", doc, "accuracy_ci95");
    json_object_foreach (json_object_get(doc, "by_difficulty"), difficulty, figures) {
        if (json_is_object(figures))
            row(&t, difficulty, figures, "accuracy_ci95");
    }
    pr_table_finish(&t, &text);
    pr_out_text(pr_str_cstr(&text), text.len);
    pr_str_done(&text);
}

static bool write_document(const struct pr_grading *g, const char *path, const json_t *doc)
{
    struct pr_str text = PR_STR_INIT(1 << 28);
    pr_json_dump(doc, 2, 0, &text);
    pr_str_putc(&text, '\n');
    bool ok = pr_grading_write(g, path, pr_str_cstr(&text), text.len);
    pr_str_done(&text);
    return ok;
}

static int run(const struct pr_args *a)
{
    struct pr_grading g;
    const char *dir = a->n_positional ? a->positional[0] : pr_args_text(a, "model-path");
    const char *output = pr_args_text(a, "output");
    char *found = NULL;
    int status = pr_grading_init(&g, a, (size_t)pr_args_int(a, "samples", 0));
    if (status)
        return status;
    if (!dir)
        dir = found = pr_grading_find_checkpoint(&g, -1);
    struct proctor_grades *grades = dir ? pr_grading_run(&g, dir, NULL) : NULL;
    json_t *doc = grades ? pr_grading_document(&g, grades) : NULL;
    status = doc ? PR_EXIT_OK : pr_grading_failed();
    if (doc && output && !write_document(&g, output, doc))
        status = PR_EXIT_REFUSED;
    if (doc && !pr_args_flag(a, "json") && (output || pr_term_is(1)))
        summary(doc);
    else if (doc)
        pr_out_json(doc);
    json_decref(doc);
    proctor_grades_free(grades);
    pr_free(found);
    pr_grading_done(&g);
    return status;
}

static const struct pr_option options[] = {
    {"model-path", "DIR",
        "the checkpoint; the same as MODEL_DIR (default: the newest complete one "
        "under the base folder)",
        NULL, PR_OPT_TEXT},
    {"samples", "N", "examples to grade: the same ones for every checkpoint", "10", PR_OPT_INT, 1,
        1e9},
    {"output", "FILE", "write the document of 'proctor eval' there, whole or not at all", NULL,
        PR_OPT_TEXT},
    {"json", NULL, "print the document on stdout even where a table would be shown", NULL,
        PR_OPT_FLAG},
    PR_OPTION_SUITE,
    PR_OPTION_MAX_NEW,
    PR_OPTIONS_GRADING,
};

const struct pr_command pr_command_validate = {
    .name = "validate",
    .summary = "validate a checkpoint quickly on a few examples",
    .arguments = "[MODEL_DIR]",
    .about =
        "Grades the checkpoint on a few examples of data/validation in the base folder (or of "
        "--suite) "
        "and shows accuracy, loss and calibration; with so few examples mind the interval. With "
        "--output the full document goes to a file and the table to stdout; without it a terminal "
        "gets "
        "the table and a pipe the document.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .max_args = 1,
    .examples = {{"Ten examples on the newest checkpoint",
                     "proctor validate --base-dir ~/TRAINING"},
        {"Into a file, for a script", "proctor validate --model-path models/checkpoint-100 "
                                      "--samples 10 --output result.json"}},
    .run = run,
};
