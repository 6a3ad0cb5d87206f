/* Every strategy of the table: which examples it takes, in which order, for how many tokens. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "curriculum/strategy.h"

#define N 300

/* A pool of N examples: half easy, a third medium, the rest hard; hard answers are longer. */
struct pool {
    uint8_t level[N];
    uint32_t tokens[N];
    struct pr_strategy_input in;
};
static void pool_init(struct pool *p, uint64_t seed, uint64_t budget, uint32_t batch)
{
    for (size_t i = 0; i < N; i++) {
        p->level[i] = i % 6 < 3 ? 0 : i % 6 < 5 ? 1 : 2;
        p->tokens[i] = 2 + 3 * p->level[i] + (uint32_t)(i % 3);
    }
    p->in = (struct pr_strategy_input){.level = p->level,
        .tokens = p->tokens,
        .n = N,
        .n_levels = 3,
        .seed = seed,
        .budget = budget,
        .batch = batch};
}
static struct pr_example_order order(const char *arm, const struct pool *p)
{
    struct pr_example_order o = {0};
    struct pr_error e = {0};
    assert_int_equal(pr_strategy_order(arm, &p->in, &o, &e), PR_OK);
    uint64_t tokens = 0;
    for (size_t i = 0; i < o.n; i++) {
        assert_true(o.v[i] < N);
        tokens += p->tokens[o.v[i]];
    }
    assert_int_equal(tokens, o.tokens);
    return o;
}
static void count(const struct pr_example_order *o, size_t *times)
{
    memset(times, 0, N * sizeof *times);
    for (size_t i = 0; i < o->n; i++)
        times[o->v[i]]++;
}

static const char *const same_examples[] = {
    "easy_to_hard", "random", "hard_first", "interleaved", "random_again"};

static void arms_of_a_seed_train_on_the_same_examples(void **state)
{
    (void)state;
    for (uint64_t budget = 300; budget <= 4000; budget += 1234) {
        struct pool p;
        pool_init(&p, 7, budget, 8);
        size_t want[N], got[N];
        struct pr_example_order r = order("random", &p);
        count(&r, want);
        assert_true(r.n > 0 && r.n % 8 == 0);
        assert_true(r.tokens <= budget && r.tokens + 9 * 10 > budget);
        for (size_t i = 0; i < sizeof same_examples / sizeof *same_examples; i++) {
            struct pr_example_order o = order(same_examples[i], &p);
            count(&o, got);
            assert_memory_equal(got, want, sizeof got);
            pr_example_order_done(&o);
        }
        pr_example_order_done(&r);
    }
}

static void seeds_draw_different_examples_and_the_same_seed_the_same(void **state)
{
    (void)state;
    size_t n;
    const struct pr_strategy *s = pr_strategies(&n);
    assert_int_equal(n, 5);
    for (size_t i = 0; i <= n; i++) {
        const char *arm = i < n ? s[i].name : PR_ARM_AGAIN;
        struct pool p;
        pool_init(&p, 1, 500, 4);
        struct pr_example_order a = order(arm, &p), b = order(arm, &p);
        p.in.seed = 2;
        struct pr_example_order c = order(arm, &p);
        assert_int_equal(a.n, b.n);
        assert_memory_equal(a.v, b.v, a.n * sizeof *a.v);
        assert_true(a.n != c.n || memcmp(a.v, c.v, a.n * sizeof *a.v) != 0);
        pr_example_order_done(&a), pr_example_order_done(&b), pr_example_order_done(&c);
    }
}

static void within_a_level_all_arms_keep_the_order_of_the_draw(void **state)
{
    (void)state;
    struct pool p;
    pool_init(&p, 11, 900, 8);
    struct pr_example_order r = order("random", &p);
    const char *const arms[] = {"easy_to_hard", "hard_first", "interleaved"};
    for (size_t a = 0; a < 3; a++) {
        struct pr_example_order o = order(arms[a], &p);
        for (uint8_t l = 0; l < 3; l++)
            for (size_t i = 0, j = 0; i < r.n; i++)
                if (p.level[r.v[i]] == l) {
                    while (p.level[o.v[j]] != l)
                        j++;
                    assert_int_equal(o.v[j++], r.v[i]);
                }
        pr_example_order_done(&o);
    }
    /* The A/A arm has the same examples in an order of its own. */
    struct pr_example_order again = order(PR_ARM_AGAIN, &p);
    size_t same = 0;
    for (size_t i = 0; i < r.n; i++)
        same += r.v[i] == again.v[i];
    assert_true(same < r.n / 10);
    pr_example_order_done(&again);
    pr_example_order_done(&r);
}

