/* The question that probes answer: on which examples, with which settings, examined on what.
 *
 * Probes are compared with each other over hours, while files pass through the queue and the
 * training's learning rate moves.  So what they train on is copied once, into .proctor/curriculum
 * of the base folder, and the learning rate is fixed with it: a question stays the same until its
 * settings, the validation set or the size of the model change, a file of curriculum.pool goes, or
 * files changed and the copy has become old.
 */
#ifndef PR_DAEMON_QUESTION_H
#define PR_DAEMON_QUESTION_H

#include "daemon/config.h"
#include "systems/view.h"

/* Seconds that a probe took.  Those that could not be stored are kept by the supervisor. */
struct pr_probe_spent {
    int64_t at_ms; /* when it ended */
    double seconds;
};
struct pr_question_options {
    const struct pr_config *config;
    const struct pr_probe_spent *lost;
    size_t n_lost;
};
struct pr_question {
    struct pr_view_pool view; /* its strings are owned by this struct */
    char *pool_file, *suite_file;
    double learning_rate;
    int64_t lora_rank;
    uint64_t memory; /* bytes that a probe needs here, by estimate; 0: it runs elsewhere */
};
/* Looks at the sources, copies them where that is due (a matter of seconds), and reads from the
 * view what the rest is made of.  What cannot be is view.reason; a failure is one of storing.
 * *ret owns everything: pr_question_free. */
PR_MUST_CHECK enum pr_code pr_question_look(struct pr_view *v, const struct pr_question_options *o,
    struct pr_question **ret, struct pr_error *e);
void pr_question_free(struct pr_question *q);
/* Was what a probe printed (`proctor probe`) made of this question: trained on its pool, examined
 * on the examples of its suite, of which `samples` were asked for, all of them or all that its
 * start could be asked?  unasked: {id: why} of those that it could not; NULL: none.  False: reason
 * says what is other.  Reads the suite's file. */
bool pr_question_fits(const struct pr_question *q, int64_t samples, const json_t *unasked,
    const json_t *result, char *reason, size_t size);

/* Times as if the clock had never been set back.  v: in the order in which they were stored, the
 * newest last.  Where a time is later than the next one, or than now, nobody knows how long passed
 * between: no time at all is assumed, and of a newest one that lies more than an hour ahead that it
 * is long past, so that a clock that was a day ahead does not hold up probes for a day. */
void pr_question_settle(struct pr_probe_spent *v, size_t n, int64_t now_ms);
/* A bucket into which `percent` of the time flows, and which holds an hour's share: *ret is what is
 * in it, below 0 when a probe took more than there was.  spent is sorted by time.  Returns when it
 * is above 0 again: 0 now. */
int64_t pr_question_budget(
    const struct pr_probe_spent *spent, size_t n, int64_t percent, int64_t now_ms, double *ret);

/* ---- the copy of the training examples (question_pool.c) ---- */

struct pr_question_pool {
    char *path;   /* of the copy, JSON Lines; NULL: there is none */
    char *reason; /* why there is none; NULL */
    char fingerprint[65];
    size_t n;
    json_t *levels; /* owned: {"easy": 120, …} */
    double learning_rate;
    int64_t changed_ms; /* since then the files are others than those that were copied; 0: not */
    size_t n_skipped;   /* lines that could not be used */
    char *skipped;      /* the first reason; NULL */
};
/* rate: the training's now; NaN: not known. */
PR_MUST_CHECK enum pr_code pr_question_pool(const struct pr_config *c, double rate, int64_t now_ms,
    struct pr_question_pool *ret, struct pr_error *e);
void pr_question_pool_done(struct pr_question_pool *p);
/* BASE/.proctor/curriculum/<name>; pr_free. */
char *pr_question_path(const struct pr_config *c, const char *name);
/* Of the files there whose names begin with `prefix`, `now` stays and the newest of the others,
 * which a probe may still read. */
void pr_question_remove_older(const struct pr_config *c, const char *prefix, const char *now);
/* Examples as lines of their own, id and difficulty written out: the same examples wherever they
 * are read. */
PR_MUST_CHECK enum pr_code pr_question_write(
    const char *path, const struct pr_suite *s, struct pr_error *e);

#endif
