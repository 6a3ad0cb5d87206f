/* safetensors: what the format allows is read, every breach of it is refused by field and offset.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/json.h"
#include "base/str.h"
#include "model/safetensors.h"

/* Builds a file in memory: length field, header, `data` bytes announced but not held. */
static enum pr_code parse(
    const char *header, uint64_t data, struct pr_safetensors **ret, struct pr_error *e)
{
    static unsigned char buf[1 << 16];
    size_t n = strlen(header);
    assert_true(n + 8 <= sizeof buf);
    for (int i = 0; i < 8; i++)
        buf[i] = (unsigned char)(n >> 8 * i);
    memcpy(buf + 8, header, n);
    return pr_safetensors_parse(buf, n + 8, 8 + n + data, "f.safetensors", ret, e);
}

static void refused(const char *header, uint64_t data, enum pr_code code, const char *text)
{
    struct pr_safetensors *s = NULL;
    struct pr_error e = {0};
    assert_int_equal(parse(header, data, &s, &e), code);
    assert_null(s);
    if (!strstr(e.message, text))
        fail_msg("'%s' does not say '%s'", e.message, text);
    assert_non_null(strstr(e.message, "f.safetensors: "));
}

static void each_stored_file_gives_its_expected_outcome(void **state)
{
    (void)state;
    char *text;
    size_t n, seen = 0;
    struct pr_error e;
    assert_int_equal(
        pr_file_read(AT_FDCWD, PR_FIXTURES "/malformed/MANIFEST.jsonl", 1 << 20, &text, &n, &e), 0);
    for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1) {
        json_t *entry;
        assert_int_equal(pr_json_parse(line, (size_t)(end - line), 0, NULL, &entry, NULL, &e), 0);
        if (!strcmp(json_string_value(json_object_get(entry, "kind")), "safetensors")) {
            char *path = pr_path_join(
                PR_FIXTURES "/malformed", json_string_value(json_object_get(entry, "path")));
            struct pr_safetensors *s = NULL;
            bool reject = !strcmp(json_string_value(json_object_get(entry, "expect")), "reject");
            enum pr_code code = pr_safetensors_open(AT_FDCWD, path, true, &s, &e);
            if (reject != (code != PR_OK))
                fail_msg("%s: %s", path, code ? e.message : "accepted");
            if (code && !strstr(e.message, ".safetensors: "))
                fail_msg("%s: the message '%s' names no file", path, e.message);
            pr_safetensors_free(s);
            pr_free(path);
            seen++;
        }
        json_decref(entry);
    }
    pr_free(text);
    assert_true(seen >= 20);
}

static void tensors_are_listed_by_place_and_found_by_name(void **state)
{
    (void)state;
    struct pr_safetensors *s;
    struct pr_error e;
    assert_int_equal(pr_safetensors_open(AT_FDCWD,
                         PR_FIXTURES "/malformed/safetensors/unordered.safetensors", true, &s, &e),
        0);
    assert_int_equal(pr_safetensors_count(s), 2);
    const struct pr_tensor *a = pr_safetensors_at(s, 0), *b = pr_safetensors_at(s, 1);
    assert_string_equal(a->name, "a");
    assert_string_equal(b->name, "b");
    assert_ptr_equal(pr_safetensors_find(s, "b"), b);
    assert_null(pr_safetensors_find(s, "c"));
    assert_null(pr_safetensors_at(s, 2));
    float x[2];
    memcpy(x, a->data, sizeof x);
    assert_true(x[0] == 0 && x[1] == 0.5f);
    memcpy(x, b->data, sizeof x);
    assert_true(x[0] == 1 && x[1] == 1.5f);
    pr_safetensors_drop(s, a->data, a->bytes);
    memcpy(x, a->data, sizeof x);
    assert_true(x[1] == 0.5f);
    pr_safetensors_free(s);
}

