/* What a checkpoint holds: a folder that opens as the model it was saved from, and the state from
 * which a training goes on bit for bit. */
#include <math.h>

#include "save_support.h"

#include "model/safetensors.h"

static void a_saved_model_is_the_one_it_came_from(void **state)
{
    static const char *const models[] = {"models/qwen3-tiny", "models/qwen3-tiny-v5config"};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        char before[65], after[65];
        struct fixture *f = fixture_new(models[i], PR_F32, 0);
        saved(f, 5);
        fingerprint_of(f->save.model, NULL, before);
        fingerprint_of(temp_path("out/checkpoint-5"), NULL, after);
        assert_string_equal(before, after);
        fixture_free(f);
    }
}

static void each_architecture_and_type_opens_without_a_word(void **state)
{
    static const struct {
        const char *model;
        enum pr_dtype dtype;
        const char *name;
    } cases[] = {
        {"models/llama-tiny", PR_BF16, "bfloat16"},
        {"models/qwen2-tiny", PR_F16, "float16"},
        {"models/qwen3-tiny-untied", PR_BF16, "bfloat16"},
        {"models/llama-tiny", PR_F32, "float32"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char before[65], after[65];
        struct fixture *f = fixture_new(cases[i].model, cases[i].dtype, 0);
        saved(f, 5);
        fingerprint_of(f->save.model, NULL, before);
        fingerprint_of(temp_path("out/checkpoint-5"), NULL, after);
        /* The same weights in the same type are the same model, sharded or not. */
        assert_int_equal(!strcmp(before, after), cases[i].dtype != PR_F32);
        json_t *config = json_of("out/checkpoint-5/config.json");
        assert_string_equal(text_of(config, "torch_dtype"), cases[i].name);
        json_decref(config);
        fixture_free(f);
        temp_remove(temp_path("model"));
    }
}

static void config_keeps_what_the_source_had_and_its_style(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("models/qwen3-tiny-v5config", PR_BF16, 0);
    json_t *config = json_of("model/config.json"), *v;
    const char *key;
    struct pr_str text = PR_STR_INIT(1 << 20);
    pr_json_set_str(config, "trainer_of_their_own", "stays");
    json_object_del(config, "tie_word_embeddings"); /* as older versions wrote it */
    pr_json_dump(config, 2, 0, &text);
    temp_text("model/config.json", pr_str_cstr(&text));
    saved(f, 5);
    json_t *after = json_of("out/checkpoint-5/config.json");
    json_object_foreach (config, key, v)
        if (strcmp(key, "dtype") && !json_equal(v, json_object_get(after, key)))
            fail_msg("'%s' is not what it was", key);
    assert_string_equal(text_of(after, "dtype"), "bfloat16");
    assert_null(json_object_get(after, "torch_dtype"));
    assert_true(json_is_true(json_object_get(after, "tie_word_embeddings")));
    json_decref(after);
    json_decref(config);
    pr_str_done(&text);
    fixture_free(f);
}

static void a_new_models_config_is_complete(void **state)
{
    (void)state;
    char fingerprint[65];
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    temp_text("new.json",
        "{\"model_type\":\"qwen3\",\"hidden_size\":64,\"intermediate_size\":160,\"vocab_size\":"
        "1024,"
        "\"num_hidden_layers\":2,\"num_attention_heads\":4,\"num_key_value_heads\":2,"
        "\"head_dim\":32,\"tie_word_embeddings\":true,\"max_position_embeddings\":4096}");
    temp_unlink("model/config.json");
    temp_unlink("model/generation_config.json");
    temp_unlink("model/model.safetensors");
    f->config = json_of("new.json");
    f->save.end_of_turn = 1014;
    saved(f, 5);
    json_t *c = json_of("out/checkpoint-5/config.json");
    json_t *g = json_of("out/checkpoint-5/generation_config.json");
    assert_string_equal(json_string_value(json_array_get(json_object_get(c, "architectures"), 0)),
        "Qwen3ForCausalLM");
    static const char *const keys[] = {"hidden_act", "rms_norm_eps", "rope_theta", "torch_dtype",
        "initializer_range", "use_cache", "attention_bias"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_non_null(json_object_get(c, keys[i]));
    assert_int_equal(json_integer_value(json_object_get(c, "eos_token_id")), 1014);
    assert_int_equal(json_integer_value(json_object_get(g, "eos_token_id")), 1014);
    fingerprint_of(temp_path("out/checkpoint-5"), NULL, fingerprint);
    json_decref(c);
    json_decref(g);
    fixture_free(f);
}

static void shards_are_the_same_model(void **state)
{
    (void)state;
    char before[65], after[65];
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    f->save.shard_bytes = 300000;
    saved(f, 5);
    fingerprint_of(f->save.model, NULL, before);
    fingerprint_of(temp_path("out/checkpoint-5"), NULL, after);
    assert_string_equal(before, after);
    assert_false(pr_path_exists(temp_path("out/checkpoint-5/model.safetensors")));
    json_t *index = json_of("out/checkpoint-5/model.safetensors.index.json");
    json_t *map = json_object_get(index, "weight_map"), *v;
    const char *key;
    json_object_foreach (map, key, v) {
        char path[600];
        snprintf(path, sizeof path, "out/checkpoint-5/%s", json_string_value(v));
        assert_true(pr_path_exists(temp_path(path)));
    }
    size_t n;
    pr_net_values(f->net, &n);
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(index, "metadata"), "total_size")),
        4 * n);
    json_decref(index);
    fixture_free(f);
}

