/* The supervisor's inside, for its files alone:
 *
 *   supervisor.c   its life: made, reloaded, freed; what is stored and when storing fails
 *   sv_actions.c   what people ask for
 *   sv_alerts.c    alerts raised and cleared, and what is to be said of them
 *   sv_arrivals.c  checkpoints and suites that come, change and go
 *   sv_plan.c      what the systems need, less what is graded: the wanted
 *   sv_deliveries.c, sv_sending.c, sv_outage.c   alerts on their way to the channels
 *   sv_graders.c   the one grader: which checkpoint, which orders, how it ended
 *   sv_grades.c    what it says: opened, grades, done
 *   sv_judges.c    answers that only a command can judge
 *   sv_jobs.c      the systems' turns
 *   sv_curves.c    the training's curves: what its checkpoints logged, and what it does now
 *   sv_probes.c    the curriculum optimizer's probes: child processes that train a little
 *   sv_status.c    findings into the gradebook and the status files
 *   sv_worker.c    a thread that does one thing after the other
 *   sv_move.c      runs of systems that move checkpoints: a thread each, stopped at will
 *   sv_machine.c   GPUs and the host
 *   sv_rules.c     what it watches for beside the systems
 *   sv_state.c     what goes on now, as a document
 *
 * All of it runs on the loop's thread but a task's `work`.  The gradebook is written in one
 * transaction for each turn of the loop: whoever stores something calls pr_sv_begin, and whoever
 * was called by the loop calls pr_sv_end before it returns.
 */
#ifndef PR_DAEMON_SUPERVISOR_INTERNAL_H
#define PR_DAEMON_SUPERVISOR_INTERNAL_H

#include "base/alloc.h"
#include "daemon/arrivals.h"
#include "daemon/channels.h"
#include "daemon/log.h"
#include "daemon/orders.h"
#include "daemon/prober.h"
#include "daemon/question.h"
#include "daemon/quiet.h"
#include "daemon/rules.h"
#include "daemon/suites.h"
#include "daemon/supervisor.h"
#include "gradebook/gradebook.h"
#include "gradebook/machine.h"
#include "grader/grader.h"
#include "machine/machine.h"
#include "systems/training.h"

#define PR_SV_NAME        "watch" /* of the supervisor itself, in logs and alerts */
#define PR_SV_ORDERS      8       /* sent to a grader at a time */
#define PR_SV_MAX_SYSTEMS 32      /* bits of a set of systems */

/* ---- a thread of its own (sv_worker.c) ---- */

struct pr_sv_task {
    void (*work)(struct pr_sv_task *t); /* on the worker; touches nothing but the task */
    void (*done)(struct pr_sv_task *t); /* on the loop afterwards */
    void (*free)(struct pr_sv_task *t); /* after done, or instead of it; on either thread */
    struct pr_sv_task *next;
};
struct pr_sv_worker;
/* The thread starts with its first task and stands back by `nice`. */
PR_MUST_CHECK enum pr_code pr_sv_worker_new(
    struct pr_loop *loop, int nice, struct pr_sv_worker **ret, struct pr_error *e);
void pr_sv_worker_put(struct pr_sv_worker *w, struct pr_sv_task *t);
/* Waits up to ms until nothing is left to be done, and calls `done` of what is. */
void pr_sv_worker_drain(struct pr_sv_worker *w, int64_t ms);
/* No `done` comes after.  Waits up to 700 ms for the task at hand, else leaves the thread to end by
 * itself when that is done. */
void pr_sv_worker_free(struct pr_sv_worker *w);

/* ---- what is wanted (sv_plan.c) ---- */

struct pr_sv_key {
    int64_t model, settings, suite;
};
/* A set of what is graded completely: it stays so, and need not be counted again. */
struct pr_sv_graded {
    struct pr_sv_key *v; /* open addressing; model 0 is a free place */
    size_t n, cap;       /* cap is a power of two */
};

/* A checkpoint that must wait: its grader died, or did not what it was told. */
struct pr_sv_blocked {
    int64_t checkpoint;
    int tries;
    int64_t until_ns; /* monotonic; INT64_MAX: until the configuration or the folder changes */
};

