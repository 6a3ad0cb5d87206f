/* Files that are written are those that the format describes: read back by our reader and by the
 * bytes, aligned, whole or refused. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "base/json.h"
#include "model/safetensors_write.h"
#include "temp_folder.h"

static const char *const format[][2] = {{"format", "pt"}};
static int dir;

static int setup(void **state)
{
    int rc = temp_setup(state);
    dir = rc ? -1 : open(temp_root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return dir < 0 ? -1 : 0;
}

static int teardown(void **state)
{
    close(dir);
    return temp_teardown(state);
}

static struct pr_safetensors_writer *begin(const struct pr_safetensors_entry *v, size_t n)
{
    struct pr_safetensors_writer *w = NULL;
    struct pr_error e;
    if (pr_safetensors_writer_open(dir, "f.safetensors", v, n, format, 1, &w, &e))
        fail_msg("%s", e.message);
    return w;
}

static void end(struct pr_safetensors_writer *w)
{
    struct pr_error e;
    if (pr_safetensors_writer_close(w, NULL, &e))
        fail_msg("%s", e.message);
}

static void what_is_written_is_read_back_bit_for_bit(void **state)
{
    (void)state;
    enum { N = 300007 }; /* more than a buffer holds */
    const struct pr_safetensors_entry v[] = {
        {"step", PR_I64, 0, {0}},
        {"a.weight", PR_F32, 2, {N, 1}},
        {"empty", PR_F32, 1, {0}},
        {"b \"quoted\" \xc3\xbc", PR_BF16, 1, {5}},
        {"c", PR_F16, 1, {3}},
    };
    float *a = pr_alloc(N * sizeof *a);
    const float b[5] = {1, -2.5f, 3.14159f, 1e30f, 0};
    int64_t step = 1234567890123;
    struct pr_safetensors *s;
    struct pr_error e;
    for (size_t i = 0; i < N; i++)
        a[i] = (float)i * 0.37f;
    struct pr_safetensors_writer *w = begin(v, 5);
    assert_int_equal(pr_safetensors_writer_bytes(w, &step, sizeof step, &e), 0);
    assert_int_equal(pr_safetensors_writer_f32(w, a, 7, &e), 0); /* in parts */
    assert_int_equal(pr_safetensors_writer_f32(w, a + 7, N - 7, &e), 0);
    assert_int_equal(pr_safetensors_writer_f32(w, b, 5, &e), 0);
    assert_int_equal(pr_safetensors_writer_f32(w, b, 3, &e), 0);
    end(w);
    if (pr_safetensors_open(dir, "f.safetensors", true, &s, &e))
        fail_msg("%s", e.message);
    assert_int_equal(pr_safetensors_count(s), 5);
    assert_memory_equal(pr_safetensors_find(s, "step")->data, &step, sizeof step);
    assert_memory_equal(pr_safetensors_find(s, "a.weight")->data, a, N * sizeof *a);
    const struct pr_tensor *t = pr_safetensors_find(s, v[3].name);
    for (size_t i = 0; i < 5; i++) {
        uint16_t h = pr_f32_to_bf16(b[i]);
        assert_memory_equal((const char *)t->data + 2 * i, &h, 2);
    }
    t = pr_safetensors_find(s, "c");
    uint16_t h = pr_f32_to_f16(b[2]);
    assert_memory_equal((const char *)t->data + 4, &h, 2);
    for (size_t i = 0; i < 5; i++) {
        t = pr_safetensors_find(s, v[i].name);
        assert_int_equal(t->offset % pr_dtype_size(t->dtype), 0);
        assert_int_equal(t->dtype, v[i].dtype);
        assert_int_equal(t->rank, v[i].rank);
    }
    assert_int_equal(pr_safetensors_at(s, 0)->offset % 64, 0);
    pr_safetensors_free(s);
    pr_free(a);
}

static void the_header_says_what_transformers_wants_to_see(void **state)
{
    (void)state;
    const struct pr_safetensors_entry v = {"a", PR_F32, 1, {1}};
    const float x = 2;
    char *bytes;
    size_t n;
    json_t *header;
    struct pr_error e;
    char said_sum[PR_SHA256_HEX], sum[PR_SHA256_HEX];
    uint8_t digest[PR_SHA256_LEN];
    struct pr_safetensors_writer *w = begin(&v, 1);
    assert_int_equal(pr_safetensors_writer_f32(w, &x, 1, &e), 0);
    assert_int_equal(pr_safetensors_writer_close(w, said_sum, &e), 0);
    assert_int_equal(pr_file_read(dir, "f.safetensors", 1 << 20, &bytes, &n, &e), 0);
    pr_sha256(bytes, n, digest);
    pr_sha256_hex(digest, sum);
    assert_string_equal(said_sum, sum);
    assert_int_equal(n % 64, 4);
    uint64_t length;
    memcpy(&length, bytes, 8);
    assert_int_equal(8 + length + 4, n);
    assert_int_equal(pr_json_parse(bytes + 8, length, 0, NULL, &header, NULL, &e), 0);
    json_t *said = json_object_get(header, "__metadata__");
    assert_string_equal(json_string_value(json_object_get(said, "format")), "pt");
    json_decref(header);
    pr_free(bytes);
}

