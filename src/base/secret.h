/* Secrets that others present: read, and compared without telling by the time where they differ. */
#ifndef PR_BASE_SECRET_H
#define PR_BASE_SECRET_H

#include <stdbool.h>

#include "base/error.h"

/* In a time that depends on b's length alone. */
bool pr_same_secret(const char *a, const char *b);
/* A file's secret, 16 to 256 printable characters in one line; *ret: pr_free.  PR_E_USAGE: it holds
 * none, others may read it, or it is another user's; `what` names it in messages ("token"). */
PR_MUST_CHECK enum pr_code pr_secret_read(
    const char *path, const char *what, char **ret, struct pr_error *e);

#endif
