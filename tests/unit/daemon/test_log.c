/* The log: what a line looks like, when files turn over, and that nothing stops it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "daemon/log.h"

static char folder[64];
static int64_t now_ms;

static int64_t monotonic(void)
{
    return now_ms * 1000000;
}
static int64_t utc(void)
{
    return now_ms;
}
static const struct pr_clock fixed = {monotonic, utc};

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/proctor-log-XXXXXX");
    assert_non_null(mkdtemp(folder));
    now_ms = 1795482123456; /* 2026-11-24T01:02:03.456Z */
    pr_clock_override = &fixed;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char **names;
    size_t n;
    pr_log_done();
    pr_clock_override = NULL;
    assert_int_equal(pr_dir_list(folder, &names, &n, NULL), PR_OK);
    for (size_t i = 0; i < n; i++) {
        char *path = pr_path_join(folder, names[i]);
        unlink(path);
        pr_free(path);
    }
    pr_names_free(names, n);
    rmdir(folder);
    return 0;
}

static void begin(int64_t max_bytes, int64_t max_days, int keep)
{
    const struct pr_log_options o = {.folder = folder,
        .level = PR_LOG_INFO,
        .max_bytes = max_bytes,
        .max_days = max_days,
        .keep = keep,
        .quiet = true};
    pr_log_init(&o);
}

/* The whole file, NULL where it is not there; pr_free. */
static char *text_of(const char *name)
{
    char *path = pr_path_join(folder, name), *text = NULL;
    size_t n;
    enum pr_code code = pr_file_read(AT_FDCWD, path, 1 << 24, &text, &n, NULL);
    pr_free(path);
    return code ? NULL : text;
}

static void holds(const char *name, const char *expected)
{
    char *text = text_of(name);
    assert_non_null(text);
    assert_string_equal(text, expected);
    pr_free(text);
}

static bool there(const char *name)
{
    char *path = pr_path_join(folder, name);
    bool ret = pr_path_exists(path);
    pr_free(path);
    return ret;
}

static void a_line_has_time_level_system_event_and_values(void **state)
{
    (void)state;
    begin(0, 0, 0);
    pr_log(PR_LOG_INFO, "regression-monitor", "judged", "checkpoint=%s level=%s", "checkpoint-100",
        "ok");
    now_ms = 1795482124000;
    pr_log(PR_LOG_WARN, "regression-monitor", "late", "%s", "");
    pr_log(PR_LOG_DEBUG, "regression-monitor", "detail", "x=%d", 1); /* below the level */
    pr_log(PR_LOG_ERROR, "proctor", "failed", "why=%s", pr_log_quote("no \"space\""));
    holds("regression-monitor.log",
        "2026-11-24T01:02:03.456Z info  regression-monitor judged checkpoint=checkpoint-100 "
        "level=ok\n2026-11-24T01:02:04.000Z warn  regression-monitor late\n");
    holds(
        "proctor.log", "2026-11-24T01:02:04.000Z error proctor failed why=\"no \\\"space\\\"\"\n");
}

static void hostile_text_stays_one_plain_line(void **state)
{
    (void)state;
    char longer[2000];
    memset(longer, 'x', sizeof longer);
    memcpy(longer + 498, "\xc3\xa9\xc3\xa9", 4); /* é at 498 and 500 */
    longer[sizeof longer - 1] = 0;
    begin(0, 0, 0);
    assert_string_equal(pr_log_quote("a\nb\x1b[31m\xff\xe2\x80\xae"), "\"a?b?[31m\xef\xbf\xbd?\"");
    assert_string_equal(pr_log_quote(NULL), "\"\"");
    const char *cut = pr_log_quote(longer);
    assert_int_equal(strlen(cut), 1 + 500 + strlen("…\""));
    assert_non_null(strstr(cut, "x\xc3\xa9…\""));
    pr_log(PR_LOG_INFO, "../../etc/passwd", "found\nme", "name=%s", "x\ny\r\x7f");
    holds("proctor.log", "2026-11-24T01:02:03.456Z info  ../../etc/passwd found?me name=x?y??\n");
}