static void levels_rise_fall_or_take_turns(void **state)
{
    (void)state;
    struct pool p;
    pool_init(&p, 3, 900, 1);
    struct pr_example_order up = order("easy_to_hard", &p), down = order("hard_first", &p),
                            mixed = order("interleaved", &p);
    size_t in_all[3] = {0}, so_far[3] = {0};
    for (size_t i = 0; i < up.n; i++)
        in_all[p.level[up.v[i]]]++;
    for (size_t i = 0; i < up.n; i++) {
        assert_true(i == 0 || p.level[up.v[i - 1]] <= p.level[up.v[i]]);
        assert_true(i == 0 || p.level[down.v[i - 1]] >= p.level[down.v[i]]);
        so_far[p.level[mixed.v[i]]]++;
        for (size_t l = 0; l < 3; l++) {
            double due = (double)(i + 1) * (double)in_all[l] / (double)up.n;
            assert_true(fabs((double)so_far[l] - due) <= 1.5);
        }
    }
    pr_example_order_done(&up), pr_example_order_done(&down), pr_example_order_done(&mixed);
}

static void a_budget_beyond_the_pool_repeats_it_whole(void **state)
{
    (void)state;
    struct pool p;
    pool_init(&p, 5, 0, 1);
    struct pr_example_order once = order("random", &p);
    assert_int_equal(once.n, N); /* no budget: the pool, once */
    p.in.budget = once.tokens * 2 + once.tokens / 2;
    for (size_t i = 0; i < sizeof same_examples / sizeof *same_examples; i++) {
        struct pr_example_order o = order(same_examples[i], &p);
        assert_true(o.n > 2 * N && o.n < 3 * N);
        for (size_t epoch = 0; epoch < 2; epoch++) {
            size_t times[N];
            struct pr_example_order part = {.v = o.v + epoch * N, .n = N};
            count(&part, times);
            for (size_t k = 0; k < N; k++)
                assert_int_equal(times[k], 1);
        }
        assert_memory_not_equal(o.v, o.v + N, N * sizeof *o.v);
        pr_example_order_done(&o);
    }
    pr_example_order_done(&once);
}

static void adaptive_follows_the_mix_within_the_same_tokens(void **state)
{
    (void)state;
    /* easy has stalled, medium falls by 0.3 a checkpoint, hard by 0.1 */
    struct pr_level_progress progress[3] = {
        {{0.2, 0.2, 0.2}, 3}, {{1.6, 1.3, 1.0}, 3}, {{2.0, 1.9, 1.8}, 3}};
    double mix[3];
    pr_strategy_mix(progress, 3, mix);
    assert_true(fabs(mix[0] - 0.1) < 1e-12);
    assert_true(fabs(mix[1] - (0.1 + 0.7 * 0.75)) < 1e-9);
    assert_true(fabs(mix[2] - (0.1 + 0.7 * 0.25)) < 1e-9);
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct pool p;
        pool_init(&p, seed, 500, 8);
        p.in.progress = progress;
        struct pr_example_order r = order("random", &p), o = order("adaptive", &p);
        size_t n[3] = {0}, times[N];
        for (size_t i = 0; i < o.n; i++)
            n[p.level[o.v[i]]]++;
        for (size_t l = 0; l < 3; l++)
            assert_true(fabs((double)n[l] - mix[l] * (double)o.n) <= 1.5);
        count(&o, times);
        for (size_t i = 0; i < N; i++)
            assert_true(times[i] <= 1 || p.level[i] == 2); /* fifty hard ones: used up at most */
        assert_int_equal(o.n % 8, 0);
        assert_true(fabs((double)o.tokens - (double)r.tokens) <= 8 * 10 / 2);
        pr_example_order_done(&r), pr_example_order_done(&o);
    }
}

