/* Made-up probes, for the tests of what is concluded from them and of what is asked for next. */
#ifndef PR_TESTS_EVIDENCE_SUPPORT_H
#define PR_TESTS_EVIDENCE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/rng.h"
#include "curriculum/evidence.h"

static const struct pr_evidence_options usual = {.error_rate = 0.05};
static const char *const arms[] = {
    "random", "easy_to_hard", "hard_first", "interleaved", "adaptive", PR_ARM_AGAIN};
#define N_ARMS 6

struct probes {
    struct pr_probe_outcome v[400];
    size_t n;
};
static void add(struct probes *p, int64_t start, const char *arm, uint64_t seed, double score)
{
    assert_true(p->n < 400);
    p->v[p->n++] = (struct pr_probe_outcome){start, arm, seed, score};
}
/* Blocks of all arms in which `arm` is better than random by `effect` noise deviations. */
static void add_blocks(
    struct probes *p, size_t blocks, const char *arm, double effect, struct pr_rng *rng)
{
    for (size_t b = 1; b <= blocks; b++) {
        double level = 10 * pr_rng_normal(rng);
        for (size_t a = 0; a < N_ARMS; a++)
            add(p, 1, arms[a], b,
                level + pr_rng_normal(rng) + (strcmp(arms[a], arm) == 0 ? effect : 0));
    }
}
static struct pr_evidence weigh(const struct probes *p, const struct pr_evidence_options *o)
{
    struct pr_evidence ret;
    struct pr_error e;
    assert_int_equal(pr_evidence_weigh(p->v, p->n, o, &ret, &e), PR_OK);
    return ret;
}
static const struct pr_arm_evidence *arm_of(const struct pr_evidence *e, const char *name)
{
    for (size_t i = 0; i < e->n_arms; i++)
        if (strcmp(e->arms[i].name, name) == 0)
            return &e->arms[i];
    fail_msg("no arm %s", name);
    return NULL;
}

#endif
