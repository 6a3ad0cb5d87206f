/* Pieces that several status documents are made of. */
#ifndef PR_SYSTEMS_PIECES_H
#define PR_SYSTEMS_PIECES_H

#include "base/json.h"
#include "exam/grade.h"
#include "gradebook/gradebook.h"

/* {"checkpoint","path","step","run","fingerprint"}; new reference.  What is not known is null. */
json_t *pr_checkpoint_json(const struct pr_checkpoint_row *c);
void pr_checkpoint_json_into(const struct pr_checkpoint_row *c, json_t *o);

/* [lo, hi], or null where a bound is NaN; new reference. */
json_t *pr_interval_json(double lo, double hi);

/* {"easy","medium","hard"}: the share of right answers among those with a verdict; null where there
 * are none; new reference. */
json_t *pr_by_difficulty_json(const struct pr_grades *g);

#endif
