/* A small run of the curriculum experiment with real trainings: bench/curriculum has the whole one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "curriculum/experiment.h"

/* All hard answers are wrong, and trainings are short. */
static struct pr_experiment small(void)
{
    struct pr_experiment d = pr_experiment_reported;
    d.model.task.wrong = 1;
    d.pool = 1200;
    d.stage = 600;
    d.validation = 120;
    return d;
}

static void the_better_strategy_is_found_by_real_probes(void **state)
{
    (void)state;
    struct pr_experiment d = small();
    struct pr_evidence seen;
    size_t probes;
    struct pr_error e = {0};
    if (pr_experiment_probes(&d, PR_POOL_NOISY, 40, &seen, &probes, &e) != PR_OK)
        fail_msg("%s", e.message);
    assert_true(seen.decided);
    assert_string_equal(seen.best, "hard_first");
    assert_true(seen.blocks >= 5 && probes >= 30 && seen.failed == 0);
    /* The A/A arm is within what chance does. */
    for (size_t a = 0; a < seen.n_arms; a++)
        if (strcmp(seen.arms[a].name, PR_ARM_AGAIN) == 0)
            assert_true(seen.arms[a].p > 0.05);
}

static void a_repetition_is_the_same_twice(void **state)
{
    (void)state;
    struct pr_experiment d = small();
    d.pool = 320;
    double a[PR_EXPERIMENT_ARMS], b[PR_EXPERIMENT_ARMS], start_a, start_b;
    struct pr_error e = {0};
    assert_int_equal(pr_experiment_full(&d, PR_POOL_NOISY, 41, a, &start_a, &e), PR_OK);
    assert_int_equal(pr_experiment_full(&d, PR_POOL_NOISY, 41, b, &start_b, &e), PR_OK);
    assert_memory_equal(a, b, sizeof a);
    assert_true(start_a == start_b);
    for (size_t i = 1; i < PR_EXPERIMENT_ARMS; i++)
        assert_true(isfinite(a[i]) && a[i] != a[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_better_strategy_is_found_by_real_probes),
        cmocka_unit_test(a_repetition_is_the_same_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
