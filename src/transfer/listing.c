/* Listings as data: finding, comparing, hashing, and which folders are candidates. */
#include "transfer/listing.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "model/checkpoint_internal.h"

void pr_listed_done(struct pr_listed *l)
{
    for (size_t i = 0; i < l->n; i++)
        pr_free(l->files[i].name);
    pr_free(l->files);
    pr_free(l->name);
    *l = (struct pr_listed){0};
}

void pr_listing_done(struct pr_listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        pr_listed_done(&l->v[i]);
    pr_free(l->v);
    *l = (struct pr_listing){0};
}

struct pr_listed pr_listed_copy(const struct pr_listed *l)
{
    struct pr_listed c = {.name = pr_strdup(l->name)};
    for (size_t i = 0; i < l->n; i++) {
        struct pr_listed_file f = l->files[i];
        f.name = pr_strdup(f.name);
        PR_PUSH(c.files, c.n, c.cap, f);
    }
    return c;
}

bool pr_listing_is_name(const char *name, size_t n)
{
    return n && n <= NAME_MAX && name[0] != '.' && !memchr(name, '/', n) && !memchr(name, 0, n);
}

static int by_folder(const void *a, const void *b)
{
    return strcmp(((const struct pr_listed *)a)->name, ((const struct pr_listed *)b)->name);
}

static int by_file(const void *a, const void *b)
{
    return strcmp(
        ((const struct pr_listed_file *)a)->name, ((const struct pr_listed_file *)b)->name);
}

const struct pr_listed *pr_listing_find(const struct pr_listing *l, const char *name)
{
    struct pr_listed key = {.name = (char *)(uintptr_t)name};
    return l->n ? bsearch(&key, l->v, l->n, sizeof key, by_folder) : NULL;
}

const struct pr_listed_file *pr_listed_find(const struct pr_listed *l, const char *name)
{
    struct pr_listed_file key = {.name = (char *)(uintptr_t)name};
    return l->n ? bsearch(&key, l->files, l->n, sizeof key, by_file) : NULL;
}

bool pr_listed_same(const struct pr_listed *a, const struct pr_listed *b)
{
    if (!a || !b || a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        const struct pr_listed_file *x = &a->files[i], *y = &b->files[i];
        if (x->kind != y->kind || x->size != y->size || x->mtime_ns != y->mtime_ns ||
            strcmp(x->name, y->name) != 0)
            return false;
    }
    return true;
}

void pr_listed_hash(const struct pr_listed *l, char ret[PR_SHA256_HEX])
{
    uint8_t digest[PR_SHA256_LEN];
    struct pr_sha256 *h = pr_sha256_new();
    for (size_t i = 0; i < l->n; i++) {
        const struct pr_listed_file *f = &l->files[i];
        struct pr_str line = PR_STR_INIT(100);
        pr_str_printf(&line, "%d %llu %lld", (int)f->kind, (unsigned long long)f->size,
            (long long)f->mtime_ns);
        pr_sha256_update(h, pr_str_cstr(&line), line.len + 1);
        pr_sha256_update(h, f->name, strlen(f->name) + 1); /* NULs: no two lists look the same */
        pr_str_done(&line);
    }
    pr_sha256_final(h, digest);
    pr_sha256_hex(digest, ret);
}

static bool is_candidate(const struct pr_listed *l)
{
    static const char tail[] = ".safetensors";
    if (pr_checkpoint_step_of(l->name) >= 0 || pr_listed_find(l, "config.json") ||
        pr_listed_find(l, "adapter_config.json"))
        return true;
    for (size_t i = 0; i < l->n; i++) {
        size_t n = strlen(l->files[i].name);
        if (n >= strlen(tail) && !strcmp(l->files[i].name + n - strlen(tail), tail))
            return true;
    }
    return false;
}

static void sort(void *v, size_t n, size_t size, int (*compare)(const void *, const void *))
{
    if (n > 1)
        qsort(v, n, size, compare);
}

enum pr_code pr_listing_finish(struct pr_listing *l, struct pr_error *e)
{
    size_t kept = 0;
    sort(l->v, l->n, sizeof *l->v, by_folder);
    for (size_t i = 1; i < l->n; i++)
        if (!strcmp(l->v[i - 1].name, l->v[i].name))
            return pr_fail(e, PR_E_FORMAT, "folder '%.200s' is there twice", l->v[i].name);
    for (size_t i = 0; i < l->n; i++) {
        struct pr_listed *d = &l->v[i];
        sort(d->files, d->n, sizeof *d->files, by_file);
        for (size_t j = 1; j < d->n; j++)
            if (!strcmp(d->files[j - 1].name, d->files[j].name))
                return pr_fail(e, PR_E_FORMAT, "'%.200s' is there twice in '%.200s'",
                    d->files[j].name, d->name);
    }
    for (size_t i = 0; i < l->n; i++) {
        struct pr_listed d = l->v[i];
        l->v[i] = (struct pr_listed){0};
        if (is_candidate(&d))
            l->v[kept++] = d;
        else
            pr_listed_done(&d);
    }
    l->n = kept;
    return PR_OK;
}