struct pr_sv_plan {
    struct pr_timer timer;
    bool pending;
    struct pr_wanted *v;
    uint32_t *systems; /* a set for each of v: who needs it */
    size_t n, cap, systems_cap;
    struct pr_sv_graded graded;
};

/* ---- the grader (sv_graders.c, sv_grades.c) ---- */

struct pr_sv_order {
    struct pr_order_row row; /* its asked_by is owned, state and reason are not */
    struct pr_sv_line {
        char digest[65];
        char *line;
    } * lines; /* owned: those of its examples that a command judges */
    size_t n_lines, lines_cap;
    size_t n_stored, n_judging;
    bool over; /* `done` came; it ends when nothing of it is being judged any more */
    bool cancelled;
};

struct pr_sv_grader {
    struct pr_grader *p; /* NULL: none runs */
    int fd_in, fd_out;   /* watched; -1: not */
    struct pr_timer timer, idle, retry;
    int64_t checkpoint, model, settings;
    char *path, *name, *sandbox;
    bool opened, leaving, ended;
    bool abandoned; /* killed without blame: what it still says is not listened to */
    bool fresh;     /* opened, and nothing was ordered of it yet */
    struct pr_sv_order orders[PR_SV_ORDERS];
    size_t n_orders;
    int64_t since_ms;
    int n_started; /* since the supervisor started */
};

/* ---- probes (sv_probes.c) ---- */

struct pr_sv_probes {
    struct pr_sv_runner *runner;    /* who asks for them; NULL: nobody */
    struct pr_question *question;   /* as it was when that last ran; NULL: not known */
    struct pr_probe_wanted *wanted; /* what is to be run next; NULL: nothing */
    struct pr_timer again;          /* the budget allows another one then */
    double used_seconds;            /* since it asks */
    struct pr_probe_spent *lost;
    size_t n_lost, lost_cap;
    uint64_t n_started;
    /* the one that runs */
    struct pr_prober *child; /* NULL: none */
    struct pr_probe_wanted *running;
    struct pr_timer timer;
    int64_t since_ns, since_ms, until_ns;
    bool stopping, out_of_time;
    char *stop_reason;
};

/* ---- curves (sv_curves.c) ---- */

struct pr_sv_log; /* of a checkpoint, being read or stored */
struct pr_sv_live {
    int64_t step;
    unsigned has;                       /* bits: which of the values it said */
    double value[PR_TRAINING_N_CURVES]; /* NaN: no number */
};
struct pr_sv_curves {
    struct pr_timer look, store;
    char *status_file;
    int64_t mtime_ns, size;  /* of it, as last read */
    struct pr_sv_live *live; /* seen, not stored yet */
    size_t n_live, live_cap;
    int64_t stored_ns;               /* monotonic: when something live was last stored */
    struct pr_sv_log *first, **last; /* read, to be stored */
};

/* ---- the machine (sv_machine.c) ---- */

struct pr_sv_eye {
    struct pr_sv_worker *worker;
    json_t *(*see)(struct pr_machine *m);
    bool busy;    /* it looks, or hangs */
    json_t *seen; /* NULL: nothing yet */
    int64_t seen_ns, seen_ms;
};
struct pr_sv_machine {
    struct pr_sv_machine_shared *shared;
    struct pr_timer timer;
    int64_t since_ns;
    struct pr_sv_eye gpus, host;
    int64_t stored_ns;
    bool broken;                     /* the curves of the owner before are ended */
    struct pr_machine_value *stored; /* the last that were named; owned */
    size_t n_stored;
};

/* ---- alerts on their way (sv_deliveries.c, sv_sending.c) ---- */

/* A channel's thread, and how it goes there; kept while the supervisor lives. */
struct pr_sv_sender {
    char *name;
    struct pr_sv_worker *worker; /* NULL until there is something to send */
    bool busy;
    bool telling, told;    /* of an outage, from memory */
    int64_t failures;      /* in a row */
    int64_t not_before_ms; /* it asked for that, or enough was sent for now; UTC */
    struct pr_sv_sender *next;
};
struct pr_sv_stop; /* told to whatever is being sent when the process ends */
struct pr_sv_deliveries {
    struct pr_channels channels;
    struct pr_quiet quiet;
    struct pr_sv_sender *senders;
    struct pr_timer timer;
    int64_t wake_ms; /* while a turn decides when the next one is; UTC, 0: no need */
    struct pr_rng rng;
    struct pr_sv_stop *stop;
    int64_t outage_ms; /* since when nothing can be stored; UTC, 0: it can */
    struct pr_timer outage_over;
};

