/* Requests to a real server (server.py): what is taken of an answer, and what is never followed,
 * waited for, or told. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/json.h"
#include "base/remove.h"
#include "base/subprocess.h"
#include "net/fetch.h"

static struct pr_child server;
static char folder[] = "/tmp/proctor-fetch-XXXXXX";
static json_t *ports;

static json_t *ask_server(const char *line)
{
    struct pr_error e;
    char *got;
    json_t *v;
    if (pr_child_ask(&server, line, strlen(line), 60000, 1 << 20, &got, &e))
        fail_msg("%s", e.message);
    assert_int_equal(pr_json_parse(got, strlen(got), PR_JSON_ANY, NULL, &v, NULL, &e), PR_OK);
    pr_free(got);
    return v;
}

static int start_server(void **state)
{
    (void)state;
    struct pr_error e;
    const char *argv[] = {"/usr/bin/python3", PR_SERVER, folder, NULL};
    if (!mkdtemp(folder) || pr_child_start(&server, argv, &e))
        return -1;
    ports = ask_server("ports");
    return 0;
}

static int stop_server(void **state)
{
    (void)state;
    pr_child_stop(&server);
    json_decref(ports);
    return pr_remove_tree(folder, NULL) ? -1 : 0;
}

static const char *url_of(const char *scheme, const char *host, const char *rest)
{
    static char url[300];
    long long port = json_integer_value(json_object_get(ports, scheme));
    snprintf(url, sizeof url, "%s://%s:%lld%s", strcmp(scheme, "https") ? "http" : scheme, host,
        port, rest);
    return url;
}

static const char *at(const char *rest)
{
    return url_of("http", "127.0.0.1", rest);
}

static void assert_fails(const struct pr_fetch_options *o, enum pr_code code, const char *says)
{
    struct pr_error e;
    struct pr_fetched f;
    assert_int_equal(pr_fetch(o, &f, &e), code);
    if (!strstr(e.message, says))
        fail_msg("'%s' does not say '%s'", e.message, says);
}

static void an_answer_comes_with_status_body_and_etag(void **state)
{
    (void)state;
    struct pr_fetched f;
    struct pr_error e;
    assert_int_equal(pr_fetch(&(struct pr_fetch_options){.url = at("/x?y=1")}, &f, &e), PR_OK);
    assert_int_equal(f.status, 200);
    assert_string_equal(pr_str_cstr(&f.body), "{\"fine\": true}");
    assert_string_equal(f.etag, "\"abc\"");
    assert_int_equal(f.retry_after_s, -1);
    pr_fetched_done(&f);
}

static void what_is_sent_arrives_as_it_is(void **state)
{
    (void)state;
    struct pr_fetched f;
    struct pr_error e;
    json_decref(ask_server("requests"));
    const char *headers[] = {"Content-Type: application/json", "X-Token: s3cret", NULL};
    struct pr_fetch_options o = {.method = "PUT",
        .url = at("/in?q=2"),
        .headers = headers,
        .body = "{\"a\":1}",
        .body_n = 7};
    assert_int_equal(pr_fetch(&o, &f, &e), PR_OK);
    pr_fetched_done(&f);
    json_t *all = ask_server("requests"), *r = json_array_get(all, 0),
           *h = json_object_get(r, "headers");
    assert_int_equal(json_array_size(all), 1);
    assert_string_equal(json_string_value(json_object_get(r, "method")), "PUT");
    assert_string_equal(json_string_value(json_object_get(r, "path")), "/in?q=2");
    assert_string_equal(json_string_value(json_object_get(r, "body")), "{\"a\":1}");
    assert_string_equal(json_string_value(json_object_get(h, "x-token")), "s3cret");
    assert_string_equal(json_string_value(json_object_get(h, "content-type")), "application/json");
    assert_null(json_object_get(h, "expect"));
    assert_null(json_object_get(h, "cookie"));
    json_decref(all);
}

static void a_status_is_an_answer_whatever_it_is(void **state)
{
    (void)state;
    struct pr_fetched f;
    struct pr_error e;
    assert_int_equal(pr_fetch(&(struct pr_fetch_options){.url = at("/status/503")}, &f, &e), PR_OK);
    assert_int_equal(f.status, 503);
    pr_fetched_done(&f);
    assert_int_equal(pr_fetch(&(struct pr_fetch_options){.url = at("/busy")}, &f, &e), PR_OK);
    assert_int_equal(f.status, 429);
    assert_int_equal(f.retry_after_s, 7);
    pr_fetched_done(&f);
}

static void a_redirect_is_not_followed(void **state)
{
    (void)state;
    struct pr_fetched f;
    struct pr_error e;
    json_decref(ask_server("requests"));
    assert_int_equal(pr_fetch(&(struct pr_fetch_options){.url = at("/moved")}, &f, &e), PR_OK);
    assert_int_equal(f.status, 302);
    pr_fetched_done(&f);
    json_t *all = ask_server("requests");
    assert_int_equal(json_array_size(all), 1);
    json_decref(all);
}

static void an_answer_that_is_too_large_is_refused(void **state)
{
    (void)state;
    static const char *const paths[] = {"/large", "/endless"};
    for (size_t i = 0; i < 2; i++)
        assert_fails(&(struct pr_fetch_options){.url = at(paths[i]), .max_bytes = 50000},
            PR_E_LIMIT, "larger than 50000 bytes");
    assert_fails(&(struct pr_fetch_options){.url = at("/headers")}, PR_E_LIMIT, "larger than");
}

static void a_slow_answer_is_given_up_though_bytes_come(void **state)
{
    (void)state;
    assert_fails(&(struct pr_fetch_options){.url = at("/slow"), .timeout_ms = 300}, PR_E_LIMIT,
        "no answer within 0.3 s");
}

static void *set_it(void *stop)
{
    usleep(50000);
    atomic_store((atomic_bool *)stop, true);
    return NULL;
}

static void a_request_ends_when_the_process_does(void **state)
{
    (void)state;
    atomic_bool stop = false;
    pthread_t t;
    pthread_create(&t, NULL, set_it, &stop);
    assert_fails(&(struct pr_fetch_options){.url = at("/slow"), .timeout_ms = 60000, .stop = &stop},
        PR_E_CANCELLED, "this process ends");
    pthread_join(t, NULL);
}

static void a_refused_or_cut_connection_is_named_by_its_host(void **state)
{
    (void)state;
    assert_fails(&(struct pr_fetch_options){.url = url_of("closed", "127.0.0.1", "/")}, PR_E_IO,
        ": cannot connect: Connection refused");
    assert_fails(&(struct pr_fetch_options){.url = at("/cut")}, PR_E_IO, "127.0.0.1:");
    assert_fails(&(struct pr_fetch_options){.url = "http://no-such-host.invalid/x"}, PR_E_IO,
        "no-such-host.invalid: ");
}

static void no_message_tells_what_a_url_hides(void **state)
{
    (void)state;
    struct pr_error e;
    struct pr_fetched f;
    static const char *const rests[] = {
        "/hidden-path?token=hidden-query#hidden", "/slow?hidden=1", "/cut?hidden=1"};
    for (size_t i = 0; i < 3; i++) {
        struct pr_fetch_options o = {.timeout_ms = 200,
            .url = url_of(i ? "http" : "closed", "hidden:hidden@127.0.0.1", rests[i])};
        assert_int_not_equal(pr_fetch(&o, &f, &e), PR_OK);
        assert_null(strstr(e.message, "hidden"));
    }
    char *shown = pr_fetch_shown("https://u:p@host.example:81/a/b?token=x#y");
    assert_string_equal(shown, "https://host.example:81/a/b");
    pr_free(shown);
    char *host = pr_fetch_host("https://u:p@host.example:81/a/b?token=x#y");
    assert_string_equal(host, "host.example:81");
    pr_free(host);
}

static void only_web_addresses_are_taken(void **state)
{
    (void)state;
    static const char *const urls[] = {"", "file:///etc/passwd", "ftp://a/b", "gopher://a",
        "a.example", "http://", "http://a b/", "http://a\r\nb/", "javascript:alert(1)",
        "http://h:99999/"};
    struct pr_error e;
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        assert_int_equal(pr_fetch_check(urls[i], &e), PR_E_USAGE);
        assert_fails(&(struct pr_fetch_options){.url = urls[i]}, PR_E_USAGE, "a url");
    }
    const char *headers[] = {"A: b\r\nInjected: c", NULL};
    assert_fails(
        &(struct pr_fetch_options){.url = at("/"), .headers = headers}, PR_E_USAGE, "header 1");
}

static void a_certificate_must_be_signed_by_who_is_trusted(void **state)
{
    (void)state;
    struct pr_fetched f;
    struct pr_error e;
    char *ca = pr_path_join(folder, "ca.pem");
    struct pr_fetch_options o = {.url = url_of("https", "localhost", "/"), .ca_file = ca};
    if (pr_fetch(&o, &f, &e))
        fail_msg("%s", e.message);
    assert_int_equal(f.status, 200);
    pr_fetched_done(&f);
    o.ca_file = NULL;
    assert_fails(&o, PR_E_IO, "certificate");
    o.ca_file = "/nowhere.pem";
    assert_fails(&o, PR_E_IO, "localhost:");
    pr_free(ca);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_with_status_body_and_etag),
        cmocka_unit_test(what_is_sent_arrives_as_it_is),
        cmocka_unit_test(a_status_is_an_answer_whatever_it_is),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(an_answer_that_is_too_large_is_refused),
        cmocka_unit_test(a_slow_answer_is_given_up_though_bytes_come),
        cmocka_unit_test(a_request_ends_when_the_process_does),
        cmocka_unit_test(a_refused_or_cut_connection_is_named_by_its_host),
        cmocka_unit_test(no_message_tells_what_a_url_hides),
        cmocka_unit_test(only_web_addresses_are_taken),
        cmocka_unit_test(a_certificate_must_be_signed_by_who_is_trusted),
    };
    return cmocka_run_group_tests(tests, start_server, stop_server);
}
