/* What is kept, what goes, and why; and that removing one removes that one alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"
#include "transfer/retention.h"

#define GB ((uint64_t)1 << 30)

/* name, step, bytes, mtime, score, flags */
static struct pr_held held[] = {
    {"checkpoint-100", 100, GB, 1, 0.9, 0},
    {"checkpoint-200", 200, GB, 2, 0.5, 0},
    {"checkpoint-300", 300, GB, 3, NAN, 0},
    {"checkpoint-400", 400, GB, 4, 0.7, 0},
    {"checkpoint-500", 500, GB, 5, 0.6, 0},
    {"checkpoint-600", 600, GB, 6, NAN, 0},
};
enum { N = sizeof held / sizeof *held };
static struct pr_retention_verdict verdicts[N];

/* "1" for each that goes, "0" for each that stays. */
static const char *going(struct pr_retention_rule rule, struct pr_retention_sum *r)
{
    static char text[N + 1];
    struct pr_retention_sum own;
    pr_retention_decide(held, N, &rule, verdicts, r ? r : &own);
    for (size_t i = 0; i < N; i++) {
        text[i] = verdicts[i].goes ? '1' : '0';
        assert_true(*verdicts[i].reason && strlen(verdicts[i].reason) < 150);
    }
    return text;
}

static void test_the_newest_and_the_best_stay(void **state)
{
    (void)state;
    struct pr_retention_sum r;
    struct pr_retention_rule rule = {.keep_newest = 2, .keep_best = 1};
    assert_string_equal(going(rule, &r), "011100");
    assert_int_equal(r.n_go, 3);
    assert_true(r.freed_bytes == 3 * GB && !r.short_bytes);
    assert_string_equal(verdicts[0].reason, "number 1 of the best 1");
    assert_string_equal(verdicts[5].reason, "number 1 of the newest 2");
    assert_string_equal(verdicts[1].reason, "older than the newest 2, and not among the best 1");
    assert_string_equal(
        verdicts[2].reason, "older than the newest 2, and without a score for the best 1");
    rule.lower_is_better = true;
    assert_string_equal(going(rule, NULL), "101100");
    rule.keep_best = 0;
    assert_string_equal(going(rule, NULL), "111100");
    assert_string_equal(verdicts[0].reason, "older than the newest 2");
    rule.keep_newest = 0; /* never none */
    assert_string_equal(going(rule, NULL), "111110");
    rule.keep_newest = 100;
    assert_string_equal(going(rule, NULL), "000000");
}

static void test_the_flagged_stay_whatever_the_disk_says(void **state)
{
    (void)state;
    struct pr_retention_sum r;
    struct pr_retention_rule rule = {.keep_newest = 1, .reserve_bytes = 100 * GB};
    held[0].flags = PR_HELD_PINNED;
    held[1].flags = PR_HELD_DEPLOYED | PR_HELD_BASELINE;
    held[2].flags = PR_HELD_CITED;
    held[3].flags = 1u << 20; /* of a later version */
    assert_string_equal(going(rule, &r), "000010");
    assert_true(r.short_bytes == 99 * GB);
    assert_string_equal(verdicts[0].reason, "pinned");
    assert_string_equal(verdicts[1].reason, "deployed, the baseline");
    assert_string_equal(verdicts[2].reason, "a decision rests on it");
    assert_string_equal(verdicts[3].reason, "protected");
    for (size_t i = 0; i < N; i++)
        held[i].flags = 0;
}

static void test_room_is_made_before_it_is_needed(void **state)
{
    (void)state;
    struct pr_retention_sum r;
    struct pr_retention_rule rule = {
        .keep_newest = 4, .keep_best = 2, .free_bytes = 3 * GB, .reserve_bytes = 2 * GB};
    /* the rule alone: checkpoint-200 goes, 100 stays as the best, 400 as the second best */
    rule.incoming_bytes = 2 * GB;
    assert_string_equal(going(rule, &r), "010000");
    rule.incoming_bytes = 3 * GB; /* one more: the oldest that is only new */
    assert_string_equal(going(rule, &r), "011000");
    assert_non_null(strstr(verdicts[2].reason, "for room"));
    rule.incoming_bytes = 4 * GB; /* not 400 yet, which is good */
    assert_string_equal(going(rule, &r), "011010");
    assert_int_equal(r.short_bytes, 0);
    rule.incoming_bytes = 5 * GB;
    assert_string_equal(going(rule, &r), "011110");
    assert_int_equal(r.short_bytes, 0);
    rule.incoming_bytes = 6 * GB; /* the newest and the best never go */
    assert_string_equal(going(rule, &r), "011110");
    assert_true(r.short_bytes == GB);
    rule.incoming_bytes = UINT64_MAX; /* sums do not wrap */
    assert_string_equal(going(rule, &r), "011110");
    assert_true(r.short_bytes > GB);
}

