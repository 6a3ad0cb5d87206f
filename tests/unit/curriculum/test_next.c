/* Which probe the evidence asks for next, and when it asks for none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "curriculum/evidence.h"
#include "evidence_support.h"

static void blocks_are_completed_before_new_ones_begin(void **state)
{
    (void)state;
    struct probes p = {.n = 0};
    const char *arm;
    uint64_t seed;
    struct pr_rng rng;
    pr_rng_seed(&rng, 8);
    for (size_t i = 0; i < 5 * N_ARMS; i++) {
        assert_true(pr_evidence_next(p.v, p.n, &usual, 1, &arm, &seed));
        assert_int_equal(seed, 1 + i / N_ARMS);
        if (i % N_ARMS == 0)
            assert_string_equal(arm, "random");
        int64_t start = 0;
        assert_int_equal(pr_evidence_begun(p.v, p.n, &usual, &start), i % N_ARMS != 0);
        add(&p, 1, arm, seed, pr_rng_normal(&rng));
    }
    struct pr_evidence e = weigh(&p, &usual);
    for (size_t a = 0; a < e.n_arms; a++)
        assert_int_equal(e.arms[a].n, 5);
    /* From a newer checkpoint: another block, with a seed of its own; the old one can be ended. */
    add(&p, 1, "random", 6, 0);
    assert_true(pr_evidence_next(p.v, p.n, &usual, 2, &arm, &seed));
    assert_string_equal(arm, "random");
    assert_int_equal(seed, 7);
    int64_t start = 0;
    assert_true(pr_evidence_begun(p.v, p.n, &usual, &start));
    assert_int_equal(start, 1);
    assert_true(pr_evidence_next(p.v, p.n, &usual, 1, &arm, &seed));
    assert_int_equal(seed, 6);
    assert_string_not_equal(arm, "random");
    assert_string_not_equal(arm, PR_ARM_AGAIN); /* its five blocks are there */
}

static void probes_go_where_the_question_is_open(void **state)
{
    (void)state;
    /* easy_to_hard and hard_first are far better than the others, and alike. */
    static const double effect[N_ARMS] = {0, 10, 10, 0, -30, 0};
    struct probes p = {.n = 0};
    struct pr_rng rng;
    const char *arm;
    uint64_t seed;
    size_t later[N_ARMS] = {0};
    pr_rng_seed(&rng, 25);
    while (pr_evidence_next(p.v, p.n, &usual, 1, &arm, &seed)) {
        size_t a = 0;
        while (strcmp(arms[a], arm) != 0)
            a++;
        later[a] += seed > 7;
        add(&p, 1, arm, seed, effect[a] + pr_rng_normal(&rng));
    }
    assert_true(later[1] > 0 && later[1] == later[2] && later[0] == later[1]);
    assert_int_equal(later[3] + later[4] + later[5], 0);
    struct pr_evidence e = weigh(&p, &usual);
    assert_true(e.decided && arm_of(&e, e.best)->better);
    assert_true(e.blocks <= 30);
}

static void a_question_rests_after_the_last_look(void **state)
{
    (void)state;
    struct pr_rng rng;
    struct probes p = {.n = 0};
    pr_rng_seed(&rng, 2);
    add_blocks(&p, 30, "adaptive", 0, &rng);
    const char *arm;
    uint64_t seed;
    assert_false(pr_evidence_next(p.v, p.n, &usual, 1, &arm, &seed));
    struct pr_evidence before = weigh(&p, &usual);
    for (uint64_t b = 31; b <= 60; b++) { /* what comes after it does not count */
        add(&p, 1, "random", b, 0);
        add(&p, 1, "adaptive", b, 100 + pr_rng_normal(&rng));
    }
    struct pr_evidence after = weigh(&p, &usual);
    assert_int_equal(arm_of(&after, "adaptive")->n, 30);
    assert_true(arm_of(&after, "adaptive")->mean == arm_of(&before, "adaptive")->mean);
}

