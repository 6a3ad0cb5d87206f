/* The one grader: which checkpoint it opens, what it is ordered, when it makes room. */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "daemon/supervisor_internal.h"

#define KILL_LOOK_MS 20

/* ---- its descriptors and its clock ---- */

static void turn(struct pr_supervisor *s);

static void ready(void *ctx, int fd, unsigned what)
{
    (void)fd;
    (void)what;
    turn(ctx);
}

static void drop_fd(struct pr_supervisor *s, int *fd)
{
    if (*fd >= 0)
        pr_loop_unwatch(s->loop, *fd);
    *fd = -1;
}

static enum pr_code watch_fd(
    struct pr_supervisor *s, int *watched, int fd, unsigned what, struct pr_error *e)
{
    if (*watched == fd)
        return PR_OK;
    drop_fd(s, watched);
    if (fd < 0)
        return PR_OK;
    *watched = fd;
    return pr_loop_watch(s->loop, fd, what, ready, s, e);
}

static void arm(struct pr_supervisor *s)
{
    struct pr_sv_grader *g = &s->grader;
    struct pr_error e;
    int in, out;
    bool want_write;
    pr_grader_fds(g->p, &in, &out, &want_write);
    if (watch_fd(s, &g->fd_in, in, PR_LOOP_READ, &e) ||
        watch_fd(s, &g->fd_out, want_write ? out : -1, PR_LOOP_WRITE, &e))
        pr_log(PR_LOG_ERROR, PR_SV_NAME, "failed", "doing=watch-grader error=%s",
            pr_log_quote(e.message));
    pr_timer_set(s->loop, &g->timer, pr_grader_deadline(g->p));
}

static void put_away(struct pr_supervisor *s)
{
    struct pr_sv_grader *g = &s->grader;
    drop_fd(s, &g->fd_in);
    drop_fd(s, &g->fd_out);
    pr_timer_stop(s->loop, &g->timer);
    pr_timer_stop(s->loop, &g->idle);
    pr_grader_free(g->p);
    g->p = NULL;
    pr_free(g->path);
    pr_free(g->name);
    pr_free(g->sandbox);
    g->path = g->name = g->sandbox = NULL;
    g->checkpoint = g->model = g->settings = 0;
    g->opened = g->leaving = g->ended = g->abandoned = g->fresh = false;
}

/* One call of the loop: everything that the grader said is stored in one transaction. */
static void turn(struct pr_supervisor *s)
{
    struct pr_sv_grader *g = &s->grader;
    if (!g->p)
        return;
    pr_grader_turn(g->p);
    pr_sv_settle_orders(s);
    if (g->ended) {
        put_away(s);
        pr_sv_judges_rest(s);
        pr_sv_plan_soon(s, 0);
    } else {
        arm(s);
    }
    pr_sv_turn_over(s);
}

void pr_sv_turn_over(struct pr_supervisor *s)
{
    bool stored = pr_sv_end(s);
    if (stored && s->stage_over)
        pr_sv_run_graded(s);
    s->stage_over = false;
}

static void timer_fired(void *ctx)
{
    turn(ctx);
}

/* ---- setting aside, killing ---- */

static void leave(struct pr_supervisor *s)
{
    struct pr_sv_grader *g = &s->grader;
    g->leaving = true;
    for (size_t i = 0; i < g->n_orders; i++)
        pr_grader_cancel(g->p, g->orders[i].row.id);
    pr_grader_finish(g->p);
    arm(s);
}

static void idle_over(void *ctx)
{
    struct pr_supervisor *s = ctx;
    if (s->grader.p && s->grader.opened && !s->grader.n_orders && !s->grader.leaving)
        leave(s);
}

static void retry(void *ctx)
{
    struct pr_supervisor *s = ctx;
    pr_sv_step(s);
    pr_sv_end(s);
}

void pr_sv_abandon(struct pr_supervisor *s, int64_t checkpoint, const char *reason)
{
    struct pr_sv_grader *g = &s->grader;
    if (!g->p || g->abandoned || (checkpoint && g->checkpoint != checkpoint))
        return;
    pr_log(PR_LOG_INFO, PR_SV_NAME, "grader-abandoned", "checkpoint=%lld reason=%s",
        (long long)g->checkpoint, pr_log_quote(reason));
    g->abandoned = g->leaving = true;
    pr_sv_close_orders(s, "cancelled", reason);
    pr_grader_kill(g->p);
    pr_timer_after(s->loop, &g->timer, KILL_LOOK_MS);
}

