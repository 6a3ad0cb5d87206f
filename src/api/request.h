/* A request as it came in, and what became of it: the path's parts and the parameters, checked by
 * the route's table before a handler sees them.  Nothing here knows of sockets. */
#ifndef PR_API_REQUEST_H
#define PR_API_REQUEST_H

#include "api/api.h"
#include "base/alloc.h"

/* The headers that count.  The HTTP side hands over each by its name; a repeated one is its first.
 */
#define PR_API_HEADERS(X)                                                                          \
    X(HOST, "Host")                                                                                \
    X(ORIGIN, "Origin")                                                                            \
    X(FETCH_SITE, "Sec-Fetch-Site")                                                                \
    X(AUTHORIZATION, "Authorization")                                                              \
    X(COOKIE, "Cookie")                                                                            \
    X(CONTENT_TYPE, "Content-Type")                                                                \
    X(ACCEPT_ENCODING, "Accept-Encoding")                                                          \
    X(IF_NONE_MATCH, "If-None-Match")                                                              \
    X(LAST_EVENT_ID, "Last-Event-ID")
enum pr_api_header {
#define PR_X(name, text) PR_API_H_##name,
    PR_API_HEADERS(PR_X)
#undef PR_X
        PR_API_N_HEADERS
};

struct pr_api_call {
    const char *method, *uri;             /* as they came: nothing is decoded yet */
    const char *header[PR_API_N_HEADERS]; /* NULL: not there */
    const char *peer, *local;             /* addresses of both ends, "127.0.0.1" */
    bool tls;
};

#define PR_API_MAX_VALUES 24
#define PR_API_MAX_URI    8192

struct pr_api_value {
    const struct pr_api_param *param;
    const char *text; /* NULL: a number of a body */
    int64_t whole;
    double real;
};

struct pr_api_request {
    const struct pr_api_route *route;
    struct pr_api_value values[PR_API_MAX_VALUES];
    size_t n_values;
    json_t *body; /* of a POST; NULL: none */
    char who[80]; /* "token", "session", or "" where nobody had to say */
    char peer[64];
    struct pr_arena arena;
};

/* Takes the path's parts (as the router found them, still encoded) and the query apart.  PR_E_USAGE
 * names the parameter that is unknown, repeated, missing or wrong. */
PR_MUST_CHECK enum pr_code pr_api_request_parse(struct pr_api_request *q,
    const struct pr_api_route *route, const char *path, size_t path_n, const char *query,
    struct pr_error *e);
/* The body of a POST: an object whose members are the route's parameters. */
PR_MUST_CHECK enum pr_code pr_api_request_body(
    struct pr_api_request *q, const char *text, size_t n, struct pr_error *e);
void pr_api_request_done(struct pr_api_request *q);

/* Percent-decoding into the arena; plus: "+" is a space.  NULL: a broken escape, a NUL, or not
 * UTF-8. */
char *pr_api_decode(struct pr_arena *a, const char *s, size_t n, bool plus);

#endif
