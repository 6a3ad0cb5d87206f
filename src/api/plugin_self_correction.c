/* /api/self_correction: what self-correction found last. */
#include "api/answers.h"

static enum pr_code get(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)q;
    return pr_api_system_document(x, "self-correction", ret, e);
}

static const struct pr_api_route routes[] = {
    {.path = "/api/self_correction",
        .summary = "Training files validated, errors of the newest checkpoint on them, corrections",
        .sources = PR_API_GRADEBOOK | PR_API_LIVE | PR_API_CONFIG,
        .schema = "SelfCorrection",
        .get = get},
};

const struct pr_api_plugin pr_api_plugin_self_correction = {
    .name = "self_correction",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
};
