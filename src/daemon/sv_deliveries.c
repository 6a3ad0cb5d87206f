/* What is to be said of alerts (the gradebook's table `deliveries`), and when: one message after
 * the other at each channel, on a thread of its own (sv_sending.c).
 *
 * Everything is decided from what is committed, so that a process that was killed loses nothing; a
 * row is marked as being sent before it is, so that the next one knows which may have arrived. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/supervisor_internal.h"
#include "gradebook/actions.h"

#define STORM        20 /* messages a minute at a channel; more of them become one */
#define MINUTE_MS    60000
#define MAX_TOGETHER 200
#define MAX_ALERTS   10000
#define LEAVE_MS     500 /* that a message at hand has at the end of the process */
#define STOP_MS      1500

struct pr_sv_sender *pr_sv_sender(struct pr_supervisor *s, const char *channel)
{
    struct pr_sv_deliveries *d = &s->deliveries;
    for (struct pr_sv_sender *x = d->senders; x; x = x->next)
        if (!strcmp(x->name, channel))
            return x;
    struct pr_sv_sender *x = pr_zalloc(sizeof *x);
    x->name = pr_strdup(channel);
    x->next = d->senders;
    d->senders = x;
    return x;
}

static void wake_at(struct pr_supervisor *s, int64_t at_ms)
{
    struct pr_sv_deliveries *d = &s->deliveries;
    if (!d->wake_ms || at_ms < d->wake_ms)
        d->wake_ms = at_ms;
}

/* ---- which of the due rows are still to be said ---- */

/* NULL: it is; else why not. */
static const char *moot(const struct pr_delivery *d, const struct pr_alert *a)
{
    if (d->kind == PR_DELIVERY_RESOLVED)
        return NULL;
    if (a->cleared_ms)
        return "resolved before it was sent";
    if (a->acknowledged_ms)
        return "acknowledged before it was sent";
    return NULL;
}

static bool is_outdone(const struct pr_delivery *v, size_t n, size_t i)
{
    for (size_t k = i + 1; k < n; k++)
        if (v[k].alert == v[i].alert && v[k].kind == PR_DELIVERY_FIRING)
            return v[i].kind == PR_DELIVERY_FIRING;
    return false;
}

/* Ends or holds a row that is not to be sent now; *ret_now: it is. */
static enum pr_code settle(struct pr_supervisor *s, struct pr_delivery *v, size_t n, size_t i,
    int64_t now_ms, bool *ret_now, struct pr_error *e)
{
    struct pr_alert a;
    int64_t until = pr_quiet_until(&s->deliveries.quiet, now_ms);
    enum pr_code code = pr_gradebook_alert(s->g, v[i].alert, &a, e);
    if (code)
        return code;
    const char *why = moot(&v[i], &a);
    bool loud = a.level == PR_ALERT_CRITICAL;
    pr_alert_done(&a);
    if (!why && is_outdone(v, n, i))
        why = "its level rose before it was sent";
    *ret_now = !why && (loud || !until);
    if (*ret_now)
        return PR_OK;
    if (why) {
        pr_sv_end_delivery(&v[i], PR_DELIVERY_DROPPED, why, now_ms);
    } else {
        v[i].state = PR_DELIVERY_HELD;
        v[i].next_ms = until;
        pr_free(v[i].reason);
        v[i].reason = pr_strdup("held by alerts.quiet_hours");
    }
    return pr_gradebook_put_delivery(s->g, &v[i], e);
}

/* The rows that are to be sent now come to the front; the others are freed. */
static enum pr_code settle_all(
    struct pr_supervisor *s, struct pr_delivery *v, size_t *n, int64_t now_ms, struct pr_error *e)
{
    size_t kept = 0;
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < *n && !code; i++) {
        bool now = v[i].state != PR_DELIVERY_SENDING;
        if (now)
            code = settle(s, v, *n, i, now_ms, &now, e);
        if (!code && now) {
            struct pr_delivery d = v[kept];
            v[kept] = v[i];
            v[i] = d;
            kept++;
        }
    }
    for (size_t i = code ? 0 : kept; i < *n; i++) {
        pr_free(v[i].channel);
        pr_free(v[i].reason);
    }
    *n = code ? 0 : kept;
    return code;
}

/* ---- one channel ---- */

/* How many of n go together; 0: none now. */
static enum pr_code together(struct pr_supervisor *s, struct pr_sv_sender *sender, size_t n,
    int64_t now_ms, size_t *ret, struct pr_error *e)
{
    size_t sent = 0;
    int64_t last = 0;
    enum pr_code code =
        pr_gradebook_sent_since(s->g, sender->name, now_ms - MINUTE_MS, &sent, &last, e);
    if (code)
        return code;
    *ret = sent + n <= STORM ? 1 : n;
    if (sent >= STORM && last <= now_ms) {
        sender->not_before_ms = last + MINUTE_MS;
        wake_at(s, sender->not_before_ms);
        *ret = 0;
    }
    return PR_OK;
}

