/* See remove.h.  A folder in a folder is first moved up to the top, so that no depth takes stack,
 * descriptors, or paths longer than the system takes. */
#include "base/remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TRIES      1000   /* of names to move a folder to */
#define MAX_PASSES 100000 /* somebody may be writing there all the time */

struct removal {
    int top;
    dev_t dev;
    const char *spare;
    unsigned moved;
    bool progress; /* in this pass over the top */
    enum pr_code first;
    struct pr_error *e;
};

static void fail(struct removal *r, const char *name, const char *why)
{
    if (!r->first)
        r->first = pr_fail(r->e, PR_E_IO, "removing %.200s: %s", name, why);
}

/* An own folder that may be read and written; -1 and errno. */
static int open_folder(int dir, const char *name)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    struct stat st;
    int fd = openat(dir, name, flags);
    if (fd < 0 && errno == EACCES && !fchmodat(dir, name, S_IRWXU, 0))
        fd = openat(dir, name, flags);
    if (fd >= 0 && !fstat(fd, &st) && (st.st_mode & S_IRWXU) != S_IRWXU)
        (void)!fchmod(fd, S_IRWXU);
    return fd;
}

/* Of `own`, an open folder; NULL and errno, and then `own` is closed. */
static DIR *list(int own)
{
    DIR *d = own < 0 ? NULL : fdopendir(own);
    if (!d && own >= 0) {
        int err = errno;
        close(own);
        errno = err;
    }
    return d;
}

static bool is_dots(const char *name)
{
    return !strcmp(name, ".") || !strcmp(name, "..");
}

/* True: no file or link of that name is there any more.  False: it is a folder, or errno says why.
 */
static bool unlink_one(struct removal *r, int dir, const char *name)
{
    if (unlinkat(dir, name, 0) && errno != ENOENT)
        return false;
    r->progress = true;
    return true;
}

static void move_up(struct removal *r, int dir, const char *name)
{
    char to[64];
    int fd = open_folder(dir, name); /* what is moved must be ours to write */
    if (fd < 0) {
        fail(r, name, strerror(errno));
        return;
    }
    close(fd);
    for (int i = 0; i < TRIES; i++) {
        snprintf(to, sizeof to, ".removing-%u", r->moved++);
        if (!renameat(dir, name, r->top, to)) {
            r->progress = true;
            return;
        }
        if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
            break;
    }
    fail(r, name, errno == EXDEV || errno == EBUSY ? "another file system" : strerror(errno));
}

static void dissolve(struct removal *r, const char *name)
{
    struct stat st;
    int fd = open_folder(r->top, name);
    if (fd < 0 || fstat(fd, &st)) {
        fail(r, name, strerror(errno));
    } else if (st.st_dev != r->dev) {
        fail(r, name, "another file system");
    } else {
        DIR *d = list(openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!d)
            fail(r, name, strerror(errno));
        for (struct dirent *x; d && (x = readdir(d));) {
            if (is_dots(x->d_name) || unlink_one(r, fd, x->d_name))
                continue;
            if (errno == EISDIR || errno == EPERM)
                move_up(r, fd, x->d_name);
            else
                fail(r, x->d_name, strerror(errno));
        }
        if (d)
            closedir(d);
        if (!unlinkat(r->top, name, AT_REMOVEDIR) || errno == ENOENT)
            r->progress = true;
        else if (!r->progress) /* else another pass sees what it held */
            fail(r, name, strerror(errno));
    }
    if (fd >= 0)
        close(fd);
}

/* One pass over what lies at the top; false: it cannot be read. */
static bool pass(struct removal *r)
{
    DIR *d = list(openat(r->top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!d) {
        fail(r, "a folder", strerror(errno));
        return false;
    }
    for (struct dirent *x; (x = readdir(d));) {
        if (is_dots(x->d_name) || (r->spare && !strcmp(x->d_name, r->spare)) ||
            unlink_one(r, r->top, x->d_name))
            continue;
        if (errno == EISDIR || errno == EPERM)
            dissolve(r, x->d_name);
        else
            fail(r, x->d_name, strerror(errno));
    }
    closedir(d);
    return true;
}

enum pr_code pr_remove_in(int dir, const char *spare, struct pr_error *e)
{
    struct stat st;
    struct removal r = {.top = dir, .spare = spare, .e = e};
    if (fstat(dir, &st))
        return pr_fail_errno(e, errno, "the folder");
    r.dev = st.st_dev;
    for (int i = 0; i < MAX_PASSES && (!i || r.progress); i++) {
        r.progress = false;
        if (!pass(&r))
            break;
    }
    return r.first;
}

enum pr_code pr_remove_tree(const char *path, struct pr_error *e)
{
    if (!unlink(path) || errno == ENOENT)
        return PR_OK;
    if (errno != EISDIR && errno != EPERM)
        return pr_fail_errno(e, errno, "%s", path);
    int fd = open_folder(AT_FDCWD, path);
    if (fd < 0)
        return pr_fail_errno(e, errno, "%s", path);
    enum pr_code code = pr_remove_in(fd, NULL, e);
    close(fd);
    if (code)
        return pr_wrap(e, code, "%s", path);
    return rmdir(path) && errno != ENOENT ? pr_fail_errno(e, errno, "%s", path) : PR_OK;
}
