/* command: a program of the user's own, which gets one JSON object on its stdin. */
#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/channels.h"

#define MAX_LABEL 256
#define MAX_TEXT  4096

static void set_clean(json_t *o, const char *key, const char *s, size_t max)
{
    char *clean = s ? pr_channel_cleaned(s, max) : NULL;
    pr_json_set_str(o, key, clean);
    pr_free(clean);
}

static void set_time(json_t *o, const char *key, int64_t ms)
{
    char at[32];
    if (ms)
        pr_clock_iso8601(ms, at);
    pr_json_set_str(o, key, ms ? at : NULL);
}

static json_t *alert_of(const struct pr_notice *n)
{
    json_t *o = json_object();
    pr_json_set_str(o, "status", pr_notice_status(n));
    if (n->alert)
        pr_json_set_int(o, "alert", n->alert);
    else
        pr_json_set_null(o, "alert", "a test");
    pr_json_set_str(o, "level", pr_alert_level_name(n->level));
    set_clean(o, "system", n->system, MAX_LABEL);
    set_clean(o, "key", n->key, MAX_LABEL);
    set_clean(o, "checkpoint", n->checkpoint, MAX_LABEL);
    set_clean(o, "text", n->text, MAX_TEXT);
    set_time(o, "raised_at", n->raised_ms);
    set_time(o, "cleared_at", n->cleared_ms);
    return o;
}

static void make(
    const struct pr_channel *c, const char *url, const struct pr_message *m, struct pr_outgoing *o)
{
    (void)url;
    json_t *doc = json_object(), *alerts = json_array();
    char *title = pr_message_title(m);
    pr_json_set_int(doc, "schema_version", 1);
    set_time(doc, "at", m->now_ms);
    set_clean(doc, "channel", c->name, MAX_LABEL);
    set_clean(doc, "machine", m->machine, MAX_LABEL);
    pr_json_set_str(doc, "page", m->page);
    pr_json_set_str(doc, "title", title);
    for (size_t i = 0; i < m->n; i++)
        json_array_append_new(alerts, alert_of(&m->v[i]));
    pr_json_set(doc, "alerts", alerts);
    pr_outgoing_json(o, doc);
    pr_str_putc(&o->body, '\n');
    pr_free(title);
}

const struct pr_channel_kind pr_channel_kind_command = {
    .name = "command", .keys = PR_CHANNEL_COMMAND, .make = make};
