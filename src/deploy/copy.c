/* Copying a checkpoint's files: a reflink where the file system can, else a copy. */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"
#include "deploy/place.h"
#include "model/folder.h"

#define CHUNK ((size_t)8 << 20)

/* What a trainer needs to go on and a server does not. */
static bool is_wanted(const char *name)
{
    static const char *const left_out[] = {"optimizer", "scheduler", "rng_state", "training_args"};
    for (size_t i = 0; i < sizeof left_out / sizeof *left_out; i++)
        if (!strncmp(name, left_out[i], strlen(left_out[i])))
            return false;
    return name[0] != '.';
}

/* Bytes copied, 0 at the end, -1 and errno.  copy_file_range does not go between all file systems,
 * and some say the end too early. */
static ssize_t copy_some(int from, int to, char *buf)
{
    ssize_t n = copy_file_range(from, NULL, to, NULL, CHUNK, 0);
    if (n > 0)
        return n;
    if (n < 0 && errno != EXDEV && errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        return -1;
    n = read(from, buf, CHUNK);
    int err = n > 0 ? pr_file_write_all(to, buf, (size_t)n) : 0;
    if (err) {
        errno = err;
        return -1;
    }
    return n;
}

static enum pr_code copy_bytes(
    const char *name, int from, int to, const atomic_bool *stop, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    if (ioctl(to, FICLONE, from)) {
        char *buf = pr_alloc(CHUNK);
        for (ssize_t n = 1; n && !code;) {
            if (stop && atomic_load(stop))
                code = pr_fail(e, PR_E_CANCELLED, "stopped as asked");
            else if ((n = copy_some(from, to, buf)) < 0 && errno != EINTR)
                code = pr_fail_errno(e, errno, "%s: cannot be copied", name);
        }
        pr_free(buf);
    }
    if (!code && fsync(to))
        code = pr_fail_errno(e, errno, "%s", name);
    return code;
}

static enum pr_code copy_one(
    struct pr_folder *f, int dir, const char *name, const atomic_bool *stop, struct pr_error *e)
{
    int from, to;
    enum pr_code code = pr_folder_file(f, name, &from, e);
    if (code)
        return code;
    to = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
    if (to < 0)
        code = pr_fail_errno(e, errno, "%s", name);
    else
        code = copy_bytes(name, from, to, stop, e);
    if (to >= 0 && close(to) && !code)
        code = pr_fail_errno(e, errno, "%s", name);
    close(from);
    return code;
}

enum pr_code pr_sync_folder(const char *path, struct pr_error *e)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum pr_code code = PR_OK;
    if (fd < 0 || fsync(fd))
        code = pr_fail_errno(e, errno, "%s", path);
    if (fd >= 0)
        close(fd);
    return code;
}

static bool is_folder(const struct pr_folder *f, const char *name)
{
    char *path = pr_path_join(f->path, name);
    bool is = pr_path_is_dir(path);
    pr_free(path);
    return is;
}

enum pr_code pr_copy_checkpoint(
    const char *from, const char *to, const atomic_bool *stop, struct pr_error *e)
{
    struct pr_folder f;
    char **names = NULL;
    size_t n = 0;
    enum pr_code code = pr_folder_open(from, &f, e);
    if (code)
        return code;
    int dir = open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    code = dir < 0 ? pr_fail_errno(e, errno, "%s", to) : pr_folder_list(&f, &names, &n, e);
    for (size_t i = 0; i < n && !code; i++) {
        if (!is_wanted(names[i]) || is_folder(&f, names[i]))
            continue;
        code = copy_one(&f, dir, names[i], stop, e);
        pr_fault_point(PR_FAULT_DEPLOY_COPYING);
    }
    if (!code)
        code = pr_folder_unchanged(&f, e);
    pr_names_free(names, n);
    if (dir >= 0)
        close(dir);
    pr_folder_done(&f);
    return code ? pr_wrap(e, code, "copying %s", from) : pr_sync_folder(to, e);
}
