/* From grades to the document of `proctor eval` and the lines of its --examples. */
#include <math.h>
#include <string.h>
#include <sys/resource.h>

#include "base/alloc.h"
#include "base/str.h"
#include "exam/grade.h"
#include "exam/stats.h"

/* Not by the output, which old grades in a gradebook lack. */
static void add_asked(struct pr_tally_asked *t, const struct pr_grade *g)
{
    if (!g->finish || !strcmp(g->finish, "choice"))
        return;
    t->n++;
    t->tokens += g->output_tokens;
    t->truncated += g->truncated;
    t->format_ok += g->well_formed;
    t->empty += g->empty;
    t->think += g->think;
    t->think_unclosed += g->think && g->truncated && isnan(g->confidence);
}

void pr_tally_add(struct pr_tally *t, const struct pr_grade *g)
{
    t->n_bad += g->bad_number;
    add_asked(&t->asked, g);
    if (!g->graded)
        return;
    t->n++;
    if (isfinite(g->loss)) {
        t->n_loss++;
        t->nll += g->nll;
        t->losses += g->loss;
        t->tokens += g->answer_tokens;
    }
    t->n_accuracy += g->correct != PR_VERDICT_NONE;
    t->n_right += g->correct == PR_VERDICT_RIGHT;
}

double pr_tally_loss(const struct pr_tally *t)
{
    return t->tokens ? t->nll / (double)t->tokens : NAN;
}

double pr_tally_mean_loss(const struct pr_tally *t)
{
    return t->n_loss ? t->losses / (double)t->n_loss : NAN;
}

static void set_accuracy(json_t *o, const struct pr_tally *t)
{
    struct pr_estimate x;
    struct pr_error e;
    if (!t->n_accuracy || pr_stats_wilson(t->n_right, t->n_accuracy, PR_STATS_LEVEL, &x, &e)) {
        pr_json_set_null(o, "accuracy", "no example has a verdict");
        pr_json_set_null(o, "accuracy_ci95", "no example has a verdict");
        return;
    }
    pr_json_set_real(o, "accuracy", x.value, NULL);
    json_t *ci = json_array();
    json_array_append_new(ci, json_real(x.lo));
    json_array_append_new(ci, json_real(x.hi));
    pr_json_set(o, "accuracy_ci95", ci);
}

static void set_losses(json_t *o, const struct pr_tally *t)
{
    static const char none[] = "no example has a loss";
    pr_json_set_real(o, "loss", pr_tally_loss(t), none);
    pr_json_set_real(o, "loss_mean_per_example", pr_tally_mean_loss(t), none);
}

/* One entry a group: those that must be there (null where empty), then the others as they come. */
static json_t *by_group(const struct pr_grades *gs, const char *const *always,
    const char *(*group_of)(const struct pr_example *))
{
    json_t *out = json_object();
    struct pr_tally *tallies = NULL;
    size_t n = 0, cap = 0;
    const char **names = NULL;
    size_t names_n = 0, names_cap = 0;
    for (; *always; always++) {
        struct pr_tally t = {0};
        PR_PUSH(tallies, n, cap, t);
        PR_PUSH(names, names_n, names_cap, *always);
    }
    for (size_t i = 0; i < gs->n; i++) {
        const char *name = group_of(gs->v[i].example);
        size_t k = 0;
        while (k < n && strcmp(names[k], name))
            k++;
        if (k == n) {
            struct pr_tally t = {0};
            PR_PUSH(tallies, n, cap, t);
            PR_PUSH(names, names_n, names_cap, name);
        }
        pr_tally_add(&tallies[k], &gs->v[i]);
    }
    for (size_t k = 0; k < n; k++) {
        if (!tallies[k].n) {
            pr_json_set(out, names[k], json_null());
            continue;
        }
        json_t *o = json_object();
        pr_json_set_int(o, "n", (int64_t)tallies[k].n);
        pr_json_set_int(o, "n_accuracy", (int64_t)tallies[k].n_accuracy);
        set_accuracy(o, &tallies[k]);
        set_losses(o, &tallies[k]);
        pr_json_set(out, names[k], o);
    }
    pr_free(tallies);
    pr_free(names);
    return out;
}

