/* The walk over a run: the reference run fed one by one, late and deleted checkpoints, branches,
 * what is reused and what is reached again. */
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
#include "base/clock.h"
#include "hand_made.h"
#include "systems/baseline.h"

#define OK HAND_MADE_OK
#define E  (&hand_made_error)

/* A walk whose decisions are stored, as the supervisor does. */
struct walked {
    struct pr_judgement *v;
    size_t n, decisions;
};

static struct walked walk_as(
    struct hand_made *h, int64_t run, int64_t suite, const char *system, bool store)
{
    struct walked w = {0};
    struct pr_findings f = {0};
    struct pr_view v;
    hand_made_open(h, &v);
    OK(pr_baseline_walk(&v, run ? run : v.runs[0].id, suite, system, &f, &w.v, &w.n, E));
    hand_made_close(h, &v);
    w.decisions = f.n_decisions;
    if (store) {
        OK(pr_gradebook_begin(h->g, E));
        for (size_t i = 0; i < f.n_decisions; i++)
            OK(pr_gradebook_put_decision(h->g, &f.decisions[i], E));
        OK(pr_gradebook_commit(h->g, E));
    }
    pr_findings_done(&f);
    return w;
}

static struct walked walk(struct hand_made *h, int64_t suite)
{
    return walk_as(h, 0, suite, "regression-monitor", true);
}

static void done(struct walked *w)
{
    pr_judgements_free(w->v, w->n);
    *w = (struct walked){0};
}

static const struct pr_judgement *of_step(const struct walked *w, int64_t step)
{
    for (size_t i = 0; i < w->n; i++)
        if (w->v[i].checkpoint->step == step)
            return &w->v[i];
    fail_msg("step %lld was not walked", (long long)step);
    return NULL;
}

static void is(const struct walked *w, int64_t step, enum pr_verdict_level level, int64_t against)
{
    const struct pr_judgement *j = of_step(w, step);
    int64_t base = j->baseline ? j->baseline->step : 0;
    if (!j->judged || j->level != level || base != against)
        fail_msg("step %lld: %s against %lld (%s), expected %s against %lld", (long long)step,
            j->judged ? pr_verdict_level_name(j->level) : "not judged", (long long)base, j->reason,
            pr_verdict_level_name(level), (long long)against);
}

/* ---- the reference run ---- */

struct expected {
    int64_t step, against;
    enum pr_verdict_level level;
    bool moved;
};
static const struct expected whole_run[] = {{296, 0, PR_LEVEL_OK, true},
    {1036, 296, PR_LEVEL_OK, true}, {1554, 1036, PR_LEVEL_OK, true},
    {1574, 1554, PR_LEVEL_CRITICAL, false}, {2886, 1554, PR_LEVEL_OK, true},
    {2926, 2886, PR_LEVEL_WARNING, false}, {3700, 2886, PR_LEVEL_OK, true},
    {4500, 3700, PR_LEVEL_OK, true}};
static const struct expected kept_run[] = {{1574, 0, PR_LEVEL_OK, true},
    {2886, 1574, PR_LEVEL_OK, true}, {2926, 2886, PR_LEVEL_WARNING, false},
    {4500, 2886, PR_LEVEL_OK, true}};

static const struct expected *expected_run(size_t *ret_n)
{
    if (hand_made_run_a_whole()) {
        *ret_n = sizeof whole_run / sizeof *whole_run;
        return whole_run;
    }
    print_message(
        "skipped: the whole of run_a (../shared is not there); four of its checkpoints\n");
    *ret_n = sizeof kept_run / sizeof *kept_run;
    return kept_run;
}

static void feed(struct hand_made *h, int64_t step, int64_t *ret_suite)
{
    int64_t steps[] = {step, 0}, id;
    assert_int_equal(hand_made_run_a(h, steps, ret_suite, &id), 1);
}

static void check_run(const struct walked *w, const struct expected *x, size_t n)
{
    assert_int_equal(w->n, n);
    for (size_t i = 0; i < n; i++) {
        is(w, x[i].step, x[i].level, x[i].against);
        assert_int_equal(w->v[i].moved, x[i].moved);
    }
}

static void the_reference_run_is_judged_right_as_it_arrives(void **state)
{
    (void)state;
    struct hand_made h;
    int64_t suite;
    size_t n;
    const struct expected *x = expected_run(&n);
    hand_made_init(&h);
    for (size_t i = 0; i < n; i++) {
        feed(&h, x[i].step, &suite);
        struct walked w = walk(&h, suite);
        check_run(&w, x, i + 1);
        assert_true(w.decisions == (x[i].moved ? 2 : 1)); /* only the new one */
        print_message("%lld: %s, %s\n", (long long)x[i].step, pr_verdict_level_name(w.v[i].level),
            w.v[i].reason);
        done(&w);
    }
    hand_made_done(&h);
}

