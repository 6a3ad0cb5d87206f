/* The log: one line an event, `time level system event key=value …`; ids and not payloads.  To
 * stderr, and to logs/<system>.log in the base folder unless stderr is the journal; files turn over
 * by size and age.  Values from outside are quoted and lose their control characters.
 *
 * Main thread and worker thread may both log. */
#ifndef PR_DAEMON_LOG_H
#define PR_DAEMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum pr_log_level { PR_LOG_DEBUG, PR_LOG_INFO, PR_LOG_WARN, PR_LOG_ERROR };

struct pr_log_options {
    const char *folder; /* base folder's logs/; NULL: no files */
    enum pr_log_level level;
    int64_t max_bytes; /* of a file before it becomes .1; 0: 10 MiB */
    int64_t max_days;  /* of a file's first line; 0: 7 */
    int keep;          /* .1 to .keep are kept; 0: 5 */
    bool quiet;        /* nothing to stderr */
};
/* Before this, and after pr_log_done, lines go to stderr alone. */
void pr_log_init(const struct pr_log_options *o);
void pr_log_done(void);
enum pr_log_level pr_log_level_of(const char *name); /* of "debug" …; INFO for anything else */

/* pr_log(PR_LOG_INFO, "regression-monitor", "judged", "checkpoint=%s level=%s", name, level); the
 * arguments' own spaces are kept: quote free text with pr_log_quote. */
void pr_log(enum pr_log_level level, const char *system, const char *event, const char *fmt, ...)
    PR_PRINTF(4, 5);
/* text as "…" for a value, cut at some 500 characters; from a ring of a few buffers. */
const char *pr_log_quote(const char *text);

#endif
