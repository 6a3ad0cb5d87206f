/* webhook: the JSON that Prometheus' Alertmanager sends (version 4), which many programs take. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/sha256.h"
#include "daemon/channels.h"

#define MAX_LABEL 256
#define MAX_TEXT  4096
#define NO_END    "0001-01-01T00:00:00Z" /* as Alertmanager writes: it still fires */

static void set_clean(json_t *o, const char *key, const char *s, size_t max)
{
    char *clean = pr_channel_cleaned(s, max);
    pr_json_set_str(o, key, clean);
    pr_free(clean);
}

/* "regression-monitor"; of the watch's own alerts what they are about: "watch-suite". */
static void alert_name(const struct pr_notice *n, char ret[MAX_LABEL])
{
    if (n->kind == PR_DELIVERY_TEST)
        snprintf(ret, MAX_LABEL, "proctor-test");
    else if (!strcmp(n->system, "watch"))
        snprintf(ret, MAX_LABEL, "watch-%.*s", (int)strcspn(n->key, ":/#"), n->key);
    else
        snprintf(ret, MAX_LABEL, "%.200s", n->system);
}

static json_t *labels_of(const struct pr_message *m, const struct pr_notice *n)
{
    char name[MAX_LABEL];
    json_t *o = json_object();
    alert_name(n, name);
    set_clean(o, "alertname", name, MAX_LABEL);
    pr_json_set_str(o, "severity", pr_alert_level_name(n->level));
    set_clean(o, "system", n->system, MAX_LABEL);
    set_clean(o, "checkpoint", n->checkpoint ? n->checkpoint : "", MAX_LABEL);
    set_clean(o, "instance", m->machine, MAX_LABEL);
    return o;
}

/* Of the alert, the same when it fires and when it is resolved. */
static void set_fingerprint(json_t *o, const struct pr_message *m, const struct pr_notice *n)
{
    uint8_t digest[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX];
    struct pr_str all = PR_STR_INIT(1 << 16);
    pr_str_printf(&all, "%s\n%s\n%s\n%lld", m->machine, n->system, n->key, (long long)n->alert);
    pr_sha256(pr_str_cstr(&all), all.len, digest);
    pr_sha256_hex(digest, hex);
    pr_json_set_strn(o, "fingerprint", hex, 16);
    pr_str_done(&all);
}

static void set_time(json_t *o, const char *key, int64_t ms)
{
    char at[32];
    pr_clock_iso8601(ms, at);
    pr_json_set_str(o, key, at);
}

static json_t *alert_of(const struct pr_message *m, const struct pr_notice *n)
{
    bool over = n->kind == PR_DELIVERY_RESOLVED;
    json_t *o = json_object(), *notes = json_object();
    struct pr_message one = {
        .v = n, .n = 1, .channel = m->channel, .machine = m->machine, .now_ms = m->now_ms};
    char *title = pr_message_title(&one);
    pr_json_set_str(notes, "summary", title);
    pr_free(title);
    set_clean(notes, "description", n->text, MAX_TEXT);
    pr_json_set_str(o, "status", over ? "resolved" : "firing");
    pr_json_set(o, "labels", labels_of(m, n));
    pr_json_set(o, "annotations", notes);
    set_time(o, "startsAt", n->raised_ms);
    if (over)
        set_time(o, "endsAt", n->cleared_ms);
    else
        pr_json_set_str(o, "endsAt", NO_END);
    pr_json_set_str(o, "generatorURL", m->page ? m->page : "");
    set_fingerprint(o, m, n);
    return o;
}

/* What all members of a list have alike. */
static json_t *common(const json_t *alerts, const char *member)
{
    const json_t *a;
    const char *key;
    json_t *value;
    size_t i;
    json_t *same = json_object();
    json_object_foreach (json_object_get(json_array_get(alerts, 0), member), key, value) {
        bool all = true;
        json_array_foreach (alerts, i, a)
            all &= json_equal(json_object_get(json_object_get(a, member), key), value);
        if (all)
            json_object_set(same, key, value);
    }
    return same;
}

static void set_group(json_t *doc, const json_t *shared)
{
    static const char *const names[] = {"alertname", "system"};
    json_t *group = json_object();
    struct pr_str key = PR_STR_INIT(4096);
    pr_str_puts(&key, "{}:{");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        json_t *v = json_object_get(shared, names[i]);
        if (!v)
            continue;
        pr_str_printf(&key, "%s%s=", json_object_size(group) ? ", " : "", names[i]);
        pr_json_dump(v, 0, 0, &key);
        json_object_set(group, names[i], v);
    }
    pr_str_puts(&key, "}");
    pr_json_set_str(doc, "groupKey", pr_str_cstr(&key));
    pr_json_set(doc, "groupLabels", group);
    pr_str_done(&key);
}

static void make(
    const struct pr_channel *c, const char *url, const struct pr_message *m, struct pr_outgoing *o)
{
    (void)url;
    json_t *doc = json_object(), *alerts = json_array();
    for (size_t i = 0; i < m->n; i++)
        json_array_append_new(alerts, alert_of(m, &m->v[i]));
    json_t *labels = common(alerts, "labels");
    pr_json_set_str(doc, "version", "4");
    set_group(doc, labels);
    pr_json_set_int(doc, "truncatedAlerts", 0);
    pr_json_set_str(doc, "status", pr_message_resolved(m) ? "resolved" : "firing");
    set_clean(doc, "receiver", c->name, MAX_LABEL);
    pr_json_set(doc, "commonLabels", labels);
    pr_json_set(doc, "commonAnnotations", common(alerts, "annotations"));
    pr_json_set_str(doc, "externalURL", m->page ? m->page : "");
    pr_json_set(doc, "alerts", alerts);
    pr_outgoing_json(o, doc);
}

const struct pr_channel_kind pr_channel_kind_webhook = {
    .name = "webhook", .keys = PR_CHANNEL_URL | PR_CHANNEL_TOKEN, .make = make};
