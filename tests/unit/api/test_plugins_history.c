/* A run's history, comparison and calibration, against what is worked out here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "api/figures.h"
#include "base/alloc.h"
#include "book.h"
#include "exam/stats.h"

#define N 30

static const json_t *column(const json_t *doc, const char *key)
{
    const json_t *v = json_object_get(doc, key);
    if (!json_is_array(v))
        fail_msg("%s: no column", key);
    return v;
}

static double at(const json_t *doc, const char *key, size_t i)
{
    const json_t *v = json_array_get(column(doc, key), i);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static void no_spike_of_a_long_run_is_lost(void **state)
{
    (void)state;
    enum { RUN = 400, WIDTH = 20 };
    struct book b;
    book_open(&b);
    int64_t suite = hand_made_suite(&b.h, "validation", N, 0);
    struct hand_made_answer *a = hand_made_draw(3, N, 0.6, 0.7, 1);
    for (size_t i = 0; i < RUN; i++) {
        struct hand_made_answer v[N];
        memcpy(v, a, sizeof v);
        for (size_t k = 0; k < N; k++) {
            v[k].loss *= i == 123 ? 30 : 1; /* one checkpoint diverged */
            v[k].right &= i != 321;         /* one forgot everything */
        }
        hand_made_grade(
            &b.h, hand_made_checkpoint(&b.h, NULL, (int64_t)i * 100, NULL), suite, v, N);
    }
    pr_free(a);
    for (int again = 0; again < 2; again++) {
        const json_t *doc = book_get(&b, "/api/gradebook/history?width=%d", WIDTH);
        size_t n = json_array_size(column(doc, "step"));
        bool spike = false, drop = false;
        assert_int_equal(book_int(doc, "n"), RUN);
        assert_true(json_is_true(json_object_get(doc, "decimated")));
        assert_in_range(n, WIDTH / 2, 2 * WIDTH);
        assert_true(at(doc, "step", 0) == 0 && at(doc, "step", n - 1) == (RUN - 1) * 100);
        for (size_t i = 0; i < n; i++) {
            spike |= at(doc, "step", i) == 12300;
            drop |= at(doc, "step", i) == 32100 && at(doc, "accuracy", i) == 0;
            assert_true(!i || at(doc, "step", i) > at(doc, "step", i - 1));
        }
        assert_true(spike && drop);
        static const char *const keys[] = {"checkpoint", "name", "gone", "graded", "loss",
            "loss_mean_per_example", "accuracy", "accuracy_low", "accuracy_high", "ece", "score",
            "truncated", "empty", "think_rate", "think_unclosed", "mean_output_tokens"};
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
            assert_int_equal(json_array_size(column(doc, keys[k])), n);
        const char *name;
        json_t *group;
        json_object_foreach (json_object_get(doc, "difficulties"), name, group) {
            assert_int_equal(json_array_size(column(group, "loss")), n);
            assert_int_equal(json_array_size(column(group, "n")), n);
        }
    }
    const json_t *doc = book_get(&b, "/api/gradebook/history?from=1000&to=2000");
    assert_int_equal(book_int(doc, "n"), 11);
    assert_true(json_is_false(json_object_get(doc, "decimated")));
    book_close(&b);
}

static void a_deleted_checkpoint_stays_in_the_history(void **state)
{
    (void)state;
    struct book b;
    book_open(&b);
    int64_t suite = hand_made_suite(&b.h, "validation", N, 0);
    for (int64_t step = 1; step <= 3; step++)
        hand_made_grade_drawn(
            &b.h, hand_made_checkpoint(&b.h, NULL, step, NULL), suite, (uint64_t)step, 0.5, 1);
    HAND_MADE_OK(pr_gradebook_set_state(
        b.h.g, 2, PR_CHECKPOINT_GONE, "its folder is gone", &hand_made_error));
    const json_t *doc = book_get(&b, "/api/gradebook/history");
    assert_int_equal(book_int(doc, "n"), 3);
    assert_true(json_is_true(json_array_get(column(doc, "gone"), 1)));
    book_close(&b);
}

