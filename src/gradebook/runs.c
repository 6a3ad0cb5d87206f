/* What opening a checkpoint told: its model, its settings, and to which run it belongs.
 *
 * A training that went back to an earlier checkpoint writes steps again that its run has already,
 * with another history.  From the first such step on it is a run of its own, whose parent is the
 * old one.  Checkpoints may arrive in any order and at several places, so each is put where it
 * fits: a run of the same name that knows this very (step, history), else the newest run of the
 * name that the step can belong to, or a child of it where that has the step already; and the point
 * of the fork is found again from the steps that are known by then. */
#include <string.h>

#include "gradebook/sqlite.h"

/* A run of this name that holds this step with this history (gone checkpoints count, since a
 * rewritten folder is what a fork looks like). */
static enum pr_code find_same(
    struct pr_gradebook *g, const struct pr_checkpoint_origin *o, int64_t *ret, struct pr_error *e)
{
    return pr_sql_int(g, 0, ret, e,
        "SELECT max(run_id) FROM checkpoints WHERE run = ? AND step = ? AND history = ?"
        " AND run_id IS NOT NULL",
        "sis", o->run, o->step, o->history);
}

/* The newest run of this name to which the step can belong; 0: there is no run of the name.  A step
 * before a fork belongs to the parent, unless the parent has it otherwise. */
static enum pr_code find_newest(
    struct pr_gradebook *g, const struct pr_checkpoint_origin *o, int64_t *ret, struct pr_error *e)
{
    return pr_sql_int(g, 0, ret, e,
        "SELECT max(id) FROM runs r WHERE run = ?1 AND (parent IS NULL OR ?2 > parent_step OR"
        " EXISTS (SELECT 1 FROM checkpoints c WHERE c.run_id = r.parent AND c.step = ?2))",
        "si", o->run, o->step);
}

static enum pr_code add_run(struct pr_gradebook *g, const char *run, int64_t parent,
    int64_t checkpoint, int64_t *ret, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e,
        "INSERT INTO runs(run, parent, parent_step, first_checkpoint, first_ms, last_ms)"
        " SELECT ?, ?2, iif(?2, -1, NULL), id, found_ms, found_ms FROM checkpoints WHERE id = ?3",
        "soi", run, parent, checkpoint);
    *ret = sqlite3_last_insert_rowid(g->db);
    return code;
}

/* What is known of a run after one more checkpoint came to it; and of the runs that fork off it. */
static enum pr_code refresh_run(
    struct pr_gradebook *g, int64_t run, int64_t checkpoint, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e,
        "UPDATE runs SET first_checkpoint = min(first_checkpoint, c.id),"
        " first_ms = min(first_ms, c.found_ms), last_ms = max(last_ms, c.found_ms)"
        " FROM checkpoints c WHERE c.id = ? AND runs.id = ?",
        "ii", checkpoint, run);
    return code ? code
                : pr_sql_run(g, e,
                      "UPDATE runs SET parent_step = coalesce((SELECT max(p.step)"
                      " FROM checkpoints p WHERE p.run_id = runs.parent AND p.step <"
                      " (SELECT min(c.step) FROM checkpoints c WHERE c.run_id = runs.id)), -1)"
                      " WHERE parent IS NOT NULL AND (id = ?1 OR parent = ?1)",
                      "i", run);
}

static enum pr_code place(struct pr_gradebook *g, int64_t checkpoint,
    const struct pr_checkpoint_origin *o, struct pr_error *e)
{
    int64_t run, taken = 0, parent = 0;
    enum pr_code code = find_same(g, o, &run, e);
    if (!code && !run && !(code = find_newest(g, o, &parent, e)))
        code = pr_sql_int(g, 0, &taken, e,
            "SELECT 1 FROM checkpoints WHERE run_id = ? AND step = ? LIMIT 1", "ii", parent,
            o->step);
    if (!code && !run && parent && !taken)
        run = parent;
    if (!code && !run)
        code = add_run(g, o->run, parent, checkpoint, &run, e);
    if (!code)
        code = pr_sql_run(
            g, e, "UPDATE checkpoints SET run_id = ? WHERE id = ?", "ii", run, checkpoint);
    return code ? code : refresh_run(g, run, checkpoint, e);
}

