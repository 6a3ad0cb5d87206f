/* What is wrong with one line, by itself. */
#ifndef PR_QUEUE_LINE_H
#define PR_QUEUE_LINE_H

#include "queue/dialog.h"
#include "queue/known_internal.h"
#include "queue/quick.h"
#include "queue/validate.h"

/* Memory of a thread for one line after the other; zero-initialise. */
struct pr_line_checker {
    size_t max_turn;
    const struct pr_known *known; /* NULL: texts are not read */
    struct pr_quick quick;
    struct pr_dialog dialog; /* of a line that quick left to others */
    struct pr_known_scratch scratch;
    bool always_slow; /* for tests: quick is not asked */
};
void pr_line_checker_done(struct pr_line_checker *c);

/* What came of a line.  The reasons are for the caller's list. */
struct pr_line_result {
    bool has_id, has_text; /* text: what is to be compared */
    bool refused;
    uint64_t id;      /* its hash */
    char id_text[40]; /* its beginning, for messages */
    struct pr_known_text text;
    struct pr_reason reasons[PR_LINE_REASONS];
    size_t n_reasons;
};
void pr_line_check(struct pr_line_checker *c, const char *s, size_t n, struct pr_line_result *ret);
/* Adds a reason; those that refuse stand before warnings.  What is too much is left out, the last
 * warning first. */
void pr_line_reason(struct pr_line_result *r, enum pr_defect d, const char *fmt, ...)
    PR_PRINTF(3, 4);

/* Does the verifier of a skill know the question and refuse the answer?  (answer.c)  skill s NULL:
 * the line names none. */
void pr_line_check_answer(
    struct pr_line_result *r, const struct pr_dialog *d, struct pr_text skill);

#endif
