/* Fingerprints: equal to an independent program's, different whenever a result could be, cached by
 * what the files are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

#include <cmocka.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/fault.h"
#include "model/fingerprint.h"
#include "temp_folder.h"

#define STYLE "variants/smollm-style"

static void fingerprint_of(const char *dir, const char *base, int threads, char ret[65])
{
    struct pr_checkpoint_options o = {.weights = true, .base_model = base};
    struct pr_checkpoint *c = NULL;
    struct pr_error e;
    if (pr_checkpoint_open(dir, &o, &c, &e) || pr_checkpoint_fingerprint(c, threads, ret, &e))
        fail_msg("%s", e.message);
    pr_checkpoint_free(c);
}

static void vectors_of_an_independent_program_are_met(void **state)
{
    (void)state;
    json_t *vectors;
    const char *name;
    json_t *want;
    size_t seen = 0;
    assert_int_equal(
        pr_json_read(AT_FDCWD, PR_FIXTURES "/fingerprint/vectors.json", 1 << 16, 0, &vectors, NULL),
        0);
    json_object_foreach (vectors, name, want) {
        char *dir = pr_path_join(PR_FIXTURES, name), got[65];
        bool adapter = strstr(name, "adapter");
        fingerprint_of(dir, adapter ? PR_FIXTURES "/" STYLE : NULL, 1, got);
        if (strcmp(got, json_string_value(want)))
            fail_msg("%s: %s, expected %s", name, got, json_string_value(want));
        pr_free(dir);
        seen++;
    }
    json_decref(vectors);
    assert_int_equal(seen, 9);
}

static void blocks_of_four_mebibytes_make_a_tree(void **state)
{
    (void)state;
    size_t n = 8388614;
    unsigned char *data = pr_alloc(n);
    for (size_t i = 0; i < n; i++)
        data[i] = (unsigned char)(i * 7 + (i >> 8));
    struct pr_tensor a = {.name = "a", .dtype = PR_F32, .rank = 2, .shape = {0, 3}};
    struct pr_tensor ab = {
        .name = "a.b", .dtype = PR_F32, .rank = 1, .shape = {1}, .bytes = 4, .data = data};
    struct pr_tensor b = {
        .name = "b", .dtype = PR_BF16, .rank = 1, .shape = {n / 2}, .bytes = n, .data = data};
    const struct pr_tensor *all[] = {&a, &ab, &b};
    uint8_t digest[PR_SHA256_LEN];
    char hex[PR_SHA256_HEX];
    for (int threads = 0; threads < 3; threads++) {
        struct pr_pool *pool = NULL;
        if (threads)
            assert_int_equal(pr_pool_new(threads, &pool, NULL), 0);
        assert_true(pr_fingerprint_tensors(all, 3, NULL, pool, &(struct pr_stop){0}, digest));
        pr_pool_free(pool);
        pr_sha256_hex(digest, hex);
        assert_string_equal(
            hex, "c30ce16d723c7a965534135e89cb008a45bc79c45b8db41a1236c2b81c23680b");
    }
    pr_free(data);
}

/* Says so from the nth time on that it is asked. */
struct teller {
    atomic_int asked, nth, hashed;
};
static struct teller teller;

static bool told(void *ctx)
{
    struct teller *t = ctx;
    return atomic_fetch_add(&t->asked, 1) + 1 >= atomic_load(&t->nth);
}

static void count_blocks(enum pr_fault point)
{
    atomic_fetch_add(&teller.hashed, point == PR_FAULT_LOAD_HASHED);
}

