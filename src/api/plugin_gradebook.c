/* /api/gradebook/…: runs, suites, and what every checkpoint made of every example. */
#include "api/answers.h"
#include "api/decimate.h"
#include "api/gradebook_answers.h"
#include "gradebook/browse.h"

static enum pr_code add_run(
    const struct pr_api_context *x, const struct pr_run_row *r, json_t *list, struct pr_error *e)
{
    int64_t n;
    enum pr_code code = pr_gradebook_count_run(x->g, r->id, &n, e);
    if (code)
        return code;
    json_t *o = json_object();
    pr_json_set_int(o, "id", r->id);
    pr_json_set_str(o, "run", r->run);
    pr_json_set(o, "parent", r->parent ? json_integer(r->parent) : json_null());
    if (r->parent && r->parent_step >= 0)
        pr_json_set_int(o, "parent_step", r->parent_step);
    else
        pr_json_set(o, "parent_step", json_null());
    pr_api_time(o, "first_at", r->first_ms);
    pr_api_time(o, "last_at", r->last_ms);
    pr_json_set_int(o, "checkpoints", n);
    json_array_append_new(list, o);
    return PR_OK;
}

static enum pr_code get_runs(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)q;
    struct pr_run_row *v = NULL;
    size_t n = 0;
    enum pr_code code = x->g ? pr_gradebook_runs(x->g, &v, &n, e) : PR_OK;
    if (code)
        return code;
    json_t *doc = json_object(), *list = json_array();
    pr_json_set(doc, "runs", list);
    for (size_t i = 0; i < n && !code; i++)
        code = add_run(x, &v[i], list, e);
    pr_free(v);
    if (code)
        json_decref(doc);
    else
        *ret = doc;
    return code;
}

static json_t *keys_of(json_t *o)
{
    json_t *list = json_array(), *v;
    const char *key;
    json_object_foreach (o, key, v)
        json_array_append_new(list, json_string(key));
    return list;
}

static enum pr_code add_suite(
    const struct pr_api_context *x, const struct pr_suite_row *s, json_t *list, struct pr_error *e)
{
    json_t *difficulties, *skills;
    enum pr_code code = pr_gradebook_suite_groups(x->g, s->id, &difficulties, &skills, e);
    if (code)
        return code;
    json_t *o = json_object();
    pr_json_set_int(o, "id", s->id);
    pr_json_set_str(o, "name", s->name);
    pr_json_set_str(o, "fingerprint", s->fingerprint);
    pr_json_set_int(o, "n", (int64_t)s->n);
    pr_json_set(o, "difficulties", keys_of(difficulties));
    pr_json_set(o, "skills", keys_of(skills));
    pr_json_set(o, "by_difficulty", difficulties);
    pr_json_set(o, "by_skill", skills);
    json_array_append_new(list, o);
    return PR_OK;
}

static enum pr_code get_suites(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)q;
    struct pr_suite_row *v = NULL;
    size_t n = 0;
    enum pr_code code = x->g ? pr_gradebook_suites(x->g, true, &v, &n, e) : PR_OK;
    if (code)
        return code;
    json_t *doc = json_object(), *list = json_array();
    pr_json_set(doc, "suites", list);
    for (size_t i = 0; i < n && !code; i++)
        code = add_suite(x, &v[i], list, e);
    pr_suite_rows_free(v, n);
    if (code)
        json_decref(doc);
    else
        *ret = doc;
    return code;
}

static bool present(const struct pr_api_context *x)
{
    bool has = false;
    return x->g && !pr_gradebook_has_grades(x->g, &has, NULL) && has;
}

#define SUITE                                                                                      \
    {                                                                                              \
        .name = "suite", .type = PR_API_TEXT, .fallback = PR_SUITE_MAIN, .help = "its name"        \
    }
#define MAX_ID 1e15

