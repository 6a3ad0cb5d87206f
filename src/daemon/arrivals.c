/* Arrivals: what is due when.  The looks are in arrivals_items.c, inotify in arrivals_watch.c.
 *
 * A scan lists every place, then looks at each item, the newest first, a slice a turn.  Of many
 * complete folders a scan looks at the newest, at those whose folder was touched, and at a
 * sixteenth of the rest in turn: what rewrites an old file in place is found within sixteen scans.
 */
#include "daemon/arrivals.h"

#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "daemon/arrivals_internal.h"

#define SETTLE_MS   100
#define ALL_AT_ONCE 256 /* up to so many folders a scan looks at each */
#define ALWAYS      64  /* beyond: the newest so many, */
#define ONE_IN      16  /* and of the others one in so many */

struct subfolders {
    struct pr_arrivals *a;
    struct pr_other *o;
};

static void other_folder(void *ctx, const char *path)
{
    struct subfolders *s = ctx;
    (void)pr_watches_add(&s->a->watches, PR_WATCH_OTHER, s->o, path, true);
}

/* Watches what is there of it, then reads its signature. */
static uint64_t look_at_other(struct pr_arrivals *a, struct pr_other *o)
{
    struct subfolders s = {a, o};
    pr_watches_parent(&a->watches, PR_WATCH_OTHER_PARENT, o, o->path, &o->want);
    (void)pr_watches_add(&a->watches, PR_WATCH_OTHER, o, o->path, true);
    return pr_look_signature(o->path, other_folder, &s);
}

enum pr_code pr_arrivals_new(const struct pr_arrivals_options *o,
    const struct pr_arrivals_events *events, struct pr_arrivals **ret, struct pr_error *e)
{
    struct pr_arrivals *a = pr_zalloc(sizeof *a);
    enum pr_code code = pr_watches_init(&a->watches, o->no_inotify, e);
    if (code) {
        pr_free(a);
        return code;
    }
    a->events = *events;
    a->scan_ns = (o->scan_ms > 0 ? o->scan_ms : 30000) * 1000000;
    a->settle_ns = (o->settle_ms > 0 ? o->settle_ms : SETTLE_MS) * 1000000;
    a->n_places = o->n_folders + (o->reference != NULL);
    a->places = pr_zalloc((a->n_places + 1) * sizeof *a->places);
    for (size_t i = 0; i < a->n_places; i++) {
        struct pr_place *p = &a->places[i];
        p->model_only = i == o->n_folders;
        p->path = pr_strdup(p->model_only ? o->reference : o->folders[i]);
        p->self = (struct pr_item){.place = p, .step = -1};
    }
    a->n_others = o->n_others;
    a->others = pr_zalloc((a->n_others + 1) * sizeof *a->others);
    for (size_t i = 0; i < a->n_others; i++) {
        a->others[i].path = pr_strdup(o->others[i]);
        a->others[i].signature = look_at_other(a, &a->others[i]);
    }
    *ret = a;
    return PR_OK;
}

static void free_item(struct pr_arrivals *a, struct pr_item *x)
{
    for (size_t i = 0; x->active && i < a->n_active; i++)
        if (a->active[i] == x) {
            a->active[i] = a->active[--a->n_active];
            x->active = false;
        }
    pr_free(x->name);
    pr_free(x);
}

void pr_arrivals_free(struct pr_arrivals *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n_places; i++) {
        struct pr_place *p = &a->places[i];
        for (size_t k = 0; k < p->n; k++) {
            pr_free(p->items[k]->name);
            pr_free(p->items[k]);
        }
        pr_free(p->items);
        pr_free(p->path);
        pr_free(p->want);
    }
    for (size_t i = 0; i < a->n_others; i++) {
        pr_free(a->others[i].path);
        pr_free(a->others[i].want);
    }
    pr_watches_done(&a->watches);
    pr_free(a->places);
    pr_free(a->others);
    pr_free(a->active);
    pr_free(a);
}

