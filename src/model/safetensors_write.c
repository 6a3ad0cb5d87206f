/* Writing safetensors files. */
#include "model/safetensors_write.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "base/json.h"
#include "base/utf8.h"
#include "model/safetensors_internal.h"

#define ALIGN 64                /* of the data's begin */
#define CHUNK ((size_t)1 << 20) /* bytes of the buffer */

struct pr_safetensors_writer {
    int fd;
    char *name;
    uint64_t *ends; /* of each tensor in the file, from byte 0 */
    const struct pr_safetensors_entry *v;
    struct pr_safetensors_entry *entries; /* what v points to */
    size_t n, at;                         /* `at`: the tensor whose turn it is */
    uint64_t place;                       /* bytes handed in, the header's included */
    unsigned char *buf;
    size_t used;
    struct pr_sha256 *hash; /* of what was written */
};

static enum pr_code flush(struct pr_safetensors_writer *w, struct pr_error *e)
{
    size_t done = 0;
    while (done < w->used) {
        ssize_t r = write(w->fd, w->buf + done, w->used - done);
        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0)
            return pr_fail_errno(e, errno, "%s: write", w->name);
        done += (size_t)r;
    }
    pr_sha256_update(w->hash, w->buf, w->used);
    w->used = 0;
    return PR_OK;
}

static enum pr_code put(
    struct pr_safetensors_writer *w, const unsigned char *p, size_t n, struct pr_error *e)
{
    while (n) {
        size_t part = n < CHUNK - w->used ? n : CHUNK - w->used;
        memcpy(w->buf + w->used, p, part);
        w->used += part;
        w->place += part;
        p += part;
        n -= part;
        enum pr_code code = w->used == CHUNK ? flush(w, e) : PR_OK;
        if (code)
            return code;
    }
    return PR_OK;
}

/* Passes over tensors that are full, those without elements included. */
static void settle(struct pr_safetensors_writer *w)
{
    while (w->at < w->n && w->place == w->ends[w->at])
        w->at++;
}

/* Is there room for `bytes` more in the tensor whose turn it is? */
static enum pr_code check_room(
    const struct pr_safetensors_writer *w, uint64_t bytes, struct pr_error *e)
{
    if (w->at == w->n)
        return pr_fail(e, PR_E_USAGE, "%s: more data than tensors", w->name);
    if (bytes > w->ends[w->at] - w->place)
        return pr_fail(e, PR_E_USAGE, "%s: tensor '%s': more data than its shape holds", w->name,
            w->v[w->at].name);
    return PR_OK;
}

/* The size of each tensor into ends[i], as a running sum from 0. */
static enum pr_code sum_sizes(struct pr_safetensors_writer *w, struct pr_error *e)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct pr_safetensors_entry *t = &w->v[i];
        uint64_t bytes = pr_dtype_size(t->dtype);
        bool fits = t->rank <= PR_MAX_RANK;
        if (i && pr_dtype_size(t->dtype) > pr_dtype_size(t[-1].dtype))
            return pr_fail(e, PR_E_USAGE, "%s: tensor '%s' would not be aligned", w->name, t->name);
        for (uint32_t k = 0; fits && k < t->rank; k++)
            fits = t->shape[k] <= INT64_MAX && !__builtin_mul_overflow(bytes, t->shape[k], &bytes);
        fits = fits && !__builtin_add_overflow(sum, bytes, &sum) && sum < INT64_MAX / 2;
        if (!fits)
            return pr_fail(e, PR_E_LIMIT, "%s: tensor '%s' is too large", w->name, t->name);
        w->ends[i] = sum;
    }
    return PR_OK;
}

static json_t *shape_json(const struct pr_safetensors_entry *t)
{
    json_t *shape = json_array();
    for (uint32_t k = 0; k < t->rank; k++)
        json_array_append_new(shape, json_integer((json_int_t)t->shape[k]));
    return shape;
}

/* The header's JSON, padded with spaces so that the data begins aligned. */
static enum pr_code make_header(const struct pr_safetensors_writer *w,
    const char *const (*metadata)[2], size_t n_metadata, struct pr_str *out, struct pr_error *e)
{
    json_t *root = json_object(), *said = json_object();
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < n_metadata; i++)
        pr_json_set_str(said, metadata[i][0], metadata[i][1]);
    if (n_metadata)
        json_object_set(root, "__metadata__", said);
    json_decref(said);
    for (size_t i = 0; i < w->n && !code; i++) {
        const struct pr_safetensors_entry *t = &w->v[i];
        if (!pr_utf8_valid(t->name, strlen(t->name)) || json_object_get(root, t->name)) {
            code = pr_fail(e, PR_E_USAGE, "%s: tensor '%s' %s", w->name, t->name,
                json_object_get(root, t->name) ? "is there twice" : "is no UTF-8");
            break;
        }
        json_t *entry = json_object(), *offsets = json_array();
        pr_json_set_str(entry, "dtype", pr_dtype_name(t->dtype));
        json_object_set_new(entry, "shape", shape_json(t));
        json_array_append_new(offsets, json_integer(i ? (json_int_t)w->ends[i - 1] : 0));
        json_array_append_new(offsets, json_integer((json_int_t)w->ends[i]));
        json_object_set_new(entry, "data_offsets", offsets);
        json_object_set_new(root, t->name, entry);
    }
    if (!code)
        pr_json_dump(root, 0, 0, out);
    json_decref(root);
    while (!code && !out->over && (8 + out->len) % ALIGN)
        pr_str_putc(out, ' ');
    if (!code && out->over)
        code = pr_fail(e, PR_E_LIMIT, "%s: the header would be over %u bytes", w->name,
            PR_SAFETENSORS_MAX_HEADER);
    return code;
}

