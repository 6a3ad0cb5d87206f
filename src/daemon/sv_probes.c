/* Probes of the curriculum optimizer: one `proctor probe` at a time, when nothing is to be graded
 * and the budget allows.
 *
 * A system's findings say which probe it wants next; here it is started, watched, and its outcome
 * stored in one transaction, after which the system runs again.  A probe is niced below graders
 * (curriculum.nice) rather than stopped for them: what it measures takes no time of its own, a
 * stopped trainer would keep its memory, and with the default nice values a grader beside it gets
 * nine tenths of a CPU that both want.  What a probe took is counted whether it came to something
 * or not, those that were given up in rows of their own.  Killed at any moment, the owner loses the
 * probe that ran and nothing else; the child gets SIGTERM when its parent dies. */
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "daemon/supervisor_internal.h"

#define GRACE_MS   2000 /* between SIGTERM and SIGKILL */
#define REAP_MS    10
#define MAX_LOST   100
#define MAX_REASON 400
#define NO_ROOM_MS 60000

/* ---- what is wanted ---- */

static void drop_wanted(struct pr_supervisor *s)
{
    pr_probe_wanted_free(s->probes.wanted);
    s->probes.wanted = NULL;
}

void pr_sv_probes_found(struct pr_sv_runner *r, struct pr_findings *f, struct pr_question *q)
{
    struct pr_supervisor *s = r->s;
    struct pr_sv_probes *p = &s->probes;
    if (!r->system->uses_pool) {
        pr_question_free(q);
        return;
    }
    drop_wanted(s);
    p->runner = r;
    if (!q) /* what is known of the question stays */
        return;
    pr_question_free(p->question);
    p->question = q;
    if (f) {
        p->wanted = f->probe;
        f->probe = NULL;
    }
    const char *now = q->view.question;
    if (p->child && (!now || strcmp(now, p->running->question) != 0))
        pr_sv_probes_abandon(s, 0, "another question is asked now");
}

void pr_sv_probes_forget(struct pr_sv_runner *r)
{
    struct pr_sv_probes *p = &r->s->probes;
    if (p->runner != r)
        return;
    pr_sv_probes_abandon(r->s, 0, "nobody asks for it any more");
    drop_wanted(r->s);
    pr_timer_stop(r->s->loop, &p->again);
    p->runner = NULL;
    p->used_seconds = 0;
}

/* ---- the budget ---- */

static bool is_decided(const struct pr_sv_runner *r)
{
    const char *decision = json_string_value(json_object_get(r->document, "decision"));
    return decision && !strcmp(decision, "decided");
}

/* Jobs that run once are content with a decision, and may spend the budget's share of one interval.
 */
static bool is_round_spent(const struct pr_supervisor *s)
{
    const struct pr_sv_runner *r = s->probes.runner;
    double share = (double)r->config.settings.curriculum_budget_percent / 100;
    double seconds = (double)pr_sv_interval_ms(r) / 1000;
    return pr_sv_runs_once(r) && (is_decided(r) || s->probes.used_seconds >= share * seconds);
}

static bool is_wanted(const struct pr_supervisor *s)
{
    const struct pr_sv_probes *p = &s->probes;
    return p->runner && p->wanted && p->question && p->question->view.question &&
           !strcmp(p->question->view.question, p->wanted->question) && !is_round_spent(s);
}

/* A job that runs once beside one that goes on does not wait for what that will do. */
bool pr_sv_probes_pending(const struct pr_sv_runner *r)
{
    const struct pr_supervisor *s = r->s;
    if (s->probes.runner != r || !pr_sv_runs_once(r))
        return false;
    return s->probes.child || (is_wanted(s) && !s->probes.question->view.budget_until_ms);
}

static void again(void *ctx)
{
    struct pr_supervisor *s = ctx;
    if (s->probes.runner)
        pr_sv_run(s->probes.runner);
}

static void spend(struct pr_supervisor *s, double seconds, bool lost)
{
    struct pr_sv_probes *p = &s->probes;
    p->used_seconds += seconds;
    if (!lost)
        return;
    if (p->n_lost == MAX_LOST)
        memmove(p->lost, p->lost + 1, --p->n_lost * sizeof *p->lost);
    struct pr_probe_spent x = {pr_clock_utc_ms(), seconds};
    PR_PUSH(p->lost, p->n_lost, p->lost_cap, x);
}

/* ---- its end ---- */

static double seconds_of(const struct pr_sv_probes *p)
{
    return (double)(pr_clock_monotonic_ns() - p->since_ns) / 1e9;
}

