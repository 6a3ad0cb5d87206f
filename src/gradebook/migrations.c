/* The schema, a step a version.
 *
 * To change the schema: a step at the end of the table below (never change one that was released),
 * PR_GRADEBOOK_SCHEMA raised, a test that migrates a database of the version before with data in
 * it, docs/gradebook.md.  A step runs in one transaction together with its version number. */
#include "base/fault.h"
#include "base/str.h"
#include "gradebook/sqlite.h"

static const char tables[] =
    "CREATE TABLE models(id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE);"
    "CREATE TABLE runs(id INTEGER PRIMARY KEY, run TEXT NOT NULL, parent INTEGER REFERENCES runs,"
    " parent_step INTEGER, first_checkpoint INTEGER NOT NULL, first_ms INTEGER NOT NULL,"
    " last_ms INTEGER NOT NULL);"
    "CREATE TABLE checkpoints(id INTEGER PRIMARY KEY, path TEXT NOT NULL, name TEXT NOT NULL,"
    " identity TEXT NOT NULL, reference INTEGER NOT NULL, state TEXT NOT NULL, reason TEXT,"
    " gone INTEGER NOT NULL DEFAULT 0, gone_reason TEXT, model INTEGER REFERENCES models,"
    " step INTEGER, run TEXT, history TEXT, run_id INTEGER REFERENCES runs,"
    " found_ms INTEGER NOT NULL, opened_ms INTEGER, weight_bytes INTEGER, parameters INTEGER,"
    " failures INTEGER NOT NULL DEFAULT 0, notes TEXT, bad_weights TEXT,"
    " UNIQUE(path, identity));"
    "CREATE TABLE settings(id INTEGER PRIMARY KEY, fingerprint TEXT NOT NULL UNIQUE,"
    " document TEXT NOT NULL);"
    /* Under which settings a model's grades are, by the options that it was opened with. */
    "CREATE TABLE openings(model INTEGER NOT NULL REFERENCES models, options TEXT NOT NULL,"
    " settings INTEGER NOT NULL REFERENCES settings, at_ms INTEGER NOT NULL,"
    " PRIMARY KEY(model, options)) WITHOUT ROWID;"
    "CREATE TABLE suites(id INTEGER PRIMARY KEY, name TEXT NOT NULL, fingerprint TEXT NOT NULL,"
    " n INTEGER NOT NULL, current INTEGER NOT NULL, first_ms INTEGER NOT NULL,"
    " UNIQUE(name, fingerprint));"
    "CREATE TABLE examples(id INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE,"
    " place BLOB NOT NULL, name TEXT NOT NULL, skill TEXT, difficulty TEXT,"
    " choices INTEGER NOT NULL, line TEXT NOT NULL);"
    "CREATE TABLE suite_examples(suite INTEGER NOT NULL REFERENCES suites,"
    " position INTEGER NOT NULL, example INTEGER NOT NULL REFERENCES examples,"
    " PRIMARY KEY(suite, position)) WITHOUT ROWID;"
    "CREATE TABLE texts(id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, refs INTEGER NOT NULL,"
    " text TEXT NOT NULL);"
    /* Columns without a type keep every bit of what is put in: a short text that looks like a
     * number stays a text, -0.0 stays -0.0. */
    "CREATE TABLE grades(model INTEGER NOT NULL REFERENCES models,"
    " settings INTEGER NOT NULL REFERENCES settings,"
    " example INTEGER NOT NULL REFERENCES examples, flags INTEGER NOT NULL, answer_tokens INTEGER,"
    " nll, loss, confidence, confidence_all, output_tokens INTEGER, answer, output, reason,"
    " loss_reason, correct_reason, choices BLOB,"
    " PRIMARY KEY(model, settings, example)) WITHOUT ROWID;"
    /* The grades of one model under one settings row, summed up; texts 0: all texts are dropped,
     * `cleared`: those of the examples up to this id. */
    "CREATE TABLE graded(model INTEGER NOT NULL REFERENCES models,"
    " settings INTEGER NOT NULL REFERENCES settings, n INTEGER NOT NULL,"
    " first_ms INTEGER NOT NULL, last_ms INTEGER NOT NULL, texts INTEGER NOT NULL,"
    " cleared INTEGER NOT NULL, PRIMARY KEY(model, settings)) WITHOUT ROWID;"
    "CREATE TABLE orders(id INTEGER PRIMARY KEY, checkpoint INTEGER REFERENCES checkpoints,"
    " suite INTEGER REFERENCES suites, asked_by TEXT, priority INTEGER NOT NULL,"
    " state TEXT NOT NULL, reason TEXT, asked_ms INTEGER NOT NULL, ended_ms INTEGER,"
    " examples INTEGER NOT NULL, tokens_scored INTEGER NOT NULL,"
    " tokens_generated INTEGER NOT NULL, tokens_prefilled INTEGER NOT NULL,"
    " tokens_shared INTEGER NOT NULL, seconds REAL);"
    "CREATE TABLE findings(id INTEGER PRIMARY KEY, system TEXT NOT NULL, day INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL, document TEXT NOT NULL);"
    "CREATE TABLE decisions(id INTEGER PRIMARY KEY, system TEXT NOT NULL, kind TEXT NOT NULL,"
    " checkpoint INTEGER REFERENCES checkpoints, suite INTEGER REFERENCES suites,"
    " verdict TEXT NOT NULL, against INTEGER REFERENCES checkpoints, evidence TEXT NOT NULL,"
    " at_ms INTEGER NOT NULL);"
    "CREATE TABLE alerts(id INTEGER PRIMARY KEY, system TEXT NOT NULL, key TEXT NOT NULL,"
    " checkpoint INTEGER REFERENCES checkpoints, level INTEGER NOT NULL, text TEXT NOT NULL,"
    " raised_ms INTEGER NOT NULL, cleared_ms INTEGER, acknowledged_ms INTEGER);";

