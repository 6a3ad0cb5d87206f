/* A look at the source: what is there, what rests, what is complete, what is worth fetching. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/utf8.h"
#include "systems/checkpoint_sync.h"

void pr_sync_host_failed(struct pr_sync *y, const struct pr_error *why)
{
    json_t *host = pr_sync_part(y, "host");
    int64_t tries = y->progressed ? 1 : pr_sync_int(host, "tries") + 1;
    double base = y->s->retry_seconds;
    y->host_error = *why;
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
    y->host_error = (struct pr_error){0};
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
    if (!r.complete) {
        pr_json_set_str(seen, "incomplete", r.reason.message);
        return PR_OK;
    }
    json_t *ready = json_object();
    pr_json_set_str(ready, "run", r.identity.run);
    pr_json_set_int(ready, "step", r.identity.step);
    pr_json_set(seen, "ready", ready);
    return PR_OK;
}

/* What an earlier run brought and has no record of: a copy by names, sizes and times. */
static void adopt(struct pr_sync *y, const struct pr_listed *l, json_t *seen)
{
    const char *content = pr_sync_text(seen, "content");
    const struct pr_listed *here = pr_listing_find(&y->there, l->name);
    char other[256];
    pr_sync_other_name(l->name, content, other);
    if (!here || !pr_sync_is_copy(here, l, y->s->optimizer_state))
        here = pr_listing_find(&y->there, other);
    if (!here || pr_sync_copied_as(y, here->name) ||
        !pr_sync_is_copy(here, l, y->s->optimizer_state))
        return;
    json_t *x = json_object();
    pr_json_set_str(x, "name", here->name);
    pr_json_set_str(x, "from", l->name);
    pr_json_set_str(x, "source", pr_store_name(y->source));
    pr_json_set_str(x, "content", content);
    pr_json_set_int(x, "at_ms", pr_clock_utc_ms());
    pr_json_set_int(x, "bytes", (int64_t)pr_fetch_bytes(l, y->s->optimizer_state));
    pr_json_set_int(x, "trained_ns", pr_sync_trained_ns(l));
    pr_json_set_bool(x, "adopted", true);
    json_array_append_new(pr_sync_part(y, "copied"), x);
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
        if (!seen || strcmp(pr_sync_text(seen, "content"), pr_sync_text(x, "content")) != 0) {
            struct pr_error ignored;
            if (!y->far && !seen && pr_fetch_discard(y->place, name, &ignored)) {
                /* it is swept another time */
            }
            json_object_del(failed, name);
        }
    }
}

static enum pr_code look_at_place(struct pr_sync *y, struct pr_error *e)
{
    struct pr_store *s = y->far;
    enum pr_code code = PR_OK;
    pr_listing_done(&y->there);
    if (!y->far)
        code = pr_store_open(&(struct pr_store_options){.dir = y->place}, &s, e);
    if (!code)
        code = pr_store_list(s, &y->there, e);
    if (code == PR_E_NOT_FOUND) /* made by the first that comes */
        code = PR_OK;
    if (!y->far)
        pr_store_free(s);
    return code;
}

static enum pr_code look(struct pr_sync *y, struct pr_error *e)
{
    json_t *seen = json_object();
    enum pr_code code = PR_OK;
    pr_listing_done(&y->now);
    code = pr_store_list(y->source, &y->now, e);
    if (!code)
        code = look_at_place(y, e);
    if (code) {
        json_decref(seen);
        return code;
    }
    for (size_t i = 0; i < y->now.n; i++)
        if (is_text(y->now.v[i].name))
            note_seen(y, &y->now.v[i], seen);
    pr_json_set(y->state, "seen", seen);
    forget(y);
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
    return code;
}

enum pr_code pr_sync_look(struct pr_sync *y, bool *ret_ok, struct pr_error *e)
{
    struct pr_error why;
    enum pr_code code = look(y, &why);
    *ret_ok = !code;
    if (code == PR_E_CANCELLED)
        return pr_fail(e, code, "%s", why.message);
    if (code)
        pr_sync_host_failed(y, &why);
    else
        host_answered(y);
    return PR_OK;
}

enum pr_sync_state pr_sync_state_of(struct pr_sync *y, const struct pr_listed *l)
{
    const json_t *x = json_object_get(pr_sync_part(y, "seen"), l->name);
    const json_t *copied = x ? pr_sync_copied_from(y, l->name, pr_sync_text(x, "content")) : NULL;
    if (copied)
        return json_is_true(json_object_get(copied, "removed")) ? PR_SYNC_REMOVED : PR_SYNC_COPIED;
    if (!x || json_object_get(x, "incomplete"))
        return PR_SYNC_INCOMPLETE; /* no record: its name is no text */
    if (!json_object_get(x, "ready"))
        return PR_SYNC_CHANGING;
    return json_object_get(pr_sync_part(y, "failed"), l->name) ? PR_SYNC_FAILED : PR_SYNC_READY;
}

