/* What the files of self-correction share: which examples of the queue are asked, what became of
 * them, and what is written about errors. */
#ifndef PR_SYSTEMS_SELF_CORRECTION_H
#define PR_SYSTEMS_SELF_CORRECTION_H

#include "exam/grade.h"
#include "mistakes/mistake.h"
#include "queue/known.h"
#include "systems/system.h"

#define PR_CORRECTION_SYSTEM "self-correction"

/* ---- sampling (self_correction_sample.c) ---- */

struct pr_sample_options {
    const char *base_dir;
    size_t n;                       /* wanted */
    const json_t *asked;            /* an array of lines that are asked already */
    const struct pr_known *protect; /* what overlaps this is not asked; NULL: nothing */
};
struct pr_sample {
    json_t *lines;    /* owned: an array, each with id "queue-<hash of the line>" and "from" */
    size_t seen;      /* lines of the queue */
    size_t unusable;  /* of those that were drawn: no example, no answer to compare with, or what
                       * one answers in many ways */
    size_t protected; /* of those that were drawn: they overlap a validation suite */
};
/* The n lines of the smallest hashes among the files that wait or are being trained on, those
 * asked already and corrections left out.  *ret: pr_sample_done. */
PR_MUST_CHECK enum pr_code pr_sample_draw(
    const struct pr_sample_options *o, struct pr_sample *ret, struct pr_error *e);
void pr_sample_done(struct pr_sample *s);

/* ---- errors (self_correction_errors.c) ---- */

struct pr_queue_error {
    const struct pr_grade *grade;
    const struct pr_skill *skill; /* that knows the question; NULL */
    char *of;                     /* the skill's name, else the file it is from */
    bool of_skill;
    const char *file; /* it is from, and its line; borrowed from the example; "" and 0: unknown */
    int64_t line;
    const char *difficulty;
    struct pr_mistake_found found;
};
struct pr_error_group {
    char *of;
    bool of_skill;
    enum pr_mistake pattern;
    size_t *v, n, cap; /* indices of errors, the most confident first */
    size_t asked;      /* examples of this skill or file with a verdict */
};
struct pr_queue_errors {
    struct pr_queue_error *v;
    size_t n, cap;
    struct pr_error_group *groups; /* the largest first */
    size_t n_groups, groups_cap;
    size_t n_asked, n_verdicts, n_wrong; /* n_wrong == n + n_accepted + n_forgotten */
    size_t n_accepted;  /* wrong by the line's check, but right by the verifier of the skill */
    size_t n_forgotten; /* wrong, but the answer's text is not kept any more */
};
void pr_errors_find(const struct pr_grades *g, struct pr_queue_errors *ret);
void pr_errors_done(struct pr_queue_errors *x);

/* ---- reports (self_correction_report.c) ---- */

/* Writes logs/error_patterns/<checkpoint>_<skill>_<pattern>.json unless it says the same already;
 * *ret_path is relative to the base folder; pr_free. */
PR_MUST_CHECK enum pr_code pr_report_write(const struct pr_view *v,
    const struct pr_checkpoint_row *c, const struct pr_queue_errors *x,
    const struct pr_error_group *g, char **ret_path, struct pr_error *e);

/* The surest errors of a group: with PR_REPORT_FEW three, their texts shortened for a list, else
 * those of a report.
 * [{"id","question","golden","model_answer","why","confidence","difficulty","file", "line"}…]; a
 * new reference. */
enum pr_report_length { PR_REPORT_FEW, PR_REPORT_ALL };
json_t *pr_report_examples(
    const struct pr_queue_errors *x, const struct pr_error_group *g, enum pr_report_length length);

/* ---- corrections (self_correction_write.c, self_correction_text.c) ---- */

struct pr_corrections {
    size_t written, today, total; /* lines: now, in the day's file, in all files */
    size_t unverified;            /* not written: the verifier refuses the right answer */
    char *file;                   /* that was written to, relative to the base folder; NULL: none */
};
/* Adds the corrections of these errors that are in no file of queue/corrections yet. */
PR_MUST_CHECK enum pr_code pr_corrections_write(const struct pr_view *v,
    const struct pr_checkpoint_row *c, const struct pr_queue_error *const *errors, size_t n,
    struct pr_corrections *ret, struct pr_error *e);

/* A line of chat: the question with the wrong answer, and what was wrong with the right answer
 * behind it.  NULL: the verifier refuses the right answer.  A new reference. */
json_t *pr_correction_line(
    const struct pr_queue_error *x, const struct pr_checkpoint_row *c, const char *id);
/* The wrong answer as it is shown in a correction; pr_free. */
char *pr_correction_answer(const struct pr_grade *g);
/* "correction-" and 16 hex digits: of the example and the wrong answer. */
void pr_correction_id(const struct pr_queue_error *x, char ret[40]);

#endif