static const char *difficulty_of(const struct pr_example *x)
{
    return x->difficulty;
}

static const char *skill_of(const struct pr_example *x)
{
    return x->skill ? x->skill : PR_UNSPECIFIED;
}

/* "0.0" and "0.95": one decimal at least, no more than the edge has. */
static void put_edge(struct pr_str *out, double edge)
{
    double scale = 10;
    int decimals = 1;
    while (decimals < 6 && fabs(edge * scale - round(edge * scale)) > 1e-9) {
        scale *= 10;
        decimals++;
    }
    pr_str_printf(out, "%.*f", decimals, edge);
}

json_t *pr_bins_json(const struct pr_bin *bins, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *o = json_object();
        struct pr_str range = PR_STR_INIT(64);
        put_edge(&range, bins[i].lo);
        pr_str_putc(&range, '-');
        put_edge(&range, bins[i].hi);
        pr_json_set_str(o, "range", pr_str_cstr(&range));
        pr_str_done(&range);
        pr_json_set_real(o, "accuracy", bins[i].accuracy, "empty bin");
        pr_json_set_real(o, "mean_confidence", bins[i].mean_confidence, "empty bin");
        pr_json_set_int(o, "count", (int64_t)bins[i].count);
        json_array_append_new(list, o);
    }
    return list;
}

enum pr_code pr_grades_ece(const struct pr_grade *v, size_t n, const double *edges, size_t n_bins,
    struct pr_bin *bins, double *ret_ece, size_t *ret_n, struct pr_error *e)
{
    double *confidence = pr_zalloc((n + 1) * sizeof *confidence);
    bool *right = pr_zalloc((n + 1) * sizeof *right);
    size_t taken = 0;
    for (size_t i = 0; i < n; i++) {
        const struct pr_grade *g = &v[i];
        if (!g->graded || g->correct == PR_VERDICT_NONE || !isfinite(g->confidence))
            continue;
        confidence[taken] = g->confidence;
        right[taken++] = g->correct == PR_VERDICT_RIGHT;
    }
    enum pr_code code = pr_stats_ece(confidence, right, taken, edges, n_bins, bins, ret_ece, e);
    pr_free(confidence);
    pr_free(right);
    *ret_n = taken;
    return code;
}

/* Calibration of the examples that have a verdict and a confidence. */
static enum pr_code set_calibration(json_t *o, const struct pr_grades *gs, struct pr_error *e)
{
    struct pr_bin six[PR_BINS_SIX], fifteen[15];
    double ece, ece_15;
    size_t n;
    enum pr_code code =
        pr_grades_ece(gs->v, gs->n, pr_stats_six_edges, PR_BINS_SIX, six, &ece, &n, e);
    if (code || (code = pr_grades_ece(gs->v, gs->n, NULL, 15, fifteen, &ece_15, &n, e)))
        return code;
    pr_json_set_real(o, "ece", ece, "no example has a verdict and a confidence");
    pr_json_set_real(o, "ece_15", ece_15, "no example has a verdict and a confidence");
    pr_json_set_int(o, "n_calibration", (int64_t)n);
    pr_json_set(o, "bins", pr_bins_json(six, PR_BINS_SIX));
    pr_json_set(o, "bins_15", pr_bins_json(fifteen, 15));
    return PR_OK;
}

static json_t *quality(const struct pr_tally_asked *t)
{
    json_t *o = json_object();
    static const char none[] = "nothing was generated";
    double n = t->n ? (double)t->n : NAN;
    pr_json_set_int(o, "n", (int64_t)t->n);
    pr_json_set_real(o, "mean_output_tokens", (double)t->tokens / n, none);
    pr_json_set_int(o, "truncated", (int64_t)t->truncated);
    pr_json_set_int(o, "format_ok", (int64_t)t->format_ok);
    pr_json_set_int(o, "empty", (int64_t)t->empty);
    pr_json_set_real(o, "think_rate", (double)t->think / n, none);
    return o;
}

