/* When an alert is sent: the quiet hours, and how long after a failure it is tried again. */
#ifndef PR_DAEMON_QUIET_H
#define PR_DAEMON_QUIET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"

/* Minutes of the local day, [from, to); over midnight where from > to. */
struct pr_quiet {
    int from, to;
    bool any; /* false: no hour is quiet */
};
/* "22:00-07:00"; NULL: none.  On failure none either. */
PR_MUST_CHECK enum pr_code pr_quiet_parse(
    const char *text, struct pr_quiet *ret, struct pr_error *e);
/* When the quiet hours that now_ms lies in are over, by this machine's time zone with its summer
 * time; 0: it does not lie in any. */
int64_t pr_quiet_until(const struct pr_quiet *q, int64_t now_ms);

#define PR_RETRY_FIRST_MS   5000
#define PR_RETRY_MOST_MS    3600000
#define PR_RETRY_GIVE_UP_MS ((int64_t)24 * 3600 * 1000)
/* How long to wait after the n-th failure (from 1) in a row: 5 s, doubled each time up to an hour,
 * a quarter more or less by chance, and no less than what was asked for (-1: nothing was; at most a
 * day). */
int64_t pr_retry_ms(int64_t n, int retry_after_s, struct pr_rng *r);

#endif
