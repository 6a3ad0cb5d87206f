/* Checkpoint folders: what is opened, what is refused and how it is named, what counts as complete.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/checkpoint.h"
#include "model/folder.h"
#include "temp_folder.h"

#define TINY "models/qwen3-tiny"

static const struct pr_checkpoint_options whole = {.weights = true, .scan = true};

static struct pr_checkpoint *opened(const char *dir)
{
    struct pr_checkpoint *c = NULL;
    struct pr_error e;
    if (pr_checkpoint_open(dir, &whole, &c, &e))
        fail_msg("%s", e.message);
    return c;
}

static void refused(const char *dir, enum pr_code code, const char *text)
{
    struct pr_checkpoint *c = NULL;
    struct pr_error e = {0};
    enum pr_code got = pr_checkpoint_open(dir, &whole, &c, &e);
    if (got != code || !strstr(e.message, text))
        fail_msg("%s: '%s' (%s) is not '%s' (%s)", dir, e.message, pr_code_name(got), text,
            pr_code_name(code));
    assert_null(c);
}

static bool noted(const struct pr_checkpoint *c, const char *text)
{
    const struct pr_notes *notes = pr_checkpoint_notes(c);
    for (size_t i = 0; i < notes->n; i++)
        if (strstr(notes->v[i], text))
            return true;
    return false;
}

static void each_stored_folder_gives_its_expected_outcome(void **state)
{
    (void)state;
    char *text;
    size_t n, seen = 0;
    assert_int_equal(
        pr_file_read(AT_FDCWD, PR_FIXTURES "/malformed/MANIFEST.jsonl", 1 << 20, &text, &n, NULL),
        0);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        json_t *entry;
        assert_int_equal(pr_json_parse(line, (size_t)(end - line), 0, NULL, &entry, NULL, NULL), 0);
        const char *expect = json_string_value(json_object_get(entry, "expect"));
        if (!strcmp(json_string_value(json_object_get(entry, "kind")), "checkpoint")) {
            char *path = pr_path_join(
                PR_FIXTURES "/malformed", json_string_value(json_object_get(entry, "path")));
            struct pr_checkpoint *c = NULL;
            struct pr_error e;
            enum pr_code code = pr_checkpoint_open(path, &whole, &c, &e);
            if (!strcmp(expect, "reject") != (code != PR_OK))
                fail_msg("%s: %s", path, code ? e.message : "accepted");
            if (!strcmp(expect, "accept_with_warning") && !pr_checkpoint_notes(c)->n)
                fail_msg("%s: no warning", path);
            pr_checkpoint_free(c);
            pr_free(path);
            seen++;
        }
        json_decref(entry);
    }
    pr_free(text);
    assert_true(seen >= 15);
}

static void bad_values_are_noted_by_tensor_and_place(void **state)
{
    (void)state;
    struct pr_checkpoint *c = opened(PR_FIXTURES "/malformed/checkpoint/nan_weight");
    assert_true(noted(c, "'model.layers.0.mlp.up_proj.weight': 1 NaN and 0 infinite"));
    pr_checkpoint_free(c);
    c = opened(PR_FIXTURES "/malformed/checkpoint/inf_weight");
    assert_true(noted(c, "'model.layers.0.self_attn.q_proj.weight': 0 NaN and 1 infinite"));
    pr_checkpoint_free(c);
}

static void shards_are_one_set_of_tensors(void **state)
{
    (void)state;
    struct pr_checkpoint *c = opened(PR_FIXTURES "/models/qwen3-tiny-untied");
    const struct pr_tensor *a = pr_checkpoint_tensor(c, "model.embed_tokens.weight");
    const struct pr_tensor *b = pr_checkpoint_tensor(c, "lm_head.weight");
    assert_true(a && a->data && b && b->data);
    assert_int_equal(a->shape[0], 1024);
    assert_null(pr_checkpoint_tensor(c, "model.layers.3.mlp.up_proj.weight"));
    assert_int_equal(
        pr_checkpoint_weight_bytes(c), 2 * pr_model_config_parameters(pr_checkpoint_config(c)));
    assert_int_equal(pr_checkpoint_notes(c)->n, 0);
    pr_checkpoint_drop(c, a);
    pr_checkpoint_free(c);
}

static void texts_around_the_weights_are_read(void **state)
{
    (void)state;
    struct pr_checkpoint *c = opened(PR_FIXTURES "/models/llama-tiny");
    size_t n;
    const int32_t *eos = pr_checkpoint_eos(c, &n);
    assert_int_equal(n, 2);
    assert_int_equal(eos[0], 1499);
    assert_string_equal(pr_checkpoint_special(c, "bos_token"), "<|begin_of_text|>");
    assert_null(pr_checkpoint_special(c, "unk_token"));
    assert_non_null(strstr(pr_checkpoint_template(c), "start_header_id"));
    assert_string_equal(pr_checkpoint_name(c), "llama-tiny");
    const struct pr_tokenizer *t;
    assert_int_equal(pr_checkpoint_tokenizer(c, &t, NULL), 0);
    assert_int_equal(pr_tokenizer_size(t), 1500);
    pr_checkpoint_free(c);
}

static void templates_and_specials_have_their_order(void **state)
{
    (void)state;
    temp_copy_folder(TINY, "m");
    temp_text("m/tokenizer_config.json",
        "{\"bos_token\":null,\"eos_token\":{\"content\":\"<e>\",\"lstrip\":false},\"chat_"
        "template\":"
        "[{\"name\":\"tool_use\",\"template\":\"T\"},{\"name\":\"default\",\"template\":\"D\"}]}");
    temp_text("m/special_tokens_map.json", "{\"eos_token\":\"<x>\",\"pad_token\":\"<p>\"}");
    struct pr_checkpoint *c = opened(temp_path("m"));
    assert_string_equal(pr_checkpoint_template(c), /* tools decide, see pr_template_choose */
        "{%+ if tools is defined and tools is not none +%}T{%+ else +%}D{%+ endif +%}");
    assert_string_equal(
        pr_checkpoint_special(c, "eos_token"), "<x>"); /* as older folders have it */
    assert_string_equal(pr_checkpoint_special(c, "pad_token"), "<p>");
    assert_null(pr_checkpoint_special(c, "bos_token"));
    assert_int_equal(json_object_size(pr_checkpoint_specials(c)), 2);
    pr_checkpoint_free(c);

    temp_text("m/tokenizer_config.json",
        "{\"additional_special_tokens\":[\"<a>\",{\"content\":\"<b>\"}],\"extra_special_tokens\":"
        "{\"image_token\":\"<i>\"}}");
    c = opened(temp_path("m"));
    const json_t *more = json_object_get(pr_checkpoint_specials(c), "additional_special_tokens");
    assert_int_equal(json_array_size(more), 2);
    assert_string_equal(json_string_value(json_array_get(more, 1)), "<b>");
    assert_string_equal(pr_checkpoint_special(c, "image_token"), "<i>");
    pr_checkpoint_free(c);

    temp_text("m/tokenizer_config.json", "{\"eos_token\":\"<e>\",\"added_tokens_decoder\":{}}");
    temp_text("m/chat_template.jinja", "J\r\nK\rL");
    c = opened(temp_path("m"));
    assert_string_equal(pr_checkpoint_special(c, "eos_token"), "<e>");
    assert_string_equal(pr_checkpoint_special(c, "pad_token"), "<p>");
    assert_string_equal(pr_checkpoint_template(c), "J\nK\nL");
    pr_checkpoint_free(c);

    temp_unlink("m/chat_template.jinja");
    temp_unlink("m/tokenizer_config.json");
    temp_unlink("m/generation_config.json");
    temp_text("m/chat_template.json", "{\"chat_template\":\"C\"}");
    c = opened(temp_path("m"));
    size_t n;
    pr_checkpoint_eos(c, &n);
    assert_int_equal(n, 0); /* neither file names one, and Qwen3's class has none */
    assert_string_equal(pr_checkpoint_template(c), "C");
    pr_checkpoint_free(c);

    temp_text("m/tokenizer_config.json", "{\"chat_template\":7}");
    refused(temp_path("m"), PR_E_FORMAT, "m: tokenizer_config.json: 'chat_template' is an integer");
    temp_text("m/tokenizer_config.json", "{\"eos_token\":[]}");
    refused(temp_path("m"), PR_E_FORMAT, "'eos_token' is an array");
}

