/* libproctor from a program's side: what it hands over, refuses and stops. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <proctor.h>
#include <string.h>

#define TINY    PR_SOURCE_ROOT "/tests/fixtures/models/qwen3-tiny"
#define TRAINED PR_SOURCE_ROOT "/tests/fixtures/run_a/checkpoints/checkpoint-4500"
#define SUITE   PR_SOURCE_ROOT "/tests/fixtures/run_a/validation.jsonl"

static struct pr_error e;

static struct proctor_model *opened(const char *dir)
{
    struct proctor_model *m = NULL;
    struct proctor_options options = {.n_threads = 1};
    if (proctor_open(dir, &options, &m, &e))
        fail_msg("%s", e.message);
    return m;
}

static void facts_are_known_as_the_header_says(void **state)
{
    (void)state;
    struct proctor_model *m = opened(TINY);
    assert_string_equal(proctor_name(m), "qwen3-tiny");
    assert_string_equal(proctor_architecture(m), "Qwen3ForCausalLM");
    assert_string_equal(proctor_dtype_used(m), "");
    assert_int_equal(proctor_threads(m), 0);
    assert_int_equal(proctor_load(m, &e), PR_OK);
    assert_string_equal(proctor_dtype_used(m), "f32");
    assert_int_equal(proctor_threads(m), 1);
    assert_true(strlen(proctor_numerics(m)) > 3);
    assert_int_equal(proctor_vocabulary(m), 1024);
    assert_int_equal(proctor_max_positions(m), 4096);
    proctor_close(m);
    proctor_close(NULL);
}

static void a_model_opened_for_text_does_not_score(void **state)
{
    (void)state;
    struct proctor_model *m = NULL;
    int32_t ids[2] = {1, 2};
    struct proctor_score s = {.ids = ids, .n = 2};
    assert_int_equal(proctor_open_text(TINY, NULL, &m, &e), PR_OK);
    assert_int_equal(proctor_score(m, &s, 1, NULL, &e), PR_E_USAGE);
    proctor_score_done(&s);
    proctor_close(m);
}

static void a_missing_folder_is_named_and_hands_over_nothing(void **state)
{
    (void)state;
    struct proctor_model *m = NULL;
    assert_int_equal(proctor_open("/no/such/folder", NULL, &m, &e), PR_E_NOT_FOUND);
    assert_null(m);
    assert_non_null(strstr(e.message, "/no/such/folder"));
    assert_int_equal(proctor_open("/no/such/folder", NULL, &m, NULL), PR_E_NOT_FOUND);
}

static void template_variables_must_be_an_object(void **state)
{
    (void)state;
    struct proctor_model *m = NULL;
    struct proctor_options options = {.template_vars = "[1]"};
    assert_int_equal(proctor_open_text(TINY, &options, &m, &e), PR_E_USAGE);
    options.template_vars = "{";
    assert_int_equal(proctor_open_text(TINY, &options, &m, &e), PR_E_FORMAT);
    assert_null(m);
}

static void an_item_that_cannot_be_scored_is_refused_before_any_work(void **state)
{
    (void)state;
    struct proctor_model *m = opened(TINY);
    int32_t good[2] = {1, 2}, bad[2] = {1, 5000};
    struct proctor_score s[2] = {{.ids = good, .n = 2}, {.ids = bad, .n = 2}};
    assert_int_equal(proctor_score(m, s, 2, NULL, &e), PR_E_USAGE);
    assert_non_null(strstr(e.message, "ids[1] is 5000"));
    assert_false(s[0].done);
    proctor_score_done(&s[0]);
    proctor_score_done(&s[1]);
    s[0].n = 0;
    assert_int_equal(proctor_score(m, s, 1, NULL, &e), PR_E_USAGE);
    proctor_score_done(&s[0]);
    assert_int_equal(proctor_score(m, NULL, 0, NULL, &e), PR_OK);
    proctor_close(m);
}

static int stop(void *ctx, uint64_t done, uint64_t total)
{
    (void)ctx;
    (void)done;
    (void)total;
    return 1;
}

static void a_watch_stops_the_work_and_finished_items_stay_valid(void **state)
{
    (void)state;
    struct proctor_model *m = opened(TINY);
    struct proctor_watch watch = {.progress = stop};
    int32_t ids[40];
    struct proctor_generation g[40];
    for (int i = 0; i < 40; i++) {
        ids[i] = i;
        g[i] = (struct proctor_generation){
            .ids = &ids[i], .n = 1, .max_new_tokens = 200, .ignore_eos = true};
    }
    assert_int_equal(proctor_generate(m, g, 40, &watch, &e), PR_E_CANCELLED);
    for (int i = 0; i < 40; i++) {
        if (g[i].done)
            assert_true(g[i].n_new > 0);
        proctor_generation_done(&g[i]);
    }
    proctor_close(m);
}

static void a_generation_is_cut_to_the_positions_that_are_left(void **state)
{
    (void)state;
    struct proctor_model *m = opened(TINY);
    static int32_t ids[4096];
    struct proctor_generation g = {
        .ids = ids, .n = 4094, .max_new_tokens = 100, .ignore_eos = true};
    assert_int_equal(proctor_generate(m, &g, 1, NULL, &e), PR_OK);
    assert_int_equal(g.n_new, 2);
    assert_false(g.stopped);
    proctor_generation_done(&g);
    g.n = 4096;
    assert_int_equal(proctor_generate(m, &g, 1, NULL, &e), PR_E_USAGE);
    proctor_generation_done(&g);
    g = (struct proctor_generation){.ids = ids, .n = 1, .max_new_tokens = 0};
    assert_int_equal(proctor_generate(m, &g, 1, NULL, &e), PR_E_USAGE);
    proctor_generation_done(&g);
    g = (struct proctor_generation){.ids = ids, .n = 1, .max_new_tokens = 1, .temperature = NAN};
    assert_int_equal(proctor_generate(m, &g, 1, NULL, &e), PR_E_USAGE);
    proctor_generation_done(&g);
    proctor_close(m);
}

static void text_goes_to_ids_and_back(void **state)
{
    (void)state;
    struct proctor_model *m = NULL;
    int32_t *ids = NULL;
    char *text = NULL;
    size_t n, len;
    assert_int_equal(proctor_open_text(TRAINED, NULL, &m, &e), PR_OK);
    assert_int_equal(proctor_tokenize(m, "12 + 30", 7, &ids, &n, &e), PR_OK);
    assert_int_equal(proctor_detokenize(m, ids, n, false, &text, &len, &e), PR_OK);
    assert_string_equal(text, "12 + 30");
    assert_int_equal(len, 7);
    proctor_free(ids);
    proctor_free(text);
    assert_int_equal(proctor_tokenize(m, "a\xff", 2, &ids, &n, &e), PR_E_FORMAT);
    assert_int_equal(e.offset, 1);
    proctor_close(m);
}

static int count_lines(void *ctx, const char *line)
{
    size_t *n = ctx;
    assert_int_equal(line[0], '{');
    return ++*n >= 3;
}

static void grading_can_be_stopped_from_an_example(void **state)
{
    (void)state;
    struct proctor_model *m = opened(TRAINED);
    struct proctor_suite *suite = NULL;
    struct proctor_grades *grades = NULL;
    const char *path = SUITE;
    size_t n = 0;
    struct proctor_suite_options so = {.samples = 20};
    struct proctor_grade_options go = {.max_new_tokens = 8, .example = count_lines, .ctx = &n};
    assert_int_equal(proctor_suite_open(&path, 1, &so, &suite, &e), PR_OK);
    assert_int_equal(proctor_suite_size(suite), 20);
    assert_int_equal(proctor_grade(m, suite, &go, &grades, &e), PR_E_CANCELLED);
    assert_int_equal(n, 3);
    assert_null(grades);
    proctor_suite_close(suite);
    proctor_close(m);
}

static void grades_hand_over_documents_and_examples(void **state)
{
    (void)state;
    struct proctor_model *m = opened(TRAINED);
    struct proctor_suite *suite = NULL;
    struct proctor_grades *grades = NULL;
    const char *path = SUITE;
    char *text = NULL;
    struct proctor_suite_options so = {.samples = 3};
    assert_int_equal(proctor_suite_open(&path, 1, &so, &suite, &e), PR_OK);
    assert_int_equal(proctor_grade(m, suite, NULL, &grades, &e), PR_OK);
    proctor_close(m); /* grades outlive the model */
    assert_int_equal(proctor_grades_count(grades), 3);
    assert_int_equal(proctor_grades_document(grades, &text, &e), PR_OK);
    assert_non_null(strstr(text, "\"checkpoint\": \"checkpoint-4500\""));
    proctor_free(text);
    assert_int_equal(proctor_grades_example(grades, 2, true, &text, &e), PR_OK);
    assert_non_null(strstr(text, "\"golden\""));
    proctor_free(text);
    assert_int_equal(proctor_grades_example(grades, 3, false, &text, &e), PR_E_USAGE);
    assert_int_equal(proctor_compare(grades, grades, false, &text, &e), PR_OK);
    proctor_free(text);
    proctor_grades_free(grades);
    proctor_suite_close(suite);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(facts_are_known_as_the_header_says),
        cmocka_unit_test(a_model_opened_for_text_does_not_score),
        cmocka_unit_test(a_missing_folder_is_named_and_hands_over_nothing),
        cmocka_unit_test(template_variables_must_be_an_object),
        cmocka_unit_test(an_item_that_cannot_be_scored_is_refused_before_any_work),
        cmocka_unit_test(a_watch_stops_the_work_and_finished_items_stay_valid),
        cmocka_unit_test(a_generation_is_cut_to_the_positions_that_are_left),
        cmocka_unit_test(text_goes_to_ids_and_back),
        cmocka_unit_test(grading_can_be_stopped_from_an_example),
        cmocka_unit_test(grades_hand_over_documents_and_examples),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
