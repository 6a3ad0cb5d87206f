/* What is made of graded checkpoints: comparisons, and files for other tools. */
#include "exam/compare.h"

#include "exam/lm_eval.h"
#include "lib/internal.h"

enum pr_code proctor_grades_write_lm_eval(const struct proctor_grades *g, struct proctor_model *m,
    const char *dir, char **ret_path, struct pr_error *e)
{
    struct pr_prompt_options prompt = {m->template_vars, m->now_utc_ms};
    return pr_lm_eval_write(dir, g->grades, m->checkpoint, &prompt, ret_path, e);
}

enum pr_code proctor_compare(const struct proctor_grades *first,
    const struct proctor_grades *second, bool all_examples, char **ret, struct pr_error *e)
{
    struct pr_compare_options options = {.all_examples = all_examples};
    json_t *doc = NULL;
    enum pr_code code = pr_compare(first->grades, second->grades, &options, &doc, e);
    if (!code)
        *ret = pr_json_take_text(doc);
    return code;
}
