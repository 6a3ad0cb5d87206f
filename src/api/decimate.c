/* See decimate.h. */
#include "api/decimate.h"

#include <math.h>
#include <stdbool.h>

#include "base/alloc.h"

/* What is kept of a column: indices of the smallest and the largest of each value. */
struct column {
    size_t first; /* of its points */
    struct {
        size_t min, max; /* SIZE_MAX: no value yet */
    } of[PR_API_MAX_YS];
};

static void begin(struct column *c, size_t n_y, size_t first)
{
    c->first = first;
    for (size_t k = 0; k < n_y; k++)
        c->of[k].min = c->of[k].max = SIZE_MAX;
}

static void look(struct column *c, const double *const *y, size_t n_y, size_t i)
{
    for (size_t k = 0; k < n_y; k++) {
        if (!isfinite(y[k][i]))
            continue;
        if (c->of[k].min == SIZE_MAX || y[k][i] < y[k][c->of[k].min])
            c->of[k].min = i;
        if (c->of[k].max == SIZE_MAX || y[k][i] > y[k][c->of[k].max])
            c->of[k].max = i;
    }
}

/* Inserts i into the rising list v[from..n), once. */
static size_t put(size_t *v, size_t from, size_t n, size_t i)
{
    size_t k = n;
    while (k > from && v[k - 1] > i)
        k--;
    if (k > from && v[k - 1] == i)
        return n;
    for (size_t m = n; m > k; m--)
        v[m] = v[m - 1];
    v[k] = i;
    return n + 1;
}

static size_t end(const struct column *c, size_t n_y, size_t *ret, size_t n)
{
    size_t from = n;
    for (size_t k = 0; k < n_y; k++) {
        if (c->of[k].min == SIZE_MAX)
            continue;
        n = put(ret, from, n, c->of[k].min);
        n = put(ret, from, n, c->of[k].max);
    }
    return n == from ? put(ret, from, n, c->first) : n;
}

size_t pr_api_decimate(
    const int64_t *x, const double *const *y, size_t n_y, size_t n, size_t width, size_t *ret)
{
    if (n <= 2 * width) {
        for (size_t i = 0; i < n; i++)
            ret[i] = i;
        return n;
    }
    size_t columns = (2 * width - 2) / (2 * n_y), now = 0, kept = 0;
    double scale = (double)columns / ((double)x[n - 1] - (double)x[0] + 1);
    struct column c;
    ret[kept++] = 0;
    begin(&c, n_y, 1);
    for (size_t i = 1; i + 1 < n; i++) {
        size_t column = (size_t)(((double)x[i] - (double)x[0]) * scale);
        column = column < columns ? column : columns - 1;
        if (column != now) {
            if (c.first < i)
                kept = end(&c, n_y, ret, kept);
            now = column;
            begin(&c, n_y, i);
        }
        look(&c, y, n_y, i);
    }
    kept = end(&c, n_y, ret, kept);
    ret[kept++] = n - 1;
    return kept;
}
