/* Removing folders with all that is in them, however deep; links are removed and never followed,
 * other file systems are left alone. */
#ifndef PR_BASE_REMOVE_H
#define PR_BASE_REMOVE_H

#include "base/error.h"

/* Everything in an open folder but the entry `spare` (NULL: none).  What can be removed is, also
 * where something cannot: then the first failure is returned, PR_E_IO naming the entry. */
PR_MUST_CHECK enum pr_code pr_remove_in(int dir, const char *spare, struct pr_error *e);
/* A file, link or folder of that name; none is fine. */
PR_MUST_CHECK enum pr_code pr_remove_tree(const char *path, struct pr_error *e);

#endif
