/* /api/curves: what a training logged at each step, thinned so that no spike is lost. */
#include <math.h>

#include "api/answers.h"
#include "api/curve_cache.h"
#include "api/decimate.h"
#include "gradebook/browse.h"

#define MAX_NOT_NUMBERS 1000 /* listed; all are counted */

/* ---- the list ---- */

static enum pr_code add_series(
    const struct pr_api_context *x, const struct pr_series_row *s, json_t *list, struct pr_error *e)
{
    int64_t n = 0, first = 0, last = 0;
    enum pr_code code = pr_api_curve_extent(x->g, s, &n, &first, &last, e);
    if (code)
        return code;
    json_t *o = json_object();
    pr_json_set_int(o, "id", s->id);
    pr_json_set_str(o, "name", s->name);
    pr_json_set_int(o, "run_id", s->run_id);
    pr_json_set_int(o, "n", n);
    pr_json_set(o, "first_step", n ? json_integer(first) : json_null());
    pr_json_set(o, "last_step", n ? json_integer(last) : json_null());
    json_array_append_new(list, o);
    return PR_OK;
}

static enum pr_code get_list(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    struct pr_series_row *v = NULL;
    size_t n = 0;
    int64_t run = 0;
    enum pr_code code = PR_OK;
    if (!pr_api_int(q, "run", &run) && x->g)
        code = pr_gradebook_newest_run(x->g, &run, e);
    if (!code && x->g && run)
        code = pr_gradebook_series(x->g, run, &v, &n, e);
    if (code)
        return code;
    json_t *doc = json_object(), *list = json_array();
    pr_json_set(doc, "series", list);
    pr_json_set(doc, "run_id", run ? json_integer(run) : json_null());
    for (size_t i = 0; i < n && !code; i++)
        code = add_series(x, &v[i], list, e);
    pr_series_rows_free(v, n);
    if (code)
        json_decref(doc);
    else
        *ret = doc;
    return code;
}

/* ---- a curve ---- */

struct shown {
    int64_t from, to;
    size_t width;
    bool smooth;
    double past;
    json_t *doc;
};

/* The first index whose step is at least this. */
static size_t lower(const int64_t *step, size_t n, int64_t least)
{
    size_t lo = 0, hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (step[mid] < least)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void set_not_numbers(json_t *doc, const int64_t *step, const double *value, size_t n)
{
    json_t *list = json_array();
    int64_t count = 0;
    for (size_t i = 0; i < n; i++) {
        if (isfinite(value[i]))
            continue;
        if (count++ < MAX_NOT_NUMBERS)
            json_array_append_new(list, json_integer(step[i]));
    }
    pr_json_set(doc, "not_numbers", list);
    pr_json_set_int(doc, "n_not_numbers", count);
}

static void set_smoothed(json_t *doc, const struct shown *s, const double *value, size_t n,
    size_t begin, const size_t *index, size_t n_index)
{
    json_t *list = json_array();
    double *smoothed = pr_zalloc((n + 1) * sizeof *smoothed);
    pr_api_smooth(value, n, s->past, smoothed);
    for (size_t i = 0; i < n_index; i++)
        pr_api_append_real(list, smoothed[begin + index[i]]);
    pr_free(smoothed);
    pr_json_set(doc, "smoothed", list);
}

static enum pr_code look(
    void *ctx, const int64_t *step, const double *value, size_t n, struct pr_error *e)
{
    (void)e;
    static const int64_t no_step;
    static const double no_value;
    struct shown *s = ctx;
    step = n ? step : &no_step;
    value = n ? value : &no_value;
    size_t begin = lower(step, n, s->from);
    size_t end = s->to == INT64_MAX ? n : lower(step, n, s->to + 1);
    size_t in = end > begin ? end - begin : 0;
    size_t *index = pr_zalloc((2 * s->width + 1) * sizeof *index);
    const double *const y[] = {value + begin};
    size_t kept = in ? pr_api_decimate(step + begin, y, 1, in, s->width, index) : 0;
    json_t *steps = json_array(), *values = json_array();
    for (size_t i = 0; i < kept; i++) {
        json_array_append_new(steps, json_integer(step[begin + index[i]]));
        pr_api_append_real(values, value[begin + index[i]]);
    }
    pr_json_set_int(s->doc, "n", (int64_t)in);
    pr_json_set_bool(s->doc, "decimated", kept < in);
    pr_json_set(s->doc, "step", steps);
    pr_json_set(s->doc, "value", values);
    if (s->smooth)
        set_smoothed(s->doc, s, value, end, begin, index, kept);
    set_not_numbers(s->doc, step + begin, value + begin, in);
    pr_free(index);
    return PR_OK;
}

static enum pr_code get_curve(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    struct pr_series_row series;
    struct shown s = {.from = 0, .to = INT64_MAX};
    int64_t id = 0, width = 1000;
    enum pr_code code = pr_api_need_gradebook(x, e);
    (void)pr_api_int(q, "id", &id);
    (void)pr_api_int(q, "width", &width);
    (void)pr_api_int(q, "from", &s.from);
    (void)pr_api_int(q, "to", &s.to);
    s.smooth = pr_api_real(q, "smoothing", &s.past);
    s.width = (size_t)width;
    if (code || (code = pr_gradebook_series_row(x->g, id, &series, e)))
        return code;
    s.doc = json_object();
    pr_json_set_int(s.doc, "id", series.id);
    pr_json_set_str(s.doc, "name", series.name);
    pr_json_set_int(s.doc, "run_id", series.run_id);
    code = pr_api_curve(x->g, &series, look, &s, e);
    pr_series_row_done(&series);
    if (code)
        json_decref(s.doc);
    else
        *ret = s.doc;
    return code;
}

static bool present(const struct pr_api_context *x)
{
    bool grades = false, curves = false;
    return x->g && !pr_gradebook_has_grades(x->g, &grades, NULL) &&
           !pr_gradebook_has_curves(x->g, &curves, NULL) && (grades || curves);
}

static const struct pr_api_param of_list[] = {
    {.name = "run", .type = PR_API_INT, .min = 1, .max = 1e15, .help = "its id; else the newest"},
};
static const struct pr_api_param of_curve[] = {
    {.name = "id", .type = PR_API_INT, .min = 1, .max = 1e15, .required = true},
    {.name = "from", .type = PR_API_INT, .min = 0, .max = 1e18, .help = "step"},
    {.name = "to", .type = PR_API_INT, .min = 0, .max = 1e18, .help = "step"},
    {.name = "width",
        .type = PR_API_INT,
        .fallback = "1000",
        .min = PR_API_MIN_WIDTH,
        .max = PR_API_MAX_WIDTH,
        .help = "columns that can be drawn: at most twice as many points come back"},
    {.name = "smoothing",
        .type = PR_API_REAL,
        .min = 0,
        .max = 0.9999,
        .help = "weight of the past in a running mean, over all points"},
};

static const struct pr_api_route routes[] = {
    {.path = "/api/curves",
        .summary = "The curves of a training",
        .params = of_list,
        .n_params = 1,
        .schema = "Curves",
        .get = get_list},
    {.path = "/api/curves/{id}",
        .summary = "A curve, thinned so that no spike is lost",
        .params = of_curve,
        .n_params = sizeof of_curve / sizeof *of_curve,
        .schema = "Curve",
        .get = get_curve},
};

const struct pr_api_plugin pr_api_plugin_curves = {
    .name = "curves",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
    .panel = "progress",
    .title = "Progress",
    .present = present,
};
