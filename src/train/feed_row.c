/* The row of a feed: OUT/.queue.jsonl, and the same entries in checkpoints. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "train/feed_internal.h"

#define MAX_LINE ((size_t)1 << 16)
#define MAX_ROW  ((size_t)1 << 30)

json_t *pr_feed_entry_json(const struct pr_feed_entry *x)
{
    json_t *o = json_object();
    pr_json_set_str(o, "name", x->name);
    pr_json_set_str(o, "from", pr_queue_name(x->from));
    pr_json_set_int(o, "bytes", (int64_t)x->bytes);
    pr_json_set_str(o, "sha256", x->sha256);
    return o;
}

static bool is_hash(const char *s)
{
    return strlen(s) == PR_SHA256_HEX - 1 && strspn(s, "0123456789abcdef") == PR_SHA256_HEX - 1;
}

enum pr_code pr_feed_entry_parse(const json_t *o, struct pr_feed_entry *ret, struct pr_error *e)
{
    const char *name = "", *from = "", *sha256 = "";
    int64_t bytes = 0;
    enum pr_code code;
    if ((code = pr_json_get_str(o, "name", true, &name, e)) ||
        (code = pr_json_get_str(o, "from", true, &from, e)) ||
        (code = pr_json_get_str(o, "sha256", true, &sha256, e)) ||
        (code = pr_json_get_int(o, "bytes", true, 0, INT64_MAX, &bytes, e)))
        return code;
    struct pr_feed_entry x = {.bytes = (uint64_t)bytes};
    if (!*name || *name == '.' || strchr(name, '/'))
        return pr_fail(e, PR_E_FORMAT, "'name' is no file's name");
    if (!pr_queue_find(from, &x.from))
        return pr_fail(e, PR_E_FORMAT, "'from' names no queue");
    if (!is_hash(sha256))
        return pr_fail(e, PR_E_FORMAT, "'sha256' is none");
    memcpy(x.sha256, sha256, sizeof x.sha256);
    x.name = pr_strdup(name);
    *ret = x;
    return PR_OK;
}

/* One line into the row; false: it does not belong where it is. */
static bool take_line(struct pr_feed *f, const char *text, size_t n)
{
    json_t *o = NULL;
    struct pr_feed_entry x;
    int64_t i = -1, k = -1;
    bool ok = !pr_json_parse(text, n, PR_JSON_STRICT, NULL, &o, NULL, NULL) &&
              !pr_json_get_int(o, "taken", false, 0, INT64_MAX, &i, NULL) &&
              !pr_json_get_int(o, "completed", false, 0, INT64_MAX, &k, NULL);
    if (ok && i >= 0) {
        ok = (size_t)i == f->n && !pr_feed_entry_parse(o, &x, NULL);
        if (ok)
            PR_PUSH(f->v, f->n, f->cap, x);
    } else if (ok) {
        ok = k >= 0 && (size_t)k == f->moved && f->moved < f->n;
        f->moved += ok;
    }
    json_decref(o);
    return ok;
}

enum pr_code pr_feed_row_lines(struct pr_feed *f, int fd, struct pr_error *e)
{
    struct pr_lines lines;
    char *line;
    size_t n;
    enum pr_line got;
    pr_lines_init(&lines, fd, MAX_LINE);
    do {
        got = pr_lines_next(&lines, &line, &n, e);
    } while (got == PR_LINE_OK && take_line(f, line, n));
    pr_lines_done(&lines);
    return got == PR_LINE_ERROR ? (e ? e->code : PR_E_IO) : PR_OK;
}

enum pr_code pr_feed_row_read(struct pr_feed *f, struct pr_error *e)
{
    int fd;
    if (!pr_path_exists(f->row))
        return PR_OK;
    enum pr_code code = pr_file_open(AT_FDCWD, f->row, true, &fd, NULL, e);
    if (code)
        return code;
    code = pr_feed_row_lines(f, fd, e);
    close(fd);
    return code;
}

static void put_taken(const struct pr_feed *f, size_t i, struct pr_str *out)
{
    json_t *o = json_object(), *x = pr_feed_entry_json(&f->v[i]);
    pr_json_set_int(o, "taken", (int64_t)i);
    json_object_update(o, x);
    pr_json_dump(o, -1, 0, out);
    pr_str_putc(out, '\n');
    json_decref(x);
    json_decref(o);
}

enum pr_code pr_feed_row_write(const struct pr_feed *f, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT(MAX_ROW);
    for (size_t i = 0; i < f->n; i++)
        put_taken(f, i, &text);
    for (size_t i = 0; i < f->moved; i++)
        pr_str_printf(&text, "{\"completed\":%zu}\n", i);
    enum pr_code code = text.over
                            ? pr_fail(e, PR_E_LIMIT, "%s: more than %zu bytes", f->row, MAX_ROW)
                            : pr_file_write_atomic(f->row, pr_str_cstr(&text), text.len, e);
    pr_str_done(&text);
    return code;
}

static enum pr_code append(const struct pr_feed *f, const struct pr_str *line, struct pr_error *e)
{
    int fd = open(f->row, O_WRONLY | O_APPEND | O_NOFOLLOW | O_CLOEXEC);
    int err = fd < 0 ? errno : pr_file_write_all(fd, line->data, line->len);
    if (!err && fsync(fd))
        err = errno;
    if (fd >= 0 && close(fd) && !err)
        err = errno;
    return err ? pr_fail_errno(e, err, "%s", f->row) : PR_OK;
}

enum pr_code pr_feed_row_took(const struct pr_feed *f, struct pr_error *e)
{
    struct pr_str line = PR_STR_INIT(MAX_LINE);
    put_taken(f, f->n - 1, &line);
    enum pr_code code = append(f, &line, e);
    pr_str_done(&line);
    return code;
}

enum pr_code pr_feed_row_completed(const struct pr_feed *f, struct pr_error *e)
{
    struct pr_str line = PR_STR_INIT(MAX_LINE);
    pr_str_printf(&line, "{\"completed\":%zu}\n", f->moved);
    enum pr_code code = append(f, &line, e);
    pr_str_done(&line);
    return code;
}

void pr_feed_row_drop(struct pr_feed *f, size_t i)
{
    pr_free(f->v[i].name);
    memmove(&f->v[i], &f->v[i + 1], (f->n - i - 1) * sizeof *f->v);
    f->n--;
}

json_t *pr_feed_state(const struct pr_feed *f, int64_t steps)
{
    json_t *o = json_object(), *list = json_array();
    size_t n = f->done < f->n ? f->done + 1 : f->done;
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, pr_feed_entry_json(&f->v[i]));
    pr_json_set_int(o, "files_completed", (int64_t)f->done);
    pr_json_set_int(o, "files_moved", (int64_t)f->moved);
    pr_json_set_int(o, "current_steps", steps);
    pr_json_set(o, "files", list);
    return o;
}