static void a_tokenizer_alone_is_enough_without_weights(void **state)
{
    (void)state;
    struct pr_checkpoint *c;
    struct pr_checkpoint_options o = {0};
    struct pr_error e;
    const struct pr_tokenizer *t;
    temp_mkdir("t");
    temp_copy(TINY "/tokenizer.json", "t/tokenizer.json");
    assert_int_equal(pr_checkpoint_open(temp_path("t"), &o, &c, &e), 0);
    assert_null(pr_checkpoint_config(c));
    assert_null(pr_checkpoint_template(c));
    assert_int_equal(pr_checkpoint_tokenizer(c, &t, &e), 0);
    pr_checkpoint_free(c);
    refused(temp_path("t"), PR_E_INCOMPLETE, "t: config.json is not there yet");
    temp_mkdir("e");
    assert_int_equal(pr_checkpoint_open(temp_path("e"), &o, &c, &e), PR_E_NOT_FOUND);
}

static void heads_are_settled_by_what_is_there(void **state)
{
    (void)state;
    char *text;
    size_t n;
    temp_copy_folder(TINY, "m");
    assert_int_equal(
        pr_file_read(AT_FDCWD, temp_path("m/config.json"), 1 << 16, &text, &n, NULL), 0);
    char *key = strstr(text, "\"tie_word_embeddings\": true,");
    assert_non_null(key);
    memcpy(key, "\"tie_word_embeddings\":false,", 28);
    temp_write("m/config.json", text, n);
    refused(temp_path("m"), PR_E_FORMAT, "m: tensor 'lm_head.weight' is missing");
    memset(key, 32, 28);
    temp_write("m/config.json", text, n);
    pr_free(text);
    struct pr_checkpoint *c = opened(temp_path("m"));
    assert_true(pr_checkpoint_config(c)->tied);
    assert_true(noted(c, "taken as tied"));
    assert_null(pr_checkpoint_tensor(c, "lm_head.weight"));
    pr_checkpoint_free(c);
}

