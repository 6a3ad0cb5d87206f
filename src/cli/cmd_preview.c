/* proctor preview: a few questions, and what a checkpoint answers. */
#include <string.h>

#include "base/alloc.h"
#include "cli/commands.h"
#include "cli/grading.h"
#include "cli/output.h"
#include "cli/term.h"

#define LABEL 10

static void put(struct pr_str *out, const char *label, const char *text, size_t n, size_t width)
{
    pr_str_printf(out, "  %-*s", LABEL, label);
    pr_term_clean(out, text, n, 4 * (width - LABEL - 3)); /* four lines of a terminal at most */
    pr_str_putc(out, '\n');
}

static void put_string(struct pr_str *out, const char *label, const json_t *doc, const char *key,
    const char *absent, size_t width)
{
    const json_t *v = json_object_get(doc, key);
    if (json_is_string(v))
        put(out, label, json_string_value(v), json_string_length(v), width);
    else
        put(out, label, absent, strlen(absent), width);
}

static void put_figure(struct pr_str *out, const char *label, const json_t *doc, const char *key)
{
    const json_t *v = json_object_get(doc, key);
    if (json_is_number(v))
        pr_str_printf(out, "  %s %.3f", label, json_number_value(v));
}

static const char *verdict(const json_t *doc)
{
    const json_t *v = json_object_get(doc, "correct");
    return json_is_true(v) ? "right" : json_is_false(v) ? "wrong" : "not checked";
}

static void show(const json_t *doc, size_t number)
{
    struct pr_str out = PR_STR_INIT(1 << 20);
    size_t width = pr_term_width(1);
    const char *difficulty = json_string_value(json_object_get(doc, "difficulty"));
    const char *skill = json_string_value(json_object_get(doc, "skill"));
    pr_str_printf(&out, "%zu. %s", number, verdict(doc));
    put_figure(&out, "confidence", doc, "confidence");
    put_figure(&out, "loss", doc, "loss");
    if (skill || difficulty) {
        pr_str_puts(&out, "  (");
        pr_term_clean(&out, skill ? skill : "", skill ? strlen(skill) : 0, 40);
        pr_str_puts(&out, skill && difficulty ? ", " : "");
        pr_term_clean(&out, difficulty ? difficulty : "", difficulty ? strlen(difficulty) : 0, 40);
        pr_str_putc(&out, ')');
    }
    pr_str_putc(&out, '\n');
    put_string(&out, "prompt", doc, "prompt", "(none)", width);
    put_string(&out, "golden", doc, "golden", "(none)", width);
    put_string(&out, "answer", doc, "answer",
        json_is_true(json_object_get(doc, "truncated")) ? "(cut off at the limit)" : "(none)",
        width);
    pr_str_putc(&out, '\n');
    pr_out_text(pr_str_cstr(&out), out.len);
    pr_str_done(&out);
}

static int show_all(const struct pr_grading *g, const struct proctor_grades *grades, bool json)
{
    size_t n = proctor_grades_count(grades);
    for (size_t i = 0; i < n && pr_out_open(); i++) {
        json_t *doc = pr_grading_example(g, grades, i);
        if (!doc)
            return PR_EXIT_REFUSED;
        if (json)
            pr_out_json(doc);
        else
            show(doc, i + 1);
        json_decref(doc);
    }
    return PR_EXIT_OK;
}

static int run(const struct pr_args *a)
{
    struct pr_grading g;
    const char *dir = a->n_positional ? a->positional[0] : NULL;
    char *found = NULL;
    int status = pr_grading_init(&g, a, (size_t)pr_args_int(a, "count", 0));
    if (status)
        return status;
    if (!dir)
        dir = found = pr_grading_find_checkpoint(&g, pr_args_int(a, "step", -1));
    struct proctor_grades *grades = dir ? pr_grading_run(&g, dir, NULL) : NULL;
    status = grades ? show_all(&g, grades, pr_args_flag(a, "json") || !pr_term_is(1))
                    : pr_grading_failed();
    proctor_grades_free(grades);
    pr_free(found);
    pr_grading_done(&g);
    return status;
}

static const struct pr_option options[] = {
    {"step", "N",
        "the checkpoint of this step under the base folder (default: the newest complete "
        "one)",
        NULL, PR_OPT_INT, 0, 1e15},
    {"count", "N", "examples to show: the same ones for every checkpoint", "5", PR_OPT_INT, 1, 1e6},
    {"json", NULL, "print JSON Lines on a terminal too", NULL, PR_OPT_FLAG},
    PR_OPTION_SUITE,
    PR_OPTION_MAX_NEW,
    PR_OPTIONS_GRADING,
};

const struct pr_command pr_command_preview = {
    .name = "preview",
    .summary = "show what a checkpoint answers to a few questions",
    .arguments = "[MODEL_DIR]",
    .about = "Shows prompt, golden answer, the model's answer, whether it is right, its confidence "
             "and its "
             "loss for a few examples of data/validation in the base folder (or of --suite). The "
             "checkpoint "
             "is MODEL_DIR, else checkpoint-N of --step in models/current_model or current_model "
             "of the base "
             "folder, else the newest complete one there. In a pipe: a JSON line an example, as "
             "--examples "
             "of 'proctor eval' writes it, with 'prompt' and 'golden'.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .max_args = 1,
    .examples = {{"The run's checkpoint of one step", "proctor preview --step 66400 --count 5"},
        {"Any folder, any examples",
            "proctor preview models/checkpoint-100 --suite validation.jsonl --count 3"}},
    .run = run,
};
