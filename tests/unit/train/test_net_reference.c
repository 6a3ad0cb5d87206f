/* Loss and gradients of the four tiny models against float64 references. */
#include "net_support.h"

#include <math.h>
#include <stdio.h>

#include "base/alloc.h"

static double real(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

/* Largest differences seen, printed at the end. */
static struct {
    double loss, norm, l2, entry;
} worst;

static void keep(double *w, double x)
{
    *w = x > *w || isnan(x) ? x : *w;
}

static double check_tensor(const struct opened *o, const char *name, const json_t *want)
{
    const struct pr_param *p = param(o, name);
    double sum = 0, l2 = real(want, "l2"), rms = l2 / sqrt((double)p->n);
    for (size_t i = 0; i < p->n; i++)
        sum += (double)p->grad[i] * (double)p->grad[i];
    keep(&worst.l2, fabs(sqrt(sum) - l2) / l2);
    if (!(fabs(sqrt(sum) - l2) <= 1e-4 * l2))
        fail_msg("%s: l2 %.9g, reference %.9g", name, sqrt(sum), l2);
    const json_t *entries = json_object_get(want, "entries");
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *pair = json_array_get(entries, i);
        size_t at = (size_t)json_integer_value(json_array_get(pair, 0));
        double x = json_number_value(json_array_get(pair, 1)), got = (double)p->grad[at];
        keep(&worst.entry, fabs(got - x) / rms);
        if (!(fabs(got - x) <= 1e-4 * rms))
            fail_msg("%s[%zu]: %.9g, reference %.9g", name, at, got, x);
    }
    return sum;
}

static void check_model(const char *name)
{
    char folder[128];
    snprintf(folder, sizeof folder, "models/%s", name);
    struct pr_net_options options = {0};
    struct opened o = open_net(folder, NULL, &options, 2);
    json_t *root = reference_of(name), *want = json_object_get(root, "gradient");
    struct made m = batch_of_json(json_array_get(json_object_get(root, "batches"), 0));
    double labels = real(want, "label_tokens"), sum = 0;
    struct pr_pass p = pass(&o, &m.b, 1 / labels);
    assert_int_equal(p.counted, (uint64_t)labels);
    keep(&worst.loss, fabs(p.nll / labels - real(want, "loss")));
    assert_true(fabs(p.nll / labels - real(want, "loss")) < 1e-4);
    const char *tensor;
    json_t *t;
    size_t n;
    json_t *tensors = json_object_get(want, "tensors");
    json_object_foreach (tensors, tensor, t)
        sum += check_tensor(&o, tensor, t);
    pr_net_params(o.net, &n);
    assert_int_equal(n, json_object_size(tensors));
    double norm = real(want, "global_norm");
    keep(&worst.norm, fabs(sqrt(sum) - norm) / norm);
    assert_true(fabs(sqrt(sum) - norm) <= 1e-4 * norm);
    made_done(&m);
    json_decref(root);
    close_net(&o);
}

static void test_gradients_are_the_references(void **state)
{
    (void)state;
    check_model("qwen3-tiny");
    check_model("qwen3-tiny-untied");
    check_model("qwen2-tiny");
    check_model("llama-tiny");
    print_message("largest differences: loss %.2g, global norm %.2g, l2 %.2g relative, entry %.2g "
                  "of the tensor's rms\n",
        worst.loss, worst.norm, worst.l2, worst.entry);
}

/* Loss after nothing was changed, of every batch, by a pass without backward. */
static void test_forward_alone_gives_the_same_loss(void **state)
{
    (void)state;
    struct pr_net_options options = {0};
    struct opened o = open_net("models/qwen3-tiny", NULL, &options, 2);
    json_t *root = reference_of("qwen3-tiny"), *batches = json_object_get(root, "batches");
    for (size_t i = 0; i < json_array_size(batches); i++) {
        struct made m = batch_of_json(json_array_get(batches, i));
        struct pr_pass alone = pass(&o, &m.b, 0), both = pass(&o, &m.b, 1);
        assert_true(alone.nll == both.nll && alone.counted == both.counted);
        made_done(&m);
    }
    json_decref(root);
    close_net(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gradients_are_the_references),
        cmocka_unit_test(test_forward_alone_gives_the_same_loss),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