/* ---- links ---- */

static void links_are_followed_only_where_they_stay(void **state)
{
    (void)state;
    temp_copy_folder(TINY, "m");
    assert_int_equal(rename(temp_path("m/config.json"), temp_path("m/real.json")), 0);
    assert_int_equal(symlink("real.json", temp_path("m/config.json")), 0);
    pr_checkpoint_free(opened(temp_path("m")));

    assert_int_equal(rename(temp_path("m/real.json"), temp_path("away.json")), 0);
    temp_unlink("m/config.json");
    assert_int_equal(symlink("../away.json", temp_path("m/config.json")), 0);
    refused(temp_path("m"), PR_E_FORMAT,
        "config.json: a symbolic link to '../away.json' is not followed");
    temp_unlink("m/config.json");
    assert_int_equal(symlink(temp_path("away.json"), temp_path("m/config.json")), 0);
    refused(temp_path("m"), PR_E_FORMAT, "is not followed");
    /* The Hugging Face cache's form counts only where the folder lies in such a cache. */
    temp_unlink("m/config.json");
    assert_int_equal(symlink("../../blobs/abc", temp_path("m/config.json")), 0);
    refused(temp_path("m"), PR_E_FORMAT, "is not followed");
}

static void a_folder_of_the_hugging_face_cache_is_opened(void **state)
{
    (void)state;
    static const char *const names[] = {"config.json", "model.safetensors", "tokenizer.json"};
    temp_mkdir("models--o--n/blobs");
    temp_mkdir("models--o--n/snapshots/0123");
    for (size_t i = 0; i < 3; i++) {
        char from[200], blob[200], target[200], link[200];
        snprintf(from, sizeof from, TINY "/%s", names[i]);
        snprintf(blob, sizeof blob, "models--o--n/blobs/b%zu", i);
        snprintf(target, sizeof target, "../../blobs/b%zu", i);
        snprintf(link, sizeof link, "models--o--n/snapshots/0123/%s", names[i]);
        temp_copy(from, blob);
        assert_int_equal(symlink(target, temp_path(link)), 0);
    }
    pr_checkpoint_free(opened(temp_path("models--o--n/snapshots/0123")));
    temp_mkdir("models--o--n/snapshots/0123/sub");
    for (size_t i = 0; i < 3; i++) {
        char target[200], link[200];
        snprintf(target, sizeof target, "../../../blobs/b%zu", i);
        snprintf(link, sizeof link, "models--o--n/snapshots/0123/sub/%s", names[i]);
        assert_int_equal(symlink(target, temp_path(link)), 0);
    }
    pr_checkpoint_free(opened(temp_path("models--o--n/snapshots/0123/sub")));
    temp_unlink("models--o--n/snapshots/0123/config.json");
    temp_copy(TINY "/config.json", "away.json");
    assert_int_equal(
        symlink("../../../away.json", temp_path("models--o--n/snapshots/0123/config.json")), 0);
    refused(temp_path("models--o--n/snapshots/0123"), PR_E_FORMAT, "is not followed");
    /* Nor may the blobs' folder be a link to elsewhere. */
    temp_mkdir("evil/snapshots/0123");
    assert_int_equal(symlink("../models--o--n/blobs", temp_path("evil/blobs")), 0);
    assert_int_equal(symlink("../../blobs/b0", temp_path("evil/snapshots/0123/config.json")), 0);
    refused(temp_path("evil/snapshots/0123"), PR_E_IO, "config.json: ../../blobs: Not a directory");
}

