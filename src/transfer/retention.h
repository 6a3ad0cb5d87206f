/* Which local checkpoints stay and which go, and removing one.
 *
 * pr_retention_decide is a pure function: it looks at nothing but its arguments, and says for every
 * checkpoint in words why it stays or goes, for the log and the status file.  The rule, in order:
 *
 *   - flagged ones stay, whatever the disk says: deployed, baseline, pinned, cited by a decision
 *   - the newest `keep_newest` stay
 *   - the best `keep_best` of those that have a score stay
 *   - all others go
 *   - where that leaves less room than is to stay free after what is coming, those kept only for
 *     being new or good go as well, the oldest of the new first, then the worst of the good;
 *     the newest and the best of all never do
 *
 * Newest is by time of training (mtime), then step, then name: trainers count their steps anew when
 * an output folder is used again. */
#ifndef PR_TRANSFER_RETENTION_H
#define PR_TRANSFER_RETENTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

enum pr_held_flags {
    PR_HELD_DEPLOYED = 1 << 0,
    PR_HELD_BASELINE = 1 << 1,
    PR_HELD_PINNED = 1 << 2,
    PR_HELD_CITED = 1 << 3, /* a decision rests on it */
};

struct pr_held {
    const char *name;
    int64_t step;     /* -1: not known */
    uint64_t bytes;   /* that removing it frees */
    int64_t mtime_ns; /* when it was trained */
    double score;     /* NaN: none (yet) */
    unsigned flags;
};

struct pr_retention_rule {
    size_t keep_newest; /* at least 1 is kept */
    size_t keep_best;   /* 0: scores keep nothing */
    bool lower_is_better;
    uint64_t free_bytes;     /* of the file system now */
    uint64_t incoming_bytes; /* that are about to come */
    uint64_t reserve_bytes;  /* that must stay free even so; 0 with incoming 0: no guard */
};

struct pr_retention_verdict {
    bool goes;
    bool for_room;    /* goes for want of room alone */
    char reason[160]; /* one line, "pinned", "older than the newest 3, and not among the best 1" */
};

struct pr_retention_sum {
    uint64_t freed_bytes; /* by all that goes */
    /* What is missing even so; then nothing should be fetched, and somebody be told.  0: enough. */
    uint64_t short_bytes;
    size_t n_go;
};

/* Trained later than b: by time, then step, then name. */
bool pr_held_is_newer(const struct pr_held *a, const struct pr_held *b);

/* ret_verdicts: n of them, in the order of v. */
void pr_retention_decide(const struct pr_held *v, size_t n, const struct pr_retention_rule *rule,
    struct pr_retention_verdict *ret_verdicts, struct pr_retention_sum *ret);

/* Removes LOCAL/NAME: renamed to a hidden name first, so that nobody ever sees half of it, then
 * removed with all that is in it; links are removed and never followed.  A NAME that is no plain
 * one, hidden, a link or no folder is PR_E_USAGE and left alone; none is fine.  When it fails or is
 * killed midway, pr_retention_sweep removes the rest. */
PR_MUST_CHECK enum pr_code pr_retention_remove(
    const char *local_dir, const char *name, struct pr_error *e);
/* Removes what pr_retention_remove had begun.  *ret_n: how many; may be NULL. */
PR_MUST_CHECK enum pr_code pr_retention_sweep(
    const char *local_dir, size_t *ret_n, struct pr_error *e);

#endif
