/* /api/gradebook/history: a run's figures through its steps, as columns. */
#include <math.h>
#include <string.h>

#include "api/answers.h"
#include "api/decimate.h"
#include "api/figures.h"
#include "api/gradebook_answers.h"
#include "gradebook/browse.h"

struct history {
    const struct pr_api_context *x;
    struct pr_suite_row *suite;
    int64_t run; /* 0: there is none */
    struct pr_run_checkpoint *rows;
    size_t n_rows;
    struct pr_api_figures_set set; /* of rows */
    size_t *graded;                /* rows with a grade */
    size_t n;
    size_t *shown; /* of those, into rows */
    size_t n_shown;
};

static enum pr_code find_rows(struct history *h, const struct pr_api_request *q, struct pr_error *e)
{
    char options[65];
    int64_t from = 0, to = INT64_MAX;
    enum pr_code code = PR_OK;
    (void)pr_api_int(q, "from", &from);
    (void)pr_api_int(q, "to", &to);
    if (!pr_api_int(q, "run", &h->run))
        code = pr_gradebook_newest_run(h->x->g, &h->run, e);
    if (code || !h->run)
        return code;
    pr_api_options(h->x, options);
    return pr_gradebook_run_history(h->x->g, h->run, options, from, to, &h->rows, &h->n_rows, e);
}

static enum pr_code read_figures(struct history *h, struct pr_error *e)
{
    struct pr_api_asked *asked = pr_zalloc((h->n_rows + 1) * sizeof *asked);
    for (size_t i = 0; i < h->n_rows; i++)
        asked[i] = (struct pr_api_asked){h->rows[i].model, h->rows[i].settings};
    enum pr_code code = pr_api_figures(h->x, h->suite, asked, h->n_rows, &h->set, e);
    pr_free(asked);
    if (code)
        return code;
    h->graded = pr_zalloc((h->n_rows + 1) * sizeof *h->graded);
    for (size_t i = 0; i < h->n_rows; i++)
        if (h->set.v[i].done)
            h->graded[h->n++] = i;
    return PR_OK;
}

/* The extremes of loss and accuracy stay. */
static void choose(struct history *h, size_t width)
{
    int64_t *steps = pr_zalloc((h->n + 1) * sizeof *steps);
    double *loss = pr_zalloc((h->n + 1) * sizeof *loss);
    double *accuracy = pr_zalloc((h->n + 1) * sizeof *accuracy), low, high;
    const double *const y[] = {loss, accuracy};
    h->shown = pr_zalloc((2 * width + 1) * sizeof *h->shown);
    for (size_t i = 0; i < h->n; i++) {
        const struct pr_tally *t = &h->set.v[h->graded[i]].tally;
        steps[i] = h->rows[h->graded[i]].step;
        loss[i] = pr_tally_loss(t);
        accuracy[i] = pr_api_accuracy(t, &low, &high);
    }
    h->n_shown = pr_api_decimate(steps, y, 2, h->n, width, h->shown);
    for (size_t i = 0; i < h->n_shown; i++)
        h->shown[i] = h->graded[h->shown[i]];
    pr_free(steps);
    pr_free(loss);
    pr_free(accuracy);
}

/* ---- columns ---- */

static double real_or_nan(size_t n, size_t of)
{
    return of ? (double)n / (double)of : NAN;
}

#define COLUMNS(X)                                                                                 \
    X(checkpoint, json_integer(r->id))                                                             \
    X(name, text(r->name))                                                                         \
    X(step, json_integer(r->step))                                                                 \
    X(gone, json_boolean(r->gone))                                                                 \
    X(graded, json_integer((json_int_t)f->tally.n))                                                \
    X(loss, real(pr_tally_loss(&f->tally)))                                                        \
    X(loss_mean_per_example, real(pr_tally_mean_loss(&f->tally)))                                  \
    X(accuracy, real(accuracy))                                                                    \
    X(accuracy_low, real(low))                                                                     \
    X(accuracy_high, real(high))                                                                   \
    X(ece, real(f->ece))                                                                           \
    X(score, real(f->score.value))                                                                 \
    X(bad_numbers, json_integer((json_int_t)f->tally.n_bad))                                       \
    X(truncated, json_integer((json_int_t)a->truncated))                                           \
    X(empty, json_integer((json_int_t)a->empty))                                                   \
    X(think_rate, real(real_or_nan(a->think, a->n)))                                               \
    X(think_unclosed, json_integer((json_int_t)a->think_unclosed))                                 \
    X(mean_output_tokens, real(real_or_nan(a->tokens, a->n)))

