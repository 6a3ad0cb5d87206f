/* Alerts raised and cleared, by whoever: in the gradebook, and with it what is to be said of them
 * at which channel, in one transaction.  Sending is sv_deliveries.c. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "daemon/supervisor_internal.h"
#include "gradebook/actions.h"

#define CHANNEL_KEY "channel:"

void pr_sv_channel_key(char ret[PR_SV_CHANNEL_KEY], const char *channel)
{
    snprintf(ret, PR_SV_CHANNEL_KEY, CHANNEL_KEY "%.64s", channel);
}

/* That a channel does not work is shown and not sent: it would go the way that is blocked. */
static bool is_sent(const char *system, const char *key)
{
    return strcmp(system, PR_SV_NAME) != 0 || strncmp(key, CHANNEL_KEY, strlen(CHANNEL_KEY)) != 0;
}

static enum pr_code put_row(struct pr_supervisor *s, int64_t alert, const char *channel,
    enum pr_delivery_kind kind, enum pr_alert_level level, int64_t now_ms, struct pr_error *e)
{
    struct pr_delivery d = {.alert = alert,
        .channel = (char *)(uintptr_t)channel,
        .kind = kind,
        .level = level,
        .state = PR_DELIVERY_WAITING,
        .next_ms = now_ms,
        .made_ms = now_ms};
    pr_sv_deliveries_soon(s);
    return pr_gradebook_put_delivery(s->g, &d, e);
}

enum pr_code pr_sv_raise(struct pr_supervisor *s, const char *system, const char *key,
    int64_t checkpoint, enum pr_alert_level level, const char *text, int64_t now_ms,
    bool *ret_fresh, struct pr_error *e)
{
    const struct pr_channels *c = &s->deliveries.channels;
    int64_t id = 0;
    enum pr_code code =
        pr_gradebook_raise(s->g, system, key, checkpoint, level, text, now_ms, ret_fresh, e);
    if (code || !*ret_fresh || !c->n || !is_sent(system, key))
        return code;
    code = pr_gradebook_open_alert(s->g, system, key, &id, e);
    for (size_t i = 0; i < c->n && !code; i++)
        if (pr_channel_takes(&c->v[i], system, level))
            code = put_row(s, id, c->v[i].name, PR_DELIVERY_FIRING, level, now_ms, e);
    return code;
}

enum pr_code pr_sv_repeat(struct pr_supervisor *s, const struct pr_alert *a, const char *channel,
    int64_t now_ms, struct pr_error *e)
{
    return put_row(s, a->id, channel, PR_DELIVERY_REPEAT, a->level, now_ms, e);
}

/* ---- its end ---- */

static bool says_it_fires(const struct pr_delivery *d)
{
    return d->kind == PR_DELIVERY_FIRING || d->kind == PR_DELIVERY_REPEAT;
}

/* What was said of an alert at a channel. */
struct said {
    bool fires, over, sending;
    enum pr_alert_level level; /* the highest that was sent */
};

static struct said said_at(const struct pr_delivery *v, size_t n, const char *channel)
{
    struct said said = {0};
    for (size_t i = 0; i < n; i++) {
        if (strcmp(v[i].channel, channel) != 0)
            continue;
        said.over |= v[i].kind == PR_DELIVERY_RESOLVED;
        said.sending |= v[i].state == PR_DELIVERY_SENDING;
        if (!says_it_fires(&v[i]) || v[i].state != PR_DELIVERY_SENT)
            continue;
        said.fires = true;
        if (v[i].level > said.level)
            said.level = v[i].level;
    }
    return said;
}

enum pr_code pr_sv_say_over(
    struct pr_supervisor *s, int64_t alert, int64_t now_ms, struct pr_error *e)
{
    const struct pr_channels *c = &s->deliveries.channels;
    struct pr_delivery *v;
    size_t n;
    enum pr_code code =
        pr_gradebook_deliveries(s->g, &(struct pr_delivery_filter){.alert = alert}, &v, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n && !code; i++) {
        if (v[i].ended_ms || v[i].state == PR_DELIVERY_SENDING || !says_it_fires(&v[i]))
            continue;
        pr_sv_end_delivery(&v[i], PR_DELIVERY_DROPPED, "resolved before it was sent", now_ms);
        code = pr_gradebook_put_delivery(s->g, &v[i], e);
    }
    for (size_t i = 0; i < c->n && !code; i++) {
        struct said said = said_at(v, n, c->v[i].name);
        if (said.fires && !said.over && !said.sending && c->v[i].resolved)
            code = put_row(s, alert, c->v[i].name, PR_DELIVERY_RESOLVED, said.level, now_ms, e);
    }
    pr_deliveries_free(v, n);
    return code;
}

enum pr_code pr_sv_lower(struct pr_supervisor *s, const char *system, const char *key,
    int64_t now_ms, bool *ret_was, struct pr_error *e)
{
    int64_t id = 0;
    enum pr_code code = pr_gradebook_open_alert(s->g, system, key, &id, e);
    *ret_was = id > 0;
    if (code || !id)
        return code;
    code = pr_gradebook_clear(s->g, system, key, now_ms, e);
    return code ? code : pr_sv_say_over(s, id, now_ms, e);
}

void pr_sv_end_delivery(
    struct pr_delivery *d, enum pr_delivery_state state, const char *reason, int64_t now_ms)
{
    char *text = reason ? pr_strdup(reason) : NULL;
    pr_free(d->reason);
    d->reason = text;
    d->state = state;
    d->ended_ms = now_ms;
    d->next_ms = 0;
}

/* ---- the supervisor's own ---- */

void pr_sv_alert(struct pr_supervisor *s, const char *key, int64_t checkpoint,
    enum pr_alert_level level, const char *fmt, ...)
{
    char text[1200];
    struct pr_error e;
    bool fresh = false;
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (pr_sv_begin(s, &e) ||
        pr_sv_raise(s, PR_SV_NAME, key, checkpoint, level, text, pr_clock_utc_ms(), &fresh, &e))
        pr_sv_failed(s, "raise an alert", &e);
    if (fresh)
        pr_log(PR_LOG_WARN, PR_SV_NAME, "alert", "level=%s key=%s text=%s",
            pr_alert_level_name(level), key, pr_log_quote(text));
}

void pr_sv_clear(struct pr_supervisor *s, const char *key)
{
    struct pr_error e;
    bool was = false;
    if (pr_sv_begin(s, &e) || pr_sv_lower(s, PR_SV_NAME, key, pr_clock_utc_ms(), &was, &e))
        pr_sv_failed(s, "clear an alert", &e);
    else if (was)
        pr_log(PR_LOG_INFO, PR_SV_NAME, "alert-cleared", "key=%s", pr_log_quote(key));
}