void pr_sv_grader_init(struct pr_supervisor *s)
{
    struct pr_sv_grader *g = &s->grader;
    g->fd_in = g->fd_out = -1;
    g->timer = (struct pr_timer){.fired = timer_fired, .ctx = s};
    g->idle = (struct pr_timer){.fired = idle_over, .ctx = s};
    g->retry = (struct pr_timer){.fired = retry, .ctx = s};
}

void pr_sv_grader_done(struct pr_supervisor *s)
{
    struct pr_sv_grader *g = &s->grader;
    for (size_t i = 0; i < g->n_orders; i++)
        pr_sv_order_done(&g->orders[i]);
    g->n_orders = 0; /* their rows are closed with all others */
    put_away(s);
    pr_timer_stop(s->loop, &g->retry);
}

/* ---- starting ---- */

static uint64_t memory_limit(const struct pr_config *c)
{
    struct sysinfo info;
    if (c->grader_memory_mb)
        return (uint64_t)c->grader_memory_mb << 20;
    return sysinfo(&info) ? 0 : (uint64_t)info.totalram * info.mem_unit / 2;
}

static uint64_t weight_bytes(const char *path)
{
    static const char suffix[] = ".safetensors";
    uint64_t sum = 0;
    DIR *d = opendir(path);
    for (struct dirent *x; d && (x = readdir(d));) {
        struct stat st;
        size_t n = strlen(x->d_name), k = sizeof suffix - 1;
        if (n > k && !strcmp(x->d_name + n - k, suffix) && !fstatat(dirfd(d), x->d_name, &st, 0))
            sum += (uint64_t)st.st_size;
    }
    if (d)
        closedir(d);
    return sum;
}

static bool is_too_big(struct pr_supervisor *s, const struct pr_checkpoint_row *row, uint64_t limit)
{
    uint64_t bytes = weight_bytes(row->path);
    char key[64];
    if (!limit || bytes + bytes / 10 <= limit)
        return false;
    pr_sv_key(key, "too-big", row->id);
    pr_sv_alert(s, key, row->id, PR_ALERT_WARNING,
        "%s is not graded: its weights take %llu MB, and a grader may take %llu MB "
        "(graders.memory_mb)",
        row->name, (unsigned long long)(bytes >> 20), (unsigned long long)(limit >> 20));
    pr_sv_block(s, row->id, true);
    pr_sv_plan_soon(s, 0);
    return true;
}

static void fill_options(const struct pr_supervisor *s, const struct pr_checkpoint_row *row,
    uint64_t limit, struct pr_grader_options *o)
{
    const struct pr_config *c = &s->config;
    *o = (struct pr_grader_options){.path = row->path,
        .bases = (const char *const(*)[2])c->bases,
        .n_bases = c->n_bases,
        .template_vars = c->variables,
        .max_new_tokens = (size_t)c->max_new_tokens,
        .dtype = c->dtype,
        .n_threads = (int)c->threads,
        .max_memory = limit,
        .nice = (int)c->grader_nice,
        .cpu_percent = (int)c->grader_cpu_percent,
        .scan = c->grader_scan,
        .allow_commands = c->allow_commands,
        .idle_timeout_ms = (int)(c->grader_timeout_seconds * 1000),
        .open_timeout_ms = (int)(c->grader_timeout_seconds * 1000)};
    if (!pr_config_parse_date(c->date, &o->now_utc_ms))
        o->now_utc_ms = 0;
}

static void start_grader(
    struct pr_supervisor *s, const struct pr_checkpoint_row *row, uint64_t limit)
{
    struct pr_sv_grader *g = &s->grader;
    struct pr_grader_options o;
    struct pr_grader_events events;
    struct pr_error e;
    fill_options(s, row, limit, &o);
    pr_sv_grader_events(s, &events);
    if (pr_grader_start(&o, &events, &g->p, &e)) {
        g->p = NULL;
        pr_log(PR_LOG_ERROR, PR_SV_NAME, "grader-failed", "error=%s", pr_log_quote(e.message));
        pr_sv_block(s, row->id, false);
        return;
    }
    g->checkpoint = row->id;
    g->path = pr_strdup(row->path);
    g->name = pr_strdup(row->name);
    g->since_ms = pr_clock_utc_ms();
    g->n_started++;
    pr_log(PR_LOG_INFO, PR_SV_NAME, "grader", "pid=%d checkpoint=%lld name=%s",
        (int)pr_grader_pid(g->p), (long long)row->id, pr_log_quote(row->name));
    arm(s);
}

