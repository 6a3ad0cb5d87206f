/* The suites of a base folder: read, kept in the gradebook by version, and automated testing's own.
 */
#ifndef PR_DAEMON_SUITES_H
#define PR_DAEMON_SUITES_H

#include "base/error.h"
#include "daemon/config.h"
#include "gradebook/gradebook.h"

/* What became of one suite. */
struct pr_suite_report {
    char *name, *path;
    int64_t id; /* 0: it could not be used */
    char fingerprint[65];
    size_t n, n_skipped, n_repeated, n_warned;
    char *problem; /* why it could not be used, or what was skipped first; NULL */
};
struct pr_suite_reports {
    struct pr_suite_report *v;
    size_t n, cap;
};
void pr_suite_reports_done(struct pr_suite_reports *r);

/* Reads data/validation and its subfolders, stores new versions, retires what is gone, and sees to
 * the testing suite: data/testing/suite.jsonl, chosen once from `validation`
 * (settings.test_samples, balanced by difficulty, pr_suite_select) and kept with its version in
 * data/testing/suite.json; chosen anew, as the next version, only when testing.samples changed or
 * the file is gone.  A suite that cannot be read keeps its last version current and is reported.
 * The owner's connection, no transaction open. */
PR_MUST_CHECK enum pr_code pr_suites_refresh(const struct pr_config *c, struct pr_gradebook *g,
    int64_t now_ms, struct pr_suite_reports *ret, struct pr_error *e);

#endif
