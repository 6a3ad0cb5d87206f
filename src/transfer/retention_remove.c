/* Removing a checkpoint: see retention.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"
#include "transfer/listing.h"
#include "transfer/retention.h"

#define MARK  ".gone-"
#define TRIES 1000

/* ".gone-N-NAME": a prefix, since NAME may be as long as names can be (then it is cut). */
static void hidden_name(char ret[256], int i, const char *name)
{
    snprintf(ret, 256, MARK "%d-%s", i, name);
}

static enum pr_code hide(int dir, const char *name, char hidden[256], struct pr_error *e)
{
    for (int i = 0; i < TRIES; i++) {
        hidden_name(hidden, i, name);
        if (!faccessat(dir, hidden, F_OK, AT_SYMLINK_NOFOLLOW))
            continue;
        if (!renameat2(dir, name, dir, hidden, RENAME_NOREPLACE))
            return PR_OK;
        if ((errno == EINVAL || errno == ENOSYS) && !renameat(dir, name, dir, hidden))
            return PR_OK; /* a file system without NOREPLACE: checked above */
        if (errno != EEXIST)
            return pr_fail_errno(e, errno, "%s: cannot be removed", name);
    }
    return pr_fail(e, PR_E_IO, "%s: cannot be removed: %d are left half removed", name, TRIES);
}

static enum pr_code remove_hidden(const char *local_dir, const char *hidden, struct pr_error *e)
{
    char *path = pr_path_join(local_dir, hidden);
    enum pr_code code = pr_remove_tree(path, e);
    pr_free(path);
    return code;
}

enum pr_code pr_retention_remove(const char *local_dir, const char *name, struct pr_error *e)
{
    char hidden[256];
    struct stat st;
    if (!pr_listing_is_name(name, strlen(name)))
        return pr_fail(e, PR_E_USAGE, "'%s' is no checkpoint of %s", name, local_dir);
    int dir = open(local_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0)
        return pr_fail_errno(e, errno, "%s", local_dir);
    enum pr_code code = PR_OK;
    bool there = !fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW);
    if (!there && errno != ENOENT)
        code = pr_fail_errno(e, errno, "%s", name);
    else if (there && !S_ISDIR(st.st_mode))
        code = pr_fail(e, PR_E_USAGE, "%s/%s is no folder, and is left alone", local_dir, name);
    if (there && !code)
        code = hide(dir, name, hidden, e);
    if (there && !code && fsync(dir) && errno != EINVAL)
        code = pr_fail_errno(e, errno, "%s: sync", local_dir);
    if (there && !code)
        code = remove_hidden(local_dir, hidden, e);
    close(dir);
    return code;
}

enum pr_code pr_retention_sweep(const char *local_dir, size_t *ret_n, struct pr_error *e)
{
    char **names;
    size_t n, removed = 0;
    enum pr_code code = pr_dir_list(local_dir, &names, &n, e);
    if (code)
        return code;
    for (size_t i = 0; i < n && !code; i++) {
        if (strncmp(names[i], MARK, strlen(MARK)) != 0)
            continue;
        code = remove_hidden(local_dir, names[i], e);
        removed += !code;
    }
    pr_names_free(names, n);
    if (ret_n)
        *ret_n = removed;
    return code;
}
