/* A look at the source: what is there, what rests, what is complete. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/utf8.h"
#include "systems/checkpoint_sync.h"

void pr_sync_host_failed(struct pr_sync *y, const struct pr_error *why)
{
    json_t *host = pr_sync_part(y, "host");
    int64_t tries = y->progressed ? 1 : pr_sync_int(host, "tries") + 1;
    double base = y->s->retry_seconds;
    y->progressed = false;
    y->refused = why->code == PR_E_USAGE;
    if (y->refused) /* wrong host key, refused login: nothing that a quick try changes */
        base = y->s->retry_max_seconds;
    pr_json_set_int(host, "tries", tries);
    pr_json_set_int(host, "next_ms",
        pr_clock_utc_ms() +
            pr_sync_delay_ms(base, y->s->retry_max_seconds, tries, pr_rng_double(&y->rng)));
    pr_json_set_str(host, "reason", why->message);
    pr_json_set_bool(host, "refused", y->refused);
    if (y->m->note)
        y->m->note(y->m->ctx, "not-reached", why->message);
}

static void host_answered(struct pr_sync *y)
{
    json_t *host = pr_sync_part(y, "host");
    y->refused = false;
    pr_json_set_int(host, "tries", 0);
    pr_json_set_int(host, "next_ms", 0);
    json_object_del(host, "reason");
    json_object_del(host, "refused");
    pr_json_set_int(host, "last_look_ms", pr_clock_utc_ms());
}

static bool is_text(const char *name)
{
    return pr_utf8_valid(name, strlen(name));
}

/* The record of a name: made anew when the content is another. */
static json_t *note_seen(struct pr_sync *y, const struct pr_listed *l, json_t *seen)
{
    char content[PR_SHA256_HEX];
    int64_t now = pr_clock_utc_ms();
    json_t *x = json_object_get(pr_sync_part(y, "seen"), l->name);
    pr_listed_hash(l, content);
    if (x && !strcmp(pr_sync_text(x, "content"), content)) {
        json_incref(x);
        if (pr_sync_int(x, "since_ms") > now) /* the clock was set back */
            pr_json_set_int(x, "since_ms", now);
    } else {
        x = json_object();
        pr_json_set_str(x, "content", content);
        pr_json_set_int(x, "since_ms", now);
        pr_json_set_int(x, "trained_ns", pr_sync_trained_ns(l));
    }
    pr_json_set(seen, l->name, x);
    return x;
}

static bool is_judged(const json_t *seen)
{
    return json_object_get(seen, "ready") || json_object_get(seen, "incomplete");
}

static enum pr_code judge(
    struct pr_sync *y, const struct pr_listed *l, json_t *seen, struct pr_error *e)
{
    struct pr_readiness r;
    enum pr_code code = pr_ready_check(y->source, &y->now, l->name, NULL, &r, e);
    if (code == PR_E_UNSUPPORTED || code == PR_E_FORMAT) {
        pr_json_set_str(seen, "incomplete", e->message);
        return PR_OK;
    }
    if (code)
        return code;
    if (!r.complete) { /* what cannot be read is judged anew at the next look */
        pr_json_set_str(seen, r.unreadable ? "unreadable" : "incomplete", r.reason.message);
        return PR_OK;
    }
    json_object_del(seen, "unreadable");
    json_t *ready = json_object();
    pr_json_set_str(ready, "run", r.identity.run);
    pr_json_set_int(ready, "step", r.identity.step);
    pr_json_set(seen, "ready", ready);
    return PR_OK;
}

/* What was copied from this name of another spelling of the source (a user, an alias, a link): the
 * same names, sizes and times to the nanosecond. */
static json_t *copied_from_elsewhere(struct pr_sync *y, const char *from, const char *content)
{
    size_t i;
    json_t *x;
    json_array_foreach (pr_sync_part(y, "copied"), i, x)
        if (!strcmp(pr_sync_text(x, "from"), from) && !strcmp(pr_sync_text(x, "content"), content))
            return x;
    return NULL;
}

static void set_origin(
    const struct pr_sync *y, const struct pr_listed *l, const char *content, json_t *copied)
{
    pr_json_set_str(copied, "from", l->name);
    pr_json_set_str(copied, "source", pr_store_name(y->source));
    pr_json_set_str(copied, "content", content);
}

/* What an earlier run brought, and has no record of or one of another source: a copy by names,
 * sizes and times. */
static void adopt(struct pr_sync *y, const struct pr_listed *l, json_t *seen)
{
    const char *content = pr_sync_text(seen, "content");
    const struct pr_listed *here = pr_listing_find(&y->there, l->name);
    char other[256];
    json_t *x = copied_from_elsewhere(y, l->name, content);
    if (x)
        return set_origin(y, l, content, x);
    pr_sync_other_name(l->name, content, other);
    if (!here || !pr_sync_is_copy(here, l, y->s->optimizer_state))
        here = pr_listing_find(&y->there, other);
    if (!here || !pr_sync_is_copy(here, l, y->s->optimizer_state))
        return;
    x = pr_sync_copied_as(y, here->name);
    if (x)
        return set_origin(y, l, content, x);
    x = json_object();
    pr_json_set_str(x, "name", here->name);
    set_origin(y, l, content, x);
    pr_json_set_int(x, "at_ms", pr_clock_utc_ms());
    pr_json_set_int(x, "bytes", (int64_t)pr_fetch_bytes(l, y->s->optimizer_state));
    pr_json_set_int(x, "trained_ns", pr_sync_trained_ns(l));
    pr_json_set_bool(x, "adopted", true);
    json_array_append_new(pr_sync_part(y, "copied"), x);
}

