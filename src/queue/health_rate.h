/* How fast the training takes what waits. */
#ifndef PR_QUEUE_HEALTH_RATE_H
#define PR_QUEUE_HEALTH_RATE_H

#include <stdint.h>

#include "queue/health.h"

struct pr_health_rate {
    double examples, tokens; /* a second; NaN: not known */
    const char *source;      /* borrowed; NULL: neither is known */
    char why[200];           /* where one is not */
};
/* What status/training_status.json says, unless it is an hour old; else the options' rate. */
struct pr_health_rate pr_health_rate(
    const char *base_dir, const struct pr_queue_health_options *o, int64_t now_ms);

#endif
