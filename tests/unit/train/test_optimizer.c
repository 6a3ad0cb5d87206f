/* AdamW, clipping and schedules against their formulas in double. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "train/optimizer.h"

/* ---- a net of two parameters, in place of the real one ---- */

#define MATRIX 70000 /* more than two pieces */
#define VECTOR 33

struct pr_net {
    float value[MATRIX + VECTOR], grad[MATRIX + VECTOR];
    struct pr_param params[2];
    int changed;
};

const struct pr_param *pr_net_params(const struct pr_net *n, size_t *ret_n)
{
    *ret_n = 2;
    return n->params;
}

float *pr_net_values(struct pr_net *n, size_t *ret_n)
{
    *ret_n = MATRIX + VECTOR;
    return n->value;
}

void pr_net_changed(struct pr_net *n)
{
    n->changed++;
}

static struct pr_net *net_new(uint64_t seed)
{
    struct pr_net *n = pr_zalloc(sizeof *n);
    struct pr_rng rng;
    pr_rng_seed(&rng, seed);
    for (size_t i = 0; i < MATRIX + VECTOR; i++) {
        n->value[i] = (float)pr_rng_normal(&rng);
        n->grad[i] = (float)(pr_rng_normal(&rng) * 1e-3);
    }
    n->params[0] = (struct pr_param){"a.weight", n->value, n->grad, MATRIX, 700, 100, 2};
    n->params[1] =
        (struct pr_param){"b.weight", n->value + MATRIX, n->grad + MATRIX, VECTOR, VECTOR, 1, 1};
    return n;
}

struct fixture {
    struct pr_net *net;
    struct pr_pool *pool;
    struct pr_optimizer o;
};

static struct fixture begin(struct pr_optimizer_options options, int n_threads)
{
    struct fixture f = {.net = net_new(7)};
    struct pr_error e;
    assert_int_equal(pr_pool_new(n_threads, &f.pool, &e), PR_OK);
    assert_int_equal(pr_optimizer_init(&f.o, f.net, f.pool, &options, &e), PR_OK);
    return f;
}

static void end(struct fixture *f)
{
    pr_optimizer_done(&f->o);
    pr_pool_free(f->pool);
    pr_free(f->net);
}

static const struct pr_optimizer_options usual = {
    .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = 0.1, .grad_clip = 0.05};

/* The formulas of Loshchilov and Hutter, in double. */
static void check_against_double(struct pr_optimizer_options options)
{
    struct fixture f = begin(options, 2);
    size_t n = MATRIX + VECTOR;
    double *p = pr_alloc(n * sizeof *p), *m = pr_zalloc(n * sizeof *m),
           *v = pr_zalloc(n * sizeof *v);
    for (size_t i = 0; i < n; i++)
        p[i] = f.net->value[i];
    for (int t = 1; t <= 5; t++) {
        double squares = 0, norm = 0, lr = 1e-2 * t, worst = 0;
        struct pr_error e;
        for (size_t i = 0; i < n; i++) {
            f.net->grad[i] *= 1.5f - 0.2f * (float)t;
            squares += (double)f.net->grad[i] * f.net->grad[i];
        }
        assert_int_equal(pr_optimizer_step(&f.o, lr, &norm, &e), PR_OK);
        assert_true(fabs(norm / sqrt(squares) - 1) < 1e-9);
        double scale =
            options.grad_clip > 0 ? fmin(1, options.grad_clip / (sqrt(squares) + 1e-6)) : 1;
        for (size_t i = 0; i < n; i++) {
            double g = f.net->grad[i] * scale;
            bool decays = options.decay_all || i < MATRIX;
            p[i] *= 1 - lr * (decays ? options.weight_decay : 0);
            m[i] = options.beta1 * m[i] + (1 - options.beta1) * g;
            v[i] = options.beta2 * v[i] + (1 - options.beta2) * g * g;
            p[i] -= lr * (m[i] / (1 - pow(options.beta1, t))) /
                    (sqrt(v[i] / (1 - pow(options.beta2, t))) + options.eps);
            worst = fmax(worst, fabs(p[i] - f.net->value[i]) / fmax(1, fabs(p[i])));
        }
        assert_true(worst < 1e-6 * t);
    }
    assert_int_equal(f.o.step, 5);
    assert_int_equal(f.net->changed, 5);
    pr_free(p);
    pr_free(m);
    pr_free(v);
    end(&f);
}

static void a_step_is_that_of_the_paper(void **state)
{
    (void)state;
    struct pr_optimizer_options o = usual;
    check_against_double(o);
    o.grad_clip = 0;
    check_against_double(o);
    o.decay_all = true;
    o.beta1 = 0.8;
    check_against_double(o);
}

static void the_result_does_not_depend_on_the_number_of_threads(void **state)
{
    (void)state;
    struct fixture a = begin(usual, 1), b = begin(usual, 3);
    struct pr_error e;
    for (int t = 0; t < 3; t++) {
        double x, y;
        assert_int_equal(pr_optimizer_step(&a.o, 1e-3, &x, &e), PR_OK);
        assert_int_equal(pr_optimizer_step(&b.o, 1e-3, &y, &e), PR_OK);
        assert_memory_equal(&x, &y, sizeof x);
    }
    assert_memory_equal(a.net->value, b.net->value, sizeof a.net->value);
    assert_memory_equal(a.o.v, b.o.v, sizeof a.net->value);
    end(&a);
    end(&b);
}

