/* The suites of a base folder, in a gradebook. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../model/temp_folder.h"
#include "base/clock.h"
#include "daemon/suites.h"

/* Later than any file here: what was read may be relied on. */
static int64_t later(void)
{
    return pr_clock_utc_ms() + 10000;
}

static struct pr_config config;
static struct pr_gradebook *book;
static struct pr_suite_reports reports;

static int begin(void **state)
{
    if (temp_setup(state))
        return -1;
    struct pr_error e;
    if (pr_config_load(temp_path(""), &config, &e) ||
        pr_gradebook_open(temp_path("proctor.db"), PR_GRADEBOOK_OWN, &book, &e))
        fail_msg("%s", e.message);
    reports = (struct pr_suite_reports){0};
    return 0;
}

static int end(void **state)
{
    pr_suite_reports_done(&reports);
    pr_gradebook_close(book);
    pr_config_done(&config);
    return temp_teardown(state);
}

static void refresh(void)
{
    struct pr_error e;
    if (pr_suites_refresh(&config, book, later(), &reports, &e))
        fail_msg("%s", e.message);
}

static const struct pr_suite_report *report(const char *name)
{
    for (size_t i = 0; i < reports.n; i++)
        if (!strcmp(reports.v[i].name, name))
            return &reports.v[i];
    fail_msg("no suite '%s'", name);
    return NULL;
}

/* The current version of a name, 0 when there is none. */
static int64_t current(const char *name)
{
    struct pr_suite_row *rows;
    size_t n;
    int64_t id = 0;
    assert_int_equal(pr_gradebook_suites(book, true, &rows, &n, NULL), 0);
    for (size_t i = 0; i < n; i++)
        if (!strcmp(rows[i].name, name)) {
            assert_int_equal(id, 0); /* one at most */
            id = rows[i].id;
        }
    pr_suite_rows_free(rows, n);
    return id;
}

static void write_lines(const char *name, size_t first, size_t n, const char *more)
{
    struct pr_str text = PR_STR_INIT(1 << 20);
    for (size_t i = first; i < first + n; i++)
        pr_str_printf(&text, "{\"prompt\":\"%zu + 1\",\"golden\":\"%zu\"%s}\n", i, i + 1, more);
    temp_write(name, text.data, text.len);
    pr_str_done(&text);
}

static void versions_follow_the_files(void **state)
{
    (void)state;
    temp_mkdir("data/validation/old_skills");
    write_lines("data/validation/easy.jsonl", 0, 10, "");
    write_lines("data/validation/old_skills/a.jsonl", 50, 5, "");
    refresh();
    int64_t first = report("validation")->id;
    assert_true(first > 0 && first == current("validation"));
    assert_int_equal(report("validation")->n, 10);
    assert_true(report("old_skills")->id > 0);
    /* Edited: another version, and only that one counts. */
    write_lines("data/validation/easy.jsonl", 0, 11, "");
    refresh();
    int64_t second = report("validation")->id;
    assert_true(second != first && second == current("validation"));
    /* Set back: the first again. */
    write_lines("data/validation/easy.jsonl", 0, 10, "");
    refresh();
    assert_int_equal(report("validation")->id, first);
    assert_int_equal(current("validation"), first);
    /* Gone: nothing of that name counts any more. */
    temp_remove(temp_path("data/validation/old_skills"));
    refresh();
    assert_int_equal(current("old_skills"), 0);
    assert_int_equal(current("validation"), first);
}

static void a_broken_suite_keeps_its_last_version_and_is_reported(void **state)
{
    (void)state;
    temp_mkdir("data/validation");
    write_lines("data/validation/a.jsonl", 0, 10, "");
    refresh();
    int64_t id = current("validation");
    char fingerprint[65];
    memcpy(fingerprint, report("validation")->fingerprint, sizeof fingerprint);
    temp_text("data/validation/a.jsonl", "this is no JSON\n");
    refresh();
    const struct pr_suite_report *x = report("validation");
    assert_int_equal(current("validation"), id);
    assert_int_equal(x->id, id);
    assert_false(x->used);
    assert_string_equal(x->fingerprint, fingerprint);
    assert_non_null(strstr(x->problem, "no usable examples"));
    /* One bad line is skipped and named. */
    temp_text("data/validation/a.jsonl", "{\"prompt\":\"0 + 1\",\"golden\":\"1\"}\nnot this one\n");
    refresh();
    x = report("validation");
    assert_true(x->used && x->n == 1 && x->n_skipped == 1);
    assert_non_null(strstr(x->problem, "a.jsonl:2"));
    /* Never read at all. */
    temp_mkdir("data/validation/other");
    temp_text("data/validation/other/b.jsonl", "\n");
    refresh();
    assert_int_equal(report("other")->id, 0);
    assert_non_null(report("other")->problem);
}

