/* What the owner of the base folder says of itself, asked for on a thread of its own: an owner that
 * is slow to answer holds up no request. */
#ifndef PR_API_LIVE_H
#define PR_API_LIVE_H

#include <stdbool.h>

#include "base/json.h"

struct pr_api_live;
/* Asks once before it returns. */
struct pr_api_live *pr_api_live_new(const char *base_dir);
void pr_api_live_free(struct pr_api_live *l);
/* The last answer (new references): the state without `machine`, which comes in *ret_machine; NULL
 * with a reason in why where there is none.  *ret_state changes only when something beside clocks
 * did: compare it with the one before by its number. */
struct pr_api_live_look {
    json_t *state, *machine;     /* owned by whoever looked; may be NULL */
    unsigned n_state, n_machine; /* how often they changed */
    char why[512];
};
void pr_api_live_look(struct pr_api_live *l, struct pr_api_live_look *ret);
void pr_api_live_look_done(struct pr_api_live_look *k);
/* Is anyone watching?  Then the owner is asked every second, else every five. */
void pr_api_live_attend(struct pr_api_live *l, bool attended);

#endif
