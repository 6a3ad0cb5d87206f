/* What a system found: into the gradebook in one transaction, then into its status file, then to
 * whoever asked.  A crash in between leaves a finding whose file is older; the next start writes
 * it. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "daemon/supervisor_internal.h"

#define MAX_STATUS_FILE ((size_t)64 << 20)
#define MAX_ALERTS      100000
#define MAX_ASKED       ((size_t)16 << 20) /* of one line */

/* ---- the document ---- */

static const char *const envelope_keys[] = {
    "schema_version", "system", "state", "state_reason", "last_run", "proctor_version", "set"};

static bool is_envelope(const char *key)
{
    for (size_t i = 0; i < sizeof envelope_keys / sizeof *envelope_keys; i++)
        if (!strcmp(key, envelope_keys[i]))
            return true;
    return false;
}

static json_t *envelope(
    const struct pr_sv_runner *r, const char *state, const char *reason, int64_t now_ms)
{
    char at[32];
    json_t *doc = json_object();
    pr_clock_iso8601(now_ms, at);
    pr_json_set_int(doc, "schema_version", 1);
    pr_json_set_str(doc, "system", r->system->name);
    pr_json_set_str(doc, "state", state);
    pr_json_set_str(doc, "state_reason", reason);
    pr_json_set_str(doc, "last_run", at);
    pr_json_set_str(doc, "proctor_version", PR_VERSION);
    if (json_object_size(r->run_set)) /* other settings than proctor.yaml's */
        pr_json_set(doc, "set", json_deep_copy(r->run_set));
    return doc;
}

/* A system sees that there is no suite; why its files cannot be used is known here. */
static json_t *found_document(
    const struct pr_sv_runner *r, const struct pr_findings *f, int64_t now_ms)
{
    struct pr_str reason = PR_STR_INIT(1 << 14);
    const char *problem = f->waiting && !r->system->act ? pr_sv_suite_problem(r->s) : NULL;
    if (problem)
        pr_str_printf(&reason, "suite %s cannot be used: %s", PR_SUITE_MAIN, problem);
    else if (f->waiting)
        pr_str_puts(&reason, f->waiting);
    json_t *doc = envelope(
        r, f->waiting ? "waiting" : "ok", f->waiting ? pr_str_cstr(&reason) : NULL, now_ms);
    pr_str_done(&reason);
    json_object_update_missing(doc, f->status);
    return doc;
}

/* The fields stay, so that readers find them, and none shows a figure of before. */
static json_t *failed_document(
    const struct pr_sv_runner *r, const struct pr_error *failed, int64_t now_ms)
{
    const char *key;
    json_t *value, *doc = envelope(r, "failed", failed->message, now_ms);
    json_object_foreach (r->document, key, value) {
        if (!is_envelope(key))
            pr_json_set(doc, key, json_is_array(value) ? json_array() : json_null());
    }
    return doc;
}

/* But for the time of the run. */
static bool says_the_same(const json_t *a, const json_t *b)
{
    json_t *x = json_copy((json_t *)a), *y = json_copy((json_t *)b);
    json_object_del(x, "last_run");
    json_object_del(y, "last_run");
    bool same = json_equal(x, y);
    json_decref(x);
    json_decref(y);
    return same;
}

/* ---- the gradebook ---- */

static bool is_found(const struct pr_findings *f, const char *key)
{
    for (size_t i = 0; f && i < f->n_alerts; i++)
        if (!strcmp(f->alerts[i].key, key))
            return true;
    return false;
}

static enum pr_code clear_alerts(
    struct pr_sv_runner *r, const struct pr_findings *f, int64_t now_ms, struct pr_error *e)
{
    struct pr_supervisor *s = r->s;
    struct pr_alert *open;
    size_t n;
    enum pr_code code = pr_gradebook_alerts(s->g, true, MAX_ALERTS, &open, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n && !code; i++)
        if (!strcmp(open[i].system, r->system->name) && !is_found(f, open[i].key)) {
            bool was;
            code = pr_sv_lower(s, open[i].system, open[i].key, now_ms, &was, e);
            pr_log(
                PR_LOG_INFO, r->system->name, "alert-cleared", "key=%s", pr_log_quote(open[i].key));
        }
    pr_alerts_free(open, n);
    return code;
}

static enum pr_code raise_alerts(
    struct pr_sv_runner *r, const struct pr_findings *f, int64_t now_ms, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < f->n_alerts && !code; i++) {
        const struct pr_finding_alert *a = &f->alerts[i];
        bool fresh = false;
        code = pr_sv_raise(
            r->s, r->system->name, a->key, a->checkpoint, a->level, a->text, now_ms, &fresh, e);
        if (fresh)
            pr_log(PR_LOG_WARN, r->system->name, "alert", "level=%s checkpoint=%lld text=%s",
                pr_alert_level_name(a->level), (long long)a->checkpoint, pr_log_quote(a->text));
    }
    return code;
}

