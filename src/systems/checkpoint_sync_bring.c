/* One checkpoint comes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "systems/checkpoint_sync.h"
#include "transfer/push.h"

#define TELL_NS 500000000

static void set_rates(struct pr_sync *y, uint64_t done, uint64_t total, int64_t now)
{
    double seconds = (double)(now - y->began_ns) / 1e9,
           rate = seconds > 0.2 && done > y->began_bytes ? (double)(done - y->began_bytes) / seconds
                                                         : 0;
    static const char unknown[] = "nothing has come yet";
    pr_json_set_int(y->transferring, "bytes_done", (int64_t)done);
    pr_json_set_int(y->transferring, "bytes_total", (int64_t)total);
    json_object_del(y->transferring, "bytes_per_second_reason");
    json_object_del(y->transferring, "eta_seconds_reason");
    if (rate > 0) {
        pr_json_set_real(y->transferring, "bytes_per_second", rate, NULL);
        pr_json_set_real(y->transferring, "eta_seconds", (double)(total - done) / rate, NULL);
    } else {
        pr_json_set_null(y->transferring, "bytes_per_second", unknown);
        pr_json_set_null(y->transferring, "eta_seconds", unknown);
    }
}

static void progress(void *ctx, uint64_t done, uint64_t total)
{
    struct pr_sync *y = ctx;
    int64_t now = pr_clock_monotonic_ns();
    if (!y->began_ns) { /* what an earlier try had brought */
        y->began_ns = now;
        y->began_bytes = y->last_bytes = done;
    }
    if (done > y->last_bytes) {
        y->progressed = true;
        y->last_bytes = done;
    }
    if (y->told_ns && now - y->told_ns < TELL_NS)
        return;
    y->told_ns = now;
    set_rates(y, done < total ? done : total, total, now);
    pr_sync_tell(y);
}

/* Its own name, or where another content has that one, a name with the content. */
static void choose_name(
    struct pr_sync *y, const struct pr_listed *l, const char *content, char ret[256])
{
    snprintf(ret, 256, "%s", l->name);
    if (pr_sync_is_there(y, l->name))
        pr_sync_other_name(l->name, content, ret);
}

/* What is kept of it once it is here.  New reference. */
static json_t *record_of(
    const struct pr_sync *y, const struct pr_listed *l, const json_t *seen, const char *name)
{
    const json_t *ready = json_object_get(seen, "ready");
    json_t *x = json_object();
    pr_json_set_str(x, "name", name);
    pr_json_set_str(x, "from", l->name);
    pr_json_set_str(x, "source", pr_store_name(y->source));
    pr_json_set_str(x, "content", pr_sync_text(seen, "content"));
    pr_json_set_str(x, "run", pr_sync_text(ready, "run"));
    pr_json_set_int(x, "step", pr_sync_int(ready, "step"));
    pr_json_set_int(x, "at_ms", pr_clock_utc_ms());
    pr_json_set_int(x, "bytes", (int64_t)pr_fetch_bytes(l, y->s->optimizer_state));
    pr_json_set_int(x, "trained_ns", pr_sync_trained_ns(l));
    return x;
}

static void note_copied(struct pr_sync *y, const struct pr_listed *l, json_t *x /* stolen */,
    const char *name, const struct pr_fetched *f)
{
    pr_json_set_int(x, "at_ms", pr_clock_utc_ms());
    pr_json_set_int(x, "bytes", (int64_t)f->bytes);
    pr_json_set_bool(x, "hashed", f->hashed);
    y->n_copied++;
    json_object_del(pr_sync_part(y, "coming"), name);
    json_array_append_new(pr_sync_part(y, "copied"), x);
    pr_sync_note_placed(y, x);
    pr_sync_note(y, "copied", "%s of %s%s%s, %llu bytes, %s", l->name, pr_store_name(y->source),
        strcmp(name, l->name) != 0 ? ", whose name is taken by another content here, as " : "",
        strcmp(name, l->name) != 0 ? name : "", (unsigned long long)f->bytes,
        f->hashed ? "hashes agree" : "compared by rsync: no program for hashes over there");
    json_object_del(pr_sync_part(y, "failed"), l->name);
    pr_json_set_int(pr_sync_part(y, "host"), "last_success_ms", pr_clock_utc_ms());
}

/* A connection that broke is the host's failure too; what came before it broke is kept, and counts
 * as going on. */
