/* The files of all queues with what checking them said, for health.c. */
#ifndef PR_QUEUE_HEALTH_FILES_H
#define PR_QUEUE_HEALTH_FILES_H

#include "queue/folder.h"
#include "queue/health.h"

struct pr_health_file {
    struct pr_queue_file f; /* borrowed from the lists */
    bool checked;           /* its lines were read, now or earlier */
    int64_t lines, refused;
    const char *first; /* what is wrong first: "line 3: …"; NULL: nothing */
    const char *hash;  /* of the content, where another file has its size; NULL: not known */
    json_t *cache;     /* owned: its entry */
};

struct pr_health_files {
    struct pr_health_file *v;
    size_t n, cap;
    struct pr_queue_file *lists[PR_N_QUEUES];
    size_t n_lists[PR_N_QUEUES];
};
/* Lists all queues; checks those that wait and hashes those of equal size, as far as the cache does
 * not know and the time allows. */
PR_MUST_CHECK enum pr_code pr_health_files_read(struct pr_health_files *h, const char *base_dir,
    double check_seconds, size_t threads, struct pr_error *e);
void pr_health_files_done(struct pr_health_files *h);

#endif
