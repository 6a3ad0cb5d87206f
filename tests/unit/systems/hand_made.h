/* A real gradebook in a scratch folder, filled by hand: checkpoints without folders, grades without
 * a model.  What fails in here fails the test. */
#ifndef PR_TESTS_SYSTEMS_HAND_MADE_H
#define PR_TESTS_SYSTEMS_HAND_MADE_H

#include "systems/system.h"
#include "systems/view.h"

#define HAND_MADE_OPTIONS "options-of-the-tests"
#define HAND_MADE_NOW     1790000000000 /* milliseconds */

struct hand_made {
    char dir[64];
    char *path;
    struct pr_gradebook *g; /* the owner's connection */
    struct pr_settings settings;
    const char *options;
    const struct pr_view_pool *pool; /* of the views; NULL */
    int64_t now_ms;
};

/* The gradebook is empty and the settings are the defaults. */
void hand_made_init(struct hand_made *h);
void hand_made_done(struct hand_made *h); /* also removes the folder */
/* The same in a folder that stays, under these options. */
void hand_made_init_at(struct hand_made *h, const char *dir, const char *options);
void hand_made_close_book(struct hand_made *h);

/* A suite of n examples ("e0000" …): easy, medium and hard in turn, of five skills.  The same name
 * and n are the same examples; other `variant`s hold others under the same ids. */
int64_t hand_made_suite(struct hand_made *h, const char *name, size_t n, int variant);
/* One whose examples are plain text: nothing has an answer. */
int64_t hand_made_plain_suite(struct hand_made *h, const char *name, size_t n);

/* A checkpoint of this run and step, READY: its content is unlike any other's unless `content`
 * (a word) says which it is.  run NULL: "run". */
int64_t hand_made_checkpoint(
    struct hand_made *h, const char *run, int64_t step, const char *content);
/* All of it, for what is unusual; zeros and NULLs are the defaults. */
struct hand_made_place {
    const char *run, *history; /* history: by default of run */
    int64_t step;
    const char *folder; /* /models/<folder>; by default "checkpoint-<step>" */
    const char *content;
    json_t *bad_weights; /* borrowed */
    bool reference, not_opened;
    const char *options;  /* opened under these; default HAND_MADE_OPTIONS */
    const char *settings; /* a word for other settings than those of the options */
};
int64_t hand_made_place(struct hand_made *h, const struct hand_made_place *p);

/* What a checkpoint made of one example. */
struct hand_made_answer {
    double loss, confidence;
    bool right;
    bool missing;       /* not graded yet: nothing is stored */
    const char *reason; /* it cannot be graded, and why */
    bool bad_number;    /* NaN came out; loss and confidence are unknown */
    bool truncated, empty, malformed;
    bool undecided; /* there is no verdict */
};
/* n answers as a model of this accuracy and mean loss would give them.  Difficulty is a property of
 * the example (the same for every seed), so two draws are correlated as two checkpoints are; with
 * spread 0 equal accuracies give equal answers.  spread: how far a checkpoint's answers scatter
 * about it, 1 is usual.  Confidences are calibrated. */
struct hand_made_answer *hand_made_draw(
    uint64_t seed, size_t n, double accuracy, double loss, double spread);
/* Stores them, in the suite's order (the first n of its examples). */
void hand_made_grade(struct hand_made *h, int64_t checkpoint, int64_t suite,
    const struct hand_made_answer *v, size_t n);
/* Draws, stores and forgets: one call for the usual case. */
void hand_made_grade_drawn(struct hand_made *h, int64_t checkpoint, int64_t suite, uint64_t seed,
    double accuracy, double loss);

/* The reference run: its suite `validation`, and the checkpoints of `steps` (0 ends) with the
 * reference's grades, in shared/assets/run_a where that is there, else those of tests/fixtures.
 * Returns how many of them there are; ids[i] is 0 for one that is not. */
size_t hand_made_run_a(struct hand_made *h, const int64_t *steps, int64_t *ret_suite, int64_t *ids);
/* "…/shared/assets/run_a" or "…/tests/fixtures/run_a" with `name` behind it; pr_free. */
char *hand_made_run_a_path(const char *name);
bool hand_made_run_a_whole(void); /* the shared one is there */

/* A view of the gradebook as it is, inside a transaction. */
void hand_made_open(struct hand_made *h, struct pr_view *v);
void hand_made_close(struct hand_made *h, struct pr_view *v);
/* Runs a system on the gradebook as it is. */
void hand_made_find(struct hand_made *h, const struct pr_system *s, struct pr_findings *ret);
/* Stores what was found, as the supervisor does, and forgets it. */
void hand_made_apply(struct hand_made *h, const struct pr_system *s, struct pr_findings *f);

/* Fails unless the call succeeded, with its message. */
#define HAND_MADE_OK(call) hand_made_ok((call), &hand_made_error, #call, __FILE__, __LINE__)
extern struct pr_error hand_made_error;
void hand_made_ok(
    enum pr_code code, const struct pr_error *e, const char *what, const char *file, int line);

#endif
