/* /api/alerts: what is wrong, and what was told where. */
#include <string.h>

#include "api/answers.h"
#include "daemon/alert_view.h"

static enum pr_code get(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    int64_t limit = 0;
    enum pr_code code = pr_api_need_gradebook(x, e);
    if (code)
        return code;
    pr_api_int(q, "limit", &limit);
    bool open_only = !strcmp(pr_api_text(q, "state"), "open");
    return pr_alerts_document(x->g, open_only, pr_api_text(q, "cursor"), (size_t)limit, ret, e);
}

static const struct pr_api_param params[] = {
    {.name = "state",
        .type = PR_API_CHOICE,
        .fallback = "open",
        .choices = "open|all",
        .help = "those that are open, or those that are over too"},
    {.name = "limit",
        .type = PR_API_INT,
        .fallback = "50",
        .min = 1,
        .max = 500,
        .help = "alerts a page"},
    {.name = "cursor", .type = PR_API_TEXT, .max = 32, .help = "next_cursor of the page before"},
};

static const struct pr_api_route routes[] = {
    {.path = "/api/alerts",
        .summary = "Alerts, newest first, with what was told where",
        .params = params,
        .n_params = sizeof params / sizeof *params,
        .schema = "Alerts",
        .get = get},
};

const struct pr_api_plugin pr_api_plugin_alerts = {
    .name = "alerts",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
    .panel = "alerts",
    .title = "Alerts",
};
