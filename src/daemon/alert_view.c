/* Alerts and actions as documents (alert_view.h).  A cursor is the id of the last row shown: what
 * comes in front of it meanwhile moves nothing. */
#include "daemon/alert_view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/state_internal.h"
#include "gradebook/actions.h"

static enum pr_code parse_cursor(const char *cursor, int64_t *ret, struct pr_error *e)
{
    *ret = 0;
    if (!cursor)
        return PR_OK;
    errno = 0;
    char *end = NULL;
    long long id = cursor[0] >= '1' && cursor[0] <= '9' ? strtoll(cursor, &end, 10) : 0;
    if (id < 1 || *end || errno)
        return pr_fail(e, PR_E_USAGE, "cursor: not one that was given");
    *ret = id;
    return PR_OK;
}

static void set_cursor(json_t *doc, bool more, int64_t last)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)last);
    pr_json_set_str(doc, "next_cursor", more ? text : NULL);
}

static json_t *delivery_of(const struct pr_delivery *d)
{
    json_t *o = json_object();
    pr_json_set_str(o, "channel", d->channel);
    pr_json_set_str(o, "kind", pr_delivery_kind_name(d->kind));
    pr_json_set_str(o, "state", pr_delivery_state_name(d->state));
    pr_json_set_int(o, "attempts", d->attempts);
    pr_state_time(o, "made_at", d->made_ms);
    pr_state_time(o, "next_at", d->ended_ms ? 0 : d->next_ms);
    pr_state_time(o, "ended_at", d->ended_ms);
    pr_json_set_str(o, "reason", d->reason);
    return o;
}

static enum pr_code set_deliveries(
    struct pr_gradebook *g, int64_t alert, json_t *o, struct pr_error *e)
{
    struct pr_delivery *v;
    size_t n;
    enum pr_code code =
        pr_gradebook_deliveries(g, &(struct pr_delivery_filter){.alert = alert}, &v, &n, e);
    if (code)
        return code;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, delivery_of(&v[i]));
    pr_deliveries_free(v, n);
    pr_json_set(o, "deliveries", list);
    return PR_OK;
}

/* The id, and its name beside it. */
static void set_checkpoint(struct pr_gradebook *g, int64_t id, json_t *o)
{
    struct pr_checkpoint_row c;
    bool known = id && !pr_gradebook_checkpoint(g, id, &c, NULL);
    pr_json_set(o, "checkpoint", id ? json_integer(id) : json_null());
    pr_json_set_str(o, "checkpoint_name", known ? c.name : NULL);
    if (known)
        pr_checkpoint_row_done(&c);
}

static enum pr_code add_alert(
    struct pr_gradebook *g, const struct pr_alert *a, json_t *list, struct pr_error *e)
{
    json_t *o = json_object();
    pr_json_set_int(o, "id", a->id);
    pr_json_set_str(o, "system", a->system);
    pr_json_set_str(o, "key", a->key);
    pr_json_set_str(o, "level", pr_alert_level_name(a->level));
    pr_json_set_str(o, "text", a->text);
    set_checkpoint(g, a->checkpoint, o);
    pr_state_time(o, "raised_at", a->raised_ms);
    pr_state_time(o, "cleared_at", a->cleared_ms);
    pr_state_time(o, "acknowledged_at", a->acknowledged_ms);
    json_array_append_new(list, o);
    return set_deliveries(g, a->id, o, e);
}

enum pr_code pr_alerts_document(struct pr_gradebook *g, bool open_only, const char *cursor,
    size_t limit, json_t **ret, struct pr_error *e)
{
    struct pr_alert *v;
    size_t n, n_open = 0;
    int64_t before;
    enum pr_code code = parse_cursor(cursor, &before, e);
    if (code || (code = pr_gradebook_count_open_alerts(g, &n_open, e)) ||
        (code = pr_gradebook_alerts_before(g, open_only, before, limit + 1, &v, &n, e)))
        return code;
    json_t *doc = json_object(), *list = json_array();
    pr_json_set(doc, "alerts", list);
    size_t shown = n < limit ? n : limit;
    for (size_t i = 0; i < shown && !code; i++)
        code = add_alert(g, &v[i], list, e);
    pr_json_set_int(doc, "n_open", (int64_t)n_open);
    set_cursor(doc, n > limit, shown ? v[shown - 1].id : 0);
    pr_alerts_free(v, n);
    if (code)
        json_decref(doc);
    else
        *ret = doc;
    return code;
}

enum pr_code pr_actions_document(
    struct pr_gradebook *g, const char *cursor, size_t limit, json_t **ret, struct pr_error *e)
{
    struct pr_action_row *v;
    size_t n;
    int64_t before;
    enum pr_code code = parse_cursor(cursor, &before, e);
    if (code || (code = pr_gradebook_actions(g, before, limit + 1, &v, &n, e)))
        return code;
    json_t *doc = json_object(), *list = json_array();
    size_t shown = n < limit ? n : limit;
    for (size_t i = 0; i < shown; i++) {
        json_t *o = json_object();
        pr_json_set_int(o, "id", v[i].id);
        pr_state_time(o, "done_at", v[i].at_ms);
        pr_json_set_str(o, "who", v[i].who);
        pr_json_set_str(o, "origin", v[i].origin);
        pr_json_set_str(o, "action", v[i].action);
        pr_json_set_str(o, "target", v[i].target);
        pr_json_set_str(o, "outcome", v[i].outcome);
        pr_json_set_str(o, "reason", v[i].reason);
        json_array_append_new(list, o);
    }
    pr_json_set(doc, "actions", list);
    set_cursor(doc, n > limit, shown ? v[shown - 1].id : 0);
    pr_action_rows_free(v, n);
    *ret = doc;
    return PR_OK;
}
