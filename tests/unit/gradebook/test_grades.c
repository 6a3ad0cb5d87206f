/* Grades come back as they were put in, once. */
#include <math.h>
#include <string.h>

#include "support.h"

#include "base/clock.h"
#include "base/sha256.h"
#include "gradebook/sqlite.h"

static struct pr_suite *store_suite(struct pr_gradebook *g, size_t n, bool choices, int64_t *ret)
{
    struct pr_suite *s = make_suite("validation", n, choices), *loaded = NULL;
    MUST(pr_gradebook_put_suite(g, s, 5, ret, e));
    pr_suite_free(s);
    MUST(pr_gradebook_load_suite(g, *ret, &loaded, e));
    return loaded;
}

static void every_grade_comes_back_bit_by_bit(void **state)
{
    struct book *b = *state;
    struct pr_rng r;
    int64_t suite;
    pr_rng_seed(&r, 7);
    struct pr_suite *s = store_suite(b->g, 60, true, &suite);
    struct pr_grade *all = pr_zalloc(20 * s->n * sizeof *all);
    assert_string_equal(s->v[1].difficulty, "easy"); /* that of its file, packed with it */
    for (size_t m = 0; m < 20; m++) {
        char path[32];
        snprintf(path, sizeof path, "/run/checkpoint-%zu", m);
        int64_t id = add_checkpoint(b->g, path, "i", path, (int64_t)m, "run", "h", 9);
        struct pr_checkpoint_row row = row_of(b->g, id);
        for (size_t i = 0; i < s->n; i++) {
            random_grade(&r, &s->v[i], &all[m * s->n + i]);
            put(b->g, row.model, settings_of(b->g, row.model), &all[m * s->n + i]);
        }
        pr_checkpoint_row_done(&row);
    }
    assert_sound(b->g);
    book_reopen(b);
    for (size_t m = 0; m < 20; m++) {
        struct pr_checkpoint_row row = row_of(b->g, (int64_t)m + 1);
        struct pr_grades *gs;
        MUST(pr_gradebook_grades(b->g, &row, settings_of(b->g, row.model), s, true, &gs, e));
        assert_int_equal(gs->n, s->n);
        for (size_t i = 0; i < s->n; i++)
            assert_same_grade(&all[m * s->n + i], &gs->v[i]);
        pr_grades_free(gs);
        pr_checkpoint_row_done(&row);
    }
    for (size_t i = 0; i < 20 * s->n; i++)
        pr_grade_done(&all[i]);
    pr_free(all);
    pr_suite_free(s);
}

static struct pr_grades engine_like(
    struct pr_suite *s, const struct pr_checkpoint_row *row, json_t *settings)
{
    struct pr_grades gs = {.suite = s,
        .v = pr_zalloc(s->n * sizeof *gs.v),
        .n = s->n,
        .checkpoint = row->name,
        .path = row->path,
        .origin.step = row->step,
        .max_new_tokens = 512,
        .dtype = "f32",
        .numerics = (char *)(uintptr_t) "f32/avx2/4",
        .settings = settings,
        .settings_fingerprint = "53"};
    memcpy(gs.fingerprint, row->fingerprint, sizeof gs.fingerprint);
    memcpy(gs.origin.run, row->run, sizeof gs.origin.run);
    return gs;
}

static void the_figures_are_those_of_the_engine(void **state)
{
    struct book *b = *state;
    int64_t suite;
    json_t *settings, *of_engine, *of_book, *of_numbers;
    struct pr_suite *s = store_suite(b->g, 40, false, &suite);
    int64_t id = add_checkpoint(b->g, "/run/checkpoint-7", "i", "m", 7, "run", "h", 9);
    struct pr_checkpoint_row row = row_of(b->g, id);
    int64_t setting = settings_of(b->g, row.model);
    MUST(pr_gradebook_settings_document(b->g, setting, &settings, e));
    struct pr_grades own = engine_like(s, &row, settings), *gs, *numbers;
    for (size_t i = 0; i < s->n; i++) {
        plain_grade(&s->v[i], 1, &own.v[i]);
        if (i % 10 == 3)
            own.v[i].truncated = true;
        put(b->g, row.model, setting, &own.v[i]);
    }
    MUST(pr_grades_figures(&own, &of_engine, e));
    MUST(pr_gradebook_grades(b->g, &row, setting, s, true, &gs, e));
    MUST(pr_gradebook_grades(b->g, &row, setting, s, false, &numbers, e));
    MUST(pr_grades_figures(gs, &of_book, e));
    MUST(pr_grades_figures(numbers, &of_numbers, e));
    assert_true(json_equal(of_engine, of_book));
    assert_true(json_equal(of_engine, of_numbers));
    assert_true(numbers->v[0].texts_dropped && !numbers->v[0].answer && !numbers->v[0].output);
    json_decref(of_engine);
    json_decref(of_book);
    json_decref(of_numbers);
    json_decref(settings);
    for (size_t i = 0; i < s->n; i++)
        pr_grade_done(&own.v[i]);
    pr_free(own.v);
    pr_grades_free(gs);
    pr_grades_free(numbers);
    pr_checkpoint_row_done(&row);
    pr_suite_free(s);
}

