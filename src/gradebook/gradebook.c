/* Opening, transactions, checking. */
#include "gradebook/sqlite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"

#define BUSY_MS      5000 /* a reader in a checkpoint's way, a checkpoint in a reader's */
#define MAX_PROBLEMS 100
#define MIN_BYTES    512 /* the smallest page of SQLite */

/* A damaged or foreign file must not be able to use more than a gradebook needs. */
static void limit(sqlite3 *db)
{
    static const struct {
        int what, most;
    } limits[] = {{SQLITE_LIMIT_LENGTH, 1 << 29}, {SQLITE_LIMIT_SQL_LENGTH, 1 << 16},
        {SQLITE_LIMIT_COLUMN, 100}, {SQLITE_LIMIT_EXPR_DEPTH, 100},
        {SQLITE_LIMIT_COMPOUND_SELECT, 10}, {SQLITE_LIMIT_FUNCTION_ARG, 20},
        {SQLITE_LIMIT_ATTACHED, 0}, {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 100},
        {SQLITE_LIMIT_VARIABLE_NUMBER, 40}, {SQLITE_LIMIT_TRIGGER_DEPTH, 10},
        {SQLITE_LIMIT_WORKER_THREADS, 0}};
    static const struct {
        int what, on;
    } switches[] = {{SQLITE_DBCONFIG_DEFENSIVE, 1}, {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
        {SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0}, {SQLITE_DBCONFIG_DQS_DML, 0},
        {SQLITE_DBCONFIG_DQS_DDL, 0}, {SQLITE_DBCONFIG_ENABLE_FKEY, 1}};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        sqlite3_limit(db, limits[i].what, limits[i].most);
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++)
        sqlite3_db_config(db, switches[i].what, switches[i].on, NULL);
}

static enum pr_code connect_to(
    struct pr_gradebook *g, const char *name, int flags, struct pr_error *e)
{
    int rc =
        sqlite3_open_v2(name, &g->db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc) {
        enum pr_code code = g->db ? pr_sql_fail(g, rc, NULL, e)
                                  : pr_fail(e, PR_E_MEMORY, "%s: out of memory", g->path);
        sqlite3_close(g->db);
        g->db = NULL;
        return code;
    }
    limit(g->db);
    sqlite3_busy_timeout(g->db, BUSY_MS);
    return PR_OK;
}

/* Whose database is it, and of which version?  *ret_empty: nobody's yet. */
static enum pr_code look_at_header(struct pr_gradebook *g, bool *ret_empty, struct pr_error *e)
{
    int64_t application, version, objects;
    enum pr_code code;
    if ((code = pr_sql_int(g, 0, &application, e, "PRAGMA application_id", "")) ||
        (code = pr_sql_int(g, 0, &version, e, "PRAGMA user_version", "")) ||
        (code = pr_sql_int(g, 0, &objects, e, "SELECT count(*) FROM sqlite_schema", "")))
        return code;
    *ret_empty = !objects && !version;
    if (!*ret_empty && (application != PR_GRADEBOOK_APPLICATION || version < 1))
        return pr_fail(e, PR_E_FORMAT,
            "%s: this database is not a gradebook of proctor; move it to another place", g->path);
    if (version > PR_GRADEBOOK_SCHEMA)
        return pr_fail(e, PR_E_UNSUPPORTED,
            "%s: written by a newer proctor (schema %d, this one knows %d): use that one", g->path,
            (int)version, PR_GRADEBOOK_SCHEMA);
    g->schema = (int)version;
    return PR_OK;
}

