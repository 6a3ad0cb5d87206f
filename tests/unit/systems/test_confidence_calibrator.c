/* The confidence calibrator: its arithmetic by hand and by simulation, the system on a gradebook
 * filled by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "exam/stats.h"
#include "hand_made.h"
#include "systems/calibration.h"

#define SYSTEM (&pr_system_confidence_calibrator)

static double real(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static struct pr_answers new_answers(size_t n)
{
    struct pr_answers a = {.confidence = pr_zalloc((n + 1) * sizeof(double)),
        .right = pr_zalloc((n + 1) * sizeof(bool)),
        .half = pr_zalloc((n + 1) * sizeof(bool)),
        .n = n};
    for (size_t i = 0; i < n; i++)
        a.half[i] = i & 1;
    return a;
}

/* Confidences of every height; the truth is sigmoid(logit(c) / sharpness + shift). */
static struct pr_answers draw(struct pr_rng *rng, size_t n, double sharpness, double shift)
{
    struct pr_answers a = new_answers(n);
    for (size_t i = 0; i < n; i++) {
        double c = 0.05 + 0.94 * sqrt(pr_rng_double(rng));
        double truth = 1 / (1 + exp(-(log(c / (1 - c)) / sharpness + shift)));
        a.confidence[i] = c;
        a.right[i] = pr_rng_double(rng) < truth;
    }
    return a;
}

static double ece(const struct pr_answers *a)
{
    struct pr_bin bins[PR_BINS_SIX];
    double ret;
    HAND_MADE_OK(pr_stats_ece(a->confidence, a->right, a->n, pr_stats_six_edges, PR_BINS_SIX, bins,
        &ret, &hand_made_error));
    return ret;
}

static bool called_well(const struct pr_answers *a)
{
    struct pr_ece_noise noise;
    pr_answers_ece_noise(a, pr_stats_six_edges, PR_BINS_SIX, 1000, PR_STATS_SEED, &noise);
    return pr_well_calibrated(ece(a), &noise);
}

static void figures_by_hand(void **state)
{
    (void)state;
    struct pr_answers a = new_answers(4);
    static const double c[] = {0.9, 0.5, 0.5, 0.1};
    static const bool right[] = {true, true, false, false};
    memcpy(a.confidence, c, sizeof c);
    memcpy(a.right, right, sizeof right);
    assert_true(fabs(pr_answers_brier(&a) - (0.01 + 0.25 + 0.25 + 0.01) / 4) < 1e-15);
    /* Two groups of two: {0.1, 0.5, 0.5} since the fives are not parted, and {0.9}. */
    assert_true(fabs(pr_answers_adaptive_ece(&a, 2) - (0.1 + 0.1) / 4) < 1e-15);
    assert_true(fabs(pr_answers_adaptive_ece(&a, 1) - 0.0) < 1e-15);
    assert_true(fabs(pr_answers_log_loss(&a, c) + (log(0.9) + log(0.5)) / 2) < 1e-12);
    a.n = 0;
    assert_true(isnan(pr_answers_brier(&a)) && isnan(pr_answers_adaptive_ece(&a, 10)));
    pr_answers_done(&a);
}

/* With one bin and n answers of confidence 1/2, n·ECE is |X − n/2| for X ~ B(n, 1/2): for n = 4 its
 * mean is (2·2 + 8·1) / 16 / 4 = 0.1875, and 0.5 its 99th percentile (P = 1/8). */
static void noise_is_that_of_the_binomial(void **state)
{
    (void)state;
    static const double edges[] = {0, 1};
    struct pr_answers a = new_answers(4);
    struct pr_ece_noise noise, again;
    for (size_t i = 0; i < 4; i++)
        a.confidence[i] = 0.5;
    pr_answers_ece_noise(&a, edges, 1, 40000, 1, &noise);
    assert_true(fabs(noise.mean - 0.1875) < 0.003);
    assert_true(noise.p99 == 0.5);
    pr_answers_ece_noise(&a, edges, 1, 40000, 1, &again);
    assert_true(noise.mean == again.mean);
    pr_answers_done(&a);
}