static enum pr_code step_channel(
    struct pr_supervisor *s, const struct pr_channel *c, int64_t now_ms, struct pr_error *e)
{
    struct pr_sv_sender *sender = pr_sv_sender(s, c->name);
    struct pr_delivery *v;
    size_t n, k = 0;
    if (sender->busy)
        return PR_OK;
    if (sender->not_before_ms > now_ms) {
        wake_at(s, sender->not_before_ms);
        return PR_OK;
    }
    const struct pr_delivery_filter due = {
        .channel = c->name, .due_ms = now_ms, .limit = MAX_TOGETHER};
    enum pr_code code = pr_gradebook_deliveries(s->g, &due, &v, &n, e);
    if (code)
        return code;
    code = settle_all(s, v, &n, now_ms, e);
    if (!code && n)
        code = together(s, sender, n, now_ms, &k, e);
    for (size_t i = k; i < n; i++) {
        pr_free(v[i].channel);
        pr_free(v[i].reason);
    }
    if (!code && k)
        return pr_sv_send(s, sender, c, v, k, e); /* takes v */
    if (code && k)                                /* freed above from k on */
        k = 0;
    pr_free(v);
    return code;
}

/* ---- repeats ---- */

/* When this critical alert was last said at a channel; 0: it was not, or something of it waits. */
static int64_t last_said(const struct pr_delivery *v, size_t n, const char *channel)
{
    int64_t last = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(v[i].channel, channel) != 0)
            continue;
        if (!v[i].ended_ms)
            return 0;
        if (v[i].state == PR_DELIVERY_SENT && v[i].ended_ms > last)
            last = v[i].ended_ms;
    }
    return last;
}

static enum pr_code repeat_one(
    struct pr_supervisor *s, const struct pr_alert *a, int64_t now_ms, struct pr_error *e)
{
    const struct pr_channels *c = &s->deliveries.channels;
    struct pr_delivery *v;
    size_t n;
    enum pr_code code =
        pr_gradebook_deliveries(s->g, &(struct pr_delivery_filter){.alert = a->id}, &v, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < c->n && !code; i++) {
        int64_t last = last_said(v, n, c->v[i].name);
        int64_t due = last + s->config.alerts.repeat_minutes * MINUTE_MS;
        if (!last || !pr_channel_takes(&c->v[i], a->system, a->level))
            continue;
        if (due <= now_ms)
            code = pr_sv_repeat(s, a, c->v[i].name, now_ms, e);
        else
            wake_at(s, due);
    }
    pr_deliveries_free(v, n);
    return code;
}

static enum pr_code repeat(struct pr_supervisor *s, int64_t now_ms, struct pr_error *e)
{
    struct pr_alert *v;
    size_t n;
    if (!s->config.alerts.repeat_minutes)
        return PR_OK;
    enum pr_code code = pr_gradebook_alerts(s->g, true, MAX_ALERTS, &v, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n && !code; i++)
        if (v[i].level == PR_ALERT_CRITICAL && !v[i].acknowledged_ms)
            code = repeat_one(s, &v[i], now_ms, e);
    pr_alerts_free(v, n);
    return code;
}

/* ---- the turn ---- */

static enum pr_code step(struct pr_supervisor *s, struct pr_error *e)
{
    const struct pr_channels *c = &s->deliveries.channels;
    int64_t now_ms = pr_clock_utc_ms(), next = 0;
    enum pr_code code = pr_sv_begin(s, e);
    if (code)
        return code;
    code = repeat(s, now_ms, e);
    for (size_t i = 0; i < c->n && !code; i++) /* a message that goes out ends the transaction */
        if (!(code = pr_sv_begin(s, e)))
            code = step_channel(s, &c->v[i], now_ms, e);
    if (!code && !(code = pr_sv_begin(s, e)))
        code = pr_gradebook_next_delivery(s->g, now_ms, &next, e);
    if (!code && next)
        wake_at(s, next);
    return code;
}

static void turn(void *ctx)
{
    struct pr_supervisor *s = ctx;
    struct pr_sv_deliveries *d = &s->deliveries;
    struct pr_error e;
    d->wake_ms = 0;
    if (!d->channels.n || s->paused || s->stopped)
        return;
    if (step(s, &e))
        pr_sv_failed(s, "send alerts", &e);
    pr_sv_end(s);
    if (d->wake_ms) {
        int64_t wait = d->wake_ms - pr_clock_utc_ms();
        /* Looked at once an hour at least: the clock on the wall may be set. */
        pr_timer_after(s->loop, &d->timer,
            wait < 0                ? 0
            : wait < 60 * MINUTE_MS ? wait
                                    : 60 * MINUTE_MS);
    }
}

void pr_sv_deliveries_soon(struct pr_supervisor *s)
{
    if (s->deliveries.channels.n && !s->stopped)
        pr_timer_after(s->loop, &s->deliveries.timer, 0);
}

bool pr_sv_deliveries_pending(struct pr_supervisor *s)
{
    struct pr_delivery *v;
    struct pr_error e;
    size_t n;
    bool pending = false;
    if (!s->deliveries.channels.n || s->paused || s->stopped ||
        pr_gradebook_deliveries(s->g, &(struct pr_delivery_filter){.open_only = true}, &v, &n, &e))
        return false;
    for (size_t i = 0; i < n; i++)
        pending |= v[i].state == PR_DELIVERY_SENDING ||
                   (v[i].state == PR_DELIVERY_WAITING && !v[i].attempts);
    pr_deliveries_free(v, n);
    return pending;
}

