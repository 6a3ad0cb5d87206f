/* Lists of checkpoints, runs through their steps; see browse.h. */
#include "gradebook/browse.h"

#include <string.h>
#include <sys/stat.h>

#include "gradebook/sqlite.h"

void pr_gradebook_which(const struct pr_gradebook *g, struct pr_gradebook_file *ret)
{
    struct stat st = {0};
    if (stat(g->path, &st))
        st = (struct stat){0};
    *ret = (struct pr_gradebook_file){pr_strdup(g->path), st.st_dev, st.st_ino};
}

bool pr_gradebook_same_file(const struct pr_gradebook_file *a, const struct pr_gradebook_file *b)
{
    return a->path && b->path && a->device == b->device && a->inode == b->inode &&
           !strcmp(a->path, b->path);
}

void pr_gradebook_file_done(struct pr_gradebook_file *f)
{
    pr_free(f->path);
    *f = (struct pr_gradebook_file){0};
}

/* ---- lists ---- */

int pr_listed_compare(const struct pr_listed *a, const struct pr_listed *b)
{
    for (size_t i = 0; i < PR_LISTED_KEYS; i++)
        if (a->key[i] != b->key[i])
            return a->key[i] > b->key[i] ? -1 : 1;
    return 0;
}

enum pr_code pr_gradebook_list(struct pr_gradebook *g, int state, int64_t run_id,
    struct pr_listed **ret, size_t *ret_n, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    struct pr_listed *v = NULL;
    size_t n = 0, cap = 0;
    bool row = true, gone = state == PR_CHECKPOINT_GONE;
    const char *name = state == PR_LISTED_ANY || gone
                           ? NULL
                           : pr_checkpoint_state_name((enum pr_checkpoint_state)state);
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT NOT c.reference, c.run_id IS NULL, coalesce(r.first_checkpoint, 0),"
        " coalesce(c.run_id, 0), coalesce(c.step, -1), c.id"
        " FROM checkpoints c LEFT JOIN runs r ON r.id = c.run_id"
        " WHERE c.gone = ?1 AND (?2 IS NULL OR c.state = ?2) AND (?3 IS NULL OR c.run_id = ?3)"
        " ORDER BY 1 DESC, 2 DESC, 3 DESC, 4 DESC, 5 DESC, 6 DESC",
        "iso", (int64_t)gone, name, run_id);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_listed x;
        for (int i = 0; i < PR_LISTED_KEYS; i++)
            x.key[i] = sqlite3_column_int64(st, i);
        PR_PUSH(v, n, cap, x);
    }
    if (code) {
        pr_free(v);
        return code;
    }
    *ret = v;
    *ret_n = n;
    return PR_OK;
}

enum pr_code pr_gradebook_checkpoint_at(struct pr_gradebook *g, const char *path,
    const char *fingerprint, int64_t *ret, struct pr_error *e)
{
    return pr_sql_int(g, 0, ret, e,
        "SELECT max(c.id) FROM checkpoints c LEFT JOIN models m ON m.id = c.model"
        " WHERE c.path = ?1 AND NOT c.gone AND (?2 IS NULL OR m.fingerprint = ?2)",
        "ss", path, fingerprint);
}

enum pr_code pr_gradebook_is_pinned(
    struct pr_gradebook *g, int64_t checkpoint, bool *ret, struct pr_error *e)
{
    int64_t pinned;
    enum pr_code code =
        pr_sql_int(g, 0, &pinned, e, "SELECT 1 FROM pins WHERE checkpoint = ?", "i", checkpoint);
    if (!code)
        *ret = pinned != 0;
    return code;
}

enum pr_code pr_gradebook_count_run(
    struct pr_gradebook *g, int64_t run_id, int64_t *ret, struct pr_error *e)
{
    return pr_sql_int(g, 0, ret, e,
        "SELECT count(*) FROM checkpoints WHERE run_id = ? AND NOT gone", "i", run_id);
}

