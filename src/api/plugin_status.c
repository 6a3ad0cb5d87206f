/* /api/status: everything in one document, as `proctor status --json` prints it, and what the page
 * begins with: panels, machines, the best checkpoint. */
#include <string.h>

#include "api/answers.h"
#include "api/machines.h"
#include "daemon/state.h"
#include "gradebook/browse.h"

/* The order of the page; others come after these. */
static const char *const order[] = {"progress", "previews", "calibration", "comparison",
    "checkpoints", "curriculum", "data", "testing", "deployment", "gpu", "alerts"};

static size_t place_of(const json_t *panel)
{
    const char *id = json_string_value(json_object_get(panel, "id"));
    size_t i = 0;
    while (i < sizeof order / sizeof *order && (!id || strcmp(order[i], id) != 0))
        i++;
    return i;
}

static json_t *in_order(const json_t *panels)
{
    json_t *list = json_array(), *x;
    size_t i;
    for (size_t place = 0; place <= sizeof order / sizeof *order; place++)
        json_array_foreach (panels, i, x)
            if (place_of(x) == place)
                json_array_append(list, x);
    return list;
}

static const json_t *finding(const json_t *doc, const char *system)
{
    size_t i;
    const json_t *x;
    json_array_foreach (json_object_get(doc, "systems"), i, x) {
        const char *name = json_string_value(json_object_get(x, "name"));
        if (name && !strcmp(name, system))
            return json_object_get(x, "finding");
    }
    return NULL;
}

/* The best of the last ranking; its row may be gone by now. */
static enum pr_code set_best(const struct pr_api_context *x, json_t *doc, struct pr_error *e)
{
    const json_t *found = finding(doc, "model-comparison"), *best = json_object_get(found, "best");
    enum pr_code code = PR_OK;
    const char *path = json_string_value(json_object_get(best, "path"));
    const char *content = json_string_value(json_object_get(best, "fingerprint"));
    int64_t id = 0;
    if (path)
        code = pr_gradebook_checkpoint_at(x->g, path, content, &id, e);
    if (!code && path) {
        json_t *o = json_object();
        json_object_set(o, "checkpoint", json_object_get(best, "checkpoint"));
        pr_json_set(o, "id", id ? json_integer(id) : json_null());
        json_object_set(o, "score", json_object_get(best, "score"));
        pr_json_set(doc, "best", o);
    } else {
        const char *why = json_string_value(json_object_get(found, "best_checkpoint_reason"));
        pr_json_set_null(doc, "best", why ? why : "nothing is ranked yet");
    }
    return code;
}

/* What is served, as the last run of auto-deployment saw it. */
static void set_deployed(json_t *doc)
{
    static const char *const keys[] = {"checkpoint", "fingerprint", "deployed_at", "score"};
    const json_t *found = finding(doc, "auto-deployment");
    if (!json_is_string(json_object_get(found, "checkpoint"))) {
        const char *why = json_string_value(json_object_get(found, "checkpoint_reason"));
        pr_json_set_null(doc, "deployed", why ? why : "auto-deployment did not run here yet");
        return;
    }
    json_t *o = json_object();
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        json_object_set(o, keys[i], json_object_get(found, keys[i]));
    pr_json_set(doc, "deployed", o);
}

static enum pr_code get(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    (void)q;
    json_t *doc, *training;
    enum pr_code code = pr_api_training(x, &training, e);
    if (code)
        return code;
    code = pr_state_document_with(x->config, x->g, x->live, training, x->now_ms, &doc, e);
    json_decref(training);
    if (code)
        return code;
    if (!x->live && x->live_reason)
        pr_json_set_null(doc, "live", x->live_reason);
    pr_json_set(doc, "api", json_incref((json_t *)(uintptr_t)x->api));
    pr_json_set(doc, "panels", in_order(x->panels));
    set_deployed(doc);
    pr_json_set(doc, "machines", pr_api_machines(x, false));
    if ((code = set_best(x, doc, e))) {
        json_decref(doc);
        return code;
    }
    *ret = doc;
    return PR_OK;
}

static const struct pr_api_route routes[] = {
    {.path = "/api/status",
        .summary = "Everything in one: owner, training, systems, queue, alerts, panels, machines",
        .sources = PR_API_GRADEBOOK | PR_API_TRAINING | PR_API_LIVE | PR_API_PEERS | PR_API_CONFIG |
                   PR_API_QUEUE, /* a first file makes the panel come */
        .schema = "Status",
        .get = get},
};

const struct pr_api_plugin pr_api_plugin_status = {
    .name = "status",
    .routes = routes,
    .n_routes = sizeof routes / sizeof *routes,
};
