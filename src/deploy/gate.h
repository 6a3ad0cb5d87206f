/* May the candidate be deployed?  A pure function of documents: it looks at nothing but its
 * arguments, and every check says why and on which figures. */
#ifndef PR_DEPLOY_GATE_H
#define PR_DEPLOY_GATE_H

#include "base/json.h"
#include "deploy/settings.h"

/* How the reason of a deployment begins that was killed before anything was changed. */
#define PR_DEPLOY_INTERRUPTED "it was interrupted"

struct pr_gate {
    const json_t *comparison; /* model_comparisons.json; NULL: not there */
    const json_t *regression; /* regression_monitoring.json; NULL: not there */
    const json_t *status;     /* pr_deploy_status */
    const struct pr_deploy_settings *settings;
};

/* {"verdict":"deploy"|"hold","candidate":{"checkpoint","fingerprint","path","step","run",
 * "score_choose","score_confirm"}|null,"why" (of the first check that did not pass; null),
 * "choose","confirm" (the differences to what is deployed; null where there is none),
 * "checks":[{"name","passed","why","figures":{…}}]}.  New reference. */
json_t *pr_gate_judge(const struct pr_gate *g);

#endif
