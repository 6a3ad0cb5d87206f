/* The second half of a run of a system that moves checkpoints (systems/move.h): its own thread, the
 * flag that stops it, and how far it is while it goes on.
 *
 * The thread may outlive the supervisor by what it does at the moment, so what both use is counted:
 * who leaves last frees it. */
#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/supervisor_internal.h"

#define SHOW_MS 1000 /* between two looks at how far it is */

struct pr_sv_mover {
    atomic_uint users;
    atomic_bool stop;
    pthread_mutex_t lock;           /* guards `interim` */
    json_t *interim;                /* told and not shown yet */
    struct pr_kept kept;            /* of the thread while a run goes on, else of the loop */
    const struct pr_system *system; /* for the thread, which may outlive the runner */
    /* The loop's alone. */
    struct pr_sv_runner *runner;
    struct pr_sv_worker *worker;
    struct pr_timer timer;
};

static void put_interim(struct pr_sv_mover *m, json_t *o)
{
    pthread_mutex_lock(&m->lock);
    json_decref(m->interim);
    m->interim = o;
    pthread_mutex_unlock(&m->lock);
}

static json_t *take_interim(struct pr_sv_mover *m)
{
    pthread_mutex_lock(&m->lock);
    json_t *o = m->interim;
    m->interim = NULL;
    pthread_mutex_unlock(&m->lock);
    return o;
}

static void drop_kept(struct pr_sv_mover *m)
{
    if (m->kept.thing)
        m->kept.free(m->kept.thing);
    m->kept = (struct pr_kept){0};
}

void pr_sv_mover_leave(struct pr_sv_mover *m)
{
    if (!m || atomic_fetch_sub(&m->users, 1) != 1)
        return;
    drop_kept(m);
    json_decref(m->interim);
    pthread_mutex_destroy(&m->lock);
    pr_free(m);
}

static void show(void *ctx)
{
    struct pr_sv_mover *m = ctx;
    struct pr_sv_runner *r = m->runner;
    json_t *o = take_interim(m);
    if (!r->running)
        return json_decref(o);
    if (o && !r->s->paused)
        pr_sv_show(r, o);
    json_decref(o);
    pr_timer_after(r->s->loop, &m->timer, SHOW_MS);
}

static struct pr_sv_mover *mover_of(struct pr_sv_runner *r, struct pr_error *e)
{
    struct pr_sv_mover *m = r->mover;
    if (m)
        return m;
    m = pr_zalloc(sizeof *m);
    *m = (struct pr_sv_mover){.users = 1, .system = r->system, .runner = r};
    pthread_mutex_init(&m->lock, NULL);
    m->timer = (struct pr_timer){.fired = show, .ctx = m};
    if (pr_sv_worker_new(r->s->loop, (int)r->s->config.grader_nice, &m->worker, e)) {
        pr_sv_mover_leave(m);
        return NULL;
    }
    return r->mover = m;
}

struct pr_sv_mover *pr_sv_mover_enter(struct pr_sv_runner *r, struct pr_error *e)
{
    struct pr_sv_mover *m = mover_of(r, e);
    if (!m)
        return NULL;
    atomic_store(&m->stop, false);
    put_interim(m, NULL);
    atomic_fetch_add(&m->users, 1);
    pr_timer_after(r->s->loop, &m->timer, SHOW_MS);
    return m;
}

void pr_sv_mover_put(struct pr_sv_mover *m, struct pr_sv_task *t)
{
    pr_sv_worker_put(m->worker, t);
}

static void told(void *ctx, const json_t *status)
{
    /* A copy of its own: references are not counted across threads. */
    put_interim(ctx, json_deep_copy(status));
}

static void noted(void *ctx, const char *event, const char *text)
{
    const struct pr_sv_mover *m = ctx;
    pr_log(PR_LOG_INFO, m->system->name, event, "what=%s", pr_log_quote(text));
}

void pr_sv_mover_fill(struct pr_sv_mover *m, struct pr_move *ret)
{
    ret->stop = &m->stop;
    ret->tell = told;
    ret->note = noted;
    ret->ctx = m;
    ret->kept = &m->kept;
}

void pr_sv_mover_stop(struct pr_sv_runner *r)
{
    if (!r->mover)
        return;
    atomic_store(&r->mover->stop, true);
    if (!r->running)
        drop_kept(r->mover);
}

void pr_sv_mover_done(struct pr_sv_runner *r)
{
    struct pr_sv_mover *m = r->mover;
    if (!m)
        return;
    pr_sv_mover_stop(r);
    pr_timer_stop(r->s->loop, &m->timer);
    pr_sv_worker_free(m->worker);
    r->mover = NULL;
    pr_sv_mover_leave(m);
}
