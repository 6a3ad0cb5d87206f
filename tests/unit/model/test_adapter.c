/* LoRA adapters: PEFT's rules for patterns and scales, replaced modules, how the base is found,
 * what is refused by name. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/adapter.h"
#include "temp_folder.h"

#define ADAPTER(name) PR_FIXTURES "/adapters/" name
#define BASE(name)    PR_FIXTURES "/models/" name

static struct pr_checkpoint *opened(const char *dir, const char *base)
{
    struct pr_checkpoint_options o = {.weights = true, .base_model = base};
    struct pr_checkpoint *c = NULL;
    struct pr_error e;
    if (pr_checkpoint_open(dir, &o, &c, &e))
        fail_msg("%s", e.message);
    assert_true(pr_checkpoint_is_adapter(c));
    return c;
}

static void refused(const char *dir, const char *base, enum pr_code code, const char *text)
{
    struct pr_checkpoint_options o = {.weights = true, .base_model = base};
    struct pr_checkpoint *c = NULL;
    struct pr_error e = {0};
    enum pr_code got = pr_checkpoint_open(dir, &o, &c, &e);
    if (got != code || !strstr(e.message, text))
        fail_msg("'%s' (%s) is not '%s'", e.message, pr_code_name(got), text);
    assert_null(c);
}

static void lora_is(const struct pr_checkpoint *c, const char *module, uint32_t r, double scale)
{
    struct pr_lora l;
    assert_true(pr_checkpoint_lora(c, module, &l));
    assert_int_equal(l.r, r);
    assert_int_equal(l.a->shape[0], r);
    assert_int_equal(l.b->shape[1], r);
    if (fabs((double)l.scale - scale) > 1e-6 * scale)
        fail_msg("%s: scale %g, expected %g", module, (double)l.scale, scale);
}

static void plain_lora_is_put_beside_the_base(void **state)
{
    (void)state;
    struct pr_checkpoint *c = opened(ADAPTER("qwen3-all-linear"), BASE("qwen3-tiny"));
    struct pr_lora l;
    lora_is(c, "model.layers.0.self_attn.q_proj", 4, 2);
    lora_is(c, "model.layers.1.mlp.down_proj", 4, 2);
    assert_false(pr_checkpoint_lora(c, "lm_head", &l));
    assert_false(pr_checkpoint_lora(c, "model.layers.2.mlp.down_proj", &l));
    assert_true(pr_checkpoint_config(c)->tied);
    assert_null(pr_checkpoint_tensor(c, "lm_head.weight"));
    assert_non_null(pr_checkpoint_tensor(c, "model.layers.0.self_attn.q_proj.weight"));
    /* The base's tokenizer and template serve where the adapter has none. */
    const struct pr_tokenizer *t;
    struct pr_error e;
    assert_int_equal(pr_checkpoint_tokenizer(c, &t, &e), 0);
    assert_non_null(pr_checkpoint_template(c));
    size_t n;
    assert_int_equal(pr_checkpoint_eos(c, &n)[0], 1014);
    assert_int_equal(pr_checkpoint_unchanged(c, &e), 0);
    pr_checkpoint_free(c);
}

static void patterns_set_rank_and_alpha_by_module(void **state)
{
    (void)state;
    struct pr_checkpoint *c = opened(ADAPTER("qwen2-patterns"), BASE("qwen2-tiny"));
    lora_is(c, "model.layers.0.self_attn.q_proj", 2, 6 / sqrt(2)); /* "q_proj" */
    lora_is(c, "model.layers.1.mlp.up_proj", 6, 6 / sqrt(6));      /* by its full name */
    lora_is(c, "model.layers.0.mlp.up_proj", 4, 3);
    lora_is(c, "model.layers.1.self_attn.k_proj", 4, 8);
    lora_is(c, "model.layers.0.mlp.down_proj", 4, 1.5); /* ^… */
    lora_is(c, "model.layers.1.mlp.down_proj", 4, 3);
    lora_is(c, "model.layers.1.self_attn.o_proj", 4, 5); /* layers\.\d+\.self_attn\.(v|o)_proj */
    pr_checkpoint_free(c);
}

