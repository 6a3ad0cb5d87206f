/* /api/status: everything in one document. */
#include "api/api.h"
#include "daemon/state.h"

static enum pr_code status(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    json_t *o = NULL;
    (void)q;
    enum pr_code code = pr_state_document(x->config, x->g, x->live, x->now_ms, &o, e);
    if (code)
        return code;
    if (!x->live)
        pr_json_set_str(o, "live_reason", x->live_reason);
    pr_json_set(o, "api", json_incref((json_t *)(uintptr_t)x->api));
    pr_json_set(o, "panels", json_incref((json_t *)(uintptr_t)x->panels));
    *ret = o;
    return PR_OK;
}

static const struct pr_api_route routes[] = {
    {.path = "/api/status",
        .summary = "everything in one: what the watch does and what it found",
        .sources = PR_API_GRADEBOOK | PR_API_TRAINING | PR_API_LIVE | PR_API_MACHINE |
                   PR_API_PEERS | PR_API_CONFIG,
        .schema = "Status",
        .get = status},
};

const struct pr_api_plugin pr_api_plugin_status = {
    .name = "status",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
};
