/* What is done with a request, from its headers to its answer; knows nothing of sockets.
 *
 *   pr_api_begin(headers) ──▶ REPLY                    answered from memory, or refused
 *                         ──▶ BODY ──▶ pr_api_body ──▶ REPLY or WORK
 *                         ──▶ WORK                     a worker answers: pr_api_work
 *                         ──▶ STREAM                   events
 */
#ifndef PR_API_SERVER_H
#define PR_API_SERVER_H

#include "api/auth.h"
#include "api/blob.h"
#include "api/events.h"
#include "api/queries.h"
#include "api/request.h"
#include "api/snapshot.h"

#define PR_API_MAX_BODY   65536
#define PR_API_MAX_HEADER 8192

struct pr_api;
/* config is borrowed and must outlive it. */
PR_MUST_CHECK enum pr_code pr_api_new(
    const struct pr_config *config, struct pr_api **ret, struct pr_error *e);
/* In this order, and the sockets between: nothing waits any more after pr_api_stop. */
void pr_api_stop(struct pr_api *a);
void pr_api_free(struct pr_api *a);

struct pr_api_events *pr_api_events_of(struct pr_api *a);
struct pr_api_snapshot *pr_api_snapshot_of(struct pr_api *a);
struct pr_api_auth *pr_api_auth_of(struct pr_api *a);
bool pr_api_has_page(const struct pr_api *a);

/* An answer: the blob in one of its forms, and what only this answer has. */
struct pr_api_reply {
    struct pr_api_blob *blob; /* a reference; NULL: no body */
    int status;
    enum pr_api_form form;
    char allow[32];    /* 405 */
    int retry_after_s; /* 0: not said */
    char cookie[160];  /* Set-Cookie; "": none */
    bool challenge;    /* WWW-Authenticate */
    bool close;        /* end the connection after it */
};
void pr_api_reply_done(struct pr_api_reply *r);

enum pr_api_next { PR_API_REPLY, PR_API_BODY, PR_API_WORK, PR_API_STREAM };
/* r is filled for PR_API_REPLY alone; q (zeroed by the caller, pr_api_request_done in any case) is
 * what BODY and WORK go on with.  What call points to must stay until the answer. */
enum pr_api_next pr_api_begin(struct pr_api *a, const struct pr_api_call *call,
    struct pr_api_request *q, struct pr_api_reply *r);
/* The whole body of a POST. */
enum pr_api_next pr_api_body_done(struct pr_api *a, const struct pr_api_call *call,
    struct pr_api_request *q, const char *body, size_t n, struct pr_api_reply *r);
/* Hands it to a worker; false: r says that there is too much to do. */
bool pr_api_work(struct pr_api *a, const struct pr_api_request *q, pr_api_answered *done, void *ctx,
    struct pr_api_reply *r);
/* A worker's answer, for this request; takes the blob over. */
void pr_api_reply_with(
    const struct pr_api_call *call, struct pr_api_blob *blob, struct pr_api_reply *r);
/* An error of the HTTP side's own finding. */
void pr_api_reply_error(int status, const char *message, struct pr_api_reply *r);

#endif
