/* The weights of make-checkpoint: which tensors an architecture has, and their bytes. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/str.h"
#include "make_checkpoint.h"
#include "model/config.h"
#include "random_tensor.h"

#define CHUNK ((size_t)1 << 20) /* elements written at once; a multiple of PR_RANDOM_LANES */

enum fill { FILL_MATRIX, FILL_NORM, FILL_BIAS };

struct out_tensor {
    char *name;
    uint64_t rows, cols; /* cols 0: one dimension */
    enum fill fill;
    size_t shard;
};
struct out_tensors {
    struct out_tensor *v;
    size_t n, cap, n_shards;
    uint64_t elements;
};

static uint64_t count(const struct out_tensor *t)
{
    return t->rows * (t->cols ? t->cols : 1);
}

PR_PRINTF(5, 6)
static void add(
    struct out_tensors *ts, enum fill fill, int64_t rows, int64_t cols, const char *fmt, ...)
{
    struct out_tensor t = {.rows = (uint64_t)rows, .cols = (uint64_t)cols, .fill = fill};
    char name[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(name, sizeof name, fmt, ap);
    va_end(ap);
    t.name = pr_strdup(name);
    PR_PUSH(ts->v, ts->n, ts->cap, t);
    ts->elements += count(&t);
}

/* A linear layer and, where wanted, its bias. */
static void add_linear(
    struct out_tensors *ts, int64_t layer, const char *module, int64_t out, int64_t in, bool bias)
{
    add(ts, FILL_MATRIX, out, in, "model.layers.%" PRId64 ".%s.weight", layer, module);
    if (bias)
        add(ts, FILL_BIAS, out, 0, "model.layers.%" PRId64 ".%s.bias", layer, module);
}

static void list_tensors(const struct job *job, struct out_tensors *ts)
{
    const struct shape *s = &job->shape;
    const struct pr_arch *arch = pr_arch_find(s->arch);
    int64_t q = s->heads * s->head_dim, kv = s->kv_heads * s->head_dim;
    bool qkv_bias = job->bias & BIAS_QKV, mlp_bias = job->bias & BIAS_MLP;
    add(ts, FILL_MATRIX, s->vocab, s->hidden, "model.embed_tokens.weight");
    for (int64_t l = 0; l < s->layers; l++) {
        add(ts, FILL_NORM, s->hidden, 0, "model.layers.%" PRId64 ".input_layernorm.weight", l);
        add_linear(ts, l, "self_attn.q_proj", q, s->hidden, qkv_bias);
        add_linear(ts, l, "self_attn.k_proj", kv, s->hidden, qkv_bias);
        add_linear(ts, l, "self_attn.v_proj", kv, s->hidden, qkv_bias);
        add_linear(ts, l, "self_attn.o_proj", s->hidden, q, job->bias & BIAS_O);
        if (arch->qk_norm) {
            add(ts, FILL_NORM, s->head_dim, 0, "model.layers.%" PRId64 ".self_attn.q_norm.weight",
                l);
            add(ts, FILL_NORM, s->head_dim, 0, "model.layers.%" PRId64 ".self_attn.k_norm.weight",
                l);
        }
        add(ts, FILL_NORM, s->hidden, 0, "model.layers.%" PRId64 ".post_attention_layernorm.weight",
            l);
        add_linear(ts, l, "mlp.gate_proj", s->mlp, s->hidden, mlp_bias);
        add_linear(ts, l, "mlp.up_proj", s->mlp, s->hidden, mlp_bias);
        add_linear(ts, l, "mlp.down_proj", s->hidden, s->mlp, mlp_bias);
    }
    add(ts, FILL_NORM, s->hidden, 0, "model.norm.weight");
    if (!s->tied)
        add(ts, FILL_MATRIX, s->vocab, s->hidden, "lm_head.weight");
}

/* Fills shards in order up to max_shard bytes; a tensor larger than that has one of its own. */
static void assign_shards(const struct job *job, struct out_tensors *ts)
{
    uint64_t used = 0;
    size_t shard = 0;
    for (size_t i = 0; i < ts->n; i++) {
        uint64_t bytes = count(&ts->v[i]) * pr_dtype_size(job->dtype);
        if (used > 0 && bytes > job->max_shard - (used < job->max_shard ? used : job->max_shard)) {
            shard++;
            used = 0;
        }
        ts->v[i].shard = shard;
        used += bytes;
    }
    ts->n_shards = shard + 1;
}

static enum pr_code write_all(
    int fd, const void *bytes, size_t n, const char *name, struct pr_error *e)
{
    const char *p = bytes;
    while (n > 0) {
        ssize_t k = write(fd, p, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k < 0)
            return pr_fail_errno(e, errno, "%s: write", name);
        p += k;
        n -= (size_t)k;
    }
    return PR_OK;
}

static enum pr_code write_tensor(const struct job *job, const struct out_tensor *t, uint64_t stream,
    int fd, void *buf, struct pr_error *e)
{
    static const struct {
        float mean, std; /* std 0: the job's */
    } fills[] = {[FILL_MATRIX] = {0, 0}, [FILL_NORM] = {1, 0.1f}, [FILL_BIAS] = {0, 0.1f}};
    float std = fills[t->fill].std > 0 ? fills[t->fill].std : (float)job->std;
    struct pr_random_stream rng;
    pr_random_stream_init(&rng, job->seed, stream);
    for (uint64_t left = count(t); left > 0;) {
        size_t n = left < CHUNK ? (size_t)left : CHUNK;
        pr_random_fill(&rng, job->dtype, fills[t->fill].mean, std, n, buf);
        enum pr_code code = write_all(fd, buf, n * pr_dtype_size(job->dtype), t->name, e);
        if (code)
            return code;
        left -= n;
    }
    return PR_OK;
}

/* The header: 8 bytes of length, then JSON padded with spaces to a multiple of 8. */
static void safetensors_header(
    const struct job *job, const struct out_tensors *ts, size_t shard, struct pr_str *out)
{
    json_t *head = json_object(), *meta = json_object();
    pr_json_set_str(meta, "format", "pt");
    pr_json_set(head, "__metadata__", meta);
    uint64_t at = 0;
    for (size_t i = 0; i < ts->n; i++) {
        const struct out_tensor *t = &ts->v[i];
        if (t->shard != shard)
            continue;
        uint64_t end = at + count(t) * pr_dtype_size(job->dtype);
        json_t *entry = json_object();
        pr_json_set_str(entry, "dtype", pr_dtype_name(job->dtype));
        pr_json_set(entry, "shape",
            t->cols ? json_pack("[I,I]", (json_int_t)t->rows, (json_int_t)t->cols)
                    : json_pack("[I]", (json_int_t)t->rows));
        pr_json_set(entry, "data_offsets", json_pack("[I,I]", (json_int_t)at, (json_int_t)end));
        pr_json_set(head, t->name, entry);
        at = end;
    }
    struct pr_str text = PR_STR_INIT((size_t)100 << 20);
    pr_json_dump(head, 0, 0, &text);
    json_decref(head);
    while (text.len % 8)
        pr_str_putc(&text, ' ');
    uint64_t n = text.len;
    unsigned char length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (unsigned char)(n >> 8 * i);
    pr_str_append(out, (const char *)length, 8);
    pr_str_append(out, text.data, text.len);
    pr_str_done(&text);
}

static void shard_name(const struct out_tensors *ts, size_t shard, char ret[64])
{
    if (ts->n_shards == 1)
        snprintf(ret, 64, "model.safetensors");
    else
        snprintf(ret, 64, "model-%05zu-of-%05zu.safetensors", shard + 1, ts->n_shards);
}

static enum pr_code write_shard(const struct job *job, const struct out_tensors *ts, size_t shard,
    void *buf, struct pr_error *e)
{
    char name[64];
    shard_name(ts, shard, name);
    char *path = pr_path_join(job->out, name);
    struct pr_str head = PR_STR_INIT((size_t)101 << 20);
    enum pr_code code = PR_OK;
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        code = pr_fail_errno(e, errno, "%s", path);
        goto out;
    }
    safetensors_header(job, ts, shard, &head);
    if ((code = write_all(fd, head.data, head.len, name, e)))
        goto out;
    for (size_t i = 0; i < ts->n && !code; i++)
        if (ts->v[i].shard == shard)
            code = write_tensor(job, &ts->v[i], i, fd, buf, e);
out:
    if (fd >= 0 && close(fd) < 0 && !code)
        code = pr_fail_errno(e, errno, "%s: close", path);
    pr_str_done(&head);
    pr_free(path);
    return code;
}

