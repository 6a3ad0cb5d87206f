/* See demo.h: what the status files say, as rows and a summary. */
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "cli/demo.h"
#include "cli/layout.h"
#include "cli/table.h"
#include "cli/term.h"

#define MAX_STATUS   ((size_t)16 << 20)
#define SHOWN        5 /* of the ranking */
#define PROBES_A_ROW 6 /* a seed's: five strategies and random again */

/* NULL: not there (yet), or being something else than a document. */
static json_t *read_status(const char *path)
{
    json_t *o = NULL;
    struct pr_error ignored;
    if (pr_json_read(AT_FDCWD, path, MAX_STATUS, 0, &o, &ignored) || !json_is_object(o)) {
        json_decref(o);
        return NULL;
    }
    return o;
}

static double real_of(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static const char *text_of(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "";
}

static int64_t whole_of(const json_t *o, const char *key)
{
    return (int64_t)json_integer_value(json_object_get(o, key));
}

static void put_time(const struct pr_demo_shown *s, struct pr_str *out)
{
    long long seconds = (pr_clock_monotonic_ns() - s->began_ns) / 1000000000;
    pr_str_printf(out, "%3lld:%02lld  ", seconds / 60, seconds % 60);
}

static void put_percent(const json_t *o, const char *key, struct pr_str *out)
{
    double v = real_of(o, key);
    if (isnan(v))
        pr_str_puts(out, "       –");
    else
        pr_str_printf(out, "  %4.0f %%", 100 * v);
}

bool pr_demo_has_row(const struct pr_demo_shown *s, int64_t step)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->steps[i] == step)
            return true;
    return false;
}

static void put_row(struct pr_demo_shown *s, const json_t *x, const char *best, struct pr_str *out)
{
    const json_t *by = json_object_get(x, "by_difficulty");
    double loss = real_of(x, "loss"), ece = real_of(x, "ece");
    if (!s->n)
        pr_str_puts(out, "\n time   checkpoint           loss    easy  medium    hard     ECE   "
                         "verdict   best so far\n");
    put_time(s, out);
    pr_layout_pad(out, text_of(x, "checkpoint"), 16);
    if (isnan(loss))
        pr_str_puts(out, "         –");
    else
        pr_str_printf(out, "  %8.4f", loss);
    put_percent(by, "easy", out);
    put_percent(by, "medium", out);
    put_percent(by, "hard", out);
    if (isnan(ece))
        pr_str_puts(out, "       –   ");
    else
        pr_str_printf(out, "  %6.3f   ", ece);
    pr_layout_pad(out, text_of(x, "level"), 8);
    pr_str_puts(out, "  ");
    pr_layout_pad(out, best, 16);
    pr_str_putc(out, '\n');
    PR_PUSH(s->steps, s->n, s->cap, whole_of(x, "step"));
}

static int by_step(const void *a, const void *b)
{
    int64_t x = whole_of(*(json_t *const *)a, "step"), y = whole_of(*(json_t *const *)b, "step");
    return (x > y) - (x < y);
}

/* The rows of what is ranked now and was not before, in the order of training. */
static void put_rows(struct pr_demo_shown *s, const json_t *comparison, struct pr_str *out)
{
    const json_t *list = json_object_get(comparison, "rankings");
    size_t n = json_array_size(list), k = 0;
    const json_t **rows = pr_alloc((n + 1) * sizeof *rows);
    for (size_t i = 0; i < n; i++) {
        const json_t *x = json_array_get(list, i);
        if (!pr_demo_has_row(s, whole_of(x, "step")) && *text_of(x, "level"))
            rows[k++] = x;
    }
    qsort(rows, k, sizeof(json_t *), by_step);
    for (size_t i = 0; i < k; i++)
        put_row(s, rows[i], text_of(comparison, "best_checkpoint"), out);
    pr_free(rows);
}