static void pattern_is(const char *key, const char *module, bool want)
{
    bool yes = !want;
    struct pr_error e;
    if (pr_adapter_pattern_match(key, module, &yes, &e))
        fail_msg("%s", e.message);
    if (yes != want)
        fail_msg("'%s' on '%s' is not %d", key, module, want);
}

static void keys_match_whole_names_from_a_dot_on(void **state)
{
    (void)state;
    pattern_is("q_proj", "model.layers.0.self_attn.q_proj", true);
    pattern_is("q_proj", "q_proj", true);
    pattern_is("proj", "model.layers.0.self_attn.q_proj", false);
    pattern_is("self_attn.q_proj", "model.layers.0.self_attn.q_proj", true);
    pattern_is("q.proj", "model.layers.0.self_attn.q_proj", true); /* '.' is any character */
    pattern_is("q_proj", "model.q_proj.x", false);
    pattern_is("layers\\.[02]\\..*", "model.layers.2.mlp.up_proj", true);
    pattern_is("layers\\.[02]\\..*", "model.layers.1.mlp.up_proj", false);
    pattern_is("q_proj|k_proj", "model.layers.1.self_attn.k_proj", true);
    pattern_is("^layers.0.mlp", "model.layers.0.mlp", false);
    pattern_is("^model.layers.0.mlp", "model.layers.0.mlp", true);
    bool yes;
    struct pr_error e;
    assert_int_not_equal(pr_adapter_pattern_match("q_proj(", "q_proj", &yes, &e), 0);
    assert_non_null(strstr(e.message, "pattern 'q_proj('"));
}

static void modules_to_save_replace_the_bases(void **state)
{
    (void)state;
    struct pr_checkpoint *c = opened(ADAPTER("llama-saved-head"), BASE("llama-tiny"));
    assert_string_equal(
        pr_checkpoint_tensor(c, "lm_head.weight")->name, "base_model.model.lm_head.weight");
    assert_string_equal(
        pr_checkpoint_tensor(c, "model.norm.weight")->name, "base_model.model.model.norm.weight");
    assert_string_equal(
        pr_checkpoint_tensor(c, "model.embed_tokens.weight")->name, "model.embed_tokens.weight");
    struct pr_lora l;
    assert_false(pr_checkpoint_lora(c, "model.layers.0.self_attn.q_proj", &l));
    assert_true(pr_checkpoint_lora(c, "model.layers.1.self_attn.q_proj", &l));
    pr_checkpoint_free(c);
}

static void a_saved_half_of_a_tied_pair_unties_it(void **state)
{
    (void)state;
    struct pr_checkpoint *c = opened(ADAPTER("qwen3-saved-embed"), BASE("qwen3-tiny"));
    assert_false(pr_checkpoint_config(c)->tied);
    assert_string_equal(
        pr_checkpoint_tensor(c, "lm_head.weight")->name, "model.embed_tokens.weight");
    assert_string_equal(pr_checkpoint_tensor(c, "model.embed_tokens.weight")->name,
        "base_model.model.model.embed_tokens.weight");
    pr_checkpoint_free(c);
    c = opened(ADAPTER("qwen2-saved-head"), BASE("qwen2-tiny"));
    assert_false(pr_checkpoint_config(c)->tied);
    assert_string_equal(
        pr_checkpoint_tensor(c, "lm_head.weight")->name, "base_model.model.lm_head.weight");
    pr_checkpoint_free(c);
    c = opened(ADAPTER("qwen3-lora-head"), BASE("qwen3-tiny"));
    assert_true(pr_checkpoint_config(c)->tied);
    lora_is(c, "lm_head", 4, 8);
    pr_checkpoint_free(c);
}

static void an_adapter_belongs_to_its_bases_shapes(void **state)
{
    (void)state;
    refused(ADAPTER("qwen3-all-linear"), BASE("llama-tiny"), PR_E_FORMAT,
        "qwen3-all-linear: adapter_model.safetensors: tensor "
        "'base_model.model.model.layers.0.mlp.down_proj.lora_A.weight' has shape [4, 160], "
        "expected [4, 192]");
    refused(ADAPTER("qwen3-all-linear"), ADAPTER("qwen3-all-linear"), PR_E_NOT_FOUND, "base model");
    refused(
        ADAPTER("qwen3-all-linear"), "/no/such/base", PR_E_NOT_FOUND, "base model: /no/such/base");
}

