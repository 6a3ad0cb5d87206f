/* See curves.h. */
#include "gradebook/curves.h"

#include <math.h>

#include "gradebook/sqlite.h"

void pr_series_row_done(struct pr_series_row *r)
{
    pr_free(r->name);
    *r = (struct pr_series_row){0};
}

void pr_series_rows_free(struct pr_series_row *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pr_series_row_done(&v[i]);
    pr_free(v);
}

static struct pr_series_row read_row(sqlite3_stmt *st)
{
    return (struct pr_series_row){.id = sqlite3_column_int64(st, 0),
        .run_id = sqlite3_column_int64(st, 1),
        .name = pr_sql_column_text(st, 2),
        .revision = sqlite3_column_int64(st, 3)};
}

enum pr_code pr_gradebook_series(struct pr_gradebook *g, int64_t run_id, struct pr_series_row **ret,
    size_t *ret_n, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    struct pr_series_row *v = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT id, run_id, name, revision FROM series WHERE ?1 IS NULL OR run_id = ?1"
        " ORDER BY run_id, name",
        "o", run_id);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row)
        PR_PUSH(v, n, cap, read_row(st));
    if (code) {
        pr_series_rows_free(v, n);
        return code;
    }
    *ret = v;
    *ret_n = n;
    return PR_OK;
}

enum pr_code pr_gradebook_series_row(
    struct pr_gradebook *g, int64_t id, struct pr_series_row *ret, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row;
    enum pr_code code = pr_sql_query(
        g, &st, e, "SELECT id, run_id, name, revision FROM series WHERE id = ?", "i", id);
    if (code || (code = pr_sql_step(g, st, &row, e)))
        return code;
    if (!row)
        return pr_fail(e, PR_E_NOT_FOUND, "there is no curve %lld", (long long)id);
    *ret = read_row(st);
    pr_sql_done(st);
    return PR_OK;
}

static double value_of(sqlite3_stmt *st, int column)
{
    double x =
        sqlite3_column_type(st, column) == SQLITE_NULL ? NAN : sqlite3_column_double(st, column);
    return isfinite(x) ? x : NAN;
}

enum pr_code pr_gradebook_points(struct pr_gradebook *g, int64_t series, int64_t after,
    size_t limit, struct pr_point **ret, size_t *ret_n, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    struct pr_point *v = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT step, value FROM points WHERE series = ? AND step > ? ORDER BY step LIMIT ?", "iii",
        series, after, limit ? (int64_t)limit : (int64_t)-1);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_point p = {sqlite3_column_int64(st, 0), value_of(st, 1)};
        PR_PUSH(v, n, cap, p);
    }
    if (code) {
        pr_free(v);
        return code;
    }
    *ret = v;
    *ret_n = n;
    return PR_OK;
}

enum pr_code pr_gradebook_count_points(struct pr_gradebook *g, int64_t series, int64_t after,
    int64_t *ret_n, int64_t *ret_first, int64_t *ret_last, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT count(*), min(step), max(step) FROM points WHERE series = ? AND step > ?", "ii",
        series, after);
    if (code || (code = pr_sql_step(g, st, &row, e)))
        return code;
    *ret_n = sqlite3_column_int64(st, 0);
    *ret_first = sqlite3_column_int64(st, 1);
    *ret_last = sqlite3_column_int64(st, 2);
    pr_sql_done(st);
    return PR_OK;
}
