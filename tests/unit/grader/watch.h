/* A parent for tests: starts the built program as a grader, keeps what its events tell, waits with
 * poll. */
#ifndef TEST_GRADER_WATCH_H
#define TEST_GRADER_WATCH_H

#include "exam/suite.h"
#include "grader/grader.h"

struct watch {
    struct pr_grader *g;
    struct pr_suite *suite; /* of run_a; its examples are what is ordered */
    char *folder;
    /* what was told */
    bool opened, ended;
    char fingerprint[65], settings_fingerprint[65], sandbox[160];
    json_t *settings, *bad_weights;
    size_t n_notes;
    struct pr_checkpoint_origin origin;
    struct pr_grade *grades; /* in the suite's order; graded or with a reason once it came */
    bool *came, *judge;
    size_t n_came, n_progress, n_done, n_failed;
    struct pr_grader_done done; /* the last, and all of them added up */
    uint64_t tokens;
    enum pr_grader_end how;
    struct pr_error why, order_why;
    void (*on_grade)(struct watch *w); /* after each grade; NULL: nothing */
};

/* tests/fixtures/<name>; pr_free. */
char *fixture(const char *name);
/* A scratch copy of a folder of plain files; pr_free and remove_copy. */
char *copy_folder(const char *from, const char *name);
void remove_copy(char *folder);

/* The suite of run_a, or the lines of `file`; nothing is started yet. */
void watch_init(struct watch *w, const char *file);
void watch_done(struct watch *w);
/* Starts a grader on a folder; o may be NULL. */
void watch_start(struct watch *w, const char *folder, const struct pr_grader_options *o);
/* Orders examples [from, to) of the suite. */
void watch_order(struct watch *w, int64_t order, size_t from, size_t to);
/* Turns until ready(w), or the grader has ended; fails after four minutes. */
void watch_until(struct watch *w, bool (*ready)(const struct watch *w));
bool watch_is_opened(const struct watch *w);
bool watch_is_done(const struct watch *w);   /* an order was done */
bool watch_has_ended(const struct watch *w); /* the grader is gone */

#endif
