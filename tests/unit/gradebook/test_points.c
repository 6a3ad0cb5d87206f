/* Curves: the log's points take the place of live ones, and a reader is told when old ones changed.
 */
#include <math.h>

#include "support.h"

#include "gradebook/sqlite.h"

static int64_t number(struct pr_gradebook *g, const char *sql)
{
    int64_t x;
    MUST(pr_sql_int(g, -1, &x, e, sql, ""));
    return x;
}

static void live(struct pr_gradebook *g, int64_t run, int64_t step, double value)
{
    MUST(pr_gradebook_live_point(g, run, "loss", &(struct pr_point){step, value}, e));
}

static void a_log_takes_the_place_of_what_was_seen_live_up_to_its_checkpoint(void **state)
{
    struct book *b = *state;
    for (int64_t step = 1; step <= 25; step++)
        live(b->g, 7, step, 100);
    assert_int_equal(
        number(b->g, "SELECT revision FROM series"), 0); /* they were added at the end */
    const struct pr_point log[] = {{10, 3}, {20, 2}};
    MUST(pr_gradebook_log_points(b->g, 7, "loss", log, 2, 20, e));
    assert_int_equal(number(b->g, "SELECT count(*) FROM points"), 2 + 5);
    assert_int_equal(number(b->g, "SELECT sum(value) FROM points WHERE step <= 20"), 5);
    assert_int_equal(number(b->g, "SELECT revision FROM series"), 1);
    int64_t logged;
    MUST(pr_gradebook_logged(b->g, 7, "loss", &logged, e));
    assert_int_equal(logged, 20);
    /* The same again, and that of an older checkpoint, change nothing. */
    MUST(pr_gradebook_log_points(b->g, 7, "loss", log, 2, 20, e));
    MUST(pr_gradebook_log_points(b->g, 7, "loss", log, 1, 10, e));
    assert_int_equal(number(b->g, "SELECT count(*) FROM points"), 2 + 5);
    MUST(pr_gradebook_logged(b->g, 7, "loss", &logged, e));
    assert_int_equal(logged, 20);
    assert_sound(b->g);
}

static void a_training_that_logs_nothing_keeps_what_was_seen_live(void **state)
{
    struct book *b = *state;
    live(b->g, 7, 5, 1);
    live(b->g, 7, 6, 2);
    MUST(pr_gradebook_log_points(b->g, 7, "loss", NULL, 0, 10, e));
    assert_int_equal(number(b->g, "SELECT count(*) FROM points"), 2);
}

static void going_back_drops_what_was_seen_after_and_readers_are_told(void **state)
{
    struct book *b = *state;
    for (int64_t step = 1; step <= 5; step++)
        live(b->g, 7, step, (double)step);
    live(b->g, 7, 3, 30);
    assert_int_equal(number(b->g, "SELECT max(step) FROM points"), 3);
    assert_int_equal(number(b->g, "SELECT value FROM points WHERE step = 3"), 30);
    assert_int_equal(number(b->g, "SELECT revision FROM series"), 1);
}

static void what_is_no_number_is_kept_apart_from_what_was_not_logged(void **state)
{
    struct book *b = *state;
    live(b->g, 7, 1, NAN);
    live(b->g, 7, 2, INFINITY);
    live(b->g, 7, 4, 0);
    assert_int_equal(number(b->g, "SELECT count(*) FROM points"), 3);
    assert_int_equal(number(b->g, "SELECT count(*) FROM points WHERE value IS NULL"), 2);
}

static void a_training_gets_its_run_with_its_first_checkpoint(void **state)
{
    struct book *b = *state;
    for (int64_t step = 1; step <= 12; step++)
        live(b->g, 0, step, (double)step);
    const struct pr_point log[] = {{5, 50}, {10, 100}};
    MUST(pr_gradebook_log_points(b->g, 3, "loss", log, 2, 10, e));
    MUST(pr_gradebook_adopt_points(b->g, 3, 10, e));
    assert_int_equal(number(b->g, "SELECT count(*) FROM points p JOIN series s ON s.id = p.series"
                                  " WHERE s.run_id = 3"),
        4);
    assert_int_equal(number(b->g, "SELECT count(*) FROM points"), 4);
    assert_int_equal(number(b->g, "SELECT sum(value) FROM points"), 50 + 100 + 11 + 12);
    live(b->g, 0, 1, 9);
    MUST(pr_gradebook_adopt_points(b->g, 0, 0, e)); /* it came to nothing */
    assert_int_equal(number(b->g, "SELECT count(*) FROM points"), 4);
    assert_sound(b->g);
}

/* A damaged copy of a checkpoint has a step of its own and the log of the other one. */
static void a_checkpoint_past_its_logs_end_takes_no_point_from_the_next(void **state)
{
    struct book *b = *state;
    const struct pr_point log[] = {{9, 1}, {10, 2}, {11, 3}, {12, 4}};
    MUST(pr_gradebook_log_points(b->g, 7, "loss", log, 2, 10, e));
    MUST(pr_gradebook_log_points(b->g, 7, "loss", log, 2, 11, e));
    live(b->g, 7, 11, 30);
    MUST(pr_gradebook_log_points(b->g, 7, "loss", log, 4, 12, e));
    assert_int_equal(number(b->g, "SELECT count(*) FROM points"), 4);
    assert_int_equal(number(b->g, "SELECT value FROM points WHERE step = 11"), 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, book_setup, book_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_log_takes_the_place_of_what_was_seen_live_up_to_its_checkpoint),
        TEST(a_checkpoint_past_its_logs_end_takes_no_point_from_the_next),
        TEST(a_training_that_logs_nothing_keeps_what_was_seen_live),
        TEST(going_back_drops_what_was_seen_after_and_readers_are_told),
        TEST(what_is_no_number_is_kept_apart_from_what_was_not_logged),
        TEST(a_training_gets_its_run_with_its_first_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
