/* config.json: older and newer styles, the defaults of transformers' classes, refusals by name. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/str.h"
#include "model/config.h"

#define SHAPE                                                                                      \
    "\"hidden_size\":64,\"intermediate_size\":160,\"num_hidden_layers\":4,\"vocab_size\":1024,"    \
    "\"num_attention_heads\":4"
#define QWEN3   "\"architectures\":[\"Qwen3ForCausalLM\"],\"model_type\":\"qwen3\"," SHAPE
#define QWEN2   "\"architectures\":[\"Qwen2ForCausalLM\"]," SHAPE
#define LLAMA   "\"architectures\":[\"LlamaForCausalLM\"]," SHAPE
#define MISTRAL "\"model_type\":\"mistral\"," SHAPE

static enum pr_code parse(
    const char *members, struct pr_model_config *c, struct pr_notes *notes, struct pr_error *e)
{
    struct pr_str s = PR_STR_INIT(1 << 16);
    json_t *v;
    pr_str_printf(&s, "{%s}", members);
    assert_int_equal(pr_json_parse(s.data, s.len, 0, NULL, &v, NULL, e), 0);
    enum pr_code code = pr_model_config_parse(v, c, notes, e);
    json_decref(v);
    pr_str_done(&s);
    return code;
}

static struct pr_model_config good(const char *members)
{
    struct pr_model_config c;
    struct pr_error e;
    if (parse(members, &c, NULL, &e))
        fail_msg("%s: %s", members, e.message);
    return c;
}

static void refused(const char *members, enum pr_code code, const char *text)
{
    struct pr_model_config c;
    struct pr_error e;
    enum pr_code got = parse(members, &c, NULL, &e);
    if (got != code)
        fail_msg("%s: %s instead of %s", members, pr_code_name(got), pr_code_name(code));
    if (!strstr(e.message, text))
        fail_msg("'%s' does not say '%s'", e.message, text);
}

static void missing_keys_take_the_defaults_of_the_class(void **state)
{
    (void)state;
    struct pr_model_config c = good(LLAMA);
    assert_int_equal(c.n_kv_heads, 4);
    assert_int_equal(c.head_dim, 16);
    assert_int_equal(c.max_position, 2048);
    assert_true(c.rms_eps == 1e-6f && c.rope.theta == 10000);
    assert_false(c.tied || c.tied_given || c.qkv_bias || c.o_bias || c.mlp_bias || c.qk_norm);
    assert_int_equal(c.bos, 1);
    assert_int_equal(c.n_eos, 1);
    assert_int_equal(c.eos[0], 2);

    c = good(QWEN3 ",\"num_key_value_heads\":2");
    assert_int_equal(c.head_dim, 128); /* free of hidden / heads */
    assert_true(c.qk_norm && !c.qkv_bias);
    assert_int_equal(c.n_eos, 0);
    assert_int_equal(c.bos, -1);

    c = good(QWEN2 ",\"num_key_value_heads\":null");
    assert_int_equal(c.n_kv_heads, 4);
    assert_true(c.qkv_bias && !c.o_bias);
    assert_int_equal(c.head_dim, 16);

    c = good(MISTRAL ",\"num_key_value_heads\":2,\"eos_token_id\":null");
    assert_int_equal(c.window[3], 4096);
    assert_int_equal(c.max_position, 131072);
    assert_int_equal(c.n_eos, 0);
}

