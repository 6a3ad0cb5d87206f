/* Checkpoint sync: brings checkpoints from where they are trained, and removes old ones.
 *
 * `run` takes what the gradebook says of what is here; `act` looks at the source, fetches what is
 * ready and wanted, the newest first, and goes on for as long as there is something to do or to try
 * again before its next turn.  All that must not be lost is in the state file before the next step
 * begins; a kill leaves at most something in .incoming, which the next run goes on with. */
#include <math.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "systems/checkpoint_sync.h"
#include "systems/sync_places.h"

#define SLICE_NS     50000000
#define ONCE_LOOKS   4 /* at something that goes on changing: two, and two more after a try */
#define ONCE_FAILURE 3 /* in a row */

static const char unset[] =
    "nothing is synced: sync.remote_dir of proctor.yaml (and sync.remote_host, where it is another "
    "machine's) say from where";

static bool is_configured(const struct pr_sync_settings *s)
{
    return s && s->remote_dir;
}

/* ---- run ---- */

static enum pr_code plan(struct pr_view *v, struct pr_needs *ret, struct pr_error *e)
{
    (void)v;
    (void)ret;
    (void)e;
    return PR_OK; /* it asks no model */
}

static enum pr_code run(struct pr_view *v, struct pr_findings *ret, struct pr_error *e)
{
    ret->status = json_object();
    if (!v->move || !is_configured(v->move->sync)) {
        ret->waiting = pr_strdup(unset);
        return PR_OK;
    }
    struct pr_sync_flags *flags = pr_zalloc(sizeof *flags);
    ret->errand = flags;
    ret->errand_free = pr_sync_flags_free;
    return pr_sync_flags_read(v, flags, e);
}

/* ---- act ---- */

static bool is_stopped(const struct pr_sync *y)
{
    return y->m->stop && atomic_load(y->m->stop);
}

static enum pr_code wait_until(const struct pr_sync *y, int64_t until_ns, struct pr_error *e)
{
    int64_t left;
    while (!is_stopped(y) && (left = until_ns - pr_clock_monotonic_ns()) > 0)
        nanosleep(&(struct timespec){.tv_nsec = left < SLICE_NS ? left : SLICE_NS}, NULL);
    return is_stopped(y) ? pr_fail(e, PR_E_CANCELLED, "stopped as asked") : PR_OK;
}

/* A connection that is kept: making one takes longer than a look at what did not change. */
struct kept_source {
    char *settings; /* that it was made by */
    struct pr_store *source;
};

static void free_kept(void *thing)
{
    struct kept_source *k = thing;
    pr_store_free(k->source);
    pr_free(k->settings);
    pr_free(k);
}

static char *source_settings(const struct pr_sync_settings *s)
{
    struct pr_str text = PR_STR_INIT((size_t)1 << 20);
    pr_str_printf(&text, "%s\n%s\n%lld\n%s\n", s->remote_host, s->remote_user ? s->remote_user : "",
        (long long)s->remote_port, s->remote_dir);
    pr_json_dump(s->ssh_options, 0, 0, &text);
    return pr_str_take(&text);
}

static bool may_keep(const struct pr_sync *y)
{
    return y->m->kept && y->s->remote_host && !y->s->push && !y->m->once_ms;
}

/* The source of the run before, where it was made by the same settings; NULL: none. */
static struct pr_store *take_kept(struct pr_sync *y)
{
    if (!y->m->kept || !y->m->kept->thing)
        return NULL;
    struct kept_source *k = y->m->kept->thing;
    char *settings = may_keep(y) ? source_settings(y->s) : NULL;
    struct pr_store *source = NULL;
    if (settings && !strcmp(k->settings, settings)) {
        source = k->source;
        k->source = NULL;
    }
    pr_free(settings);
    free_kept(k);
    *y->m->kept = (struct pr_kept){0};
    y->reused = source != NULL;
    return source;
}

static void keep_source(struct pr_sync *y)
{
    struct kept_source *k = pr_zalloc(sizeof *k);
    *k = (struct kept_source){source_settings(y->s), y->source};
    *y->m->kept = (struct pr_kept){k, free_kept};
    y->source = NULL;
}

