/* An example and what a checkpoint made of it, as JSON: for lists of examples and for one example's
 * way through the checkpoints. */
#ifndef PR_API_EXAMPLE_TEXT_H
#define PR_API_EXAMPLE_TEXT_H

#include "exam/grade.h"

/* Texts of an answer together: what comes after that many bytes is cut short. */
#define PR_API_TEXT_IN_ALL ((size_t)16 << 20)
struct pr_api_text_budget {
    size_t each; /* bytes of one text at most */
    size_t left; /* of all */
};

/* example (digest), id, skill, difficulty, messages, text, golden, check. */
void pr_api_set_example(
    json_t *o, const struct pr_example *x, const char *digest, struct pr_api_text_budget *b);
/* output, answer, think, correct, confidence, loss, finish, truncated, output_tokens,
 * texts_dropped, graded, reason. */
void pr_api_set_answer(json_t *o, const struct pr_grade *g, struct pr_api_text_budget *b);
/* Is `what` in the example's prompt or golden answer, or in the output?  ASCII letters of either
 * case are the same. */
bool pr_api_example_holds(const struct pr_grade *g, const char *what);

#endif
