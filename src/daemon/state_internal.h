/* What state.c and why.c share. */
#ifndef PR_DAEMON_STATE_INTERNAL_H
#define PR_DAEMON_STATE_INTERNAL_H

#include "base/json.h"
#include "gradebook/gradebook.h"

/* An ISO 8601 time; null for 0. */
void pr_state_time(json_t *o, const char *key, int64_t ms);
/* New reference. */
json_t *pr_state_alert(const struct pr_alert *a);

/* Sentences for people, appended to list: what a decision says, with its numbers (why_text.c).
 * present: it has not been superseded. */
void pr_why_say_decision(const struct pr_decision *d, const char *suite, const char *against,
    bool present, json_t *list);

/* The row that is meant (which.c): of those that fit best the one that is there, else the last. */
PR_MUST_CHECK enum pr_code pr_which_row(const struct pr_checkpoint_row *rows, size_t n,
    const char *given, const struct pr_checkpoint_row **ret, struct pr_error *e);

#endif
