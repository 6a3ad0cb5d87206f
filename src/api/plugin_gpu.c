/* /api/gpu: what GPUs, memory and disks of this machine and its peers do, and this machine's curves
 * of it. */
#include <inttypes.h>
#include <math.h>

#include "api/api.h"
#include "api/machines.h"
#include "gradebook/machine.h"

static enum pr_code get_gpu(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)q;
    (void)e;
    json_t *o = json_object();
    pr_json_set(o, "machines", pr_api_machines(x, true));
    *ret = o;
    return PR_OK;
}

static enum pr_code get_curves(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)q;
    struct pr_machine_series *v = NULL;
    size_t n = 0;
    enum pr_code code = x->g ? pr_gradebook_machine_series(x->g, &v, &n, e) : PR_OK;
    if (code)
        return code;
    json_t *o = json_object(), *list = json_array();
    for (size_t i = 0; i < n; i++) {
        if (!v[i].n) /* its points are gone by age */
            continue;
        json_t *s = json_object();
        pr_json_set_int(s, "id", v[i].id);
        pr_json_set_str(s, "name", v[i].name);
        pr_json_set_int(s, "n", (int64_t)v[i].n);
        pr_json_set_int(s, "first_at_ms", v[i].first_ms);
        pr_json_set_int(s, "last_at_ms", v[i].last_ms);
        json_array_append_new(list, s);
    }
    pr_machine_series_free(v, n);
    pr_json_set(o, "series", list);
    *ret = o;
    return PR_OK;
}

static json_t *columns(const struct pr_machine_curve *c, int64_t id)
{
    json_t *o = json_object(), *at = json_array(), *value = json_array();
    for (size_t i = 0; i < c->n_points; i++) {
        json_array_append_new(at, json_integer(c->at_ms[i]));
        json_array_append_new(value, isnan(c->value[i]) ? json_null() : json_real(c->value[i]));
    }
    pr_json_set_int(o, "id", id);
    pr_json_set_str(o, "name", c->name);
    pr_json_set(o, "at_ms", at);
    pr_json_set(o, "value", value);
    pr_json_set_int(o, "n", (int64_t)c->n);
    pr_json_set_bool(o, "decimated", c->decimated);
    return o;
}

static enum pr_code get_curve(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    int64_t id = 0, from = 0, to = INT64_MAX, width = 1000;
    struct pr_machine_curve c;
    pr_api_int(q, "id", &id);
    pr_api_int(q, "from", &from);
    pr_api_int(q, "to", &to);
    pr_api_int(q, "width", &width);
    if (from > to)
        return pr_fail(e, PR_E_USAGE, "from lies after to");
    if (!x->g)
        return pr_fail(e, PR_E_NOT_FOUND, "there is no curve %" PRId64, id);
    enum pr_code code = pr_gradebook_machine_curve(x->g, id, from, to, width, &c, e);
    if (code)
        return code;
    *ret = columns(&c, id);
    pr_machine_curve_done(&c);
    return PR_OK;
}

#define MAX_MS 1e14 /* in some 3,000 years */
static const struct pr_api_param curve_params[] = {
    {.name = "id",
        .type = PR_API_INT,
        .min = 1,
        .max = 1e15,
        .required = true,
        .help = "of the series"},
    {.name = "from", .type = PR_API_INT, .max = MAX_MS, .help = "milliseconds since 1970"},
    {.name = "to", .type = PR_API_INT, .max = MAX_MS, .help = "milliseconds since 1970"},
    {.name = "width",
        .type = PR_API_INT,
        .fallback = "1000",
        .min = 1,
        .max = 10000,
        .help = "columns that can be drawn"},
};

static const struct pr_api_route routes[] = {
    {.path = "/api/gpu",
        .summary = "GPUs, memory and disks of this machine and its peers",
        .sources = PR_API_MACHINE | PR_API_PEERS,
        .schema = "Gpu",
        .get = get_gpu},
    {.path = "/api/gpu/curves",
        .summary = "what there are curves of",
        .schema = "GpuCurves",
        .get = get_curves},
    {.path = "/api/gpu/curves/{id}",
        .summary = "one figure of this machine over time",
        .params = curve_params,
        .n_params = sizeof curve_params / sizeof *curve_params,
        .schema = "GpuCurve",
        .get = get_curve},
};

/* Is there a GPU, or is it worth saying why none is seen?  A machine with no driver at all has its
 * host to show. */
static bool present(const struct pr_api_context *x)
{
    return x->machine || json_object_size(x->peers);
}

const struct pr_api_plugin pr_api_plugin_gpu = {
    .name = "gpu",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
    .panel = "gpu",
    .title = "GPU and host",
    .present = present,
};
