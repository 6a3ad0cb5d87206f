/* The tensors of one folder: one safetensors file, or the shards that an index names. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "model/checkpoint_internal.h"

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

enum pr_code pr_index_shards(
    const json_t *index, const char *name, char ***ret, size_t *ret_n, struct pr_error *e)
{
    const json_t *map = json_object_get(index, "weight_map");
    if (!json_is_object(map) || !json_object_size(map))
        return pr_fail(e, PR_E_FORMAT,
            "%s: 'weight_map' is %s, an object of file names was expected", name,
            json_is_object(map) ? "empty" : pr_json_type_name(map));
    char **v = NULL;
    size_t n = 0, cap = 0, kept = 0;
    enum pr_code code = PR_OK;
    const char *tensor;
    json_t *file;
    json_object_foreach ((json_t *)map, tensor, file) {
        const char *s = json_string_value(file);
        if (!s || !*s || strchr(s, '/') || !strcmp(s, "..") || !strcmp(s, ".")) {
            code = pr_fail(e, PR_E_FORMAT,
                "%s: 'weight_map': tensor '%.200s' is in '%.200s', expected a plain file name in "
                "the "
                "same folder",
                name, tensor, s ? s : pr_json_type_name(file));
            break;
        }
        if (n && !strcmp(v[n - 1], s)) /* runs of one shard are the rule */
            continue;
        PR_PUSH(v, n, cap, pr_strdup(s));
    }
    if (n)
        qsort(v, n, sizeof *v, by_text);
    for (size_t i = 0; i < n; i++) {
        if (kept && !strcmp(v[kept - 1], v[i]))
            pr_free(v[i]);
        else
            v[kept++] = v[i];
    }
    if (!code && kept > PR_MAX_SHARDS)
        code = pr_fail(
            e, PR_E_LIMIT, "%s: %zu shards, at most %d are accepted", name, kept, PR_MAX_SHARDS);
    if (code) {
        pr_names_free(v, kept);
        return code;
    }
    *ret = v;
    *ret_n = kept;
    return PR_OK;
}

static enum pr_code add_file(
    struct pr_folder *f, const char *name, bool map, struct pr_weights *w, struct pr_error *e)
{
    int fd;
    struct pr_safetensors *s;
    enum pr_code code = pr_folder_file(f, name, &fd, e);
    if (code)
        return code;
    code = pr_safetensors_open_fd(fd, name, map, &s, e);
    close(fd);
    if (!code)
        PR_PUSH(w->files, w->n_files, w->cap_files, s);
    return code;
}

static int by_name(const void *a, const void *b)
{
    const struct pr_tensor *x = *(const struct pr_tensor *const *)a,
                           *y = *(const struct pr_tensor *const *)b;
    return strcmp(x->name, y->name);
}

enum pr_code pr_weights_collect(struct pr_weights *w, struct pr_error *e)
{
    size_t n = 0;
    for (size_t i = 0; i < w->n_files; i++)
        n += pr_safetensors_count(w->files[i]);
    w->by_name = pr_zalloc((n + 1) * sizeof *w->by_name);
    for (size_t i = 0; i < w->n_files; i++)
        for (size_t k = 0; k < pr_safetensors_count(w->files[i]); k++)
            w->by_name[w->n++] = pr_safetensors_at(w->files[i], k);
    if (w->n)
        qsort(w->by_name, w->n, sizeof *w->by_name, by_name);
    for (size_t i = 1; i < w->n; i++)
        if (!strcmp(w->by_name[i - 1]->name, w->by_name[i]->name))
            return pr_fail(
                e, PR_E_FORMAT, "tensor '%s' is in two of the shards", w->by_name[i]->name);
    return PR_OK;
}

/* Every tensor of the index must lie in the shard that it names. */
static enum pr_code check_index(const json_t *index, const char *name, char **shards,
    size_t n_shards, const struct pr_weights *w, struct pr_notes *notes, struct pr_error *e)
{
    const json_t *map = json_object_get(index, "weight_map");
    const char *tensor;
    json_t *file;
    json_object_foreach ((json_t *)map, tensor, file) {
        const char *shard = json_string_value(file);
        char **at = bsearch(&shard, shards, n_shards, sizeof *shards, by_text);
        if (!at || !pr_safetensors_find(w->files[at - shards], tensor))
            return pr_fail(
                e, PR_E_FORMAT, "%s: 'weight_map': tensor '%s' is not in %s", name, tensor, shard);
    }
    if (w->n > json_object_size(map))
        pr_notes_add(notes, "%s: the shards hold %zu tensors that it does not name", name,
            w->n - json_object_size(map));
    return PR_OK;
}

static enum pr_code open_shards(struct pr_folder *f, const char *name, bool map,
    struct pr_weights *w, struct pr_notes *notes, struct pr_error *e)
{
    json_t *index;
    char **shards = NULL;
    size_t n = 0;
    enum pr_code code = pr_folder_json(f, name, PR_INDEX_MAX, PR_JSON_STRICT, &index, e);
    if (!code && !index)
        code = pr_fail(e, PR_E_NOT_FOUND, "%s: No such file", name);
    if (!code)
        code = pr_index_shards(index, name, &shards, &n, e);
    for (size_t i = 0; !code && i < n; i++) {
        code = add_file(f, shards[i], map, w, e);
        if (code == PR_E_NOT_FOUND)
            code =
                pr_fail(e, PR_E_INCOMPLETE, "%s names '%s', which is not there", name, shards[i]);
    }
    if (!code)
        code = pr_weights_collect(w, e);
    if (!code)
        code = check_index(index, name, shards, n, w, notes, e);
    pr_names_free(shards, n);
    json_decref(index);
    return code;
}

enum pr_code pr_weights_open(struct pr_folder *f, const char *single, const char *index, bool map,
    struct pr_weights *ret, struct pr_notes *notes, struct pr_error *e)
{
    struct pr_weights w = {0};
    bool shards = index && !pr_folder_has(f, single);
    if (index && !shards && pr_folder_has(f, index))
        pr_notes_add(notes, "%s is not used: %s is there too and goes before it", index, single);
    enum pr_code code =
        shards ? open_shards(f, index, map, &w, notes, e) : add_file(f, single, map, &w, e);
    if (!code && !shards)
        code = pr_weights_collect(&w, e);
    if (code)
        pr_weights_done(&w);
    else
        *ret = w;
    return code;
}

void pr_weights_done(struct pr_weights *w)
{
    for (size_t i = 0; i < w->n_files; i++)
        pr_safetensors_free(w->files[i]);
    pr_free(w->files);
    pr_free(w->by_name);
    *w = (struct pr_weights){0};
}

const struct pr_tensor *pr_weights_find(const struct pr_weights *w, const char *name)
{
    size_t lo = 0, hi = w->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(name, w->by_name[mid]->name);
        if (!c)
            return w->by_name[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}
