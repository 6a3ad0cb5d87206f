/* What auto-deployment is made of, and what `proctor deploy` shares with it. */
#ifndef PR_SYSTEMS_AUTO_DEPLOYMENT_H
#define PR_SYSTEMS_AUTO_DEPLOYMENT_H

#include "deploy/deploy.h"
#include "exam/suite.h"
#include "gradebook/gradebook.h"

#define PR_AUTO_DEPLOYMENT "auto-deployment"

/* ---- auto_deployment_book.c: what the gradebook knows ---- */

/* A checkpoint to be deployed. */
struct pr_deploy_candidate {
    char *path; /* its folder here */
    char *name;
    char fingerprint[65];
    int64_t step, id; /* step −1: not known; id: in the gradebook, 0: not there */
    char run[17];
};
void pr_deploy_candidate_done(struct pr_deploy_candidate *c);

/* Finds the folder on this machine that holds this fingerprint: `path` (of a document, may be of
 * another machine or NULL), else what the gradebook knows, else NAME in models.current.  Its
 * content is what decides.  g may be NULL.  PR_E_NOT_FOUND. */
PR_MUST_CHECK enum pr_code pr_deploy_find(struct pr_gradebook *g,
    const struct pr_deploy_settings *s, const char *name, const char *path, const char *fingerprint,
    struct pr_deploy_candidate *ret, struct pr_error *e);

/* Questions with the answers that this fingerprint gave when it was graded.  *ret_list is NULL
 * where there are too few (texts are kept for some days): then *ret_suite (pr_suite_free; NULL:
 * there is no suite) has the examples to compute them from.  Both are NULL after an error. */
PR_MUST_CHECK enum pr_code pr_deploy_questions(struct pr_gradebook *g,
    const struct pr_deploy_settings *s, const char *options, const char *fingerprint,
    json_t **ret_list, struct pr_suite **ret_suite, struct pr_error *e);

/* The row of this fingerprint that is there; false: none. */
bool pr_deploy_known(
    struct pr_gradebook *g, const char *fingerprint, struct pr_deploy_candidate *ret);

/* The last row of this fingerprint, its folder gone or not; 0: none. */
int64_t pr_deploy_row(struct pr_gradebook *g, const char *fingerprint);

/* What the journal keeps of it besides (struct pr_deploy_wanted): by, gate, and score, run and step
 * as far as they are known.  gate: pr_gate_judge, of whichever candidate.  New reference. */
json_t *pr_deploy_more(const json_t *gate, const struct pr_deploy_candidate *c, const char *by);

/* ---- auto_deployment_status.c ---- */

/* The `checkpoint_reason` of a target where nothing lies: checkpoint sync tells by it. */
#define PR_DEPLOY_NOTHING "nothing was deployed yet"

/* last_deployment.json without its envelope; status, gate: borrowed, gate NULL: not judged.  New
 * reference. */
json_t *pr_deploy_document(const json_t *status, const json_t *gate);
/* The same before anything is known; why: in place of a target. */
json_t *pr_deploy_no_document(const char *why);

#endif
