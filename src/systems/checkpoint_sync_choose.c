/* What is worth fetching, by what lies in the place and what retention would make of both. */
#include <math.h>
#include <string.h>
#include <sys/stat.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "systems/checkpoint_sync.h"

enum pr_sync_state pr_sync_state_of(struct pr_sync *y, const struct pr_listed *l)
{
    const json_t *x = json_object_get(pr_sync_part(y, "seen"), l->name);
    const json_t *copied = x ? pr_sync_copied_from(y, l->name, pr_sync_text(x, "content")) : NULL;
    if (copied)
        return json_is_true(json_object_get(copied, "removed")) ? PR_SYNC_REMOVED : PR_SYNC_COPIED;
    if (!x || json_object_get(x, "incomplete"))
        return PR_SYNC_INCOMPLETE; /* no record: its name is no text */
    if (!json_object_get(x, "ready"))
        return json_object_get(x, "unreadable") ? PR_SYNC_INCOMPLETE : PR_SYNC_CHANGING;
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

void pr_sync_choose(struct pr_sync *y)
{
    size_t n;
    struct pr_retention_sum sum;
    struct pr_held *v = pr_sync_held(y, true, &n);
    struct pr_retention_verdict *verdicts = pr_zalloc((n + 1) * sizeof *verdicts);
    const struct pr_retention_rule rule = {.keep_newest = (size_t)y->s->keep,
        .keep_best = (size_t)y->s->keep_best,
        .free_bytes = UINT64_MAX};
    pr_retention_decide(v, n, &rule, verdicts, &sum);
    pr_free(y->wanted);
    y->wanted = pr_zalloc((y->now.n + 1) * sizeof *y->wanted);
    for (size_t i = 0; i < n; i++) {
        const struct pr_listed *l = pr_listing_find(&y->now, v[i].name);
        if (l && l->name == v[i].name) /* of the listing, not of what is here */
            y->wanted[l - y->now.v] = !verdicts[i].goes;
    }
    pr_free(verdicts);
    pr_free(v);
}

bool pr_sync_is_wanted(const struct pr_sync *y, const struct pr_listed *l)
{
    return y->wanted && y->wanted[l - y->now.v];
}

const struct pr_listed *pr_sync_next(struct pr_sync *y, int64_t *ret_next_ms)
{
    const struct pr_listed *best = NULL;
    int64_t now = pr_clock_utc_ms(), longest = (int64_t)(1000 * y->s->retry_max_seconds);
    *ret_next_ms = 0;
    pr_sync_choose(y);
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
