/* inotify: which folders are watched for whom, and what an event means to them.
 *
 * inotify knows one watch an inode, whoever asked: all are added with the same mask, and a watch is
 * taken back when nobody is left who wants it. */
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "daemon/arrivals_internal.h"

#define MASK                                                                                       \
    (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_CLOSE_WRITE | IN_ATTRIB |            \
        IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)
#define OTHER_FOLDERS 64

enum pr_code pr_watches_init(struct pr_watches *w, bool off, struct pr_error *e)
{
    *w = (struct pr_watches){.fd = -1, .off = off};
    if (!off)
        w->fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (w->fd < 0) { /* the user's limit of instances: there is still scanning */
        w->off = true;
        w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    }
    return w->fd < 0 ? pr_fail_errno(e, errno, "watching folders: eventfd") : PR_OK;
}

void pr_watches_done(struct pr_watches *w)
{
    if (w->fd >= 0)
        close(w->fd);
    pr_free(w->v);
    *w = (struct pr_watches){.fd = -1};
}

static bool wanted(const struct pr_watches *w, int wd)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->v[i].wd == wd)
            return true;
    return false;
}

static void remove_at(struct pr_watches *w, size_t i)
{
    int wd = w->v[i].wd;
    w->n_items -= w->v[i].kind == PR_WATCH_ITEM;
    w->v[i] = w->v[--w->n];
    if (!wanted(w, wd))
        inotify_rm_watch(w->fd, wd);
}

bool pr_watches_add(
    struct pr_watches *w, enum pr_watch_kind kind, void *owner, const char *path, bool more)
{
    if (w->off)
        return false;
    int wd = inotify_add_watch(w->fd, path, MASK);
    if (wd < 0) {
        w->refused |= errno == ENOSPC || errno == ENOMEM;
        if (!more)
            pr_watches_drop(w, kind, owner);
        return false;
    }
    size_t mine = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct pr_watch *x = &w->v[i];
        if (x->kind == kind && x->owner == owner) {
            if (x->wd == wd)
                return true;
            mine++;
        }
    }
    if (more && mine >= OTHER_FOLDERS) {
        if (!wanted(w, wd))
            inotify_rm_watch(w->fd, wd);
        return false;
    }
    struct pr_watch added = {wd, kind, owner};
    PR_PUSH(w->v, w->n, w->cap, added);
    w->n_items += kind == PR_WATCH_ITEM;
    for (size_t i = 0; !more && i < w->n;)
        if (w->v[i].kind == kind && w->v[i].owner == owner && w->v[i].wd != wd)
            remove_at(w, i);
        else
            i++;
    return true;
}

void pr_watches_drop(struct pr_watches *w, enum pr_watch_kind kind, const void *owner)
{
    for (size_t i = 0; i < w->n;)
        if (w->v[i].kind == kind && w->v[i].owner == owner)
            remove_at(w, i);
        else
            i++;
}

static void watch_nearest(
    struct pr_watches *w, enum pr_watch_kind kind, void *owner, const char *path, char **want)
{
    char *p = pr_strdup(path);
    for (bool done = false; !done;) {
        size_t n = strlen(p);
        while (n > 1 && p[n - 1] == '/')
            p[--n] = 0;
        char *slash = strrchr(p, '/');
        pr_free(*want);
        *want = pr_strdup(slash ? slash + 1 : p);
        if (slash)
            *slash = 0;
        const char *parent = !slash ? "." : *p ? p : "/";
        done = !slash || !*p || pr_path_is_dir(parent);
        if (done)
            (void)pr_watches_add(w, kind, owner, parent, false);
    }
    pr_free(p);
}

void pr_watches_parent(
    struct pr_watches *w, enum pr_watch_kind kind, void *owner, const char *path, char **want)
{
    char *before = NULL;
    /* What appeared before the watch was there moves it further down: once for each folder. */
    bool same = false;
    for (int tries = 0; !same && tries < 64; tries++) {
        watch_nearest(w, kind, owner, path, want);
        same = before && !strcmp(before, *want);
        pr_free(before);
        before = pr_strdup(*want);
    }
    pr_free(before);
}