/* Fetching, or pushing to a folder that is mounted here, which is fetching the other way round. */
static enum pr_code open_both(struct pr_sync *y, struct pr_error *e)
{
    struct pr_store *remote = take_kept(y);
    y->local_dir = pr_sync_local_dir(y->s, y->m->base_dir);
    enum pr_code code =
        remote ? PR_OK : pr_sync_open_remote(y->s, y->m->base_dir, 0, 0, y->m->stop, &remote, e);
    if (code)
        return code;
    if (!y->s->push) {
        y->source = remote;
        y->place = pr_strdup(y->local_dir);
        return PR_OK;
    }
    y->place = y->s->remote_host ? pr_strdup("") : pr_sync_mounted_dir(y->s, y->m->base_dir);
    if (y->s->remote_host)
        y->far = remote;
    else
        pr_store_free(remote);
    return pr_store_open(
        &(struct pr_store_options){.dir = y->local_dir, .stop = y->m->stop}, &y->source, e);
}

/* Something that may come is not at rest yet. */
static bool is_something_changing(struct pr_sync *y)
{
    for (size_t i = 0; i < y->now.n; i++)
        if (pr_sync_state_of(y, &y->now.v[i]) == PR_SYNC_CHANGING)
            return true;
    return false;
}

/* After a transfer that took long the run ends, and another follows: what must stay is asked anew,
 * and what this one has to say of trouble is said. */
static enum pr_code bring_all(struct pr_sync *y, int64_t *ret_next_ms, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    const struct pr_listed *l;
    while (!code && !y->next_run && (l = pr_sync_next(y, ret_next_ms))) {
        code = pr_sync_bring(y, l, e);
        if (pr_sync_int(pr_sync_part(y, "host"), "tries")) /* the connection broke */
            break;
        y->next_run = y->next_run || (y->n_copied && pr_sync_is_stale(y));
    }
    return code;
}

struct course {
    int64_t until_ns; /* of a run that goes on; a wait that ends later is for the next one */
    int looks, failures;
};

/* After a look that failed, or a connection that broke. */
static int64_t after_failure(struct pr_sync *y)
{
    const json_t *host = pr_sync_part(y, "host"); /* its tries begin anew when something came */
    if (y->m->once_ms && (pr_sync_int(host, "tries") >= ONCE_FAILURE || y->refused))
        return 0;
    return pr_sync_int(host, "next_ms");
}

/* One look and what follows from it; *ret_wait_ms: when the next is due, 0: not in this run. */
static enum pr_code turn(
    struct pr_sync *y, struct course *c, int64_t *ret_wait_ms, struct pr_error *e)
{
    bool ok;
    int64_t next_ms = 0;
    *ret_wait_ms = 0;
    enum pr_code code = pr_sync_look(y, &ok, e);
    if (!code)
        code = pr_sync_state_save(y, e);
    if (code)
        return code;
    if (!ok) {
        *ret_wait_ms = after_failure(y);
        return PR_OK;
    }
    code = bring_all(y, &next_ms, e);
    if (!code)
        code = pr_sync_tidy(y, NULL, 0, e);
    if (code || y->next_run)
        return code;
    int64_t rest_ms = pr_clock_utc_ms() + (int64_t)(1000 * y->s->look_seconds) + 1;
    if (pr_sync_int(pr_sync_part(y, "host"), "tries"))
        *ret_wait_ms = after_failure(y);
    else if (is_something_changing(y) && (!y->m->once_ms || ++c->looks < ONCE_LOOKS))
        *ret_wait_ms = rest_ms;
    else if (next_ms && (!y->m->once_ms || ++c->failures < ONCE_FAILURE))
        *ret_wait_ms = next_ms;
    return PR_OK;
}

