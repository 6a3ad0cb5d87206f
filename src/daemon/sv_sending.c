/* One message on its way to a channel: made on the loop, sent by the channel's own thread, and what
 * came of it put down on the loop again. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "daemon/supervisor_internal.h"
#include "gradebook/actions.h"

#define MAX_FAILURES 10 /* in a row before a delivery can be given up */

/* Shared with threads that may outlive the supervisor: who leaves last frees it. */
struct pr_sv_stop {
    atomic_bool set;
    atomic_int users;
};

struct pr_sv_stop *pr_sv_stop_new(void)
{
    struct pr_sv_stop *stop = pr_zalloc(sizeof *stop);
    atomic_init(&stop->users, 1);
    return stop;
}

void pr_sv_stop_set(struct pr_sv_stop *stop)
{
    atomic_store(&stop->set, true);
}

struct pr_sv_stop *pr_sv_stop_join(struct pr_sv_stop *stop)
{
    atomic_fetch_add(&stop->users, 1);
    return stop;
}

const atomic_bool *pr_sv_stop_flag(const struct pr_sv_stop *stop)
{
    return &stop->set;
}

void pr_sv_stop_leave(struct pr_sv_stop *stop)
{
    if (stop && atomic_fetch_sub(&stop->users, 1) == 1)
        pr_free(stop);
}

struct sending {
    struct pr_sv_task task; /* first */
    struct pr_supervisor *s;
    struct pr_sv_sender *sender;
    struct pr_sv_stop *stop;
    struct pr_channel channel;
    struct pr_message message;
    struct pr_notice *notices; /* message.v */
    struct pr_delivery *rows;  /* owned */
    size_t n;
    struct pr_arena texts;
    char machine[256], page[512];
    /* what came of it */
    enum pr_code code;
    int retry_after_s;
    struct pr_error e;
};

/* ---- on the channel's thread ---- */

static void work(struct pr_sv_task *t)
{
    struct sending *x = (struct sending *)t;
    x->code = pr_channel_send(&x->channel, &x->message, &x->stop->set, &x->retry_after_s, &x->e);
}

static void free_sending(struct pr_sv_task *t)
{
    struct sending *x = (struct sending *)t;
    pr_channel_done(&x->channel);
    pr_deliveries_free(x->rows, x->n);
    pr_free(x->notices);
    pr_arena_done(&x->texts);
    pr_sv_stop_leave(x->stop);
    pr_free(x);
}

/* ---- what came of it ---- */

static void replace_reason(struct pr_delivery *d, const char *reason)
{
    pr_free(d->reason);
    d->reason = reason ? pr_strdup(reason) : NULL;
}

static void log_sent(const struct sending *x)
{
    for (size_t i = 0; i < x->n; i++)
        pr_log(PR_LOG_INFO, PR_SV_NAME, "alert-sent", "channel=%s alert=%lld kind=%s attempts=%lld",
            pr_log_quote(x->channel.name), (long long)x->rows[i].alert,
            pr_delivery_kind_name(x->rows[i].kind), (long long)x->rows[i].attempts);
}

/* A channel that works again need not wait for what failed while it did not. */
static enum pr_code hurry(struct sending *x, int64_t now_ms, struct pr_error *e)
{
    struct pr_delivery *v;
    size_t n;
    const struct pr_delivery_filter open = {.channel = x->channel.name, .open_only = true};
    enum pr_code code = pr_gradebook_deliveries(x->s->g, &open, &v, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n && !code; i++)
        if (v[i].state == PR_DELIVERY_WAITING && v[i].attempts && v[i].next_ms > now_ms) {
            v[i].next_ms = now_ms;
            code = pr_gradebook_put_delivery(x->s->g, &v[i], e);
        }
    pr_deliveries_free(v, n);
    return code;
}

static enum pr_code put_sent(struct sending *x, int64_t now_ms, struct pr_error *e)
{
    char reason[64], key[PR_SV_CHANNEL_KEY];
    struct pr_alert a;
    bool was;
    enum pr_code code = PR_OK;
    snprintf(reason, sizeof reason, "in one message with %zu others", x->n - 1);
    for (size_t i = 0; i < x->n && !code; i++) {
        struct pr_delivery *d = &x->rows[i];
        d->attempts++;
        pr_sv_end_delivery(d, PR_DELIVERY_SENT, x->n > 1 ? reason : NULL, now_ms);
        if ((code = pr_gradebook_put_delivery(x->s->g, d, e)) ||
            (code = pr_gradebook_alert(x->s->g, d->alert, &a, e)))
            break;
        if (a.cleared_ms && d->kind != PR_DELIVERY_RESOLVED) /* while it was being sent */
            code = pr_sv_say_over(x->s, a.id, now_ms, e);
        pr_alert_done(&a);
    }
    if (!code)
        code = hurry(x, now_ms, e);
    pr_sv_channel_key(key, x->channel.name);
    if (!code)
        code = pr_sv_lower(x->s, PR_SV_NAME, key, now_ms, &was, e);
    if (!code)
        log_sent(x);
    x->sender->failures = 0;
    return code;
}

static enum pr_code give_up(
    struct sending *x, struct pr_delivery *d, int64_t now_ms, struct pr_error *e)
{
    char key[PR_SV_CHANNEL_KEY], text[900];
    bool fresh = false;
    pr_sv_channel_key(key, x->channel.name);
    pr_sv_end_delivery(d, PR_DELIVERY_FAILED, x->e.message, now_ms);
    snprintf(text, sizeof text,
        "channel %.64s takes no alerts, for a day now: %.700s; alert %lld was given up",
        x->channel.name, x->e.message, (long long)d->alert);
    pr_log(PR_LOG_ERROR, PR_SV_NAME, "alert-given-up", "channel=%s alert=%lld why=%s",
        pr_log_quote(x->channel.name), (long long)d->alert, pr_log_quote(x->e.message));
    return pr_sv_raise(x->s, PR_SV_NAME, key, 0, PR_ALERT_WARNING, text, now_ms, &fresh, e);
}