static void a_gradient_that_cannot_be_squared_changes_nothing(void **state)
{
    (void)state;
    struct pr_optimizer_options o = usual;
    struct pr_net *before = net_new(7);
    struct pr_error e;
    double norm;
    o.grad_clip = 0;
    struct fixture f = begin(o, 2);
    f.net->grad[MATRIX + 3] = 3e19f;
    assert_int_equal(pr_optimizer_step(&f.o, 1e-3, &norm, &e), PR_E_NUMBER);
    assert_non_null(strstr(e.message, "norm is 3e+19: its squares"));
    assert_memory_equal(f.net->value, before->value, sizeof before->value);
    assert_int_equal(f.o.step, 0);
    f.net->grad[MATRIX + 3] = 9e18f; /* just below, over and over: the moments stay finite */
    for (int t = 0; t < 50; t++)
        assert_int_equal(pr_optimizer_step(&f.o, 1e-3, &norm, &e), PR_OK);
    assert_true(isfinite(f.o.m[MATRIX + 3]) && isfinite(f.o.v[MATRIX + 3]));
    end(&f);
    f = begin(usual, 2); /* clipped to a norm that can be */
    f.net->grad[MATRIX + 3] = 3e30f;
    assert_int_equal(pr_optimizer_step(&f.o, 1e-3, &norm, &e), PR_OK);
    assert_true(isfinite(f.o.v[MATRIX + 3]));
    end(&f);
    pr_free(before);
}

static void a_gradient_that_is_not_finite_changes_nothing(void **state)
{
    static const float bad[] = {NAN, INFINITY, -INFINITY};
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct fixture f = begin(usual, 2);
        struct pr_net *before = net_new(7);
        struct pr_error e;
        double norm;
        f.net->grad[MATRIX + 3] = bad[i];
        assert_int_equal(pr_optimizer_step(&f.o, 1e-3, &norm, &e), PR_E_NUMBER);
        assert_memory_equal(f.net->value, before->value, sizeof before->value);
        assert_int_equal(f.o.step, 0);
        assert_int_equal(f.net->changed, 0);
        assert_true(f.o.m[MATRIX + 3] == 0);
        pr_free(before);
        end(&f);
    }
}

static void parameters_that_are_no_numbers_are_seen(void **state)
{
    (void)state;
    struct fixture f = begin(usual, 2);
    assert_true(pr_optimizer_finite(&f.o));
    f.net->value[40000] = INFINITY;
    assert_false(pr_optimizer_finite(&f.o));
    f.net->value[40000] = NAN;
    assert_false(pr_optimizer_finite(&f.o));
    end(&f);
}

/* ---- schedules; the values by hand from transformers' get_*_schedule_with_warmup ---- */

static void near(double x, double want)
{
    if (!(fabs(x - want) <= 1e-15))
        fail_msg("%.17g, expected %.17g", x, want);
}

static void check_schedule(
    enum pr_schedule_kind kind, int64_t warmup, int64_t steps, const double *want)
{
    struct pr_schedule s = {.kind = kind, .lr = 0.5, .warmup = warmup, .steps = steps};
    for (int64_t i = 1; i <= steps; i++)
        near(pr_schedule_at(&s, i), 0.5 * want[i - 1]);
}

static void schedules_are_those_of_transformers(void **state)
{
    (void)state;
    const double h = sqrt(0.5);
    check_schedule(PR_SCHEDULE_CONSTANT, 0, 3, (double[]){1, 1, 1});
    check_schedule(PR_SCHEDULE_CONSTANT, 2, 4, (double[]){0, 0.5, 1, 1});
    check_schedule(PR_SCHEDULE_LINEAR, 0, 4, (double[]){1, 0.75, 0.5, 0.25});
    check_schedule(PR_SCHEDULE_LINEAR, 2, 6, (double[]){0, 0.5, 1, 0.75, 0.5, 0.25});
    check_schedule(PR_SCHEDULE_COSINE, 0, 4, (double[]){1, 0.5 * (1 + h), 0.5, 0.5 * (1 - h)});
    check_schedule(PR_SCHEDULE_COSINE, 1, 5, (double[]){0, 1, 0.5 * (1 + h), 0.5, 0.5 * (1 - h)});
    check_schedule(PR_SCHEDULE_LINEAR, 4, 3, (double[]){0, 0.25, 0.5}); /* warm-up alone */
}

static void a_schedule_past_its_end_is_zero(void **state)
{
    (void)state;
    for (int kind = PR_SCHEDULE_LINEAR; kind <= PR_SCHEDULE_COSINE; kind++) {
        struct pr_schedule s = {.kind = (enum pr_schedule_kind)kind, .lr = 1, .steps = 4};
        near(pr_schedule_at(&s, 5), 0);
    }
}

static void a_table_gives_each_step_its_rate(void **state)
{
    (void)state;
    struct pr_schedule s = {
        .lr = 9, .warmup = 3, .steps = 2, .table = (double[]){0.25, 0.125}, .n_table = 2};
    near(pr_schedule_at(&s, 1), 0.25);
    near(pr_schedule_at(&s, 2), 0.125);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_step_is_that_of_the_paper),
        cmocka_unit_test(the_result_does_not_depend_on_the_number_of_threads),
        cmocka_unit_test(a_gradient_that_is_not_finite_changes_nothing),
        cmocka_unit_test(a_gradient_that_cannot_be_squared_changes_nothing),
        cmocka_unit_test(parameters_that_are_no_numbers_are_seen),
        cmocka_unit_test(schedules_are_those_of_transformers),
        cmocka_unit_test(a_schedule_past_its_end_is_zero),
        cmocka_unit_test(a_table_gives_each_step_its_rate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
