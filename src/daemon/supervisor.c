/* The supervisor's life, and what all of its files need: storing in one transaction a turn, and
 * what happens when storing fails. */
#include "daemon/supervisor.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "daemon/supervisor_internal.h"

#define PAUSE_MS         30000
#define COMPACT_FIRST_MS 2000
#define COMPACT_STEP_MS  50
#define COMPACT_BUSY_MS  60000
#define COMPACT_EVERY_MS (24 * 3600 * 1000)

/* ---- storing ---- */

enum pr_code pr_sv_begin(struct pr_supervisor *s, struct pr_error *e)
{
    if (s->in_transaction)
        return PR_OK;
    if (s->paused || s->stopped)
        return pr_fail(e, PR_E_CANCELLED, "nothing is stored while the disk is full");
    enum pr_code code = pr_gradebook_begin(s->g, e);
    s->in_transaction = !code;
    return code;
}

bool pr_sv_end(struct pr_supervisor *s)
{
    struct pr_error e;
    if (!s->in_transaction)
        return !s->paused && !s->stopped;
    if (s->grades_stored)
        pr_fault_point(PR_FAULT_GRADES_INSERTED);
    if (pr_gradebook_commit(s->g, &e)) {
        pr_sv_failed(s, "commit", &e);
        return false;
    }
    s->in_transaction = false;
    if (s->grades_stored)
        pr_fault_point(PR_FAULT_GRADES_COMMITTED);
    s->grades_stored = false;
    pr_sv_stored(s);
    return true;
}

static void pause_storing(struct pr_supervisor *s, const struct pr_error *why)
{
    if (s->paused)
        return;
    s->paused = true;
    if (!s->pause_reason)
        pr_log(PR_LOG_ERROR, PR_SV_NAME, "disk-full", "retry_seconds=%d error=%s", PAUSE_MS / 1000,
            pr_log_quote(why->message));
    pr_free(s->pause_reason);
    s->pause_reason = pr_strdup(why->message);
    pr_sv_abandon(s, 0, "the disk is full");
    pr_sv_outage(s);
    pr_timer_after(s->loop, &s->pause, PAUSE_MS);
}

void pr_sv_failed(struct pr_supervisor *s, const char *what, const struct pr_error *why)
{
    if (s->in_transaction)
        pr_gradebook_rollback(s->g);
    s->in_transaction = s->grades_stored = false;
    if (s->paused || s->stopped)
        return;
    if (why->sys_errno == ENOSPC || why->sys_errno == EDQUOT) {
        pause_storing(s, why);
        return;
    }
    pr_log(PR_LOG_ERROR, PR_SV_NAME, "failed", "doing=%s error=%s", pr_log_quote(what),
        pr_log_quote(why->message));
    if (why->code != PR_E_IO && why->code != PR_E_FORMAT)
        return;
    s->stopped = true;
    pr_sv_abandon(s, 0, "the gradebook cannot be written");
    if (s->fatal)
        s->fatal(s->fatal_ctx, why);
    else
        pr_loop_stop(s->loop, 1);
}

/* Whether there is room again is seen by trying. */
static void resume(void *ctx)
{
    struct pr_supervisor *s = ctx;
    s->paused = false;
    pr_arrivals_repeat(s->arrivals); /* what came meanwhile was not noted */
    pr_sv_arm_arrivals(s);
    if (s->suites_pending)
        pr_timer_after(s->loop, &s->suites_timer, 0);
    pr_sv_deliveries_resume(s);
    pr_sv_plan_soon(s, 1000);
    pr_sv_run_all(s);
}

/* ---- compaction ---- */

static bool is_busy(const struct pr_supervisor *s)
{
    for (size_t i = 0; i < s->n_runners; i++)
        if (s->runners[i].running)
            return true;
    return s->grader.p || s->n_judging;
}

static void compact(void *ctx)
{
    struct pr_supervisor *s = ctx;
    struct pr_error e;
    bool more = false;
    if (s->stopped)
        return;
    if (s->paused || is_busy(s)) {
        pr_timer_after(s->loop, &s->compact, COMPACT_BUSY_MS);
        return;
    }
    const struct pr_retention r = {.now_ms = pr_clock_utc_ms(),
        .texts_days = s->config.texts_days,
        .findings_days = s->config.findings_days,
        .orders_days = s->config.orders_days};
    if (pr_gradebook_compact_machine(s->g, r.now_ms, s->config.machine_days, &more, &e) ||
        (!more && pr_gradebook_compact(s->g, &r, &more, &e))) {
        pr_sv_failed(s, "compact", &e);
        more = false;
    }
    pr_timer_after(s->loop, &s->compact, more ? COMPACT_STEP_MS : COMPACT_EVERY_MS);
}

/* ---- life ---- */

static void suites_due(void *ctx)
{
    pr_sv_refresh_suites(ctx);
}

static void init_timers(struct pr_supervisor *s)
{
    s->pause = (struct pr_timer){.fired = resume, .ctx = s};
    s->compact = (struct pr_timer){.fired = compact, .ctx = s};
    s->suites_timer = (struct pr_timer){.fired = suites_due, .ctx = s};
    s->arrivals_timer = (struct pr_timer){.fired = pr_sv_arrivals_turn, .ctx = s};
    s->plan.timer = (struct pr_timer){.fired = pr_sv_plan_make, .ctx = s};
    pr_sv_grader_init(s);
    pr_sv_probes_init(s);
    pr_sv_curves_init(s);
    pr_sv_deliveries_init(s);
    pr_sv_rules_init(s);
}

static enum pr_code make_folders(struct pr_supervisor *s, struct pr_error *e)
{
    char *logs = pr_path_join(s->config.base_dir, "logs");
    enum pr_code code = pr_mkdirs(s->status_dir, e);
    if (!code)
        code = pr_mkdirs(logs, e);
    pr_free(logs);
    return code;
}

