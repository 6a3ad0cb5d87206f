/* Frames: see frame.h.  A buffer for each direction; system calls are made once a call. */
#include "grader/frame.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"

#define HEAD  8 /* bytes before the JSON */
#define CHUNK ((size_t)64 << 10)

static const char magic[4] = {'P', 'R', (char)('0' + PR_FRAME_VERSION), '\n'};

void pr_frames_init(struct pr_frames *f, int in, int out, size_t max_kept)
{
    struct stat st;
    *f = (struct pr_frames){.in = in,
        .out = out,
        .got = PR_STR_INIT(2 * (PR_FRAME_MAX + HEAD + CHUNK) + CHUNK),
        .kept = PR_STR_INIT(2 * max_kept),
        .max_kept = max_kept,
        .socket = !fstat(out, &st) && S_ISSOCK(st.st_mode)};
}

void pr_frames_done(struct pr_frames *f)
{
    pr_str_done(&f->got);
    pr_str_done(&f->kept);
}

void pr_frame_append(struct pr_str *out, const json_t *message)
{
    size_t at = out->len;
    char head[HEAD] = {0};
    memcpy(head, magic, sizeof magic);
    pr_str_append(out, head, HEAD);
    pr_json_dump(message, 0, 0, out);
    if (out->over)
        return;
    size_t n = out->len - at - HEAD;
    for (size_t i = 0; i < 4; i++)
        out->data[at + 4 + i] = (char)(n >> 8 * i & 0xff);
}

static size_t length_of(const char *head)
{
    size_t n = 0;
    for (size_t i = 4; i-- > 0;)
        n = n << 8 | (unsigned char)head[4 + i];
    return n;
}

static enum pr_code check_head(const char *bytes, size_t n, struct pr_error *e)
{
    size_t m = n < sizeof magic ? n : sizeof magic;
    if (m > 2 && !memcmp(bytes, magic, 2) && bytes[2] != magic[2])
        return pr_fail(e, PR_E_UNSUPPORTED, "a frame of version '%c', this proctor speaks '%c'",
            bytes[2], magic[2]);
    if (memcmp(bytes, magic, m))
        return pr_fail(e, PR_E_FORMAT, "not a frame: it does not begin with \"PR%c\\n\"", magic[2]);
    if (n >= HEAD && length_of(bytes) > PR_FRAME_MAX)
        return pr_fail(e, PR_E_FORMAT, "a frame of %zu bytes, at most %zu are accepted",
            length_of(bytes), PR_FRAME_MAX);
    return PR_OK;
}

/* Values in a JSON text, counted without parsing it; more than there are where it is none. */
static size_t count_nodes(const char *s, size_t n)
{
    size_t nodes = 1;
    bool in_string = false;
    for (size_t i = 0; i < n; i++) {
        if (in_string && s[i] == '\\')
            i++;
        else if (s[i] == '"')
            in_string = !in_string;
        else if (!in_string)
            nodes += s[i] == ',' || s[i] == '[' || s[i] == '{';
    }
    return nodes;
}

enum pr_code pr_frame_parse(
    const char *bytes, size_t n, json_t **ret, size_t *ret_used, struct pr_error *e)
{
    enum pr_code code = check_head(bytes, n, e);
    *ret_used = 0;
    if (code || n < HEAD || n - HEAD < length_of(bytes))
        return code;
    json_t *v = NULL;
    size_t len = length_of(bytes);
    struct pr_error why;
    if (count_nodes(bytes + HEAD, len) > PR_FRAME_NODES)
        return pr_fail(e, PR_E_FORMAT, "a frame of more than %zu values", PR_FRAME_NODES);
    if (pr_json_parse(bytes + HEAD, len, PR_JSON_NUL, "frame", &v, NULL, &why))
        return pr_fail(e, PR_E_FORMAT, "%s", why.message);
    if (!json_is_object(v) || !json_is_string(json_object_get(v, "type"))) {
        json_decref(v);
        return pr_fail(e, PR_E_FORMAT, "frame: an object with a string \"type\" was expected");
    }
    *ret = v;
    *ret_used = HEAD + len;
    return PR_OK;
}

size_t pr_frames_waiting(const struct pr_frames *f)
{
    return f->kept.len - f->sent;
}

/* Moves what is left of a buffer to its front, once that costs no more than what was taken. */
static void drop_front(struct pr_str *s, size_t *at)
{
    size_t left = s->len - *at;
    if (*at < left)
        return;
    if (left)
        memmove(s->data, s->data + *at, left);
    s->len = left;
    *at = 0;
}

/* One write without a signal and without waiting. */
static ssize_t write_some(const struct pr_frames *f, const char *bytes, size_t n)
{
    ssize_t w;
    do {
        w = f->socket ? send(f->out, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT)
                      : write(f->out, bytes, n);
    } while (w < 0 && errno == EINTR);
    return w;
}

