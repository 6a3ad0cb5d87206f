/* Deploying: a checkpoint becomes what a server serves, or nothing changes.
 *
 *   intent → copied → swapped → reloaded → probed → done
 *                           ↘ rolling_back → rolled_back
 *
 * Each arrow is a line in the journal (journal.h).  Until the swap nothing is changed; what fails
 * after it is rolled back: the target is what it was, the server is told again and its health is
 * waited for.  Killed at any moment, the next start (any function below that writes) finishes what
 * was under way from the journal: before the swap it is given up, after it it is gone on with.
 * The target is at every moment one whole version. */
#ifndef PR_DEPLOY_DEPLOY_H
#define PR_DEPLOY_DEPLOY_H

#include <stdatomic.h>

#include "base/error.h"
#include "base/json.h"
#include "deploy/driver.h"
#include "deploy/journal.h"
#include "deploy/place.h"

struct pr_deploy_call {
    const struct pr_deploy_settings *settings;
    const atomic_bool *stop; /* PR_E_CANCELLED, as a kill would leave it; NULL */
    /* Called when a step begins: "copying", "verifying", "swapping", "reloading", "probing",
     * "rolling back"; may be NULL. */
    void (*step)(void *ctx, const char *step, const char *version);
    void *ctx;
};

struct pr_deploy_wanted {
    const char *from;       /* the checkpoint's folder; NULL: `version` is there */
    const char *checkpoint; /* its name */
    const char *fingerprint;
    const char *version;     /* NULL: made of both */
    const json_t *questions; /* probe.h; NULL: none */
    /* Makes them where there are none, from the folder that is to be served; may be NULL. */
    enum pr_code (*ask)(void *ctx, const char *dir, json_t **ret, struct pr_error *e);
    void *ask_ctx;
    const json_t *more; /* borrowed: goes into the journal as it is ("score", "gate", "by") */
};

enum pr_deploy_end {
    PR_DEPLOY_END_DONE,
    PR_DEPLOY_END_ALREADY,     /* it is served already: nothing was done */
    PR_DEPLOY_END_FAILED,      /* before anything was changed */
    PR_DEPLOY_END_ROLLED_BACK, /* the old version is served again */
    PR_DEPLOY_END_BROKEN       /* rolled back, and the server is not healthy with it */
};
struct pr_deploy_outcome {
    enum pr_deploy_end end;
    char reason[1024]; /* of an end that is none of the first two */
    double seconds;    /* from the failure to the old version being served; NaN: none */
};

/* Deploys.  PR_OK with an outcome, whichever; errors are of what could not even begin: PR_E_USAGE
 * (settings, somebody else's lock), PR_E_FORMAT (journal), PR_E_IO, and PR_E_CANCELLED. */
PR_MUST_CHECK enum pr_code pr_deploy_run(const struct pr_deploy_call *c,
    const struct pr_deploy_wanted *w, struct pr_deploy_outcome *ret, struct pr_error *e);

/* Finishes what a killed process began.  *ret_found: there was something; then *ret is how it
 * ended. */
PR_MUST_CHECK enum pr_code pr_deploy_recover(const struct pr_deploy_call *c, bool *ret_found,
    struct pr_deploy_outcome *ret, struct pr_error *e);

/* Back to `version`, or with NULL to what was served before the present one. */
PR_MUST_CHECK enum pr_code pr_deploy_back(const struct pr_deploy_call *c, const char *version,
    struct pr_deploy_outcome *ret, struct pr_error *e);

/* What there is to say, without a lock and without changing anything: {"target","current":{…}|null,
 * "versions":[…],"history":[…newest first; of the first PR_DEPLOY_SHOWN the probe, too],
 * "under_way":{…}|null,"weighed":{…}|null (weighed.h)}.  The gate needs all of it, the user the
 * first PR_DEPLOY_SHOWN.  New reference. */
#define PR_DEPLOY_SHOWN 20
PR_MUST_CHECK enum pr_code pr_deploy_status(
    const struct pr_deploy_settings *s, json_t **ret, struct pr_error *e);

/* ---- deploy.c's, plan.c's, recover.c's and undo.c's own ---- */
struct pr_deploy_work {
    const struct pr_deploy_call *call;
    const struct pr_driver *driver;
    struct pr_place place;
    struct pr_journal journal;
    int64_t id;
    const json_t *plan; /* borrowed from the journal */
    struct pr_ask ask;
    struct pr_deploy_outcome *out;
};
PR_MUST_CHECK enum pr_code pr_deploy_begin(
    const struct pr_deploy_call *c, struct pr_deploy_work *ret, struct pr_error *e);
void pr_deploy_end(struct pr_deploy_work *w);
PR_MUST_CHECK enum pr_code pr_deploy_note(
    struct pr_deploy_work *w, enum pr_deploy_step s, const json_t *more, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_deploy_note_reason(
    struct pr_deploy_work *w, enum pr_deploy_step s, const char *reason, struct pr_error *e);
/* Tells the caller which step begins. */
void pr_deploy_say(const struct pr_deploy_work *w, const char *step);
/* Has the target become what the plan says? */
bool pr_deploy_is_swapped(const struct pr_deploy_work *w);
/* 1 or 2; 0: none. */
int pr_deploy_slot(const json_t *plan, const char *key);
/* The last deployment of a version that ended well; NULL. */
const struct pr_deployment *pr_deploy_brought(const struct pr_journal *j, const char *version);
/* Goes on after a step that is in the journal. */
PR_MUST_CHECK enum pr_code pr_deploy_go_on(
    struct pr_deploy_work *w, enum pr_deploy_step after, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_deploy_roll_back(
    struct pr_deploy_work *w, const char *reason, bool noted, struct pr_error *e);
void pr_deploy_take_plan(struct pr_deploy_work *w, const struct pr_deployment *d);
PR_MUST_CHECK enum pr_code pr_deploy_resume(
    struct pr_deploy_work *w, bool *ret_found, struct pr_error *e);

#endif
