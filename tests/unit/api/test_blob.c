/* Bodies, their compressed form and their ETags. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "api/blob.h"
#include "base/alloc.h"
#include "base/gzip.h"

static struct pr_api_blob *of(const char *text, int64_t at_ms)
{
    struct pr_error e;
    json_t *o = NULL;
    if (pr_json_parse(text, strlen(text), PR_JSON_STRICT, NULL, &o, NULL, &e))
        fail_msg("%s", e.message);
    struct pr_api_blob *b = pr_api_blob_json(o, at_ms);
    json_decref(o);
    return b;
}

static bool alike(const char *a, const char *b)
{
    struct pr_api_blob *x = of(a, 1000), *y = of(b, 2000);
    bool ret = !strcmp(x->etag, y->etag);
    pr_api_blob_unref(x);
    pr_api_blob_unref(y);
    return ret;
}

static void the_envelope_comes_first(void **state)
{
    (void)state;
    struct pr_api_blob *b =
        of("{\"at\":\"x\",\"schema_version\":7,\"loss\":0.25,\"none\":null}", 1000);
    assert_string_equal(b->body,
        "{\"schema_version\":1,\"at\":\"1970-01-01T00:00:01Z\",\"loss\":0.25,"
        "\"none\":null}");
    assert_int_equal(b->n, strlen(b->body));
    assert_null(b->gz);
    pr_api_blob_unref(b);
}

static void only_content_changes_an_etag(void **state)
{
    (void)state;
    assert_true(alike("{\"a\":1}", "{\"a\":1}"));
    assert_false(alike("{\"a\":1}", "{\"a\":2}"));
    assert_true(
        alike("{\"t\":{\"age_seconds\":1.5,\"x\":1}}", "{\"t\":{\"age_seconds\":99,\"x\":1}}"));
    assert_true(alike("{\"q\":{\"oldest_seconds\":7}}", "{\"q\":{\"oldest_seconds\":8}}"));
    assert_false(
        alike("{\"t\":{\"age_seconds\":1.5,\"x\":1}}", "{\"t\":{\"age_seconds\":1.5,\"x\":2}}"));
    assert_true(alike("{\"t\":[{\"age_seconds\":1}]}", "{\"t\":[{\"age_seconds\":2}]}"));
    assert_true(alike("{\"m\":{\"at\":\"1970-01-01T00:00:01Z\",\"b\":2}}",
        "{\"m\":{\"at\":\"1970-01-01T00:00:02Z\",\"b\":2}}"));
    assert_false(alike(
        "{\"m\":{\"at\":\"1969-01-01T00:00:01Z\"}}", "{\"m\":{\"at\":\"1968-01-01T00:00:02Z\"}}"));
    /* What a model wrote is content, whatever it looks like. */
    assert_false(alike("{\"o\":\"\\\"age_seconds\\\":1,\"}", "{\"o\":\"\\\"age_seconds\\\":2,\"}"));
}

static void a_large_body_has_a_compressed_form_of_the_same_bytes(void **state)
{
    struct pr_str text = PR_STR_INIT(1 << 20);
    char *back;
    size_t n;
    (void)state;
    for (int i = 0; i < 2000; i++)
        pr_str_printf(&text, "line %d\n", i * i);
    struct pr_api_blob *b = pr_api_blob_text("text/plain", pr_str_cstr(&text), text.len);
    assert_non_null(b->gz);
    assert_true(b->gz_n < b->n);
    assert_string_not_equal(b->etag, b->etag_gz);
    assert_true(pr_gunzip(b->gz, b->gz_n, 1 << 20, &back, &n));
    assert_int_equal(n, text.len);
    assert_memory_equal(back, text.data, n);
    pr_free(back);
    assert_false(pr_gunzip(b->gz, b->gz_n, 100, &back, &n));
    assert_false(pr_gunzip(b->gz, b->gz_n / 2, 1 << 20, &back, &n));
    assert_false(pr_gunzip("no gzip", 7, 1 << 20, &back, &n));
    pr_api_blob_unref(b);
    pr_str_done(&text);
}

static void an_error_says_what_and_has_no_etag(void **state)
{
    static const struct {
        int status;
        const char *code;
    } cases[] = {{400, "bad_request"}, {401, "token_required"}, {404, "not_found"}, {429, "busy"},
        {503, "unavailable"}, {500, "failed"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pr_api_blob *b = pr_api_blob_error(cases[i].status, "a \"word\"\xff");
        assert_int_equal(b->status, cases[i].status);
        assert_non_null(strstr(b->body, cases[i].code));
        assert_non_null(strstr(b->body, "a \\\"word\\\"\xef\xbf\xbd"));
        assert_string_equal(b->etag, "");
        pr_api_blob_unref(b);
    }
    assert_int_equal(pr_api_status_of(PR_E_NOT_FOUND), 404);
    assert_int_equal(pr_api_status_of(PR_E_CANCELLED), 503);
    assert_int_equal(pr_api_status_of(PR_E_MEMORY), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_envelope_comes_first),
        cmocka_unit_test(only_content_changes_an_etag),
        cmocka_unit_test(a_large_body_has_a_compressed_form_of_the_same_bytes),
        cmocka_unit_test(an_error_says_what_and_has_no_etag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
