/* /api/queue: what waits to be trained on, whether it is in order, and what data generation wrote.
 */
#include <string.h>

#include "api/answers.h"
#include "base/alloc.h"
#include "base/file.h"
#include "daemon/queue_look.h"
#include "queue/folder.h"

#define LOOK_SECONDS 0.25 /* into files that are new: other documents wait meanwhile */

static enum pr_code health(const struct pr_api_context *x, json_t **ret, struct pr_error *e)
{
    json_t *training;
    enum pr_code code = pr_api_training(x, &training, e);
    if (code)
        return code;
    code = pr_queue_look_with(x->config, training, LOOK_SECONDS, ret, e);
    json_decref(training);
    if (code)
        return code;
    json_object_del(*ret, "schema_version");
    json_object_del(*ret, "timestamp");
    return PR_OK;
}

/* The folder of the queue that a file is in; NULL: none. */
static const char *queue_of(const char *base_dir, const char *name)
{
    const char *ret = NULL;
    for (int q = 0; q < PR_N_QUEUES && !ret && name && !strchr(name, '/'); q++) {
        char *path = pr_queue_path(base_dir, (enum pr_queue)q, name);
        if (pr_path_exists(path))
            ret = pr_queue_name((enum pr_queue)q);
        pr_free(path);
    }
    return ret;
}

/* What became of the files that were written: where each is now. */
static void add_places(const struct pr_api_context *x, json_t *generation)
{
    size_t i;
    json_t *o, *list = json_deep_copy(json_object_get(generation, "last_files"));
    if (!json_is_array(list)) {
        json_decref(list);
        return;
    }
    json_array_foreach (list, i, o) {
        const char *queue =
            queue_of(x->config->base_dir, json_string_value(json_object_get(o, "file")));
        if (queue)
            pr_json_set_str(o, "queue", queue);
        else
            pr_json_set_null(o, "queue", "it is in no folder of the queue any more");
    }
    pr_json_set(generation, "last_files", list);
}

static enum pr_code get(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e)
{
    json_t *now, *generation;
    (void)q;
    enum pr_code code = health(x, &now, e);
    if (code)
        return code;
    if ((code = pr_api_system_document(x, "data-generation", &generation, e))) {
        json_decref(now);
        return code;
    }
    add_places(x, generation);
    *ret = json_object();
    pr_json_set(*ret, "health", now);
    pr_json_set(*ret, "generation", generation);
    return PR_OK;
}

/* The data side has something to show: there is a queue, or one of its systems found something. */
static bool present(const struct pr_api_context *x)
{
    char *queue = pr_path_join(x->config->base_dir, "queue");
    bool there = pr_path_is_dir(queue);
    pr_free(queue);
    return there || pr_api_system_found(x, "data-generation") ||
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
