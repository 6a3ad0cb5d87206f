/* The gradebook: proctor.db, where every checkpoint × example is graded once for all systems.
 *
 * One process, the owner of the base folder, holds the one connection that writes
 * (PR_GRADEBOOK_OWN); whoever else looks in opens it read-only and never checkpoints the WAL.  The
 * owner may use the connection from one thread; a worker thread of the owner opens its own
 * read-only one.  synchronous=FULL: what was committed survives a power cut.
 *
 * What is true of content is kept by content: a *model* is a fingerprint, an *example* a digest, a
 * *settings* row a fingerprint of everything else a grade depends on, numerics id included.  A
 * grade is keyed by those three, so an example that two suites share, or that an edited suite file
 * still holds, is graded once.  A *suite* is a version: a name and the fingerprint of its examples;
 * figures are always over the examples of one version.  A *checkpoint* is a place: a folder as it
 * was at one time (its identity), which holds a model.
 *
 * Errors, each message with its remedy:
 *   PR_E_IO           by sys_errno: ENOSPC the disk (or a quota) is full, which passes: what was
 *                     committed stays, the call may be made again later; EIO the disk failed, a
 *                     failed fsync included: stop, nothing that follows can be trusted; EBUSY
 *                     another process holds the file; EACCES, EROFS … it may not be written
 *   PR_E_FORMAT       damaged, or not a gradebook
 *   PR_E_UNSUPPORTED  written by a newer proctor, or (reading) by an older one
 *   PR_E_USAGE        a row that refers to one that is not there; a transaction misused
 * A failure inside of a transaction leaves it to the caller to undo it; SQLite may have done so
 * already, and then every call up to rollback or commit fails.
 */
#ifndef PR_GRADEBOOK_GRADEBOOK_H
#define PR_GRADEBOOK_GRADEBOOK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"
#include "exam/grade.h"
#include "exam/suite.h"

struct pr_gradebook;
enum pr_gradebook_mode {
    PR_GRADEBOOK_READ,
    PR_GRADEBOOK_OWN,
    /* As READ where nobody owns the folder: leaves no file beside it, unless an owner that was
     * killed left its log there, which then has to be read. */
    PR_GRADEBOOK_LOOK
};

/* Opens path ("…/proctor.db"); the owner creates it and brings it to the newest schema, one
 * transaction a migration.  PR_E_NOT_FOUND when reading and it is not there. */
PR_MUST_CHECK enum pr_code pr_gradebook_open(
    const char *path, enum pr_gradebook_mode mode, struct pr_gradebook **ret, struct pr_error *e);
void pr_gradebook_close(struct pr_gradebook *g); /* NULL is fine; an open transaction is undone */
int pr_gradebook_schema(const struct pr_gradebook *g);

/* For a reader that stays.  A number that changes when another connection has committed something
 * other than the machine's curves, which come every few seconds and which nothing but their own
 * charts is made of; cheap, without a transaction.  It never changes on a *fixed* one: a file
 * without a log, which was opened as one that does not change; whoever keeps it must look at the
 * files itself. */
PR_MUST_CHECK enum pr_code pr_gradebook_data_version(
    struct pr_gradebook *g, int64_t *ret, struct pr_error *e);
bool pr_gradebook_is_fixed(const struct pr_gradebook *g);
/* What is read past this moment (monotonic) fails with PR_E_CANCELLED; 0: no such moment. */
void pr_gradebook_set_deadline(struct pr_gradebook *g, int64_t monotonic_ns);

/* A transaction of the owner, or a consistent picture for a reader.  Not nested.  A commit that
 * fails has undone it.  Without one, each call that changes something is a transaction. */
