/* Checkpoints, models and runs. */
#include <string.h>

#include "base/file.h"
#include "gradebook/sqlite.h"

static const char *const states[] = {
#define PR_X(name, text) text,
    PR_CHECKPOINT_STATES(PR_X)
#undef PR_X
};

const char *pr_checkpoint_state_name(enum pr_checkpoint_state s)
{
    return (size_t)s < sizeof states / sizeof *states ? states[s] : "unknown";
}

void pr_checkpoint_row_done(struct pr_checkpoint_row *r)
{
    pr_free(r->path);
    pr_free(r->name);
    pr_free(r->reason);
    json_decref(r->notes);
    json_decref(r->bad_weights);
    *r = (struct pr_checkpoint_row){0};
}

void pr_checkpoint_rows_free(struct pr_checkpoint_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pr_checkpoint_row_done(&rows[i]);
    pr_free(rows);
}

static enum pr_code note(struct pr_gradebook *g, const char *path, const char *identity,
    bool reference, int64_t now_ms, int64_t *ret, struct pr_error *e)
{
    char *name = pr_path_base(path);
    enum pr_code code;
    if (!(code = pr_sql_run(g, e,
              "UPDATE checkpoints SET gone = 1, gone_reason = 'its files were rewritten'"
              " WHERE path = ? AND identity <> ? AND NOT gone",
              "ss", path, identity)) &&
        !(code = pr_sql_run(g, e,
              "INSERT INTO checkpoints(path, name, identity, reference, state, found_ms)"
              " VALUES(?, ?, ?, ?, 'found', ?) ON CONFLICT DO UPDATE SET gone = 0,"
              " gone_reason = NULL, reference = excluded.reference",
              "sssii", path, name, identity, (int64_t)reference, now_ms)))
        code = pr_sql_int(g, 0, ret, e,
            "SELECT id FROM checkpoints WHERE path = ? AND identity = ?", "ss", path, identity);
    pr_free(name);
    return code;
}

enum pr_code pr_gradebook_note_checkpoint(struct pr_gradebook *g, const char *path,
    const char *identity, bool reference, int64_t now_ms, int64_t *ret_id, struct pr_error *e)
{
    bool own;
    int64_t id = 0;
    enum pr_code code = pr_sql_enter(g, &own, e);
    if (code)
        return code;
    code = note(g, path, identity, reference, now_ms, &id, e);
    if (!(code = pr_sql_leave(g, own, code, e)))
        *ret_id = id;
    return code;
}

enum pr_code pr_gradebook_set_state(struct pr_gradebook *g, int64_t checkpoint,
    enum pr_checkpoint_state state, const char *reason, struct pr_error *e)
{
    if (state == PR_CHECKPOINT_GONE)
        return pr_sql_run(g, e, "UPDATE checkpoints SET gone = 1, gone_reason = ? WHERE id = ?",
            "si", reason, checkpoint);
    return pr_sql_run(g, e,
        "UPDATE checkpoints SET state = ?, reason = ?, gone = 0, gone_reason = NULL WHERE id = ?",
        "ssi", pr_checkpoint_state_name(state), reason, checkpoint);
}

enum pr_code pr_gradebook_add_failure(
    struct pr_gradebook *g, int64_t checkpoint, const char *reason, int *ret, struct pr_error *e)
{
    int64_t failures;
    enum pr_code code =
        pr_sql_run(g, e, "UPDATE checkpoints SET failures = failures + 1, reason = ? WHERE id = ?",
            "si", reason, checkpoint);
    if (!code)
        code = pr_sql_int(
            g, 0, &failures, e, "SELECT failures FROM checkpoints WHERE id = ?", "i", checkpoint);
    if (!code)
        *ret = (int)failures;
    return code;
}

/* `gone` goes over the state that the checkpoint had, which it has again when it comes back. */
#define ROW_COLUMNS                                                                                \
    "c.id, c.path, c.name, c.identity, c.reference, iif(c.gone, 'gone', c.state),"                 \
    " iif(c.gone, coalesce(c.gone_reason, c.reason), c.reason), c.model, m.fingerprint, c.step,"   \
    " c.run, c.history, c.run_id, c.found_ms, c.opened_ms, c.weight_bytes, c.parameters,"          \
    " c.failures, c.notes, c.bad_weights"
#define ROW_TABLES                                                                                 \
    " FROM checkpoints c LEFT JOIN models m ON m.id = c.model LEFT JOIN runs r ON r.id = c.run_id"

