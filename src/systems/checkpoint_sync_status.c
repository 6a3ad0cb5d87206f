/* What checkpoint sync shows and raises. */
#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/utf8.h"
#include "systems/checkpoint_sync.h"

#define UNREACHABLE_WARNING  3 /* tries in a row */
#define UNREACHABLE_CRITICAL 10
#define FAILED_WARNING       3

static void set_time(json_t *o, const char *key, int64_t ms, const char *why_not)
{
    char at[32];
    pr_clock_iso8601(ms, at);
    if (ms)
        pr_json_set_str(o, key, at);
    else
        pr_json_set_null(o, key, why_not);
}

static void set_step(json_t *o, const json_t *from)
{
    if (json_object_get(from, "step") && pr_sync_int(from, "step") >= 0)
        pr_json_set_int(o, "step", pr_sync_int(from, "step"));
    else
        pr_json_set_null(o, "step", "not known");
}

static json_t *candidate(struct pr_sync *y, const struct pr_listed *l)
{
    static const char *const names[] = {
        [PR_SYNC_CHANGING] = "changing",
        [PR_SYNC_INCOMPLETE] = "incomplete",
        [PR_SYNC_READY] = "ready",
        [PR_SYNC_COPIED] = "copied",
        [PR_SYNC_REMOVED] = "removed_here",
        [PR_SYNC_FAILED] = "failed",
    };
    json_t *o = json_object();
    enum pr_sync_state state = pr_sync_state_of(y, l);
    const json_t *seen = json_object_get(pr_sync_part(y, "seen"), l->name),
                 *failed = json_object_get(pr_sync_part(y, "failed"), l->name),
                 *copied =
                     seen ? pr_sync_copied_from(y, l->name, pr_sync_text(seen, "content")) : NULL;
    if (state == PR_SYNC_FAILED && !pr_sync_is_wanted(y, l))
        state = PR_SYNC_READY; /* nobody tries it any more */
    pr_json_set_str(o, "name", l->name);
    set_step(o, copied ? copied : json_object_get(seen, "ready"));
    pr_json_set_int(o, "bytes", (int64_t)pr_fetch_bytes(l, y->s->optimizer_state));
    pr_json_set_str(o, "state", names[state]);
    if (!pr_utf8_valid(l->name, strlen(l->name)))
        pr_json_set_str(o, "reason", "its name is no UTF-8, and is not fetched");
    else if (state == PR_SYNC_INCOMPLETE)
        pr_json_set_str(o, "reason",
            pr_sync_text(seen, json_object_get(seen, "incomplete") ? "incomplete" : "unreadable"));
    else if (state == PR_SYNC_FAILED) {
        pr_json_set_str(o, "reason", pr_sync_text(failed, "reason"));
        pr_json_set_int(o, "tries", pr_sync_int(failed, "tries"));
        set_time(o, "next_try_at", pr_sync_int(failed, "next_ms"), NULL);
    } else if (state == PR_SYNC_READY && y->next_run && !strcmp(y->short_name, l->name))
        pr_json_set_str(o, "reason", "the next run makes room for it");
    else if (state == PR_SYNC_READY && !pr_sync_is_wanted(y, l))
        pr_json_set_str(o, "reason", "not fetched: sync.keep newer ones are there");
    else if (copied)
        pr_json_set_str(o, "as", pr_sync_text(copied, "name"));
    return o;
}

static json_t *source(struct pr_sync *y)
{
    json_t *list = json_array();
    for (size_t i = 0; i < y->now.n; i++)
        json_array_append_new(list, candidate(y, &y->now.v[i]));
    return list;
}

static json_t *kept(struct pr_sync *y)
{
    json_t *list = json_array();
    size_t n;
    struct pr_retention_sum sum;
    struct pr_held *v = pr_sync_held(y, false, &n);
    struct pr_retention_verdict *verdicts = pr_zalloc((n + 1) * sizeof *verdicts);
    struct pr_retention_rule rule = pr_sync_rule(y);
    rule.free_bytes = UINT64_MAX;
    pr_retention_decide(v, n, &rule, verdicts, &sum);
    for (size_t i = 0; i < n; i++) {
        json_t *o = json_object();
        const json_t *x = pr_sync_copied_as(y, v[i].name);
        bool adopted = json_is_true(json_object_get(x, "adopted"));
        pr_json_set_str(o, "name", v[i].name);
        set_step(o, x);
        pr_json_set_int(o, "bytes", pr_sync_int(x, "bytes"));
        set_time(o, "copied_at", pr_sync_int(x, "at_ms"), NULL);
        bool another = json_is_true(json_object_get(x, "another"));
        pr_json_set_str(o, "reason",
            another   ? "it is not what was copied under this name, and is never removed"
            : adopted ? "it was here before anything was noted of it, and is never removed"
                      : verdicts[i].reason);
        if (verdicts[i].goes && !adopted && pr_sync_holds_back(y))
            pr_json_set_str(o, "not_removed", pr_sync_holds_back(y));
        else if (json_object_get(x, "not_removed"))
            pr_json_set_str(o, "not_removed", pr_sync_text(x, "not_removed"));
        json_array_append_new(list, o);
    }
    pr_free(verdicts);
    pr_free(v);
    return list;
}

/* Of what failed: might it still come?  Not where newer ones took its place. */
static bool is_still_wanted(const struct pr_sync *y, const char *name)
{
    const struct pr_listed *l = pr_listing_find(&y->now, name);
    return !y->looked || (l && pr_sync_is_wanted(y, l));
}

