/* Which checkpoint would be deployed, and how sure it is that it is better than another one.
 *
 * The best of many on some examples looks better on these than it is: it was chosen for it.  So the
 * suite is split in two halves by a hash of each example's id, for good.  The candidate is the best
 * on the one half; what it gains over another checkpoint is confirmed on the other, which took no
 * part in choosing it.  Both figures are shown. */
#ifndef PR_SYSTEMS_PROMOTION_H
#define PR_SYSTEMS_PROMOTION_H

#include "systems/comparison.h"

/* A difficulty or skill has collapsed: so many points below, and hardly by chance. */
#define PR_COLLAPSE_POINTS 10.0
#define PR_COLLAPSE_P      0.01 /* one-sided, over all groups together (Bonferroni) */

/* Does the example with this id confirm, rather than choose? */
bool pr_promotion_confirms(const char *id);

/* The document's `promotion` (docs/systems.md): c is gathered and ranked.  New reference. */
json_t *pr_promotion_json(const struct pr_comparison *c);

#endif