static enum pr_checkpoint_state state_of(sqlite3_stmt *st, int column)
{
    char text[16];
    pr_sql_column_copy(st, column, text, sizeof text);
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (!strcmp(states[i], text))
            return (enum pr_checkpoint_state)i;
    return PR_CHECKPOINT_FOUND;
}

static enum pr_code read_row(sqlite3_stmt *st, struct pr_checkpoint_row *ret, struct pr_error *e)
{
    struct pr_checkpoint_row r = {.id = sqlite3_column_int64(st, 0),
        .path = pr_sql_column_text(st, 1),
        .name = pr_sql_column_text(st, 2),
        .reference = sqlite3_column_int64(st, 4) != 0,
        .state = state_of(st, 5),
        .reason = pr_sql_column_text(st, 6),
        .model = sqlite3_column_int64(st, 7),
        .step = sqlite3_column_type(st, 9) == SQLITE_NULL ? -1 : sqlite3_column_int64(st, 9),
        .run_id = sqlite3_column_int64(st, 12),
        .found_ms = sqlite3_column_int64(st, 13),
        .opened_ms = sqlite3_column_int64(st, 14),
        .weight_bytes = (uint64_t)sqlite3_column_int64(st, 15),
        .parameters = (uint64_t)sqlite3_column_int64(st, 16),
        .failures = sqlite3_column_int(st, 17)};
    pr_sql_column_copy(st, 3, r.identity, sizeof r.identity);
    pr_sql_column_copy(st, 8, r.fingerprint, sizeof r.fingerprint);
    pr_sql_column_copy(st, 10, r.run, sizeof r.run);
    pr_sql_column_copy(st, 11, r.history, sizeof r.history);
    enum pr_code code = pr_sql_column_json(st, 18, &r.notes, e);
    if (!code)
        code = pr_sql_column_json(st, 19, &r.bad_weights, e);
    if (code) {
        pr_checkpoint_row_done(&r);
        return code;
    }
    *ret = r;
    return PR_OK;
}

enum pr_code pr_gradebook_checkpoint(
    struct pr_gradebook *g, int64_t id, struct pr_checkpoint_row *ret, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row;
    enum pr_code code =
        pr_sql_query(g, &st, e, "SELECT " ROW_COLUMNS ROW_TABLES " WHERE c.id = ?", "i", id);
    if (code || (code = pr_sql_step(g, st, &row, e)))
        return code;
    if (!row)
        return pr_fail(e, PR_E_NOT_FOUND, "%s: no checkpoint %lld", g->path, (long long)id);
    code = read_row(st, ret, e);
    pr_sql_done(st);
    return code;
}

static void turn_around(struct pr_checkpoint_row *v, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct pr_checkpoint_row x = v[i];
        v[i] = v[n - 1 - i];
        v[n - 1 - i] = x;
    }
}

/* Read from the last to the first, so that the newest are the first so many. */
enum pr_code pr_gradebook_checkpoints(struct pr_gradebook *g, const struct pr_checkpoint_filter *f,
    struct pr_checkpoint_row **ret, size_t *ret_n, struct pr_error *e)
{
    static const struct pr_checkpoint_filter all;
    sqlite3_stmt *st = NULL;
    struct pr_checkpoint_row *rows = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    f = f ? f : &all;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT " ROW_COLUMNS ROW_TABLES
        " WHERE (?1 OR NOT c.gone) AND (?2 IS NULL OR c.run_id = ?2)"
        " AND (?3 IS NULL OR c.name = ?3 OR c.path = ?3) AND NOT (?4 > 0 AND c.reference)"
        " ORDER BY c.reference DESC, c.run_id IS NULL DESC, r.first_checkpoint DESC,"
        " c.run_id DESC, c.step DESC, c.id DESC LIMIT iif(?4 > 0, ?4, -1)",
        "iosi", (int64_t)f->gone, f->run_id, f->name, (int64_t)f->newest);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_checkpoint_row r;
        if ((code = read_row(st, &r, e))) {
            pr_sql_done(st);
            break;
        }
        PR_PUSH(rows, n, cap, r);
    }
    if (code) {
        pr_checkpoint_rows_free(rows, n);
        return code;
    }
    turn_around(rows, n);
    *ret = rows;
    *ret_n = n;
    return PR_OK;
}
