/* JSON texts compared by structure: the `json` check. */
#ifndef PR_EXAM_JSONVALUE_H
#define PR_EXAM_JSONVALUE_H

#include <stdbool.h>

#include "exam/checks.h"

/* Is the text, a surrounding ``` fence left away, one JSON value? */
bool pr_json_text_valid(struct pr_text text);
/* Do both hold the same value?  Object members in any order, numbers by value (1 equals 1.0). */
bool pr_json_text_equal(struct pr_text a, struct pr_text b);

#endif