static json_t *real(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

/* Invalid UTF-8 of a folder's name is replaced on the way. */
static json_t *text(const char *s)
{
    json_t *o = json_object();
    pr_json_set_str(o, "s", s);
    json_t *v = json_incref(json_object_get(o, "s"));
    json_decref(o);
    return v;
}

static void set_columns(const struct history *h, json_t *doc)
{
#define PR_X(key, value) pr_json_set(doc, #key, json_array());
    COLUMNS(PR_X)
#undef PR_X
    for (size_t i = 0; i < h->n_shown; i++) {
        const struct pr_run_checkpoint *r = &h->rows[h->shown[i]];
        const struct pr_api_figures *f = &h->set.v[h->shown[i]];
        const struct pr_tally_asked *a = &f->tally.asked;
        double low, high, accuracy = pr_api_accuracy(&f->tally, &low, &high);
#define PR_X(key, value) json_array_append_new(json_object_get(doc, #key), value);
        COLUMNS(PR_X)
#undef PR_X
    }
}

static void set_groups(const struct history *h, json_t *doc)
{
    static const char *const keys[] = {"accuracy", "accuracy_low", "accuracy_high", "loss"};
    json_t *all = json_object();
    for (size_t k = 0; k < h->set.n_groups; k++) {
        json_t *o = json_object(), *n = json_array();
        for (size_t c = 0; c < 4; c++)
            pr_json_set(o, keys[c], json_array());
        pr_json_set(o, "n", n);
        for (size_t i = 0; i < h->n_shown; i++) {
            const struct pr_tally *t = &h->set.groups[h->shown[i] * h->set.n_groups + k];
            double v[4];
            v[0] = pr_api_accuracy(t, &v[1], &v[2]);
            v[3] = pr_tally_loss(t);
            for (size_t c = 0; c < 4; c++)
                pr_api_append_real(json_object_get(o, keys[c]), v[c]);
            json_array_append_new(n, json_integer((json_int_t)t->n));
        }
        pr_json_set(all, h->set.names[k], o);
    }
    pr_json_set(doc, "difficulties", all);
}

static enum pr_code set_marks(
    const struct history *h, const struct pr_api_request *q, json_t *doc, struct pr_error *e)
{
    struct pr_run_mark *v = NULL;
    size_t n = 0;
    int64_t from = 0, to = INT64_MAX;
    enum pr_code code =
        h->run ? pr_gradebook_run_marks(h->x->g, h->run, h->suite->id, &v, &n, e) : PR_OK;
    if (code)
        return code;
    json_t *list = json_array();
    (void)pr_api_int(q, "from", &from);
    (void)pr_api_int(q, "to", &to);
    for (size_t i = 0; i < n; i++) {
        if (v[i].step < from || v[i].step > to)
            continue;
        json_t *o = json_object();
        pr_json_set_int(o, "step", v[i].step);
        pr_json_set_int(o, "checkpoint", v[i].checkpoint);
        pr_json_set_str(o, "name", v[i].name);
        pr_json_set_str(o, "kind", v[i].kind);
        pr_json_set_str(o, "text", v[i].text ? v[i].text : v[i].kind);
        json_array_append_new(list, o);
    }
    pr_run_marks_free(v, n);
    pr_json_set(doc, "marks", list);
    return PR_OK;
}

static enum pr_code build(
    struct history *h, const struct pr_api_request *q, json_t *doc, struct pr_error *e)
{
    int64_t width = 1000;
    (void)pr_api_int(q, "width", &width);
    enum pr_code code = find_rows(h, q, e);
    if (code || (code = read_figures(h, e)))
        return code;
    choose(h, (size_t)width);
    pr_json_set_str(doc, "suite", h->suite->name);
    pr_json_set_int(doc, "suite_id", h->suite->id);
    pr_json_set_int(doc, "of", (int64_t)h->suite->n);
    pr_json_set(doc, "run_id", h->run ? json_integer(h->run) : json_null());
    pr_json_set_int(doc, "n", (int64_t)h->n);
    pr_json_set_bool(doc, "decimated", h->n_shown < h->n);
    set_columns(h, doc);
    set_groups(h, doc);
    return set_marks(h, q, doc, e);
}

enum pr_code pr_api_gradebook_history(const struct pr_api_context *x,
    const struct pr_api_request *q, json_t **ret, struct pr_error *e)
{
    struct history h = {.x = x};
    enum pr_code code = pr_api_suite(x, pr_api_text(q, "suite"), &h.suite, e);
    if (code)
        return code;
    json_t *doc = json_object();
    if (!(code = build(&h, q, doc, e)))
        *ret = json_incref(doc);
    json_decref(doc);
    pr_suite_rows_free(h.suite, 1);
    pr_run_checkpoints_free(h.rows, h.n_rows);
    pr_api_figures_done(&h.set);
    pr_free(h.graded);
    pr_free(h.shown);
    return code;
}
