/* One request and the bytes of its answer. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "serve/server_internal.h"

#define MOST_OUT    ((size_t)256 << 20)
#define MOST_UNREAD ((size_t)4 << 20)

struct pr_serve_exchange {
    struct pr_serve_server *s;
    const char *route; /* its path in the table */
    void (*wake)(void *ctx);
    void *ctx;
    int64_t begun_ns;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    size_t n_users; /* the caller, and who answers */
    size_t n_waking;
    bool freed; /* the caller is gone */
    struct pr_serve_answer_head head;
    char fingerprint[65];
    bool has_head, over, broken;
    struct pr_str out;
    size_t n_read; /* of out */
    void *work;
    void (*cancel)(void *work);
};

struct pr_serve_server *pr_serve_exchange_server(struct pr_serve_exchange *x)
{
    return x->s;
}

int64_t pr_serve_exchange_begun_ns(const struct pr_serve_exchange *x)
{
    return x->begun_ns;
}

/* ---- by who answers ---- */

/* The lock is not held in the call, and the caller does not go before it is over. */
static void wake(struct pr_serve_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    bool wanted = !x->freed;
    x->n_waking += wanted;
    pthread_mutex_unlock(&x->lock);
    if (!wanted)
        return;
    x->wake(x->ctx);
    pthread_mutex_lock(&x->lock);
    x->n_waking--;
    pthread_cond_broadcast(&x->changed);
    pthread_mutex_unlock(&x->lock);
}

/* Under the lock. */
static void set_head(
    struct pr_serve_exchange *x, int status, const char *type, bool stream, const char *fingerprint)
{
    x->head = (struct pr_serve_answer_head){.status = status, .type = type, .stream = stream};
    if (fingerprint) {
        memcpy(x->fingerprint, fingerprint, sizeof x->fingerprint);
        x->head.fingerprint = x->fingerprint;
    }
    x->head.retry_after_s = status == 429 ? 1 : status == 503 ? 5 : 0;
    x->head.authenticate = status == 401;
    x->has_head = true;
}

void pr_serve_answer_text(struct pr_serve_exchange *x, int status, const char *fingerprint,
    const char *type, const char *text, size_t n)
{
    pr_serve_tally_request(&x->s->tally, x->route, status); /* who reads its end finds it counted */
    pthread_mutex_lock(&x->lock);
    const char *allow = x->head.allow;
    set_head(x, status, type, false, fingerprint);
    x->head.allow = allow;
    x->head.n = n;
    pr_str_append(&x->out, text, n);
    x->broken = x->out.over;
    x->over = true;
    pthread_mutex_unlock(&x->lock);
    wake(x);
}

void pr_serve_answer_json(
    struct pr_serve_exchange *x, int status, const char *fingerprint, json_t *o)
{
    struct pr_str text = PR_STR_INIT(MOST_OUT);
    pr_json_dump(o, 0, 0, &text);
    pr_serve_answer_text(x, status, fingerprint, PR_SERVE_JSON, pr_str_cstr(&text), text.len);
    pr_str_done(&text);
    json_decref(o);
}

void pr_serve_answer_error(
    struct pr_serve_exchange *x, const char *fingerprint, const struct pr_serve_error *e)
{
    pr_serve_answer_json(x, e->status, fingerprint, pr_serve_error_json(e));
}

bool pr_serve_stream_begun(struct pr_serve_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    bool begun = x->has_head;
    pthread_mutex_unlock(&x->lock);
    return begun;
}

void pr_serve_stream_put(
    struct pr_serve_exchange *x, const char *fingerprint, const char *bytes, size_t n)
{
    size_t most = x->s->o.most_unread ? x->s->o.most_unread : MOST_UNREAD;
    pthread_mutex_lock(&x->lock);
    if (!x->has_head)
        set_head(x, 200, "text/event-stream", true, fingerprint);
    bool was_empty = x->out.len == x->n_read && !x->broken;
    if (!x->freed && !x->broken)
        pr_str_append(&x->out, bytes, n);
    bool breaks = !x->broken && (x->out.over || x->out.len - x->n_read > most);
    x->broken |= breaks;
    pthread_mutex_unlock(&x->lock);
    if (was_empty || breaks)
        wake(x);
}