static void a_level_that_is_used_up_begins_again(void **state)
{
    (void)state;
    struct pr_level_progress progress[3] = {{{1, 1, 1}, 3}, {{1, 1, 1}, 3}, {{3.0, 2.0, 1.0}, 3}};
    struct pool p;
    pool_init(&p, 1, 1500, 8);
    p.in.progress = progress;
    struct pr_example_order o = order("adaptive", &p);
    size_t times[N], least = N, most = 0;
    count(&o, times);
    for (size_t i = 0; i < N; i++)
        if (p.level[i] == 2) {
            least = times[i] < least ? times[i] : least;
            most = times[i] > most ? times[i] : most;
        }
    assert_true(least >= 1 && most >= 2 && most - least <= 1);
    pr_example_order_done(&o);
}

static void shares_are_equal_where_nothing_is_known(void **state)
{
    (void)state;
    double mix[4];
    struct pr_level_progress none[4] = {{{NAN, 1.0}, 2}, {{2.0}, 1}, {{0}, 0}, {{NAN}, 1}};
    pr_strategy_mix(none, 4, mix);
    for (size_t l = 0; l < 4; l++)
        assert_true(fabs(mix[l] - 0.25) < 1e-12);
    pr_strategy_mix(NULL, 2, mix);
    assert_true(fabs(mix[0] - 0.5) < 1e-12);
    /* no loss has changed: nothing to follow */
    struct pr_level_progress still[2] = {{{1.0, 1.0}, 2}, {{3.0, 3.0}, 2}};
    pr_strategy_mix(still, 2, mix);
    assert_true(fabs(mix[0] - 0.5) < 1e-12);
    /* one unknown: as the mean of the others */
    struct pr_level_progress some[3] = {{{2.0, 1.0}, 2}, {{NAN, 5.0}, 2}, {{2.0, 1.0}, 2}};
    pr_strategy_mix(some, 3, mix);
    for (size_t l = 0; l < 3; l++)
        assert_true(fabs(mix[l] - 1.0 / 3) < 1e-12);
}

static void the_mix_comes_back_to_what_is_being_forgotten(void **state)
{
    (void)state;
    double mix[3];
    struct pr_level_progress p[3] = {{{1.0, 1.4}, 2}, {{2.0, 1.8}, 2}, {{3.0, 3.0}, 2}};
    pr_strategy_mix(p, 3, mix); /* the first rises twice as fast as the second falls */
    assert_true(fabs(mix[0] - (0.1 + 0.7 * 2 / 3)) < 1e-9);
    assert_true(fabs(mix[1] - (0.1 + 0.7 / 3)) < 1e-9);
    assert_true(fabs(mix[2] - 0.1) < 1e-9);
}

static void what_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct pool p;
    struct pr_example_order o = {0};
    struct pr_error e = {0};
    pool_init(&p, 1, 10, 4);
    assert_int_equal(pr_strategy_order("hardest", &p.in, &o, &e), PR_E_USAGE);
    p.level[7] = 3;
    assert_int_equal(pr_strategy_order("random", &p.in, &o, &e), PR_E_FORMAT);
    assert_non_null(strstr(e.message, "example 7"));
    p.in.n = 0;
    assert_int_equal(pr_strategy_order("random", &p.in, &o, &e), PR_E_FORMAT);
    pool_init(&p, 1, UINT64_MAX, 4);
    assert_int_equal(pr_strategy_order("random", &p.in, &o, &e), PR_E_LIMIT);
    assert_null(o.v);
    /* a pool smaller than a batch, a budget smaller than an example */
    pool_init(&p, 1, 1, 64);
    p.in.n = 3;
    size_t n;
    const struct pr_strategy *s = pr_strategies(&n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(pr_strategy_order(s[i].name, &p.in, &o, &e), PR_OK);
        assert_int_equal(o.n, 3);
        pr_example_order_done(&o);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arms_of_a_seed_train_on_the_same_examples),
        cmocka_unit_test(seeds_draw_different_examples_and_the_same_seed_the_same),
        cmocka_unit_test(within_a_level_all_arms_keep_the_order_of_the_draw),
        cmocka_unit_test(levels_rise_fall_or_take_turns),
        cmocka_unit_test(a_budget_beyond_the_pool_repeats_it_whole),
        cmocka_unit_test(adaptive_follows_the_mix_within_the_same_tokens),
        cmocka_unit_test(the_mix_comes_back_to_what_is_being_forgotten),
        cmocka_unit_test(a_level_that_is_used_up_begins_again),
        cmocka_unit_test(shares_are_equal_where_nothing_is_known),
        cmocka_unit_test(what_makes_no_sense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
