/* Reading TensorBoard event files: the frames, and the messages in them. */
#include "model/events.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/utf8.h"
#include "model/protobuf.h"

#define HEAD 12 /* length and its checksum */
#define TAIL 4  /* checksum of the bytes */

/* Slicing by one byte: event files are small beside everything else. */
static uint32_t crc32c(const unsigned char *p, size_t n)
{
    static const uint32_t nibble[16] = {/* of the reversed polynomial 0x82f63b78 */
        0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362,
        0x7198540d, 0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab,
        0xe330a81a, 0xf36e6f75};
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        c = c >> 4 ^ nibble[c & 15];
        c = c >> 4 ^ nibble[c & 15];
    }
    return ~c;
}

uint32_t pr_tfrecord_crc(const void *bytes, size_t n)
{
    uint32_t c = crc32c(bytes, n);
    return (c >> 15 | c << 17) + 0xa282ead8u;
}

static uint64_t little(const unsigned char *p, size_t n)
{
    uint64_t x = 0;
    while (n--)
        x = x << 8 | p[n];
    return x;
}

/* TensorProto: true and *ret where it is one float or double. */
static bool read_tensor(struct pr_proto p, double *ret)
{
    struct pr_proto_field f;
    enum { DT_FLOAT = 1, DT_DOUBLE = 2 };
    uint64_t dtype = DT_FLOAT;
    struct pr_proto value = {0};
    while (pr_proto_next(&p, &f)) {
        if (f.number == 1 && f.wire == PR_WIRE_VARINT)
            dtype = f.value;
        else if (f.number >= 4 && f.number <= 6 && f.wire == PR_WIRE_BYTES)
            value = f.bytes; /* tensor_content, or packed float_val, double_val */
        else if ((f.number == 5 && f.wire == PR_WIRE_32) ||
                 (f.number == 6 && f.wire == PR_WIRE_64)) {
            *ret =
                f.wire == PR_WIRE_32 ? (double)pr_proto_float(f.value) : pr_proto_double(f.value);
            return true;
        }
    }
    size_t n = (size_t)(value.end - value.at);
    if (p.bad || !((dtype == DT_FLOAT && n == 4) || (dtype == DT_DOUBLE && n == 8)))
        return false;
    uint64_t bits = little(value.at, n);
    *ret = n == 4 ? (double)pr_proto_float(bits) : pr_proto_double(bits);
    return true;
}

static char *text_of(struct pr_events *l, struct pr_proto bytes)
{
    size_t n = (size_t)(bytes.end - bytes.at);
    struct pr_str s = PR_STR_INIT(3 * n + 3);
    pr_utf8_append_lossy(&s, (const char *)bytes.at, n);
    char *text = pr_arena_strndup(&l->arena, pr_str_cstr(&s), s.len);
    pr_str_done(&s);
    return text;
}

/* Summary.Value: appended where it is a scalar. */
static bool read_value(struct pr_events *l, struct pr_event base, struct pr_proto p)
{
    struct pr_proto_field f;
    struct pr_proto tag = {0};
    bool scalar = false;
    while (pr_proto_next(&p, &f)) {
        if (f.number == 1 && f.wire == PR_WIRE_BYTES) {
            tag = f.bytes;
        } else if (f.number == 2 && f.wire == PR_WIRE_32) {
            base.value = (double)pr_proto_float(f.value);
            scalar = true;
        } else if (f.number == 8 && f.wire == PR_WIRE_BYTES) {
            scalar |= read_tensor(f.bytes, &base.value);
        }
    }
    if (p.bad || !scalar)
        return !p.bad;
    base.tag = text_of(l, tag);
    PR_PUSH(l->v, l->n, l->cap, base);
    return true;
}

static bool read_summary(struct pr_events *l, struct pr_event base, struct pr_proto p)
{
    struct pr_proto_field f;
    while (pr_proto_next(&p, &f))
        if (f.number == 1 && f.wire == PR_WIRE_BYTES && !read_value(l, base, f.bytes))
            return false;
    return !p.bad;
}

/* Event: false where the bytes are no such message.  *ret_version: it names the file's version. */
static bool read_event(struct pr_events *l, struct pr_proto p, bool *ret_version)
{
    static const char version[] = "brain.Event:";
    struct pr_event base = {.wall_time = NAN};
    struct pr_proto_field f;
    struct pr_proto summary = {0};
    *ret_version = false;
    while (pr_proto_next(&p, &f)) {
        size_t n = (size_t)(f.bytes.end - f.bytes.at);
        if (f.number == 1 && f.wire == PR_WIRE_64)
            base.wall_time = pr_proto_double(f.value);
        else if (f.number == 2 && f.wire == PR_WIRE_VARINT)
            base.step = (int64_t)f.value;
        else if (f.number == 3 && f.wire == PR_WIRE_BYTES)
            *ret_version = n >= strlen(version) && !memcmp(f.bytes.at, version, strlen(version));
        else if (f.number == 5 && f.wire == PR_WIRE_BYTES)
            summary = f.bytes; /* read last: step and wall_time may follow it */
    }
    return !p.bad && (!summary.at || read_summary(l, base, summary));
}

