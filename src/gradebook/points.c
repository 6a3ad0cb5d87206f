/* Curves of a training: what its checkpoints' logs say, and after the last of them what was seen
 * live.
 *
 * A reader that keeps a curve reads on from the step it has as long as `revision` stays; where
 * points that were there changed or went, it rises. */
#include <math.h>

#include "gradebook/sqlite.h"

static enum pr_code series_of(
    struct pr_gradebook *g, int64_t run_id, const char *name, int64_t *ret, struct pr_error *e)
{
    static const char find[] = "SELECT id FROM series WHERE run_id = ? AND name = ?";
    enum pr_code code = pr_sql_int(g, 0, ret, e, find, "is", run_id, name);
    if (code || *ret)
        return code;
    code = pr_sql_run(g, e, "INSERT INTO series(run_id, name) VALUES(?, ?)", "is", run_id, name);
    *ret = sqlite3_last_insert_rowid(g->db);
    return code;
}

enum pr_code pr_gradebook_logged(
    struct pr_gradebook *g, int64_t run_id, const char *name, int64_t *ret, struct pr_error *e)
{
    return pr_sql_int(g, -1, ret, e, "SELECT logged FROM series WHERE run_id = ? AND name = ?",
        "is", run_id, name);
}

static enum pr_code put(
    struct pr_gradebook *g, int64_t series, const struct pr_point *p, struct pr_error *e)
{
    return pr_sql_run(g, e,
        "INSERT INTO points(series, step, value) VALUES(?1, ?2, ?3)"
        " ON CONFLICT DO UPDATE SET value = ?3",
        "iid", series, p->step, isfinite(p->value) ? p->value : NAN);
}

/* Points of a series after `from` up to `to` go; readers are told when there were any. */
static enum pr_code drop(
    struct pr_gradebook *g, int64_t series, int64_t from, int64_t to, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e,
        "DELETE FROM points WHERE series = ? AND step > ? AND step <= ?", "iii", series, from, to);
    if (!code && sqlite3_changes(g->db))
        code =
            pr_sql_run(g, e, "UPDATE series SET revision = revision + 1 WHERE id = ?", "i", series);
    return code;
}

/* It is known up to the last point that was logged, not up to the checkpoint: one of another step
 * than its log's last (a trainer that logs now and then, a copy) says nothing of the steps between.
 */
static enum pr_code log_points(struct pr_gradebook *g, int64_t series, int64_t logged,
    const struct pr_point *v, size_t n, int64_t to, struct pr_error *e)
{
    int64_t end = logged;
    for (size_t i = 0; i < n; i++)
        if (v[i].step <= to && v[i].step > end)
            end = v[i].step;
    if (end == logged)
        return PR_OK;
    enum pr_code code = drop(g, series, logged, end, e);
    for (size_t i = 0; i < n && !code; i++)
        if (v[i].step > logged && v[i].step <= end)
            code = put(g, series, &v[i], e);
    if (!code)
        code = pr_sql_run(g, e, "UPDATE series SET logged = ? WHERE id = ?", "ii", end, series);
    return code;
}

enum pr_code pr_gradebook_log_points(struct pr_gradebook *g, int64_t run_id, const char *name,
    const struct pr_point *v, size_t n, int64_t to, struct pr_error *e)
{
    int64_t series = 0, logged = -1;
    bool own;
    if (!n) { /* a curve that nobody ever logged is none */
        enum pr_code found = pr_sql_int(g, 0, &series, e,
            "SELECT id FROM series WHERE run_id = ? AND name = ?", "is", run_id, name);
        if (found || !series)
            return found;
    }
    enum pr_code code = pr_sql_enter(g, &own, e);
    if (code)
        return code;
    if (!(code = series_of(g, run_id, name, &series, e)) &&
        !(code = pr_gradebook_logged(g, run_id, name, &logged, e)))
        code = log_points(g, series, logged, v, n, to, e);
    return pr_sql_leave(g, own, code, e);
}

enum pr_code pr_gradebook_live_point(struct pr_gradebook *g, int64_t run_id, const char *name,
    const struct pr_point *p, struct pr_error *e)
{
    int64_t series = 0, logged = -1;
    bool own;
    enum pr_code code = pr_gradebook_logged(g, run_id, name, &logged, e);
    if (code || p->step <= logged) /* the log knows better */
        return code;
    if ((code = pr_sql_enter(g, &own, e)))
        return code;
    if (!(code = series_of(g, run_id, name, &series, e)) &&
        !(code = drop(g, series, p->step - 1, INT64_MAX, e)))
        code = put(g, series, p, e);
    return pr_sql_leave(g, own, code, e);
}

static enum pr_code adopt_one(struct pr_gradebook *g, int64_t from, int64_t run_id,
    const char *name, int64_t step, struct pr_error *e)
{
    int64_t series = 0;
    enum pr_code code = series_of(g, run_id, name, &series, e);
    if (!code)
        code = pr_sql_run(g, e,
            "INSERT OR IGNORE INTO points SELECT ?, step, value FROM points"
            " WHERE series = ? AND step > ?",
            "iii", series, from, step);
    return code;
}

/* The names of the curves without a run, at most so many. */
#define MAX_CURVES 32

static enum pr_code adopt(struct pr_gradebook *g, int64_t run_id, int64_t step, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    struct {
        int64_t id;
        char name[64];
    } v[MAX_CURVES];
    size_t n = 0;
    bool row = true;
    enum pr_code code =
        pr_sql_query(g, &st, e, "SELECT id, name FROM series WHERE run_id = 0 LIMIT 32", "");
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        v[n].id = sqlite3_column_int64(st, 0);
        pr_sql_column_copy(st, 1, v[n++].name, sizeof v[0].name);
    }
    for (size_t i = 0; i < n && !code; i++) {
        if (run_id)
            code = adopt_one(g, v[i].id, run_id, v[i].name, step, e);
        if (!code)
            code = drop(g, v[i].id, INT64_MIN, INT64_MAX, e);
    }
    return code;
}

enum pr_code pr_gradebook_adopt_points(
    struct pr_gradebook *g, int64_t run_id, int64_t step, struct pr_error *e)
{
    bool own;
    enum pr_code code = pr_sql_enter(g, &own, e);
    if (code)
        return code;
    return pr_sql_leave(g, own, adopt(g, run_id, step, e), e);
}

enum pr_code pr_gradebook_live_run(
    struct pr_gradebook *g, int64_t step, int64_t *ret, struct pr_error *e)
{
    static const char sql[] =
        "SELECT iif(max(c.step) <= ?, c.run_id, 0) FROM checkpoints c JOIN runs r"
        " ON r.id = c.run_id WHERE NOT c.reference GROUP BY c.run_id"
        " ORDER BY r.last_ms DESC, r.id DESC LIMIT 1";
    return pr_sql_int(g, 0, ret, e, sql, "i", step);
}