/* A folder full of checkpoints that proctor first sees: the newest is graded first. */
static void backfilling_ends_with_the_same_verdicts(void **state)
{
    (void)state;
    struct hand_made h;
    int64_t suite = 0;
    size_t n;
    const struct expected *x = expected_run(&n);
    hand_made_init(&h);
    for (size_t i = n; i-- > 0;) {
        feed(&h, x[i].step, &suite);
        struct walked w = walk(&h, suite);
        done(&w);
    }
    struct walked w = walk(&h, suite);
    check_run(&w, x, n);
    assert_int_equal(w.decisions, 0);
    done(&w);
    /* What is stored as the present verdict is the final one, and a baseline that was moved to only
     * for want of an older one is revoked. */
    struct pr_decision_filter f = {.kind = "baseline", .present_only = true};
    struct pr_decision *d;
    size_t n_d, moved = 0, expected = 0;
    OK(pr_gradebook_decisions(h.g, &f, &d, &n_d, E));
    for (size_t i = 0; i < n_d; i++)
        moved += !strcmp(d[i].verdict, "moved");
    for (size_t i = 0; i < n; i++)
        expected += x[i].moved;
    assert_int_equal(moved, expected);
    pr_decisions_free(d, n_d);
    hand_made_done(&h);
}

/* ---- made-up runs ---- */

static int64_t add(struct hand_made *h, int64_t suite, int64_t step, double accuracy, double loss)
{
    int64_t id = hand_made_checkpoint(h, NULL, step, NULL);
    hand_made_grade_drawn(h, id, suite, (uint64_t)step, accuracy, loss);
    return id;
}

static void a_baseline_whose_folder_is_gone_still_counts(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 300, 0);
    int64_t first = add(&h, suite, 100, 0.6, 0.5);
    add(&h, suite, 200, 0.6, 0.5);
    OK(pr_gradebook_set_state(h.g, first, PR_CHECKPOINT_GONE, "deleted", E));
    add(&h, suite, 300, 0.6, 0.7);
    struct walked w = walk(&h, suite);
    assert_int_equal(w.n, 2); /* those that are there */
    is(&w, 200, PR_LEVEL_OK, 100);
    is(&w, 300, PR_LEVEL_CRITICAL, 100);
    done(&w);
    hand_made_done(&h);
}

static void a_critical_checkpoint_is_no_baseline(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 300, 0);
    add(&h, suite, 100, 0.6, 0.5);
    add(&h, suite, 200, 0.2, 0.9);
    add(&h, suite, 300, 0.6, 0.5);
    add(&h, suite, 400, 0.7, 0.3);
    add(&h, suite, 500, 0.6, 0.5);
    struct walked w = walk(&h, suite);
    is(&w, 100, PR_LEVEL_OK, 0);
    is(&w, 200, PR_LEVEL_CRITICAL, 100);
    is(&w, 300, PR_LEVEL_OK, 100);
    is(&w, 400, PR_LEVEL_OK, 100);
    assert_true(of_step(&w, 400)->moved && !of_step(&w, 300)->moved);
    is(&w, 500, PR_LEVEL_CRITICAL, 400);
    done(&w);
    hand_made_done(&h);
}

/* A plateau graded from the newest back: every older one is a new first baseline for all. */
static void backfilling_a_plateau_stores_each_verdict_a_few_times(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 60, 0), ids[40];
    size_t n = sizeof ids / sizeof *ids, rows = 0;
    for (size_t i = 0; i < n; i++)
        ids[i] = hand_made_checkpoint(&h, NULL, (int64_t)i + 1, NULL);
    for (size_t i = n; i-- > 0;) {
        hand_made_grade_drawn(&h, ids[i], suite, i, 0.6, 0.5);
        struct walked w = walk(&h, suite);
        rows += w.decisions;
        is(&w, (int64_t)n, PR_LEVEL_OK, i + 1 < n ? (int64_t)i + 1 : 0);
        assert_int_equal(of_step(&w, (int64_t)n)->pending, i);
        done(&w);
    }
    struct walked w = walk(&h, suite);
    for (size_t i = 2; i <= n; i++)
        is(&w, (int64_t)i, PR_LEVEL_OK, 1);
    assert_int_equal(w.decisions, 0); /* all are stored against the first one */
    assert_true(rows <= 7 * n);       /* 820 if each walk stored what it found */
    done(&w);
    hand_made_done(&h);
}

