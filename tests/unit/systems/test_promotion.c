/* Who would be deployed, and what the other half of the examples says of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "hand_made.h"
#include "systems/promotion.h"

#define SYSTEM (&pr_system_model_comparison)
#define N      200

static const json_t *promotion(const struct pr_findings *f)
{
    return json_object_get(f->status, "promotion");
}

static const json_t *against(const json_t *p, const char *name)
{
    size_t i;
    const json_t *x, *list = json_object_get(p, "against");
    json_array_foreach (list, i, x)
        if (!strcmp(json_string_value(json_object_get(x, "checkpoint")), name))
            return x;
    return NULL;
}

static double real(const json_t *o, const char *part, const char *key)
{
    const json_t *v = json_object_get(part ? json_object_get(o, part) : o, key);
    return json_is_number(v) ? json_number_value(v) : NAN;
}

static bool confirms(size_t i)
{
    char id[16];
    snprintf(id, sizeof id, "e%04zu", i);
    return pr_promotion_confirms(id);
}

/* Right where `right` says so; every loss and confidence the same, so that the score is
 * 0.5 · accuracy and what is common to all. */
static void grade(struct hand_made *h, int64_t checkpoint, int64_t suite, bool (*right)(size_t i))
{
    struct hand_made_answer v[N] = {0};
    for (size_t i = 0; i < N; i++)
        v[i] = (struct hand_made_answer){.loss = 0.5, .confidence = 0.5, .right = right(i)};
    hand_made_grade(h, checkpoint, suite, v, N);
}

static bool all(size_t i)
{
    (void)i;
    return true;
}

static bool only_confirming(size_t i)
{
    return confirms(i);
}

static bool most_choosing(size_t i)
{
    return !confirms(i) && i % 10 != 0;
}

static bool but_hard_ones(size_t i)
{
    return i % 3 != 2;
}

static void the_halves_follow_from_the_ids_alone(void **state)
{
    (void)state;
    /* The lowest bit of the first byte of SHA-256("proctor promotion\n" + id), by Python's hashlib.
     */
    static const bool want[8] = {true, true, false, true, false, false, true, true};
    size_t n = 0;
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(confirms(i), want[i]);
    for (size_t i = 0; i < 10000; i++)
        n += confirms(i);
    assert_in_range(n, 4800, 5200);
}

static void the_candidate_is_chosen_without_the_half_that_confirms(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", N, 0);
    grade(&h, hand_made_checkpoint(&h, NULL, 10, NULL), suite, only_confirming);
    grade(&h, hand_made_checkpoint(&h, NULL, 20, NULL), suite, most_choosing);
    hand_made_find(&h, SYSTEM, &f);
    const json_t *p = promotion(&f), *x = against(p, "checkpoint-10");
    assert_string_equal(json_string_value(json_object_get(p, "candidate")), "checkpoint-20");
    assert_non_null(x);
    size_t n_confirm = 0, right = 0;
    for (size_t i = 0; i < N; i++) {
        n_confirm += confirms(i);
        right += most_choosing(i);
    }
    /* ECE: confidence 0.5 everywhere, |accuracy − 0.5| */
    double now = (double)right / (double)(N - n_confirm);
    double gain = 0.5 * now + 0.1 * (fabs(0 - 0.5) - fabs(now - 0.5));
    assert_true(fabs(real(x, "choose", "difference") - gain) < 1e-6);
    assert_true(fabs(real(x, "confirm", "difference") + 0.5) < 1e-6);
    assert_int_equal(real(x, "confirm", "n"), n_confirm);
    assert_int_equal(real(x, "choose", "n"), N - n_confirm);
    pr_findings_done(&f);
    hand_made_done(&h);
}

static const json_t *collapsed(const json_t *x, const char *name)
{
    size_t i;
    const json_t *g, *list = json_object_get(x, "collapsed");
    json_array_foreach (list, i, g)
        if (!strcmp(json_string_value(json_object_get(g, "name")), name))
            return g;
    return NULL;
}

static bool few(size_t i)
{
    return i % 10 == 0;
}

