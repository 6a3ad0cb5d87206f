/* The machine's own curves: GPU, memory, disks over time (machine.c, machine_read.c).
 *
 * A point without a value says that the figure was not known any more from then on; a curve is
 * broken there. */
#ifndef PR_GRADEBOOK_MACHINE_H
#define PR_GRADEBOOK_MACHINE_H

#include "gradebook/gradebook.h"

struct pr_machine_value {
    char name[40]; /* "gpu0.power_watts" */
    double value;  /* NaN: not known now */
};
/* One point each.  A series begins with its first value; of several points without one only the
 * first is kept. */
PR_MUST_CHECK enum pr_code pr_gradebook_put_machine(struct pr_gradebook *g, int64_t at_ms,
    const struct pr_machine_value *v, size_t n, struct pr_error *e);
/* Nobody looked since the last points: every curve is broken behind its last one. */
PR_MUST_CHECK enum pr_code pr_gradebook_break_machine(struct pr_gradebook *g, struct pr_error *e);

/* One step of retention, in a transaction of its own; *ret_more says that there is more.  Points of
 * more than `days` are dropped (0: never); those of more than a day become means of a minute, those
 * of more than a week means of ten minutes. */
PR_MUST_CHECK enum pr_code pr_gradebook_compact_machine(
    struct pr_gradebook *g, int64_t now_ms, int64_t days, bool *ret_more, struct pr_error *e);

struct pr_machine_series {
    int64_t id;
    char *name;
    size_t n;
    int64_t first_ms, last_ms; /* 0: no points */
};
/* By name. */
PR_MUST_CHECK enum pr_code pr_gradebook_machine_series(
    struct pr_gradebook *g, struct pr_machine_series **ret, size_t *ret_n, struct pr_error *e);
void pr_machine_series_free(struct pr_machine_series *v, size_t n);

struct pr_machine_curve {
    char *name;
    size_t n; /* points in the span */
    bool decimated;
    int64_t *at_ms; /* n_points of each */
    double *value;  /* NaN: the curve is broken here */
    size_t n_points, cap, value_cap;
};
/* Of [from_ms, to_ms], at most the least and the greatest value of each of `width` columns, and the
 * breaks.  PR_E_NOT_FOUND: there is no such series. */
PR_MUST_CHECK enum pr_code pr_gradebook_machine_curve(struct pr_gradebook *g, int64_t series,
    int64_t from_ms, int64_t to_ms, int64_t width, struct pr_machine_curve *ret,
    struct pr_error *e);
void pr_machine_curve_done(struct pr_machine_curve *c);

#endif
