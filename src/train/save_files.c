/* Plain files of a checkpoint: written, or carried over from the folder that was started from. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "train/save_internal.h"

/* What goes with a model besides its weights and config.json; each may be missing. */
static const struct {
    const char *name;
    size_t max; /* bytes */
} carried[] = {
    {"tokenizer.json", (size_t)512 << 20},
    {"tokenizer_config.json", PR_SAVE_JSON_MAX},
    {"special_tokens_map.json", PR_SAVE_JSON_MAX},
    {"added_tokens.json", PR_SAVE_JSON_MAX},
    {"vocab.json", (size_t)256 << 20},
    {"vocab.txt", (size_t)256 << 20},
    {"merges.txt", (size_t)256 << 20},
    {"tokenizer.model", (size_t)256 << 20},
    {"chat_template.jinja", (size_t)4 << 20},
    {"chat_template.json", (size_t)4 << 20},
};

static int write_all(int fd, const char *p, size_t n)
{
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

static enum pr_code make_file(int dir_fd, const char *name, int *ret, struct pr_error *e)
{
    *ret = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    return *ret < 0 ? pr_fail_errno(e, errno, "%s", name) : PR_OK;
}

/* Syncs and closes; err is what went wrong before, or 0. */
static enum pr_code end_file(int fd, const char *name, int err, struct pr_error *e)
{
    if (!err && fsync(fd))
        err = errno;
    if (close(fd) && !err)
        err = errno;
    return err ? pr_fail_errno(e, err, "%s", name) : PR_OK;
}

enum pr_code pr_save_write(
    int dir_fd, const char *name, const void *bytes, size_t n, struct pr_error *e)
{
    int fd;
    enum pr_code code = make_file(dir_fd, name, &fd, e);
    return code ? code : end_file(fd, name, write_all(fd, bytes, n), e);
}

enum pr_code pr_save_write_json(int dir_fd, const char *name, const json_t *v, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT((size_t)1 << 30);
    pr_json_dump(v, 2, 0, &text);
    pr_str_putc(&text, '\n');
    enum pr_code code = text.over ? pr_fail(e, PR_E_LIMIT, "%s: over 1 GB", name)
                                  : pr_save_write(dir_fd, name, text.data, text.len, e);
    pr_str_done(&text);
    return code;
}

/* As many bytes as there are, whatever the file's size was said to be. */
static enum pr_code copy_bytes(
    int from, int dir_fd, const char *name, size_t max, struct pr_error *e)
{
    char *part = pr_alloc((size_t)1 << 18);
    size_t sum = 0;
    int to, err = 0;
    enum pr_code code = make_file(dir_fd, name, &to, e);
    for (ssize_t r = 1; !code && !err && r;) {
        r = read(from, part, (size_t)1 << 18);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0) {
            err = errno;
        } else if ((sum += (size_t)r) > max) {
            close(to);
            code =
                pr_fail(e, PR_E_LIMIT, "%s: more than the %zu bytes that are accepted", name, max);
        } else {
            err = write_all(to, part, (size_t)r);
        }
    }
    pr_free(part);
    return code ? code : end_file(to, name, err, e);
}

static enum pr_code copy_file(
    struct pr_folder *from, int dir_fd, const char *name, size_t max, struct pr_error *e)
{
    int fd;
    enum pr_code code = pr_folder_file(from, name, &fd, e);
    if (code)
        return code == PR_E_NOT_FOUND ? PR_OK : pr_wrap(e, code, "%s", from->name);
    code = copy_bytes(fd, dir_fd, name, max, e);
    close(fd);
    return code;
}

enum pr_code pr_save_copy_files(
    struct pr_folder *from, int dir_fd, bool with_generation, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < sizeof carried / sizeof *carried && !code; i++)
        code = copy_file(from, dir_fd, carried[i].name, carried[i].max, e);
    if (!code && with_generation)
        code = copy_file(from, dir_fd, "generation_config.json", PR_SAVE_JSON_MAX, e);
    return code;
}