static void older_and_newer_styles_mean_the_same(void **state)
{
    (void)state;
    struct pr_str a = PR_STR_INIT(1 << 16), b = PR_STR_INIT(1 << 16);
    struct pr_model_config old = good(LLAMA
        ",\"rope_theta\":500000.0,\"torch_dtype\":\"bfloat16\",\"rope_scaling\":{\"rope_type\":"
        "\"llama3\",\"factor\":8.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"
        "\"original_max_position_embeddings\":64}");
    struct pr_model_config new = good(
        LLAMA ",\"dtype\":\"bfloat16\",\"rope_parameters\":{\"rope_theta\":500000,\"rope_type\":"
              "\"llama3\",\"factor\":8,\"low_freq_factor\":1,\"high_freq_factor\":4,"
              "\"original_max_position_embeddings\":64}");
    assert_int_equal(old.rope.type, PR_ROPE_LLAMA3);
    assert_true(old.rope.theta == 500000 && old.rope.original_max_position == 64);
    json_t *x = pr_model_config_canonical(&old), *y = pr_model_config_canonical(&new);
    pr_json_dump_canonical(x, &a);
    pr_json_dump_canonical(y, &b);
    assert_string_equal(a.data, b.data);
    json_decref(x);
    json_decref(y);
    pr_str_done(&a);
    pr_str_done(&b);
    assert_int_equal(good(LLAMA ",\"rope_scaling\":{\"type\":\"linear\",\"factor\":2.5}").rope.type,
        PR_ROPE_LINEAR);
}

static void windows_follow_each_architecture(void **state)
{
    (void)state;
    struct pr_model_config c = good(MISTRAL ",\"num_key_value_heads\":4,\"sliding_window\":null");
    assert_int_equal(c.window[0], 0);
    c = good(QWEN2 ",\"num_key_value_heads\":4,\"sliding_window\":32,\"max_window_layers\":1");
    assert_int_equal(c.window[3], 0); /* use_sliding_window is false */
    c = good(QWEN2 ",\"num_key_value_heads\":4,\"sliding_window\":32,\"max_window_layers\":1,\"use_"
                   "sliding_window\":true");
    assert_int_equal(c.window[0], 0);
    assert_int_equal(c.window[1], 32);
    c = good(QWEN3
        ",\"num_key_value_heads\":4,\"sliding_window\":32,\"use_sliding_window\":true,\"layer_"
        "types\":"
        "[\"sliding_attention\",\"full_attention\",\"full_attention\",\"sliding_attention\"]");
    assert_int_equal(c.window[0], 32);
    assert_int_equal(c.window[1], 0);
    assert_int_equal(c.window[3], 32);
    c = good(LLAMA ",\"sliding_window\":32");
    assert_int_equal(c.window[0], 0);
    refused(QWEN3 ",\"num_key_value_heads\":4,\"layer_types\":[\"full_attention\"]", PR_E_FORMAT,
        "'layer_types'");
    refused(QWEN3
        ",\"num_key_value_heads\":4,\"layer_types\":[\"sliding_attention\",\"full_attention\","
        "\"full_attention\",\"full_attention\"]",
        PR_E_FORMAT, "use_sliding_window");
    refused(QWEN3
        ",\"num_key_value_heads\":4,\"layer_types\":[\"chunked_attention\",\"full_attention\","
        "\"full_attention\",\"full_attention\"]",
        PR_E_UNSUPPORTED, "chunked_attention");
}

static void biases_follow_each_architecture(void **state)
{
    (void)state;
    struct pr_model_config c = good(LLAMA ",\"attention_bias\":true,\"mlp_bias\":true");
    assert_true(c.qkv_bias && c.o_bias && c.mlp_bias);
    c = good(QWEN3 ",\"num_key_value_heads\":4,\"attention_bias\":true,\"mlp_bias\":true");
    assert_true(c.qkv_bias && c.o_bias && !c.mlp_bias);
    c = good(QWEN2 ",\"num_key_value_heads\":4,\"attention_bias\":true");
    assert_true(c.qkv_bias && !c.o_bias);
}

