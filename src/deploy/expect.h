/* The questions of a probe, and the answers that are to be expected. */
#ifndef PR_DEPLOY_EXPECT_H
#define PR_DEPLOY_EXPECT_H

#include <stdatomic.h>

#include "deploy/settings.h"
#include "exam/suite.h"

/* May this example be asked of a server?  It is a question with turns, and no choice. */
bool pr_expect_fits(const struct pr_example *x);
/* A question as probe.h has it, with both "messages" and "prompt" (pr_expect_shape); new reference.
 */
json_t *pr_expect_question(const struct pr_example *x, const struct pr_deploy_settings *s,
    const char *answer, size_t n, size_t max_tokens);
/* Leaves of each question what this checkpoint is asked by: turns where it has a chat template,
 * else the text. */
PR_MUST_CHECK enum pr_code pr_expect_shape(
    const char *dir, const struct pr_deploy_settings *s, json_t *questions, struct pr_error *e);

/* The greedy answers of the checkpoint in `dir` to the first deploy.probe_questions examples that
 * fit and that it ends within deploy.probe_tokens, computed here; *ret: a new reference. */
PR_MUST_CHECK enum pr_code pr_expect_compute(const char *dir, const struct pr_deploy_settings *s,
    const struct pr_suite *suite, const atomic_bool *stop, json_t **ret, struct pr_error *e);

#endif
