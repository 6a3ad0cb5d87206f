/* Fetching from a folder of this machine: a reflink where the file system can, else a copy. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "transfer/fetch_internal.h"

#define CHUNK ((size_t)8 << 20)

static bool is_stopped(const struct pr_job *j)
{
    return j->o->stop && atomic_load(j->o->stop);
}

/* Bytes copied, 0 at the end, -1 and errno.  copy_file_range does not go between all file systems.
 */
static ssize_t copy_some(int from, int to, char *buf)
{
    ssize_t n = copy_file_range(from, NULL, to, NULL, CHUNK, 0);
    if (n > 0)
        return n;
    if (n < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        return -1;
    n = read(from, buf, CHUNK); /* also after 0, which some file systems say too early */
    if (n > 0) {
        int err = pr_file_write_all(to, buf, (size_t)n);
        if (err) {
            errno = err;
            return -1;
        }
    }
    return n;
}

static enum pr_code copy_bytes(
    struct pr_job *j, const char *name, int from, int to, struct pr_error *e)
{
    if (!ioctl(to, FICLONE, from))
        return PR_OK;
    char *buf = pr_alloc(CHUNK);
    enum pr_code code = PR_OK;
    for (ssize_t n = 1; n && !code;) {
        if (is_stopped(j))
            code = pr_fail(e, PR_E_CANCELLED, "stopped as asked");
        else if ((n = copy_some(from, to, buf)) < 0 && errno != EINTR)
            code = pr_fail_errno(e, errno, "%s: cannot be copied", name);
        pr_job_tick(j);
    }
    pr_free(buf);
    return code;
}

/* Whole already, by size and time, from an earlier try? */
static bool is_there(const struct pr_job *j, const struct pr_listed_file *f)
{
    struct stat st;
    return !fstatat(j->dir, f->name, &st, AT_SYMLINK_NOFOLLOW) && S_ISREG(st.st_mode) &&
           (uint64_t)st.st_size == f->size &&
           (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec == f->mtime_ns;
}

static enum pr_code copy_one(
    struct pr_job *j, int source, const struct pr_listed_file *f, struct pr_error *e)
{
    int from, to;
    if (is_there(j, f))
        return PR_OK;
    enum pr_code code = pr_file_open(source, f->name, true, &from, NULL, e);
    if (code)
        return code == PR_E_NOT_FOUND ? pr_fail(e, PR_E_IO, "%s: is gone", f->name) : code;
    to = openat(j->dir, f->name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (to < 0) {
        code = pr_fail_errno(e, errno, "%s", f->name);
        close(from);
        return code;
    }
    code = copy_bytes(j, f->name, from, to, e);
    struct timespec at[2] = {{.tv_nsec = UTIME_OMIT},
        {.tv_sec = f->mtime_ns / 1000000000, .tv_nsec = f->mtime_ns % 1000000000}};
    if (at[1].tv_nsec < 0) { /* before 1970 */
        at[1].tv_sec--;
        at[1].tv_nsec += 1000000000;
    }
    if (!code && futimens(to, at))
        code = pr_fail_errno(e, errno, "%s", f->name);
    close(from);
    if (close(to) && !code)
        code = pr_fail_errno(e, errno, "%s", f->name);
    return code;
}

enum pr_code pr_job_copy(struct pr_job *j, struct pr_error *e)
{
    char *path = pr_path_join(j->s->dir, j->what->name);
    int source = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    enum pr_code code = source < 0 ? pr_fail(e, PR_E_IO, "%s: %s", path, strerror(errno)) : PR_OK;
    for (size_t i = 0; i < j->n && !code; i++)
        code = copy_one(j, source, j->files[i], e);
    if (source >= 0)
        close(source);
    if (code)
        pr_wrap(e, code, "fetching %s from %s", j->what->name, pr_store_name(j->s));
    pr_free(path);
    return code;
}