/* What could not be graded, decided or averaged: counted, with the first reasons. */
static void set_problems(json_t *o, const struct pr_grades *gs)
{
    size_t ungraded = 0, undecided = 0, bad = 0;
    json_t *reasons = json_array();
    for (size_t i = 0; i < gs->n; i++) {
        const struct pr_grade *g = &gs->v[i];
        const char *why = !g->graded ? g->reason : g->correct_reason;
        ungraded += !g->graded;
        undecided += g->graded && g->example->golden.s && g->correct == PR_VERDICT_NONE;
        bad += g->bad_number;
        if (why && json_array_size(reasons) < 10) {
            json_t *r = json_object();
            pr_json_set_str(r, "id", g->example->id);
            pr_json_set_str(r, "reason", why);
            json_array_append_new(reasons, r);
        }
    }
    pr_json_set_int(o, "n_ungraded", (int64_t)ungraded);
    pr_json_set_int(o, "n_undecided", (int64_t)undecided);
    pr_json_set_int(o, "n_bad", (int64_t)bad);
    pr_json_set(o, "problems", reasons);
}

static void set_origin(json_t *o, const struct pr_grades *gs)
{
    pr_json_set_int(o, "schema_version", 1);
    pr_json_set_str(o, "checkpoint", gs->checkpoint);
    pr_json_set_str(o, "path", gs->path);
    pr_json_set_str(o, "fingerprint", gs->fingerprint);
    pr_json_set_str(o, "run", gs->origin.run);
    if (gs->origin.step >= 0)
        pr_json_set_int(o, "step", gs->origin.step);
    else
        pr_json_set_null(o, "step", "neither trainer_state.json nor the folder's name says it");
    pr_json_set_str(o, "suite", gs->suite->name);
    pr_json_set_str(o, "suite_fingerprint", gs->suite->fingerprint);
    if (gs->samples)
        pr_json_set_int(o, "samples", (int64_t)gs->samples);
}

static void set_how(json_t *o, const struct pr_grades *gs)
{
    pr_json_set_str(o, "template", gs->has_template ? "chat" : "none");
    pr_json_set_str(o, "dtype", gs->dtype);
    pr_json_set_str(o, "numerics", gs->numerics);
    pr_json_set_int(o, "max_new_tokens", (int64_t)gs->max_new_tokens);
    json_object_set(o, "settings", gs->settings);
    pr_json_set_str(o, "settings_fingerprint", gs->settings_fingerprint);
}

/* What was read, what it cost: known to the process that graded, and to no other. */
static void set_run(json_t *o, const struct pr_grades *gs)
{
    struct rusage use = {0};
    pr_json_set_int(o, "n_skipped", (int64_t)gs->suite->n_skipped);
    getrusage(RUSAGE_SELF, &use);
    pr_json_set_real(o, "seconds", gs->seconds, NULL);
    pr_json_set_int(o, "tokens_scored", (int64_t)gs->tokens_scored);
    pr_json_set_int(o, "tokens_generated", (int64_t)gs->tokens_generated);
    pr_json_set_int(o, "tokens_prefilled", (int64_t)gs->tokens_prefilled);
    pr_json_set_int(o, "tokens_shared", (int64_t)gs->tokens_shared);
    pr_json_set_int(o, "peak_rss_bytes", (int64_t)use.ru_maxrss * 1024);
    pr_json_set(o, "data", pr_suite_json(gs->suite));
}

