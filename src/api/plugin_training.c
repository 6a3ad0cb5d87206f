/* /api/training: where the user's training stands. */
#include "api/answers.h"

static enum pr_code get(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)q;
    return pr_api_training(x, ret, e);
}

static const struct pr_api_route routes[] = {
    {.path = "/api/training",
        .summary = "Where the training stands: step, loss, learning rate, what is left",
        .sources = PR_API_TRAINING | PR_API_GRADEBOOK | PR_API_CONFIG,
        .schema = "Training",
        .get = get},
};

const struct pr_api_plugin pr_api_plugin_training = {
    .name = "training",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
};