/* ---- complete? ---- */

static void complete(const char *dir)
{
    bool yes = false;
    struct pr_error reason = {0}, e;
    assert_int_equal(pr_checkpoint_complete(temp_path(dir), &yes, &reason, &e), 0);
    if (!yes)
        fail_msg("%s", reason.message);
}

static void incomplete(const char *dir, const char *text)
{
    bool yes = true;
    struct pr_error reason = {0}, e;
    assert_int_equal(pr_checkpoint_complete(temp_path(dir), &yes, &reason, &e), 0);
    assert_false(yes);
    if (!strstr(reason.message, text))
        fail_msg("'%s' does not say '%s'", reason.message, text);
    refused(temp_path(dir), reason.code, text);
}

static void a_plain_model_is_complete_when_every_byte_is_there(void **state)
{
    (void)state;
    temp_copy_folder(TINY, "m");
    complete("m");
    temp_text("m/checkpoint-is-incomplete.txt", "");
    incomplete("m", "m: checkpoint-is-incomplete.txt says");
    temp_unlink("m/checkpoint-is-incomplete.txt");
    temp_cut("m/model.safetensors", 1);
    incomplete("m", "m: model.safetensors: tensor 'model.norm.weight' ends at byte 708784, the "
                    "file has 708783");
    temp_cut("m/model.safetensors", 708783);
    incomplete("m", "the file ends within the 8-byte header length");
    temp_unlink("m/model.safetensors");
    incomplete("m", "m: model.safetensors is not there yet");
    temp_text("m/pytorch_model.bin", "x");
    refused(temp_path("m"), PR_E_UNSUPPORTED, "pickle");
    bool yes;
    assert_int_equal(pr_checkpoint_complete(temp_path("m"), &yes, NULL, NULL), PR_E_UNSUPPORTED);
}

static void config_that_is_cut_off_is_not_complete(void **state)
{
    (void)state;
    temp_copy_folder(TINY, "m");
    temp_cut("m/config.json", 5);
    incomplete("m", "m: config.json: not valid JSON");
    temp_unlink("m/config.json");
    incomplete("m", "config.json is not there yet");
}

