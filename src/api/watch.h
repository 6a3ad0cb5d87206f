/* Looks whether something changed that answers are made of: the gradebook, the trainer's files, the
 * queue, the configuration, the owner.  For the snapshot thread. */
#ifndef PR_API_WATCH_H
#define PR_API_WATCH_H

#include "api/api.h"
#include "api/book.h"
#include "api/live.h"
#include "queue/folder.h"

#define PR_API_WATCHED 12

struct pr_api_file {
    char *path;
    uint64_t seen[3]; /* inode, size, mtime; 0: not there */
};

struct pr_api_watch {
    struct pr_api_book book;
    enum pr_code book_code; /* of the last look at it */
    struct pr_error book_error;
    struct pr_api_live *live; /* borrowed */
    struct pr_api_live_look now;
    struct pr_api_file config, training[PR_API_WATCHED];
    struct pr_api_file queues[PR_N_QUEUES]; /* the folders: they change with each name in them */
    size_t n_training;
};

void pr_api_watch_init(struct pr_api_watch *w, const char *base_dir, struct pr_api_live *live);
void pr_api_watch_done(struct pr_api_watch *w);
/* What changed since the last look: enum pr_api_source, or-ed. */
unsigned pr_api_watch_look(struct pr_api_watch *w);
/* The trainer's files, by what was read last: `training` of /api/status, folders of the newest
 * checkpoints. */
void pr_api_watch_training(struct pr_api_watch *w, const char *base_dir, const char *current);

#endif
