/* The queue of training files: folders of a base folder, and how files move between them.
 *
 *   unvalidated ──▶ high, normal, low ──▶ processing ──▶ recently_completed
 *        │            (waiting, in that                └─▶ failed
 *        └──▶ rejected  priority)
 *
 * Files are *.jsonl and *.json directly in a folder; names that begin with '.' are being written.
 * `X.manifest.json` beside X says where X came from and is no training file.  Every move is one
 * rename that overwrites nothing.
 */
#ifndef PR_QUEUE_FOLDER_H
#define PR_QUEUE_FOLDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* (name, folder, waiting) */
#define PR_QUEUES(X)                                                                               \
    X(HIGH, "high", true)                                                                          \
    X(NORMAL, "normal", true)                                                                      \
    X(LOW, "low", true)                                                                            \
    X(PROCESSING, "processing", false)                                                             \
    X(FAILED, "failed", false)                                                                     \
    X(COMPLETED, "recently_completed", false)                                                      \
    X(UNVALIDATED, "unvalidated", false)                                                           \
    X(REJECTED, "rejected", false)                                                                 \
    X(CORRECTIONS, "corrections", false)

enum pr_queue {
#define PR_X(name, folder, waiting) PR_QUEUE_##name,
    PR_QUEUES(PR_X)
#undef PR_X
        PR_N_QUEUES
};
const char *pr_queue_name(enum pr_queue q); /* "normal" */
bool pr_queue_find(const char *name, enum pr_queue *ret);
bool pr_queue_waits(enum pr_queue q);

struct pr_queue_file {
    char *name, *path; /* path: base_dir/queue/normal/name */
    enum pr_queue queue;
    uint64_t bytes;
    int64_t mtime_ms;
    int64_t since_ms; /* in this queue for as long at most: the later of the times at which its
                       * content (mtime) and its name (ctime) changed */
};
/* The training files of a queue, by name; a folder that is not there is empty.
 * pr_queue_files_free. */
PR_MUST_CHECK enum pr_code pr_queue_list(const char *base_dir, enum pr_queue q,
    struct pr_queue_file **ret, size_t *ret_n, struct pr_error *e);
void pr_queue_files_free(struct pr_queue_file *v, size_t n);
/* base_dir/queue/<folder>/name; name NULL: the folder.  pr_free. */
char *pr_queue_path(const char *base_dir, enum pr_queue q, const char *name);
/* Moves a file, and its manifest where it has one, into another queue (made where it is missing);
 * a name that is taken there gets "-2", "-3" … before its extension.  *ret_name: as it is called
 * there; pr_free; may be NULL. */
PR_MUST_CHECK enum pr_code pr_queue_move(const char *base_dir, const struct pr_queue_file *f,
    enum pr_queue to, char **ret_name, struct pr_error *e);
/* The same between any two folders of one file system, under another name: from_folder/name becomes
 * to_folder/as. */
PR_MUST_CHECK enum pr_code pr_queue_place(const char *from_folder, const char *name,
    const char *to_folder, const char *as, char **ret_name, struct pr_error *e);
/* A new file, whole or not at all; PR_E_IO where the name is taken. */
PR_MUST_CHECK enum pr_code pr_queue_put(const char *base_dir, enum pr_queue q, const char *name,
    const char *bytes, size_t n, struct pr_error *e);

#endif