static void note_failed(
    struct pr_sync *y, const struct pr_listed *l, const json_t *seen, const struct pr_error *why)
{
    json_t *all = pr_sync_part(y, "failed"), *x = json_object();
    bool broken = why->code == PR_E_IO && why->sys_errno != ENOSPC;
    int64_t tries = pr_sync_int(json_object_get(all, l->name), "tries") + 1;
    double base = y->s->retry_seconds, max = y->s->retry_max_seconds;
    if (broken && y->progressed)
        tries = 1;
    if (why->code == PR_E_FORMAT || why->code == PR_E_INCOMPLETE || why->code == PR_E_USAGE)
        base = max; /* the same again, until somebody does something */
    pr_json_set_str(x, "content", pr_sync_text(seen, "content"));
    pr_json_set_int(x, "tries", tries);
    pr_json_set_int(x, "next_ms",
        pr_clock_utc_ms() + pr_sync_delay_ms(base, max, tries, pr_rng_double(&y->rng)));
    pr_json_set_str(x, "reason", why->message);
    pr_json_set_str(x, "code", pr_code_name(why->code));
    pr_json_set_bool(x, "disk_full", why->sys_errno == ENOSPC || y->short_bytes);
    pr_json_set_int(x, "short", (int64_t)y->short_bytes);
    pr_json_set(all, l->name, x);
    pr_sync_note(y, "not-copied", "%s: %s", l->name, why->message);
    if (broken)
        pr_sync_host_failed(y, why);
}

static void note_short(
    struct pr_sync *y, const struct pr_listed *l, const json_t *seen, uint64_t bytes)
{
    struct pr_error why;
    const char *held_back = pr_sync_holds_back(y);
    y->next_run = pr_sync_is_stale(y);
    if (y->next_run) /* no failure */
        return;
    pr_fail(&why, PR_E_LIMIT, "%s takes %.2f GB more, and %.2f GB too little would be free: %s%s",
        l->name, (double)bytes / 1e9, (double)y->short_bytes / 1e9,
        held_back ? "nothing is removed, since " : "",
        held_back ? held_back : "free some, or lower sync.keep or sync.reserve_gb");
    note_failed(y, l, seen, &why);
}

static enum pr_code transfer(struct pr_sync *y, const struct pr_listed *l, const char *name,
    struct pr_fetched *f, struct pr_error *e)
{
    const struct pr_sync_settings *s = y->s;
    const struct pr_fetch_options o = {.local_dir = y->place,
        .as = name,
        .optimizer_state = s->optimizer_state,
        .bytes_per_second = (uint64_t)(s->bandwidth_mb * 1e6),
        .compress =
            s->compress && !strcmp(s->compress, "zstd") ? PR_COMPRESS_ZSTD : PR_COMPRESS_NONE,
        .reserve_bytes = (uint64_t)(s->reserve_gb * 1e9),
        .progress = progress,
        .ctx = y,
        .stop = y->m->stop};
    return y->far ? pr_push(y->source, y->far, l, &o, f, e)
                  : pr_fetch_checkpoint(y->source, l, &o, f, e);
}

enum pr_code pr_sync_bring(struct pr_sync *y, const struct pr_listed *l, struct pr_error *e)
{
    json_t *seen = json_incref(json_object_get(pr_sync_part(y, "seen"), l->name));
    uint64_t bytes = pr_fetch_bytes(l, y->s->optimizer_state);
    struct pr_fetched f = {0};
    struct pr_error why;
    char name[256];
    choose_name(y, l, pr_sync_text(seen, "content"), name);
    bool state = y->s->optimizer_state;
    uint64_t there = y->far ? pr_push_there(y->far, name, l, state) /* at most `bytes` */
                            : pr_fetch_there(y->place, name, l, state);
    enum pr_code code = pr_sync_tidy(y, l, bytes - there, e);
    if (!code && y->short_bytes) {
        note_short(y, l, seen, bytes - there);
        json_decref(seen);
        return pr_sync_state_save(y, e);
    }
    if (code) {
        json_decref(seen);
        return code;
    }
    choose_name(y, l, pr_sync_text(seen, "content"), name); /* its own may be free by now */
    json_t *record = record_of(y, l, seen, name);
    if ((code = pr_sync_note_coming(y, record, e))) {
        json_decref(record);
        json_decref(seen);
        return code;
    }
    y->transferring = json_object();
    pr_json_set_str(y->transferring, "name", name);
    y->told_ns = y->began_ns = 0;
    y->began_bytes = y->last_bytes = 0;
    y->progressed = false;
    set_rates(y, 0, bytes, 0);
    pr_sync_tell(y);
    code = transfer(y, l, name, &f, &why);
    json_decref(y->transferring);
    y->transferring = NULL;
    if (!code)
        note_copied(y, l, json_incref(record), name, &f);
    else if (code == PR_E_USAGE && y->s->remote_host && !pr_sync_is_there(y, name))
        pr_sync_host_failed(y, &why); /* no rsync there, a refused login: of all that would come */
    else if (code != PR_E_CANCELLED)
        note_failed(y, l, seen, &why);
    if (code == PR_E_CHANGED) { /* it is looked at again, from the beginning */
        json_object_del(seen, "ready");
        pr_json_set_int(seen, "since_ms", pr_clock_utc_ms());
    }
    pr_free(f.path);
    json_decref(record);
    json_decref(seen);
    enum pr_code saved = pr_sync_state_save(y, e);
    return code == PR_E_CANCELLED ? pr_fail(e, code, "%s", why.message) : saved;
}