static void the_base_is_found_in_three_ways(void **state)
{
    (void)state;
    struct pr_checkpoint *c;
    struct pr_error e;
    const char *dir = ADAPTER("qwen3-all-linear");
    setenv("HF_HUB_CACHE", temp_path("hub"), 1);
    setenv("HOME", temp_path("home"), 1);
    unsetenv("HF_HOME");
    unsetenv("XDG_CACHE_HOME");
    struct pr_checkpoint_options o = {.weights = true};
    assert_int_equal(pr_checkpoint_open(dir, &o, &c, &e), PR_E_NOT_FOUND);
    assert_non_null(strstr(e.message, "'test/qwen3-tiny' was not found"));
    assert_non_null(strstr(e.message, "--base-model"));
    assert_non_null(strstr(e.message, "models.bases"));
    assert_non_null(strstr(e.message, "Hugging Face cache: models--test--qwen3-tiny"));

    const char *bases[2][2] = {{"x", "/nowhere"}, {"test/qwen3-tiny", BASE("qwen3-tiny")}};
    o.bases = bases;
    o.n_bases = 2;
    assert_int_equal(pr_checkpoint_open(dir, &o, &c, &e), 0);
    pr_checkpoint_free(c);

    o.n_bases = 0;
    temp_mkdir("hub/models--test--qwen3-tiny/refs");
    temp_mkdir("hub/models--test--qwen3-tiny/snapshots");
    temp_text("hub/models--test--qwen3-tiny/refs/main", "abc123\n");
    temp_copy_folder("models/qwen3-tiny", "hub/models--test--qwen3-tiny/snapshots/abc123");
    assert_int_equal(pr_checkpoint_open(dir, &o, &c, &e), 0);
    pr_checkpoint_free(c);
    temp_text("hub/models--test--qwen3-tiny/refs/main", "../../../x");
    assert_int_equal(pr_checkpoint_open(dir, &o, &c, &e), PR_E_NOT_FOUND);
}

/* Writes adapter "a" with `change` in its settings in place of `of`. */
static void with_setting(const char *of, const char *change)
{
    char *text, *at;
    size_t n;
    temp_copy_folder("adapters/qwen3-all-linear", "a");
    assert_int_equal(
        pr_file_read(AT_FDCWD, temp_path("a/adapter_config.json"), 1 << 16, &text, &n, NULL), 0);
    at = strstr(text, of);
    assert_non_null(at);
    struct pr_str s = PR_STR_INIT(1 << 16);
    pr_str_append(&s, text, (size_t)(at - text));
    pr_str_puts(&s, change);
    pr_str_puts(&s, at + strlen(of));
    temp_write("a/adapter_config.json", s.data, s.len);
    pr_str_done(&s);
    pr_free(text);
}

