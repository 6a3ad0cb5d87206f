/* The files of examples that a pool is copied from, and copying them (question_sources.c): for
 * question_pool.c and doctor_curriculum.c. */
#ifndef PR_DAEMON_QUESTION_INTERNAL_H
#define PR_DAEMON_QUESTION_INTERNAL_H

#include "base/sha256.h"
#include "daemon/config.h"
#include "exam/suite.h"

#define PR_POOL_MAX_LINE ((size_t)1 << 20) /* a longer one is left out */

struct pr_pool_source {
    char *path;
    const char *name;  /* its last component */
    uint64_t inode[2]; /* device and inode: the same wherever the queue moves it */
    int64_t size, mtime_ns;
};
/* Sorted by name, so that a file that moves from one folder of the queue to the next stays. */
struct pr_pool_sources {
    struct pr_pool_source *v;
    size_t n, cap;
    uint64_t bytes;
    bool given; /* by curriculum.pool, not the queue's */
};
void pr_pool_find(const struct pr_config *c, struct pr_pool_sources *ret);
void pr_pool_sources_done(struct pr_pool_sources *s);
/* By names, sizes and times. */
void pr_pool_identify(const struct pr_pool_sources *s, char ret[PR_SHA256_HEX]);
json_t *pr_pool_names(const struct pr_pool_sources *s); /* new reference */
/* Is a file of those that pr_pool_names once gave no longer there? */
bool pr_pool_lost(const struct pr_pool_sources *s, const json_t *names);

/* A file each in a folder of its own: the name says how difficult its lines are. */
struct pr_pool_copies {
    char *dir;
    char **folders, **files;
    const struct pr_pool_source **from; /* borrowed */
    size_t n, n_too_long;
    bool whole; /* every line, so that their numbers are those of the source */
};
/* Copies into `dir` (owned by *ret, which pr_pool_copies_remove takes away on any end): all lines,
 * or of more than curriculum.pool_mb a part, the same one every time.  Files of which nothing is
 * left are not among them. */
PR_MUST_CHECK enum pr_code pr_pool_copy(const struct pr_config *c, const struct pr_pool_sources *s,
    char *dir, struct pr_pool_copies *ret, struct pr_error *e);
void pr_pool_copies_remove(struct pr_pool_copies *x);
/* Why the first line was left out that was, with the name of the file that it came from; NULL:
 * none.  pr_free. */
char *pr_pool_first_skipped(const struct pr_pool_copies *x, const struct pr_suite *s);

#endif
