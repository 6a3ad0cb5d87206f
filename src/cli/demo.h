/* `proctor demo`: a training and its watch, made of proctor's own commands, in a folder of its own.
 *
 *   demo_make.c    what has to be there first: problems, tokenizer, configuration
 *   demo_queue.c   what waits in the queue when the training begins
 *   demo_damage.c  one checkpoint that is bad on purpose
 *   demo_ask.c     a question to the model that is served
 *   demo_show.c    what is shown of it: a row a checkpoint, the summary
 *   cmd_demo.c     the course of it
 *
 * The working folder is the demo's base folder, so that its commands read as a person would type
 * them there. */
#ifndef PR_CLI_DEMO_H
#define PR_CLI_DEMO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "base/str.h"

/* Where its trainer saves, as if that were another machine; sync brings what is ready to
 * models/current_model, and the best is served from PR_DEMO_SERVED. */
#define PR_DEMO_TRAINER "trainer/checkpoints"
#define PR_DEMO_SERVED  "served/model"

/* How much is trained, and how much of that waits in the queue at the start.  What is missing must
 * come into the queue while it trains. */
#define PR_DEMO_STEPS          4000
#define PR_DEMO_BATCH          64
#define PR_DEMO_QUEUED_PERCENT 40
#define PR_DEMO_FILE_LINES     "8000"

/* The six whose answers are a few digits: what a small model learns within minutes. */
#define PR_DEMO_SKILLS(X) X(addition) X(subtraction) X(comparison) X(sorting) X(reversal) X(maximum)

/* Makes what is not there yet, saying each command; done before, it says nothing. */
PR_MUST_CHECK enum pr_code pr_demo_make(struct pr_error *e);
/* Fills queue/normal, once. */
PR_MUST_CHECK enum pr_code pr_demo_fill_queue(struct pr_error *e);
/* Appends "$ proctor args…" to out. */
void pr_demo_command(struct pr_str *out, const char *const *args);

/* Writes checkpoint-`step + 1` from checkpoint-`step`: its weights disturbed, without the state
 * that a training goes on from.  Appears whole. */
PR_MUST_CHECK enum pr_code pr_demo_damage(int64_t step, struct pr_error *e);

/* What was shown already. */
struct pr_demo_shown {
    int64_t began_ns;
    int64_t *steps; /* of checkpoints that have their row */
    size_t n, cap;
    int64_t damaged; /* step of the bad one; 0: none yet */
    bool caught;     /* and the watch said so */
    int64_t probes;  /* curriculum probes at the last row about them */
    bool trained;    /* the training is over */
    char *served;    /* owned: when the last deployment that was shown came to be; NULL: none */
};
void pr_demo_shown_done(struct pr_demo_shown *s);
/* Reads status/ and appends what is new since the last call. */
void pr_demo_news(struct pr_demo_shown *s, struct pr_str *out);
/* One line about the training and the probes, for a bar; appends. */
void pr_demo_line(const struct pr_demo_shown *s, struct pr_str *out);
/* The end: ranking, calibration, the curriculum's verdict, where to look; appends. */
void pr_demo_summary(const struct pr_demo_shown *s, const char *dir, struct pr_str *out);
/* A question to the model that is served, and its answer; appends nothing where none is. */
void pr_demo_ask(struct pr_str *out);
/* Has the curriculum optimizer said something: decided, or all strategies tried often enough? */
bool pr_demo_curriculum_over(void);
/* Is there a row of this step's checkpoint? */
bool pr_demo_has_row(const struct pr_demo_shown *s, int64_t step);
/* The largest step with a row, that is not the damaged one; 0: none. */
int64_t pr_demo_newest(const struct pr_demo_shown *s);

#endif
