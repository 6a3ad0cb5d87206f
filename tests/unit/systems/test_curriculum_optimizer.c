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
#include "hand_made.h"

#define OK HAND_MADE_OK
#define E  (&hand_made_error)
#define N  90

static const struct pr_system *const optimizer = &pr_system_curriculum_optimizer;

/* ---- a folder of the tests ---- */

struct folder {
    struct hand_made h;
    struct pr_view_pool pool;
    int64_t suite;
    /* the last run */
    json_t *o;
    char *waiting;
    struct pr_probe_wanted *probe;
    size_t decisions, alerts;
};

static void init(struct folder *f)
{
    *f = (struct folder){.pool = {.question = "question-1",
                             .n = 300,
                             .levels = {{"easy", 100}, {"medium", 100}, {"hard", 100}},
                             .n_levels = 3,
                             .probe_seconds = NAN,
                             .budget_seconds = 900}};
    hand_made_init(&f->h);
    f->h.pool = &f->pool;
    f->suite = hand_made_suite(&f->h, "validation", N, 0);
}

static void forget(struct folder *f)
{
    json_decref(f->o);
    pr_free(f->waiting);
    pr_probe_wanted_free(f->probe);
    f->o = NULL;
    f->waiting = NULL;
    f->probe = NULL;
}

static void done(struct folder *f)
{
    forget(f);
    hand_made_done(&f->h);
}

static void run(struct folder *f)
{
    struct pr_findings found;
    forget(f);
    hand_made_find(&f->h, optimizer, &found);
    f->o = json_incref(found.status);
    f->waiting = found.waiting ? pr_strdup(found.waiting) : NULL;
    f->probe = found.probe;
    found.probe = NULL;
    f->decisions = found.n_decisions;
    f->alerts = found.n_alerts;
    hand_made_apply(&f->h, optimizer, &found);
}

/* A checkpoint whose losses on easy, medium and hard examples are these. */
static int64_t add(struct folder *f, int64_t step, double easy, double medium, double hard)
{
    int64_t id = hand_made_checkpoint(&f->h, NULL, step, NULL);
    const double loss[3] = {easy, medium, hard};
    struct hand_made_answer v[N] = {{0}};
    for (size_t i = 0; i < N; i++)
        v[i] = (struct hand_made_answer){
            .loss = loss[i % 3], .confidence = 0.5, .right = i % 3 == 0 || i % 9 == 1};
    hand_made_grade(&f->h, id, f->suite, v, N);
    return id;
}

static void put(struct folder *f, int64_t start, const char *arm, int64_t seed, double loss,
    double accuracy, const char *reason, json_t *result)
{
    const struct pr_probe_row row = {.question = (char *)(uintptr_t)f->pool.question,
        .checkpoint = start,
        .arm = (char *)(uintptr_t)arm,
        .seed = seed,
        .reason = (char *)(uintptr_t)reason,
        .n = reason ? 0 : 50,
        .loss = loss,
        .accuracy = accuracy,
        .result = result,
        .at_ms = f->h.now_ms,
        .seconds = 10};
    OK(pr_gradebook_put_probe(f->h.g, &row, NULL, E));
    json_decref(result);
    f->h.now_ms += 1000;
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "null";
}

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    if (!json_is_number(v))
        fail_msg("%s is no number", key);
    return json_number_value(v);
}

static const json_t *strategy(const struct folder *f, const char *name)
{
    size_t i;
    const json_t *x;
    json_array_foreach (json_object_get(f->o, "strategies_tested"), i, x)
        if (!strcmp(text(x, "strategy"), name))
            return x;
    fail_msg("%s is not among the strategies", name);
    return NULL;
}

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
    assert_int_equal(number(strategy(&f, "adaptive"), "n_probes"), 0);
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
    assert_int_equal(number(strategy(&f, "random"), "n_probes"), 0);
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
        cmocka_unit_test(a_clear_winner_is_not_named_below_five_seeds),
        cmocka_unit_test(a_clear_winner_is_decided_upon_and_stays_the_best),
        cmocka_unit_test(equal_strategies_stay_undecided_and_the_noise_is_shown),
        cmocka_unit_test(a_strategy_that_destroys_the_model_is_not_decided_upon),
        cmocka_unit_test(three_failures_in_a_row_rest_the_question),
        cmocka_unit_test(a_probe_that_does_not_fit_leaves_what_can_be_observed),
        cmocka_unit_test(the_mix_follows_what_is_learned_fastest),
        cmocka_unit_test(a_block_is_finished_from_where_it_began),
        cmocka_unit_test(the_last_checkpoints_are_to_be_graded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
