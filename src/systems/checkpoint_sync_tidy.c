/* What lies in the place: is it still what was put there, and what of it goes. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "systems/checkpoint_sync.h"
#include "transfer/push.h"

#define MAX_REMOVED 50
#define FRESH_NS    30000000000 /* after that, what the gradebook said may be another by now */

bool pr_sync_is_there(const struct pr_sync *y, const char *name)
{
    struct stat st;
    if (y->far)
        return pr_listing_find(&y->there, name);
    char *path = pr_path_join(y->place, name);
    bool there = !lstat(path, &st);
    pr_free(path);
    return there;
}

static uint64_t free_bytes(const struct pr_sync *y)
{
    struct statvfs v;
    if (y->far)
        return y->far_free;
    return statvfs(y->place, &v) ? UINT64_MAX : (uint64_t)v.f_bavail * v.f_frsize;
}

struct pr_retention_rule pr_sync_rule(const struct pr_sync *y)
{
    return (struct pr_retention_rule){.keep_newest = (size_t)y->s->keep,
        .keep_best = (size_t)y->s->keep_best,
        .free_bytes = free_bytes(y),
        .reserve_bytes = (uint64_t)(y->s->reserve_gb * 1e9)};
}

void pr_sync_note(const struct pr_sync *y, const char *event, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (y->m->note)
        y->m->note(y->m->ctx, event, text);
}

/* ---- is it still what was put there? ---- */

enum pr_code pr_sync_look_at_place(struct pr_sync *y, struct pr_error *e)
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
    if (y->far && !code)
        y->far_free = pr_push_room(y->far);
    if (!y->far)
        pr_store_free(s);
    return code;
}

static bool set_placed(const struct pr_sync *y, json_t *copied)
{
    char hash[PR_SHA256_HEX];
    const struct pr_listed *l = pr_listing_find(&y->there, pr_sync_text(copied, "name"));
    if (l) {
        pr_listed_hash(l, hash);
        pr_json_set_str(copied, "placed", hash);
    }
    return l;
}

void pr_sync_note_placed(struct pr_sync *y, json_t *copied)
{
    struct pr_error ignored;
    if (pr_sync_look_at_place(y, &ignored) || !set_placed(y, copied)) {
        /* it is compared with the source at the next look */
    }
}

/* Where nothing was noted when it came: what lies there is told by the source's. */
static bool is_copy_of_source(const struct pr_sync *y, const json_t *copied)
{
    char content[PR_SHA256_HEX];
    const struct pr_listed *here = pr_listing_find(&y->there, pr_sync_text(copied, "name")),
                           *from = pr_listing_find(&y->now, pr_sync_text(copied, "from"));
    if (!here || !from || strcmp(pr_sync_text(copied, "source"), pr_store_name(y->source)) != 0)
        return false;
    pr_listed_hash(from, content);
    return !strcmp(content, pr_sync_text(copied, "content")) &&
           pr_sync_is_copy(here, from, y->s->optimizer_state);
}

static bool is_as_placed(const struct pr_sync *y, json_t *copied)
{
    char hash[PR_SHA256_HEX];
    const struct pr_listed *l = pr_listing_find(&y->there, pr_sync_text(copied, "name"));
    if (!json_object_get(copied, "placed"))
        return is_copy_of_source(y, copied) && set_placed(y, copied);
    if (l)
        pr_listed_hash(l, hash);
    return l && !strcmp(hash, pr_sync_text(copied, "placed"));
}

size_t pr_sync_check_placed(struct pr_sync *y)
{
    size_t i, n = 0;
    json_t *x;
    json_array_foreach (pr_sync_part(y, "copied"), i, x) {
        const char *name = pr_sync_text(x, "name");
        if (json_is_true(json_object_get(x, "removed")) ||
            json_is_true(json_object_get(x, "adopted")) || !pr_sync_is_there(y, name) ||
            is_as_placed(y, x))
            continue;
        pr_json_set_bool(x, "adopted", true);
        pr_json_set_bool(x, "another", true);
        pr_sync_note(
            y, "not-ours", "%s: what lies there is not what was copied; it is left alone", name);
        n++;
    }
    return n;
}

/* ---- what goes ---- */

static enum pr_code remove_one(
    struct pr_sync *y, const char *name, const char *why, struct pr_error *e)
{
    struct pr_error failed;
    json_t *x = pr_sync_copied_as(y, name), *list = pr_sync_part(y, "removed");
    char at[32];
    enum pr_code code = y->far ? pr_push_remove(y->far, name, &failed)
                               : pr_retention_remove(y->place, name, &failed);
    if (code == PR_E_CANCELLED)
        return pr_fail(e, code, "%s", failed.message);
    if (code) { /* the next run tries again */
        pr_json_set_str(x, "not_removed", failed.message);
        return PR_OK;
    }
    json_t *o = json_object();
    pr_clock_iso8601(pr_clock_utc_ms(), at);
    pr_json_set_str(o, "name", name);
    pr_json_set_str(o, "why", why);
    pr_json_set_str(o, "at", at);
    pr_json_set_int(o, "bytes", pr_sync_int(x, "bytes"));
    json_array_append_new(list, o);
    while (json_array_size(list) > MAX_REMOVED)
        json_array_remove(list, 0);
    pr_json_set_bool(x, "removed", true);
    pr_sync_note(y, "removed", "%s: %s", name, why);
    return pr_sync_state_save(y, e);
}

