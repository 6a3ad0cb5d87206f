/* Small pure pieces: when answers agree, what is filled in where, which source a text names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/alloc.h"
#include "deploy/probe.h"
#include "deploy/source.h"

static atomic_bool stop;

static void answers_agree_but_for_thoughts_and_white_space(void **state)
{
    (void)state;
    assert_true(pr_deploy_answers_agree("42", " 42\n"));
    assert_true(pr_deploy_answers_agree("42", "<think>\nsix times seven\n</think>\n\n42"));
    assert_true(pr_deploy_answers_agree("", ""));
    assert_false(pr_deploy_answers_agree("42", "43"));
    assert_false(pr_deploy_answers_agree("42", "42."));
    assert_false(pr_deploy_answers_agree("42", ""));
    assert_false(pr_deploy_answers_agree("4 2", "42"));
}

static void what_is_filled_in_stays_one_value(void **state)
{
    (void)state;
    const struct pr_deploy_settings s = {.target = NULL};
    const struct pr_ask a = {.settings = &s,
        .path = "/a b/\"c\"&d",
        .name = "n",
        .version = "v-1",
        .slot = 2,
        .url = "http://h"};
    const struct {
        const char *text;
        enum pr_fill how;
        const char *filled;
    } cases[] = {
        {"{path}", PR_FILL_PLAIN, "/a b/\"c\"&d"},
        {"{\"p\": \"{path}\"}", PR_FILL_JSON, "{\"p\": \"/a b/\\\"c\\\"&d\"}"},
        {"http://x/?p={path}&n={name}", PR_FILL_URL, "http://x/?p=%2Fa%20b%2F%22c%22%26d&n=n"},
        {"{name}-{version}-{slot}-{url}", PR_FILL_PLAIN, "n-v-1-2-http://h"},
        {"{unknown} {path", PR_FILL_PLAIN, "{unknown} {path"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *filled = pr_ask_fill(&a, cases[i].text, cases[i].how);
        assert_string_equal(filled, cases[i].filled);
        pr_free(filled);
    }
}

static void a_driver_says_which_key_it_lacks(void **state)
{
    (void)state;
    static const char *const lacks[][2] = {{"proctor", "deploy.url"}, {"sglang", "deploy.url"},
        {"llama-server", "deploy.url"}, {"command", "deploy.command"}, {"http", "deploy.http_url"},
        {"vllm", "deploy.start_command"}, {"x", "no 'x'"}};
    const struct pr_driver *d;
    struct pr_error e;
    for (size_t i = 0; i < sizeof lacks / sizeof *lacks; i++) {
        char *driver = pr_strdup(lacks[i][0]);
        const struct pr_deploy_settings s = {.driver = driver};
        assert_int_equal(pr_driver_check(&s, &d, &e), PR_E_USAGE);
        assert_non_null(strstr(e.message, lacks[i][1]));
        pr_free(driver);
    }
}

static void a_source_that_is_none_is_refused(void **state)
{
    (void)state;
    struct pr_deploy_documents d;
    struct pr_error e;
    static const char *const bad[] = {"", "elsewhere", "-x:/a", "peer", ":/a", "a b:/c", "h;x:/a"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *source = pr_strdup(bad[i]);
        const struct pr_deploy_settings s = {.source = source};
        if (pr_deploy_documents_read(&s, "/nonexistent", NULL, &d, &e) != PR_E_USAGE)
            fail_msg("'%s' was taken", bad[i]);
        pr_free(source);
    }
    assert_string_equal(pr_deploy_source_peer("peer trainer"), "trainer");
    assert_null(pr_deploy_source_peer("local"));
    const struct pr_deploy_settings local = {.source = NULL};
    assert_int_equal(pr_deploy_documents_read(&local, "/nonexistent", NULL, &d, &e), PR_OK);
    assert_null(d.comparison);
}

/* A server that loads something already, and a stop that comes before it says so. */
static void *busy(void *arg)
{
    int at = *(int *)arg, fd = accept(at, NULL, NULL);
    char request[4096];
    static const char answer[] = "HTTP/1.1 409 Conflict\r\nContent-Length: 2\r\n"
                                 "Connection: close\r\n\r\n{}";
    if (fd >= 0 && read(fd, request, sizeof request) > 0) {
        atomic_store(&stop, true);
        (void)!write(fd, answer, sizeof answer - 1);
    }
    close(fd);
    return NULL;
}

static void a_stop_while_the_server_is_busy_is_no_failure(void **state)
{
    (void)state;
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    pthread_t thread;
    struct pr_error e;
    char url[64];
    int at = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(at, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(at, 1), 0);
    assert_int_equal(getsockname(at, (struct sockaddr *)&a, &n), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(a.sin_port));
    assert_int_equal(pthread_create(&thread, NULL, busy, &at), 0);
    const struct pr_deploy_settings s = {.timeout_seconds = 5};
    const struct pr_ask ask = {.settings = &s, .path = "/m", .url = url, .stop = &stop};
    assert_int_equal(pr_driver_proctor(&ask, &e), PR_E_CANCELLED);
    pthread_join(thread, NULL);
    close(at);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_agree_but_for_thoughts_and_white_space),
        cmocka_unit_test(what_is_filled_in_stays_one_value),
        cmocka_unit_test(a_driver_says_which_key_it_lacks),
        cmocka_unit_test(a_source_that_is_none_is_refused),
        cmocka_unit_test(a_stop_while_the_server_is_busy_is_no_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
