/* Answer checks: how an answer is compared with the golden one.
 *
 * To add a check: its functions in a file, a line in the table of checks.c, its test, its row in
 * docs/exam.md.
 *
 * A check decides between right and wrong, or fails with a reason; what cannot be decided (a judge
 * that crashed, a regular expression that ran into its limits) is never graded as wrong.
 */
#ifndef PR_EXAM_CHECKS_H
#define PR_EXAM_CHECKS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

struct pr_example;
struct pr_example_reader;
struct pr_judges;
struct pr_regex;
struct pr_skill;

struct pr_text {
    const char *s;
    size_t n;
};

/* How one example is checked.  Strings live in the example's arena. */
struct pr_check {
    const struct pr_check_type *type;
    struct pr_text golden;   /* the golden answer without its think block, as matching takes it */
    struct pr_text *choices; /* choice */
    size_t n_choices, right_choice;
    struct pr_text *texts; /* contains: all of these */
    size_t n_texts;
    const char **argv; /* command; NULL-terminated */
    size_t n_argv;
    int timeout_ms;
    double tolerance;             /* numeric, final_number; negative: none given */
    bool ignore_case;             /* exact, contains, regex */
    struct pr_regex *regex;       /* owned */
    const struct pr_skill *skill; /* verifier: whose, and what it is asked about */
    struct pr_text question;
    json_t *spec; /* owned: the check as the line has it, for fingerprints; NULL: default */
};

/* What is being checked, for judges and messages. */
struct pr_answer {
    const struct pr_example *example;
    struct pr_text text;
    struct pr_judges *judges; /* NULL: commands are refused */
};

struct pr_check_type {
    const char *name;
    const char
        *argument;  /* {"<name>": value} is short for {"type": "<name>", "<argument>": value} */
    bool generates; /* needs the model's own answer (choice does not) */
    /* Reads its settings from the object spec (never NULL) and the line; NULL: has none. */
    enum pr_code (*prepare)(struct pr_check *c, const json_t *spec,
        const struct pr_example_reader *r, struct pr_error *e);
    enum pr_code (*decide)(
        const struct pr_check *c, const struct pr_answer *a, bool *ret_correct, struct pr_error *e);
    /* Does the answer have the form that the check can read?  NULL: anything but empty. */
    bool (*well_formed)(const struct pr_check *c, struct pr_text answer);
};
const struct pr_check_type *pr_check_types(size_t *ret_n);
const struct pr_check_type *pr_check_find(const char *name);

/* Fills r->x->check from the line's "check", or with the default of its format: exact, and
 * final_number for a question/answer pair that ends in GSM8K's "#### n".  r->x->golden must be
 * there. PR_E_UNSUPPORTED: unknown (a check, or a verifier's skill) or not allowed (command), by
 * name. */
PR_MUST_CHECK enum pr_code pr_check_parse(struct pr_example_reader *r, struct pr_error *e);
void pr_check_done(struct pr_check *c);

/* Is the answer right?  Fails when that cannot be decided. */
PR_MUST_CHECK enum pr_code pr_check_decide(
    const struct pr_answer *a, bool *ret_correct, struct pr_error *e);
bool pr_check_well_formed(const struct pr_check *c, struct pr_text answer);

/* Judges: one child process for each command, kept running over a suite, restarted after a failure
 * at most twice in a row.  free stops them; NULL is fine. */
struct pr_judges *pr_judges_new(void);
void pr_judges_free(struct pr_judges *j);
PR_MUST_CHECK enum pr_code pr_judges_ask(struct pr_judges *j, const char *const *argv,
    int timeout_ms, const json_t *question, bool *ret_correct, struct pr_error *e);

#endif
