/* The net against the engine, against central differences, and against itself: recomputation,
 * accumulation, threads, and what is not a number. */
#include "net_support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "model/engine.h"

/* Every architecture, and every switch of theirs: biases, windows, rotary scaling, heads of their
 * own; adapters over their base. */
static const struct {
    const char *model, *base;
} models[] = {
    {"models/qwen3-tiny", NULL},
    {"models/qwen3-tiny-untied", NULL},
    {"models/qwen2-tiny", NULL},
    {"models/llama-tiny", NULL},
    {"variants/llama-biases", NULL},
    {"variants/llama-linear-rope", NULL},
    {"variants/mistral-window", NULL},
    {"variants/qwen2-layer-windows", NULL},
    {"variants/qwen3-layer-types", NULL},
    {"variants/qwen3-untied-f32", NULL},
    {"variants/smollm-style", NULL},
    {"adapters/qwen3-all-linear", "models/qwen3-tiny"},
    {"adapters/qwen3-lora-head", "models/qwen3-tiny"},
    {"adapters/qwen3-saved-embed", "models/qwen3-tiny"},
    {"adapters/qwen2-patterns", "models/qwen2-tiny"},
    {"adapters/qwen2-saved-head", "models/qwen2-tiny"},
    {"adapters/llama-saved-head", "models/llama-tiny"},
};
#define N_MODELS (sizeof models / sizeof *models)

static const uint32_t lengths[] = {70, 3, 41, 1, 130};
#define N_LENGTHS 5

static struct made some_batch(const struct opened *o, uint64_t seed)
{
    return batch_of_lengths(seed, pr_net_config(o->net)->vocab, lengths, N_LENGTHS, 0.6);
}

/* ---- against the engine ---- */

/* −Σ log p of ids[1 …) of every sequence. */
static double score(const struct opened *o, const struct pr_batch *b)
{
    struct pr_engine_options options = {.math = PR_MATH_F32, .n_threads = 2};
    struct pr_engine *g;
    struct pr_error e;
    struct pr_request r[N_LENGTHS] = {{0}};
    struct pr_run run = {0};
    double sum = 0;
    if (pr_engine_new(o->checkpoint, &options, &g, &e))
        fail_msg("%s", e.message);
    for (uint32_t s = 0; s < b->n_sequences; s++) {
        size_t n = b->starts[s + 1] - b->starts[s];
        r[s].ids = b->ids + b->starts[s];
        r[s].n = n;
        r[s].score_from = 1;
        r[s].logprobs = pr_zalloc(n * sizeof(float));
    }
    if (pr_engine_run(g, r, b->n_sequences, &run, &e))
        fail_msg("%s", e.message);
    for (uint32_t s = 0; s < b->n_sequences; s++) {
        for (size_t i = 0; i + 1 < r[s].n; i++)
            sum -= (double)r[s].logprobs[i];
        pr_free(r[s].logprobs);
    }
    pr_engine_free(g);
    return sum;
}

static void test_loss_is_the_engines(void **state)
{
    (void)state;
    double worst = 0;
    for (size_t i = 0; i < N_MODELS; i++) {
        struct pr_net_options options = {0};
        struct opened o = open_net(models[i].model, models[i].base, &options, 2);
        struct made m = some_batch(&o, i);
        for (uint32_t s = 0; s < m.b.n_sequences; s++)
            for (uint32_t r = m.starts[s]; r < m.starts[s + 1]; r++)
                m.targets[r] = r + 1 < m.starts[s + 1] ? m.ids[r + 1] : -100;
        struct pr_pass p = pass(&o, &m.b, 0);
        double want = score(&o, &m.b), difference = fabs(p.nll - want) / (double)p.counted;
        worst = difference > worst ? difference : worst;
        if (!(difference < 5e-6))
            fail_msg("%s: %.9g, engine %.9g", models[i].model, p.nll, want);
        made_done(&m);
        close_net(&o);
    }
    print_message("largest difference to the engine: %.2g a token\n", worst);
}

/* ---- central differences ---- */