/* Of room, for the largest of what did not fit, until it does. */
static uint64_t short_bytes(struct pr_sync *y)
{
    const char *name;
    json_t *x;
    uint64_t most = y->short_bytes;
    json_object_foreach (pr_sync_part(y, "failed"), name, x) {
        uint64_t own = (uint64_t)pr_sync_int(x, "short");
        if (own > most && is_still_wanted(y, name))
            most = own;
    }
    return most;
}

static json_t *disk(struct pr_sync *y)
{
    json_t *o = json_object();
    struct statvfs v;
    if (y->far && y->far_free == UINT64_MAX)
        pr_json_set_null(o, "free", "the other side does not say");
    else if (y->far)
        pr_json_set_int(o, "free", (int64_t)y->far_free);
    else if (statvfs(y->place, &v))
        pr_json_set_null(o, "free", strerror(errno));
    else
        pr_json_set_int(o, "free", (int64_t)((uint64_t)v.f_bavail * v.f_frsize));
    pr_json_set_int(o, "reserve", (int64_t)(y->s->reserve_gb * 1e9));
    pr_json_set_int(o, "short", (int64_t)short_bytes(y));
    return o;
}

json_t *pr_sync_document(struct pr_sync *y)
{
    json_t *o = json_object(), *host = pr_sync_part(y, "host");
    pr_json_set_str(o, "source", pr_store_name(y->source));
    pr_json_set_str(o, "place", y->far ? pr_store_name(y->far) : y->place);
    pr_json_set_str(o, "direction", y->s->push ? "push" : "fetch");
    set_time(o, "last_look", pr_sync_int(host, "last_look_ms"), "not reached yet");
    set_time(o, "last_success", pr_sync_int(host, "last_success_ms"), "nothing was copied yet");
    pr_json_set_real(o, "look_ms", y->look_ms, "no look in this run yet");
    pr_json_set_int(o, "consecutive_failures", pr_sync_int(host, "tries"));
    set_time(o, "next_try_at", pr_sync_int(host, "next_ms"), "the last look succeeded");
    if (json_object_get(host, "reason"))
        pr_json_set_str(o, "failure", pr_sync_text(host, "reason"));
    else
        pr_json_set_null(o, "failure", "the last look succeeded");
    if (y->looked)
        pr_json_set(o, "checkpoints", source(y));
    else
        pr_json_set_null(o, "checkpoints",
            json_object_get(host, "reason") ? pr_sync_text(host, "reason") : "no look yet");
    if (y->transferring)
        pr_json_set(o, "transferring", json_deep_copy(y->transferring));
    else
        pr_json_set_null(o, "transferring", "nothing is being copied");
    pr_json_set(o, "kept", kept(y));
    pr_json_set(o, "removed", json_deep_copy(pr_sync_part(y, "removed")));
    pr_json_set(o, "disk", disk(y));
    return o;
}

void pr_sync_tell(struct pr_sync *y)
{
    if (!y->m->tell)
        return;
    json_t *o = pr_sync_document(y);
    y->m->tell(y->m->ctx, o);
    json_decref(o);
}

static void host_alert(struct pr_sync *y, struct pr_findings *f)
{
    const json_t *host = pr_sync_part(y, "host");
    int64_t tries = pr_sync_int(host, "tries");
    if (json_is_true(json_object_get(host, "refused")))
        pr_findings_alert(
            f, "source-refused", 0, PR_ALERT_CRITICAL, "%s", pr_sync_text(host, "reason"));
    else if (tries >= UNREACHABLE_WARNING)
        pr_findings_alert(f, "source-unreachable", 0,
            tries >= UNREACHABLE_CRITICAL ? PR_ALERT_CRITICAL : PR_ALERT_WARNING,
            "no checkpoint came in %lld tries in a row: %s", (long long)tries,
            pr_sync_text(host, "reason"));
}

static void failed_alerts(struct pr_sync *y, struct pr_findings *f)
{
    const char *name;
    json_t *x;
    json_object_foreach (pr_sync_part(y, "failed"), name, x) {
        const char *code = pr_sync_text(x, "code");
        bool full = json_is_true(json_object_get(x, "disk_full")),
             bad = !strcmp(code, pr_code_name(PR_E_FORMAT)) ||
                   !strcmp(code, pr_code_name(PR_E_INCOMPLETE)) ||
                   !strcmp(code, pr_code_name(PR_E_USAGE));
        if (!is_still_wanted(y, name))
            continue;
        struct pr_str key = PR_STR_INIT(1024);
        pr_str_printf(&key, "failed/%s", name);
        if (full)
            pr_findings_alert(
                f, "disk", 0, PR_ALERT_CRITICAL, "the disk is full: %s", pr_sync_text(x, "reason"));
        else if (bad || pr_sync_int(x, "tries") >= FAILED_WARNING)
            pr_findings_alert(f, pr_str_cstr(&key), 0, PR_ALERT_WARNING,
                "%s was not copied in %lld tries: %s", name, (long long)pr_sync_int(x, "tries"),
                pr_sync_text(x, "reason"));
        pr_str_done(&key);
        if (full)
            break; /* one alert for the disk */
    }
}

void pr_sync_alerts(struct pr_sync *y, struct pr_findings *f)
{
    host_alert(y, f);
    failed_alerts(y, f);
}
