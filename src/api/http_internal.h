/* What the files of the API's HTTP side share. */
#ifndef PR_API_HTTP_INTERNAL_H
#define PR_API_HTTP_INTERNAL_H

#include "api/http.h"
#include "base/str.h"
#include "http/front.h"

#define PR_HTTP_SEND_S 120 /* an answer to be read */

/* A request that outlives the first call of its handler: k->request.  k->sending is the blob whose
 * bytes are in use until the request is over. */
struct http_request {
    enum { HTTP_BODY, HTTP_WORKING, HTTP_ANSWERED, HTTP_REFUSED } state;
    struct pr_api_call call;
    struct pr_api_request q;
    struct pr_str body;
    size_t came;                /* bytes of the body, kept or not */
    struct pr_api_reply reply;  /* HTTP_REFUSED */
    struct pr_api_blob *answer; /* HTTP_ANSWERED: written by a worker before it resumes */
    struct MHD_Connection *c;
};

struct pr_http {
    struct pr_api *api;
    struct pr_front *front;
    bool tls;
};

/* http_request.c: k->ctx is struct pr_http */
enum MHD_Result pr_http_on_request(
    struct pr_front_conn *k, const char *method, const char *upload, size_t *upload_n);
void pr_http_on_completed(struct pr_front_conn *k);

/* http_reply.c */
enum MHD_Result pr_http_send(struct pr_front_conn *k, struct pr_api_reply *r);
/* The headers of every answer. */
void pr_http_secure(struct MHD_Response *m, bool page);

/* http_stream.c */
enum MHD_Result pr_http_stream(struct pr_front_conn *k, const struct pr_api_call *call);

#endif