/* No part of the weights is half a fingerprint, and the checkpoint is as good as before. */
static void hashing_ends_when_it_is_told_to(void **state)
{
    const struct pr_checkpoint_options o = {.weights = true, .stop = {told, &teller}};
    char dir[600], first[65], then[65] = "";
    struct pr_checkpoint *c;
    struct pr_error e;
    (void)state;
    snprintf(dir, sizeof dir, "%s/models/qwen3-tiny", PR_FIXTURES);
    setenv("XDG_CACHE_HOME", "/dev/null/none", 1);
    pr_fault_hook = count_blocks;
    for (int threads = 1; threads < 3; threads++) {
        teller = (struct teller){.nth = 4};
        assert_int_equal(pr_checkpoint_open(dir, &o, &c, &e), PR_OK);
        assert_int_equal(pr_checkpoint_fingerprint(c, threads, then, &e), PR_E_CANCELLED);
        assert_non_null(strstr(e.message, "told to stop"));
        assert_string_equal(then, "");
        assert_int_equal(atomic_load(&teller.hashed), 3);
        teller = (struct teller){.nth = INT_MAX};
        assert_int_equal(pr_checkpoint_fingerprint(c, threads, first, &e), PR_OK);
        assert_true(atomic_load(&teller.hashed) > 10);
        pr_checkpoint_free(c);
    }
    pr_fault_hook = NULL;
}

static void whatever_changes_results_changes_it(void **state)
{
    (void)state;
    char was[65], now[65], *text;
    size_t n;
    temp_copy_folder("models/qwen3-tiny", "m");
    fingerprint_of(temp_path("m"), NULL, 0, was);

    /* What does not: another place, another style of config.json, the trainer's files. */
    fingerprint_of(PR_FIXTURES "/models/qwen3-tiny-v5config", NULL, 0, now);
    assert_string_equal(was, now);
    temp_text("m/trainer_state.json", "{\"global_step\":7}");
    temp_text("m/optimizer.pt", "x");
    temp_text("m/generation_config.json", "{\"eos_token_id\":[1014,1012],\"pad_token_id\":1012,"
                                          "\"do_sample\":false,\"transformers_version\":\"9\"}");
    fingerprint_of(temp_path("m"), NULL, 0, now);
    assert_string_equal(was, now);

    temp_text("m/chat_template.jinja", "x");
    fingerprint_of(temp_path("m"), NULL, 0, now);
    assert_string_not_equal(was, now);
    temp_unlink("m/chat_template.jinja");

    temp_text("m/generation_config.json", "{\"eos_token_id\":[1012]}");
    fingerprint_of(temp_path("m"), NULL, 0, now);
    assert_string_not_equal(was, now);
    temp_copy("models/qwen3-tiny/generation_config.json", "m/generation_config.json");

    temp_copy("models/llama-tiny/tokenizer_config.json", "m/tokenizer_config.json");
    fingerprint_of(temp_path("m"), NULL, 0, now);
    assert_string_not_equal(was, now);
    temp_copy("models/qwen3-tiny/tokenizer_config.json", "m/tokenizer_config.json");

    assert_int_equal(
        pr_file_read(AT_FDCWD, temp_path("m/tokenizer.json"), 1 << 20, &text, &n, NULL), 0);
    char *at = strstr(text, "NFC");
    assert_non_null(at);
    memcpy(at, "NFD", 3);
    temp_write("m/tokenizer.json", text, n);
    pr_free(text);
    fingerprint_of(temp_path("m"), NULL, 0, now);
    assert_string_not_equal(was, now);
    temp_copy("models/qwen3-tiny/tokenizer.json", "m/tokenizer.json");

    assert_int_equal(
        pr_file_read(AT_FDCWD, temp_path("m/config.json"), 1 << 16, &text, &n, NULL), 0);
    at = strstr(text, "10000.0");
    assert_non_null(at);
    at[0] = '2';
    temp_write("m/config.json", text, n);
    pr_free(text);
    fingerprint_of(temp_path("m"), NULL, 0, now);
    assert_string_not_equal(was, now);
    temp_copy("models/qwen3-tiny/config.json", "m/config.json");

    assert_int_equal(
        pr_file_read(AT_FDCWD, temp_path("m/model.safetensors"), 1 << 20, &text, &n, NULL), 0);
    text[n - 1] ^= 1;
    temp_write("m/model.safetensors", text, n);
    pr_free(text);
    fingerprint_of(temp_path("m"), NULL, 0, now);
    assert_string_not_equal(was, now);
    temp_copy("models/qwen3-tiny/model.safetensors", "m/model.safetensors");
    fingerprint_of(temp_path("m"), NULL, 0, now);
    assert_string_equal(was, now);
}

