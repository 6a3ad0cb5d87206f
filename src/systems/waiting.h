/* Files that wait to be trained on: what is wrong in them.  Nothing is changed. */
#ifndef PR_SYSTEMS_WAITING_H
#define PR_SYSTEMS_WAITING_H

#include "base/error.h"
#include "base/json.h"
#include "queue/known.h"

struct pr_waiting_options {
    const char *base_dir;
    const char *suites; /* fingerprint of what the files are compared with */
    /* Makes a set of what is known beside the files, once and only when a file changed; owned by
     * the caller's. */
    enum pr_code (*known)(void *ctx, struct pr_known **ret, struct pr_error *e);
    void *ctx;
};

/* Validates the files of the waiting queues whose size or time of change is another than in
 * `remembered` (what was returned the last time under "remembered"; changed in place).  Each is
 * compared with the suites and with the files before it.  *ret, a new reference:
 * {"files","files_with_findings","lines","refused_lines","validated" (of them now),"by_defect":{…},
 *  "findings":[{"file","lines","refused_lines","by_defect","findings":[{"line","defect","text"}]}]}
 */
PR_MUST_CHECK enum pr_code pr_waiting_look(
    const struct pr_waiting_options *o, json_t *remembered, json_t **ret, struct pr_error *e);

#endif
