/* /api/confidence: what the confidence calibrator found last. */
#include "api/answers.h"

#define SYSTEM "confidence-calibrator"

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
    {.path = "/api/confidence",
        .summary = "Can the confidence of the newest checkpoint be believed?",
        .sources = PR_API_GRADEBOOK | PR_API_LIVE | PR_API_CONFIG,
        .schema = "Confidence",
        .get = get},
};

const struct pr_api_plugin pr_api_plugin_confidence = {
    .name = "confidence",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
    .panel = "calibration",
    .title = "Calibration",
    .present = present,
};
