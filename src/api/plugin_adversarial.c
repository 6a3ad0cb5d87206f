/* /api/adversarial: the adversarial miner is not there yet, and says so. */
#include "api/answers.h"

static enum pr_code get(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)x;
    (void)q;
    (void)e;
    return pr_api_not_installed("the adversarial miner", ret);
}

static const struct pr_api_route routes[] = {
    {.path = "/api/adversarial",
        .summary = "Hard examples that the model fails",
        .sources = PR_API_CONFIG,
        .schema = "NotInstalled",
        .get = get},
};

const struct pr_api_plugin pr_api_plugin_adversarial = {
    .name = "adversarial",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
};