int pr_arrivals_fd(const struct pr_arrivals *a)
{
    return a->watches.fd;
}

static void sooner(int64_t *at, int64_t due)
{
    if (due && due < *at)
        *at = due;
}

int64_t pr_arrivals_deadline(const struct pr_arrivals *a)
{
    int64_t at = a->scanning ? pr_clock_monotonic_ns() : a->next_scan_ns;
    for (size_t i = 0; i < a->n_places; i++)
        sooner(&at, a->places[i].list_due_ns);
    for (size_t i = 0; i < a->n_others; i++)
        sooner(&at, a->others[i].due_ns);
    for (size_t i = 0; i < a->n_active; i++)
        sooner(&at, a->active[i]->due_ns);
    return at;
}

/* The same folder under two names (a link) is one place: the first. */
static bool is_alias(const struct pr_arrivals *a, const struct pr_place *p)
{
    for (const struct pr_place *q = a->places; q < p; q++)
        if (!p->model_only && q->there && q->dev == p->dev && q->ino == p->ino)
            return true;
    return false;
}

static struct pr_item *new_item(struct pr_place *p, struct pr_entry *x)
{
    struct pr_item *item = pr_zalloc(sizeof *item);
    item->place = p;
    item->name = x->name;
    item->step = x->step;
    x->name = NULL;
    return item;
}

/* Brings the items in line with what the folder holds now: both are sorted alike. */
static void merge(struct pr_arrivals *a, struct pr_place *p, struct pr_entry *v, size_t n)
{
    struct pr_item **items = pr_alloc((n + 1) * sizeof *items);
    size_t i = 0, k = 0, n_items = 0;
    while (i < p->n || k < n) {
        const struct pr_item *old = i < p->n ? p->items[i] : NULL;
        int order = !old     ? 1
                    : k >= n ? -1
                             : pr_item_order(old->step, old->name, v[k].step, v[k].name);
        if (order < 0) {
            pr_item_leave(a, p->items[i]);
            free_item(a, p->items[i++]);
        } else if (order > 0) {
            struct pr_item *x = items[n_items++] = new_item(p, &v[k++]);
            if (!a->scanning)
                pr_item_soon(a, x, 1);
        } else {
            items[n_items++] = p->items[i++];
            k++;
        }
    }
    pr_free(p->items);
    p->items = items;
    p->n = n_items;
    p->cap = n + 1;
    p->cursor = p->n; /* those that this scan has seen are passed over by their round */
}

static void list_place(struct pr_arrivals *a, struct pr_place *p)
{
    struct pr_entry *v;
    size_t n;
    bool had_self = p->has_self;
    int64_t start = pr_clock_monotonic_ns();
    p->list_due_ns = 0;
    /* Watched before it is read: nothing can fall between. */
    pr_watches_parent(&a->watches, PR_WATCH_PLACE_PARENT, p, p->path, &p->want);
    (void)pr_watches_add(&a->watches, PR_WATCH_PLACE, p, p->path, false);
    (void)pr_place_entries(p, &v, &n);
    if (p->there && is_alias(a, p)) {
        pr_entries_free(v, n);
        v = NULL;
        n = 0;
        p->has_self = p->there = false;
    }
    merge(a, p, v, n);
    pr_entries_free(v, n);
    if (p->has_self)
        pr_item_soon(a, &p->self, 1);
    else if (had_self)
        pr_item_leave(a, &p->self);
    p->listed_ns = pr_clock_monotonic_ns();
    p->list_cost_ns = p->listed_ns - start;
}

static void begin_scan(struct pr_arrivals *a)
{
    a->scanning = true;
    a->scan_again = false;
    a->round++;
    a->watches.refused = false;
    for (size_t i = 0; i < a->n_places; i++)
        list_place(a, &a->places[i]);
    for (size_t i = 0; i < a->n_others; i++) {
        struct pr_other *o = &a->others[i];
        if (look_at_other(a, o) != o->signature)
            o->due_ns = pr_clock_monotonic_ns();
    }
}

