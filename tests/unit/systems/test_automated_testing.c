/* Automated testing: its document, when it is a regression, its history. */
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
#include "hand_made.h"

#define OK HAND_MADE_OK
#define E  (&hand_made_error)

static const struct pr_system *const testing = &pr_system_automated_testing;

struct told {
    json_t *o;
    char *waiting;
    size_t decisions, alerts;
};

static struct told tell(struct hand_made *h)
{
    struct pr_findings f;
    hand_made_find(h, testing, &f);
    struct told t = {.o = json_incref(f.status),
        .waiting = f.waiting ? pr_strdup(f.waiting) : NULL,
        .decisions = f.n_decisions,
        .alerts = f.n_alerts};
    hand_made_apply(h, testing, &f);
    return t;
}

static void done(struct told *t)
{
    json_decref(t->o);
    pr_free(t->waiting);
}

static const char *text(const json_t *o, const char *key)
{
    const char *s = json_string_value(json_object_get(o, key));
    return s ? s : "null";
}

static double number(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

/* The testing suite is the first 100 of the validation's 300 here; its examples are shared. */
struct folder {
    struct hand_made h;
    int64_t suite, test;
};

static void init(struct folder *f)
{
    hand_made_init(&f->h);
    f->suite = hand_made_suite(&f->h, "validation", 300, 0);
    f->test = hand_made_suite(&f->h, PR_SUITE_TESTING, 100, 0);
}

/* `right` of the testing suite's 100 are right, those from `from` on (in a circle). */
static int64_t add(struct folder *f, int64_t step, size_t right, size_t from, double loss)
{
    int64_t id = hand_made_checkpoint(&f->h, NULL, step, NULL);
    struct hand_made_answer *v = hand_made_draw((uint64_t)step, 300, 0.6, loss, 1);
    for (size_t i = 0; i < 300; i++)
        v[i].right = (i + 300 - from) % 100 < right;
    hand_made_grade(&f->h, id, f->suite, v, 300);
    pr_free(v);
    return id;
}

static void the_fixed_suite_is_reported_by_difficulty(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    struct told t = tell(&f.h);
    assert_non_null(t.waiting);
    assert_true(json_is_null(json_object_get(t.o, "overall_accuracy")));
    assert_true(json_is_string(json_object_get(t.o, "overall_accuracy_reason")));
    done(&t);
    add(&f, 100, 60, 0, 0.5);
    t = tell(&f.h);
    assert_string_equal(text(t.o, "checkpoint"), "checkpoint-100");
    assert_true(fabs(number(t.o, "overall_accuracy") - 0.6) < 1e-12);
    assert_int_equal(number(t.o, "n"), 100);
    const json_t *d = json_object_get(t.o, "by_difficulty");
    /* Easy, medium and hard in turn: 34, 33 and 33 of them, the first 60 right. */
    assert_true(fabs(number(d, "easy") - 20.0 / 34) < 1e-12);
    assert_true(fabs(number(d, "hard") - 20.0 / 33) < 1e-12);
    assert_true(json_is_false(json_object_get(t.o, "regression_detected")));
    assert_true(json_is_null(json_object_get(t.o, "baseline")));
    /* 100 examples cannot see 5 points. */
    assert_true(number(json_object_get(t.o, "detectable_drop"), "accuracy_points") > 10);
    assert_true(t.decisions == 1 && !t.waiting);
    done(&t);
    hand_made_done(&f.h);
}

static void a_drop_is_a_regression_when_the_test_agrees(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    add(&f, 100, 60, 0, 0.5);
    add(&f, 200, 53, 0, 0.5); /* 7 lost of 7: p = 1/128, and 7 points */
    struct told t = tell(&f.h);
    assert_string_equal(text(t.o, "checkpoint"), "checkpoint-200");
    assert_string_equal(text(t.o, "baseline"), "checkpoint-100");
    assert_true(json_is_true(json_object_get(t.o, "regression_detected")));
    assert_true(fabs(number(t.o, "p") - 1.0 / 128) < 1e-12);
    assert_true(t.alerts == 1 && t.decisions == 2);
    done(&t);
    add(&f, 300, 54, 2, 0.5); /* 6 points, but 8 lost and 2 gained: by chance */
    t = tell(&f.h);
    assert_true(json_is_false(json_object_get(t.o, "regression_detected")));
    assert_non_null(strstr(text(t.o, "reason"), "not beyond chance"));
    assert_true(t.alerts == 0 && t.decisions == 1);
    done(&t);
    hand_made_done(&f.h);
}

static void texts_without_answers_are_unknown(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    int64_t suite = hand_made_plain_suite(&h, "validation", 60);
    hand_made_plain_suite(&h, PR_SUITE_TESTING, 60);
    for (int64_t step = 1; step <= 2; step++)
        hand_made_grade_drawn(&h, hand_made_checkpoint(&h, NULL, step, NULL), suite, 1, 0.6, 0.5);
    struct told t = tell(&h);
    assert_string_equal(text(t.o, "checkpoint"), "checkpoint-2");
    assert_string_equal(text(t.o, "baseline"), "checkpoint-1");
    assert_true(json_is_null(json_object_get(t.o, "overall_accuracy")));
    assert_true(json_is_null(json_object_get(t.o, "regression_detected")));
    assert_string_equal(text(t.o, "reason"), "no answers to compare");
    assert_null(t.waiting);
    done(&t);
    hand_made_done(&h);
}

static void history_holds_every_test_once(void **state)
{
    (void)state;
    struct folder f;
    init(&f);
    for (int64_t step = 1; step <= 4; step++) {
        add(&f, step, (size_t)(50 + step), 0, 0.5);
        struct told t = tell(&f.h);
        const json_t *rows = json_object_get(t.o, "history");
        assert_int_equal(json_array_size(rows), step);
        assert_true(fabs(number(json_array_get(rows, 0), "overall_accuracy") -
                         (50.0 + (double)step) / 100) < 1e-12);
        assert_int_equal(t.decisions, 1);
        done(&t);
        t = tell(&f.h);
        assert_int_equal(t.decisions, 0);
        assert_int_equal(json_array_size(json_object_get(t.o, "history")), step);
        done(&t);
    }
    /* A better loss moves the baseline; the next one is tested against it. */
    add(&f, 5, 70, 0, 0.2);
    add(&f, 6, 70, 0, 0.2);
    struct told t = tell(&f.h);
    assert_string_equal(text(t.o, "baseline"), "checkpoint-5");
    done(&t);
    /* One that is not graded yet is waited for; the last test stays. */
    hand_made_checkpoint(&f.h, NULL, 7, NULL);
    t = tell(&f.h);
    assert_string_equal(text(t.o, "checkpoint"), "checkpoint-6");
    assert_non_null(strstr(t.waiting, "checkpoint-7: 0 of 100"));
    done(&t);
    hand_made_done(&f.h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_fixed_suite_is_reported_by_difficulty),
        cmocka_unit_test(a_drop_is_a_regression_when_the_test_agrees),
        cmocka_unit_test(texts_without_answers_are_unknown),
        cmocka_unit_test(history_holds_every_test_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
