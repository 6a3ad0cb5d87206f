/* See live.h. */
#include "api/live.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/owner.h"

#define ASK_MS        1500
#define ATTENDED_MS   1000
#define UNATTENDED_MS 5000

struct pr_api_live {
    char *base_dir;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t stir;
    struct pr_api_live_look last;
    bool attended, stop;
};

/* Members that only tell the time: a state that differs in them alone is the same. */
static bool is_clock(const char *key)
{
    static const char *const clocks[] = {
        "at", "age_seconds", "next_run_seconds", "uptime_seconds", "sampled_at"};
    for (size_t i = 0; i < sizeof clocks / sizeof *clocks; i++)
        if (!strcmp(key, clocks[i]))
            return true;
    return false;
}

static bool same(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *x;
    size_t i;
    if (json_is_object(a) && json_is_object(b)) {
        if (json_object_size(a) != json_object_size(b))
            return false;
        json_object_foreach ((json_t *)(uintptr_t)a, key, x)
            if (!json_object_get(b, key) || (!is_clock(key) && !same(x, json_object_get(b, key))))
                return false;
        return true;
    }
    if (json_is_array(a) && json_is_array(b)) {
        if (json_array_size(a) != json_array_size(b))
            return false;
        json_array_foreach (a, i, x)
            if (!same(x, json_array_get(b, i)))
                return false;
        return true;
    }
    return a == b || (a && b && json_equal(a, b));
}

static void ask(const char *base_dir, struct pr_api_live_look *k)
{
    struct pr_error why;
    json_t *question = json_object(), *answer = NULL, *state;
    pr_json_set_str(question, "type", "state");
    enum pr_code code = pr_owner_ask(base_dir, question, ASK_MS, &answer, &why);
    state = json_object_get(answer, "state");
    if (code == PR_E_NOT_FOUND) {
        snprintf(k->why, sizeof k->why, "no proctor runs in this base folder");
    } else if (code || !json_is_object(state)) {
        snprintf(k->why, sizeof k->why, "%.500s",
            code ? why.message : "the owner's answer holds no state");
    } else {
        k->state = json_incref(state);
        k->machine = json_incref(json_object_get(state, "machine"));
        json_object_del(state, "machine");
    }
    json_decref(answer);
    json_decref(question);
}

static void keep(struct pr_api_live *l, struct pr_api_live_look *k)
{
    pthread_mutex_lock(&l->lock);
    struct pr_api_live_look old = l->last;
    k->n_state = old.n_state + (!same(old.state, k->state) || strcmp(old.why, k->why) != 0);
    k->n_machine = old.n_machine + !same(old.machine, k->machine);
    l->last = *k;
    pthread_mutex_unlock(&l->lock);
    pr_api_live_look_done(&old);
}

static void *run(void *ctx)
{
    struct pr_api_live *l = ctx;
    pthread_mutex_lock(&l->lock);
    while (!l->stop) {
        int64_t ms = l->attended ? ATTENDED_MS : UNATTENDED_MS;
        int64_t until = pr_clock_monotonic_ns() + ms * 1000000;
        struct timespec at = {.tv_sec = until / 1000000000, .tv_nsec = until % 1000000000};
        if (!pthread_cond_timedwait(&l->stir, &l->lock, &at) && !l->stop && !l->attended)
            continue;
        if (l->stop)
            break;
        pthread_mutex_unlock(&l->lock);
        struct pr_api_live_look k = {0};
        ask(l->base_dir, &k);
        keep(l, &k);
        pthread_mutex_lock(&l->lock);
    }
    pthread_mutex_unlock(&l->lock);
    return NULL;
}

struct pr_api_live *pr_api_live_new(const char *base_dir)
{
    struct pr_api_live *l = pr_zalloc(sizeof *l);
    pthread_condattr_t at;
    l->base_dir = pr_strdup(base_dir);
    pthread_mutex_init(&l->lock, NULL);
    pthread_condattr_init(&at);
    pthread_condattr_setclock(&at, CLOCK_MONOTONIC);
    pthread_cond_init(&l->stir, &at);
    pthread_condattr_destroy(&at);
    ask(l->base_dir, &l->last);
    if (pthread_create(&l->thread, NULL, run, l))
        l->stop = true; /* then what was said first stays; it is told as old as it is */
    return l;
}

void pr_api_live_free(struct pr_api_live *l)
{
    if (!l)
        return;
    pthread_mutex_lock(&l->lock);
    bool started = !l->stop;
    l->stop = true;
    pthread_cond_signal(&l->stir);
    pthread_mutex_unlock(&l->lock);
    if (started)
        pthread_join(l->thread, NULL);
    pr_api_live_look_done(&l->last);
    pthread_cond_destroy(&l->stir);
    pthread_mutex_destroy(&l->lock);
    pr_free(l->base_dir);
    pr_free(l);
}

void pr_api_live_look(struct pr_api_live *l, struct pr_api_live_look *ret)
{
    pthread_mutex_lock(&l->lock);
    *ret = l->last;
    ret->state = json_incref(ret->state);
    ret->machine = json_incref(ret->machine);
    pthread_mutex_unlock(&l->lock);
}

void pr_api_live_look_done(struct pr_api_live_look *k)
{
    json_decref(k->state);
    json_decref(k->machine);
    k->state = k->machine = NULL;
}

void pr_api_live_attend(struct pr_api_live *l, bool attended)
{
    pthread_mutex_lock(&l->lock);
    if (attended && !l->attended)
        pthread_cond_signal(&l->stir);
    l->attended = attended;
    pthread_mutex_unlock(&l->lock);
}
