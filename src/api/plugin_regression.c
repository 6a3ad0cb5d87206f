/* /api/regression: what the regression monitor found last. */
#include "api/answers.h"

#define SYSTEM "regression-monitor"

static enum pr_code get(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)q;
    return pr_api_system_document(x, SYSTEM, ret, e);
}

static const struct pr_api_route routes[] = {
    {.path = "/api/regression",
        .summary = "The newest checkpoint against the baseline: is it a regression?",
        .sources = PR_API_GRADEBOOK | PR_API_LIVE | PR_API_CONFIG,
        .schema = "Regression",
        .get = get},
};

const struct pr_api_plugin pr_api_plugin_regression = {
    .name = "regression",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
};
