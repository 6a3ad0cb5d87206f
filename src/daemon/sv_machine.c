/* The machine: GPUs and the host, looked at every two seconds, each on a thread of its own.
 *
 * A look that hangs (a driver that is stuck, a disk over a network that is gone) stays alone: no
 * other one is begun, the loop goes on, and what it last found is not shown any more once it is
 * old.  Every ten seconds what is known goes to the gradebook as points. */
#include <math.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/str.h"
#include "daemon/supervisor_internal.h"
#include "gradebook/machine.h"
#include "machine/machine.h"

#define LOOK_MS    2000
#define STORE_NS   10000000000
#define OLD_NS     30000000000
#define MAX_VALUES 512

/* A look may outlive the supervisor by as long as it hangs: who leaves last frees the machine. */
struct pr_sv_machine_shared {
    struct pr_machine *machine;
    atomic_int users;
};

struct look {
    struct pr_sv_task task;
    struct pr_sv_machine_shared *shared;
    struct pr_sv_eye *eye; /* the loop's alone: not touched by `work` */
    json_t *(*see)(struct pr_machine *m);
    int64_t begun_ns, begun_ms; /* what is found is as old as this */
    json_t *found;
};

static void leave(struct pr_sv_machine_shared *x)
{
    if (x && atomic_fetch_sub(&x->users, 1) == 1) {
        pr_machine_free(x->machine);
        pr_free(x);
    }
}

static void look_work(struct pr_sv_task *t)
{
    struct look *l = (struct look *)t;
    l->found = l->see(l->shared->machine);
}

static void look_done(struct pr_sv_task *t)
{
    struct look *l = (struct look *)t;
    struct pr_sv_eye *eye = l->eye;
    json_decref(eye->seen);
    eye->seen = l->found;
    eye->seen_ns = l->begun_ns;
    eye->seen_ms = l->begun_ms;
    eye->busy = false;
    l->found = NULL;
}

static void look_free(struct pr_sv_task *t)
{
    struct look *l = (struct look *)t;
    json_decref(l->found);
    leave(l->shared);
    pr_free(l);
}

static void open_eye(struct pr_supervisor *s, struct pr_sv_eye *eye)
{
    if (eye->busy || !eye->worker)
        return;
    struct look *l = pr_zalloc(sizeof *l);
    l->task = (struct pr_sv_task){.work = look_work, .done = look_done, .free = look_free};
    l->shared = s->machine.shared;
    l->eye = eye;
    l->see = eye->see;
    l->begun_ns = pr_clock_monotonic_ns();
    l->begun_ms = pr_clock_utc_ms();
    atomic_fetch_add(&l->shared->users, 1);
    eye->busy = true;
    pr_sv_worker_put(eye->worker, &l->task);
}

/* ---- what is known ---- */

/* Why what was seen counts no more; false: it does. */
static bool is_blind(const struct pr_sv_eye *eye, const char *who, int64_t since_ns, char ret[128])
{
    int64_t age = pr_clock_monotonic_ns() - (eye->seen ? eye->seen_ns : since_ns);
    ret[0] = 0;
    if (!eye->seen && age < OLD_NS)
        snprintf(ret, 128, "this is the first look");
    else if (age >= OLD_NS)
        snprintf(ret, 128, "%s has not answered for %lld s", who, (long long)(age / 1000000000));
    return ret[0];
}

static void set_at(json_t *o, const struct pr_sv_eye *eye)
{
    char at[32];
    if (eye->seen)
        pr_clock_iso8601(eye->seen_ms, at);
    pr_json_set_str(o, "at", eye->seen ? at : NULL);
}

json_t *pr_sv_machine_state(const struct pr_supervisor *s)
{
    const struct pr_sv_machine *m = &s->machine;
    char reason[128];
    json_t *o = json_object();
    set_at(o, &m->host);
    if (is_blind(&m->gpus, "the GPU driver", m->since_ns, reason)) {
        pr_json_set(o, "gpus", json_array());
        pr_json_set_str(o, "gpu_source", NULL);
        pr_json_set_str(o, "gpu_reason", reason);
    } else {
        json_object_update(o, m->gpus.seen);
    }
    if (is_blind(&m->host, "the host (a disk, perhaps)", m->since_ns, reason))
        pr_json_set_null(o, "host", reason);
    else
        pr_json_set(o, "host", json_incref(m->host.seen));
    return o;
}

/* ---- curves ---- */

struct values {
    struct pr_machine_value *v;
    size_t n;
};

static void add_value(struct values *to, const char *of, const char *key, const json_t *o)
{
    const json_t *v = json_object_get(o, key);
    if (to->n == MAX_VALUES)
        return;
    struct pr_machine_value *x = &to->v[to->n++];
    snprintf(x->name, sizeof x->name, "%s.%s", of, key);
    x->value = json_is_number(v) ? json_number_value(v) : NAN;
}

