/* Findings, decisions, alerts. */
#include <string.h>

#include "gradebook/actions.h"
#include "gradebook/sqlite.h"

static enum pr_code put_finding(struct pr_gradebook *g, const char *system, const json_t *document,
    int64_t now_ms, struct pr_error *e)
{
    int64_t day = now_ms / PR_GRADEBOOK_DAY_MS;
    enum pr_code code =
        pr_sql_run(g, e, "DELETE FROM findings WHERE system = ? AND day = ?", "si", system, day);
    return code ? code
                : pr_sql_run(g, e,
                      "INSERT INTO findings(system, day, at_ms, document) VALUES(?, ?, ?, ?)",
                      "siij", system, day, now_ms, document);
}

enum pr_code pr_gradebook_put_finding(struct pr_gradebook *g, const char *system,
    const json_t *document, int64_t now_ms, struct pr_error *e)
{
    bool own;
    enum pr_code code = pr_sql_enter(g, &own, e);
    if (code)
        return code;
    code = put_finding(g, system, document, now_ms, e);
    return pr_sql_leave(g, own, code, e);
}

/* The newest by arrival: a clock may go backwards. */
enum pr_code pr_gradebook_finding(
    struct pr_gradebook *g, const char *system, json_t **ret, int64_t *ret_ms, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row;
    json_t *document = NULL;
    int64_t at_ms = 0;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT document, at_ms FROM findings WHERE id ="
        " (SELECT max(id) FROM findings WHERE system = ?)",
        "s", system);
    if (code || (code = pr_sql_step(g, st, &row, e)))
        return code;
    if (row) {
        code = pr_sql_column_json(st, 0, &document, e);
        at_ms = sqlite3_column_int64(st, 1);
        pr_sql_done(st);
    }
    if (code)
        return code;
    *ret = document;
    if (ret_ms)
        *ret_ms = at_ms;
    return PR_OK;
}

void pr_decision_done(struct pr_decision *d)
{
    pr_free(d->system);
    pr_free(d->kind);
    pr_free(d->verdict);
    json_decref(d->evidence);
    *d = (struct pr_decision){0};
}

void pr_decisions_free(struct pr_decision *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pr_decision_done(&v[i]);
    pr_free(v);
}

enum pr_code pr_gradebook_put_decision(
    struct pr_gradebook *g, const struct pr_decision *d, struct pr_error *e)
{
    json_t *none = d->evidence ? NULL : json_object();
    enum pr_code code = pr_sql_run(g, e,
        "INSERT INTO decisions(system, kind, checkpoint, suite, verdict, against, evidence, at_ms)"
        " VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
        "ssoosoji", d->system, d->kind, d->checkpoint, d->suite, d->verdict, d->against,
        d->evidence ? d->evidence : none, d->at_ms);
    json_decref(none);
    return code;
}

#define DECISION_COLUMNS                                                                           \
    "SELECT id, system, kind, checkpoint, suite, verdict, against, evidence, at_ms"                \
    " FROM decisions d WHERE "
#define DECISION_FILTER                                                                            \
    "(?2 IS NULL OR system = ?2) AND (?3 IS NULL OR kind = ?3)"                                    \
    " AND (?4 IS NULL OR suite = ?4) AND (NOT ?5 OR NOT EXISTS (SELECT 1 FROM decisions l"         \
    " WHERE l.system = d.system AND l.kind = d.kind AND l.checkpoint IS d.checkpoint"              \
    " AND l.suite IS d.suite AND l.id > d.id)) ORDER BY id DESC LIMIT ?6"

static void turn_around(struct pr_decision *v, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        struct pr_decision x = v[i];
        v[i] = v[n - 1 - i];
        v[n - 1 - i] = x;
    }
}

