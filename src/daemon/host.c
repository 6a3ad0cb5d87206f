/* Starting, signals, systemd, and finding a place: owner or registered (host.h). */
#include "daemon/host.h"

#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/rng.h"
#include "daemon/host_internal.h"
#include "daemon/log.h"
#include "daemon/notify.h"
#include "daemon/roles.h"

#define TICK_MS 500
/* A start gives up on an owner that holds the lock and answers nobody; once settled, never. */
#define START_NS  ((int64_t)15 * 1000000000)
#define ANSWER_MS 30000 /* for an owner that took the connection */
/* After a failure that is no matter of who comes first. */
#define FAILED_MS     2000
#define MAX_FAILED_MS 60000

json_t *host_message(const char *type)
{
    json_t *m = json_object();
    pr_json_set_str(m, "type", type);
    return m;
}

void host_end(struct pr_host *h, enum pr_code code, const char *fmt, ...)
{
    if (h->stopping)
        return;
    h->stopping = true;
    h->code = code;
    if (code && fmt) {
        char text[sizeof h->why.message];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(text, sizeof text, fmt, ap);
        va_end(ap);
        pr_fail(&h->why, code, "%s", text);
    }
    pr_loop_stop(h->loop, 0);
}

bool host_is_run(const struct pr_host *h)
{
    return !h->o->system && !h->o->once;
}

void host_log(const struct pr_host *h)
{
    const struct pr_config *c = &h->config;
    char *folder = pr_path_join(c->base_dir, "logs");
    pr_log_init(&(struct pr_log_options){.folder = folder,
        .level = pr_log_level_of(c->log_level),
        .max_bytes = c->log_max_mb << 20,
        .max_days = c->log_max_days,
        .keep = (int)c->log_keep,
        .quiet = h->o->quiet});
    pr_free(folder);
}

/* Jobs. */

void host_choose_jobs(struct pr_host *h)
{
    for (size_t i = 0; i < h->n_jobs; i++) {
        struct host_job *j = &h->jobs[i];
        j->wanted = h->o->system
                        ? h->o->system == j->system
                        : !pr_roles_left_out(&h->config, j->system) &&
                              (!j->system->needs || pr_config_is_set(&h->config, j->system->needs));
    }
}

static void make_jobs(struct pr_host *h)
{
    size_t n;
    const struct pr_system *const *s = pr_systems(&n);
    h->jobs = pr_zalloc(n * sizeof *h->jobs);
    h->n_jobs = n;
    for (size_t i = 0; i < n; i++)
        h->jobs[i] = (struct host_job){.host = h, .system = s[i]};
    host_choose_jobs(h);
}

void host_finished(struct host_job *j)
{
    struct pr_host *h = j->host;
    j->finished = true;
    for (size_t i = 0; i < h->n_jobs; i++)
        if (h->jobs[i].wanted && !h->jobs[i].finished)
            return;
    host_end(h, PR_OK, NULL);
}

/* Finding a place. */

void host_settled(struct pr_host *h, const char *as)
{
    size_t n = 0;
    for (size_t i = 0; i < h->n_jobs; i++)
        n += h->jobs[i].wanted;
    char text[128];
    snprintf(text, sizeof text, "STATUS=%s; %zu system%s", as, n, n == 1 ? "" : "s");
    pr_notify(text);
    if (!h->ready)
        pr_notify("READY=1");
    h->ready = h->settled_before = true;
    h->tries = 0;
    pr_timer_stop(h->loop, &h->answer);
    if (host_is_run(h) && !h->server)
        h->server = pr_server_new(&h->config, h->loop, h->o->quiet);
}

static void settle_after(struct pr_host *h, int64_t ms)
{
    pr_timer_after(h->loop, &h->settle, ms);
}

/* Not all at once: whoever lost its owner in the same moment tries in another one. */
static int64_t short_while(struct pr_host *h)
{
    struct pr_rng r;
    pr_rng_seed(&r, (uint64_t)pr_clock_monotonic_ns() ^ (uint64_t)getpid() << 40);
    int64_t most = 20 << (h->tries < 4 ? h->tries : 4);
    return 5 + (int64_t)pr_rng_below(&r, (uint64_t)most);
}

void host_unsettled(struct pr_host *h)
{
    if (h->stopping)
        return;
    h->tries = 0;
    pr_timer_stop(h->loop, &h->answer);
    h->unsettled_ns = pr_clock_monotonic_ns();
    settle_after(h, short_while(h));
}

/* The lock is taken and nobody answers: its owner starts or ends this moment. */
static void try_again(struct pr_host *h, const struct pr_error *locked)
{
    if (!h->settled_before && pr_clock_monotonic_ns() - h->unsettled_ns > START_NS) {
        host_end(h, PR_E_LIMIT, "%s, and does not answer", locked->message);
        return;
    }
    h->tries++;
    if (h->tries % 256 == 0)
        pr_log(PR_LOG_WARN, "owner", "no-answer", "why=%s", pr_log_quote(locked->message));
    settle_after(h, short_while(h));
}

