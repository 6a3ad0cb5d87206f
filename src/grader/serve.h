/* What the files of the grader's own side share: serve.c listens, prepare.c shuts the process in
 * and opens the checkpoint, work.c carries orders out. */
#ifndef PR_GRADER_SERVE_H
#define PR_GRADER_SERVE_H

#include "exam/grade.h"
#include "grader/frame.h"
#include "grader/wire.h"
#include "model/checkpoint.h"
#include "model/engine.h"

struct pr_serve_order {
    int64_t id;
    char **lines, **digests;
    size_t n, cap_lines, cap_digests;
    bool whole, cancelled;
};

struct pr_serve {
    struct pr_frames frames;
    struct pr_wire_task task;
    json_t *hello, *open; /* owned: the task's strings are theirs */
    char sandbox[160];
    struct pr_checkpoint *checkpoint;
    struct pr_engine *engine; /* NULL before the first order */
    struct pr_serve_order *orders;
    size_t n_orders, cap_orders;
    bool parent_gone;
    bool failed; /* the checkpoint cannot be graded any more: said so, leaving */
};

/* --- serve.c --- */
/* Sends a message (stolen), waiting while much has not been read yet; a parent that is gone is
 * noted. */
void pr_serve_say(struct pr_serve *s, json_t *message);
/* Takes what the parent has said meanwhile, waiting for it up to wait_ns. */
PR_MUST_CHECK enum pr_code pr_serve_listen(struct pr_serve *s, int64_t wait_ns, struct pr_error *e);

/* --- prepare.c --- */
/* Limits, priority, sandbox; then opens the checkpoint and says `opened`. */
PR_MUST_CHECK enum pr_code pr_serve_prepare(struct pr_serve *s, struct pr_error *e);

/* --- work.c --- */
/* Carries the oldest order out and removes it, having said how it ended.  An error is one of the
 * checkpoint as a whole, or of the stream. */
PR_MUST_CHECK enum pr_code pr_serve_work(struct pr_serve *s, struct pr_error *e);

#endif
