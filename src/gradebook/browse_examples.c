/* Examples of a suite by what became of them; see browse.h. */
#include <string.h>

#include "gradebook/browse.h"
#include "gradebook/sqlite.h"

/* ?8 is enum pr_outcome; bits 6 and 7 of flags are enum pr_verdict. */
#define FITTING                                                                                    \
    " FROM suite_examples x JOIN examples e ON e.id = x.example"                                   \
    " LEFT JOIN grades a ON a.model = ?2 AND a.settings = ?3 AND a.example = x.example"            \
    " LEFT JOIN grades b ON b.model = ?4 AND b.settings = ?5 AND b.example = x.example"            \
    " WHERE x.suite = ?1 AND (?6 IS NULL OR coalesce(e.difficulty, 'unspecified') = ?6)"           \
    " AND (?7 IS NULL OR coalesce(e.skill, 'unspecified') = ?7)"                                   \
    " AND CASE ?8 WHEN 0 THEN 1 WHEN 1 THEN a.flags >> 6 & 3 = 2 WHEN 2 THEN a.flags >> 6 & 3 = 1" \
    " WHEN 3 THEN a.flags >> 6 & 3 = 2 AND b.flags >> 6 & 3 = 1"                                   \
    " WHEN 4 THEN a.flags >> 6 & 3 = 1 AND b.flags >> 6 & 3 = 2"                                   \
    " WHEN 5 THEN a.flags & 4 WHEN 6 THEN a.flags IS NULL OR NOT a.flags & 1 END"
#define FITTING_FORMAT "iiiiissi"
#define FITTING_VALUES(f)                                                                          \
    (f)->suite, (f)->model, (f)->settings, (f)->other_model, (f)->other_settings, (f)->difficulty, \
        (f)->skill, (int64_t)(f)->outcome

enum pr_code pr_gradebook_find_examples(struct pr_gradebook *g, const struct pr_example_filter *f,
    struct pr_found_example **ret, size_t *ret_n, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    struct pr_found_example *v = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT x.position, e.digest, e.line, b.flags >> 6 & 3" FITTING
        " AND x.position > ?9 ORDER BY x.position LIMIT ?10",
        FITTING_FORMAT "ii", FITTING_VALUES(f), f->after,
        f->limit ? (int64_t)f->limit : (int64_t)-1);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_found_example x = {.position = sqlite3_column_int64(st, 0),
            .line = pr_sql_column_text(st, 2),
            .was =
                sqlite3_column_type(st, 3) == SQLITE_NULL ? -1 : (int)sqlite3_column_int64(st, 3)};
        pr_sql_column_copy(st, 1, x.digest, sizeof x.digest);
        PR_PUSH(v, n, cap, x);
    }
    if (code) {
        pr_found_examples_free(v, n);
        return code;
    }
    *ret = v;
    *ret_n = n;
    return PR_OK;
}

void pr_found_examples_free(struct pr_found_example *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pr_free(v[i].line);
    pr_free(v);
}

enum pr_code pr_gradebook_count_examples(
    struct pr_gradebook *g, const struct pr_example_filter *f, size_t *ret, struct pr_error *e)
{
    int64_t n;
    enum pr_code code =
        pr_sql_int(g, 0, &n, e, "SELECT count(*)" FITTING, FITTING_FORMAT, FITTING_VALUES(f));
    if (!code)
        *ret = (size_t)n;
    return code;
}

enum pr_code pr_gradebook_example_line(
    struct pr_gradebook *g, int64_t suite, const char *digest, char **ret, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT e.line FROM examples e WHERE e.digest = ?2 AND EXISTS (SELECT 1 FROM"
        " suite_examples x WHERE x.suite = ?1 AND x.example = e.id)",
        "is", suite, digest);
    if (code || (code = pr_sql_step(g, st, &row, e)))
        return code;
    if (!row)
        return pr_fail(e, PR_E_NOT_FOUND, "the suite has no example %.64s", digest);
    *ret = pr_sql_column_text(st, 0);
    pr_sql_done(st);
    return PR_OK;
}

enum pr_code pr_gradebook_has_grade(struct pr_gradebook *g, int64_t model, int64_t settings,
    const char *digest, bool *ret, struct pr_error *e)
{
    int64_t has;
    enum pr_code code = pr_sql_int(g, 0, &has, e,
        "SELECT 1 FROM grades WHERE model = ? AND settings = ? AND example ="
        " (SELECT id FROM examples WHERE digest = ?)",
        "iis", model, settings, digest);
    if (!code)
        *ret = has != 0;
    return code;
}
