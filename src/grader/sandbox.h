/* The sandbox of a grader: what a process that opens strangers' files may still do. */
#ifndef PR_GRADER_SANDBOX_H
#define PR_GRADER_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* One line of the table of profiles, by what a grader computes on (a GPU needs its device files).
 */
struct pr_sandbox_profile {
    const char *name;           /* "cpu" */
    const char *const *devices; /* paths that may be opened read-write; NULL-terminated */
};
const struct pr_sandbox_profile *pr_sandbox_profile(const char *name);

/* What this kernel offers: the Landlock ABI (0: none) and whether seccomp filters can be loaded;
 * for doctor. */
struct pr_sandbox_support {
    int landlock_abi;
    bool seccomp;
    char why[160]; /* what is missing and how to get it; "" when nothing is */
};
void pr_sandbox_support(struct pr_sandbox_support *ret);

/* Shuts this process in for good: Landlock leaves reading below `folders`, seccomp refuses sockets,
 * new programs, tracing, namespaces and whatever else the engine does not use (with EPERM; a
 * system call that has no business here at all kills).  Threads may still be made.  Without
 * Landlock the rest is applied; *ret says what was ("landlock+seccomp").  PR_E_IO when seccomp
 * itself fails. */
PR_MUST_CHECK enum pr_code pr_sandbox_enter(const struct pr_sandbox_profile *profile,
    const char *const *folders, size_t n_folders, char ret[160], struct pr_error *e);

/* Most memory that this process may allocate (RLIMIT_DATA); 0: no limit.  Nothing in builds with
 * AddressSanitizer, whose shadow memory would count. */
void pr_sandbox_limit_memory(uint64_t bytes);

#endif
