/* The machine's curves: points come every few seconds, grow old, and are thinned.
 *
 * How far a series has been thinned is kept with it (minutes_ms, tens_ms), so that each step begins
 * where the last one ended and looks at no point twice. */
#include "gradebook/machine.h"

#include <math.h>
#include <string.h>

#include "gradebook/sqlite.h"

#define BATCH 2000 /* points a step */

/* ---- putting ---- */

static enum pr_code put_value(
    struct pr_gradebook *g, int64_t at_ms, const struct pr_machine_value *v, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(
        g, e, "INSERT INTO machine_series(name) VALUES(?) ON CONFLICT DO NOTHING", "s", v->name);
    return code ? code
                : pr_sql_run(g, e,
                      "INSERT OR REPLACE INTO machine_points(series, at_ms, value)"
                      " SELECT id, ?, ? FROM machine_series WHERE name = ?",
                      "ids", at_ms, v->value, v->name);
}

static enum pr_code put_break(
    struct pr_gradebook *g, int64_t at_ms, const char *name, struct pr_error *e)
{
    return pr_sql_run(g, e,
        "INSERT OR IGNORE INTO machine_points(series, at_ms, value) SELECT id, ?, NULL"
        " FROM machine_series WHERE name = ? AND (SELECT value FROM machine_points"
        " WHERE series = id ORDER BY at_ms DESC LIMIT 1) IS NOT NULL",
        "is", at_ms, name);
}

enum pr_code pr_gradebook_put_machine(struct pr_gradebook *g, int64_t at_ms,
    const struct pr_machine_value *v, size_t n, struct pr_error *e)
{
    bool own;
    int64_t before = sqlite3_total_changes64(g->db);
    enum pr_code code = pr_sql_enter(g, &own, e);
    if (code)
        return code;
    for (size_t i = 0; i < n && !code; i++)
        code = isfinite(v[i].value) ? put_value(g, at_ms, &v[i], e)
                                    : put_break(g, at_ms, v[i].name, e);
    pr_sql_quiet(g, before);
    return pr_sql_leave(g, own, code, e);
}

enum pr_code pr_gradebook_break_machine(struct pr_gradebook *g, struct pr_error *e)
{
    bool own;
    int64_t before = sqlite3_total_changes64(g->db);
    enum pr_code code = pr_sql_enter(g, &own, e);
    if (code)
        return code;
    code = pr_sql_run(g, e,
        "INSERT OR IGNORE INTO machine_points(series, at_ms, value)"
        " SELECT series, at_ms + 1, NULL FROM machine_points p JOIN machine_series s"
        " ON p.series = s.id WHERE at_ms = (SELECT max(at_ms) FROM machine_points"
        " WHERE series = s.id) AND value IS NOT NULL",
        "");
    pr_sql_quiet(g, before);
    return pr_sql_leave(g, own, code, e);
}

/* ---- thinning ---- */

static const struct stage {
    int64_t age_ms, bucket_ms;
    const char *next, *mark; /* SQL */
} stages[] = {
    {PR_GRADEBOOK_DAY_MS, 60000,
        "SELECT id, minutes_ms FROM machine_series WHERE minutes_ms < ? ORDER BY id LIMIT 1",
        "UPDATE machine_series SET minutes_ms = ? WHERE id = ?"},
    {7LL * PR_GRADEBOOK_DAY_MS, 600000,
        "SELECT id, tens_ms FROM machine_series WHERE tens_ms < ? ORDER BY id LIMIT 1",
        "UPDATE machine_series SET tens_ms = ? WHERE id = ?"},
};

struct point {
    int64_t at_ms;
    double value; /* NaN: a break */
};

static enum pr_code read_points(struct pr_gradebook *g, int64_t series, int64_t from, int64_t to,
    struct point *ret, size_t *ret_n, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row = true;
    *ret_n = 0;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT at_ms, value FROM machine_points WHERE series = ? AND at_ms >= ? AND at_ms < ?"
        " ORDER BY at_ms LIMIT ?",
        "iiii", series, from, to, (int64_t)BATCH);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row)
        ret[(*ret_n)++] = (struct point){sqlite3_column_int64(st, 0),
            sqlite3_column_type(st, 1) == SQLITE_NULL ? NAN : sqlite3_column_double(st, 1)};
    return code;
}

static enum pr_code put_point(
    struct pr_gradebook *g, int64_t series, int64_t at_ms, double value, struct pr_error *e)
{
    return pr_sql_run(g, e, "INSERT INTO machine_points(series, at_ms, value) VALUES(?, ?, ?)",
        "iid", series, at_ms, value);
}

