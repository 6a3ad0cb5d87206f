/* The recognisers, one a pattern: does the answer look like this?  Each may take for granted that
 * those before it in PR_MISTAKES did not recognise it; why is filled where it says yes, empty on
 * entry.  A pattern's row in mistake.c says of which kinds of question it can be. */
#ifndef PR_MISTAKES_RECOGNISERS_H
#define PR_MISTAKES_RECOGNISERS_H

#include "mistakes/mistake.h"
#include "mistakes/reading.h"

#define PR_X(name, group, text)                                                                    \
    bool pr_mistake_is_##name(const struct pr_reading *r, struct pr_str *why);
PR_MISTAKES(PR_X)
#undef PR_X

#endif
