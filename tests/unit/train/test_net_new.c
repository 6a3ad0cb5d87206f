/* New models: what their seed decides, and what is too large. */
#include "net_support.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"

static void test_a_model_past_all_memory_is_refused(void **state)
{
    (void)state;
    struct pr_net_options whole = {0};
    struct opened o = open_net("models/qwen3-tiny", NULL, &whole, 1);
    struct pr_model_config *config = pr_alloc(sizeof *config);
    struct pr_net *n;
    struct pr_error e;
    *config = *pr_net_config(o.net);
    config->vocab = 1 << 24;
    config->hidden = config->intermediate = 1 << 20;
    assert_int_equal(pr_net_new(config, 0.02, &whole, o.pool, &n, &e), PR_E_MEMORY);
    pr_free(config);
    close_net(&o);
}

static void test_a_new_model_is_its_seeds(void **state)
{
    (void)state;
    struct pr_net_options options = {.seed = 5};
    struct opened a = new_net("variants/llama-biases", &options, 1),
                  b = new_net("variants/llama-biases", &options, 3);
    options.seed = 6;
    struct opened c = new_net("variants/llama-biases", &options, 1);
    size_t n, n_params;
    const float *x = pr_net_values(a.net, &n);
    assert_memory_equal(x, pr_net_values(b.net, &n), n * sizeof *x);
    assert_memory_not_equal(x, pr_net_values(c.net, &n), n * sizeof *x);
    const struct pr_param *p = pr_net_params(a.net, &n_params);
    for (size_t k = 0; k < n_params; k++) {
        double sum = 0, squares = 0, size = (double)p[k].n;
        bool bias = strstr(p[k].name, ".bias") != NULL;
        for (size_t i = 0; i < p[k].n; i++) {
            sum += (double)p[k].value[i];
            squares += (double)p[k].value[i] * (double)p[k].value[i];
        }
        if (k)
            assert_true(strcmp(p[k - 1].name, p[k].name) < 0);
        if (p[k].rank == 1) {
            assert_true(sum == (bias ? 0 : size));
            continue;
        }
        assert_true(fabs(sum / size) < 5 * 0.02 / sqrt(size));
        assert_true(fabs(sqrt(squares / size) / 0.02 - 1) < 5 / sqrt(2 * size));
    }
    const uint32_t lengths[] = {70, 41};
    struct made m = batch_of_lengths(1, pr_net_config(a.net)->vocab, lengths, 2, 0.6);
    struct pr_pass q = pass(&a, &m.b, 1);
    assert_true(fabs(q.nll / (double)q.counted - log(pr_net_config(a.net)->vocab)) < 0.1);
    made_done(&m);
    close_net(&a);
    close_net(&b);
    close_net(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_model_past_all_memory_is_refused),
        cmocka_unit_test(test_a_new_model_is_its_seeds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
