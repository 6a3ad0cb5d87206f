/* The training's curves into the gradebook: what a checkpoint's trainer_state.json logged, read on
 * the worker when it is opened, and after the last checkpoint what training_status.json says as it
 * changes.
 *
 * Live points are stored together every few seconds: a commit is an fsync, and a trainer writes its
 * status with every step.  What a crash loses of them, the next checkpoint's log has. */
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/file.h"
#include "daemon/supervisor_internal.h"

#define LOOK_MS   1000
#define STORE_NS  ((int64_t)5 * 1000000000)
#define MAX_LIVE  1000
#define LOG_BATCH 5000 /* points that are stored in a turn of the loop */
#define MAX_RUNS  100  /* whose logs are looked for at the start */

struct pr_sv_log {
    struct pr_sv_task task; /* first */
    struct pr_supervisor *s;
    char *path;
    int64_t run_id, checkpoint, step;
    struct pr_training_curves curves;
    bool failed;
    struct pr_error e;
    int curve; /* of the curves, this one is being stored */
    size_t at; /* from this point on */
    struct pr_sv_log *next;
};

/* ---- logs ---- */

static void log_free(struct pr_sv_log *l)
{
    pr_training_curves_done(&l->curves);
    pr_free(l->path);
    pr_free(l);
}

static void read_log(struct pr_sv_task *t)
{
    struct pr_sv_log *l = (struct pr_sv_log *)t;
    l->failed = pr_training_logged(l->path, &l->curves, &l->e);
}

static void task_free(struct pr_sv_task *t)
{
    log_free((struct pr_sv_log *)t);
}

/* It goes on as a copy in the queue: a task is freed once it is done. */
static void log_read(struct pr_sv_task *t)
{
    struct pr_sv_log *l = (struct pr_sv_log *)t;
    struct pr_supervisor *s = l->s;
    if (l->failed)
        pr_log(PR_LOG_WARN, PR_SV_NAME, "no-log", "checkpoint=%lld why=%s",
            (long long)l->checkpoint, pr_log_quote(l->e.message));
    if (l->failed || l->curves.step < 0)
        return;
    struct pr_sv_log *kept = pr_zalloc(sizeof *kept);
    *kept = (struct pr_sv_log){.s = s,
        .run_id = l->run_id,
        .checkpoint = l->checkpoint,
        .step = l->curves.step,
        .curves = l->curves};
    l->curves = (struct pr_training_curves){.step = -1};
    *s->curves.last = kept;
    s->curves.last = &kept->next;
    pr_timer_after(s->loop, &s->curves.store, 0);
}

void pr_sv_curves_opened(struct pr_supervisor *s, const struct pr_checkpoint_row *c)
{
    if (c->reference || !c->run_id)
        return;
    struct pr_sv_log *l = pr_zalloc(sizeof *l);
    *l = (struct pr_sv_log){.task = {.work = read_log, .done = log_read, .free = task_free},
        .s = s,
        .path = pr_strdup(c->path),
        .run_id = c->run_id,
        .checkpoint = c->id,
        .curves = {.step = -1}};
    pr_sv_worker_put(s->worker, &l->task);
}

/* Some points of one curve; *ret_over: that was the last of the log. */
static enum pr_code store_some(
    struct pr_sv_log *l, struct pr_gradebook *g, bool *ret_over, struct pr_error *e)
{
    const struct pr_training_curve *c = &l->curves.of[l->curve];
    const char *name = pr_training_curve_name((enum pr_training_curve_id)l->curve);
    size_t n = c->n - l->at < LOG_BATCH ? c->n - l->at : LOG_BATCH;
    bool last = l->at + n == c->n;
    int64_t to = last ? l->step : c->v[l->at + n - 1].step;
    enum pr_code code =
        pr_gradebook_log_points(g, l->run_id, name, n ? c->v + l->at : NULL, n, to, e);
    if (code)
        return code;
    l->at = last ? 0 : l->at + n;
    l->curve += last;
    *ret_over = l->curve == PR_TRAINING_N_CURVES;
    /* What was seen before its first checkpoint told which run it is. */
    return *ret_over ? pr_gradebook_adopt_points(g, l->run_id, l->step, e) : PR_OK;
}

static void drop_first(struct pr_sv_curves *c)
{
    struct pr_sv_log *l = c->first;
    c->first = l->next;
    if (!c->first)
        c->last = &c->first;
    log_free(l);
}

