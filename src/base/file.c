/* Files: capped reads, atomic writes, folder listings, line reading. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"

bool pr_file_id_equal(const struct pr_file_id *a, const struct pr_file_id *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

static int64_t ns(struct timespec t)
{
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

enum pr_code pr_file_id_of(int fd, struct pr_file_id *ret, struct pr_error *e)
{
    struct stat st;
    if (fstat(fd, &st))
        return pr_fail_errno(e, errno, "fstat");
    *ret = (struct pr_file_id){(uint64_t)st.st_dev, (uint64_t)st.st_ino, (uint64_t)st.st_size,
        ns(st.st_mtim), ns(st.st_ctim)};
    return PR_OK;
}

enum pr_code pr_file_open(int dir_fd, const char *name, bool no_follow, int *ret_fd,
    struct pr_file_id *ret_id, struct pr_error *e)
{
    /* O_NONBLOCK: opening a FIFO that someone put in a checkpoint folder must not hang. */
    int fd = openat(
        dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (no_follow ? O_NOFOLLOW : 0));
    if (fd < 0)
        return pr_fail_errno(e, errno, "%s", name);
    struct stat st;
    if (fstat(fd, &st)) {
        int err = errno;
        close(fd);
        return pr_fail_errno(e, err, "%s", name);
    }
    if (!S_ISREG(st.st_mode)) {
        close(fd);
        return pr_fail(e, PR_E_FORMAT, "%s: not a regular file", name);
    }
    if (ret_id)
        *ret_id = (struct pr_file_id){(uint64_t)st.st_dev, (uint64_t)st.st_ino,
            (uint64_t)st.st_size, ns(st.st_mtim), ns(st.st_ctim)};
    *ret_fd = fd;
    return PR_OK;
}

enum pr_code pr_file_pread(
    int fd, void *buf, size_t n, uint64_t offset, const char *name, struct pr_error *e)
{
    size_t done = 0;
    while (done < n) {
        ssize_t r = pread(fd, (char *)buf + done, n - done, (off_t)(offset + done));
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return pr_fail_errno(
                e, errno, "%s: read at byte %llu", name, (unsigned long long)(offset + done));
        if (r == 0)
            return pr_fail_at(e, PR_E_FORMAT, (int64_t)(offset + done),
                "%s: the file ends here, %zu more bytes were expected", name, n - done);
        done += (size_t)r;
    }
    return PR_OK;
}

enum pr_code pr_file_read(
    int dir_fd, const char *name, size_t max, char **ret, size_t *ret_len, struct pr_error *e)
{
    int fd;
    struct pr_file_id id;
    enum pr_code code = pr_file_open(dir_fd, name, false, &fd, &id, e);
    if (code)
        return code;
    if (id.size > max) {
        close(fd);
        return pr_fail(e, PR_E_LIMIT, "%s: %llu bytes, at most %zu are accepted", name,
            (unsigned long long)id.size, max);
    }
    char *buf = pr_alloc(id.size + 1);
    code = pr_file_pread(fd, buf, id.size, 0, name, e);
    close(fd);
    if (code) {
        pr_free(buf);
        return code;
    }
    buf[id.size] = 0;
    *ret = buf;
    *ret_len = id.size;
    return PR_OK;
}

int pr_file_write_all(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;
    while (n) {
        ssize_t w = write(fd, p, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return errno;
        p += w;
        n -= (size_t)w;
    }
    return 0;
}

/* Makes the rename itself survive a power cut. */
static int sync_folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = slash == path ? pr_strdup("/")
                : slash       ? pr_strndup(path, (size_t)(slash - path))
                              : pr_strdup(".");
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = fd < 0 ? errno : 0;
    if (fd >= 0) {
        err = fsync(fd) ? errno : 0;
        close(fd);
    }
    pr_free(dir);
    return err == EINVAL ? 0 : err; /* some file systems cannot sync a folder */
}

enum pr_code pr_file_write_atomic(const char *path, const void *bytes, size_t n, struct pr_error *e)
{
    struct pr_str tmp = PR_STR_INIT(4096);
    pr_str_printf(&tmp, "%s.tmp.XXXXXX", path);
    if (tmp.over) {
        pr_str_done(&tmp);
        return pr_fail(e, PR_E_LIMIT, "%s: the path is too long", path);
    }
    int fd = mkostemp(tmp.data, O_CLOEXEC);
    if (fd < 0) {
        enum pr_code code = pr_fail_errno(e, errno, "%s", path);
        pr_str_done(&tmp);
        return code;
    }
    mode_t mask = umask(0);
    umask(mask);
    int err = fchmod(fd, 0666 & ~mask) ? errno : 0;
    if (!err)
        err = pr_file_write_all(fd, bytes, n);
    pr_fault_point(PR_FAULT_WRITE_TEMPORARY);
    if (!err && fsync(fd))
        err = errno;
    pr_fault_point(PR_FAULT_WRITE_SYNCED);
    if (close(fd) && !err)
        err = errno;
    if (!err && rename(tmp.data, path))
        err = errno;
    if (err)
        unlink(tmp.data);
    pr_fault_point(PR_FAULT_WRITE_RENAMED);
    if (!err)
        err = sync_folder_of(path);
    pr_str_done(&tmp);
    return err ? pr_fail_errno(e, err, "%s", path) : PR_OK;
}