static enum pr_code write_header(struct pr_safetensors_writer *w, const char *const (*metadata)[2],
    size_t n_metadata, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT(PR_SAFETENSORS_MAX_HEADER);
    unsigned char length[8];
    enum pr_code code = make_header(w, metadata, n_metadata, &text, e);
    if (code)
        goto out;
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)((uint64_t)text.len >> 8 * i);
    uint64_t begin = 8 + text.len;
    for (size_t i = 0; i < w->n; i++)
        w->ends[i] += begin;
    uint64_t size = w->n ? w->ends[w->n - 1] : begin;
    /* A full disk is known before anything is written; where the file system cannot say, later. */
    if (fallocate(w->fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)size) &&
        (errno == ENOSPC || errno == EFBIG))
        code = pr_fail_errno(e, errno, "%s: %llu bytes", w->name, (unsigned long long)size);
    if (!code)
        code = put(w, length, sizeof length, e);
    if (!code)
        code = put(w, (const unsigned char *)text.data, text.len, e);
    settle(w);
out:
    pr_str_done(&text);
    return code;
}

enum pr_code pr_safetensors_writer_open(int dir_fd, const char *name,
    const struct pr_safetensors_entry *v, size_t n, const char *const (*metadata)[2],
    size_t n_metadata, struct pr_safetensors_writer **ret, struct pr_error *e)
{
    int fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        return pr_fail_errno(e, errno, "%s", name);
    struct pr_safetensors_writer *w = pr_zalloc(sizeof *w);
    *w = (struct pr_safetensors_writer){.fd = fd, .name = pr_strdup(name), .n = n};
    w->buf = pr_alloc(CHUNK);
    w->hash = pr_sha256_new();
    w->ends = pr_zalloc((n + 1) * sizeof *w->ends);
    w->entries = pr_zalloc((n + 1) * sizeof *w->entries);
    if (n)
        memcpy(w->entries, v, n * sizeof *v);
    w->v = w->entries;
    enum pr_code code = sum_sizes(w, e);
    if (!code)
        code = write_header(w, metadata, n_metadata, e);
    if (code)
        pr_safetensors_writer_drop(w);
    else
        *ret = w;
    return code;
}

enum pr_code pr_safetensors_writer_bytes(
    struct pr_safetensors_writer *w, const void *bytes, size_t n, struct pr_error *e)
{
    enum pr_code code = n ? check_room(w, n, e) : PR_OK;
    if (!code)
        code = put(w, bytes, n, e);
    settle(w);
    return code;
}

enum pr_code pr_safetensors_writer_f32(
    struct pr_safetensors_writer *w, const float *values, size_t n, struct pr_error *e)
{
    enum { PART = 4096 };
    unsigned char part[PART * 4] __attribute__((aligned(64)));
    enum pr_code code = n ? check_room(w, 0, e) : PR_OK;
    if (!n || code)
        return code;
    enum pr_dtype dtype = w->v[w->at].dtype;
    size_t size = pr_dtype_size(dtype);
    if (!pr_dtype_is_float(dtype) || dtype == PR_F64)
        return pr_fail(e, PR_E_USAGE, "%s: tensor '%s' is %s: its data is not made of f32", w->name,
            w->v[w->at].name, pr_dtype_name(dtype));
    if (dtype == PR_F32)
        return pr_safetensors_writer_bytes(w, values, n * size, e);
    if ((code = check_room(w, (uint64_t)n * size, e)))
        return code;
    for (size_t i = 0; i < n && !code; i += PART) {
        size_t m = n - i < PART ? n - i : PART;
        pr_convert(PR_F32, values + i, m, dtype, part);
        code = put(w, part, m * size, e);
    }
    settle(w);
    return code;
}

enum pr_code pr_safetensors_writer_close(
    struct pr_safetensors_writer *w, char ret_sha256[PR_SHA256_HEX], struct pr_error *e)
{
    struct stat st;
    enum pr_code code = PR_OK;
    if (w->at < w->n)
        code =
            pr_fail(e, PR_E_USAGE, "%s: tensor '%s' did not come whole", w->name, w->v[w->at].name);
    if (!code)
        code = flush(w, e);
    pr_fault_point(PR_FAULT_SAVE_DATA);
    if (!code && (fsync(w->fd) || fstat(w->fd, &st)))
        code = pr_fail_errno(e, errno, "%s: sync", w->name);
    if (!code && (uint64_t)st.st_size != w->place)
        code = pr_fail(e, PR_E_IO, "%s: %llu bytes were written, the file has %llu", w->name,
            (unsigned long long)w->place, (unsigned long long)st.st_size);
    int fd = w->fd;
    w->fd = -1;
    if (close(fd) && !code)
        code = pr_fail_errno(e, errno, "%s: close", w->name);
    if (!code && ret_sha256) {
        uint8_t digest[PR_SHA256_LEN];
        pr_sha256_final(w->hash, digest);
        w->hash = NULL;
        pr_sha256_hex(digest, ret_sha256);
    }
    pr_safetensors_writer_drop(w);
    return code;
}

void pr_safetensors_writer_drop(struct pr_safetensors_writer *w)
{
    if (!w)
        return;
    if (w->fd >= 0)
        close(w->fd);
    if (w->hash) {
        uint8_t unused[PR_SHA256_LEN];
        pr_sha256_final(w->hash, unused);
    }
    pr_free(w->name);
    pr_free(w->ends);
    pr_free(w->entries);
    pr_free(w->buf);
    pr_free(w);
}
