/* Opening: whose file it is, of which version, in which state; and reading beside an owner. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

#include "base/fault.h"
#include "base/file.h"
#include "base/sha256.h"
#include "gradebook/sqlite.h"

static enum pr_code try_open(const char *path, enum pr_gradebook_mode mode, struct pr_error *e)
{
    struct pr_gradebook *g = NULL;
    enum pr_code code = pr_gradebook_open(path, mode, &g, e);
    pr_gradebook_close(g);
    return code;
}

static void a_new_gradebook_is_set_up_as_promised(void **state)
{
    struct book *b = *state;
    static const struct {
        const char *sql;
        int64_t value;
    } settings[] = {{"PRAGMA synchronous", 2}, {"PRAGMA foreign_keys", 1},
        {"PRAGMA auto_vacuum", 2}, {"PRAGMA trusted_schema", 0},
        {"PRAGMA application_id", PR_GRADEBOOK_APPLICATION},
        {"PRAGMA user_version", PR_GRADEBOOK_SCHEMA}, {"PRAGMA wal_autocheckpoint", 1000}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
        int64_t value;
        MUST(pr_sql_int(b->g, -1, &value, e, settings[i].sql, ""));
        if (value != settings[i].value)
            fail_msg("%s is %lld", settings[i].sql, (long long)value);
    }
    assert_int_equal(pr_gradebook_schema(b->g), PR_GRADEBOOK_SCHEMA);
    assert_sound(b->g);
}

static void garbage_is_refused_with_a_remedy(void **state)
{
    struct book *b = *state;
    char *bytes, path[128];
    size_t n;
    struct pr_error why;
    add_checkpoint(b->g, "/run/checkpoint-1", "i", "m", 1, "r", "h", 5);
    pr_gradebook_close(b->g);
    b->g = NULL;
    MUST(pr_file_read(AT_FDCWD, b->path, 1 << 24, &bytes, &n, e));
    snprintf(path, sizeof path, "%s/other.db", b->dir);
    const struct {
        size_t from, n;
    } parts[] = {{0, 1}, {0, 50}, {0, 4096}, {0, n / 2}, {0, n - 4096}, {1, n - 1}, {4096, 8192}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        MUST(pr_file_write_atomic(path, bytes + parts[i].from, parts[i].n, e));
        for (int mode = 0; mode < 2; mode++) {
            enum pr_code code = try_open(path, (enum pr_gradebook_mode)mode, &why);
            if (code != PR_E_FORMAT)
                fail_msg("part %zu, mode %d: %s", i, mode, code ? why.message : "taken");
            assert_non_null(strstr(why.message, "aside"));
        }
    }
    pr_free(bytes);
}

/* Reads all that there is, whatever comes of it. */
static void look_around(struct pr_gradebook *g)
{
    static const struct pr_checkpoint_filter gone = {.gone = true};
    static const struct pr_decision_filter any;
    struct pr_checkpoint_row *rows;
    struct pr_suite_row *suites;
    struct pr_decision *decisions;
    struct pr_gradebook_size size;
    struct pr_suite *s;
    char **problems;
    size_t n, k;
    struct pr_error why;
    if (!pr_gradebook_suites(g, false, &suites, &k, &why)) {
        if (k && !pr_gradebook_load_suite(g, suites[0].id, &s, &why)) {
            if (!pr_gradebook_checkpoints(g, &gone, &rows, &n, &why)) {
                struct pr_grades *gs;
                for (size_t i = 0; i < n; i++)
                    if (!pr_gradebook_grades(g, &rows[i], 1, s, true, &gs, &why))
                        pr_grades_free(gs);
                pr_checkpoint_rows_free(rows, n);
            }
            pr_suite_free(s);
        }
        pr_suite_rows_free(suites, k);
    }
    if (!pr_gradebook_decisions(g, &any, &decisions, &n, &why))
        pr_decisions_free(decisions, n);
    if (!pr_gradebook_check(g, &problems, &n, &why))
        pr_names_free(problems, n);
    (void)!pr_gradebook_size(g, &size, &why);
}