/* Saves, shakes everything, restores, and compares the bits. */
static void goes_round(struct fixture *f, uint64_t shard_bytes)
{
    size_t n;
    struct pr_error e;
    float *values = pr_net_values(f->net, &n);
    size_t bytes = n * sizeof(float);
    float *was = pr_alloc(3 * bytes);
    fake_net_shake(f->net, 11);
    memcpy(was, values, bytes);
    memcpy(was + n, f->optimizer.m, bytes);
    memcpy(was + 2 * n, f->optimizer.v, bytes);
    f->save.shard_bytes = shard_bytes;
    saved(f, 5);
    fake_net_shake(f->net, 12);
    memset(f->optimizer.m, 1, bytes);
    memset(f->optimizer.v, 1, bytes);
    f->optimizer.step = 99;
    if (pr_save_restore(temp_path("out/checkpoint-5"), f->net, &f->optimizer, &e))
        fail_msg("%s", e.message);
    assert_memory_equal(values, was, bytes);
    assert_memory_equal(f->optimizer.m, was + n, bytes);
    assert_memory_equal(f->optimizer.v, was + 2 * n, bytes);
    assert_int_equal(f->optimizer.step, 7);
    assert_int_equal(fake_net_changes(f->net), 1);
    pr_free(was);
    fixture_free(f);
}

static void state_goes_round_bit_for_bit(void **state)
{
    (void)state;
    goes_round(fixture_new("models/qwen3-tiny", PR_F32, 0), 0);
    goes_round(fixture_new("models/qwen3-tiny", PR_F32, 0), 300000);
    goes_round(fixture_new("models/qwen3-tiny", PR_BF16, 0), 0);
    goes_round(fixture_new("models/qwen3-tiny", PR_BF16, 0), 150000);
    goes_round(fixture_new("models/qwen3-tiny", PR_BF16, 4), 0);
    goes_round(fixture_new("models/qwen3-tiny", PR_F32, 4), 0);
}

static void restore_refuses(struct fixture *f, const char *text)
{
    size_t n;
    struct pr_error e;
    const float *values = pr_net_values(f->net, &n);
    float *was = pr_alloc(n * sizeof *was);
    memcpy(was, values, n * sizeof *was);
    int64_t step = f->optimizer.step;
    enum pr_code code = pr_save_restore(temp_path("out/checkpoint-5"), f->net, &f->optimizer, &e);
    assert_true(code == PR_E_FORMAT || code == PR_E_INCOMPLETE);
    if (strncmp(e.message, "checkpoint-5: ", 14) || !strstr(e.message, text))
        fail_msg("'%s' does not say '%s'", e.message, text);
    assert_memory_equal(values, was, n * sizeof *was);
    assert_int_equal(f->optimizer.step, step);
    pr_free(was);
    fixture_free(f);
}