enum pr_code pr_mkdirs(const char *path, struct pr_error *e)
{
    char *p = pr_strdup(path);
    int err = 0;
    for (char *s = p + (p[0] == '/'); !err; s++) {
        if (*s != '/' && *s)
            continue;
        char keep = *s;
        *s = 0;
        if (*p && mkdir(p, 0777) && errno != EEXIST)
            err = errno;
        *s = keep;
        if (!keep)
            break;
    }
    pr_free(p);
    if (!err && !pr_path_is_dir(path))
        err = ENOTDIR;
    return err ? pr_fail_errno(e, err, "%s: cannot make the folder", path) : PR_OK;
}

bool pr_path_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool pr_path_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *pr_path_join(const char *dir, const char *name)
{
    size_t n = strlen(dir), m = strlen(name);
    bool slash = n && dir[n - 1] != '/';
    char *p = pr_alloc(n + slash + m + 1);
    memcpy(p, dir, n);
    if (slash)
        p[n] = '/';
    memcpy(p + n + slash, name, m + 1);
    return p;
}

char *pr_path_absolute(const char *path)
{
    char here[PATH_MAX];
    if (*path != '/' && !getcwd(here, sizeof here))
        return pr_strdup(path);
    char *all = *path == '/' ? pr_strdup(path) : pr_path_join(here, path);
    size_t n = strlen(all), to = 0;
    for (size_t i = 0; i < n;) {
        size_t part = strcspn(all + i, "/"); /* "." and "" are left out, but for the first "" */
        bool skip = (part == 1 && all[i] == '.') || (!part && i);
        size_t whole = part + (i + part < n);
        if (!skip)
            memmove(all + to, all + i, whole);
        to += skip ? 0 : whole;
        i += whole;
    }
    while (to > 1 && all[to - 1] == '/')
        to--;
    all[to] = 0;
    return all;
}

char *pr_path_base(const char *path)
{
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    size_t start = n;
    while (start && path[start - 1] != '/')
        start--;
    return start == n ? pr_strndup(path, n) : pr_strndup(path + start, n - start);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum pr_code pr_dir_list(const char *path, char ***ret_names, size_t *ret_n, struct pr_error *e)
{
    DIR *d = opendir(path);
    if (!d)
        return pr_fail_errno(e, errno, "%s", path);
    char **names = NULL;
    size_t n = 0, cap = 0;
    errno = 0;
    for (struct dirent *ent; (ent = readdir(d)); errno = 0)
        if (strcmp(ent->d_name, ".") && strcmp(ent->d_name, ".."))
            PR_PUSH(names, n, cap, pr_strdup(ent->d_name));
    int err = errno;
    closedir(d);
    if (err) {
        pr_names_free(names, n);
        return pr_fail_errno(e, err, "%s", path);
    }
    if (n)
        qsort(names, n, sizeof *names, by_name);
    *ret_names = names;
    *ret_n = n;
    return PR_OK;
}

void pr_names_free(char **names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        pr_free(names[i]);
    pr_free(names);
}

void pr_lines_init(struct pr_lines *l, int fd, size_t max_line)
{
    /* One read past the line's own maximum may lie in the buffer. */
    *l = (struct pr_lines){
        .fd = fd, .max_line = max_line, .buf = PR_STR_INIT(2 * max_line + (1 << 18))};
}

void pr_lines_done(struct pr_lines *l)
{
    pr_str_done(&l->buf);
}

static enum pr_line hand_out(
    struct pr_lines *l, size_t len, size_t next, char **ret, size_t *ret_len)
{
    char *line = l->buf.data + l->start;
    l->start = next;
    l->number++;
    if (l->skipping || len > l->max_line) {
        l->skipping = false;
        return PR_LINE_TOO_LONG;
    }
    if (len && line[len - 1] == '\r')
        len--;
    line[len] = 0;
    *ret = line;
    *ret_len = len;
    return PR_LINE_OK;
}

enum pr_line pr_lines_next(struct pr_lines *l, char **ret, size_t *ret_len, struct pr_error *e)
{
    size_t seen = 0; /* bytes after start that hold no newline */
    for (;;) {
        size_t have = l->buf.len - l->start;
        char *from = l->buf.data ? l->buf.data + l->start : NULL;
        char *nl = have > seen ? memchr(from + seen, '\n', have - seen) : NULL;
        if (nl)
            return hand_out(
                l, (size_t)(nl - from), l->start + (size_t)(nl - from) + 1, ret, ret_len);
        if (l->eof) {
            if (!have && !l->skipping)
                return PR_LINE_END;
            if (!have) { /* the long line was the last one */
                l->skipping = false;
                l->number++;
                return PR_LINE_TOO_LONG;
            }
            return hand_out(l, have, l->buf.len, ret, ret_len);
        }
        seen = have;
        if (have > l->max_line) { /* forget the bytes, remember that the line goes on */
            l->skipping = true;
            seen = 0;
            have = 0;
            l->start = l->buf.len;
        }
        if (l->start) {
            memmove(l->buf.data, l->buf.data + l->start, have);
            l->buf.len = have;
            l->start = 0;
        }
        char chunk[1 << 16];
        ssize_t r = read(l->fd, chunk, sizeof chunk);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0) {
            pr_fail_errno(e, errno, "read");
            return PR_LINE_ERROR;
        }
        if (r == 0)
            l->eof = true;
        else
            pr_str_append(&l->buf, chunk, (size_t)r);
    }
}
