/* LoRA: its gradients against those of the whole weights, how it begins, what it leaves alone, and
 * going on with an adapter. */
#include "net_support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/rng.h"

#define PREFIX "base_model.model."

static const uint32_t lengths[] = {40, 17, 90};

static struct made some_batch(const struct opened *o)
{
    return batch_of_lengths(9, pr_net_config(o->net)->vocab, lengths, 3, 0.7);
}

/* Every value random, B too. */
static void shake(struct opened *o)
{
    struct pr_rng r;
    size_t n;
    float *v = pr_net_values(o->net, &n);
    pr_rng_seed(&r, 3);
    for (size_t i = 0; i < n; i++)
        v[i] = (float)(0.1 * pr_rng_normal(&r));
    pr_net_changed(o->net);
}

/* full's weights become W + scale·B·A. */
static void merge(struct opened *full, const struct pr_param *a, const struct pr_param *b,
    double scale, const char *weight)
{
    const struct pr_param *w = param(full, weight);
    assert_true(w->rows == b->rows && w->cols == a->cols);
    for (size_t i = 0; i < w->rows; i++)
        for (size_t j = 0; j < w->cols; j++) {
            double sum = 0;
            for (size_t k = 0; k < a->rows; k++)
                sum += (double)b->value[i * b->cols + k] * (double)a->value[k * a->cols + j];
            w->value[i * w->cols + j] += (float)(scale * sum);
        }
}

/* ‖dA − scale·Bᵀ·dW‖ and ‖dB − scale·dW·Aᵀ‖, relative; the larger. */
static double check_pair(
    const struct pr_param *a, const struct pr_param *b, const struct pr_param *w, double scale)
{
    size_t r = a->rows;
    float *da = pr_zalloc(a->n * sizeof *da), *db = pr_zalloc(b->n * sizeof *db);
    for (size_t k = 0; k < r; k++)
        for (size_t j = 0; j < w->cols; j++) {
            double sum = 0;
            for (size_t i = 0; i < w->rows; i++)
                sum += (double)b->value[i * r + k] * (double)w->grad[i * w->cols + j];
            da[k * a->cols + j] = (float)(scale * sum);
        }
    for (size_t i = 0; i < w->rows; i++)
        for (size_t k = 0; k < r; k++) {
            double sum = 0;
            for (size_t j = 0; j < w->cols; j++)
                sum += (double)w->grad[i * w->cols + j] * (double)a->value[k * a->cols + j];
            db[i * r + k] = (float)(scale * sum);
        }
    double x = distance(a->grad, da, a->n), y = distance(b->grad, db, b->n);
    pr_free(da);
    pr_free(db);
    return x > y ? x : y;
}

static void check_against_full(const char *model, const struct pr_net_lora *lora, double scale)
{
    struct pr_net_options options = {.lora = *lora}, whole = {0};
    struct opened o = open_net(model, NULL, &options, 2), full = open_net(model, NULL, &whole, 2);
    struct made m = some_batch(&o);
    size_t n;
    double worst = 0;
    const struct pr_param *p = pr_net_params(o.net, &n);
    char name[192];
    shake(&o);
    assert_true(n > 0 && n % 2 == 0);
    for (size_t i = 0; i < n; i += 2) {
        size_t module = strlen(p[i].name) - strlen(PREFIX) - strlen(".lora_A.weight");
        snprintf(name, sizeof name, "%.*s.weight", (int)module, p[i].name + strlen(PREFIX));
        merge(&full, &p[i], &p[i + 1], scale, name);
    }
    pr_net_changed(full.net);
    struct pr_pass x = pass(&o, &m.b, 0.1), y = pass(&full, &m.b, 0.1);
    assert_true(fabs(x.nll - y.nll) < 1e-5 * y.nll);
    for (size_t i = 0; i < n; i += 2) {
        size_t module = strlen(p[i].name) - strlen(PREFIX) - strlen(".lora_A.weight");
        snprintf(name, sizeof name, "%.*s.weight", (int)module, p[i].name + strlen(PREFIX));
        double d = check_pair(&p[i], &p[i + 1], param(&full, name), scale);
        worst = d > worst ? d : worst;
        if (!(d < 1e-4))
            fail_msg("%s: %g", p[i].name, d);
    }
    print_message("%s: largest relative difference %.2g\n", model, worst);
    made_done(&m);
    close_net(&o);
    close_net(&full);
}

static void test_gradients_are_those_of_the_whole_weights(void **state)
{
    (void)state;
    const char *const some[] = {"q_proj", "v_proj", "down_proj"}, *const mlp[] = {"gate_proj"};
    struct pr_net_lora all = {.r = 4, .alpha = 8},
                       few = {.r = 3, .alpha = 6, .rslora = true, .targets = some, .n_targets = 3};
    struct pr_net_lora one = {.r = 17, .alpha = 17, .targets = mlp, .n_targets = 1};
    check_against_full("models/qwen3-tiny", &all, 2);
    check_against_full("models/qwen3-tiny-untied", &few, 6 / sqrt(3));
    check_against_full("models/qwen2-tiny", &all, 2);
    check_against_full("models/llama-tiny", &one, 1);
    check_against_full("variants/mistral-window", &few, 6 / sqrt(3));
}