static void fits_find_what_was_planted(void **state)
{
    (void)state;
    struct pr_rng rng;
    pr_rng_seed(&rng, 11);
    struct pr_answers a = draw(&rng, 40000, 2, 0), b = draw(&rng, 40000, 1.25, -0.7);
    struct pr_logistic t = pr_fit_temperature(&a, -1), p = pr_fit_platt(&b, -1);
    assert_true(fabs(1 / t.a - 2) < 0.1);
    assert_true(t.b == 0);
    assert_true(fabs(p.a - 0.8) < 0.03 && fabs(p.b + 0.7) < 0.04);
    /* Of a half alone, on the other: better than before. */
    struct pr_logistic halves[2] = {pr_fit_temperature(&a, 0), pr_fit_temperature(&a, 1)};
    double *after = pr_zalloc(a.n * sizeof *after), before = ece(&a);
    pr_logistic_cross_apply(&a, halves, after);
    double loss = pr_answers_log_loss(&a, a.confidence);
    assert_true(pr_answers_log_loss(&a, after) < loss);
    struct pr_answers corrected = a;
    corrected.confidence = after;
    assert_true(ece(&corrected) < before / 5);
    pr_free(after);
    pr_answers_done(&a);
    pr_answers_done(&b);
}

static void a_half_is_corrected_by_the_other_halfs_fit(void **state)
{
    (void)state;
    struct pr_answers a = new_answers(2);
    double after[2];
    a.confidence[0] = a.confidence[1] = 0.8;
    pr_logistic_cross_apply(&a, (struct pr_logistic[]){{1, 0}, {0, 0}}, after);
    assert_true(fabs(after[0] - 0.5) < 1e-12 && fabs(after[1] - 0.8) < 1e-12);
    pr_answers_done(&a);
}

static void answers_that_separate_give_finite_fits(void **state)
{
    (void)state;
    struct pr_answers a = new_answers(50);
    for (size_t i = 0; i < 50; i++) {
        a.confidence[i] = i < 25 ? 0.0 : 1.0;
        a.right[i] = i >= 25;
    }
    struct pr_logistic t = pr_fit_temperature(&a, -1), p = pr_fit_platt(&a, -1);
    assert_true(isfinite(t.a) && t.a > 0 && isfinite(p.a) && isfinite(p.b));
    assert_true(pr_logistic_apply(p, 1.0) > 0.99 && pr_logistic_apply(p, 0.0) < 0.01);
    pr_answers_done(&a);
}

static void the_rule_believes_the_calibrated_and_not_the_overconfident(void **state)
{
    (void)state;
    enum { RUNS = 400 };
    static const size_t sizes[] = {100, 300, 1000};
    struct pr_rng rng;
    pr_rng_seed(&rng, 21);
    for (size_t k = 0; k < 3; k++) {
        size_t well = 0, bad = 0;
        for (size_t r = 0; r < RUNS; r++) {
            struct pr_answers good = draw(&rng, sizes[k], 1, 0);
            struct pr_answers over = draw(&rng, sizes[k], 1, -1.5);
            well += called_well(&good);
            bad += !called_well(&over);
            pr_answers_done(&good);
            pr_answers_done(&over);
        }
        print_message(
            "n = %zu: calibrated called so in %.1f %%, overconfident refused in %.1f %%\n",
            sizes[k], 100.0 * (double)well / RUNS, 100.0 * (double)bad / RUNS);
        assert_true(well >= RUNS * 95 / 100);
        assert_true(bad >= RUNS * 95 / 100);
    }
}

static void the_document_holds_the_contracts_fields(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 300, 0);
    int64_t first = hand_made_checkpoint(&h, NULL, 10, NULL);
    int64_t second = hand_made_checkpoint(&h, NULL, 20, NULL);
    hand_made_grade_drawn(&h, first, suite, 1, 0.5, 0.8);
    struct hand_made_answer *v = hand_made_draw(2, 300, 0.5, 0.8, 1);
    for (size_t i = 0; i < 300; i++)
        v[i].confidence = v[i].confidence < 0.5 ? 0.85 : 0.999; /* sure of everything */
    hand_made_grade(&h, second, suite, v, 300);
    pr_free(v);
    hand_made_find(&h, SYSTEM, &f);
    assert_null(f.waiting);
    const json_t *bins = json_object_get(f.status, "bins"), *b = json_array_get(bins, 0);
    assert_int_equal(json_array_size(bins), 6);
    assert_string_equal(json_string_value(json_object_get(b, "range")), "0.0-0.2");
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(bins, 5), "range")), "0.95-1.0");
    assert_true(json_is_null(json_object_get(b, "accuracy")));
    assert_true(real(b, "count") == 0);
    assert_string_equal(
        json_string_value(json_object_get(f.status, "checkpoint")), "checkpoint-20");
    assert_true(json_is_false(json_object_get(f.status, "well_calibrated")));
    assert_true(real(f.status, "ece") > 0.3);
    assert_true(real(json_object_get(f.status, "temperature"), "temperature") > 1.5);
    assert_true(real(json_object_get(f.status, "platt"), "ece_after") <
                real(json_object_get(f.status, "platt"), "ece_before") / 2);
    const json_t *groups = json_object_get(f.status, "by_difficulty");
    assert_true(real(json_object_get(groups, "easy"), "n") == 100);
    assert_int_equal(json_object_size(json_object_get(f.status, "by_skill")), 5);
    const json_t *history = json_object_get(f.status, "history");
    assert_int_equal(json_array_size(history), 2);
    assert_true(real(json_array_get(history, 0), "step") == 10);
    assert_true(real(json_array_get(history, 1), "ece") == real(f.status, "ece"));
    assert_int_equal(f.n_decisions, 1);
    assert_string_equal(f.decisions[0].verdict, "not well calibrated");
    hand_made_apply(&h, SYSTEM, &f);
    hand_made_find(&h, SYSTEM, &f); /* said once */
    assert_int_equal(f.n_decisions, 0);
    pr_findings_done(&f);
    h.settings.n_bins = 2; /* other bins */
    h.settings.edges[1] = 0.5;
    h.settings.edges[2] = 1;
    hand_made_find(&h, SYSTEM, &f);
    assert_int_equal(json_array_size(json_object_get(f.status, "bins")), 2);
    assert_true(isfinite(real(f.status, "ece_six_bins")));
    pr_findings_done(&f);
    hand_made_done(&h);
}