/* (L(p + h·d) − L(p − h·d)) / 2h, d of length 1; p is left as it was. */
static double slope(struct opened *o, const struct pr_batch *b, float *p, const float *d, size_t n,
    double length, double h)
{
    float *kept = pr_alloc(n * sizeof *kept);
    double loss[2];
    memcpy(kept, p, n * sizeof *kept);
    for (int side = 0; side < 2; side++) {
        double step = (side ? h : -h) / length;
        for (size_t i = 0; i < n; i++)
            p[i] = (float)((double)kept[i] + step * (double)d[i]);
        pr_net_changed(o->net);
        loss[side] = pass(o, b, 0).nll;
    }
    memcpy(p, kept, n * sizeof *kept);
    pr_net_changed(o->net);
    pr_free(kept);
    return (loss[1] - loss[0]) / (2 * h);
}

static double length_of(const float *v, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += (double)v[i] * (double)v[i];
    return sqrt(s);
}

/* Does the loss stay where it is in some direction? */
static bool flat(struct opened *o, const struct pr_batch *b, const struct pr_param *p)
{
    struct pr_rng rng;
    float *d = pr_alloc(p->n * sizeof *d);
    pr_rng_seed(&rng, p->n);
    for (size_t i = 0; i < p->n; i++)
        d[i] = (float)pr_rng_normal(&rng);
    double found = slope(o, b, p->value, d, p->n, length_of(d, p->n), 0.1);
    pr_free(d);
    return fabs(found) < 0.01;
}

/* Along its own gradient, the loss must rise by that gradient's length. */
static double check_param(
    struct opened *o, const struct pr_batch *b, const struct pr_param *p, const float *gradient)
{
    double length = length_of(gradient, p->n), best = INFINITY;
    if (length < 1e-3) /* below what f32 losses can show */
        return flat(o, b, p) ? 0 : INFINITY;
    /* The loss moves by about this: enough beside its rounding, little beside its curvature. */
    for (double move = 0.02; move < 10 && best > 1e-3; move *= 4) {
        double found = slope(o, b, p->value, gradient, p->n, length, move / length);
        double error = fabs(found / length - 1);
        best = error < best ? error : best;
    }
    return best;
}

static void test_every_gradient_is_the_slope_of_the_loss(void **state)
{
    (void)state;
    double worst = 0;
    for (size_t i = 0; i < N_MODELS; i++) {
        struct pr_net_options options = {0};
        struct opened o = open_net(models[i].model, models[i].base, &options, 2);
        struct made m = some_batch(&o, i + 100);
        size_t n, n_params;
        float *g = gradients_of(&o, &m.b, 1, &n, NULL), *at = g;
        const struct pr_param *p = pr_net_params(o.net, &n_params);
        for (size_t k = 0; k < n_params; at += p[k++].n) {
            double error = check_param(&o, &m.b, &p[k], at);
            worst = error > worst ? error : worst;
            if (!(error < 5e-3))
                fail_msg("%s: %s: off by %g", models[i].model, p[k].name, error);
        }
        pr_free(g);
        made_done(&m);
        close_net(&o);
    }
    print_message("largest relative difference to a central difference: %.2g\n", worst);
}

static void test_slopes_in_random_directions(void **state)
{
    (void)state;
    struct pr_net_options options = {0};
    struct opened o = open_net("models/qwen3-tiny", NULL, &options, 2);
    struct made m = some_batch(&o, 7);
    struct pr_rng rng;
    size_t n;
    float *g = gradients_of(&o, &m.b, 1, &n, NULL), *d = pr_alloc(n * sizeof *d);
    double length = length_of(g, n);
    pr_rng_seed(&rng, 11);
    for (int k = 0; k < 8; k++) {
        double want = 0;
        for (size_t i = 0; i < n; i++)
            d[i] = (float)pr_rng_normal(&rng);
        double size = length_of(d, n);
        for (size_t i = 0; i < n; i++)
            want += (double)g[i] * (double)d[i] / size;
        double got = slope(&o, &m.b, pr_net_values(o.net, &n), d, n, size, 0.05);
        assert_true(fabs(got - want) < 2e-4 * length);
    }
    pr_free(d);
    pr_free(g);
    made_done(&m);
    close_net(&o);
}

