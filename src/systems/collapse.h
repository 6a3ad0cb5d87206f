/* Output that has collapsed: empty, endless (cut off at the limit) or repeating itself.  Used by
 * judge.c alone. */
#ifndef PR_SYSTEMS_COLLAPSE_H
#define PR_SYSTEMS_COLLAPSE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "exam/grade.h"

/* Below so many asked examples a share says nothing. */
#define PR_COLLAPSE_MIN_ASKED 20
/* At least so much of what was asked is unusable, and so much more than of the baseline's; the
 * latter because answers may be cut off as a rule, where max_new_tokens is small. */
#define PR_COLLAPSE_SHARE  0.5
#define PR_COLLAPSE_EXCESS 0.3
/* Without a baseline to tell what is usual here. */
#define PR_COLLAPSE_ALONE 0.9

struct pr_outputs {
    size_t asked; /* examples for which something was generated */
    size_t empty, truncated, repeating;
    size_t cut;      /* empty or truncated */
    size_t unusable; /* or repeating */
    size_t texts;    /* outputs whose text is at hand: repeating is known only of these */
    size_t tokens;   /* generated in all */
};
void pr_outputs_count(const struct pr_grades *g, struct pr_outputs *ret);

/* Does the text end in one short cycle, repeated at least four times over at least 32 bytes and
 * three quarters of the text? */
bool pr_output_repeats(const char *text, size_t n);

/* baseline NULL: none.  *ret_evidence: a new reference with the counts and shares of both. */
bool pr_outputs_collapsed(
    const struct pr_outputs *baseline, const struct pr_outputs *now, json_t **ret_evidence);

#endif
