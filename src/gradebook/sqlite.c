/* The wrapper over SQLite. */
#include "gradebook/sqlite.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "base/str.h"

#define MAX_JSON ((size_t)1 << 29)

/* What SQLite's primary codes mean to a caller. */
static const struct meaning {
    int rc;
    enum pr_code code;
    int sys_errno;
    const char *remedy;
} meanings[] = {
    {SQLITE_FULL, PR_E_IO, ENOSPC, "the disk is full: make room, nothing that was stored is lost"},
    {SQLITE_IOERR, PR_E_IO, EIO, "the disk reports an error: look into the kernel's log"},
    {SQLITE_CORRUPT, PR_E_FORMAT, 0,
        "it is damaged: move it and its -wal file aside (then everything is graded anew), or save "
        "what is readable with: sqlite3 proctor.db .recover"},
    {SQLITE_NOTADB, PR_E_FORMAT, 0,
        "it is damaged or something else: move it aside, then everything is graded anew"},
    {SQLITE_BUSY, PR_E_IO, EBUSY, "another process holds it"},
    {SQLITE_LOCKED, PR_E_IO, EBUSY, NULL},
    {SQLITE_CANTOPEN, PR_E_IO, EACCES, "look at the permissions of the file and its folder"},
    {SQLITE_PERM, PR_E_IO, EACCES, "look at the permissions of the file and its folder"},
    {SQLITE_READONLY, PR_E_IO, EROFS, "the file or its folder cannot be written"},
    {SQLITE_NOMEM, PR_E_MEMORY, 0, NULL},
    {SQLITE_TOOBIG, PR_E_LIMIT, 0, NULL},
    {SQLITE_CONSTRAINT, PR_E_USAGE, 0, NULL},
    {SQLITE_INTERRUPT, PR_E_CANCELLED, 0, NULL},
};

static bool means_full(int err)
{
    return err == ENOSPC || err == EDQUOT || err == EFBIG;
}

enum pr_code pr_sql_fail(struct pr_gradebook *g, int rc, const char *doing, struct pr_error *e)
{
    /* SQLite keeps no errno of a commit that failed; then the last one is its. */
    int last = errno, err = sqlite3_system_errno(g->db);
    struct meaning m = {.code = PR_E_FORMAT};
    err = err ? err : last;
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++)
        if (meanings[i].rc == (rc & 0xff))
            m = meanings[i];
    /* A sync that failed is final whatever its errno: what is on the disk is not known. */
    bool sync = rc == SQLITE_IOERR_FSYNC || rc == SQLITE_IOERR_DIR_FSYNC;
    if (m.rc == SQLITE_IOERR && !sync && means_full(err))
        m = meanings[0];
    else if (m.rc == SQLITE_IOERR && rc == SQLITE_IOERR_NOMEM)
        m = (struct meaning){.code = PR_E_MEMORY};
    else if ((m.rc == SQLITE_CANTOPEN || m.rc == SQLITE_READONLY) && err)
        m.sys_errno = err;
    const char *said = sqlite3_errmsg(g->db);
    if ((sqlite3_extended_errcode(g->db) & 0xff) != (rc & 0xff))
        said = sqlite3_errstr(rc);
    pr_fail(e, m.code, "%s: %s%s%s%s%s", g->path, doing ? doing : "", doing ? ": " : "", said,
        m.remedy ? "; " : "", m.remedy ? m.remedy : "");
    if (e)
        e->sys_errno = m.sys_errno;
    return m.code;
}

static enum pr_code prepare(
    struct pr_gradebook *g, const char *sql, sqlite3_stmt **ret, struct pr_error *e)
{
    for (size_t i = 0; i < g->n_cached; i++) {
        if (g->cached[i].sql != sql)
            continue;
        *ret = g->cached[i].st;
        return PR_OK;
    }
    struct pr_sql_cached c = {.sql = sql};
    int rc = sqlite3_prepare_v3(g->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &c.st, NULL);
    if (rc)
        return pr_sql_fail(g, rc, NULL, e);
    PR_PUSH(g->cached, g->n_cached, g->cached_cap, c);
    *ret = c.st;
    return PR_OK;
}