/* Can this scan pass over it?  One call to the system instead of a dozen. */
static bool untouched(struct pr_arrivals *a, const struct pr_item *x, size_t index)
{
    struct stat st;
    const struct pr_place *p = x->place;
    if (p->n <= ALL_AT_ONCE || x->state != PR_ITEM_COMPLETE || !x->offered ||
        index + ALWAYS >= p->n || index % ONE_IN == a->round % ONE_IN)
        return false;
    return pr_item_path(x, a->path) && !stat(a->path, &st) &&
           (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec == x->folder_ns;
}

static void scan_some(struct pr_arrivals *a, int64_t until)
{
    for (size_t i = 0; i < a->n_places; i++) {
        struct pr_place *p = &a->places[i];
        while (p->cursor) {
            struct pr_item *x = p->items[--p->cursor];
            if (x->round == a->round)
                continue;
            x->round = a->round;
            if (!untouched(a, x, p->cursor))
                pr_item_look(a, x, true);
            if (pr_clock_monotonic_ns() >= until)
                return;
        }
    }
    a->scanning = false;
    a->next_scan_ns = a->scan_again ? 0 : pr_clock_monotonic_ns() + a->scan_ns;
}

static void tell_others(struct pr_arrivals *a, int64_t now)
{
    for (size_t i = 0; i < a->n_others; i++) {
        struct pr_other *o = &a->others[i];
        if (!o->due_ns || o->due_ns > now)
            continue;
        o->due_ns = 0;
        o->signature = look_at_other(a, o);
        if (a->events.changed)
            a->events.changed(a->events.ctx, o->path);
    }
}

static void look_at_due(struct pr_arrivals *a, int64_t until)
{
    int64_t now = pr_clock_monotonic_ns();
    for (size_t i = 0; i < a->n_active;) {
        struct pr_item *x = a->active[i];
        if (x->due_ns > now) {
            i++;
            continue;
        }
        a->active[i] = a->active[--a->n_active];
        x->active = false;
        x->due_ns = 0;
        if (x->name || x->place->has_self)
            pr_item_look(a, x, false);
        if (pr_clock_monotonic_ns() >= until)
            return;
    }
}

void pr_arrivals_turn(struct pr_arrivals *a)
{
    int64_t until = pr_clock_monotonic_ns() + PR_ARRIVALS_SLICE;
    pr_arrivals_hear(a);
    int64_t now = pr_clock_monotonic_ns();
    for (size_t i = 0; i < a->n_places; i++)
        if (a->places[i].list_due_ns && a->places[i].list_due_ns <= now)
            list_place(a, &a->places[i]);
    tell_others(a, now);
    look_at_due(a, until);
    if (!a->scanning && a->next_scan_ns <= now)
        begin_scan(a);
    if (a->scanning)
        scan_some(a, until);
}

void pr_arrivals_scan(struct pr_arrivals *a)
{
    a->scan_again = a->scanning;
    a->next_scan_ns = 0;
}

void pr_arrivals_repeat(struct pr_arrivals *a)
{
    for (size_t i = 0; i < a->n_places; i++) {
        struct pr_place *p = &a->places[i];
        p->self.offered = false;
        for (size_t k = 0; k < p->n; k++)
            p->items[k]->offered = false;
    }
    a->next_scan_ns = 0;
    a->scanning = false;
}

/* A folder that this scan found changing has not been told of yet, and is within a few looks. */
static bool is_untold(const struct pr_arrivals *a)
{
    for (size_t i = 0; i < a->n_active; i++)
        if (a->active[i]->state == PR_ITEM_NEW && a->active[i]->restless)
            return true;
    return false;
}

void pr_arrivals_counts(const struct pr_arrivals *a, struct pr_arrivals_count *ret)
{
    *ret = (struct pr_arrivals_count){a->n_complete, a->n_waiting,
        !a->watches.off && !a->watches.refused, !a->scanning && a->next_scan_ns && !is_untold(a)};
}