static void what_could_not_be_asked_is_not_ok(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 60, 0);
    struct hand_made_answer *v = hand_made_draw(1, 60, 0.6, 0.5, 1);
    for (size_t i = 0; i < 60; i++)
        v[i].reason = "its template raises";
    hand_made_grade(&h, hand_made_checkpoint(&h, NULL, 100, NULL), suite, v, 60);
    struct walked w = walk(&h, suite);
    assert_true(!w.v[0].judged && !w.v[0].moved && w.decisions == 0);
    assert_non_null(strstr(w.v[0].reason, "its template raises"));
    done(&w);
    add(&h, suite, 200, 0.6, 0.5);
    hand_made_grade(&h, hand_made_checkpoint(&h, NULL, 300, NULL), suite, v, 60);
    w = walk(&h, suite);
    is(&w, 200, PR_LEVEL_OK, 0);
    assert_true(of_step(&w, 200)->moved && !of_step(&w, 300)->judged);
    done(&w);
    pr_free(v);
    hand_made_done(&h);
}

/* Better losses do not make up for lost answers, nor does being the first for NaN. */
static void only_what_is_ok_becomes_the_baseline(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 300, 0);
    struct hand_made_answer *v = hand_made_draw(1, 300, 0.6, 0.5, 1);
    v[3].bad_number = true;
    hand_made_grade(&h, hand_made_checkpoint(&h, NULL, 50, NULL), suite, v, 300);
    pr_free(v);
    add(&h, suite, 100, 0.6, 0.5);
    add(&h, suite, 200, 0.3, 0.2);
    add(&h, suite, 300, 0.6, 0.5);
    struct walked w = walk(&h, suite);
    is(&w, 50, PR_LEVEL_CRITICAL, 0);
    is(&w, 100, PR_LEVEL_OK, 0);
    is(&w, 200, PR_LEVEL_WARNING, 100);
    is(&w, 300, PR_LEVEL_OK, 100);
    assert_true(of_step(&w, 100)->moved && !of_step(&w, 50)->moved && !of_step(&w, 200)->moved);
    done(&w);
    hand_made_done(&h);
}

static void a_branch_begins_with_its_parents_baseline(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 300, 0);
    add(&h, suite, 100, 0.6, 0.5);
    add(&h, suite, 200, 0.7, 0.3);
    add(&h, suite, 300, 0.8, 0.1);
    /* Rolled back and trained on from 200: step 300 again, with another history. */
    struct hand_made_place p = {.history = "again", .step = 300, .folder = "again/checkpoint-300"};
    int64_t again = hand_made_place(&h, &p);
    hand_made_grade_drawn(&h, again, suite, 31, 0.7, 0.3);
    struct pr_run_row *runs;
    size_t n_runs;
    OK(pr_gradebook_runs(h.g, &runs, &n_runs, E));
    assert_int_equal(n_runs, 2);
    assert_int_equal(runs[1].parent, runs[0].id);
    struct walked w = walk_as(&h, runs[1].id, suite, "regression-monitor", true);
    assert_int_equal(w.n, 1);
    is(&w, 300, PR_LEVEL_OK, 200); /* not against the 0.1 of the other branch */
    done(&w);
    pr_free(runs);
    hand_made_done(&h);
}

static void changed_thresholds_and_options_are_judged_anew(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 300, 0);
    add(&h, suite, 100, 0.6, 0.50);
    add(&h, suite, 200, 0.6, 0.60);
    struct walked w = walk(&h, suite);
    is(&w, 200, PR_LEVEL_CRITICAL, 100);
    done(&w);
    w = walk(&h, suite);
    assert_int_equal(w.decisions, 0);
    done(&w);
    w = walk_as(&h, 0, suite, "automated-testing", true); /* another system's verdict is as good */
    is(&w, 200, PR_LEVEL_CRITICAL, 100);
    assert_int_equal(w.decisions, 0);
    done(&w);
    h.settings.threshold = 30;
    w = walk(&h, suite);
    is(&w, 200, PR_LEVEL_WARNING, 100);
    assert_true(w.decisions >= 2);
    done(&w);
    h.options = "other options"; /* under which nothing is graded yet */
    w = walk(&h, suite);
    assert_false(of_step(&w, 100)->judged || of_step(&w, 200)->judged);
    assert_non_null(of_step(&w, 200)->reason);
    assert_int_equal(w.decisions, 0);
    done(&w);
    hand_made_done(&h);
}

