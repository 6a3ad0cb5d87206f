/* The order file: what a trainer trains on, in turn (probe_internal.h). */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "curriculum/probe_internal.h"

#define CHUNK ((size_t)1 << 20)

static void put_line(const struct pr_example *x, struct pr_str *out)
{
    json_t *line = json_copy(x->source);
    pr_json_set_str(line, "id", x->id);
    if (x->file_difficulty && !json_is_string(json_object_get(line, "difficulty")) &&
        !json_is_number(json_object_get(line, "difficulty")))
        pr_json_set_str(line, "difficulty", x->file_difficulty);
    pr_json_dump(line, 0, 0, out);
    pr_str_putc(out, '\n');
    json_decref(line);
}

static enum pr_code flush(int fd, struct pr_str *s, struct pr_error *e)
{
    const char *at = pr_str_cstr(s);
    size_t left = s->len;
    if (s->over)
        return pr_fail(e, PR_E_LIMIT, "an example of more than %zu bytes", s->max);
    while (left) {
        ssize_t w = write(fd, at, left);
        if (w < 0 && errno != EINTR)
            return pr_fail_errno(e, errno, "writing it");
        if (w > 0) {
            at += w;
            left -= (size_t)w;
        }
    }
    pr_str_clear(s);
    return PR_OK;
}

enum pr_code pr_probe_order_write(const struct pr_curriculum_pool *pool, const size_t *v, size_t n,
    const char *path, struct pr_error *e)
{
    struct pr_str out = PR_STR_INIT(CHUNK + 4 * PR_SUITE_MAX_LINE);
    enum pr_code code = PR_OK;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return pr_fail_errno(e, errno, "%s", path);
    for (size_t i = 0; i < n && !code; i++) {
        put_line(&pool->suite->v[v[i]], &out);
        if (out.len >= CHUNK || out.over || i + 1 == n)
            code = flush(fd, &out, e);
    }
    if (close(fd) && !code)
        code = pr_fail_errno(e, errno, "writing it");
    pr_str_done(&out);
    return code ? pr_wrap(e, code, "%s", path) : PR_OK;
}
