/* The whole state in one document, for `proctor status` and later the API's /api/status. */
#ifndef PR_DAEMON_STATE_H
#define PR_DAEMON_STATE_H

#include "base/error.h"
#include "base/json.h"
#include "daemon/config.h"
#include "gradebook/gradebook.h"

/* {"schema_version","at","base_dir","owner": {…}|null,"training": {…},"systems": [{"name","state",
 * "last_run","finding": {…}}],"checkpoints": [the newest],"newest": {…},"orders": [the queue],
 * "ended_orders": […],"tokens": {what was computed, what that saved},"alerts": [open ones],
 * "gradebook": {…},"live": pr_supervisor_state's or null with live_reason}.  g may be NULL (no
 * gradebook yet); a transaction that is open on it is used, else there is one for the call.  live
 * is borrowed and may be NULL.  New reference. */
PR_MUST_CHECK enum pr_code pr_state_document(const struct pr_config *c, struct pr_gradebook *g,
    const json_t *live, int64_t now_ms, json_t **ret, struct pr_error *e);
/* The same with what is known of the training already (borrowed; NULL: it is read). */
PR_MUST_CHECK enum pr_code pr_state_document_with(const struct pr_config *c, struct pr_gradebook *g,
    const json_t *live, json_t *training, int64_t now_ms, json_t **ret, struct pr_error *e);

/* Where the training stands: its part `training`; reads files, no gradebook: `folders` are the
 * newest checkpoints', the newest last. */
json_t *pr_state_training(
    const struct pr_config *c, const char *const *folders, size_t n, int64_t now_ms);
#define PR_STATE_TRAINING_FOLDERS 5
/* pr_training_stamp of the same files. */
void pr_state_training_stamp(
    const struct pr_config *c, const char *const *folders, size_t n, char ret[65]);

/* Why a checkpoint stands as it does, from the gradebook alone: {"checkpoint": {…},"grades": [the
 * figures on each current suite under `options`],"decisions": [{"at","system","kind","suite",
 * "verdict","against","evidence","superseded"}, oldest first],"judged_against_it": […],"alerts":
 * […],"n_probes","n_failed_probes","n_diverged_probes","rank": what the last ranking says of it, or
 * null with a reason,"summary": [sentences]}. `which`: a folder's name or path, a step, or at least
 * six digits of a fingerprint's beginning. PR_E_NOT_FOUND names what is there; PR_E_USAGE when it
 * fits several. */
PR_MUST_CHECK enum pr_code pr_why_document(struct pr_gradebook *g, const char *options,
    const char *which, int64_t now_ms, json_t **ret, struct pr_error *e);
/* The same of the row with this id; PR_E_NOT_FOUND when there is none. */
PR_MUST_CHECK enum pr_code pr_why_document_of(struct pr_gradebook *g, const char *options,
    int64_t checkpoint, int64_t now_ms, json_t **ret, struct pr_error *e);

/* The id of the checkpoint that `which` means, by the same rules. */
PR_MUST_CHECK enum pr_code pr_which_checkpoint(
    struct pr_gradebook *g, const char *which, int64_t *ret, struct pr_error *e);

#endif