/* The watch's verdict on the damaged one, wherever it stands in the monitor's list. */
static void put_caught(struct pr_demo_shown *s, struct pr_str *out)
{
    json_t *monitor = read_status("status/regression_monitoring.json");
    const json_t *list = json_object_get(monitor, "checkpoints");
    for (size_t i = 0; i < json_array_size(list) && !s->caught; i++) {
        const json_t *x = json_array_get(list, i);
        if (whole_of(x, "step") != s->damaged || strcmp(text_of(x, "level"), "critical") != 0)
            continue;
        s->caught = true;
        put_time(s, out);
        pr_str_puts(out, "CAUGHT: ");
        pr_layout_wrap(out, text_of(x, "reason"), 16, 16, 100);
    }
    json_decref(monitor);
}

/* A mean without its error is no figure to show: what one pair of probes says may be chance alone.
 */
static size_t put_gains(const json_t *list, struct pr_str *out)
{
    size_t n = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *x = json_array_get(list, i);
        double gain = real_of(x, "difference_to_random"), error = real_of(x, "difference_se");
        if (!isfinite(gain) || !isfinite(error))
            continue;
        pr_str_puts(out, n++ ? ", " : " ");
        pr_term_clean(out, text_of(x, "strategy"), strlen(text_of(x, "strategy")), 24);
        pr_str_printf(out, " %+.3f ± %.3f", gain, error);
    }
    return n;
}

/* After every round of probes: what they have shown so far. */
static void put_probes(struct pr_demo_shown *s, struct pr_str *out)
{
    json_t *doc = read_status("status/curriculum_optimization.json");
    const json_t *list = json_object_get(doc, "strategies_tested");
    int64_t n = whole_of(doc, "n_probes");
    if (n < s->probes + PROBES_A_ROW) {
        json_decref(doc);
        return;
    }
    s->probes = n;
    struct pr_str line = PR_STR_INIT(4096), gains = PR_STR_INIT(4096);
    pr_str_printf(&line, "%lld probes, %s; ", (long long)n, text_of(doc, "decision"));
    if (put_gains(list, &gains))
        pr_str_printf(&line, "gain over random ± its standard error:%s", pr_str_cstr(&gains));
    else
        pr_str_puts(&line, "too few yet for a difference and its error");
    put_time(s, out);
    pr_layout_wrap(out, pr_str_cstr(&line), 8, 16, 100);
    pr_str_done(&gains);
    pr_str_done(&line);
    json_decref(doc);
}

/* Another one is served now. */
static void put_served(struct pr_demo_shown *s, struct pr_str *out)
{
    json_t *doc = read_status("status/last_deployment.json");
    const char *at = text_of(doc, "deployed_at"), *before = text_of(doc, "previous");
    /* What the gate found when that one was deployed: by now it may weigh another. */
    const json_t *last = json_array_get(json_object_get(doc, "history"), 0);
    const json_t *confirm = json_object_get(json_object_get(last, "gate"), "confirm");
    double p = !strcmp(text_of(last, "ended_at"), at) ? real_of(confirm, "p") : NAN;
    bool fresh = *at && strcmp(at, s->served ? s->served : "") != 0;
    if (fresh) {
        pr_free(s->served);
        s->served = pr_strdup(at);
        put_time(s, out);
        pr_str_puts(out, "SERVED: ");
        pr_term_clean(out, text_of(doc, "checkpoint"), strlen(text_of(doc, "checkpoint")), 40);
        pr_str_puts(out, " from " PR_DEMO_SERVED);
        if (*before && isfinite(p))
            pr_str_printf(out, ", better on the examples that it was not chosen by (p = %.2g)", p);
        pr_str_putc(out, '\n');
    }
    json_decref(doc);
}

void pr_demo_news(struct pr_demo_shown *s, struct pr_str *out)
{
    json_t *comparison = read_status("status/model_comparisons.json");
    put_rows(s, comparison, out);
    json_decref(comparison);
    if (s->damaged && !s->caught && pr_demo_has_row(s, s->damaged))
        put_caught(s, out);
    put_served(s, out);
    put_probes(s, out);
}

