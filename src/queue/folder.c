/* Queue folders and the moves between them; see folder.h.
 *
 * A move is two renames where there is a manifest: the manifest goes first, the file last, so that
 * the file is in one queue or the other at any moment.  A process that dies in between leaves the
 * manifest where the file is going to; the same move again takes the file beside it.
 */
#include "queue/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/str.h"

#define MANIFEST  ".manifest.json"
#define MAX_TRIES 10000 /* names that are taken, before a move gives up */

static const struct {
    const char *name;
    bool waits;
} queues[] = {
#define PR_X(id, name, waits) {name, waits},
    PR_QUEUES(PR_X)
#undef PR_X
};

const char *pr_queue_name(enum pr_queue q)
{
    return queues[q].name;
}

bool pr_queue_find(const char *name, enum pr_queue *ret)
{
    for (size_t i = 0; i < PR_N_QUEUES; i++)
        if (!strcmp(queues[i].name, name)) {
            *ret = (enum pr_queue)i;
            return true;
        }
    return false;
}

bool pr_queue_waits(enum pr_queue q)
{
    return queues[q].waits;
}

char *pr_queue_path(const char *base_dir, enum pr_queue q, const char *name)
{
    char *queue = pr_path_join(base_dir, "queue"), *folder = pr_path_join(queue, queues[q].name);
    char *path = name ? pr_path_join(folder, name) : pr_strdup(folder);
    pr_free(queue);
    pr_free(folder);
    return path;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && !strcmp(s + n - m, end);
}

static bool is_training_file(const char *name)
{
    return name[0] != '.' && !ends_with(name, MANIFEST) &&
           (ends_with(name, ".jsonl") || ends_with(name, ".json"));
}

static int64_t milliseconds(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

enum pr_code pr_queue_list(const char *base_dir, enum pr_queue q, struct pr_queue_file **ret,
    size_t *ret_n, struct pr_error *e)
{
    char *folder = pr_queue_path(base_dir, q, NULL), **names = NULL;
    struct pr_queue_file *v = NULL;
    size_t n_names = 0, n = 0, cap = 0;
    struct stat st;
    enum pr_code code = PR_OK;
    if (stat(folder, &st) && errno == ENOENT)
        goto out;
    if ((code = pr_dir_list(folder, &names, &n_names, e)))
        goto out;
    for (size_t i = 0; i < n_names; i++) {
        if (!is_training_file(names[i]))
            continue;
        struct pr_queue_file f = {.path = pr_path_join(folder, names[i]), .queue = q};
        if (stat(f.path, &st) || !S_ISREG(st.st_mode)) { /* gone since, or no file */
            pr_free(f.path);
            continue;
        }
        f.name = pr_strdup(names[i]);
        f.bytes = (uint64_t)st.st_size;
        f.mtime_ms = milliseconds(st.st_mtim);
        f.since_ms = milliseconds(st.st_ctim);
        f.since_ms = f.since_ms > f.mtime_ms ? f.since_ms : f.mtime_ms;
        PR_PUSH(v, n, cap, f);
    }
    pr_names_free(names, n_names);
out:
    pr_free(folder);
    if (!code) {
        *ret = v;
        *ret_n = n;
    }
    return code;
}

void pr_queue_files_free(struct pr_queue_file *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        pr_free(v[i].name);
        pr_free(v[i].path);
    }
    pr_free(v);
}

/* Renames within one file system, never over something: 0, or what errno was.  Where the file
 * system knows no such rename a second link does the same; a link that an earlier try left is its
 * end. */
static int rename_new(int from_dir, const char *from, int to_dir, const char *to)
{
    if (!renameat2(from_dir, from, to_dir, to, RENAME_NOREPLACE))
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return errno;
    if (linkat(from_dir, from, to_dir, to, 0)) {
        struct stat a, b;
        int err = errno;
        if (err != EEXIST || fstatat(from_dir, from, &a, AT_SYMLINK_NOFOLLOW) ||
            fstatat(to_dir, to, &b, AT_SYMLINK_NOFOLLOW) || a.st_dev != b.st_dev ||
            a.st_ino != b.st_ino)
            return err;
    }
    return unlinkat(from_dir, from, 0) ? errno : 0;
}

