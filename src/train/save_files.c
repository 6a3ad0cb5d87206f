/* Plain files of a checkpoint, written and synced. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/sha256.h"
#include "train/save_internal.h"

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
    return code ? code : end_file(fd, name, pr_file_write_all(fd, bytes, n), e);
}

enum pr_code pr_save_write_json(
    int dir_fd, const char *name, const json_t *v, size_t max, json_t *sums, struct pr_error *e)
{
    uint8_t digest[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX];
    struct pr_str text = PR_STR_INIT(max);
    pr_json_dump(v, 2, 0, &text);
    pr_str_putc(&text, '\n');
    enum pr_code code =
        text.over ? pr_fail(e, PR_E_LIMIT,
                        "%s: would have more than the %zu bytes that are read again", name, max)
                  : pr_save_write(dir_fd, name, text.data, text.len, e);
    if (!code && sums) {
        pr_sha256(text.data, text.len, digest);
        pr_sha256_hex(digest, hex);
        pr_json_set_str(sums, name, hex);
    }
    pr_str_done(&text);
    return code;
}
