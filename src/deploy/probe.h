/* Does the server serve what it must?  Health first, then questions through its own OpenAI API,
 * whose answers must be those that the graded checkpoint gives. */
#ifndef PR_DEPLOY_PROBE_H
#define PR_DEPLOY_PROBE_H

#include "deploy/ask.h"
#include "deploy/driver.h"

/* Waits until the health url answers 200, at most deploy.timeout_seconds.  fingerprint: where the
 * driver's server says one it must be this (NULL: any).  Without a url nothing is asked. PR_E_LIMIT
 * with what it said last. */
PR_MUST_CHECK enum pr_code pr_deploy_health(
    const struct pr_ask *a, const struct pr_driver *d, const char *fingerprint, struct pr_error *e);

/* questions: [{"id","messages":[…] or "prompt","answer","max_tokens"}]; further members of a
 * request
 * ("tools", "chat_template_kwargs") go with it.  Asked greedily.  PR_E_CHANGED: too few of the
 * answers are equal, white space at their ends and think blocks aside, or another model gave one.
 * *ret (also then; new reference): {"asked","agreed","needed","fingerprint","questions":[{"id",
 * "agrees","expected","answer"}]}, where only those that part have texts. */
PR_MUST_CHECK enum pr_code pr_deploy_probe(const struct pr_ask *a, const struct pr_driver *d,
    const char *fingerprint, const json_t *questions, json_t **ret, struct pr_error *e);

/* Are two answers equal for a probe? */
bool pr_deploy_answers_agree(const char *expected, const char *answer);

#endif