static enum pr_code put_settings(struct pr_gradebook *g, const struct pr_opened *o, int64_t model,
    int64_t now_ms, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e,
        "INSERT INTO settings(fingerprint, document) VALUES(?, ?) ON CONFLICT DO NOTHING", "sj",
        o->settings_fingerprint, o->settings);
    return code ? code
                : pr_sql_run(g, e,
                      "INSERT INTO openings(model, options, settings, at_ms)"
                      " SELECT ?, ?, id, ? FROM settings WHERE fingerprint = ?"
                      " ON CONFLICT DO UPDATE SET settings = excluded.settings,"
                      " at_ms = excluded.at_ms",
                      "isis", model, o->options, now_ms, o->settings_fingerprint);
}

static enum pr_code set_opened(struct pr_gradebook *g, int64_t checkpoint,
    const struct pr_opened *o, int64_t now_ms, struct pr_error *e)
{
    int64_t model, placed;
    enum pr_code code;
    if ((code = pr_sql_run(g, e, "INSERT INTO models(fingerprint) VALUES(?) ON CONFLICT DO NOTHING",
             "s", o->fingerprint)) ||
        (code = pr_sql_int(g, 0, &model, e, "SELECT id FROM models WHERE fingerprint = ?", "s",
             o->fingerprint)) ||
        (code = put_settings(g, o, model, now_ms, e)) ||
        (code = pr_sql_int(g, 0, &placed, e,
             "SELECT run_id FROM checkpoints WHERE id = ? AND run = ? AND step = ?"
             " AND history = ?",
             "isis", checkpoint, o->origin.run, o->origin.step, o->origin.history)))
        return code;
    code = pr_sql_run(g, e,
        "UPDATE checkpoints SET state = 'ready', reason = NULL, gone = 0, gone_reason = NULL,"
        " model = ?, step = ?, run = ?, history = ?, opened_ms = ?, weight_bytes = ?,"
        " parameters = ?, notes = ?, bad_weights = ?, run_id = ? WHERE id = ?",
        "iissiiijjoi", model, o->origin.step, o->origin.run, o->origin.history, now_ms,
        (int64_t)o->weight_bytes, (int64_t)o->parameters, o->notes, o->bad_weights, placed,
        checkpoint);
    return code || placed ? code : place(g, checkpoint, &o->origin, e);
}

enum pr_code pr_gradebook_set_opened(struct pr_gradebook *g, int64_t checkpoint,
    const struct pr_opened *o, int64_t now_ms, struct pr_error *e)
{
    bool own;
    int64_t have;
    enum pr_code code = pr_sql_enter(g, &own, e);
    if (code)
        return code;
    code = pr_sql_int(g, 0, &have, e, "SELECT id FROM checkpoints WHERE id = ?", "i", checkpoint);
    if (!code && !have)
        code = pr_fail(e, PR_E_NOT_FOUND, "%s: no checkpoint %lld", g->path, (long long)checkpoint);
    if (!code)
        code = set_opened(g, checkpoint, o, now_ms, e);
    return pr_sql_leave(g, own, code, e);
}

enum pr_code pr_gradebook_runs(
    struct pr_gradebook *g, struct pr_run_row **ret, size_t *ret_n, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    struct pr_run_row *rows = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT id, parent, run, coalesce(parent_step, -1), first_ms, last_ms FROM runs"
        " ORDER BY first_checkpoint, id",
        "");
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_run_row r = {.id = sqlite3_column_int64(st, 0),
            .parent = sqlite3_column_int64(st, 1),
            .parent_step = sqlite3_column_int64(st, 3),
            .first_ms = sqlite3_column_int64(st, 4),
            .last_ms = sqlite3_column_int64(st, 5)};
        pr_sql_column_copy(st, 2, r.run, sizeof r.run);
        PR_PUSH(rows, n, cap, r);
    }
    if (code) {
        pr_free(rows);
        return code;
    }
    *ret = rows;
    *ret_n = n;
    return PR_OK;
}