static void put_away(struct pr_supervisor *s)
{
    struct pr_sv_probes *p = &s->probes;
    pr_timer_stop(s->loop, &p->timer);
    pr_prober_free(p->child, s->loop);
    pr_probe_wanted_free(p->running);
    pr_free(p->stop_reason);
    p->child = NULL;
    p->running = NULL;
    p->stop_reason = NULL;
    p->stopping = p->out_of_time = false;
}

/* What it trained gives NaN or infinity: the optimizer tells this from other failures. */
static json_t *set_diverged(json_t *o)
{
    json_t *ret = o ? o : json_object();
    pr_json_set_bool(ret, "diverged", true);
    return ret;
}

/* The built-in trainer stops at a loss, a gradient or parameters that are not finite; what another
 * program says of its end is not known here. */
static bool did_training_diverge(const struct pr_sv_probes *p)
{
    bool builtin = !json_array_size(p->runner->config.probe_command);
    return builtin && pr_prober_diverged(p->child);
}

static void fill_result(
    const struct pr_sv_probes *p, json_t *o, struct pr_probe_row *row, char *reason, size_t size)
{
    struct pr_error e;
    const char *why = NULL;
    int64_t n_bad = 0, samples = p->runner->config.settings.curriculum_samples;
    row->loss = row->accuracy = NAN;
    if (pr_json_get_int(o, "n", true, 0, INT32_MAX, &row->n, &e) ||
        pr_json_get_real(o, "loss_mean_per_example", false, -1e300, 1e300, &row->loss, &e) ||
        pr_json_get_int(o, "n_bad", false, 0, INT32_MAX, &n_bad, &e) ||
        pr_json_get_real(o, "accuracy", false, 0, 1, &row->accuracy, &e)) {
        snprintf(reason, size, "what it printed is no outcome: %.300s", e.message);
        row->loss = NAN;
    } else if (n_bad) {
        snprintf(reason, size,
            "its model diverged: NaN or infinity came out of it for %lld of %lld examples",
            (long long)n_bad, (long long)row->n);
        row->loss = row->accuracy = NAN;
        set_diverged(o);
    } else if (!pr_question_fits(p->question, samples, p->running->unasked, o, reason, size)) {
        row->loss = row->accuracy = NAN; /* its mean is over other examples than the others' */
    } else if (!isfinite(row->loss)) {
        (void)!pr_json_get_str(o, "loss_mean_per_example_reason", false, &why, NULL);
        snprintf(reason, size, "its model's loss is unknown: %.300s", why ? why : "not a number");
    }
}

/* What came of it as a row; reason "" where it was done. */
static json_t *outcome(struct pr_supervisor *s, struct pr_probe_row *row, char *reason, size_t size)
{
    struct pr_sv_probes *p = &s->probes;
    json_t *o = NULL;
    double may = (double)p->runner->config.settings.curriculum_probe_seconds;
    row->loss = row->accuracy = NAN;
    if (p->out_of_time || (!pr_prober_ok(p->child) && row->seconds >= may)) {
        snprintf(reason, size, "it was not done after %.0f s (curriculum.probe_seconds)", may);
        o = json_object();
        pr_json_set_bool(o, "out_of_time", true);
        pr_json_set_real(o, "seconds_allowed", may, NULL);
        return o;
    }
    o = pr_prober_result(p->child, reason, size);
    if (o)
        fill_result(p, o, row, reason, size);
    else if (did_training_diverge(p))
        o = set_diverged(NULL);
    return o;
}

static void store(struct pr_supervisor *s)
{
    struct pr_sv_probes *p = &s->probes;
    struct pr_error e;
    char reason[MAX_REASON] = "";
    struct pr_probe_row row = {.question = p->running->question,
        .checkpoint = p->running->checkpoint,
        .arm = p->running->arm,
        .seed = p->running->seed,
        .at_ms = pr_clock_utc_ms(),
        .seconds = seconds_of(p)};
    row.result = outcome(s, &row, reason, sizeof reason);
    row.reason = reason[0] ? reason : NULL;
    bool lost = pr_sv_begin(s, &e) || pr_gradebook_put_probe(s->g, &row, NULL, &e);
    if (lost)
        pr_sv_failed(s, "store a probe", &e);
    spend(s, row.seconds, lost);
    s->changes++;
    pr_log(row.reason ? PR_LOG_WARN : PR_LOG_INFO, PR_SV_NAME, "probe-over",
        "checkpoint=%lld strategy=%s seed=%lld seconds=%.1f loss=%.6g reason=%s",
        (long long)row.checkpoint, row.arm, (long long)row.seed, row.seconds, row.loss,
        pr_log_quote(reason));
    json_decref(row.result);
}

/* What it took counts, also for the owner after this one: a row of no question, so that nobody
 * takes it for an outcome. */
