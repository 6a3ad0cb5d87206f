/* proctor why: what was decided about a checkpoint, and on which evidence. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/layout.h"
#include "cli/output.h"
#include "cli/table.h"
#include "cli/term.h"
#include "daemon/config.h"
#include "daemon/owner.h"
#include "daemon/state.h"

#define NAME_COLUMNS 36
#define ASK_MS       2000
#define DEEPEST      8
#define LISTED       12 /* items of a list */

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

/* ---- figures ---- */

static void put_figures(const json_t *doc, struct pr_str *out)
{
    static const char *const headings[] = {
        "<suite", "graded", "accuracy %", "95 % interval", "loss/example", "loss", "ECE"};
    const json_t *x, *list = json_object_get(doc, "grades");
    struct pr_table t;
    size_t i;
    if (!json_array_size(list))
        return;
    pr_str_puts(out, "\n");
    pr_table_init(&t, 7, headings);
    json_array_foreach (list, i, x) {
        pr_table_cell(&t, text_of(x, "suite"), 24);
        pr_table_cellf(&t, "%lld/%lld", (long long)json_integer_value(json_object_get(x, "graded")),
            (long long)json_integer_value(json_object_get(x, "of")));
        pr_table_number(&t, x, "accuracy", 1, 100);
        pr_table_interval(&t, x, "accuracy_ci95", 1, 100);
        pr_table_number(&t, x, "loss_mean_per_example", 4, 1);
        pr_table_number(&t, x, "loss", 4, 1);
        pr_table_number(&t, x, "ece", 4, 1);
    }
    pr_table_finish(&t, out);
}

/* ---- evidence: "loss.difference_ci95   0.0162, 0.0642" ---- */

static bool is_plain(const json_t *v)
{
    return !json_is_object(v) && !json_is_array(v);
}

static void put_scalar(const json_t *v, struct pr_str *out)
{
    if (json_is_string(v))
        pr_str_puts(out, json_string_value(v));
    else
        pr_json_dump(v, 0, 6, out);
}

static bool is_plain_list(const json_t *v)
{
    size_t i;
    const json_t *x;
    if (!json_is_array(v))
        return false;
    json_array_foreach (v, i, x)
        if (!is_plain(x))
            return false;
    return true;
}

static void put_list(const json_t *v, struct pr_str *out)
{
    size_t i, n = json_array_size(v);
    const json_t *x;
    json_array_foreach (v, i, x) {
        if (i == LISTED)
            break;
        pr_str_puts(out, i ? ", " : "");
        put_scalar(x, out);
    }
    if (n > LISTED)
        pr_str_printf(out, " and %zu more", n - LISTED);
    if (!n)
        pr_str_puts(out, "none");
}

static void put_line(const char *name, const char *value, size_t width, struct pr_str *out)
{
    pr_str_puts(out, "    ");
    pr_layout_pad(out, name, NAME_COLUMNS);
    pr_str_puts(out, "  ");
    pr_layout_wrap(out, value, NAME_COLUMNS + 6, NAME_COLUMNS + 6, width);
}

static void put_evidence(
    const json_t *v, const char *name, int depth, size_t width, struct pr_str *out)
{
    struct pr_str text = PR_STR_INIT(1 << 20);
    const char *key;
    json_t *x;
    size_t i;
    if (is_plain(v))
        put_scalar(v, &text);
    else if (is_plain_list(v))
        put_list(v, &text);
    if (is_plain(v) || is_plain_list(v)) {
        put_line(name, pr_str_cstr(&text), width, out);
    } else if (depth < DEEPEST && json_is_object(v)) {
        json_object_foreach ((json_t *)(uintptr_t)v, key, x) {
            pr_str_clear(&text);
            pr_str_printf(&text, "%s%s%s", name, *name ? "." : "", key);
            put_evidence(x, pr_str_cstr(&text), depth + 1, width, out);
        }
    } else if (depth < DEEPEST) {
        json_array_foreach (v, i, x) {
            if (i == LISTED)
                break;
            pr_str_clear(&text);
            pr_str_printf(&text, "%s[%zu]", name, i);
            put_evidence(x, pr_str_cstr(&text), depth + 1, width, out);
        }
    }
    pr_str_done(&text);
}

