/* The token, sessions, and whose request it is. */
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

#include "api/auth.h"
#include "base/alloc.h"
#include "base/file.h"
#include "base/secret.h"
#include "http/hosts.h"

#define SECOND INT64_C(1000000000)

static char folder[64], path[96];

static int setup(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/proctor-auth-XXXXXX");
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/token", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void write_token(const char *text, mode_t mode)
{
    struct pr_error e;
    assert_int_equal(pr_file_write_atomic(path, text, strlen(text), &e), PR_OK);
    assert_int_equal(chmod(path, mode), 0);
}

static struct pr_api_auth *with(const char *token)
{
    struct pr_api_auth *a = NULL;
    struct pr_error e;
    write_token(token, 0600);
    if (pr_api_auth_new(path, &a, &e))
        fail_msg("%s", e.message);
    return a;
}

static enum pr_code refused(const char *token, mode_t mode)
{
    struct pr_api_auth *a = NULL;
    struct pr_error e;
    write_token(token, mode);
    enum pr_code code = pr_api_auth_new(path, &a, &e);
    assert_null(a);
    return code;
}

#define GOOD "0123456789abcdef0123456789abcdef"

static void a_token_is_made_once_for_its_owner_alone(void **state)
{
    struct pr_api_auth *a = NULL;
    struct pr_error e;
    struct stat st;
    char first[128] = "Bearer ", *text;
    size_t n;
    (void)state;
    assert_int_equal(pr_api_auth_new(path, &a, &e), PR_OK);
    pr_api_auth_free(a);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(pr_file_read(AT_FDCWD, path, 1000, &text, &n, &e), PR_OK);
    assert_int_equal(n, 65);
    memcpy(first + 7, text, 64);
    pr_free(text);
    assert_int_equal(pr_api_auth_new(path, &a, &e), PR_OK);
    assert_int_equal(pr_api_auth_check(a, first, NULL, "p", 1), PR_API_TOKEN);
    pr_api_auth_free(a);
}

static void a_file_that_is_no_secret_is_refused(void **state)
{
    (void)state;
    assert_int_equal(refused(GOOD, 0640), PR_E_USAGE);
    assert_int_equal(refused(GOOD, 0604), PR_E_USAGE);
    assert_int_equal(refused(GOOD, 0602), PR_E_USAGE);
    assert_int_equal(refused("", 0600), PR_E_USAGE);
    assert_int_equal(refused("short", 0600), PR_E_USAGE);
    assert_int_equal(refused("0123456789 abcdef0123", 0600), PR_E_USAGE);
    assert_int_equal(refused(GOOD "\n" GOOD, 0600), PR_E_USAGE);
    char large[400];
    memset(large, 'a', sizeof large);
    large[399] = 0;
    assert_int_equal(refused(large, 0600), PR_E_USAGE);
}

static void only_the_whole_token_counts(void **state)
{
    struct pr_api_auth *a = with(GOOD "\n");
    (void)state;
    assert_int_equal(pr_api_auth_check(a, NULL, NULL, "p", 1), PR_API_NOBODY);
    assert_int_equal(pr_api_auth_check(a, "Bearer " GOOD, NULL, "p", 1), PR_API_TOKEN);
    assert_int_equal(pr_api_auth_check(a, "bearer " GOOD, NULL, "p", 1), PR_API_TOKEN);
    static const char *const wrong[] = {GOOD, "Bearer ", "Bearer", "", "Basic " GOOD,
        "Bearer " GOOD "0", "Bearer 0123456789abcdef0123456789abcde"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(pr_api_auth_check(a, wrong[i], NULL, "p", 1), PR_API_WRONG);
    pr_api_auth_free(a);
    assert_true(pr_same_secret("abc", "abc"));
    assert_false(pr_same_secret("abc", "abd"));
    assert_false(pr_same_secret("abc", "abcabc"));
    assert_false(pr_same_secret("", "a"));
    assert_false(pr_same_secret("a", ""));
}

static void ten_wrong_ones_in_a_minute_make_an_address_wait(void **state)
{
    struct pr_api_auth *a = with(GOOD);
    char session[PR_API_SESSION_CHARS + 1];
    (void)state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(
            pr_api_auth_login(a, "wrong", "10.0.0.1", SECOND + i, session), PR_API_WRONG);
    assert_int_equal(pr_api_auth_login(a, GOOD, "10.0.0.1", 2 * SECOND, session), PR_API_WAIT);
    assert_int_equal(
        pr_api_auth_check(a, "Bearer " GOOD, NULL, "10.0.0.1", 2 * SECOND), PR_API_WAIT);
    assert_int_equal(pr_api_auth_login(a, GOOD, "10.0.0.2", 2 * SECOND, session), PR_API_TOKEN);
    assert_int_equal(pr_api_auth_login(a, GOOD, "10.0.0.1", 62 * SECOND, session), PR_API_TOKEN);
    pr_api_auth_free(a);
}

static void many_addresses_do_not_make_each_other_wait(void **state)
{
    struct pr_api_auth *a = with(GOOD);
    char peer[32], session[PR_API_SESSION_CHARS + 1];
    (void)state;
    for (int i = 0; i < 3000; i++) {
        snprintf(peer, sizeof peer, "10.0.%d.%d", i / 250, i % 250);
        assert_int_equal(pr_api_auth_login(a, "wrong", peer, SECOND + i, session), PR_API_WRONG);
    }
    assert_int_equal(pr_api_auth_login(a, GOOD, "10.9.9.9", 2 * SECOND, session), PR_API_TOKEN);
    pr_api_auth_free(a);
}

static void a_session_ends_by_signing_out_by_time_or_when_there_are_too_many(void **state)
{
    struct pr_api_auth *a = with(GOOD);
    char session[PR_API_SESSION_CHARS + 1], other[PR_API_SESSION_CHARS + 1], cookie[128];
    (void)state;
    assert_int_equal(pr_api_auth_login(a, GOOD, "p", SECOND, session), PR_API_TOKEN);
    snprintf(cookie, sizeof cookie, "x=y; proctor_session=%s; z=1", session);
    assert_int_equal(pr_api_auth_check(a, NULL, cookie, "p", 2 * SECOND), PR_API_SESSION);
    assert_true(pr_api_auth_has_session(a, cookie, 2 * SECOND));
    int64_t later = (PR_API_SESSION_S + 3) * SECOND;
    assert_false(pr_api_auth_has_session(a, cookie, later));
    assert_int_equal(pr_api_auth_check(a, NULL, cookie, "p", later), PR_API_WRONG);
    assert_int_equal(pr_api_auth_login(a, GOOD, "p", later, session), PR_API_TOKEN);
    snprintf(cookie, sizeof cookie, "proctor_session=%s", session);
    pr_api_auth_logout(a, cookie);
    assert_false(pr_api_auth_has_session(a, cookie, later));
    assert_int_equal(pr_api_auth_login(a, GOOD, "p", later, session), PR_API_TOKEN);
    snprintf(cookie, sizeof cookie, "proctor_session=%s", session);
    for (int i = 0; i < 256; i++)
        assert_int_equal(pr_api_auth_login(a, GOOD, "p", later + 1 + i, other), PR_API_TOKEN);
    assert_false(pr_api_auth_has_session(a, cookie, later + 300));
    assert_int_equal(
        pr_api_auth_check(a, NULL, "proctor_session=short", "p", later), PR_API_NOBODY);
    pr_api_auth_free(a);
}

static void a_host_is_ours_by_address_or_by_name(void **state)
{
    json_t *names = json_array();
    (void)state;
    json_array_append_new(names, json_string("trainer.lan"));
    static const char *const yes[] = {
        "localhost", "127.0.0.1:8080", "[::1]:1", "10.0.0.5", "10.0.0.5:5000", "TRAINER.lan"};
    static const char *const no[] = {"", ":", ":80", "evil", "10.0.0.6", "[10.0.0.5", "[]",
        "localhost:x", "localhost.", "127.0.0.1.evil", "0x7f.1", "2130706433"};
    for (size_t i = 0; i < sizeof yes / sizeof *yes; i++)
        if (!pr_host_is_ours(yes[i], "10.0.0.5", "10.0.0.5", names))
            fail_msg("%s", yes[i]);
    for (size_t i = 0; i < sizeof no / sizeof *no; i++)
        if (pr_host_is_ours(no[i], "10.0.0.5", "10.0.0.5", names))
            fail_msg("%s", no[i]);
    assert_false(pr_host_is_ours(NULL, "10.0.0.5", "10.0.0.5", names));
    /* Bound to all addresses: the one that this connection came in at. */
    assert_true(pr_host_is_ours("10.0.0.7:1", "0.0.0.0", "10.0.0.7", names));
    assert_false(pr_host_is_ours("10.0.0.8:1", "0.0.0.0", "10.0.0.7", names));
    assert_true(pr_host_is_ours("[fe80::0:1]", "::", "fe80::1", names));
    json_decref(names);
}

static void an_origin_is_this_very_host_and_port(void **state)
{
    static const struct {
        const char *origin, *site, *host;
        bool tls, by_cookie, ours;
    } cases[] = {
        {NULL, NULL, "localhost:80", false, false, true},
        {NULL, NULL, "localhost:80", false, true, false},
        {NULL, "same-origin", "localhost:80", false, true, true},
        {NULL, "none", "localhost:80", false, true, false},
        {NULL, "cross-site", "localhost:80", false, false, false},
        {"http://localhost:8080", NULL, "localhost:8080", false, true, true},
        {"http://localhost:8081", NULL, "localhost:8080", false, true, false},
        {"http://localhost", NULL, "localhost:80", false, true, true},
        {"http://localhost:80", NULL, "localhost", false, true, true},
        {"https://localhost", NULL, "localhost:443", true, true, true},
        {"http://localhost", NULL, "localhost", true, true, false},
        {"https://trainer.lan", NULL, "trainer.lan", false, true, true},
        {"http://localhost:8080.evil", NULL, "localhost:8080", false, false, false},
        {"null", NULL, "localhost", false, false, false},
        {"", NULL, "localhost", false, false, false},
        {"file://localhost", NULL, "localhost", false, false, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (pr_origin_is_ours(cases[i].origin, cases[i].site, cases[i].host, cases[i].tls,
                cases[i].by_cookie) != cases[i].ours)
            fail_msg("case %zu: %s at %s", i, cases[i].origin, cases[i].host);
}

int main(void)
{
#define EACH(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        EACH(a_token_is_made_once_for_its_owner_alone),
        EACH(a_file_that_is_no_secret_is_refused),
        EACH(only_the_whole_token_counts),
        EACH(ten_wrong_ones_in_a_minute_make_an_address_wait),
        EACH(many_addresses_do_not_make_each_other_wait),
        EACH(a_session_ends_by_signing_out_by_time_or_when_there_are_too_many),
        cmocka_unit_test(a_host_is_ours_by_address_or_by_name),
        cmocka_unit_test(an_origin_is_this_very_host_and_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
