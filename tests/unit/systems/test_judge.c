/* Judging one checkpoint: what fires, what does not, how often by chance, and how much is seen. */
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
#include "stream.h"
#include "systems/collapse.h"
#include "systems/judge.h"

static struct pr_settings settings;
static struct pr_suite *suite; /* 300 examples */
static struct pr_error error;

static void ok(enum pr_code code)
{
    if (code)
        fail_msg("%s", error.message);
}

static int set_up(void **state)
{
    (void)state;
    pr_settings_default(&settings);
    suite = stream_suite(300);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pr_suite_free(suite);
    return 0;
}

/* Losses about `loss` (the same pattern each time, times `factor`), and the first `right` right. */
static struct pr_grades *made(const char *name, double loss, double factor, size_t right)
{
    struct pr_grades *g = stream_grades(suite, name);
    struct pr_rng r;
    pr_rng_seed(&r, 5);
    for (size_t i = 0; i < g->n; i++) {
        g->v[i].loss = loss * (0.5 + (double)(i % 7) / 6) * factor;
        g->v[i].correct = i < right ? PR_VERDICT_RIGHT : PR_VERDICT_WRONG;
    }
    return g;
}

/* Noise of relative size s on the losses. */
static void shake(struct pr_grades *g, double s, uint64_t seed)
{
    struct pr_rng r;
    pr_rng_seed(&r, seed);
    for (size_t i = 0; i < g->n; i++)
        g->v[i].loss *= exp(s * pr_rng_normal(&r));
}

static const char *rule(const struct pr_judgement *j)
{
    return json_string_value(json_object_get(j->evidence, "rule"));
}

static double figure(const struct pr_judgement *j, const char *section, const char *key)
{
    const json_t *x = json_object_get(json_object_get(j->evidence, section), key);
    return json_is_number(x) ? json_number_value(x) : NAN;
}

static void judged(const struct pr_grades *a, const struct pr_grades *b, struct pr_judgement *ret,
    enum pr_verdict_level level, const char *why)
{
    ok(pr_judge(&settings, a, b, ret, &error));
    assert_true(ret->judged && !ret->early && ret->reason && ret->evidence);
    if (ret->level != level || strcmp(rule(ret), why) != 0)
        fail_msg("%s by %s (%s), expected %s by %s", pr_verdict_level_name(ret->level), rule(ret),
            ret->reason, pr_verdict_level_name(level), why);
}

static void a_loss_past_the_threshold_is_critical(void **state)
{
    (void)state;
    struct pr_grades *a = made("a", 0.8, 1, 150), *b = made("b", 0.8, 1.3, 150);
    struct pr_judgement j = {0};
    shake(a, 0.1, 1);
    shake(b, 0.1, 2);
    judged(a, b, &j, PR_LEVEL_CRITICAL, "loss");
    double percent = figure(&j, "loss", "increase_percent");
    assert_true(percent > 27 && percent < 33);
    assert_true(figure(&j, "loss", "lower_bound") > 0);
    assert_non_null(strstr(j.reason, "threshold is 15 %"));
    pr_judgement_done(&j);
    /* Below the threshold it is a warning, below the practical margin nothing. */
    for (size_t i = 0; i < b->n; i++)
        b->v[i].loss = a->v[i].loss * 1.05;
    judged(a, b, &j, PR_LEVEL_WARNING, "loss_warning");
    pr_judgement_done(&j);
    for (size_t i = 0; i < b->n; i++)
        b->v[i].loss = a->v[i].loss * 1.005;
    judged(a, b, &j, PR_LEVEL_OK, "none");
    pr_judgement_done(&j);
    /* Twice as much of next to nothing is under the margin in nats. */
    for (size_t i = 0; i < b->n; i++) {
        a->v[i].loss *= 0.01;
        b->v[i].loss = a->v[i].loss * 2;
    }
    judged(a, b, &j, PR_LEVEL_WARNING, "loss_warning");
    pr_judgement_done(&j);
    stream_grades_free(a);
    stream_grades_free(b);
}

static void one_huge_loss_is_no_regression(void **state)
{
    (void)state;
    struct pr_grades *a = made("a", 0.5, 1, 150), *b = made("b", 0.5, 1, 150);
    struct pr_judgement j = {0};
    shake(b, 0.02, 3);
    b->v[17].loss = 90; /* the mean rises by 60 % */
    judged(a, b, &j, PR_LEVEL_OK, "none");
    assert_true(figure(&j, "loss", "increase_percent") > 40);
    pr_judgement_done(&j);
    stream_grades_free(a);
    stream_grades_free(b);
}

