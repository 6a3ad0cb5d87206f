/* A set of ids with the place where each was first seen.  Used by suite.c and compare.c. */
#ifndef PR_EXAM_SUITESET_H
#define PR_EXAM_SUITESET_H

#include <stddef.h>
#include <stdint.h>

/* Open addressing over SHA-256, so that no data set can craft ids that collide.  Zero-initialise;
 * ids are borrowed. */
struct pr_idset {
    struct pr_idslot *slots;
    size_t n, cap;
};
/* Adds id with its index unless it is there; returns the index it has now. */
size_t pr_idset_add(struct pr_idset *set, const char *id, size_t index);
/* Its index, or SIZE_MAX. */
size_t pr_idset_find(const struct pr_idset *set, const char *id);
void pr_idset_done(struct pr_idset *set);

#endif