/* It hangs, or opens a large gradebook: whoever starts is told, whoever was there stays. */
static void no_answer(void *ctx)
{
    struct pr_host *h = ctx;
    if (!h->settled_before) {
        host_end(h, PR_E_LIMIT,
            "another proctor owns the base folder %s and has not answered for %d seconds; "
            "'proctor doctor' names it",
            h->config.base_dir, ANSWER_MS / 1000);
        return;
    }
    pr_log(PR_LOG_WARN, "owner", "no-answer", "seconds=%d", ANSWER_MS / 1000);
    pr_timer_after(h->loop, &h->answer, ANSWER_MS);
}

static void settle(void *ctx)
{
    struct pr_host *h = ctx;
    struct pr_error e, why;
    enum pr_code code = host_own(h, &e);
    if (!code)
        return;
    if (code == PR_E_LIMIT) {
        code = host_link(h, &why);
        if (code == PR_E_UNSUPPORTED)
            host_end(h, code, "%s", why.message);
        else if (code)
            try_again(h, &e);
        else
            pr_timer_after(h->loop, &h->answer, ANSWER_MS);
        return;
    }
    if (!h->settled_before) {
        host_end(h, code, "%s", e.message);
        return;
    }
    h->tries++;
    int64_t ms = FAILED_MS << (h->tries < 5 ? h->tries - 1 : 5);
    pr_log(PR_LOG_ERROR, "owner", "cannot-take-over", "why=%s", pr_log_quote(e.message));
    settle_after(h, ms > MAX_FAILED_MS ? MAX_FAILED_MS : ms);
}

/* Signals and timers. */

/* The loop does not turn while things are put away: whoever asks twice is not kept waiting. */
static void die_at_the_next(int number)
{
    struct sigaction act = {.sa_handler = SIG_DFL};
    sigset_t set;
    sigaction(number, &act, NULL);
    sigemptyset(&set);
    sigaddset(&set, number);
    pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

static void on_stop(void *ctx, int number)
{
    struct pr_host *h = ctx;
    pr_notify("STOPPING=1\nSTATUS=stopping");
    pr_log(PR_LOG_INFO, "owner", "stopping", "signal=%s", number == SIGINT ? "INT" : "TERM");
    die_at_the_next(SIGINT);
    if (h->o->once)
        host_end(h, PR_E_CANCELLED, "stopped before everything was graded");
    else
        host_end(h, PR_OK, NULL);
}

static void on_reload(void *ctx, int number)
{
    struct pr_host *h = ctx;
    (void)number;
    char text[64];
    snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld",
        (long long)(pr_clock_monotonic_ns() / 1000));
    pr_notify(text);
    host_reload(h);
    pr_notify("READY=1");
}

static void on_watchdog(void *ctx)
{
    struct pr_host *h = ctx;
    pr_notify("WATCHDOG=1");
    pr_timer_after(h->loop, &h->watchdog, pr_notify_watchdog_ms());
}

static void on_tick(void *ctx)
{
    struct pr_host *h = ctx;
    if (h->supervisor) {
        json_t *state = pr_supervisor_state(h->supervisor);
        h->o->state(h->o->ctx, state);
        json_decref(state);
    } else if (h->link_fd >= 0) {
        host_link_ask_state(h);
    }
    pr_timer_after(h->loop, &h->tick, TICK_MS);
}

static enum pr_code start(struct pr_host *h, struct pr_error *e)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    enum pr_code code = pr_loop_new(&h->loop, e);
    sigaction(SIGPIPE, &ignore, NULL);
    if (!code)
        code = pr_loop_signal(h->loop, SIGTERM, on_stop, h, e);
    if (!code)
        code = pr_loop_signal(h->loop, SIGINT, on_stop, h, e);
    if (!code)
        code = pr_loop_signal(h->loop, SIGHUP, on_reload, h, e);
    if (code)
        return code;
    h->settle = (struct pr_timer){.fired = settle, .ctx = h};
    h->watchdog = (struct pr_timer){.fired = on_watchdog, .ctx = h};
    h->tick = (struct pr_timer){.fired = on_tick, .ctx = h};
    h->answer = (struct pr_timer){.fired = no_answer, .ctx = h};
    h->unsettled_ns = pr_clock_monotonic_ns();
    pr_timer_after(h->loop, &h->settle, 0);
    if (pr_notify_watchdog_ms() > 0)
        pr_timer_after(h->loop, &h->watchdog, 0);
    if (h->o->state)
        pr_timer_after(h->loop, &h->tick, TICK_MS);
    return PR_OK;
}

enum pr_code pr_host_run(const struct pr_host_options *o, struct pr_error *e)
{
    struct pr_host h = {.o = o, .link_fd = -1};
    pr_config_copy(o->config, &h.config);
    make_jobs(&h);
    host_log(&h);
    enum pr_code code = start(&h, e);
    if (!code) {
        size_t n = 0;
        for (size_t i = 0; i < h.n_jobs; i++)
            n += h.jobs[i].wanted;
        if (n) {
            pr_loop_run(h.loop);
            code = h.code;
            if (code)
                *e = h.why;
        } else {
            code = pr_fail(e, PR_E_NOT_FOUND,
                "no system is left to run: see machine.role and machine.disabled in proctor.yaml");
        }
    }
    pr_server_free(h.server);
    host_unlink(&h);
    host_disown(&h);
    pr_loop_free(h.loop);
    for (size_t i = 0; i < h.n_jobs; i++)
        pr_free(h.jobs[i].said);
    pr_free(h.jobs);
    pr_config_done(&h.config);
    pr_log_done();
    return code;
}