void pr_serve_stream_over(struct pr_serve_exchange *x, int status)
{
    pthread_mutex_lock(&x->lock);
    bool heard = !x->freed && !x->broken;
    pthread_mutex_unlock(&x->lock);
    pr_serve_tally_request(&x->s->tally, x->route, heard ? status : 499);
    pthread_mutex_lock(&x->lock);
    x->over = true;
    pthread_mutex_unlock(&x->lock);
    wake(x);
}

void pr_serve_exchange_keep(struct pr_serve_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    x->n_users++;
    pthread_mutex_unlock(&x->lock);
}

void pr_serve_exchange_let_go(struct pr_serve_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    bool last = !--x->n_users;
    pthread_mutex_unlock(&x->lock);
    if (!last)
        return;
    pr_str_done(&x->out);
    pthread_cond_destroy(&x->changed);
    pthread_mutex_destroy(&x->lock);
    pr_free(x);
}

void pr_serve_exchange_set_work(struct pr_serve_exchange *x, void *work, void (*cancel)(void *work))
{
    pthread_mutex_lock(&x->lock);
    x->work = work;
    x->cancel = cancel;
    pthread_mutex_unlock(&x->lock);
}

bool pr_serve_exchange_end_work(struct pr_serve_exchange *x)
{
    pthread_mutex_lock(&x->lock);
    bool wanted = x->work != NULL;
    x->work = NULL;
    pthread_mutex_unlock(&x->lock);
    return wanted;
}

/* ---- by who asks ---- */

static void count_exchange(struct pr_serve_server *s, bool more)
{
    pthread_mutex_lock(&s->lock);
    s->n_exchanges += more ? 1 : (size_t)-1;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
}

struct pr_serve_exchange *pr_serve_exchange_new(struct pr_serve_server *s,
    const struct pr_serve_head *h, const char *body, size_t n, void (*wake_up)(void *ctx),
    void *ctx)
{
    struct pr_serve_exchange *x = pr_zalloc(sizeof *x);
    const struct pr_serve_route *r;
    struct pr_serve_error e;
    *x = (struct pr_serve_exchange){.s = s,
        .wake = wake_up,
        .ctx = ctx,
        .begun_ns = pr_clock_monotonic_ns(),
        .n_users = 1,
        .out = PR_STR_INIT(MOST_OUT)};
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->changed, NULL);
    count_exchange(s, true);
    bool ok = pr_serve_route_of(s, h, n, &r, &e);
    x->route = pr_serve_route_label(r);
    if (ok) {
        r->answer(x, h, body, n);
    } else {
        x->head.allow = e.status == 405 ? r->method : NULL;
        pr_serve_answer_error(x, NULL, &e);
    }
    return x;
}

bool pr_serve_exchange_head(struct pr_serve_exchange *x, struct pr_serve_answer_head *ret)
{
    pthread_mutex_lock(&x->lock);
    bool there = x->has_head;
    if (there)
        *ret = x->head;
    pthread_mutex_unlock(&x->lock);
    return there;
}

int pr_serve_exchange_read(struct pr_serve_exchange *x, char *to, size_t max)
{
    bool ended = atomic_load(&x->s->ended);
    pthread_mutex_lock(&x->lock);
    size_t n = x->out.len - x->n_read;
    bool over = x->over, broken = x->broken || (ended && !over);
    n = n < max ? n : max;
    n = n < INT32_MAX ? n : INT32_MAX;
    if (n && !broken) {
        memcpy(to, x->out.data + x->n_read, n);
        x->n_read += n;
        if (x->n_read == x->out.len) {
            pr_str_clear(&x->out);
            x->n_read = 0;
        }
    }
    pthread_mutex_unlock(&x->lock);
    return broken ? -2 : n ? (int)n : over ? -1 : 0;
}

void pr_serve_exchange_free(struct pr_serve_exchange *x)
{
    if (!x)
        return;
    pthread_mutex_lock(&x->lock);
    x->freed = true;
    while (x->n_waking)
        pthread_cond_wait(&x->changed, &x->lock);
    bool cancelled = x->work != NULL;
    if (cancelled)
        x->cancel(x->work);
    x->work = NULL;
    pthread_mutex_unlock(&x->lock);
    if (cancelled)
        pr_serve_tally_request(&x->s->tally, x->route, 499);
    count_exchange(x->s, false);
    pr_serve_exchange_let_go(x);
}
