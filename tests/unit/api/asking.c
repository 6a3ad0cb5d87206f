#include "asking.h"

#include <stdio.h>
#include <string.h>

#include "api/request.h"
#include "api/router.h"
#include "base/file.h"

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

static enum pr_code answer(struct asking *a, const struct pr_api_route *route,
    const struct pr_api_request *q, json_t **ret, struct pr_error *e)
{
    json_t *none = json_object(), *panels = asking_panels(a),
           *api = json_pack("{s:s,s:s,s:s,s:b,s:b}", "version", "test", "boot", "b", "bind",
               "127.0.0.1", "token_required", 0, "page", 1);
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
    struct pr_api_match m;
    struct pr_api_request q = {0};
    pr_api_router_find("GET", url, n, &m);
    if (!m.route)
        return pr_fail(e, PR_E_NOT_FOUND, "no route %s", url);
    enum pr_code code = pr_api_request_parse(&q, m.route, url, n, url[n] ? url + n + 1 : NULL, e);
    if (!code)
        code = answer(a, m.route, &q, ret, e);
    pr_api_request_done(&q);
    return code;
}

json_t *asking_panels(struct asking *a)
{
    json_t *list = json_array(), *none = json_object();
    struct pr_api_context x = context_of(a, none);
    size_t n;
    const struct pr_api_plugin *const *plugins = pr_api_plugins(&n);
    for (size_t i = 0; i < n; i++)
        if (plugins[i]->panel && (!plugins[i]->present || plugins[i]->present(&x)))
            json_array_append_new(list, json_pack("{s:s,s:s,s:s}", "id", plugins[i]->panel, "title",
                                            plugins[i]->title, "plugin", plugins[i]->name));
    json_decref(none);
    return list;
}