static bool may_come(struct pr_sync *y, const struct pr_listed *l)
{
    enum pr_sync_state s = pr_sync_state_of(y, l);
    return s == PR_SYNC_READY || s == PR_SYNC_FAILED;
}

/* Those of the source that may come, as if they were here. */
static void add_coming(struct pr_sync *y, struct pr_held **v, size_t *n, size_t *cap)
{
    for (size_t i = 0; i < y->now.n; i++) {
        const struct pr_listed *l = &y->now.v[i];
        if (!may_come(y, l))
            continue;
        const json_t *x = json_object_get(pr_sync_part(y, "seen"), l->name);
        struct pr_held h = {.name = l->name,
            .step = pr_sync_int(json_object_get(x, "ready"), "step"),
            .bytes = pr_fetch_bytes(l, y->s->optimizer_state),
            .mtime_ns = pr_sync_trained_ns(l),
            .score = NAN};
        PR_PUSH(*v, *n, *cap, h);
    }
}

/* The same folder, however its path is written. */
static bool is_same(const char *a, const char *b)
{
    struct stat x, y;
    return !strcmp(a, b) ||
           (!stat(a, &x) && !stat(b, &y) && x.st_dev == y.st_dev && x.st_ino == y.st_ino);
}

/* What the gradebook says of it: of the folder here, also where it is the one that was pushed. */
static void set_flags(const struct pr_sync *y, const json_t *copied, struct pr_held *h)
{
    const char *dir = y->s->push ? y->local_dir : y->place,
               *name = pr_sync_text(copied, y->s->push ? "from" : "name");
    char *path = pr_path_join(dir, name);
    h->score = NAN;
    for (size_t i = 0; y->flags && i < y->flags->n; i++) {
        const struct pr_sync_flag *f = &y->flags->v[i];
        if ((f->name && strcmp(f->name, name) != 0) || (f->path && !is_same(f->path, path)))
            continue;
        h->flags |= f->flags;
        if (!isnan(f->score))
            h->score = f->score;
    }
    pr_free(path);
}

struct pr_held *pr_sync_held(struct pr_sync *y, bool extra, size_t *ret_n)
{
    struct pr_held *v = NULL;
    size_t n = 0, cap = 0, i;
    json_t *x;
    json_array_foreach (pr_sync_part(y, "copied"), i, x) {
        if (json_is_true(json_object_get(x, "removed")))
            continue;
        struct pr_held h = {.name = pr_sync_text(x, "name"),
            .step = json_object_get(x, "step") ? pr_sync_int(x, "step") : -1,
            .bytes = (uint64_t)pr_sync_int(x, "bytes"),
            .mtime_ns = pr_sync_int(x, "trained_ns")};
        set_flags(y, x, &h);
        PR_PUSH(v, n, cap, h);
    }
    if (extra)
        add_coming(y, &v, &n, &cap);
    *ret_n = n;
    return v;
}

bool pr_sync_is_wanted(struct pr_sync *y, const struct pr_listed *l)
{
    size_t n;
    struct pr_retention_sum sum;
    struct pr_held *v = pr_sync_held(y, true, &n);
    struct pr_retention_verdict *verdicts = pr_zalloc((n + 1) * sizeof *verdicts);
    const struct pr_retention_rule rule = {.keep_newest = (size_t)y->s->keep,
        .keep_best = (size_t)y->s->keep_best,
        .free_bytes = UINT64_MAX};
    bool wanted = false;
    pr_retention_decide(v, n, &rule, verdicts, &sum);
    for (size_t i = 0; i < n; i++)
        if (v[i].name == l->name)
            wanted = !verdicts[i].goes;
    pr_free(verdicts);
    pr_free(v);
    return wanted;
}

const struct pr_listed *pr_sync_next(struct pr_sync *y, int64_t *ret_next_ms)
{
    const struct pr_listed *best = NULL;
    int64_t now = pr_clock_utc_ms(), longest = (int64_t)(1000 * y->s->retry_max_seconds);
    *ret_next_ms = 0;
    for (size_t i = 0; i < y->now.n; i++) {
        const struct pr_listed *l = &y->now.v[i];
        if (!may_come(y, l) || !pr_sync_is_wanted(y, l))
            continue;
        int64_t due = pr_sync_int(json_object_get(pr_sync_part(y, "failed"), l->name), "next_ms");
        if (due > now && due <= now + longest) { /* later still: the clock was set back */
            if (!*ret_next_ms || due < *ret_next_ms)
                *ret_next_ms = due;
        } else if (!best || pr_sync_trained_ns(l) > pr_sync_trained_ns(best))
            best = l;
    }
    return best;
}
