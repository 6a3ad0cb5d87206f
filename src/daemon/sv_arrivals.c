/* Checkpoints that come, change and go, and suites that were edited. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/file.h"
#include "daemon/supervisor_internal.h"

#define GATHER_MS       50  /* arrivals close together are planned for at once */
#define SUITE_SETTLE_MS 300 /* an editor writes a file in several steps */

void pr_sv_key(char ret[64], const char *what, int64_t checkpoint)
{
    snprintf(ret, 64, "%s:%lld", what, (long long)checkpoint);
}

static void forget_waiting(struct pr_supervisor *s, const char *path)
{
    for (size_t i = 0; i < s->n_waiting; i++) {
        if (strcmp(s->waiting[i].path, path))
            continue;
        pr_free(s->waiting[i].path);
        pr_free(s->waiting[i].reason);
        s->waiting[i] = s->waiting[--s->n_waiting];
        return;
    }
}

static void clear_alerts(struct pr_supervisor *s, int64_t checkpoint)
{
    static const char *const keys[] = {"refused", "quarantined", "too-big"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char key[64];
        pr_sv_key(key, keys[i], checkpoint);
        pr_sv_clear(s, key);
    }
}

static enum pr_code leave(
    struct pr_supervisor *s, int64_t checkpoint, const char *reason, struct pr_error *e)
{
    enum pr_code code = pr_gradebook_set_state(s->g, checkpoint, PR_CHECKPOINT_GONE, reason, e);
    if (code)
        return code;
    clear_alerts(s, checkpoint);
    pr_sv_unblock(s, checkpoint);
    pr_sv_abandon(s, checkpoint, reason);
    pr_sv_probes_abandon(s, checkpoint, reason);
    s->changes++;
    return PR_OK;
}

/* Whatever was at this path is not there any more; `but`: except this one. */
static enum pr_code leave_path(
    struct pr_supervisor *s, const char *path, int64_t but, const char *reason, struct pr_error *e)
{
    const struct pr_checkpoint_filter f = {.name = path};
    struct pr_checkpoint_row *rows;
    size_t n;
    enum pr_code code = pr_gradebook_checkpoints(s->g, &f, &rows, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n && !code; i++)
        if (rows[i].id != but && rows[i].state != PR_CHECKPOINT_GONE && !strcmp(rows[i].path, path))
            code = leave(s, rows[i].id, reason, e);
    pr_checkpoint_rows_free(rows, n);
    return code;
}

/* A start and a reload are occasions to try again what was refused: a base may be there now. */
static enum pr_code try_again(struct pr_supervisor *s, int64_t id, struct pr_error *e)
{
    struct pr_checkpoint_row row;
    enum pr_code code = pr_gradebook_checkpoint(s->g, id, &row, e);
    if (code)
        return code;
    if (row.state == PR_CHECKPOINT_REFUSED)
        code = pr_gradebook_set_state(s->g, id, PR_CHECKPOINT_FOUND, NULL, e);
    pr_checkpoint_row_done(&row);
    return code;
}

static bool is_same_path(const char *a, const char *b)
{
    size_t na = strlen(a), nb = strlen(b);
    while (na > 1 && a[na - 1] == '/')
        na--;
    while (nb > 1 && b[nb - 1] == '/')
        nb--;
    return na == nb && !memcmp(a, b, na);
}

static void complete(void *ctx, const char *path, const char *identity)
{
    struct pr_supervisor *s = ctx;
    struct pr_error e;
    int64_t id;
    bool reference = s->config.reference && is_same_path(path, s->config.reference);
    enum pr_code code = pr_sv_begin(s, &e);
    if (!code)
        code = pr_gradebook_note_checkpoint(
            s->g, path, identity, reference, pr_clock_utc_ms(), &id, &e);
    if (!code && s->grader.p && s->grader.checkpoint != id && !strcmp(s->grader.path, path))
        pr_sv_abandon(s, 0, "its files were rewritten");
    if (!code && !s->scanned)
        code = try_again(s, id, &e);
    if (code) {
        pr_sv_failed(s, "note a checkpoint", &e);
        return;
    }
    if (!s->scanned)
        PR_PUSH(s->seen, s->n_seen, s->seen_cap, id);
    forget_waiting(s, path);
    s->noted++;
    s->changes++;
    pr_log(PR_LOG_INFO, PR_SV_NAME, "checkpoint", "id=%lld path=%s", (long long)id,
        pr_log_quote(path));
    pr_sv_plan_soon(s, GATHER_MS);
}