/* False: it cannot be, now or ever, and another may be tried. */
static bool start(struct pr_supervisor *s, int64_t checkpoint)
{
    struct pr_checkpoint_row row;
    struct pr_error e;
    uint64_t limit = memory_limit(&s->config);
    enum pr_code code = pr_gradebook_checkpoint(s->g, checkpoint, &row, &e);
    if (code) {
        pr_sv_failed(s, "look up a checkpoint", &e);
        return true;
    }
    if (!is_too_big(s, &row, limit))
        start_grader(s, &row, limit);
    pr_checkpoint_row_done(&row);
    return s->grader.p || s->paused || s->stopped;
}

/* ---- ordering ---- */

/* The examples that were sent already for another suite, by the beginning of their digests. */
struct sent {
    uint64_t *v;
    size_t n, cap;
};

static uint64_t short_digest(const char *digest)
{
    uint64_t x = 0;
    memcpy(&x, digest, sizeof x);
    for (size_t i = 8; i < 16; i++)
        x = x * 31 + (unsigned char)digest[i];
    return x;
}

static bool was_sent(const struct sent *s, size_t n, uint64_t x)
{
    for (size_t i = 0; i < n; i++)
        if (s->v[i] == x)
            return true;
    return false;
}

static char *names_of(const struct pr_supervisor *s, uint32_t systems)
{
    struct pr_str out = PR_STR_INIT(1 << 12);
    for (unsigned i = 0; i < s->n_runners; i++)
        if (systems >> i & 1)
            pr_str_printf(&out, "%s%s", out.len ? "," : "", s->runners[i].system->name);
    return pr_str_take(&out);
}

/* Lines of examples that a command may have to judge. */
static void keep_lines(struct pr_sv_order *o, const struct pr_grader_example *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct pr_sv_line x = {.line = NULL};
        if (!strstr(v[i].line, "\"command\""))
            continue;
        memcpy(x.digest, v[i].digest, sizeof x.digest);
        x.line = pr_strdup(v[i].line);
        PR_PUSH(o->lines, o->n_lines, o->lines_cap, x);
    }
}

static enum pr_code send(struct pr_supervisor *s, const struct pr_wanted *w, int64_t suite,
    const struct pr_grader_example *v, size_t n, struct pr_error *e)
{
    struct pr_sv_grader *g = &s->grader;
    struct pr_sv_order *o = &g->orders[g->n_orders];
    *o = (struct pr_sv_order){.row = {.checkpoint = w->checkpoint,
                                  .suite = suite,
                                  .priority = w->priority,
                                  .state = (char *)"running",
                                  .asked_ms = pr_clock_utc_ms(),
                                  .examples = n}};
    o->row.asked_by = names_of(s, s->plan.systems[w - s->plan.v]);
    if (s->config.allow_commands)
        keep_lines(o, v, n);
    enum pr_code code = pr_sv_begin(s, e);
    if (code || (code = pr_gradebook_put_order(s->g, &o->row, e))) {
        pr_sv_failed(s, "note an order", e);
        pr_sv_order_done(o);
        return code;
    }
    if ((code = pr_grader_order(g->p, o->row.id, v, n, e))) {
        pr_log(PR_LOG_ERROR, PR_SV_NAME, "order-failed", "error=%s", pr_log_quote(e->message));
        g->n_orders++;
        pr_sv_order_finish(s, g->n_orders - 1, "failed", e->message);
        pr_sv_block(s, w->checkpoint, false);
        return code;
    }
    g->n_orders++;
    pr_log(PR_LOG_INFO, PR_SV_NAME, "order", "id=%lld checkpoint=%lld suite=%lld examples=%zu",
        (long long)o->row.id, (long long)w->checkpoint, (long long)suite, n);
    return PR_OK;
}

