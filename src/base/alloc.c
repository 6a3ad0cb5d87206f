/* malloc and mmap behind names that say what happens when they fail; arenas. */
#include "base/alloc.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static void *must(void *p, size_t n)
{
    if (!p) {
        fprintf(stderr, "proctor: out of memory (%zu bytes)\n", n);
        abort();
    }
    return p;
}

void *pr_alloc(size_t n)
{
    return must(malloc(n ? n : 1), n);
}

void *pr_zalloc(size_t n)
{
    return must(calloc(1, n ? n : 1), n);
}

void *pr_realloc(void *p, size_t count, size_t size)
{
    size_t n;
    if (!pr_mul(count, size, &n))
        return must(NULL, SIZE_MAX);
    return must(realloc(p, n ? n : 1), n);
}

char *pr_strdup(const char *s)
{
    return pr_strndup(s, strlen(s));
}

char *pr_strndup(const char *s, size_t n)
{
    char *p = pr_alloc(n + 1);
    memcpy(p, s, n);
    p[n] = 0;
    return p;
}

void pr_free(void *p)
{
    free(p);
}

/* Below this a block comes from the heap, where its pages are shared with others. */
#define BIG_MIN ((size_t)1 << 20)

enum pr_code pr_big_alloc(
    void **ret, size_t count, size_t size, const char *what, struct pr_error *e)
{
    size_t n;
    if (!pr_mul(count, size, &n) || n > PTRDIFF_MAX)
        return pr_fail(e, PR_E_MEMORY, "%s: %zu × %zu bytes overflow", what, count, size);
    void *p = NULL;
    if (n < BIG_MIN) {
        n = n ? n : 1;
        if (posix_memalign(&p, 64, n))
            p = NULL;
        else
            memset(p, 0, n);
    } else {
        p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            p = NULL;
        else
            madvise(p, n, MADV_HUGEPAGE); /* advice: a kernel without it is only slower */
    }
    if (!p)
        return pr_fail(e, PR_E_MEMORY, "%s: no memory for %zu bytes", what, n);
    *ret = p;
    return PR_OK;
}

void pr_big_free(void *p, size_t bytes)
{
    if (!p)
        return;
    if (bytes < BIG_MIN)
        free(p);
    else
        munmap(p, bytes);
}

void pr_grow(void **data, size_t *cap, size_t need, size_t size)
{
    size_t n = *cap < 8 ? 8 : *cap;
    while (n < need)
        n += n / 2;
    *data = pr_realloc(*data, n, size);
    *cap = n;
}

struct pr_arena_block {
    struct pr_arena_block *next;
    size_t used, cap;
    _Alignas(16) char data[];
};

void *pr_arena_alloc(struct pr_arena *a, size_t n)
{
    n = (n + 15) & ~(size_t)15;
    struct pr_arena_block *b = a->head;
    if (!b || b->cap - b->used < n) {
        size_t cap = b ? b->cap * 2 : 4096;
        if (cap > (size_t)1 << 20)
            cap = (size_t)1 << 20;
        if (cap < n)
            cap = n;
        struct pr_arena_block *fresh = pr_zalloc(sizeof *fresh + cap);
        fresh->cap = cap;
        fresh->next = b;
        a->head = b = fresh;
    }
    void *p = b->data + b->used;
    b->used += n;
    return p;
}

char *pr_arena_strndup(struct pr_arena *a, const char *s, size_t n)
{
    char *p = pr_arena_alloc(a, n + 1);
    memcpy(p, s, n);
    return p;
}

void pr_arena_done(struct pr_arena *a)
{
    for (struct pr_arena_block *b = a->head, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    a->head = NULL;
}