static void scalars_empty_tensors_and_metadata_are_fine(void **state)
{
    (void)state;
    struct pr_safetensors *s;
    struct pr_error e;
    assert_int_equal(parse("{\"__metadata__\":{\"format\":\"pt\"},"
                           "\"z\":{\"dtype\":\"F32\",\"shape\":[0,4],\"data_offsets\":[4,4]},"
                           "\"s\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]},"
                           "\"y\":{\"dtype\":\"BF16\",\"shape\":[3],\"data_offsets\":[4,10]}}  ",
                         10, &s, &e),
        0);
    assert_int_equal(pr_safetensors_count(s), 3);
    assert_int_equal(pr_safetensors_find(s, "s")->n, 1);
    assert_int_equal(pr_safetensors_find(s, "s")->rank, 0);
    assert_int_equal(pr_safetensors_find(s, "z")->n, 0);
    assert_null(pr_safetensors_find(s, "y")->data);
    pr_safetensors_free(s);
    assert_int_equal(parse("{}", 0, &s, &e), 0);
    assert_int_equal(pr_safetensors_count(s), 0);
    pr_safetensors_free(s);
}

static void breaches_are_named(void **state)
{
    (void)state;
    refused("{\"__metadata__\":{\"a\":1}}", 0, PR_E_FORMAT, "'a' is an integer");
    refused("{\"__metadata__\":[]}", 0, PR_E_FORMAT, "'__metadata__' is an array");
    refused("{\"t\":[]}", 0, PR_E_FORMAT, "tensor 't' is an array");
    refused("{\"t\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, PR_E_FORMAT, "'dtype' is nothing");
    refused("{\"t\":{\"dtype\":\"F4\",\"shape\":[2],\"data_offsets\":[0,1]}}", 1, PR_E_UNSUPPORTED,
        "dtype F4");
    refused("{\"t\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", 4, PR_E_FORMAT,
        "unknown dtype 'F31'");
    refused("{\"t\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", 4, PR_E_FORMAT,
        "'shape'[0]");
    refused("{\"t\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, PR_E_FORMAT,
        "'shape'[0]");
    refused("{\"t\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,4]}}", 4,
        PR_E_UNSUPPORTED, "9 dimensions");
    refused("{\"t\":{\"dtype\":\"F64\",\"shape\":[2305843009213693952],\"data_offsets\":[0,4]}}", 4,
        PR_E_FORMAT, "does not fit in 64 bits");
    refused("{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, PR_E_FORMAT,
        "'data_offsets'");
    refused("{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4.0]}}", 4, PR_E_FORMAT,
        "'data_offsets'[1]");
    refused("{\"t\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, PR_E_FORMAT,
        "belong to no tensor");
    refused(" {}", 0, PR_E_FORMAT, "does not begin with '{'");
    refused("{} x", 0, PR_E_FORMAT, "not valid JSON");
}

static void a_short_file_is_incomplete_and_says_both_sizes(void **state)
{
    (void)state;
    const char *h = "{\"t\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}";
    char text[80];
    snprintf(text, sizeof text, "ends at byte %zu, the file has %zu", 8 + strlen(h) + 16,
        8 + strlen(h) + 9);
    refused(h, 9, PR_E_INCOMPLETE, text);
    refused(h, 17, PR_E_FORMAT, "the last tensor ends at byte");
    struct pr_safetensors *s;
    struct pr_error e;
    assert_int_equal(
        pr_safetensors_parse("\x40\0\0\0\0\0\0\0{", 9, 9, "f", &s, &e), PR_E_INCOMPLETE);
    assert_int_equal(pr_safetensors_parse("\x40\0", 2, 2, "f", &s, &e), PR_E_INCOMPLETE);
    assert_int_equal(
        pr_safetensors_parse("\x40\0\0\0\0\0\0\x80", 8, 1 << 20, "f", &s, &e), PR_E_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_stored_file_gives_its_expected_outcome),
        cmocka_unit_test(tensors_are_listed_by_place_and_found_by_name),
        cmocka_unit_test(scalars_empty_tensors_and_metadata_are_fine),
        cmocka_unit_test(breaches_are_named),
        cmocka_unit_test(a_short_file_is_incomplete_and_says_both_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
