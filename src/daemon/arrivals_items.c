/* Items: the folders of a place, and the look that decides what each of them is.
 *
 * An item is offered when its files came to rest: neither one of them nor the folder was touched
 * (ctime, which nobody can set) within settle_ms, or, where clocks disagree, two looks so far apart
 * found the same. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "daemon/arrivals_internal.h"
#include "model/checkpoint.h"

#define SECOND    ((int64_t)1000000000)
#define RESTLESS  3 /* looks in a row after which `waiting` says that it is written to */
#define SLOW_LOOK (4 * SECOND / 10) /* between looks at what has long been written to */
#define POLL_MS   600000 /* what was touched within so long is polled where not watched */
#define REJUDGED  64     /* waiting items judged anew at a scan: headers are read for it */

/* ---- the folders of a place ---- */

static int64_t step_of(const char *name)
{
    static const char prefix[] = "checkpoint-";
    const char *s = name + sizeof prefix - 1;
    int64_t n = 0;
    if (strncmp(name, prefix, sizeof prefix - 1) != 0 || !*s)
        return -1;
    for (; *s; s++)
        if (*s < '0' || *s > '9' || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, *s - '0', &n))
            return -1;
    return n;
}

int pr_item_order(int64_t a_step, const char *a, int64_t b_step, const char *b)
{
    return a_step != b_step ? a_step < b_step ? -1 : 1 : strcmp(a, b);
}

static int by_order(const void *x, const void *y)
{
    const struct pr_entry *a = x, *b = y;
    return pr_item_order(a->step, a->name, b->step, b->name);
}

struct link {
    size_t entry;
    uint64_t dev, ino;
};

/* Reading a place: its folders, and the links to folders, which may be to one of the former. */
struct reading {
    struct pr_place *p;
    int fd;
    struct pr_entry *v;
    uint64_t *inos; /* of each entry that is no link, 0 for a link */
    struct link *links;
    size_t n, cap, n_inos, inos_cap, n_links, links_cap;
    bool config, weights;
};

static void read_entry(struct reading *r, const struct dirent *ent)
{
    const char *name = ent->d_name;
    struct stat st;
    bool link = ent->d_type == DT_LNK, folder = ent->d_type == DT_DIR;
    if (name[0] == '.' || !strncmp(name, "tmp-", 4) || r->n >= PR_ARRIVALS_MAX)
        return;
    if (link || ent->d_type == DT_UNKNOWN) {
        if (fstatat(r->fd, name, &st, 0)) /* a link into nowhere, or one to itself */
            return;
        folder = S_ISDIR(st.st_mode);
    }
    if (!folder) {
        size_t n = strlen(name), m = strlen(".safetensors");
        r->config |= !strcmp(name, "config.json") || !strcmp(name, "adapter_config.json");
        r->weights |= n > m && !strcmp(name + n - m, ".safetensors");
        return;
    }
    if (link) {
        struct link l = {r->n, (uint64_t)st.st_dev, (uint64_t)st.st_ino};
        PR_PUSH(r->links, r->n_links, r->links_cap, l);
    }
    struct pr_entry x = {pr_strdup(name), step_of(name)};
    PR_PUSH(r->v, r->n, r->cap, x);
    PR_PUSH(r->inos, r->n_inos, r->inos_cap, link ? 0 : (uint64_t)ent->d_ino);
}

/* A link to a neighbour ("latest") is another name for it and no checkpoint of its own; one to the
 * place itself is nothing. */
static void drop_aliases(struct reading *r)
{
    size_t kept = 0;
    for (size_t l = 0; l < r->n_links; l++) {
        const struct link *x = &r->links[l];
        bool alias = x->dev == r->p->dev && x->ino == r->p->ino;
        for (size_t i = 0; i < r->n && !alias; i++)
            alias = x->dev == r->p->dev && r->inos[i] == x->ino;
        if (alias) {
            pr_free(r->v[x->entry].name);
            r->v[x->entry].name = NULL;
        }
    }
    for (size_t i = 0; i < r->n; i++)
        if (r->v[i].name)
            r->v[kept++] = r->v[i];
    r->n = kept;
}

