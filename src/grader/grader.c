/* The parent's side of a grader: see grader.h.  Owns the process, the streams and what was ordered;
 * watches the clock, reaps, and tells how it ended. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/utf8.h"
#include "grader/grader_internal.h"
#include "grader/sandbox.h"
#include "grader/wire.h"

#define TIMEOUT_MS 600000
#define REAP_MS    5 /* between looks at a process whose streams have ended */

void pr_grader_expect_word(struct pr_grader *g)
{
    bool busy = !g->opened || g->n_orders;
    g->deadline = !busy ? g->finishing ? pr_clock_monotonic_ns() + PR_GRADER_LEAVE_MS * PR_GRADER_MS
                                       : INT64_MAX
                        : pr_clock_monotonic_ns() + (g->opened ? g->idle_ns : g->open_ns);
}

/* The first reason stays; the process is stopped where it still runs. */
void pr_grader_end_with(struct pr_grader *g, enum pr_grader_end how, const struct pr_error *why)
{
    if (!g->has_end) {
        g->has_end = true;
        g->how = how;
        g->why = *why;
    }
    g->deadline = pr_clock_monotonic_ns() + PR_GRADER_LEAVE_MS * PR_GRADER_MS;
}

void pr_grader_stop_with(struct pr_grader *g, enum pr_grader_end how, const struct pr_error *why)
{
    pr_grader_end_with(g, how, why);
    pr_process_kill(&g->process);
}
/* --- its end --- */

static void watch_clock(struct pr_grader *g)
{
    struct pr_error e;
    if (pr_clock_monotonic_ns() < g->deadline)
        return;
    if (g->has_end || g->frames.eof || (g->opened && !g->n_orders)) {
        pr_process_kill(&g->process); /* it has said all that it had to say */
    } else {
        int64_t ns = g->opened ? g->idle_ns : g->open_ns;
        pr_fail(&e, PR_E_LIMIT, "its grader said nothing for %lld s",
            (long long)(ns / (1000 * PR_GRADER_MS)));
        pr_grader_stop_with(g, PR_GRADER_DIED, &e);
    }
}

static void tell_end(struct pr_grader *g, int status)
{
    bool idle = g->opened && !g->n_orders;
    if (g->killed) {
        g->how = PR_GRADER_KILLED;
        pr_fail(&g->why, PR_E_CANCELLED, "its grader was stopped");
    } else if (!g->has_end && g->finishing && idle) {
        g->how = PR_GRADER_FINISHED;
        pr_fail(&g->why, PR_OK, "it finished");
    } else if (!g->has_end && !status) {
        g->how = idle ? PR_GRADER_FINISHED : PR_GRADER_DIED;
        pr_fail(&g->why, idle ? PR_OK : PR_E_IO, "its grader ended before its work did");
    } else if (!g->has_end) {
        g->how = pr_process_explain(&g->process, status, g->max_memory, &g->why);
    }
    if (g->how != PR_GRADER_FINISHED && g->how != PR_GRADER_KILLED) {
        char *name = g->path;
        if (!strstr(g->why.message, name))
            pr_wrap(&g->why, g->why.code, "%s", name);
    }
    g->gone = true;
    g->deadline = INT64_MAX;
    if (g->events.ended)
        g->events.ended(g->events.ctx, g->how, &g->why);
}

/* The end of its stdin tells it to leave; before its orders are done they could still be cancelled.
 */
static void shut_when_done(struct pr_grader *g)
{
    if (!g->finishing || g->shut || g->n_orders || pr_frames_waiting(&g->frames))
        return;
    shutdown(g->process.to, SHUT_WR);
    g->shut = true;
}

void pr_grader_turn(struct pr_grader *g)
{
    int status;
    if (g->gone)
        return;
    if (!g->has_end && pr_frames_flush(&g->frames, NULL)) {
        /* It does not listen any more: its stdout tells what became of it. */
    }
    pr_grader_listen(g);
    shut_when_done(g);
    watch_clock(g);
    bool over = g->frames.eof || g->has_end || g->killed;
    if (over && pr_process_reap(&g->process, &status))
        tell_end(g, status);
}

/* --- what it is told --- */

static const struct pr_grader_events no_events;

enum pr_code pr_grader_start(const struct pr_grader_options *o,
    const struct pr_grader_events *events, struct pr_grader **ret, struct pr_error *e)
{
    struct pr_sandbox_support support;
    if (!pr_utf8_valid(o->path, strlen(o->path)))
        return pr_fail(e, PR_E_UNSUPPORTED, "a folder whose name is not UTF-8");
    pr_sandbox_support(&support);
    if (!support.seccomp) /* or each checkpoint would be blamed for it */
        return pr_fail(
            e, PR_E_UNSUPPORTED, "no grader is started without its sandbox: %s", support.why);
    struct pr_grader *g = pr_zalloc(sizeof *g);
    enum pr_code code = pr_process_start(o->argv, &g->process, e);
    if (code) {
        pr_free(g);
        return code;
    }
    g->events = events ? *events : no_events;
    g->path = pr_path_base(o->path);
    g->max_memory = o->max_memory;
    g->open_ns = (o->open_timeout_ms ? o->open_timeout_ms : TIMEOUT_MS) * PR_GRADER_MS;
    g->idle_ns = (o->idle_timeout_ms ? o->idle_timeout_ms : TIMEOUT_MS) * PR_GRADER_MS;
    pr_frames_init(&g->frames, g->process.from, g->process.to, PR_GRADER_MAX_KEPT);
    pr_grader_expect_word(g);
    json_t *hello = pr_wire_put_hello(o, getpid()), *open = pr_wire_put_open(o);
    /* A grader that is gone already is not an error of starting it: its end tells why. */
    code = pr_frames_put(&g->frames, hello, e);
    if (!code)
        code = pr_frames_put(&g->frames, open, e);
    json_decref(hello);
    json_decref(open);
    if (code && code != PR_E_IO) {
        pr_grader_free(g);
        return code;
    }
    *ret = g;
    return PR_OK;
}

void pr_grader_free(struct pr_grader *g)
{
    if (!g)
        return;
    pr_process_close(&g->process);
    pr_frames_done(&g->frames);
    while (g->n_orders)
        pr_grader_drop_order(g, g->orders);
    pr_free(g->orders);
    pr_free(g->path);
    pr_free(g);
}

pid_t pr_grader_pid(const struct pr_grader *g)
{
    return g->process.pid;
}

void pr_grader_fds(const struct pr_grader *g, int *ret_in, int *ret_out, bool *ret_want_write)
{
    bool over = g->gone || g->frames.eof;
    *ret_in = over ? -1 : g->process.from;
    *ret_out = over ? -1 : g->process.to;
    *ret_want_write = !over && !g->has_end && pr_frames_waiting(&g->frames) > 0;
}

int64_t pr_grader_deadline(const struct pr_grader *g)
{
    bool over = !g->gone && (g->frames.eof || g->has_end || g->killed);
    int64_t soon = over ? pr_clock_monotonic_ns() + REAP_MS * PR_GRADER_MS : INT64_MAX;
    return soon < g->deadline ? soon : g->deadline;
}
void pr_grader_finish(struct pr_grader *g)
{
    if (g->gone || g->finishing)
        return;
    g->finishing = true;
    pr_grader_expect_word(g);
    shut_when_done(g);
}

void pr_grader_kill(struct pr_grader *g)
{
    if (g->gone)
        return;
    g->killed = true;
    pr_process_kill(&g->process);
}