static void what_is_not_known_is_null_and_counted(void **state)
{
    (void)state;
    struct book b;
    book_open(&b);
    int64_t suite = hand_made_suite(&b.h, "validation", N, 0);
    int64_t id = hand_made_checkpoint(&b.h, NULL, 1, NULL);
    struct hand_made_answer *a = hand_made_draw(3, N, 0.6, 0.7, 1);
    for (size_t i = 0; i < N; i++) {
        a[i].bad_number = i % 3 == 0; /* of one difficulty nothing has a loss */
        a[i].missing = i >= 20;
    }
    hand_made_grade(&b.h, id, suite, a, N);
    pr_free(a);
    const json_t *doc = book_get(&b, "/api/gradebook/history"), *group, *none = NULL;
    const char *name;
    json_t *x;
    assert_true(at(doc, "graded", 0) == 20);
    assert_true(at(doc, "bad_numbers", 0) == 7);
    assert_true(isnan(at(doc, "score", 0)));
    json_object_foreach (json_object_get(doc, "difficulties"), name, x)
        if (isnan(at(x, "loss", 0)))
            none = x;
    group = none;
    assert_non_null(group);
    assert_true(at(group, "n", 0) == 7);
    hand_made_checkpoint(&b.h, NULL, 2, NULL); /* nothing of it is graded */
    assert_int_equal(book_int(book_get(&b, "/api/gradebook/history"), "n"), 1);
    book_close(&b);
}

static void marks_are_what_was_decided(void **state)
{
    (void)state;
    struct book b;
    book_open(&b);
    int64_t suite = hand_made_suite(&b.h, "validation", 300, 0);
    for (int64_t step = 1; step <= 3; step++)
        hand_made_grade_drawn(&b.h, hand_made_checkpoint(&b.h, NULL, step, NULL), suite, 9,
            step == 3 ? 0.2 : 0.8, step == 3 ? 2 : 0.5);
    struct pr_findings f;
    hand_made_find(&b.h, &pr_system_regression_monitor, &f);
    hand_made_apply(&b.h, &pr_system_regression_monitor, &f);
    const json_t *list = json_object_get(book_get(&b, "/api/gradebook/history"), "marks"), *x;
    size_t i, regressions = 0, baselines = 0;
    json_array_foreach (list, i, x) {
        bool regression = !strcmp(book_text(x, "kind"), "regression");
        regressions += regression;
        baselines += !strcmp(book_text(x, "kind"), "baseline");
        assert_true(strlen(book_text(x, "text")) > 0);
        if (regression) {
            assert_int_equal(book_int(x, "step"), 3);
            assert_non_null(strstr(book_text(x, "text"), "loss"));
        }
    }
    assert_int_equal(regressions, 1);
    assert_int_equal(baselines, 1);
    book_close(&b);
}

