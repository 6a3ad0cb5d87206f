/* The systems: each one file behind one small interface, in one table.
 *
 * To add a system:
 *   1. a file src/systems/<name>.c with its one `const struct pr_system pr_system_<name>`;
 *   2. a line in PR_SYSTEMS below and the file in src/systems/meson.build;
 *   3. nothing for its command: cli/cmd_system.c makes it from what is here;
 *   4. its keys in daemon/config.c, its fields in settings.h;
 *   5. its test in tests/unit/systems/ (a hand-made gradebook, no model) and its section in
 *      docs/systems.md.
 *
 * A system is three steps.  `plan` says what must be graded; the supervisor orders what the
 * gradebook lacks, once for all systems.  `run` reads a view and finds: a status document,
 * decisions with their evidence, alerts.  It may be slow, runs on a worker thread, and changes
 * nothing in the gradebook; a system with `uses_data` may write files of the queue and of its own,
 * in steps of which each is atomic and may be repeated.  Applying is the same for all and not
 * theirs: one transaction stores what was found, then the status file appears.  Both are called
 * with whatever grades there are: a system says what it can stand behind now, and `state:
 * "waiting"` with a reason for what it cannot.
 */
#ifndef PR_SYSTEMS_SYSTEM_H
#define PR_SYSTEMS_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json.h"
#include "gradebook/gradebook.h"
#include "systems/move.h"
#include "systems/view.h"

#define PR_SYSTEMS(X)                                                                              \
    X(regression_monitor)                                                                          \
    X(model_comparison)                                                                            \
    X(confidence_calibrator)                                                                       \
    X(automated_testing)                                                                           \
    X(curriculum_optimizer)                                                                        \
    X(adversarial_miner)                                                                           \
    X(self_correction)                                                                             \
    X(data_generation)                                                                             \
    X(checkpoint_sync)                                                                             \
    X(auto_deployment)

enum pr_role { PR_ROLE_TRAINING = 1, PR_ROLE_INFERENCE = 2, PR_ROLE_ALL = 3 };

/* An option of `proctor <system>`: another way to say a key of proctor.yaml, for this system. */
struct pr_system_option {
    const char *name; /* "threshold" */
    const char *key;  /* "monitor.threshold"; NULL: another name of --interval */
    const char *arg;  /* NULL: a flag, which sets its key to true */
    const char *help;
    /* Probes that were run under another value answer another question: while anybody has the
     * system run, its value stays. */
    bool asks_anew;
};

/* Priorities of grading orders: the larger goes first; within one the newest checkpoint. */
enum pr_priority {
    PR_PRIORITY_BACKFILL = 10, /* older checkpoints, the reference, further suites of old ones */
    PR_PRIORITY_OWN = 20,      /* what a system asks for itself */
    PR_PRIORITY_REST = 40,     /* the rest of an order after its first examples */
    PR_PRIORITY_NEWEST = 60,   /* the newest checkpoint */
    PR_PRIORITY_ALARM = 80     /* what decides about an alarm */
};

struct pr_need {
    int64_t checkpoint, suite;
    int priority;
};
struct pr_needs {
    struct pr_need *v;
    size_t n, cap;
};
/* Of what is added twice the higher priority counts. */
void pr_needs_add(struct pr_needs *n, int64_t checkpoint, int64_t suite, int priority);

struct pr_finding_alert {
    char *key; /* stays the same for the same cause, so that it is raised once */
    int64_t checkpoint;
    enum pr_alert_level level;
    char *text;
};
/* A probe that a system asks for.  The supervisor runs one at a time, when nothing is to be graded
 * and the budget allows, stores its outcome in the gradebook, and lets the system run again. */
struct pr_probe_wanted {
    int64_t checkpoint;
    char *question, *arm;
    int64_t seed;
    json_t *progress; /* owned: struct pr_probe_options' */
    json_t *unasked;  /* owned: {id: why} of the examples that its start could not be asked */
};
void pr_probe_wanted_free(struct pr_probe_wanted *p);
/* What a run found.  Everything is owned by it. */
struct pr_findings {
    /* The system's own fields; the supervisor adds schema_version, system, last_run, state … in
     * front.  Never NULL after a successful run. */
    json_t *status;
    char *waiting; /* what it waits for, or NULL: nothing */
    struct pr_decision *decisions;
    size_t n_decisions, decisions_cap;
    struct pr_finding_alert *alerts; /* all that hold now: open ones that are missing are cleared */
    size_t n_alerts, alerts_cap;
    struct pr_probe_wanted *probe; /* owned; NULL: none */
    json_t *ask;                   /* owned: pr_findings_ask; NULL: as it was */
    void *errand;                  /* what `run` leaves to `act` (move.h) */
    void (*errand_free)(void *errand);
    bool again; /* `act` left something to a run that sees anew: it follows at once */
};
void pr_findings_done(struct pr_findings *f);
void pr_findings_decide(struct pr_findings *f, const char *system, const char *kind,
    int64_t checkpoint, int64_t suite, const char *verdict, int64_t against,
    json_t *evidence /* stolen */, int64_t now_ms);
void pr_findings_alert(struct pr_findings *f, const char *key, int64_t checkpoint,
    enum pr_alert_level level, const char *fmt, ...) PR_PRINTF(5, 6);

/* An example that the system wants asked beside the suites, as a line of a data set with an id; it
 * must have no other content than whatever had this id before.  All that are added become the next
 * version of the system's own suite (pr_view_own), which its plan then names like any other and no
 * other system sees.  What is graded already is not asked again, so that a run may repeat what was
 * there and add to it.  line is stolen; NULL: nothing is asked any more unless more is added. */
void pr_findings_ask(struct pr_findings *f, json_t *line);

struct pr_system {
    const char *name;        /* "regression-monitor": the command, and the key in logs */
    const char *status_file; /* "regression_monitoring.json" */
    const char *summary;     /* one line for lists and --help */
    const char *about;       /* paragraphs for --help */
    unsigned roles;          /* enum pr_role, or-ed: the machines that run it */
    int interval_s;          /* by default */
    const char *needs;       /* key without whose value `proctor run` leaves it out; NULL: none */
    bool uses_pool;          /* its views have a pool, where one can be had */
    bool uses_data;          /* its views have data */
    bool asks_nothing;       /* no grade or checkpoint matters to it: with --once it runs once */
    const struct pr_system_option *options;
    size_t n_options;
    enum pr_code (*plan)(struct pr_view *v, struct pr_needs *ret, struct pr_error *e);
    enum pr_code (*run)(struct pr_view *v, struct pr_findings *ret, struct pr_error *e);
    /* Of a system that moves checkpoints (move.h), else NULL: it has a thread for its runs, its
     * views have `move`, and this follows on `run`. */
    enum pr_code (*act)(const struct pr_move *m, struct pr_findings *f, struct pr_error *e);
};

#define PR_X(name) extern const struct pr_system pr_system_##name;
PR_SYSTEMS(PR_X)
#undef PR_X

const struct pr_system *const *pr_systems(size_t *ret_n);
const struct pr_system *pr_system_find(const char *name);

#endif
