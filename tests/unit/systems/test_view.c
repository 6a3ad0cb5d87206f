/* What a system sees of the gradebook: order, the cache of grades, pairs, figures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "hand_made.h"

static void checkpoints_come_by_run_and_step_without_what_is_gone(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_view v;
    hand_made_init(&h);
    hand_made_checkpoint(&h, "a", 200, NULL);
    hand_made_checkpoint(&h, "b", 50, NULL);
    hand_made_checkpoint(&h, "a", 100, NULL); /* arrives late */
    int64_t gone = hand_made_checkpoint(&h, "a", 300, NULL);
    struct hand_made_place base = {.folder = "base", .step = -1, .reference = true};
    int64_t reference = hand_made_place(&h, &base);
    HAND_MADE_OK(pr_gradebook_begin(h.g, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_set_state(h.g, gone, PR_CHECKPOINT_GONE, NULL, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_commit(h.g, &hand_made_error));
    hand_made_open(&h, &v);
    assert_int_equal(v.n_checkpoints, 3);
    assert_int_equal(v.checkpoints[0].step, 100);
    assert_int_equal(v.checkpoints[1].step, 200);
    assert_int_equal(v.checkpoints[2].step, 50);
    assert_true(v.reference && v.reference->id == reference);
    assert_ptr_equal(pr_view_checkpoint(&v, reference), v.reference);
    assert_null(pr_view_checkpoint(&v, gone));
    const struct pr_checkpoint_row *newest = pr_view_newest(&v);
    assert_true(newest && newest->step == 200); /* of the run that something came to last */
    hand_made_close(&h, &v);
    hand_made_done(&h);
}

static void suites_come_with_the_main_one_first(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_view v;
    hand_made_init(&h);
    hand_made_suite(&h, "zoo", 3, 0);
    hand_made_suite(&h, PR_SUITE_TESTING, 3, 0);
    hand_made_suite(&h, "validation", 3, 0);
    int64_t newer = hand_made_suite(&h, "validation", 3, 1);
    hand_made_suite(&h, "alps", 3, 0);
    hand_made_open(&h, &v);
    assert_int_equal(v.n_suites, 4);
    assert_string_equal(v.suites[0].name, "validation");
    assert_string_equal(v.suites[1].name, "alps");
    assert_string_equal(v.suites[2].name, "zoo");
    assert_string_equal(v.suites[3].name, PR_SUITE_TESTING);
    assert_int_equal(pr_view_suite(&v, "validation")->id, newer);
    assert_null(pr_view_suite(&v, "sea"));
    hand_made_close(&h, &v);
    hand_made_done(&h);
}

static void grades_are_those_under_the_options_in_force(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_view v;
    struct pr_view_grades g;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 30, 0);
    int64_t id = hand_made_checkpoint(&h, NULL, 10, NULL);
    struct hand_made_place unopened = {.step = 20, .not_opened = true};
    int64_t closed = hand_made_place(&h, &unopened);
    struct hand_made_answer *a = hand_made_draw(1, 30, 0.5, 0.8, 1);
    a[3].missing = true;
    a[4] = (struct hand_made_answer){.reason = "too long"};
    hand_made_grade(&h, id, suite, a, 20);
    pr_free(a);
    hand_made_open(&h, &v);
    HAND_MADE_OK(pr_view_grades(&v, pr_view_checkpoint(&v, id), suite, &g, &hand_made_error));
    assert_true(g.grades && g.done == 19 && g.all == 30 && !g.complete);
    assert_false(g.grades->v[3].graded);
    assert_string_equal(g.grades->v[4].reason, "too long");
    HAND_MADE_OK(pr_view_grades(&v, pr_view_checkpoint(&v, closed), suite, &g, &hand_made_error));
    assert_true(!g.grades && g.done == 0 && g.all == 30);
    hand_made_close(&h, &v);
    h.options = "other options";
    hand_made_open(&h, &v);
    HAND_MADE_OK(pr_view_grades(&v, pr_view_checkpoint(&v, id), suite, &g, &hand_made_error));
    assert_true(!g.grades && g.done == 0);
    hand_made_close(&h, &v);
    hand_made_done(&h);
}

static void many_sets_of_grades_can_be_asked_for(void **state)
{
    (void)state;
    enum { N = 100 };
    struct hand_made h;
    struct pr_view v;
    int64_t ids[N];
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 4, 0);
    for (size_t i = 0; i < N; i++) {
        struct hand_made_answer a = {.loss = (double)i + 1, .confidence = 0.5};
        ids[i] = hand_made_checkpoint(&h, NULL, (int64_t)i + 1, NULL);
        hand_made_grade(&h, ids[i], suite, &a, 1);
    }
    hand_made_open(&h, &v);
    struct pr_view_grades first, g;
    const struct pr_checkpoint_row *baseline = pr_view_checkpoint(&v, ids[0]);
    HAND_MADE_OK(pr_view_grades(&v, baseline, suite, &first, &hand_made_error));
    ((struct pr_grades *)(uintptr_t)first.grades)->seconds = 42; /* tells it from one read anew */
    for (size_t round = 0; round < 2; round++)
        for (size_t i = 0; i < N; i++) {
            const struct pr_checkpoint_row *c = pr_view_checkpoint(&v, ids[i]);
            HAND_MADE_OK(pr_view_grades(&v, c, suite, &g, &hand_made_error));
            assert_true(g.grades->v[0].loss == (double)i + 1);
            HAND_MADE_OK(pr_view_grades(&v, baseline, suite, &g, &hand_made_error));
            assert_true(g.grades->seconds == 42); /* asked for often: it stays */
        }
    hand_made_close(&h, &v);
    hand_made_done(&h);
}