static void lost_answers_are_a_warning(void **state)
{
    (void)state;
    struct pr_grades *a = made("a", 0.5, 1, 150), *b = made("b", 0.5, 1, 150);
    struct pr_judgement j = {0};
    for (size_t i = 0; i < 20; i++)
        b->v[i].correct = PR_VERDICT_WRONG;
    for (size_t i = 200; i < 203; i++)
        b->v[i].correct = PR_VERDICT_RIGHT;
    judged(a, b, &j, PR_LEVEL_WARNING, "accuracy_warning");
    assert_non_null(strstr(j.reason, "20 answers lost, 3 gained"));
    const json_t *lost = json_object_get(j.evidence, "lost_examples");
    assert_int_equal(json_array_size(lost), 20);
    assert_string_equal(json_string_value(json_array_get(lost, 0)), "s00000");
    pr_judgement_done(&j);
    /* Gained ones are no warning, nor are few lost ones; the status says what could be seen. */
    judged(b, a, &j, PR_LEVEL_OK, "none");
    pr_judgement_done(&j);
    for (size_t i = 5; i < 20; i++)
        b->v[i].correct = PR_VERDICT_RIGHT;
    judged(a, b, &j, PR_LEVEL_OK, "none");
    double points = figure(&j, "detectable_drop", "accuracy_points");
    assert_true(points > 1 && points < 6);
    pr_judgement_done(&j);
    /* A margin that the user set holds although chance is ruled out. */
    struct pr_settings strict = settings;
    for (size_t i = 0; i < 20; i++)
        b->v[i].correct = PR_VERDICT_WRONG;
    strict.warn_points = 8;
    ok(pr_judge(&strict, a, b, &j, &error));
    assert_int_equal(j.level, PR_LEVEL_OK);
    pr_judgement_done(&j);
    stream_grades_free(a);
    stream_grades_free(b);
}

static void what_is_not_finite_is_critical(void **state)
{
    (void)state;
    struct pr_grades *a = made("a", 0.5, 1, 150), *b = made("b", 0.5, 1, 150);
    struct pr_judgement j = {0};
    b->v[40].bad_number = true;
    b->v[40].loss = NAN;
    judged(a, b, &j, PR_LEVEL_CRITICAL, "bad_numbers");
    assert_int_equal(json_integer_value(json_object_get(j.evidence, "n_bad")), 1);
    pr_judgement_done(&j);
    judged(NULL, b, &j, PR_LEVEL_CRITICAL, "bad_numbers");
    pr_judgement_done(&j);
    /* One is enough, and at once. */
    ok(pr_judge_early(&settings, a, b, &j, &error));
    assert_true(j.judged && j.early && j.level == PR_LEVEL_CRITICAL);
    pr_judgement_done(&j);
    /* Weights alone, with grades that look well. */
    struct pr_checkpoint_row row = {.bad_weights = json_pack("[s]", "model.norm.weight")};
    j = (struct pr_judgement){.checkpoint = &row};
    judged(a, a, &j, PR_LEVEL_CRITICAL, "bad_weights");
    assert_non_null(strstr(j.reason, "model.norm.weight"));
    pr_judgement_done(&j);
    json_decref(row.bad_weights);
    stream_grades_free(a);
    stream_grades_free(b);
}

static void repetition_is_told_from_text(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool repeats;
    } t[] = {{"", false}, {"1111", false}, {"the the the the the the the the the", true},
        {"The answer is 42 because 40 + 2 = 42, as was to be shown.", false},
        {"0000000000000000000000000000000000000000", true},
        {"Let me see. Let me see. Let me see. Let me see. Let me se", true},
        {"one two three four five six seven eight nine ten eleven ok ok ok ok ok ok", false}};
    for (size_t i = 0; i < sizeof t / sizeof *t; i++)
        assert_int_equal(pr_output_repeats(t[i].text, strlen(t[i].text)), t[i].repeats);
}