static void what_is_not_supported_is_refused_by_name(void **state)
{
    (void)state;
    refused("\"architectures\":[\"Mamba9ForCausalLM\"]", PR_E_UNSUPPORTED,
        "'Mamba9ForCausalLM' is not supported (supported: Qwen3ForCausalLM");
    refused("\"model_type\":\"gpt2\"", PR_E_UNSUPPORTED, "gpt2");
    refused("\"x\":1", PR_E_FORMAT, "'architectures'");
    refused("\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"qwen2\"", PR_E_FORMAT,
        "expected 'llama'");
    refused(LLAMA ",\"hidden_act\":\"gelu\"", PR_E_UNSUPPORTED, "gelu");
    refused(LLAMA ",\"quantization_config\":{\"quant_method\":\"gptq\"}", PR_E_UNSUPPORTED, "gptq");
    refused(
        LLAMA ",\"rope_scaling\":{\"rope_type\":\"yarn\",\"factor\":4}", PR_E_UNSUPPORTED, "yarn");
    refused(
        LLAMA ",\"rope_scaling\":{\"type\":\"dynamic\",\"factor\":4}", PR_E_UNSUPPORTED, "dynamic");
    refused(LLAMA ",\"partial_rotary_factor\":0.5", PR_E_UNSUPPORTED, "partial_rotary_factor");
}

static void numbers_out_of_range_are_refused_by_key(void **state)
{
    (void)state;
    refused("\"model_type\":\"llama\",\"hidden_size\":0", PR_E_FORMAT, "'hidden_size' is 0");
    refused("\"model_type\":\"llama\",\"hidden_size\":2147483647", PR_E_FORMAT,
        "'hidden_size' is 2147483647");
    refused("\"model_type\":\"llama\",\"hidden_size\":64,\"intermediate_size\":160,\"vocab_size\":"
            "8,\"num_hidden_layers\":-1",
        PR_E_FORMAT, "'num_hidden_layers' is -1");
    refused("\"model_type\":\"llama\",\"hidden_size\":64,\"intermediate_size\":160,\"vocab_size\":"
            "8,\"num_hidden_layers\":1",
        PR_E_FORMAT, "'num_attention_heads' is missing");
    refused(LLAMA ",\"num_key_value_heads\":3", PR_E_FORMAT, "multiple of num_key_value_heads 3");
    refused(LLAMA ",\"head_dim\":15", PR_E_FORMAT, "'head_dim' is 15");
    refused(LLAMA ",\"eos_token_id\":-4", PR_E_FORMAT, "'eos_token_id'");
    refused(
        LLAMA ",\"rope_scaling\":{\"rope_type\":\"linear\"}", PR_E_FORMAT, "'factor' is missing");
    refused(MISTRAL ",\"num_key_value_heads\":4,\"sliding_window\":0", PR_E_FORMAT,
        "'sliding_window' is 0");
}

static void parameters_are_counted(void **state)
{
    (void)state;
    /* 2 layers of: q 4·32·64, k and v 2·32·64 each, o 64·128, mlp 3·64·160, norms 2·64 + 2·32 */
    struct pr_model_config c =
        good("\"model_type\":\"qwen3\",\"hidden_size\":64,\"intermediate_size\":160,"
             "\"num_hidden_layers\":2,\"vocab_size\":1024,\"num_attention_heads\":4,\"num_key_"
             "value_heads\":2,"
             "\"head_dim\":32,\"tie_word_embeddings\":true");
    uint64_t layer = 8192 + 2 * 4096 + 8192 + 3 * 10240 + 2 * 64 + 2 * 32;
    assert_int_equal(pr_model_config_parameters(&c), 2 * layer + 1024 * 64 + 64);
    struct pr_tensor_spec *v;
    size_t n;
    pr_model_config_tensors(&c, &v, &n);
    assert_int_equal(n, 2 * 11 + 2);
    const struct pr_tensor_spec *t =
        pr_tensor_spec_find(v, n, "model.layers.1.self_attn.o_proj.weight");
    assert_int_equal(t->shape[0], 64);
    assert_int_equal(t->shape[1], 128);
    assert_null(pr_tensor_spec_find(v, n, "lm_head.weight"));
    pr_free(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(missing_keys_take_the_defaults_of_the_class),
        cmocka_unit_test(older_and_newer_styles_mean_the_same),
        cmocka_unit_test(windows_follow_each_architecture),
        cmocka_unit_test(biases_follow_each_architecture),
        cmocka_unit_test(what_is_not_supported_is_refused_by_name),
        cmocka_unit_test(numbers_out_of_range_are_refused_by_key),
        cmocka_unit_test(parameters_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
