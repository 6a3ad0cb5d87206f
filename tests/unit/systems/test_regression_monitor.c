/* The regression monitor: its document, what it waits for, its alerts, what it wants graded. */
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

static const struct pr_system *const monitor = &pr_system_regression_monitor;

/* Runs the monitor, keeps its document and what it waited for, stores the rest. */
struct told {
    json_t *o;
    char *waiting;
    size_t decisions, alerts;
    enum pr_alert_level worst;
};

static struct told tell(struct hand_made *h)
{
    struct pr_findings f;
    hand_made_find(h, monitor, &f);
    struct told t = {.o = json_incref(f.status),
        .waiting = f.waiting ? pr_strdup(f.waiting) : NULL,
        .decisions = f.n_decisions,
        .alerts = f.n_alerts};
    for (size_t i = 0; i < f.n_alerts; i++)
        t.worst = f.alerts[i].level > t.worst ? f.alerts[i].level : t.worst;
    hand_made_apply(h, monitor, &f);
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

static void is_null(const json_t *o, const char *key)
{
    char reason[64];
    snprintf(reason, sizeof reason, "%s_reason", key);
    assert_true(json_is_null(json_object_get(o, key)));
    assert_true(json_is_string(json_object_get(o, reason)));
}

static int64_t add(struct hand_made *h, int64_t suite, int64_t step, double accuracy, double loss)
{
    int64_t id = hand_made_checkpoint(h, NULL, step, NULL);
    hand_made_grade_drawn(h, id, suite, (uint64_t)step, accuracy, loss);
    return id;
}

static void nothing_there_is_null_and_waiting(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    struct told t = tell(&h);
    assert_non_null(t.waiting);
    is_null(t.o, "checkpoint");
    is_null(t.o, "alert_level");
    is_null(t.o, "regression_detected");
    is_null(t.o, "baseline_loss");
    done(&t);
    int64_t suite = hand_made_suite(&h, "validation", 60, 0);
    t = tell(&h);
    assert_non_null(t.waiting);
    done(&t);
    int64_t id = hand_made_checkpoint(&h, NULL, 100, NULL);
    t = tell(&h);
    assert_string_equal(text(t.o, "checkpoint"), "checkpoint-100");
    assert_non_null(strstr(t.waiting, "0 of 60 examples graded"));
    is_null(t.o, "alert_level");
    assert_int_equal(t.decisions + t.alerts, 0);
    done(&t);
    /* The first one is ok, and has nothing to be compared with. */
    hand_made_grade_drawn(&h, id, suite, 1, 0.6, 0.5);
    t = tell(&h);
    assert_null(t.waiting);
    assert_string_equal(text(t.o, "alert_level"), "ok");
    assert_true(json_is_false(json_object_get(t.o, "regression_detected")));
    is_null(t.o, "baseline_loss");
    is_null(t.o, "current_loss");
    is_null(t.o, "increase_percent");
    assert_string_equal(text(t.o, "next_baseline"), "checkpoint-100");
    done(&t);
    hand_made_done(&h);
}

static void a_regression_is_told_with_all_figures(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 300, 0);
    add(&h, suite, 100, 0.6, 0.5);
    add(&h, suite, 200, 0.6, 0.5);
    add(&h, suite, 300, 0.3, 0.8);
    struct told t = tell(&h);
    assert_string_equal(text(t.o, "checkpoint"), "checkpoint-300");
    assert_string_equal(text(t.o, "baseline"), "checkpoint-100");
    assert_string_equal(text(t.o, "next_baseline"), "checkpoint-100");
    assert_string_equal(text(t.o, "alert_level"), "critical");
    assert_true(json_is_true(json_object_get(t.o, "regression_detected")));
    assert_true(fabs(number(t.o, "baseline_loss") - 0.5) < 0.03);
    assert_true(fabs(number(t.o, "current_loss") - 0.8) < 0.05);
    double increase = number(t.o, "increase_percent");
    assert_true(fabs(increase - 100 * (number(t.o, "current_loss") / number(t.o, "baseline_loss") -
                                          1)) < 1e-9);
    assert_true(number(t.o, "expected_false_alarms_per_1000") == 10);
    assert_true(number(json_object_get(t.o, "detectable_drop"), "accuracy_points") > 0);
    const json_t *rows = json_object_get(t.o, "checkpoints"), *row = json_array_get(rows, 0);
    assert_int_equal(json_array_size(rows), 3);
    assert_string_equal(text(row, "checkpoint"), "checkpoint-300"); /* the newest first */
    assert_int_equal(json_array_size(json_object_get(row, "increase_percent_ci95")), 2);
    assert_int_equal(json_array_size(json_object_get(row, "accuracy_difference_points_ci95")), 2);
    assert_string_equal(text(json_object_get(t.o, "evidence"), "rule"), "loss");
    assert_int_equal(t.decisions, 4); /* three verdicts, the first baseline */
    assert_int_equal(t.alerts, 1);
    done(&t);
    hand_made_done(&h);
}

