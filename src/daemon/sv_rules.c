/* The supervisor's own rules (rules.h), asked every now and then.  What they are about is read on
 * the worker, as a disk may hang; what they say is raised and cleared on the loop. */
#include <math.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/clock.h"
#include "daemon/queue_look.h"
#include "daemon/state.h"
#include "daemon/supervisor_internal.h"

#define FIRST_MS      3000
#define EVERY_MS      10000
#define QUEUE_MS      60000
#define QUEUE_SECONDS 3 /* that files which are new may take, of the minute */

struct gathering {
    struct pr_sv_task task; /* first */
    struct pr_supervisor *s;
    struct pr_config config;
    char **folders; /* of the newest checkpoints */
    size_t n_folders;
    int64_t now_ms;
    char stamp[65];   /* of the training's files: as they were, then as they are */
    json_t *training; /* NULL: they are as they were */
    double disk_free;
    bool looks_at_queue;
    json_t *queue; /* NULL: it was not looked at, or cannot be read */
};

/* ---- on the worker ---- */

static void work(struct pr_sv_task *t)
{
    struct gathering *x = (struct gathering *)t;
    struct statvfs st;
    char stamp[65];
    const char *const *folders = (const char *const *)x->folders;
    x->disk_free =
        statvfs(x->config.base_dir, &st) ? NAN : (double)st.f_bavail * (double)st.f_frsize;
    if (x->looks_at_queue && pr_queue_look_with(&x->config, NULL, QUEUE_SECONDS, &x->queue, NULL))
        x->queue = NULL;
    pr_state_training_stamp(&x->config, folders, x->n_folders, stamp);
    if (!strcmp(stamp, x->stamp))
        return;
    memcpy(x->stamp, stamp, sizeof stamp);
    x->training = pr_state_training(&x->config, folders, x->n_folders, x->now_ms);
}

/* ---- on the loop ---- */

static void raise_it(void *ctx, const char *key, enum pr_alert_level level, const char *text)
{
    pr_sv_alert(ctx, key, 0, level, "%s", text);
}

static void clear_it(void *ctx, const char *key)
{
    pr_sv_clear(ctx, key);
}

static void judge(struct pr_supervisor *s, const struct gathering *x)
{
    struct pr_rule_system systems[PR_SV_MAX_SYSTEMS];
    json_t *machine = pr_sv_machine_state(s);
    struct pr_rule_input in = {.now_ns = pr_clock_monotonic_ns(),
        .training = s->rules.training,
        .disk_free = x->disk_free,
        .queue = x->queue,
        .machine = machine,
        .systems = systems,
        .stalled_minutes = s->config.alerts.stalled_minutes,
        .disk_free_gb = s->config.alerts.disk_free_gb,
        .gpu_celsius = s->config.alerts.gpu_celsius};
    for (size_t i = 0; i < s->n_runners; i++) {
        const struct pr_sv_runner *r = &s->runners[i];
        systems[in.n_systems++] = (struct pr_rule_system){
            .name = r->system->name, .failures = r->jobs ? r->failures : 0, .reason = r->reason};
    }
    pr_rules_look(s->rules.rules, &in, raise_it, clear_it, s);
    pr_sv_end(s);
    json_decref(machine);
}

static void done(struct pr_sv_task *t)
{
    struct gathering *x = (struct gathering *)t;
    struct pr_supervisor *s = x->s;
    s->rules.busy = false;
    if (x->training) {
        json_decref(s->rules.training);
        s->rules.training = x->training;
        x->training = NULL;
        memcpy(s->rules.stamp, x->stamp, sizeof s->rules.stamp);
    }
    if (!s->paused && !s->stopped) /* what is said then would be lost, and taken for said */
        judge(s, x);
}

static void free_gathering(struct pr_sv_task *t)
{
    struct gathering *x = (struct gathering *)t;
    for (size_t i = 0; i < x->n_folders; i++)
        pr_free(x->folders[i]);
    pr_free(x->folders);
    json_decref(x->training);
    json_decref(x->queue);
    pr_config_done(&x->config);
    pr_free(x);
}

static void take_folders(struct pr_supervisor *s, struct gathering *x)
{
    static const struct pr_checkpoint_filter newest = {.newest = PR_STATE_TRAINING_FOLDERS};
    struct pr_checkpoint_row *rows;
    struct pr_error e;
    size_t n;
    if (pr_gradebook_checkpoints(s->g, &newest, &rows, &n, &e))
        return;
    x->folders = pr_zalloc((n + 1) * sizeof *x->folders);
    for (size_t i = 0; i < n; i++)
        if (!rows[i].reference)
            x->folders[x->n_folders++] = pr_strdup(rows[i].path);
    pr_checkpoint_rows_free(rows, n);
}

static void turn(void *ctx)
{
    struct pr_supervisor *s = ctx;
    pr_timer_after(s->loop, &s->rules.timer, EVERY_MS);
    if (s->rules.busy || s->paused || s->stopped)
        return;
    struct gathering *x = pr_zalloc(sizeof *x);
    x->task = (struct pr_sv_task){.work = work, .done = done, .free = free_gathering};
    x->s = s;
    x->now_ms = pr_clock_utc_ms();
    x->looks_at_queue = pr_clock_monotonic_ns() >= s->rules.queue_ns;
    if (x->looks_at_queue)
        s->rules.queue_ns = pr_clock_monotonic_ns() + QUEUE_MS * 1000000LL;
    pr_config_copy(&s->config, &x->config);
    memcpy(x->stamp, s->rules.stamp, sizeof x->stamp);
    take_folders(s, x);
    s->rules.busy = true;
    pr_sv_worker_put(s->worker, &x->task);
}

void pr_sv_rules_init(struct pr_supervisor *s)
{
    s->rules.rules = pr_rules_new();
    s->rules.timer = (struct pr_timer){.fired = turn, .ctx = s};
}

void pr_sv_rules_start(struct pr_supervisor *s)
{
    pr_timer_after(s->loop, &s->rules.timer, FIRST_MS);
}

void pr_sv_rules_done(struct pr_supervisor *s)
{
    pr_timer_stop(s->loop, &s->rules.timer);
    pr_rules_free(s->rules.rules);
    json_decref(s->rules.training);
    s->rules.rules = NULL;
    s->rules.training = NULL;
}
