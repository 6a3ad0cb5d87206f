/* proctor compare: two checkpoints side by side. */
#include <string.h>

#include "cli/commands.h"
#include "cli/grading.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/term.h"

static const char *text_of(const json_t *doc, const char *key)
{
    const char *s = json_string_value(json_object_get(doc, key));
    return s ? s : "?";
}

/* How a metric is shown.  test: the p-value that belongs to its difference. */
static const struct metric {
    const char *key, *label, *test, *test_label;
    int digits;
    double scale;
} metrics[] = {
    {"accuracy", "accuracy %", "p_mcnemar", "McNemar", 1, 100},
    {"loss_mean_per_example", "loss/example", "p_sign_flip", "sign flips", 4, 1},
    {"loss", "loss", NULL, NULL, 4, 1},
    {"ece", "ECE", NULL, NULL, 4, 1},
};

static void put_metrics(const json_t *doc, struct pr_str *out)
{
    const char *first = text_of(json_object_get(doc, "first"), "checkpoint");
    const char *second = text_of(json_object_get(doc, "second"), "checkpoint");
    const char *headings[] = {"<metric", first, second, "difference", "95 % interval", "<test"};
    struct pr_table t;
    pr_table_init(&t, sizeof headings / sizeof *headings, headings);
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        const struct metric *m = &metrics[i];
        const json_t *v = json_object_get(json_object_get(doc, "metrics"), m->key);
        const json_t *p = m->test ? json_object_get(v, m->test) : NULL;
        pr_table_cell(&t, m->label, 0);
        pr_table_number(&t, v, "first", m->digits, m->scale);
        pr_table_number(&t, v, "second", m->digits, m->scale);
        pr_table_signed(&t, v, "difference", m->digits, m->scale);
        pr_table_interval(&t, v, "ci95", m->digits, m->scale);
        if (json_is_number(p))
            pr_table_cellf(&t, "p = %.2g (%s)", json_number_value(p), m->test_label);
        else
            pr_table_cell(&t, "", 0);
    }
    pr_table_finish(&t, out);
}

static void put_labelled(struct pr_str *out, const char *label, const json_t *v, size_t width)
{
    size_t from = out->len;
    const char *text = json_is_string(v) ? json_string_value(v) : "(none)";
    pr_str_puts(out, "    ");
    pr_term_clean(out, label, strlen(label), 20);
    for (size_t n = pr_term_columns(out->data + from, out->len - from); n < 26; n++)
        pr_str_putc(out, ' ');
    pr_term_clean(out, text, strlen(text), 2 * (width - 27));
    pr_str_putc(out, '\n');
}

/* The changed examples, at most `limit`, the lost ones first: they are what one looks for. */
static void put_examples(const json_t *doc, const char *change, size_t *limit, struct pr_str *out)
{
    const json_t *examples = json_object_get(doc, "examples"), *x;
    const char *first = text_of(json_object_get(doc, "first"), "checkpoint");
    const char *second = text_of(json_object_get(doc, "second"), "checkpoint");
    size_t i, width = pr_term_width(1);
    json_array_foreach (examples, i, x) {
        if (strcmp(text_of(x, "change"), change) || !*limit)
            continue;
        --*limit;
        const char *id = text_of(x, "id");
        pr_str_printf(out, "\n  %s: ", change);
        pr_term_clean(out, id, strlen(id), 60);
        pr_str_putc(out, '\n');
        put_labelled(out, "prompt", json_object_get(x, "prompt"), width);
        put_labelled(out, "golden", json_object_get(x, "golden"), width);
        put_labelled(out, first, json_object_get(json_object_get(x, "first"), "answer"), width);
        put_labelled(out, second, json_object_get(json_object_get(x, "second"), "answer"), width);
    }
}

