/* A pool of threads for data-parallel loops.
 *
 * The caller's thread works too.  Items are claimed one by one from a shared counter, so uneven
 * items balance themselves; which thread runs an item must never change its result.  Between loops
 * the workers spin briefly (a model pass issues hundreds of loops, microseconds apart) and then
 * sleep, so that an idle engine costs nothing.
 */
#ifndef PR_COMPUTE_POOL_H
#define PR_COMPUTE_POOL_H

#include <stddef.h>

#include "base/error.h"

struct pr_pool;

/* n_threads in all, the caller's included; 0 means one for each CPU this process may use. */
PR_MUST_CHECK enum pr_code pr_pool_new(int n_threads, struct pr_pool **ret, struct pr_error *e);
void pr_pool_free(struct pr_pool *p);
int pr_pool_threads(const struct pr_pool *p);

/* Calls fn(ctx, item, thread) once for each item in [0, n_items), thread in [0, threads); returns
 * when all are done.  One caller at a time; not from within fn. */
void pr_pool_run(
    struct pr_pool *p, size_t n_items, void (*fn)(void *ctx, size_t item, int thread), void *ctx);

#endif
