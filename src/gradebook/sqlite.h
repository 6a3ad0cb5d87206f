/* The wrapper over SQLite: cached statements, binding by a format, errors as the rest of proctor
 * tells them.  Used by the files of this folder alone.
 *
 * Formats of bound values, one letter each:
 *   i  int64_t                       o  int64_t, 0 is NULL
 *   d  double, NaN is NULL           s  const char *, NULL is NULL
 *   t  const char *, size_t: text that may hold NUL, NULL is NULL
 *   b  const void *, size_t: a blob  j  const json_t *, as its text; NULL is NULL
 *   v  const struct pr_sql_text *
 * What is bound is borrowed until the statement is done.
 */
#ifndef PR_GRADEBOOK_SQLITE_H
#define PR_GRADEBOOK_SQLITE_H

#include <sqlite3.h>

#include "gradebook/gradebook.h"

#define PR_GRADEBOOK_APPLICATION 0x70726374 /* "prct", in the file's header */
#define PR_GRADEBOOK_DAY_MS      86400000

struct pr_sql_cached {
    const char *sql; /* the literal's address is its key */
    sqlite3_stmt *st;
};

struct pr_gradebook {
    sqlite3 *db;
    char *path;
    enum pr_gradebook_mode mode;
    int schema;
    bool fixed;          /* opened as a file that does not change */
    int64_t deadline_ns; /* monotonic; 0: none */
    bool in_transaction; /* begun by us; SQLite may have undone it already after an error */
    /* of the owner, in rows as sqlite3_total_changes64 counts them: */
    int64_t counted; /* those that the revision has counted, or need not */
    int64_t quiet;   /* those of this transaction that it need not */
    struct pr_sql_cached *cached;
    size_t n_cached, cached_cap;
};

/* A text as a grade holds it: short ones by themselves, longer ones by their row in `texts`. */
struct pr_sql_text {
    const char *s; /* NULL where id counts; both 0: NULL */
    size_t n;
    int64_t id;
};

/* Fills e with what SQLite says (code, sys_errno and remedy by gradebook.h) and returns its code.
 * `doing` is what was being done, or NULL. */
enum pr_code pr_sql_fail(struct pr_gradebook *g, int rc, const char *doing, struct pr_error *e);

/* Takes the statement of this literal from the cache and binds.  Every statement that was handed
 * out must come to pr_sql_done, or be stepped to its end. */
PR_MUST_CHECK enum pr_code pr_sql_query(struct pr_gradebook *g, sqlite3_stmt **ret,
    struct pr_error *e, const char *sql, const char *format, ...);
/* *ret_row false: there is no more (or it failed), and the statement is done. */
PR_MUST_CHECK enum pr_code pr_sql_step(
    struct pr_gradebook *g, sqlite3_stmt *st, bool *ret_row, struct pr_error *e);
void pr_sql_done(sqlite3_stmt *st); /* NULL is fine */
/* Runs a statement whose rows do not matter. */
PR_MUST_CHECK enum pr_code pr_sql_run(
    struct pr_gradebook *g, struct pr_error *e, const char *sql, const char *format, ...);
/* The first column of the first row; `none` where there is no row or it is NULL. */
PR_MUST_CHECK enum pr_code pr_sql_int(struct pr_gradebook *g, int64_t none, int64_t *ret,
    struct pr_error *e, const char *sql, const char *format, ...);
/* Several statements without values, not cached. */
PR_MUST_CHECK enum pr_code pr_sql_script(
    struct pr_gradebook *g, const char *sql, struct pr_error *e);

/* Columns.  The text is a copy (pr_free), NULL for NULL. */
char *pr_sql_column_text(sqlite3_stmt *st, int column);
/* Copies at most size - 1 bytes; "" for NULL. */
void pr_sql_column_copy(sqlite3_stmt *st, int column, char *ret, size_t size);
/* A JSON text; *ret NULL for NULL. */
PR_MUST_CHECK enum pr_code pr_sql_column_json(
    sqlite3_stmt *st, int column, json_t **ret, struct pr_error *e);

/* Rows that changed since `before` (sqlite3_total_changes64) make no new revision. */
void pr_sql_quiet(struct pr_gradebook *g, int64_t before);
/* Counts what changed since the last time as a revision; nothing where nothing did. */
#define PR_REVISION_SCHEMA 4 /* the first that has them */
PR_MUST_CHECK enum pr_code pr_sql_revise(struct pr_gradebook *g, struct pr_error *e);

/* Several changes as one: begins a transaction unless the caller has one.  leave commits or undoes
 * what enter began and returns code, or the commit's failure. */
PR_MUST_CHECK enum pr_code pr_sql_enter(struct pr_gradebook *g, bool *ret_own, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_sql_leave(
    struct pr_gradebook *g, bool own, enum pr_code code, struct pr_error *e);

/* migrations.c: brings an owner's database to the newest schema; sets g->schema. */
#define PR_GRADEBOOK_SCHEMA 4
PR_MUST_CHECK enum pr_code pr_gradebook_migrate(struct pr_gradebook *g, struct pr_error *e);

/* texts.c: texts that several grades share, counted by their references. */
#define PR_TEXT_INLINE 12 /* up to so many bytes a text is kept in the grade itself */
PR_MUST_CHECK enum pr_code pr_text_put(
    struct pr_gradebook *g, const char *s, size_t n, struct pr_sql_text *ret, struct pr_error *e);
/* A grade's column: *ret is a copy (pr_free), NULL for NULL. */
PR_MUST_CHECK enum pr_code pr_text_get(struct pr_gradebook *g, sqlite3_stmt *st, int column,
    char **ret, size_t *ret_n, struct pr_error *e);
/* One reference less; the last takes the text with it. */
PR_MUST_CHECK enum pr_code pr_text_release(struct pr_gradebook *g, int64_t id, struct pr_error *e);

/* An example's place in the order that all checkpoints share: SHA-256("order" + digest). */
void pr_example_place(const uint8_t digest[PR_SHA256_LEN], uint8_t ret[PR_SHA256_LEN]);

/* What the bits of grades.flags mean; the views of migrations.c decode them too. */
enum pr_grade_flag {
    PR_GRADE_GRADED = 1 << 0,
    PR_GRADE_BAD_NUMBER = 1 << 1,
    PR_GRADE_TRUNCATED = 1 << 2,
    PR_GRADE_EMPTY = 1 << 3,
    PR_GRADE_WELL_FORMED = 1 << 4,
    PR_GRADE_THINK = 1 << 5,
    PR_GRADE_CORRECT = 6,               /* two bits from here on: enum pr_verdict */
    PR_GRADE_CORRECT_PER_LENGTH = 8,    /* two bits from here on */
    PR_GRADE_FINISH = 10,               /* two bits from here on: 0 none, stop, length, choice */
    PR_GRADE_LOSS_IMPLIED = 1 << 12,    /* loss is nll / answer_tokens */
    PR_GRADE_CONFIDENCE_SAME = 1 << 13, /* confidence_all is confidence */
    PR_GRADE_OUTPUT = 14,               /* two bits from here on: enum pr_output_kept */
    PR_GRADE_TEXTS_DROPPED = 1 << 16,
};
/* What the flags of a grade say, whose other numbers are read already (grades.c). */
void pr_grade_read_flags(struct pr_grade *g, int64_t flags);
enum pr_output_kept { PR_OUTPUT_NONE, PR_OUTPUT_IS_ANSWER, PR_OUTPUT_BEFORE_ANSWER, PR_OUTPUT_ALL };

#endif
