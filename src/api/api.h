/* The API: its endpoints, a plugin a file, in one table.
 *
 * To add a plugin:
 *   1. a file src/api/plugin_<name>.c with its routes and one
 *      `const struct pr_api_plugin pr_api_plugin_<name>`;
 *   2. a line in PR_API_PLUGINS below, and the file in src/api/meson.build;
 *   3. its answers' schemas in src/api/schemas.c, which the OpenAPI document is made from;
 *   4. its section in docs/api.md, its test in tests/unit/api/ or tests/integration/api_*.py;
 *   5. where it has a panel on the page: `panel`, and web/src/panels/<panel>.tsx.
 *
 * There are two kinds of GET.  A *document* is built by the snapshot thread when something that it
 * depends on changed, and is served from memory: body, gzip and ETag are ready, so a request costs
 * no look at the gradebook, and its change is an event.  A *query* (it has parameters) is answered
 * by a worker thread with a read-only connection and a deadline.  A POST is an action: it needs the
 * token, is sent to the owner over proctor.sock, and is written to the audit table there.
 */
#ifndef PR_API_API_H
#define PR_API_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "daemon/config.h"
#include "gradebook/gradebook.h"

#define PR_API_PLUGINS(X)                                                                          \
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
    X(queue)                                                                                       \
    X(gpu)                                                                                         \
    X(alerts)                                                                                      \
    X(actions)                                                                                     \
    X(metrics)

/* What a document is made from: it is built again when one of these changed. */
enum pr_api_source {
    PR_API_GRADEBOOK = 1, /* something was committed */
    PR_API_TRAINING = 2,  /* training_status.json, or the newest trainer_state.json */
    PR_API_LIVE = 4,      /* what the owner says of itself: queue, grader, progress */
    PR_API_MACHINE = 8,   /* GPU and host */
    PR_API_PEERS = 16,    /* another machine's answers */
    PR_API_CONFIG = 32,   /* proctor.yaml */
    PR_API_QUEUE = 64,    /* a training file came, went or moved */
};

/* A parameter of a query, or a part of its path ({id}).  Checked before the handler is called. */
enum pr_api_type { PR_API_TEXT, PR_API_INT, PR_API_REAL, PR_API_CHOICE, PR_API_BOOL };
struct pr_api_param {
    const char *name;
    enum pr_api_type type;
    const char *fallback; /* NULL: none; then the handler is told that it is not there */
    double min, max;      /* of numbers, both 0: any; of PR_API_TEXT max is its bytes, 0: 256 */
    const char *choices;  /* "all|open" */
    const char *help;
    bool required;
};

/* What a handler works with: one thread's own. */
struct pr_api_context {
    const struct pr_config *config;
    struct pr_gradebook *g; /* read-only, a transaction is open; NULL: there is no gradebook yet */
    const json_t *live;     /* the owner's state; NULL, and why */
    const char *live_reason;
    const json_t *machine; /* the last sample of this machine (machine/machine.h); NULL: none yet */
    const json_t *peers; /* name → {"url","reachable","reason","at","status","gpu"}; never NULL */
    const json_t *api;   /* {"version","boot","bind","token_required","page"} */
    const json_t *panels; /* [{"id","title","plugin"}]: those that have something to show */
    int64_t now_ms;
};

struct pr_api_request;
/* Values of checked parameters; NULL, false: not given and no fallback. */
const char *pr_api_text(const struct pr_api_request *q, const char *name);
bool pr_api_int(const struct pr_api_request *q, const char *name, int64_t *ret);
bool pr_api_real(const struct pr_api_request *q, const char *name, double *ret);
const json_t *pr_api_body(const struct pr_api_request *q); /* POST: an object; borrowed */
/* For the audit table: "token" or "session", and the address that it came from. */
const char *pr_api_who(const struct pr_api_request *q);
const char *pr_api_peer(const struct pr_api_request *q);

/* PR_E_NOT_FOUND becomes 404, PR_E_USAGE and PR_E_FORMAT 400, PR_E_LIMIT 429, PR_E_CANCELLED (the
 * deadline) 503, anything else 500, each with the error document {"error": {"code","message"}}.
 * *ret: a new reference; `schema_version` and `at` are put in front by the caller. */
typedef enum pr_code pr_api_handler(const struct pr_api_context *x, const struct pr_api_request *q,
    json_t **ret, struct pr_error *e);

struct pr_api_route {
    const char *path;    /* "/api/checkpoints/{id}" */
    const char *summary; /* one line, for the OpenAPI document and docs */
    unsigned sources;    /* enum pr_api_source, or-ed: it is a document; 0: a query */
    const struct pr_api_param *params;
    size_t n_params;
    const char *schema;   /* of the answer, a name in schemas.c */
    const char *type;     /* NULL: JSON; else *ret is a string, sent under this Content-Type */
    pr_api_handler *get;  /* q is NULL for a document */
    pr_api_handler *post; /* an action; params are then members of its body */
};

struct pr_api_plugin {
    const char *name;
    const struct pr_api_route *routes;
    size_t n_routes;
    const char *panel; /* the page's; NULL: it has none of its own */
    const char *title; /* of the panel */
    /* Is there something to show?  NULL: always.  A panel is drawn only where this says so. */
    bool (*present)(const struct pr_api_context *x);
};

#define PR_X(name) extern const struct pr_api_plugin pr_api_plugin_##name;
PR_API_PLUGINS(PR_X)
#undef PR_X
const struct pr_api_plugin *const *pr_api_plugins(size_t *ret_n);

#endif
