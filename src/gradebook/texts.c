/* Texts that grades share: most answers come again with the next checkpoint.  A text is found by
 * the beginning of its hash and then compared; it is counted by its references, since an index over
 * the grades that hold it would be larger than the texts. */
#include <string.h>

#include "base/sha256.h"
#include "gradebook/sqlite.h"

/* 32 bits keep the index small; two texts with the same ones are told apart by their bytes. */
static int64_t hash_of(const char *s, size_t n)
{
    uint8_t digest[PR_SHA256_LEN];
    pr_sha256(s, n, digest);
    return (int64_t)((uint32_t)digest[0] << 24 | (uint32_t)digest[1] << 16 |
                     (uint32_t)digest[2] << 8 | digest[3]) -
           ((int64_t)1 << 31);
}

static enum pr_code find(
    struct pr_gradebook *g, int64_t hash, const char *s, size_t n, int64_t *ret, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row = true;
    enum pr_code code =
        pr_sql_query(g, &st, e, "SELECT id, text FROM texts WHERE hash = ?", "i", hash);
    *ret = 0;
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        const void *have = sqlite3_column_blob(st, 1);
        if ((size_t)sqlite3_column_bytes(st, 1) != n || memcmp(have, s, n))
            continue;
        *ret = sqlite3_column_int64(st, 0);
        pr_sql_done(st);
        break;
    }
    return code;
}

enum pr_code pr_text_put(
    struct pr_gradebook *g, const char *s, size_t n, struct pr_sql_text *ret, struct pr_error *e)
{
    *ret = (struct pr_sql_text){.s = s, .n = n};
    if (!s || n <= PR_TEXT_INLINE)
        return PR_OK;
    int64_t hash = hash_of(s, n), id;
    enum pr_code code = find(g, hash, s, n, &id, e);
    if (code)
        return code;
    if (id) {
        code = pr_sql_run(g, e, "UPDATE texts SET refs = refs + 1 WHERE id = ?", "i", id);
    } else {
        code = pr_sql_run(
            g, e, "INSERT INTO texts(hash, refs, text) VALUES(?, 1, ?)", "it", hash, s, n);
        id = sqlite3_last_insert_rowid(g->db);
    }
    *ret = (struct pr_sql_text){.id = id};
    return code;
}

static char *copy_of(sqlite3_stmt *st, int column, size_t *ret_n)
{
    const void *s = sqlite3_column_blob(st, column); /* NULL for an empty text */
    *ret_n = (size_t)sqlite3_column_bytes(st, column);
    return pr_strndup(s ? s : "", *ret_n);
}

enum pr_code pr_text_get(struct pr_gradebook *g, sqlite3_stmt *st, int column, char **ret,
    size_t *ret_n, struct pr_error *e)
{
    *ret = NULL;
    *ret_n = 0;
    switch (sqlite3_column_type(st, column)) {
    case SQLITE_NULL:
        return PR_OK;
    case SQLITE_INTEGER:
        break;
    default:
        *ret = copy_of(st, column, ret_n);
        return PR_OK;
    }
    int64_t id = sqlite3_column_int64(st, column);
    sqlite3_stmt *text;
    bool row;
    enum pr_code code = pr_sql_query(g, &text, e, "SELECT text FROM texts WHERE id = ?", "i", id);
    if (code || (code = pr_sql_step(g, text, &row, e)))
        return code;
    if (!row)
        return pr_fail(e, PR_E_FORMAT,
            "%s: a grade's text is not there; it is damaged: 'proctor doctor' says more", g->path);
    *ret = copy_of(text, 0, ret_n);
    pr_sql_done(text);
    return PR_OK;
}

enum pr_code pr_text_release(struct pr_gradebook *g, int64_t id, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e, "UPDATE texts SET refs = refs - 1 WHERE id = ?", "i", id);
    return code ? code : pr_sql_run(g, e, "DELETE FROM texts WHERE id = ? AND refs <= 0", "i", id);
}