/* A folder in which nothing lies may be one that is not mounted: what is known of it, and what
 * came of it half, is kept until something lies there again. */
static bool is_empty(const struct pr_sync *y)
{
    return !y->now.n;
}

/* Of what is gone from the source, or is another content by now, nothing need be remembered. */
static void forget(struct pr_sync *y)
{
    json_t *copied = pr_sync_part(y, "copied"), *failed = pr_sync_part(y, "failed"), *x;
    const char *name;
    void *tmp;
    for (size_t i = json_array_size(copied); i-- > 0;) {
        x = json_array_get(copied, i);
        const json_t *seen = json_object_get(pr_sync_part(y, "seen"), pr_sync_text(x, "from"));
        bool removed = json_is_true(json_object_get(x, "removed"));
        bool listed = seen && !strcmp(pr_sync_text(seen, "content"), pr_sync_text(x, "content"));
        if (removed ? !listed : !pr_sync_is_there(y, pr_sync_text(x, "name")))
            json_array_remove(copied, i);
    }
    json_object_foreach_safe(failed, tmp, name, x)
    {
        const json_t *seen = json_object_get(pr_sync_part(y, "seen"), name);
        if (!seen || strcmp(pr_sync_text(seen, "content"), pr_sync_text(x, "content")) != 0)
            json_object_del(failed, name);
    }
}

/* Is .incoming/NAME what an earlier try left of something that may still come? */
static bool may_be_gone_on_with(struct pr_sync *y, const char *name)
{
    for (size_t i = 0; i < y->now.n; i++) {
        const struct pr_listed *l = &y->now.v[i];
        enum pr_sync_state state = pr_sync_state_of(y, l);
        char content[PR_SHA256_HEX], other[256];
        if (state == PR_SYNC_COPIED || state == PR_SYNC_REMOVED)
            continue;
        pr_listed_hash(l, content);
        pr_sync_other_name(l->name, content, other);
        if (!strcmp(name, l->name) || !strcmp(name, other))
            return true;
    }
    return false;
}

static void sweep_incoming(struct pr_sync *y)
{
    struct pr_error ignored;
    char **names, *dir = pr_path_join(y->place, PR_INCOMING);
    size_t n;
    if (!y->far && !pr_dir_list(dir, &names, &n, &ignored)) {
        for (size_t i = 0; i < n; i++)
            if (!may_be_gone_on_with(y, names[i]) &&
                pr_fetch_discard(y->place, names[i], &ignored)) {
                /* the next look tries again */
            }
        pr_names_free(names, n);
    }
    pr_free(dir);
}

static enum pr_code look(struct pr_sync *y, struct pr_error *e)
{
    json_t *seen = json_object();
    enum pr_code code = PR_OK;
    pr_listing_done(&y->now);
    pr_free(y->wanted);
    y->wanted = NULL;
    code = pr_store_list(y->source, &y->now, e);
    if (!code)
        code = pr_sync_look_at_place(y, e);
    if (code) {
        json_decref(seen);
        return code;
    }
    for (size_t i = 0; i < y->now.n; i++)
        if (is_text(y->now.v[i].name))
            note_seen(y, &y->now.v[i], seen);
    pr_json_set(y->state, "seen", seen);
    pr_sync_settle_coming(y);
    if (!is_empty(y))
        forget(y);
    if (pr_sync_check_placed(y)) {
        /* the status says so */
    }
    for (size_t i = 0; i < y->now.n && !code; i++) {
        const struct pr_listed *l = &y->now.v[i];
        json_t *x = json_object_get(seen, l->name);
        if (!x || pr_sync_copied_from(y, l->name, pr_sync_text(x, "content")))
            continue;
        adopt(y, l, x);
        bool rests =
            pr_sync_rests(pr_sync_int(x, "since_ms"), pr_clock_utc_ms(), y->s->look_seconds);
        if (rests && !is_judged(x) && !pr_sync_copied_from(y, l->name, pr_sync_text(x, "content")))
            code = judge(y, l, x, e);
    }
    if (!code && !is_empty(y))
        sweep_incoming(y);
    return code;
}

enum pr_code pr_sync_look(struct pr_sync *y, bool *ret_ok, struct pr_error *e)
{
    struct pr_error why;
    int64_t began = pr_clock_monotonic_ns();
    enum pr_code code = look(y, &why);
    if (code && code != PR_E_CANCELLED && y->reused) { /* it was cut since: that is no failure */
        pr_store_hang_up(y->source);
        code = look(y, &why);
    }
    y->reused = false;
    y->look_ms = (double)(pr_clock_monotonic_ns() - began) / 1e6;
    *ret_ok = y->looked = !code;
    if (code == PR_E_CANCELLED)
        return pr_fail(e, code, "%s", why.message);
    if (code)
        pr_sync_host_failed(y, &why);
    else {
        host_answered(y);
        pr_sync_choose(y);
    }
    return PR_OK;
}
