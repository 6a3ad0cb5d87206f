/* Which names this server goes by, and whether a request comes from its own page: against DNS
 * rebinding and forged requests of other sites. */
#ifndef PR_HTTP_HOSTS_H
#define PR_HTTP_HOSTS_H

#include <stdbool.h>

#include "base/json.h"

/* Is `host` (a Host header, with or without a port) a name of ours?  bind: the address that is
 * listened at; local: the one that this connection came in at, which matters where bind is any;
 * names: api.hosts. */
bool pr_host_is_ours(const char *host, const char *bind, const char *local, const json_t *names);
/* May a request that changes something have come from where it says?  NULL: the header is not
 * there. An Origin must be this very host and port, Sec-Fetch-Site the same origin.  by_cookie: the
 * browser added what allows it, so one of the two must be there. */
bool pr_origin_is_ours(
    const char *origin, const char *fetch_site, const char *host, bool tls, bool by_cookie);
/* "127.0.0.1", "127.x.y.z", "::1". */
bool pr_host_is_loopback(const char *address);

#endif
