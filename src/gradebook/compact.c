/* Retention and size.
 *
 * Texts are dropped a model at a time, in the order of their ages, a batch of grades a call; where
 * the work stands is in graded.cleared, so that it goes on after anything.  Freed pages are given
 * back to the file system in small steps. */
#include <string.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/str.h"
#include "gradebook/sqlite.h"

#define BATCH      2000
#define GIVE_BACK  256 /* pages a call */
#define KEEP_STEPS 10  /* texts of so many newest checkpoints of each run stay */

/* What decisions about a model cite: every string anywhere in their evidence. */
static void collect_strings(const json_t *v, json_t *set)
{
    const char *key;
    json_t *one;
    size_t i;
    if (json_is_string(v))
        json_object_set_new_nocheck(set, json_string_value(v), json_true());
    json_array_foreach ((json_t *)(uintptr_t)v, i, one)
        collect_strings(one, set);
    if (json_is_object(v))
        json_object_foreach ((json_t *)(uintptr_t)v, key, one)
            collect_strings(one, set);
}

static enum pr_code cited(struct pr_gradebook *g, int64_t model, json_t **ret, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row = true;
    json_t *set = json_object();
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT d.evidence FROM checkpoints c CROSS JOIN decisions d ON d.checkpoint = c.id"
        " WHERE c.model = ?1 UNION ALL"
        " SELECT d.evidence FROM checkpoints c CROSS JOIN decisions d ON d.against = c.id"
        " WHERE c.model = ?1",
        "i", model);
    while (!code && !(code = pr_sql_step(g, st, &row, e)) && row) {
        json_t *evidence;
        if ((code = pr_sql_column_json(st, 0, &evidence, e))) {
            pr_sql_done(st);
            break;
        }
        collect_strings(evidence, set);
        json_decref(evidence);
    }
    if (code) {
        json_decref(set);
        return code;
    }
    *ret = set;
    return PR_OK;
}

struct old_grade {
    int64_t example, answer, output; /* texts; 0: none, or short */
};

static enum pr_code drop_texts_of(struct pr_gradebook *g, int64_t model, int64_t settings,
    const struct old_grade *old, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e,
        "UPDATE grades SET answer = NULL, output = NULL, flags = flags | ?"
        " WHERE model = ? AND settings = ? AND example = ?",
        "iiii", (int64_t)PR_GRADE_TEXTS_DROPPED, model, settings, old->example);
    if (!code && old->answer)
        code = pr_text_release(g, old->answer, e);
    if (!code && old->output)
        code = pr_text_release(g, old->output, e);
    return code;
}

static int64_t text_id(sqlite3_stmt *st, int column)
{
    return sqlite3_column_type(st, column) == SQLITE_INTEGER ? sqlite3_column_int64(st, column) : 0;
}

/* The next grades of a model, from `after` on; *ret_last how far they went, and whether that is the
 * end. */
static enum pr_code next_grades(struct pr_gradebook *g, int64_t model, int64_t settings,
    int64_t after, size_t batch, const json_t *keep, struct old_grade **ret, size_t *ret_n,
    int64_t *ret_last, bool *ret_end, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row = true;
    size_t seen = 0, n = 0, cap = 0;
    struct old_grade *v = NULL;
    *ret_last = after;
    enum pr_code code = pr_sql_query(g, &st, e,
        "SELECT g.example, g.answer, g.output, e.digest, e.name, g.answer IS NULL AND"
        " g.output IS NULL FROM grades g CROSS JOIN examples e ON e.id = g.example"
        " WHERE g.model = ? AND g.settings = ? AND g.example > ? ORDER BY g.example LIMIT ?",
        "iiii", model, settings, after, (int64_t)batch);
    for (; !code && !(code = pr_sql_step(g, st, &row, e)) && row; seen++) {
        struct old_grade o = {sqlite3_column_int64(st, 0), text_id(st, 1), text_id(st, 2)};
        char digest[PR_SHA256_HEX];
        char *name = pr_sql_column_text(st, 4);
        pr_sql_column_copy(st, 3, digest, sizeof digest);
        bool stays = json_object_get(keep, digest) || (name && json_object_get(keep, name));
        pr_free(name);
        *ret_last = o.example;
        if (!stays && !sqlite3_column_int(st, 5))
            PR_PUSH(v, n, cap, o);
    }
    *ret_end = seen < batch;
    *ret = v;
    *ret_n = n;
    return code;
}

