/* See secret.h. */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"

#define MIN 16
#define MAX 256

bool pr_same_secret(const char *a, const char *b)
{
    size_t n = strlen(a), m = strlen(b);
    volatile unsigned char differ = n != m;
    for (size_t i = 0; i < m; i++)
        differ = (unsigned char)(differ | (a[n ? i % n : 0] ^ b[i]));
    return !differ;
}

static enum pr_code check_mode(const char *path, int fd, const char *what, struct pr_error *e)
{
    struct stat st;
    if (fstat(fd, &st))
        return pr_fail_errno(e, errno, "%s", path);
    if (!S_ISREG(st.st_mode))
        return pr_fail(e, PR_E_USAGE, "%s: not a file", path);
    if (st.st_uid != geteuid() && st.st_uid)
        return pr_fail(e, PR_E_USAGE,
            "%s: the %s's file belongs to another user, who may change it", path, what);
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return pr_fail(e, PR_E_USAGE,
            "%s: others may read the %s (mode %03o): chmod 600 it, and give it a new one if "
            "they may have read it",
            path, what, (unsigned)(st.st_mode & 0777));
    return PR_OK;
}

enum pr_code pr_secret_read(const char *path, const char *what, char **ret, struct pr_error *e)
{
    char text[MAX + 4] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return pr_fail_errno(e, errno, "%s", path);
    enum pr_code code = check_mode(path, fd, what, e);
    ssize_t n = code ? 0 : read(fd, text, sizeof text - 1);
    int err = errno;
    close(fd);
    if (code)
        return code;
    if (n < 0)
        return pr_fail_errno(e, err, "%s", path);
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    text[n] = 0;
    for (ssize_t i = 0; i < n; i++)
        if (text[i] <= ' ' || text[i] > '~')
            n = 0;
    if (n < MIN || n > MAX || strlen(text) != (size_t)n)
        return pr_fail(e, PR_E_USAGE,
            "%s: holds no %s: one line of %d to %d printable characters without a space", path,
            what, MIN, MAX);
    *ret = pr_strdup(text);
    return PR_OK;
}
