/* See skeleton.h. */
#include "transfer/skeleton.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"
#include "model/checkpoint_internal.h"

#define FIRST_LOOK ((size_t)65536)        /* most headers are shorter */
#define MAX_JSON   ((size_t)32 << 20)     /* of a JSON file that is read whole */
#define MAX_HEADER ((uint64_t)100000000u) /* of a safetensors file, as its format has it */

static bool is_safetensors(const char *name)
{
    static const char tail[] = ".safetensors";
    size_t n = strlen(name);
    return n >= strlen(tail) && !strcmp(name + n - strlen(tail), tail);
}

/* The JSON files that pr_checkpoint_complete reads. */
static bool is_read_whole(const char *name)
{
    static const char *const names[] = {
        "config.json", "adapter_config.json", "model.safetensors.index.json", "trainer_state.json"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(name, names[i]))
            return true;
    return false;
}

struct wants {
    struct pr_store_want *v;
    size_t n, cap;
};

static void wants_done(struct wants *w)
{
    for (size_t i = 0; i < w->n; i++)
        pr_free(w->v[i].bytes);
    pr_free(w->v);
    *w = (struct wants){0};
}

static enum pr_code first_wants(const struct pr_listed *l, struct wants *w, struct pr_error *e)
{
    for (size_t i = 0; i < l->n; i++) {
        const struct pr_listed_file *f = &l->files[i];
        bool whole = is_read_whole(f->name);
        if (f->kind != PR_LISTED_FILE || !f->size || (!whole && !is_safetensors(f->name)))
            continue;
        if (whole && f->size > MAX_JSON)
            return pr_fail(e, PR_E_UNSUPPORTED,
                "%s: %s: %llu bytes, at most %zu are read over there", l->name, f->name,
                (unsigned long long)f->size, MAX_JSON);
        size_t n = whole || f->size < FIRST_LOOK ? (size_t)f->size : FIRST_LOOK;
        struct pr_store_want want = {.name = f->name, .n = n};
        PR_PUSH(w->v, w->n, w->cap, want);
    }
    return PR_OK;
}

static uint64_t header_end(const char *bytes, size_t n)
{
    uint64_t len = 0;
    if (n < 8)
        return 0;
    for (int i = 7; i >= 0; i--)
        len = len << 8 | (unsigned char)bytes[i];
    return len > MAX_HEADER ? 0 : len + 8; /* one too long is refused by what reads it */
}

/* Headers that the first look did not reach the end of. */
static void longer_wants(const struct pr_listed *l, const struct wants *had, struct wants *w)
{
    for (size_t i = 0; i < had->n; i++) {
        const struct pr_store_want *h = &had->v[i];
        const struct pr_listed_file *f = pr_listed_find(l, h->name);
        uint64_t end = h->bytes && f && is_safetensors(h->name) ? header_end(h->bytes, h->n) : 0;
        if (end <= h->n || !f || h->n == f->size)
            continue;
        struct pr_store_want want = {.name = h->name, .n = (size_t)(end < f->size ? end : f->size)};
        PR_PUSH(w->v, w->n, w->cap, want);
    }
}

static enum pr_code put(
    int dir, const char *name, const char *bytes, size_t n, uint64_t size, struct pr_error *e)
{
    int fd = openat(dir, name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return pr_fail_errno(e, errno, "the skeleton's %s", name);
    int err = n ? pr_file_write_all(fd, bytes, n) : 0;
    if (!err && ftruncate(fd, (off_t)size))
        err = errno;
    close(fd);
    return err ? pr_fail_errno(e, err, "the skeleton's %s", name) : PR_OK;
}

static enum pr_code put_sizes(int dir, const struct pr_listed *l, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < l->n && !code; i++)
        if (l->files[i].kind == PR_LISTED_FILE)
            code = put(dir, l->files[i].name, NULL, 0, l->files[i].size, e);
    return code;
}

