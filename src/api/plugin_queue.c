/* /api/queue: the training queue is not there yet, and says so. */
#include "api/answers.h"

static enum pr_code get(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)x;
    (void)q;
    (void)e;
    return pr_api_not_installed("the training queue", ret);
}

static const struct pr_api_route routes[] = {
    {.path = "/api/queue",
        .summary = "Training files that wait",
        .sources = PR_API_CONFIG,
        .schema = "NotInstalled",
        .get = get},
};

const struct pr_api_plugin pr_api_plugin_queue = {
    .name = "queue",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
};
