/* Suites, their examples, settings. */
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/sha256.h"
#include "gradebook/sqlite.h"

void pr_example_place(const uint8_t digest[PR_SHA256_LEN], uint8_t ret[PR_SHA256_LEN])
{
    uint8_t text[5 + PR_SHA256_LEN];
    memcpy(text, "order", 5);
    memcpy(text + 5, digest, PR_SHA256_LEN);
    pr_sha256(text, sizeof text, ret);
}

struct placed {
    uint8_t place[PR_SHA256_LEN];
    size_t index;
};

static int by_place(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    int d = memcmp(x->place, y->place, PR_SHA256_LEN);
    return d ? d : (x->index > y->index) - (x->index < y->index);
}

void pr_gradebook_order(const struct pr_suite *s, size_t **ret)
{
    struct placed *v = pr_zalloc((s->n + 1) * sizeof *v);
    size_t *order = pr_zalloc((s->n + 1) * sizeof *order);
    for (size_t i = 0; i < s->n; i++) {
        pr_example_place(s->v[i].digest, v[i].place);
        v[i].index = i;
    }
    qsort(v, s->n, sizeof *v, by_place);
    for (size_t i = 0; i < s->n; i++)
        order[i] = v[i].index;
    pr_free(v);
    *ret = order;
}

static enum pr_code put_example(
    struct pr_gradebook *g, const struct pr_example *x, int64_t *ret, struct pr_error *e)
{
    static const char find[] = "SELECT id FROM examples WHERE digest = ?";
    char digest[PR_SHA256_HEX];
    uint8_t place[PR_SHA256_LEN];
    pr_sha256_hex(x->digest, digest);
    enum pr_code code = pr_sql_int(g, 0, ret, e, find, "s", digest);
    if (code || *ret)
        return code;
    char *line = pr_example_pack(x);
    pr_example_place(x->digest, place);
    code = pr_sql_run(g, e,
        "INSERT INTO examples(digest, place, name, skill, difficulty, choices, line)"
        " VALUES(?, ?, ?, ?, ?, ?, ?)",
        "sbsssis", digest, place, sizeof place, x->id, x->skill, x->difficulty,
        (int64_t)x->check.n_choices, line);
    pr_free(line);
    *ret = sqlite3_last_insert_rowid(g->db);
    return code;
}

static enum pr_code add_suite(struct pr_gradebook *g, const struct pr_suite *s,
    const char *fingerprint, int64_t now_ms, int64_t *ret, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e,
        "INSERT INTO suites(name, fingerprint, n, current, first_ms) VALUES(?, ?, ?, 0, ?)", "ssii",
        s->name, fingerprint, (int64_t)s->n, now_ms);
    *ret = sqlite3_last_insert_rowid(g->db);
    for (size_t i = 0; !code && i < s->n; i++) {
        int64_t example;
        if (!(code = put_example(g, &s->v[i], &example, e)))
            code = pr_sql_run(g, e,
                "INSERT INTO suite_examples(suite, position, example) VALUES(?, ?, ?)", "iii", *ret,
                (int64_t)i, example);
    }
    return code;
}

static enum pr_code put_suite(struct pr_gradebook *g, const struct pr_suite *s, int64_t now_ms,
    int64_t *ret, struct pr_error *e)
{
    char fingerprint[PR_SHA256_HEX];
    enum pr_code code = pr_suite_fingerprint(s, fingerprint, e);
    if (code ||
        (code = pr_sql_int(g, 0, ret, e, "SELECT id FROM suites WHERE name = ? AND fingerprint = ?",
             "ss", s->name, fingerprint)) ||
        (!*ret && (code = add_suite(g, s, fingerprint, now_ms, ret, e))) ||
        (code = pr_sql_run(g, e,
             "UPDATE suites SET current = 0 WHERE name = ? AND current AND id <> ?", "si", s->name,
             *ret)))
        return code;
    return pr_sql_run(
        g, e, "UPDATE suites SET current = 1 WHERE id = ? AND NOT current", "i", *ret);
}

enum pr_code pr_gradebook_put_suite(struct pr_gradebook *g, const struct pr_suite *s,
    int64_t now_ms, int64_t *ret_id, struct pr_error *e)
{
    bool own;
    int64_t id = 0;
    enum pr_code code = pr_sql_enter(g, &own, e);
    if (code)
        return code;
    code = put_suite(g, s, now_ms, &id, e);
    if (!(code = pr_sql_leave(g, own, code, e)))
        *ret_id = id;
    return code;
}

enum pr_code pr_gradebook_retire_suite(struct pr_gradebook *g, const char *name, struct pr_error *e)
{
    return pr_sql_run(g, e, "UPDATE suites SET current = 0 WHERE name = ? AND current", "s", name);
}