/* Also what ended because the process does: it goes on as if it had not begun. */
static enum pr_code put_failed(struct sending *x, int64_t now_ms, struct pr_error *e)
{
    bool begun = x->code != PR_E_CANCELLED;
    enum pr_code code = PR_OK;
    int64_t wait =
        begun ? pr_retry_ms(++x->sender->failures, x->retry_after_s, &x->s->deliveries.rng) : 0;
    if (begun && x->retry_after_s > 0)
        x->sender->not_before_ms = now_ms + wait;
    for (size_t i = 0; i < x->n && !code; i++) {
        struct pr_delivery *d = &x->rows[i];
        d->attempts += begun;
        d->state = PR_DELIVERY_WAITING;
        d->next_ms = now_ms + wait;
        replace_reason(d, begun ? x->e.message : NULL);
        if (begun && d->attempts >= MAX_FAILURES && now_ms - d->made_ms >= PR_RETRY_GIVE_UP_MS)
            code = give_up(x, d, now_ms, e);
        if (!code)
            code = pr_gradebook_put_delivery(x->s->g, d, e);
    }
    if (begun)
        pr_log(x->sender->failures == 1 ? PR_LOG_WARN : PR_LOG_DEBUG, PR_SV_NAME, "alert-not-sent",
            "channel=%s alert=%lld retry_seconds=%lld why=%s", pr_log_quote(x->channel.name),
            (long long)x->rows[0].alert, (long long)(wait / 1000), pr_log_quote(x->e.message));
    return code;
}

static void done(struct pr_sv_task *t)
{
    struct sending *x = (struct sending *)t;
    struct pr_error e;
    int64_t now_ms = pr_clock_utc_ms();
    x->sender->busy = false;
    /* While nothing can be stored the rows stay as they are in the gradebook: being sent.  They are
     * looked at when storing goes on. */
    if (pr_sv_begin(x->s, &e))
        return;
    if (x->code ? put_failed(x, now_ms, &e) : put_sent(x, now_ms, &e)) {
        pr_sv_failed(x->s, "store a delivery", &e);
        return;
    }
    pr_sv_end(x->s);
    pr_sv_deliveries_soon(x->s);
    pr_sv_plan_soon(x->s, 0); /* a job that runs once may wait for it */
}

/* ---- making it ---- */

static const char *kept(struct sending *x, const char *s)
{
    return s ? pr_arena_strndup(&x->texts, s, strlen(s)) : NULL;
}

static enum pr_code make_notice(struct sending *x, size_t i, struct pr_error *e)
{
    const struct pr_delivery *d = &x->rows[i];
    struct pr_alert a;
    struct pr_checkpoint_row c;
    enum pr_code code = pr_gradebook_alert(x->s->g, d->alert, &a, e);
    if (code)
        return code;
    x->notices[i] = (struct pr_notice){.delivery = d->id,
        .alert = a.id,
        .kind = d->kind,
        .level = a.level,
        .system = kept(x, a.system),
        .key = kept(x, a.key),
        .text = kept(x, a.text),
        .raised_ms = a.raised_ms,
        .cleared_ms = a.cleared_ms};
    if (a.checkpoint && !pr_gradebook_checkpoint(x->s->g, a.checkpoint, &c, NULL)) {
        x->notices[i].checkpoint = kept(x, c.name);
        pr_checkpoint_row_done(&c);
    }
    pr_alert_done(&a);
    return PR_OK;
}

static enum pr_code mark_sending(struct sending *x, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < x->n && !code; i++) {
        x->rows[i].state = PR_DELIVERY_SENDING;
        code = pr_gradebook_put_delivery(x->s->g, &x->rows[i], e);
    }
    return code;
}

enum pr_code pr_sv_send(struct pr_supervisor *s, struct pr_sv_sender *sender,
    const struct pr_channel *c, struct pr_delivery *rows, size_t n, struct pr_error *e)
{
    struct sending *x = pr_zalloc(sizeof *x);
    *x = (struct sending){.task = {.work = work, .done = done, .free = free_sending},
        .s = s,
        .sender = sender,
        .stop = pr_sv_stop_join(s->deliveries.stop),
        .rows = rows,
        .n = n,
        .retry_after_s = -1};
    pr_channel_copy(c, &x->channel);
    x->notices = pr_zalloc(n * sizeof *x->notices);
    pr_channel_machine(x->machine, sizeof x->machine);
    pr_channel_page(&s->config, x->page, sizeof x->page);
    x->message = (struct pr_message){.v = x->notices,
        .n = n,
        .channel = x->channel.name,
        .machine = x->machine,
        .page = *x->page ? x->page : NULL,
        .now_ms = pr_clock_utc_ms()};
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < n && !code; i++)
        code = make_notice(x, i, e);
    if (!code && !sender->worker)
        code = pr_sv_worker_new(s->loop, 0, &sender->worker, e);
    if (!code)
        code = mark_sending(x, e);
    if (!code && !pr_sv_end(s)) /* it is said that it is being sent before it is */
        code = pr_fail(e, PR_E_CANCELLED, "nothing is stored now");
    if (code) {
        free_sending(&x->task);
        return code;
    }
    sender->busy = true;
    pr_sv_worker_put(sender->worker, &x->task);
    return PR_OK;
}
