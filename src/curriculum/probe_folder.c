/* A probe's folder: see probe_folder.h. */
#include "curriculum/probe_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"

#define TRIES 20

static const char mark[] =
    "A probe of proctor works here: everything in this folder is its own and "
    "is removed.\n";

/* ---- where it lies ---- */

/* The path without links and dots, of which the last components need not exist yet; pr_free. */
static enum pr_code real_path(const char *path, char **ret, struct pr_error *e)
{
    char real[PATH_MAX];
    struct pr_str rest = PR_STR_INIT(PATH_MAX);
    char *head = pr_strdup(path);
    enum pr_code code = PR_OK;
    while (!code && !realpath(*head ? head : ".", real)) {
        int err = errno;
        char *base = pr_path_base(head), *slash;
        struct pr_str longer = PR_STR_INIT(PATH_MAX);
        pr_str_printf(&longer, "/%s%s", base, pr_str_cstr(&rest));
        if (err != ENOENT)
            code = pr_fail_errno(e, err, "%s", path);
        else if (!*base || !strcmp(base, ".") || !strcmp(base, ".."))
            code = pr_fail(e, PR_E_USAGE, "%s: there is no such place", path);
        pr_str_done(&rest);
        rest = longer;
        for (size_t n = strlen(head); n > 1 && head[n - 1] == '/'; n--)
            head[n - 1] = 0;
        slash = strrchr(head, '/');
        if (slash)
            slash[slash == head] = 0;
        else
            *head = 0;
        pr_free(base);
    }
    if (!code) {
        struct pr_str all = PR_STR_INIT(2 * PATH_MAX);
        pr_str_printf(&all, "%s%s", strcmp(real, "/") ? real : "", pr_str_cstr(&rest));
        *ret = pr_str_take(&all);
    }
    pr_str_done(&rest);
    pr_free(head);
    return code;
}

/* Is `inner` the folder `outer` or something in it? */
static bool holds(const char *outer, const char *inner)
{
    size_t n = strlen(outer);
    return !strncmp(outer, inner, n) && (!inner[n] || inner[n] == '/' || !strcmp(outer, "/"));
}

/* The folder in which `real` lies is a run's, where whatever looks like a checkpoint is taken for
 * one of that run. */
static void widen_to_run(char *real)
{
    static const char prefix[] = "checkpoint-";
    char *slash = strrchr(real, '/');
    if (slash && slash != real && !strncmp(slash + 1, prefix, sizeof prefix - 1))
        *slash = 0;
}

static enum pr_code check_apart(const char *work, const char *other, struct pr_error *e)
{
    char real[PATH_MAX];
    if (!other)
        return PR_OK;
    if (!realpath(other, real))
        return pr_fail_errno(e, errno, "%s", other);
    bool folder = pr_path_is_dir(real);
    if (holds(work, real))
        return pr_fail(e, PR_E_USAGE, "%s cannot be a probe's folder: %s is in it", work, other);
    if (folder)
        widen_to_run(real);
    if (folder && holds(real, work))
        return pr_fail(e, PR_E_USAGE, "%s cannot be a probe's folder: it lies in %s", work, real);
    return PR_OK;
}

/* ---- claiming ---- */

static bool is_empty(int dir)
{
    int own = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = own < 0 ? NULL : fdopendir(own);
    size_t n = 0;
    if (!d && own >= 0)
        close(own);
    for (struct dirent *x; d && (x = readdir(d));)
        n += strcmp(x->d_name, ".") != 0 && strcmp(x->d_name, "..") != 0;
    if (d)
        closedir(d);
    return d && !n;
}

/* Is an open marker one, and not a file of the user's by that name?  One that is empty was made by
 * a probe that was killed right then. */
static bool is_marker(int fd)
{
    char text[sizeof mark];
    ssize_t n = pread(fd, text, sizeof text, 0);
    struct stat st;
    return n >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
           (!n || ((size_t)n == sizeof mark - 1 && !memcmp(text, mark, sizeof mark - 1)));
}

static enum pr_code open_marker(int dir, const char *path, int *ret, struct pr_error *e)
{
    const int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
    int fd = openat(dir, PR_PROBE_MARKER, flags);
    if (fd < 0 && errno == ENOENT) {
        if (!is_empty(dir))
            return pr_fail(e, PR_E_USAGE,
                "%s holds files that no probe put there: name a folder that is empty or does not "
                "exist",
                path);
        fd = openat(dir, PR_PROBE_MARKER, flags | O_CREAT, S_IRUSR | S_IWUSR);
    }
    if (fd < 0)
        return pr_fail_errno(e, errno, "%s: " PR_PROBE_MARKER, path);
    if (!is_marker(fd)) {
        close(fd);
        return pr_fail(e, PR_E_USAGE, "%s: its " PR_PROBE_MARKER " is not a probe's", path);
    }
    *ret = fd;
    return PR_OK;
}

