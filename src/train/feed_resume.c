/* What a killed training had of the queue, found again; see feed.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "train/feed_internal.h"

#define PART ((size_t)1 << 18) /* bytes read at a time */

enum pr_code pr_feed_identify(const char *path, struct pr_feed_entry *ret, struct pr_error *e)
{
    uint8_t digest[PR_SHA256_LEN];
    struct pr_feed_entry x = {0};
    int fd;
    enum pr_code code = pr_file_open(AT_FDCWD, path, false, &fd, NULL, e);
    if (code)
        return code;
    struct pr_sha256 *h = pr_sha256_new();
    char *part = pr_alloc(PART);
    ssize_t r;
    while ((r = read(fd, part, PART)) > 0 || (r < 0 && errno == EINTR)) {
        if (r < 0)
            continue;
        pr_sha256_update(h, part, (size_t)r);
        x.bytes += (uint64_t)r;
    }
    if (r < 0)
        code = pr_fail_errno(e, errno, "%s: read", path);
    pr_sha256_final(h, digest);
    pr_sha256_hex(digest, x.sha256);
    pr_free(part);
    close(fd);
    if (!code)
        *ret = x;
    return code;
}

bool pr_feed_is(const char *path, const struct pr_feed_entry *x)
{
    struct pr_feed_entry y;
    return pr_path_exists(path) && !pr_feed_identify(path, &y, NULL) && x->bytes == y.bytes &&
           !strcmp(x->sha256, y.sha256);
}

/* ---- a file of the row that is to be trained (again) ---- */

/* Brings it back from a queue that it may have gone on to. */
static enum pr_code bring_back(struct pr_feed *f, enum pr_queue q, char **ret, struct pr_error *e)
{
    struct pr_feed_entry *x = &f->v[f->done];
    struct pr_queue_file *v;
    size_t n;
    char *name;
    enum pr_code code = pr_queue_list(f->base_dir, q, &v, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n && !code && !*ret; i++) {
        if (v[i].bytes != x->bytes || !pr_feed_is(v[i].path, x))
            continue;
        if ((code = pr_queue_move(f->base_dir, &v[i], PR_QUEUE_PROCESSING, &name, e)))
            break;
        pr_free(x->name);
        x->name = name;
        *ret = pr_queue_path(f->base_dir, PR_QUEUE_PROCESSING, name);
        code = pr_feed_row_write(f, e);
    }
    pr_queue_files_free(v, n);
    return code;
}

enum pr_code pr_feed_fetch(struct pr_feed *f, char **ret, struct pr_error *e)
{
    static const enum pr_queue elsewhere[] = {
        PR_QUEUE_COMPLETED, PR_QUEUE_HIGH, PR_QUEUE_NORMAL, PR_QUEUE_LOW};
    const struct pr_feed_entry *x = &f->v[f->done];
    char *path = pr_queue_path(f->base_dir, PR_QUEUE_PROCESSING, x->name), *found = NULL;
    enum pr_code code = PR_OK;
    if (pr_feed_is(path, x)) {
        *ret = path;
        return PR_OK;
    }
    pr_free(path);
    for (size_t i = 0; i < sizeof elsewhere / sizeof *elsewhere && !code && !found; i++)
        code = bring_back(f, elsewhere[i], &found, e);
    if (code) {
        pr_free(found);
        return code;
    }
    *ret = found;
    return PR_OK;
}

/* ---- a checkpoint's word for it ---- */

struct held { /* by a checkpoint */
    struct pr_feed_entry *v;
    size_t n, cap, moved, done;
    int64_t steps;
};

static void held_done(struct held *h)
{
    for (size_t i = 0; i < h->n; i++)
        pr_free(h->v[i].name);
    pr_free(h->v);
}

static enum pr_code held_parse(const json_t *state, struct held *h, struct pr_error *e)
{
    const json_t *list = json_object_get(state, "files"), *o;
    int64_t done = 0, moved = 0;
    size_t i;
    if (!json_is_array(list))
        return pr_fail(e, PR_E_FORMAT, "'files' is no list");
    enum pr_code code = PR_OK;
    json_array_foreach (list, i, o) {
        struct pr_feed_entry x;
        if ((code = pr_feed_entry_parse(o, &x, e)))
            return pr_wrap(e, code, "files[%zu]", i);
        PR_PUSH(h->v, h->n, h->cap, x);
    }
    /* All but the last are: one file is trained on at a time. */
    int64_t n = (int64_t)json_array_size(list), least = n ? n - 1 : 0;
    if ((code = pr_json_get_int(state, "files_completed", true, least, n, &done, e)) ||
        (code = pr_json_get_int(state, "files_moved", true, 0, done, &moved, e)) ||
        (code = pr_json_get_int(state, "current_steps", true, 0, INT64_MAX, &h->steps, e)))
        return code;
    h->done = (size_t)done;
    h->moved = (size_t)moved;
    return h->n == h->done && h->steps
               ? pr_fail(e, PR_E_FORMAT, "'current_steps' is %lld, and 'files' has no current one",
                     (long long)h->steps)
               : PR_OK;
}

/* Does the row begin with the checkpoint's files?  Their names change where they are fetched back.
 */
static bool begins_with(const struct pr_feed *f, const struct held *h)
{
    if (f->n < h->n)
        return false;
    for (size_t i = 0; i < h->n; i++)
        if (strcmp(f->v[i].sha256, h->v[i].sha256) != 0)
            return false;
    return true;
}

static void forget(struct pr_feed *f)
{
    while (f->n)
        pr_feed_row_drop(f, f->n - 1);
    f->moved = f->done = 0;
    f->steps = 0;
}

/* The row as far as the checkpoint tells it, and what the row's file has beyond. */
static void go_on(struct pr_feed *f, struct held *h)
{
    if (!begins_with(f, h)) { /* lost, or another training's */
        forget(f);
        f->moved = h->moved;
        for (size_t i = 0; i < h->n; i++) {
            PR_PUSH(f->v, f->n, f->cap, h->v[i]);
            h->v[i].name = NULL;
        }
    }
    f->moved = f->moved > h->moved ? f->moved : h->moved;
    f->moved = f->moved < h->done ? f->moved : h->done;
    f->done = h->done;
    f->steps = h->steps;
}

enum pr_code pr_feed_take_state(struct pr_feed *f, const json_t *state, struct pr_error *e)
{
    struct held h = {0};
    enum pr_code code = held_parse(state, &h, e);
    if (!code)
        go_on(f, &h);
    held_done(&h);
    return code;
}

/* Without a checkpoint: what was completed belongs to one that was taken away. */
static void begin_again(struct pr_feed *f)
{
    for (; f->moved; f->moved--)
        pr_feed_row_drop(f, 0);
    f->done = 0;
    f->steps = 0;
}

enum pr_code pr_feed_resume(struct pr_feed *f, const json_t *state, bool anew, struct pr_error *e)
{
    bool there = pr_path_exists(f->row);
    enum pr_code code = anew ? PR_OK : pr_feed_row_read(f, e);
    if (!code && state)
        code = pr_feed_take_state(f, state, e);
    else if (!code)
        begin_again(f);
    if (!code && (there || f->n))
        code = pr_feed_row_write(f, e);
    if (!code)
        code = pr_feed_saved(f, e);
    return code ? pr_wrap(e, code, "the queue's files") : PR_OK;
}