static void a_calibrated_model_is_believed(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 300, 0);
    hand_made_grade_drawn(&h, hand_made_checkpoint(&h, NULL, 10, NULL), suite, 1, 0.5, 0.8);
    hand_made_find(&h, SYSTEM, &f);
    assert_true(json_is_true(json_object_get(f.status, "well_calibrated")));
    double t = real(json_object_get(f.status, "temperature"), "temperature");
    assert_true(t > 0.6 && t < 1.6);
    pr_findings_done(&f);
    hand_made_done(&h);
}

static void too_few_answers_say_nothing(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 12, 0);
    hand_made_grade_drawn(&h, hand_made_checkpoint(&h, NULL, 10, NULL), suite, 1, 0.5, 0.8);
    hand_made_find(&h, SYSTEM, &f);
    assert_true(json_is_null(json_object_get(f.status, "well_calibrated")));
    assert_true(json_is_null(json_object_get(f.status, "temperature")));
    assert_true(isfinite(real(f.status, "ece")));
    const json_t *easy = json_object_get(json_object_get(f.status, "by_difficulty"), "easy");
    assert_true(json_is_null(json_object_get(easy, "ece")) && real(easy, "n") == 4);
    assert_non_null(json_object_get(easy, "ece_reason"));
    assert_int_equal(f.n_decisions, 0);
    pr_findings_done(&f);
    hand_made_done(&h);
}

static void without_answers_it_waits_or_knows_nothing(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    hand_made_init(&h);
    int64_t suite = hand_made_plain_suite(&h, "validation", 40);
    hand_made_find(&h, SYSTEM, &f);
    assert_non_null(f.waiting);
    assert_true(json_is_null(json_object_get(f.status, "ece")));
    pr_findings_done(&f);
    hand_made_grade_drawn(&h, hand_made_checkpoint(&h, NULL, 10, NULL), suite, 1, 0.5, 0.8);
    hand_made_find(&h, SYSTEM, &f);
    assert_null(f.waiting);
    assert_true(json_is_null(json_object_get(f.status, "ece")));
    assert_true(json_is_null(json_object_get(f.status, "well_calibrated")));
    pr_findings_done(&f);
    hand_made_checkpoint(&h, NULL, 20, NULL); /* not graded yet: the one before is shown */
    hand_made_find(&h, SYSTEM, &f);
    assert_non_null(strstr(f.waiting, "checkpoint-20"));
    assert_string_equal(
        json_string_value(json_object_get(f.status, "checkpoint")), "checkpoint-10");
    pr_findings_done(&f);
    hand_made_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(figures_by_hand),
        cmocka_unit_test(noise_is_that_of_the_binomial),
        cmocka_unit_test(fits_find_what_was_planted),
        cmocka_unit_test(a_half_is_corrected_by_the_other_halfs_fit),
        cmocka_unit_test(answers_that_separate_give_finite_fits),
        cmocka_unit_test(the_rule_believes_the_calibrated_and_not_the_overconfident),
        cmocka_unit_test(the_document_holds_the_contracts_fields),
        cmocka_unit_test(a_calibrated_model_is_believed),
        cmocka_unit_test(too_few_answers_say_nothing),
        cmocka_unit_test(without_answers_it_waits_or_knows_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