static void alerts_stay_until_a_newer_one_is_ok(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 300, 0);
    add(&h, suite, 100, 0.6, 0.5);
    add(&h, suite, 200, 0.3, 0.8);
    struct told t = tell(&h);
    assert_true(t.alerts == 1 && t.worst == PR_ALERT_CRITICAL);
    done(&t);
    int64_t next = hand_made_checkpoint(&h, NULL, 300, NULL); /* not graded: it stays */
    t = tell(&h);
    assert_true(t.alerts == 1 && t.waiting);
    assert_string_equal(text(t.o, "checkpoint"), "checkpoint-200"); /* the newest judged */
    assert_string_equal(text(t.o, "alert_level"), "critical");
    done(&t);
    hand_made_grade_drawn(&h, next, suite, 3, 0.45, 0.5);
    t = tell(&h);
    assert_int_equal(t.alerts, 2); /* a warning now, and the older one holds */
    assert_string_equal(text(t.o, "alert_level"), "warning");
    assert_true(json_is_false(json_object_get(t.o, "regression_detected")));
    done(&t);
    add(&h, suite, 400, 0.6, 0.5);
    t = tell(&h);
    assert_int_equal(t.alerts, 0);
    assert_string_equal(text(t.o, "alert_level"), "ok");
    assert_null(t.waiting);
    done(&t);
    hand_made_done(&h);
}

static void forgetting_on_a_further_suite_is_an_alarm(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 300, 0);
    int64_t general = hand_made_suite(&h, "general", 200, 7);
    int64_t plain = hand_made_plain_suite(&h, "texts", 100);
    int64_t first = add(&h, suite, 100, 0.6, 0.5);
    hand_made_grade_drawn(&h, first, general, 1, 0.8, 0.3);
    hand_made_grade_drawn(&h, first, plain, 1, 0.8, 2.0);
    int64_t second = add(&h, suite, 200, 0.6, 0.5);
    hand_made_grade_drawn(&h, second, general, 2, 0.5, 0.6);
    hand_made_grade_drawn(&h, second, plain, 2, 0.8, 2.0);
    struct hand_made_place p = {.step = 0, .folder = "base", .reference = true};
    int64_t reference = hand_made_place(&h, &p);
    hand_made_grade_drawn(&h, reference, suite, 9, 0.1, 1.5);
    struct told t = tell(&h);
    assert_string_equal(text(t.o, "suite"), "validation");
    assert_string_equal(text(t.o, "alert_level"), "critical");
    assert_string_equal(text(t.o, "alert_suite"), "general");
    const json_t *suites = json_object_get(t.o, "suites");
    assert_int_equal(json_array_size(suites), 2);
    assert_string_equal(text(json_array_get(suites, 0), "alert_level"), "critical");
    assert_string_equal(text(json_array_get(suites, 1), "alert_level"), "ok");
    assert_true(number(t.o, "expected_false_alarms_per_1000") == 30);
    const json_t *r = json_object_get(t.o, "reference");
    assert_string_equal(text(r, "checkpoint"), "base");
    assert_true(fabs(number(r, "loss") - 1.5) < 0.1 && number(r, "accuracy") < 0.2);
    /* On the other suite the reference is not graded yet: unknown, not 0. */
    is_null(json_object_get(json_array_get(suites, 0), "reference"), "loss");
    done(&t);
    hand_made_done(&h);
}

