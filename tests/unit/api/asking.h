/* Asks plugins as the server does, without one: the route is found, the request is taken apart and
 * checked, the handler reads a gradebook in one transaction. */
#ifndef PR_TESTS_API_ASKING_H
#define PR_TESTS_API_ASKING_H

#include "api/api.h"

struct asking {
    struct pr_config config;
    struct pr_gradebook *g; /* NULL: there is none yet */
    const json_t *live;     /* borrowed; NULL */
    int64_t now_ms;
};
/* A base folder as it lies there. */
PR_MUST_CHECK enum pr_code asking_open(
    const char *base_dir, struct asking *ret, struct pr_error *e);
void asking_close(struct asking *a);
/* url: "/api/checkpoints?limit=3".  PR_E_NOT_FOUND "no route" where none has the path. */
PR_MUST_CHECK enum pr_code asking_get(
    struct asking *a, const char *url, json_t **ret, struct pr_error *e);
/* The panels that have something to show. */
json_t *asking_panels(struct asking *a);

#endif