static bool all_zero(const unsigned char *p, size_t n)
{
    while (n && !*p) {
        p++;
        n--;
    }
    return !n;
}

/* Checks the frame at `at`: *ret_n bytes of message follow HEAD.  *ret_cut: the file ends within.
 */
static enum pr_code read_frame(const unsigned char *p, size_t n, size_t at, const char *name,
    size_t *ret_n, bool *ret_cut, struct pr_error *e)
{
    size_t left = n - at;
    *ret_cut = left < HEAD || (at && all_zero(p + at, left));
    if (*ret_cut)
        return PR_OK;
    uint64_t len = little(p + at, 8);
    if (pr_tfrecord_crc(p + at, 8) != little(p + at + 8, 4))
        return pr_fail_at(e, PR_E_FORMAT, (int64_t)at,
            at ? "%s: the checksum of a record's length is wrong"
               : "%s: not an event file: it does not begin with a TFRecord",
            name);
    if (len > left - HEAD || left - HEAD - len < TAIL) {
        *ret_cut = true;
        return PR_OK;
    }
    if (pr_tfrecord_crc(p + at + HEAD, (size_t)len) != little(p + at + HEAD + len, TAIL))
        return pr_fail_at(
            e, PR_E_FORMAT, (int64_t)at, "%s: the checksum of a record's bytes is wrong", name);
    *ret_n = (size_t)len;
    return PR_OK;
}

static enum pr_code read_records(const unsigned char *p, size_t n, const char *name,
    struct pr_events *l, struct pr_notes *notes, struct pr_error *e)
{
    for (size_t at = 0; at < n;) {
        size_t len = 0;
        bool version;
        enum pr_code code = read_frame(p, n, at, name, &len, &l->cut_off, e);
        if (code)
            return code;
        if (l->cut_off) {
            if (!at)
                return pr_fail_at(e, PR_E_FORMAT, (int64_t)n,
                    "%s: not an event file: it ends within its first record", name);
            pr_notes_add(notes, "%s: the last record is cut off at byte %zu, it begins at byte %zu",
                name, n, at);
            return PR_OK;
        }
        struct pr_proto message = {.at = p + at + HEAD, .end = p + at + HEAD + len};
        if (!read_event(l, message, &version))
            return pr_fail_at(
                e, PR_E_FORMAT, (int64_t)at, "%s: a record holds no Event message", name);
        if (!at && !version)
            return pr_fail_at(e, PR_E_FORMAT, 0,
                "%s: not an event file: the first record names no version 'brain.Event:'", name);
        l->n_records++;
        at += HEAD + len + TAIL;
    }
    return PR_OK;
}

enum pr_code pr_events_parse(const void *bytes, size_t n, const char *name, struct pr_events *ret,
    struct pr_notes *notes, struct pr_error *e)
{
    struct pr_events l = {0};
    if (!n)
        return pr_fail_at(e, PR_E_FORMAT, 0, "%s: not an event file: it is empty", name);
    enum pr_code code = read_records(bytes, n, name, &l, notes, e);
    if (code)
        pr_events_done(&l);
    else
        *ret = l;
    return code;
}

enum pr_code pr_events_read(
    int dir_fd, const char *name, struct pr_events *ret, struct pr_notes *notes, struct pr_error *e)
{
    int fd;
    struct pr_file_id id;
    void *bytes = NULL;
    enum pr_code code = pr_file_open(dir_fd, name, false, &fd, &id, e);
    if (code)
        return code;
    if (id.size > PR_EVENTS_MAX)
        code = pr_fail(e, PR_E_LIMIT, "%s: %llu bytes, at most %zu are accepted", name,
            (unsigned long long)id.size, PR_EVENTS_MAX);
    if (!code)
        code = pr_big_alloc(&bytes, id.size + 1, 1, "event file", e);
    if (!code)
        code = pr_file_pread(fd, bytes, id.size, 0, name, e);
    close(fd);
    if (!code)
        code = pr_events_parse(bytes, id.size, name, ret, notes, e);
    if (bytes)
        pr_big_free(bytes, id.size + 1);
    return code;
}

void pr_events_done(struct pr_events *l)
{
    pr_free(l->v);
    pr_arena_done(&l->arena);
    *l = (struct pr_events){0};
}