/* auto_vacuum must be decided before the first table. */
static enum pr_code set_up_owner(struct pr_gradebook *g, struct pr_error *e)
{
    bool empty;
    sqlite3_stmt *st = NULL;
    char mode[16] = "";
    enum pr_code code = look_at_header(g, &empty, e);
    if (code || (empty && (code = pr_sql_script(g, "PRAGMA auto_vacuum = INCREMENTAL", e))))
        return code;
    int rc = sqlite3_prepare_v2(g->db, "PRAGMA journal_mode = WAL", -1, &st, NULL);
    if (!rc && (rc = sqlite3_step(st)) == SQLITE_ROW)
        pr_sql_column_copy(st, 0, mode, sizeof mode);
    sqlite3_finalize(st);
    if (rc && rc != SQLITE_ROW)
        return pr_sql_fail(g, rc, "write-ahead log", e);
    if (strcmp(mode, "wal"))
        return pr_fail(e, PR_E_IO,
            "%s: this file system takes no write-ahead log (a network file system?); use a local "
            "one",
            g->path);
    code = pr_sql_script(g,
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY;"
        "PRAGMA cache_size = -4096; PRAGMA journal_size_limit = 8388608;"
        "PRAGMA cell_size_check = ON; PRAGMA wal_autocheckpoint = 1000",
        e);
    return code ? code : pr_gradebook_migrate(g, e);
}

