/* Is what lies elsewhere ready?  Judged from a skeleton, as pr_checkpoint_complete judges the
 * folder itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"
#include "model/checkpoint.h"
#include "transfer/ready.h"

static char top[] = "/tmp/proctor-ready-XXXXXX";

static char *path_of(const char *folder, const char *file)
{
    static char path[512];
    snprintf(path, sizeof path, "%s/runs/%s/%s", top, folder, file);
    return path;
}

static void put(const char *folder, const char *file, const char *bytes, size_t n)
{
    assert_int_equal(pr_mkdirs(path_of(folder, ""), NULL), PR_OK);
    assert_int_equal(pr_file_write_atomic(path_of(folder, file), bytes, n, NULL), PR_OK);
}

static void copy(const char *folder, const char *file)
{
    char from[512], *bytes;
    size_t n;
    snprintf(from, sizeof from, PR_FIXTURES "/models/qwen3-tiny-untied/%s", file);
    assert_int_equal(pr_file_read(AT_FDCWD, from, (size_t)1 << 24, &bytes, &n, NULL), PR_OK);
    put(folder, file, bytes, n);
    pr_free(bytes);
}

static void make(const char *folder)
{
    static const char *const files[] = {"config.json", "generation_config.json",
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
        "model.safetensors.index.json", "tokenizer.json", "tokenizer_config.json"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        copy(folder, files[i]);
}

static void state(const char *folder, const char *text)
{
    put(folder, "trainer_state.json", text, strlen(text));
}

static struct pr_readiness check(const char *name)
{
    struct pr_store_options o = {0};
    struct pr_store *s = NULL;
    struct pr_listing l;
    struct pr_readiness r;
    struct pr_error e, reason;
    char runs[512], **left;
    size_t n;
    snprintf(runs, sizeof runs, "%s/runs", top);
    o.dir = runs;
    assert_int_equal(pr_store_open(&o, &s, &e), PR_OK);
    if (pr_store_list(s, &l, &e) || pr_ready_check(s, &l, name, top, &r, &e))
        fail_msg("%s", e.message);
    pr_listing_done(&l);
    pr_store_free(s);
    /* what the folder itself is said to be, and nothing left behind */
    bool complete = false;
    if (pr_checkpoint_complete(path_of(name, ""), &complete, &reason, &e))
        fail_msg("%s", e.message);
    assert_int_equal(r.complete, complete);
    if (!complete)
        assert_string_equal(r.reason.message, reason.message);
    assert_int_equal(pr_dir_list(top, &left, &n, NULL), PR_OK);
    assert_int_equal(n, 1);
    pr_names_free(left, n);
    return r;
}

static void test_complete_ones_are_ready(void **state_)
{
    (void)state_;
    make("checkpoint-10");
    state("checkpoint-10", "{\"global_step\": 10, \"log_history\": [{\"step\": 1, \"loss\": 2.5}, "
                           "{\"step\": 5, \"loss\": NaN}]}");
    struct pr_readiness r = check("checkpoint-10");
    assert_true(r.complete);
    assert_int_equal(r.identity.step, 10);
    struct pr_checkpoint_origin o;
    assert_int_equal(pr_checkpoint_origin(path_of("checkpoint-10", ""), &o, NULL), PR_OK);
    assert_string_equal(r.identity.history, o.history);
}

/* Every file cut short or missing, as a trainer that is at it has it. */
static void test_half_written_ones_are_not(void **state_)
{
    (void)state_;
    static const char *const weights[] = {
        "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"};
    for (size_t i = 0; i < 2; i++) {
        const off_t lengths[] = {0, 4, 8, 100, 20000, -1};
        struct stat st;
        assert_int_equal(stat(path_of("checkpoint-10", weights[i]), &st), 0);
        for (size_t j = 0; j < sizeof lengths / sizeof *lengths; j++) {
            off_t to = lengths[j] < 0 ? st.st_size - 1 : lengths[j];
            assert_int_equal(truncate(path_of("checkpoint-10", weights[i]), to), 0);
            struct pr_readiness r = check("checkpoint-10");
            assert_false(r.complete);
            assert_non_null(strstr(r.reason.message, weights[i]));
        }
        assert_int_equal(unlink(path_of("checkpoint-10", weights[i])), 0);
        assert_false(check("checkpoint-10").complete);
        copy("checkpoint-10", weights[i]);
    }
    assert_true(check("checkpoint-10").complete);
    state("checkpoint-10", "{\"global_step\": 10, \"log_hist");
    assert_false(check("checkpoint-10").complete);
    state("checkpoint-10", "{\"global_step\": 20}"); /* a folder used again */
    assert_false(check("checkpoint-10").complete);
    state("checkpoint-10", "{\"global_step\": 10}");
    put("checkpoint-10", "checkpoint-is-incomplete.txt", "", 0);
    assert_false(check("checkpoint-10").complete);
    assert_int_equal(unlink(path_of("checkpoint-10", "checkpoint-is-incomplete.txt")), 0);
}

