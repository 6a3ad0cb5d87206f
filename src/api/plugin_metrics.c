/* /metrics, for Prometheus. */
#include "api/api.h"
#include "api/metrics.h"

#define MAX_BYTES (4 << 20)

static enum pr_code get_metrics(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)q;
    struct pr_str out = PR_STR_INIT(MAX_BYTES);
    enum pr_code code = pr_metrics_write(x, &out, e);
    if (!code)
        *ret = json_stringn(pr_str_cstr(&out), out.len);
    pr_str_done(&out);
    return code || *ret ? code : pr_fail(e, PR_E_FORMAT, "a label is not UTF-8");
}

static const struct pr_api_route routes[] = {
    {.path = "/metrics",
        .summary = "Prometheus' text format",
        .type = PR_METRICS_TYPE,
        .get = get_metrics},
};

const struct pr_api_plugin pr_api_plugin_metrics = {
    .name = "metrics", .routes = routes, .n_routes = sizeof routes / sizeof *routes};
