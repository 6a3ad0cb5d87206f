/* Members of input rows, and numbers in output rows. */
#ifndef PR_CLI_ROWS_H
#define PR_CLI_ROWS_H

#include <proctor.h>

#include "base/json.h"

/* The ids of a row: its "ids", else the tokens of its text under `text_key`.  *ret: proctor_free.
 */
PR_MUST_CHECK enum pr_code pr_row_ids(const json_t *row, const char *text_key,
    struct proctor_model *m, int32_t **ret, size_t *ret_n, struct pr_error *e);

void pr_row_put_ids(struct pr_str *out, const int32_t *ids, size_t n);
/* f32 values with as many digits as identify each; none may be NaN or infinite. */
void pr_row_put_reals(struct pr_str *out, const float *x, size_t n);
/* Appends ,"key":"text" with JSON's escapes. */
void pr_row_put_text(struct pr_str *out, const char *key, const char *text, size_t n);

#endif
