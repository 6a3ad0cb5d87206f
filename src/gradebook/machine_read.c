/* The machine's curves as they are drawn. */
#include <math.h>
#include <string.h>

#include "gradebook/machine.h"
#include "gradebook/sqlite.h"

void pr_machine_series_free(struct pr_machine_series *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pr_free(v[i].name);
    pr_free(v);
}

enum pr_code pr_gradebook_machine_series(
    struct pr_gradebook *g, struct pr_machine_series **ret, size_t *ret_n, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    struct pr_machine_series *v = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT id, name, (SELECT count(*) FROM machine_points WHERE series = id),"
        " (SELECT min(at_ms) FROM machine_points WHERE series = id),"
        " (SELECT max(at_ms) FROM machine_points WHERE series = id)"
        " FROM machine_series ORDER BY name",
        "");
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_machine_series s = {.id = sqlite3_column_int64(st, 0),
            .name = pr_sql_column_text(st, 1),
            .n = (size_t)sqlite3_column_int64(st, 2),
            .first_ms = sqlite3_column_int64(st, 3),
            .last_ms = sqlite3_column_int64(st, 4)};
        PR_PUSH(v, n, cap, s);
    }
    if (code) {
        pr_machine_series_free(v, n);
        return code;
    }
    *ret = v;
    *ret_n = n;
    return PR_OK;
}

/* ---- decimation ---- */

struct point {
    int64_t at_ms;
    double value;
};

static void show(struct pr_machine_curve *c, struct point p)
{
    size_t n = c->n_points;
    PR_PUSH(c->at_ms, c->n_points, c->cap, p.at_ms);
    PR_PUSH(c->value, n, c->value_cap, p.value);
}

/* The column that points fall into right now. */
struct column {
    int64_t index; /* -1: none yet */
    bool any, broken;
    struct point least, greatest, end; /* end: the break behind them, where broken */
};

static void close_column(struct pr_machine_curve *c, const struct column *k)
{
    if (k->any) {
        bool least_first = k->least.at_ms <= k->greatest.at_ms;
        show(c, least_first ? k->least : k->greatest);
        if (k->least.at_ms != k->greatest.at_ms)
            show(c, least_first ? k->greatest : k->least);
    }
    if (k->index >= 0 && k->broken)
        show(c, k->end);
}

static void take(struct column *k, struct point p)
{
    k->broken = isnan(p.value);
    if (k->broken) {
        k->end = p;
    } else {
        if (!k->any || p.value < k->least.value)
            k->least = p;
        if (!k->any || p.value > k->greatest.value)
            k->greatest = p;
        k->any = true;
    }
}

struct span {
    int64_t from_ms, to_ms, n, width;
};

static int64_t column_of(const struct span *s, int64_t at_ms)
{
    double share = (double)(at_ms - s->from_ms) / ((double)(s->to_ms - s->from_ms) + 1);
    return (int64_t)(share * (double)s->width);
}

static enum pr_code read_curve(struct pr_gradebook *g, int64_t series, const struct span *s,
    struct pr_machine_curve *c, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row = true;
    struct column k = {.index = -1};
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT at_ms, value FROM machine_points WHERE series = ? AND at_ms BETWEEN ? AND ?"
        " ORDER BY at_ms",
        "iii", series, s->from_ms, s->to_ms);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct point p = {sqlite3_column_int64(st, 0),
            sqlite3_column_type(st, 1) == SQLITE_NULL ? NAN : sqlite3_column_double(st, 1)};
        if (!c->decimated) {
            show(c, p);
            continue;
        }
        int64_t index = column_of(s, p.at_ms);
        if (index != k.index) {
            close_column(c, &k);
            k = (struct column){.index = index};
        }
        take(&k, p);
    }
    if (!code)
        close_column(c, &k);
    return code;
}

static enum pr_code find(struct pr_gradebook *g, int64_t series, struct span *s,
    struct pr_machine_curve *c, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row;
    enum pr_code code =
        pr_sql_query(g, &st, e, "SELECT name FROM machine_series WHERE id = ?", "i", series);
    if (code || (code = pr_sql_step(g, st, &row, e)))
        return code;
    if (!row)
        return pr_fail(e, PR_E_NOT_FOUND, "there is no curve %lld", (long long)series);
    c->name = pr_sql_column_text(st, 0);
    pr_sql_done(st);
    if ((code = pr_sql_query(g, &st, e,
             "SELECT count(*), min(at_ms), max(at_ms) FROM machine_points"
             " WHERE series = ? AND at_ms BETWEEN ? AND ?",
             "iii", series, s->from_ms, s->to_ms)) ||
        (code = pr_sql_step(g, st, &row, e)))
        return code;
    s->n = sqlite3_column_int64(st, 0);
    if (s->n) { /* columns are of what there is */
        s->from_ms = sqlite3_column_int64(st, 1);
        s->to_ms = sqlite3_column_int64(st, 2);
    }
    pr_sql_done(st);
    return PR_OK;
}

enum pr_code pr_gradebook_machine_curve(struct pr_gradebook *g, int64_t series, int64_t from_ms,
    int64_t to_ms, int64_t width, struct pr_machine_curve *ret, struct pr_error *e)
{
    struct span s = {from_ms, to_ms, 0, width > 0 ? width : 1};
    struct pr_machine_curve c = {0};
    enum pr_code code = find(g, series, &s, &c, e);
    c.n = (size_t)s.n;
    c.decimated = s.n > 2 * s.width;
    if (!code)
        code = read_curve(g, series, &s, &c, e);
    if (code) {
        pr_machine_curve_done(&c);
        return code;
    }
    *ret = c;
    return PR_OK;
}

void pr_machine_curve_done(struct pr_machine_curve *c)
{
    pr_free(c->name);
    pr_free(c->at_ms);
    pr_free(c->value);
    *c = (struct pr_machine_curve){0};
}
