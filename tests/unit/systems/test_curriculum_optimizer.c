/* The curriculum optimizer: what it concludes from probes, what it asks for, what it says
 * meanwhile.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "curriculum/evidence.h"
#include "curriculum_folder.h"

/* A world of probes: each arm's loss less its gain, with what start and seed do to all arms, and
 * noise.  Answers what the system asks for until it says decided, or n probes were run. */
static size_t answer(struct folder *f, const char *winner, double gain, double noise, size_t n)
{
    struct pr_rng r;
    size_t k = 0;
    pr_rng_seed(&r, 7);
    for (run(f); k < n && f->probe && strcmp(text(f->o, "decision"), "decided") != 0; k++) {
        struct pr_rng block;
        pr_rng_seed(&block, (uint64_t)f->probe->seed);
        double loss = 2 + 0.3 * pr_rng_normal(&block) + noise * pr_rng_normal(&r);
        if (!strcmp(f->probe->arm, winner))
            loss -= gain;
        put(f, f->probe->checkpoint, f->probe->arm, f->probe->seed, loss,
            !strcmp(f->probe->arm, winner) ? 0.6 : 0.4, NULL, NULL);
        run(f);
    }
    return k;
}

/* ---- tests ---- */

static void nothing_is_claimed_before_there_is_anything(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    f.h.pool = NULL;
    run(&f);
    assert_string_equal(text(f.o, "best_strategy"), "random");
    assert_string_equal(text(f.o, "decision"), "undecided");
    assert_true(json_is_null(json_object_get(f.o, "accuracy")));
    assert_true(json_is_string(json_object_get(f.o, "accuracy_reason")));
    assert_string_equal(text(f.o, "method"), "observational");
    assert_true(json_is_null(json_object_get(f.o, "difficulty_weights")));
    assert_true(json_is_string(json_object_get(f.o, "last_update")));
    assert_int_equal(json_array_size(json_object_get(f.o, "strategies_tested")), 5);
    assert_non_null(f.waiting);
    assert_null(f.probe);
    assert_int_equal(f.decisions, 0);
    done(&f);
}

static void the_next_probe_starts_from_the_newest_checkpoint(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    add(&f, 100, 1, 2, 3);
    int64_t newest = add(&f, 200, 0.9, 1.8, 2.9);
    hand_made_place(&f.h, &(struct hand_made_place){.step = 300, .not_opened = true});
    run(&f);
    assert_string_equal(text(f.o, "method"), "probes");
    assert_non_null(f.probe);
    assert_int_equal(f.probe->checkpoint, newest);
    assert_string_equal(f.probe->question, "question-1");
    const json_t *easy = json_object_get(f.probe->progress, "easy");
    assert_int_equal(json_array_size(easy), 2);
    assert_true(fabs(json_real_value(json_array_get(easy, 1)) - 0.9) < 1e-9);
    assert_string_equal(text(json_object_get(f.o, "next"), "checkpoint"), "checkpoint-200");
    done(&f);
}

static void a_probe_is_told_what_its_start_cannot_be_asked(void **state)
{
    (void)state;
    struct folder f;
    struct hand_made_answer v[N] = {{0}};
    init(&f);
    for (size_t i = 0; i < N; i++)
        v[i] = (struct hand_made_answer){.loss = 1, .confidence = 0.5, .missing = i == 9};
    v[4].reason = "its prompt is too long";
    int64_t start = hand_made_checkpoint(&f.h, NULL, 100, NULL);
    hand_made_grade(&f.h, start, f.suite, v, N);
    run(&f);
    assert_null(f.probe); /* it is being graded: that is waited for */
    assert_non_null(f.waiting);
    v[9].missing = false;
    hand_made_grade(&f.h, start, f.suite, v, N);
    run(&f);
    assert_non_null(f.probe);
    assert_int_equal(json_object_size(f.probe->unasked), 1);
    assert_string_equal(
        json_string_value(json_object_iter_value(json_object_iter(f.probe->unasked))), v[4].reason);
    done(&f);
}

