/* What people did to proctor (actions.c), and what was said of alerts to the outside
 * (deliveries.c): two parts of the gradebook (gradebook.h), by the same rules. */
#ifndef PR_GRADEBOOK_ACTIONS_H
#define PR_GRADEBOOK_ACTIONS_H

#include "gradebook/gradebook.h"

/* ---- pins: what proctor deletes leaves these alone ---- */

struct pr_pin {
    int64_t checkpoint, at_ms;
    char *who;
};
void pr_pins_free(struct pr_pin *v, size_t n);
/* One that is pinned stays as it was pinned first.  PR_E_NOT_FOUND: no checkpoint of this id. */
PR_MUST_CHECK enum pr_code pr_gradebook_pin(struct pr_gradebook *g, int64_t checkpoint,
    const char *who, int64_t now_ms, struct pr_error *e);
/* PR_E_NOT_FOUND: it is not pinned. */
PR_MUST_CHECK enum pr_code pr_gradebook_unpin(
    struct pr_gradebook *g, int64_t checkpoint, struct pr_error *e);
/* By checkpoint. */
PR_MUST_CHECK enum pr_code pr_gradebook_pins(
    struct pr_gradebook *g, struct pr_pin **ret, size_t *ret_n, struct pr_error *e);

/* ---- the audit: what was asked for, by whom, and what came of it ---- */

struct pr_action_row {
    int64_t id, at_ms;
    char *who, *origin, *action;
    char *target;  /* "checkpoint 34"; NULL: none */
    char *outcome; /* "done", "refused" */
    char *reason;  /* why it was refused; NULL */
};
void pr_action_rows_free(struct pr_action_row *v, size_t n);
/* id is given by the gradebook: *ret_id (may be NULL).  Rows are never changed or dropped. */
PR_MUST_CHECK enum pr_code pr_gradebook_put_action(
    struct pr_gradebook *g, const struct pr_action_row *a, int64_t *ret_id, struct pr_error *e);
/* Newest first, of those with an id below `before` (0: all), at most limit (0: all). */
PR_MUST_CHECK enum pr_code pr_gradebook_actions(struct pr_gradebook *g, int64_t before,
    size_t limit, struct pr_action_row **ret, size_t *ret_n, struct pr_error *e);

/* ---- deliveries: an alert that is to be said at a channel ---- */

#define PR_DELIVERY_KINDS(X)                                                                       \
    X(FIRING, "firing")     /* it was raised, or its level rose */                                 \
    X(RESOLVED, "resolved") /* its cause is gone, and the firing had been sent */                  \
    X(REPEAT, "repeat")     /* critical, and nobody acknowledged it */                             \
    X(TEST, "test")
enum pr_delivery_kind {
#define PR_X(name, text) PR_DELIVERY_##name,
    PR_DELIVERY_KINDS(PR_X)
#undef PR_X
};
const char *pr_delivery_kind_name(enum pr_delivery_kind k);

#define PR_DELIVERY_STATES(X)                                                                      \
    X(WAITING, "waiting") /* until next_ms */                                                      \
    X(SENDING, "sending") /* at this moment; found at a start: it may have arrived */              \
    X(HELD, "held")       /* by the quiet hours, until next_ms */                                  \
    X(SENT, "sent")                                                                                \
    X(FAILED, "failed")   /* given up */                                                           \
    X(DROPPED, "dropped") /* there was nothing to be said any more, `reason` says why */
enum pr_delivery_state {
#define PR_X(name, text) PR_DELIVERY_##name,
    PR_DELIVERY_STATES(PR_X)
#undef PR_X
};
const char *pr_delivery_state_name(enum pr_delivery_state s);

struct pr_delivery {
    int64_t id, alert; /* alert 0: none */
    char *channel;
    enum pr_delivery_kind kind;
    enum pr_alert_level level; /* of the alert when the row was made */
    enum pr_delivery_state state;
    int64_t attempts;
    int64_t next_ms, made_ms, ended_ms; /* ended 0: open */
    char *reason;                       /* why the last attempt failed, or how it ended; NULL */
};
void pr_deliveries_free(struct pr_delivery *v, size_t n);
/* id 0 adds a row and sets id; else state, attempts, next_ms, ended_ms and reason of its row are
 * replaced. */
PR_MUST_CHECK enum pr_code pr_gradebook_put_delivery(
    struct pr_gradebook *g, struct pr_delivery *d, struct pr_error *e);
struct pr_delivery_filter {
    int64_t alert;       /* 0: any */
    const char *channel; /* NULL: any */
    bool open_only;
    int64_t due_ms; /* open ones whose next_ms is at most this; 0: any */
    size_t limit;   /* 0: all */
};
/* Oldest first; with a limit the first so many. */
PR_MUST_CHECK enum pr_code pr_gradebook_deliveries(struct pr_gradebook *g,
    const struct pr_delivery_filter *f, struct pr_delivery **ret, size_t *ret_n,
    struct pr_error *e);
/* When the next open one is due, after now; *ret 0: there is none. */
PR_MUST_CHECK enum pr_code pr_gradebook_next_delivery(
    struct pr_gradebook *g, int64_t now_ms, int64_t *ret_ms, struct pr_error *e);
/* How many were sent at a channel since then, and when the last of them was (0: none). */
PR_MUST_CHECK enum pr_code pr_gradebook_sent_since(struct pr_gradebook *g, const char *channel,
    int64_t since_ms, size_t *ret_n, int64_t *ret_last_ms, struct pr_error *e);

/* ---- alerts, one at a time ---- */

/* PR_E_NOT_FOUND: there is none of this id; pr_alerts_free(ret, …) does not apply, but
 * pr_alert_done. */
PR_MUST_CHECK enum pr_code pr_gradebook_alert(
    struct pr_gradebook *g, int64_t id, struct pr_alert *ret, struct pr_error *e);
/* The open one of (system, key): *ret_id 0 where there is none. */
PR_MUST_CHECK enum pr_code pr_gradebook_open_alert(struct pr_gradebook *g, const char *system,
    const char *key, int64_t *ret_id, struct pr_error *e);
void pr_alert_done(struct pr_alert *a);
/* Newest first, of those with an id below `before` (0: all). */
PR_MUST_CHECK enum pr_code pr_gradebook_alerts_before(struct pr_gradebook *g, bool open_only,
    int64_t before, size_t limit, struct pr_alert **ret, size_t *ret_n, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_gradebook_count_open_alerts(
    struct pr_gradebook *g, size_t *ret, struct pr_error *e);

#endif
