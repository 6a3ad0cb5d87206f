/* The documents, made anew when something that they are made of changed, and what queries are
 * answered from.  One thread looks every 250 ms and builds; request threads only take references.
 */
#ifndef PR_API_SNAPSHOT_H
#define PR_API_SNAPSHOT_H

#include <stdatomic.h>

#include "api/api.h"
#include "api/blob.h"
#include "api/events.h"

/* What a moment looked like, beside the gradebook.  Immutable, counted by references. */
struct pr_api_world {
    atomic_int refs;
    struct pr_config config;
    json_t *live, *machine, *peers, *panels, *api;
    char live_reason[512];
};
void pr_api_world_unref(struct pr_api_world *w);
/* A handler's context of it; g may be NULL. */
struct pr_api_context pr_api_world_context(
    const struct pr_api_world *w, struct pr_gradebook *g, int64_t now_ms);

struct pr_api_snapshot;
/* config is copied; api is the member of that name of /api/status (borrowed).  The first documents
 * are there when it returns. */
PR_MUST_CHECK enum pr_code pr_api_snapshot_new(const struct pr_config *config, const json_t *api,
    struct pr_api_events *events, struct pr_api_snapshot **ret, struct pr_error *e);
void pr_api_snapshot_free(struct pr_api_snapshot *s);

/* New references. */
struct pr_api_blob *pr_api_snapshot_document(struct pr_api_snapshot *s, size_t route);
struct pr_api_blob *pr_api_snapshot_ready(struct pr_api_snapshot *s);
struct pr_api_world *pr_api_snapshot_world(struct pr_api_snapshot *s);
/* Somebody asks: for a minute from now on the owner is asked every second. */
void pr_api_snapshot_attend(struct pr_api_snapshot *s);
/* What the other machines say: pr_api_context.peers.  Steals. */
void pr_api_snapshot_set_peers(struct pr_api_snapshot *s, json_t *peers);

#endif