/* ---- the supervisor's own rules (sv_rules.c) ---- */

struct pr_sv_rules {
    struct pr_rules *rules;
    struct pr_timer timer;
    bool busy;        /* what they are about is being read */
    json_t *training; /* as it was read last; NULL: not yet */
    char stamp[65];   /* of its files then */
    int64_t queue_ns; /* when the queue is looked at again; monotonic */
};

/* ---- the systems (sv_jobs.c, sv_status.c) ---- */

struct pr_job {
    const struct pr_system *system;
    int64_t interval_ms; /* as asked; 0: by the configuration */
    json_t *set;         /* owned; NULL: none */
    bool once, dead;
    int64_t asked_ms; /* UTC */
    void (*found)(void *ctx, const json_t *document, bool waiting, const struct pr_error *failed);
    void (*finished)(void *ctx);
    void *ctx;
    struct pr_job *next; /* older */
};

struct pr_sv_mover; /* sv_move.c */

enum pr_sv_file { PR_SV_FILE_UNKNOWN, PR_SV_FILE_WRITTEN, PR_SV_FILE_FAILED };

/* One system, whoever asked for it. */
struct pr_sv_runner {
    struct pr_supervisor *s;
    unsigned index;
    const struct pr_system *system;
    struct pr_job *jobs;     /* newest first; its settings count */
    struct pr_config config; /* with the newest job's settings; base_dir NULL: no job */
    struct pr_timer timer;
    bool running, again; /* again: once more when this run is over */
    int64_t last_run_ms; /* UTC; 0: never */
    uint64_t seen;       /* s->changes as the last applied run saw it */
    bool applied;        /* there was one */
    size_t outstanding;  /* needs that can be met and are not yet */
    json_t *run_set;     /* pr_sv_set as the last run began; owned */
    json_t *document;    /* the last, as in the file; NULL: none yet */
    char *reason;        /* why the last run failed; NULL */
    int failures;        /* in a row */
    enum pr_sv_file file;
    struct pr_sv_mover *mover; /* of a system that moves checkpoints, once it ran (sv_move.c) */
};

struct pr_sv_waiting {
    char *path, *reason;
    bool broken; /* not incomplete: it will not become complete by itself */
};

struct pr_sv_tokens {
    uint64_t scored, generated, prefilled, shared;
};

struct pr_supervisor {
    struct pr_config config;
    char options[65];
    struct pr_loop *loop;
    struct pr_gradebook *g;
    char *db_path, *status_dir;
    int64_t since_ms;
    void (*fatal)(void *ctx, const struct pr_error *why);
    void *fatal_ctx;

    /* storing */
    bool in_transaction, grades_stored, stopped;
    unsigned noted; /* checkpoints, in this turn */
    bool paused;    /* the disk is full: nothing is stored or started until the timer */
    struct pr_timer pause;
    char *pause_reason;
    struct pr_timer compact;
    uint64_t changes; /* rises with whatever a system might see */

    struct pr_arrivals *arrivals;
    int arrivals_fd;
    struct pr_timer arrivals_timer, suites_timer;
    bool scanned;    /* the first look at all folders is over */
    int64_t looked;  /* the last row that it noted: later ones came while we watched */
    bool stage_over; /* a stage of grading was, in this turn: systems run at once */
    int64_t *seen;
    size_t n_seen, seen_cap;
    struct pr_sv_waiting *waiting;
    size_t n_waiting, waiting_cap;
    struct pr_suite_reports suites;
    bool suites_pending;

    struct pr_sv_plan plan;
    struct pr_sv_blocked *blocked;
    size_t n_blocked, blocked_cap;
    struct pr_sv_grader grader;
    struct pr_sv_tokens tokens;
    uint64_t examples; /* graded since the start */