bool pr_sync_is_stale(const struct pr_sync *y)
{
    return y->flags && !y->flags->unsure && pr_clock_monotonic_ns() - y->flags->read_ns > FRESH_NS;
}

const char *pr_sync_holds_back(const struct pr_sync *y)
{
    if (y->flags && y->flags->unsure)
        return y->flags->unsure;
    return pr_sync_is_stale(y) ? "it is removed by the next run, which asks anew what must stay"
                               : NULL;
}

/* Over what lies there and was brought. */
struct choice {
    struct pr_held *v;
    struct pr_retention_verdict *verdicts;
    size_t n;
};

static void choice_done(struct choice *c)
{
    pr_free(c->verdicts);
    pr_free(c->v);
    *c = (struct choice){0};
}

static uint64_t plus(uint64_t a, uint64_t b)
{
    uint64_t sum;
    return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* What is missing when nothing goes for room that is newer than what comes: that would bring an old
 * one in place of a new one. */
static uint64_t short_of(struct pr_sync *y, const struct choice *c,
    const struct pr_retention_rule *rule, const struct pr_retention_sum *sum,
    const struct pr_listed *coming)
{
    uint64_t newer = 0, need = plus(rule->incoming_bytes, rule->reserve_bytes);
    const json_t *seen = json_object_get(pr_sync_part(y, "seen"), coming->name);
    const struct pr_held x = {.name = coming->name,
        .step = pr_sync_int(json_object_get(seen, "ready"), "step"),
        .mtime_ns = pr_sync_trained_ns(coming)};
    for (size_t i = 0; i < c->n; i++)
        if (c->verdicts[i].for_room && pr_held_is_newer(&c->v[i], &x))
            newer = plus(newer, c->v[i].bytes);
    uint64_t room = plus(rule->free_bytes, sum->freed_bytes - newer);
    return need > room ? need - room : 0;
}

static struct choice choose(
    struct pr_sync *y, const struct pr_listed *coming, uint64_t incoming_bytes)
{
    struct choice c;
    struct pr_retention_sum sum;
    struct pr_retention_rule rule = pr_sync_rule(y);
    bool held_back = pr_sync_holds_back(y);
    c.v = pr_sync_held(y, false, &c.n);
    c.verdicts = pr_zalloc((c.n + 1) * sizeof *c.verdicts);
    for (size_t i = 0; i < c.n; i++) {
        const json_t *x = pr_sync_copied_as(y, c.v[i].name);
        if (held_back || json_is_true(json_object_get(x, "adopted"))) /* it frees nothing */
            c.v[i].bytes = 0;
    }
    rule.incoming_bytes = incoming_bytes;
    pr_retention_decide(c.v, c.n, &rule, c.verdicts, &sum);
    y->short_bytes = coming ? short_of(y, &c, &rule, &sum, coming) : sum.short_bytes;
    if (y->short_bytes) { /* not for nothing: what goes for room alone stays */
        rule.free_bytes = UINT64_MAX;
        pr_retention_decide(c.v, c.n, &rule, c.verdicts, &sum);
    }
    return c;
}

static bool goes(struct pr_sync *y, const struct choice *c, size_t i)
{
    const json_t *x = pr_sync_copied_as(y, c->v[i].name);
    return c->verdicts[i].goes && x && !pr_sync_holds_back(y) &&
           !json_is_true(json_object_get(x, "adopted"));
}

static bool goes_any(struct pr_sync *y, const struct choice *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (goes(y, c, i))
            return true;
    return false;
}

static enum pr_code remove_going(struct pr_sync *y, const struct choice *c, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < c->n && !code; i++) {
        if (!goes(y, c, i))
            continue;
        char *name = pr_strdup(c->v[i].name);
        code = remove_one(y, name, c->verdicts[i].reason, e);
        pr_free(name);
    }
    return code;
}

enum pr_code pr_sync_tidy(
    struct pr_sync *y, const struct pr_listed *coming, uint64_t incoming_bytes, struct pr_error *e)
{
    struct pr_error why;
    enum pr_code code = PR_OK;
    struct choice c = choose(y, coming, incoming_bytes);
    if (goes_any(y, &c)) { /* hours may lie between the last look and this */
        code = pr_sync_look_at_place(y, &why);
        if (!code && pr_sync_check_placed(y)) {
            choice_done(&c);
            c = choose(y, coming, incoming_bytes);
        }
        if (code == PR_E_CANCELLED)
            code = pr_fail(e, code, "%s", why.message);
        else
            code = code ? PR_OK /* not seen: not removed */ : remove_going(y, &c, e);
    }
    snprintf(y->short_name, sizeof y->short_name, "%s", coming ? coming->name : "");
    choice_done(&c);
    return code;
}