static void what_is_not_plain_lora_is_refused_by_name(void **state)
{
    (void)state;
    static const struct {
        const char *of, *change, *text;
    } cases[] = {
        {"\"use_dora\": false", "\"use_dora\": true", "'use_dora' is set"},
        {"\"peft_type\": \"LORA\"", "\"peft_type\": \"IA3\"", "'peft_type' IA3"},
        {"\"bias\": \"none\"", "\"bias\": \"all\"", "'bias' is all"},
        {"\"fan_in_fan_out\": false", "\"fan_in_fan_out\": true", "'fan_in_fan_out' is set"},
        {"\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa_niter_4\"",
            "pissa_niter_4"},
        {"\"layer_replication\": null", "\"layer_replication\": [[0,2]]",
            "'layer_replication' is set"},
        {"\"trainable_token_indices\": null", "\"trainable_token_indices\": [1]",
            "trainable_token_indices"},
        {"\"task_type\": \"CAUSAL_LM\"", "\"task_type\": \"SEQ_CLS\"", "SEQ_CLS"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        with_setting(cases[i].of, cases[i].change);
        refused(temp_path("a"), BASE("qwen3-tiny"), PR_E_UNSUPPORTED, cases[i].text);
    }
    with_setting("\"r\": 4", "\"r\": 3");
    refused(
        temp_path("a"), BASE("qwen3-tiny"), PR_E_FORMAT, "has shape [4, 160], expected [3, 160]");
    with_setting("\"rank_pattern\": {}", "\"rank_pattern\": {\"q_proj\": 0}");
    refused(temp_path("a"), BASE("qwen3-tiny"), PR_E_FORMAT,
        "'rank_pattern': 'q_proj' is not a number above 0");
    with_setting("\"modules_to_save\": null", "\"modules_to_save\": [\"lm_head\"]");
    refused(temp_path("a"), BASE("qwen3-tiny"), PR_E_FORMAT, "'modules_to_save' names 'lm_head'");
    with_setting("\"init_lora_weights\": true", "\"init_lora_weights\": \"gaussian\"");
    pr_checkpoint_free(opened(temp_path("a"), BASE("qwen3-tiny")));
}

/* Writes an adapter file of one F32 tensor [rows, cols] of zeros. */
static void with_tensor(const char *name, unsigned rows, unsigned cols)
{
    unsigned char buf[4096] = {0};
    char header[512];
    unsigned bytes = rows * cols * 4;
    int n = snprintf(header, sizeof header,
        "{\"%s\":{\"dtype\":\"F32\",\"shape\":[%u,%u],\"data_offsets\":[0,%u]}}", name, rows, cols,
        bytes);
    assert_true(8 + (unsigned)n + bytes <= sizeof buf);
    buf[0] = (unsigned char)n;
    buf[1] = (unsigned char)(n >> 8);
    memcpy(buf + 8, header, (size_t)n);
    temp_write("a/adapter_model.safetensors", buf, 8 + (size_t)n + bytes);
}

static void every_tensor_has_its_place_or_is_refused(void **state)
{
    (void)state;
    const char *base = BASE("qwen3-tiny");
    temp_copy_folder("adapters/qwen3-all-linear", "a");
    with_tensor("base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight", 4, 64);
    refused(temp_path("a"), base, PR_E_FORMAT,
        "module 'model.layers.0.self_attn.q_proj' has no lora_B");
    with_tensor("base_model.model.model.layers.0.self_attn.x_proj.lora_A.weight", 4, 64);
    refused(temp_path("a"), base, PR_E_FORMAT,
        "the base has no linear module 'model.layers.0.self_attn.x_proj'");
    with_tensor("base_model.model.model.layers.0.self_attn.q_proj.lora_C.weight", 4, 64);
    refused(temp_path("a"), base, PR_E_FORMAT, "lora_C.weight' is neither lora_A or lora_B");
    with_tensor("base_model.model.model.embed_tokens.lora_embedding_A", 4, 64);
    refused(temp_path("a"), base, PR_E_UNSUPPORTED, "LoRA on an embedding");
    with_tensor("model.layers.0.self_attn.q_proj.lora_A.weight", 4, 64);
    refused(temp_path("a"), base, PR_E_FORMAT, "does not begin with 'base_model.model.'");
    temp_unlink("a/adapter_config.json");
    refused(temp_path("a"), base, PR_E_INCOMPLETE, "adapter_config.json is not there yet");
    temp_unlink("a/adapter_model.safetensors");
    temp_copy("adapters/qwen3-all-linear/adapter_config.json", "a/adapter_config.json");
    refused(temp_path("a"), base, PR_E_INCOMPLETE, "adapter_model.safetensors is not there yet");
    temp_text("a/adapter_model.bin", "x");
    refused(temp_path("a"), base, PR_E_UNSUPPORTED, "pickle");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, temp_setup, temp_teardown)
    const struct CMUnitTest tests[] = {
        T(plain_lora_is_put_beside_the_base),
        T(patterns_set_rank_and_alpha_by_module),
        T(keys_match_whole_names_from_a_dot_on),
        T(modules_to_save_replace_the_bases),
        T(a_saved_half_of_a_tied_pair_unties_it),
        T(an_adapter_belongs_to_its_bases_shapes),
        T(the_base_is_found_in_three_ways),
        T(what_is_not_plain_lora_is_refused_by_name),
        T(every_tensor_has_its_place_or_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