static void waiting(void *ctx, const char *path, const struct pr_error *why)
{
    struct pr_supervisor *s = ctx;
    struct pr_error e;
    enum pr_code code = pr_sv_begin(s, &e);
    if (!code)
        code = leave_path(s, path, 0, "its files are being rewritten", &e);
    if (code) {
        pr_sv_failed(s, "note a checkpoint", &e);
        return;
    }
    forget_waiting(s, path);
    struct pr_sv_waiting w = {
        pr_strdup(path), pr_strdup(why->message), why->code != PR_E_INCOMPLETE};
    PR_PUSH(s->waiting, s->n_waiting, s->waiting_cap, w);
    pr_log(PR_LOG_INFO, PR_SV_NAME, w.broken ? "checkpoint-broken" : "checkpoint-incomplete",
        "path=%s reason=%s", pr_log_quote(path), pr_log_quote(why->message));
    pr_sv_plan_soon(s, GATHER_MS);
}

static void gone(void *ctx, const char *path)
{
    struct pr_supervisor *s = ctx;
    struct pr_error e;
    enum pr_code code = pr_sv_begin(s, &e);
    if (!code)
        code = leave_path(s, path, 0, "its folder is gone", &e);
    if (code) {
        pr_sv_failed(s, "note that a checkpoint is gone", &e);
        return;
    }
    forget_waiting(s, path);
    pr_log(PR_LOG_INFO, PR_SV_NAME, "checkpoint-gone", "path=%s", pr_log_quote(path));
    pr_sv_plan_soon(s, GATHER_MS);
}

static void changed(void *ctx, const char *path)
{
    struct pr_supervisor *s = ctx;
    pr_log(PR_LOG_DEBUG, PR_SV_NAME, "changed", "path=%s", pr_log_quote(path));
    s->suites_pending = true;
    pr_timer_after(s->loop, &s->suites_timer, SUITE_SETTLE_MS);
}

static int by_value(const void *pa, const void *pb)
{
    int64_t a = *(const int64_t *)pa, b = *(const int64_t *)pb;
    return a < b ? -1 : a > b;
}

/* What the gradebook still takes for there and nobody saw went while no one looked. */
static enum pr_code sweep(struct pr_supervisor *s, struct pr_error *e)
{
    static const struct pr_checkpoint_filter present;
    struct pr_checkpoint_row *rows;
    size_t n;
    enum pr_code code = pr_sv_begin(s, e);
    if (code || (code = pr_gradebook_checkpoints(s->g, &present, &rows, &n, e)))
        return code;
    if (s->n_seen)
        qsort(s->seen, s->n_seen, sizeof *s->seen, by_value);
    for (size_t i = 0; i < n && !code; i++)
        if (rows[i].state != PR_CHECKPOINT_GONE &&
            (!s->n_seen || !bsearch(&rows[i].id, s->seen, s->n_seen, sizeof *s->seen, by_value)))
            code = leave(s, rows[i].id, "its folder is gone", e);
    pr_checkpoint_rows_free(rows, n);
    return code;
}

static void first_look_over(struct pr_supervisor *s)
{
    struct pr_arrivals_count count;
    struct pr_error e;
    pr_arrivals_counts(s->arrivals, &count);
    if (s->scanned || !count.scanned || s->paused)
        return;
    if (sweep(s, &e)) {
        pr_sv_failed(s, "look at all folders", &e);
        return;
    }
    if (!pr_sv_end(s)) /* when there is room again, so is this */
        return;
    s->scanned = true;
    s->looked = s->n_seen ? s->seen[s->n_seen - 1] : 0; /* sweep sorted them */
    pr_free(s->seen);
    s->seen = NULL;
    s->n_seen = s->seen_cap = 0;
    pr_log(PR_LOG_INFO, PR_SV_NAME, "looked", "complete=%zu waiting=%zu inotify=%d", count.complete,
        count.waiting, count.inotify);
    pr_sv_plan_soon(s, 0);
    pr_sv_run_all(s);
}

static void turn(struct pr_supervisor *s)
{
    if (s->stopped || !s->arrivals)
        return;
    pr_arrivals_turn(s->arrivals);
    first_look_over(s);
    for (bool stored = pr_sv_end(s); s->noted; s->noted--)
        if (stored)
            pr_fault_point(PR_FAULT_CHECKPOINT_NOTED);
    pr_sv_arm_arrivals(s);
}

static void ready(void *ctx, int fd, unsigned what)
{
    (void)fd;
    (void)what;
    turn(ctx);
}

void pr_sv_arrivals_turn(void *ctx)
{
    turn(ctx);
}

void pr_sv_arm_arrivals(struct pr_supervisor *s)
{
    if (s->arrivals)
        pr_timer_set(s->loop, &s->arrivals_timer, pr_arrivals_deadline(s->arrivals));
}