enum pr_code pr_grades_figures(const struct pr_grades *gs, json_t **ret, struct pr_error *e)
{
    static const char *const difficulties[] = {"easy", "medium", "hard", NULL};
    static const char *const none[] = {NULL};
    struct pr_tally t = {0};
    json_t *o = json_object();
    for (size_t i = 0; i < gs->n; i++)
        pr_tally_add(&t, &gs->v[i]);
    set_origin(o, gs);
    pr_json_set_int(o, "n", (int64_t)t.n);
    pr_json_set_int(o, "n_accuracy", (int64_t)t.n_accuracy);
    set_problems(o, gs);
    set_losses(o, &t);
    double loss = pr_tally_loss(&t);
    pr_json_set_real(o, "perplexity", exp(loss),
        isnan(loss) ? "no example has a loss" : "the loss is too large");
    set_accuracy(o, &t);
    pr_json_set(o, "by_difficulty", by_group(gs, difficulties, difficulty_of));
    pr_json_set(o, "by_skill", by_group(gs, none, skill_of));
    enum pr_code code = set_calibration(o, gs, e);
    if (code) {
        json_decref(o);
        return code;
    }
    pr_json_set(o, "quality", quality(&t.asked));
    set_how(o, gs);
    *ret = o;
    return PR_OK;
}

enum pr_code pr_grades_document(const struct pr_grades *gs, json_t **ret, struct pr_error *e)
{
    enum pr_code code = pr_grades_figures(gs, ret, e);
    if (!code)
        set_run(*ret, gs);
    return code;
}

static void set_verdict(json_t *o, const char *key, enum pr_verdict v, const char *reason)
{
    if (v == PR_VERDICT_NONE && reason)
        pr_json_set_null(o, key, reason);
    else if (v == PR_VERDICT_NONE)
        pr_json_set(o, key, json_null());
    else
        pr_json_set_bool(o, key, v == PR_VERDICT_RIGHT);
}

static void set_choices(json_t *o, const struct pr_grade *g)
{
    json_t *list = json_array();
    for (size_t i = 0; i < g->n_choices; i++) {
        json_t *c = json_object();
        struct pr_text text = g->example->check.choices[i];
        pr_json_set_strn(c, "text", text.s, text.n);
        pr_json_set_real(c, "log_likelihood", g->choices[i].log_likelihood, g->correct_reason);
        pr_json_set_int(c, "tokens", (int64_t)g->choices[i].tokens);
        json_array_append_new(list, c);
    }
    pr_json_set(o, "choices", list);
    set_verdict(o, "correct_per_length", g->correct_per_length, g->correct_reason);
}

json_t *pr_grade_line(const struct pr_grade *g)
{
    const struct pr_example *x = g->example;
    json_t *o = json_object();
    const char *why = g->reason ? g->reason : g->correct_reason;
    const char *no_text = x->golden.s ? NULL : "plain text: loss only";
    pr_json_set_str(o, "id", x->id);
    pr_json_set_str(o, "skill", x->skill);
    pr_json_set_str(o, "difficulty", x->difficulty);
    if (x->pattern)
        pr_json_set_str(o, "pattern", x->pattern);
    pr_json_set_real(o, "loss", g->loss, g->reason ? g->reason : g->loss_reason);
    pr_json_set_int(o, "answer_tokens", (int64_t)g->answer_tokens);
    if (g->answer)
        pr_json_set_strn(o, "answer", g->answer, g->answer_len);
    else if (g->texts_dropped)
        pr_json_set_null(o, "answer", "the texts of old grades are not kept");
    else
        pr_json_set_null(o, "answer", g->truncated ? "truncated" : why ? why : no_text);
    set_verdict(o, "correct", g->correct, why ? why : no_text);
    const char *unsure = g->truncated ? "no tokens after the think block" : why ? why : no_text;
    pr_json_set_real(o, "confidence", g->confidence, unsure);
    pr_json_set_real(o, "confidence_all", g->confidence_all, unsure);
    pr_json_set_str(o, "finish", g->finish);
    pr_json_set_bool(o, "truncated", g->truncated);
    pr_json_set_int(o, "output_tokens", (int64_t)g->output_tokens);
    if (x->check.type)
        pr_json_set_str(o, "check", x->check.type->name);
    if (x->golden.s)
        pr_json_set_strn(o, "golden", x->golden.s, x->golden.n);
    if (g->output && g->think)
        pr_json_set_strn(o, "output", g->output, g->output_len);
    if (g->choices)
        set_choices(o, g);
    return o;
}