static enum pr_code write_weights(
    const struct job *job, const struct out_tensors *ts, struct pr_error *e)
{
    void *buf = pr_alloc(CHUNK * pr_dtype_size(job->dtype));
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < ts->n_shards && !code; i++)
        code = write_shard(job, ts, i, buf, e);
    pr_free(buf);
    if (code || ts->n_shards == 1)
        return code;
    json_t *map = json_object(), *index = json_object(), *meta = json_object();
    for (size_t i = 0; i < ts->n; i++) {
        char name[64];
        shard_name(ts, ts->v[i].shard, name);
        pr_json_set_str(map, ts->v[i].name, name);
    }
    pr_json_set_int(meta, "total_size", (int64_t)(ts->elements * pr_dtype_size(job->dtype)));
    pr_json_set(index, "metadata", meta);
    pr_json_set(index, "weight_map", map);
    return make_json(job, "model.safetensors.index.json", index, e);
}

enum pr_code make_weights(
    const struct job *job, uint64_t *ret_elements, size_t *ret_files, struct pr_error *e)
{
    struct out_tensors ts = {0};
    list_tensors(job, &ts);
    assign_shards(job, &ts);
    enum pr_code code = write_weights(job, &ts, e);
    *ret_elements = ts.elements;
    *ret_files = ts.n_shards;
    for (size_t i = 0; i < ts.n; i++)
        pr_free(ts.v[i].name);
    pr_free(ts.v);
    return code;
}
