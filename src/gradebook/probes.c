/* Probes of the curriculum optimizer: one row each, those that failed included. */
#include <math.h>

#include "gradebook/sqlite.h"

static void probe_done(struct pr_probe_row *p)
{
    pr_free(p->question);
    pr_free(p->arm);
    pr_free(p->reason);
    json_decref(p->result);
}

void pr_probe_rows_free(struct pr_probe_row *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        probe_done(&v[i]);
    pr_free(v);
}

enum pr_code pr_gradebook_put_probe(
    struct pr_gradebook *g, const struct pr_probe_row *p, int64_t *ret_id, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e,
        "INSERT INTO probes(question, checkpoint, arm, seed, reason, n, loss, accuracy, result,"
        " at_ms, seconds) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "sisisiddjid", p->question, p->checkpoint, p->arm, p->seed, p->reason, p->n, p->loss,
        p->accuracy, p->result, p->at_ms, p->seconds);
    if (!code && ret_id)
        *ret_id = sqlite3_last_insert_rowid(g->db);
    return code;
}

/* NULL is NaN: unknown. */
static double column_real(sqlite3_stmt *st, int column)
{
    return sqlite3_column_type(st, column) == SQLITE_NULL ? NAN : sqlite3_column_double(st, column);
}

static enum pr_code read_row(sqlite3_stmt *st, struct pr_probe_row *ret, struct pr_error *e)
{
    struct pr_probe_row p = {.id = sqlite3_column_int64(st, 0),
        .checkpoint = sqlite3_column_int64(st, 2),
        .seed = sqlite3_column_int64(st, 4),
        .n = sqlite3_column_int64(st, 6),
        .loss = column_real(st, 7),
        .accuracy = column_real(st, 8),
        .at_ms = sqlite3_column_int64(st, 10),
        .seconds = column_real(st, 11)};
    enum pr_code code = pr_sql_column_json(st, 9, &p.result, e);
    if (code)
        return code;
    p.question = pr_sql_column_text(st, 1);
    p.arm = pr_sql_column_text(st, 3);
    p.reason = pr_sql_column_text(st, 5);
    *ret = p;
    return PR_OK;
}

/* The newest so many were read first. */
static void turn_around(struct pr_probe_row *v, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct pr_probe_row x = v[i];
        v[i] = v[n - 1 - i];
        v[n - 1 - i] = x;
    }
}

enum pr_code pr_gradebook_probes(struct pr_gradebook *g, const char *question, size_t limit,
    struct pr_probe_row **ret, size_t *ret_n, struct pr_error *e)
{
#define PROBE_COLUMNS                                                                              \
    "SELECT id, question, checkpoint, arm, seed, reason, n, loss, accuracy, result, at_ms,"        \
    " seconds FROM probes"
    static const char all[] = PROBE_COLUMNS " ORDER BY id DESC LIMIT ?2";
    static const char of_one[] = PROBE_COLUMNS " WHERE question = ?1 ORDER BY id DESC LIMIT ?2";
    sqlite3_stmt *st = NULL;
    struct pr_probe_row *v = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(
        g, &st, e, question ? of_one : all, "si", question, limit ? (int64_t)limit : (int64_t)-1);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_probe_row p = {0};
        if ((code = read_row(st, &p, e))) {
            pr_sql_done(st);
            break;
        }
        PR_PUSH(v, n, cap, p);
    }
    if (code) {
        pr_probe_rows_free(v, n);
        return code;
    }
    turn_around(v, n);
    *ret = v;
    *ret_n = n;
    return PR_OK;
}
