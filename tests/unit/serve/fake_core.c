/* See fake_core.h. */
#include "fake_core.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

#define TURN_US 1000

enum kind { FIXED, LATER, ECHO, STREAM, NEVER, ENDLESS, STUCK, BROKEN, BUSY, ONCE, KINDS };
static const char *const paths[KINDS] = {"/fixed", "/later", "/echo", "/stream", "/never",
    "/endless", "/stuck", "/broken", "/busy", "/once"};

struct pr_serve_exchange {
    struct pr_serve_exchange *before, *after;
    enum kind kind;
    char text[64]; /* of an answer of known length */
    size_t n, sent;
    bool asked;
    int turns, ready, taken; /* pieces; guarded by lock */
    void (*wake)(void *ctx);
    void *ctx;
};

struct fake_counts fake_counts;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* guards the list; wake is under it */
static struct pr_serve_exchange *all;
static pthread_t ticker;
static atomic_bool over;

static bool is_streamed(enum kind kind)
{
    return kind == STREAM || kind == ENDLESS || kind == STUCK || kind == BROKEN;
}

static void *tick(void *ctx)
{
    while (!atomic_load(&over)) {
        pthread_mutex_lock(&lock);
        for (struct pr_serve_exchange *x = all; x; x = x->after) {
            x->turns++;
            if (x->kind == STUCK)
                x->ready = 1;
            else if (x->ready < FAKE_PIECES && x->turns % 3 == 0)
                x->ready++;
            if (x->kind != ONCE)
                x->wake(x->ctx);
        }
        pthread_mutex_unlock(&lock);
        usleep(TURN_US);
    }
    return ctx;
}

void fake_start(void)
{
    atomic_store(&over, false);
    pthread_create(&ticker, NULL, tick, NULL);
}

void fake_stop(void)
{
    atomic_store(&over, true);
    pthread_join(ticker, NULL);
}

bool pr_serve_server_check(struct pr_serve_server *s, const struct pr_serve_head *h,
    uint64_t length, struct pr_serve_refusal *ret)
{
    int status = !strcmp(h->path, "/secret")    ? 401
                 : !strcmp(h->method, "DELETE") ? 405
                 : length > PR_SERVE_MAX_BODY   ? 413
                                                : 404;
    (void)s;
    *ret = (struct pr_serve_refusal){.body = PR_STR_INIT(256)};
    for (int i = 0; i < KINDS && status == 404; i++)
        if (!strcmp(h->path, paths[i]))
            return false;
    ret->status = status;
    ret->allow = status == 405 ? "POST" : NULL;
    pr_str_printf(&ret->body, "{\"error\":{\"code\":%d}}", status);
    return true;
}

struct pr_serve_exchange *pr_serve_exchange_new(struct pr_serve_server *s,
    const struct pr_serve_head *h, const char *body, size_t n, void (*wake)(void *ctx), void *ctx)
{
    struct pr_serve_exchange *x = pr_zalloc(sizeof *x);
    size_t sum = 0;
    (void)s;
    while (x->kind < KINDS - 1 && strcmp(h->path, paths[x->kind]) != 0)
        x->kind++;
    for (size_t i = 0; i < n; i++)
        sum += (unsigned char)body[i];
    if (x->kind == ECHO)
        snprintf(x->text, sizeof x->text, "{\"length\":%zu,\"sum\":%zu}", n, sum);
    else
        snprintf(x->text, sizeof x->text, "%s", FAKE_FIXED);
    x->n = strlen(x->text);
    x->wake = wake;
    x->ctx = ctx;
    atomic_fetch_add(&fake_counts.begun, 1);
    atomic_fetch_add(&fake_counts.alive, 1);
    pthread_mutex_lock(&lock);
    x->after = all;
    if (all)
        all->before = x;
    all = x;
    if (x->kind != ONCE)
        wake(ctx);
    pthread_mutex_unlock(&lock);
    return x;
}

bool pr_serve_exchange_head(struct pr_serve_exchange *x, struct pr_serve_answer_head *ret)
{
    if (x->kind == ONCE && !x->asked) {
        x->asked = true;
        x->wake(x->ctx);
        return false;
    }
    pthread_mutex_lock(&lock);
    bool known = x->kind == FIXED || x->kind == ECHO || x->kind == BUSY || x->kind == ENDLESS ||
                 x->kind == ONCE || (x->kind != NEVER && x->ready > 0);
    pthread_mutex_unlock(&lock);
    if (!known)
        return false;
    *ret = (struct pr_serve_answer_head){.status = x->kind == BUSY ? 429 : 200,
        .type = is_streamed(x->kind) ? "text/event-stream" : "application/json",
        .stream = is_streamed(x->kind),
        .n = x->n,
        .retry_after_s = x->kind == BUSY ? 7 : 0,
        .fingerprint = x->kind == BUSY ? NULL : "fp_fake"};
    return true;
}

static int read_stream(struct pr_serve_exchange *x, char *to, size_t max)
{
    if (x->kind == ENDLESS) {
        memset(to, 'e', max);
        return (int)max;
    }
    pthread_mutex_lock(&lock);
    bool more = x->taken < x->ready;
    int piece = x->taken;
    x->taken += more;
    pthread_mutex_unlock(&lock);
    if (x->kind == BROKEN && piece == 3)
        return -2;
    if (piece == FAKE_PIECES)
        return -1;
    return more ? snprintf(to, max, "data: %d\n\n", piece) : 0;
}

int pr_serve_exchange_read(struct pr_serve_exchange *x, char *to, size_t max)
{
    int n;
    if (is_streamed(x->kind)) {
        n = read_stream(x, to, max);
    } else {
        /* Two bytes at a time. */
        size_t left = x->n - x->sent;
        n = !left ? -1 : left < 2 || max < 2 ? 1 : 2;
        if (n > 0)
            memcpy(to, x->text + x->sent, (size_t)n);
        x->sent += n > 0 ? (size_t)n : 0;
    }
    if (n > 0)
        atomic_fetch_add(&fake_counts.read, n);
    return n;
}

void pr_serve_exchange_free(struct pr_serve_exchange *x)
{
    pthread_mutex_lock(&lock);
    if (x->before)
        x->before->after = x->after;
    else
        all = x->after;
    if (x->after)
        x->after->before = x->before;
    pthread_mutex_unlock(&lock);
    pr_free(x);
    atomic_fetch_sub(&fake_counts.alive, 1);
}
