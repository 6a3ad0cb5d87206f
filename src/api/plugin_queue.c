/* /api/queue: what waits to be trained on, whether it is in order, and what data generation wrote.
 */
#include "api/answers.h"
#include "daemon/queue_look.h"

#define LOOK_SECONDS 0.25 /* into files that are new: other documents wait meanwhile */

static enum pr_code get(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    json_t *health, *generation;
    (void)q;
    enum pr_code code = pr_queue_look(x->config, LOOK_SECONDS, &health, e);
    if (code)
        return code;
    if ((code = pr_api_system_document(x, "data-generation", &generation, e))) {
        json_decref(health);
        return code;
    }
    json_object_del(health, "schema_version");
    json_object_del(health, "timestamp");
    *ret = json_object();
    pr_json_set(*ret, "health", health);
    pr_json_set(*ret, "generation", generation);
    return PR_OK;
}

/* The data side has something to show. */
static bool present(const struct pr_api_context *x)
{
    return pr_api_system_found(x, "data-generation") ||
           pr_api_system_found(x, "adversarial-miner") || pr_api_system_found(x, "self-correction");
}

static const struct pr_api_route routes[] = {
    {.path = "/api/queue",
        .summary =
            "Training files that wait: a traffic light with its reasons, and their generation",
        .sources = PR_API_QUEUE | PR_API_TRAINING | PR_API_GRADEBOOK | PR_API_LIVE | PR_API_CONFIG,
        .schema = "Queue",
        .get = get},
};

const struct pr_api_plugin pr_api_plugin_queue = {
    .name = "queue",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
    .panel = "data",
    .title = "Data",
    .present = present,
};
