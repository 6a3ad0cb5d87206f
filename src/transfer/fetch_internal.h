/* The steps of a fetch; not for others than src/transfer. */
#ifndef PR_TRANSFER_FETCH_INTERNAL_H
#define PR_TRANSFER_FETCH_INTERNAL_H

#include "transfer/fetch.h"
#include "transfer/store_internal.h"

struct pr_follow;

struct pr_job {
    struct pr_store *s;
    const struct pr_listed *what;
    const struct pr_fetch_options *o;
    const char *as;                      /* NAME here */
    const struct pr_listed_file **files; /* the wanted ones */
    const char **names;                  /* theirs */
    size_t n;
    uint64_t total;                     /* bytes */
    char *incoming;                     /* LOCAL/.incoming/NAME */
    char *place;                        /* LOCAL/NAME */
    int dir;                            /* .incoming/NAME, open */
    struct pr_follow *follow;           /* one a file */
    const struct pr_listed_file *wrong; /* whose hash is another over there */
};

/* fetch_files.c */
void pr_job_choose(struct pr_job *j);
/* Bytes of wanted files that lie in .incoming/NAME. */
uint64_t pr_job_there(const struct pr_job *j);
void pr_job_tick(void *job); /* tells progress */
/* Room on the file system; nothing in place yet; no entry in .incoming/NAME that is not wanted. */
PR_MUST_CHECK enum pr_code pr_job_prepare(struct pr_job *j, struct pr_error *e);
/* All goes to the disk while it is still being compared. */
void pr_job_begin_sync(const struct pr_job *j);
/* Is all there, by size? */
PR_MUST_CHECK enum pr_code pr_job_check_sizes(const struct pr_job *j, struct pr_error *e);
/* So that the next try does not take it for whole by its size and time. */
void pr_job_mark_wrong(const struct pr_job *j, const struct pr_listed_file *f);
/* Syncs and renames. */
PR_MUST_CHECK enum pr_code pr_job_place(const struct pr_job *j, struct pr_error *e);

/* fetch_follow.c: hashes files while they come. */
void pr_follow_begin(struct pr_job *j);
void pr_follow_tick(struct pr_job *j);
/* The lines of pr_rsync.said. */
void pr_follow_told(struct pr_job *j, const char *said);
/* Does file i, as it lies here, have the hash that rsync told?  False also where it told none. */
bool pr_follow_agrees(struct pr_job *j, size_t i);
void pr_follow_done(struct pr_job *j);

/* sums.c: SHA-256 of files of one checkpoint there and of the like here, both sides at once. */
struct pr_sums {
    bool known;   /* false: that side has no program for it */
    size_t wrong; /* the first that differs; the number of files: none */
    char here[PR_SHA256_HEX], there[PR_SHA256_HEX]; /* of that one; there "": cannot be read */
};
PR_MUST_CHECK enum pr_code pr_sums_compare(struct pr_store *s, const char *checkpoint, int dir,
    const char *const *names, size_t n, const atomic_bool *stop, struct pr_sums *ret,
    struct pr_error *e);

/* fetch_rsync.c, fetch_copy.c: bring the wanted files.  compare: also those whose size and time are
 * right already are compared, by rsync's own checksums of the whole files. */
PR_MUST_CHECK enum pr_code pr_job_rsync(struct pr_job *j, bool compare, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_job_copy(struct pr_job *j, struct pr_error *e);
/* One run of rsync: `names` from a folder to another, of which one is on the side of s. */
struct pr_rsync {
    const struct pr_store *s;
    const struct pr_fetch_options *o;
    bool compare;
    const char *from, *to; /* pr_rsync_from, pr_rsync_here */
    const char *const *names;
    size_t n;
    const char *doing; /* "fetching checkpoint-1", for messages */
    /* "HASH NAME" for each file that came, in lines: rsync's hash of the whole file, which both
     * sides computed, and agree on.  NULL: not asked for. */
    struct pr_str *said;
    pr_talk_tick *tick;
    void *ctx;
};
PR_MUST_CHECK enum pr_code pr_rsync_run(const struct pr_rsync *r, struct pr_error *e);
/* A path of this machine as rsync is to be told it; pr_free. */
char *pr_rsync_here(const char *path);
/* The folder over there as rsync is to be told it: "HOST:DIR/NAME/". */
void pr_rsync_from(const struct pr_store *s, const char *checkpoint, struct pr_str *out);

#endif
