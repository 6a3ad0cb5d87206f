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
    size_t limit, struct pr_curve_point **ret, size_t *ret_n, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    struct pr_curve_point *v = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT step, value FROM points WHERE series = ? AND step > ? ORDER BY step LIMIT ?", "iii",
        series, after, limit ? (int64_t)limit : (int64_t)-1);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_curve_point p = {sqlite3_column_int64(st, 0), value_of(st, 1)};
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

/* *changed: 0 the point is there already, 1 it is new and the last, 2 it is another or before the
 * last. */
static enum pr_code put_point(struct pr_gradebook *g, int64_t series,
    const struct pr_curve_point *p, int64_t *last, int *ret, struct pr_error *e)
{
    double x = isfinite(p->value) ? p->value : NAN;
    int64_t same = 0;
    *ret = 0;
    if (p->step <= *last) {
        enum pr_code code = pr_sql_int(g, 0, &same, e,
            "SELECT 1 FROM points WHERE series = ? AND step = ? AND value IS ?", "iid", series,
            p->step, x);
        if (code || same)
            return code;
    }
    *ret = p->step > *last ? 1 : 2;
    *last = p->step > *last ? p->step : *last;
    return pr_sql_run(g, e,
        "INSERT INTO points(series, step, value) VALUES(?, ?, ?) ON CONFLICT DO UPDATE"
        " SET value = excluded.value",
        "iid", series, p->step, x);
}

static enum pr_code put_points(struct pr_gradebook *g, int64_t run_id, const char *name,
    const struct pr_curve_point *v, size_t n, size_t *changed, struct pr_error *e)
{
    int64_t id, last;
    bool back = false;
    enum pr_code code = pr_sql_run(g, e,
        "INSERT INTO series(run_id, name) VALUES(?, ?) ON CONFLICT DO NOTHING", "is", run_id, name);
    if (code ||
        (code = pr_sql_int(g, 0, &id, e, "SELECT id FROM series WHERE run_id = ? AND name = ?",
             "is", run_id, name)) ||
        (code = pr_sql_int(
             g, INT64_MIN, &last, e, "SELECT max(step) FROM points WHERE series = ?", "i", id)))
        return code;
    for (size_t i = 0; i < n && !code; i++) {
        int how = 0;
        code = put_point(g, id, &v[i], &last, &how, e);
        *changed += how > 0;
        back |= how == 2;
    }
    if (!code && back)
        code = pr_sql_run(g, e, "UPDATE series SET revision = revision + 1 WHERE id = ?", "i", id);
    return code;
}

enum pr_code pr_gradebook_put_points(struct pr_gradebook *g, int64_t run_id, const char *name,
    const struct pr_curve_point *v, size_t n, size_t *ret_changed, struct pr_error *e)
{
    bool own;
    size_t changed = 0;
    enum pr_code code = pr_sql_enter(g, &own, e);
    if (code)
        return code;
    code = put_points(g, run_id, name, v, n, &changed, e);
    if (!(code = pr_sql_leave(g, own, code, e)) && ret_changed)
        *ret_changed = changed;
    return code;
}