/* With a limit the newest so many, oldest first as always. */
enum pr_code pr_gradebook_decisions(struct pr_gradebook *g, const struct pr_decision_filter *f,
    struct pr_decision **ret, size_t *ret_n, struct pr_error *e)
{
    static const char of_one[] = DECISION_COLUMNS "checkpoint = ?1 AND " DECISION_FILTER;
    static const char against_one[] = DECISION_COLUMNS "against = ?1 AND " DECISION_FILTER;
    static const char of_system[] =
        DECISION_COLUMNS "?1 IS NULL AND system = ?2 AND " DECISION_FILTER;
    static const char of_all[] = DECISION_COLUMNS "?1 IS NULL AND " DECISION_FILTER;
    sqlite3_stmt *st = NULL;
    struct pr_decision *v = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(g, &st, e,
        f->checkpoint ? of_one
        : f->against  ? against_one
        : f->system   ? of_system
                      : of_all,
        "ossoii", f->checkpoint ? f->checkpoint : f->against, f->system, f->kind, f->suite,
        (int64_t)f->present_only, f->limit ? (int64_t)f->limit : (int64_t)-1);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_decision d = {.id = sqlite3_column_int64(st, 0),
            .checkpoint = sqlite3_column_int64(st, 3),
            .suite = sqlite3_column_int64(st, 4),
            .against = sqlite3_column_int64(st, 6),
            .at_ms = sqlite3_column_int64(st, 8)};
        if ((code = pr_sql_column_json(st, 7, &d.evidence, e))) {
            pr_sql_done(st);
            break;
        }
        d.system = pr_sql_column_text(st, 1);
        d.kind = pr_sql_column_text(st, 2);
        d.verdict = pr_sql_column_text(st, 5);
        PR_PUSH(v, n, cap, d);
    }
    if (code) {
        pr_decisions_free(v, n);
        return code;
    }
    turn_around(v, n);
    *ret = v;
    *ret_n = n;
    return PR_OK;
}

const char *pr_alert_level_name(enum pr_alert_level l)
{
    static const char *const names[] = {"info", "warning", "critical"};
    return (size_t)l < sizeof names / sizeof *names ? names[l] : "unknown";
}

void pr_alert_done(struct pr_alert *a)
{
    pr_free(a->system);
    pr_free(a->key);
    pr_free(a->text);
    *a = (struct pr_alert){0};
}

void pr_alerts_free(struct pr_alert *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pr_alert_done(&v[i]);
    pr_free(v);
}

/* A level that rises takes an acknowledgement back. */
static enum pr_code raise_alert(
    struct pr_gradebook *g, const struct pr_alert *a, bool *ret_new, struct pr_error *e)
{
    int64_t level;
    enum pr_code code = pr_sql_int(g, -1, &level, e,
        "SELECT level FROM alerts WHERE system = ? AND key = ? AND cleared_ms IS NULL", "ss",
        a->system, a->key);
    if (code)
        return code;
    *ret_new = (int64_t)a->level > level;
    if (level < 0)
        return pr_sql_run(g, e,
            "INSERT INTO alerts(system, key, checkpoint, level, text, raised_ms)"
            " VALUES(?, ?, ?, ?, ?, ?)",
            "ssoisi", a->system, a->key, a->checkpoint, (int64_t)a->level, a->text, a->raised_ms);
    return pr_sql_run(g, e,
        "UPDATE alerts SET checkpoint = ?, acknowledged_ms = iif(level < ?2, NULL,"
        " acknowledged_ms), level = ?2, text = ?"
        " WHERE system = ? AND key = ? AND cleared_ms IS NULL",
        "oisss", a->checkpoint, (int64_t)a->level, a->text, a->system, a->key);
}

enum pr_code pr_gradebook_raise(struct pr_gradebook *g, const char *system, const char *key,
    int64_t checkpoint, enum pr_alert_level level, const char *text, int64_t now_ms, bool *ret_new,
    struct pr_error *e)
{
    struct pr_alert a = {.system = (char *)(uintptr_t)system,
        .key = (char *)(uintptr_t)key,
        .checkpoint = checkpoint,
        .level = level,
        .text = (char *)(uintptr_t)text,
        .raised_ms = now_ms};
    bool own, is_new = false;
    enum pr_code code = pr_sql_enter(g, &own, e);
    if (code)
        return code;
    code = raise_alert(g, &a, &is_new, e);
    if (!(code = pr_sql_leave(g, own, code, e)) && ret_new)
        *ret_new = is_new;
    return code;
}

enum pr_code pr_gradebook_clear(
    struct pr_gradebook *g, const char *system, const char *key, int64_t now_ms, struct pr_error *e)
{
    return pr_sql_run(g, e,
        "UPDATE alerts SET cleared_ms = ? WHERE system = ? AND key = ? AND cleared_ms IS NULL",
        "iss", now_ms, system, key);
}

