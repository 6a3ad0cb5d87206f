/* Which candidates were weighed against what is deployed: TARGET.versions/weighed.json
 * {"deployed","candidates":[fingerprints, oldest first]}.  Each is a test on the same confirming
 * examples, and the more of them, the likelier one passes by chance: so each may spend less. */
#ifndef PR_DEPLOY_WEIGHED_H
#define PR_DEPLOY_WEIGHED_H

#include "base/error.h"
#include "deploy/settings.h"

/* Of the file beside a target; NULL: there is none that can be read.  New reference. */
json_t *pr_weighed_read(const char *versions);
/* The how-manieth, from 1, `candidate` is against `deployed`; a new one comes after all. */
size_t pr_weighed_rank(const json_t *weighed, const char *deployed, const char *candidate);
/* What the k-th may spend of an error rate: rate · 6 / (π² k²), whose sum over all k is the rate.
 */
double pr_weighed_share(double rate, size_t k);
/* Writes down that the gate weighed its candidate, where it did (pr_gate_judge; status as given to
 * it).  PR_E_USAGE: another process deploys to this target. */
PR_MUST_CHECK enum pr_code pr_weighed_note(const struct pr_deploy_settings *s, const json_t *status,
    const json_t *gate, struct pr_error *e);

#endif
