/* The lines of a file: which are refused and why, and the file without them; see intake.h. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/file.h"
#include "base/utf8.h"
#include "queue/validate.h"
#include "systems/intake_internal.h"

#define BUFFER   ((size_t)1 << 20)
#define MAX_LINE ((size_t)16 << 20) /* of a training file */
#define MAX_ROW  ((size_t)128 << 20)

/* ---- a hidden file that is being written ---- */

struct sink {
    const char *path;
    int fd; /* -1: nothing was written yet */
    int err;
    struct pr_str buf;
};

static void sink_init(struct sink *s, const char *path)
{
    *s = (struct sink){.path = path, .fd = -1, .buf = PR_STR_INIT(MAX_ROW)};
}

static void sink_flush(struct sink *s)
{
    if (s->fd < 0 && !s->err) {
        s->fd = open(s->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
        s->err = s->fd < 0 ? errno : 0;
    }
    if (!s->err && s->buf.over)
        s->err = EFBIG;
    if (!s->err)
        s->err = pr_file_write_all(s->fd, pr_str_cstr(&s->buf), s->buf.len);
    pr_str_clear(&s->buf);
}

static void sink_put(struct sink *s, const char *bytes, size_t n)
{
    pr_str_append(&s->buf, bytes, n);
    if (s->buf.len >= BUFFER || s->buf.over)
        sink_flush(s);
}

/* Synced and closed; without a byte there is no file. */
static enum pr_code sink_end(struct sink *s, struct pr_error *e)
{
    if (s->buf.len || s->buf.over)
        sink_flush(s);
    if (s->fd >= 0 && fsync(s->fd) && !s->err)
        s->err = errno;
    if (s->fd >= 0 && close(s->fd) && !s->err)
        s->err = errno;
    s->fd = -1;
    return s->err ? pr_fail_errno(e, s->err, "%s", s->path) : PR_OK;
}

static void sink_done(struct sink *s)
{
    if (s->fd >= 0)
        close(s->fd);
    pr_str_done(&s->buf);
}

/* ---- refused lines ---- */

struct range {
    uint64_t from, to; /* bytes of the file; to: behind the line, its end not included */
};
struct looking {
    const struct pr_intake_file *f;
    struct sink refused, clean;
    bool array; /* a .json file, whose items become lines of the clean file */
    struct range *ranges;
    size_t n_ranges, ranges_cap;
};

static void base64(const char *bytes, size_t n, struct pr_str *out)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < n; i += 3) {
        uint32_t x = (uint32_t)(unsigned char)bytes[i] << 16;
        x |= i + 1 < n ? (uint32_t)(unsigned char)bytes[i + 1] << 8 : 0;
        x |= i + 2 < n ? (uint32_t)(unsigned char)bytes[i + 2] : 0;
        pr_str_putc(out, digits[x >> 18]);
        pr_str_putc(out, digits[x >> 12 & 63]);
        pr_str_putc(out, i + 1 < n ? digits[x >> 6 & 63] : '=');
        pr_str_putc(out, i + 2 < n ? digits[x & 63] : '=');
    }
}

/* The line as it was: as text, or what is no text in base64. */
static void set_text(json_t *o, const struct pr_validated *l)
{
    if (!l->bytes) {
        pr_json_set_null(o, "text",
            l->line ? "longer than the limit; the whole file is kept in queue/rejected/originals"
                    : "this is about the file as a whole");
        return;
    }
    if (pr_utf8_valid(l->bytes, (size_t)l->length)) {
        pr_json_set_strn(o, "text", l->bytes, (size_t)l->length);
        return;
    }
    struct pr_str s = PR_STR_INIT(MAX_ROW);
    base64(l->bytes, (size_t)l->length, &s);
    pr_json_set_str(o, "text", pr_str_cstr(&s));
    pr_json_set_str(o, "encoding", "base64");
    pr_str_done(&s);
}

static void put_refused(struct looking *k, const struct pr_validated *l)
{
    json_t *o = json_object();
    struct pr_str row = PR_STR_INIT(MAX_ROW);
    const struct pr_reason *first = l->n_reasons ? l->reasons : NULL;
    pr_json_set_str(o, "file", k->f->shown);
    if (l->line)
        pr_json_set_int(o, "line", (int64_t)l->line);
    else
        pr_json_set_null(o, "line", "this is about the file as a whole");
    pr_json_set_str(o, "reason", first ? first->text : "refused");
    pr_json_set_str(o, "defect", first ? pr_defect_name(first->defect) : NULL);
    json_t *more = l->n_reasons > 1 ? json_array() : NULL;
    for (size_t i = 1; i < l->n_reasons; i++) {
        json_t *x = json_object();
        pr_json_set_str(x, "defect", pr_defect_name(l->reasons[i].defect));
        pr_json_set_str(x, "reason", l->reasons[i].text);
        json_array_append_new(more, x);
    }
    if (more)
        pr_json_set(o, "more", more);
    pr_json_set_int(o, "byte", (int64_t)l->offset);
    pr_json_set_int(o, "bytes", (int64_t)l->length);
    set_text(o, l);
    pr_json_dump(o, 0, 0, &row);
    pr_str_putc(&row, '\n');
    if (row.over)
        k->refused.err = k->refused.err ? k->refused.err : EFBIG;
    else
        sink_put(&k->refused, row.data, row.len);
    pr_str_done(&row);
    json_decref(o);
}