enum pr_code pr_gradebook_acknowledge(
    struct pr_gradebook *g, int64_t alert, int64_t now_ms, struct pr_error *e)
{
    enum pr_code code =
        pr_sql_run(g, e, "UPDATE alerts SET acknowledged_ms = ? WHERE id = ?", "ii", now_ms, alert);
    if (!code && !sqlite3_changes(g->db))
        code = pr_fail(e, PR_E_NOT_FOUND, "there is no alert %lld", (long long)alert);
    return code;
}

static struct pr_alert read_alert(sqlite3_stmt *st)
{
    int64_t level = sqlite3_column_int64(st, 4);
    return (struct pr_alert){.id = sqlite3_column_int64(st, 0),
        .system = pr_sql_column_text(st, 1),
        .key = pr_sql_column_text(st, 2),
        .checkpoint = sqlite3_column_int64(st, 3),
        .level = level >= PR_ALERT_INFO && level <= PR_ALERT_CRITICAL ? (enum pr_alert_level)level
                                                                      : PR_ALERT_CRITICAL,
        .text = pr_sql_column_text(st, 5),
        .raised_ms = sqlite3_column_int64(st, 6),
        .cleared_ms = sqlite3_column_int64(st, 7),
        .acknowledged_ms = sqlite3_column_int64(st, 8)};
}

#define ALERT_COLUMNS                                                                              \
    "SELECT id, system, key, checkpoint, level, text, raised_ms, cleared_ms, acknowledged_ms"      \
    " FROM alerts"

enum pr_code pr_gradebook_alerts_before(struct pr_gradebook *g, bool open_only, int64_t before,
    size_t limit, struct pr_alert **ret, size_t *ret_n, struct pr_error *e)
{
    static const char all[] = ALERT_COLUMNS " WHERE id < ? ORDER BY id DESC LIMIT ?";
    static const char open[] =
        ALERT_COLUMNS " WHERE cleared_ms IS NULL AND id < ? ORDER BY id DESC LIMIT ?";
    sqlite3_stmt *st = NULL;
    struct pr_alert *v = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(g, &st, e, open_only ? open : all, "ii",
        before ? before : INT64_MAX, limit ? (int64_t)limit : (int64_t)-1);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_alert a = read_alert(st);
        PR_PUSH(v, n, cap, a);
    }
    if (code) {
        pr_alerts_free(v, n);
        return code;
    }
    *ret = v;
    *ret_n = n;
    return PR_OK;
}

enum pr_code pr_gradebook_alerts(struct pr_gradebook *g, bool open_only, size_t limit,
    struct pr_alert **ret, size_t *ret_n, struct pr_error *e)
{
    return pr_gradebook_alerts_before(g, open_only, 0, limit, ret, ret_n, e);
}

enum pr_code pr_gradebook_alert(
    struct pr_gradebook *g, int64_t id, struct pr_alert *ret, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row;
    enum pr_code code = pr_sql_query(g, &st, e, ALERT_COLUMNS " WHERE id = ?", "i", id);
    if (code || (code = pr_sql_step(g, st, &row, e)))
        return code;
    if (!row)
        return pr_fail(e, PR_E_NOT_FOUND, "there is no alert %lld", (long long)id);
    *ret = read_alert(st);
    pr_sql_done(st);
    return PR_OK;
}

enum pr_code pr_gradebook_open_alert(struct pr_gradebook *g, const char *system, const char *key,
    int64_t *ret_id, struct pr_error *e)
{
    return pr_sql_int(g, 0, ret_id, e,
        "SELECT id FROM alerts WHERE system = ? AND key = ? AND cleared_ms IS NULL", "ss", system,
        key);
}

enum pr_code pr_gradebook_count_open_alerts(struct pr_gradebook *g, size_t *ret, struct pr_error *e)
{
    int64_t n = 0;
    enum pr_code code =
        pr_sql_int(g, 0, &n, e, "SELECT count(*) FROM alerts WHERE cleared_ms IS NULL", "");
    if (!code)
        *ret = (size_t)n;
    return code;
}
