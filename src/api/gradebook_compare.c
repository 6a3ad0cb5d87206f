/* /api/gradebook/compare: two checkpoints, by the function behind `proctor compare`; and
 * /api/gradebook/calibration. */
#include <math.h>
#include <string.h>

#include "api/answers.h"
#include "api/gradebook_answers.h"
#include "exam/compare.h"
#include "exam/stats.h"
#include "gradebook/browse.h"

/* A checkpoint with its grades on a suite. */
struct side {
    struct pr_checkpoint_row c;
    int64_t settings;
    struct pr_grades *grades;
};

static void side_done(struct side *s)
{
    pr_grades_free(s->grades);
    pr_checkpoint_row_done(&s->c);
}

static enum pr_code read_side(const struct pr_api_context *x, int64_t id,
    const struct pr_suite *suite, struct side *s, struct pr_error *e)
{
    enum pr_code code = pr_api_checkpoint(x, id, &s->c, &s->settings, e);
    if (code)
        return code;
    if (s->settings)
        code = pr_gradebook_grades(x->g, &s->c, s->settings, suite, false, &s->grades, e);
    if (code)
        return code;
    size_t graded = 0;
    for (size_t i = 0; s->grades && i < s->grades->n; i++)
        graded += s->grades->v[i].graded;
    return graded ? PR_OK
                  : pr_fail(e, PR_E_NOT_FOUND, "%s: no example of suite %s is graded yet",
                        s->c.name, suite->name);
}

/* ---- compare ---- */

struct counts {
    size_t both, gained, lost, neither;
};

static size_t n_of(const struct counts *c)
{
    return c->both + c->gained + c->lost + c->neither;
}

static void count(struct counts *c, const struct pr_grade *a, const struct pr_grade *b)
{
    bool decided =
        a->graded && b->graded && a->correct != PR_VERDICT_NONE && b->correct != PR_VERDICT_NONE;
    bool was = a->correct == PR_VERDICT_RIGHT, is = b->correct == PR_VERDICT_RIGHT;
    c->both += decided && was && is;
    c->gained += decided && !was && is;
    c->lost += decided && was && !is;
    c->neither += decided && !was && !is;
}

static void set_counts(json_t *o, const struct counts *c)
{
    pr_json_set_int(o, "both", (int64_t)c->both);
    pr_json_set_int(o, "gained", (int64_t)c->gained);
    pr_json_set_int(o, "lost", (int64_t)c->lost);
    pr_json_set_int(o, "neither", (int64_t)c->neither);
}

static void set_groups(json_t *doc, const struct pr_grades *a, const struct pr_grades *b)
{
    json_t *all = json_object();
    for (size_t i = 0; i < a->n; i++) {
        const char *name = a->v[i].example->difficulty;
        struct counts c = {0};
        if (json_object_get(all, name))
            continue;
        for (size_t k = i; k < a->n; k++)
            if (!strcmp(a->v[k].example->difficulty, name))
                count(&c, &a->v[k], &b->v[k]);
        double n = (double)n_of(&c);
        json_t *o = json_object();
        pr_json_set_int(o, "n", (int64_t)n_of(&c));
        pr_json_set_real(o, "accuracy_difference",
            n > 0 ? ((double)c.gained - (double)c.lost) / n : NAN,
            "no example has a verdict in both");
        set_counts(o, &c);
        pr_json_set(all, name, o);
    }
    pr_json_set(doc, "by_difficulty", all);
}

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

/* A metric of pr_compare: its difference with interval and test. */
static void set_metric(json_t *doc, const json_t *metrics, const char *metric, const char *name,
    const char *p, const char *p_name)
{
    const json_t *m = json_object_get(metrics, metric), *ci = json_object_get(m, "ci95");
    static const char none[] = "no example has it in both";
    struct pr_str key = PR_STR_INIT(100);
    pr_str_printf(&key, "%s_difference", name);
    pr_json_set_real(doc, pr_str_cstr(&key), number(m, "difference"), none);
    for (size_t i = 0; i < 2; i++) {
        const json_t *bound = json_array_get(ci, i);
        pr_str_clear(&key);
        pr_str_printf(&key, "%s_difference_%s", name, i ? "high" : "low");
        pr_json_set_real(doc, pr_str_cstr(&key),
            json_is_number(bound) ? json_number_value(bound) : NAN, "too few examples");
    }
    pr_str_done(&key);
    const char *why = "no pairs";
    pr_json_set_real(doc, p_name, number(m, p), why);
}

static json_t *side_json(const struct side *s, const json_t *metrics, const char *which)
{
    json_t *o = json_object();
    size_t graded = 0;
    for (size_t i = 0; i < s->grades->n; i++)
        graded += s->grades->v[i].graded;
    pr_api_set_checkpoint(o, s->c.id, s->c.name, s->c.step);
    pr_json_set_int(o, "n", (int64_t)graded);
    pr_json_set_real(o, "accuracy", number(json_object_get(metrics, "accuracy"), which),
        "no example has a verdict in both");
    pr_json_set_real(o, "loss_mean_per_example",
        number(json_object_get(metrics, "loss_mean_per_example"), which),
        "no example has a loss in both");
    return o;
}

