/* The curriculum optimizer's troubles: probes that fail, diverge or do not fit. */
#include <stdio.h>
#include <stdlib.h>

#include "base/rng.h"
#include "curriculum_folder.h"

static json_t *is_diverged(void)
{
    return json_pack("{s:b}", "diverged", 1);
}

/* Better on the seeds on which it leaves a model, and on every other one it leaves none. */
static void a_strategy_that_destroys_the_model_is_not_decided_upon(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    int64_t start = add(&f, 100, 1, 2, 3);
    static const char *const arms[] = {
        "random", "easy_to_hard", "hard_first", "interleaved", "adaptive", PR_ARM_AGAIN};
    struct pr_rng r;
    pr_rng_seed(&r, 3);
    for (int64_t seed = 1; seed <= 14; seed++)
        for (size_t i = 0; i < 6; i++) {
            double loss = 2 + 0.002 * pr_rng_normal(&r);
            if (i == 2 && seed % 2)
                put(&f, start, arms[i], seed, NAN, NAN, "its model diverged", is_diverged());
            else
                put(&f, start, arms[i], seed, i == 2 ? loss - 0.08 : loss, 0.4, NULL, NULL);
        }
    run(&f);
    assert_string_equal(text(f.o, "decision"), "undecided");
    const json_t *s = strategy(&f, "hard_first");
    assert_int_equal(number(s, "n_diverged"), 7);
    assert_int_equal(number(s, "n_failed"), 0);
    assert_string_equal(text(s, "verdict"), "open");
    assert_non_null(strstr(text(s, "verdict_reason"), "diverged"));
    assert_int_equal(number(f.o, "n_diverged"), 7);
    assert_int_equal(number(f.o, "n_failed"), 0);
    done(&f);
}

static void three_failures_in_a_row_rest_the_question(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    int64_t start = add(&f, 100, 1, 2, 3);
    put(&f, start, "random", 1, 2, 0.4, NULL, NULL);
    put(&f, start, "adaptive", 1, NAN, NAN, "its model's loss is unknown", NULL);
    put(&f, start, "adaptive", 1, NAN, NAN, "its model's loss is unknown", NULL);
    run(&f);
    assert_int_equal(number(strategy(&f, "adaptive"), "n_failed"), 2);
    assert_int_equal(number(strategy(&f, "adaptive"), "n_probes"), 2);
    assert_int_equal(json_array_size(json_object_get(f.o, "failures")), 2);
    assert_true(f.probe && !f.alerts);
    put(&f, start, "hard_first", 1, NAN, NAN, "the trainer ended with status 1", NULL);
    run(&f);
    assert_null(f.probe);
    assert_int_equal(f.alerts, 1);
    assert_true(json_is_null(json_object_get(f.o, "next")));
    assert_non_null(strstr(text(f.o, "next_reason"), "the trainer ended with status 1"));
    assert_string_equal(text(f.o, "decision"), "undecided");
    /* A newer checkpoint may be the cure, and so may a day. */
    int64_t newest = add(&f, 200, 0.9, 1.9, 2.9);
    run(&f);
    assert_non_null(f.probe);
    assert_int_equal(f.alerts, 0);
    put(&f, newest, "hard_first", 1, NAN, NAN, "again", NULL);
    run(&f);
    assert_null(f.probe);
    f.h.now_ms += (int64_t)25 * 3600 * 1000;
    run(&f);
    assert_non_null(f.probe);
    done(&f);
}

static void strategies_that_diverge_do_not_rest_the_question(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    int64_t start = add(&f, 100, 1, 2, 3);
    put(&f, start, "random", 1, 2, 0.4, NULL, NULL);
    put(&f, start, "easy_to_hard", 1, NAN, NAN, "its model diverged", is_diverged());
    put(&f, start, "hard_first", 1, NAN, NAN, "its model diverged", is_diverged());
    put(&f, start, "interleaved", 1, NAN, NAN, "its model diverged", is_diverged());
    run(&f);
    assert_non_null(f.probe);
    assert_int_equal(f.alerts, 0);
    /* Of others the reason is told, and those that diverge between them do not hide them. */
    for (size_t i = 0; i < 3; i++) {
        put(&f, start, "adaptive", 1, NAN, NAN, "there is no GPU here", NULL);
        put(&f, start, "hard_first", 2, NAN, NAN, "its model diverged", is_diverged());
    }
    run(&f);
    assert_null(f.probe);
    assert_int_equal(f.alerts, 1);
    assert_non_null(strstr(text(f.o, "next_reason"), "last 3 probes failed: there is no GPU"));
    done(&f);
}