static void shards_are_complete_with_their_index_and_all_of_it(void **state)
{
    (void)state;
    temp_copy_folder("models/qwen3-tiny-untied", "m");
    complete("m");
    assert_int_equal(rename(temp_path("m/model.safetensors.index.json"), temp_path("m/i")), 0);
    incomplete("m", "there are shards, but model.safetensors.index.json is not there yet");
    assert_int_equal(rename(temp_path("m/i"), temp_path("m/model.safetensors.index.json")), 0);
    temp_cut("m/model-00002-of-00002.safetensors", 2);
    incomplete("m", "m: model-00002-of-00002.safetensors: tensor");
    temp_unlink("m/model-00002-of-00002.safetensors");
    incomplete("m", "names 'model-00002-of-00002.safetensors', which is not there");
}

static void trainer_state_is_asked_for_where_siblings_have_one(void **state)
{
    (void)state;
    temp_copy_folder(TINY, "checkpoint-20");
    complete("checkpoint-20"); /* no siblings */
    temp_mkdir("checkpoint-10");
    complete("checkpoint-20"); /* a sibling without */
    temp_text("checkpoint-10/trainer_state.json", "{\"global_step\":10}");
    incomplete("checkpoint-20",
        "checkpoint-20: trainer_state.json is not there yet (trainers write it "
        "last; checkpoint-10 has one)");
    temp_text("checkpoint-20/trainer_state.json", "{\"global_step\":2");
    incomplete("checkpoint-20", "trainer_state.json: not valid JSON");
    temp_text("checkpoint-20/trainer_state.json", "{\"global_step\":19}");
    incomplete("checkpoint-20", "'global_step' is 19, expected the folder's 20");
    temp_text("checkpoint-20/trainer_state.json", "{\"global_step\":20,\"best_metric\":NaN}");
    complete("checkpoint-20");
    /* A folder that is no checkpoint-N is not one of the row. */
    assert_int_equal(rename(temp_path("checkpoint-20"), temp_path("best")), 0);
    temp_unlink("best/trainer_state.json");
    complete("best");
}

static void changes_after_opening_are_seen(void **state)
{
    (void)state;
    struct pr_error e;
    temp_copy_folder(TINY, "m");
    struct pr_checkpoint *c = opened(temp_path("m"));
    assert_int_equal(pr_checkpoint_unchanged(c, &e), 0);
    temp_text("m/chat_template.jinja", "new");
    assert_int_equal(pr_checkpoint_unchanged(c, &e), PR_E_CHANGED);
    assert_non_null(strstr(e.message, "m: chat_template.jinja: appeared"));
    temp_unlink("m/chat_template.jinja");
    assert_int_equal(pr_checkpoint_unchanged(c, &e), 0);
    temp_copy(TINY "/generation_config.json", "m/generation_config.json");
    assert_int_equal(pr_checkpoint_unchanged(c, &e), PR_E_CHANGED);
    assert_non_null(strstr(e.message, "m: generation_config.json: changed"));
    temp_unlink("m/model.safetensors");
    assert_int_equal(pr_checkpoint_unchanged(c, &e), PR_E_CHANGED);
    assert_non_null(strstr(e.message, "model.safetensors: the file is gone"));
    pr_checkpoint_free(c);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, temp_setup, temp_teardown)
    const struct CMUnitTest tests[] = {
        T(each_stored_folder_gives_its_expected_outcome),
        T(bad_values_are_noted_by_tensor_and_place),
        T(shards_are_one_set_of_tensors),
        T(texts_around_the_weights_are_read),
        T(templates_and_specials_have_their_order),
        T(a_tokenizer_alone_is_enough_without_weights),
        T(heads_are_settled_by_what_is_there),
        T(links_are_followed_only_where_they_stay),
        T(a_folder_of_the_hugging_face_cache_is_opened),
        T(a_plain_model_is_complete_when_every_byte_is_there),
        T(config_that_is_cut_off_is_not_complete),
        T(shards_are_complete_with_their_index_and_all_of_it),
        T(trainer_state_is_asked_for_where_siblings_have_one),
        T(changes_after_opening_are_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
