/* The evidence of probes: its error and power by simulation, and what is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/rng.h"
#include "curriculum/evidence.h"
#include "curriculum/looks.h"
#include "curriculum/streams.h"
#include "evidence_support.h"

/* The table against made-up sequences: 200,000 of them give a share of p within 4 √(p(1 − p)/n). */
static void repeated_looks_reject_as_often_as_the_table_says(void **state)
{
    (void)state;
    enum { RUNS = 200000 };
    static double least[RUNS]; /* nominal p over the looks of a sequence, as a bound of t */
    static const int entries[] = {3, 8, 12, 16, 20};
    for (size_t k = 0; k < sizeof entries / sizeof *entries; k++) {
        double g = pr_looks_nominal(entries[k]), want = pr_looks_overall(g);
        double bound[PR_LOOKS_LAST + 1];
        for (int n = PR_LOOKS_FIRST; n <= PR_LOOKS_LAST; n++) {
            /* t as r = Σx/√Σx², by bisection on the code that is tested elsewhere */
            double lo = 0, hi = 1e4;
            for (int i = 0; i < 60; i++) {
                double mid = 0.5 * (lo + hi);
                if (pr_looks_t_p(mid, 1, (size_t)n) > g)
                    lo = mid;
                else
                    hi = mid;
            }
            bound[n] = lo * sqrt(n / (n - 1 + lo * lo));
        }
        struct pr_rng rng;
        pr_rng_seed(&rng, 5 + k);
        int rejected = 0;
        for (int i = 0; i < RUNS; i++) {
            double s = 0, v = 0;
            least[i] = 0;
            for (int n = 1; n <= PR_LOOKS_LAST && least[i] == 0; n++) {
                double x = pr_rng_normal(&rng);
                s += x, v += x * x;
                least[i] = n >= PR_LOOKS_FIRST && s >= bound[n] * sqrt(v);
            }
            rejected += least[i] > 0;
        }
        double got = (double)rejected / RUNS, sd = sqrt(want * (1 - want) / RUNS);
        if (fabs(got - want) > 4 * sd)
            fail_msg("level %g: rejects %g, the table says %g", g, got, want);
    }
    for (double p = 1e-6; p < 0.8; p *= 1.7)
        assert_true(fabs(pr_looks_overall(pr_looks_level(p)) / p - 1) < 1e-6 ||
                    pr_looks_overall(pr_looks_level(p)) < p);
}

static void a_wrong_name_is_rarer_than_the_error_rate(void **state)
{
    (void)state;
    static const struct pr_stream_effects none = {{0, 0, 0, 0}}, mixed = {{-1, 0, -1, 0}};
    size_t wrong = 0, streams = 0;
    for (int k = 0; k < PR_N_STREAM_KINDS; k++) {
        struct pr_stream_result r;
        pr_streams_run((enum pr_stream_kind)k, k % 2 && k < PR_STREAM_DIVERGING ? &mixed : &none,
            400, 9000000 + 10000 * (uint64_t)k, NULL, &r);
        print_message("%s: %zu of %zu wrong\n", pr_stream_kind_text((enum pr_stream_kind)k),
            r.wrong, r.streams);
        assert_true(r.wrong <= 38); /* 5 % of 400 are 20; P(more than 38) < 0.0001 */
        wrong += r.wrong, streams += r.streams;
    }
    assert_true((double)wrong <= 0.05 * (double)streams + 3 * sqrt(0.0475 * (double)streams));
}

static void a_better_strategy_is_found(void **state)
{
    (void)state;
    static const struct {
        double effect, found, probes;
    } t[] = {{1, 0.9, 90}, {2, 0.97, 50}, {3, 0.97, 40}};
    for (size_t i = 0; i < 3; i++) {
        struct pr_stream_effects effects = {{0, 0, t[i].effect, 0}};
        struct pr_stream_result r;
        pr_streams_run(PR_STREAM_NORMAL, &effects, 200, 4000, NULL, &r);
        print_message(
            "effect %g: found %zu of %zu, %g probes\n", t[i].effect, r.best, r.streams, r.probes);
        assert_true((double)r.best >= t[i].found * 200);
        assert_true(r.probes <= t[i].probes);
    }
    static const struct pr_stream_effects all_worse = {{-2, -2, -2, -2}};
    struct pr_stream_result r;
    pr_streams_run(PR_STREAM_NORMAL, &all_worse, 100, 4000, NULL, &r);
    assert_true(r.right >= 95); /* random is the best, and said to be */
}