static enum pr_code work(struct pr_sync *y, struct pr_error *e)
{
    struct course c = {.until_ns = pr_clock_monotonic_ns() + y->m->interval_ms * 1000000};
    struct pr_error ignored;
    json_t *host = pr_sync_part(y, "host");
    int64_t wait_ms = pr_sync_int(host, "next_ms"), now = pr_clock_utc_ms(),
            longest = (int64_t)(1000 * y->s->retry_max_seconds);
    if (y->m->once_ms || wait_ms > now + longest)
        wait_ms = now; /* somebody waits for it, or the clock was set back */
    if (longest < (int64_t)(1000 * y->s->look_seconds))
        longest = (int64_t)(1000 * y->s->look_seconds);
    if (!y->far && pr_retention_sweep(y->place, NULL, &ignored)) {
        /* there is nothing yet, or the next run tries again */
    }
    for (enum pr_code code = PR_OK;;) {
        /* By the clock that nobody sets: a run of hours may see the other one changed. */
        int64_t until_ns = pr_clock_monotonic_ns() +
                           1000000 * pr_sync_wait_ms(wait_ms, pr_clock_utc_ms(), longest);
        if (until_ns > c.until_ns)
            return PR_OK;
        pr_sync_tell(y);
        code = wait_until(y, until_ns, e);
        if (!code)
            code = turn(y, &c, &wait_ms, e);
        if (code || !wait_ms)
            return code;
    }
}

static void done(struct pr_sync *y)
{
    pr_listing_done(&y->now);
    pr_listing_done(&y->there);
    pr_free(y->wanted);
    pr_store_free(y->source);
    pr_store_free(y->far);
    pr_free(y->local_dir);
    pr_free(y->place);
    json_decref(y->state);
    json_decref(y->transferring);
}

static enum pr_code act(const struct pr_move *m, struct pr_findings *f, struct pr_error *e)
{
    struct pr_sync y = {
        .m = m, .s = m->sync, .flags = f->errand, .look_ms = NAN, .far_free = UINT64_MAX};
    if (!is_configured(y.s))
        return PR_OK; /* `run` said so */
    enum pr_code code = open_both(&y, e);
    if (!code) {
        pr_rng_seed(&y.rng, (uint64_t)pr_clock_monotonic_ns() ^ (uint64_t)getpid() << 32);
        pr_sync_state_load(&y);
        code = work(&y, e);
    }
    if (!code) {
        json_decref(f->status);
        f->status = pr_sync_document(&y);
        f->again = y.next_run && y.n_copied; /* without one, it would be for ever */
        pr_sync_alerts(&y, f);
        if (may_keep(&y))
            keep_source(&y);
    }
    done(&y);
    return code;
}

static const struct pr_system_option options[] = {
    {"remote-host", "sync.remote_host", "HOST", "where the checkpoints are; ssh's own name of it"},
    {"remote-dir", "sync.remote_dir", "DIR",
        "the folder there that holds them; without a host, one of this machine"},
    {"local-dir", "sync.local_dir", "DIR", "where they go (with --push: where they come from)"},
    {"keep", "sync.keep", "N", "newest checkpoints that are kept"},
    {"push", "sync.push", NULL, "the other way round: from here to there"},
};

const struct pr_system pr_system_checkpoint_sync = {
    .name = PR_SYNC_SYSTEM,
    .status_file = "checkpoint_sync.json",
    .summary = "brings checkpoints from the machine that trains",
    .about =
        "Looks at a folder of checkpoints on another machine (by ssh and rsync) or a mounted one, "
        "and fetches what is complete and at rest, the newest first. A checkpoint appears here "
        "whole and verified by the hashes of both sides, or not at all; a broken connection is "
        "gone "
        "on with. Of what it fetched it keeps the newest --keep, the best, and what is deployed, "
        "pinned, the baseline or cited by a decision, and removes the rest. Nothing is ever "
        "written "
        "or removed on the other side.\n\n"
        "With --push, for trainers that cannot be reached, the same the other way round: from the "
        "folder here to that of the host.",
    .roles = PR_ROLE_ALL, /* one that trains pushes */
    .interval_s = 300,
    .needs = "sync.remote_dir",
    .asks_nothing = true,
    .options = options,
    .n_options = sizeof options / sizeof *options,
    .plan = plan,
    .run = run,
    .act = act,
};