/* ---- against itself ---- */

/* Asserts that a net of these options has the gradients `want`, bit by bit. */
static void same_bits(const char *model, const char *base, const struct pr_net_options *options,
    int threads, uint64_t seed, const float *want, double want_nll, const char *what)
{
    struct opened o = open_net(model, base, options, threads);
    struct made m = some_batch(&o, seed);
    size_t n;
    double nll;
    float *g = gradients_of(&o, &m.b, 0.25, &n, &nll);
    if (memcmp(g, want, n * sizeof *g) || memcmp(&nll, &want_nll, sizeof nll))
        fail_msg("%s: %s: other bits", model, what);
    pr_free(g);
    made_done(&m);
    close_net(&o);
}

static void test_bits_do_not_depend_on_threads_or_recomputation(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * N_MODELS; i++) {
        const char *model = models[i / 2].model, *base = models[i / 2].base;
        struct pr_net_options options = {.recompute = PR_RECOMPUTE_OFF, .bf16 = i % 2};
        struct opened o = open_net(model, base, &options, 1);
        struct made m = some_batch(&o, i);
        size_t n;
        double nll;
        float *g = gradients_of(&o, &m.b, 0.25, &n, &nll);
        same_bits(model, base, &options, 2, i, g, nll, "two threads");
        options.recompute = PR_RECOMPUTE_ON;
        same_bits(model, base, &options, 2, i, g, nll, "recomputation");
        options.recompute = PR_RECOMPUTE_AUTO;
        options.memory_bytes = 1;
        same_bits(model, base, &options, 3, i, g, nll, "recomputation for memory, three threads");
        pr_free(g);
        made_done(&m);
        close_net(&o);
    }
}

static void test_recomputation_takes_less_memory(void **state)
{
    (void)state;
    uint64_t bytes[2];
    for (int on = 0; on < 2; on++) {
        struct pr_net_options options = {.recompute = on ? PR_RECOMPUTE_ON : PR_RECOMPUTE_OFF};
        struct opened o = open_net("models/qwen3-tiny", NULL, &options, 1);
        struct made m = some_batch(&o, 1);
        uint64_t before = pr_net_bytes(o.net);
        pass(&o, &m.b, 1);
        bytes[on] = pr_net_bytes(o.net) - before;
        made_done(&m);
        close_net(&o);
    }
    assert_true(bytes[1] < bytes[0]);
}

static void test_halves_add_up_to_the_whole(void **state)
{
    (void)state;
    struct pr_net_options options = {0};
    struct opened o = open_net("models/qwen2-tiny", NULL, &options, 2);
    struct made m = some_batch(&o, 3), first = batch_part(&m.b, 0, 2),
                rest = batch_part(&m.b, 2, N_LENGTHS - 2);
    size_t n;
    double nll;
    float *whole = gradients_of(&o, &m.b, 0.5, &n, &nll);
    pr_net_zero_gradients(o.net);
    struct pr_pass a = pass(&o, &first.b, 0.5), b = pass(&o, &rest.b, 0.5);
    assert_true(fabs(a.nll + b.nll - nll) < 1e-6 * nll);
    assert_true(distance(pr_net_gradients(o.net, &n), whole, n) < 2e-6);
    pr_free(whole);
    made_done(&m);
    made_done(&first);
    made_done(&rest);
    close_net(&o);
}

static void test_gradients_are_proportional_to_scale(void **state)
{
    (void)state;
    struct pr_net_options options = {0};
    struct opened o = open_net("models/llama-tiny", NULL, &options, 2);
    struct made m = some_batch(&o, 3);
    size_t n;
    float *one = gradients_of(&o, &m.b, 1, &n, NULL), *four = gradients_of(&o, &m.b, 4, &n, NULL);
    for (size_t i = 0; i < n; i++)
        one[i] *= 4;
    assert_true(distance(four, one, n) < 1e-6);
    pr_free(one);
    pr_free(four);
    made_done(&m);
    close_net(&o);
}

