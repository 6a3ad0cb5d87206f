/* /metrics: Prometheus' text format, version 0.0.4.
 *
 * To add a metric: a line in a table (metrics_watch.c, metrics_machine.c), and where it needs a
 * look at something new, a function there; then the list in docs/metrics.md, which
 * `test_api_metrics --list` prints and the test holds against the table.
 *
 * A number that is not known is left out, never NaN or 0: an alert on absence is for whoever
 * scrapes. */
#ifndef PR_API_METRICS_H
#define PR_API_METRICS_H

#include "api/api.h"
#include "base/str.h"

#define PR_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

PR_MUST_CHECK enum pr_code pr_metrics_write(
    const struct pr_api_context *x, struct pr_str *out, struct pr_error *e);

/* The table as docs/metrics.md shows it: a line of Markdown a metric. */
void pr_metrics_list(struct pr_str *out);

#endif
