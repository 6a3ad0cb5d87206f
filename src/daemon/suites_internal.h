/* What suites.c and suites_testing.c share. */
#ifndef PR_DAEMON_SUITES_INTERNAL_H
#define PR_DAEMON_SUITES_INTERNAL_H

#include "daemon/suites.h"

/* One refresh. */
struct pr_refresh {
    const struct pr_config *c;
    struct pr_gradebook *g;
    int64_t now_ms;
    const struct pr_suite_reports *last; /* of the refresh before */
    struct pr_suite_reports now;
    struct pr_suite_row *rows; /* current versions when it began */
    size_t n_rows;
};

/* The current version of a name, or NULL. */
const struct pr_suite_row *pr_refresh_row(const struct pr_refresh *r, const char *name);
/* A new report at the end of r->now. */
struct pr_suite_report *pr_refresh_report(struct pr_refresh *r, const char *name, const char *path);
/* Takes over what was found last time when the files are still those; true when so. */
bool pr_refresh_known(struct pr_refresh *r, struct pr_suite_report *x, uint64_t seen);
/* A suite that was read becomes the current version; a report of it.  Only the gradebook fails. */
PR_MUST_CHECK enum pr_code pr_refresh_put(
    struct pr_refresh *r, struct pr_suite_report *x, const struct pr_suite *s, struct pr_error *e);
/* It cannot be used: the last version stays. */
void pr_refresh_problem(struct pr_refresh *r, struct pr_suite_report *x, const char *fmt, ...)
    PR_PRINTF(3, 4);
/* A hash over the ids of a folder's *.json and *.jsonl files and `options`; 0 where one of them was
 * touched so lately that a further change might leave no trace. */
uint64_t pr_refresh_seen(const struct pr_refresh *r, const char *folder, uint64_t options);

/* The testing suite; validation is the suite's folder, NULL where there is none. */
PR_MUST_CHECK enum pr_code pr_refresh_testing(
    struct pr_refresh *r, const char *validation, struct pr_error *e);

#endif