static void test_bf16_is_near_f32(void **state)
{
    (void)state;
    struct pr_net_options options = {0};
    struct opened o = open_net("models/qwen3-tiny", NULL, &options, 2);
    struct made m = some_batch(&o, 3);
    size_t n;
    double nll, rounded_nll;
    float *exact = gradients_of(&o, &m.b, 1, &n, &nll);
    close_net(&o);
    options.bf16 = true;
    o = open_net("models/qwen3-tiny", NULL, &options, 2);
    float *rounded = gradients_of(&o, &m.b, 1, &n, &rounded_nll);
    double d = distance(rounded, exact, n);
    print_message("bf16: gradients %.2g, loss %.2g from f32's\n", d, fabs(rounded_nll / nll - 1));
    assert_true(d > 1e-6 && d < 0.03 && fabs(rounded_nll / nll - 1) < 2e-3);
    pr_free(exact);
    pr_free(rounded);
    made_done(&m);
    close_net(&o);
}

/* ---- what is not a number, what is not a batch ---- */

static void test_a_weight_that_is_no_number_is_a_loss_that_is_none(void **state)
{
    (void)state;
    struct pr_net_options options = {0};
    struct opened o = open_net("models/qwen3-tiny", NULL, &options, 2);
    struct made m = some_batch(&o, 3);
    size_t n_params;
    const struct pr_param *p = pr_net_params(o.net, &n_params);
    const float bad[] = {NAN, INFINITY};
    for (size_t k = 0; k < n_params; k++)
        for (int i = 0; i < 2; i++) {
            /* one that the batch reads */
            size_t at = p[k].rows > 512 ? (size_t)m.ids[0] * p[k].cols : p[k].n / 2;
            float kept = p[k].value[at];
            p[k].value[at] = bad[i];
            pr_net_changed(o.net);
            struct pr_pass q = pass(&o, &m.b, 0);
            if (!isnan(q.nll))
                fail_msg("%s: %g gives a loss of %g", p[k].name, (double)bad[i], q.nll);
            p[k].value[at] = kept;
        }
    pr_net_changed(o.net);
    assert_true(isfinite(pass(&o, &m.b, 0).nll));
    made_done(&m);
    close_net(&o);
}

static void test_a_batch_that_is_none_is_refused(void **state)
{
    (void)state;
    struct pr_net_options options = {0};
    struct opened o = open_net("models/qwen3-tiny", NULL, &options, 1);
    struct pr_pass p;
    struct pr_error e;
    struct made m = some_batch(&o, 3);
    int32_t vocab = (int32_t)pr_net_config(o.net)->vocab, kept = m.ids[5];
    m.ids[5] = vocab;
    assert_int_equal(pr_net_pass(o.net, &m.b, 1, &p, &e), PR_E_FORMAT);
    m.ids[5] = -1;
    assert_int_equal(pr_net_pass(o.net, &m.b, 1, &p, &e), PR_E_FORMAT);
    m.ids[5] = kept;
    m.targets[5] = vocab;
    assert_int_equal(pr_net_pass(o.net, &m.b, 1, &p, &e), PR_E_FORMAT);
    m.targets[5] = -1;
    assert_int_equal(pr_net_pass(o.net, &m.b, 1, &p, &e), PR_E_FORMAT);
    m.targets[5] = -100;
    m.starts[1] = 0;
    assert_int_equal(pr_net_pass(o.net, &m.b, 1, &p, &e), PR_E_USAGE);
    m.starts[1] = lengths[0];
    m.b.n_rows--;
    assert_int_equal(pr_net_pass(o.net, &m.b, 1, &p, &e), PR_E_USAGE);
    m.b.n_rows++;
    for (uint32_t i = 0; i < m.b.n_rows; i++)
        m.targets[i] = -100;
    p = pass(&o, &m.b, 1);
    assert_true(p.nll == 0 && p.counted == 0);
    size_t n;
    const float *g = pr_net_gradients(o.net, &n);
    for (size_t i = 0; i < n; i++)
        assert_true(g[i] == 0);
    made_done(&m);
    close_net(&o);
}