static void two_checkpoints_are_compared_as_by_the_exam(void **state)
{
    (void)state;
    struct book b;
    size_t count[4] = {0};
    book_open(&b);
    int64_t suite = hand_made_suite(&b.h, "validation", 90, 0), ids[2];
    struct hand_made_answer *v[2];
    for (int k = 0; k < 2; k++) {
        ids[k] = hand_made_checkpoint(&b.h, NULL, k, NULL);
        v[k] = hand_made_draw((uint64_t)k + 1, 90, 0.5 + 0.2 * k, 1, 1);
        v[k][8].missing = true;
        hand_made_grade(&b.h, ids[k], suite, v[k], 90);
    }
    for (size_t i = 0; i < 90; i++)
        count[(v[0][i].right ? 1 : 0) + (v[1][i].right ? 2 : 0)] += !v[0][i].missing;
    const json_t *doc =
        book_get(&b, "/api/gradebook/compare?a=%lld&b=%lld", (long long)ids[0], (long long)ids[1]);
    assert_int_equal(book_int(doc, "n"), 89);
    assert_int_equal(book_int(doc, "neither"), count[0]);
    assert_int_equal(book_int(doc, "lost"), count[1]);
    assert_int_equal(book_int(doc, "gained"), count[2]);
    assert_int_equal(book_int(doc, "both"), count[3]);
    assert_true(book_real(doc, "p_accuracy") == pr_stats_mcnemar(count[2], count[1], false));
    double d = ((double)count[2] - (double)count[1]) / 89;
    assert_true(fabs(book_real(doc, "accuracy_difference") - d) < 1e-12);
    assert_true(book_real(doc, "accuracy_difference_low") < d &&
                d < book_real(doc, "accuracy_difference_high"));
    json_int_t gained = 0;
    const char *name;
    json_t *x;
    json_object_foreach (json_object_get(doc, "by_difficulty"), name, x)
        gained += book_int(x, "gained");
    assert_int_equal(gained, count[2]);
    /* Graded otherwise, or not at all: no comparison. */
    const struct hand_made_place other = {.step = 7, .settings = "other"};
    int64_t odd = hand_made_place(&b.h, &other);
    hand_made_grade(&b.h, odd, suite, v[0], 90);
    book_refused(
        &b, PR_E_USAGE, "/api/gradebook/compare?a=%lld&b=%lld", (long long)ids[0], (long long)odd);
    int64_t bare = hand_made_checkpoint(&b.h, NULL, 9, NULL);
    book_refused(&b, PR_E_NOT_FOUND, "/api/gradebook/compare?a=%lld&b=%lld", (long long)ids[0],
        (long long)bare);
    book_refused(&b, PR_E_USAGE, "/api/gradebook/compare?a=%lld", (long long)ids[0]);
    pr_free(v[0]);
    pr_free(v[1]);
    book_close(&b);
}

static void calibration_is_that_of_the_answers(void **state)
{
    (void)state;
    struct book b;
    struct pr_bin bins[PR_BINS_SIX];
    double c[90], ece;
    bool right[90];
    book_open(&b);
    int64_t suite = hand_made_suite(&b.h, "validation", 90, 0);
    int64_t id = hand_made_checkpoint(&b.h, NULL, 1, NULL);
    struct hand_made_answer *v = hand_made_draw(4, 90, 0.6, 1, 1);
    hand_made_grade(&b.h, id, suite, v, 90);
    for (size_t i = 0; i < 90; i++) {
        c[i] = v[i].confidence;
        right[i] = v[i].right;
    }
    HAND_MADE_OK(
        pr_stats_ece(c, right, 90, pr_stats_six_edges, PR_BINS_SIX, bins, &ece, &hand_made_error));
    const json_t *doc = book_get(&b, "/api/gradebook/calibration");
    assert_true(book_real(doc, "ece") == ece);
    assert_int_equal(book_int(doc, "n"), 90);
    json_int_t n = 0;
    const char *name;
    json_t *x;
    for (size_t i = 0; i < PR_BINS_SIX; i++) {
        const json_t *bin = json_array_get(json_object_get(doc, "bins"), i);
        assert_int_equal(book_int(bin, "count"), bins[i].count);
        assert_true(book_real(bin, "low") == bins[i].lo && book_real(bin, "high") == bins[i].hi);
        double accuracy = book_real(bin, "accuracy");
        assert_true(bins[i].count ? accuracy == bins[i].accuracy : isnan(accuracy));
    }
    json_object_foreach (json_object_get(doc, "by_difficulty"), name, x)
        n += book_int(x, "n");
    assert_int_equal(n, 90);
    pr_free(v);
    book_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_spike_of_a_long_run_is_lost),
        cmocka_unit_test(a_deleted_checkpoint_stays_in_the_history),
        cmocka_unit_test(what_is_not_known_is_null_and_counted),
        cmocka_unit_test(marks_are_what_was_decided),
        cmocka_unit_test(two_checkpoints_are_compared_as_by_the_exam),
        cmocka_unit_test(calibration_is_that_of_the_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
