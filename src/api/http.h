/* The HTTP side, over http/front.h: two listening sockets, a few threads that serve connections.
 * The files http*.c are the only ones of the API that know of sockets. */
#ifndef PR_API_HTTP_H
#define PR_API_HTTP_H

#include "api/server.h"

struct pr_http;
/* Listens at api.bind on both ports and serves.  api and config are borrowed.  PR_E_IO with
 * EADDRINUSE names the port and its key. */
PR_MUST_CHECK enum pr_code pr_http_new(
    struct pr_api *api, const struct pr_config *config, struct pr_http **ret, struct pr_error *e);
/* Takes no more connections; then pr_api_stop, so that nothing waits, then pr_http_free. */
void pr_http_stop(struct pr_http *h);
void pr_http_free(struct pr_http *h);

enum pr_http_port { PR_HTTP_API, PR_HTTP_PAGE, PR_HTTP_PORTS };
int pr_http_port(const struct pr_http *h, enum pr_http_port which);
bool pr_http_tls(const struct pr_http *h);

#endif