/* So that what the list has no room for is the worst, not the newest. */
static void the_others_are_listed_as_ranked(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", N, 0);
    grade(&h, hand_made_checkpoint(&h, NULL, 10, NULL), suite, few);
    grade(&h, hand_made_checkpoint(&h, NULL, 20, NULL), suite, only_confirming);
    grade(&h, hand_made_checkpoint(&h, NULL, 30, NULL), suite, all);
    hand_made_find(&h, SYSTEM, &f);
    const json_t *list = json_object_get(promotion(&f), "against");
    assert_int_equal(json_array_size(list), 2);
    assert_ptr_equal(json_array_get(list, 0), against(promotion(&f), "checkpoint-20"));
    assert_ptr_equal(json_array_get(list, 1), against(promotion(&f), "checkpoint-10"));
    pr_findings_done(&f);
    hand_made_done(&h);
}

static void what_collapsed_is_named(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    hand_made_init(&h);
    h.settings.weights[PR_SCORE_ACCURACY] = 0; /* the one with the hard ones lost is chosen */
    int64_t suite = hand_made_suite(&h, "validation", N, 0);
    grade(&h, hand_made_checkpoint(&h, NULL, 10, NULL), suite, all);
    grade(&h, hand_made_checkpoint(&h, NULL, 20, NULL), suite, but_hard_ones);
    hand_made_find(&h, SYSTEM, &f);
    const json_t *p = promotion(&f), *x = against(p, "checkpoint-10");
    assert_string_equal(json_string_value(json_object_get(p, "candidate")), "checkpoint-20");
    const json_t *hard = collapsed(x, "hard");
    assert_non_null(hard);
    assert_null(collapsed(x, "easy"));
    assert_string_equal(json_string_value(json_object_get(hard, "by")), "difficulty");
    assert_true(real(hard, NULL, "was") == 1 && real(hard, NULL, "now") == 0);
    pr_findings_done(&f);
    hand_made_done(&h);
}

static void find_and_apply(struct hand_made *h)
{
    struct pr_findings f;
    hand_made_find(h, SYSTEM, &f);
    hand_made_apply(h, SYSTEM, &f);
}

static void go(struct hand_made *h, int64_t checkpoint)
{
    HAND_MADE_OK(
        pr_gradebook_set_state(h->g, checkpoint, PR_CHECKPOINT_GONE, NULL, &hand_made_error));
}

/* A trainer deletes what is deployed: the next is weighed against it all the same. */
static void what_was_the_candidate_is_compared_with_though_its_folder_is_gone(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", N, 0);
    int64_t worse = hand_made_checkpoint(&h, NULL, 5, NULL);
    int64_t was = hand_made_checkpoint(&h, NULL, 10, NULL);
    grade(&h, worse, suite, few);
    grade(&h, was, suite, but_hard_ones);
    find_and_apply(&h);
    grade(&h, hand_made_checkpoint(&h, NULL, 20, NULL), suite, all);
    hand_made_find(&h, SYSTEM, &f);
    json_t *there = json_deep_copy(against(promotion(&f), "checkpoint-10"));
    assert_true(json_is_false(json_object_get(there, "gone")));
    hand_made_apply(&h, SYSTEM, &f);
    go(&h, worse);
    go(&h, was);
    hand_made_find(&h, SYSTEM, &f);
    assert_int_equal(json_integer_value(json_object_get(f.status, "n_ranked")), 1);
    const json_t *list = json_object_get(promotion(&f), "against"), *x = json_array_get(list, 0);
    assert_int_equal(json_array_size(list), 1); /* the other was never to be deployed */
    assert_true(json_is_true(json_object_get(x, "gone")));
    assert_true(real(x, "confirm", "difference") > 0.1);
    json_object_del(there, "gone");
    json_object_del((json_t *)(uintptr_t)x, "gone");
    assert_true(json_equal(there, x)); /* to the last digit */
    json_decref(there);
    hand_made_apply(&h, SYSTEM, &f);

    /* Another suite does not know it. */
    suite = hand_made_suite(&h, "validation", N, 1);
    hand_made_find(&h, SYSTEM, &f);
    assert_int_equal(json_array_size(json_object_get(promotion(&f), "against")), 0);
    pr_findings_done(&f);
    hand_made_done(&h);
}