static enum pr_code put_bytes(
    int dir, const struct pr_listed *l, const struct wants *w, struct pr_error *e)
{
    enum pr_code code = PR_OK;
    for (size_t i = 0; i < w->n && !code; i++) {
        const struct pr_store_want *x = &w->v[i];
        const struct pr_listed_file *f = pr_listed_find(l, x->name);
        if (!x->bytes)
            return pr_fail(e, PR_E_INCOMPLETE, "%s: %s cannot be read there", l->name, x->name);
        if (f)
            code = put(dir, x->name, x->bytes, x->n, f->size, e);
    }
    return code;
}

static enum pr_code put_sibling(const char *top, const struct pr_listing *listing,
    const struct pr_listed *l, struct pr_error *e)
{
    for (size_t i = 0; i < listing->n; i++) {
        const struct pr_listed *o = &listing->v[i];
        if (pr_checkpoint_step_of(o->name) < 0 || !strcmp(o->name, l->name) ||
            !pr_listed_find(o, "trainer_state.json"))
            continue;
        char *dir = pr_path_join(top, o->name), *file = pr_path_join(dir, "trainer_state.json");
        enum pr_code code = pr_mkdirs(dir, e);
        if (!code)
            code = put(AT_FDCWD, file, NULL, 0, 0, e);
        pr_free(file);
        pr_free(dir);
        return code;
    }
    return PR_OK;
}

static enum pr_code read_all(
    struct pr_store *s, const struct pr_listed *l, int dir, struct pr_error *e)
{
    struct wants first = {0}, longer = {0};
    enum pr_code code = first_wants(l, &first, e);
    if (!code && first.n)
        code = pr_store_heads(s, l->name, first.v, first.n, e);
    if (!code)
        code = put_bytes(dir, l, &first, e);
    if (!code)
        longer_wants(l, &first, &longer);
    if (!code && longer.n) {
        code = pr_store_heads(s, l->name, longer.v, longer.n, e);
        if (!code)
            code = put_bytes(dir, l, &longer, e);
    }
    wants_done(&first);
    wants_done(&longer);
    return code;
}

static enum pr_code make_folder(
    const char *scratch, const char *name, struct pr_skeleton *k, struct pr_error *e)
{
    const char *tmp = getenv("TMPDIR");
    enum pr_code code = scratch ? pr_mkdirs(scratch, e) : PR_OK;
    if (code)
        return code;
    k->top = pr_path_join(scratch       ? scratch
                          : tmp && *tmp ? tmp
                                        : "/tmp",
        ".proctor-skeleton-XXXXXX");
    if (!mkdtemp(k->top)) {
        code = pr_fail_errno(e, errno, "%s: cannot be made", k->top);
        pr_free(k->top);
        k->top = NULL;
        return code;
    }
    k->path = pr_path_join(k->top, name);
    return mkdir(k->path, 0700) ? pr_fail_errno(e, errno, "%s", k->path) : PR_OK;
}

enum pr_code pr_skeleton_build(struct pr_store *s, const struct pr_listing *listing,
    const struct pr_listed *l, const char *scratch, struct pr_skeleton *ret, struct pr_error *e)
{
    struct pr_skeleton k = {0};
    enum pr_code code = make_folder(scratch, l->name, &k, e);
    int dir = code ? -1 : open(k.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (!code && dir < 0)
        code = pr_fail_errno(e, errno, "%s", k.path);
    if (!code)
        code = put_sizes(dir, l, e);
    if (!code)
        code = put_sibling(k.top, listing, l, e);
    if (!code)
        code = read_all(s, l, dir, e);
    if (dir >= 0)
        close(dir);
    if (code)
        pr_skeleton_done(&k);
    else
        *ret = k;
    return code;
}

void pr_skeleton_done(struct pr_skeleton *k)
{
    if (k->top && pr_remove_tree(k->top, NULL)) {
        /* what is left is empty files under a hidden name; nothing more can be done */
    }
    pr_free(k->top);
    pr_free(k->path);
    *k = (struct pr_skeleton){0};
}