static void a_file_turns_over_by_size_and_only_so_many_are_kept(void **state)
{
    (void)state;
    begin(110, 0, 2);
    for (int i = 0; i < 9; i++) /* two lines of 51 bytes fit */
        pr_log(PR_LOG_INFO, "proctor", "tick", "n=%04d", i);
    char *newest = text_of("proctor.log"), *one = text_of("proctor.log.1"),
         *two = text_of("proctor.log.2");
    assert_non_null(strstr(newest, "n=0008"));
    assert_null(strstr(newest, "n=0007"));
    assert_non_null(strstr(one, "n=0006"));
    assert_non_null(strstr(one, "n=0007"));
    assert_non_null(strstr(two, "n=0004"));
    assert_false(there("proctor.log.3"));
    pr_free(newest);
    pr_free(one);
    pr_free(two);
}

static void fewer_are_kept_once_fewer_are_wanted(void **state)
{
    (void)state;
    begin(50, 0, 5);
    for (int i = 0; i < 9; i++)
        pr_log(PR_LOG_INFO, "proctor", "tick", "n=%04d", i);
    assert_true(there("proctor.log.5"));
    begin(50, 0, 1);
    pr_log(PR_LOG_INFO, "proctor", "tick", "n=%04d", 9);
    assert_true(there("proctor.log.1"));
    assert_false(there("proctor.log.2"));
    assert_false(there("proctor.log.5"));
}

static void a_file_turns_over_by_the_age_of_its_first_line(void **state)
{
    (void)state;
    begin(0, 2, 3);
    pr_log(PR_LOG_INFO, "proctor", "first", "n=%d", 1);
    now_ms += 86400000 + 3600000;
    pr_log(PR_LOG_INFO, "proctor", "second", "n=%d", 2);
    assert_false(there("proctor.log.1"));
    begin(0, 2, 3); /* a restart does not begin the days anew */
    now_ms += 86400000;
    pr_log(PR_LOG_INFO, "proctor", "third", "n=%d", 3);
    holds("proctor.log", "2026-11-26T02:02:03.456Z info  proctor third n=3\n");
    char *old = text_of("proctor.log.1");
    assert_non_null(strstr(old, "second n=2"));
    pr_free(old);
    now_ms -= 86400000ll * 300; /* the clock jumps back */
    pr_log(PR_LOG_INFO, "proctor", "fourth", "n=%d", 4);
    assert_false(there("proctor.log.2"));
}

static void a_file_that_was_moved_away_is_begun_anew(void **state)
{
    (void)state;
    begin(0, 0, 0);
    pr_log(PR_LOG_INFO, "proctor", "first", "n=%d", 1);
    char *from = pr_path_join(folder, "proctor.log"), *to = pr_path_join(folder, "elsewhere");
    assert_int_equal(rename(from, to), 0);
    pr_log(PR_LOG_INFO, "proctor", "second", "n=%d", 2);
    holds("elsewhere", "2026-11-24T01:02:03.456Z info  proctor first n=1\n");
    holds("proctor.log", "2026-11-24T01:02:03.456Z info  proctor second n=2\n");
    assert_int_equal(unlink(from), 0);
    assert_int_equal(mkfifo(from, 0600), 0); /* neither waited for nor written to */
    pr_log(PR_LOG_INFO, "proctor", "third", "n=%d", 3);
    assert_int_equal(unlink(from), 0);
    assert_int_equal(symlink(to, from), 0); /* nor is a link followed */
    pr_log(PR_LOG_INFO, "proctor", "third", "n=%d", 3);
    holds("elsewhere", "2026-11-24T01:02:03.456Z info  proctor first n=1\n");
    pr_free(from);
    pr_free(to);
}

