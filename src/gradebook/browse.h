/* Reading for lists and charts: few columns of many checkpoints, in an order that pages can go on
 * in.  Nothing in here writes. */
#ifndef PR_GRADEBOOK_BROWSE_H
#define PR_GRADEBOOK_BROWSE_H

#include "gradebook/gradebook.h"

/* Which file it is, for caches that outlive a connection: another one for another file, also where
 * it lies at the same place. */
struct pr_gradebook_file {
    char *path; /* owned */
    uint64_t device, inode;
};
void pr_gradebook_which(const struct pr_gradebook *g, struct pr_gradebook_file *ret);
bool pr_gradebook_same_file(const struct pr_gradebook_file *a, const struct pr_gradebook_file *b);
void pr_gradebook_file_done(struct pr_gradebook_file *f);

/* ---- lists of checkpoints (browse.c) ---- */

/* The place of a checkpoint among all, newest first: not opened yet, then by run, step and arrival;
 * the reference last.  Compared from the first number on, the larger first. */
#define PR_LISTED_KEYS 6
struct pr_listed {
    int64_t key[PR_LISTED_KEYS]; /* the last is the id */
};
#define PR_LISTED_ANY (-1) /* of any state, but GONE */
/* All of this state (enum pr_checkpoint_state or PR_LISTED_ANY) and run (0: any), newest first;
 * pr_free. */
PR_MUST_CHECK enum pr_code pr_gradebook_list(struct pr_gradebook *g, int state, int64_t run_id,
    struct pr_listed **ret, size_t *ret_n, struct pr_error *e);
/* < 0: a comes before b. */
int pr_listed_compare(const struct pr_listed *a, const struct pr_listed *b);