static int bind_json(sqlite3_stmt *st, int at, const json_t *v)
{
    if (!v)
        return sqlite3_bind_null(st, at);
    struct pr_str text = PR_STR_INIT(MAX_JSON);
    pr_json_dump(v, 0, 0, &text);
    bool over = text.over;
    size_t n = text.len;
    char *s = pr_str_take(&text);
    if (over) {
        pr_free(s);
        return SQLITE_TOOBIG;
    }
    return sqlite3_bind_text64(st, at, s, n, pr_free, SQLITE_UTF8);
}

static int bind_text(sqlite3_stmt *st, int at, const char *s, size_t n)
{
    return s ? sqlite3_bind_text64(st, at, s, n, SQLITE_STATIC, SQLITE_UTF8)
             : sqlite3_bind_null(st, at);
}

static int bind_kept(sqlite3_stmt *st, int at, const struct pr_sql_text *t)
{
    if (t->s || !t->id)
        return bind_text(st, at, t->s, t->n);
    return sqlite3_bind_int64(st, at, t->id);
}

static int bind_one(sqlite3_stmt *st, int at, char kind, va_list *ap)
{
    const char *s;
    int64_t i;
    switch (kind) {
    case 'i':
        return sqlite3_bind_int64(st, at, va_arg(*ap, int64_t));
    case 'o':
        i = va_arg(*ap, int64_t);
        return i ? sqlite3_bind_int64(st, at, i) : sqlite3_bind_null(st, at);
    case 'd':
        return sqlite3_bind_double(st, at, va_arg(*ap, double)); /* NaN becomes NULL */
    case 's':
        s = va_arg(*ap, const char *);
        return bind_text(st, at, s, s ? strlen(s) : 0);
    case 't':
        s = va_arg(*ap, const char *);
        return bind_text(st, at, s, va_arg(*ap, size_t));
    case 'b':
        s = va_arg(*ap, const void *);
        return sqlite3_bind_blob64(st, at, s, va_arg(*ap, size_t), SQLITE_STATIC);
    case 'j':
        return bind_json(st, at, va_arg(*ap, const json_t *));
    case 'v':
        return bind_kept(st, at, va_arg(*ap, const struct pr_sql_text *));
    default:
        return SQLITE_MISUSE;
    }
}

/* SQLite undoes a transaction by itself after some errors; what follows in it must not be stored
 * alone. */
static enum pr_code check_transaction(struct pr_gradebook *g, struct pr_error *e)
{
    if (!g->in_transaction || !sqlite3_get_autocommit(g->db))
        return PR_OK;
    pr_fail(e, PR_E_IO, "%s: the transaction was undone after an error", g->path);
    if (e)
        e->sys_errno = ECANCELED;
    return PR_E_IO;
}

static enum pr_code query(struct pr_gradebook *g, sqlite3_stmt **ret, struct pr_error *e,
    const char *sql, const char *format, va_list *ap)
{
    sqlite3_stmt *st = NULL;
    enum pr_code code = check_transaction(g, e);
    if (code || (code = prepare(g, sql, &st, e)))
        return code;
    for (int i = 0; format[i]; i++) {
        int rc = bind_one(st, i + 1, format[i], ap);
        if (rc) {
            pr_sql_done(st);
            return pr_sql_fail(g, rc, NULL, e);
        }
    }
    *ret = st;
    return PR_OK;
}

enum pr_code pr_sql_query(struct pr_gradebook *g, sqlite3_stmt **ret, struct pr_error *e,
    const char *sql, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    enum pr_code code = query(g, ret, e, sql, format, &ap);
    va_end(ap);
    return code;
}

enum pr_code pr_sql_step(
    struct pr_gradebook *g, sqlite3_stmt *st, bool *ret_row, struct pr_error *e)
{
    errno = 0;
    int rc = sqlite3_step(st);
    *ret_row = rc == SQLITE_ROW;
    if (rc == SQLITE_ROW)
        return PR_OK;
    enum pr_code code = rc == SQLITE_DONE ? PR_OK : pr_sql_fail(g, rc, NULL, e);
    pr_sql_done(st);
    return code;
}