static void an_unchanged_suite_is_not_read_again(void **state)
{
    (void)state;
    temp_mkdir("data/validation");
    write_lines("data/validation/a.jsonl", 0, 10, "");
    refresh();
    assert_true(report("validation")->seen != 0 && report("testing")->seen != 0);
    int64_t id = report("validation")->id;
    /* What cannot be read is not missed: it was not read. */
    reports.v[0].n = 12345;
    refresh();
    assert_int_equal(report("validation")->n, 12345);
    assert_int_equal(report("validation")->id, id);
    /* Other options make it another matter, and so does a gradebook that lacks it. */
    config.allow_commands = true;
    refresh();
    assert_int_equal(report("validation")->n, 10);
    reports.v[0].n = 12345;
    assert_int_equal(pr_gradebook_retire_suite(book, "validation", NULL), 0);
    refresh();
    assert_int_equal(report("validation")->n, 10);
    assert_int_equal(current("validation"), id);
}

static size_t of_difficulty(const struct pr_suite *s, const char *difficulty)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n; i++)
        n += !strcmp(s->v[i].difficulty, difficulty);
    return n;
}

static struct pr_suite *load(const char *path)
{
    struct pr_suite *s;
    const char *paths[] = {path};
    struct pr_error e;
    if (pr_suite_load(paths, 1, NULL, &s, &e))
        fail_msg("%s", e.message);
    return s;
}

/* Every example of a is one of b, to the digest. */
static void assert_within(const struct pr_suite *a, const struct pr_suite *b)
{
    for (size_t i = 0; i < a->n; i++) {
        size_t k = 0;
        while (k < b->n && memcmp(a->v[i].digest, b->v[k].digest, PR_SHA256_LEN) != 0)
            k++;
        assert_true(k < b->n);
    }
}

static void the_testing_suite_is_balanced_and_holds_the_same_examples(void **state)
{
    (void)state;
    temp_mkdir("data/validation");
    write_lines("data/validation/easy.jsonl", 0, 200, "");
    write_lines("data/validation/medium_x.jsonl", 1000, 60, ",\"id\":7,\"skill\":\"add\"");
    write_lines("data/validation/hard.jsonl", 2000, 20, ",\"x\":[1.5,1e300,\"\\u0000\"]");
    write_lines("data/validation/mixed.jsonl", 3000, 30, ",\"difficulty\":\"MEDIUM\"");
    write_lines("data/validation/other.jsonl", 4000, 90, ",\"id\":\"\",\"difficulty\":null");
    refresh();
    struct pr_suite *all = load(temp_path("data/validation"));
    struct pr_suite *chosen = load(temp_path("data/testing/suite.jsonl"));
    /* 31 medium (an id may be there once) and 20 hard are all that there are: easy fills up. */
    assert_int_equal(chosen->n, 100);
    assert_int_equal(of_difficulty(chosen, "hard"), 20);
    assert_int_equal(of_difficulty(chosen, "medium"), 31);
    assert_int_equal(of_difficulty(chosen, "easy"), 49);
    assert_within(chosen, all);
    assert_int_equal(chosen->n_skipped, 0);
    assert_string_equal(chosen->fingerprint, report("testing")->fingerprint);
    /* One grade serves both: nothing is missing in the one that is not in the other. */
    struct pr_suite *kept;
    assert_int_equal(pr_gradebook_load_suite(book, current("testing"), &kept, NULL), 0);
    assert_within(kept, all);
    pr_suite_free(kept);
    pr_suite_free(chosen);
    pr_suite_free(all);
}