/* A limit on the size of files stands for the full disk: write() gives out half-way, then fails. */
static void a_full_disk_stops_nothing_and_the_lost_lines_are_counted(void **state)
{
    (void)state;
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    const struct rlimit small = {70, limit.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    begin(0, 0, 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    for (int i = 0; i < 4; i++)
        pr_log(PR_LOG_INFO, "proctor", "tick", "n=%04d", i);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    pr_log(PR_LOG_INFO, "proctor", "tick", "n=%04d", 4);
    char *text = text_of("proctor.log");
    const char *lost = strstr(text, "warn  log lines-dropped n=3 reason=\"File too large\"\n");
    assert_non_null(lost);
    assert_true(lost - text >= 26 && text[lost - text - 26] == '\n'); /* a line of its own */
    assert_non_null(strstr(lost, "\n2026-11-24T01:02:03.456Z info  proctor tick n=0004\n"));
    pr_free(text);
}

static void a_folder_that_cannot_be_written_stops_nothing(void **state)
{
    (void)state;
    begin(0, 0, 0);
    assert_int_equal(rmdir(folder), 0);
    pr_log(PR_LOG_INFO, "proctor", "tick", "n=%d", 1);
    assert_int_equal(mkdir(folder, 0700), 0);
    pr_log(PR_LOG_INFO, "proctor", "tick", "n=%d", 2);
    char *text = text_of("proctor.log");
    assert_non_null(strstr(text, "lines-dropped n=1 reason=\"No such file or directory\""));
    assert_non_null(strstr(text, "tick n=2"));
    pr_free(text);
}

static void under_the_journal_there_are_no_files_and_no_time(void **state)
{
    (void)state;
    int fds[2], old = dup(STDERR_FILENO);
    struct stat st;
    char own[64], got[300] = "";
    assert_int_equal(pipe(fds), 0);
    dup2(fds[1], STDERR_FILENO);
    assert_int_equal(fstat(STDERR_FILENO, &st), 0);
    snprintf(
        own, sizeof own, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", own, 1);
    const struct pr_log_options o = {.folder = folder, .level = PR_LOG_DEBUG};
    pr_log_init(&o);
    pr_log(PR_LOG_WARN, "proctor", "tick", "n=%d", 1);
    dup2(old, STDERR_FILENO);
    close(old);
    close(fds[1]);
    unsetenv("JOURNAL_STREAM");
    assert_true(read(fds[0], got, sizeof got - 1) > 0);
    close(fds[0]);
    assert_string_equal(got, "<4>proctor tick n=1\n");
    assert_false(there("proctor.log"));
}

static void *log_many(void *arg)
{
    for (int i = 0; i < 500; i++)
        pr_log(PR_LOG_INFO, "proctor", "tick", "thread=%s n=%d why=%s", (const char *)arg, i,
            pr_log_quote(arg));
    return NULL;
}

static void threads_do_not_mix_their_lines(void **state)
{
    (void)state;
    begin(20000, 0, 20);
    pthread_t t[2];
    char a[] = "aaaaaaaaaaaa", b[] = "bbbbbbbbbbbb";
    assert_int_equal(pthread_create(&t[0], NULL, log_many, a), 0);
    assert_int_equal(pthread_create(&t[1], NULL, log_many, b), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    char **names;
    size_t n, lines = 0;
    assert_int_equal(pr_dir_list(folder, &names, &n, NULL), PR_OK);
    for (size_t i = 0; i < n; i++) {
        char *text = text_of(names[i]), thread[20], why[20], rest;
        int number;
        for (char *line = text, *end; (end = strchr(line, '\n')); line = end + 1, lines++) {
            *end = 0;
            assert_int_equal(sscanf(line,
                                 "2026-11-24T01:02:03.456Z info  proctor tick thread=%12[ab] n=%d "
                                 "why=\"%12[ab]\"%c",
                                 thread, &number, why, &rest),
                3);
            assert_string_equal(thread, why);
        }
        pr_free(text);
    }
    pr_names_free(names, n);
    assert_int_equal(lines, 1000);
}

static void a_level_has_its_name(void **state)
{
    (void)state;
    assert_int_equal(pr_log_level_of("debug"), PR_LOG_DEBUG);
    assert_int_equal(pr_log_level_of("info"), PR_LOG_INFO);
    assert_int_equal(pr_log_level_of("warning"), PR_LOG_WARN);
    assert_int_equal(pr_log_level_of("error"), PR_LOG_ERROR);
    assert_int_equal(pr_log_level_of("loud"), PR_LOG_INFO);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    unsetenv("JOURNAL_STREAM");
    const struct CMUnitTest tests[] = {
        TEST(a_line_has_time_level_system_event_and_values),
        TEST(hostile_text_stays_one_plain_line),
        TEST(a_file_turns_over_by_size_and_only_so_many_are_kept),
        TEST(fewer_are_kept_once_fewer_are_wanted),
        TEST(a_file_turns_over_by_the_age_of_its_first_line),
        TEST(a_file_that_was_moved_away_is_begun_anew),
        TEST(a_full_disk_stops_nothing_and_the_lost_lines_are_counted),
        TEST(a_folder_that_cannot_be_written_stops_nothing),
        TEST(under_the_journal_there_are_no_files_and_no_time),
        TEST(threads_do_not_mix_their_lines),
        TEST(a_level_has_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
