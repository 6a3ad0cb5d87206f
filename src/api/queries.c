/* See queries.h. */
#include "api/queries.h"

#include <pthread.h>

#include "api/book.h"
#include "base/clock.h"

#define N_THREADS 2
#define TRIES     4 /* of a question whose gradebook changes under it */

struct job {
    const struct pr_api_request *q;
    pr_api_answered *done;
    void *ctx;
};

struct pr_api_queries {
    struct pr_api_snapshot *snapshot;
    pthread_t threads[N_THREADS];
    int n_threads;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t stir;
    struct job ring[PR_API_MAX_WAITING];
    size_t first, n;
    bool stop;
};

struct pr_api_blob *pr_api_answer(const struct pr_api_request *q, const struct pr_api_context *x)
{
    struct pr_error e;
    json_t *content = NULL;
    struct pr_api_blob *b;
    const struct pr_api_route *r = q->route;
    enum pr_code code = q->body ? r->post(x, q, &content, &e) : r->get(x, q, &content, &e);
    if (code)
        return pr_api_blob_error(pr_api_status_of(code), e.message);
    if (r->type)
        b = pr_api_blob_text(r->type, json_string_value(content), json_string_length(content));
    else
        b = pr_api_blob_json(content, x->now_ms);
    json_decref(content);
    return b;
}

/* An action is sent to the owner: it needs no picture of the gradebook held open meanwhile. */
static struct pr_api_blob *act(struct pr_api_queries *v, const struct pr_api_request *q)
{
    struct pr_api_world *w = pr_api_snapshot_world(v->snapshot);
    struct pr_api_context x = pr_api_world_context(w, NULL, pr_clock_utc_ms());
    struct pr_api_blob *b = pr_api_answer(q, &x);
    pr_api_world_unref(w);
    return b;
}

/* NULL: the gradebook was changed meanwhile by somebody whom no lock holds back. */
static struct pr_api_blob *look_once(struct pr_api_queries *v, struct pr_api_book *book,
    const struct pr_api_request *q, int64_t deadline, struct pr_error *e)
{
    enum pr_code code = pr_api_book_look(book, NULL, e);
    if (!code)
        code = pr_api_book_begin(book, deadline, e);
    if (code)
        return code == PR_E_CHANGED ? NULL : pr_api_blob_error(503, e->message);
    struct pr_api_world *w = pr_api_snapshot_world(v->snapshot);
    struct pr_api_context x = pr_api_world_context(w, book->g, pr_clock_utc_ms());
    struct pr_api_blob *b = pr_api_answer(q, &x);
    pr_api_world_unref(w);
    if (!(code = pr_api_book_end(book, e)))
        return b;
    pr_api_blob_unref(b);
    return code == PR_E_CHANGED ? NULL : pr_api_blob_error(503, e->message);
}

static struct pr_api_blob *look_up(
    struct pr_api_queries *v, struct pr_api_book *book, const struct pr_api_request *q)
{
    struct pr_error e;
    int64_t deadline = pr_clock_monotonic_ns() + (int64_t)PR_API_DEADLINE_MS * 1000000;
    for (int i = 0; i < TRIES; i++) {
        struct pr_api_blob *b = look_once(v, book, q, deadline, &e);
        if (b)
            return b;
    }
    return pr_api_blob_error(503, e.message);
}

static bool next(struct pr_api_queries *v, struct job *ret)
{
    pthread_mutex_lock(&v->lock);
    while (!v->n && !v->stop)
        pthread_cond_wait(&v->stir, &v->lock);
    bool got = v->n && !v->stop;
    if (got) {
        *ret = v->ring[v->first];
        v->first = (v->first + 1) % PR_API_MAX_WAITING;
        v->n--;
    }
    pthread_mutex_unlock(&v->lock);
    return got;
}

static void *run(void *ctx)
{
    struct pr_api_queries *v = ctx;
    struct pr_api_book book;
    struct job j;
    struct pr_api_world *w = pr_api_snapshot_world(v->snapshot);
    pr_api_book_init(&book, w->config.base_dir);
    pr_api_world_unref(w);
    while (next(v, &j))
        j.done(j.ctx, j.q->body ? act(v, j.q) : look_up(v, &book, j.q));
    pr_api_book_done(&book);
    return NULL;
}

enum pr_code pr_api_queries_new(
    struct pr_api_snapshot *snapshot, struct pr_api_queries **ret, struct pr_error *e)
{
    struct pr_api_queries *v = pr_zalloc(sizeof *v);
    v->snapshot = snapshot;
    pthread_mutex_init(&v->lock, NULL);
    pthread_cond_init(&v->stir, NULL);
    for (; v->n_threads < N_THREADS; v->n_threads++) {
        int err = pthread_create(&v->threads[v->n_threads], NULL, run, v);
        if (err) {
            pr_api_queries_free(v);
            return pr_fail_errno(e, err, "a thread cannot be started");
        }
    }
    *ret = v;
    return PR_OK;
}

void pr_api_queries_stop(struct pr_api_queries *v)
{
    pthread_mutex_lock(&v->lock);
    v->stop = true;
    pthread_cond_broadcast(&v->stir);
    pthread_mutex_unlock(&v->lock);
    for (; v->n_threads; v->n_threads--)
        pthread_join(v->threads[v->n_threads - 1], NULL);
    for (; v->n; v->n--) {
        struct job *j = &v->ring[v->first];
        v->first = (v->first + 1) % PR_API_MAX_WAITING;
        j->done(j->ctx, pr_api_blob_error(503, PR_API_STOPPING));
    }
}

void pr_api_queries_free(struct pr_api_queries *v)
{
    if (!v)
        return;
    pr_api_queries_stop(v);
    pthread_cond_destroy(&v->stir);
    pthread_mutex_destroy(&v->lock);
    pr_free(v);
}

bool pr_api_queries_add(
    struct pr_api_queries *v, const struct pr_api_request *q, pr_api_answered *done, void *ctx)
{
    pthread_mutex_lock(&v->lock);
    bool fits = v->n < PR_API_MAX_WAITING && !v->stop;
    if (fits) {
        v->ring[(v->first + v->n++) % PR_API_MAX_WAITING] =
            (struct job){.q = q, .done = done, .ctx = ctx};
        pthread_cond_signal(&v->stir);
    }
    pthread_mutex_unlock(&v->lock);
    return fits;
}

bool pr_api_queries_stopped(struct pr_api_queries *v)
{
    pthread_mutex_lock(&v->lock);
    bool stopped = v->stop;
    pthread_mutex_unlock(&v->lock);
    return stopped;
}
