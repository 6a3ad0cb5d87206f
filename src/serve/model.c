/* A model and its thread.
 *
 * Answers to begin are a list under the lock; that one is not wanted any more is a mark on it.  The
 * thread looks at both between two passes, so that the batcher is its alone, and holds the lock for
 * no pass: whoever takes it waits for none. */
#include "serve/model.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/fault.h"
#include "serve/answer.h"

#define MOST_WAITING 1024

struct answers {
    struct pr_serve_answer **v;
    size_t n, cap;
};

struct pr_serve_model {
    struct pr_checkpoint *checkpoint;
    struct pr_prompter *prompter;
    struct pr_engine *engine;
    struct pr_batcher *batcher;
    char fingerprint[65];
    pthread_t thread;
    bool started;

    struct answers alive; /* the thread's own */

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t asked, told;
    struct answers begin;
    size_t held, most_held;
    bool closing;
    struct pr_batcher_counts counts; /* after the last pass */
};

/* ---- the thread ---- */

static void remove_at(struct answers *list, size_t i)
{
    memmove(&list->v[i], &list->v[i + 1], (--list->n - i) * sizeof *list->v);
}

/* Takes what was asked for; waits for it where there is nothing to do.  false: closed. */
static bool take_asked(struct pr_serve_model *m)
{
    pthread_mutex_lock(&m->lock);
    while (!m->alive.n && !m->begin.n && !m->closing)
        pthread_cond_wait(&m->asked, &m->lock);
    size_t n = m->alive.n;
    for (size_t i = 0; i < m->begin.n; i++)
        PR_PUSH(m->alive.v, m->alive.n, m->alive.cap, m->begin.v[i]);
    m->begin.n = 0;
    bool goes_on = m->alive.n || !m->closing;
    pthread_mutex_unlock(&m->lock);
    for (; n < m->alive.n; n++)
        pr_serve_answer_begin(m->alive.v[n], m->batcher);
    return goes_on;
}

static void end_answer(struct pr_serve_model *m, size_t i, enum pr_serve_end end, const char *why)
{
    struct pr_serve_answer *a = m->alive.v[i];
    remove_at(&m->alive, i);
    pr_serve_answer_end(a, m->batcher, end, why);
}

/* Tells the end of answers that are over, or whose time is, or that nobody wants. */
static void sweep(struct pr_serve_model *m, enum pr_code code, const struct pr_error *why)
{
    int64_t now = pr_clock_monotonic_ns();
    for (size_t i = m->alive.n; i-- > 0;) {
        enum pr_serve_end end;
        int64_t deadline = pr_serve_answer_deadline(m->alive.v[i]);
        if (pr_serve_answer_is_over(m->alive.v[i], &end))
            end_answer(m, i, end, end == PR_SERVE_FAILED ? "memory is short" : NULL);
        else if (deadline && now >= deadline)
            end_answer(m, i, PR_SERVE_DEADLINE, NULL);
        else if (code)
            end_answer(m, i, PR_SERVE_FAILED, why->message);
    }
}

static void take_counts(struct pr_serve_model *m)
{
    pthread_mutex_lock(&m->lock);
    pr_batcher_count(m->batcher, &m->counts);
    pthread_mutex_unlock(&m->lock);
}

static void *run(void *ctx)
{
    struct pr_serve_model *m = ctx;
    while (take_asked(m)) {
        struct pr_error e;
        bool busy;
        sweep(m, PR_OK, NULL); /* one that came and went: no pass for it */
        pr_fault_point(PR_FAULT_SERVE_PASS);
        enum pr_code code = pr_batcher_pass(m->batcher, &busy, &e);
        take_counts(m); /* whoever is told that an answer is over finds it counted */
        sweep(m, code, &e);
        take_counts(m);
    }
    return NULL;
}

/* ---- other threads ---- */