static enum pr_code clear_model(struct pr_gradebook *g, int64_t model, int64_t settings,
    int64_t after, size_t batch, struct pr_error *e)
{
    struct old_grade *v = NULL;
    size_t n = 0;
    int64_t last;
    bool end = false;
    json_t *keep;
    enum pr_code code = cited(g, model, &keep, e);
    if (code)
        return code;
    code = next_grades(g, model, settings, after, batch, keep, &v, &n, &last, &end, e);
    for (size_t i = 0; i < n && !code; i++)
        code = drop_texts_of(g, model, settings, &v[i], e);
    pr_free(v);
    json_decref(keep);
    return code ? code
                : pr_sql_run(g, e,
                      "UPDATE graded SET cleared = ?, texts = ? WHERE model = ? AND settings = ?",
                      "iiii", last, (int64_t)!end, model, settings);
}

/* The oldest model whose texts are due, but the newest of each run, the reference, and what is
 * pinned. */
static enum pr_code drop_texts(
    struct pr_gradebook *g, int64_t before_ms, size_t batch, bool *ret_more, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row;
    enum pr_code code = pr_sql_query(g, &st, e,
        "WITH newest(model) AS (SELECT model FROM (SELECT model, row_number() OVER"
        " (PARTITION BY run_id ORDER BY step DESC, id DESC) AS k FROM checkpoints"
        " WHERE NOT gone AND model IS NOT NULL AND NOT reference) WHERE k <= ?2"
        " UNION SELECT model FROM checkpoints WHERE reference AND NOT gone"
        " AND model IS NOT NULL"
        " UNION SELECT model FROM checkpoints WHERE id IN (SELECT checkpoint FROM pins)"
        " AND model IS NOT NULL)"
        " SELECT model, settings, cleared FROM graded WHERE texts AND last_ms < ?1"
        " AND model NOT IN (SELECT model FROM newest) ORDER BY last_ms LIMIT 1",
        "ii", before_ms, (int64_t)KEEP_STEPS);
    if (code || (code = pr_sql_step(g, st, &row, e)))
        return code;
    *ret_more = row;
    if (!row)
        return PR_OK;
    int64_t model = sqlite3_column_int64(st, 0), settings = sqlite3_column_int64(st, 1),
            cleared = sqlite3_column_int64(st, 2);
    pr_sql_done(st);
    return clear_model(g, model, settings, cleared, batch, e);
}

static int64_t days_before(int64_t now_ms, int64_t days)
{
    return days < now_ms / PR_GRADEBOOK_DAY_MS ? now_ms - days * PR_GRADEBOOK_DAY_MS : 0;
}

/* A system's newest stays, however old. */
static enum pr_code drop_findings(
    struct pr_gradebook *g, int64_t before_ms, size_t batch, bool *ret_more, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e,
        "DELETE FROM findings WHERE id IN (SELECT id FROM findings f WHERE at_ms < ?"
        " AND EXISTS (SELECT 1 FROM findings l WHERE l.system = f.system AND l.id > f.id) LIMIT ?)",
        "ii", before_ms, (int64_t)batch);
    *ret_more = !code && (size_t)sqlite3_changes(g->db) >= batch;
    return code;
}

static enum pr_code drop_orders(
    struct pr_gradebook *g, int64_t before_ms, size_t batch, bool *ret_more, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e,
        "DELETE FROM orders WHERE id IN (SELECT id FROM orders WHERE ended_ms < ? LIMIT ?)", "ii",
        before_ms, (int64_t)batch);
    *ret_more = !code && (size_t)sqlite3_changes(g->db) >= batch;
    return code;
}

/* Those of an alert that is open tell where its end is to be said. */
static enum pr_code drop_deliveries(
    struct pr_gradebook *g, int64_t before_ms, size_t batch, bool *ret_more, struct pr_error *e)
{
    enum pr_code code = pr_sql_run(g, e,
        "DELETE FROM deliveries WHERE id IN (SELECT d.id FROM deliveries d LEFT JOIN alerts a"
        " ON a.id = d.alert WHERE d.ended_ms < ? AND (a.id IS NULL OR a.cleared_ms IS NOT NULL)"
        " LIMIT ?)",
        "ii", before_ms, (int64_t)batch);
    *ret_more = !code && (size_t)sqlite3_changes(g->db) >= batch;
    return code;
}