/* {"line": …} as pr_example_pack has it. */
static enum pr_code asked_suite(
    const struct pr_sv_runner *r, const json_t *ask, struct pr_suite **ret, struct pr_error *e)
{
    size_t n = json_array_size(ask);
    char name[80], **lines = pr_zalloc((n + 1) * sizeof *lines);
    snprintf(name, sizeof name, PR_SUITE_OWN "%s", r->system->name);
    for (size_t i = 0; i < n; i++) {
        struct pr_str text = PR_STR_INIT(MAX_ASKED);
        pr_str_puts(&text, "{\"line\":");
        pr_json_dump(json_array_get(ask, i), 0, 0, &text);
        pr_str_putc(&text, '}');
        lines[i] = pr_str_take(&text);
    }
    enum pr_code code = pr_suite_from_lines(
        name, (const char *const *)lines, n, r->s->config.allow_commands, ret, e);
    pr_names_free(lines, n);
    return code;
}

/* What the system wants asked becomes its own suite; a line that is no example is its mistake and
 * leaves the suite as it was. */
static enum pr_code store_asked(
    struct pr_sv_runner *r, const json_t *ask, int64_t now_ms, struct pr_error *e)
{
    struct pr_suite *s = NULL;
    char name[80];
    int64_t id;
    snprintf(name, sizeof name, PR_SUITE_OWN "%s", r->system->name);
    if (!ask)
        return PR_OK;
    if (!json_array_size(ask))
        return pr_gradebook_retire_suite(r->s->g, name, e);
    if (asked_suite(r, ask, &s, e)) {
        pr_log(PR_LOG_ERROR, r->system->name, "not-asked", "error=%s", pr_log_quote(e->message));
        return PR_OK;
    }
    enum pr_code code = pr_gradebook_put_suite(r->s->g, s, now_ms, &id, e);
    pr_suite_free(s);
    return code;
}

static enum pr_code store_findings(
    struct pr_sv_runner *r, const struct pr_findings *f, int64_t now_ms, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    size_t n = pr_sv_only_looks(r) ? 0 : f->n_decisions;
    for (size_t i = 0; i < n && !code; i++) {
        const struct pr_decision *d = &f->decisions[i];
        code = pr_gradebook_put_decision(r->s->g, d, e);
        if (!code && !strcmp(d->kind, "baseline"))
            pr_fault_point(PR_FAULT_BASELINE_MOVED);
        pr_log(PR_LOG_INFO, r->system->name, "decision",
            "kind=%s checkpoint=%lld suite=%lld verdict=%s", d->kind, (long long)d->checkpoint,
            (long long)d->suite, d->verdict);
    }
    if (!code && !pr_sv_only_looks(r))
        code = store_asked(r, f->ask, now_ms, e);
    if (!code)
        code = raise_alerts(r, f, now_ms, e);
    return code ? code : clear_alerts(r, f, now_ms, e);
}

/* One transaction.  f NULL: the run failed, and what was decided and raised stays as it is. */
static enum pr_code store(struct pr_sv_runner *r, const json_t *doc, const struct pr_findings *f,
    int64_t now_ms, struct pr_error *e)
{
    struct pr_supervisor *s = r->s;
    enum pr_code code = PR_OK;
    int64_t at;
    if (!pr_sv_end(s)) /* what this turn stored before is not part of it */
        return pr_fail(e, PR_E_CANCELLED, "nothing is stored now");
    if ((code = pr_sv_begin(s, e)))
        return code;
    if (!r->document)
        code = pr_gradebook_finding(s->g, r->system->name, &r->document, &at, e);
    if (!code && (!r->document || !says_the_same(r->document, doc)))
        code = pr_gradebook_put_finding(s->g, r->system->name, doc, now_ms, e);
    if (!code && f)
        code = store_findings(r, f, now_ms, e);
    if (code)
        return code;
    pr_fault_point(PR_FAULT_APPLY_INSERTED);
    if (!pr_sv_end(s))
        return pr_fail(e, PR_E_CANCELLED, "nothing is stored now");
    pr_fault_point(PR_FAULT_APPLY_COMMITTED);
    return PR_OK;
}

/* ---- the file ---- */

static enum pr_code write_document(const char *path, const json_t *doc, struct pr_error *e)
{
    struct pr_str out = PR_STR_INIT(MAX_STATUS_FILE);
    pr_json_dump(doc, 2, 0, &out);
    pr_str_putc(&out, '\n');
    enum pr_code code = out.over ? pr_fail(e, PR_E_LIMIT, "%s: too large", path)
                                 : pr_file_write_atomic(path, out.data, out.len, e);
    pr_str_done(&out);
    return code;
}

