/* A folder of this machine. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "transfer/store_internal.h"

static enum pr_listed_kind kind_of(mode_t mode)
{
    return S_ISREG(mode)   ? PR_LISTED_FILE
           : S_ISDIR(mode) ? PR_LISTED_FOLDER
           : S_ISLNK(mode) ? PR_LISTED_LINK
                           : PR_LISTED_OTHER;
}

static DIR *open_folder(int dir_fd, const char *name, int flags)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    if (!d && fd >= 0)
        close(fd);
    return d;
}

static enum pr_code too_many(const struct pr_store *s, struct pr_error *e)
{
    return pr_fail(e, PR_E_LIMIT,
        "%s: more than %zu entries; name the folder that holds the checkpoints and little else",
        s->name, s->limits.max_entries);
}

/* What vanishes while it is looked at is not in the listing: the next look says so too. */
static enum pr_code list_one(
    const struct pr_store *s, int top, struct pr_listed *into, size_t *entries, struct pr_error *e)
{
    DIR *d = open_folder(top, into->name, O_NOFOLLOW);
    enum pr_code code = PR_OK;
    for (struct dirent *x; d && !code && (x = readdir(d));) {
        struct stat st;
        if (!pr_listing_is_name(x->d_name, strlen(x->d_name)) ||
            fstatat(dirfd(d), x->d_name, &st, AT_SYMLINK_NOFOLLOW))
            continue;
        if (++*entries > s->limits.max_entries) {
            code = too_many(s, e);
            break;
        }
        struct pr_listed_file f = {.name = pr_strdup(x->d_name), .kind = kind_of(st.st_mode)};
        if (f.kind == PR_LISTED_FILE) {
            f.size = (uint64_t)st.st_size;
            f.mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
        }
        PR_PUSH(into->files, into->n, into->cap, f);
    }
    if (d)
        closedir(d);
    return code;
}

static enum pr_code list(struct pr_store *s, struct pr_listing *ret, struct pr_error *e)
{
    struct pr_listing l = {0};
    size_t entries = 0;
    enum pr_code code = PR_OK;
    DIR *top = open_folder(AT_FDCWD, s->dir, 0);
    if (!top)
        return pr_fail_errno(e, errno, "%s: cannot be listed", s->name);
    for (struct dirent *x; !code && (x = readdir(top));) {
        struct stat st;
        if (!pr_listing_is_name(x->d_name, strlen(x->d_name)) ||
            fstatat(dirfd(top), x->d_name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISDIR(st.st_mode))
            continue;
        struct pr_listed d = {.name = pr_strdup(x->d_name)};
        code = ++entries > s->limits.max_entries ? too_many(s, e)
                                                 : list_one(s, dirfd(top), &d, &entries, e);
        PR_PUSH(l.v, l.n, l.cap, d);
    }
    closedir(top);
    if (!code)
        code = pr_listing_finish(&l, e);
    if (code)
        pr_listing_done(&l);
    else
        *ret = l;
    return code;
}

static enum pr_code read_head(int dir, struct pr_store_want *w)
{
    struct pr_file_id id;
    int fd;
    if (pr_file_open(dir, w->name, true, &fd, &id, NULL))
        return PR_OK; /* left NULL */
    size_t n = id.size < w->n ? id.size : w->n;
    w->bytes = pr_zalloc(w->n + 1);
    enum pr_code code = pr_file_pread(fd, w->bytes, n, 0, w->name, NULL);
    close(fd);
    if (code) {
        pr_free(w->bytes);
        w->bytes = NULL;
    }
    return PR_OK;
}

static enum pr_code heads(struct pr_store *s, const char *checkpoint, struct pr_store_want *wants,
    size_t n_wants, struct pr_error *e)
{
    char *path = pr_path_join(s->dir, checkpoint);
    int dir = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    enum pr_code code = PR_OK;
    if (dir < 0 && errno != ENOENT)
        code = pr_fail_errno(e, errno, "%s", path);
    for (size_t i = 0; i < n_wants && dir >= 0 && !code; i++)
        code = read_head(dir, &wants[i]);
    if (dir >= 0)
        close(dir);
    pr_free(path);
    return code;
}

enum pr_code pr_file_sha256(int dir_fd, const char *name, const atomic_bool *stop,
    char ret[PR_SHA256_HEX], struct pr_error *e)
{
    enum { CHUNK = 1 << 20 };
    uint8_t digest[PR_SHA256_LEN];
    int fd;
    enum pr_code code = pr_file_open(dir_fd, name, true, &fd, NULL, e);
    if (code)
        return code;
    struct pr_sha256 *h = pr_sha256_new();
    char *chunk = pr_alloc(CHUNK);
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    for (ssize_t r = 1; r && !code;) {
        if (stop && atomic_load(stop))
            code = pr_fail(e, PR_E_CANCELLED, "%s: stopped as asked", name);
        else if ((r = read(fd, chunk, CHUNK)) > 0)
            pr_sha256_update(h, chunk, (size_t)r);
        else if (r < 0 && errno != EINTR)
            code = pr_fail_errno(e, errno, "%s", name);
    }
    pr_free(chunk);
    close(fd);
    pr_sha256_final(h, digest);
    pr_sha256_hex(digest, ret);
    return code;
}

static enum pr_code sums_begin(struct pr_store *s, const char *checkpoint, const char *const *names,
    size_t n_names, struct pr_error *e)
{
    (void)s, (void)checkpoint, (void)names, (void)n_names, (void)e;
    return PR_OK;
}

static enum pr_code sums_end(
    struct pr_store *s, bool *ret_known, char (*ret)[PR_SHA256_HEX], struct pr_error *e)
{
    for (size_t i = 0; i < s->n_sums; i++) {
        enum pr_code code = pr_file_sha256(AT_FDCWD, s->sum_paths[i], s->stop, ret[i], e);
        if (code == PR_E_CANCELLED)
            return code;
        if (code)
            ret[i][0] = 0;
    }
    *ret_known = true;
    return PR_OK;
}

static void hang_up(struct pr_store *s)
{
    (void)s;
}

const struct pr_store_kind pr_store_local = {list, heads, sums_begin, sums_end, hang_up};