/* The checkpoint that is at this place now with this content (NULL: any); *ret 0: there is none. */
PR_MUST_CHECK enum pr_code pr_gradebook_checkpoint_at(struct pr_gradebook *g, const char *path,
    const char *fingerprint, int64_t *ret, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_gradebook_is_pinned(
    struct pr_gradebook *g, int64_t checkpoint, bool *ret, struct pr_error *e);
/* How many checkpoints that are there a run has. */
PR_MUST_CHECK enum pr_code pr_gradebook_count_run(
    struct pr_gradebook *g, int64_t run_id, int64_t *ret, struct pr_error *e);

/* The newest that is READY and has a grade on the suite under these options: of the run that a
 * checkpoint came to last, that of the last step (as pr_view_newest); *ret 0: none. */
PR_MUST_CHECK enum pr_code pr_gradebook_newest_graded(
    struct pr_gradebook *g, const char *options, int64_t suite, int64_t *ret, struct pr_error *e);
/* The run that a checkpoint came to last; *ret 0: none. */
PR_MUST_CHECK enum pr_code pr_gradebook_newest_run(
    struct pr_gradebook *g, int64_t *ret, struct pr_error *e);
/* Is there any grade, anything that a system found, any curve? */
PR_MUST_CHECK enum pr_code pr_gradebook_has_grades(
    struct pr_gradebook *g, bool *ret, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_gradebook_has_finding(
    struct pr_gradebook *g, const char *system, bool *ret, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_gradebook_has_curves(
    struct pr_gradebook *g, bool *ret, struct pr_error *e);

/* A checkpoint of a run in its history: those whose folder is gone too, since trainers delete old
 * ones; of one content at one step the last that came. */
struct pr_run_checkpoint {
    int64_t id, step, model, settings; /* settings: those of `options` */
    char *name;
    bool gone;
};
/* Those that were opened under these options and whose step is known and within [from, to], by
 * step. */
PR_MUST_CHECK enum pr_code pr_gradebook_run_history(struct pr_gradebook *g, int64_t run_id,
    const char *options, int64_t from, int64_t to, struct pr_run_checkpoint **ret, size_t *ret_n,
    struct pr_error *e);
void pr_run_checkpoints_free(struct pr_run_checkpoint *v, size_t n);

/* What happened to checkpoints of a run that a chart should show: verdicts that are not ok and
 * moves of the baseline on this suite (the present ones), and pins.  Oldest step first. */
struct pr_run_mark {
    int64_t checkpoint, step;
    const char *kind;  /* "regression", "warning", "baseline", "pin"; static */
    char *name, *text; /* text: the reason, or NULL */
};
PR_MUST_CHECK enum pr_code pr_gradebook_run_marks(struct pr_gradebook *g, int64_t run_id,
    int64_t suite, struct pr_run_mark **ret, size_t *ret_n, struct pr_error *e);
void pr_run_marks_free(struct pr_run_mark *v, size_t n);

/* How many examples of a suite each difficulty and each skill has, as {name: n} in the suite's
 * order; new references. */
PR_MUST_CHECK enum pr_code pr_gradebook_suite_groups(struct pr_gradebook *g, int64_t suite,
    json_t **ret_difficulties, json_t **ret_skills, struct pr_error *e);

/* ---- numbers of grades (numbers.c) ---- */

/* The places of a suite's examples, so that grades of many models are read without looking each
 * example up. */
struct pr_places;
PR_MUST_CHECK enum pr_code pr_places_load(
    struct pr_gradebook *g, int64_t suite, struct pr_places **ret, struct pr_error *e);
void pr_places_free(struct pr_places *p);
/* One pass over a model's grades: fills the numbers of v (of the suite's n examples, `example` set
 * and stays; reasons, texts and choices are left out).  *ret_done: how many have a grade or the
 * reason why none is possible. */
PR_MUST_CHECK enum pr_code pr_gradebook_numbers(struct pr_gradebook *g, int64_t model,
    int64_t settings, const struct pr_places *places, struct pr_grade *v, size_t n,
    size_t *ret_done, struct pr_error *e);

/* ---- examples (browse_examples.c) ---- */

#define PR_OUTCOMES(X)                                                                             \
    X(ALL, "all")                                                                                  \
    X(RIGHT, "right")                                                                              \
    X(WRONG, "wrong")                                                                              \
    X(GAINED, "gained") /* right, and wrong of the other */                                        \
    X(LOST, "lost")     /* wrong, and right of the other */                                        \
    X(TRUNCATED, "truncated")                                                                      \
    X(UNGRADED, "ungraded") /* no grade yet, or none is possible */
enum pr_outcome {
#define PR_X(name, text) PR_OUTCOME_##name,
    PR_OUTCOMES(PR_X)
#undef PR_X
};
struct pr_example_filter {
    int64_t suite, model, settings;
    int64_t other_model, other_settings; /* that it is held against; 0: none */
    const char *difficulty, *skill;      /* NULL: any */
    enum pr_outcome outcome;
    int64_t after; /* position; -1: from the beginning */
    size_t limit;  /* 0: all */
};
struct pr_found_example {
    int64_t position;
    char digest[65];
    char *line; /* as pr_example_pack made it */
    int was;    /* enum pr_verdict of the other; -1: it has no grade */
};
/* In the suite's order.  pr_found_examples_free. */
PR_MUST_CHECK enum pr_code pr_gradebook_find_examples(struct pr_gradebook *g,
    const struct pr_example_filter *f, struct pr_found_example **ret, size_t *ret_n,
    struct pr_error *e);
void pr_found_examples_free(struct pr_found_example *v, size_t n);
/* How many fit, `after` and `limit` not looked at. */
PR_MUST_CHECK enum pr_code pr_gradebook_count_examples(
    struct pr_gradebook *g, const struct pr_example_filter *f, size_t *ret, struct pr_error *e);
/* The line of an example that a suite has; PR_E_NOT_FOUND. */
PR_MUST_CHECK enum pr_code pr_gradebook_example_line(
    struct pr_gradebook *g, int64_t suite, const char *digest, char **ret, struct pr_error *e);
/* Of these checkpoints, in their order, which have a grade of the example: ret[i]. */
PR_MUST_CHECK enum pr_code pr_gradebook_has_grade(struct pr_gradebook *g, int64_t model,
    int64_t settings, const char *digest, bool *ret, struct pr_error *e);

#endif
