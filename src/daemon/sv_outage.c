/* The disk is full: nothing can be stored, so no alert either.  It is told at once from memory, at
 * the channels that take what is critical; when there is room again it is put down in the
 * gradebook, and its end is told where it had been told. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/supervisor_internal.h"
#include "gradebook/actions.h"

#define KEY "storing"
/* Longer than it takes to try again: a commit that just fits between two failures is no end. */
#define OVER_MS 65000

struct telling {
    struct pr_sv_task task; /* first */
    struct pr_supervisor *s;
    struct pr_sv_sender *sender;
    struct pr_sv_stop *stop;
    struct pr_channel channel;
    struct pr_notice notice;
    struct pr_message message;
    char machine[256], page[512], text[1100];
    enum pr_code code;
    struct pr_error e;
};

static void say(const struct pr_supervisor *s, char *ret, size_t size)
{
    snprintf(ret, size, "nothing is stored or graded, as there is no room: %.900s",
        s->pause_reason ? s->pause_reason : "the disk is full");
}

static void work(struct pr_sv_task *t)
{
    struct telling *x = (struct telling *)t;
    int retry;
    x->code = pr_channel_send(&x->channel, &x->message, pr_sv_stop_flag(x->stop), &retry, &x->e);
}

static void done(struct pr_sv_task *t)
{
    struct telling *x = (struct telling *)t;
    x->sender->telling = false;
    x->sender->told = !x->code;
    pr_log(x->code ? PR_LOG_WARN : PR_LOG_INFO, PR_SV_NAME,
        x->code ? "alert-not-sent" : "alert-sent", "channel=%s key=" KEY "%s%s",
        pr_log_quote(x->channel.name), x->code ? " why=" : "",
        x->code ? pr_log_quote(x->e.message) : "");
}

static void free_telling(struct pr_sv_task *t)
{
    struct telling *x = (struct telling *)t;
    pr_channel_done(&x->channel);
    pr_sv_stop_leave(x->stop);
    pr_free(x);
}

static void tell(struct pr_supervisor *s, const struct pr_channel *c)
{
    struct pr_error e;
    struct pr_sv_sender *sender = pr_sv_sender(s, c->name);
    if (sender->told || sender->telling ||
        (!sender->worker && pr_sv_worker_new(s->loop, 0, &sender->worker, &e)))
        return;
    struct telling *x = pr_zalloc(sizeof *x);
    x->task = (struct pr_sv_task){.work = work, .done = done, .free = free_telling};
    x->s = s;
    x->sender = sender;
    x->stop = pr_sv_stop_join(s->deliveries.stop);
    pr_channel_copy(c, &x->channel);
    pr_channel_machine(x->machine, sizeof x->machine);
    pr_channel_page(&s->config, x->page, sizeof x->page);
    say(s, x->text, sizeof x->text);
    x->notice = (struct pr_notice){.kind = PR_DELIVERY_FIRING,
        .level = PR_ALERT_CRITICAL,
        .system = PR_SV_NAME,
        .key = KEY,
        .text = x->text,
        .raised_ms = s->deliveries.outage_ms};
    x->message = (struct pr_message){.v = &x->notice,
        .n = 1,
        .channel = x->channel.name,
        .machine = x->machine,
        .page = *x->page ? x->page : NULL,
        .now_ms = pr_clock_utc_ms()};
    sender->telling = true;
    pr_sv_worker_put(sender->worker, &x->task);
}

void pr_sv_outage(struct pr_supervisor *s)
{
    struct pr_sv_deliveries *d = &s->deliveries;
    if (!d->outage_ms) {
        d->outage_ms = pr_clock_utc_ms();
        for (struct pr_sv_sender *x = d->senders; x; x = x->next)
            x->told = false;
    }
    pr_timer_stop(s->loop, &d->outage_over);
    for (size_t i = 0; i < d->channels.n; i++)
        if (pr_channel_takes(&d->channels.v[i], PR_SV_NAME, PR_ALERT_CRITICAL))
            tell(s, &d->channels.v[i]);
}

/* ---- its end ---- */

void pr_sv_stored(struct pr_supervisor *s)
{
    struct pr_sv_deliveries *d = &s->deliveries;
    if (d->outage_ms && !d->outage_over.at_ns)
        pr_timer_after(s->loop, &d->outage_over, OVER_MS);
}

/* As it would have been noted, had there been room. */
static enum pr_code note(struct pr_supervisor *s, int64_t now_ms, struct pr_error *e)
{
    struct pr_sv_deliveries *d = &s->deliveries;
    char text[1100];
    int64_t id = 0;
    bool was;
    say(s, text, sizeof text);
    enum pr_code code = pr_gradebook_raise(
        s->g, PR_SV_NAME, KEY, 0, PR_ALERT_CRITICAL, text, d->outage_ms, NULL, e);
    if (!code)
        code = pr_gradebook_open_alert(s->g, PR_SV_NAME, KEY, &id, e);
    for (struct pr_sv_sender *x = d->senders; x && !code; x = x->next) {
        struct pr_delivery row = {.alert = id,
            .channel = x->name,
            .kind = PR_DELIVERY_FIRING,
            .level = PR_ALERT_CRITICAL,
            .state = PR_DELIVERY_SENT,
            .attempts = 1,
            .made_ms = d->outage_ms,
            .ended_ms = now_ms};
        if (x->told)
            code = pr_gradebook_put_delivery(s->g, &row, e);
    }
    return code ? code : pr_sv_lower(s, PR_SV_NAME, KEY, now_ms, &was, e);
}

static void over(void *ctx)
{
    struct pr_supervisor *s = ctx;
    struct pr_sv_deliveries *d = &s->deliveries;
    struct pr_error e;
    if (!d->outage_ms || s->paused || s->stopped)
        return;
    if (pr_sv_begin(s, &e) || note(s, pr_clock_utc_ms(), &e)) {
        pr_sv_failed(s, "note that the disk was full", &e);
        return;
    }
    if (!pr_sv_end(s))
        return;
    d->outage_ms = 0;
    pr_timer_stop(s->loop, &d->outage_over);
    pr_free(s->pause_reason);
    s->pause_reason = NULL;
    pr_log(PR_LOG_INFO, PR_SV_NAME, "storing-again", "note=%s",
        pr_log_quote("there is room on the disk"));
}

void pr_sv_outage_init(struct pr_supervisor *s)
{
    s->deliveries.outage_over = (struct pr_timer){.fired = over, .ctx = s};
}
