/* Makes the pools of the experiment. */
#include "curriculum/pools.h"

#include <string.h>

#include "base/alloc.h"

const char *pr_task_pool_name(enum pr_task_pool p)
{
    static const char *const names[] = {"noisy", "equal"};
    return names[p];
}

static void sort_letters(const uint8_t *from, uint32_t n, uint8_t *to)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t j = i;
        for (; j > 0 && to[j - 1] > from[i]; j--)
            to[j] = to[j - 1];
        to[j] = from[i];
    }
}

static void shuffle_letters(struct pr_rng *r, uint8_t *v, uint32_t n)
{
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = (uint32_t)pr_rng_below(r, i);
        uint8_t t = v[j];
        v[j] = v[i - 1];
        v[i - 1] = t;
    }
}

void pr_task_set_make(const struct pr_task *t, enum pr_task_pool pool, size_t n, uint64_t seed,
    struct pr_task_set *ret)
{
    struct pr_rng r;
    pr_rng_seed(&r, seed);
    *ret = (struct pr_task_set){pr_zalloc(n * sizeof *ret->v), pr_alloc(n), n};
    for (size_t i = 0; i < n; i++) {
        struct pr_task_example *x = &ret->v[i];
        for (uint32_t k = 0; k < t->length; k++)
            x->letters[k] = (uint8_t)pr_rng_below(&r, t->letters);
        sort_letters(x->letters, t->length, x->answer);
        ret->level[i] = (uint8_t)pr_rng_below(&r, 3);
        double u = pr_rng_double(&r);
        if (pool == PR_POOL_NOISY && ret->level[i] == 2 && u < t->wrong)
            shuffle_letters(&r, x->answer, t->length);
    }
}

void pr_task_set_done(struct pr_task_set *s)
{
    pr_free(s->v);
    pr_free(s->level);
    *s = (struct pr_task_set){0};
}