static void pairs_are_of_examples_that_both_have(void **state)
{
    (void)state;
    enum { N = 40 };
    struct hand_made h;
    struct pr_view v;
    struct pr_view_grades ga, gb;
    struct pr_pairs p;
    size_t *order, cut = 7;
    struct hand_made_answer a[N], b[N];
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", N, 0);
    int64_t x = hand_made_checkpoint(&h, NULL, 10, NULL);
    int64_t y = hand_made_checkpoint(&h, NULL, 20, NULL);
    hand_made_open(&h, &v);
    const struct pr_suite *examples;
    HAND_MADE_OK(pr_view_examples(&v, suite, &examples, &hand_made_error));
    pr_gradebook_order(examples, &order);
    hand_made_close(&h, &v);
    for (size_t i = 0; i < N; i++) {
        a[i] = (struct hand_made_answer){.loss = 1, .confidence = 0.5, .right = i % 2};
        b[i] = (struct hand_made_answer){.loss = 2, .confidence = 0.5, .right = i % 4 < 2};
    }
    b[order[2]] = (struct hand_made_answer){.reason = "too long"};
    a[order[3]].bad_number = true;
    b[order[cut]].missing = true;
    hand_made_grade(&h, x, suite, a, N);
    hand_made_grade(&h, y, suite, b, N);
    hand_made_open(&h, &v);
    HAND_MADE_OK(pr_view_grades(&v, pr_view_checkpoint(&v, x), suite, &ga, &hand_made_error));
    HAND_MADE_OK(pr_view_grades(&v, pr_view_checkpoint(&v, y), suite, &gb, &hand_made_error));
    HAND_MADE_OK(pr_pairs_make(ga.grades, gb.grades, false, &p, &hand_made_error));
    assert_int_equal(p.prefix, cut); /* one that cannot be graded does not end it */
    assert_int_equal(p.n, N - 2);
    assert_int_equal(p.n_loss, N - 3);
    assert_int_equal(p.n_verdicts, N - 2);
    assert_int_equal(p.both + p.gained + p.lost + p.neither, N - 2);
    assert_true(p.n_bad_a == 1 && p.n_bad_b == 0);
    size_t gained = 0;
    for (size_t i = 0; i < N; i++)
        gained += i != order[2] && i != order[cut] && b[i].right && !a[i].right;
    assert_int_equal(p.gained, gained);
    for (size_t i = 0; i < p.n_loss; i++)
        assert_true(p.loss_a[i] == 1 && p.loss_b[i] == 2);
    pr_pairs_done(&p);
    HAND_MADE_OK(pr_pairs_make(ga.grades, gb.grades, true, &p, &hand_made_error));
    assert_int_equal(p.n, cut - 1);
    pr_pairs_done(&p);
    pr_free(order);
    hand_made_close(&h, &v);
    hand_made_done(&h);
}

static void grades_of_other_examples_are_not_paired(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_view v;
    struct pr_view_grades ga, gb;
    struct pr_pairs p;
    struct hand_made_answer a = {.loss = 1, .confidence = 0.5};
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 5, 0);
    int64_t other = hand_made_suite(&h, "other", 5, 1);
    int64_t x = hand_made_checkpoint(&h, NULL, 10, NULL);
    hand_made_grade(&h, x, suite, &a, 1);
    hand_made_grade(&h, x, other, &a, 1);
    hand_made_open(&h, &v);
    HAND_MADE_OK(pr_view_grades(&v, pr_view_checkpoint(&v, x), suite, &ga, &hand_made_error));
    HAND_MADE_OK(pr_view_grades(&v, pr_view_checkpoint(&v, x), other, &gb, &hand_made_error));
    assert_int_equal(pr_pairs_make(ga.grades, gb.grades, false, &p, &hand_made_error), PR_E_USAGE);
    hand_made_close(&h, &v);
    hand_made_done(&h);
}

static void figures_are_those_of_eval(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_view v;
    struct pr_view_grades g;
    struct pr_figures f;
    static const struct hand_made_answer a[] = {{.loss = 0.2, .confidence = 0.9, .right = true},
        {.loss = 0.6, .confidence = 0.9, .truncated = true}, {.bad_number = true, .right = true},
        {.reason = "too long"}};
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 4, 0);
    int64_t id = hand_made_checkpoint(&h, NULL, 10, NULL);
    hand_made_grade(&h, id, suite, a, 4);
    hand_made_open(&h, &v);
    HAND_MADE_OK(pr_view_grades(&v, pr_view_checkpoint(&v, id), suite, &g, &hand_made_error));
    HAND_MADE_OK(pr_figures_make(g.grades, &f, &hand_made_error));
    assert_true(f.n == 3 && f.n_ungraded == 1 && f.n_bad == 1 && f.n_accuracy == 3);
    assert_true(fabs(f.loss_mean_per_example - 0.4) < 1e-12);
    assert_true(fabs(f.accuracy - 2.0 / 3) < 1e-12);
    assert_true(fabs(f.format_ok - 2.0 / 3) < 1e-12); /* texts are not needed for it */
    assert_true(fabs(f.ece - 0.4) < 1e-12);
    assert_null(json_object_get(f.document, "seconds"));
    assert_null(json_object_get(f.document, "peak_rss_bytes"));
    pr_figures_done(&f);
    hand_made_close(&h, &v);
    hand_made_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checkpoints_come_by_run_and_step_without_what_is_gone),
        cmocka_unit_test(suites_come_with_the_main_one_first),
        cmocka_unit_test(grades_are_those_under_the_options_in_force),
        cmocka_unit_test(many_sets_of_grades_can_be_asked_for),
        cmocka_unit_test(pairs_are_of_examples_that_both_have),
        cmocka_unit_test(grades_of_other_examples_are_not_paired),
        cmocka_unit_test(figures_are_those_of_eval),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
