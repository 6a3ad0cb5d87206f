/* Probes: what is stored comes back, failures included. */
#include <math.h>
#include <string.h>

#include "support.h"

static int64_t put_one(struct pr_gradebook *g, const char *question, int64_t checkpoint,
    const char *arm, int64_t seed, const char *reason, double loss)
{
    json_t *result = reason ? NULL : json_pack("{s:f}", "loss_mean_per_example", loss);
    const struct pr_probe_row p = {.question = (char *)(uintptr_t)question,
        .checkpoint = checkpoint,
        .arm = (char *)(uintptr_t)arm,
        .seed = seed,
        .reason = (char *)(uintptr_t)reason,
        .n = reason ? 0 : 50,
        .loss = loss,
        .accuracy = reason ? NAN : 0.5,
        .result = result,
        .at_ms = 1000 + seed,
        .seconds = 2.5};
    int64_t id = 0;
    MUST(pr_gradebook_put_probe(g, &p, &id, e));
    json_decref(result);
    return id;
}

static void a_probe_comes_back_as_it_was_put(void **state)
{
    struct book *b = *state;
    struct pr_probe_row *rows;
    size_t n;
    int64_t checkpoint = add_checkpoint(b->g, "/run/checkpoint-1", "i", "m", 1, "r", "h", 5);
    int64_t first = put_one(b->g, "q1", checkpoint, "random", 1, NULL, 0.1);
    int64_t second = put_one(b->g, "q1", checkpoint, "easy_to_hard", 1, "it ran out of time", NAN);
    assert_true(first > 0 && second > first);
    book_reopen(b);
    MUST(pr_gradebook_probes(b->g, "q1", 0, &rows, &n, e));
    assert_int_equal(n, 2);
    assert_int_equal(rows[0].id, first);
    assert_string_equal(rows[0].question, "q1");
    assert_string_equal(rows[0].arm, "random");
    assert_int_equal(rows[0].checkpoint, checkpoint);
    assert_int_equal(rows[0].n, 50);
    assert_true(rows[0].loss == 0.1 && rows[0].accuracy == 0.5 && rows[0].seconds == 2.5);
    assert_null(rows[0].reason);
    assert_true(json_real_value(json_object_get(rows[0].result, "loss_mean_per_example")) == 0.1);
    assert_string_equal(rows[1].reason, "it ran out of time");
    assert_true(isnan(rows[1].loss) && isnan(rows[1].accuracy)); /* unknown is never 0 */
    assert_null(rows[1].result);
    assert_int_equal(rows[1].at_ms, 1001);
    pr_probe_rows_free(rows, n);
    assert_sound(b->g);
}

static void questions_are_kept_apart_and_a_limit_takes_the_newest(void **state)
{
    struct book *b = *state;
    struct pr_probe_row *rows;
    size_t n;
    int64_t checkpoint = add_checkpoint(b->g, "/run/checkpoint-1", "i", "m", 1, "r", "h", 5);
    for (int64_t seed = 1; seed <= 5; seed++) {
        put_one(b->g, "q1", checkpoint, "random", seed, NULL, 0.1);
        put_one(b->g, "q2", checkpoint, "random_again", seed, NULL, 0.2);
    }
    MUST(pr_gradebook_probes(b->g, "q2", 0, &rows, &n, e));
    assert_int_equal(n, 5);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(rows[i].seed, i + 1); /* oldest first */
    pr_probe_rows_free(rows, n);
    MUST(pr_gradebook_probes(b->g, NULL, 3, &rows, &n, e));
    assert_int_equal(n, 3);
    assert_string_equal(rows[0].arm, "random_again");
    assert_int_equal(rows[0].seed, 4);
    assert_int_equal(rows[2].seed, 5);
    pr_probe_rows_free(rows, n);
    MUST(pr_gradebook_probes(b->g, "q3", 0, &rows, &n, e));
    assert_int_equal(n, 0);
    pr_probe_rows_free(rows, n);
}

static void a_probe_is_part_of_the_transaction_that_it_is_in(void **state)
{
    struct book *b = *state;
    struct pr_probe_row *rows;
    size_t n;
    int64_t checkpoint = add_checkpoint(b->g, "/run/checkpoint-1", "i", "m", 1, "r", "h", 5);
    MUST(pr_gradebook_begin(b->g, e));
    put_one(b->g, "q", checkpoint, "random", 1, NULL, 0.1);
    pr_gradebook_rollback(b->g);
    MUST(pr_gradebook_probes(b->g, "q", 0, &rows, &n, e));
    assert_int_equal(n, 0);
    pr_probe_rows_free(rows, n);
    struct pr_error why;
    const struct pr_probe_row nowhere = {.question = (char *)(uintptr_t) "q",
        .checkpoint = checkpoint + 7,
        .arm = (char *)(uintptr_t) "random"};
    assert_int_not_equal(pr_gradebook_put_probe(b->g, &nowhere, NULL, &why), PR_OK);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, book_setup, book_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_probe_comes_back_as_it_was_put),
        TEST(questions_are_kept_apart_and_a_limit_takes_the_newest),
        TEST(a_probe_is_part_of_the_transaction_that_it_is_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