void pr_watches_forget(struct pr_watches *w, int wd, bool removed)
{
    for (size_t i = 0; i < w->n;)
        if (w->v[i].wd == wd) {
            if (w->v[i].kind == PR_WATCH_ITEM) {
                ((struct pr_item *)w->v[i].owner)->watched = false;
                w->n_items--;
            }
            w->v[i] = w->v[--w->n];
        } else {
            i++;
        }
    if (!removed)
        inotify_rm_watch(w->fd, wd);
}

static void at_least(int64_t *due, int64_t at)
{
    if (!*due || at < *due)
        *due = at;
}

#define SELF (IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)

static void heard_place(
    struct pr_arrivals *a, struct pr_place *p, const struct inotify_event *ev, const char *name)
{
    int64_t now = pr_clock_monotonic_ns();
    bool structure = ev->mask & (IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | SELF);
    if (structure && name[0] != '.') {
        /* A thousand new folders are one new list. */
        int64_t gap = 4 * p->list_cost_ns > 20000000 ? 4 * p->list_cost_ns : 20000000;
        int64_t at = p->listed_ns + gap;
        at_least(&p->list_due_ns, at > now && !(ev->mask & SELF) ? at : now);
    }
    if (p->has_self && pr_look_counts(name))
        pr_item_soon(a, &p->self, now + a->settle_ns);
}

static void heard_item(
    struct pr_arrivals *a, struct pr_item *x, const struct inotify_event *ev, const char *name)
{
    int64_t now = pr_clock_monotonic_ns();
    if (ev->mask & SELF)
        at_least(&x->place->list_due_ns, now);
    else if (pr_look_counts(name))
        pr_item_soon(a, x, now + a->settle_ns);
}

static void tell_one(
    struct pr_arrivals *a, const struct pr_watch *w, const struct inotify_event *ev)
{
    const char *name = ev->len ? ev->name : "";
    int64_t now = pr_clock_monotonic_ns();
    struct pr_place *p = w->owner;
    struct pr_other *o = w->owner;
    switch (w->kind) {
    case PR_WATCH_PLACE:
        heard_place(a, p, ev, name);
        break;
    case PR_WATCH_PLACE_PARENT:
        if (ev->mask & SELF || (p->want && !strcmp(name, p->want)))
            at_least(&p->list_due_ns, now);
        break;
    case PR_WATCH_ITEM:
        heard_item(a, w->owner, ev, name);
        break;
    case PR_WATCH_OTHER:
        if (name[0] != '.')
            at_least(&o->due_ns, now + a->settle_ns);
        break;
    case PR_WATCH_OTHER_PARENT:
        if (ev->mask & SELF || (o->want && !strcmp(name, o->want)))
            at_least(&o->due_ns, now + a->settle_ns);
        break;
    }
}

static void hear_event(struct pr_arrivals *a, const struct inotify_event *ev)
{
    if (ev->mask & IN_Q_OVERFLOW) { /* something was lost, nobody knows what */
        pr_arrivals_scan(a);
        for (size_t i = 0; i < a->n_others; i++)
            at_least(&a->others[i].due_ns, pr_clock_monotonic_ns() + a->settle_ns);
        return;
    }
    for (size_t i = 0; i < a->watches.n; i++)
        if (a->watches.v[i].wd == ev->wd)
            tell_one(a, &a->watches.v[i], ev);
    if (ev->mask & IN_IGNORED)
        pr_watches_forget(&a->watches, ev->wd, true);
    else if (ev->mask & IN_MOVE_SELF) /* what it is called now is not what was watched */
        pr_watches_forget(&a->watches, ev->wd, false);
}

void pr_arrivals_hear(struct pr_arrivals *a)
{
    char buf[1 << 15] __attribute__((aligned(__alignof__(struct inotify_event))));
    if (a->watches.off)
        return;
    /* A queue is 16,384 events by default: bounded, so that a flood cannot hold the loop. */
    for (int i = 0; i < 32; i++) {
        ssize_t n = read(a->watches.fd, buf, sizeof buf);
        if (n <= 0)
            return;
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *ev = (const void *)(buf + at);
            hear_event(a, ev);
            at += (ssize_t)(sizeof *ev + ev->len);
        }
    }
}