static void test_a_sibling_with_a_state_means_wait(void **state_)
{
    (void)state_;
    make("checkpoint-20");
    struct pr_readiness r = check("checkpoint-20");
    assert_false(r.complete);
    assert_non_null(strstr(r.reason.message, "trainer_state.json is not there yet"));
    assert_non_null(strstr(r.reason.message, "checkpoint-10 has one"));
}

static void test_a_header_longer_than_the_first_look(void **state_)
{
    (void)state_;
    static char text[300000];
    const char head[] = "{\"__metadata__\": {\"x\": \"";
    const char tail[] =
        "\"}, \"t\": {\"dtype\": \"U8\", \"shape\": [4], \"data_offsets\": [0, 4]}}";
    uint64_t len = 200000;
    memcpy(text, &len, 8);
    memset(text + 8, 'x', len);
    memcpy(text + 8, head, strlen(head));
    memcpy(text + 8 + len - strlen(tail), tail, strlen(tail));
    put("long", "config.json", "{}", 2);
    put("long", "model.safetensors", text, 8 + len + 4);
    assert_true(check("long").complete);
    put("long", "model.safetensors", text, 8 + len + 3);
    assert_false(check("long").complete);
}

static void test_a_link_is_named(void **state_)
{
    (void)state_;
    struct pr_store_options o = {0};
    struct pr_store *s = NULL;
    struct pr_listing l;
    struct pr_readiness r;
    struct pr_error e;
    char runs[512];
    make("linked");
    assert_int_equal(unlink(path_of("linked", "config.json")), 0);
    assert_int_equal(symlink("generation_config.json", path_of("linked", "config.json")), 0);
    snprintf(runs, sizeof runs, "%s/runs", top);
    o.dir = runs;
    assert_int_equal(pr_store_open(&o, &s, &e), PR_OK);
    assert_int_equal(pr_store_list(s, &l, &e), PR_OK);
    assert_int_equal(pr_ready_check(s, &l, "linked", top, &r, &e), PR_OK);
    assert_false(r.complete);
    assert_non_null(strstr(r.reason.message, "config.json is a symbolic link"));
    assert_int_equal(pr_ready_check(s, &l, "none", top, &r, &e), PR_E_NOT_FOUND);
    pr_listing_done(&l);
    pr_store_free(s);
}

static void test_identity_is_run_step_and_content(void **state_)
{
    (void)state_;
    state(
        "checkpoint-10", "{\"global_step\": 10, \"log_history\": [{\"step\": 1, \"loss\": 2.5}]}");
    struct pr_identity a = check("checkpoint-10").identity;
    struct pr_identity b = check("checkpoint-10").identity;
    assert_true(pr_identity_equal(&a, &b));
    state(
        "checkpoint-10", "{\"global_step\": 10, \"log_history\": [{\"step\": 1, \"loss\": 2.6}]}");
    b = check("checkpoint-10").identity;
    assert_int_equal(a.step, b.step);
    assert_string_not_equal(a.run, b.run);
    assert_string_not_equal(a.content, b.content);
    assert_false(pr_identity_equal(&a, &b));
}

static void test_two_looks(void **state_)
{
    (void)state_;
    struct pr_listed_file f = {.name = (char *)(uintptr_t) "a", .size = 1}, g = f;
    struct pr_listed a = {.files = &f, .n = 1}, b = {.files = &g, .n = 1};
    assert_int_equal(pr_ready_compare(NULL, &a), PR_READY_NEW);
    assert_int_equal(pr_ready_compare(&a, &b), PR_READY_STILL);
    g.mtime_ns = 1;
    assert_int_equal(pr_ready_compare(&a, &b), PR_READY_CHANGING);
}

static int clean(void **state_)
{
    (void)state_;
    return pr_remove_tree(top, NULL) ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_complete_ones_are_ready),
        cmocka_unit_test(test_half_written_ones_are_not),
        cmocka_unit_test(test_a_sibling_with_a_state_means_wait),
        cmocka_unit_test(test_a_header_longer_than_the_first_look),
        cmocka_unit_test(test_a_link_is_named),
        cmocka_unit_test(test_identity_is_run_step_and_content),
        cmocka_unit_test(test_two_looks),
    };
    if (!mkdtemp(top))
        return 1;
    return cmocka_run_group_tests(tests, NULL, clean);
}
