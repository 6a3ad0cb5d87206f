/* Is the queue in order?  A traffic light and its reasons, for `proctor queue-health` and the API.
 *
 * To add a reason: a function and a line in the table of health.c, its test, its row in
 * docs/queue.md.
 */
#ifndef PR_QUEUE_HEALTH_H
#define PR_QUEUE_HEALTH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/json.h"

struct pr_queue_health_options {
    double stuck_warning_hours, stuck_critical_hours; /* in processing; 0: 12 and 24 */
    size_t backlog_files;                             /* more waiting files are a backlog; 0: 100 */
    double check_seconds;     /* that files whose check is not cached may take, together; 0: 20 */
    size_t threads;           /* for that; 0: one a CPU */
    double tokens_per_second; /* of the training where its status file says nothing; 0: not known */
    const char *rate_source;  /* where that is from: "trainer_state.json" */
};

/* {"schema_version","status":"green"|"yellow"|"red","reasons":[{"level","code","text","files"}…],
 * "queues":{"high":{"files","bytes","oldest_seconds"}…},"waiting":{"files","bytes","examples"},
 * "checked","unchecked","throughput":{"examples_per_second",
 * "tokens_per_second","source"},"hours_left","timestamp"}.  Unknown numbers are null with a reason.
 *
 * Results of checking and hashing a file are kept in base_dir/.proctor/queue_health.json, by name,
 * size and time of change; where that cannot be written they are made anew each time.  Fails only
 * where a queue folder cannot be read. */
PR_MUST_CHECK enum pr_code pr_queue_health(const char *base_dir,
    const struct pr_queue_health_options *options, json_t **ret, struct pr_error *e);

#endif
