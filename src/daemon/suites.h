/* The suites of a base folder: read, kept in the gradebook by version, and automated testing's own.
 */
#ifndef PR_DAEMON_SUITES_H
#define PR_DAEMON_SUITES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "daemon/config.h"
#include "gradebook/gradebook.h"

/* What became of one suite. */
struct pr_suite_report {
    char *name, *path;
    int64_t id; /* the version that counts; 0: there is none */
    char fingerprint[65];
    size_t n, n_skipped, n_repeated, n_warned;
    char *problem; /* why it could not be used, or what was skipped first; NULL */
    uint64_t seen; /* hash over its files' ids and the options that count; 0: not to be relied on */
    bool used;     /* what was read is what `id` holds (false: an earlier version still counts) */
};
struct pr_suite_reports {
    struct pr_suite_report *v;
    size_t n, cap;
};
void pr_suite_reports_done(struct pr_suite_reports *r);

/* Reads data/validation and its subfolders, stores new versions, retires what is gone, and sees to
 * the testing suite: data/testing/suite.jsonl, chosen once from `validation`
 * (settings.test_samples, balanced by difficulty) and kept with its version in
 * data/testing/suite.json; chosen anew, as the next version, only when testing.samples changed or
 * the file is gone.  A suite that cannot be read keeps its last version current and is reported.
 * The owner's connection, no transaction open.
 *
 * *ret is zeroed at first; given again with what the last call left there, a suite whose files are
 * the same is not read again.  On failure (the gradebook's) it stays as it was. */
PR_MUST_CHECK enum pr_code pr_suites_refresh(const struct pr_config *c, struct pr_gradebook *g,
    int64_t now_ms, struct pr_suite_reports *ret, struct pr_error *e);

#endif
