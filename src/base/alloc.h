/* Memory: the only place that calls malloc.
 *
 * Small allocations never return NULL: when the system refuses a few bytes there is nothing left to
 * save in this process, so it says so and aborts (graders are processes of their own, which is what
 * contains this).  Whatever is sized by a file, a model or a peer uses pr_try_alloc and reports
 * PR_E_MEMORY instead.
 */
#ifndef PR_BASE_ALLOC_H
#define PR_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* n bytes, not initialised / zeroed / resized to count*size (overflow-checked).  Free with pr_free.
 */
void *pr_alloc(size_t n) __attribute__((malloc, returns_nonnull));
void *pr_zalloc(size_t n) __attribute__((malloc, returns_nonnull));
void *pr_realloc(void *p, size_t count, size_t size) __attribute__((returns_nonnull));
char *pr_strdup(const char *s) __attribute__((returns_nonnull));
char *pr_strndup(const char *s, size_t n) __attribute__((returns_nonnull));
void pr_free(void *p);

/* count*size bytes aligned to 64, zeroed; PR_E_MEMORY names `what` and the size.  Large blocks come
 * straight from mmap with transparent huge pages advised.  Free with pr_big_free(p, count*size). */
PR_MUST_CHECK enum pr_code pr_big_alloc(
    void **ret, size_t count, size_t size, const char *what, struct pr_error *e);
void pr_big_free(void *p, size_t bytes);

/* Grows a vector so that it holds at least `need` elements of `size` bytes: *data may move. */
void pr_grow(void **data, size_t *cap, size_t need, size_t size);
/* Appends one element to the vector {T *v; size_t n, cap;}. */
#define PR_PUSH(v, n, cap, value)                                                                  \
    do {                                                                                           \
        if ((n) == (cap))                                                                          \
            pr_grow((void **)&(v), &(cap), (n) + 1, sizeof *(v));                                  \
        (v)[(n)++] = (value);                                                                      \
    } while (0)

/* An arena: everything of one job, dropped whole.  Zero-initialise; pr_arena_done frees. */
struct pr_arena_block;
struct pr_arena {
    struct pr_arena_block *head;
};
void *pr_arena_alloc(struct pr_arena *a, size_t n)
    __attribute__((returns_nonnull)); /* zeroed, 16-aligned */
char *pr_arena_strndup(struct pr_arena *a, const char *s, size_t n)
    __attribute__((returns_nonnull));
void pr_arena_done(struct pr_arena *a);

/* Overflow-checked arithmetic for sizes that come from a file or a peer: false on overflow. */
static inline bool pr_mul(size_t a, size_t b, size_t *ret)
{
    return !__builtin_mul_overflow(a, b, ret);
}
static inline bool pr_add(size_t a, size_t b, size_t *ret)
{
    return !__builtin_add_overflow(a, b, ret);
}

#endif
