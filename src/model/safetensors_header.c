/* The header of a safetensors file: every tensor's name, type, shape and place, checked so that
 * what follows can trust the numbers.  Works on bytes in memory alone; the file is safetensors.c's.
 */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "model/safetensors_internal.h"

/* Types that the format knows and proctor has no use for: refused by name, not as nonsense. */
static const char *const other_types[] = {
    "C64", "F4", "F6_E2M3", "F6_E3M2", "F8_E4M3FNUZ", "F8_E5M2FNUZ", "F8_E8M0"};

enum pr_code pr_safetensors_length(const unsigned char field[8], size_t field_len,
    uint64_t file_size, const char *name, uint64_t *ret, struct pr_error *e)
{
    if (file_size < 8 || field_len < 8)
        return pr_fail_at(e, PR_E_INCOMPLETE, (int64_t)file_size,
            "%s: the file ends within the 8-byte header length", name);
    uint64_t n = 0;
    for (int i = 7; i >= 0; i--)
        n = n << 8 | field[i];
    if (n > PR_SAFETENSORS_MAX_HEADER)
        return pr_fail_at(e, PR_E_FORMAT, 0, "%s: header length is %llu, at most %u is allowed",
            name, (unsigned long long)n, PR_SAFETENSORS_MAX_HEADER);
    if (n < 2)
        return pr_fail_at(e, PR_E_FORMAT, 0,
            "%s: header length is %llu, a JSON object takes at least 2", name,
            (unsigned long long)n);
    if (n > file_size - 8)
        return pr_fail_at(e, PR_E_INCOMPLETE, (int64_t)file_size,
            "%s: the header ends at byte %llu, the file has %llu", name, (unsigned long long)n + 8,
            (unsigned long long)file_size);
    *ret = n;
    return PR_OK;
}

static enum pr_code read_dtype(
    const json_t *v, const char *name, const char *tensor, enum pr_dtype *ret, struct pr_error *e)
{
    const char *text = json_string_value(v);
    if (!text)
        return pr_fail(e, PR_E_FORMAT, "%s: tensor '%s': 'dtype' is %s, a string was expected",
            name, tensor, pr_json_type_name(v));
    *ret = pr_dtype_from_name(text);
    if (*ret != PR_DTYPE_COUNT)
        return PR_OK;
    for (size_t i = 0; i < sizeof other_types / sizeof *other_types; i++)
        if (!strcmp(text, other_types[i]))
            return pr_fail(e, PR_E_UNSUPPORTED,
                "%s: tensor '%s': dtype %s is not supported (weights are F32, F16, BF16 or F64)",
                name, tensor, text);
    return pr_fail(e, PR_E_FORMAT,
        "%s: tensor '%s': unknown dtype '%.40s', expected F32, F16, BF16, F64 or an integer type",
        name, tensor, text);
}

static enum pr_code read_shape(
    const json_t *v, const char *name, struct pr_tensor *t, struct pr_error *e)
{
    if (!json_is_array(v))
        return pr_fail(e, PR_E_FORMAT, "%s: tensor '%s': 'shape' is %s, an array was expected",
            name, t->name, pr_json_type_name(v));
    if (json_array_size(v) > PR_MAX_RANK)
        return pr_fail(e, PR_E_UNSUPPORTED,
            "%s: tensor '%s': %zu dimensions, at most %d are supported", name, t->name,
            json_array_size(v), PR_MAX_RANK);
    t->rank = (uint32_t)json_array_size(v);
    t->n = 1;
    for (uint32_t i = 0; i < t->rank; i++) {
        const json_t *d = json_array_get(v, i);
        if (!json_is_integer(d) || json_integer_value(d) < 0)
            return pr_fail(e, PR_E_FORMAT,
                "%s: tensor '%s': 'shape'[%u] is not a whole number of at least 0", name, t->name,
                i);
        t->shape[i] = (uint64_t)json_integer_value(d);
        /* In order, as the reference does: a zero that comes first makes the rest harmless. */
        if (__builtin_mul_overflow(t->n, t->shape[i], &t->n))
            return pr_fail(e, PR_E_FORMAT,
                "%s: tensor '%s': the product of 'shape' does not fit in 64 bits", name, t->name);
    }
    if (__builtin_mul_overflow(t->n, (uint64_t)pr_dtype_size(t->dtype), &t->bytes))
        return pr_fail(e, PR_E_FORMAT, "%s: tensor '%s': the size in bytes does not fit in 64 bits",
            name, t->name);
    return PR_OK;
}

static enum pr_code read_offsets(
    const json_t *v, const char *name, uint64_t data_start, struct pr_tensor *t, struct pr_error *e)
{
    if (!json_is_array(v) || json_array_size(v) != 2)
        return pr_fail(e, PR_E_FORMAT,
            "%s: tensor '%s': 'data_offsets' is not an array of two numbers", name, t->name);
    uint64_t at[2];
    for (size_t i = 0; i < 2; i++) {
        const json_t *d = json_array_get(v, i);
        if (!json_is_integer(d) || json_integer_value(d) < 0)
            return pr_fail(e, PR_E_FORMAT,
                "%s: tensor '%s': 'data_offsets'[%zu] is not a whole number of at least 0", name,
                t->name, i);
        at[i] = (uint64_t)json_integer_value(d);
    }
    if (at[1] < at[0])
        return pr_fail(e, PR_E_FORMAT,
            "%s: tensor '%s': 'data_offsets' end at %llu, before their begin %llu", name, t->name,
            (unsigned long long)at[1], (unsigned long long)at[0]);
    if (at[1] - at[0] != t->bytes)
        return pr_fail(e, PR_E_FORMAT,
            "%s: tensor '%s': 'shape' and %s take %llu bytes, 'data_offsets' span %llu", name,
            t->name, pr_dtype_name(t->dtype), (unsigned long long)t->bytes,
            (unsigned long long)(at[1] - at[0]));
    t->offset = data_start + at[0]; /* both below 2^63 */
    return PR_OK;
}