enum pr_code pr_serve_model_open(const char *dir, const struct pr_serve_model_options *options,
    struct pr_serve_model **ret, struct pr_error *e)
{
    struct pr_checkpoint_options co = options->checkpoint;
    co.weights = true;
    const struct pr_engine_options eo = {.math = options->math,
        .n_threads = options->n_threads,
        .kv_bytes = options->kv_bytes,
        .own_weights = true, /* who writes over a file that is served changes no answer */
        .stop = co.stop};
    struct pr_serve_model *m = pr_zalloc(sizeof *m);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->asked, NULL);
    pthread_cond_init(&m->told, NULL);
    m->most_held = options->most_waiting ? options->most_waiting : MOST_WAITING;
    enum pr_code code = pr_checkpoint_open(dir, &co, &m->checkpoint, e);
    if (!code)
        code = pr_checkpoint_fingerprint(m->checkpoint, options->n_threads, m->fingerprint, e);
    if (!code)
        code = pr_prompter_new(m->checkpoint, &options->prompt, &m->prompter, e);
    if (!code)
        code = pr_engine_new(m->checkpoint, &eo, &m->engine, e);
    if (!code) /* what was hashed is what was packed */
        code = pr_checkpoint_unchanged(m->checkpoint, e);
    if (!code) {
        m->batcher = pr_batcher_new(m->engine, options->most_cached);
        int err = pthread_create(&m->thread, NULL, run, m);
        m->started = !err;
        if (err)
            code = pr_fail_errno(e, err, "starting the thread of %s", dir);
    }
    if (code) {
        pr_serve_model_close(m);
        return code;
    }
    *ret = m;
    return PR_OK;
}

void pr_serve_model_close(struct pr_serve_model *m)
{
    if (!m)
        return;
    pthread_mutex_lock(&m->lock);
    m->closing = true;
    pthread_cond_broadcast(&m->asked);
    while (m->held)
        pthread_cond_wait(&m->told, &m->lock);
    pthread_mutex_unlock(&m->lock);
    if (m->started)
        pthread_join(m->thread, NULL);
    pr_batcher_free(m->batcher);
    pr_engine_free(m->engine);
    pr_prompter_free(m->prompter);
    pr_checkpoint_free(m->checkpoint);
    pr_free(m->alive.v);
    pr_free(m->begin.v);
    pthread_cond_destroy(&m->asked);
    pthread_cond_destroy(&m->told);
    pthread_mutex_destroy(&m->lock);
    pr_free(m);
}

const char *pr_serve_model_fingerprint(const struct pr_serve_model *m)
{
    return m->fingerprint;
}

const char *pr_serve_model_name(const struct pr_serve_model *m)
{
    return pr_checkpoint_name(m->checkpoint);
}

const char *pr_serve_model_numerics(const struct pr_serve_model *m)
{
    return pr_engine_numerics(m->engine);
}

uint32_t pr_serve_model_positions(const struct pr_serve_model *m)
{
    return pr_checkpoint_config(m->checkpoint)->max_position;
}

uint32_t pr_serve_model_vocab(const struct pr_serve_model *m)
{
    return pr_checkpoint_config(m->checkpoint)->vocab;
}

const struct pr_prompter *pr_serve_model_prompter(const struct pr_serve_model *m)
{
    return m->prompter;
}

void pr_serve_model_count(struct pr_serve_model *m, struct pr_batcher_counts *ret)
{
    pthread_mutex_lock(&m->lock);
    *ret = m->counts;
    pthread_mutex_unlock(&m->lock);
}

bool pr_serve_model_hold(struct pr_serve_model *m)
{
    pthread_mutex_lock(&m->lock);
    bool ok = m->held < m->most_held && !m->closing;
    m->held += ok;
    pthread_mutex_unlock(&m->lock);
    return ok;
}

void pr_serve_model_release(struct pr_serve_model *m)
{
    pthread_mutex_lock(&m->lock);
    m->held--;
    pthread_cond_broadcast(&m->told);
    pthread_mutex_unlock(&m->lock);
}

void pr_serve_model_start(struct pr_serve_model *m, struct pr_serve_answer *a)
{
    pthread_mutex_lock(&m->lock);
    PR_PUSH(m->begin.v, m->begin.n, m->begin.cap, a);
    pthread_cond_signal(&m->asked);
    pthread_mutex_unlock(&m->lock);
}