int64_t pr_demo_newest(const struct pr_demo_shown *s)
{
    int64_t newest = 0;
    for (size_t i = 0; i < s->n; i++)
        if (s->steps[i] > newest && s->steps[i] != s->damaged)
            newest = s->steps[i];
    return newest;
}

void pr_demo_shown_done(struct pr_demo_shown *s)
{
    pr_free(s->steps);
    pr_free(s->served);
    *s = (struct pr_demo_shown){0};
}

static void put_probe(struct pr_str *out)
{
    json_t *doc = read_status("status/curriculum_optimization.json");
    const json_t *next = json_object_get(doc, "next");
    if (json_is_object(next))
        pr_str_printf(out, "probe %lld: a little training from %s, %s, seed %lld",
            (long long)whole_of(doc, "n_probes") + 1, text_of(next, "checkpoint"),
            text_of(next, "strategy"), (long long)whole_of(next, "seed"));
    else
        pr_str_puts(out, "the training is over; the curriculum's probes come next");
    json_decref(doc);
}

void pr_demo_line(const struct pr_demo_shown *s, struct pr_str *out)
{
    json_t *t = read_status("status/training_status.json");
    double loss = real_of(t, "loss"), rate = real_of(t, "tokens_per_second"),
           eta = real_of(t, "eta_seconds");
    char step[32], steps[32], left[32];
    put_time(s, out);
    if (s->trained) {
        put_probe(out);
    } else if (!t) {
        pr_str_puts(out, "the training is starting");
    } else {
        pr_layout_count(whole_of(t, "current_step"), step);
        pr_layout_count(whole_of(t, "total_steps"), steps);
        pr_str_printf(out, "training: step %s of %s", step, steps);
        if (isfinite(loss))
            pr_str_printf(out, ", loss %.3f", loss);
        if (isfinite(rate))
            pr_str_printf(out, ", %.0f tokens/s", rate);
        if (strstr(text_of(t, "status"), "waiting"))
            pr_str_puts(out, ", waiting for training files");
        else if (isfinite(eta) && eta > 0) {
            pr_layout_duration(eta, left);
            pr_str_printf(out, ", %s left", left);
        }
    }
    json_decref(t);
}

/* ---- the summary ---- */

static void put_ranking(struct pr_str *out)
{
    static const char *const headings[] = {
        "rank", "<checkpoint", "score", "accuracy", "loss", "ECE", "<verdict"};
    json_t *comparison = read_status("status/model_comparisons.json");
    const json_t *list = json_object_get(comparison, "rankings");
    struct pr_table t;
    pr_str_puts(out, "\nThe checkpoints, ranked (status/model_comparisons.json):\n");
    pr_table_init(&t, 7, headings);
    for (size_t i = 0; i < json_array_size(list) && i < SHOWN; i++) {
        const json_t *x = json_array_get(list, i);
        pr_table_number(&t, x, "rank", 0, 1);
        pr_table_cell(&t, text_of(x, "checkpoint"), 24);
        pr_table_number(&t, x, "score", 4, 1);
        pr_table_number(&t, x, "accuracy", 3, 1);
        pr_table_number(&t, x, "loss", 4, 1);
        pr_table_number(&t, x, "ece", 3, 1);
        pr_table_cell(&t, text_of(x, "level"), 12);
    }
    pr_table_finish(&t, out);
    json_decref(comparison);
}