/* One kind of work a call; the first that has any left. */
static enum pr_code drop_some(
    struct pr_gradebook *g, const struct pr_retention *r, bool *ret_more, struct pr_error *e)
{
    const struct {
        enum pr_code (*drop)(struct pr_gradebook *g, int64_t before_ms, size_t batch,
            bool *ret_more, struct pr_error *e);
        int64_t days;
    } kinds[] = {{drop_texts, r->texts_days}, {drop_findings, r->findings_days},
        {drop_orders, r->orders_days}, {drop_deliveries, r->orders_days}};
    size_t batch = r->batch ? r->batch : BATCH;
    enum pr_code code = PR_OK;
    *ret_more = false;
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && !code && !*ret_more; i++)
        if (kinds[i].days > 0)
            code = kinds[i].drop(g, days_before(r->now_ms, kinds[i].days), batch, ret_more, e);
    return code;
}

/* A database that was copied by .recover or VACUUM INTO may have lost its auto_vacuum: then free
 * pages stay, to be filled again, and there is no more to be done about them. */
static enum pr_code give_back(struct pr_gradebook *g, bool *ret_more, struct pr_error *e)
{
    struct pr_str sql = PR_STR_INIT(100);
    int64_t before, after;
    enum pr_code code = pr_sql_int(g, 0, &before, e, "PRAGMA freelist_count", "");
    if (code || !before) {
        *ret_more = false;
        return code;
    }
    pr_str_printf(&sql, "PRAGMA incremental_vacuum(%d)", GIVE_BACK);
    code = pr_sql_script(g, pr_str_cstr(&sql), e);
    pr_str_done(&sql);
    if (!code)
        code = pr_sql_int(g, 0, &after, e, "PRAGMA freelist_count", "");
    if (!code)
        *ret_more = after > 0 && after < before;
    return code;
}

enum pr_code pr_gradebook_compact(
    struct pr_gradebook *g, const struct pr_retention *r, bool *ret_more, struct pr_error *e)
{
    bool more;
    enum pr_code code = pr_gradebook_begin(g, e);
    if (code)
        return code;
    if ((code = drop_some(g, r, &more, e))) {
        pr_gradebook_rollback(g);
        return code;
    }
    pr_fault_point(PR_FAULT_COMPACTED);
    if ((code = pr_gradebook_commit(g, e)) || (!more && (code = give_back(g, &more, e))))
        return code;
    *ret_more = more;
    return PR_OK;
}

static uint64_t file_bytes(const char *path, const char *end)
{
    struct stat st;
    struct pr_str name = PR_STR_INIT(1 << 16);
    pr_str_printf(&name, "%s%s", path, end);
    uint64_t n = stat(pr_str_cstr(&name), &st) ? 0 : (uint64_t)st.st_size;
    pr_str_done(&name);
    return n;
}

enum pr_code pr_gradebook_size(
    struct pr_gradebook *g, struct pr_gradebook_size *ret, struct pr_error *e)
{
    sqlite3_stmt *st = NULL;
    bool row;
    int64_t page, free_pages;
    enum pr_code code;
    if ((code = pr_sql_int(g, 0, &page, e, "PRAGMA page_size", "")) ||
        (code = pr_sql_int(g, 0, &free_pages, e, "PRAGMA freelist_count", "")) ||
        (code = pr_sql_query(g, &st, e,
             "SELECT (SELECT count(*) FROM checkpoints), (SELECT count(*) FROM models),"
             " (SELECT count(*) FROM examples), (SELECT coalesce(sum(n), 0) FROM graded),"
             " (SELECT count(*) FROM texts), (SELECT count(*) FROM decisions),"
             " (SELECT count(*) FROM findings), (SELECT count(*) FROM alerts)",
             "")) ||
        (code = pr_sql_step(g, st, &row, e)))
        return code;
    uint64_t *counts[] = {&ret->checkpoints, &ret->models, &ret->examples, &ret->grades,
        &ret->texts, &ret->decisions, &ret->findings, &ret->alerts};
    for (int i = 0; i < 8; i++)
        *counts[i] = row ? (uint64_t)sqlite3_column_int64(st, i) : 0;
    pr_sql_done(st);
    ret->bytes = file_bytes(g->path, "");
    ret->wal_bytes = file_bytes(g->path, "-wal");
    ret->free_bytes = (uint64_t)(page * free_pages);
    return PR_OK;
}
