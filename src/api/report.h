/* A report: the page as one file that asks no server, with the answers in it that the page would
 * ask for. */
#ifndef PR_API_REPORT_H
#define PR_API_REPORT_H

#include "base/error.h"
#include "base/str.h"
#include "daemon/config.h"

#define PR_API_REPORT_MAX ((size_t)64 << 20) /* bytes of the file */

/* Appends the whole file to out.  progress (may be NULL) is told how many answers there are so far.
 * PR_E_UNSUPPORTED where the program was built without its page; PR_E_NOT_FOUND where the base
 * folder has no gradebook; PR_E_LIMIT past PR_API_REPORT_MAX. */
PR_MUST_CHECK enum pr_code pr_api_report(const struct pr_config *c, struct pr_str *out,
    void (*progress)(void *ctx, size_t n), void *ctx, struct pr_error *e);

#endif