    struct pr_sv_worker *worker, *judge; /* judge: NULL until one is needed */
    struct pr_sv_judges *judges;
    size_t n_judging;

    struct pr_sv_probes probes;
    struct pr_sv_curves curves;
    struct pr_sv_machine machine;
    struct pr_sv_deliveries deliveries;
    struct pr_sv_rules rules;

    struct pr_sv_runner runners[PR_SV_MAX_SYSTEMS];
    size_t n_runners;
    int in_callback; /* jobs are freed after it */
};

/* ---- systems that move checkpoints (sv_move.c) ---- */

/* Before a run: its thread is there, nothing stops it.  The run holds what is returned until
 * pr_sv_mover_leave.  NULL: e says why. */
struct pr_sv_mover *pr_sv_mover_enter(struct pr_sv_runner *r, struct pr_error *e);
void pr_sv_mover_put(struct pr_sv_mover *m, struct pr_sv_task *t);
void pr_sv_mover_fill(struct pr_sv_mover *m, struct pr_move *ret); /* stop, tell, ctx */
void pr_sv_mover_leave(struct pr_sv_mover *m);                     /* any thread; NULL is fine */
void pr_sv_mover_stop(struct pr_sv_runner *r);
void pr_sv_mover_done(struct pr_sv_runner *r); /* waits as pr_sv_worker_free does */
/* A document that stands in for the status until the run is over. */
void pr_sv_show(struct pr_sv_runner *r, json_t *status);

/* ---- storing (supervisor.c) ---- */

/* Opens the transaction of this turn where none is open.  PR_E_IO at once while paused. */
PR_MUST_CHECK enum pr_code pr_sv_begin(struct pr_supervisor *s, struct pr_error *e);
/* Commits it; false: what was stored since pr_sv_begin is lost (and told already). */
bool pr_sv_end(struct pr_supervisor *s);
/* Storing failed: undoes the transaction; a full disk pauses, anything else ends the process. */
void pr_sv_failed(struct pr_supervisor *s, const char *what, const struct pr_error *why);

/* ---- alerts (sv_alerts.c) ---- */

/* The supervisor's own. */
void pr_sv_alert(struct pr_supervisor *s, const char *key, int64_t checkpoint,
    enum pr_alert_level level, const char *fmt, ...) PR_PRINTF(5, 6);
void pr_sv_clear(struct pr_supervisor *s, const char *key);
/* Anybody's, within a transaction: the alert, and a row in `deliveries` for each channel that is to
 * be told. */
