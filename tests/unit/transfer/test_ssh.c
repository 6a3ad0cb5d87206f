/* How ssh and rsync are called: nothing that they are given is taken for anything else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/alloc.h"
#include "base/file.h"
#include "transfer/fetch_internal.h"

static enum pr_code open_host(const char *host, const char *user, const char *option)
{
    struct pr_error e;
    struct pr_store *s = NULL;
    struct pr_store_options o = {.host = host,
        .user = user,
        .dir = "/runs",
        .ssh_options = &option,
        .n_ssh_options = option != NULL};
    enum pr_code code = pr_store_open(&o, &s, &e);
    assert_true(code == PR_OK || *e.message);
    pr_store_free(s);
    return code;
}

static void test_hosts_that_are_options_are_refused(void **state)
{
    (void)state;
    static const char *const good[] = {"gpu-1", "gpu.example.org", "10.0.0.1", "fe80::1%eth0", "a"};
    static const char *const bad[] = {"", "-oProxyCommand=x", "a b", "a;b", "a$(b)", "a\nb", "u@h",
        "a/b", "[::1]", "'a'", "a\xc3\xa4"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_int_equal(open_host(good[i], NULL, NULL), PR_OK);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(open_host(bad[i], NULL, NULL), PR_E_USAGE);
        assert_int_equal(open_host("h", bad[i], NULL), PR_E_USAGE);
    }
    assert_int_equal(open_host("h", "user.name-1", "Port=22"), PR_OK);
    assert_int_equal(open_host("h", NULL, "-v"), PR_E_USAGE);
    assert_int_equal(open_host("h", NULL, "=x"), PR_E_USAGE);
    assert_int_equal(open_host("h", NULL, "A=b\nProxyCommand=x"), PR_E_USAGE);
}

static void test_ssh_never_asks_and_never_waits_for_ever(void **state)
{
    (void)state;
    char *options[] = {(char *)(uintptr_t) "ConnectTimeout=3"};
    char host[] = "h", user[] = "u";
    struct pr_ssh ssh = {.host = host,
        .user = user,
        .port = 2222,
        .options = options,
        .n_options = 1,
        .connect_timeout_s = 10};
    struct pr_str all = PR_STR_INIT(4096);
    size_t n;
    char **argv = pr_ssh_argv(&ssh, &n);
    assert_null(argv[n]);
    for (size_t i = 0; i < n; i++)
        pr_str_printf(&all, "%s ", argv[i]);
    assert_string_equal(pr_str_cstr(&all),
        "ssh -T -x -a -o BatchMode=yes -o ClearAllForwardings=yes -o ConnectTimeout=3 "
        "-o ConnectTimeout=10 -o ServerAliveInterval=15 -o ServerAliveCountMax=3 "
        "-p 2222 -l u ");
    pr_names_free(argv, n);
    pr_str_done(&all);
}

static void from_is(const char *host, const char *dir, const char *name, const char *expected)
{
    struct pr_store_options o = {.host = host, .dir = dir};
    struct pr_store *s = NULL;
    struct pr_str from = PR_STR_INIT(4096);
    assert_int_equal(pr_store_open(&o, &s, NULL), PR_OK);
    pr_rsync_from(s, name, &from);
    assert_string_equal(pr_str_cstr(&from), expected);
    pr_str_done(&from);
    pr_store_free(s);
}

static void test_folders_as_rsync_is_told_them(void **state)
{
    (void)state;
    from_is("h", "/runs", "checkpoint-1", "h:/runs/checkpoint-1/");
    from_is("h", "runs", "c", "h:./runs/c/");
    from_is("h", "~/runs", "c", "h:./runs/c/");
    from_is("h", "~", "c", "h:./c/");
    from_is("h", "-x", "-c", "h:./-x/-c/");
    from_is("::1", "/a b", "$(c)", "[::1]:/a b/$(c)/");
    from_is("h", "/a\\b", "c", "h:/a\\b/c/"); /* a backslash alone is no escape there */
    from_is("h", "/a\\[b", "c", "h:/a\\\\\\[b/c/");
    from_is("h", "/a\\b", "c*[", "h:/a\\b/c\\*\\[/");
}

static void quoted(const char *argument, const char *expected)
{
    struct pr_str s = PR_STR_INIT(1000);
    pr_rsync_quote(argument, &s);
    assert_string_equal(pr_str_cstr(&s), expected);
    pr_str_done(&s);
}

static void test_arguments_within_rsyncs_e(void **state)
{
    (void)state;
    quoted("ssh", "'ssh'");
    quoted("a b\"c\\", "'a b\"c\\'");
    quoted("it's ''", "'it''s '''''");
    quoted("", "''");
}

static enum pr_code explained(const char *said, const char *remedy)
{
    struct pr_error e;
    enum pr_code code = pr_ssh_explain("u@h:/runs", said, PR_E_IO, &e);
    if (strncmp(e.message, "u@h:/runs: ", 11) != 0 || !strstr(e.message, remedy))
        fail_msg("%s", e.message);
    return code;
}

static void test_complaints_come_with_a_remedy(void **state)
{
    (void)state;
    assert_int_equal(explained("@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n…\nHost "
                               "key verification failed.",
                         "ssh-keygen -R"),
        PR_E_USAGE);
    assert_int_equal(explained("Host key verification failed.", "by hand"), PR_E_USAGE);
    assert_int_equal(
        explained("u@h: Permission denied (publickey).", "authorized_keys"), PR_E_USAGE);
    assert_int_equal(
        explained("sh: 1: rsync: not found\nrsync: connection unexpectedly closed", "installed"),
        PR_E_USAGE);
    assert_int_equal(explained("connect to host h port 22: Connection refused", "sshd"), PR_E_IO);
    assert_int_equal(explained("", "cut off"), PR_E_IO);
    assert_int_equal(explained("something new", "something new"), PR_E_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts_that_are_options_are_refused),
        cmocka_unit_test(test_ssh_never_asks_and_never_waits_for_ever),
        cmocka_unit_test(test_folders_as_rsync_is_told_them),
        cmocka_unit_test(test_arguments_within_rsyncs_e),
        cmocka_unit_test(test_complaints_come_with_a_remedy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
