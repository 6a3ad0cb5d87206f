/* What the files of the parent's side share: grader.c starts, watches the clock and tells the end;
 * hear.c takes what the grader says; tell.c gives it orders. */
#ifndef PR_GRADER_INTERNAL_H
#define PR_GRADER_INTERNAL_H

#include "base/clock.h"
#include "grader/frame.h"
#include "grader/grader.h"
#include "grader/process.h"

#define PR_GRADER_MS       INT64_C(1000000)  /* in ns */
#define PR_GRADER_MAX_KEPT ((size_t)1 << 30) /* bytes of orders that wait to be sent */
#define PR_GRADER_LEAVE_MS                                                                         \
    5000 /* from the end of its streams, or of its work, to that of the process */

/* An example that was ordered. */
struct pr_grader_wanted {
    char digest[65];
    bool graded;
};

struct pr_grader_order {
    int64_t id;
    struct pr_grader_wanted *v; /* sorted by digest */
    size_t n, n_graded;
};

struct pr_grader {
    struct pr_grader_events events;
    struct pr_process process;
    struct pr_frames frames;
    char *path;
    uint64_t max_memory;
    int64_t open_ns, idle_ns; /* timeouts */
    bool greeted, opened, finishing, shut, killed, gone;
    bool has_end; /* `how` and `why` are known before the process is reaped */
    enum pr_grader_end how;
    struct pr_error why;
    int64_t progress_ns;            /* before which no progress is told */
    int64_t deadline;               /* for its next word, or for its end */
    struct pr_grader_order *orders; /* outstanding, oldest first */
    size_t n_orders, cap_orders;
};

/* --- grader.c --- */
/* Sets the time by which it must have said something. */
void pr_grader_expect_word(struct pr_grader *g);
/* Notes how it ends; the first reason stays.  stop: and kills it. */
void pr_grader_end_with(struct pr_grader *g, enum pr_grader_end how, const struct pr_error *why);
void pr_grader_stop_with(struct pr_grader *g, enum pr_grader_end how, const struct pr_error *why);

/* --- hear.c --- */
/* Reads what has come and calls the events. */
void pr_grader_listen(struct pr_grader *g);

/* --- tell.c --- */
int pr_grader_by_digest(const void *a, const void *b); /* of struct pr_grader_wanted */
struct pr_grader_order *pr_grader_find_order(struct pr_grader *g, int64_t id); /* or NULL */
void pr_grader_drop_order(struct pr_grader *g, struct pr_grader_order *o);

#endif