static void a_clear_winner_is_not_named_below_five_seeds(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    int64_t start = add(&f, 100, 1, 2, 3);
    static const char *const arms[] = {
        "random", "easy_to_hard", "hard_first", "interleaved", "adaptive", PR_ARM_AGAIN};
    for (int64_t seed = 1; seed <= 4; seed++)
        for (size_t i = 0; i < 6; i++)
            put(&f, start, arms[i], seed, i == 2 ? 0.5 : 2 + 1e-4 * (double)seed, 0.4, NULL, NULL);
    run(&f);
    assert_string_equal(text(f.o, "decision"), "undecided");
    assert_string_equal(text(f.o, "best_strategy"), "random");
    const json_t *s = strategy(&f, "hard_first");
    assert_int_equal(number(s, "n_probes"), 4);
    assert_int_equal(number(s, "n_blocks"), 4);
    assert_true(fabs(number(s, "loss_mean_per_example") - 0.5) < 1e-12);
    assert_true(fabs(number(s, "difference_to_random") - 1.5) < 1e-3); /* above 0: better */
    assert_string_equal(text(s, "verdict"), "open");
    assert_true(fabs(number(f.o, "accuracy") - 0.4) < 1e-12); /* of random order's probes */
    assert_int_equal(f.decisions, 0);
    assert_non_null(f.probe);
    done(&f);
}

static void a_clear_winner_is_decided_upon_and_stays_the_best(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    add(&f, 100, 1, 2, 3);
    size_t k = answer(&f, "hard_first", 0.5, 0.02, 300);
    assert_string_equal(text(f.o, "decision"), "decided");
    assert_string_equal(text(f.o, "best_strategy"), "hard_first");
    assert_true(k >= 25 && k < 300);
    assert_true(fabs(number(f.o, "accuracy") - 0.6) < 1e-12);
    const json_t *s = strategy(&f, "hard_first");
    assert_string_equal(text(s, "verdict"), "better");
    assert_true(number(s, "n_blocks") >= 5);
    assert_true(number(s, "p") <= 0.05);
    const json_t *interval = json_object_get(s, "difference_interval");
    assert_true(json_number_value(json_array_get(interval, 0)) > 0);
    assert_string_equal(text(strategy(&f, "random"), "verdict"), "reference");
    assert_int_equal(f.decisions, 1);
    const json_t *history = json_object_get(f.o, "history");
    assert_int_equal(json_array_size(history), 1);
    run(&f);
    assert_int_equal(f.decisions, 0); /* only a change is appended */
    history = json_object_get(f.o, "history");
    assert_int_equal(json_array_size(history), 1);
    assert_string_equal(text(json_array_get(history, 0), "best_strategy"), "hard_first");
    assert_string_equal(text(json_array_get(history, 0), "decision"), "decided");

    /* Another question is open again, and the name stays; so does it where none can be asked. */
    f.pool.question = "question-2";
    run(&f);
    assert_string_equal(text(f.o, "decision"), "undecided");
    assert_string_equal(text(f.o, "best_strategy"), "hard_first");
    assert_true(json_is_null(json_object_get(f.o, "accuracy")));
    assert_int_equal(f.decisions, 1);
    assert_non_null(f.probe);
    f.pool.question = NULL;
    f.pool.reason = "there are no training examples";
    run(&f);
    assert_string_equal(text(f.o, "best_strategy"), "hard_first");
    assert_string_equal(text(f.o, "method"), "observational");
    assert_string_equal(text(f.o, "method_reason"), "there are no training examples");
    assert_int_equal(f.decisions, 0);
    assert_null(f.probe);
    done(&f);
}

static void equal_strategies_stay_undecided_and_the_noise_is_shown(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    add(&f, 100, 1, 2, 3);
    answer(&f, "none", 0, 0.05, 72);
    assert_string_equal(text(f.o, "decision"), "undecided");
    assert_string_equal(text(f.o, "best_strategy"), "random");
    const json_t *floor = json_object_get(f.o, "noise_floor");
    assert_string_equal(text(floor, "arm"), PR_ARM_AGAIN);
    assert_true(number(floor, "n_probes") >= 5);
    double sd = number(floor, "sd"); /* of a difference of two, each with 0.05 */
    assert_true(sd > 0.02 && sd < 0.2);
    assert_true(json_is_false(json_object_get(floor, "stands_out")));
    assert_int_equal(f.decisions, 0);
    done(&f);
}

