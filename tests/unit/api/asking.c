#include "asking.h"

#include <stdio.h>
#include <string.h>

#include "api/request.h"
#include "base/file.h"

/* Those that need nothing but what is in the base folder. */
#define ASKED(X)                                                                                   \
    X(status)                                                                                      \
    X(training)                                                                                    \
    X(checkpoints)                                                                                 \
    X(gradebook)                                                                                   \
    X(curves)                                                                                      \
    X(regression)                                                                                  \
    X(model_comparison)                                                                            \
    X(confidence)                                                                                  \
    X(testing)                                                                                     \
    X(curriculum)                                                                                  \
    X(adversarial)                                                                                 \
    X(self_correction)                                                                             \
    X(deployments)                                                                                 \
    X(queue)
static const struct pr_api_plugin *const plugins[] = {
#define PR_X(name) &pr_api_plugin_##name,
    ASKED(PR_X)
#undef PR_X
};
#define N_PLUGINS (sizeof plugins / sizeof *plugins)

enum pr_code asking_open(const char *base_dir, struct asking *ret, struct pr_error *e)
{
    *ret = (struct asking){.now_ms = 1790000000000};
    enum pr_code code = pr_config_load(base_dir, &ret->config, e);
    if (code)
        return code;
    char *path = pr_path_join(base_dir, "proctor.db");
    code = pr_gradebook_open(path, PR_GRADEBOOK_READ, &ret->g, e);
    pr_free(path);
    if (code == PR_E_NOT_FOUND)
        return PR_OK;
    if (code)
        pr_config_done(&ret->config);
    return code;
}

void asking_close(struct asking *a)
{
    pr_gradebook_close(a->g);
    pr_config_done(&a->config);
}

static struct pr_api_context context_of(const struct asking *a, json_t *none)
{
    return (struct pr_api_context){.config = &a->config,
        .g = a->g,
        .live = a->live,
        .live_reason = a->live ? NULL : "nobody watches",
        .peers = none,
        .now_ms = a->now_ms};
}

/* How many parts of the pattern are {…}; -1: another path. */
static int fits(const char *pattern, const char *path, size_t n)
{
    const char *end = path + n;
    int parts = 0;
    while (*pattern && path < end) {
        size_t want = strcspn(pattern, "/"), have = 0;
        while (path + have < end && path[have] != '/')
            have++;
        if (*pattern == '{' ? !have : want != have || memcmp(pattern, path, have) != 0)
            return -1;
        parts += *pattern == '{';
        pattern += want + (pattern[want] == '/');
        path += have + (path + have < end);
    }
    return *pattern || path < end ? -1 : parts;
}

static const struct pr_api_route *route_of(const char *path, size_t n)
{
    const struct pr_api_route *best = NULL;
    int fewest = 100;
    for (size_t i = 0; i < N_PLUGINS; i++)
        for (size_t k = 0; k < plugins[i]->n_routes; k++) {
            int parts = fits(plugins[i]->routes[k].path, path, n);
            if (parts >= 0 && parts < fewest) {
                fewest = parts;
                best = &plugins[i]->routes[k];
            }
        }
    return best;
}

static enum pr_code answer(struct asking *a, const struct pr_api_route *route,
    const struct pr_api_request *q, json_t **ret, struct pr_error *e)
{
    json_t *none = json_object(), *panels = asking_panels(a),
           *api = json_pack("{s:s,s:s,s:s,s:b,s:i}", "version", "test", "boot", "b", "bind",
               "127.0.0.1", "token_required", 0, "page", 8080);
    struct pr_api_context x = context_of(a, none);
    x.api = api;
    x.panels = panels;
    enum pr_code code = a->g ? pr_gradebook_begin(a->g, e) : PR_OK;
    if (!code) {
        code = route->get(&x, route->sources ? NULL : q, ret, e);
        if (a->g)
            pr_gradebook_rollback(a->g);
    }
    json_decref(api);
    json_decref(panels);
    json_decref(none);
    return code;
}

enum pr_code asking_get(struct asking *a, const char *url, json_t **ret, struct pr_error *e)
{
    size_t n = strcspn(url, "?");
    const struct pr_api_route *route = route_of(url, n);
    struct pr_api_request q = {0};
    if (!route)
        return pr_fail(e, PR_E_NOT_FOUND, "no route %s", url);
    enum pr_code code = pr_api_request_parse(&q, route, url, n, url[n] ? url + n + 1 : NULL, e);
    if (!code)
        code = answer(a, route, &q, ret, e);
    pr_api_request_done(&q);
    return code;
}

json_t *asking_panels(struct asking *a)
{
    json_t *list = json_array(), *none = json_object();
    struct pr_api_context x = context_of(a, none);
    for (size_t i = 0; i < N_PLUGINS; i++)
        if (plugins[i]->panel && (!plugins[i]->present || plugins[i]->present(&x)))
            json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "id", plugins[i]->panel, "title",
                                            plugins[i]->title, "plugin", plugins[i]->name));
    json_decref(none);
    return list;
}
