/* Which line had an id first, by the id's hash: 24 bytes each. */
#ifndef PR_QUEUE_IDTABLE_H
#define PR_QUEUE_IDTABLE_H

#include <stddef.h>
#include <stdint.h>

struct pr_idtable_row {
    uint64_t hash;
    uint32_t file, line;
};

/* Zero-initialise. */
struct pr_idtable {
    struct pr_idtable_row *v;
    size_t n, cap;
    uint32_t *slots; /* index from 1; 0: free */
    size_t n_slots;
};
void pr_idtable_done(struct pr_idtable *t);
/* The row of an id that was there before, else NULL, and it is there now. */
const struct pr_idtable_row *pr_idtable_add(
    struct pr_idtable *t, uint64_t hash, uint32_t file, uint32_t line);

#endif