static void store(void *ctx)
{
    struct pr_supervisor *s = ctx;
    struct pr_sv_curves *c = &s->curves;
    struct pr_error e;
    bool over = false;
    if (!c->first || s->stopped)
        return;
    if (s->paused) {
        pr_timer_after(s->loop, &c->store, LOOK_MS);
        return;
    }
    if (pr_sv_begin(s, &e) || store_some(c->first, s->g, &over, &e)) {
        pr_sv_failed(s, "store a training's log", &e);
        drop_first(c); /* the next checkpoint's has it again */
    } else if (over) {
        drop_first(c);
    }
    pr_sv_end(s);
    if (c->first)
        pr_timer_after(s->loop, &c->store, 1);
}

/* ---- live ---- */

static void see(struct pr_sv_curves *c, const struct pr_training_curves *now)
{
    struct pr_sv_live x = {.step = now->step};
    for (int i = 0; i < PR_TRAINING_N_CURVES; i++) {
        if (!now->of[i].n)
            continue;
        x.has |= 1u << i;
        x.value[i] = now->of[i].v[0].value;
    }
    if (c->n_live && c->live[c->n_live - 1].step == x.step)
        c->n_live--; /* the last word on a step counts */
    else if (c->n_live == MAX_LIVE)
        return; /* the disk is full for long: the next checkpoint's log has them */
    PR_PUSH(c->live, c->n_live, c->live_cap, x);
}

static enum pr_code store_live(struct pr_supervisor *s, struct pr_error *e)
{
    struct pr_sv_curves *c = &s->curves;
    for (size_t k = 0; k < c->n_live; k++) {
        const struct pr_sv_live *x = &c->live[k];
        int64_t run = 0;
        enum pr_code code = pr_gradebook_live_run(s->g, x->step, &run, e);
        for (int i = 0; i < PR_TRAINING_N_CURVES && !code; i++) {
            const struct pr_point p = {x->step, x->value[i]};
            if (x->has >> i & 1)
                code = pr_gradebook_live_point(
                    s->g, run, pr_training_curve_name((enum pr_training_curve_id)i), &p, e);
        }
        if (code)
            return code;
    }
    return PR_OK;
}

static void look(void *ctx)
{
    struct pr_supervisor *s = ctx;
    struct pr_sv_curves *c = &s->curves;
    struct pr_training_curves now;
    struct pr_error e;
    struct stat st;
    pr_timer_after(s->loop, &c->look, LOOK_MS);
    int64_t mtime = 0, size = 0;
    if (!stat(c->status_file, &st)) {
        mtime = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
        size = st.st_size;
    }
    if (mtime && (mtime != c->mtime_ns || size != c->size)) {
        if (!pr_training_now(c->status_file, &now, &e) && now.step >= 0)
            see(c, &now);
        pr_training_curves_done(&now);
    }
    c->mtime_ns = mtime;
    c->size = size;
    if (!c->n_live || s->paused || s->stopped || pr_clock_monotonic_ns() - c->stored_ns < STORE_NS)
        return;
    if (pr_sv_begin(s, &e) || store_live(s, &e))
        pr_sv_failed(s, "store what the training does", &e);
    pr_sv_end(s);
    c->n_live = 0;
    c->stored_ns = pr_clock_monotonic_ns();
}

/* ---- life ---- */

void pr_sv_curves_init(struct pr_supervisor *s)
{
    s->curves.look = (struct pr_timer){.fired = look, .ctx = s};
    s->curves.store = (struct pr_timer){.fired = store, .ctx = s};
    s->curves.last = &s->curves.first;
    s->curves.status_file = pr_path_join(s->status_dir, "training_status.json");
}

/* The last checkpoint of a run has all that was logged before it. */
static void read_left_over(struct pr_supervisor *s)
{
    struct pr_checkpoint_row *v = NULL;
    struct pr_error e;
    size_t n = 0, runs = 0;
    if (pr_gradebook_checkpoints(s->g, NULL, &v, &n, &e))
        return;
    for (size_t i = n; i-- && runs < MAX_RUNS;) {
        int64_t logged = -1;
        bool last = v[i].state == PR_CHECKPOINT_READY && v[i].run_id &&
                    (i + 1 == n || v[i + 1].run_id != v[i].run_id);
        if (!last || pr_gradebook_logged(s->g, v[i].run_id, "loss", &logged, &e) ||
            logged >= v[i].step)
            continue;
        pr_sv_curves_opened(s, &v[i]);
        runs++;
    }
    pr_checkpoint_rows_free(v, n);
}

void pr_sv_curves_start(struct pr_supervisor *s)
{
    read_left_over(s);
    pr_timer_after(s->loop, &s->curves.look, LOOK_MS);
}

void pr_sv_curves_done(struct pr_supervisor *s)
{
    struct pr_sv_curves *c = &s->curves;
    pr_timer_stop(s->loop, &c->look);
    pr_timer_stop(s->loop, &c->store);
    while (c->first)
        drop_first(c);
    pr_free(c->live);
    pr_free(c->status_file);
}
