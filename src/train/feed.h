/* The files of a queue as a training eats them: each exactly once, whenever it is killed.
 *
 * What a training computes depends on its row alone, the files in the order in which they were
 * taken:
 *
 *   0 ─── moved ─── done ─── n
 *   │     │         └ taken; `done` is the current one, those behind it (after a kill) come next
 *   │     └ trained to their end, but no checkpoint of that was durable yet
 *   └ in recently_completed
 *
 * Invariants, at whatever moment the process dies:
 *   1. A file is in one folder of the queue: all moves are single renames.
 *   2. A file of the row is in processing until a checkpoint that holds all of its steps is
 *      durable.  So what is in processing is what no durable checkpoint is known to hold.
 *   3. No step is made of a file before its line of the row is durable: the row, and so the order,
 *      is what a killed training is repeated by.
 *   4. A file is taken only after the move of all that were completed before is durable in the row;
 *      one in processing with the name and content of an older one is another.
 *   5. A checkpoint says which files it holds (name and SHA-256, from the first on), how many of
 *      them had been moved, and how many steps of the current one it holds.
 *
 * So a training goes on from whatever checkpoint: what that holds and what is still in processing
 * is moved on, all others of the row are trained again from there, in the same order with the same
 * bytes as the first time; of an older checkpoint (the newest being damaged) they are fetched back
 * from recently_completed.  A file in processing that is not in the row was taken when the process
 * died, or left by another training: it is next.
 *
 * The row is kept in OUT/.queue.jsonl, a line {"taken","name","from","bytes","sha256"} for each
 * file when it begins and {"completed"} when it was moved; a torn last line is as good as none. */
#ifndef PR_TRAIN_FEED_H
#define PR_TRAIN_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "model/tokenizer.h" /* struct pr_notes */

#define PR_FEED_ROW ".queue.jsonl"

struct pr_feed;

/* base_dir must be there; its queue/processing is made and kept from other trainings while this is
 * open: PR_E_IO where another has it.  out: the training's, locked by it. */
PR_MUST_CHECK enum pr_code pr_feed_open(
    const char *base_dir, const char *out, struct pr_feed **ret, struct pr_error *e);
void pr_feed_free(struct pr_feed *f); /* NULL is fine */

/* Goes on from a checkpoint's pr_feed_state, or (NULL) from the start: then what was taken and not
 * completed comes again.  anew: the row is forgotten.  Moves on what the checkpoint holds. */
PR_MUST_CHECK enum pr_code pr_feed_resume(
    struct pr_feed *f, const json_t *state, bool anew, struct pr_error *e);

/* The file to train on next, in processing. */
struct pr_feed_file {
    const char *name, *path; /* borrowed, until the next call; path NULL: none waits */
    const char *from;        /* the queue that it was taken from: "high" */
    size_t number;           /* in the row, from 0 */
    int64_t steps;           /* of it that are trained already */
};
/* Of the row where that is not at its end, else the first that waits: high, normal, low, each by
 * name.  The last one must have been trained or refused. */
PR_MUST_CHECK enum pr_code pr_feed_next(
    struct pr_feed *f, struct pr_feed_file *ret, struct pr_error *e);
/* It is usable, and its first step comes next: puts it into the row. */
PR_MUST_CHECK enum pr_code pr_feed_begin(struct pr_feed *f, struct pr_error *e);
/* Nothing in it is usable: moves it to failed, with the reason in NAME.reason.txt beside it. */
PR_MUST_CHECK enum pr_code pr_feed_refuse(
    struct pr_feed *f, const char *reason, struct pr_error *e);
/* Its last step was made. */
void pr_feed_trained(struct pr_feed *f);
/* A checkpoint of this moment is durable: moves what it holds to recently_completed.  On failure
 * the rest stays where it is until the next call. */
PR_MUST_CHECK enum pr_code pr_feed_saved(struct pr_feed *f, struct pr_error *e);

/* For a checkpoint of this moment, `steps` of the current file being made: {"files_completed",
 * "files_moved","current_steps","files":[{"name","from","bytes","sha256"}…]}; a new reference. */
json_t *pr_feed_state(const struct pr_feed *f, int64_t steps);

const char *pr_feed_current(const struct pr_feed *f); /* its name in processing; NULL: none */
size_t pr_feed_completed(const struct pr_feed *f);    /* files trained to their end */
size_t pr_feed_waiting(const struct pr_feed *f);      /* files in high, normal and low */
/* What a person should know of the last calls, the list emptied: pr_notes_done. */
struct pr_notes pr_feed_notes(struct pr_feed *f);

#endif