static void collapse_is_critical_where_it_is_not_usual(void **state)
{
    (void)state;
    static char loop[] = "and then and then and then and then and then and then";
    struct pr_grades *a = made("a", 0.5, 1, 0), *b = made("b", 0.5, 1, 0);
    struct pr_judgement j = {0};
    for (size_t i = 0; i < 160; i++) {
        if (i % 2)
            b->v[i].empty = true;
        else
            b->v[i].truncated = true;
    }
    judged(a, b, &j, PR_LEVEL_CRITICAL, "collapse");
    pr_judgement_done(&j);
    judged(NULL, b, &j, PR_LEVEL_OK, "first"); /* half may be usual where nothing is known */
    pr_judgement_done(&j);
    /* Where the baseline is cut off as often, it is not. */
    for (size_t i = 0; i < 120; i++)
        a->v[i].truncated = true;
    judged(a, b, &j, PR_LEVEL_OK, "none");
    pr_judgement_done(&j);
    /* Repeating output, where the texts of both are at hand. */
    for (size_t i = 0; i < a->n; i++) {
        a->v[i].truncated = b->v[i].truncated = b->v[i].empty = false;
        b->v[i].output = i < 200 ? loop : NULL;
        b->v[i].output_len = i < 200 ? strlen(loop) : 0;
    }
    judged(a, b, &j, PR_LEVEL_CRITICAL, "collapse");
    pr_judgement_done(&j);
    a->v[0].texts_dropped = true;
    judged(a, b, &j, PR_LEVEL_OK, "none");
    pr_judgement_done(&j);
    for (size_t i = 0; i < a->n; i++)
        b->v[i].empty = true;
    judged(NULL, b, &j, PR_LEVEL_CRITICAL, "collapse");
    pr_judgement_done(&j);
    stream_grades_free(a);
    stream_grades_free(b);
}

static void without_a_baseline_nothing_is_compared(void **state)
{
    (void)state;
    struct pr_grades *b = made("b", 0.5, 1, 150);
    struct pr_judgement j = {0};
    judged(NULL, b, &j, PR_LEVEL_OK, "first");
    assert_true(isnan(figure(&j, "loss", "baseline")));
    assert_true(fabs(figure(&j, "accuracy", "checkpoint") - 0.5) < 1e-12);
    assert_non_null(json_object_get(json_object_get(j.evidence, "loss"), "baseline_reason"));
    pr_judgement_done(&j);
    stream_grades_free(b);
}

static void the_baseline_moves_only_beyond_doubt(void **state)
{
    (void)state;
    struct pr_grades *a = made("a", 0.8, 1, 150), *b = made("b", 0.8, 1, 150);
    bool moves = true;
    double p;
    ok(pr_baseline_moves(&settings, a, a, &moves, &p, &error));
    assert_true(!moves && p >= 0.5); /* the same content again */
    shake(b, 0.3, 9);
    for (size_t i = 0; i < b->n; i++)
        b->v[i].loss *= 0.9;
    ok(pr_baseline_moves(&settings, a, b, &moves, &p, &error));
    double plain = p;
    assert_true(p > 0);
    for (size_t i = 0; i < b->n; i++)
        b->v[i].loss *= 0.85;
    ok(pr_baseline_moves(&settings, a, b, &moves, &p, &error));
    assert_true(moves && p < plain && p <= 1e-5);
    ok(pr_baseline_moves(&settings, b, a, &moves, &p, &error));
    assert_true(!moves && p > 0.99);
    stream_grades_free(a);
    stream_grades_free(b);
}

/* Only the first `n` of the shared order are graded. */
static void keep_first(struct pr_grades *g, size_t n)
{
    size_t *order;
    pr_gradebook_order(g->suite, &order);
    for (size_t k = n; k < g->n; k++)
        g->v[order[k]].graded = false;
    pr_free(order);
}

static void a_blown_up_checkpoint_is_caught_after_a_dozen_examples(void **state)
{
    (void)state;
    struct pr_grades *a = made("a", 0.8, 1, 150);
    size_t caught = 0;
    for (size_t n = 1; n <= 16 && !caught; n++) {
        struct pr_grades *b = made("b", 0.8, 5, 0);
        struct pr_judgement j = {0};
        keep_first(b, n);
        ok(pr_judge_early(&settings, a, b, &j, &error));
        assert_int_equal(j.judged, j.early);
        if (j.judged) {
            caught = n;
            assert_int_equal(j.level, PR_LEVEL_CRITICAL);
            assert_true(figure(&j, "sequential", "p") <= settings.early_rate);
            assert_true(json_is_true(json_object_get(j.evidence, "early")));
        }
        pr_judgement_done(&j);
        stream_grades_free(b);
    }
    print_message("caught after %zu examples\n", caught);
    assert_in_range(caught, 8, 13);
    stream_grades_free(a);
}

