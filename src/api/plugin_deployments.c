/* /api/deployments: what is served, how it came to be, and what checkpoint sync brought. */
#include "api/answers.h"

#define DEPLOYMENT "auto-deployment"
#define SYNC       "checkpoint-sync"

static enum pr_code get(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)q;
    json_t *doc, *sync;
    enum pr_code code = pr_api_system_document(x, DEPLOYMENT, &doc, e);
    if (code)
        return code;
    if ((code = pr_api_system_document(x, SYNC, &sync, e))) {
        json_decref(doc);
        return code;
    }
    pr_json_set(doc, "sync", sync);
    *ret = doc;
    return PR_OK;
}

static bool present(const struct pr_api_context *x)
{
    return pr_api_system_found(x, DEPLOYMENT) || pr_api_system_found(x, SYNC);
}

static const struct pr_api_route routes[] = {
    {.path = "/api/deployments",
        .summary = "What is served and how it came to be; which checkpoints were brought here",
        .sources = PR_API_GRADEBOOK | PR_API_LIVE | PR_API_CONFIG,
        .schema = "Deployments",
        .get = get},
};

const struct pr_api_plugin pr_api_plugin_deployments = {
    .name = "deployments",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
    .panel = "deployment",
    .title = "Deployment",
    .present = present,
};
