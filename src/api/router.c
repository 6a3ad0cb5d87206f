/* See router.h. */
#include "api/router.h"

#include <string.h>

#define GET_METHODS "GET, HEAD"

static const struct pr_api_plugin *const plugins[] = {
#define PR_X(name) &pr_api_plugin_##name,
    PR_API_PLUGINS(PR_X)
#undef PR_X
};

const struct pr_api_plugin *const *pr_api_plugins(size_t *ret_n)
{
    *ret_n = sizeof plugins / sizeof *plugins;
    return plugins;
}

const struct pr_api_own_route pr_api_own_routes[PR_API_OWN_NONE] = {
#define PR_X(name, method, path, open, summary, schema) {method, path, open, summary, schema},
    PR_API_OWN_ROUTES(PR_X)
#undef PR_X
};

const struct pr_api_route *pr_api_route_at(size_t k, const struct pr_api_plugin **ret_plugin)
{
    for (size_t i = 0; i < sizeof plugins / sizeof *plugins; i++) {
        if (k < plugins[i]->n_routes) {
            if (ret_plugin)
                *ret_plugin = plugins[i];
            return &plugins[i]->routes[k];
        }
        k -= plugins[i]->n_routes;
    }
    return NULL;
}

/* How many parts of the pattern are {id}; -1: the path is another. */
static int match(const char *pattern, const char *path, size_t n)
{
    const char *end = path + n;
    int ids = 0;
    for (;;) {
        size_t want = strcspn(pattern, "/"), have = 0;
        while (path + have < end && path[have] != '/')
            have++;
        if (*pattern == '{') {
            if (!have)
                return -1;
            ids++;
        } else if (want != have || memcmp(pattern, path, have) != 0) {
            return -1;
        }
        pattern += want;
        path += have;
        if (!*pattern || path == end)
            return !*pattern && path == end ? ids : -1;
        pattern++;
        path++;
    }
}

static void allow(struct pr_api_match *m, const char *what)
{
    if (strstr(m->allow, what))
        return;
    if (*m->allow)
        memcpy(m->allow + strlen(m->allow), ", ", 3);
    memcpy(m->allow + strlen(m->allow), what, strlen(what) + 1);
}

static void find_own(bool get, bool post, const char *path, size_t n, struct pr_api_match *m)
{
    for (size_t i = 0; i < PR_API_OWN_NONE; i++) {
        const struct pr_api_own_route *o = &pr_api_own_routes[i];
        bool wants_post = !strcmp(o->method, "POST");
        if (match(o->path, path, n))
            continue;
        if (wants_post ? post : get)
            m->own = (enum pr_api_own)i;
        allow(m, wants_post ? "POST" : GET_METHODS);
    }
}

void pr_api_router_find(const char *method, const char *path, size_t n, struct pr_api_match *m)
{
    bool get = !strcmp(method, "GET") || !strcmp(method, "HEAD"), post = !strcmp(method, "POST");
    int best = 1 << 10, known = 1 << 10;
    const struct pr_api_route *r;
    *m = (struct pr_api_match){.own = PR_API_OWN_NONE};
    find_own(get, post, path, n, m);
    for (size_t k = 0; (r = pr_api_route_at(k, NULL)); k++) {
        int ids = match(r->path, path, n);
        if (ids < 0)
            continue;
        if (ids < known) {
            known = ids;
            m->allow[0] = 0;
        }
        if (ids == known && r->get)
            allow(m, GET_METHODS);
        if (ids == known && r->post)
            allow(m, "POST");
        if (ids < best && ((get && r->get) || (post && r->post))) {
            best = ids;
            m->route = r;
            m->index = k;
        }
    }
    if (m->route || m->own != PR_API_OWN_NONE)
        m->allow[0] = 0;
}
