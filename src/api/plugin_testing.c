/* /api/testing: what automated testing found last. */
#include "api/answers.h"

#define SYSTEM "automated-testing"

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
    {.path = "/api/testing",
        .summary = "The newest checkpoint on the testing suite, against its baseline",
        .sources = PR_API_GRADEBOOK | PR_API_LIVE | PR_API_CONFIG,
        .schema = "Testing",
        .get = get},
};

const struct pr_api_plugin pr_api_plugin_testing = {
    .name = "testing",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
    .panel = "testing",
    .title = "Testing",
    .present = present,
};
