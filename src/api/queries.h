/* Queries and actions: threads that may wait for the disk and for the owner, so that those that
 * serve sockets never do.  Each has a read-only connection to the gradebook. */
#ifndef PR_API_QUERIES_H
#define PR_API_QUERIES_H

#include "api/blob.h"
#include "api/request.h"
#include "api/snapshot.h"

#define PR_API_DEADLINE_MS 5000
#define PR_API_MAX_WAITING 64 /* questions that no thread has taken yet */
#define PR_API_STOPPING    "proctor is being stopped"

struct pr_api_queries;
PR_MUST_CHECK enum pr_code pr_api_queries_new(
    struct pr_api_snapshot *snapshot, struct pr_api_queries **ret, struct pr_error *e);
/* What waits is answered with 503; what runs is waited for; nothing more is taken. */
void pr_api_queries_stop(struct pr_api_queries *v);
void pr_api_queries_free(struct pr_api_queries *v);

/* Runs on a worker, answer handed over.  q belongs to the caller and must stay until then. */
typedef void pr_api_answered(void *ctx, struct pr_api_blob *answer);
/* false: too many wait, or no more are taken; nothing was. */
bool pr_api_queries_add(
    struct pr_api_queries *v, const struct pr_api_request *q, pr_api_answered *done, void *ctx);
/* Are no more taken? */
bool pr_api_queries_stopped(struct pr_api_queries *v);

/* The answer of a handler in this context; never NULL. */
struct pr_api_blob *pr_api_answer(const struct pr_api_request *q, const struct pr_api_context *x);

#endif