/* What is drawn: of each GPU, of the host, of its disks. */
static void collect(const json_t *state, struct values *ret)
{
    static const char *const of_gpu[] = {
        "memory_used_bytes", "utilization_percent", "temperature_celsius", "power_watts"};
    static const char *const of_host[] = {"cpu_percent", "load1", "memory_used_bytes"};
    const json_t *host = json_object_get(state, "host"), *one;
    size_t i;
    char of[24];
    json_array_foreach (json_object_get(state, "gpus"), i, one) {
        snprintf(of, sizeof of, "gpu%d", (int)json_integer_value(json_object_get(one, "index")));
        for (size_t k = 0; k < sizeof of_gpu / sizeof *of_gpu; k++)
            add_value(ret, of, of_gpu[k], one);
    }
    for (size_t k = 0; k < sizeof of_host / sizeof *of_host; k++)
        add_value(ret, "host", of_host[k], host);
    json_array_foreach (json_object_get(host, "disks"), i, one) {
        snprintf(of, sizeof of, "disk%zu", i);
        add_value(ret, of, "free_bytes", one);
    }
}

/* A series that had a value and is not even named now (a GPU that is gone, a driver that hangs)
 * ends too. */
static void end_others(struct pr_sv_machine *m, struct values *now)
{
    size_t n = now->n;
    for (size_t i = 0; i < m->n_stored; i++) {
        bool named = false;
        for (size_t k = 0; k < n && !named; k++)
            named = !strcmp(m->stored[i].name, now->v[k].name);
        if (!named && now->n < MAX_VALUES) {
            now->v[now->n] = m->stored[i];
            now->v[now->n++].value = NAN;
        }
    }
}

static void store(struct pr_supervisor *s)
{
    struct pr_sv_machine *m = &s->machine;
    struct pr_error e;
    struct values now = {pr_alloc(MAX_VALUES * sizeof *now.v), 0};
    json_t *state = pr_sv_machine_state(s);
    collect(state, &now);
    size_t n = now.n;
    end_others(m, &now);
    if (pr_sv_begin(s, &e) || (!m->broken && pr_gradebook_break_machine(s->g, &e)) ||
        pr_gradebook_put_machine(s->g, pr_clock_utc_ms(), now.v, now.n, &e)) {
        pr_sv_failed(s, "store the machine's curves", &e);
    } else {
        m->broken = true;
        pr_free(m->stored);
        m->stored = now.v;
        m->n_stored = n;
        now.v = NULL;
    }
    pr_free(now.v);
    json_decref(state);
}

static void look_again(void *ctx)
{
    struct pr_supervisor *s = ctx;
    struct pr_sv_machine *m = &s->machine;
    int64_t now = pr_clock_monotonic_ns();
    pr_timer_after(s->loop, &m->timer, LOOK_MS);
    open_eye(s, &m->gpus);
    open_eye(s, &m->host);
    if (now - m->stored_ns < STORE_NS || s->paused || s->stopped)
        return;
    m->stored_ns = now;
    store(s);
    pr_sv_end(s);
}

/* ---- life ---- */

enum pr_code pr_sv_machine_start(struct pr_supervisor *s, struct pr_error *e)
{
    struct pr_sv_machine *m = &s->machine;
    char *models = pr_path_join(s->config.base_dir, "models");
    const char *current = s->config.current ? s->config.current : models;
    const char *const folders[] = {s->config.base_dir, current, NULL};
    m->shared = pr_zalloc(sizeof *m->shared);
    m->shared->machine = pr_machine_new(folders);
    atomic_init(&m->shared->users, 1);
    pr_free(models);
    m->gpus.see = pr_machine_look_gpus;
    m->host.see = pr_machine_look_host;
    m->since_ns = m->stored_ns = pr_clock_monotonic_ns();
    m->timer = (struct pr_timer){.fired = look_again, .ctx = s};
    enum pr_code code = pr_sv_worker_new(s->loop, 0, &m->gpus.worker, e);
    if (code || (code = pr_sv_worker_new(s->loop, 0, &m->host.worker, e)))
        return code;
    pr_timer_after(s->loop, &m->timer, 0);
    return PR_OK;
}

void pr_sv_machine_done(struct pr_supervisor *s)
{
    struct pr_sv_machine *m = &s->machine;
    pr_timer_stop(s->loop, &m->timer);
    pr_sv_worker_free(m->gpus.worker);
    pr_sv_worker_free(m->host.worker);
    json_decref(m->gpus.seen);
    json_decref(m->host.seen);
    pr_free(m->stored);
    leave(m->shared);
    *m = (struct pr_sv_machine){0};
}
