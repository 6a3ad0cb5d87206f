/* This machine and its peers, as answers name them. */
#ifndef PR_API_MACHINES_H
#define PR_API_MACHINES_H

#include "api/api.h"

/* [{"name", "self", "reachable", "reason", "at", "url"}], this machine first; with gpus also
 * "gpus", "gpu_source", "gpu_reason", "host" of each.  New reference. */
json_t *pr_api_machines(const struct pr_api_context *x, bool gpus);

#endif
