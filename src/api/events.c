/* See events.h. */
#include "api/events.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/str.h"

#define MAX_EVENT ((size_t)1 << 20)
#define BEAT      ": \n\n"

struct event {
    char *text;
    size_t n;
};

struct pr_api_events {
    pthread_mutex_t lock;
    char boot[40], version[32];
    struct event ring[PR_API_RING]; /* event n lies at n % PR_API_RING */
    uint64_t next;                  /* number of the next one; the first is 1 */
    struct pr_api_stream *streams;
    size_t n_streams, max_streams;
    bool ended;
};

struct pr_api_stream {
    struct pr_api_events *v;
    struct pr_api_stream *before, *after;
    const struct pr_api_stream_calls *calls;
    void *ctx;
    uint64_t at; /* the event that it reads */
    size_t from; /* bytes of it that were sent */
    char *head;  /* what comes before the events; NULL: sent */
    size_t head_n;
    int64_t quiet_ns; /* since then nothing was sent */
    int64_t asked_ns; /* when `alive` was asked last */
    bool parked, beat;
};

struct pr_api_events *pr_api_events_new(const char *boot, const char *version, size_t max_streams)
{
    struct pr_api_events *v = pr_zalloc(sizeof *v);
    pthread_mutex_init(&v->lock, NULL);
    snprintf(v->boot, sizeof v->boot, "%s", boot);
    snprintf(v->version, sizeof v->version, "%s", version);
    v->max_streams = max_streams;
    v->next = 1;
    return v;
}

void pr_api_events_free(struct pr_api_events *v)
{
    if (!v)
        return;
    for (size_t i = 0; i < PR_API_RING; i++)
        pr_free(v->ring[i].text);
    pthread_mutex_destroy(&v->lock);
    pr_free(v);
}

static void wake(struct pr_api_stream *s)
{
    if (!s->parked)
        return;
    s->parked = false;
    s->calls->wake(s->ctx);
}

void pr_api_events_publish(struct pr_api_events *v, const char *type, const json_t *data)
{
    struct pr_str text = PR_STR_INIT(MAX_EVENT);
    pthread_mutex_lock(&v->lock);
    pr_str_printf(
        &text, "id: %s-%llu\nevent: %s\ndata: ", v->boot, (unsigned long long)v->next, type);
    pr_json_dump(data, -1, 0, &text);
    pr_str_puts(&text, "\n\n");
    if (!text.over) {
        struct event *e = &v->ring[v->next++ % PR_API_RING];
        pr_free(e->text);
        e->n = text.len;
        e->text = pr_str_take(&text);
        for (struct pr_api_stream *s = v->streams; s; s = s->after)
            wake(s);
    }
    pthread_mutex_unlock(&v->lock);
    pr_str_done(&text);
}

void pr_api_events_tick(struct pr_api_events *v)
{
    int64_t now = pr_clock_monotonic_ns();
    pthread_mutex_lock(&v->lock);
    for (struct pr_api_stream *s = v->streams; s; s = s->after) {
        if (!s->parked || now - s->quiet_ns < (int64_t)PR_API_HEARTBEAT_MS * 1000000)
            continue;
        s->beat = true;
        wake(s);
    }
    pthread_mutex_unlock(&v->lock);
}

void pr_api_events_end(struct pr_api_events *v)
{
    pthread_mutex_lock(&v->lock);
    v->ended = true;
    for (struct pr_api_stream *s = v->streams; s; s = s->after)
        wake(s);
    pthread_mutex_unlock(&v->lock);
}

size_t pr_api_events_streams(struct pr_api_events *v)
{
    pthread_mutex_lock(&v->lock);
    size_t n = v->n_streams;
    pthread_mutex_unlock(&v->lock);
    return n;
}

/* ---- streams ---- */

static uint64_t oldest(const struct pr_api_events *v)
{
    return v->next > PR_API_RING ? v->next - PR_API_RING : 1;
}

/* The number in "BOOT-N" when it is of this start and what follows it is still there. */
static bool resume(const struct pr_api_events *v, const char *last, uint64_t *ret)
{
    size_t n = strlen(v->boot);
    char *end;
    if (strncmp(last, v->boot, n) != 0 || last[n] != '-' || last[n + 1] < '0' || last[n + 1] > '9')
        return false;
    unsigned long long seen = strtoull(last + n + 1, &end, 10);
    if (*end || seen >= v->next || seen + 1 < oldest(v))
        return false;
    *ret = seen + 1;
    return true;
}

