/* Curves of a training, read: what was logged at which step, a series a name and run.  (curves.c)
 * points.c writes them. */
#ifndef PR_GRADEBOOK_CURVES_H
#define PR_GRADEBOOK_CURVES_H

#include "gradebook/gradebook.h"

struct pr_series_row {
    int64_t id, run_id;
    char *name;
    int64_t revision; /* goes up when a point that was there changed, or one came before the last */
};
void pr_series_rows_free(struct pr_series_row *v, size_t n);
/* By name; run_id 0: of all runs. */
PR_MUST_CHECK enum pr_code pr_gradebook_series(struct pr_gradebook *g, int64_t run_id,
    struct pr_series_row **ret, size_t *ret_n, struct pr_error *e);
/* PR_E_NOT_FOUND when there is none of this id; pr_series_row_done. */
PR_MUST_CHECK enum pr_code pr_gradebook_series_row(
    struct pr_gradebook *g, int64_t id, struct pr_series_row *ret, struct pr_error *e);
void pr_series_row_done(struct pr_series_row *r);

/* Points after this step, by step; at most `limit` (0: all).  pr_free. */
PR_MUST_CHECK enum pr_code pr_gradebook_points(struct pr_gradebook *g, int64_t series,
    int64_t after, size_t limit, struct pr_point **ret, size_t *ret_n, struct pr_error *e);
/* How many there are after this step (INT64_MIN: all), and the first and the last of them. */
PR_MUST_CHECK enum pr_code pr_gradebook_count_points(struct pr_gradebook *g, int64_t series,
    int64_t after, int64_t *ret_n, int64_t *ret_first, int64_t *ret_last, struct pr_error *e);

#endif
