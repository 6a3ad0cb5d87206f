/* /api/self_correction: what self-correction found last. */
#include "api/answers.h"

#define SYSTEM "self-correction"

static enum pr_code get(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)q;
    return pr_api_system_document(x, SYSTEM, ret, e);
}

static const struct pr_api_route routes[] = {
    {.path = "/api/self_correction",
        .summary = "What was wrong in the queue, what the newest checkpoint got wrong, and its "
                   "corrections",
        .sources = PR_API_GRADEBOOK | PR_API_LIVE | PR_API_CONFIG,
        .schema = "SelfCorrection",
        .get = get},
};

const struct pr_api_plugin pr_api_plugin_self_correction = {
    .name = "self_correction",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
};
