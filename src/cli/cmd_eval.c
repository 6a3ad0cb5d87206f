/* proctor eval: grades checkpoints on a suite. */

#include "base/alloc.h"
#include "cli/commands.h"
#include "cli/grading.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/table.h"

/* Best first: by accuracy, then by the mean loss of an example; unknown figures go last. */
static int order(const json_t *a, const json_t *b)
{
    static const struct {
        const char *key;
        double sign;
    } keys[] = {{"accuracy", -1}, {"loss_mean_per_example", 1}};
    for (size_t i = 0; i < 2; i++) {
        const json_t *x = json_object_get(a, keys[i].key), *y = json_object_get(b, keys[i].key);
        if (json_is_number(x) != json_is_number(y))
            return json_is_number(x) ? -1 : 1;
        double d = keys[i].sign * (json_number_value(x) - json_number_value(y));
        if (d < 0 || d > 0)
            return d < 0 ? -1 : 1;
    }
    return 0;
}

static void sort(json_t **docs, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        json_t *doc = docs[i];
        size_t k = i;
        for (; k && order(docs[k - 1], doc) > 0; k--)
            docs[k] = docs[k - 1];
        docs[k] = doc;
    }
}

static void put_table(json_t **docs, size_t n)
{
    static const char *const headings[] = {"#", "<checkpoint", "step", "accuracy %",
        "95 % interval", "loss", "loss/example", "ECE", "ECE-15", "n"};
    struct pr_table t;
    struct pr_str text = PR_STR_INIT(1 << 20);
    sort(docs, n);
    pr_table_init(&t, sizeof headings / sizeof *headings, headings);
    for (size_t i = 0; i < n; i++) {
        const char *name = json_string_value(json_object_get(docs[i], "checkpoint"));
        pr_table_cellf(&t, "%zu", i + 1);
        pr_table_cell(&t, name ? name : "–", 40);
        pr_table_number(&t, docs[i], "step", 0, 1);
        pr_table_number(&t, docs[i], "accuracy", 1, 100);
        pr_table_interval(&t, docs[i], "accuracy_ci95", 1, 100);
        pr_table_number(&t, docs[i], "loss", 4, 1);
        pr_table_number(&t, docs[i], "loss_mean_per_example", 4, 1);
        pr_table_number(&t, docs[i], "ece", 4, 1);
        pr_table_number(&t, docs[i], "ece_15", 4, 1);
        pr_table_number(&t, docs[i], "n", 0, 1);
    }
    pr_table_finish(&t, &text);
    pr_out_text(pr_str_cstr(&text), text.len);
    pr_str_done(&text);
}

/* Grades one checkpoint: its document, and the files that were asked for. */
static json_t *one(struct pr_grading *g, const char *dir)
{
    struct proctor_model *m = NULL;
    struct proctor_grades *grades = pr_grading_run(g, dir, &m);
    const char *lm_eval = pr_args_text(g->args, "lm-eval-dir");
    char *path = NULL;
    struct pr_error e;
    json_t *doc = grades ? pr_grading_document(g, grades) : NULL;
    if (doc && lm_eval && proctor_grades_write_lm_eval(grades, m, lm_eval, &path, &e)) {
        pr_say("eval", "%s", e.message);
        json_decref(doc);
        doc = NULL;
    }
    if (path)
        pr_say("eval", "wrote %s", path);
    proctor_free(path);
    proctor_grades_free(grades);
    proctor_close(m);
    return doc;
}

static int run(const struct pr_args *a)
{
    struct pr_grading g;
    bool table = pr_args_flag(a, "table");
    int status = pr_grading_init(&g, a, (size_t)pr_args_int(a, "samples", 0));
    if (status)
        return status;
    json_t **docs = pr_zalloc(a->n_positional * sizeof *docs);
    size_t n = 0;
    for (size_t i = 0; i < a->n_positional && !pr_interrupted() && pr_out_open(); i++) {
        json_t *doc = one(&g, a->positional[i]);
        if (!doc)
            status = pr_grading_failed();
        else if (!table)
            pr_out_json(doc);
        if (doc)
            docs[n++] = doc;
    }
    const char *examples = pr_args_text(a, "examples");
    if (examples && !pr_grading_write(&g, examples, pr_str_cstr(&g.examples), g.examples.len) &&
        status != PR_EXIT_STOPPED)
        status = PR_EXIT_REFUSED;
    if (table && n)
        put_table(docs, n);
    for (size_t i = 0; i < n; i++)
        json_decref(docs[i]);
    pr_free(docs);
    pr_grading_done(&g);
    return status;
}

static const struct pr_option options[] = {
    PR_OPTION_SUITE,
    {"samples", "N",
        "grade N examples only: a part of each difficulty, the same ones for every "
        "checkpoint (default: all)",
        NULL, PR_OPT_INT, 1, 1e9},
    PR_OPTION_MAX_NEW,
    {"examples", "FILE",
        "write a line for each example: id, skill, difficulty, loss, answer_tokens, "
        "answer, correct, confidence, finish, checkpoint",
        NULL, PR_OPT_TEXT},
    {"table", NULL, "print a ranked table in place of JSON", NULL, PR_OPT_FLAG},
    {"lm-eval-dir", "DIR",
        "also write results_*.json and samples_*.jsonl as lm-evaluation-harness "
        "lays them out",
        NULL, PR_OPT_TEXT},
    PR_OPTIONS_GRADING,
};

const struct pr_command pr_command_eval = {
    .name = "eval",
    .summary = "grade checkpoints on examples with known answers",
    .arguments = "MODEL_DIR… --suite FILE…",
    .about =
        "For each example the model's chat template makes the prompt; the golden answer is scored "
        "(loss), and the model's own greedy answer is checked against it (accuracy, confidence). "
        "Prints one JSON document a checkpoint: checkpoint, fingerprint, suite, n, n_skipped, "
        "loss, "
        "loss_mean_per_example, perplexity, accuracy with its 95 % interval (Wilson), "
        "by_difficulty, "
        "by_skill, ece, bins, quality, seconds and more.\n\n"
        "Every line of a suite is in one of these forms: {\"prompt\",\"golden\"}, "
        "{\"messages\":[…]}, "
        "{\"conversations\":[…]}, {\"instruction\",\"input\",\"output\"}, "
        "{\"prompt\",\"completion\"}, "
        "{\"question\",\"answer\"}, {\"input\",\"output\"} or {\"text\"}; id, skill, difficulty "
        "and "
        "check may be added. Lines that fit none are named on stderr and counted in n_skipped. "
        "Several "
        "files after --suite make one suite; a folder stands for its *.jsonl.\n\n"
        "The first Ctrl-C stops at the next pass and writes the finished examples to --examples.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_args = 1,
    .max_args = 10000,
    .examples = {{"Grade one checkpoint",
                     "proctor eval models/checkpoint-100 --suite validation.jsonl"},
        {"Rank all checkpoints of a run",
            "proctor eval run/checkpoint-* --suite validation.jsonl --table"},
        {"Which examples are wrong?",
            "proctor eval models/checkpoint-100 --suite validation.jsonl --examples out.jsonl && "
            "jq 'select(.correct == false)' out.jsonl"},
        {"A quick look, without thinking aloud", "proctor eval models/checkpoint-100 --suite "
                                                 "validation.jsonl --samples 50 --template-var "
                                                 "enable_thinking=false"}},
    .run = run,
};
