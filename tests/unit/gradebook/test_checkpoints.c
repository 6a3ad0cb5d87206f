/* Checkpoints as they come and go, and the runs they belong to. */
#include <stdio.h>
#include <string.h>

#include "support.h"

#include "base/clock.h"
#include "gradebook/sqlite.h"

#define NOW 1000

static int64_t note(struct pr_gradebook *g, const char *path, const char *identity)
{
    int64_t id;
    MUST(pr_gradebook_note_checkpoint(g, path, identity, false, NOW, &id, e));
    return id;
}

static enum pr_checkpoint_state state_of(struct pr_gradebook *g, int64_t id)
{
    struct pr_checkpoint_row r = row_of(g, id);
    enum pr_checkpoint_state s = r.state;
    pr_checkpoint_row_done(&r);
    return s;
}

static void a_checkpoint_is_noted_opened_lost_and_found(void **state)
{
    struct book *b = *state;
    int64_t id = note(b->g, "/run/checkpoint-5", "one");
    assert_int_equal(note(b->g, "/run/checkpoint-5", "one"), id);
    struct pr_checkpoint_row r = row_of(b->g, id);
    assert_string_equal(r.name, "checkpoint-5");
    assert_int_equal(r.state, PR_CHECKPOINT_FOUND);
    assert_int_equal(r.step, -1);
    assert_int_equal(r.model, 0);
    pr_checkpoint_row_done(&r);
    assert_int_equal(
        add_checkpoint(b->g, "/run/checkpoint-5", "one", "m", 5, "r", "h", NOW + 1), id);
    r = row_of(b->g, id);
    assert_int_equal(r.state, PR_CHECKPOINT_READY);
    assert_int_equal(r.step, 5);
    assert_string_equal(r.run, "r");
    assert_string_equal(r.history, "h");
    assert_int_equal(r.found_ms, NOW);
    assert_int_equal(r.opened_ms, NOW + 1);
    assert_int_equal(r.weight_bytes, 1000);
    assert_int_equal(strlen(r.fingerprint), 64);
    assert_int_equal(strlen(r.identity), 3);
    pr_checkpoint_row_done(&r);
    MUST(pr_gradebook_set_state(b->g, id, PR_CHECKPOINT_GONE, NULL, e));
    assert_int_equal(state_of(b->g, id), PR_CHECKPOINT_GONE);
    note(b->g, "/run/checkpoint-5", "one");
    assert_int_equal(state_of(b->g, id), PR_CHECKPOINT_READY);
    int64_t other = note(b->g, "/run/checkpoint-5", "two");
    assert_true(other != id);
    assert_int_equal(state_of(b->g, id), PR_CHECKPOINT_GONE);
    assert_int_equal(state_of(b->g, other), PR_CHECKPOINT_FOUND);
}

static void failures_count_and_quarantine_outlasts_absence(void **state)
{
    struct book *b = *state;
    int n;
    int64_t id = note(b->g, "/run/checkpoint-5", "one");
    MUST(pr_gradebook_add_failure(b->g, id, "killed by signal 11", &n, e));
    assert_int_equal(n, 1);
    MUST(pr_gradebook_add_failure(b->g, id, "killed by signal 9", &n, e));
    assert_int_equal(n, 2);
    MUST(pr_gradebook_set_state(b->g, id, PR_CHECKPOINT_QUARANTINED, "signal 9 twice", e));
    MUST(pr_gradebook_set_state(b->g, id, PR_CHECKPOINT_GONE, "deleted", e));
    struct pr_checkpoint_row r = row_of(b->g, id);
    assert_string_equal(r.reason, "deleted");
    pr_checkpoint_row_done(&r);
    note(b->g, "/run/checkpoint-5", "one");
    r = row_of(b->g, id);
    assert_int_equal(r.state, PR_CHECKPOINT_QUARANTINED);
    assert_string_equal(r.reason, "signal 9 twice");
    assert_int_equal(r.failures, 2);
    pr_checkpoint_row_done(&r);
    MUST(pr_gradebook_set_state(b->g, id, PR_CHECKPOINT_FOUND, NULL, e));
    assert_int_equal(state_of(b->g, id), PR_CHECKPOINT_FOUND);
}

static void the_same_content_at_two_places_is_one_model(void **state)
{
    struct book *b = *state;
    int64_t first = add_checkpoint(b->g, "/a/checkpoint-5", "x", "same", 5, "ra", "h", NOW);
    int64_t second = add_checkpoint(b->g, "/b/checkpoint-5", "y", "same", 5, "rb", "h", NOW);
    struct pr_checkpoint_row r = row_of(b->g, first), s = row_of(b->g, second);
    assert_int_equal(r.model, s.model);
    assert_true(r.run_id != s.run_id);
    pr_checkpoint_row_done(&r);
    pr_checkpoint_row_done(&s);
}

static int64_t run_of(struct pr_gradebook *g, const char *path, int64_t step, const char *history)
{
    int64_t id = add_checkpoint(g, path, history, history, step, "run", history, NOW);
    struct pr_checkpoint_row r = row_of(g, id);
    int64_t run = r.run_id;
    pr_checkpoint_row_done(&r);
    return run;
}