static const struct pr_api_param of_history[] = {
    SUITE,
    {.name = "run", .type = PR_API_INT, .min = 1, .max = MAX_ID, .help = "its id; else the newest"},
    {.name = "from", .type = PR_API_INT, .min = 0, .max = 1e18, .help = "step"},
    {.name = "to", .type = PR_API_INT, .min = 0, .max = 1e18, .help = "step"},
    {.name = "width",
        .type = PR_API_INT,
        .fallback = "1000",
        .min = PR_API_MIN_WIDTH,
        .max = PR_API_MAX_WIDTH,
        .help = "columns that can be drawn: at most twice as many points come back"},
};
static const struct pr_api_param of_examples[] = {
    {.name = "checkpoint",
        .type = PR_API_INT,
        .min = 1,
        .max = MAX_ID,
        .help = "its id; else the newest that is graded"},
    {.name = "against",
        .type = PR_API_INT,
        .min = 1,
        .max = MAX_ID,
        .help = "another checkpoint, for was_correct, gained and lost"},
    SUITE,
    {.name = "difficulty", .type = PR_API_TEXT},
    {.name = "skill", .type = PR_API_TEXT},
    {.name = "outcome",
        .type = PR_API_CHOICE,
        .fallback = "all",
        .choices = "all|right|wrong|gained|lost|truncated|ungraded"},
    {.name = "search",
        .type = PR_API_TEXT,
        .help = "in prompt, golden answer and output; ASCII letters of either case"},
    {.name = "limit", .type = PR_API_INT, .fallback = "50", .min = 1, .max = 200},
    {.name = "cursor", .type = PR_API_TEXT, .help = "next_cursor of the page before"},
};
static const struct pr_api_param of_example[] = {
    {.name = "digest", .type = PR_API_TEXT, .max = 64, .required = true},
    SUITE,
    {.name = "run", .type = PR_API_INT, .min = 1, .max = MAX_ID, .help = "its id; else the newest"},
    {.name = "checkpoint",
        .type = PR_API_INT,
        .min = 1,
        .max = MAX_ID,
        .help = "of this one alone"},
    {.name = "limit",
        .type = PR_API_INT,
        .fallback = "1000",
        .min = 1,
        .max = 5000,
        .help = "the last so many answers"},
};
static const struct pr_api_param of_compare[] = {
    {.name = "a", .type = PR_API_INT, .min = 1, .max = MAX_ID, .required = true},
    {.name = "b", .type = PR_API_INT, .min = 1, .max = MAX_ID, .required = true},
    SUITE,
};
static const struct pr_api_param of_calibration[] = {
    {.name = "checkpoint",
        .type = PR_API_INT,
        .min = 1,
        .max = MAX_ID,
        .help = "its id; else the newest that is graded"},
    SUITE,
};

#define PARAMS(v) .params = v, .n_params = sizeof v / sizeof *v
static const struct pr_api_route routes[] = {
    {.path = "/api/gradebook/runs",
        .summary = "The trainings that checkpoints are of",
        .schema = "Runs",
        .get = get_runs},
    {.path = "/api/gradebook/suites",
        .summary = "The suites in use, with their difficulties and skills",
        .schema = "Suites",
        .get = get_suites},
    {.path = "/api/gradebook/history",
        .summary = "A run's figures on a suite through its steps",
        PARAMS(of_history),
        .schema = "History",
        .get = pr_api_gradebook_history},
    {.path = "/api/gradebook/examples",
        .summary = "What a checkpoint made of each example",
        PARAMS(of_examples),
        .schema = "Examples",
        .get = pr_api_gradebook_examples},
    {.path = "/api/gradebook/examples/{digest}",
        .summary = "One example through the checkpoints of a run",
        PARAMS(of_example),
        .schema = "Example",
        .get = pr_api_gradebook_example},
    {.path = "/api/gradebook/compare",
        .summary = "Two checkpoints, paired by example",
        PARAMS(of_compare),
        .schema = "Compare",
        .get = pr_api_gradebook_compare},
    {.path = "/api/gradebook/calibration",
        .summary = "A checkpoint's confidence against how often it was right",
        PARAMS(of_calibration),
        .schema = "Calibration",
        .get = pr_api_gradebook_calibration},
};

const struct pr_api_plugin pr_api_plugin_gradebook = {
    .name = "gradebook",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
    .panel = "previews",
    .title = "Previews",
    .present = present,
};