static double view_real(struct pr_gradebook *g, const char *sql)
{
    sqlite3_stmt *st;
    assert_int_equal(sqlite3_prepare_v2(g->db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    double x = sqlite3_column_double(st, 0);
    sqlite3_finalize(st);
    return x;
}

static double figure(const json_t *figures, const char *key)
{
    return json_number_value(json_object_get(figures, key));
}

/* What people see with sqlite3 is what proctor says. */
static void the_views_say_the_same_as_the_figures(void **state)
{
    struct book *b = *state;
    int64_t suite;
    json_t *figures;
    struct pr_rng r;
    struct pr_suite *s = store_suite(b->g, 40, false, &suite);
    struct pr_checkpoint_row row =
        row_of(b->g, add_checkpoint(b->g, "/run/checkpoint-7", "i", "m", 7, "run", "h", 9));
    pr_rng_seed(&r, 5);
    for (size_t i = 0; i < s->n; i++) {
        struct pr_grade x;
        plain_grade(&s->v[i], 1, &x);
        if (i % 3 == 0) { /* a think block before the answer */
            struct pr_str out = PR_STR_INIT(1000);
            pr_str_printf(&out, "<think>%zu is a number</think>%s", i, x.answer);
            pr_free(x.output);
            x.output_len = out.len;
            x.output = pr_str_take(&out);
            x.think = true;
            x.confidence_all = 0.5;
        }
        if (i == 5)
            x.nll = x.loss = NAN;
        if (i == 6) {
            pr_grade_done(&x);
            x = (struct pr_grade){.example = &s->v[i],
                .reason = pr_strdup("too long for this model"),
                .nll = NAN,
                .loss = NAN,
                .confidence = NAN,
                .confidence_all = NAN};
        }
        put(b->g, row.model, settings_of(b->g, row.model), &x);
        pr_grade_done(&x);
    }
    struct pr_grades *gs;
    MUST(pr_gradebook_grades(b->g, &row, settings_of(b->g, row.model), s, true, &gs, e));
    MUST(pr_grades_figures(gs, &figures, e));
    static const char *const same[] = {"loss", "loss_mean_per_example", "accuracy"};
    for (size_t i = 0; i < 3; i++) {
        char sql[100];
        snprintf(sql, sizeof sql, "SELECT %s FROM checkpoint_scores", same[i]);
        double a = view_real(b->g, sql), of_figures = figure(figures, same[i]);
        if (!(fabs(a - of_figures) <= 1e-12 * fabs(of_figures)))
            fail_msg("%s: %.17g, not %.17g", same[i], a, of_figures);
    }
    assert_true(view_real(b->g, "SELECT n_graded FROM checkpoint_scores") == 39);
    assert_true(view_real(b->g, "SELECT count(*) FROM grade_texts WHERE output LIKE"
                                " '<think>%is a number</think>the answer to%'") == 13);
    assert_true(view_real(b->g, "SELECT count(*) FROM grade_texts WHERE output = answer") == 26);
    assert_true(
        view_real(b->g, "SELECT count(*) FROM grade_texts WHERE reason LIKE 'too long%'") == 1);
    pr_grades_free(gs);
    json_decref(figures);
    pr_checkpoint_row_done(&row);
    pr_suite_free(s);
}

static void a_grade_is_stored_once(void **state)
{
    struct book *b = *state;
    int64_t suite;
    bool is_new;
    size_t done, all;
    char digest[PR_SHA256_HEX];
    struct pr_suite *s = store_suite(b->g, 3, false, &suite);
    struct pr_checkpoint_row row =
        row_of(b->g, add_checkpoint(b->g, "/a", "i", "m", 1, "r", "h", 9));
    int64_t setting = settings_of(b->g, row.model);
    struct pr_grade first, second;
    plain_grade(&s->v[1], 1, &first);
    plain_grade(&s->v[1], 2, &second);
    pr_sha256_hex(s->v[1].digest, digest);
    MUST(pr_gradebook_put_grade(b->g, row.model, setting, digest, &first, 1, &is_new, e));
    assert_true(is_new);
    MUST(pr_gradebook_put_grade(b->g, row.model, setting, digest, &second, 2, &is_new, e));
    assert_false(is_new);
    struct pr_grades *gs;
    MUST(pr_gradebook_grades(b->g, &row, setting, s, true, &gs, e));
    assert_same_grade(&first, &gs->v[1]);
    assert_false(gs->v[0].graded);
    assert_null(gs->v[0].reason);
    MUST(pr_gradebook_count(b->g, row.model, setting, suite, &done, &all, e));
    assert_int_equal(done, 1);
    assert_int_equal(all, 3);
    pr_grades_free(gs);
    pr_grade_done(&first);
    pr_grade_done(&second);
    pr_checkpoint_row_done(&row);
    pr_suite_free(s);
}

static void what_no_example_has_is_refused(void **state)
{
    struct book *b = *state;
    int64_t suite;
    struct pr_error why;
    char digest[PR_SHA256_HEX];
    struct pr_suite *s = store_suite(b->g, 4, true, &suite);
    struct pr_checkpoint_row row =
        row_of(b->g, add_checkpoint(b->g, "/a", "i", "m", 1, "r", "h", 9));
    int64_t setting = settings_of(b->g, row.model);
    struct pr_choice_score two[2] = {{-1, 2}, {-3, 4}};
    struct pr_grade x = {.graded = true, .choices = two, .n_choices = 2};
    assert_int_equal(
        pr_gradebook_put_grade(b->g, row.model, setting, "ff", &x, 1, NULL, &why), PR_E_NOT_FOUND);
    pr_sha256_hex(s->v[3].digest, digest);
    assert_int_equal(
        pr_gradebook_put_grade(b->g, row.model, setting, digest, &x, 1, NULL, &why), PR_E_FORMAT);
    x = (struct pr_grade){.graded = true};
    assert_int_equal(
        pr_gradebook_put_grade(b->g, 99, setting, digest, &x, 1, NULL, &why), PR_E_USAGE);
    pr_checkpoint_row_done(&row);
    pr_suite_free(s);
}

static void what_is_missing_comes_in_the_shared_order(void **state)
{
    struct book *b = *state;
    int64_t suite;
    size_t n, *order;
    struct pr_example_row *rows;
    struct pr_suite *s = store_suite(b->g, 30, false, &suite);
    struct pr_checkpoint_row row =
        row_of(b->g, add_checkpoint(b->g, "/a", "i", "m", 1, "r", "h", 9));
    int64_t setting = settings_of(b->g, row.model);
    pr_gradebook_order(s, &order);
    MUST(pr_gradebook_missing(b->g, row.model, setting, suite, &rows, &n, e));
    assert_int_equal(n, 30);
    for (size_t k = 0; k < n; k++) {
        char digest[PR_SHA256_HEX];
        pr_sha256_hex(s->v[order[k]].digest, digest);
        assert_string_equal(rows[k].digest, digest);
        char *line = pr_example_pack(&s->v[order[k]]);
        assert_string_equal(rows[k].line, line);
        pr_free(line);
    }
    pr_example_rows_free(rows, n);
    struct pr_grade x = {.example = &s->v[order[0]], .reason = pr_strdup("too long")};
    put(b->g, row.model, setting, &x);
    pr_grade_done(&x);
    MUST(pr_gradebook_missing(b->g, row.model, setting, suite, &rows, &n, e));
    assert_int_equal(n, 29); /* a reason why none is possible counts as done */
    pr_example_rows_free(rows, n);
    pr_free(order);
    pr_checkpoint_row_done(&row);
    pr_suite_free(s);
}

/* What a system asks for itself is nobody else's suite. */
static void a_systems_own_suite_is_not_among_the_users(void **state)
{
    struct book *b = *state;
    struct pr_suite_row *rows;
    int64_t own, users;
    size_t n;
    struct pr_suite *s = make_suite(PR_SUITE_OWN "adversarial-miner", 5, false);
    struct pr_suite *u = make_suite("validation", 5, false);
    MUST(pr_gradebook_put_suite(b->g, s, 1, &own, e));
    MUST(pr_gradebook_put_suite(b->g, u, 1, &users, e));
    for (int current = 0; current < 2; current++) {
        MUST(pr_gradebook_suites(b->g, current, &rows, &n, e));
        assert_int_equal(n, 1);
        assert_int_equal(rows[0].id, users);
        pr_suite_rows_free(rows, n);
    }
    MUST(pr_gradebook_own_suites(b->g, &rows, &n, e));
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].id, own);
    pr_suite_rows_free(rows, n);
    MUST(pr_gradebook_retire_suite(b->g, PR_SUITE_OWN "adversarial-miner", e));
    MUST(pr_gradebook_own_suites(b->g, &rows, &n, e));
    assert_int_equal(n, 0);
    pr_suite_rows_free(rows, n);
    pr_suite_free(s);
    pr_suite_free(u);
}