static void the_mix_follows_what_is_learned_fastest(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    add(&f, 100, 1, 2, 3);
    run(&f);
    assert_true(json_is_null(json_object_get(f.o, "difficulty_weights")));
    assert_non_null(strstr(text(f.o, "difficulty_weights_reason"), "two"));
    add(&f, 200, 1, 1.9, 2.5);
    add(&f, 300, 1, 1.8, 2.0);
    run(&f);
    const json_t *w = json_object_get(f.o, "difficulty_weights");
    double easy = number(w, "easy"), medium = number(w, "medium"), hard = number(w, "hard");
    assert_true(fabs(easy + medium + hard - 1) < 1e-9);
    assert_true(hard > medium && medium > easy && easy > 0);
    assert_true(fabs(number(json_object_get(f.o, "learning_progress"), "hard") - 0.5) < 1e-9);
    const json_t *rows = json_object_get(f.o, "checkpoints");
    assert_int_equal(json_array_size(rows), 3);
    const json_t *level =
        json_object_get(json_object_get(json_array_get(rows, 2), "by_difficulty"), "medium");
    assert_int_equal(number(level, "n"), 30);
    assert_true(fabs(number(level, "accuracy") - 10.0 / 30) < 1e-12);
    assert_true(fabs(number(level, "loss_mean_per_example") - 1.8) < 1e-9);
    const json_t *ci = json_object_get(level, "accuracy_ci95");
    assert_true(json_number_value(json_array_get(ci, 0)) > 0.19); /* Wilson: 0.192 to 0.512 */
    assert_true(json_number_value(json_array_get(ci, 1)) < 0.52);
    /* Only the last three count: an older fall is forgotten. */
    add(&f, 400, 0.2, 1.8, 2.0);
    add(&f, 500, 0.1, 1.8, 2.0);
    add(&f, 600, 0.1, 1.2, 2.0);
    run(&f);
    w = json_object_get(f.o, "difficulty_weights");
    assert_true(number(w, "medium") > number(w, "easy"));
    assert_true(number(w, "medium") > number(w, "hard"));
    /* What is shown is what the mix is made of: least squares, and not the ends alone. */
    f.h.settings.curriculum_last = 4; /* hard: 2, 2, 2, 1 */
    add(&f, 700, 0.1, 1.2, 1.0);
    run(&f);
    assert_true(fabs(number(json_object_get(f.o, "learning_progress"), "hard") - 0.3) < 1e-9);
    done(&f);
}

static void a_block_is_finished_from_where_it_began(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    int64_t start = add(&f, 100, 1, 2, 3);
    run(&f);
    put(&f, start, f.probe->arm, f.probe->seed, 2, 0.4, NULL, NULL);
    int64_t seed = f.probe->seed, newest = add(&f, 200, 0.9, 1.9, 2.9);
    run(&f);
    assert_int_equal(f.probe->checkpoint, start);
    assert_int_equal(f.probe->seed, seed);
    for (size_t i = 0; i < 10 && f.probe->checkpoint == start; i++) {
        put(&f, start, f.probe->arm, f.probe->seed, 2, 0.4, NULL, NULL);
        run(&f);
    }
    assert_int_equal(f.probe->checkpoint, newest); /* the next block begins there */
    put(&f, newest, f.probe->arm, f.probe->seed, 2, 0.4, NULL, NULL);
    OK(pr_gradebook_set_state(f.h.g, newest, PR_CHECKPOINT_GONE, "its folder is gone", E));
    run(&f);
    assert_int_equal(f.probe->checkpoint, start);
    done(&f);
}

static void the_last_checkpoints_are_to_be_graded(void **state)
{
    (void)state;
    struct folder f;
    struct pr_view v;
    struct pr_needs needs = {0};
    int64_t id[5];
    init(&f);
    for (size_t i = 0; i < 5; i++)
        id[i] = hand_made_checkpoint(&f.h, NULL, (int64_t)(100 * (i + 1)), NULL);
    hand_made_open(&f.h, &v);
    OK(optimizer->plan(&v, &needs, E));
    assert_int_equal(needs.n, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(needs.v[i].checkpoint, id[4 - i]);
        assert_int_equal(needs.v[i].suite, f.suite);
    }
    assert_int_equal(needs.v[0].priority, PR_PRIORITY_NEWEST);
    pr_free(needs.v);
    hand_made_close(&f.h, &v);
    run(&f);
    assert_non_null(strstr(f.waiting, "checkpoint-500: 0 of 90"));
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_claimed_before_there_is_anything),
        cmocka_unit_test(the_next_probe_starts_from_the_newest_checkpoint),
        cmocka_unit_test(a_probe_is_told_what_its_start_cannot_be_asked),
        cmocka_unit_test(a_clear_winner_is_not_named_below_five_seeds),
        cmocka_unit_test(a_clear_winner_is_decided_upon_and_stays_the_best),
        cmocka_unit_test(equal_strategies_stay_undecided_and_the_noise_is_shown),
        cmocka_unit_test(the_mix_follows_what_is_learned_fastest),
        cmocka_unit_test(a_block_is_finished_from_where_it_began),
        cmocka_unit_test(the_last_checkpoints_are_to_be_graded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