static void refused(const struct pr_safetensors_entry *v, size_t n, enum pr_code code)
{
    struct pr_safetensors_writer *w = NULL;
    struct pr_error e;
    assert_int_equal(
        pr_safetensors_writer_open(dir, "bad.safetensors", v, n, NULL, 0, &w, &e), code);
    assert_null(w);
    temp_unlink("bad.safetensors");
}

static void what_cannot_be_a_file_is_refused(void **state)
{
    (void)state;
    const struct pr_safetensors_entry twice[] = {{"a", PR_F32, 1, {1}}, {"a", PR_F32, 1, {1}}};
    const struct pr_safetensors_entry crooked[] = {{"a", PR_BF16, 1, {1}}, {"b", PR_F32, 1, {1}}};
    const struct pr_safetensors_entry huge = {"a", PR_F32, 2, {1ull << 40, 1ull << 30}};
    const struct pr_safetensors_entry latin = {"\xfc", PR_F32, 1, {1}};
    refused(twice, 2, PR_E_USAGE);
    refused(crooked, 2, PR_E_USAGE);
    refused(&huge, 1, PR_E_LIMIT);
    refused(&latin, 1, PR_E_USAGE);
}

static void too_much_and_too_little_data_are_refused(void **state)
{
    (void)state;
    const struct pr_safetensors_entry v[] = {{"a", PR_F32, 1, {2}}, {"n", PR_I32, 1, {1}}};
    const float x[3] = {1, 2, 3};
    struct pr_error e;
    struct pr_safetensors_writer *w = begin(v, 2);
    assert_int_equal(pr_safetensors_writer_f32(w, x, 3, &e), PR_E_USAGE);
    assert_int_equal(pr_safetensors_writer_f32(w, x, 2, &e), 0);
    assert_int_equal(pr_safetensors_writer_f32(w, x, 1, &e), PR_E_USAGE); /* not of f32 */
    assert_int_equal(pr_safetensors_writer_close(w, NULL, &e), PR_E_USAGE);
    assert_non_null(strstr(e.message, "'n' did not come whole"));
    temp_unlink("f.safetensors");
    w = begin(v, 1);
    assert_int_equal(pr_safetensors_writer_f32(w, x, 2, &e), 0);
    assert_int_equal(pr_safetensors_writer_f32(w, x, 1, &e), PR_E_USAGE);
    end(w);
}

static void a_file_that_is_there_is_not_touched(void **state)
{
    (void)state;
    const struct pr_safetensors_entry v = {"a", PR_F32, 1, {1}};
    struct pr_safetensors_writer *w = NULL;
    struct pr_error e;
    char *bytes;
    size_t n;
    temp_text("f.safetensors", "precious");
    assert_int_equal(
        pr_safetensors_writer_open(dir, "f.safetensors", &v, 1, NULL, 0, &w, &e), PR_E_IO);
    assert_int_equal(pr_file_read(dir, "f.safetensors", 64, &bytes, &n, &e), 0);
    assert_string_equal(bytes, "precious");
    pr_free(bytes);
}

static void a_full_disk_is_said(void **state)
{
    (void)state;
    const struct pr_safetensors_entry v = {"a", PR_F32, 1, {1 << 20}};
    struct pr_safetensors_writer *w = NULL;
    struct pr_error e;
    struct rlimit before, small;
    float *x = pr_zalloc((size_t)4 << 20);
    getrlimit(RLIMIT_FSIZE, &before);
    small = (struct rlimit){1 << 20, before.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    enum pr_code code = pr_safetensors_writer_open(dir, "f.safetensors", &v, 1, NULL, 0, &w, &e);
    if (!code) { /* a file system that cannot reserve */
        code = pr_safetensors_writer_f32(w, x, 1 << 20, &e);
        pr_safetensors_writer_drop(w);
    }
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(code, PR_E_IO);
    assert_int_equal(e.sys_errno, EFBIG);
    assert_non_null(strstr(e.message, "f.safetensors"));
    pr_free(x);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_written_is_read_back_bit_for_bit),
        TEST(the_header_says_what_transformers_wants_to_see),
        TEST(what_cannot_be_a_file_is_refused),
        TEST(too_much_and_too_little_data_are_refused),
        TEST(a_file_that_is_there_is_not_touched),
        TEST(a_full_disk_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
