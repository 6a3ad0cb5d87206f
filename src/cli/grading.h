/* What eval, validate, preview and compare share: suites, a checkpoint graded with progress shown,
 * and checkpoints found under the base folder. */
#ifndef PR_CLI_GRADING_H
#define PR_CLI_GRADING_H

#include <proctor.h>

#include "base/json.h"
#include "cli/session.h"
#include "cli/term.h"

#define PR_OPTION_SUITE                                                                            \
    {                                                                                              \
        "suite", "FILE",                                                                           \
            "examples to grade on: files, or a folder of *.jsonl (default: "                       \
            "data/validation in the base folder)",                                                 \
            NULL, PR_OPT_FILES                                                                     \
    }
#define PR_OPTION_MAX_NEW                                                                          \
    {                                                                                              \
        "max-new-tokens", "N",                                                                     \
            "tokens that an answer may take before it counts as truncated "                        \
            "(default: eval.max_new_tokens of proctor.yaml, else 512)",                            \
            NULL, PR_OPT_INT, 1, 1 << 20                                                           \
    }
#define PR_OPTION_EVAL_DATE                                                                        \
    {                                                                                              \
        "date", "DATE",                                                                            \
            "the date that a template's strftime_now shows (default: template.date of "            \
            "proctor.yaml, else 2026-01-01)",                                                      \
            NULL, PR_OPT_TEXT                                                                      \
    }
#define PR_OPTION_ALLOW_COMMANDS                                                                   \
    {                                                                                              \
        "allow-commands", NULL,                                                                    \
            "let an example's check start the program that it names; only for "                    \
            "data that you trust",                                                                 \
            NULL, PR_OPT_FLAG                                                                      \
    }
/* What every command that grades takes, in the order in which its help lists them. */
#define PR_OPTIONS_GRADING                                                                         \
    PR_OPTION_EVAL_DTYPE, PR_OPTION_EVAL_THREADS, PR_OPTION_BASE_MODEL, PR_OPTION_TEMPLATE_VAR,    \
        PR_OPTION_EVAL_DATE, PR_OPTION_ALLOW_COMMANDS, PR_OPTION_BASE_DIR, PR_OPTION_QUIET

/* A run of a grading command. */
struct pr_grading {
    const struct pr_args *args;
    struct pr_session session;
    struct proctor_suite *suite;
    size_t max_new_tokens;
    bool quiet;
    struct pr_progress progress;
    const char *checkpoint; /* being graded: the folder's last component */
    struct pr_str arrived;  /* its finished examples, a line each, as they came */
    struct pr_str examples; /* the same of all checkpoints so far, in the suite's order; an
                             * interrupted checkpoint's as they came */
};

/* Session and suite; `samples` 0 takes all.  Returns 0 or the exit status, having said why. */
int pr_grading_init(struct pr_grading *g, const struct pr_args *a, size_t samples);
void pr_grading_done(struct pr_grading *g);

/* Opens and grades one checkpoint.  NULL: it said why not (or was interrupted).  *ret_model, where
 * not NULL, gets the model, which the caller closes (also when there are no grades: then NULL). */
struct proctor_grades *pr_grading_run(
    struct pr_grading *g, const char *dir, struct proctor_model **ret_model);
/* JSON that the library made, parsed and freed; NULL after saying why. */
json_t *pr_grading_parse(const struct pr_grading *g, char *text);
/* The document of `proctor eval`, parsed; NULL after saying why. */
json_t *pr_grading_document(const struct pr_grading *g, const struct proctor_grades *grades);
/* Example i with its prompt and golden answer. */
json_t *pr_grading_example(
    const struct pr_grading *g, const struct proctor_grades *grades, size_t i);

/* Writes bytes to a file that appears whole; to a pipe or device as it is.  False after saying why
 * not. */
bool pr_grading_write(const struct pr_grading *g, const char *path, const char *bytes, size_t n);

/* PR_EXIT_STOPPED after an interrupt, else PR_EXIT_REFUSED. */
int pr_grading_failed(void);

/* The folder of a checkpoint under the base folder: of this step, or the newest complete one when
 * step is negative.  pr_free; NULL after saying why. */
char *pr_grading_find_checkpoint(const struct pr_grading *g, int64_t step);

#endif