static void a_state_that_does_not_fit_is_refused_by_name(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_BF16, 0), *other;
    size_t n;
    saved(f, 5);
    other = fixture_new("models/qwen3-tiny", PR_BF16, 4);
    restore_refuses(other, "proctor/optimizer.safetensors: tensor 'exp_avg.base_model.");
    temp_cut("out/checkpoint-5/proctor/optimizer.safetensors", 1);
    restore_refuses(f, "proctor/optimizer.safetensors: tensor 'master.model.norm.weight' ends");

    f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    f->optimizer.v[3] = INFINITY;
    saved(f, 5);
    restore_refuses(f, "holds a number that is not finite");

    f = fixture_new("models/qwen3-tiny", PR_BF16, 0);
    saved(f, 5);
    pr_net_values(f->net, &n)[0] += 1;
    f->save.out = temp_path("elsewhere");
    saved(f, 5);
    assert_int_equal(rename(temp_path("elsewhere/checkpoint-5/model.safetensors"),
                         temp_path("out/checkpoint-5/model.safetensors")),
        0);
    restore_refuses(f, "is not what proctor/optimizer.safetensors was saved with");
}

static void an_adapter_is_a_peft_folder(void **state)
{
    (void)state;
    char fingerprint[65], real[4096];
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 4);
    struct pr_checkpoint_options o = {.weights = true, .base_model = f->save.model};
    struct pr_checkpoint *c;
    struct pr_lora lora;
    struct pr_error e;
    saved(f, 5);
    fingerprint_of(temp_path("out/checkpoint-5"), f->save.model, fingerprint);
    assert_false(pr_path_exists(temp_path("out/checkpoint-5/config.json")));
    assert_true(pr_path_exists(temp_path("out/checkpoint-5/tokenizer.json")));
    json_t *config = json_of("out/checkpoint-5/adapter_config.json");
    assert_non_null(realpath(f->save.model, real));
    assert_string_equal(text_of(config, "base_model_name_or_path"), real);
    assert_string_equal(text_of(config, "peft_type"), "LORA");
    assert_string_equal(text_of(config, "task_type"), "CAUSAL_LM");
    assert_int_equal(json_integer_value(json_object_get(config, "lora_alpha")), 8);
    assert_int_equal(json_array_size(json_object_get(config, "target_modules")), 2);
    json_decref(config);
    assert_int_equal(pr_checkpoint_open(temp_path("out/checkpoint-5"), &o, &c, &e), 0);
    assert_true(pr_checkpoint_lora(c, "model.layers.1.self_attn.v_proj", &lora));
    assert_int_equal(lora.r, 4);
    assert_float_equal(lora.scale, 2, 0);
    pr_checkpoint_free(c);
    fixture_free(f);
}

static void an_adapter_that_is_continued_keeps_its_settings(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 4);
    temp_copy("adapters/qwen3-all-linear/adapter_config.json", "model/adapter_config.json");
    temp_unlink("model/model.safetensors");
    saved(f, 5);
    json_t *before = json_of("model/adapter_config.json");
    json_t *after = json_of("out/checkpoint-5/adapter_config.json");
    assert_true(json_equal(before, after));
    json_decref(before);
    json_decref(after);
    fixture_free(f);
}

