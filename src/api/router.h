/* From a path to the route that answers it. */
#ifndef PR_API_ROUTER_H
#define PR_API_ROUTER_H

#include "api/api.h"

/* What the server answers by itself, beside the plugins. */
#define PR_API_OWN_ROUTES(X)                                                                       \
    X(HEALTHZ, "GET", "/healthz", true, "does this process answer?", "Health")                     \
    X(READYZ, "GET", "/readyz", false, "does it watch, read and grade?", "Ready")                  \
    X(OPENAPI, "GET", "/api/openapi.json", false, "this description", NULL)                        \
    X(EVENTS, "GET", "/api/events", false, "what changed, as server-sent events", NULL)            \
    X(SESSION, "GET", "/api/session", true, "is this browser signed in?", "Session")               \
    X(LOGIN, "POST", "/api/login", true, "takes the token, gives a cookie", NULL)                  \
    X(LOGOUT, "POST", "/api/logout", true, "ends the cookie's session", NULL)
enum pr_api_own {
#define PR_X(name, method, path, open, summary, schema) PR_API_OWN_##name,
    PR_API_OWN_ROUTES(PR_X)
#undef PR_X
        PR_API_OWN_NONE
};
struct pr_api_own_route {
    const char *method, *path;
    bool open; /* needs no token, off loopback neither */
    const char *summary, *schema;
};
extern const struct pr_api_own_route pr_api_own_routes[PR_API_OWN_NONE];

/* For walking over all of them: of a plugin or, with k counted through, NULL at the end. */
const struct pr_api_route *pr_api_route_at(size_t k, const struct pr_api_plugin **ret_plugin);

struct pr_api_match {
    const struct pr_api_route *route; /* NULL: none, or one of our own */
    size_t index;                     /* of pr_api_route_at */
    enum pr_api_own own;
    char allow[32]; /* where the path is known and the method is not: "GET, HEAD"; else "" */
};
/* path: n bytes as they came, without the query.  HEAD is GET.  A literal part wins over {id}. */
void pr_api_router_find(const char *method, const char *path, size_t n, struct pr_api_match *ret);

#endif