bool pr_place_entries(struct pr_place *p, struct pr_entry **ret, size_t *ret_n)
{
    DIR *d = opendir(p->path);
    struct stat st;
    struct reading r = {.p = p};
    p->there = p->has_self = false;
    *ret = NULL;
    *ret_n = 0;
    if (!d)
        return false;
    r.fd = dirfd(d);
    p->there = !fstat(r.fd, &st);
    p->dev = (uint64_t)st.st_dev;
    p->ino = (uint64_t)st.st_ino;
    for (struct dirent *ent; !p->model_only && (ent = readdir(d));)
        read_entry(&r, ent);
    closedir(d);
    drop_aliases(&r);
    if (r.n)
        qsort(r.v, r.n, sizeof *r.v, by_order);
    /* A folder with a configuration and checkpoints, but no weights of its own, only holds them. */
    bool holds = false;
    for (size_t i = 0; i < r.n && !holds; i++)
        holds = r.v[i].step >= 0;
    p->has_self = p->model_only || (r.config && (r.weights || !holds));
    pr_free(r.inos);
    pr_free(r.links);
    *ret = r.v;
    *ret_n = r.n;
    return true;
}

void pr_entries_free(struct pr_entry *v, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pr_free(v[i].name);
    pr_free(v);
}

bool pr_item_path(const struct pr_item *x, char ret[PATH_MAX])
{
    const char *dir = x->place->path;
    size_t n = strlen(dir);
    int len = snprintf(ret, PATH_MAX, "%s%s%s", dir,
        !x->name || (n && dir[n - 1] == '/') ? "" : "/", x->name ? x->name : "");
    return len > 0 && len < PATH_MAX;
}

/* ---- what an item is ---- */

void pr_item_soon(struct pr_arrivals *a, struct pr_item *x, int64_t at_ns)
{
    if (!x->due_ns || at_ns < x->due_ns)
        x->due_ns = at_ns;
    if (!x->active) {
        PR_PUSH(a->active, a->n_active, a->active_cap, x);
        x->active = true;
    }
}

static void set_state(struct pr_arrivals *a, struct pr_item *x, enum pr_item_state s)
{
    a->n_complete -= x->state == PR_ITEM_COMPLETE;
    a->n_waiting -= x->state == PR_ITEM_WAITING;
    a->n_complete += s == PR_ITEM_COMPLETE;
    a->n_waiting += s == PR_ITEM_WAITING;
    x->state = (uint8_t)s;
}

static void watch_unfinished(struct pr_arrivals *a, struct pr_item *x)
{
    int64_t now = pr_clock_monotonic_ns();
    if (x->watched)
        return;
    if (a->watches.n_items < PR_ARRIVALS_WATCHED + PR_ARRIVALS_KEPT)
        x->watched = pr_watches_add(&a->watches, PR_WATCH_ITEM, x, a->path, false);
    if (x->watched) /* what came before the watch was not heard */
        pr_item_soon(a, x, now + a->settle_ns);
}

static void unkeep(struct pr_arrivals *a, const struct pr_item *x)
{
    for (size_t i = 0; i < a->n_kept; i++)
        if (a->kept[i] == x) {
            memmove(&a->kept[i], &a->kept[i + 1], (a->n_kept - i - 1) * sizeof *a->kept);
            a->n_kept--;
            return;
        }
}

static void unwatch(struct pr_arrivals *a, struct pr_item *x)
{
    unkeep(a, x);
    pr_watches_drop(&a->watches, PR_WATCH_ITEM, x);
    x->watched = false;
}

/* The complete ones that came last stay watched: late files are heard of. */
static void watch_complete(struct pr_arrivals *a, struct pr_item *x)
{
    unkeep(a, x);
    if (!x->watched && a->n_kept < PR_ARRIVALS_KEPT)
        x->watched = pr_watches_add(&a->watches, PR_WATCH_ITEM, x, a->path, false);
    if (!x->watched)
        return;
    if (a->n_kept == PR_ARRIVALS_KEPT)
        unwatch(a, a->kept[0]);
    a->kept[a->n_kept++] = x;
}

void pr_item_leave(struct pr_arrivals *a, struct pr_item *x)
{
    unwatch(a, x);
    set_state(a, x, PR_ITEM_NONE);
    memset(x->judged, 0, sizeof x->judged);
    x->offered = false;
    x->why = 0;
    if (x->told && pr_item_path(x, a->path)) {
        x->told = false;
        if (a->events.gone)
            a->events.gone(a->events.ctx, a->path);
    }
}

static void wait_for(struct pr_arrivals *a, struct pr_item *x, const struct pr_error *why)
{
    uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)why->code;
    for (const char *s = why->message; *s; s++)
        h = (h ^ (unsigned char)*s) * 0x100000001b3u;
    set_state(a, x, PR_ITEM_WAITING);
    x->offered = false;
    if (x->told && x->why == h)
        return;
    x->told = true;
    x->why = h;
    if (a->events.waiting)
        a->events.waiting(a->events.ctx, a->path, why);
}

static void offer(struct pr_arrivals *a, struct pr_item *x)
{
    char hex[PR_SHA256_HEX];
    pr_sha256_hex(x->judged, hex);
    x->told = x->offered = true;
    x->why = 0;
    if (a->events.complete)
        a->events.complete(a->events.ctx, a->path, hex);
}

