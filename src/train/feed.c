/* Taking files from the queue and moving them on; see feed.h. */
#include "train/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/file.h"
#include "train/feed_internal.h"

#define MAX_TRIES 1000 /* files that vanish while they are being taken */

static enum pr_code lock_queue(struct pr_feed *f, struct pr_error *e)
{
    char *folder = pr_queue_path(f->base_dir, PR_QUEUE_PROCESSING, NULL);
    enum pr_code code = pr_mkdirs(folder, e);
    if (!code && (f->lock = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        code = pr_fail_errno(e, errno, "%s", folder);
    /* Some file systems have no locks for folders: then there is none to hold. */
    if (!code && flock(f->lock, LOCK_EX | LOCK_NB) && errno == EWOULDBLOCK)
        code = pr_fail(e, PR_E_IO, "%s: another training takes its files from this queue", folder);
    pr_free(folder);
    return code;
}

enum pr_code pr_feed_open(
    const char *base_dir, const char *out, struct pr_feed **ret, struct pr_error *e)
{
    if (!pr_path_is_dir(base_dir))
        return pr_fail(e, PR_E_NOT_FOUND, "--queue: %s is no folder", base_dir);
    struct pr_feed *f = pr_zalloc(sizeof *f);
    f->base_dir = pr_strdup(base_dir);
    f->row = pr_path_join(out, PR_FEED_ROW);
    f->lock = -1;
    enum pr_code code = lock_queue(f, e);
    if (code) {
        pr_feed_free(f);
        return pr_wrap(e, code, "--queue");
    }
    *ret = f;
    return PR_OK;
}

static void leave(struct pr_feed *f)
{
    pr_free(f->name);
    pr_free(f->path);
    f->name = f->path = NULL;
}

void pr_feed_free(struct pr_feed *f)
{
    if (!f)
        return;
    leave(f);
    for (size_t i = 0; i < f->n; i++)
        pr_free(f->v[i].name);
    pr_free(f->v);
    pr_free(f->base_dir);
    pr_free(f->row);
    pr_notes_done(&f->notes);
    if (f->lock >= 0)
        close(f->lock);
    pr_free(f);
}

/* ---- the next file ---- */

/* Takes over the strings. */
static void take(struct pr_feed *f, char *name, enum pr_queue from)
{
    f->name = name;
    f->path = pr_queue_path(f->base_dir, PR_QUEUE_PROCESSING, name);
    f->from = from;
}

/* The first of the row that is not trained; those that are gone are said and passed over. */
static enum pr_code next_of_row(struct pr_feed *f, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    bool dropped = false;
    while (!code && !f->path && f->done < f->n) {
        struct pr_feed_entry *x = &f->v[f->done];
        if ((code = pr_feed_fetch(f, &f->path, e)))
            break;
        if (f->path) {
            f->name = pr_strdup(x->name);
            f->from = x->from;
            break;
        }
        pr_notes_add(&f->notes,
            "%s is gone from queue/processing, or another now: the training goes on without the "
            "rest of it",
            x->name);
        pr_feed_row_drop(f, f->done);
        f->steps = 0;
        dropped = true;
    }
    return !code && dropped ? pr_feed_row_write(f, e) : code;
}

static bool in_row(const struct pr_feed *f, const char *name)
{
    for (size_t i = f->moved; i < f->n; i++)
        if (!strcmp(f->v[i].name, name))
            return true;
    return false;
}

/* What is in processing without being in the row. */
static enum pr_code next_left(struct pr_feed *f, struct pr_error *e)
{
    struct pr_queue_file *v;
    size_t n;
    enum pr_code code = pr_queue_list(f->base_dir, PR_QUEUE_PROCESSING, &v, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n && !f->path; i++)
        if (!in_row(f, v[i].name))
            take(f, pr_strdup(v[i].name), PR_QUEUE_PROCESSING);
    pr_queue_files_free(v, n);
    return PR_OK;
}

/* Moves the first file of a queue to processing; none where it is empty.  *ret_again: it was taken
 * away at the same moment. */
static enum pr_code take_first(
    struct pr_feed *f, enum pr_queue q, bool *ret_again, struct pr_error *e)
{
    struct pr_queue_file *v;
    size_t n;
    char *name;
    enum pr_code code = pr_queue_list(f->base_dir, q, &v, &n, e);
    *ret_again = false;
    if (code)
        return code;
    if (n && !(code = pr_queue_move(f->base_dir, &v[0], PR_QUEUE_PROCESSING, &name, e))) {
        take(f, name, q);
        pr_fault_point(PR_FAULT_TRAIN_TAKEN);
    } else if (n && !pr_path_exists(v[0].path)) {
        *ret_again = true;
        code = PR_OK;
    }
    pr_queue_files_free(v, n);
    return code;
}

static enum pr_code next_waiting(struct pr_feed *f, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    int tries = 0;
    for (int q = 0; q < PR_N_QUEUES && !code && !f->path; q++) {
        bool again = pr_queue_waits((enum pr_queue)q);
        while (again && !code && tries++ < MAX_TRIES)
            code = take_first(f, (enum pr_queue)q, &again, e);
    }
    return code;
}

enum pr_code pr_feed_next(struct pr_feed *f, struct pr_feed_file *ret, struct pr_error *e)
{
    leave(f);
    enum pr_code code = next_of_row(f, e);
    if (!code && !f->path)
        code = next_left(f, e);
    if (!code && !f->path)
        code = next_waiting(f, e);
    if (code)
        return pr_wrap(e, code, "--queue");
    *ret = (struct pr_feed_file){f->name, f->path, pr_queue_name(f->from), f->done, f->steps};
    return PR_OK;
}

/* ---- what becomes of it ---- */

enum pr_code pr_feed_begin(struct pr_feed *f, struct pr_error *e)
{
    struct pr_feed_entry x;
    if (f->done < f->n)
        return PR_OK; /* again */
    enum pr_code code = pr_feed_identify(f->path, &x, e);
    if (code)
        return pr_wrap(e, code, "--queue");
    x.name = pr_strdup(f->name);
    x.from = f->from;
    PR_PUSH(f->v, f->n, f->cap, x);
    code = pr_path_exists(f->row) ? pr_feed_row_took(f, e) : pr_feed_row_write(f, e);
    pr_fault_point(PR_FAULT_TRAIN_NOTED);
    return code;
}

static struct pr_queue_file in_processing(char *name, char *path)
{
    return (struct pr_queue_file){.name = name, .path = path, .queue = PR_QUEUE_PROCESSING};
}

static enum pr_code write_reason(
    const struct pr_feed *f, const char *name, const char *reason, struct pr_error *e)
{
    struct pr_str file = PR_STR_INIT(4096), text = PR_STR_INIT(1 << 16);
    pr_str_printf(&file, "%s.reason.txt", name);
    pr_str_printf(&text, "%s\n", reason);
    char *path = pr_queue_path(f->base_dir, PR_QUEUE_FAILED, pr_str_cstr(&file));
    enum pr_code code = pr_file_write_atomic(path, pr_str_cstr(&text), text.len, e);
    pr_free(path);
    pr_str_done(&file);
    pr_str_done(&text);
    return code;
}

/* The reason goes first, so that no file is there without one; where its name is taken, the move
 * finds another, and the reason follows. */
static enum pr_code move_to_failed(struct pr_feed *f, const char *reason, struct pr_error *e)
{
    char *folder = pr_queue_path(f->base_dir, PR_QUEUE_FAILED, NULL),
         *path = pr_path_join(folder, f->name), *name = NULL;
    bool taken = pr_path_exists(path);
    struct pr_queue_file file = in_processing(f->name, f->path);
    enum pr_code code = pr_mkdirs(folder, e);
    if (!code && !taken)
        code = write_reason(f, f->name, reason, e);
    if (!code)
        code = pr_queue_move(f->base_dir, &file, PR_QUEUE_FAILED, &name, e);
    if (!code && strcmp(name, f->name) != 0)
        code = write_reason(f, name, reason, e);
    pr_free(folder);
    pr_free(path);
    pr_free(name);
    return code;
}

enum pr_code pr_feed_refuse(struct pr_feed *f, const char *reason, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    if (pr_path_exists(f->path)) /* nobody took it away */
        code = move_to_failed(f, reason, e);
    if (!code && f->done < f->n) { /* it was usable once */
        pr_feed_row_drop(f, f->done);
        f->steps = 0;
        code = pr_feed_row_write(f, e);
    }
    leave(f);
    return code ? pr_wrap(e, code, "--queue") : PR_OK;
}

void pr_feed_trained(struct pr_feed *f)
{
    f->done++;
    f->steps = 0;
    leave(f);
}

/* Moves v[moved]; where it is not in processing it was moved already. */
static enum pr_code complete(struct pr_feed *f, struct pr_error *e)
{
    struct pr_feed_entry *x = &f->v[f->moved];
    char *path = pr_queue_path(f->base_dir, PR_QUEUE_PROCESSING, x->name);
    enum pr_code code = PR_OK;
    if (pr_feed_is(path, x)) {
        struct pr_queue_file file = in_processing(x->name, path);
        code = pr_queue_move(f->base_dir, &file, PR_QUEUE_COMPLETED, NULL, e);
        pr_fault_point(PR_FAULT_TRAIN_COMPLETED);
    }
    pr_free(path);
    if (!code && !(code = pr_feed_row_completed(f, e)))
        f->moved++;
    return code;
}

enum pr_code pr_feed_saved(struct pr_feed *f, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    while (!code && f->moved < f->done)
        code = complete(f, e);
    return code ? pr_wrap(e, code, "--queue") : PR_OK;
}

/* ---- what there is to tell ---- */

const char *pr_feed_current(const struct pr_feed *f)
{
    return f->name;
}

size_t pr_feed_completed(const struct pr_feed *f)
{
    return f->done;
}

size_t pr_feed_waiting(const struct pr_feed *f)
{
    size_t all = 0;
    for (int q = 0; q < PR_N_QUEUES; q++) {
        struct pr_queue_file *v;
        size_t n;
        if (!pr_queue_waits((enum pr_queue)q) ||
            pr_queue_list(f->base_dir, (enum pr_queue)q, &v, &n, NULL))
            continue;
        all += n;
        pr_queue_files_free(v, n);
    }
    return all;
}

struct pr_notes pr_feed_notes(struct pr_feed *f)
{
    struct pr_notes notes = f->notes;
    f->notes = (struct pr_notes){0};
    return notes;
}