static void probes_that_always_fail_come_to_an_end(void **state)
{
    (void)state;
    for (size_t broken = 0; broken < 2; broken++) { /* random itself, or one of the others */
        struct probes p = {.n = 0};
        struct pr_rng rng;
        const char *arm;
        uint64_t seed;
        pr_rng_seed(&rng, 6);
        while (pr_evidence_next(p.v, p.n, &usual, 1, &arm, &seed))
            add(&p, 1, arm, seed, strcmp(arm, arms[broken]) == 0 ? NAN : pr_rng_normal(&rng));
        struct pr_evidence e = weigh(&p, &usual);
        assert_true(e.failed >= 30 && !e.decided);
    }
}

static void no_more_is_spent_on_one_that_diverged_twice(void **state)
{
    (void)state;
    struct pr_rng rng;
    struct probes p = {.n = 0};
    const char *arm;
    uint64_t seed;
    size_t tried[N_ARMS] = {0};
    pr_rng_seed(&rng, 6);
    while (pr_evidence_next(p.v, p.n, &usual, 1, &arm, &seed)) {
        size_t a = 0;
        while (strcmp(arms[a], arm) != 0)
            a++;
        tried[a]++;
        add(&p, 1, arm, seed, a == 2 ? -INFINITY : pr_rng_normal(&rng));
    }
    assert_int_equal(tried[2], 2);
    assert_true(tried[1] >= 5 && tried[3] >= 5 && tried[4] >= 5 && tried[5] >= 5);
    /* A block in which random order diverged goes on: it is an outcome. */
    p.n = 0;
    add(&p, 1, "random", 1, -INFINITY);
    assert_true(pr_evidence_next(p.v, p.n, &usual, 1, &arm, &seed));
    assert_true(seed == 1 && strcmp(arm, "random") != 0);
}

/* A training that keeps its last checkpoint only, and writes one as often as two probes are run:
 * each block is random and one other arm. */
static void starts_that_vanish_starve_no_arm(void **state)
{
    (void)state;
    static struct probes p;
    struct pr_rng rng;
    const char *arm;
    uint64_t seed;
    size_t tried[N_ARMS] = {0};
    pr_rng_seed(&rng, 31);
    p.n = 0;
    while (pr_evidence_next(p.v, p.n, &usual, 1 + (int64_t)p.n / 2, &arm, &seed)) {
        size_t a = 0;
        while (strcmp(arms[a], arm) != 0)
            a++;
        tried[a]++;
        add(&p, 1 + (int64_t)p.n / 2, arm, seed, pr_rng_normal(&rng));
        if (p.n == 100) /* 50 blocks: ten each */
            for (size_t i = 1; i < N_ARMS; i++)
                assert_true(tried[i] >= 5);
    }
    struct pr_evidence e = weigh(&p, &usual);
    for (size_t i = 0; i < e.n_arms; i++)
        assert_true(e.arms[i].n >= 5);
    const char *lacking[PR_MAX_ARMS]; /* each had all its seeds, or was dropped as clearly worse */
    assert_int_equal(pr_evidence_lacking(p.v, p.n, &usual, lacking), 0);
}

static void arms_that_never_had_their_seeds_are_told(void **state)
{
    (void)state;
    static struct probes p;
    struct pr_rng rng;
    const char *arm, *lacking[PR_MAX_ARMS];
    uint64_t seed;
    pr_rng_seed(&rng, 6);
    p.n = 0;
    while (pr_evidence_next(p.v, p.n, &usual, 1, &arm, &seed))
        add(&p, 1, arm, seed, strcmp(arm, "interleaved") == 0 ? NAN : pr_rng_normal(&rng));
    assert_int_equal(pr_evidence_lacking(p.v, p.n, &usual, lacking), 1);
    assert_string_equal(lacking[0], "interleaved");
    p.n = 0;
    while (pr_evidence_next(p.v, p.n, &usual, 1, &arm, &seed))
        add(&p, 1, arm, seed, NAN);
    assert_int_equal(p.n, 120); /* random alone: it comes to an end */
    assert_int_equal(pr_evidence_lacking(p.v, p.n, &usual, lacking), 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_completed_before_new_ones_begin),
        cmocka_unit_test(probes_go_where_the_question_is_open),
        cmocka_unit_test(a_question_rests_after_the_last_look),
        cmocka_unit_test(probes_that_always_fail_come_to_an_end),
        cmocka_unit_test(no_more_is_spent_on_one_that_diverged_twice),
        cmocka_unit_test(starts_that_vanish_starve_no_arm),
        cmocka_unit_test(arms_that_never_had_their_seeds_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