static void no_name_before_five_blocks(void **state)
{
    (void)state;
    struct pr_rng rng;
    pr_rng_seed(&rng, 3);
    for (size_t blocks = 1; blocks <= 6; blocks++) {
        struct probes p = {.n = 0};
        add_blocks(&p, blocks, "hard_first", 1000, &rng);
        struct pr_evidence e = weigh(&p, &usual);
        assert_int_equal(e.blocks, blocks);
        assert_int_equal(e.decided, blocks >= 5);
        assert_int_equal(isnan(arm_of(&e, "hard_first")->p), blocks < 5);
        assert_int_equal(isnan(arm_of(&e, "hard_first")->se), blocks < 2);
        if (blocks >= 5)
            assert_string_equal(e.best, "hard_first");
    }
    struct probes p = {.n = 0};
    struct pr_evidence_options eight = {.error_rate = 0.05, .min_seeds = 8};
    add_blocks(&p, 7, "hard_first", 1000, &rng);
    assert_false(weigh(&p, &eight).decided);
}

static void the_figures_are_those_of_the_differences(void **state)
{
    (void)state;
    static const double d[5] = {1, 2, 3, 4, 5}; /* mean 3, sd √2.5, t 4.2426, p 0.006617 */
    struct probes p = {.n = 0};
    for (uint64_t b = 5; b >= 1; b--) { /* in any order */
        add(&p, 9, "adaptive", b, 100 * (double)b + d[b - 1]);
        add(&p, 9, "random", b, 100 * (double)b);
    }
    add(&p, 9, "adaptive", 5, 0);     /* tried again: the first counts */
    add(&p, 9, "hard_first", 5, NAN); /* failed */
    add(&p, 9, "hard_first", 6, 7);   /* no random in its block */
    struct pr_evidence e = weigh(&p, &usual);
    const struct pr_arm_evidence *a = arm_of(&e, "adaptive");
    assert_int_equal(a->n, 5);
    assert_true(fabs(a->mean - 3) < 1e-12 && fabs(a->se - sqrt(0.5)) < 1e-12);
    assert_true(fabs(a->p - 5 * pr_looks_overall(0.0066177)) < 1e-4);
    assert_true(a->lo < 0 && a->hi > 6 && fabs(a->lo + a->hi - 6) < 1e-9);
    assert_false(a->better || a->worse || e.decided);
    assert_null(e.best);
    assert_int_equal(e.failed, 1);
    assert_int_equal(arm_of(&e, "hard_first")->n, 0);
    assert_true(isnan(arm_of(&e, "hard_first")->mean) && isnan(e.noise));
    /* A rate at which p just suffices, and just does not: bound, p and flag say the same. */
    struct pr_evidence_options at = {.error_rate = a->p * 1.001};
    struct pr_evidence yes = weigh(&p, &at);
    at.error_rate = a->p * 0.999;
    struct pr_evidence no = weigh(&p, &at);
    assert_true(arm_of(&yes, "adaptive")->better && arm_of(&yes, "adaptive")->lo > 0);
    assert_false(arm_of(&no, "adaptive")->better || arm_of(&no, "adaptive")->lo > 0);
    assert_string_equal(yes.best, "adaptive");
}

static void the_second_random_arm_is_never_a_candidate(void **state)
{
    (void)state;
    struct pr_rng rng;
    pr_rng_seed(&rng, 4);
    struct probes p = {.n = 0};
    add_blocks(&p, 8, PR_ARM_AGAIN, 1000, &rng);
    struct pr_evidence e = weigh(&p, &usual);
    assert_false(e.decided);
    assert_true(arm_of(&e, PR_ARM_AGAIN)->p < 0.001); /* and yet it is shown */
    assert_true(e.noise > 0.5 && e.noise < 4);
}