static const struct pr_need *need_of(const struct pr_needs *n, int64_t checkpoint, int64_t suite)
{
    for (size_t i = 0; i < n->n; i++)
        if (n->v[i].checkpoint == checkpoint && n->v[i].suite == suite)
            return &n->v[i];
    return NULL;
}

static void the_newest_is_wanted_first(void **state)
{
    (void)state;
    struct hand_made h;
    struct pr_needs needs = {0};
    struct pr_view v;
    int64_t ids[8];
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 60, 0);
    int64_t general = hand_made_suite(&h, "general", 40, 7);
    int64_t testing = hand_made_suite(&h, PR_SUITE_TESTING, 30, 0);
    for (int i = 0; i < 6; i++)
        ids[i] = hand_made_checkpoint(&h, NULL, 100 * (i + 1), NULL);
    struct hand_made_place p = {.step = 700, .not_opened = true};
    ids[6] = hand_made_place(&h, &p);
    p = (struct hand_made_place){.step = 0, .folder = "base", .reference = true};
    ids[7] = hand_made_place(&h, &p);
    OK(pr_gradebook_set_state(h.g, ids[1], PR_CHECKPOINT_QUARANTINED, "it killed two graders", E));
    hand_made_open(&h, &v);
    OK(monitor->plan(&v, &needs, E));
    hand_made_close(&h, &v);
    /* Which run one belongs to that was never opened is not known: the supervisor places it. */
    assert_int_equal(need_of(&needs, ids[6], suite)->priority, PR_PRIORITY_BACKFILL);
    assert_int_equal(need_of(&needs, ids[5], suite)->priority, PR_PRIORITY_NEWEST);
    assert_int_equal(need_of(&needs, ids[0], suite)->priority, PR_PRIORITY_BACKFILL);
    assert_int_equal(need_of(&needs, ids[7], suite)->priority, PR_PRIORITY_BACKFILL);
    assert_true(
        need_of(&needs, ids[5], general)->priority < need_of(&needs, ids[5], suite)->priority);
    assert_null(need_of(&needs, ids[1], suite));
    assert_null(need_of(&needs, ids[5], testing)); /* its examples are among the validation's */
    pr_free(needs.v);
    hand_made_done(&h);
}

/* Two trainers at once: each run has its own baseline; the document is about the newest. */
static void every_run_is_judged_by_itself(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 300, 0);
    static const struct {
        const char *run;
        int64_t step;
        double accuracy, loss;
    } t[] = {{"good", 100, 0.8, 0.2}, {"poor", 100, 0.3, 0.9}, {"good", 200, 0.5, 0.5},
        {"poor", 200, 0.3, 0.9}};
    for (size_t i = 0; i < 4; i++) {
        int64_t id = hand_made_checkpoint(&h, t[i].run, t[i].step, NULL);
        hand_made_grade_drawn(&h, id, suite, 10 + i, t[i].accuracy, t[i].loss);
    }
    struct told x = tell(&h);
    assert_string_equal(text(x.o, "alert_level"), "ok"); /* "poor", against its own beginning */
    assert_int_equal(json_array_size(json_object_get(x.o, "checkpoints")), 2);
    assert_true(x.alerts == 1 && x.worst == PR_ALERT_CRITICAL); /* good's second */
    done(&x);
    hand_made_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_there_is_null_and_waiting),
        cmocka_unit_test(a_regression_is_told_with_all_figures),
        cmocka_unit_test(alerts_stay_until_a_newer_one_is_ok),
        cmocka_unit_test(forgetting_on_a_further_suite_is_an_alarm),
        cmocka_unit_test(the_newest_is_wanted_first),
        cmocka_unit_test(every_run_is_judged_by_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