static const char indexes_and_views[] =
    "CREATE INDEX checkpoints_run ON checkpoints(run, step);"
    "CREATE INDEX checkpoints_run_id ON checkpoints(run_id, step);"
    "CREATE INDEX checkpoints_model ON checkpoints(model);"
    "CREATE INDEX runs_run ON runs(run);"
    "CREATE INDEX texts_hash ON texts(hash);"
    "CREATE INDEX graded_texts ON graded(last_ms) WHERE texts;"
    "CREATE UNIQUE INDEX suites_current ON suites(name) WHERE current;"
    "CREATE INDEX orders_open ON orders(id) WHERE ended_ms IS NULL;"
    "CREATE INDEX orders_ended ON orders(ended_ms) WHERE ended_ms IS NOT NULL;"
    "CREATE INDEX findings_day ON findings(system, day);"
    "CREATE INDEX decisions_key ON decisions(system, kind, checkpoint, suite);"
    "CREATE INDEX decisions_checkpoint ON decisions(checkpoint);"
    "CREATE INDEX decisions_against ON decisions(against);"
    "CREATE UNIQUE INDEX alerts_open ON alerts(system, key) WHERE cleared_ms IS NULL;"
    "CREATE VIEW grade_values AS SELECT model, settings, example, flags & 1 AS graded,"
    " CASE flags >> 6 & 3 WHEN 2 THEN 1 WHEN 1 THEN 0 END AS correct, answer_tokens, nll,"
    " CASE WHEN flags & 4096 THEN nll / answer_tokens ELSE loss END AS loss, confidence,"
    " CASE WHEN flags & 8192 THEN confidence ELSE confidence_all END AS confidence_all,"
    " CASE flags >> 10 & 3 WHEN 1 THEN 'stop' WHEN 2 THEN 'length' WHEN 3 THEN 'choice' END"
    " AS finish, flags >> 2 & 1 AS truncated, flags >> 3 & 1 AS empty,"
    " flags >> 4 & 1 AS well_formed, flags >> 5 & 1 AS think, flags >> 1 & 1 AS bad_number,"
    " output_tokens, flags >> 16 & 1 AS texts_dropped FROM grades;"
    "CREATE VIEW grade_texts AS WITH t AS (SELECT g.*,"
    " CASE typeof(answer) WHEN 'integer' THEN (SELECT text FROM texts WHERE id = g.answer)"
    " ELSE answer END AS a, CASE typeof(output) WHEN 'integer'"
    " THEN (SELECT text FROM texts WHERE id = g.output) ELSE output END AS o,"
    " coalesce(reason, correct_reason, loss_reason) AS r FROM grades g)"
    " SELECT c.id AS checkpoint, c.name AS checkpoint_name, c.step, t.settings, e.name AS example,"
    " e.skill, e.difficulty, CASE flags >> 6 & 3 WHEN 2 THEN 1 WHEN 1 THEN 0 END AS correct,"
    " CASE WHEN flags & 4096 THEN nll / answer_tokens ELSE loss END AS loss, confidence,"
    " a AS answer, CASE flags >> 14 & 3 WHEN 1 THEN a WHEN 2 THEN o || a WHEN 3 THEN o END"
    " AS output, CASE typeof(r) WHEN 'integer' THEN (SELECT text FROM texts WHERE id = r)"
    " ELSE r END AS reason FROM t JOIN checkpoints c ON c.model = t.model"
    " JOIN examples e ON e.id = t.example;"
    "CREATE VIEW checkpoint_scores AS SELECT c.id AS checkpoint, c.name AS checkpoint_name,"
    " c.step, c.run_id, s.name AS suite, v.settings, s.n, count(*) AS n_stored,"
    " sum(v.graded) AS n_graded, sum(v.nll) / sum(iif(v.nll IS NULL, 0, v.answer_tokens)) AS loss,"
    " avg(v.loss) AS loss_mean_per_example, avg(v.correct) AS accuracy,"
    " avg(v.confidence) AS confidence, sum(v.truncated) AS truncated, sum(v.empty) AS empty,"
    " sum(v.bad_number) AS bad_numbers"
    " FROM checkpoints c JOIN graded d ON d.model = c.model JOIN suites s ON s.current"
    " JOIN suite_examples x ON x.suite = s.id JOIN grade_values v"
    " ON v.model = d.model AND v.settings = d.settings AND v.example = x.example"
    " WHERE NOT c.gone GROUP BY c.id, v.settings, s.id;";

