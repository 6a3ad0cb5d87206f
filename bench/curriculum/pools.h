/* The two pools of the experiment, and the tiny problems that they are made of.
 *
 * A problem: some letters, and the same letters sorted as its answer.  Pool NOISY: a third of the
 * examples is labelled hard, and of these a share has a wrong answer (the letters in random order),
 * as where the difficulty of an example is taken from its loss: the mislabelled look hardest.  What
 * is trained last stays, so that it is truly better to train on them first.  Pool EQUAL: all
 * answers are right and the difficulties are drawn by lot; no order is better than another.
 * Validation examples are right in both, with difficulties drawn by lot.
 */
#ifndef PR_BENCH_CURRICULUM_POOLS_H
#define PR_BENCH_CURRICULUM_POOLS_H

#include <stddef.h>
#include <stdint.h>

#include "base/rng.h"

#define PR_TASK_MOST 8 /* letters of a problem */
enum pr_task_pool { PR_POOL_NOISY, PR_POOL_EQUAL, PR_N_TASK_POOLS };
const char *pr_task_pool_name(enum pr_task_pool p);

struct pr_task {
    uint32_t letters; /* of the alphabet */
    uint32_t length;  /* letters of a problem */
    double wrong;     /* share of wrong answers among the hard ones of pool NOISY */
};
/* Tokens: the letters, "=" and the end of the answer. */
static inline uint32_t pr_task_vocab(const struct pr_task *t)
{
    return t->letters + 2;
}
/* A sequence has length + 1 tokens of prompt and length + 1 of answer. */
static inline uint32_t pr_task_rows(const struct pr_task *t)
{
    return 2 * t->length + 1; /* the last token is only predicted */
}

struct pr_task_example {
    uint8_t letters[PR_TASK_MOST], answer[PR_TASK_MOST];
};
struct pr_task_set {
    struct pr_task_example *v;
    uint8_t *level; /* 0 easy, 1 medium, 2 hard */
    size_t n;
};
/* n examples of a pool; pr_task_set_done frees. */
void pr_task_set_make(const struct pr_task *t, enum pr_task_pool pool, size_t n, uint64_t seed,
    struct pr_task_set *ret);
void pr_task_set_done(struct pr_task_set *s);

#endif