/* An item of an array, whose text may have line ends, as one line. */
static void put_item(struct looking *k, const struct pr_validated *l)
{
    struct pr_error ignored;
    json_t *o;
    struct pr_str row = PR_STR_INIT(MAX_ROW);
    if (pr_json_parse(l->bytes, (size_t)l->length, PR_JSON_LENIENT, NULL, &o, NULL, &ignored)) {
        k->clean.err = k->clean.err ? k->clean.err : EINVAL; /* it was valid a moment ago */
        return;
    }
    pr_json_dump(o, 0, 0, &row);
    pr_str_putc(&row, '\n');
    sink_put(&k->clean, row.data, row.len);
    pr_str_done(&row);
    json_decref(o);
}

static void each(void *ctx, const struct pr_validated *l)
{
    struct looking *k = ctx;
    if (l->verdict == PR_REFUSED) {
        struct range r = {l->offset, l->offset + l->length};
        put_refused(k, l);
        if (l->line)
            PR_PUSH(k->ranges, k->n_ranges, k->ranges_cap, r);
    } else if (k->array && l->line && l->bytes) {
        put_item(k, l);
    }
}

/* ---- the file without them ---- */

/* Copies [from, to) of the file; to UINT64_MAX: to its end. */
static enum pr_code copy(
    struct sink *out, int fd, uint64_t from, uint64_t to, char *buf, struct pr_error *e)
{
    while (from < to && !out->err) {
        size_t want = to - from < BUFFER ? (size_t)(to - from) : BUFFER;
        ssize_t n = pread(fd, buf, want, (off_t)from);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return pr_fail_errno(e, errno, "reading");
        if (!n)
            break;
        sink_put(out, buf, (size_t)n);
        from += (uint64_t)n;
    }
    return PR_OK;
}

/* Where the line behind a refused one begins. */
static uint64_t behind(int fd, uint64_t at)
{
    char end[2] = {0};
    ssize_t n = pread(fd, end, 2, (off_t)at);
    if (n >= 2 && end[0] == '\r' && end[1] == '\n')
        return at + 2;
    return at + (n >= 1 && end[0] == '\n');
}

static enum pr_code copy_valid(struct looking *k, struct pr_error *e)
{
    uint64_t at = 0;
    char *buf = pr_alloc(BUFFER);
    enum pr_code code = PR_OK;
    int fd = open(k->f->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        code = pr_fail_errno(e, errno, "%s", k->f->path);
    for (size_t i = 0; i < k->n_ranges && !code; i++) {
        if (k->ranges[i].from > at)
            code = copy(&k->clean, fd, at, k->ranges[i].from, buf, e);
        at = behind(fd, k->ranges[i].to);
    }
    if (!code)
        code = copy(&k->clean, fd, at, UINT64_MAX, buf, e);
    if (fd >= 0)
        close(fd);
    pr_free(buf);
    return code;
}

/* ---- the whole ---- */

static json_t *counts(const struct pr_validation *v)
{
    json_t *o = json_object();
    for (int d = 0; d < PR_N_DEFECTS; d++)
        if (v->by_defect[d])
            pr_json_set_int(o, pr_defect_name((enum pr_defect)d), (int64_t)v->by_defect[d]);
    return o;
}

static void conclude(const struct pr_validation *v, struct pr_intake_look *ret)
{
    const struct pr_validated_file *f = &v->files[0];
    ret->lines = f->n_lines;
    ret->whole = f->refused || f->n_valid + f->n_warned == 0;
    ret->refused = ret->whole ? f->n_lines : f->n_refused;
    ret->by_defect = counts(v);
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n > m && !strcmp(s + n - m, end);
}

enum pr_code pr_intake_validate(const struct pr_intake_file *f, struct pr_known *known,
    const char *refused, const char *clean, struct pr_intake_look *ret, struct pr_error *e)
{
    struct looking k = {.f = f, .array = ends_with(f->name, ".json")};
    struct pr_validation *v = NULL;
    const char *paths[] = {f->path};
    const struct pr_validate_options o = {
        .max_line = MAX_LINE, .max_listed = 1, .known = known, .each = each, .ctx = &k};
    sink_init(&k.refused, refused);
    sink_init(&k.clean, clean);
    *ret = (struct pr_intake_look){0};
    enum pr_code code = pr_validate(paths, 1, &o, &v, e);
    if (!code)
        conclude(v, ret);
    bool split = !code && !ret->whole && ret->refused;
    if (!code && (split || ret->whole))
        code = sink_end(&k.refused, e);
    if (!code && (split || ret->whole))
        pr_fault_point(PR_FAULT_QUEUE_REFUSED);
    if (split && !code && !k.array)
        code = copy_valid(&k, e);
    if (split && !code && !(code = sink_end(&k.clean, e)))
        pr_fault_point(PR_FAULT_QUEUE_CLEAN);
    sink_done(&k.refused);
    sink_done(&k.clean);
    if (code || !(split || ret->whole))
        unlink(refused);
    if (code || !split)
        unlink(clean);
    if (code) {
        json_decref(ret->by_defect);
        *ret = (struct pr_intake_look){0};
    }
    pr_validation_free(v);
    pr_free(k.ranges);
    return code;
}