/* The one that a checkpoint came to last first; pr_free. */
static enum pr_code runs_newest_first(
    struct pr_gradebook *g, int64_t **ret, size_t *ret_n, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    int64_t *v = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(
        g, &st, e, "SELECT id FROM runs ORDER BY last_ms DESC, first_checkpoint DESC, id DESC", "");
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row)
        PR_PUSH(v, n, cap, sqlite3_column_int64(st, 0));
    if (code) {
        pr_free(v);
        return code;
    }
    *ret = v;
    *ret_n = n;
    return PR_OK;
}

/* A run at a time, so that SQLite goes down its steps and stops at the first that is graded. */
enum pr_code pr_gradebook_newest_graded(
    struct pr_gradebook *g, const char *options, int64_t suite, int64_t *ret, struct pr_error *e)
{
    int64_t *runs = NULL;
    size_t n = 0;
    enum pr_code code = runs_newest_first(g, &runs, &n, e);
    *ret = 0;
    for (size_t i = 0; i < n && !code && !*ret; i++)
        code = pr_sql_int(g, 0, ret, e,
            "SELECT c.id FROM checkpoints c CROSS JOIN openings o ON o.model = c.model"
            " AND o.options = ?1 WHERE c.run_id = ?3 AND NOT c.gone AND NOT c.reference"
            " AND c.state = 'ready' AND EXISTS (SELECT 1 FROM suite_examples x CROSS JOIN grades g"
            " ON g.model = c.model AND g.settings = o.settings AND g.example = x.example"
            " WHERE x.suite = ?2) ORDER BY c.step DESC, c.id DESC LIMIT 1",
            "sii", options, suite, runs[i]);
    pr_free(runs);
    return code;
}

enum pr_code pr_gradebook_newest_run(struct pr_gradebook *g, int64_t *ret, struct pr_error *e)
{
    return pr_sql_int(g, 0, ret, e,
        "SELECT id FROM runs ORDER BY last_ms DESC, first_checkpoint DESC, id DESC LIMIT 1", "");
}

static enum pr_code has(struct pr_gradebook *g, const char *sql, bool *ret, struct pr_error *e)
{
    int64_t x;
    enum pr_code code = pr_sql_int(g, 0, &x, e, sql, "");
    if (!code)
        *ret = x != 0;
    return code;
}

enum pr_code pr_gradebook_has_grades(struct pr_gradebook *g, bool *ret, struct pr_error *e)
{
    return has(g, "SELECT 1 FROM graded LIMIT 1", ret, e);
}

enum pr_code pr_gradebook_has_finding(
    struct pr_gradebook *g, const char *system, bool *ret, struct pr_error *e)
{
    int64_t x;
    enum pr_code code =
        pr_sql_int(g, 0, &x, e, "SELECT 1 FROM findings WHERE system = ? LIMIT 1", "s", system);
    if (!code)
        *ret = x != 0;
    return code;
}

enum pr_code pr_gradebook_has_curves(struct pr_gradebook *g, bool *ret, struct pr_error *e)
{
    return has(g, "SELECT 1 FROM series LIMIT 1", ret, e);
}

/* ---- a run through its steps ---- */

/* Of one content at one step the last counts; rows come by step, content and arrival. */
enum pr_code pr_gradebook_run_history(struct pr_gradebook *g, int64_t run_id, const char *options,
    int64_t from, int64_t to, struct pr_run_checkpoint **ret, size_t *ret_n, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    struct pr_run_checkpoint *v = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT c.id, c.step, c.model, o.settings, c.name, c.gone FROM checkpoints c"
        " JOIN openings o ON o.model = c.model AND o.options = ?"
        " WHERE c.run_id = ? AND c.step BETWEEN ? AND ? AND NOT c.reference"
        " ORDER BY c.step, c.model, NOT c.gone, c.id",
        "siii", options, run_id, from, to);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_run_checkpoint x = {.id = sqlite3_column_int64(st, 0),
            .step = sqlite3_column_int64(st, 1),
            .model = sqlite3_column_int64(st, 2),
            .settings = sqlite3_column_int64(st, 3),
            .name = pr_sql_column_text(st, 4),
            .gone = sqlite3_column_int64(st, 5) != 0};
        if (n && v[n - 1].step == x.step && v[n - 1].model == x.model)
            pr_free(v[--n].name);
        PR_PUSH(v, n, cap, x);
    }
    if (code) {
        pr_run_checkpoints_free(v, n);
        return code;
    }
    *ret = v;
    *ret_n = n;
    return PR_OK;
}