static void random_damage_never_crashes(void **state)
{
    struct book *b = *state;
    struct pr_rng r;
    struct pr_suite *s = make_suite("validation", 60, true);
    int64_t suite;
    char *bytes, path[128];
    size_t n;
    pr_rng_seed(&r, 3);
    MUST(pr_gradebook_put_suite(b->g, s, 1, &suite, e));
    for (int m = 0; m < 3; m++) {
        snprintf(path, sizeof path, "/run/checkpoint-%d", m);
        struct pr_checkpoint_row row =
            row_of(b->g, add_checkpoint(b->g, path, "i", path, m, "r", "h", 5));
        for (size_t i = 0; i < s->n; i++) {
            struct pr_grade x;
            random_grade(&r, &s->v[i], &x);
            put(b->g, row.model, settings_of(b->g, row.model), &x);
            pr_grade_done(&x);
        }
        pr_checkpoint_row_done(&row);
    }
    pr_suite_free(s);
    pr_gradebook_close(b->g);
    b->g = NULL;
    MUST(pr_file_read(AT_FDCWD, b->path, 1 << 24, &bytes, &n, e));
    for (int round = 0; round < 300; round++) {
        struct pr_gradebook *g;
        struct pr_error why;
        char old[8];
        size_t at[8], hits = 1 + pr_rng_below(&r, 8);
        for (size_t i = 0; i < hits; i++) {
            at[i] = pr_rng_below(&r, n);
            old[i] = bytes[at[i]];
            bytes[at[i]] = (char)pr_rng_below(&r, 256);
        }
        int fd = open(b->path, O_WRONLY | O_TRUNC);
        assert_int_equal(write(fd, bytes, n), n);
        close(fd);
        if (!pr_gradebook_open(b->path, (enum pr_gradebook_mode)(round % 2), &g, &why)) {
            look_around(g);
            pr_gradebook_close(g);
        }
        for (size_t i = hits; i--;)
            bytes[at[i]] = old[i];
        snprintf(path, sizeof path, "%s-wal", b->path);
        unlink(path);
        snprintf(path, sizeof path, "%s-shm", b->path);
        unlink(path);
    }
    pr_free(bytes);
}

static void another_program_s_database_is_left_alone(void **state)
{
    struct book *b = *state;
    struct pr_error why;
    char path[128];
    snprintf(path, sizeof path, "%s/other.db", b->dir);
    run_sql(path, "CREATE TABLE songs(title)");
    for (int mode = 0; mode < 2; mode++) {
        assert_int_equal(try_open(path, (enum pr_gradebook_mode)mode, &why), PR_E_FORMAT);
        assert_non_null(strstr(why.message, "not a gradebook"));
    }
    assert_int_equal(number_of(path, "SELECT count(*) FROM sqlite_schema"), 1);
}

static void a_newer_schema_is_refused(void **state)
{
    struct book *b = *state;
    struct pr_error why;
    pr_gradebook_close(b->g);
    b->g = NULL;
    run_sql(b->path, "PRAGMA user_version = 1000");
    for (int mode = 0; mode < 2; mode++) {
        assert_int_equal(try_open(b->path, (enum pr_gradebook_mode)mode, &why), PR_E_UNSUPPORTED);
        assert_non_null(strstr(why.message, "newer"));
    }
    assert_int_equal(number_of(b->path, "PRAGMA user_version"), 1000);
}

/* What the fourth version brought. */
#define NEWER                                                                                      \
    "DROP TABLE deliveries; DROP TABLE actions; DROP TABLE pins; DROP TABLE machine_points;"       \
    " DROP TABLE machine_series; DROP TABLE points; DROP TABLE series; DROP TABLE revision; "