static const char probes[] =
    "CREATE TABLE probes(id INTEGER PRIMARY KEY, question TEXT NOT NULL,"
    " checkpoint INTEGER NOT NULL REFERENCES checkpoints, arm TEXT NOT NULL,"
    " seed INTEGER NOT NULL, reason TEXT, n INTEGER NOT NULL, loss REAL, accuracy REAL,"
    " result TEXT, at_ms INTEGER NOT NULL, seconds REAL);"
    "CREATE INDEX probes_question ON probes(question);";

/* Curves (of a training by step, of the machine by time), what people did, and what was said of
 * alerts.  A value without a type keeps NULL apart from a number: logged, and none. */
static const char curves_and_actions[] =
    "CREATE TABLE series(id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, name TEXT NOT NULL,"
    " revision INTEGER NOT NULL DEFAULT 0, logged INTEGER NOT NULL DEFAULT -1,"
    " UNIQUE(run_id, name));"
    "CREATE TABLE points(series INTEGER NOT NULL REFERENCES series, step INTEGER NOT NULL,"
    " value REAL, PRIMARY KEY(series, step)) WITHOUT ROWID;"
    "CREATE TABLE machine_series(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE,"
    " minutes_ms INTEGER NOT NULL DEFAULT 0, tens_ms INTEGER NOT NULL DEFAULT 0);"
    "CREATE TABLE machine_points(series INTEGER NOT NULL REFERENCES machine_series,"
    " at_ms INTEGER NOT NULL, value REAL, PRIMARY KEY(series, at_ms)) WITHOUT ROWID;"
    "CREATE TABLE revision(id INTEGER PRIMARY KEY, n INTEGER NOT NULL); INSERT INTO revision "
    "VALUES(1, 0);"
    "CREATE TABLE pins(checkpoint INTEGER PRIMARY KEY REFERENCES checkpoints,"
    " at_ms INTEGER NOT NULL, who TEXT NOT NULL);"
    "CREATE TABLE actions(id INTEGER PRIMARY KEY, at_ms INTEGER NOT NULL, who TEXT NOT NULL,"
    " origin TEXT NOT NULL, action TEXT NOT NULL, target TEXT, outcome TEXT NOT NULL, reason TEXT);"
    "CREATE TABLE deliveries(id INTEGER PRIMARY KEY, alert INTEGER REFERENCES alerts,"
    " channel TEXT NOT NULL, kind TEXT NOT NULL, level INTEGER NOT NULL, state TEXT NOT NULL,"
    " attempts INTEGER NOT NULL, next_ms INTEGER, made_ms INTEGER NOT NULL, ended_ms INTEGER,"
    " reason TEXT);"
    "CREATE INDEX deliveries_open ON deliveries(next_ms) WHERE ended_ms IS NULL;"
    "CREATE INDEX deliveries_alert ON deliveries(alert);";

static const char *const steps[PR_GRADEBOOK_SCHEMA] = {
    tables, indexes_and_views, probes, curves_and_actions};

static enum pr_code migrate_to(struct pr_gradebook *g, int version, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT(200);
    enum pr_code code = pr_gradebook_begin(g, e);
    if (code)
        return code;
    pr_str_printf(&text, "PRAGMA user_version = %d; PRAGMA application_id = %d", version,
        PR_GRADEBOOK_APPLICATION);
    if (!(code = pr_sql_script(g, steps[version - 1], e)))
        code = pr_sql_script(g, pr_str_cstr(&text), e);
    pr_str_done(&text);
    if (code) {
        pr_gradebook_rollback(g);
        return code;
    }
    pr_fault_point(PR_FAULT_MIGRATION_STEP);
    if ((code = pr_gradebook_commit(g, e)))
        return code;
    g->schema = version;
    pr_fault_point(PR_FAULT_MIGRATION_DONE);
    return PR_OK;
}

enum pr_code pr_gradebook_migrate(struct pr_gradebook *g, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    while (!code && g->schema < PR_GRADEBOOK_SCHEMA) {
        int version = g->schema + 1;
        if ((code = migrate_to(g, version, e)))
            return pr_wrap(e, code, "migrating to schema %d", version);
    }
    return code;
}