/* Its files are at rest: is it complete? */
static void judge(struct pr_arrivals *a, struct pr_item *x, const struct pr_look *l)
{
    bool complete = false;
    struct pr_error why = {0};
    struct pr_look after;
    enum pr_code code = pr_checkpoint_complete(a->path, &complete, &why, &why);
    bool same = !pr_look_at(a->path, &after) && !memcmp(after.identity, l->identity, PR_SHA256_LEN);
    if (!same) { /* it changed meanwhile: what was found holds for neither */
        pr_item_soon(a, x, pr_clock_monotonic_ns() + a->settle_ns);
        return;
    }
    memcpy(x->judged, l->identity, PR_SHA256_LEN);
    if (code || !complete) {
        wait_for(a, x, &why);
        return;
    }
    set_state(a, x, PR_ITEM_COMPLETE);
    watch_complete(a, x);
    offer(a, x);
}

/* Its files are still changing. */
static void look_later(struct pr_arrivals *a, struct pr_item *x, int64_t now)
{
    struct pr_error why;
    bool slow = x->restless >= RESTLESS && a->settle_ns < SLOW_LOOK;
    if (x->restless < UINT8_MAX)
        x->restless++;
    pr_item_soon(a, x, now + (slow ? SLOW_LOOK : a->settle_ns));
    if (x->restless < RESTLESS || x->state == PR_ITEM_WAITING)
        return;
    char *name = pr_path_base(a->path);
    memset(x->judged, 0, sizeof x->judged);
    pr_fail(&why, PR_E_INCOMPLETE, "%s: its files are still being written", name);
    pr_free(name);
    wait_for(a, x, &why);
}

static bool at_rest(struct pr_arrivals *a, struct pr_item *x, const struct pr_look *l, int64_t now)
{
    int64_t age_ms = pr_clock_utc_ms() - l->newest_ms;
    bool same = x->seen_ns && !memcmp(x->seen, l->identity, PR_SHA256_LEN);
    if (!same) {
        memcpy(x->seen, l->identity, PR_SHA256_LEN);
        x->seen_ns = now;
    }
    return age_ms * 1000000 >= a->settle_ns || (same && now - x->seen_ns >= a->settle_ns);
}

static void look_failed(struct pr_arrivals *a, struct pr_item *x, int err, int64_t now)
{
    struct pr_error why;
    if (err == ENOENT || err == ENOTDIR) { /* the next list will not have it */
        int64_t at = now + a->settle_ns;
        if (!x->place->list_due_ns || at < x->place->list_due_ns)
            x->place->list_due_ns = at;
        return;
    }
    pr_fail_errno(&why, err, "%s", a->path);
    memset(x->judged, 0, sizeof x->judged);
    wait_for(a, x, &why);
}

/* inotify does not tell of this one. */
static void poll_if_unheard(
    struct pr_arrivals *a, struct pr_item *x, const struct pr_look *l, int64_t now)
{
    int64_t touched = l->folder_ns / 1000000;
    touched = l->newest_ms > touched ? l->newest_ms : touched;
    if (!x->watched && a->n_active < PR_ARRIVALS_POLLED && pr_clock_utc_ms() - touched < POLL_MS)
        pr_item_soon(a, x, now + SECOND);
}

void pr_item_look(struct pr_arrivals *a, struct pr_item *x, bool again)
{
    struct pr_look l;
    int64_t now = pr_clock_monotonic_ns();
    if (!pr_item_path(x, a->path))
        return;
    int err = pr_look_at(a->path, &l);
    if (err) {
        look_failed(a, x, err, now);
        return;
    }
    x->folder_ns = l.folder_ns;
    if (!l.config && x->step < 0 && !x->place->model_only) {
        if (x->state != PR_ITEM_NEW && x->state != PR_ITEM_NONE)
            pr_item_leave(a, x);
        x->state = PR_ITEM_NONE;
    } else if (x->state >= PR_ITEM_WAITING && !memcmp(x->judged, l.identity, PR_SHA256_LEN) &&
               !(again && x->state == PR_ITEM_WAITING && a->n_waiting <= REJUDGED)) {
        x->restless = 0;
        if (x->state == PR_ITEM_COMPLETE && !x->offered)
            offer(a, x);
    } else if (at_rest(a, x, &l, now)) {
        x->restless = 0;
        judge(a, x, &l);
    } else {
        look_later(a, x, now);
    }
    if (x->state == PR_ITEM_COMPLETE)
        return;
    watch_unfinished(a, x);
    poll_if_unheard(a, x, &l, now);
}