/* Batches of all sizes, one after the other: what a smaller one leaves must not be seen. */
static void test_passes_do_not_see_one_another(void **state)
{
    (void)state;
    struct pr_net_options options = {0};
    struct opened o = open_net("models/qwen3-tiny", NULL, &options, 2);
    struct made m = some_batch(&o, 3), small = batch_part(&m.b, 2, 1);
    size_t n;
    float *alone = gradients_of(&o, &small.b, 1, &n, NULL);
    pass(&o, &m.b, 1);
    pass(&o, &m.b, 0);
    float *after = gradients_of(&o, &small.b, 1, &n, NULL);
    assert_memory_equal(alone, after, n * sizeof *alone);
    pr_free(alone);
    pr_free(after);
    made_done(&m);
    made_done(&small);
    close_net(&o);
}

/* A vocabulary so large that the head takes the rows in several chunks. */
static struct opened wide(void)
{
    struct pr_net_options whole = {0}, options = {.seed = 2};
    struct opened shape = open_net("models/qwen3-tiny", NULL, &whole, 2), o = {0};
    struct pr_model_config *config = pr_alloc(sizeof *config);
    struct pr_error e;
    *config = *pr_net_config(shape.net);
    config->vocab = 151936;
    config->hidden = 16;
    if (pr_pool_new(2, &o.pool, &e) || pr_net_new(config, 0.1, &options, o.pool, &o.net, &e))
        fail_msg("%s", e.message);
    pr_free(config);
    close_net(&shape);
    return o;
}

static void test_a_large_vocabulary_is_taken_in_chunks(void **state)
{
    (void)state;
    struct opened o = wide();
    const uint32_t long_ones[] = {150, 150, 150, 150};
    struct made m = batch_of_lengths(4, 151936, long_ones, 4, 0.97), half = batch_part(&m.b, 0, 2);
    size_t n;
    double nll;
    float *alone = gradients_of(&o, &half.b, 1, &n, NULL),
          *whole = gradients_of(&o, &m.b, 1, &n, &nll);
    /* What came before does not change how a pass is cut. */
    float *after = gradients_of(&o, &half.b, 1, &n, NULL);
    assert_memory_equal(alone, after, n * sizeof *alone);
    pr_net_zero_gradients(o.net);
    for (uint32_t s = 0; s < 4; s++) { /* each in one chunk */
        struct made one = batch_part(&m.b, s, 1);
        nll -= pass(&o, &one.b, 1).nll;
        made_done(&one);
    }
    assert_true(fabs(nll) < 1e-3);
    assert_true(distance(pr_net_gradients(o.net, &n), whole, n) < 2e-6);
    assert_true(pr_net_bytes(o.net) < 2 * n * sizeof(float) + ((uint64_t)150 << 20));
    pr_free(alone);
    pr_free(whole);
    pr_free(after);
    made_done(&m);
    made_done(&half);
    close_net(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loss_is_the_engines),
        cmocka_unit_test(test_every_gradient_is_the_slope_of_the_loss),
        cmocka_unit_test(test_slopes_in_random_directions),
        cmocka_unit_test(test_bits_do_not_depend_on_threads_or_recomputation),
        cmocka_unit_test(test_recomputation_takes_less_memory),
        cmocka_unit_test(test_halves_add_up_to_the_whole),
        cmocka_unit_test(test_gradients_are_proportional_to_scale),
        cmocka_unit_test(test_bf16_is_near_f32),
        cmocka_unit_test(test_a_weight_that_is_no_number_is_a_loss_that_is_none),
        cmocka_unit_test(test_a_batch_that_is_none_is_refused),
        cmocka_unit_test(test_passes_do_not_see_one_another),
        cmocka_unit_test(test_a_large_vocabulary_is_taken_in_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