/* *ret stays -1 where the marker went away under our hands, with the folder of a probe that ended:
 * to be tried again. */
static enum pr_code lock_marker(int dir, const char *path, int *ret, struct pr_error *e)
{
    int fd = -1;
    struct stat own, there;
    enum pr_code code = open_marker(dir, path, &fd, e);
    if (code)
        return code;
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        code = pr_fail(e, PR_E_USAGE, "%s is in use by another probe", path);
    } else if (fstat(fd, &own) || fstatat(dir, PR_PROBE_MARKER, &there, AT_SYMLINK_NOFOLLOW) ||
               own.st_ino != there.st_ino || own.st_dev != there.st_dev) {
        close(fd);
        return PR_OK;
    } else if (pwrite(fd, mark, sizeof mark - 1, 0) != (ssize_t)sizeof mark - 1) {
        code = pr_fail_errno(e, errno, "%s: " PR_PROBE_MARKER, path);
    }
    if (code)
        close(fd);
    else
        *ret = fd;
    return code;
}

static enum pr_code open_folder(const char *path, int *ret, struct pr_error *e)
{
    struct stat st;
    char *parent = pr_strdup(path), *slash = strrchr(parent, '/');
    if (slash && slash != parent)
        *slash = 0;
    enum pr_code code = slash == parent ? PR_OK : pr_mkdirs(parent, e);
    pr_free(parent);
    if (code)
        return code;
    if (mkdir(path, S_IRWXU) && errno != EEXIST)
        return pr_fail_errno(e, errno, "%s", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? PR_OK : pr_fail_errno(e, errno, "%s", path);
    if (fstat(fd, &st) || st.st_uid != geteuid()) {
        close(fd);
        return pr_fail(e, PR_E_USAGE, "%s belongs to another user", path);
    }
    *ret = fd;
    return PR_OK;
}

static enum pr_code claim(const char *path, int *ret_dir, int *ret_lock, struct pr_error *e)
{
    for (int i = 0; i < TRIES; i++) {
        int dir = -1, lock = -1;
        enum pr_code code = open_folder(path, &dir, e);
        if (!code && dir >= 0)
            code = lock_marker(dir, path, &lock, e);
        if (!code && lock >= 0) {
            *ret_dir = dir;
            *ret_lock = lock;
            return PR_OK;
        }
        if (dir >= 0)
            close(dir);
        if (code)
            return code;
    }
    return pr_fail(e, PR_E_USAGE, "%s is in use by other probes", path);
}

enum pr_code pr_probe_folder_claim(const char *path, const char *const *apart, size_t n,
    struct pr_probe_folder *ret, struct pr_error *e)
{
    char *real = NULL;
    int dir = -1, lock = -1;
    enum pr_code code = real_path(path, &real, e);
    for (size_t i = 0; i < n && !code; i++)
        code = check_apart(real, apart[i], e);
    if (!code)
        code = claim(real, &dir, &lock, e);
    if (!code && (code = pr_remove_in(dir, PR_PROBE_MARKER, e)))
        pr_wrap(e, code, "%s", real);
    if (!code && mkdirat(dir, "out", S_IRWXU))
        code = pr_fail_errno(e, errno, "%s/out", real);
    if (dir >= 0)
        close(dir);
    if (code) {
        if (lock >= 0)
            close(lock);
        pr_free(real);
        return code;
    }
    *ret = (struct pr_probe_folder){.path = real,
        .order = pr_path_join(real, "order.jsonl"),
        .out = pr_path_join(real, "out"),
        .log = pr_path_join(real, "log"),
        .lock = lock};
    return PR_OK;
}

/* The marker goes last: until then the folder is known for what it is. */
static enum pr_code take_away(const struct pr_probe_folder *f, struct pr_error *e)
{
    int dir = open(f->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir < 0)
        return errno == ENOENT ? PR_OK : pr_fail_errno(e, errno, "%s", f->path);
    enum pr_code code = pr_remove_in(dir, PR_PROBE_MARKER, e);
    if (!code && unlinkat(dir, PR_PROBE_MARKER, 0) && errno != ENOENT)
        code = pr_fail_errno(e, errno, PR_PROBE_MARKER);
    close(dir);
    if (!code && rmdir(f->path) && errno != ENOENT)
        code = pr_fail_errno(e, errno, "removing it");
    return code ? pr_wrap(e, code, "%s", f->path) : PR_OK;
}

enum pr_code pr_probe_folder_release(struct pr_probe_folder *f, bool keep, struct pr_error *e)
{
    if (!f->path)
        return PR_OK;
    enum pr_code code = keep ? PR_OK : take_away(f, e);
    close(f->lock);
    pr_free(f->path);
    pr_free(f->order);
    pr_free(f->out);
    pr_free(f->log);
    *f = (struct pr_probe_folder){.path = NULL};
    return code;
}