static void unchanged_quality_raises_no_early_alarm(void **state)
{
    (void)state;
    size_t early = 0;
    for (size_t k = 0; k < stream_n_shapes; k++) {
        struct stream s;
        struct pr_grades *a = stream_grades(suite, "a"), *b = stream_grades(suite, "b");
        stream_init(&s, &stream_shapes[k], suite, k);
        stream_next(&s, a);
        for (int i = 0; i < 400; i++) {
            struct pr_judgement j = {0};
            stream_next(&s, b);
            ok(pr_judge_early(&settings, a, b, &j, &error));
            early += j.judged;
            pr_judgement_done(&j);
        }
        stream_grades_free(a);
        stream_grades_free(b);
        stream_done(&s);
    }
    assert_true(early <= 2); /* 2,000 at a rate of at most 0.001 each */
}

/* Rates are measured in the plain build.  A build with sanitizers, many times slower, goes through
 * the same code a few times, which says nothing of a rate. */
#ifdef __SANITIZE_ADDRESS__
#define MEASURED false
#define TIMES(n) ((n) / 50)
#else
#define MEASURED true
#define TIMES(n) (n)
#endif

static void must(bool held)
{
    if (MEASURED)
        assert_true(held);
    else if (!held)
        print_message("skipped: a rate of so few\n");
}

/* Short streams, many of them: one stream keeps its baseline, so its alarms come together. */
static void false_alarms_stay_below_the_stated_rate(void **state)
{
    (void)state;
    for (size_t k = 0; k < stream_n_shapes; k++) {
        struct stream_counts c = {0};
        for (uint64_t i = 0; i < TIMES(1500); i++) {
            struct stream s;
            stream_init(&s, &stream_shapes[k], suite, 1000 * k + i);
            stream_judge(&s, &settings, 11, &c);
            stream_done(&s);
        }
        double n = (double)c.judged;
        print_message("%s: %zu of %zu alarms (loss %zu, accuracy %zu)\n", stream_shapes[k].name,
            c.alarms, c.judged, c.loss, c.accuracy);
        must((double)c.alarms <= settings.error_rate * n);
        must((double)c.critical <= settings.error_rate * settings.loss_share * n);
        assert_int_equal(c.moves, 0);
    }
}

static void drops_are_found_as_often_as_stated(void **state)
{
    (void)state;
    size_t runs = TIMES(1000);
    must(stream_power(&settings, suite, 0.15, 0.10, runs, 1) >= runs * 98 / 100);
    struct pr_suite *large = stream_suite(1000);
    size_t found = stream_power(&settings, large, 0.15, 0.05, runs, 2);
    print_message("5 points at n = 1000: %zu of %zu\n", found, runs);
    must(found >= runs * 95 / 100);
    pr_suite_free(large);
}

/* What detectable_drop says is found in about 80 % of cases, by the code that judges. */
static void the_detectable_drop_is_detected_in_four_of_five(void **state)
{
    (void)state;
    static const double shares[] = {0.01, 0.05, 0.1, 0.15, 0.3};
    for (size_t i = 0; i < sizeof shares / sizeof *shares; i++) {
        double drop = pr_detectable_accuracy(
            suite->n, shares[i], pr_level_accuracy(&settings), settings.warn_points / 100);
        size_t runs = TIMES(1000);
        size_t found = stream_power(&settings, suite, fmax(shares[i], drop), drop, runs, i);
        print_message("share %g: drop %.1f points, found in %zu of %zu\n", shares[i], 100 * drop,
            found, runs);
        must(found >= runs * 74 / 100 && found <= runs * 86 / 100);
    }
    assert_true(isnan(pr_detectable_accuracy(3, 0.5, 0.009, 0.01)));
    /* And of the loss: t's own power, at the mean that it names. */
    struct pr_greater t = {.se = 0.1, .n = 300};
    double by = pr_detectable_mean(&t, 0.001);
    assert_true(fabs(by - 0.1 * (3.118 + 0.843)) < 0.002);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_loss_past_the_threshold_is_critical),
        cmocka_unit_test(one_huge_loss_is_no_regression),
        cmocka_unit_test(lost_answers_are_a_warning),
        cmocka_unit_test(what_is_not_finite_is_critical),
        cmocka_unit_test(repetition_is_told_from_text),
        cmocka_unit_test(collapse_is_critical_where_it_is_not_usual),
        cmocka_unit_test(without_a_baseline_nothing_is_compared),
        cmocka_unit_test(the_baseline_moves_only_beyond_doubt),
        cmocka_unit_test(a_blown_up_checkpoint_is_caught_after_a_dozen_examples),
        cmocka_unit_test(unchanged_quality_raises_no_early_alarm),
        cmocka_unit_test(false_alarms_stay_below_the_stated_rate),
        cmocka_unit_test(drops_are_found_as_often_as_stated),
        cmocka_unit_test(the_detectable_drop_is_detected_in_four_of_five),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
