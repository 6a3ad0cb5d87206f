/* What people do to proctor: acknowledge an alert, pin a checkpoint, … (docs/api.md, Actions).
 *
 * To add an action: a function and its line in the table of acting.c, docs/api.md,
 * docs/protocol.md.
 *
 * An action is a message of proctor.sock: {"type": "action", "action": "pin", "checkpoint": 34,
 * "who": "…", "origin": "…"}.  The owner carries it out in its transaction and notes it in the
 * gradebook's table `actions`, refusals included. */
#ifndef PR_DAEMON_ACTING_H
#define PR_DAEMON_ACTING_H

#include "base/error.h"
#include "base/json.h"
#include "gradebook/gradebook.h"

#define PR_ACT_MS 10000 /* that a caller waits for the owner */

/* Where an action is carried out. */
struct pr_acting {
    struct pr_gradebook *g; /* as owner, its transaction is open */
    int64_t now_ms;
    /* What only a running watch can do; NULL: none runs. */
    enum pr_code (*run)(void *ctx, const char *system, struct pr_error *e);
    enum pr_code (*scan)(void *ctx, struct pr_error *e);
    void *ctx;
};
/* Carries a message out and notes it.  *ret_done: it was, else *refused says why not; a failure is
 * one of the gradebook: then the caller undoes the transaction. */
PR_MUST_CHECK enum pr_code pr_act(const struct pr_acting *x, const json_t *message, bool *ret_done,
    struct pr_error *refused, struct pr_error *e);

/* A message to be filled in, from the user that this process belongs to.  New reference. */
json_t *pr_act_message(const char *action, const char *origin);
/* {"type": "done", "action"} or {"type": "refused", "action", "code", "message"}: new reference. */
json_t *pr_act_answer(const json_t *message, bool done, const struct pr_error *refused);

/* For who asks over proctor.sock: PR_OK: done; PR_E_CANCELLED: nobody owns the folder, it did not
 * answer, or nothing can be stored now; else the refusal.  Waits for the owner: not for a thread
 * that must not. */
PR_MUST_CHECK enum pr_code pr_act_ask(
    const char *base_dir, const json_t *message, struct pr_error *e);
/* The same, and where nobody owns the folder takes the lock and does it itself. */
PR_MUST_CHECK enum pr_code pr_act_here(
    const char *base_dir, const json_t *message, struct pr_error *e);

#endif