void pr_sql_done(sqlite3_stmt *st)
{
    if (!st)
        return;
    sqlite3_reset(st);
    sqlite3_clear_bindings(st);
}

static enum pr_code run_out(struct pr_gradebook *g, sqlite3_stmt *st, struct pr_error *e)
{
    bool row = true;
    enum pr_code code = PR_OK;
    while (!code && row)
        code = pr_sql_step(g, st, &row, e);
    return code;
}

enum pr_code pr_sql_run(
    struct pr_gradebook *g, struct pr_error *e, const char *sql, const char *format, ...)
{
    sqlite3_stmt *st = NULL;
    va_list ap;
    va_start(ap, format);
    enum pr_code code = query(g, &st, e, sql, format, &ap);
    va_end(ap);
    if (!code)
        code = run_out(g, st, e);
    return code || g->in_transaction ? code : pr_sql_revise(g, e);
}

void pr_sql_quiet(struct pr_gradebook *g, int64_t before)
{
    g->quiet += sqlite3_total_changes64(g->db) - before;
}

enum pr_code pr_sql_revise(struct pr_gradebook *g, struct pr_error *e)
{
    int64_t now = sqlite3_total_changes64(g->db);
    if (g->mode != PR_GRADEBOOK_OWN || g->schema < PR_REVISION_SCHEMA ||
        now - g->counted <= g->quiet)
        return PR_OK;
    g->counted = now + 1; /* this one too */
    return pr_sql_run(g, e, "UPDATE revision SET n = n + 1 WHERE id = 1", "");
}

enum pr_code pr_sql_int(struct pr_gradebook *g, int64_t none, int64_t *ret, struct pr_error *e,
    const char *sql, const char *format, ...)
{
    sqlite3_stmt *st = NULL;
    va_list ap;
    bool row;
    va_start(ap, format);
    enum pr_code code = query(g, &st, e, sql, format, &ap);
    va_end(ap);
    if (code || (code = pr_sql_step(g, st, &row, e)))
        return code;
    *ret = none;
    if (row && sqlite3_column_type(st, 0) != SQLITE_NULL)
        *ret = sqlite3_column_int64(st, 0);
    if (row)
        pr_sql_done(st);
    return PR_OK;
}

enum pr_code pr_sql_script(struct pr_gradebook *g, const char *sql, struct pr_error *e)
{
    errno = 0;
    int rc = sqlite3_exec(g->db, sql, NULL, NULL, NULL);
    return rc ? pr_sql_fail(g, rc, NULL, e) : PR_OK;
}

char *pr_sql_column_text(sqlite3_stmt *st, int column)
{
    const void *s = sqlite3_column_text(st, column);
    return s ? pr_strndup(s, (size_t)sqlite3_column_bytes(st, column)) : NULL;
}

void pr_sql_column_copy(sqlite3_stmt *st, int column, char *ret, size_t size)
{
    const void *s = sqlite3_column_text(st, column);
    size_t n = s ? (size_t)sqlite3_column_bytes(st, column) : 0;
    n = n < size ? n : size - 1;
    memcpy(ret, s ? s : "", n);
    ret[n] = 0;
}

enum pr_code pr_sql_column_json(sqlite3_stmt *st, int column, json_t **ret, struct pr_error *e)
{
    const void *s = sqlite3_column_text(st, column);
    *ret = NULL;
    if (!s)
        return PR_OK;
    return pr_json_parse(s, (size_t)sqlite3_column_bytes(st, column), PR_JSON_ANY | PR_JSON_LENIENT,
        sqlite3_column_name(st, column), ret, NULL, e);
}

enum pr_code pr_sql_enter(struct pr_gradebook *g, bool *ret_own, struct pr_error *e)
{
    *ret_own = !g->in_transaction;
    return *ret_own ? pr_gradebook_begin(g, e) : PR_OK;
}

enum pr_code pr_sql_leave(struct pr_gradebook *g, bool own, enum pr_code code, struct pr_error *e)
{
    if (!own)
        return code;
    if (!code)
        return pr_gradebook_commit(g, e);
    pr_gradebook_rollback(g);
    return code;
}