static enum pr_code set_up_reader(struct pr_gradebook *g, struct pr_error *e)
{
    bool empty;
    sqlite3_db_config(g->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_wal_autocheckpoint(g->db, 0);
    enum pr_code code = look_at_header(g, &empty, e);
    if (code)
        return code;
    if (empty)
        return pr_fail(e, PR_E_NOT_FOUND, "%s: the gradebook is still empty", g->path);
    if (g->schema < PR_GRADEBOOK_SCHEMA)
        return pr_fail(e, PR_E_UNSUPPORTED,
            "%s: written by an older proctor (schema %d, this one reads %d); 'proctor run' brings "
            "it up to date",
            g->path, g->schema, PR_GRADEBOOK_SCHEMA);
    return pr_sql_script(g,
        "PRAGMA query_only = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096;"
        "PRAGMA cell_size_check = ON",
        e);
}

static bool has_log(const struct pr_gradebook *g)
{
    struct stat wal;
    struct pr_str name = PR_STR_INIT(1 << 16);
    pr_str_printf(&name, "%s-wal", g->path);
    bool ret = !stat(pr_str_cstr(&name), &wal) && wal.st_size > 0;
    pr_str_done(&name);
    return ret;
}

/* Without a log the file alone is the whole truth and is read as one that does not change: no index
 * of the log is made beside it. */
static enum pr_code connect_immutable(struct pr_gradebook *g, struct pr_error *e)
{
    struct pr_str name = PR_STR_INIT(1 << 16);
    pr_str_puts(&name, "file:");
    for (const char *p = g->path; *p; p++)
        pr_str_printf(&name, strchr("%?#", *p) ? "%%%02X" : "%c", (unsigned char)*p);
    pr_str_puts(&name, "?immutable=1");
    enum pr_code code =
        connect_to(g, pr_str_cstr(&name), SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, e);
    pr_str_done(&name);
    g->fixed = true;
    return code ? code : set_up_reader(g, e);
}

/* Where nobody can write beside the file, SQLite cannot keep the index of its log there. */
static enum pr_code connect_closed(
    struct pr_gradebook *g, const struct pr_error *why, struct pr_error *e)
{
    if (!has_log(g))
        return connect_immutable(g, e);
    enum pr_code code = pr_fail(e, PR_E_IO,
        "%s: the folder is read-only and its write-ahead log is not brought in yet: start "
        "'proctor run' once as its owner, or copy the file and its -wal to a folder of yours "
        "(%.200s)",
        g->path, why->message);
    if (e)
        e->sys_errno = why->sys_errno ? why->sys_errno : EROFS;
    return code;
}

static void disconnect(struct pr_gradebook *g)
{
    for (size_t i = 0; i < g->n_cached; i++)
        sqlite3_finalize(g->cached[i].st);
    pr_free(g->cached);
    g->cached = NULL;
    g->n_cached = g->cached_cap = 0;
    if (g->db)
        sqlite3_close(g->db);
    g->db = NULL;
}

/* A stranger who reads must not leave an index of the log behind that the owner cannot write (what
 * root leaves, SQLite gives to the file's owner). */
static bool is_stranger(const struct stat *st)
{
    return st->st_uid != geteuid() && geteuid();
}

static enum pr_code open_reader(struct pr_gradebook *g, struct pr_error *e)
{
    struct pr_error why;
    struct stat st;
    if (stat(g->path, &st))
        return pr_fail_errno(e, errno, "%s", g->path);
    if ((g->mode == PR_GRADEBOOK_LOOK || is_stranger(&st)) && !has_log(g))
        return connect_immutable(g, e);
    enum pr_code code = connect_to(g, g->path, SQLITE_OPEN_READONLY, &why);
    if (!code)
        code = set_up_reader(g, &why);
    if (!code)
        return PR_OK;
    disconnect(g);
    char *slash = strrchr(g->path, '/');
    char *folder = slash ? pr_strndup(g->path, (size_t)(slash - g->path) + 1) : pr_strdup(".");
    bool closed = access(folder, W_OK) != 0;
    pr_free(folder);
    if (code == PR_E_IO && closed && !access(g->path, R_OK))
        return connect_closed(g, &why, e);
    if (e)
        *e = why;
    return code;
}

/* SQLite takes a file of a few bytes for an empty database and would write over it.  One that was
 * cut off while it was created has a journal beside it. */
static enum pr_code check_stub(const char *path, struct pr_error *e)
{
    struct stat st;
    struct pr_str journal = PR_STR_INIT(1 << 16);
    pr_str_printf(&journal, "%s-journal", path);
    bool stub = !stat(path, &st) && st.st_size > 0 && st.st_size < MIN_BYTES &&
                !pr_path_exists(pr_str_cstr(&journal));
    pr_str_done(&journal);
    return stub ? pr_fail(e, PR_E_FORMAT, "%s: not a database; move it aside", path) : PR_OK;
}

enum pr_code pr_gradebook_open(
    const char *path, enum pr_gradebook_mode mode, struct pr_gradebook **ret, struct pr_error *e)
{
    enum pr_code code = check_stub(path, e);
    if (code)
        return code;
    struct pr_gradebook *g = pr_zalloc(sizeof *g);
    g->path = pr_strdup(path);
    g->mode = mode;
    if (mode == PR_GRADEBOOK_OWN) {
        code = connect_to(g, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e);
        code = code ? code : set_up_owner(g, e);
    } else {
        code = open_reader(g, e);
    }
    if (code) {
        pr_gradebook_close(g);
        return code;
    }
    *ret = g;
    return PR_OK;
}

void pr_gradebook_close(struct pr_gradebook *g)
{
    if (!g)
        return;
    pr_gradebook_rollback(g);
    disconnect(g);
    pr_free(g->path);
    pr_free(g);
}

int pr_gradebook_schema(const struct pr_gradebook *g)
{
    return g->schema;
}

enum pr_code pr_gradebook_data_version(struct pr_gradebook *g, int64_t *ret, struct pr_error *e)
{
    return pr_sql_int(g, 0, ret, e, "SELECT n FROM revision WHERE id = 1", "");
}

bool pr_gradebook_is_fixed(const struct pr_gradebook *g)
{
    return g->fixed;
}

#define STEPS 2000 /* of SQLite's machine between two looks at the clock: some 20 µs */

static int is_over(void *ctx)
{
    const struct pr_gradebook *g = ctx;
    return pr_clock_monotonic_ns() > g->deadline_ns;
}

void pr_gradebook_set_deadline(struct pr_gradebook *g, int64_t monotonic_ns)
{
    g->deadline_ns = monotonic_ns;
    sqlite3_progress_handler(g->db, STEPS, monotonic_ns ? is_over : NULL, g);
}

/* A reader's picture is taken at its first look, so it looks at once. */
enum pr_code pr_gradebook_begin(struct pr_gradebook *g, struct pr_error *e)
{
    int64_t objects;
    if (g->in_transaction)
        return pr_fail(e, PR_E_USAGE, "%s: a transaction is open already", g->path);
    enum pr_code code = g->mode == PR_GRADEBOOK_OWN ? pr_sql_run(g, e, "BEGIN IMMEDIATE", "")
                                                    : pr_sql_run(g, e, "BEGIN", "");
    if (code)
        return code;
    g->in_transaction = true;
    if (g->mode != PR_GRADEBOOK_OWN &&
        (code = pr_sql_int(g, 0, &objects, e, "SELECT count(*) FROM sqlite_schema", "")))
        pr_gradebook_rollback(g);
    return code;
}

enum pr_code pr_gradebook_commit(struct pr_gradebook *g, struct pr_error *e)
{
    if (!g->in_transaction)
        return pr_fail(e, PR_E_USAGE, "%s: no transaction is open", g->path);
    enum pr_code code = pr_sql_revise(g, e);
    if (!code)
        code = pr_sql_run(g, e, "COMMIT", "");
    if (code)
        pr_gradebook_rollback(g);
    else
        g->counted = sqlite3_total_changes64(g->db);
    g->in_transaction = false;
    g->quiet = 0;
    return code;
}

void pr_gradebook_rollback(struct pr_gradebook *g)
{
    g->in_transaction = false;
    if (!g->db || sqlite3_get_autocommit(g->db))
        return;
    for (size_t i = 0; i < g->n_cached; i++)
        pr_sql_done(g->cached[i].st);
    sqlite3_exec(g->db, "ROLLBACK", NULL, NULL, NULL);
}

bool pr_gradebook_in_transaction(const struct pr_gradebook *g)
{
    return g->in_transaction;
}

struct problems {
    char **v;
    size_t n, cap;
};

static void add_problem(struct problems *p, char *text)
{
    if (p->n < MAX_PROBLEMS)
        PR_PUSH(p->v, p->n, p->cap, text);
    else
        pr_free(text);
}

/* One line a row: its first three columns, but "ok". */
static enum pr_code collect(struct pr_gradebook *g, const char *sql, const char *what,
    struct problems *p, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row = true;
    enum pr_code code = pr_sql_query(g, &st, e, sql, "");
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_str text = PR_STR_INIT(1000);
        pr_str_puts(&text, what);
        for (int i = 0; i < sqlite3_column_count(st) && i < 3; i++) {
            const void *s = sqlite3_column_text(st, i);
            pr_str_printf(&text, " %.200s", s ? (const char *)s : "null");
        }
        char *line = pr_str_take(&text);
        if (!strcmp(line + strlen(what), " ok"))
            pr_free(line);
        else
            add_problem(p, line);
    }
    return code;
}