static enum pr_code open_path(const char *path, bool make, int *ret, struct pr_error *e)
{
    enum pr_code code = make ? pr_mkdirs(path, e) : PR_OK;
    if (!code && (*ret = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
        code = pr_fail_errno(e, errno, "%s", path);
    return code;
}

static enum pr_code open_folder(
    const char *base_dir, enum pr_queue q, bool make, int *ret, struct pr_error *e)
{
    char *path = pr_queue_path(base_dir, q, NULL);
    enum pr_code code = open_path(path, make, ret, e);
    pr_free(path);
    return code;
}

static bool is_there(int dir, const char *name)
{
    struct stat st;
    return !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
}

/* "a.jsonl", then "a-2.jsonl", "a-3.jsonl" … */
static char *numbered(const char *name, int i)
{
    struct pr_str s = PR_STR_INIT(4096);
    const char *dot = strrchr(name, '.');
    size_t stem = dot && dot != name ? (size_t)(dot - name) : strlen(name);
    pr_str_append(&s, name, stem);
    if (i > 1)
        pr_str_printf(&s, "-%d", i);
    pr_str_puts(&s, name + stem);
    return pr_str_take(&s);
}

static char *manifest_of(const char *name)
{
    struct pr_str s = PR_STR_INIT(4096);
    pr_str_printf(&s, "%s" MANIFEST, name);
    return pr_str_take(&s);
}

/* Moves manifest and file as `to`; EEXIST: the name is taken, and nothing was moved. */
static int move_as(int from_dir, const char *from, int to_dir, const char *to)
{
    char *old = manifest_of(from), *new = manifest_of(to);
    int err = 0;
    bool moved = false;
    if (is_there(to_dir, to)) {
        err = EEXIST;
    } else if (is_there(from_dir, old)) {
        err = rename_new(from_dir, old, to_dir, new);
        moved = !err;
        if (!err && fsync(to_dir)) /* the manifest is there before the file is */
            err = errno;
    }
    if (!err)
        err = rename_new(from_dir, from, to_dir, to);
    if (err && moved) /* somebody took the name meanwhile, or the file is gone */
        (void)rename_new(to_dir, new, from_dir, old);
    pr_free(old);
    pr_free(new);
    return err;
}

static int move_between(int from_dir, const char *from, int to_dir, const char *as, char **ret_name)
{
    int err = EEXIST;
    char *name = NULL;
    for (int i = 1; err == EEXIST && i <= MAX_TRIES; i++) {
        pr_free(name);
        name = numbered(as, i);
        err = move_as(from_dir, from, to_dir, name);
    }
    if (!err && (fsync(to_dir) || fsync(from_dir)))
        err = errno;
    if (!err && ret_name)
        *ret_name = name;
    else
        pr_free(name);
    return err;
}

enum pr_code pr_queue_move(const char *base_dir, const struct pr_queue_file *f, enum pr_queue to,
    char **ret_name, struct pr_error *e)
{
    int from_dir = -1, to_dir = -1;
    enum pr_code code = open_folder(base_dir, f->queue, false, &from_dir, e);
    if (!code)
        code = open_folder(base_dir, to, true, &to_dir, e);
    int err = code ? 0 : move_between(from_dir, f->name, to_dir, f->name, ret_name);
    if (err)
        code = pr_fail_errno(e, err, "queue/%s/%s: cannot be moved to queue/%s",
            queues[f->queue].name, f->name, queues[to].name);
    if (from_dir >= 0)
        close(from_dir);
    if (to_dir >= 0)
        close(to_dir);
    return code;
}

enum pr_code pr_queue_place(const char *from_folder, const char *name, const char *to_folder,
    const char *as, char **ret_name, struct pr_error *e)
{
    int from_dir = -1, to_dir = -1;
    enum pr_code code = open_path(from_folder, false, &from_dir, e);
    if (!code)
        code = open_path(to_folder, true, &to_dir, e);
    int err = code ? 0 : move_between(from_dir, name, to_dir, as, ret_name);
    if (err)
        code = pr_fail_errno(e, err, "%s/%s: cannot be moved to %s", from_folder, name, to_folder);
    if (from_dir >= 0)
        close(from_dir);
    if (to_dir >= 0)
        close(to_dir);
    return code;
}

/* The bytes in a hidden file of the folder; *ret_name pr_free. */
static int write_hidden(int dir, const char *name, const char *bytes, size_t n, char **ret_name)
{
    struct pr_str hidden = PR_STR_INIT(4096);
    pr_str_printf(&hidden, ".%s.%ld.tmp", name, (long)getpid());
    *ret_name = pr_str_take(&hidden);
    int fd = openat(dir, *ret_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return errno;
    int err = pr_file_write_all(fd, bytes, n);
    if (!err && fsync(fd))
        err = errno;
    if (close(fd) && !err)
        err = errno;
    return err;
}

enum pr_code pr_queue_put(const char *base_dir, enum pr_queue q, const char *name,
    const char *bytes, size_t n, struct pr_error *e)
{
    int dir = -1;
    char *hidden = NULL;
    if (!*name || name[0] == '.' || strchr(name, '/'))
        return pr_fail(e, PR_E_IO, "'%s' is no name of a queue file", name);
    enum pr_code code = open_folder(base_dir, q, true, &dir, e);
    if (code)
        return code;
    int err = write_hidden(dir, name, bytes, n, &hidden);
    if (!err)
        err = rename_new(dir, hidden, dir, name);
    if (err)
        unlinkat(dir, hidden, 0);
    if (!err && fsync(dir))
        err = errno;
    if (err)
        code = pr_fail_errno(e, err, "queue/%s/%s", queues[q].name, name);
    pr_free(hidden);
    close(dir);
    return code;
}