static void the_cache_serves_settled_files_and_survives_nonsense(void **state)
{
    (void)state;
    static const char fake[] = "1111111111111111111111111111111111111111111111111111111111111111";
    char was[65], now[65], **names, entry[300];
    size_t n = 0;
    temp_copy_folder(STYLE, "m");
    fingerprint_of(temp_path("m"), NULL, 0, was);
    assert_false(pr_path_exists(temp_path("proctor/fingerprints"))); /* too fresh to rely on */
    nanosleep(&(struct timespec){.tv_sec = 2, .tv_nsec = 200000000}, NULL);
    fingerprint_of(temp_path("m"), NULL, 0, now);
    assert_string_equal(was, now);
    assert_int_equal(pr_dir_list(temp_path("proctor/fingerprints"), &names, &n, NULL), 0);
    assert_int_equal(n, 1);
    snprintf(entry, sizeof entry, "proctor/fingerprints/%s", names[0]);
    pr_names_free(names, n);

    temp_text(entry, fake);
    fingerprint_of(temp_path("m"), NULL, 0, now);
    assert_string_equal(was, now); /* no line: not taken, and written anew */
    char line[80];
    snprintf(line, sizeof line, "%s\n", fake);
    temp_text(entry, line);
    fingerprint_of(temp_path("m"), NULL, 0, now);
    assert_string_equal(now, fake);                   /* so it is the cache that answered */
    temp_copy(STYLE "/config.json", "m/config.json"); /* another mtime: another key */
    fingerprint_of(temp_path("m"), NULL, 0, now);
    assert_string_equal(was, now);
}

static void without_a_cache_it_is_computed(void **state)
{
    (void)state;
    char a[65], b[65];
    fingerprint_of(PR_FIXTURES "/" STYLE, NULL, 1, a);
    temp_text("file", "");
    setenv("XDG_CACHE_HOME", temp_path("file"), 1);
    fingerprint_of(PR_FIXTURES "/" STYLE, NULL, 1, b);
    assert_string_equal(a, b);
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    fingerprint_of(PR_FIXTURES "/" STYLE, NULL, 1, b);
    assert_string_equal(a, b);
}

static void a_change_while_hashing_voids_it(void **state)
{
    (void)state;
    struct pr_checkpoint_options o = {.weights = true};
    struct pr_checkpoint *c = NULL;
    struct pr_error e;
    char hex[65] = "";
    temp_copy_folder(STYLE, "m");
    assert_int_equal(pr_checkpoint_open(temp_path("m"), &o, &c, &e), 0);
    temp_copy(STYLE "/config.json", "m/config.json");
    assert_int_equal(pr_checkpoint_fingerprint(c, 1, hex, &e), PR_E_CHANGED);
    assert_string_equal(hex, "");
    pr_checkpoint_free(c);
}

static int setup(void **state)
{
    int failed = temp_setup(state);
    setenv("XDG_CACHE_HOME", temp_root, 1);
    return failed;
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, temp_teardown)
    const struct CMUnitTest tests[] = {
        T(vectors_of_an_independent_program_are_met),
        T(blocks_of_four_mebibytes_make_a_tree),
        T(hashing_ends_when_it_is_told_to),
        T(whatever_changes_results_changes_it),
        T(the_cache_serves_settled_files_and_survives_nonsense),
        T(without_a_cache_it_is_computed),
        T(a_change_while_hashing_voids_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