static void a_question_in_which_all_diverges_rests(void **state)
{
    (void)state;
    struct folder f;
    size_t n = 0;
    init(&f);
    add(&f, 100, 1, 2, 3);
    for (run(&f); f.probe && n < 100; n++) {
        put(&f, f.probe->checkpoint, f.probe->arm, f.probe->seed, NAN, NAN, "its model diverged",
            is_diverged());
        run(&f);
    }
    assert_in_range(n, 3, 20);
    assert_int_equal(f.alerts, 1);
    assert_non_null(strstr(text(f.o, "next_reason"), "its model diverged"));
    done(&f);
}

static void a_probe_that_does_not_fit_leaves_what_can_be_observed(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    add(&f, 100, 1, 2, 3);
    int64_t start = add(&f, 200, 0.9, 1.2, 2.9);
    put(&f, start, "random", 1, NAN, NAN, "it was not done after 600 s",
        json_pack("{s:b, s:f}", "out_of_time", 1, "seconds_allowed", 600.0));
    run(&f);
    assert_string_equal(text(f.o, "method"), "observational");
    assert_non_null(strstr(text(f.o, "method_reason"), "does not fit"));
    assert_null(f.probe);
    assert_true(number(json_object_get(f.o, "difficulty_weights"), "medium") > 0.4);
    assert_int_equal(number(strategy(&f, "random"), "n_probes"), 1);
    assert_int_equal(number(strategy(&f, "random"), "n_failed"), 1);
    f.h.settings.curriculum_probe_seconds = 1200;
    run(&f);
    assert_string_equal(text(f.o, "method"), "probes");
    assert_non_null(f.probe);
    f.h.settings.curriculum_budget_percent = 0;
    run(&f);
    assert_string_equal(text(f.o, "method"), "observational");
    assert_null(f.probe);
    done(&f);
}

static json_t *is_out_of_time(void)
{
    return json_pack("{s:b, s:f}", "out_of_time", 1, "seconds_allowed", 600.0);
}

/* Puts what was asked for as one that had no time. */
static void run_out(struct folder *f)
{
    put(f, f->probe->checkpoint, f->probe->arm, f->probe->seed, NAN, NAN, "it was not done",
        is_out_of_time());
    run(f);
}

static void one_strategy_that_runs_out_of_time_does_not_stop_the_others(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    int64_t start = add(&f, 100, 1, 2, 3);
    put(&f, start, "random", 1, 2, 0.4, NULL, NULL);
    run(&f);
    assert_string_equal(f.probe->arm, "easy_to_hard");
    run_out(&f);
    assert_string_equal(f.probe->arm, "easy_to_hard"); /* it may have been unlucky */
    run_out(&f);
    assert_string_equal(text(f.o, "method"), "probes");
    assert_int_equal(f.probe->seed, 1);
    assert_string_equal(f.probe->arm, "hard_first");
    assert_int_equal(number(strategy(&f, "easy_to_hard"), "n_failed"), 2);
    assert_int_equal(f.alerts, 0);
    /* Where it may take longer now, it is tried again. */
    f.h.settings.curriculum_probe_seconds = 1200;
    run(&f);
    assert_string_equal(f.probe->arm, "easy_to_hard");
    f.h.settings.curriculum_probe_seconds = 600;
    run(&f);
    run_out(&f); /* a second one: probes do not fit */
    assert_string_equal(text(f.o, "method"), "observational");
    assert_non_null(strstr(text(f.o, "method_reason"), "does not fit"));
    assert_null(f.probe);
    done(&f);
}

/* The training keeps its last checkpoint only: each block loses its start after two probes. */
static void a_slow_strategy_whose_starts_vanish_leaves_the_others_their_turn(void **state)
{
    (void)state;
    struct folder f;
    size_t slow = 0, others = 0;
    init(&f);
    for (int64_t k = 1; k <= 20; k++) {
        int64_t start = add(&f, 100 * k, 1, 2, 3);
        run(&f);
        for (size_t i = 0; i < 2; i++) {
            assert_non_null(f.probe);
            assert_int_equal(f.probe->checkpoint, start);
            if (!strcmp(f.probe->arm, "easy_to_hard")) {
                slow++;
                run_out(&f);
                continue;
            }
            others += strcmp(f.probe->arm, "random") != 0;
            put(&f, start, f.probe->arm, f.probe->seed, 2 + 0.001 * (double)k, 0.4, NULL, NULL);
            run(&f);
        }
        OK(pr_gradebook_set_state(f.h.g, start, PR_CHECKPOINT_GONE, NULL, E));
    }
    assert_true(others >= 14);
    assert_in_range(slow, 2, 6);
    done(&f);
}

/* What was done in between shows that it fits: one that runs out after it was unlucky again. */
static void a_strategy_that_was_done_since_it_ran_out_is_tried_again(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    int64_t start = add(&f, 100, 1, 2, 3);
    put(&f, start, "random", 1, 2, 0.4, NULL, NULL);
    run(&f);
    run_out(&f);
    assert_string_equal(f.probe->arm, "easy_to_hard");
    while (f.probe->seed == 1 || strcmp(f.probe->arm, "easy_to_hard") != 0) {
        put(&f, start, f.probe->arm, f.probe->seed, 2, 0.4, NULL, NULL);
        run(&f);
    }
    run_out(&f);
    assert_string_equal(f.probe->arm, "easy_to_hard");
    assert_int_equal(f.probe->seed, 2);
    done(&f);
}