PR_MUST_CHECK enum pr_code pr_sv_raise(struct pr_supervisor *s, const char *system, const char *key,
    int64_t checkpoint, enum pr_alert_level level, const char *text, int64_t now_ms,
    bool *ret_fresh, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_sv_lower(struct pr_supervisor *s, const char *system, const char *key,
    int64_t now_ms, bool *ret_was, struct pr_error *e);
/* An alert that is over: what waits is dropped, and its end is said where it was said. */
PR_MUST_CHECK enum pr_code pr_sv_say_over(
    struct pr_supervisor *s, int64_t alert, int64_t now_ms, struct pr_error *e);
PR_MUST_CHECK enum pr_code pr_sv_repeat(struct pr_supervisor *s, const struct pr_alert *a,
    const char *channel, int64_t now_ms, struct pr_error *e);
void pr_sv_end_delivery(
    struct pr_delivery *d, enum pr_delivery_state state, const char *reason, int64_t now_ms);
#define PR_SV_CHANNEL_KEY 80
/* Of the alert that a channel does not work. */
void pr_sv_channel_key(char ret[PR_SV_CHANNEL_KEY], const char *channel);

/* ---- deliveries ---- */

void pr_sv_deliveries_init(struct pr_supervisor *s);
void pr_sv_deliveries_reload(struct pr_supervisor *s); /* the channels as configured now */
void pr_sv_deliveries_resume(struct pr_supervisor *s); /* storing goes on */
/* Gives what is being sent half a second; what is not over then is sent by the next owner. */
void pr_sv_deliveries_done(struct pr_supervisor *s);
void pr_sv_deliveries_soon(struct pr_supervisor *s);
/* Something was not tried yet: a job that runs once waits for that. */
bool pr_sv_deliveries_pending(struct pr_supervisor *s);
/* sv_sending.c: takes rows (n of them, one message) over, also when it fails. */
PR_MUST_CHECK enum pr_code pr_sv_send(struct pr_supervisor *s, struct pr_sv_sender *sender,
    const struct pr_channel *c, struct pr_delivery *rows, size_t n, struct pr_error *e);
struct pr_sv_sender *pr_sv_sender(struct pr_supervisor *s, const char *channel);
struct pr_sv_stop *pr_sv_stop_new(void);
struct pr_sv_stop *pr_sv_stop_join(struct pr_sv_stop *stop);
const atomic_bool *pr_sv_stop_flag(const struct pr_sv_stop *stop);
void pr_sv_stop_set(struct pr_sv_stop *stop);
void pr_sv_stop_leave(struct pr_sv_stop *stop);

/* sv_outage.c: storing failed for want of room (each time it does); something was stored. */
void pr_sv_outage_init(struct pr_supervisor *s);
void pr_sv_outage(struct pr_supervisor *s);
void pr_sv_stored(struct pr_supervisor *s);

/* ---- arrivals and suites (sv_arrivals.c) ---- */

PR_MUST_CHECK enum pr_code pr_sv_watch(struct pr_supervisor *s, struct pr_error *e);
void pr_sv_unwatch(struct pr_supervisor *s);
void pr_sv_arrivals_turn(void *supervisor); /* the timer's */
void pr_sv_arm_arrivals(struct pr_supervisor *s);
void pr_sv_refresh_suites(struct pr_supervisor *s);
/* Why there is no main suite although there are files for one; NULL: that is not so. */
const char *pr_sv_suite_problem(const struct pr_supervisor *s);
/* "refused:12": of a checkpoint. */
void pr_sv_key(char ret[64], const char *what, int64_t checkpoint);

/* ---- plan ---- */

void pr_sv_plan_soon(struct pr_supervisor *s, int64_t ms);
void pr_sv_plan_make(void *supervisor); /* the timer's */
void pr_sv_plan_done(struct pr_sv_plan *p);
const struct pr_wanted *pr_sv_wanted(const struct pr_supervisor *s, int64_t checkpoint);
/* Back-off, longer each time; for_good: until something about it changes. */
void pr_sv_block(struct pr_supervisor *s, int64_t checkpoint, bool for_good);
void pr_sv_unblock(struct pr_supervisor *s, int64_t checkpoint); /* 0: all */
bool pr_sv_is_blocked_for_good(const struct pr_supervisor *s, int64_t checkpoint);

/* ---- grader ---- */

/* Starts, feeds, replaces or ends the grader, as the plan has it. */
void pr_sv_step(struct pr_supervisor *s);
/* Kills it without blame if it grades this checkpoint (0: whichever). */
void pr_sv_abandon(struct pr_supervisor *s, int64_t checkpoint, const char *reason);
void pr_sv_grader_init(struct pr_supervisor *s);
void pr_sv_grader_done(struct pr_supervisor *s);
void pr_sv_grader_events(struct pr_supervisor *s, struct pr_grader_events *ret);
/* How a grader's end is put down; after it nothing of it is left but the process's remains. */
void pr_sv_grader_ended(
    struct pr_supervisor *s, enum pr_grader_end how, const struct pr_error *why);
void pr_sv_order_finish(struct pr_supervisor *s, size_t index, const char *state,
    const char *reason); /* stores its row and drops it */
void pr_sv_order_done(struct pr_sv_order *o);
void pr_sv_close_orders(struct pr_supervisor *s, const char *state, const char *reason);
void pr_sv_settle_orders(struct pr_supervisor *s); /* ends those that are over */
struct pr_sv_order *pr_sv_find_order(struct pr_supervisor *s, int64_t id);
/* False: not stored (and said why). */
bool pr_sv_store_grade(struct pr_supervisor *s, int64_t model, int64_t settings, const char *digest,
    const struct pr_grade *v, struct pr_error *e);
/* What ends a call of the loop in which grades were stored. */
void pr_sv_turn_over(struct pr_supervisor *s);
/* Gives an answer to the judges; it is stored when they have spoken.  False: it cannot be. */
bool pr_sv_judge(struct pr_supervisor *s, const struct pr_sv_order *o, const char *digest,
    const struct pr_grade *g);
void pr_sv_judges_rest(struct pr_supervisor *s); /* ends their processes when all is judged */
void pr_sv_judges_done(struct pr_supervisor *s);

/* ---- probes ---- */

void pr_sv_probes_init(struct pr_supervisor *s);
void pr_sv_probes_start(struct pr_supervisor *s);
void pr_sv_probes_done(struct pr_supervisor *s);
/* Starts the one that is wanted, when nothing is to be graded. */
void pr_sv_probes_step(struct pr_supervisor *s);
/* After a run of a system, applied: f's probe and q are taken over; f NULL: the run failed. */
void pr_sv_probes_found(struct pr_sv_runner *r, struct pr_findings *f, struct pr_question *q);
void pr_sv_probes_forget(struct pr_sv_runner *r); /* nobody asks for this system any more */
/* Stops the one that runs if it started from this checkpoint (0: whichever); it is not stored. */
void pr_sv_probes_abandon(struct pr_supervisor *s, int64_t checkpoint, const char *reason);
/* One runs or is about to, and a job that runs once waits for it. */
bool pr_sv_probes_pending(const struct pr_sv_runner *r);
json_t *pr_sv_probes_state(const struct pr_supervisor *s); /* new reference */

/* ---- curves ---- */

void pr_sv_curves_init(struct pr_supervisor *s);
void pr_sv_curves_start(struct pr_supervisor *s); /* what an owner that died left unread, too */
void pr_sv_curves_done(struct pr_supervisor *s);
/* A checkpoint was opened: its log is read on the worker. */
void pr_sv_curves_opened(struct pr_supervisor *s, const struct pr_checkpoint_row *c);

/* ---- the machine ---- */

PR_MUST_CHECK enum pr_code pr_sv_machine_start(struct pr_supervisor *s, struct pr_error *e);
void pr_sv_machine_done(struct pr_supervisor *s);
/* The last looks that still count, as docs/api.md has a machine, with `at`; new reference. */
json_t *pr_sv_machine_state(const struct pr_supervisor *s);

/* ---- rules ---- */

void pr_sv_rules_init(struct pr_supervisor *s);
void pr_sv_rules_start(struct pr_supervisor *s);
void pr_sv_rules_done(struct pr_supervisor *s);

/* ---- systems ---- */

void pr_sv_run(struct pr_sv_runner *r);
void pr_sv_run_all(struct pr_supervisor *s);
/* Something was opened or graded: those that run once and ask nothing have no need to run. */
void pr_sv_run_graded(struct pr_supervisor *s);
/* After a plan: jobs that run once may be through. */
void pr_sv_check_once(struct pr_supervisor *s);
void pr_sv_reap_jobs(struct pr_supervisor *s);
/* Its interval as the newest job, else the configuration, else the system has it. */
int64_t pr_sv_interval_ms(const struct pr_sv_runner *r);
bool pr_sv_runs_once(const struct pr_sv_runner *r); /* nobody wants it to go on */
/* The settings beside proctor.yaml that are in force: the newest job's, but of an option that asks
 * anew the oldest one's.  New reference. */
json_t *pr_sv_set(const struct pr_sv_runner *r);
/* Only jobs that run once, and by their options another question is asked than the configured one:
 * what is found is told and not decided upon. */
bool pr_sv_only_looks(const struct pr_sv_runner *r);
PR_MUST_CHECK enum pr_code pr_sv_configure(struct pr_sv_runner *r, struct pr_error *e);
void pr_sv_runners_done(struct pr_supervisor *s);
/* Stores what was found (failed NULL) and writes the status file; then tells the jobs. */
void pr_sv_apply(struct pr_sv_runner *r, const struct pr_findings *f, int64_t now_ms,
    const struct pr_error *failed);
/* What a crash between commit and rename left undone. */
void pr_sv_restore_status(struct pr_supervisor *s);

#endif