static void random_is_named_where_all_others_are_worse(void **state)
{
    (void)state;
    struct pr_rng rng;
    pr_rng_seed(&rng, 4);
    struct probes p = {.n = 0};
    for (uint64_t b = 1; b <= 8; b++)
        for (size_t a = 0; a < N_ARMS; a++)
            add(&p, 1, arms[a], b, (a == 0 || a == 5 ? 50 : 0) + pr_rng_normal(&rng));
    assert_string_equal(weigh(&p, &usual).best, "random");
    p.v[7 * N_ARMS + 2].score = 400; /* hard_first in the last block: not so surely all */
    assert_null(weigh(&p, &usual).best);
}

static void differences_that_are_all_alike_decide_nothing(void **state)
{
    (void)state;
    struct probes p = {.n = 0};
    for (uint64_t b = 1; b <= 6; b++)
        for (size_t a = 0; a < N_ARMS; a++)
            add(&p, 1, arms[a], b, a == 1 ? 0.6 : 0.5);
    struct pr_evidence e = weigh(&p, &usual);
    assert_false(e.decided);
    assert_true(isnan(arm_of(&e, "easy_to_hard")->p));
}

/* Eight blocks in which `arm` and random are alike but for what `lose` does to their scores. */
static struct pr_evidence weigh_lost(size_t blocks, const char *arm, double effect,
    double (*lose)(const char *arm, uint64_t block, double score))
{
    struct pr_rng rng;
    struct probes p = {.n = 0};
    pr_rng_seed(&rng, 12);
    add_blocks(&p, blocks, arm, effect, &rng);
    for (size_t i = 0; i < p.n; i++)
        p.v[i].score = lose(p.v[i].arm, p.v[i].seed, p.v[i].score);
    return weigh(&p, &usual);
}

static double half_diverge(const char *arm, uint64_t block, double score)
{
    return !strcmp(arm, "hard_first") && block % 2 ? -INFINITY : score;
}
static double half_of_both_diverge(const char *arm, uint64_t block, double score)
{
    return !strcmp(arm, "random") && block % 2 == 0 ? -INFINITY : half_diverge(arm, block, score);
}
static double half_fail(const char *arm, uint64_t block, double score)
{
    return !strcmp(arm, "hard_first") && block % 2 ? NAN : score;
}
static double one_fails(const char *arm, uint64_t block, double score)
{
    return !strcmp(arm, "hard_first") && block == 3 ? NAN : score;
}

static void a_strategy_that_destroys_the_model_is_not_named(void **state)
{
    (void)state;
    struct pr_evidence e = weigh_lost(14, "hard_first", 30, half_diverge);
    const struct pr_arm_evidence *a = arm_of(&e, "hard_first");
    assert_false(e.decided || a->better);
    assert_true(a->n == 7 && a->lo > 0); /* and yet the survivors are far better */
    assert_true(a->tried == 14 && a->diverged == 7 && a->random_diverged == 0);
    assert_non_null(strstr(a->held, "diverged"));
    assert_true(e.diverged == 7 && e.failed == 0);
    /* Where random order diverges as often, that does not speak against it. */
    e = weigh_lost(28, "hard_first", 30, half_of_both_diverge);
    assert_int_equal(e.diverged, 28);
    assert_false(e.decided); /* never in the same block: no pair */
    struct probes p = {.n = 0};
    for (uint64_t b = 1; b <= 20; b++) {
        add(&p, 1, "random", b, b % 4 == 0 ? -INFINITY : 0.01 * (double)(b % 3));
        add(&p, 1, "hard_first", b, b % 4 == 1 ? -INFINITY : 1 + 0.01 * (double)(b % 7));
    }
    e = weigh(&p, &usual);
    assert_string_equal(e.best, "hard_first");
    assert_null(arm_of(&e, "hard_first")->held);
    add(&p, 1, "random", 21, 0);
    add(&p, 1, "hard_first", 21, -INFINITY);
    assert_false(weigh(&p, &usual).decided);
}