static enum pr_code read_tensor(struct pr_safetensors *s, const char *key, const json_t *v,
    const char *name, uint64_t data_start, struct pr_error *e)
{
    struct pr_tensor t = {.name = pr_arena_strndup(&s->arena, key, strlen(key))};
    if (!json_is_object(v))
        return pr_fail(e, PR_E_FORMAT, "%s: tensor '%s' is %s, an object was expected", name, key,
            pr_json_type_name(v));
    enum pr_code code = read_dtype(json_object_get(v, "dtype"), name, key, &t.dtype, e);
    if (!code)
        code = read_shape(json_object_get(v, "shape"), name, &t, e);
    if (!code)
        code = read_offsets(json_object_get(v, "data_offsets"), name, data_start, &t, e);
    if (!code)
        PR_PUSH(s->tensors, s->n, s->cap, t);
    return code;
}

static enum pr_code check_metadata(const json_t *v, const char *name, struct pr_error *e)
{
    if (!json_is_object(v))
        return pr_fail(e, PR_E_FORMAT, "%s: '__metadata__' is %s, an object was expected", name,
            pr_json_type_name(v));
    const char *key;
    json_t *text;
    json_object_foreach ((json_t *)v, key, text)
        if (!json_is_string(text))
            return pr_fail(e, PR_E_FORMAT, "%s: '__metadata__': '%s' is %s, a string was expected",
                name, key, pr_json_type_name(text));
    return PR_OK;
}

static int by_offset(const void *a, const void *b)
{
    const struct pr_tensor *x = a, *y = b;
    if (x->offset != y->offset)
        return x->offset < y->offset ? -1 : 1;
    if (x->bytes != y->bytes) /* tensors without bytes lie before the one that begins there */
        return x->bytes < y->bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

static int by_name(const void *a, const void *b)
{
    return strcmp((*(struct pr_tensor *const *)a)->name, (*(struct pr_tensor *const *)b)->name);
}

/* The data must be one buffer without gaps and overlaps that ends where the file does. */
static enum pr_code check_places(const struct pr_safetensors *s, uint64_t data_start,
    uint64_t file_size, const char *name, struct pr_error *e)
{
    uint64_t end = data_start;
    for (size_t i = 0; i < s->n; i++) {
        const struct pr_tensor *t = &s->tensors[i];
        if (t->offset < end)
            return pr_fail_at(e, PR_E_FORMAT, (int64_t)t->offset,
                "%s: tensor '%s' overlaps '%s', which ends at byte %llu", name, t->name,
                s->tensors[i - 1].name, (unsigned long long)end);
        if (t->offset > end)
            return pr_fail_at(e, PR_E_FORMAT, (int64_t)end,
                "%s: %llu bytes before tensor '%s' belong to no tensor", name,
                (unsigned long long)(t->offset - end), t->name);
        end += t->bytes;
    }
    if (end > file_size)
        return pr_fail_at(e, PR_E_INCOMPLETE, (int64_t)file_size,
            "%s: tensor '%s' ends at byte %llu, the file has %llu", name, s->tensors[s->n - 1].name,
            (unsigned long long)end, (unsigned long long)file_size);
    if (end < file_size)
        return pr_fail_at(e, PR_E_FORMAT, (int64_t)end,
            "%s: the last tensor ends at byte %llu, the file has %llu", name,
            (unsigned long long)end, (unsigned long long)file_size);
    return PR_OK;
}

enum pr_code pr_safetensors_header(struct pr_safetensors *s, const char *json, size_t n,
    uint64_t file_size, const char *name, struct pr_error *e)
{
    json_t *root = NULL;
    if (json[0] != '{')
        return pr_fail_at(e, PR_E_FORMAT, 8, "%s: the header does not begin with '{'", name);
    enum pr_code code = pr_json_parse(json, n, PR_JSON_STRICT, "header", &root, NULL, e);
    if (code)
        return pr_wrap(e, code, "%s", name);
    uint64_t data_start = 8 + (uint64_t)n;
    const char *key;
    json_t *v;
    json_object_foreach (root, key, v) {
        code = strcmp(key, "__metadata__") ? read_tensor(s, key, v, name, data_start, e)
                                           : check_metadata(v, name, e);
        if (code)
            goto out;
    }
    if (s->n) {
        qsort(s->tensors, s->n, sizeof *s->tensors, by_offset);
        s->by_name = pr_alloc(s->n * sizeof *s->by_name);
        for (size_t i = 0; i < s->n; i++)
            s->by_name[i] = &s->tensors[i];
        qsort(s->by_name, s->n, sizeof *s->by_name, by_name);
    }
    code = check_places(s, data_start, file_size, name, e);
out:
    json_decref(root);
    return code;
}