/* A folder that cannot be written to is the user's to mend; grading goes on. */
static void write_status(struct pr_sv_runner *r, const json_t *doc)
{
    struct pr_supervisor *s = r->s;
    struct pr_error e;
    char key[80];
    char *path = pr_path_join(s->status_dir, r->system->status_file);
    snprintf(key, sizeof key, "status-file:%s", r->system->name);
    if (write_document(path, doc, &e)) {
        if (r->file != PR_SV_FILE_FAILED)
            pr_log(
                PR_LOG_ERROR, r->system->name, "status-file", "error=%s", pr_log_quote(e.message));
        pr_sv_alert(
            s, key, 0, PR_ALERT_WARNING, "the status file cannot be written: %s", e.message);
        r->file = PR_SV_FILE_FAILED;
    } else if (r->file != PR_SV_FILE_WRITTEN) {
        pr_sv_clear(s, key);
        r->file = PR_SV_FILE_WRITTEN;
    }
    pr_sv_end(s);
    pr_free(path);
}

/* ---- applying ---- */

static void tell(struct pr_sv_runner *r, const struct pr_findings *f, const struct pr_error *failed)
{
    struct pr_supervisor *s = r->s;
    json_t *doc = json_incref(r->document);
    s->in_callback++;
    for (struct pr_job *j = r->jobs; j; j = j->next)
        if (!j->dead && j->found)
            j->found(j->ctx, failed ? NULL : doc, !failed && f->waiting, failed);
    s->in_callback--;
    json_decref(doc);
    pr_sv_reap_jobs(s);
}

void pr_sv_apply(struct pr_sv_runner *r, const struct pr_findings *f, int64_t now_ms,
    const struct pr_error *failed)
{
    struct pr_error e;
    json_t *doc = failed ? failed_document(r, failed, now_ms) : found_document(r, f, now_ms);
    if (failed)
        pr_log(
            PR_LOG_ERROR, r->system->name, "run-failed", "error=%s", pr_log_quote(failed->message));
    if (store(r, doc, failed ? NULL : f, now_ms, &e)) {
        json_decref(doc);
        r->again = true;
        pr_sv_failed(r->s, "store what was found", &e);
        return;
    }
    json_decref(r->document);
    r->document = doc;
    r->last_run_ms = now_ms;
    pr_free(r->reason);
    r->reason = failed ? pr_strdup(failed->message) : NULL;
    r->failures = failed ? r->failures + 1 : 0;
    write_status(r, doc);
    tell(r, f, failed);
}

void pr_sv_show(struct pr_sv_runner *r, json_t *status)
{
    struct pr_error e;
    int64_t now_ms = pr_clock_utc_ms();
    const struct pr_findings f = {.status = status};
    json_t *doc = found_document(r, &f, now_ms);
    if (store(r, doc, NULL, now_ms, &e)) {
        json_decref(doc);
        pr_sv_failed(r->s, "store how far it is", &e);
        return;
    }
    json_decref(r->document);
    r->document = doc;
    write_status(r, doc);
}

/* ---- after a crash ---- */

/* Does the file say what the gradebook says, or something later? */
static bool is_current(const char *path, const json_t *finding)
{
    struct pr_error e;
    json_t *doc;
    if (pr_json_read(AT_FDCWD, path, MAX_STATUS_FILE, PR_JSON_STRICT, &doc, &e))
        return false;
    const char *a = json_string_value(json_object_get(doc, "last_run")),
               *b = json_string_value(json_object_get(finding, "last_run"));
    bool current = says_the_same(doc, finding) || (a && b && strcmp(a, b) > 0);
    json_decref(doc);
    return current;
}

static void restore_one(struct pr_supervisor *s, const struct pr_system *system)
{
    struct pr_error e;
    json_t *finding = NULL;
    int64_t at;
    char *path = pr_path_join(s->status_dir, system->status_file);
    enum pr_code code = pr_gradebook_finding(s->g, system->name, &finding, &at, &e);
    if (!code && finding && !is_current(path, finding))
        code = write_document(path, finding, &e);
    if (code)
        pr_log(PR_LOG_WARN, system->name, "status-file", "error=%s", pr_log_quote(e.message));
    json_decref(finding);
    pr_free(path);
}

/* Temporary files of ours: "<status file>.tmp.XXXXXX". */
static void remove_stale(struct pr_supervisor *s, const struct pr_system *system)
{
    struct pr_error e;
    char **names;
    size_t n, k = strlen(system->status_file);
    if (pr_dir_list(s->status_dir, &names, &n, &e))
        return;
    for (size_t i = 0; i < n; i++) {
        if (strncmp(names[i], system->status_file, k) || strncmp(names[i] + k, ".tmp.", 5) ||
            strlen(names[i]) != k + 11)
            continue;
        char *path = pr_path_join(s->status_dir, names[i]);
        unlink(path);
        pr_free(path);
    }
    pr_names_free(names, n);
}

void pr_sv_restore_status(struct pr_supervisor *s)
{
    size_t n;
    const struct pr_system *const *systems = pr_systems(&n);
    for (size_t i = 0; i < n; i++) {
        restore_one(s, systems[i]);
        remove_stale(s, systems[i]);
    }
}
