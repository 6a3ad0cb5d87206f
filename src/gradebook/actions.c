/* Pins, and the audit of what people asked for. */
#include "gradebook/actions.h"

#include "gradebook/sqlite.h"

/* ---- pins ---- */

void pr_pins_free(struct pr_pin *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pr_free(v[i].who);
    pr_free(v);
}

enum pr_code pr_gradebook_pin(
    struct pr_gradebook *g, int64_t checkpoint, const char *who, int64_t now_ms, struct pr_error *e)
{
    int64_t known = 0;
    enum pr_code code =
        pr_sql_int(g, 0, &known, e, "SELECT id FROM checkpoints WHERE id = ?", "i", checkpoint);
    if (code)
        return code;
    if (!known)
        return pr_fail(e, PR_E_NOT_FOUND, "there is no checkpoint %lld", (long long)checkpoint);
    return pr_sql_run(g, e,
        "INSERT INTO pins(checkpoint, at_ms, who) VALUES(?, ?, ?) ON CONFLICT DO NOTHING", "iis",
        checkpoint, now_ms, who);
}

enum pr_code pr_gradebook_unpin(struct pr_gradebook *g, int64_t checkpoint, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e, "DELETE FROM pins WHERE checkpoint = ?", "i", checkpoint);
    if (!code && !sqlite3_changes(g->db))
        code = pr_fail(e, PR_E_NOT_FOUND, "checkpoint %lld is not pinned", (long long)checkpoint);
    return code;
}

enum pr_code pr_gradebook_pins(
    struct pr_gradebook *g, struct pr_pin **ret, size_t *ret_n, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    struct pr_pin *v = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code =
        pr_sql_query(g, &st, e, "SELECT checkpoint, at_ms, who FROM pins ORDER BY checkpoint", "");
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_pin p = {.checkpoint = sqlite3_column_int64(st, 0),
            .at_ms = sqlite3_column_int64(st, 1),
            .who = pr_sql_column_text(st, 2)};
        PR_PUSH(v, n, cap, p);
    }
    if (code) {
        pr_pins_free(v, n);
        return code;
    }
    *ret = v;
    *ret_n = n;
    return PR_OK;
}

/* ---- the audit ---- */

void pr_action_rows_free(struct pr_action_row *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pr_free(v[i].who);
        pr_free(v[i].origin);
        pr_free(v[i].action);
        pr_free(v[i].target);
        pr_free(v[i].outcome);
        pr_free(v[i].reason);
    }
    pr_free(v);
}

enum pr_code pr_gradebook_put_action(
    struct pr_gradebook *g, const struct pr_action_row *a, int64_t *ret_id, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e,
        "INSERT INTO actions(at_ms, who, origin, action, target, outcome, reason)"
        " VALUES(?, ?, ?, ?, ?, ?, ?)",
        "issssss", a->at_ms, a->who, a->origin, a->action, a->target, a->outcome, a->reason);
    if (!code && ret_id)
        *ret_id = sqlite3_last_insert_rowid(g->db);
    return code;
}

enum pr_code pr_gradebook_actions(struct pr_gradebook *g, int64_t before, size_t limit,
    struct pr_action_row **ret, size_t *ret_n, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    struct pr_action_row *v = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT id, at_ms, who, origin, action, target, outcome, reason FROM actions WHERE id < ?"
        " ORDER BY id DESC LIMIT ?",
        "ii", before ? before : INT64_MAX, limit ? (int64_t)limit : (int64_t)-1);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_action_row a = {.id = sqlite3_column_int64(st, 0),
            .at_ms = sqlite3_column_int64(st, 1),
            .who = pr_sql_column_text(st, 2),
            .origin = pr_sql_column_text(st, 3),
            .action = pr_sql_column_text(st, 4),
            .target = pr_sql_column_text(st, 5),
            .outcome = pr_sql_column_text(st, 6),
            .reason = pr_sql_column_text(st, 7)};
        PR_PUSH(v, n, cap, a);
    }
    if (code) {
        pr_action_rows_free(v, n);
        return code;
    }
    *ret = v;
    *ret_n = n;
    return PR_OK;
}