/* 50 100 150, back to 50, then 100' 150' 200' in the order of `second`. */
static void check_fork(struct book *b, const int64_t *second, size_t n)
{
    char path[64], history[16];
    int64_t old = 0, young = 0;
    for (int64_t step = 50; step <= 150; step += 50) {
        snprintf(path, sizeof path, "/run/checkpoint-%d", (int)step);
        snprintf(history, sizeof history, "old%d", (int)step);
        int64_t run = run_of(b->g, path, step, history);
        assert_true(!old || run == old);
        old = run;
    }
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "/run/checkpoint-%d", (int)second[i]);
        snprintf(history, sizeof history, "new%d", (int)second[i]);
        int64_t run = run_of(b->g, path, second[i], history);
        assert_true(run != old);
        assert_true(!young || run == young);
        young = run;
    }
    struct pr_run_row *runs;
    size_t n_runs;
    MUST(pr_gradebook_runs(b->g, &runs, &n_runs, e));
    assert_int_equal(n_runs, 2);
    assert_int_equal(runs[0].id, old);
    assert_int_equal(runs[0].parent, 0);
    assert_int_equal(runs[0].parent_step, -1);
    assert_int_equal(runs[1].parent, old);
    assert_int_equal(runs[1].parent_step, 50);
    pr_free(runs);
    /* A step of before the fork that comes late belongs to the old run. */
    assert_int_equal(run_of(b->g, "/run/checkpoint-25", 25, "old25"), old);
    /* One that is known comes to where it is known, wherever it lies now. */
    assert_int_equal(run_of(b->g, "/copy/checkpoint-150", 150, "old150"), old);
    assert_int_equal(run_of(b->g, "/copy/checkpoint-100", 100, "new100"), young);
}

static void a_training_that_went_back_begins_a_child_run(void **state)
{
    static const int64_t steps[] = {100, 150, 200};
    check_fork(*state, steps, 3);
}

static void a_child_run_may_arrive_backwards(void **state)
{
    static const int64_t steps[] = {150, 100, 200};
    check_fork(*state, steps, 3);
}

static void a_third_branch_forks_off_the_second(void **state)
{
    struct book *b = *state;
    static const int64_t steps[] = {100, 150, 200};
    struct pr_run_row *runs;
    size_t n;
    check_fork(b, steps, 3);
    int64_t third = run_of(b->g, "/run/checkpoint-200", 200, "again200");
    MUST(pr_gradebook_runs(b->g, &runs, &n, e));
    assert_int_equal(n, 3);
    assert_int_equal(runs[2].id, third);
    assert_int_equal(runs[2].parent, runs[1].id);
    assert_int_equal(runs[2].parent_step, 150);
    pr_free(runs);
    assert_int_equal(run_of(b->g, "/run/checkpoint-250", 250, "again250"), third);
}

static void opening_again_under_other_options_keeps_the_run(void **state)
{
    struct book *b = *state;
    int64_t settings;
    int64_t run = run_of(b->g, "/run/checkpoint-5", 5, "h"), model;
    assert_int_equal(run_of(b->g, "/run/checkpoint-5", 5, "h"), run);
    struct pr_checkpoint_row r = row_of(b->g, 1);
    model = r.model;
    pr_checkpoint_row_done(&r);
    MUST(pr_gradebook_settings(b->g, model, "other options", &settings, e));
    assert_int_equal(settings, 0);
    assert_true(settings_of(b->g, model) > 0);
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM runs"), 1);
}

static void checkpoints_are_listed_by_run_step_and_arrival(void **state)
{
    struct book *b = *state;
    static const char *const names[] = {"b", "c", "d", "a", "unopened", "reference"};
    int64_t id;
    size_t n;
    struct pr_checkpoint_row *rows;
    MUST(pr_gradebook_note_checkpoint(b->g, "/m/reference", "i", true, NOW, &id, e));
    add_checkpoint(b->g, "/m/d", "i", "d", 30, "one", "h3", NOW);
    note(b->g, "/m/unopened", "i");
    add_checkpoint(b->g, "/m/b", "i", "b", 10, "one", "h1", NOW);
    add_checkpoint(b->g, "/m/a", "i", "a", 5, "two", "h0", NOW);
    add_checkpoint(b->g, "/m/c", "i", "c", 20, "one", "h2", NOW);
    MUST(pr_gradebook_checkpoints(b->g, NULL, &rows, &n, e));
    assert_int_equal(n, 6);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(rows[i].name, names[i]);
    pr_checkpoint_rows_free(rows, n);
    struct pr_checkpoint_filter f = {.newest = 2};
    MUST(pr_gradebook_checkpoints(b->g, &f, &rows, &n, e));
    assert_int_equal(n, 2);
    assert_string_equal(rows[0].name, "a");
    assert_string_equal(rows[1].name, "unopened");
    pr_checkpoint_rows_free(rows, n);
    f = (struct pr_checkpoint_filter){.name = "/m/c"};
    MUST(pr_gradebook_checkpoints(b->g, &f, &rows, &n, e));
    assert_int_equal(n, 1);
    f = (struct pr_checkpoint_filter){.run_id = rows[0].run_id};
    pr_checkpoint_rows_free(rows, n);
    MUST(pr_gradebook_set_state(b->g, 2, PR_CHECKPOINT_GONE, NULL, e));
    MUST(pr_gradebook_checkpoints(b->g, &f, &rows, &n, e));
    assert_int_equal(n, 2);
    pr_checkpoint_rows_free(rows, n);
    f.gone = true;
    MUST(pr_gradebook_checkpoints(b->g, &f, &rows, &n, e));
    assert_int_equal(n, 3);
    pr_checkpoint_rows_free(rows, n);
}

