/* What is to be said of alerts, at which channel, and how far that is. */
#include <string.h>

#include "gradebook/actions.h"
#include "gradebook/sqlite.h"

static const char *const kinds[] = {
#define PR_X(name, text) text,
    PR_DELIVERY_KINDS(PR_X)
#undef PR_X
};
static const char *const states[] = {
#define PR_X(name, text) text,
    PR_DELIVERY_STATES(PR_X)
#undef PR_X
};

const char *pr_delivery_kind_name(enum pr_delivery_kind k)
{
    return (size_t)k < sizeof kinds / sizeof *kinds ? kinds[k] : "unknown";
}

const char *pr_delivery_state_name(enum pr_delivery_state s)
{
    return (size_t)s < sizeof states / sizeof *states ? states[s] : "unknown";
}

void pr_deliveries_free(struct pr_delivery *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pr_free(v[i].channel);
        pr_free(v[i].reason);
    }
    pr_free(v);
}

static enum pr_code add(struct pr_gradebook *g, struct pr_delivery *d, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e,
        "INSERT INTO deliveries(alert, channel, kind, level, state, attempts, next_ms, made_ms,"
        " ended_ms, reason) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "ossisioios", d->alert, d->channel, pr_delivery_kind_name(d->kind), (int64_t)d->level,
        pr_delivery_state_name(d->state), d->attempts, d->next_ms, d->made_ms, d->ended_ms,
        d->reason);
    if (!code)
        d->id = sqlite3_last_insert_rowid(g->db);
    return code;
}

enum pr_code pr_gradebook_put_delivery(
    struct pr_gradebook *g, struct pr_delivery *d, struct pr_error *e)
{
    if (!d->id)
        return add(g, d, e);
    return pr_sql_run(g, e,
        "UPDATE deliveries SET state = ?, attempts = ?, next_ms = ?, ended_ms = ?, reason = ?"
        " WHERE id = ?",
        "sioosi", pr_delivery_state_name(d->state), d->attempts, d->next_ms, d->ended_ms, d->reason,
        d->id);
}

/* The place of a stored name; of one that another proctor wrote, `fallback`. */
static int place_of(sqlite3_stmt *st, int column, const char *const *names, int n, int fallback)
{
    char name[16];
    pr_sql_column_copy(st, column, name, sizeof name);
    for (int i = 0; i < n; i++)
        if (!strcmp(name, names[i]))
            return i;
    return fallback;
}

static struct pr_delivery read_delivery(sqlite3_stmt *st)
{
    int64_t level = sqlite3_column_int64(st, 4);
    return (struct pr_delivery){.id = sqlite3_column_int64(st, 0),
        .alert = sqlite3_column_int64(st, 1),
        .channel = pr_sql_column_text(st, 2),
        .kind = (enum pr_delivery_kind)place_of(
            st, 3, kinds, sizeof kinds / sizeof *kinds, PR_DELIVERY_FIRING),
        .level = level >= PR_ALERT_INFO && level <= PR_ALERT_CRITICAL ? (enum pr_alert_level)level
                                                                      : PR_ALERT_CRITICAL,
        .state = (enum pr_delivery_state)place_of(
            st, 5, states, sizeof states / sizeof *states, PR_DELIVERY_WAITING),
        .attempts = sqlite3_column_int64(st, 6),
        .next_ms = sqlite3_column_int64(st, 7),
        .made_ms = sqlite3_column_int64(st, 8),
        .ended_ms = sqlite3_column_int64(st, 9),
        .reason = pr_sql_column_text(st, 10)};
}

enum pr_code pr_gradebook_deliveries(struct pr_gradebook *g, const struct pr_delivery_filter *f,
    struct pr_delivery **ret, size_t *ret_n, struct pr_error *e)
{
#define DELIVERY_COLUMNS                                                                           \
    "SELECT id, alert, channel, kind, level, state, attempts, next_ms, made_ms, ended_ms, reason"  \
    " FROM deliveries WHERE "
#define DELIVERY_FILTER                                                                            \
    " AND (?2 IS NULL OR channel = ?2) AND (NOT ?3 OR ended_ms IS NULL)"                           \
    " AND (?4 IS NULL OR (ended_ms IS NULL AND next_ms <= ?4)) ORDER BY id LIMIT ?5"
    static const char of_alert[] = DELIVERY_COLUMNS "alert = ?1" DELIVERY_FILTER;
    static const char open[] = DELIVERY_COLUMNS "ended_ms IS NULL AND ?1 IS NULL" DELIVERY_FILTER;
    static const char all[] = DELIVERY_COLUMNS "?1 IS NULL" DELIVERY_FILTER;
    sqlite3_stmt *st = NULL;
    struct pr_delivery *v = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(g, &st, e,
        f->alert                    ? of_alert
        : f->open_only || f->due_ms ? open
                                    : all,
        "osioi", f->alert, f->channel, (int64_t)f->open_only, f->due_ms,
        f->limit ? (int64_t)f->limit : (int64_t)-1);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_delivery d = read_delivery(st);
        PR_PUSH(v, n, cap, d);
    }
    if (code) {
        pr_deliveries_free(v, n);
        return code;
    }
    *ret = v;
    *ret_n = n;
    return PR_OK;
}

enum pr_code pr_gradebook_next_delivery(
    struct pr_gradebook *g, int64_t now_ms, int64_t *ret_ms, struct pr_error *e)
{
    return pr_sql_int(g, 0, ret_ms, e,
        "SELECT min(next_ms) FROM deliveries WHERE ended_ms IS NULL AND next_ms > ?", "i", now_ms);
}

enum pr_code pr_gradebook_sent_since(struct pr_gradebook *g, const char *channel, int64_t since_ms,
    size_t *ret_n, int64_t *ret_last_ms, struct pr_error *e)
{
    int64_t n = 0;
    enum pr_code code = pr_sql_int(g, 0, &n, e,
        "SELECT count(*) FROM deliveries WHERE channel = ? AND state = 'sent' AND ended_ms > ?",
        "si", channel, since_ms);
    if (!code)
        code = pr_sql_int(g, 0, ret_last_ms, e,
            "SELECT max(ended_ms) FROM deliveries WHERE channel = ? AND state = 'sent'"
            " AND ended_ms > ?",
            "si", channel, since_ms);
    if (!code)
        *ret_n = (size_t)n;
    return code;
}
