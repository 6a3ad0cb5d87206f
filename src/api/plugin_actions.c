/* /api/actions: what somebody does.  The owner carries it out and notes it (daemon/acting.h). */
#include "api/answers.h"
#include "daemon/acting.h"
#include "daemon/alert_view.h"

static enum pr_code get(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    int64_t limit = 0;
    enum pr_code code = pr_api_need_gradebook(x, e);
    if (code)
        return code;
    pr_api_int(q, "limit", &limit);
    return pr_actions_document(x->g, pr_api_text(q, "cursor"), (size_t)limit, ret, e);
}

/* On a worker thread: it waits for the owner.  `member` of the body is sent on; NULL: none. */
static enum pr_code act(const char *action, const char *member, const struct pr_api_context *x,
    const struct pr_api_request *q, json_t **ret, struct pr_error *e)
{
    json_t *m = json_object();
    pr_json_set_str(m, "type", "action");
    pr_json_set_str(m, "action", action);
    if (member)
        pr_json_set(m, member, json_incref(json_object_get(pr_api_body(q), member)));
    pr_json_set_str(m, "who", pr_api_who(q));
    pr_json_set_str(m, "origin", pr_api_peer(q));
    enum pr_code code = pr_act_ask(x->config->base_dir, m, e);
    json_decref(m);
    if (code == PR_E_UNSUPPORTED) /* not installed, or not on this machine: not a failure of ours */
        code = e->code = PR_E_USAGE;
    if (code)
        return code;
    *ret = json_object();
    pr_json_set_str(*ret, "action", action);
    pr_json_set_str(*ret, "outcome", "done");
    return PR_OK;
}

#define ACTIONS(X)                                                                                 \
    X(acknowledge, "alert", "Somebody has seen an alert")                                          \
    X(pin, "checkpoint", "What proctor deletes leaves a checkpoint alone")                         \
    X(unpin, "checkpoint", "It no longer does")                                                    \
    X(run, "system", "A system runs now")                                                          \
    X(scan, NULL, "All folders are looked at now")                                                 \
    X(deploy, NULL, "Not installed yet")                                                           \
    X(rollback, NULL, "Not installed yet")

#define PR_X(name, member, summary)                                                                \
    static enum pr_code post_##name(const struct pr_api_context *x,                                \
        const struct pr_api_request *q, json_t **ret, struct pr_error *e)                          \
    {                                                                                              \
        return act(#name, member, x, q, ret, e);                                                   \
    }
ACTIONS(PR_X)
#undef PR_X

static const struct pr_api_param list_params[] = {
    {.name = "limit",
        .type = PR_API_INT,
        .fallback = "50",
        .min = 1,
        .max = 500,
        .help = "actions a page"},
    {.name = "cursor", .type = PR_API_TEXT, .max = 32, .help = "next_cursor of the page before"},
};

/* Members of the bodies, by the name of the action. */
#define ID(what)                                                                                   \
    {                                                                                              \
        .type = PR_API_INT, .name = what, .min = 1, .max = 9e15, .required = true,                 \
        .help = "its id"                                                                           \
    }
static const struct pr_api_param acknowledge_params[] = {ID("alert")};
static const struct pr_api_param pin_params[] = {ID("checkpoint")};
static const struct pr_api_param unpin_params[] = {ID("checkpoint")};
static const struct pr_api_param run_params[] = {{.name = "system",
    .type = PR_API_TEXT,
    .max = 100,
    .required = true,
    .help = "its name, such as regression-monitor"}};
#define scan_params     NULL
#define deploy_params   NULL
#define rollback_params NULL

static const struct pr_api_route routes[] = {
    {.path = "/api/actions",
        .summary = "What was done by whom, newest first",
        .params = list_params,
        .n_params = sizeof list_params / sizeof *list_params,
        .schema = "Actions",
        .get = get},
#define PR_X(name, member, text)                                                                   \
    {.path = "/api/actions/" #name,                                                                \
        .summary = text,                                                                           \
        .params = name##_params,                                                                   \
        .n_params = (member) != NULL,                                                              \
        .schema = "ActionDone",                                                                    \
        .post = post_##name},
    ACTIONS(PR_X)
#undef PR_X
};

const struct pr_api_plugin pr_api_plugin_actions = {
    .name = "actions",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
};