static void put_calibration(struct pr_str *out)
{
    static const char *const headings[] = {"<confidence", "answers", "right"};
    json_t *doc = read_status("status/confidence_calibration.json");
    const json_t *bins = json_object_get(doc, "bins");
    struct pr_table t;
    if (!json_array_size(bins)) {
        json_decref(doc);
        return;
    }
    pr_str_printf(out,
        "\nHow far %s can be believed (status/confidence_calibration.json): ECE %.3f, %s\n",
        text_of(doc, "checkpoint"), real_of(doc, "ece"),
        json_is_true(json_object_get(doc, "well_calibrated")) ? "well calibrated"
                                                              : "not well calibrated");
    pr_table_init(&t, 3, headings);
    for (size_t i = 0; i < json_array_size(bins); i++) {
        const json_t *x = json_array_get(bins, i);
        pr_table_cell(&t, text_of(x, "range"), 16);
        pr_table_number(&t, x, "count", 0, 1);
        pr_table_number(&t, x, "accuracy", 2, 1);
    }
    pr_table_finish(&t, out);
    json_decref(doc);
}

/* Every strategy has had its turn with as many seeds as a name needs. */
static bool all_have_had_their_turn(const json_t *doc)
{
    const json_t *list = json_object_get(doc, "strategies_tested");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *x = json_array_get(list, i);
        if (strcmp(text_of(x, "verdict"), "reference") != 0 &&
            whole_of(x, "n_blocks") < whole_of(doc, "min_blocks"))
            return false;
    }
    return json_array_size(list) > 0;
}

bool pr_demo_curriculum_over(void)
{
    json_t *doc = read_status("status/curriculum_optimization.json");
    /* What it found before it was given a budget says nothing of probes. */
    bool asked = json_object_get(json_object_get(doc, "set"), "curriculum.budget_percent");
    bool over = asked && strcmp(text_of(doc, "state"), "waiting") != 0 &&
                (json_is_null(json_object_get(doc, "next")) ||
                    !strcmp(text_of(doc, "decision"), "decided") || all_have_had_their_turn(doc));
    json_decref(doc);
    return over;
}

static void put_curriculum(struct pr_str *out)
{
    static const char *const headings[] = {
        "<order of training", "probes", "accuracy", "gain over random", "interval", "<"};
    json_t *doc = read_status("status/curriculum_optimization.json");
    const json_t *list = json_object_get(doc, "strategies_tested");
    struct pr_table t;
    if (!doc)
        return;
    pr_str_printf(out, "\nWhich order teaches best (status/curriculum_optimization.json): %s",
        text_of(doc, "decision"));
    if (!strcmp(text_of(doc, "decision"), "decided"))
        pr_str_printf(out, ", %s", text_of(doc, "best_strategy"));
    pr_str_puts(out, "\n");
    pr_table_init(&t, 6, headings);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *x = json_array_get(list, i);
        pr_table_cell(&t, text_of(x, "strategy"), 24);
        pr_table_number(&t, x, "n_probes", 0, 1);
        pr_table_number(&t, x, "accuracy", 3, 1);
        pr_table_signed(&t, x, "difference_to_random", 4, 1);
        pr_table_interval(&t, x, "difference_interval", 4, 1);
        pr_table_cell(&t, text_of(x, "verdict"), 12);
    }
    pr_table_finish(&t, out);
    json_decref(doc);
}

void pr_demo_summary(const struct pr_demo_shown *s, const char *dir, struct pr_str *out)
{
    put_ranking(out);
    put_calibration(out);
    put_curriculum(out);
    pr_demo_ask(out);
    pr_str_puts(out, "\nLook further:\n  cd ");
    pr_layout_wrap(out, dir, 5, 5, 200);
    pr_str_puts(out, "  proctor status                     everything at a glance\n");
    if (s->damaged)
        pr_str_printf(out, "  proctor why checkpoint-%-12lld why the damaged one was refused\n",
            (long long)s->damaged);
    pr_str_puts(out, "  ls status/                         what each system last found, as JSON\n"
                     "  sqlite3 proctor.db 'SELECT * FROM checkpoint_scores'\n"
                     "                                     the gradebook: every graded example\n"
                     "  proctor demo                       goes on from here\n");
}