static void a_deployed_one_that_is_gone_is_compared_with(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f = {0};
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", N, 0);
    int64_t worse = hand_made_checkpoint(&h, NULL, 5, NULL);
    grade(&h, worse, suite, few);
    grade(&h, hand_made_checkpoint(&h, NULL, 20, NULL), suite, all);
    f.status = json_object();
    pr_findings_decide(
        &f, "auto-deployment", "deployment", worse, 0, "deployed", 0, json_object(), h.now_ms);
    hand_made_apply(&h, SYSTEM, &f);
    go(&h, worse);
    hand_made_find(&h, SYSTEM, &f);
    assert_non_null(against(promotion(&f), "checkpoint-5"));
    pr_findings_done(&f);
    hand_made_done(&h);
}

static void another_candidate_is_a_decision(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_findings f;
    struct pr_decision *v;
    size_t n;
    const struct pr_decision_filter mine = {.kind = "candidate"};
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", N, 0);
    int64_t first = hand_made_checkpoint(&h, NULL, 5, NULL);
    grade(&h, first, suite, few);
    find_and_apply(&h);
    find_and_apply(&h);
    int64_t next = hand_made_checkpoint(&h, NULL, 20, NULL);
    grade(&h, next, suite, most_choosing);
    hand_made_find(&h, SYSTEM, &f);
    json_t *p = json_deep_copy(promotion(&f));
    hand_made_apply(&h, SYSTEM, &f);
    HAND_MADE_OK(pr_gradebook_decisions(h.g, &mine, &v, &n, &hand_made_error));
    assert_int_equal(n, 2);
    assert_true(v[0].checkpoint == first && v[0].against == 0 && v[0].suite == suite);
    assert_true(v[1].checkpoint == next && v[1].against == first);
    assert_true(real(v[1].evidence, NULL, "score_confirm") == real(p, NULL, "score_confirm"));
    assert_null(json_object_get(v[1].evidence, "against"));
    pr_decisions_free(v, n);
    json_decref(p);
    hand_made_done(&h);
}

/* Eight checkpoints of one quality: the best of them on the choosing half looks better than any
 * other there, and on the other half it is not, but for 5 in 100. */
static void of_equals_the_best_is_rarely_confirmed(void **state)
{
    (void)state;
    enum { TIMES = 40, CHECKPOINTS = 8 };
    double chosen = 0, confirmed = 0;
    size_t passed = 0;
    for (uint64_t t = 0; t < TIMES; t++) {
        struct hand_made h;
        struct pr_findings f;
        hand_made_init(&h);
        int64_t suite = hand_made_suite(&h, "validation", 100, 0);
        for (uint64_t k = 0; k < CHECKPOINTS; k++)
            hand_made_grade_drawn(&h, hand_made_checkpoint(&h, NULL, 10 + (int64_t)k, NULL), suite,
                1000 * t + k, 0.6, 0.8);
        hand_made_find(&h, SYSTEM, &f);
        const json_t *p = promotion(&f), *x = against(p, "checkpoint-10");
        if (x) { /* else it is the candidate itself */
            chosen += real(x, "choose", "difference");
            confirmed += real(x, "confirm", "difference");
            passed += real(x, "confirm", "p") < 0.05;
        }
        pr_findings_done(&f);
        hand_made_done(&h);
    }
    assert_true(chosen / TIMES > 0.02);
    assert_true(fabs(confirmed / TIMES) < 0.01);
    assert_in_range(passed, 0, 7); /* binomial, 40 times 5 %: more in one of a thousand */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_halves_follow_from_the_ids_alone),
        cmocka_unit_test(the_candidate_is_chosen_without_the_half_that_confirms),
        cmocka_unit_test(what_collapsed_is_named),
        cmocka_unit_test(the_others_are_listed_as_ranked),
        cmocka_unit_test(what_was_the_candidate_is_compared_with_though_its_folder_is_gone),
        cmocka_unit_test(a_deployed_one_that_is_gone_is_compared_with),
        cmocka_unit_test(another_candidate_is_a_decision),
        cmocka_unit_test(of_equals_the_best_is_rarely_confirmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
