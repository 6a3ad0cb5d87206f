/* One safetensors file: opened once, its header read with pread, its data mapped.  Called by
 * checkpoint_weights.c for checkpoints and by inspect for single files; owns the mapping. */
#include "model/safetensors.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/mapped.h"
#include "model/safetensors_internal.h"

/* Reads and checks the header of fd into s. */
static enum pr_code read_header(
    struct pr_safetensors *s, int fd, const char *name, struct pr_error *e)
{
    unsigned char field[8] = {0};
    uint64_t n;
    void *json;
    enum pr_code code = PR_OK;
    if (s->id.size >= 8)
        code = pr_file_pread(fd, field, 8, 0, name, e);
    if (code || (code = pr_safetensors_length(field, 8, s->id.size, name, &n, e)))
        return code;
    size_t room = n + 1;
    if ((code = pr_big_alloc(&json, room, 1, "safetensors header", e)))
        return pr_wrap(e, code, "%s", name);
    code = pr_file_pread(fd, json, n, 8, name, e);
    if (!code)
        code = pr_safetensors_header(s, json, n, s->id.size, name, e);
    pr_big_free(json, room);
    return code;
}

static enum pr_code map_data(struct pr_safetensors *s, int fd, const char *name, struct pr_error *e)
{
    enum pr_code code = pr_mapped_open(fd, s->id.size, name, &s->map, e);
    if (code)
        return code;
    s->map_len = s->id.size;
    for (size_t i = 0; i < s->n; i++)
        s->tensors[i].data = s->map + s->tensors[i].offset;
    return PR_OK;
}

enum pr_code pr_safetensors_open_fd(
    int fd, const char *name, bool map, struct pr_safetensors **ret, struct pr_error *e)
{
    struct pr_safetensors *s = pr_zalloc(sizeof *s);
    enum pr_code code = pr_file_id_of(fd, &s->id, e);
    if (code)
        code = pr_wrap(e, code, "%s", name);
    if (!code)
        code = read_header(s, fd, name, e);
    if (!code && map)
        code = map_data(s, fd, name, e);
    if (code)
        pr_safetensors_free(s);
    else
        *ret = s;
    return code;
}

enum pr_code pr_safetensors_open(
    int dir_fd, const char *name, bool map, struct pr_safetensors **ret, struct pr_error *e)
{
    int fd;
    enum pr_code code = pr_file_open(dir_fd, name, false, &fd, NULL, e);
    if (code)
        return code;
    code = pr_safetensors_open_fd(fd, name, map, ret, e);
    close(fd);
    return code;
}

enum pr_code pr_safetensors_parse(const void *head, size_t head_len, uint64_t file_size,
    const char *name, struct pr_safetensors **ret, struct pr_error *e)
{
    uint64_t n;
    enum pr_code code = pr_safetensors_length(head, head_len, file_size, name, &n, e);
    if (code)
        return code;
    if (n > head_len - 8)
        return pr_fail(e, PR_E_USAGE, "%s: %zu bytes were given, the header takes %llu", name,
            head_len, (unsigned long long)n + 8);
    struct pr_safetensors *s = pr_zalloc(sizeof *s);
    s->id.size = file_size;
    code = pr_safetensors_header(s, (const char *)head + 8, n, file_size, name, e);
    if (code)
        pr_safetensors_free(s);
    else
        *ret = s;
    return code;
}

void pr_safetensors_free(struct pr_safetensors *s)
{
    if (!s)
        return;
    pr_mapped_close(s->map, s->map_len);
    pr_free(s->tensors);
    pr_free(s->by_name);
    pr_arena_done(&s->arena);
    pr_free(s);
}

size_t pr_safetensors_count(const struct pr_safetensors *s)
{
    return s->n;
}

const struct pr_tensor *pr_safetensors_at(const struct pr_safetensors *s, size_t i)
{
    return i < s->n ? &s->tensors[i] : NULL;
}

const struct pr_tensor *pr_safetensors_find(const struct pr_safetensors *s, const char *name)
{
    size_t lo = 0, hi = s->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = strcmp(name, s->by_name[mid]->name);
        if (!c)
            return s->by_name[mid];
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

const struct pr_file_id *pr_safetensors_file_id(const struct pr_safetensors *s)
{
    return &s->id;
}

bool pr_safetensors_is_whole(const struct pr_safetensors *s)
{
    return !s->map || pr_mapped_is_whole(s->map);
}

void pr_safetensors_drop(const struct pr_safetensors *s, const void *data, size_t bytes)
{
    uintptr_t from = (uintptr_t)data, map = (uintptr_t)s->map;
    if (!s->map || !bytes || from < map || from - map > s->map_len ||
        bytes > s->map_len - (from - map))
        return;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    /* Outwards to whole pages: a neighbour's edge is read again from the page cache when needed. */
    uintptr_t start = from / page * page;
    madvise((void *)start, from + bytes - start, MADV_DONTNEED);
}
