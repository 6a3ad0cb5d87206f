/* /api/adversarial: what the adversarial miner found last. */
#include "api/answers.h"

#define SYSTEM "adversarial-miner"

static enum pr_code get(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)q;
    return pr_api_system_document(x, SYSTEM, ret, e);
}

static const struct pr_api_route routes[] = {
    {.path = "/api/adversarial",
        .summary = "What the newest checkpoint fails, and hard examples of that kind",
        .sources = PR_API_GRADEBOOK | PR_API_LIVE | PR_API_CONFIG,
        .schema = "Adversarial",
        .get = get},
};

const struct pr_api_plugin pr_api_plugin_adversarial = {
    .name = "adversarial",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
};