/* Writes until `end` of what is kept, or until the stream takes no more. */
static enum pr_code write_to(struct pr_frames *f, size_t end, struct pr_error *e)
{
    while (f->sent < end) {
        ssize_t w = write_some(f, f->kept.data + f->sent, end - f->sent);
        if (w < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            return PR_OK;
        if (w < 0)
            return pr_fail_errno(e, errno, "writing a message");
        f->sent += (size_t)w;
    }
    return PR_OK;
}

enum pr_code pr_frames_flush(struct pr_frames *f, struct pr_error *e)
{
    size_t before = pr_frames_waiting(f);
    if (!before)
        return PR_OK;
    if (pr_fault_hook) { /* a moment with half of the oldest frame written */
        enum pr_code half = write_to(f, f->sent + before / 2, e);
        if (half)
            return half;
        pr_fault_point(PR_FAULT_FRAME_HALF);
    }
    enum pr_code code = write_to(f, f->kept.len, e);
    drop_front(&f->kept, &f->sent);
    if (!code && !pr_frames_waiting(f))
        pr_fault_point(PR_FAULT_FRAME_WRITTEN);
    return code;
}

enum pr_code pr_frames_put(struct pr_frames *f, const json_t *message, struct pr_error *e)
{
    struct pr_str one = PR_STR_INIT(PR_FRAME_MAX + HEAD);
    pr_frame_append(&one, message);
    enum pr_code code = PR_OK;
    if (one.over)
        code = pr_fail(e, PR_E_LIMIT, "a message of more than %zu bytes", PR_FRAME_MAX);
    else if (one.len > f->max_kept || pr_frames_waiting(f) > f->max_kept - one.len)
        code =
            pr_fail(e, PR_E_LIMIT, "the other side does not read: %zu bytes wait, at most %zu may",
                pr_frames_waiting(f) + one.len, f->max_kept);
    else
        pr_str_append(&f->kept, one.data, one.len);
    pr_str_done(&one);
    return code ? code : pr_frames_flush(f, e);
}

enum pr_code pr_frames_read(struct pr_frames *f, struct pr_error *e)
{
    char chunk[CHUNK];
    ssize_t r;
    if (f->eof || f->got.len - f->taken > PR_FRAME_MAX + HEAD)
        return PR_OK; /* a whole frame is there: take it first */
    do {
        r = read(f->in, chunk, sizeof chunk);
    } while (r < 0 && errno == EINTR);
    if (r > 0) {
        drop_front(&f->got, &f->taken);
        pr_str_append(&f->got, chunk, (size_t)r);
        return f->got.over ? pr_fail(e, PR_E_LIMIT, "more was read than fits") : PR_OK;
    }
    if (r == 0 || errno == ECONNRESET) { /* reset: it went without reading all of ours */
        f->eof = true;
        return PR_OK;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return PR_OK;
    return pr_fail_errno(e, errno, "reading a message");
}

enum pr_code pr_frames_take(struct pr_frames *f, json_t **ret, struct pr_error *e)
{
    size_t used, n = f->got.len - f->taken;
    *ret = NULL;
    if (!n)
        return PR_OK;
    enum pr_code code = pr_frame_parse(f->got.data + f->taken, n, ret, &used, e);
    if (code)
        return code;
    if (!used && f->eof)
        return pr_fail(e, PR_E_FORMAT, "the stream ends within a frame");
    f->taken += used;
    if (f->taken == f->got.len) {
        pr_str_clear(&f->got);
        f->taken = 0;
    }
    if (used)
        pr_fault_point(PR_FAULT_FRAME_READ);
    return PR_OK;
}

static enum pr_code poll_until(struct pr_frames *f, int64_t deadline_ns, struct pr_error *e)
{
    struct pollfd p[2] = {{.fd = f->in, .events = POLLIN},
        {.fd = pr_frames_waiting(f) ? f->out : -1, .events = POLLOUT}};
    int ms = -1;
    if (deadline_ns >= 0) {
        int64_t left = (deadline_ns - pr_clock_monotonic_ns() + 999999) / 1000000;
        if (left <= 0)
            return pr_fail(e, PR_E_LIMIT, "no message in time");
        ms = left > 1 << 30 ? 1 << 30 : (int)left;
    }
    if (poll(p, 2, ms) < 0 && errno != EINTR)
        return pr_fail_errno(e, errno, "poll");
    return PR_OK;
}

enum pr_code pr_frames_wait(struct pr_frames *f, int timeout_ms, json_t **ret, struct pr_error *e)
{
    int64_t deadline =
        timeout_ms < 0 ? -1 : pr_clock_monotonic_ns() + (int64_t)timeout_ms * 1000000;
    for (;;) {
        enum pr_code code = pr_frames_read(f, e);
        if (!code)
            code = pr_frames_take(f, ret, e);
        if (code || *ret || f->eof)
            return code;
        if ((code = pr_frames_flush(f, e)) || (code = poll_until(f, deadline, e)))
            return code;
    }
}