static void random_order_that_runs_out_twice_does_not_fit(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    int64_t start = add(&f, 100, 1, 2, 3);
    static const char *const arms[] = {
        "random", "easy_to_hard", "hard_first", "interleaved", "adaptive", PR_ARM_AGAIN};
    for (size_t i = 0; i < 6; i++)
        put(&f, start, arms[i], 1, 2, 0.4, NULL, NULL);
    run(&f);
    assert_string_equal(f.probe->arm, "random");
    run_out(&f);
    assert_string_equal(text(f.o, "method"), "probes");
    assert_string_equal(f.probe->arm, "random");
    run_out(&f);
    assert_string_equal(text(f.o, "method"), "observational");
    assert_null(f.probe);
    done(&f);
}

static void a_clock_that_is_set_back_ends_no_rest_later(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    int64_t start = add(&f, 100, 1, 2, 3), now = f.h.now_ms;
    for (size_t i = 0; i < 3; i++)
        put(&f, start, "random", 1, NAN, NAN, "there is no GPU here", NULL);
    run(&f);
    assert_null(f.probe);
    f.h.now_ms = now - (int64_t)30 * 24 * 3600 * 1000;
    run(&f);
    assert_non_null(f.probe);
    for (size_t i = 0; i < 2; i++)
        put(&f, start, "random", 2, NAN, NAN, "it was not done", is_out_of_time());
    run(&f);
    assert_null(f.probe);
    f.h.now_ms -= (int64_t)30 * 24 * 3600 * 1000;
    run(&f);
    assert_non_null(f.probe);
    done(&f);
}

static void probes_that_are_switched_off_have_no_next_time(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    add(&f, 100, 1, 2, 3);
    f.h.settings.curriculum_budget_percent = 0;
    f.pool.budget_until_ms = INT64_MAX;
    run(&f);
    const json_t *budget = json_object_get(f.o, "budget");
    assert_true(json_is_null(json_object_get(budget, "next_at")));
    assert_string_equal(text(budget, "next_at_reason"), "probes are switched off");
    done(&f);
}

/* At the top and for each strategy: all that were run, and those of them without a result. */
static void counts_of_probes_mean_the_same_everywhere(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    int64_t start = add(&f, 100, 1, 2, 3);
    put(&f, start, "random", 1, 2, 0.4, NULL, NULL);
    put(&f, start, "random", 2, 2, NAN, NULL, NULL); /* no example has a verdict */
    put(&f, start, "random", 3, NAN, NAN, "it was not done", is_out_of_time());
    put(&f, start, "adaptive", 1, NAN, NAN, "it crashed", NULL);
    put(&f, start, "adaptive", 2, NAN, NAN, "its model diverged", is_diverged());
    put(&f, start, PR_ARM_AGAIN, 1, 2, 0.4, NULL, NULL);
    run(&f);
    static const char *const keys[] = {"n_probes", "n_failed", "n_diverged"};
    static const double all[] = {6, 2, 1}, random[] = {3, 1, 0}, adaptive[] = {2, 1, 1};
    const json_t *floor = json_object_get(f.o, "noise_floor");
    for (size_t i = 0; i < 3; i++) {
        assert_true(number(f.o, keys[i]) == all[i]);
        assert_true(number(strategy(&f, "random"), keys[i]) == random[i]);
        assert_true(number(strategy(&f, "adaptive"), keys[i]) == adaptive[i]);
        assert_true(number(floor, keys[i]) == (i == 0));
    }
    assert_int_equal(number(f.o, "accuracy_probes"), 1);
    done(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_strategy_that_destroys_the_model_is_not_decided_upon),
        cmocka_unit_test(three_failures_in_a_row_rest_the_question),
        cmocka_unit_test(strategies_that_diverge_do_not_rest_the_question),
        cmocka_unit_test(a_question_in_which_all_diverges_rests),
        cmocka_unit_test(a_probe_that_does_not_fit_leaves_what_can_be_observed),
        cmocka_unit_test(one_strategy_that_runs_out_of_time_does_not_stop_the_others),
        cmocka_unit_test(a_slow_strategy_whose_starts_vanish_leaves_the_others_their_turn),
        cmocka_unit_test(a_strategy_that_was_done_since_it_ran_out_is_tried_again),
        cmocka_unit_test(random_order_that_runs_out_twice_does_not_fit),
        cmocka_unit_test(a_clock_that_is_set_back_ends_no_rest_later),
        cmocka_unit_test(probes_that_are_switched_off_have_no_next_time),
        cmocka_unit_test(counts_of_probes_mean_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