/* What the first version left: without indexes, views and probes. */
static void make_first_version(struct book *b)
{
    pr_gradebook_close(b->g);
    b->g = NULL;
    for (;;) {
        char sql[200];
        sqlite3 *db;
        sqlite3_stmt *st;
        assert_int_equal(sqlite3_open(b->path, &db), SQLITE_OK);
        sqlite3_prepare_v2(db,
            "SELECT type, name FROM sqlite_schema WHERE type IN ('view', 'index')"
            " AND sql IS NOT NULL",
            -1, &st, NULL);
        bool any = sqlite3_step(st) == SQLITE_ROW;
        if (any)
            snprintf(sql, sizeof sql, "DROP %s %s", (const char *)sqlite3_column_text(st, 0),
                (const char *)sqlite3_column_text(st, 1));
        sqlite3_finalize(st);
        sqlite3_close(db);
        if (!any)
            break;
        run_sql(b->path, sql);
    }
    run_sql(b->path, NEWER "DROP TABLE probes; PRAGMA user_version = 1");
}

static int points[PR_FAULT_COUNT];
static void count_point(enum pr_fault point)
{
    points[point]++;
}
static void die_at_step(enum pr_fault point)
{
    if (point == PR_FAULT_MIGRATION_STEP)
        _exit(9);
}

static void fill(struct book *b)
{
    int64_t suite;
    struct pr_suite *s = make_suite("validation", 10, false);
    MUST(pr_gradebook_put_suite(b->g, s, 1, &suite, e));
    int64_t id = add_checkpoint(b->g, "/run/checkpoint-1", "i", "m", 1, "r", "h", 5);
    struct pr_checkpoint_row row = row_of(b->g, id);
    for (size_t i = 0; i < s->n; i++) {
        struct pr_grade x;
        plain_grade(&s->v[i], 1, &x);
        put(b->g, row.model, settings_of(b->g, row.model), &x);
        pr_grade_done(&x);
    }
    pr_checkpoint_row_done(&row);
    pr_suite_free(s);
}

static void a_gradebook_of_the_first_version_is_migrated_with_its_data(void **state)
{
    struct book *b = *state;
    struct pr_error why;
    int status;
    fill(b);
    make_first_version(b);
    assert_int_equal(try_open(b->path, PR_GRADEBOOK_READ, &why), PR_E_UNSUPPORTED);
    assert_non_null(strstr(why.message, "older"));
    pid_t child = fork();
    if (!child) {
        pr_fault_hook = die_at_step;
        (void)!try_open(b->path, PR_GRADEBOOK_OWN, NULL);
        _exit(0);
    }
    waitpid(child, &status, 0);
    assert_int_equal(WEXITSTATUS(status), 9);
    assert_int_equal(number_of(b->path, "PRAGMA user_version"), 1);
    memset(points, 0, sizeof points);
    pr_fault_hook = count_point;
    MUST(pr_gradebook_open(b->path, PR_GRADEBOOK_OWN, &b->g, e));
    pr_fault_hook = NULL;
    assert_int_equal(points[PR_FAULT_MIGRATION_STEP], PR_GRADEBOOK_SCHEMA - 1);
    assert_int_equal(points[PR_FAULT_MIGRATION_DONE], PR_GRADEBOOK_SCHEMA - 1);
    assert_int_equal(pr_gradebook_schema(b->g), PR_GRADEBOOK_SCHEMA);
    assert_sound(b->g);
    assert_int_equal(number_of(b->path, "SELECT n_graded FROM checkpoint_scores"), 10);
    assert_int_equal(
        number_of(b->path, "SELECT count(*) FROM grade_texts WHERE answer LIKE 'the answer%'"), 10);
}