/* The mean of the values at the mean of their times, and the break that ends them: one within is
 * shorter than what is told apart from now on. */
static enum pr_code merge(
    struct pr_gradebook *g, int64_t series, const struct point *v, size_t n, struct pr_error *e)
{
    double sum = 0;
    int64_t k = 0, late = 0;
    enum pr_code code =
        pr_sql_run(g, e, "DELETE FROM machine_points WHERE series = ? AND at_ms BETWEEN ? AND ?",
            "iii", series, v[0].at_ms, v[n - 1].at_ms);
    for (size_t i = 0; i < n; i++)
        if (!isnan(v[i].value)) {
            sum += v[i].value;
            late += v[i].at_ms - v[0].at_ms;
            k++;
        }
    if (!code && k)
        code = put_point(g, series, v[0].at_ms + late / k, sum / (double)k, e);
    if (!code && isnan(v[n - 1].value))
        code = put_point(g, series, v[n - 1].at_ms, NAN, e);
    return code;
}

static size_t bucket_end(const struct point *v, size_t from, size_t n, int64_t bucket_ms)
{
    size_t to = from + 1;
    while (to < n && v[to].at_ms / bucket_ms == v[from].at_ms / bucket_ms)
        to++;
    return to;
}

/* Thins one series from its mark on, as far as a batch goes. */
static enum pr_code thin_series(struct pr_gradebook *g, const struct stage *s, int64_t series,
    int64_t from, int64_t until, struct pr_error *e)
{
    struct point *v = pr_alloc(BATCH * sizeof *v);
    size_t n = 0;
    int64_t mark = until;
    enum pr_code code = read_points(g, series, from, until, v, &n, e);
    for (size_t i = 0, to; i < n && !code; i = to) {
        to = bucket_end(v, i, n, s->bucket_ms);
        if (to == n && n == BATCH && i > 0) { /* the rest of it comes next time */
            mark = v[i].at_ms;
            break;
        }
        if (to - i > 1)
            code = merge(g, series, v + i, to - i, e);
        if (to == n && n == BATCH)
            mark = v[n - 1].at_ms + 1;
    }
    pr_free(v);
    return code ? code : pr_sql_run(g, e, s->mark, "ii", mark, series);
}

static enum pr_code thin(struct pr_gradebook *g, const struct stage *s, int64_t now_ms,
    bool *ret_more, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    int64_t until = (now_ms - s->age_ms) / s->bucket_ms * s->bucket_ms;
    enum pr_code code = pr_sql_query(g, &st, e, s->next, "i", until);
    if (code || (code = pr_sql_step(g, st, ret_more, e)) || !*ret_more)
        return code;
    int64_t series = sqlite3_column_int64(st, 0), from = sqlite3_column_int64(st, 1);
    pr_sql_done(st);
    return thin_series(g, s, series, from, until, e);
}

/* A series without points stays: it costs a row, and its id is a name that people may have kept. */
static enum pr_code drop(
    struct pr_gradebook *g, int64_t before_ms, bool *ret_more, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e,
        "WITH old(series, at_ms) AS (SELECT p.series, p.at_ms FROM machine_series s CROSS JOIN"
        " machine_points p ON p.series = s.id WHERE p.at_ms < ? LIMIT ?)"
        " DELETE FROM machine_points WHERE (series, at_ms) IN (SELECT series, at_ms FROM old)",
        "ii", before_ms, (int64_t)BATCH);
    *ret_more = !code && sqlite3_changes(g->db) >= BATCH;
    return code;
}

enum pr_code pr_gradebook_compact_machine(
    struct pr_gradebook *g, int64_t now_ms, int64_t days, bool *ret_more, struct pr_error *e)
{
    bool own, more = false;
    int64_t before = sqlite3_total_changes64(g->db);
    enum pr_code code = pr_sql_enter(g, &own, e);
    if (code)
        return code;
    if (days > 0 && days < now_ms / PR_GRADEBOOK_DAY_MS)
        code = drop(g, now_ms - days * PR_GRADEBOOK_DAY_MS, &more, e);
    for (size_t i = 0; i < sizeof stages / sizeof *stages && !code && !more; i++)
        code = thin(g, &stages[i], now_ms, &more, e);
    if (!code)
        *ret_more = more;
    pr_sql_quiet(g, before);
    return pr_sql_leave(g, own, code, e);
}