enum pr_code pr_sv_watch(struct pr_supervisor *s, struct pr_error *e)
{
    static const struct pr_arrivals_events template = {
        .complete = complete, .waiting = waiting, .gone = gone, .changed = changed};
    struct pr_arrivals_events events = template;
    const struct pr_config *c = &s->config;
    char *usual[2] = {pr_path_join(c->base_dir, "models/current_model"),
        pr_path_join(c->base_dir, "current_model")};
    char *data = pr_path_join(c->base_dir, "data/validation");
    const char *folders[2] = {c->current ? c->current : usual[0], usual[1]};
    const char *others[1] = {data};
    struct pr_arrivals_options o = {.folders = folders,
        .n_folders = c->current ? 1 : 2,
        .reference = c->reference,
        .others = others,
        .n_others = 1,
        .scan_ms = c->scan_seconds * 1000};
    events.ctx = s;
    s->scanned = false;
    enum pr_code code = pr_arrivals_new(&o, &events, &s->arrivals, e);
    pr_free(usual[0]);
    pr_free(usual[1]);
    pr_free(data);
    if (code)
        return code;
    s->arrivals_fd = pr_arrivals_fd(s->arrivals);
    if (s->arrivals_fd >= 0)
        code = pr_loop_watch(s->loop, s->arrivals_fd, PR_LOOP_READ, ready, s, e);
    pr_timer_after(s->loop, &s->arrivals_timer, 0);
    return code;
}

void pr_sv_unwatch(struct pr_supervisor *s)
{
    if (s->arrivals && s->arrivals_fd >= 0)
        pr_loop_unwatch(s->loop, s->arrivals_fd);
    pr_timer_stop(s->loop, &s->arrivals_timer);
    pr_arrivals_free(s->arrivals);
    s->arrivals = NULL;
    while (s->n_waiting)
        forget_waiting(s, s->waiting[0].path);
    s->n_seen = 0;
}

/* ---- suites ---- */

/* Which versions count. */
static char *versions_of(const struct pr_suite_reports *r)
{
    struct pr_str out = PR_STR_INIT(1 << 24);
    for (size_t i = 0; i < r->n; i++)
        pr_str_printf(&out, "%s=%lld\n", r->v[i].name, (long long)r->v[i].id);
    return pr_str_take(&out);
}

static const struct pr_suite_report *report_of(const struct pr_supervisor *s, const char *name)
{
    for (size_t i = 0; i < s->suites.n; i++)
        if (!strcmp(s->suites.v[i].name, name))
            return &s->suites.v[i];
    return NULL;
}

const char *pr_sv_suite_problem(const struct pr_supervisor *s)
{
    const struct pr_suite_report *x = report_of(s, PR_SUITE_MAIN);
    return x && !x->used && !x->id ? x->problem : NULL;
}

/* Without its last version nothing can be judged by a suite: that is not to be overlooked.  The
 * testing suite is chosen from the main one and has the same to say. */
static void alert_suites(struct pr_supervisor *s)
{
    const char *main_problem = pr_sv_suite_problem(s);
    for (size_t i = 0; i < s->suites.n; i++) {
        const struct pr_suite_report *x = &s->suites.v[i];
        struct pr_str key = PR_STR_INIT(1 << 12);
        pr_str_printf(&key, "suite:%s", x->name);
        if (x->used || (main_problem && !strcmp(x->name, PR_SUITE_TESTING)))
            pr_sv_clear(s, pr_str_cstr(&key));
        else
            pr_sv_alert(s, pr_str_cstr(&key), 0, x->id ? PR_ALERT_WARNING : PR_ALERT_CRITICAL,
                "suite %s cannot be used%s: %s", x->name,
                x->id ? ", its last version still counts" : "",
                x->problem ? x->problem : "unknown reason");
        pr_str_done(&key);
    }
}

static bool is_current(const struct pr_supervisor *s, int64_t suite)
{
    for (size_t i = 0; i < s->suites.n; i++)
        if (s->suites.v[i].id == suite)
            return true;
    return false;
}

static void suites_changed(struct pr_supervisor *s)
{
    for (size_t i = 0; i < s->suites.n; i++) {
        const struct pr_suite_report *x = &s->suites.v[i];
        pr_log(PR_LOG_INFO, PR_SV_NAME, "suite", "name=%s id=%lld n=%zu skipped=%zu",
            pr_log_quote(x->name), (long long)x->id, x->n, x->n_skipped);
    }
    for (size_t i = 0; s->grader.p && i < s->grader.n_orders; i++)
        if (!is_current(s, s->grader.orders[i].row.suite)) /* most of it is in the next version */
            pr_grader_cancel(s->grader.p, s->grader.orders[i].row.id);
    s->changes++;
    pr_sv_plan_soon(s, 0);
    if (s->scanned)
        pr_sv_run_all(s);
}

void pr_sv_refresh_suites(struct pr_supervisor *s)
{
    struct pr_error e;
    if (s->paused || s->stopped || !pr_sv_end(s))
        return;
    s->suites_pending = false;
    char *before = versions_of(&s->suites);
    if (pr_suites_refresh(&s->config, s->g, pr_clock_utc_ms(), &s->suites, &e)) {
        pr_free(before);
        pr_sv_failed(s, "read the suites", &e);
        return;
    }
    char *after = versions_of(&s->suites);
    alert_suites(s);
    pr_sv_end(s);
    if (strcmp(before, after) != 0)
        suites_changed(s);
    pr_free(before);
    pr_free(after);
}