void pr_run_checkpoints_free(struct pr_run_checkpoint *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pr_free(v[i].name);
    pr_free(v);
}

static const char *mark_kind(int64_t kind)
{
    static const char *const kinds[] = {"regression", "warning", "baseline", "pin"};
    return kinds[kind & 3];
}

#define PRESENT                                                                                    \
    "d.suite = ?2 AND NOT EXISTS (SELECT 1 FROM decisions l WHERE l.system = d.system"             \
    " AND l.kind = d.kind AND l.checkpoint = d.checkpoint AND l.suite = d.suite AND l.id > d.id)"
#define MARKED                                                                                     \
    " FROM checkpoints c JOIN decisions d ON d.checkpoint = c.id"                                  \
    " AND d.system = 'regression-monitor' AND " PRESENT
enum pr_code pr_gradebook_run_marks(struct pr_gradebook *g, int64_t run_id, int64_t suite,
    struct pr_run_mark **ret, size_t *ret_n, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    struct pr_run_mark *v = NULL;
    size_t n = 0, cap = 0;
    bool row = true;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT c.id, c.step, c.name, iif(d.verdict = 'critical', 0, 1) AS kind,"
        " json_extract(d.evidence, '$.reason') AS text" MARKED
        " WHERE c.run_id = ?1 AND d.kind = 'verdict' AND d.verdict IN ('critical', 'warning')"
        " UNION ALL SELECT c.id, c.step, c.name, 2, json_extract(d.evidence, '$.reason')" MARKED
        " WHERE c.run_id = ?1 AND d.kind = 'baseline' AND d.verdict = 'moved'"
        " UNION ALL SELECT c.id, c.step, c.name, 3, NULL FROM checkpoints c"
        " JOIN pins p ON p.checkpoint = c.id WHERE c.run_id = ?1 ORDER BY 2, 1, 4",
        "ii", run_id, suite);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        struct pr_run_mark x = {.checkpoint = sqlite3_column_int64(st, 0),
            .step = sqlite3_column_int64(st, 1),
            .name = pr_sql_column_text(st, 2),
            .kind = mark_kind(sqlite3_column_int64(st, 3)),
            .text = pr_sql_column_text(st, 4)};
        PR_PUSH(v, n, cap, x);
    }
    if (code) {
        pr_run_marks_free(v, n);
        return code;
    }
    *ret = v;
    *ret_n = n;
    return PR_OK;
}

void pr_run_marks_free(struct pr_run_mark *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pr_free(v[i].name);
        pr_free(v[i].text);
    }
    pr_free(v);
}

static enum pr_code count_groups(
    struct pr_gradebook *g, const char *sql, int64_t suite, json_t **ret, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row = true;
    json_t *o = json_object();
    enum pr_code code = pr_sql_query(g, &st, e, sql, "i", suite);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        char *name = pr_sql_column_text(st, 0);
        pr_json_set_int(o, name, sqlite3_column_int64(st, 1));
        pr_free(name);
    }
    if (code)
        json_decref(o);
    else
        *ret = o;
    return code;
}

#define GROUPS(column)                                                                             \
    "SELECT coalesce(e." column ", 'unspecified'), count(*) FROM suite_examples x"                 \
    " JOIN examples e ON e.id = x.example WHERE x.suite = ? GROUP BY 1 ORDER BY min(x.position)"
enum pr_code pr_gradebook_suite_groups(struct pr_gradebook *g, int64_t suite,
    json_t **ret_difficulties, json_t **ret_skills, struct pr_error *e)
{
    json_t *difficulties;
    enum pr_code code = count_groups(g, GROUPS("difficulty"), suite, &difficulties, e);
    if (code)
        return code;
    if ((code = count_groups(g, GROUPS("skill"), suite, ret_skills, e))) {
        json_decref(difficulties);
        return code;
    }
    *ret_difficulties = difficulties;
    return PR_OK;
}