#define LOST(column)                                                                               \
    "typeof(" column ") = 'integer' AND NOT EXISTS (SELECT 1 FROM texts WHERE id = " column ")"

enum pr_code pr_gradebook_check(
    struct pr_gradebook *g, char ***ret_problems, size_t *ret_n, struct pr_error *e)
{
    static const struct {
        const char *sql, *what;
    } checks[] = {{"PRAGMA integrity_check(100)", "integrity:"},
        {"PRAGMA foreign_key_check", "a row without the one it refers to: table, row, parent"},
        /* Row by row, since a sort of all grades would take as much memory as they take disk. */
        {"SELECT model, settings, example FROM grades WHERE " LOST("answer") " OR " LOST(
             "output") " OR " LOST("reason") " OR " LOST("loss_reason") " OR " LOST("correct_"
                                                                                    "reason") " LIM"
                                                                                              "IT "
                                                                                              "100",
            "a grade whose text is not there: model, settings, example"},
        {"WITH g(n) AS (SELECT sum((typeof(answer) = 'integer') + (typeof(output) = 'integer')"
         " + (typeof(reason) = 'integer') + (typeof(loss_reason) = 'integer')"
         " + (typeof(correct_reason) = 'integer')) FROM grades),"
         " t(n) AS (SELECT sum(refs) FROM texts) SELECT g.n, t.n FROM g, t"
         " WHERE coalesce(g.n, 0) <> coalesce(t.n, 0)",
            "references to texts: counted, noted"}};
    struct problems p = {0};
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++) {
        struct pr_error own;
        enum pr_code code = collect(g, checks[i].sql, checks[i].what, &p, &own);
        if (code == PR_E_FORMAT) {
            add_problem(&p, pr_strdup(own.message));
        } else if (code) {
            pr_names_free(p.v, p.n);
            if (e)
                *e = own;
            return code;
        }
    }
    *ret_problems = p.v;
    *ret_n = p.n;
    return PR_OK;
}