/* ---- life ---- */

/* Of a process that was killed: what was being sent may have arrived.  If it still holds it is said
 * again, else it counts as said, so that its end is told. */
static enum pr_code recover(
    struct pr_supervisor *s, struct pr_delivery *d, int64_t now_ms, struct pr_error *e)
{
    struct pr_alert a;
    bool known = pr_channel_find(&s->deliveries.channels, d->channel);
    if (known && d->state != PR_DELIVERY_SENDING) {
        if (d->next_ms - now_ms <= PR_RETRY_GIVE_UP_MS + PR_RETRY_MOST_MS)
            return PR_OK;
        d->next_ms = now_ms; /* the clock was set back since */
        return pr_gradebook_put_delivery(s->g, d, e);
    }
    if (known && pr_sv_sender(s, d->channel)->busy)
        return PR_OK;
    enum pr_code code = pr_gradebook_alert(s->g, d->alert, &a, e);
    if (code)
        return code;
    bool over = a.cleared_ms && d->kind != PR_DELIVERY_RESOLVED;
    pr_alert_done(&a);
    if (!known) {
        pr_sv_end_delivery(
            d, PR_DELIVERY_DROPPED, "the channel is not configured any more", now_ms);
    } else if (over) {
        pr_sv_end_delivery(d, PR_DELIVERY_SENT, "proctor ended while it was being sent", now_ms);
    } else {
        d->state = PR_DELIVERY_WAITING;
        d->next_ms = now_ms;
    }
    code = pr_gradebook_put_delivery(s->g, d, e);
    return !code && known && over ? pr_sv_say_over(s, d->alert, now_ms, e) : code;
}

static enum pr_code recover_all(struct pr_supervisor *s, struct pr_error *e)
{
    struct pr_delivery *v;
    size_t n;
    int64_t now_ms = pr_clock_utc_ms();
    enum pr_code code = pr_sv_begin(s, e);
    if (code || (code = pr_gradebook_deliveries(
                     s->g, &(struct pr_delivery_filter){.open_only = true}, &v, &n, e)))
        return code;
    for (size_t i = 0; i < n && !code; i++)
        code = recover(s, &v[i], now_ms, e);
    pr_deliveries_free(v, n);
    return code;
}

void pr_sv_deliveries_reload(struct pr_supervisor *s)
{
    struct pr_sv_deliveries *d = &s->deliveries;
    struct pr_error e;
    size_t i;
    const json_t *x;
    json_t *problems = json_array();
    pr_channels_done(&d->channels);
    pr_channels_read(&s->config, &d->channels, problems);
    pr_channels_check_files(&d->channels, problems);
    if (pr_quiet_parse(s->config.alerts.quiet_hours, &d->quiet, &e))
        d->quiet = (struct pr_quiet){0};
    json_array_foreach (problems, i, x)
        pr_log(
            PR_LOG_ERROR, "configuration", "alerts", "why=%s", pr_log_quote(json_string_value(x)));
    json_decref(problems);
    for (struct pr_sv_sender *one = d->senders; one; one = one->next)
        one->not_before_ms = 0;
    pr_sv_deliveries_resume(s);
}

void pr_sv_deliveries_resume(struct pr_supervisor *s)
{
    struct pr_error e;
    if (recover_all(s, &e))
        pr_sv_failed(s, "look at deliveries", &e);
    pr_sv_end(s);
    pr_sv_deliveries_soon(s);
}

void pr_sv_deliveries_init(struct pr_supervisor *s)
{
    s->deliveries.timer = (struct pr_timer){.fired = turn, .ctx = s};
    s->deliveries.stop = pr_sv_stop_new();
    pr_sv_outage_init(s);
    pr_rng_seed(&s->deliveries.rng, (uint64_t)pr_clock_monotonic_ns() ^ (uint64_t)getpid() << 40);
}

void pr_sv_deliveries_done(struct pr_supervisor *s)
{
    struct pr_sv_deliveries *d = &s->deliveries;
    struct pr_sv_sender *next;
    pr_timer_stop(s->loop, &d->timer);
    pr_timer_stop(s->loop, &d->outage_over);
    for (struct pr_sv_sender *x = d->senders; x; x = x->next)
        if (x->busy || x->telling)
            pr_sv_worker_drain(x->worker, LEAVE_MS);
    pr_sv_stop_set(d->stop);
    for (struct pr_sv_sender *x = d->senders; x; x = next) {
        next = x->next;
        if (x->busy || x->telling)
            pr_sv_worker_drain(x->worker, STOP_MS);
        pr_sv_worker_free(x->worker);
        pr_free(x->name);
        pr_free(x);
    }
    d->senders = NULL;
    pr_timer_stop(s->loop, &d->timer); /* what was put down may have set it again */
    pr_sv_stop_leave(d->stop);
    d->stop = NULL;
    pr_channels_done(&d->channels);
}
