/* Curves in memory, so that a long one is read from the gradebook once and then goes on from its
 * end.  Any thread; a lock guards it. */
#ifndef PR_API_CURVE_CACHE_H
#define PR_API_CURVE_CACHE_H

#include "gradebook/curves.h"

/* Calls `look` with all points of the series, oldest first, while nobody changes them: step[i],
 * value[i] (NaN: logged and no number).  A failure of look is returned. */
PR_MUST_CHECK enum pr_code pr_api_curve(struct pr_gradebook *g, const struct pr_series_row *series,
    enum pr_code (*look)(
        void *ctx, const int64_t *step, const double *value, size_t n, struct pr_error *e),
    void *ctx, struct pr_error *e);
/* How many points, and the steps of the first and the last (0 points: untouched), without reading
 * those that are in memory or were counted before again. */
PR_MUST_CHECK enum pr_code pr_api_curve_extent(struct pr_gradebook *g,
    const struct pr_series_row *series, int64_t *ret_n, int64_t *ret_first, int64_t *ret_last,
    struct pr_error *e);
void pr_api_curve_forget(void);

/* A running mean that forgets: weight `past` for what was, 1 − past for what comes, corrected for
 * its beginning (Kingma & Ba 2015); NaN is passed over.  ret[i]: up to and with value[i]; NaN
 * before the first number. */
void pr_api_smooth(const double *value, size_t n, double past, double *ret);

#endif