static void a_gradebook_without_probes_gets_their_table_and_keeps_its_data(void **state)
{
    struct book *b = *state;
    struct pr_probe_row *rows;
    size_t n;
    struct pr_error why;
    fill(b);
    pr_gradebook_close(b->g);
    b->g = NULL;
    run_sql(b->path, NEWER "DROP TABLE probes; PRAGMA user_version = 2"); /* the second version */
    assert_int_equal(try_open(b->path, PR_GRADEBOOK_READ, &why), PR_E_UNSUPPORTED);
    MUST(pr_gradebook_open(b->path, PR_GRADEBOOK_OWN, &b->g, e));
    assert_int_equal(pr_gradebook_schema(b->g), PR_GRADEBOOK_SCHEMA);
    assert_sound(b->g);
    MUST(pr_gradebook_probes(b->g, NULL, 0, &rows, &n, e));
    assert_int_equal(n, 0);
    pr_probe_rows_free(rows, n);
    assert_int_equal(number_of(b->path, "SELECT n_graded FROM checkpoint_scores"), 10);
}

static void a_gradebook_without_curves_gets_their_tables_and_keeps_its_data(void **state)
{
    struct book *b = *state;
    fill(b);
    pr_gradebook_close(b->g);
    b->g = NULL;
    run_sql(b->path, NEWER "PRAGMA user_version = 3");
    MUST(pr_gradebook_open(b->path, PR_GRADEBOOK_OWN, &b->g, e));
    assert_int_equal(pr_gradebook_schema(b->g), PR_GRADEBOOK_SCHEMA);
    assert_sound(b->g);
    assert_int_equal(number_of(b->path, "SELECT n_graded FROM checkpoint_scores"), 10);
    assert_int_equal(number_of(b->path,
                         "SELECT (SELECT count(*) FROM points) + (SELECT count(*) FROM pins)"
                         " + (SELECT count(*) FROM machine_points) + (SELECT count(*) FROM actions)"
                         " + (SELECT count(*) FROM deliveries)"),
        0);
}

static void a_reader_sees_one_moment_beside_the_writer(void **state)
{
    struct book *b = *state;
    static const struct pr_checkpoint_filter all;
    struct pr_checkpoint_row *rows;
    size_t n;
    struct pr_error why;
    add_checkpoint(b->g, "/run/checkpoint-1", "i", "m1", 1, "r", "h", 5);
    struct pr_gradebook *reader = book_reader(b);
    MUST(pr_gradebook_begin(reader, e));
    add_checkpoint(b->g, "/run/checkpoint-2", "i", "m2", 2, "r", "h", 5);
    MUST(pr_gradebook_checkpoints(reader, &all, &rows, &n, e));
    assert_int_equal(n, 1);
    pr_checkpoint_rows_free(rows, n);
    MUST(pr_gradebook_commit(reader, e));
    MUST(pr_gradebook_begin(b->g, e));
    int64_t id;
    MUST(pr_gradebook_note_checkpoint(b->g, "/run/checkpoint-3", "i", false, 9, &id, e));
    MUST(pr_gradebook_checkpoints(reader, &all, &rows, &n, e)); /* not committed yet */
    assert_int_equal(n, 2);
    pr_checkpoint_rows_free(rows, n);
    pr_gradebook_rollback(b->g);
    assert_int_not_equal(
        pr_gradebook_note_checkpoint(reader, "/x", "i", false, 9, &id, &why), PR_OK);
    pr_gradebook_close(reader);
    assert_true(pr_path_exists(b->path));
    add_checkpoint(b->g, "/run/checkpoint-4", "i", "m4", 4, "r", "h", 5);
    assert_sound(b->g);
}

