/* Talking with programs that are slow, noisy, cut off, or do not read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "base/clock.h"
#include "transfer/talk.h"

static struct pr_talk talk;
static struct pr_error e;
static atomic_bool stop;

static void start(const char *script)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    talk = (struct pr_talk){0};
    if (pr_talk_start(&talk, argv, &stop, &e))
        fail_msg("%s", e.message);
}

static int64_t in_ms(int ms)
{
    return pr_clock_monotonic_ns() + (int64_t)ms * 1000000;
}

static void gone(pid_t pid)
{
    assert_int_equal(talk.child.pid, 0);
    assert_int_equal(kill(pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static void test_bytes_and_entries(void **state)
{
    (void)state;
    const char *got;
    size_t n;
    int status;
    start("printf 'one\\0\\0ab\\0cd'; cat; exit 7");
    assert_int_equal(pr_talk_entry(&talk, 100, in_ms(5000), &got, &n, &e), PR_OK);
    assert_string_equal(got, "one");
    assert_int_equal(pr_talk_entry(&talk, 0, in_ms(5000), &got, &n, &e), PR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(pr_talk_take(&talk, 5, in_ms(5000), &got, &e), PR_OK);
    assert_memory_equal(got, "ab\0cd", 5);
    pr_talk_queue(&talk, "echo", 5);
    assert_int_equal(pr_talk_entry(&talk, 4, in_ms(5000), &got, &n, &e), PR_OK);
    assert_string_equal(got, "echo");
    assert_int_equal(pr_talk_finish(&talk, NULL, NULL, NULL, &status, &e), PR_OK);
    assert_int_equal(status, 7);
}

/* More than any pipe holds, each way, and on stderr too: nobody waits for the other. */
static void test_no_side_waits_for_the_other_for_ever(void **state)
{
    (void)state;
    static char big[1000000];
    const char *got;
    int status;
    memset(big, 'x', sizeof big);
    start("head -c 300000 /dev/zero >&2; head -c 1000000; head -c 300000 /dev/zero >&2; echo end "
          ">&2");
    pr_talk_queue(&talk, big, sizeof big);
    assert_int_equal(pr_talk_take(&talk, sizeof big, in_ms(20000), &got, &e), PR_OK);
    assert_memory_equal(got, big, sizeof big);
    assert_int_equal(pr_talk_finish(&talk, NULL, NULL, NULL, &status, &e), PR_OK);
    assert_int_equal(status, 0);
    const char *said = pr_talk_errors(&talk); /* its end */
    assert_string_equal(said + strlen(said) - 3, "end");
    assert_true(strlen(said) < sizeof talk.errors);
}

static void test_limits(void **state)
{
    (void)state;
    const char *got;
    size_t n;
    start("printf 'longer\\0'");
    assert_int_equal(pr_talk_entry(&talk, 5, in_ms(5000), &got, &n, &e), PR_E_LIMIT);
    pid_t pid = talk.child.pid;
    pr_talk_stop(&talk);
    gone(pid);
    start("printf endless; sleep 100");
    int64_t from = pr_clock_monotonic_ns();
    assert_int_equal(pr_talk_entry(&talk, 100, in_ms(50), &got, &n, &e), PR_E_LIMIT);
    assert_true(pr_clock_monotonic_ns() - from < 5000000000);
    pid = talk.child.pid;
    pr_talk_stop(&talk);
    gone(pid);
    pr_talk_stop(&talk);
}

static void test_one_that_ends_early_tells_why(void **state)
{
    (void)state;
    const char *got;
    int status;
    start("echo ' no such thing ' >&2; exit 3");
    pr_talk_queue(&talk, "unread", 6);
    assert_int_equal(pr_talk_take(&talk, 1, in_ms(5000), &got, &e), PR_E_IO);
    assert_string_equal(pr_talk_errors(&talk), "no such thing");
    pr_talk_stop(&talk);
    assert_string_equal(pr_talk_errors(&talk), "no such thing");
    start("exec <&-; kill -9 $$");
    pr_talk_queue(&talk, "unread", 6);
    assert_int_equal(pr_talk_finish(&talk, NULL, NULL, NULL, &status, &e), PR_OK);
    assert_int_equal(status, 128 + 9);
}

static void test_what_it_says_to_its_end_is_kept_up_to_a_bound(void **state)
{
    (void)state;
    struct pr_str said = PR_STR_INIT(200000);
    const char *got;
    size_t n;
    int status;
    start("printf 'hello\\0'; head -c 150000 /dev/zero | tr '\\0' x; echo end");
    assert_int_equal(pr_talk_entry(&talk, 100, in_ms(5000), &got, &n, &e), PR_OK);
    assert_int_equal(pr_talk_finish(&talk, NULL, NULL, &said, &status, &e), PR_OK);
    assert_int_equal(said.len, 150004);
    assert_string_equal(said.data + 149998, "xxend\n");
    pr_str_clear(&said);
    start("yes");
    pid_t pid = talk.child.pid;
    assert_int_equal(pr_talk_finish(&talk, NULL, NULL, &said, &status, &e), PR_E_LIMIT);
    gone(pid);
    pr_str_done(&said);
}

static void set_stop(void *ctx)
{
    int *ticks = ctx;
    if (++*ticks == 2)
        atomic_store(&stop, true);
}

static void test_it_stops_when_asked(void **state)
{
    (void)state;
    int ticks = 0, status;
    start("sleep 100 & sleep 100");
    pid_t pid = talk.child.pid;
    assert_int_equal(pr_talk_finish(&talk, set_stop, &ticks, NULL, &status, &e), PR_E_CANCELLED);
    atomic_store(&stop, false);
    gone(pid);
}

/* As ssh with ControlPersist does. */
static void test_one_that_leaves_its_output_to_another_has_ended(void **state)
{
    (void)state;
    int status;
    start("sleep 100 & exit 5");
    int64_t from = pr_clock_monotonic_ns();
    assert_int_equal(pr_talk_finish(&talk, NULL, NULL, NULL, &status, &e), PR_OK);
    assert_int_equal(status, 5);
    assert_true(pr_clock_monotonic_ns() - from < 5000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_and_entries),
        cmocka_unit_test(test_no_side_waits_for_the_other_for_ever),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_one_that_ends_early_tells_why),
        cmocka_unit_test(test_what_it_says_to_its_end_is_kept_up_to_a_bound),
        cmocka_unit_test(test_it_stops_when_asked),
        cmocka_unit_test(test_one_that_leaves_its_output_to_another_has_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
