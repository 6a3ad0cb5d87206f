/* Opening files of a checkpoint's folder, with the rule on symbolic links. */
#include "model/folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"

/* Where the blobs of the Hugging Face cache lie as seen from the folder: "../../blobs/" from
 * …/snapshots/<revision>, one "../" more for each level below; "" where it is no such folder. */
static void find_blobs(const char *path, char ret[PR_FOLDER_BLOBS])
{
    static const char mark[] = "/snapshots/";
    char real[PATH_MAX];
    ret[0] = 0;
    if (!realpath(path, real))
        return;
    char *at = NULL;
    for (char *p = real; (p = strstr(p, mark)); p++)
        at = p + strlen(mark);
    size_t up = at && *at ? 2 : 0;
    for (; up && *at; at++)
        up += *at == '/';
    if (!up || 3 * up + sizeof "blobs/" > PR_FOLDER_BLOBS)
        return;
    for (size_t i = 0; i < up; i++)
        memcpy(ret + 3 * i, "../", 3);
    memcpy(ret + 3 * up, "blobs/", sizeof "blobs/");
}

enum pr_code pr_folder_open(const char *path, struct pr_folder *ret, struct pr_error *e)
{
    char *name = pr_path_base(path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        enum pr_code code = errno == ENOTDIR
                                ? pr_fail(e, PR_E_FORMAT,
                                      "%s: not a folder, a checkpoint folder was expected", name)
                                : pr_fail_errno(e, errno, "%s", path);
        pr_free(name);
        return code;
    }
    if (!strcmp(name, ".") || !strcmp(name, "..")) { /* the folder's own name says more */
        char real[PATH_MAX];
        pr_free(name);
        name = pr_path_base(realpath(path, real) ? real : path);
    }
    *ret = (struct pr_folder){.path = pr_strdup(path), .name = name, .fd = fd};
    find_blobs(path, ret->blobs);
    return PR_OK;
}

void pr_folder_done(struct pr_folder *f)
{
    if (!f->path)
        return;
    close(f->fd);
    for (size_t i = 0; i < f->n; i++)
        pr_free(f->files[i].name);
    pr_free(f->files);
    pr_free(f->path);
    pr_free(f->name);
    *f = (struct pr_folder){0};
}

static void remember(
    struct pr_folder *f, const char *name, bool present, const struct pr_file_id *id)
{
    for (size_t i = 0; i < f->n; i++)
        if (!strcmp(f->files[i].name, name))
            return; /* the first sight is what later ones are compared with */
    struct pr_folder_file file = {.name = pr_strdup(name), .present = present};
    if (present)
        file.id = *id;
    PR_PUSH(f->files, f->n, f->cap, file);
}

/* Follows the link `name` by the rule above: *ret is the name to open without following. */
static enum pr_code follow(
    const struct pr_folder *f, const char *name, char ret[PATH_MAX], struct pr_error *e)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(f->fd, name, target, sizeof target - 1);
    if (n < 0 && errno != EINVAL)
        return pr_fail_errno(e, errno, "%s", name);
    if (n < 0) { /* no link */
        memcpy(ret, name, strlen(name) + 1);
        return PR_OK;
    }
    target[n] = 0;
    size_t blobs = strlen(f->blobs);
    const char *rest = blobs && !strncmp(target, f->blobs, blobs) ? target + blobs : target;
    if (!*rest || strchr(rest, '/') || !strcmp(rest, "..") || !strcmp(rest, "."))
        return pr_fail(e, PR_E_FORMAT,
            "%s: a symbolic link to '%.200s' is not followed (only links within the folder are, "
            "and "
            "those of the Hugging Face cache into ../../blobs)",
            name, target);
    memcpy(ret, target, (size_t)n + 1);
    return PR_OK;
}

/* Opens `actual`, which is a plain name or one in the cache's blobs; that folder must be one itself
 * and no link to another. */
