/* One HTTP request to somebody else: another machine's API, a channel of alerts.  Over libcurl.
 *
 * Blocks; for worker threads.  http and https alone; no redirect is followed, no proxy but the
 * environment's, no cookie, no netrc. */
#ifndef PR_NET_FETCH_H
#define PR_NET_FETCH_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

struct pr_fetch_options {
    const char *method; /* NULL: GET */
    const char *url;
    const char *const *headers; /* "Name: value", NULL-terminated; NULL: none */
    const char *body;           /* NULL: none */
    size_t body_n;
    int timeout_ms;          /* of the whole; 0: 10 s */
    size_t max_bytes;        /* of the answer; 0: 8 MiB */
    const char *ca_file;     /* PEM to trust in place of the system's; NULL */
    const atomic_bool *stop; /* set by another thread: given up within a second; NULL */
};
struct pr_fetched {
    int status; /* of HTTP: any is PR_OK */
    struct pr_str body;
    char etag[128];    /* "" where there is none */
    int retry_after_s; /* -1: not said, or not to be read */
};
/* PR_E_IO: no answer; PR_E_LIMIT: too large, or too late; PR_E_CANCELLED: `stop`; PR_E_USAGE: not a
 * url or a header that is taken.  A message names the host and why, and no other part of the url
 * (the path of a webhook is its secret), no header and nothing of a body. */
PR_MUST_CHECK enum pr_code pr_fetch(
    const struct pr_fetch_options *o, struct pr_fetched *ret, struct pr_error *e);
void pr_fetched_done(struct pr_fetched *f);
/* The url without user, password, query and fragment, for logs; "(not a url)".  pr_free. */
char *pr_fetch_shown(const char *url);
/* Its host, and its port where it says one: for what has its secret in the path.  pr_free. */
char *pr_fetch_host(const char *url);
/* Is it a http or https url?  Without asking anybody. */
PR_MUST_CHECK enum pr_code pr_fetch_check(const char *url, struct pr_error *e);

#endif