static void ten_thousand_checkpoints_are_listed_in_moments(void **state)
{
    struct book *b = *state;
    size_t n;
    struct pr_checkpoint_row *rows;
    MUST(pr_gradebook_begin(b->g, e));
    int64_t start = pr_clock_monotonic_ns();
    for (int i = 0; i < 10000; i++) {
        char path[64], history[16];
        snprintf(path, sizeof path, "/run/checkpoint-%d", i);
        snprintf(history, sizeof history, "h%d", i);
        add_checkpoint(b->g, path, "i", path, i, "run", history, NOW + i);
    }
    MUST(pr_gradebook_commit(b->g, e));
    int64_t stored = pr_clock_monotonic_ns();
    MUST(pr_gradebook_checkpoints(b->g, NULL, &rows, &n, e));
    int64_t listed = pr_clock_monotonic_ns();
    assert_int_equal(n, 10000);
    pr_checkpoint_rows_free(rows, n);
    struct pr_checkpoint_filter f = {.newest = 5};
    MUST(pr_gradebook_checkpoints(b->g, &f, &rows, &n, e));
    int64_t newest = pr_clock_monotonic_ns();
    assert_int_equal(rows[4].step, 9999);
    pr_checkpoint_rows_free(rows, n);
    print_message("10,000 opened in %.0f ms, listed in %.1f ms, the newest 5 in %.1f ms\n",
        (double)(stored - start) / 1e6, (double)(listed - stored) / 1e6,
        (double)(newest - listed) / 1e6);
    assert_true(listed - stored < 5000000000 && stored - start < 60000000000);
}

/* No statement of everyday work may read through a table that grows with the checkpoints. */
static void no_hot_query_scans_grades(void **state)
{
    struct book *b = *state;
    int64_t suite, id = add_checkpoint(b->g, "/run/checkpoint-1", "i", "m", 1, "run", "h", NOW);
    struct pr_suite *s = make_suite("validation", 5, false);
    struct pr_checkpoint_row row = row_of(b->g, id);
    int64_t settings = settings_of(b->g, row.model);
    struct pr_grades *gs;
    struct pr_example_row *missing;
    size_t n, all, n_rows;
    MUST(pr_gradebook_put_suite(b->g, s, 1, &suite, e));
    for (size_t i = 0; i < s->n; i++) {
        struct pr_grade x;
        plain_grade(&s->v[i], 1, &x);
        put(b->g, row.model, settings, &x);
        pr_grade_done(&x);
    }
    MUST(pr_gradebook_grades(b->g, &row, settings, s, true, &gs, e));
    MUST(pr_gradebook_count(b->g, row.model, settings, suite, &n, &all, e));
    MUST(pr_gradebook_missing(b->g, row.model, settings, suite, &missing, &n_rows, e));
    pr_grades_free(gs);
    pr_example_rows_free(missing, n_rows);
    size_t looked = 0;
    for (size_t i = 0; i < b->g->n_cached; i++) {
        char sql[4000];
        sqlite3_stmt *st;
        snprintf(sql, sizeof sql, "EXPLAIN QUERY PLAN %s", b->g->cached[i].sql);
        assert_int_equal(sqlite3_prepare_v2(b->g->db, sql, -1, &st, NULL), SQLITE_OK);
        while (sqlite3_step(st) == SQLITE_ROW) {
            const char *plan = (const char *)sqlite3_column_text(st, 3);
            looked++;
            bool small = strstr(plan, "sqlite_master") || strstr(plan, "CONSTANT ROW") ||
                         !strcmp(plan, "SCAN runs"); /* none of them grows with the grades */
            if (!strncmp(plan, "SCAN ", 5) && !small)
                fail_msg("%s\n%s", b->g->cached[i].sql, plan);
        }
        sqlite3_finalize(st);
    }
    assert_true(looked > 10);
    pr_checkpoint_row_done(&row);
    pr_suite_free(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, book_setup, book_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_checkpoint_is_noted_opened_lost_and_found),
        TEST(failures_count_and_quarantine_outlasts_absence),
        TEST(the_same_content_at_two_places_is_one_model),
        TEST(a_training_that_went_back_begins_a_child_run),
        TEST(a_child_run_may_arrive_backwards),
        TEST(a_third_branch_forks_off_the_second),
        TEST(opening_again_under_other_options_keeps_the_run),
        TEST(checkpoints_are_listed_by_run_step_and_arrival),
        TEST(ten_thousand_checkpoints_are_listed_in_moments),
        TEST(no_hot_query_scans_grades),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