/* The owner was killed: its log lies there and holds what is newest. */
static void a_reader_reads_the_log_of_a_dead_owner(void **state)
{
    struct book *b = *state;
    static const struct pr_checkpoint_filter all;
    struct pr_checkpoint_row *rows;
    size_t n;
    int status;
    char wal[128];
    struct stat st;
    pr_gradebook_close(b->g);
    b->g = NULL;
    pid_t child = fork();
    if (!child) {
        MUST(pr_gradebook_open(b->path, PR_GRADEBOOK_OWN, &b->g, e));
        add_checkpoint(b->g, "/run/checkpoint-1", "i", "m1", 1, "r", "h", 5);
        kill(getpid(), SIGKILL);
    }
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    snprintf(wal, sizeof wal, "%s-wal", b->path);
    assert_int_equal(stat(wal, &st), 0);
    off_t before = st.st_size;
    for (int round = 0; round < 2; round++) {
        struct pr_gradebook *reader = book_reader(b);
        MUST(pr_gradebook_checkpoints(reader, &all, &rows, &n, e));
        assert_int_equal(n, 1);
        pr_checkpoint_rows_free(rows, n);
        pr_gradebook_close(reader);
        assert_int_equal(stat(wal, &st), 0); /* never brought in by a reader */
        assert_int_equal(st.st_size, before);
    }
    MUST(pr_gradebook_open(b->path, PR_GRADEBOOK_OWN, &b->g, e));
    MUST(pr_gradebook_checkpoints(b->g, &all, &rows, &n, e));
    assert_int_equal(n, 1);
    pr_checkpoint_rows_free(rows, n);
}

/* Runs as somebody who may read the folder but not write there; 0 when what was expected came. */
static int read_as_stranger(const struct book *b, enum pr_code expected, const char *words)
{
    struct pr_error why = {0};
    struct pr_gradebook *g = NULL;
    int64_t n = 0;
    if (!getuid() && (setgid(65534) || setuid(65534)))
        return 3;
    enum pr_code code = pr_gradebook_open(b->path, PR_GRADEBOOK_READ, &g, &why);
    if (!code)
        code = pr_sql_int(g, 0, &n, &why, "SELECT count(*) FROM checkpoints", "");
    pr_gradebook_close(g);
    if (code != expected || (!code && n != 1) || (words && !strstr(why.message, words))) {
        fprintf(stderr, "%d %lld %s\n", code, (long long)n, why.message);
        return 1;
    }
    return 0;
}