static enum pr_code compare(const struct pr_suite *suite, const struct side *a,
    const struct side *b, json_t **ret, struct pr_error *e)
{
    json_t *found = NULL;
    struct counts all = {0};
    if (a->settings != b->settings)
        return pr_fail(e, PR_E_USAGE,
            "%s and %s are graded under other settings (arithmetic, template or limits): they are "
            "not compared",
            a->c.name, b->c.name);
    static const struct pr_compare_options options = {.tests_only = true};
    enum pr_code code = pr_compare(a->grades, b->grades, &options, &found, e);
    if (code) /* nothing in common: it is not the request that is wrong */
        return code == PR_E_FORMAT && e ? (e->code = PR_E_NOT_FOUND) : code;
    const json_t *metrics = json_object_get(found, "metrics");
    json_t *doc = json_object();
    pr_json_set_str(doc, "suite", suite->name);
    pr_json_set(doc, "a", side_json(a, metrics, "first"));
    pr_json_set(doc, "b", side_json(b, metrics, "second"));
    json_object_set(doc, "n", json_object_get(found, "n_paired"));
    set_metric(doc, metrics, "accuracy", "accuracy", "p_mcnemar", "p_accuracy");
    set_metric(doc, metrics, "loss_mean_per_example", "loss", "p_sign_flip", "p_loss");
    for (size_t i = 0; i < a->grades->n; i++)
        count(&all, &a->grades->v[i], &b->grades->v[i]);
    set_counts(doc, &all);
    set_groups(doc, a->grades, b->grades);
    json_decref(found);
    *ret = doc;
    return PR_OK;
}

enum pr_code pr_api_gradebook_compare(const struct pr_api_context *x,
    const struct pr_api_request *q, json_t **ret, struct pr_error *e)
{
    struct pr_suite_row *row;
    struct pr_suite *suite = NULL;
    struct side a = {0}, b = {0};
    int64_t id_a = 0, id_b = 0;
    (void)pr_api_int(q, "a", &id_a);
    (void)pr_api_int(q, "b", &id_b);
    enum pr_code code = pr_api_suite(x, pr_api_text(q, "suite"), &row, e);
    if (code)
        return code;
    if (!(code = pr_gradebook_load_suite(x->g, row->id, &suite, e)) &&
        !(code = read_side(x, id_a, suite, &a, e)) && !(code = read_side(x, id_b, suite, &b, e)))
        code = compare(suite, &a, &b, ret, e);
    side_done(&a);
    side_done(&b);
    pr_suite_free(suite);
    pr_suite_rows_free(row, 1);
    return code;
}

/* ---- calibration ---- */

static json_t *bins_json(const struct pr_bin *bins, size_t n)
{
    json_t *list = pr_bins_json(bins, n), *o;
    size_t i;
    json_array_foreach (list, i, o) {
        pr_json_set_real(o, "low", bins[i].lo, NULL);
        pr_json_set_real(o, "high", bins[i].hi, NULL);
    }
    return list;
}

/* Over the calibrator's bins. */
static enum pr_code set_ece(
    json_t *o, const struct pr_settings *s, const struct pr_grade *v, size_t n, struct pr_error *e)
{
    struct pr_bin bins[PR_MAX_BINS];
    double ece;
    size_t counted;
    enum pr_code code = pr_grades_ece(v, n, s->edges, (size_t)s->n_bins, bins, &ece, &counted, e);
    if (code)
        return code;
    pr_json_set_int(o, "n", (int64_t)counted);
    pr_json_set_real(o, "ece", ece, "no example has a verdict and a confidence");
    pr_json_set(o, "bins", bins_json(bins, (size_t)s->n_bins));
    return PR_OK;
}

static enum pr_code set_calibration(
    json_t *doc, const struct pr_settings *s, const struct pr_grades *g, struct pr_error *e)
{
    struct pr_grade *some = pr_zalloc((g->n + 1) * sizeof *some);
    json_t *groups = json_object();
    pr_json_set(doc, "by_difficulty", groups);
    enum pr_code code = set_ece(doc, s, g->v, g->n, e);
    for (size_t i = 0; i < g->n && !code; i++) {
        const char *name = g->v[i].example->difficulty;
        size_t n = 0;
        if (json_object_get(groups, name))
            continue;
        for (size_t k = i; k < g->n; k++)
            if (!strcmp(g->v[k].example->difficulty, name))
                some[n++] = g->v[k]; /* borrows what it holds */
        json_t *o = json_object();
        pr_json_set(groups, name, o);
        code = set_ece(o, s, some, n, e);
    }
    pr_free(some);
    return code;
}

enum pr_code pr_api_gradebook_calibration(const struct pr_api_context *x,
    const struct pr_api_request *q, json_t **ret, struct pr_error *e)
{
    struct pr_suite_row *row;
    struct pr_suite *suite = NULL;
    struct side s = {0};
    char options[65];
    int64_t id = 0;
    enum pr_code code = pr_api_suite(x, pr_api_text(q, "suite"), &row, e);
    if (code)
        return code;
    pr_api_options(x, options);
    if (!pr_api_int(q, "checkpoint", &id))
        code = pr_gradebook_newest_graded(x->g, options, row->id, &id, e);
    if (!code && !id)
        code = pr_fail(e, PR_E_NOT_FOUND, "no checkpoint is graded on suite %s yet", row->name);
    if (!code && !(code = pr_gradebook_load_suite(x->g, row->id, &suite, e)) &&
        !(code = read_side(x, id, suite, &s, e))) {
        json_t *doc = json_object(), *checkpoint = json_object();
        pr_api_set_checkpoint(checkpoint, s.c.id, s.c.name, s.c.step);
        pr_json_set(doc, "checkpoint", checkpoint);
        pr_json_set_str(doc, "suite", row->name);
        if (!(code = set_calibration(doc, &x->config->settings, s.grades, e)))
            *ret = json_incref(doc);
        json_decref(doc);
    }
    side_done(&s);
    pr_suite_free(suite);
    pr_suite_rows_free(row, 1);
    return code;
}