static void an_edited_suite_is_another_version_and_shares_examples(void **state)
{
    struct book *b = *state;
    int64_t first, second, again;
    struct pr_suite_row *rows;
    size_t n;
    struct pr_suite *s = make_suite("validation", 20, false);
    struct pr_suite *longer = make_suite("validation", 25, false);
    MUST(pr_gradebook_put_suite(b->g, s, 1, &first, e));
    MUST(pr_gradebook_put_suite(b->g, longer, 2, &second, e));
    assert_true(first != second);
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM examples"), 25);
    MUST(pr_gradebook_suites(b->g, true, &rows, &n, e));
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].id, second);
    assert_string_equal(rows[0].fingerprint, longer->fingerprint);
    pr_suite_rows_free(rows, n);
    MUST(pr_gradebook_put_suite(b->g, s, 3, &again, e));
    assert_int_equal(again, first);
    MUST(pr_gradebook_retire_suite(b->g, "validation", e));
    MUST(pr_gradebook_suites(b->g, true, &rows, &n, e));
    assert_int_equal(n, 0);
    pr_suite_rows_free(rows, n);
    pr_suite_select(longer, 20);
    MUST(pr_gradebook_put_suite(b->g, longer, 4, &again, e));
    assert_true(again != first && again != second);
    pr_suite_free(s);
    pr_suite_free(longer);
}