PR_MUST_CHECK enum pr_code pr_gradebook_begin(struct pr_gradebook *g, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_gradebook_commit(struct pr_gradebook *g, struct pr_error *e);
void pr_gradebook_rollback(struct pr_gradebook *g); /* nothing when none is open */
bool pr_gradebook_in_transaction(const struct pr_gradebook *g);

/* PRAGMA integrity_check and foreign_key_check: one line a problem, at most 100.  pr_names_free. */
PR_MUST_CHECK enum pr_code pr_gradebook_check(
    struct pr_gradebook *g, char ***ret_problems, size_t *ret_n, struct pr_error *e);

/* ---- checkpoints (checkpoints.c) ---- */

#define PR_CHECKPOINT_STATES(X)                                                                    \
    X(FOUND, "found")             /* complete, not yet opened */                                   \
    X(READY, "ready")             /* opened: fingerprint, step and run are known */                \
    X(REFUSED, "refused")         /* cannot be used, `reason` says why */                          \
    X(QUARANTINED, "quarantined") /* its grader died of it twice, `reason` says how */             \
    X(GONE, "gone")               /* the folder is not there any more, or was rewritten */
enum pr_checkpoint_state {
#define PR_X(name, text) PR_CHECKPOINT_##name,
    PR_CHECKPOINT_STATES(PR_X)
#undef PR_X
};
const char *pr_checkpoint_state_name(enum pr_checkpoint_state s);

struct pr_checkpoint_row {
    int64_t id;
    char *path, *name; /* the folder, and its last component */
    char
        identity[65]; /* of the files as they are: a hash over their names, sizes, inodes, mtimes */
    bool reference;   /* models.reference of the configuration: not ranked, not judged */
    enum pr_checkpoint_state state;
    char *reason;  /* NULL where there is none */
    int64_t model; /* 0: not known yet */
    char fingerprint[65];
    int64_t step; /* -1: not known */
    char run[17], history[17];
    int64_t run_id; /* 0: not known yet.  Runs as the gradebook tells them apart, see below */
    int64_t found_ms, opened_ms; /* UTC; 0: not yet */
    uint64_t weight_bytes, parameters;
    int failures;        /* graders that died of it */
    json_t *notes;       /* owned: what was odd about it, an array of texts; NULL: not known */
    json_t *bad_weights; /* owned: tensors with NaN or infinities, an array of names; NULL: none */
};
void pr_checkpoint_row_done(struct pr_checkpoint_row *r);
void pr_checkpoint_rows_free(struct pr_checkpoint_row *rows, size_t n);

/* Notes a complete folder with this identity.  A row of the same path and identity is found again
 * (and if it was GONE, is again what it was before: FOUND, READY, REFUSED or QUARANTINED); one of
 * the same path and another identity becomes GONE. */
PR_MUST_CHECK enum pr_code pr_gradebook_note_checkpoint(struct pr_gradebook *g, const char *path,
    const char *identity, bool reference, int64_t now_ms, int64_t *ret_id, struct pr_error *e);

/* What opening a checkpoint told. */
struct pr_opened {
    char fingerprint[65];
    struct pr_checkpoint_origin origin;
    uint64_t weight_bytes, parameters;
    json_t *notes, *bad_weights; /* borrowed; NULL: none */
    const char *options;         /* fingerprint of the options it was opened with */
    char settings_fingerprint[65];
    json_t *settings; /* borrowed: the document behind it */
};
/* Fills a row in: READY, its model, its settings under these options, and its run.  A run is
 * (origin.run); a checkpoint whose (run, step) is known there with another history begins a new run
 * whose parent is the old one; those of the same name that follow come to the newest run that their
 * step can belong to.  (runs.c) */
PR_MUST_CHECK enum pr_code pr_gradebook_set_opened(struct pr_gradebook *g, int64_t checkpoint,
    const struct pr_opened *o, int64_t now_ms, struct pr_error *e);
/* REFUSED, QUARANTINED, GONE (its other state is kept for its return), or FOUND again; reason may
 * be NULL. */
PR_MUST_CHECK enum pr_code pr_gradebook_set_state(struct pr_gradebook *g, int64_t checkpoint,
    enum pr_checkpoint_state state, const char *reason, struct pr_error *e);
/* One more grader died of it; *ret how many that makes. */
PR_MUST_CHECK enum pr_code pr_gradebook_add_failure(
    struct pr_gradebook *g, int64_t checkpoint, const char *reason, int *ret, struct pr_error *e);

struct pr_checkpoint_filter {
    bool gone;        /* also those that are not there any more */
    int64_t run_id;   /* 0: all runs */
    const char *name; /* of this folder name or path; NULL: all */
    size_t newest;    /* 0: all; else the last so many of the order, the reference not counted */
};
/* Ordered by run (oldest first; those not opened yet after all runs), step, time of arrival; the
 * reference last.  f NULL: all that are there.
 * pr_checkpoint_rows_free. */
PR_MUST_CHECK enum pr_code pr_gradebook_checkpoints(struct pr_gradebook *g,
    const struct pr_checkpoint_filter *f, struct pr_checkpoint_row **ret, size_t *ret_n,
    struct pr_error *e);
/* PR_E_NOT_FOUND when there is none of this id. */
PR_MUST_CHECK enum pr_code pr_gradebook_checkpoint(
    struct pr_gradebook *g, int64_t id, struct pr_checkpoint_row *ret, struct pr_error *e);

struct pr_run_row {
    int64_t id, parent; /* parent 0: none */
    char run[17];
    int64_t parent_step; /* the last step that it shares with its parent; -1 without one */
    int64_t first_ms, last_ms;
};
/* pr_free. */
PR_MUST_CHECK enum pr_code pr_gradebook_runs(
    struct pr_gradebook *g, struct pr_run_row **ret, size_t *ret_n, struct pr_error *e);

/* ---- suites, settings (suites.c) ---- */

struct pr_suite_row {
    int64_t id;
    char *name;
    char fingerprint[65];
    size_t n;
    bool current; /* the version in use under its name */
    int64_t first_ms;
};
void pr_suite_rows_free(struct pr_suite_row *rows, size_t n);
/* Stores a suite as it was read (examples once, by digest) and makes it the current version of its
 * name; finds it again when it is there.  The examples are those of s as they stand, a selection
 * included, and the fingerprint is over them: the same examples make the same suite. */
PR_MUST_CHECK enum pr_code pr_gradebook_put_suite(struct pr_gradebook *g, const struct pr_suite *s,
    int64_t now_ms, int64_t *ret_id, struct pr_error *e);
/* The name has no current version any more (its files are gone); its grades stay. */
PR_MUST_CHECK enum pr_code pr_gradebook_retire_suite(
    struct pr_gradebook *g, const char *name, struct pr_error *e);
/* Those of the user's folders.  A name that begins with PR_SUITE_OWN is of examples that a system
 * wants asked for itself (no folder is called so); own_suites gives the current ones of these. */
#define PR_SUITE_OWN "."
PR_MUST_CHECK enum pr_code pr_gradebook_suites(struct pr_gradebook *g, bool current_only,
    struct pr_suite_row **ret, size_t *ret_n, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_gradebook_own_suites(
    struct pr_gradebook *g, struct pr_suite_row **ret, size_t *ret_n, struct pr_error *e);
/* Builds it again from the stored lines, in its own order; pr_suite_free.  A check that may run a
 * command is read as it stands; it is the daemon that decides about running it. */
PR_MUST_CHECK enum pr_code pr_gradebook_load_suite(
    struct pr_gradebook *g, int64_t id, struct pr_suite **ret, struct pr_error *e);

/* The settings row that a model's grades have under these options (a fingerprint of the grading
 * options of the configuration and of proctor's own arithmetic); *ret 0 when it was never opened
 * under them. */
PR_MUST_CHECK enum pr_code pr_gradebook_settings(
    struct pr_gradebook *g, int64_t model, const char *options, int64_t *ret, struct pr_error *e);
/* The document of a settings row; new reference. */
PR_MUST_CHECK enum pr_code pr_gradebook_settings_document(
    struct pr_gradebook *g, int64_t settings, json_t **ret, struct pr_error *e);

/* ---- grades (grades.c) ---- */

/* Stores a grade by (model, settings, example): one that is there already stays as it is, *ret_new
 * (may be NULL) says which.  The example is told by its digest in hex (grade->example is not looked
 * at); PR_E_NOT_FOUND when no suite ever had it.  A grade that was not given (graded false) is
 * stored with its reason. */
PR_MUST_CHECK enum pr_code pr_gradebook_put_grade(struct pr_gradebook *g, int64_t model,
    int64_t settings, const char *digest, const struct pr_grade *grade, int64_t now_ms,
    bool *ret_new, struct pr_error *e);
/* All grades of a suite's examples: one place for each example in the suite's order; where there is
 * no grade yet, `graded` is false and `reason` NULL.  suite is borrowed by *ret and must outlive it
 * (loaded from this gradebook).  The texts of answers are left out unless `texts`.
 * pr_grades_free. */
PR_MUST_CHECK enum pr_code pr_gradebook_grades(struct pr_gradebook *g,
    const struct pr_checkpoint_row *checkpoint, int64_t settings, const struct pr_suite *suite,
    bool texts, struct pr_grades **ret, struct pr_error *e);
/* How many of a suite's examples have a grade (or the reason why none is possible). */
PR_MUST_CHECK enum pr_code pr_gradebook_count(struct pr_gradebook *g, int64_t model,
    int64_t settings, int64_t suite, size_t *ret_done, size_t *ret_all, struct pr_error *e);

/* An example to be graded, as an order carries it. */
struct pr_example_row {
    int64_t id;
    char digest[65];
    char *line; /* JSON: {"line":{…},"difficulty":"…"}: the line as it was read, and its file's
                   difficulty */
};
void pr_example_rows_free(struct pr_example_row *rows, size_t n);
/* A suite's examples without a grade, in the order that all checkpoints share: by
 * SHA-256("order" + digest), a random one that no outcome can influence. */
PR_MUST_CHECK enum pr_code pr_gradebook_missing(struct pr_gradebook *g, int64_t model,
    int64_t settings, int64_t suite, struct pr_example_row **ret, size_t *ret_n,
    struct pr_error *e);
/* The place of each of a suite's examples in that order: ret[k] is the index, in the suite's own
 * order, of the example that comes k-th.  s->n places; pr_free. */
void pr_gradebook_order(const struct pr_suite *s, size_t **ret);

/* ---- orders (orders.c): what was ordered, for whom, and what it cost ---- */

struct pr_order_row {
    int64_t id, checkpoint, suite;
    char *asked_by; /* systems, comma-separated */
    int priority;
    char *state;  /* "waiting", "running", "done", "cancelled", "failed" */
    char *reason; /* of the end, or NULL */
    int64_t asked_ms, ended_ms;
    uint64_t examples, tokens_scored, tokens_generated, tokens_prefilled, tokens_shared;
    double seconds;
};
void pr_order_rows_free(struct pr_order_row *rows, size_t n);
/* id 0 adds a row and sets id; else its row is replaced. */
PR_MUST_CHECK enum pr_code pr_gradebook_put_order(
    struct pr_gradebook *g, struct pr_order_row *row, struct pr_error *e);
/* Orders left open by an owner that died become "cancelled". */
PR_MUST_CHECK enum pr_code pr_gradebook_close_orders(
    struct pr_gradebook *g, const char *reason, int64_t now_ms, struct pr_error *e);
/* The newest first, at most limit; open_only: waiting and running. */
PR_MUST_CHECK enum pr_code pr_gradebook_orders(struct pr_gradebook *g, bool open_only, size_t limit,
    struct pr_order_row **ret, size_t *ret_n, struct pr_error *e);

/* ---- findings, decisions, alerts (findings.c) ---- */

/* What a system last found: its status document, by system.  It takes the place of those of the
 * same day: several runs a checkpoint, kept whole, would outgrow the grades, and what a system
 * decided is kept as decisions. */
PR_MUST_CHECK enum pr_code pr_gradebook_put_finding(struct pr_gradebook *g, const char *system,
    const json_t *document, int64_t now_ms, struct pr_error *e);
/* The newest; *ret NULL where there is none.  New reference. */
PR_MUST_CHECK enum pr_code pr_gradebook_finding(
    struct pr_gradebook *g, const char *system, json_t **ret, int64_t *ret_ms, struct pr_error *e);

/* A decision with the evidence of its moment.  It is never changed; a later one of the same system,
 * kind, checkpoint and suite takes its place as the present one. */
struct pr_decision {
    int64_t id;
    char *system, *kind;       /* kind: "verdict", "baseline", "ranking", "test" … */
    int64_t checkpoint, suite; /* 0: none */
    char *verdict;             /* "ok", "warning", "critical", "moved" … */
    int64_t against;           /* the checkpoint that it was compared with; 0: none */
    json_t *evidence;          /* owned, an object */
    int64_t at_ms;
};
void pr_decision_done(struct pr_decision *d);
void pr_decisions_free(struct pr_decision *v, size_t n);
PR_MUST_CHECK enum pr_code pr_gradebook_put_decision(
    struct pr_gradebook *g, const struct pr_decision *d, struct pr_error *e);
struct pr_decision_filter {
    const char *system, *kind; /* NULL: any */
    int64_t checkpoint, suite; /* 0: any */
    int64_t against;           /* 0: any; else `checkpoint` is 0 */
    bool present_only;         /* only the last of each (system, kind, checkpoint, suite) */
    size_t limit;              /* 0: all */
};
/* Oldest first; with a limit, the last so many. */
PR_MUST_CHECK enum pr_code pr_gradebook_decisions(struct pr_gradebook *g,
    const struct pr_decision_filter *f, struct pr_decision **ret, size_t *ret_n,
    struct pr_error *e);

enum pr_alert_level { PR_ALERT_INFO, PR_ALERT_WARNING, PR_ALERT_CRITICAL };
const char *pr_alert_level_name(enum pr_alert_level l);
struct pr_alert {
    int64_t id;
    char *system, *key; /* an open alert is one of its (system, key): raising it again changes it */
    int64_t checkpoint; /* 0: none */
    enum pr_alert_level level;
    char *text;
    int64_t raised_ms, cleared_ms, acknowledged_ms; /* 0: not */
};
void pr_alerts_free(struct pr_alert *v, size_t n);
/* *ret_new (may be NULL): it was not open before, or its level rose. */
PR_MUST_CHECK enum pr_code pr_gradebook_raise(struct pr_gradebook *g, const char *system,
    const char *key, int64_t checkpoint, enum pr_alert_level level, const char *text,
    int64_t now_ms, bool *ret_new, struct pr_error *e);
/* Clears an open alert; nothing when there is none. */
PR_MUST_CHECK enum pr_code pr_gradebook_clear(struct pr_gradebook *g, const char *system,
    const char *key, int64_t now_ms, struct pr_error *e);
/* Somebody has seen it; PR_E_NOT_FOUND when there is none of this id. */
PR_MUST_CHECK enum pr_code pr_gradebook_acknowledge(
    struct pr_gradebook *g, int64_t alert, int64_t now_ms, struct pr_error *e);
/* Newest first. */
PR_MUST_CHECK enum pr_code pr_gradebook_alerts(struct pr_gradebook *g, bool open_only, size_t limit,
    struct pr_alert **ret, size_t *ret_n, struct pr_error *e);

/* ---- probes (probes.c) ---- */

/* One probe of the curriculum optimizer: trained a little from a checkpoint, then examined. */
struct pr_probe_row {
    int64_t id;         /* set by put */
    char *question;     /* fingerprint of what must be alike for probes to be compared: pool, suite
                         * version, tokens, learning rate, trainer; "": it was given up, and only
                         * its seconds count */
    int64_t checkpoint; /* it started from */
    char *arm;          /* a strategy, or "random_again" */
    int64_t seed;
    char *reason;          /* why it failed; NULL: it did not */
    int64_t n;             /* graded examples */
    double loss, accuracy; /* loss: mean over examples; NaN: unknown */
    json_t *result;        /* owned: the whole document; where it failed NULL, or what tells how:
                            * out_of_time,        diverged */
    int64_t at_ms;
    double seconds;
};
PR_MUST_CHECK enum pr_code pr_gradebook_put_probe(
    struct pr_gradebook *g, const struct pr_probe_row *p, int64_t *ret_id, struct pr_error *e);
/* Oldest first; question NULL: of all questions; limit 0: all, else the newest so many. */
PR_MUST_CHECK enum pr_code pr_gradebook_probes(struct pr_gradebook *g, const char *question,
    size_t limit, struct pr_probe_row **ret, size_t *ret_n, struct pr_error *e);
void pr_probe_rows_free(struct pr_probe_row *v, size_t n);

/* ---- curves of a training (points.c) ---- */

struct pr_point {
    int64_t step;
    double value; /* NaN: logged, and no number */
};
/* The last step up to which a run's curve is what its checkpoints' logs say; -1: none. */
PR_MUST_CHECK enum pr_code pr_gradebook_logged(
    struct pr_gradebook *g, int64_t run_id, const char *name, int64_t *ret, struct pr_error *e);
/* What a checkpoint's log says of the steps after `logged` up to `to`: its points take the place of
 * what was seen live up to the last of them, which is `logged` then.  The steps of v rise; of one
 * that comes twice the last counts. */
PR_MUST_CHECK enum pr_code pr_gradebook_log_points(struct pr_gradebook *g, int64_t run_id,
    const char *name, const struct pr_point *v, size_t n, int64_t to, struct pr_error *e);
/* Seen while it trains.  run_id 0: of a training whose first checkpoint is still to come; steps
 * from this one on that were seen before are dropped: it went back. */
PR_MUST_CHECK enum pr_code pr_gradebook_live_point(struct pr_gradebook *g, int64_t run_id,
    const char *name, const struct pr_point *p, struct pr_error *e);
/* The training without a run has one now: what was seen of it after `step` becomes the run's, the
 * rest is dropped (run_id 0: all of it). */
PR_MUST_CHECK enum pr_code pr_gradebook_adopt_points(
    struct pr_gradebook *g, int64_t run_id, int64_t step, struct pr_error *e);

/* The run that a training which stands at this step belongs to: the one that a checkpoint came to
 * last, unless that is further already (then a new one has begun, which has no checkpoint yet: 0).
 */
PR_MUST_CHECK enum pr_code pr_gradebook_live_run(
    struct pr_gradebook *g, int64_t step, int64_t *ret, struct pr_error *e);

/* ---- retention (compact.c) ---- */

struct pr_retention {
    int64_t now_ms;
    int64_t texts_days; /* answers of older grades lose their text, not their numbers; 0: never */
    int64_t findings_days; /* older findings are dropped, but a system's newest; 0: never */
    int64_t orders_days;   /* ended orders, and ended deliveries of alerts that are cleared */
    size_t batch;          /* rows a call at most, so that no call takes long; 0: 2000 */
};
/* One step of the work, in a transaction of its own; *ret_more says that there is more.  Texts of
 * the 10 newest checkpoints of each run, of the reference and of pinned checkpoints stay, and so do
 * those of an example that the evidence of a decision about the checkpoint (or against it) cites:
 * by its digest or id, as a string anywhere in it.  Decisions and alerts are never dropped. */
PR_MUST_CHECK enum pr_code pr_gradebook_compact(
    struct pr_gradebook *g, const struct pr_retention *r, bool *ret_more, struct pr_error *e);

struct pr_gradebook_size {
    uint64_t bytes, wal_bytes, free_bytes;
    uint64_t checkpoints, models, examples, grades, texts, decisions, findings, alerts;
};
PR_MUST_CHECK enum pr_code pr_gradebook_size(
    struct pr_gradebook *g, struct pr_gradebook_size *ret, struct pr_error *e);

#endif
