/* Sorts the outcomes of probes into blocks. */
#include "curriculum/blocks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"

enum {
#define PR_X(name, summary) ARM_##name,
    PR_STRATEGIES(PR_X)
#undef PR_X
        ARM_AGAIN,
    N_ARMS
};
_Static_assert(N_ARMS <= PR_MAX_ARMS, "a larger PR_MAX_ARMS is needed");

size_t pr_arms(void)
{
    return N_ARMS;
}

size_t pr_arm_random(void)
{
    return ARM_random;
}

size_t pr_arm_again(void)
{
    return ARM_AGAIN;
}

const char *pr_arm_name(size_t arm)
{
    size_t n;
    const struct pr_strategy *s = pr_strategies(&n);
    return arm < n ? s[arm].name : PR_ARM_AGAIN;
}

static int by_seed(const void *a, const void *b)
{
    const struct pr_block *x = a, *y = b;
    if (x->seed != y->seed)
        return x->seed < y->seed ? -1 : 1;
    return x->start < y->start ? -1 : x->start > y->start;
}

/* One block for each outcome at first; those alike are merged once they are sorted (stably: glibc's
 * qsort may not be, so what decides among outcomes of one arm is the index kept beside them). */
struct entry {
    struct pr_block key;
    size_t arm, index;
    double score;
};

static int by_block(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int c = by_seed(&x->key, &y->key);
    return c ? c : x->index < y->index ? -1 : 1;
}

void pr_blocks_make(const struct pr_probe_outcome *v, size_t n, struct pr_blocks *ret)
{
    struct entry *t = pr_alloc((n + 1) * sizeof *t);
    size_t n_entries = 0;
    *ret = (struct pr_blocks){.v = pr_alloc((n + 1) * sizeof *ret->v)};
    for (size_t i = 0; i < n; i++)
        for (size_t arm = 0; arm < N_ARMS; arm++)
            if (strcmp(v[i].arm, pr_arm_name(arm)) == 0)
                t[n_entries++] =
                    (struct entry){{.start = v[i].start, .seed = v[i].seed}, arm, i, v[i].score};
    qsort(t, n_entries, sizeof *t, by_block);
    for (size_t i = 0; i < n_entries; i++) {
        if (i == 0 || by_seed(&t[i - 1].key, &t[i].key) != 0) {
            ret->v[ret->n] = t[i].key;
            for (size_t arm = 0; arm < PR_MAX_ARMS; arm++)
                ret->v[ret->n].score[arm] = NAN;
            ret->n++;
        }
        struct pr_block *b = &ret->v[ret->n - 1];
        b->tried[t[i].arm] = true;
        double score = isnan(t[i].score) || isfinite(t[i].score) ? t[i].score : -INFINITY;
        ret->failed += isnan(score);
        ret->diverged += isinf(score) != 0;
        if (isnan(b->score[t[i].arm]))
            b->score[t[i].arm] = score;
    }
    pr_free(t);
}

void pr_blocks_done(struct pr_blocks *b)
{
    pr_free(b->v);
    *b = (struct pr_blocks){0};
}

size_t pr_blocks_pairs(
    const struct pr_blocks *b, size_t n_blocks, size_t arm, size_t to, size_t max, double *d)
{
    size_t n = 0;
    for (size_t i = 0; i < n_blocks && n < max; i++)
        if (isfinite(b->v[i].score[arm]) && isfinite(b->v[i].score[to]))
            d[n++] = b->v[i].score[arm] - b->v[i].score[to];
    return n;
}

void pr_blocks_mishaps(
    const struct pr_blocks *b, size_t n_blocks, size_t arm, size_t to, struct pr_mishaps *ret)
{
    size_t given_up = 0; /* since the last block with arm */
    *ret = (struct pr_mishaps){0};
    for (size_t i = 0; i < n_blocks; i++) {
        const struct pr_block *x = &b->v[i];
        bool to_failed = x->tried[to] && isnan(x->score[to]);
        if (!x->tried[arm]) {
            given_up += to_failed;
            continue;
        }
        ret->tried++;
        ret->failed_to += given_up;
        given_up = 0;
        if (!x->tried[to])
            continue;
        ret->diverged += isinf(x->score[arm]) != 0;
        ret->diverged_to += isinf(x->score[to]) != 0;
        ret->failed += isnan(x->score[arm]) && !to_failed;
        ret->failed_to += to_failed && !isnan(x->score[arm]);
    }
}