static void three_hundred_grades_are_stored_and_read_in_moments(void **state)
{
    struct book *b = *state;
    int64_t suite;
    struct pr_suite *s = store_suite(b->g, 300, false, &suite);
    struct pr_checkpoint_row row =
        row_of(b->g, add_checkpoint(b->g, "/a", "i", "m", 1, "r", "h", 9));
    int64_t setting = settings_of(b->g, row.model), start = pr_clock_monotonic_ns();
    MUST(pr_gradebook_begin(b->g, e));
    for (size_t i = 0; i < s->n; i++) {
        struct pr_grade x;
        plain_grade(&s->v[i], 1, &x);
        put(b->g, row.model, setting, &x);
        pr_grade_done(&x);
    }
    MUST(pr_gradebook_commit(b->g, e));
    int64_t stored = pr_clock_monotonic_ns();
    struct pr_grades *gs;
    MUST(pr_gradebook_grades(b->g, &row, setting, s, true, &gs, e));
    int64_t read = pr_clock_monotonic_ns();
    print_message("stored in %.2f ms, read in %.2f ms\n", (double)(stored - start) / 1e6,
        (double)(read - stored) / 1e6);
    assert_true(stored - start < 2000000000 && read - stored < 500000000);
    pr_grades_free(gs);
    pr_checkpoint_row_done(&row);
    pr_suite_free(s);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, book_setup, book_teardown)
    const struct CMUnitTest tests[] = {
        TEST(every_grade_comes_back_bit_by_bit),
        TEST(the_figures_are_those_of_the_engine),
        TEST(the_views_say_the_same_as_the_figures),
        TEST(a_grade_is_stored_once),
        TEST(what_no_example_has_is_refused),
        TEST(what_is_missing_comes_in_the_shared_order),
        TEST(an_edited_suite_is_another_version_and_shares_examples),
        TEST(a_systems_own_suite_is_not_among_the_users),
        TEST(three_hundred_grades_are_stored_and_read_in_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
