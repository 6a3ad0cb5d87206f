/* The tensors of a checkpoint: the model's own, in files of at most a few GB, and the optimizer's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "train/save_internal.h"

#define SHARD_BYTES ((uint64_t)5000000000) /* transformers' max_shard_size of "5GB" */
#define MAX_SHARDS  99999

static const char *const made_with[][2] = {
    {"format", "pt"}}; /* transformers refuses files without */

static struct pr_safetensors_entry entry_of(
    const struct pr_param *p, const char *name, enum pr_dtype dtype)
{
    struct pr_safetensors_entry t = {.name = name, .dtype = dtype, .rank = p->rank};
    t.shape[0] = p->rank == 1 ? p->n : p->rows;
    t.shape[1] = p->rank == 1 ? 0 : p->cols;
    return t;
}

/* Parameters [begin, end) as one file. */
static enum pr_code write_file(const struct pr_save *s, int dir_fd, const char *name,
    const struct pr_param *params, size_t begin, size_t end, json_t *sums, struct pr_error *e)
{
    char sum[PR_SHA256_HEX];
    size_t n = end - begin;
    struct pr_safetensors_entry *v = pr_zalloc((n + 1) * sizeof *v);
    struct pr_safetensors_writer *w;
    for (size_t i = 0; i < n; i++)
        v[i] = entry_of(&params[begin + i], params[begin + i].name, s->dtype);
    enum pr_code code = pr_safetensors_writer_open(dir_fd, name, v, n, made_with, 1, &w, e);
    pr_free(v);
    if (code)
        return code;
    for (size_t i = begin; i < end && !code; i++)
        code = pr_safetensors_writer_f32(w, params[i].value, params[i].n, e);
    if (code) {
        pr_safetensors_writer_drop(w);
        return code;
    }
    code = pr_safetensors_writer_close(w, sum, e);
    if (!code)
        pr_json_set_str(sums, name, sum);
    return code;
}

/* ends[k]: the parameter with which file k ends (not included); returns their number.  As
 * transformers does it: in order, a new file where the next tensor would not fit any more. */
static size_t share_out(
    const struct pr_param *params, size_t n, enum pr_dtype dtype, uint64_t limit, size_t *ends)
{
    size_t k = 0;
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t bytes = (uint64_t)params[i].n * pr_dtype_size(dtype);
        if (sum && sum + bytes > limit) {
            ends[k++] = i;
            sum = 0;
        }
        sum += bytes;
    }
    ends[k] = n;
    return k + 1;
}

static enum pr_code write_shards(const struct pr_save *s, int dir_fd, const struct pr_param *params,
    const size_t *ends, size_t n_files, json_t *sums, struct pr_error *e)
{
    json_t *index = json_object(), *metadata = json_object(), *map = json_object();
    uint64_t bytes = 0;
    enum pr_code code = PR_OK;
    for (size_t k = 0, i = 0; k < n_files && !code; k++) {
        char name[64];
        snprintf(name, sizeof name, "model-%05zu-of-%05zu.safetensors", k + 1, n_files);
        code = write_file(s, dir_fd, name, params, i, ends[k], sums, e);
        for (; i < ends[k]; i++) {
            bytes += (uint64_t)params[i].n * pr_dtype_size(s->dtype);
            pr_json_set_str(map, params[i].name, name);
        }
    }
    pr_json_set_int(metadata, "total_size", (int64_t)bytes);
    pr_json_set(index, "metadata", metadata);
    pr_json_set(index, "weight_map", map);
    if (!code)
        code = pr_save_write_json(
            dir_fd, "model.safetensors.index.json", index, PR_SAVE_INDEX_MAX, NULL, e);
    json_decref(index);
    return code;
}

enum pr_code pr_save_weights(const struct pr_save *s, int dir_fd, json_t *sums, struct pr_error *e)
{
    size_t n;
    const struct pr_param *params = pr_net_params(s->net, &n);
    if (pr_save_is_adapter(s->net))
        return write_file(s, dir_fd, "adapter_model.safetensors", params, 0, n, sums, e);
    size_t *ends = pr_alloc((n + 1) * sizeof *ends);
    uint64_t limit = s->shard_bytes ? s->shard_bytes : SHARD_BYTES;
    size_t n_files = share_out(params, n, s->dtype, limit, ends);
    enum pr_code code = n_files == 1
                            ? write_file(s, dir_fd, "model.safetensors", params, 0, n, sums, e)
                        : n_files > MAX_SHARDS
                            ? pr_fail(e, PR_E_LIMIT, "%zu files of weights, at most %d are written",
                                  n_files, MAX_SHARDS)
                            : write_shards(s, dir_fd, params, ends, n_files, sums, e);
    pr_free(ends);
    return code;
}

bool pr_save_is_weights(const char *name)
{
    static const char end[] = ".safetensors";
    size_t n = strlen(name), m = strlen(end);
    return (!strncmp(name, "model", 5) || !strncmp(name, "adapter_model", 13)) && n > m &&
           !strcmp(name + n - m, end);
}

/* The names of the state's tensors, in one arena. */
static const char *prefixed(struct pr_arena *a, const char *prefix, const char *name)
{
    struct pr_str s = PR_STR_INIT(1024);
    pr_str_printf(&s, "%s%s", prefix, name);
    const char *kept = pr_arena_strndup(a, pr_str_cstr(&s), s.len);
    pr_str_done(&s);
    return kept;
}

static enum pr_code write_state(struct pr_safetensors_writer *w, const struct pr_save *s,
    const struct pr_param *params, size_t n, bool masters, struct pr_error *e)
{
    size_t all;
    const float *values = pr_net_values(s->net, &all);
    const float *parts[] = {s->optimizer->m, s->optimizer->v, values};
    int64_t step = s->optimizer->step;
    enum pr_code code = pr_safetensors_writer_bytes(w, &step, sizeof step, e);
    for (size_t k = 0; k < (masters ? 3u : 2u); k++)
        for (size_t i = 0; i < n && !code; i++)
            code =
                pr_safetensors_writer_f32(w, parts[k] + (params[i].value - values), params[i].n, e);
    return code;
}

enum pr_code pr_save_state(const struct pr_save *s, int dir_fd, json_t *sums, struct pr_error *e)
{
    char sum[PR_SHA256_HEX];
    static const char *const prefixes[] = {PR_SAVE_M, PR_SAVE_V, PR_SAVE_MASTER};
    size_t n, k = 0;
    const struct pr_param *params = pr_net_params(s->net, &n);
    bool masters = s->dtype != PR_F32; /* else the weights are */
    struct pr_arena names = {0};
    struct pr_safetensors_writer *w;
    struct pr_safetensors_entry *v = pr_zalloc((3 * n + 1) * sizeof *v);
    v[k++] = (struct pr_safetensors_entry){.name = "step", .dtype = PR_I64};
    for (size_t part = 0; part < (masters ? 3u : 2u); part++)
        for (size_t i = 0; i < n; i++)
            v[k++] = entry_of(&params[i], prefixed(&names, prefixes[part], params[i].name), PR_F32);
    enum pr_code code =
        pr_safetensors_writer_open(dir_fd, PR_SAVE_STATE_FILE, v, k, made_with, 1, &w, e);
    if (!code) {
        code = write_state(w, s, params, n, masters, e);
        if (code)
            pr_safetensors_writer_drop(w);
        else
            code = pr_safetensors_writer_close(w, sum, e);
    }
    if (!code)
        pr_json_set_str(sums, PR_SAVE_STATE_FOLDER "/" PR_SAVE_STATE_FILE, sum);
    pr_arena_done(&names);
    pr_free(v);
    return code;
}