static void a_base_from_the_cache_goes_by_its_name(void **state)
{
    (void)state;
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 4);
    temp_mkdir("models--Some--Model-1.5/snapshots");
    assert_int_equal(
        rename(temp_path("model"), temp_path("models--Some--Model-1.5/snapshots/abc123")), 0);
    f->save.model = temp_path("models--Some--Model-1.5/snapshots/abc123");
    saved(f, 5);
    json_t *config = json_of("out/checkpoint-5/adapter_config.json");
    assert_string_equal(text_of(config, "base_model_name_or_path"), "Some/Model-1.5");
    assert_string_equal(text_of(config, "revision"), "abc123");
    json_decref(config);
    f->save.base_model = "their/own";
    saved(f, 5);
    config = json_of("out/checkpoint-5/adapter_config.json");
    assert_string_equal(text_of(config, "base_model_name_or_path"), "their/own");
    json_decref(config);
    fixture_free(f);
}

static void no_more_is_written_than_is_read(void **state)
{
    (void)state;
    struct pr_error e;
    struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, 0);
    size_t n = (size_t)17 << 20;
    char *text = pr_zalloc(n + 1);
    memset(text, 'x', n);
    f->config = json_of("model/config.json");
    pr_json_set_str(f->config, "note", text);
    assert_int_equal(save_as(f, 5, &e), PR_E_LIMIT);
    if (strncmp(e.message, "checkpoint-5: config.json: ", 27))
        fail_msg("'%s'", e.message);
    assert_false(pr_path_exists(temp_path("out/checkpoint-5")));
    assert_false(pr_path_exists(temp_path("out/.checkpoint-5.tmp")));
    pr_free(text);
    fixture_free(f);
}

static void same_file(const char *name)
{
    char *a, *b, path[600];
    size_t n, m;
    struct pr_error e;
    snprintf(path, sizeof path, "out/checkpoint-5/%s", name);
    if (pr_file_read(AT_FDCWD, temp_path(path), 1 << 24, &a, &n, &e))
        fail_msg("%s", e.message);
    snprintf(path, sizeof path, "out/checkpoint-6/%s", name);
    if (pr_file_read(AT_FDCWD, temp_path(path), 1 << 24, &b, &m, &e))
        fail_msg("%s", e.message);
    if (n != m || memcmp(a, b, n) != 0)
        fail_msg("%s is not what it was", name);
    pr_free(a);
    pr_free(b);
}

static void a_source_that_changes_or_goes_changes_no_checkpoint(void **state)
{
    static const char *const names[] = {
        "tokenizer.json", "tokenizer_config.json", "generation_config.json", "config.json"};
    (void)state;
    for (uint32_t kind = 0; kind < 3; kind++) {
        struct pr_error e;
        struct fixture *f = fixture_new("models/qwen3-tiny", PR_F32, kind ? 4 : 0);
        if (kind == 2) {
            temp_copy("adapters/qwen3-all-linear/adapter_config.json", "model/adapter_config.json");
            temp_unlink("model/model.safetensors");
        }
        if (pr_save_source_read(f->save.model, NULL, f->net, &f->source, &e))
            fail_msg("%s", e.message);
        saved(f, 5);
        if (kind == 2)
            temp_text("model/adapter_config.json", "{}");
        else
            temp_remove(f->save.model);
        saved(f, 6);
        for (size_t i = 0; i < (kind ? 2 : 4); i++)
            same_file(names[i]);
        if (kind)
            same_file("adapter_config.json");
        temp_remove(f->save.out);
        temp_remove(f->save.model);
        fixture_free(f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_saved_model_is_the_one_it_came_from),
        TEST(each_architecture_and_type_opens_without_a_word),
        TEST(config_keeps_what_the_source_had_and_its_style),
        TEST(a_new_models_config_is_complete),
        TEST(shards_are_the_same_model),
        TEST(state_goes_round_bit_for_bit),
        TEST(a_state_that_does_not_fit_is_refused_by_name),
        TEST(an_adapter_is_a_peft_folder),
        TEST(an_adapter_that_is_continued_keeps_its_settings),
        TEST(a_base_from_the_cache_goes_by_its_name),
        TEST(a_source_that_changes_or_goes_changes_no_checkpoint),
        TEST(no_more_is_written_than_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