/* What a suite lacks and no suite before it has; the main suite's first examples go ahead. */
static enum pr_code send_suite(struct pr_supervisor *s, const struct pr_wanted *w, int64_t suite,
    bool first, struct sent *sent, struct pr_error *e)
{
    struct pr_sv_grader *g = &s->grader;
    struct pr_example_row *rows;
    size_t n_rows, n = 0, before = sent->n;
    enum pr_code code = pr_gradebook_missing(s->g, g->model, g->settings, suite, &rows, &n_rows, e);
    if (code) {
        pr_sv_failed(s, "look up what is missing", e);
        return code;
    }
    struct pr_grader_example *v = pr_zalloc((n_rows + 1) * sizeof *v);
    for (size_t i = 0; i < n_rows; i++) {
        uint64_t x = short_digest(rows[i].digest);
        if (was_sent(sent, before, x))
            continue;
        PR_PUSH(sent->v, sent->n, sent->cap, x);
        v[n++] = (struct pr_grader_example){rows[i].digest, rows[i].line};
    }
    size_t head = first && n > PR_ORDER_FIRST ? PR_ORDER_FIRST : n;
    if (head)
        code = send(s, w, suite, v, head, e);
    if (!code && n > head)
        code = send(s, w, suite, v + head, n - head, e);
    pr_free(v);
    pr_example_rows_free(rows, n_rows);
    return code;
}

static int64_t main_suite(const struct pr_supervisor *s)
{
    for (size_t i = 0; i < s->suites.n; i++)
        if (!strcmp(s->suites.v[i].name, PR_SUITE_MAIN))
            return s->suites.v[i].id;
    return 0;
}

static void feed(struct pr_supervisor *s, const struct pr_wanted *w)
{
    struct pr_sv_grader *g = &s->grader;
    struct sent sent = {0};
    struct pr_error e;
    enum pr_code code = PR_OK;
    pr_timer_stop(s->loop, &g->idle);
    g->fresh = false;
    for (size_t i = 0; i < w->n_suites && !code && g->n_orders + 2 <= PR_SV_ORDERS; i++)
        code = send_suite(s, w, w->suites[i], w->first && w->suites[i] == main_suite(s), &sent, &e);
    pr_free(sent.v);
    if (!code && !g->n_orders) { /* counted as missing, and nothing is: never in a circle */
        pr_log(PR_LOG_ERROR, PR_SV_NAME, "nothing-missing", "checkpoint=%lld",
            (long long)w->checkpoint);
        pr_sv_block(s, w->checkpoint, false);
    }
    if (g->p && !g->ended)
        arm(s);
}

/* ---- what is done next ---- */

static const struct pr_wanted *choose(struct pr_supervisor *s)
{
    int64_t now = pr_clock_monotonic_ns(), soonest = INT64_MAX;
    int64_t *ids = pr_alloc((s->n_blocked + 1) * sizeof *ids);
    size_t n = 0;
    for (size_t i = 0; i < s->n_blocked; i++) {
        const struct pr_sv_blocked *b = &s->blocked[i];
        if (b->until_ns <= now)
            continue;
        ids[n++] = b->checkpoint;
        if (b->until_ns < soonest && pr_sv_wanted(s, b->checkpoint))
            soonest = b->until_ns;
    }
    int64_t i = pr_orders_next(s->plan.v, s->plan.n, ids, n);
    pr_free(ids);
    if (soonest != INT64_MAX)
        pr_timer_set(s->loop, &s->grader.retry, soonest);
    return i < 0 ? NULL : &s->plan.v[i];
}

static void use_idle(struct pr_supervisor *s, const struct pr_wanted *next)
{
    struct pr_sv_grader *g = &s->grader;
    if (next && next->checkpoint == g->checkpoint && next->n_suites) {
        feed(s, next);
        return;
    }
    if (g->fresh) { /* known already, by another path: there is something new to find all the same
                     */
        g->fresh = false;
        pr_sv_run_graded(s);
    }
    if (next)
        leave(s);
    else if (!g->idle.at_ns)
        pr_timer_after(s->loop, &g->idle, s->config.grader_idle_seconds * 1000);
}

void pr_sv_step(struct pr_supervisor *s)
{
    struct pr_sv_grader *g = &s->grader;
    if (s->paused || s->stopped || !s->scanned)
        return;
    const struct pr_wanted *next = choose(s);
    if (!g->p) {
        while (next && !s->n_judging && !start(s, next->checkpoint))
            next = choose(s);
        if (!next)
            pr_sv_probes_step(s);
        return;
    }
    if (!g->opened || g->leaving || g->ended)
        return;
    if (g->n_orders) {
        const struct pr_wanted *running = pr_sv_wanted(s, g->checkpoint);
        if (next && (!running || pr_orders_preempts(running, next))) {
            pr_log(PR_LOG_INFO, PR_SV_NAME, "set-aside", "checkpoint=%lld for=%lld",
                (long long)g->checkpoint, (long long)next->checkpoint);
            leave(s);
        }
        return;
    }
    if (!s->n_judging)
        use_idle(s, next);
}
