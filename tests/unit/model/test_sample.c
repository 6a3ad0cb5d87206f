/* Sampling: what stays of a distribution is what the definitions say, and draws follow it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "model/sample.h"

#define MAX_N 3000

/* The definitions, in the plainest way: everything sorted, limit after limit. */
struct token {
    int32_t id;
    double p;
};

static int likelier(const void *a, const void *b)
{
    const struct token *x = a, *y = b;
    if (x->p != y->p)
        return x->p > y->p ? -1 : 1;
    return x->id - y->id;
}

static void normalise(struct token *v, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += v[i].p;
    for (size_t i = 0; i < n; i++)
        v[i].p /= sum;
}

static size_t by_definition(
    const struct pr_sampling *s, const float *logits, size_t n, struct token *v)
{
    double max = -INFINITY, sum = 0;
    for (size_t i = 0; i < n; i++)
        max = fmax(max, logits[i]);
    for (size_t i = 0; i < n; i++)
        v[i] = (struct token){(int32_t)i, exp((logits[i] - max) / s->temperature)};
    qsort(v, n, sizeof *v, likelier);
    while (n && !(v[n - 1].p > 0))
        n--;
    if (s->top_k && n > s->top_k)
        n = s->top_k;
    normalise(v, n);
    size_t kept = 0;
    while (s->top_p > 0 && s->top_p < 1 && kept < n && (!kept || sum < s->top_p))
        sum += v[kept++].p;
    n = kept ? kept : n;
    while (n > 1 && v[n - 1].p < s->min_p * v[0].p)
        n--;
    normalise(v, n);
    return n;
}

static void fill(struct pr_rng *r, float *logits, size_t n)
{
    double spread = pr_rng_double(r) * 8;
    for (size_t i = 0; i < n; i++) {
        logits[i] = (float)(spread * (pr_rng_double(r) + pr_rng_double(r) - 1));
        if (pr_rng_below(r, 10) == 0)
            logits[i] = -INFINITY;
        else if (pr_rng_below(r, 10) == 0)
            logits[i] = roundf(logits[i]); /* ties */
    }
    logits[pr_rng_below(r, n)] = (float)spread;
}

static struct pr_sampling some_limits(struct pr_rng *r)
{
    static const uint32_t ks[] = {0, 0, 1, 2, 40, 5000};
    static const double ps[] = {0, 1, 0.1, 0.5, 0.9, 0.999}, least[] = {0, 0, 0.05, 0.3, 1, 1e-6};
    return (struct pr_sampling){.temperature = 0.2 + 2 * pr_rng_double(r),
        .top_k = ks[pr_rng_below(r, 6)],
        .top_p = ps[pr_rng_below(r, 6)],
        .min_p = least[pr_rng_below(r, 6)]};
}

static void what_stays_is_what_the_definitions_say(void **state)
{
    (void)state;
    static float logits[MAX_N];
    static struct token want[MAX_N];
    struct pr_rng r;
    pr_rng_seed(&r, 1);
    for (int round = 0; round < 2000; round++) {
        size_t n = 1 + pr_rng_below(&r, round % 10 ? 60 : MAX_N), n_got;
        int32_t *ids;
        double *p, near_cut = 0;
        struct pr_sampling s = some_limits(&r);
        fill(&r, logits, n);
        size_t n_want = by_definition(&s, logits, n, want);
        pr_sample_set(&s, logits, n, &ids, &p, &n_got);
        for (size_t i = 0; i < n_got && i < n_want; i++) {
            assert_int_equal(ids[i], want[i].id);
            near_cut = fmax(near_cut, fabs(p[i] - want[i].p));
        }
        /* Where the sum of probabilities meets top_p to the last bit either may be right. */
        if (n_got != n_want)
            assert_true(s.top_p > 0 && s.top_p < 1 && labs((long)n_got - (long)n_want) == 1);
        else
            assert_true(near_cut < 1e-9);
        pr_free(ids);
        pr_free(p);
    }
}

static void draws_follow_the_probabilities(void **state)
{
    (void)state;
    enum { N = 12, DRAWS = 20000 };
    static const struct pr_sampling all[] = {{.temperature = 1, .seed = 3},
        {.temperature = 0.7, .top_k = 5, .seed = 4}, {.temperature = 1.5, .top_p = 0.8, .seed = 5},
        {.temperature = 1, .min_p = 0.1, .seed = 6}};
    float logits[N];
    struct pr_rng r;
    pr_rng_seed(&r, 2);
    for (size_t i = 0; i < N; i++)
        logits[i] = (float)(3 * pr_rng_double(&r));
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
        int32_t *ids;
        double *p, chi = 0;
        size_t n, counts[N] = {0}, counted = 0;
        pr_sample_set(&all[k], logits, N, &ids, &p, &n);
        for (uint64_t place = 0; place < DRAWS; place++)
            counts[pr_sample(&all[k], place, logits, N)]++;
        for (size_t i = 0; i < n; i++) {
            double want = p[i] * DRAWS, d = (double)counts[ids[i]] - want;
            chi += d * d / want;
            counted += counts[ids[i]];
        }
        assert_int_equal(counted, DRAWS); /* nothing else was drawn */
        assert_true(chi < 35);            /* p = 0.0002 with 11 degrees of freedom */
        pr_free(ids);
        pr_free(p);
    }
}

static void a_draw_depends_on_seed_and_place_alone(void **state)
{
    (void)state;
    static float logits[MAX_N];
    struct pr_sampling a = {.temperature = 1, .top_p = 0.95, .seed = 9}, b = a;
    struct pr_rng r;
    size_t differ[2] = {0};
    pr_rng_seed(&r, 7);
    fill(&r, logits, MAX_N);
    b.seed = 10;
    for (uint64_t place = 0; place < 50; place++) {
        int32_t id = pr_sample(&a, place, logits, MAX_N);
        assert_int_equal(id, pr_sample(&a, place, logits, MAX_N));
        differ[0] += id != pr_sample(&b, place, logits, MAX_N);
        differ[1] += id != pr_sample(&a, place + 50, logits, MAX_N);
    }
    assert_true(differ[0] > 25 && differ[1] > 25);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stays_is_what_the_definitions_say),
        cmocka_unit_test(draws_follow_the_probabilities),
        cmocka_unit_test(a_draw_depends_on_seed_and_place_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
