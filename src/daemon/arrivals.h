/* Arrivals: which checkpoint folders are there, which are complete, which changed or went.
 *
 * Hears of changes by inotify (the folder that holds them, and those that are still being written),
 * and looks by itself every scan_seconds, since inotify can miss things (network file systems, a
 * queue that overflowed, a folder made before it was watched).  A folder is offered once it is
 * complete (pr_checkpoint_complete) and again when its files change.
 */
#ifndef PR_DAEMON_ARRIVALS_H
#define PR_DAEMON_ARRIVALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct pr_arrivals;

/* Strings are borrowed for the call. */
struct pr_arrivals_events {
    /* complete; identity is a hash over its files' names, sizes, inodes and modification times.
     * Called again with another identity when they changed, and for all folders after
     * pr_arrivals_new and pr_arrivals_repeat. */
    void (*complete)(void *ctx, const char *path, const char *identity);
    /* there, and still being written (code PR_E_INCOMPLETE) or broken: for status and doctor;
     * called when the reason changes */
    void (*waiting)(void *ctx, const char *path, const struct pr_error *why);
    void (*gone)(void *ctx, const char *path);
    /* one of `others` (below) or something in it changed, or it may have */
    void (*changed)(void *ctx, const char *path);
    void *ctx;
};

struct pr_arrivals_options {
    /* Folders that hold checkpoints (checkpoint-N and any other folder with a config.json), or are
     * one themselves; those that do not exist yet are waited for. */
    const char *const *folders;
    size_t n_folders;
    const char *reference; /* one more, a model by itself; NULL: none */
    /* Files and folders (each with its subfolders, one level) whose changes are only told. */
    const char *const *others;
    size_t n_others;
    int64_t scan_ms;
    int64_t settle_ms; /* changes are gathered for so long before looking; 0: 100 */
    bool no_inotify;   /* only scan */
};

PR_MUST_CHECK enum pr_code pr_arrivals_new(const struct pr_arrivals_options *o,
    const struct pr_arrivals_events *events, struct pr_arrivals **ret, struct pr_error *e);
void pr_arrivals_free(struct pr_arrivals *a);
int pr_arrivals_fd(const struct pr_arrivals *a);           /* poll for reading */
int64_t pr_arrivals_deadline(const struct pr_arrivals *a); /* monotonic ns */
/* Reads what inotify has to say and looks where it is time to: events come from within.  Looking
 * through thousands of folders is done in slices of some 10 ms; the deadline is then now. */
void pr_arrivals_turn(struct pr_arrivals *a);
void pr_arrivals_scan(struct pr_arrivals *a);   /* look at everything at the next turn */
void pr_arrivals_repeat(struct pr_arrivals *a); /* and offer it all again */

struct pr_arrivals_count {
    size_t complete, waiting;
    bool inotify; /* false: the system's limit of watches is reached; only scanning */
    bool scanned; /* no scan is due or under way: what is there has been told */
};
void pr_arrivals_counts(const struct pr_arrivals *a, struct pr_arrivals_count *ret);

/* The identity of a folder's files as they are now, "" where it is not there: names, sizes, inodes
 * and modification times of what makes the model and says where it comes from (safetensors, *.json,
 * *.jinja, *.txt, *.model).  The same as `complete` gives. */
void pr_folder_identity(const char *path, char ret[65]);

#endif