static void test_a_new_lora_begins_as_pefts(void **state)
{
    (void)state;
    struct pr_net_options options = {.lora = {.r = 8, .alpha = 16}, .seed = 4}, whole = {0};
    struct opened o = open_net("models/qwen3-tiny", NULL, &options, 2),
                  full = open_net("models/qwen3-tiny", NULL, &whole, 2);
    struct made m = some_batch(&o);
    size_t n;
    const struct pr_param *p = pr_net_params(o.net, &n);
    assert_int_equal(n, 2 * 7 * pr_net_config(o.net)->n_layers);
    for (size_t k = 0; k < n; k++) {
        bool is_a = strstr(p[k].name, ".lora_A.weight") != NULL;
        double bound = 1 / sqrt((double)p[k].cols), most = 0;
        for (size_t i = 0; i < p[k].n; i++)
            most = fmax(most, fabs((double)p[k].value[i]));
        assert_true(is_a ? most <= bound && most > 0.98 * bound : most == 0);
        if (k)
            assert_true(strcmp(p[k - 1].name, p[k].name) < 0);
    }
    assert_true(pass(&o, &m.b, 0).nll == pass(&full, &m.b, 0).nll);
    const struct pr_net_lora *l = pr_net_lora_of(o.net);
    assert_true(l->r == 8 && l->alpha == 16 && l->n_targets == 7);
    assert_int_equal(pr_net_lora_of(full.net)->r, 0);
    made_done(&m);
    close_net(&o);
    close_net(&full);
}

static void refused(const struct pr_net_lora *lora, const char *text)
{
    struct pr_net_options whole = {0}, options = {.lora = *lora};
    struct opened o = open_net("models/qwen3-tiny", NULL, &whole, 1);
    struct pr_net *n;
    struct pr_error e;
    assert_int_equal(pr_net_open(o.checkpoint, &options, o.pool, &n, &e), PR_E_USAGE);
    assert_non_null(strstr(e.message, text));
    close_net(&o);
}

static void test_what_is_no_lora_is_refused(void **state)
{
    (void)state;
    const char *const wrong[] = {"q_proj", "query"};
    refused(&(struct pr_net_lora){.r = 4, .alpha = 8, .targets = wrong, .n_targets = 2},
        "'query' is unknown: there are q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, "
        "down_proj");
    refused(&(struct pr_net_lora){.r = 4, .alpha = NAN}, "alpha");
    refused(&(struct pr_net_lora){.r = 5000, .alpha = 8}, "rank");
    struct pr_net_options o = {.lora = {.r = 4, .alpha = 8}}, whole = {0};
    struct opened shape = open_net("models/qwen3-tiny", NULL, &whole, 1);
    struct pr_net *n;
    struct pr_error e;
    assert_int_equal(
        pr_net_new(pr_net_config(shape.net), 0.02, &o, shape.pool, &n, &e), PR_E_USAGE);
    close_net(&shape);
}

/* An adapter goes on with its own values, rank and scale, whatever the options say. */
static void test_an_adapter_is_continued(void **state)
{
    (void)state;
    struct pr_net_options options = {.lora = {.r = 99, .alpha = 1}};
    struct opened o = open_net("adapters/qwen3-all-linear", "models/qwen3-tiny", &options, 1);
    size_t n;
    const struct pr_param *p = pr_net_params(o.net, &n);
    struct pr_lora own;
    for (size_t k = 0; k < n; k++) {
        char module[192];
        size_t length = strlen(p[k].name) - strlen(PREFIX) - strlen(".lora_A.weight");
        snprintf(module, sizeof module, "%.*s", (int)length, p[k].name + strlen(PREFIX));
        assert_true(pr_checkpoint_lora(o.checkpoint, module, &own));
        const struct pr_tensor *t = strstr(p[k].name, ".lora_A.") ? own.a : own.b;
        float *want = pr_alloc(p[k].n * sizeof *want);
        assert_int_equal(t->n, p[k].n);
        pr_to_f32(t->dtype, t->data, t->n, want);
        assert_memory_equal(p[k].value, want, p[k].n * sizeof *want);
        pr_free(want);
    }
    assert_true(pr_net_lora_of(o.net)->r != 99);
    close_net(&o);
}

/* What an adapter has trained whole goes on being trained, under PEFT's name. */
static void test_saved_modules_are_trained_on(void **state)
{
    (void)state;
    struct pr_net_options options = {0};
    struct opened o = open_net("adapters/llama-saved-head", "models/llama-tiny", &options, 1);
    struct made m = some_batch(&o);
    pass(&o, &m.b, 1);
    const char *const names[] = {PREFIX "lm_head.weight", PREFIX "model.norm.weight"};
    for (size_t i = 0; i < 2; i++) {
        const struct pr_param *p = param(&o, names[i]);
        double sum = 0;
        for (size_t k = 0; k < p->n; k++)
            sum += fabs((double)p->grad[k]);
        assert_true(sum > 0);
    }
    made_done(&m);
    close_net(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_are_those_of_the_whole_weights),
        cmocka_unit_test(test_a_new_lora_begins_as_pefts),
        cmocka_unit_test(test_what_is_no_lora_is_refused),
        cmocka_unit_test(test_an_adapter_is_continued),
        cmocka_unit_test(test_saved_modules_are_trained_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