static void show(const json_t *doc, size_t limit)
{
    struct pr_str out = PR_STR_INIT(1 << 26);
    size_t gained = json_array_size(json_object_get(doc, "gained"));
    size_t lost = json_array_size(json_object_get(doc, "lost")), left = limit;
    const char *suite = text_of(doc, "suite");
    pr_str_puts(&out, "suite ");
    pr_term_clean(&out, suite, strlen(suite), 60);
    pr_str_printf(&out, ", %lld examples in both\n\n",
        (long long)json_integer_value(json_object_get(doc, "n_paired")));
    put_metrics(doc, &out);
    pr_str_printf(&out, "\n%zu examples lost, %zu gained\n", lost, gained);
    put_examples(doc, "lost", &left, &out);
    put_examples(doc, "gained", &left, &out);
    if (gained + lost > limit)
        pr_str_printf(&out, "\n  … and %zu more; --changes shows them\n", gained + lost - limit);
    pr_out_text(pr_str_cstr(&out), out.len);
    pr_str_done(&out);
}

static int compare(struct pr_grading *g, const char *const dirs[2])
{
    struct proctor_grades *first = pr_grading_run(g, dirs[0], NULL);
    struct proctor_grades *second = first ? pr_grading_run(g, dirs[1], NULL) : NULL;
    bool json = pr_args_flag(g->args, "json") || !pr_term_is(1);
    struct pr_error e;
    char *text = NULL;
    json_t *doc = NULL;
    if (second && proctor_compare(first, second, pr_args_flag(g->args, "all"), &text, &e))
        pr_say("compare", "%s", e.message);
    else if (second)
        doc = pr_grading_parse(g, text);
    int status = doc ? PR_EXIT_OK : pr_grading_failed();
    if (doc && json && !pr_args_flag(g->args, "table"))
        pr_out_json(doc);
    else if (doc)
        show(doc, (size_t)pr_args_int(g->args, "changes", 0));
    json_decref(doc);
    proctor_grades_free(first);
    proctor_grades_free(second);
    return status;
}

static int run(const struct pr_args *a)
{
    static const char *const names[2] = {"checkpoint1", "checkpoint2"};
    const char *dirs[2];
    size_t next = 0;
    for (size_t i = 0; i < 2; i++) {
        dirs[i] = pr_args_text(a, names[i]);
        if (!dirs[i] && next < a->n_positional)
            dirs[i] = a->positional[next++];
    }
    if (!dirs[0] || !dirs[1] || next < a->n_positional) {
        pr_say(
            "compare", "two checkpoints were expected: proctor compare %s", a->command->arguments);
        return PR_EXIT_USAGE;
    }
    struct pr_grading g;
    int status = pr_grading_init(&g, a, (size_t)pr_args_int(a, "samples", 0));
    if (status)
        return status;
    status = compare(&g, dirs);
    pr_grading_done(&g);
    return status;
}

static const struct pr_option options[] = {
    {"checkpoint1", "DIR", "the first; the same as CHECKPOINT1", NULL, PR_OPT_TEXT},
    {"checkpoint2", "DIR", "the second; the same as CHECKPOINT2", NULL, PR_OPT_TEXT},
    PR_OPTION_SUITE,
    {"samples", "N", "grade N examples only: the same ones for both (default: all)", NULL,
        PR_OPT_INT, 1, 1e9},
    PR_OPTION_MAX_NEW,
    {"changes", "N", "examples gained or lost that are shown for reading", "10", PR_OPT_INT, 0,
        1e9},
    {"all", NULL, "list every example in the document, not only those whose correctness changed",
        NULL, PR_OPT_FLAG},
    {"json", NULL, "print the JSON document on a terminal too", NULL, PR_OPT_FLAG},
    {"table", NULL, "print for reading where stdout is no terminal too", NULL, PR_OPT_FLAG},
    PR_OPTIONS_GRADING,
};

const struct pr_command pr_command_compare = {
    .name = "compare",
    .summary = "show two checkpoints side by side",
    .arguments = "CHECKPOINT1 CHECKPOINT2",
    .about =
        "Grades both on the same examples and pairs them: accuracy, loss and calibration with the "
        "difference (second minus first) and its 95 % interval, which examples were gained and "
        "lost, "
        "and both answers next to each other. An interval that holds 0 is no evidence of a change. "
        "In "
        "a pipe: the JSON document.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .max_args = 2,
    .examples =
        {{"Did the last step make it worse?",
             "proctor compare run/checkpoint-100 run/checkpoint-200 --suite validation.jsonl"},
            {"Only the ids that were lost",
                "proctor compare run/checkpoint-100 run/checkpoint-200 --suite validation.jsonl | "
                "jq -r '.lost[]'"}},
    .run = run,
};