static void put_decisions(const json_t *doc, bool all, size_t width, struct pr_str *out)
{
    const json_t *d, *list = json_object_get(doc, "decisions");
    size_t i, hidden = 0;
    json_array_foreach (list, i, d) {
        bool old = json_is_true(json_object_get(d, "superseded"));
        if (old && !all) {
            hidden++;
            continue;
        }
        pr_str_puts(out, "\n  evidence of ");
        pr_term_clean(out, text_of(d, "system"), strlen(text_of(d, "system")), 40);
        pr_str_puts(out, ", ");
        pr_term_clean(out, text_of(d, "kind"), strlen(text_of(d, "kind")), 40);
        pr_str_printf(out, ", %.20s%s\n", text_of(d, "at"), old ? " (superseded)" : "");
        put_evidence(json_object_get(d, "evidence"), "", 0, width, out);
    }
    if (hidden)
        pr_str_printf(out,
            "\n  %zu earlier decision%s of the same kind: --all shows the evidence\n", hidden,
            hidden == 1 ? "" : "s");
}

static void show(const json_t *doc, bool all, bool evidence)
{
    struct pr_str out = PR_STR_INIT(1 << 26);
    const json_t *x, *summary = json_object_get(doc, "summary");
    size_t i, width = pr_term_width(1);
    json_array_foreach (summary, i, x)
        pr_layout_wrap(&out, json_string_value(x), 0, 2, width);
    put_figures(doc, &out);
    if (evidence)
        put_decisions(doc, all, width, &out);
    pr_out_text(pr_str_cstr(&out), out.len);
    pr_str_done(&out);
}

/* Does a process own the folder and answer?  Then its gradebook is read beside it. */
static bool is_owned(const char *base_dir)
{
    json_t *question = json_object(), *answer = NULL;
    pr_json_set_str(question, "type", "state");
    bool owned = !pr_owner_ask(base_dir, question, ASK_MS, &answer, NULL);
    json_decref(answer);
    json_decref(question);
    return owned;
}

static enum pr_code explain(
    const char *base_dir, const char *which, json_t **ret, struct pr_error *e)
{
    struct pr_config c;
    struct pr_gradebook *g = NULL;
    char options[65];
    enum pr_code code = pr_config_load(base_dir, &c, e);
    if (code)
        return code;
    bool owned = is_owned(base_dir);
    char *path = pr_path_join(base_dir, "proctor.db");
    pr_config_grading_fingerprint(&c, options);
    code = pr_gradebook_open(path, owned ? PR_GRADEBOOK_READ : PR_GRADEBOOK_LOOK, &g, e);
    if (code == PR_E_NOT_FOUND)
        code = pr_fail(e, code, "nothing was graded in %s yet: there is no proctor.db", base_dir);
    if (!code)
        code = pr_why_document(g, options, which, pr_clock_utc_ms(), ret, e);
    pr_gradebook_close(g);
    pr_free(path);
    pr_config_done(&c);
    return code;
}

static int run(const struct pr_args *a)
{
    char *base_dir = pr_config_base_dir(pr_args_text(a, "base-dir"));
    bool json = pr_args_flag(a, "json");
    json_t *doc = NULL;
    struct pr_error e;
    enum pr_code code = explain(base_dir, a->positional[0], &doc, &e);
    if (code)
        pr_say("why", "%s", e.message);
    else if (json)
        pr_out_json(doc);
    else
        show(doc, pr_args_flag(a, "all"), !pr_args_flag(a, "brief"));
    json_decref(doc);
    pr_free(base_dir);
    return !code ? PR_EXIT_OK : code == PR_E_USAGE ? PR_EXIT_USAGE : PR_EXIT_REFUSED;
}

static const struct pr_option options[] = {
    PR_OPTION_BASE_DIR,
    {"brief", NULL, "the sentences and figures, without the evidence", NULL, PR_OPT_FLAG},
    {"all", NULL, "the evidence of decisions that were superseded too", NULL, PR_OPT_FLAG},
    {"json", NULL, "print it as one JSON document", NULL, PR_OPT_FLAG},
};

const struct pr_command pr_command_why = {
    .name = "why",
    .summary = "say why a checkpoint was flagged, ranked or not, with the evidence",
    .arguments = "CHECKPOINT",
    .about =
        "Tells from the gradebook what was decided about a checkpoint and why: each verdict, each "
        "move of the baseline, its place in the ranking, its calibration, with the numbers that "
        "decided at that moment. Nothing is computed anew, and no model is opened, so it works for "
        "checkpoints that are gone too.\n\n"
        "CHECKPOINT is a folder's name or path, a step, or the first six or more digits of a "
        "fingerprint.",
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .min_args = 1,
    .max_args = 1,
    .examples = {{"Why is there an alert?", "proctor why checkpoint-1574"},
        {"The evidence, for a script",
            "proctor why 1574 --json | jq '.decisions[-1].evidence.loss'"}},
    .run = run,
};