static void one_that_fails_more_often_is_not_named(void **state)
{
    (void)state;
    struct pr_evidence e = weigh_lost(14, "hard_first", 30, half_fail);
    assert_false(e.decided);
    assert_int_equal(arm_of(&e, "hard_first")->diverged, 0);
    assert_non_null(strstr(arm_of(&e, "hard_first")->held, "fail"));
    assert_true(e.diverged == 0 && e.failed == 7);
    e = weigh_lost(14, "hard_first", 5, one_fails); /* which chance does too */
    assert_string_equal(e.best, "hard_first");
    /* Random order fails as often; its blocks were given up. */
    struct probes p = {.n = 0};
    for (uint64_t b = 1; b <= 24; b++) {
        add(&p, 1, "random", b, b % 4 == 0 ? NAN : 0.01 * (double)(b % 3));
        if (b % 4)
            add(&p, 1, "hard_first", b, b % 4 == 1 ? NAN : 1 + 0.01 * (double)(b % 7));
    }
    assert_string_equal(weigh(&p, &usual).best, "hard_first");
}

static void random_is_not_named_while_it_diverges_more_often(void **state)
{
    (void)state;
    struct pr_rng rng;
    struct probes p = {.n = 0};
    pr_rng_seed(&rng, 4);
    for (uint64_t b = 1; b <= 9; b++)
        for (size_t a = 0; a < N_ARMS; a++)
            add(&p, 1, arms[a], b, (a == 0 || a == 5 ? 50 : 0) + pr_rng_normal(&rng));
    assert_string_equal(weigh(&p, &usual).best, "random");
    p.v[0].score = -INFINITY;
    struct pr_evidence e = weigh(&p, &usual);
    assert_false(e.decided);
    assert_non_null(arm_of(&e, "adaptive")->held);
    for (size_t a = 1; a < N_ARMS; a++) /* and so do all the others */
        p.v[N_ARMS + a].score = -INFINITY;
    assert_string_equal(weigh(&p, &usual).best, "random");
}

static void options_out_of_range_are_refused(void **state)
{
    (void)state;
    struct pr_evidence e;
    static const struct pr_evidence_options bad[] = {{.error_rate = 0}, {.error_rate = NAN},
        {.error_rate = 0.6}, {.error_rate = 0.05, .min_seeds = 4},
        {.error_rate = 0.05, .min_seeds = 31}, {.error_rate = 0.05, .max_seeds = 31},
        {.error_rate = 0.05, .min_seeds = 9, .max_seeds = 8}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(pr_evidence_weigh(NULL, 0, &bad[i], &e, NULL), PR_E_USAGE);
    assert_int_equal(pr_evidence_weigh(NULL, 0, &usual, &e, NULL), PR_OK);
    assert_int_equal(e.blocks, 0);
    json_t *doc = pr_evidence_json(&e);
    assert_true(json_is_null(json_object_get(doc, "best")));
    assert_true(json_is_null(json_object_get(doc, "noise")));
    assert_int_equal(json_array_size(json_object_get(doc, "arms")), 5);
    json_decref(doc);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(repeated_looks_reject_as_often_as_the_table_says),
        cmocka_unit_test(a_wrong_name_is_rarer_than_the_error_rate),
        cmocka_unit_test(a_better_strategy_is_found),
        cmocka_unit_test(no_name_before_five_blocks),
        cmocka_unit_test(the_figures_are_those_of_the_differences),
        cmocka_unit_test(the_second_random_arm_is_never_a_candidate),
        cmocka_unit_test(random_is_named_where_all_others_are_worse),
        cmocka_unit_test(differences_that_are_all_alike_decide_nothing),
        cmocka_unit_test(a_strategy_that_destroys_the_model_is_not_named),
        cmocka_unit_test(one_that_fails_more_often_is_not_named),
        cmocka_unit_test(random_is_not_named_while_it_diverges_more_often),
        cmocka_unit_test(options_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
