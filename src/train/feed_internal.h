/* What the files of a feed share: feed.c takes, refuses and moves on; feed_row.c keeps the row on
 * disk and in checkpoints; feed_resume.c finds again what a killed training had. */
#ifndef PR_TRAIN_FEED_INTERNAL_H
#define PR_TRAIN_FEED_INTERNAL_H

#include "base/alloc.h"
#include "base/sha256.h"
#include "queue/folder.h"
#include "train/feed.h"

/* A file of the row. */
struct pr_feed_entry {
    char *name; /* in processing */
    enum pr_queue from;
    uint64_t bytes;
    char sha256[PR_SHA256_HEX];
};
struct pr_feed {
    char *base_dir, *row; /* row: path of PR_FEED_ROW */
    int lock;
    struct pr_feed_entry *v;
    size_t n, cap, moved, done;
    int64_t steps;     /* of v[done], that the checkpoint holds which was gone on from */
    char *name, *path; /* the current file; NULL: none */
    enum pr_queue from;
    struct pr_notes notes;
};

/* Size and SHA-256 of a file's content. */
PR_MUST_CHECK enum pr_code pr_feed_identify(
    const char *path, struct pr_feed_entry *ret, struct pr_error *e);
/* Is it a file with this entry's content?  One that cannot be read is not. */
bool pr_feed_is(const char *path, const struct pr_feed_entry *x);

/* The row of OUT into f->v and f->moved, as far as it makes sense. */
PR_MUST_CHECK enum pr_code pr_feed_row_read(struct pr_feed *f, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_feed_row_lines(struct pr_feed *f, int fd, struct pr_error *e);
/* Replaces the file by f's row. */
PR_MUST_CHECK enum pr_code pr_feed_row_write(const struct pr_feed *f, struct pr_error *e);
/* Appends the line of v[n − 1] being taken, or of v[moved] having been completed; durable when it
 * returns. */
PR_MUST_CHECK enum pr_code pr_feed_row_took(const struct pr_feed *f, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_feed_row_completed(const struct pr_feed *f, struct pr_error *e);
/* Drops v[i]. */
void pr_feed_row_drop(struct pr_feed *f, size_t i);
json_t *pr_feed_entry_json(const struct pr_feed_entry *x);
PR_MUST_CHECK enum pr_code pr_feed_entry_parse(
    const json_t *o, struct pr_feed_entry *ret, struct pr_error *e);

/* Makes the row, as far as it was read from OUT, agree with a checkpoint's pr_feed_state. */
PR_MUST_CHECK enum pr_code pr_feed_take_state(
    struct pr_feed *f, const json_t *state, struct pr_error *e);
/* Finds v[done] and sees that it is in processing, under the name that it has then; *ret its path,
 * or NULL where it is nowhere any more.  pr_free. */
PR_MUST_CHECK enum pr_code pr_feed_fetch(struct pr_feed *f, char **ret, struct pr_error *e);

#endif
