/* systemd's notifications, against a real datagram socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/notify.h"

/* Binds a socket at a name as $NOTIFY_SOCKET spells it, and puts it there. */
static int listening(const char *name)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = strlen(name);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    memcpy(a.sun_path, name, n);
    if (name[0] == '@')
        a.sun_path[0] = 0;
    assert_true(fd >= 0);
    assert_int_equal(
        bind(fd, (struct sockaddr *)&a, (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
        0);
    setenv("NOTIFY_SOCKET", name, 1);
    return fd;
}

static void heard(int fd, const char *text)
{
    char got[200] = "";
    ssize_t n = recv(fd, got, sizeof got - 1, MSG_DONTWAIT);
    assert_int_equal(n, (ssize_t)strlen(text));
    assert_string_equal(got, text);
}

static void a_message_arrives_at_a_socket_with_a_path(void **state)
{
    (void)state;
    char folder[] = "/tmp/proctor-notify-XXXXXX", path[100];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/socket", folder);
    int fd = listening(path);
    pr_notify("READY=1");
    pr_notify("STATUS=grading checkpoint-100\nWATCHDOG=1");
    heard(fd, "READY=1");
    heard(fd, "STATUS=grading checkpoint-100\nWATCHDOG=1");
    close(fd);
    unlink(path);
    rmdir(folder);
    pr_notify("READY=1"); /* nobody is there any more: no harm done */
    unsetenv("NOTIFY_SOCKET");
}

static void a_message_arrives_at_an_abstract_socket(void **state)
{
    (void)state;
    char name[64];
    snprintf(name, sizeof name, "@proctor-test-%ld", (long)getpid());
    int fd = listening(name);
    pr_notify("STOPPING=1");
    heard(fd, "STOPPING=1");
    close(fd);
    unsetenv("NOTIFY_SOCKET");
}

static void a_manager_that_does_not_read_holds_nothing_up(void **state)
{
    (void)state;
    char name[64];
    snprintf(name, sizeof name, "@proctor-test-full-%ld", (long)getpid());
    int fd = listening(name);
    for (int i = 0; i < 5000; i++) /* far more than a socket queues */
        pr_notify("WATCHDOG=1");
    heard(fd, "WATCHDOG=1");
    close(fd);
    unsetenv("NOTIFY_SOCKET");
}

static void a_name_that_is_no_socket_is_ignored(void **state)
{
    (void)state;
    static const char *const names[] = {"", "@", "relative/path", "vsock:2:1234"};
    char longer[300];
    memset(longer, 'x', sizeof longer);
    longer[0] = '/';
    longer[sizeof longer - 1] = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        setenv("NOTIFY_SOCKET", names[i], 1);
        pr_notify("READY=1");
    }
    setenv("NOTIFY_SOCKET", longer, 1);
    pr_notify("READY=1");
    unsetenv("NOTIFY_SOCKET");
    pr_notify("READY=1");
}

static void the_watchdog_is_fed_twice_in_its_time(void **state)
{
    (void)state;
    char pid[32];
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    assert_int_equal(pr_notify_watchdog_ms(), 0);
    setenv("WATCHDOG_USEC", "30000000", 1);
    assert_int_equal(pr_notify_watchdog_ms(), 15000);
    setenv("WATCHDOG_PID", pid, 1);
    assert_int_equal(pr_notify_watchdog_ms(), 15000);
    setenv("WATCHDOG_PID", "1", 1); /* another process's */
    assert_int_equal(pr_notify_watchdog_ms(), 0);
    unsetenv("WATCHDOG_PID");
    static const char *const none[] = {"", "0", "-5", "30s", "99999999999999999999999"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
        setenv("WATCHDOG_USEC", none[i], 1);
        assert_int_equal(pr_notify_watchdog_ms(), 0);
    }
    unsetenv("WATCHDOG_USEC");
}

static void the_journal_is_known_by_its_stream(void **state)
{
    (void)state;
    struct stat st;
    char own[64];
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    assert_false(pr_notify_journal());
    snprintf(
        own, sizeof own, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", own, 1);
    assert_true(pr_notify_journal());
    setenv("JOURNAL_STREAM", "1:2", 1); /* stderr was redirected since */
    assert_false(pr_notify_journal());
    unsetenv("JOURNAL_STREAM");
}

int main(void)
{
    static const char *const names[] = {
        "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_arrives_at_a_socket_with_a_path),
        cmocka_unit_test(a_message_arrives_at_an_abstract_socket),
        cmocka_unit_test(a_manager_that_does_not_read_holds_nothing_up),
        cmocka_unit_test(a_name_that_is_no_socket_is_ignored),
        cmocka_unit_test(the_watchdog_is_fed_twice_in_its_time),
        cmocka_unit_test(the_journal_is_known_by_its_stream),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