static void store_given_up(struct pr_supervisor *s)
{
    struct pr_sv_probes *p = &s->probes;
    struct pr_error e;
    char reason[MAX_REASON];
    snprintf(
        reason, sizeof reason, "given up: %.300s", p->stop_reason ? p->stop_reason : "it ends");
    char none[] = "";
    struct pr_probe_row row = {.question = none,
        .checkpoint = p->running->checkpoint,
        .arm = p->running->arm,
        .seed = p->running->seed,
        .reason = reason,
        .loss = NAN,
        .accuracy = NAN,
        .at_ms = pr_clock_utc_ms(),
        .seconds = seconds_of(p)};
    bool lost = pr_sv_begin(s, &e) || pr_gradebook_put_probe(s->g, &row, NULL, &e);
    if (lost)
        pr_sv_failed(s, "store a probe", &e);
    spend(s, row.seconds, lost);
    pr_log(PR_LOG_INFO, PR_SV_NAME, "probe-abandoned",
        "strategy=%s seed=%lld seconds=%.1f reason=%s", row.arm, (long long)row.seed, row.seconds,
        pr_log_quote(p->stop_reason));
}

static void ended(struct pr_supervisor *s)
{
    struct pr_sv_probes *p = &s->probes;
    struct pr_sv_runner *r = p->runner;
    if (p->stopping && !p->out_of_time) {
        store_given_up(s);
    } else if (r) {
        store(s);
    }
    put_away(s);
    drop_wanted(s); /* the next is chosen by what is known now */
    pr_sv_end(s);
    if (r)
        pr_sv_run(r);
    pr_sv_plan_soon(s, 0);
}

static void look(struct pr_supervisor *s)
{
    struct pr_sv_probes *p = &s->probes;
    if (!p->child)
        return;
    if (pr_prober_over(p->child)) {
        ended(s);
        return;
    }
    int64_t now = pr_clock_monotonic_ns();
    if (now >= p->until_ns && p->stopping) {
        pr_prober_kill(p->child);
        pr_timer_after(s->loop, &p->timer, REAP_MS);
    } else if (now >= p->until_ns) {
        p->out_of_time = true;
        pr_sv_probes_abandon(s, 0, "out of time");
    } else {
        pr_timer_set(s->loop, &p->timer, p->until_ns);
    }
}

static void timer_fired(void *ctx)
{
    look(ctx);
}

static void child_spoke(void *ctx)
{
    look(ctx);
}

void pr_sv_probes_abandon(struct pr_supervisor *s, int64_t checkpoint, const char *reason)
{
    struct pr_sv_probes *p = &s->probes;
    if (!p->child || p->stopping || (checkpoint && p->running->checkpoint != checkpoint))
        return;
    p->stopping = true;
    p->stop_reason = pr_strdup(reason);
    pr_prober_stop(p->child);
    p->until_ns = pr_clock_monotonic_ns() + (int64_t)GRACE_MS * 1000000;
    pr_timer_set(s->loop, &p->timer, p->until_ns);
}

/* ---- starting ---- */

static char *work_folder(const struct pr_supervisor *s)
{
    return pr_path_join(s->config.base_dir, ".proctor/probes");
}

static void fill_options(const struct pr_supervisor *s, const struct pr_checkpoint_row *start,
    const char *work, struct pr_prober_options *ret)
{
    const struct pr_sv_probes *p = &s->probes;
    const struct pr_config *c = &p->runner->config;
    *ret = (struct pr_prober_options){.config = c,
        .question = p->question,
        .start = start->path,
        .work = work,
        .arm = p->wanted->arm,
        .seed = p->wanted->seed,
        .progress = p->wanted->progress};
}

/* False: it cannot be started, now. */
static bool start_child(struct pr_supervisor *s, const struct pr_checkpoint_row *start)
{
    struct pr_sv_probes *p = &s->probes;
    struct pr_prober_options o;
    struct pr_error e;
    char name[64];
    snprintf(name, sizeof name, "%d-%llu", (int)getpid(), (unsigned long long)++p->n_started);
    char *dir = work_folder(s), *work = pr_path_join(dir, name);
    fill_options(s, start, work, &o);
    enum pr_code code = pr_mkdirs(work, &e);
    if (!code)
        code = pr_prober_start(&o, s->loop, child_spoke, s, &p->child, &e);
    pr_free(dir);
    pr_free(work);
    if (code) {
        pr_log(PR_LOG_ERROR, PR_SV_NAME, "probe-failed", "error=%s", pr_log_quote(e.message));
        return false;
    }
    return true;
}

