/* The queue of grading orders. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/orders.h"
#include "systems/system.h"

static const struct pr_wanted wanted[] = {
    {.checkpoint = 1, .rank = 1, .priority = PR_PRIORITY_BACKFILL},
    {.checkpoint = 2, .rank = 2, .priority = PR_PRIORITY_REST},
    {.checkpoint = 3, .rank = 4, .priority = PR_PRIORITY_NEWEST},
    {.checkpoint = 4, .rank = 3, .priority = PR_PRIORITY_NEWEST},
    {.checkpoint = 5, .rank = 0, .priority = PR_PRIORITY_BACKFILL},
};
#define N (sizeof wanted / sizeof *wanted)

static void nothing_wanted_is_nothing_next(void **state)
{
    (void)state;
    assert_int_equal(pr_orders_next(NULL, 0, NULL, 0), -1);
}

static void the_highest_priority_is_next_and_the_newest_within_it(void **state)
{
    (void)state;
    int64_t done[N];
    static const int64_t expected[] = {3, 4, 2, 1, 5};
    for (size_t i = 0; i < N; i++) {
        int64_t at = pr_orders_next(wanted, N, done, i);
        assert_true(at >= 0);
        assert_int_equal(wanted[at].checkpoint, expected[i]);
        done[i] = wanted[at].checkpoint;
    }
    assert_int_equal(pr_orders_next(wanted, N, done, N), -1);
}

static void an_alarm_goes_before_the_newest(void **state)
{
    (void)state;
    const struct pr_wanted v[] = {
        wanted[2], {.checkpoint = 9, .rank = 0, .priority = PR_PRIORITY_ALARM}};
    assert_int_equal(pr_orders_next(v, 2, NULL, 0), 1);
}

static void of_equal_rank_the_later_found_is_next(void **state)
{
    (void)state;
    const struct pr_wanted v[] = {
        {.checkpoint = 7, .priority = 10}, {.checkpoint = 8, .priority = 10}};
    assert_int_equal(pr_orders_next(v, 2, NULL, 0), 1);
}

static void only_a_higher_priority_sets_aside(void **state)
{
    (void)state;
    assert_true(pr_orders_preempts(&wanted[0], &wanted[2]));
    assert_true(pr_orders_preempts(&wanted[1], &wanted[2]));
    assert_false(pr_orders_preempts(&wanted[4], &wanted[0])); /* newer, and of a kind */
    assert_false(pr_orders_preempts(&wanted[2], &wanted[1]));
    assert_false(pr_orders_preempts(&wanted[2], &wanted[2]));
}

static void once_its_first_examples_are_graded_a_newest_checkpoint_can_wait(void **state)
{
    (void)state;
    assert_int_equal(pr_orders_rest(PR_PRIORITY_NEWEST), PR_PRIORITY_REST);
    assert_int_equal(pr_orders_rest(PR_PRIORITY_REST), PR_PRIORITY_REST);
    assert_int_equal(pr_orders_rest(PR_PRIORITY_BACKFILL), PR_PRIORITY_BACKFILL);
    assert_int_equal(pr_orders_rest(PR_PRIORITY_ALARM), PR_PRIORITY_ALARM);
}

static void back_off_doubles_up_to_five_minutes(void **state)
{
    (void)state;
    assert_int_equal(pr_orders_backoff_ms(1), 1000);
    assert_int_equal(pr_orders_backoff_ms(2), 2000);
    assert_int_equal(pr_orders_backoff_ms(5), 16000);
    assert_int_equal(pr_orders_backoff_ms(10), 300000);
    assert_int_equal(pr_orders_backoff_ms(1000000), 300000);
    assert_int_equal(pr_orders_backoff_ms(0), 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_wanted_is_nothing_next),
        cmocka_unit_test(the_highest_priority_is_next_and_the_newest_within_it),
        cmocka_unit_test(an_alarm_goes_before_the_newest),
        cmocka_unit_test(of_equal_rank_the_later_found_is_next),
        cmocka_unit_test(only_a_higher_priority_sets_aside),
        cmocka_unit_test(once_its_first_examples_are_graded_a_newest_checkpoint_can_wait),
        cmocka_unit_test(back_off_doubles_up_to_five_minutes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
