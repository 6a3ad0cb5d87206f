/* Orders. */
#include "gradebook/sqlite.h"

static void order_done(struct pr_order_row *r)
{
    pr_free(r->asked_by);
    pr_free(r->state);
    pr_free(r->reason);
}

void pr_order_rows_free(struct pr_order_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        order_done(&rows[i]);
    pr_free(rows);
}

enum pr_code pr_gradebook_put_order(
    struct pr_gradebook *g, struct pr_order_row *r, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e,
        "INSERT INTO orders(id, checkpoint, suite, asked_by, priority, state, reason, asked_ms,"
        " ended_ms, examples, tokens_scored, tokens_generated, tokens_prefilled, tokens_shared,"
        " seconds) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT(id) DO UPDATE SET checkpoint = excluded.checkpoint, suite = excluded.suite,"
        " asked_by = excluded.asked_by, priority = excluded.priority, state = excluded.state,"
        " reason = excluded.reason, asked_ms = excluded.asked_ms, ended_ms = excluded.ended_ms,"
        " examples = excluded.examples, tokens_scored = excluded.tokens_scored,"
        " tokens_generated = excluded.tokens_generated,"
        " tokens_prefilled = excluded.tokens_prefilled, tokens_shared = excluded.tokens_shared,"
        " seconds = excluded.seconds",
        "ooosissioiiiiid", r->id, r->checkpoint, r->suite, r->asked_by, (int64_t)r->priority,
        r->state, r->reason, r->asked_ms, r->ended_ms, (int64_t)r->examples,
        (int64_t)r->tokens_scored, (int64_t)r->tokens_generated, (int64_t)r->tokens_prefilled,
        (int64_t)r->tokens_shared, r->seconds);
    if (!code && !r->id)
        r->id = sqlite3_last_insert_rowid(g->db);
    return code;
}

enum pr_code pr_gradebook_close_orders(
    struct pr_gradebook *g, const char *reason, int64_t now_ms, struct pr_error *e)
{
    return pr_sql_run(g, e,
        "UPDATE orders SET state = 'cancelled', reason = ?, ended_ms = ? WHERE ended_ms IS NULL",
        "si", reason, now_ms);
}

static uint64_t column_count(sqlite3_stmt *st, int column)
{
    return (uint64_t)sqlite3_column_int64(st, column);
}

enum pr_code pr_gradebook_orders(struct pr_gradebook *g, bool open_only, size_t limit,
    struct pr_order_row **ret, size_t *ret_n, struct pr_error *e)
{
#define ORDER_COLUMNS                                                                              \
    "SELECT id, checkpoint, suite, asked_by, priority, state, reason, asked_ms, ended_ms,"         \
    " examples, tokens_scored, tokens_generated, tokens_prefilled, tokens_shared, seconds"         \
    " FROM orders"
    static const char all[] = ORDER_COLUMNS " ORDER BY id DESC LIMIT ?";
    static const char open[] = ORDER_COLUMNS " WHERE ended_ms IS NULL ORDER BY id DESC LIMIT ?";
    sqlite3_stmt *st = NULL;
    struct pr_order_row *rows = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code =
        pr_sql_query(g, &st, e, open_only ? open : all, "i", limit ? (int64_t)limit : (int64_t)-1);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_order_row r = {.id = sqlite3_column_int64(st, 0),
            .checkpoint = sqlite3_column_int64(st, 1),
            .suite = sqlite3_column_int64(st, 2),
            .asked_by = pr_sql_column_text(st, 3),
            .priority = sqlite3_column_int(st, 4),
            .state = pr_sql_column_text(st, 5),
            .reason = pr_sql_column_text(st, 6),
            .asked_ms = sqlite3_column_int64(st, 7),
            .ended_ms = sqlite3_column_int64(st, 8),
            .examples = column_count(st, 9),
            .tokens_scored = column_count(st, 10),
            .tokens_generated = column_count(st, 11),
            .tokens_prefilled = column_count(st, 12),
            .tokens_shared = column_count(st, 13),
            .seconds = sqlite3_column_double(st, 14)};
        PR_PUSH(rows, n, cap, r);
    }
    if (code) {
        pr_order_rows_free(rows, n);
        return code;
    }
    *ret = rows;
    *ret_n = n;
    return PR_OK;
}