/* What the machine could give right now, the file cache included. */
static uint64_t memory_available(void)
{
    char text[1024], *at;
    int fd = open("/proc/meminfo", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        close(fd);
    text[n > 0 ? n : 0] = 0;
    at = strstr(text, "MemAvailable:");
    return at ? strtoull(at + 13, NULL, 10) << 10 : UINT64_MAX;
}

/* The training beside it goes first: a probe that would have to push it out of memory waits. */
static bool has_room(struct pr_supervisor *s)
{
    struct pr_sv_probes *p = &s->probes;
    uint64_t there = memory_available();
    if (p->question->memory <= there)
        return true;
    pr_log(PR_LOG_INFO, PR_SV_NAME, "probe-waits", "needs_mb=%llu available_mb=%llu",
        (unsigned long long)(p->question->memory >> 20), (unsigned long long)(there >> 20));
    drop_wanted(s);
    pr_timer_after(s->loop, &p->again, NO_ROOM_MS);
    return false;
}

static void start(struct pr_supervisor *s)
{
    struct pr_sv_probes *p = &s->probes;
    struct pr_checkpoint_row row;
    struct pr_error e;
    if (pr_gradebook_checkpoint(s->g, p->wanted->checkpoint, &row, &e)) {
        pr_sv_failed(s, "look up a checkpoint", &e);
        return;
    }
    if (row.state != PR_CHECKPOINT_READY || !start_child(s, &row)) {
        drop_wanted(s);
        pr_checkpoint_row_done(&row);
        return;
    }
    p->running = p->wanted;
    p->wanted = NULL;
    p->since_ns = pr_clock_monotonic_ns();
    p->since_ms = pr_clock_utc_ms();
    p->until_ns =
        p->since_ns + p->runner->config.settings.curriculum_probe_seconds * (int64_t)1000000000;
    pr_timer_set(s->loop, &p->timer, p->until_ns);
    pr_log(PR_LOG_INFO, PR_SV_NAME, "probe", "pid=%d checkpoint=%lld strategy=%s seed=%lld",
        (int)pr_prober_pid(p->child), (long long)row.id, p->running->arm,
        (long long)p->running->seed);
    pr_checkpoint_row_done(&row);
}

void pr_sv_probes_step(struct pr_supervisor *s)
{
    struct pr_sv_probes *p = &s->probes;
    if (s->paused || s->stopped || p->child || s->grader.p || s->n_judging || !is_wanted(s))
        return;
    int64_t until = p->question->view.budget_until_ms;
    if (!until) {
        if (has_room(s))
            start(s);
        return;
    }
    int64_t ms = until - pr_clock_utc_ms();
    if (!p->again.at_ns && until != INT64_MAX)
        pr_timer_after(s->loop, &p->again, ms < 0 ? 0 : ms);
}

/* ---- life ---- */

/* What an owner that died left of its probes. */
static void empty_work(const struct pr_supervisor *s)
{
    char *dir = work_folder(s);
    pr_prober_remove_tree(dir);
    pr_free(dir);
}

void pr_sv_probes_init(struct pr_supervisor *s)
{
    s->probes.timer = (struct pr_timer){.fired = timer_fired, .ctx = s};
    s->probes.again = (struct pr_timer){.fired = again, .ctx = s};
}

void pr_sv_probes_start(struct pr_supervisor *s)
{
    empty_work(s);
}

void pr_sv_probes_done(struct pr_supervisor *s)
{
    struct pr_sv_probes *p = &s->probes;
    bool any = p->n_started > 0, runs = p->child != NULL;
    pr_prober_free(p->child, s->loop);
    p->child = NULL;
    if (runs)
        store_given_up(s);
    put_away(s);
    drop_wanted(s);
    pr_timer_stop(s->loop, &p->again);
    pr_question_free(p->question);
    pr_free(p->lost);
    p->question = NULL;
    p->lost = NULL;
    if (any)
        empty_work(s);
}

json_t *pr_sv_probes_state(const struct pr_supervisor *s)
{
    const struct pr_sv_probes *p = &s->probes;
    json_t *o = json_object();
    char at[32];
    pr_json_set_str(o, "state", !p->child ? "none" : p->stopping ? "ending" : "running");
    pr_json_set_int(o, "started", (int64_t)p->n_started);
    if (!p->child)
        return o;
    pr_clock_iso8601(p->since_ms, at);
    pr_json_set_int(o, "pid", pr_prober_pid(p->child));
    pr_json_set_int(o, "checkpoint", p->running->checkpoint);
    pr_json_set_str(o, "strategy", p->running->arm);
    pr_json_set_int(o, "seed", p->running->seed);
    pr_json_set_str(o, "since", at);
    return o;
}