static enum pr_code start(struct pr_supervisor *s, struct pr_error *e)
{
    enum pr_code code = make_folders(s, e);
    if (code || (code = pr_gradebook_open(s->db_path, PR_GRADEBOOK_OWN, &s->g, e)) ||
        (code = pr_gradebook_close_orders(s->g, "the owner ended", s->since_ms, e)) ||
        (code = pr_sv_worker_new(s->loop, (int)s->config.grader_nice, &s->worker, e)) ||
        (code = pr_sv_machine_start(s, e)))
        return code;
    pr_sv_deliveries_reload(s);
    pr_sv_restore_status(s);
    pr_sv_probes_start(s);
    pr_sv_curves_start(s);
    pr_sv_rules_start(s);
    pr_sv_refresh_suites(s);
    pr_timer_after(s->loop, &s->compact, COMPACT_FIRST_MS);
    return pr_sv_watch(s, e);
}

enum pr_code pr_supervisor_new(const struct pr_config *config, struct pr_loop *loop,
    struct pr_supervisor **ret, struct pr_error *e)
{
    struct pr_supervisor *s = pr_zalloc(sizeof *s);
    mallopt(M_ARENA_MAX, 2); /* worker threads must not keep arenas of their own */
    pr_config_copy(config, &s->config);
    pr_config_grading_fingerprint(&s->config, s->options);
    s->loop = loop;
    s->arrivals_fd = -1;
    s->since_ms = pr_clock_utc_ms();
    s->db_path = pr_path_join(s->config.base_dir, "proctor.db");
    s->status_dir = pr_path_join(s->config.base_dir, "status");
    init_timers(s);
    enum pr_code code = start(s, e);
    if (code) {
        pr_supervisor_free(s);
        return code;
    }
    *ret = s;
    return PR_OK;
}

static void stop_timers(struct pr_supervisor *s)
{
    struct pr_timer *const timers[] = {
        &s->pause, &s->compact, &s->suites_timer, &s->arrivals_timer, &s->plan.timer};
    for (size_t i = 0; i < sizeof timers / sizeof *timers; i++)
        pr_timer_stop(s->loop, timers[i]);
}

void pr_supervisor_free(struct pr_supervisor *s)
{
    struct pr_error e;
    if (!s)
        return;
    stop_timers(s);
    pr_sv_probes_abandon(s, 0, "the owner ends"); /* it ends while the rest is put away */
    pr_sv_grader_done(s);
    pr_sv_runners_done(s);
    pr_sv_judges_done(s);
    pr_sv_worker_free(s->worker);
    pr_sv_machine_done(s);
    pr_sv_probes_done(s);
    pr_sv_curves_done(s);
    pr_sv_rules_done(s);
    pr_sv_deliveries_done(s);
    stop_timers(s); /* what was put down last may have set some */
    pr_sv_unwatch(s);
    if (s->in_transaction)
        pr_sv_end(s);
    if (s->g && !s->stopped &&
        pr_gradebook_close_orders(s->g, "the owner ended", pr_clock_utc_ms(), &e))
        pr_log(PR_LOG_WARN, PR_SV_NAME, "failed", "doing=end error=%s", pr_log_quote(e.message));
    pr_gradebook_close(s->g);
    pr_suite_reports_done(&s->suites);
    pr_sv_plan_done(&s->plan);
    pr_free(s->waiting);
    pr_free(s->seen);
    pr_free(s->blocked);
    pr_free(s->pause_reason);
    pr_free(s->db_path);
    pr_free(s->status_dir);
    pr_config_done(&s->config);
    pr_free(s);
}

void pr_supervisor_reload(struct pr_supervisor *s, const struct pr_config *config)
{
    struct pr_error e;
    struct pr_config old = s->config;
    char old_options[65];
    memcpy(old_options, s->options, sizeof old_options);
    pr_config_copy(config, &s->config);
    pr_config_grading_fingerprint(&s->config, s->options);
    bool same_grades =
        !strcmp(old_options, s->options) && pr_config_same_section(&old, &s->config, "models");
    if (!same_grades)
        pr_sv_abandon(s, 0, "the configuration changed");
    if (!same_grades || !pr_config_same_section(&old, &s->config, "curriculum"))
        pr_sv_probes_abandon(s, 0, "the configuration changed");
    pr_config_done(&old);
    pr_sv_deliveries_reload(s);
    pr_sv_unblock(s, 0);
    for (size_t i = 0; i < s->n_runners; i++) {
        struct pr_sv_runner *r = &s->runners[i];
        if (r->jobs && pr_sv_configure(r, &e))
            pr_log(PR_LOG_ERROR, r->system->name, "failed", "doing=reload error=%s",
                pr_log_quote(e.message));
    }
    pr_sv_refresh_suites(s);
    pr_sv_unwatch(s);
    if (pr_sv_watch(s, &e))
        pr_sv_failed(s, "watch the folders", &e);
    s->changes++;
    pr_sv_plan_soon(s, 0);
    pr_sv_end(s);
    pr_log(PR_LOG_INFO, PR_SV_NAME, "reloaded", "options=%.12s", s->options);
}

void pr_supervisor_scan(struct pr_supervisor *s)
{
    pr_arrivals_scan(s->arrivals);
    pr_sv_arm_arrivals(s);
    pr_sv_refresh_suites(s);
    pr_sv_end(s);
    pr_sv_run_all(s);
    pr_sv_plan_soon(s, 0);
}

void pr_supervisor_on_fatal(
    struct pr_supervisor *s, void (*fatal)(void *ctx, const struct pr_error *why), void *ctx)
{
    s->fatal = fatal;
    s->fatal_ctx = ctx;
}