static void equal_shares_and_all_where_there_are_fewer(void **state)
{
    (void)state;
    temp_mkdir("data/validation");
    write_lines("data/validation/easy.jsonl", 0, 100, "");
    write_lines("data/validation/medium.jsonl", 1000, 100, "");
    write_lines("data/validation/hard.jsonl", 2000, 100, "");
    refresh();
    struct pr_suite *s = load(temp_path("data/testing/suite.jsonl"));
    assert_int_equal(of_difficulty(s, "easy"), 34);
    assert_int_equal(of_difficulty(s, "medium"), 33);
    assert_int_equal(of_difficulty(s, "hard"), 33);
    pr_suite_free(s);
    config.settings.test_samples = 1000;
    refresh();
    assert_int_equal(report("testing")->n, 300);
    assert_string_equal(report("testing")->fingerprint, report("validation")->fingerprint);
}

static int64_t version(int64_t *ret_samples)
{
    json_t *o;
    int64_t v = 0;
    assert_int_equal(pr_json_read(AT_FDCWD, temp_path("data/testing/suite.json"), 1 << 20,
                         PR_JSON_STRICT, &o, NULL),
        0);
    assert_int_equal(json_integer_value(json_object_get(o, "schema_version")), 1);
    v = json_integer_value(json_object_get(o, "version"));
    *ret_samples = json_integer_value(json_object_get(o, "samples"));
    assert_string_equal(
        json_string_value(json_object_get(o, "fingerprint")), report("testing")->fingerprint);
    json_decref(o);
    return v;
}

static void the_testing_suite_is_chosen_once(void **state)
{
    (void)state;
    int64_t samples;
    char *first, *now;
    size_t n, m;
    temp_mkdir("data/validation");
    write_lines("data/validation/easy.jsonl", 0, 300, "");
    refresh();
    int64_t id = current("testing");
    assert_int_equal(version(&samples), 1);
    assert_int_equal(samples, 100);
    assert_int_equal(
        pr_file_read(AT_FDCWD, temp_path("data/testing/suite.jsonl"), 1 << 20, &first, &n, NULL),
        0);
    /* Validation changes, and loses what was chosen: it stays. */
    write_lines("data/validation/easy.jsonl", 500, 10, "");
    refresh();
    assert_int_equal(current("testing"), id);
    assert_int_equal(version(&samples), 1);
    write_lines("data/validation/easy.jsonl", 0, 300, "");
    /* Asked for another size: the next version. */
    config.settings.test_samples = 50;
    refresh();
    assert_int_equal(report("testing")->n, 50);
    assert_int_equal(version(&samples), 2);
    assert_int_equal(samples, 50);
    /* Back, and the file gone: chosen again, the same examples. */
    config.settings.test_samples = 100;
    temp_unlink("data/testing/suite.jsonl");
    refresh();
    assert_int_equal(version(&samples), 3);
    assert_int_equal(current("testing"), id);
    assert_int_equal(
        pr_file_read(AT_FDCWD, temp_path("data/testing/suite.jsonl"), 1 << 20, &now, &m, NULL), 0);
    assert_true(m == n && !memcmp(first, now, n));
    /* Changed by hand: it is used as it stands, under a version of its own. */
    now[strcspn(now, "\n") + 1] = 0;
    temp_text("data/testing/suite.jsonl", now);
    refresh();
    assert_int_equal(report("testing")->n, 1);
    assert_int_equal(version(&samples), 4);
    assert_true(current("testing") != id);
    pr_free(first);
    pr_free(now);
}

static void nothing_there_is_no_error(void **state)
{
    (void)state;
    refresh();
    assert_int_equal(reports.n, 0);
    /* Names that would be two suites under one. */
    temp_mkdir("data/validation/testing");
    temp_mkdir("data/validation/validation");
    write_lines("data/validation/a.jsonl", 0, 10, "");
    write_lines("data/validation/testing/a.jsonl", 10, 10, "");
    write_lines("data/validation/validation/a.jsonl", 20, 10, "");
    refresh();
    assert_int_equal(reports.n, 4);
    for (size_t i = 1; i < 3; i++)
        assert_non_null(strstr(reports.v[i].problem, "taken"));
    assert_int_equal(report("validation")->n, 10);
    assert_int_equal(reports.v[3].n, 10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(versions_follow_the_files),
        TEST(a_broken_suite_keeps_its_last_version_and_is_reported),
        TEST(an_unchanged_suite_is_not_read_again),
        TEST(the_testing_suite_is_balanced_and_holds_the_same_examples),
        TEST(equal_shares_and_all_where_there_are_fewer),
        TEST(the_testing_suite_is_chosen_once),
        TEST(nothing_there_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