static enum pr_code open_actual(const struct pr_folder *f, const char *actual, int *ret_fd,
    struct pr_file_id *ret_id, struct pr_error *e)
{
    size_t n = strlen(f->blobs);
    if (!strchr(actual, '/'))
        return pr_file_open(f->fd, actual, true, ret_fd, ret_id, e);
    char dir[PR_FOLDER_BLOBS];
    memcpy(dir, f->blobs, n - 1); /* without the slash, which would follow a link */
    dir[n - 1] = 0;
    int fd = openat(f->fd, dir, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return pr_fail_errno(e, errno, "%s", dir);
    enum pr_code code = pr_file_open(fd, actual + n, true, ret_fd, ret_id, e);
    close(fd);
    return code;
}

static enum pr_code open_file(const struct pr_folder *f, const char *name, int *ret_fd,
    struct pr_file_id *ret_id, struct pr_error *e)
{
    char actual[PATH_MAX];
    if (!*name || strlen(name) > NAME_MAX || strchr(name, '/') || !strcmp(name, "..") ||
        !strcmp(name, "."))
        return pr_fail(e, PR_E_FORMAT,
            "'%.200s' is not a plain file name; files outside the folder are not opened", name);
    enum pr_code code = follow(f, name, actual, e);
    if (code)
        return code;
    code = open_actual(f, actual, ret_fd, ret_id, e);
    return code && strcmp(actual, name) ? pr_wrap(e, code, "%s", name) : code;
}

enum pr_code pr_folder_file(struct pr_folder *f, const char *name, int *ret_fd, struct pr_error *e)
{
    struct pr_file_id id = {0};
    enum pr_code code = open_file(f, name, ret_fd, &id, e);
    if (!code || code == PR_E_NOT_FOUND)
        remember(f, name, !code, &id);
    return code;
}

enum pr_code pr_folder_read(struct pr_folder *f, const char *name, size_t max, char **ret,
    size_t *ret_len, struct pr_error *e)
{
    int fd;
    struct pr_file_id id;
    enum pr_code code = pr_folder_file(f, name, &fd, e);
    if (code)
        return code;
    char *text = NULL;
    code = pr_file_id_of(fd, &id, e);
    if (!code && id.size > max)
        code = pr_fail(e, PR_E_LIMIT, "%s: %llu bytes, at most %zu are accepted", name,
            (unsigned long long)id.size, max);
    if (!code) {
        text = pr_alloc(id.size + 1);
        code = pr_file_pread(fd, text, id.size, 0, name, e);
    }
    close(fd);
    if (code) {
        pr_free(text);
        return code;
    }
    text[id.size] = 0;
    *ret = text;
    *ret_len = id.size;
    return PR_OK;
}

enum pr_code pr_folder_json(struct pr_folder *f, const char *name, size_t max, unsigned flags,
    json_t **ret, struct pr_error *e)
{
    char *text;
    size_t n;
    enum pr_code code = pr_folder_read(f, name, max, &text, &n, e);
    *ret = NULL;
    if (code == PR_E_NOT_FOUND)
        return PR_OK;
    if (code)
        return code;
    code = pr_json_parse(text, n, flags, name, ret, NULL, e);
    pr_free(text);
    return code;
}

bool pr_folder_has(const struct pr_folder *f, const char *name)
{
    return faccessat(f->fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

enum pr_code pr_folder_list(
    const struct pr_folder *f, char ***ret, size_t *ret_n, struct pr_error *e)
{
    return pr_dir_list(f->path, ret, ret_n, e);
}

enum pr_code pr_folder_unchanged(const struct pr_folder *f, struct pr_error *e)
{
    for (size_t i = 0; i < f->n; i++) {
        const struct pr_folder_file *was = &f->files[i];
        struct pr_file_id id;
        struct pr_error why;
        int fd;
        enum pr_code code = open_file(f, was->name, &fd, &id, &why);
        if (!code)
            close(fd);
        if (code && code != PR_E_NOT_FOUND)
            return pr_fail(e, PR_E_CHANGED, "%s: %s: cannot be opened any more: %s", f->name,
                was->name, why.message);
        if (code && was->present)
            return pr_fail(e, PR_E_CHANGED, "%s: %s: the file is gone", f->name, was->name);
        if (!code && !was->present)
            return pr_fail(e, PR_E_CHANGED, "%s: %s: appeared after the folder was opened", f->name,
                was->name);
        if (!code && !pr_file_id_equal(&id, &was->id))
            return pr_fail(e, PR_E_CHANGED,
                "%s: %s: changed after it was opened (%llu bytes then, %llu now)", f->name,
                was->name, (unsigned long long)was->id.size, (unsigned long long)id.size);
    }
    return PR_OK;
}
