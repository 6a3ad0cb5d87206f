/* Which points of a long curve a chart needs. */
#ifndef PR_API_DECIMATE_H
#define PR_API_DECIMATE_H

#include <stddef.h>
#include <stdint.h>

#define PR_API_MIN_WIDTH 10
#define PR_API_MAX_WIDTH 20000
#define PR_API_MAX_YS    4

/* Of n points at rising x (equal ones are fine), at most 2 × width that lose no spike: the first,
 * the last, and of each column (an equal share of the range of x) the smallest and the largest of
 * each of n_y values.  y[k][i] NaN is no value; a column without any value keeps a point, so that
 * the gap is seen.  All of them where they are few enough.  Fills ret (2 × width places) with
 * indices, rising, and returns how many.  width >= PR_API_MIN_WIDTH. */
size_t pr_api_decimate(
    const int64_t *x, const double *const *y, size_t n_y, size_t n, size_t width, size_t *ret);

#endif