static void an_early_verdict_gives_way_to_the_exact_one(void **state)
{
    (void)state;
    struct hand_made h;
    const struct pr_suite *examples;
    struct pr_view v;
    size_t *order, n = 300;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", n, 0);
    add(&h, suite, 100, 0.6, 0.5);
    int64_t id = hand_made_checkpoint(&h, NULL, 200, NULL);
    struct hand_made_answer *a = hand_made_draw(7, n, 0.02, 4, 1), *part = pr_zalloc(n * sizeof *a);
    hand_made_open(&h, &v);
    OK(pr_view_examples(&v, suite, &examples, E));
    pr_gradebook_order(examples, &order);
    for (size_t i = 0; i < n; i++)
        part[i].missing = true;
    for (size_t k = 0; k < 16; k++)
        part[order[k]] = a[order[k]];
    pr_free(order);
    hand_made_close(&h, &v);
    hand_made_grade(&h, id, suite, part, n);
    struct walked w = walk(&h, suite);
    is(&w, 200, PR_LEVEL_CRITICAL, 100);
    assert_true(of_step(&w, 200)->early && w.decisions == 3);
    done(&w);
    w = walk(&h, suite);
    assert_true(of_step(&w, 200)->early && w.decisions == 0);
    done(&w);
    hand_made_grade(&h, id, suite, a, n);
    w = walk(&h, suite);
    is(&w, 200, PR_LEVEL_CRITICAL, 100);
    assert_true(!of_step(&w, 200)->early && w.decisions == 1);
    done(&w);
    pr_free(a);
    pr_free(part);
    hand_made_done(&h);
}

static void weights_with_nan_are_critical_before_any_grade(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 60, 0);
    add(&h, suite, 100, 0.6, 0.5);
    json_t *bad = json_pack("[s]", "model.embed_tokens.weight");
    struct hand_made_place p = {.step = 200, .bad_weights = bad};
    hand_made_place(&h, &p);
    struct walked w = walk(&h, suite);
    is(&w, 200, PR_LEVEL_CRITICAL, 100);
    assert_non_null(strstr(of_step(&w, 200)->reason, "model.embed_tokens.weight"));
    done(&w);
    json_decref(bad);
    hand_made_done(&h);
}

#define LONG_RUN 1000

/* With a thousand checkpoints stored a walk reads decisions, not grades. */
static void a_long_run_costs_no_reading_of_old_grades(void **state)
{
    (void)state;
    struct hand_made h;
    hand_made_init(&h);
    int64_t suite = hand_made_suite(&h, "validation", 40, 0);
    for (int64_t step = 1; step <= LONG_RUN; step++)
        add(&h, suite, step, 0.6, 0.5);
    int64_t t0 = pr_clock_monotonic_ns();
    struct walked w = walk(&h, suite);
    int64_t t1 = pr_clock_monotonic_ns();
    assert_int_equal(w.n, LONG_RUN);
    size_t alarms = 0, moves = 0;
    for (size_t i = 0; i < w.n; i++) {
        alarms += w.v[i].level != PR_LEVEL_OK;
        moves += w.v[i].moved;
    }
    print_message("%zu false alarms\n", alarms);
    assert_true(alarms <= LONG_RUN / 100 && moves == 1); /* all are alike */
    done(&w);
    int64_t t2 = pr_clock_monotonic_ns();
    w = walk(&h, suite);
    int64_t t3 = pr_clock_monotonic_ns();
    assert_int_equal(w.n, LONG_RUN);
    assert_int_equal(w.decisions, 0);
    print_message(
        "first walk %.0f ms, again %.0f ms\n", (double)(t1 - t0) / 1e6, (double)(t3 - t2) / 1e6);
    assert_true((t3 - t2) * 4 < t1 - t0);
    done(&w);
    hand_made_done(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_run_is_judged_right_as_it_arrives),
        cmocka_unit_test(backfilling_ends_with_the_same_verdicts),
        cmocka_unit_test(a_baseline_whose_folder_is_gone_still_counts),
        cmocka_unit_test(a_critical_checkpoint_is_no_baseline),
        cmocka_unit_test(backfilling_a_plateau_stores_each_verdict_a_few_times),
        cmocka_unit_test(what_could_not_be_asked_is_not_ok),
        cmocka_unit_test(only_what_is_ok_becomes_the_baseline),
        cmocka_unit_test(a_branch_begins_with_its_parents_baseline),
        cmocka_unit_test(changed_thresholds_and_options_are_judged_anew),
        cmocka_unit_test(an_early_verdict_gives_way_to_the_exact_one),
        cmocka_unit_test(weights_with_nan_are_critical_before_any_grade),
        cmocka_unit_test(a_long_run_costs_no_reading_of_old_grades),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