static void in_child(const struct book *b, enum pr_code expected, const char *words)
{
    int status;
    pid_t child = fork();
    if (!child)
        _exit(read_as_stranger(b, expected, words));
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

static void a_read_only_folder_is_read_when_there_is_no_log(void **state)
{
    struct book *b = *state;
    char path[128];
    add_checkpoint(b->g, "/run/checkpoint-1", "i", "m1", 1, "r", "h", 5);
    assert_int_equal(chmod(b->dir, 0755), 0);
    in_child(b, PR_OK, NULL); /* beside its owner, whose index of the log it may read */
    pr_gradebook_close(b->g);
    b->g = NULL;
    assert_int_equal(chmod(b->dir, 0555), 0);
    in_child(b, PR_OK, NULL);
    assert_int_equal(chmod(b->dir, 0777), 0);
    in_child(b, PR_OK, NULL);
    snprintf(path, sizeof path, "%s-shm", b->path);
    assert_false(!getuid() && pr_path_exists(path)); /* a stranger leaves nothing */
    assert_int_equal(chmod(b->dir, 0555), 0);
    assert_int_equal(chmod(b->dir, 0755), 0);
    snprintf(path, sizeof path, "%s-wal", b->path);
    MUST(pr_file_write_atomic(path, "not empty", 9, e));
    assert_int_equal(chmod(b->dir, 0555), 0);
    in_child(b, PR_E_IO, "write-ahead log");
    assert_int_equal(chmod(b->dir, 0755), 0);
}

static void what_is_not_there_is_not_found(void **state)
{
    struct book *b = *state;
    char path[128];
    struct pr_error why;
    snprintf(path, sizeof path, "%s/none.db", b->dir);
    assert_int_equal(try_open(path, PR_GRADEBOOK_READ, &why), PR_E_NOT_FOUND);
    assert_false(pr_path_exists(path));
    close(open(path, O_CREAT | O_WRONLY, 0644));
    assert_int_equal(try_open(path, PR_GRADEBOOK_READ, &why), PR_E_NOT_FOUND);
    assert_int_equal(try_open("/nowhere/at/all.db", PR_GRADEBOOK_OWN, &why), PR_E_IO);
    assert_int_equal(why.sys_errno, ENOENT);
}

static void transactions_do_not_nest_and_close_undoes(void **state)
{
    struct book *b = *state;
    int64_t id;
    struct pr_error why;
    assert_int_equal(pr_gradebook_commit(b->g, &why), PR_E_USAGE);
    MUST(pr_gradebook_begin(b->g, e));
    assert_int_equal(pr_gradebook_begin(b->g, &why), PR_E_USAGE);
    MUST(pr_gradebook_note_checkpoint(b->g, "/a", "i", false, 1, &id, e));
    book_reopen(b);
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM checkpoints"), 0);
    pr_gradebook_rollback(b->g);
}

static void a_dangling_row_is_reported(void **state)
{
    struct book *b = *state;
    char **problems;
    size_t n;
    fill(b);
    pr_gradebook_close(b->g);
    b->g = NULL;
    run_sql(b->path, "DELETE FROM models; DELETE FROM texts WHERE id = 1");
    MUST(pr_gradebook_open(b->path, PR_GRADEBOOK_OWN, &b->g, e));
    MUST(pr_gradebook_check(b->g, &problems, &n, e));
    assert_true(n >= 3); /* checkpoint, opening, grades; and the text */
    assert_non_null(strstr(problems[n - 1], "text"));
    pr_names_free(problems, n);
}

static void a_reader_that_stays_sees_that_something_was_committed(void **state)
{
    struct book *b = *state;
    struct pr_gradebook *r = book_reader(b), *fixed = NULL;
    int64_t first, again, then;
    MUST(pr_gradebook_data_version(r, &first, e));
    MUST(pr_gradebook_data_version(r, &again, e));
    assert_int_equal(first, again);
    add_checkpoint(b->g, "/run/checkpoint-1", "i", "m", 1, "r", "h", 5);
    MUST(pr_gradebook_data_version(r, &then, e));
    assert_int_not_equal(first, then);
    assert_false(pr_gradebook_is_fixed(r));
    pr_gradebook_close(r);
    pr_gradebook_close(b->g); /* the last one brings the log in */
    b->g = NULL;
    MUST(pr_gradebook_open(b->path, PR_GRADEBOOK_LOOK, &fixed, e));
    assert_true(pr_gradebook_is_fixed(fixed));
    pr_gradebook_close(fixed);
}

static void a_reader_past_its_deadline_is_stopped(void **state)
{
    struct book *b = *state;
    struct pr_gradebook *r = book_reader(b);
    static const char endless[] =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    int64_t n;
    pr_gradebook_set_deadline(r, 1); /* long ago */
    MUST(pr_gradebook_begin(r, e));
    assert_int_equal(pr_sql_int(r, 0, &n, NULL, endless, ""), PR_E_CANCELLED);
    pr_gradebook_rollback(r);
    pr_gradebook_set_deadline(r, 0);
    MUST(pr_sql_int(r, 0, &n, e, "SELECT count(*) FROM sqlite_schema", ""));
    pr_gradebook_close(r);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, book_setup, book_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_new_gradebook_is_set_up_as_promised),
        TEST(garbage_is_refused_with_a_remedy),
        TEST(random_damage_never_crashes),
        TEST(another_program_s_database_is_left_alone),
        TEST(a_newer_schema_is_refused),
        TEST(a_gradebook_of_the_first_version_is_migrated_with_its_data),
        TEST(a_gradebook_without_curves_gets_their_tables_and_keeps_its_data),
        TEST(a_gradebook_without_probes_gets_their_table_and_keeps_its_data),
        TEST(a_reader_sees_one_moment_beside_the_writer),
        TEST(a_reader_reads_the_log_of_a_dead_owner),
        TEST(a_read_only_folder_is_read_when_there_is_no_log),
        TEST(what_is_not_there_is_not_found),
        TEST(transactions_do_not_nest_and_close_undoes),
        TEST(a_dangling_row_is_reported),
        TEST(a_reader_that_stays_sees_that_something_was_committed),
        TEST(a_reader_past_its_deadline_is_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