static void test_steps_that_are_used_again(void **state)
{
    (void)state;
    struct pr_held again[] = {{"checkpoint-900", 900, 1, 10, NAN, 0},
        {"checkpoint-10", 10, 1, 20, NAN, 0}, {"checkpoint-20", 20, 1, 20, NAN, 0}};
    struct pr_retention_rule rule = {.keep_newest = 1};
    struct pr_retention_sum r;
    pr_retention_decide(again, 3, &rule, verdicts, &r);
    assert_true(verdicts[0].goes && verdicts[1].goes && !verdicts[2].goes);
    pr_retention_decide(NULL, 0, &rule, verdicts, &r);
    assert_int_equal(r.n_go, 0);
}

static char dir[] = "/tmp/proctor-retention-XXXXXX";

static bool there(const char *name)
{
    char *path = pr_path_join(dir, name);
    bool yes = pr_path_exists(path);
    pr_free(path);
    return yes;
}

static void make(const char *name)
{
    char *path = pr_path_join(dir, name), *file = pr_path_join(path, "config.json");
    assert_int_equal(pr_mkdirs(path, NULL), PR_OK);
    assert_int_equal(pr_file_write_atomic(file, "{}", 2, NULL), PR_OK);
    pr_free(file);
    pr_free(path);
}

static void test_removing_removes_that_one_alone(void **state)
{
    (void)state;
    struct pr_error e;
    char long_name[256], link[300];
    memset(long_name, 'x', 255);
    long_name[255] = 0;
    assert_non_null(mkdtemp(dir));
    make("checkpoint-1");
    make("checkpoint-2");
    make("-rf *\n");
    make(long_name);
    assert_int_equal(pr_retention_remove(dir, "checkpoint-1", &e), PR_OK);
    assert_int_equal(pr_retention_remove(dir, "checkpoint-1", &e), PR_OK); /* none is fine */
    assert_int_equal(pr_retention_remove(dir, "-rf *\n", &e), PR_OK);
    assert_int_equal(pr_retention_remove(dir, long_name, &e), PR_OK);
    assert_false(there("checkpoint-1") || there("-rf *\n") || there(long_name));
    static const char *const wrong[] = {"", ".", "..", "../x", "checkpoint-2/config.json", ".x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(pr_retention_remove(dir, wrong[i], &e), PR_E_USAGE);
    snprintf(link, sizeof link, "%s/link", dir);
    assert_int_equal(symlink("checkpoint-2", link), 0);
    assert_int_equal(pr_retention_remove(dir, "link", &e), PR_E_USAGE);
    assert_true(there("checkpoint-2/config.json") && there("link"));
}

static void test_what_a_kill_left_is_swept(void **state)
{
    (void)state;
    size_t n;
    make(".gone-0-checkpoint-9");
    make("checkpoint-9");
    assert_int_equal(pr_retention_remove(dir, "checkpoint-9", NULL), PR_OK);
    assert_true(there(".gone-0-checkpoint-9"));
    assert_int_equal(pr_retention_sweep(dir, &n, NULL), PR_OK);
    assert_int_equal(n, 1);
    assert_false(there(".gone-0-checkpoint-9"));
    assert_true(there("checkpoint-2"));
    assert_int_equal(pr_remove_tree(dir, NULL), PR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_newest_and_the_best_stay),
        cmocka_unit_test(test_the_flagged_stay_whatever_the_disk_says),
        cmocka_unit_test(test_room_is_made_before_it_is_needed),
        cmocka_unit_test(test_steps_that_are_used_again),
        cmocka_unit_test(test_removing_removes_that_one_alone),
        cmocka_unit_test(test_what_a_kill_left_is_swept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