void pr_suite_rows_free(struct pr_suite_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pr_free(rows[i].name);
    pr_free(rows);
}

static enum pr_code read_suites(struct pr_gradebook *g, bool current_only, bool own,
    struct pr_suite_row **ret, size_t *ret_n, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    struct pr_suite_row *rows = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT id, name, fingerprint, n, current, first_ms FROM suites WHERE (current OR NOT ?)"
        " AND (substr(name, 1, 1) = '" PR_SUITE_OWN "') = ? ORDER BY name, id",
        "ii", (int64_t)current_only, (int64_t)own);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_suite_row r = {.id = sqlite3_column_int64(st, 0),
            .name = pr_sql_column_text(st, 1),
            .n = (size_t)sqlite3_column_int64(st, 3),
            .current = sqlite3_column_int64(st, 4) != 0,
            .first_ms = sqlite3_column_int64(st, 5)};
        pr_sql_column_copy(st, 2, r.fingerprint, sizeof r.fingerprint);
        PR_PUSH(rows, n, cap, r);
    }
    if (code) {
        pr_suite_rows_free(rows, n);
        return code;
    }
    *ret = rows;
    *ret_n = n;
    return PR_OK;
}

enum pr_code pr_gradebook_suites(struct pr_gradebook *g, bool current_only,
    struct pr_suite_row **ret, size_t *ret_n, struct pr_error *e)
{
    return read_suites(g, current_only, false, ret, ret_n, e);
}

enum pr_code pr_gradebook_own_suites(
    struct pr_gradebook *g, struct pr_suite_row **ret, size_t *ret_n, struct pr_error *e)
{
    return read_suites(g, true, true, ret, ret_n, e);
}

enum pr_code pr_gradebook_load_suite(
    struct pr_gradebook *g, int64_t id, struct pr_suite **ret, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    char *name = NULL, **lines = NULL;
    size_t n = 0, cap = 0;
    bool row;
    enum pr_code code = pr_sql_query(g, &st, e, "SELECT name FROM suites WHERE id = ?", "i", id);
    if (code || (code = pr_sql_step(g, st, &row, e)))
        return code;
    if (!row)
        return pr_fail(e, PR_E_NOT_FOUND, "%s: no suite %lld", g->path, (long long)id);
    name = pr_sql_column_text(st, 0);
    pr_sql_done(st);
    code = pr_sql_query(g, &st, e,
        "SELECT e.line FROM suite_examples x CROSS JOIN examples e ON e.id = x.example"
        " WHERE x.suite = ? ORDER BY x.position",
        "i", id);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        char *line = pr_sql_column_text(st, 0);
        PR_PUSH(lines, n, cap, line);
    }
    if (!code)
        code = pr_suite_from_lines(name, (const char *const *)lines, n, true, ret, e);
    pr_names_free(lines, n);
    pr_free(name);
    return code;
}

enum pr_code pr_gradebook_settings(
    struct pr_gradebook *g, int64_t model, const char *options, int64_t *ret, struct pr_error *e)
{
    return pr_sql_int(g, 0, ret, e, "SELECT settings FROM openings WHERE model = ? AND options = ?",
        "is", model, options);
}

enum pr_code pr_gradebook_settings_document(
    struct pr_gradebook *g, int64_t settings, json_t **ret, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row;
    enum pr_code code =
        pr_sql_query(g, &st, e, "SELECT document FROM settings WHERE id = ?", "i", settings);
    if (code || (code = pr_sql_step(g, st, &row, e)))
        return code;
    if (!row)
        return pr_fail(e, PR_E_NOT_FOUND, "%s: no settings %lld", g->path, (long long)settings);
    code = pr_sql_column_json(st, 0, ret, e);
    pr_sql_done(st);
    return code;
}

void pr_example_rows_free(struct pr_example_row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pr_free(rows[i].line);
    pr_free(rows);
}

enum pr_code pr_gradebook_missing(struct pr_gradebook *g, int64_t model, int64_t settings,
    int64_t suite, struct pr_example_row **ret, size_t *ret_n, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    struct pr_example_row *rows = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT e.id, e.digest, e.line FROM suite_examples x"
        " CROSS JOIN examples e ON e.id = x.example WHERE x.suite = ? AND NOT EXISTS"
        " (SELECT 1 FROM grades g WHERE g.model = ? AND g.settings = ? AND g.example = x.example)"
        " ORDER BY e.place",
        "iii", suite, model, settings);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_example_row r = {
            .id = sqlite3_column_int64(st, 0), .line = pr_sql_column_text(st, 2)};
        pr_sql_column_copy(st, 1, r.digest, sizeof r.digest);
        PR_PUSH(rows, n, cap, r);
    }
    if (code) {
        pr_example_rows_free(rows, n);
        return code;
    }
    *ret = rows;
    *ret_n = n;
    return PR_OK;
}
