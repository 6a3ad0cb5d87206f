/* /api/model_comparison: what model comparison found last. */
#include "api/answers.h"

#define SYSTEM "model-comparison"

static enum pr_code get(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)q;
    return pr_api_system_document(x, SYSTEM, ret, e);
}

static bool present(const struct pr_api_context *x)
{
    return pr_api_system_found(x, SYSTEM);
}

static const struct pr_api_route routes[] = {
    {.path = "/api/model_comparison",
        .summary = "All checkpoints in one ranking, with who is tied with whom",
        .sources = PR_API_GRADEBOOK | PR_API_LIVE | PR_API_CONFIG,
        .schema = "ModelComparison",
        .get = get},
};

const struct pr_api_plugin pr_api_plugin_model_comparison = {
    .name = "model_comparison",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
    .panel = "comparison",
    .title = "Comparison",
    .present = present,
};
