/* Killed at any moment, the disk full: what was committed stays, nothing comes twice. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#include "base/fault.h"
#include "base/sha256.h"
#include "gradebook/sqlite.h"

#define N      50
#define ROUNDS 20

/* Stores checkpoint after checkpoint, a transaction each, beginning where the gradebook ends, and
 * tells each that is committed; compacts now and then. */
static void write_forever(struct book *b, const struct pr_suite *s, int fd)
{
    struct pr_gradebook *g;
    int64_t done;
    MUST(pr_gradebook_open(b->path, PR_GRADEBOOK_OWN, &g, e));
    MUST(pr_sql_int(g, 0, &done, e, "SELECT count(*) FROM checkpoints", ""));
    for (int32_t m = (int32_t)done;; m++) {
        char path[64];
        snprintf(path, sizeof path, "/run/checkpoint-%d", m);
        MUST(pr_gradebook_begin(g, e));
        struct pr_checkpoint_row row =
            row_of(g, add_checkpoint(g, path, "i", path, m, "r", path + 5, 5));
        for (size_t i = 0; i < s->n; i++) {
            struct pr_grade x;
            plain_grade(&s->v[i], (uint64_t)m, &x);
            put(g, row.model, settings_of(g, row.model), &x);
            put(g, row.model, settings_of(g, row.model), &x); /* a grader that sends it again */
            pr_grade_done(&x);
        }
        pr_checkpoint_row_done(&row);
        MUST(pr_gradebook_commit(g, e));
        assert_int_equal(write(fd, &m, sizeof m), sizeof m);
        if (m % 5 == 4) {
            struct pr_retention r = {
                .now_ms = (int64_t)100 * PR_GRADEBOOK_DAY_MS, .texts_days = 1, .batch = 30};
            bool more = true;
            MUST(pr_gradebook_compact(g, &r, &more, e));
        }
    }
}

static int32_t run_and_kill(struct book *b, const struct pr_suite *s, useconds_t after)
{
    int ends[2], status;
    int32_t last = -1, m;
    assert_int_equal(pipe(ends), 0);
    pid_t child = fork();
    if (!child) {
        close(ends[0]);
        write_forever(b, s, ends[1]);
    }
    close(ends[1]);
    usleep(after);
    kill(child, SIGKILL);
    while (read(ends[0], &m, sizeof m) == sizeof m)
        last = m;
    close(ends[0]);
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    return last;
}

static void killing_the_writer_loses_and_doubles_nothing(void **state)
{
    struct book *b = *state;
    struct pr_rng r;
    int64_t suite;
    int32_t told = -1;
    struct pr_suite *s = make_suite("validation", N, false);
    MUST(pr_gradebook_put_suite(b->g, s, 1, &suite, e));
    pr_rng_seed(&r, (uint64_t)getpid());
    for (int round = 0; round < ROUNDS; round++) {
        pr_gradebook_close(b->g);
        b->g = NULL;
        int32_t last = run_and_kill(b, s, 1000 + (useconds_t)pr_rng_below(&r, 60000));
        told = last > told ? last : told;
        MUST(pr_gradebook_open(b->path, PR_GRADEBOOK_OWN, &b->g, e));
        assert_sound(b->g);
        int64_t checkpoints = number_of(b->path, "SELECT count(*) FROM checkpoints");
        assert_true(checkpoints > told);
        assert_true(checkpoints <= told + 2); /* one may be committed and not yet told */
        told = (int32_t)checkpoints - 1;
        assert_int_equal(number_of(b->path, "SELECT count(*) FROM grades"), checkpoints * N);
        assert_int_equal(
            number_of(b->path, "SELECT coalesce(sum(n), 0) FROM graded"), checkpoints * N);
        assert_int_equal(
            number_of(b->path, "SELECT count(*) FROM (SELECT 1 FROM grades GROUP BY model,"
                               " settings, example HAVING count(*) > 1)"),
            0);
    }
    print_message("%d checkpoints through %d kills\n", told + 1, ROUNDS);
    assert_true(told > 0);
    pr_suite_free(s);
}

/* Stores grades until something fails; *ret_n how many transactions were committed. */
static enum pr_code store_until_failure(struct pr_gradebook *g, const struct pr_suite *s, int first,
    int most, int *ret_n, struct pr_error *why)
{
    char text[600];
    memset(text, 'x', sizeof text);
    for (*ret_n = 0; *ret_n < most; ++*ret_n) {
        char path[64];
        int64_t id;
        enum pr_code code = pr_gradebook_begin(g, why);
        snprintf(path, sizeof path, "/run/checkpoint-%d", first + *ret_n);
        for (size_t i = 0; i < s->n && !code; i++) {
            char digest[PR_SHA256_HEX];
            pr_sha256_hex(s->v[i].digest, digest);
            snprintf(text, 40, "%d %zu", first + *ret_n, i);
            text[strlen(text)] = ' ';
            struct pr_grade x = {.graded = true, .answer = text, .answer_len = sizeof text};
            code = pr_gradebook_put_grade(g, 1, 1 + first + *ret_n, digest, &x, 1, NULL, why);
        }
        if (!code)
            code = pr_gradebook_note_checkpoint(g, path, "i", false, 1, &id, why);
        code = code ? code : pr_gradebook_commit(g, why);
        if (code) {
            pr_gradebook_rollback(g);
            return code;
        }
    }
    return PR_OK;
}

