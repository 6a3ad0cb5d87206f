/* Secrets that others present: compared without telling by the time where they differ. */
#ifndef PR_BASE_SECRET_H
#define PR_BASE_SECRET_H

#include <stdbool.h>

/* In a time that depends on b's length alone. */
bool pr_same_secret(const char *a, const char *b);

#endif
