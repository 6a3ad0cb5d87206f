/* Other machines whose proctor is shown here too: looked at every few seconds, a thread each.
 *
 * What they say is a stranger's: bounded in bytes and depth, and of it only what is known by name
 * and type is kept (peer_clean.c).  A machine that does not answer is asked less and less often, up
 * to once a minute, and meanwhile nothing of it is shown but why.  Peers of peers are not followed.
 */
#ifndef PR_API_PEERS_H
#define PR_API_PEERS_H

#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "daemon/config.h"

struct pr_api_peers;
/* boot: of this process, as /api/status says it in api.boot: a peer that says the same is refused.
 *
 * changed: takes {name: {"url", "reachable", "reason", "at", "status", "gpu"}} over, in the order
 * of the configuration; `at` is when it last answered, status and gpu are null while it cannot be
 * reached.  Called once before this returns, then by one thread at a time whenever it became
 * another; must not block. */
struct pr_api_peers *pr_api_peers_new(const struct pr_config *config, const char *boot,
    void (*changed)(void *ctx, json_t *peers), void *ctx);
/* Within a second or so; `changed` is not called after it. */
void pr_api_peers_free(struct pr_api_peers *p);

/* ---- peer_clean.c ---- */

/* A peer's /api/status, cut down to {"version", "boot", "training": {…}, "newest": {…},
 * "n_alerts"}.  PR_E_FORMAT: it is not one. */
PR_MUST_CHECK enum pr_code pr_peer_clean_status(
    const json_t *document, json_t **ret, struct pr_error *e);
/* A peer's /api/gpu, cut down to what it says of itself. */
PR_MUST_CHECK enum pr_code pr_peer_clean_gpu(
    const json_t *document, json_t **ret, struct pr_error *e);

#endif