static void check_full(struct book *b, const struct pr_suite *s, int first, bool *ret_full)
{
    struct pr_error why = {0};
    int n;
    enum pr_code code = store_until_failure(b->g, s, first, 400, &n, &why);
    *ret_full = code != PR_OK;
    if (!code)
        return;
    if (code != PR_E_IO || why.sys_errno != ENOSPC)
        fail_msg("%s (%d): %s", pr_code_name(code), why.sys_errno, why.message);
    assert_non_null(strstr(why.message, "disk is full"));
}

static void prepare(struct book *b, const struct pr_suite *s)
{
    int64_t suite;
    MUST(pr_gradebook_put_suite(b->g, s, 1, &suite, e));
    add_checkpoint(b->g, "/run/checkpoint-first", "i", "m", 1, "r", "h", 5);
    pr_gradebook_close(b->g);
    b->g = NULL;
    run_sql(b->path,
        "WITH RECURSIVE k(x) AS (SELECT 2 UNION ALL SELECT x + 1 FROM k WHERE x < 2000)"
        " INSERT INTO settings(id, fingerprint, document) SELECT x, 'f' || x, '{}' FROM k");
    MUST(pr_gradebook_open(b->path, PR_GRADEBOOK_OWN, &b->g, e));
}

static void a_full_database_fails_and_goes_on_afterwards(void **state)
{
    struct book *b = *state;
    bool full;
    int64_t pages;
    struct pr_suite *s = make_suite("validation", N, false);
    prepare(b, s);
    MUST(pr_sql_int(b->g, 0, &pages, e, "PRAGMA page_count", ""));
    MUST(pr_sql_script(b->g, "PRAGMA max_page_count = 200", e));
    check_full(b, s, 0, &full);
    assert_true(full);
    assert_sound(b->g);
    int64_t grades = number_of(b->path, "SELECT count(*) FROM grades");
    assert_int_equal(grades % N, 0);
    assert_true(grades > 0);
    MUST(pr_sql_script(b->g, "PRAGMA max_page_count = 100000", e));
    check_full(b, s, 1000, &full);
    assert_false(full);
    assert_sound(b->g);
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM grades"), grades + 400 * N);
    pr_suite_free(s);
}

/* The file itself cannot grow: what a full disk looks like to the system calls. */
static void a_file_that_cannot_grow_fails_and_goes_on_afterwards(void **state)
{
    struct book *b = *state;
    bool full;
    struct rlimit old, small = {2 << 20, RLIM_INFINITY};
    struct pr_suite *s = make_suite("validation", N, false);
    prepare(b, s);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    small.rlim_max = old.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    check_full(b, s, 0, &full);
    assert_true(full);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM grades") % N, 0);
    int64_t grades = number_of(b->path, "SELECT count(*) FROM grades");
    check_full(b, s, 1000, &full);
    assert_false(full);
    assert_sound(b->g);
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM grades"), grades + 400 * N);
    pr_suite_free(s);
}

/* After an error SQLite may have undone the transaction: what comes after must not be stored. */
static void nothing_is_stored_after_a_transaction_was_undone(void **state)
{
    struct book *b = *state;
    struct pr_error why;
    int64_t id;
    MUST(pr_gradebook_begin(b->g, e));
    MUST(pr_gradebook_note_checkpoint(b->g, "/a", "i", false, 1, &id, e));
    sqlite3_exec(b->g->db, "ROLLBACK", NULL, NULL, NULL);
    assert_int_equal(pr_gradebook_note_checkpoint(b->g, "/b", "i", false, 1, &id, &why), PR_E_IO);
    assert_int_equal(pr_gradebook_commit(b->g, &why), PR_E_IO);
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM checkpoints"), 0);
    MUST(pr_gradebook_note_checkpoint(b->g, "/c", "i", false, 1, &id, e));
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM checkpoints"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, book_setup, book_teardown)
    const struct CMUnitTest tests[] = {
        TEST(killing_the_writer_loses_and_doubles_nothing),
        TEST(a_full_database_fails_and_goes_on_afterwards),
        TEST(a_file_that_cannot_grow_fails_and_goes_on_afterwards),
        TEST(nothing_is_stored_after_a_transaction_was_undone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