/* `hello` has the id of what was seen last, so that a client that hears nothing else before it is
 * cut off comes back to the same place. */
static void begin(struct pr_api_stream *s, const char *last)
{
    struct pr_api_events *v = s->v;
    struct pr_str head = PR_STR_INIT(1 << 10);
    s->at = v->next;
    bool reset = last && *last && !resume(v, last, &s->at);
    pr_str_puts(&head, "retry: 2000\n");
    pr_str_printf(&head, "id: %s-%llu\n", v->boot, (unsigned long long)s->at - 1);
    pr_str_printf(
        &head, "event: hello\ndata: {\"boot\":\"%s\",\"version\":\"%s\"}\n\n", v->boot, v->version);
    if (reset)
        pr_str_printf(&head, "id: %s-%llu\nevent: reset\ndata: {}\n\n", v->boot,
            (unsigned long long)s->at - 1);
    s->head_n = head.len;
    s->head = pr_str_take(&head);
}

struct pr_api_stream *pr_api_stream_new(
    struct pr_api_events *v, const char *last, const struct pr_api_stream_calls *calls, void *ctx)
{
    struct pr_api_stream *s = NULL;
    pthread_mutex_lock(&v->lock);
    if (v->n_streams < v->max_streams && !v->ended) {
        s = pr_zalloc(sizeof *s);
        *s = (struct pr_api_stream){.v = v,
            .after = v->streams,
            .calls = calls,
            .ctx = ctx,
            .quiet_ns = pr_clock_monotonic_ns(),
            .asked_ns = pr_clock_monotonic_ns()};
        begin(s, last);
        if (v->streams)
            v->streams->before = s;
        v->streams = s;
        v->n_streams++;
    }
    pthread_mutex_unlock(&v->lock);
    return s;
}

void pr_api_stream_free(struct pr_api_stream *s)
{
    if (!s)
        return;
    struct pr_api_events *v = s->v;
    pthread_mutex_lock(&v->lock);
    if (s->before)
        s->before->after = s->after;
    else
        v->streams = s->after;
    if (s->after)
        s->after->before = s->before;
    v->n_streams--;
    pthread_mutex_unlock(&v->lock);
    pr_free(s->head);
    pr_free(s);
}

static size_t take(const char *text, size_t n, size_t *from, char *buf, size_t max)
{
    size_t part = n - *from < max ? n - *from : max;
    memcpy(buf, text + *from, part);
    *from += part;
    return part;
}

/* As many events as there is room for. */
static size_t read_events(struct pr_api_stream *s, char *buf, size_t max)
{
    size_t n = 0;
    if (s->head) {
        n = take(s->head, s->head_n, &s->from, buf, max);
        if (s->from < s->head_n)
            return n;
        pr_free(s->head);
        s->head = NULL;
        s->from = 0;
    }
    while (s->at < s->v->next && n < max) {
        const struct event *e = &s->v->ring[s->at % PR_API_RING];
        n += take(e->text, e->n, &s->from, buf + n, max - n);
        if (s->from == e->n) {
            s->at++;
            s->from = 0;
        }
    }
    return n;
}

static bool is_over(struct pr_api_stream *s, int64_t now)
{
    if (s->v->ended || s->at < oldest(s->v))
        return true;
    if (!s->calls->alive || now - s->asked_ns < (int64_t)PR_API_HEARTBEAT_MS * 1000000)
        return false;
    s->asked_ns = now;
    return !s->calls->alive(s->ctx);
}

ssize_t pr_api_stream_read(struct pr_api_stream *s, char *buf, size_t max)
{
    struct pr_api_events *v = s->v;
    int64_t now = pr_clock_monotonic_ns();
    ssize_t n;
    pthread_mutex_lock(&v->lock);
    if (is_over(s, now)) {
        n = -1;
    } else if ((n = (ssize_t)read_events(s, buf, max))) {
        s->beat = false;
    } else if (s->beat && max >= sizeof BEAT - 1) {
        s->beat = false;
        n = sizeof BEAT - 1;
        memcpy(buf, BEAT, sizeof BEAT - 1);
    } else {
        s->parked = true;
        s->calls->park(s->ctx);
    }
    if (n > 0)
        s->quiet_ns = now;
    pthread_mutex_unlock(&v->lock);
    return n;
}
