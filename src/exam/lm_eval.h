/* Grades in the file layout of lm-evaluation-harness 0.4, so that the tools of its users read them.
 */
#ifndef PR_EXAM_LM_EVAL_H
#define PR_EXAM_LM_EVAL_H

#include "base/error.h"
#include "exam/grade.h"
#include "model/checkpoint.h"

/* Writes DIR/<model>/results_<time>.json and DIR/<model>/samples_<task>_<time>.jsonl.  Examples
 * that generate form the task named for the suite (exact_match), `choice` ones <suite>_choice (acc,
 * acc_norm), plain texts <suite>_text.  Prompts are rendered again with `prompt`'s settings, which
 * must be those of the grading.  *ret_path, where not NULL: the results file; pr_free. */
PR_MUST_CHECK enum pr_code pr_lm_eval_write(const char *dir, const struct pr_grades *g,
    struct pr_checkpoint *c, const struct pr_prompt_options *prompt, char **ret_path,
    struct pr_error *e);

#endif
