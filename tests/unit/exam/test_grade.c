/* Grading on a fake model: losses, answers, confidences, what is counted and what is void. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "exam/compare.h"
#include "exam/grade.h"
#include "exam/lm_eval.h"
#include "fake_model.h"

static char dir[] = "/tmp/proctor-grade-XXXXXX";

static struct pr_suite *suite(const char *text)
{
    char *path = pr_path_join(dir, "s.jsonl");
    const char *paths[] = {path};
    struct pr_suite *s;
    struct pr_error e;
    struct pr_suite_options o = {.allow_commands = true};
    assert_int_equal(pr_file_write_atomic(path, text, strlen(text), &e), PR_OK);
    if (pr_suite_load(paths, 1, &o, &s, &e))
        fail_msg("%s", e.message);
    unlink(path);
    pr_free(path);
    return s;
}

static struct pr_grades *grade(const struct pr_suite *s, const struct pr_grade_options *o)
{
    struct pr_grades *g;
    struct pr_error e;
    if (pr_grade_suite(fake_checkpoint(), fake_engine(), s, o, &g, &e))
        fail_msg("%s", e.message);
    return g;
}

static void near(double got, double want, int line)
{
    if (!(fabs(got - want) <= 1e-6))
        fail_msg("line %d: %.9g, expected %.9g", line, got, want);
}
#define NEAR(a, b) near(a, b, __LINE__)

static double real(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static void an_example_is_scored_and_asked(void **state)
{
    (void)state;
    struct pr_suite *s =
        suite("{\"id\":\"q\",\"prompt\":\"say:GH\",\"golden\":\"GH\",\"skill\":\"echo\"}\n");
    struct pr_grades *g = grade(s, NULL);
    assert_int_equal(g->v[0].answer_tokens, 3); /* G, H and the end of turn */
    NEAR(g->v[0].loss, 1.1 / 3);
    assert_string_equal(g->v[0].answer, "GH");
    assert_int_equal(g->v[0].correct, PR_VERDICT_RIGHT);
    NEAR(g->v[0].confidence, exp(-0.02)); /* of 0.01, 0.02, 0.03: the end token counts */
    assert_string_equal(g->v[0].finish, "stop");
    json_t *line = pr_grade_line(&g->v[0]), *doc;
    static const char *const keys[] = {"id", "skill", "difficulty", "loss", "answer_tokens",
        "answer", "correct", "confidence", "finish"};
    for (size_t i = 0; i < 9; i++)
        assert_non_null(json_object_get(line, keys[i]));
    json_decref(line);
    assert_int_equal(pr_grades_document(g, &doc, NULL), PR_OK);
    static const char *const fields[] = {"schema_version", "checkpoint", "fingerprint", "run",
        "step", "suite", "suite_fingerprint", "n", "n_accuracy", "n_skipped", "loss",
        "loss_mean_per_example", "perplexity", "accuracy", "accuracy_ci95", "by_difficulty",
        "by_skill", "ece", "ece_15", "bins", "quality", "seconds", "tokens_scored",
        "tokens_generated", "peak_rss_bytes", "template", "dtype", "numerics"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        if (!json_object_get(doc, fields[i]))
            fail_msg("the document lacks %s", fields[i]);
    NEAR(real(doc, "perplexity"), exp(1.1 / 3));
    assert_true(json_is_null(json_object_get(json_object_get(doc, "by_difficulty"), "easy")));
    assert_int_equal(real(json_object_get(json_object_get(doc, "by_skill"), "echo"), "n"), 1);
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(doc, "bins"), 5), "range")),
        "0.95-1.0");
    assert_string_equal(json_string_value(json_object_get(
                            json_array_get(json_object_get(doc, "bins"), 4), "range")),
        "0.8-0.95");
    json_decref(doc);
    pr_grades_free(g);
    pr_suite_free(s);
}

static void think_blocks_count_in_the_loss_and_not_in_the_answer(void **state)
{
    (void)state;
    struct pr_suite *s = suite("{\"id\":\"a\",\"prompt\":\"say:<think>hm</think>\\n\\n4 "
                               "\",\"golden\":\"<think>G</think>4\"}\n"
                               "{\"id\":\"b\",\"prompt\":\"say:<think>hm\",\"golden\":\"4\"}\n"
                               "{\"id\":\"c\",\"prompt\":\"say:12345678901234567890\",\"golden\":"
                               "\"12345678901234567890\"}\n"
                               "{\"id\":\"d\",\"prompt\":\"say:\",\"golden\":\"4\"}\n");
    struct pr_grade_options o = {.max_new_tokens = 12};
    struct pr_grades *g = grade(s, &o);
    assert_int_equal(g->v[0].answer_tokens, 5);
    assert_int_equal(g->v[0].correct, PR_VERDICT_RIGHT);
    assert_string_equal(g->v[0].answer, "4 ");
    assert_true(g->v[0].think);
    /* 9 tokens, 4 of them think: 5..9 are the answer's and the end. */
    NEAR(g->v[0].confidence, exp(-0.07));
    NEAR(g->v[0].confidence_all, exp(-0.05));
    for (int i = 1; i < 3; i++) {
        assert_true(g->v[i].truncated);
        assert_null(g->v[i].answer);
        assert_int_equal(g->v[i].correct, PR_VERDICT_WRONG);
    }
    assert_string_equal(g->v[1].finish, "stop");
    assert_true(isnan(g->v[1].confidence));
    assert_string_equal(g->v[2].finish, "length");
    NEAR(g->v[2].confidence, exp(-0.065));
    assert_true(g->v[3].empty);
    assert_string_equal(g->v[3].answer, "");
    json_t *doc;
    assert_int_equal(pr_grades_document(g, &doc, NULL), PR_OK);
    const json_t *q = json_object_get(doc, "quality");
    assert_int_equal(real(q, "truncated"), 2);
    assert_int_equal(real(q, "empty"), 1);
    assert_int_equal(real(q, "format_ok"), 1);
    NEAR(real(q, "think_rate"), 0.5);
    NEAR(real(doc, "accuracy"), 0.25);
    assert_int_equal(real(doc, "n_accuracy"), 4);
    assert_int_equal(real(doc, "n_calibration"), 3);
    json_decref(doc);
    pr_grades_free(g);
    pr_suite_free(s);
}

static void a_prompt_may_open_the_think_block(void **state)
{
    (void)state;
    fake.template = "thinks";
    struct pr_suite *s = suite("{\"id\":\"a\",\"prompt\":\"say:hm</think>4\",\"golden\":\"4\"}\n"
                               "{\"id\":\"b\",\"prompt\":\"say:hm\",\"golden\":\"hm\"}\n");
    struct pr_grades *g = grade(s, NULL);
    assert_string_equal(g->v[0].answer, "4");
    assert_int_equal(g->v[0].correct, PR_VERDICT_RIGHT);
    assert_true(g->v[1].truncated);
    pr_grades_free(g);
    pr_suite_free(s);
    fake.template = "chat";
}

static void numbers_that_are_none_are_counted_and_never_averaged(void **state)
{
    (void)state;
    struct pr_suite *s = suite("{\"id\":\"a\",\"prompt\":\"NAN say:1\",\"golden\":\"1\"}\n"
                               "{\"id\":\"b\",\"prompt\":\"say:1\",\"golden\":\"1\"}\n");
    struct pr_grades *g = grade(s, NULL);
    json_t *doc, *line = pr_grade_line(&g->v[0]);
    assert_true(json_is_null(json_object_get(line, "loss")));
    assert_non_null(strstr(json_string_value(json_object_get(line, "loss_reason")), "NaN"));
    assert_true(json_is_null(json_object_get(line, "correct")));
    assert_non_null(json_object_get(line, "correct_reason"));
    json_decref(line);
    assert_int_equal(pr_grades_document(g, &doc, NULL), PR_OK);
    assert_int_equal(real(doc, "n"), 2);
    assert_int_equal(real(doc, "n_bad"), 1);
    assert_int_equal(real(doc, "n_accuracy"), 1);
    NEAR(real(doc, "loss"), 0.5);
    NEAR(real(doc, "accuracy"), 1);
    json_decref(doc);
    pr_grades_free(g);
    pr_suite_free(s);
}

static void examples_that_cannot_be_asked_say_why(void **state)
{
    (void)state;
    struct pr_error e;
    struct pr_grades *none = NULL;
    fake.max_position = 60;
    struct pr_suite *s =
        suite("{\"id\":\"a\",\"prompt\":\"RAISE\",\"golden\":\"1\"}\n"
              "{\"id\":\"b\",\"prompt\":\"0123456789012345678901234567890123456789012345\","
              "\"golden\":\"1\"}\n"
              "{\"id\":\"c\",\"prompt\":\"say:12345678901234567890\",\"golden\":\"1\"}\n"
              "{\"id\":\"d\",\"prompt\":\"x\",\"golden\":\"1\",\"check\":{\"command\":[\"/"
              "nonexistent\"]}}\n");
    struct pr_grades *g = grade(s, NULL);
    assert_false(g->v[0].graded);
    assert_non_null(strstr(g->v[0].reason, "no such turns"));
    assert_false(g->v[1].graded);
    assert_non_null(strstr(g->v[1].reason, "the model takes 60"));
    assert_true(g->v[2].truncated); /* the positions end before its answer does */
    assert_true(g->v[3].graded);
    assert_int_equal(g->v[3].correct, PR_VERDICT_NONE);
    assert_non_null(strstr(g->v[3].correct_reason, "judge /nonexistent"));
    json_t *doc;
    assert_int_equal(pr_grades_document(g, &doc, NULL), PR_OK);
    assert_int_equal(real(doc, "n"), 2);
    assert_int_equal(real(doc, "n_ungraded"), 2);
    assert_int_equal(real(doc, "n_undecided"), 1);
    assert_int_equal(real(doc, "n_accuracy"), 1);
    assert_int_equal(json_array_size(json_object_get(doc, "problems")), 3);
    json_decref(doc);
    pr_grades_free(g);
    pr_suite_free(s);
    s = suite("{\"id\":\"a\",\"prompt\":\"RAISE\",\"golden\":\"1\"}\n");
    assert_int_equal(
        pr_grade_suite(fake_checkpoint(), fake_engine(), s, NULL, &none, &e), PR_E_FORMAT);
    assert_non_null(strstr(e.message, "no such turns"));
    assert_null(none);
    pr_suite_free(s);
    fake.max_position = 4096;
}

static void plain_text_has_a_loss_and_no_verdict(void **state)
{
    (void)state;
    struct pr_suite *s =
        suite("{\"text\":\"abcG\"}\n{\"text\":\"a\"}\n{\"prompt\":\"say:1\",\"golden\":\"1\"}\n");
    struct pr_grades *g = grade(s, NULL);
    assert_int_equal(g->v[0].answer_tokens, 3); /* the first token has nothing before it */
    NEAR(g->v[0].loss, 1.1 / 3);
    assert_int_equal(g->v[0].correct, PR_VERDICT_NONE);
    assert_true(isnan(g->v[1].loss));
    assert_non_null(strstr(g->v[1].loss_reason, "one token"));
    json_t *doc;
    assert_int_equal(pr_grades_document(g, &doc, NULL), PR_OK);
    assert_int_equal(real(doc, "n"), 3);
    assert_int_equal(real(doc, "n_accuracy"), 1);
    assert_int_equal(real(doc, "n_undecided"), 0);
    json_decref(doc);
    pr_grades_free(g);
    pr_suite_free(s);
}

static void choices_are_ranked_by_likelihood_plain_and_per_length(void **state)
{
    (void)state;
    /* Sums: H<eot> −1.0, GGGGGGG<eot> −1.2; per character −1.0 and −0.17. */
    struct pr_suite *s =
        suite("{\"id\":\"a\",\"prompt\":\"which\",\"golden\":\"H\",\"choices\":[\"GGGGGGG\",\"H\"],"
              "\"check\":\"choice\"}\n");
    struct pr_grades *g = grade(s, NULL);
    assert_int_equal(g->v[0].correct, PR_VERDICT_RIGHT);
    assert_int_equal(g->v[0].correct_per_length, PR_VERDICT_WRONG);
    assert_string_equal(g->v[0].answer, "H");
    assert_string_equal(g->v[0].finish, "choice");
    NEAR(g->v[0].loss, 0.5);
    NEAR(g->v[0].confidence, 1 / (1 + exp(-0.2)));
    assert_int_equal(g->tokens_generated, 0);
    pr_grades_free(g);
    pr_suite_free(s);
}

static void a_model_without_a_template_gets_plain_text(void **state)
{
    (void)state;
    fake.template = NULL;
    struct pr_suite *s =
        suite("{\"messages\":[{\"role\":\"system\",\"content\":\"be\"},{\"role\":\"user\","
              "\"content\":\"say:1\"},{\"role\":\"assistant\",\"content\":\"1\"}]}");
    struct pr_prompter *p;
    struct pr_str text = PR_STR_INIT(1000);
    assert_int_equal(pr_prompter_new(fake_checkpoint(), NULL, &p, NULL), PR_OK);
    assert_int_equal(pr_prompter_render(p, &s->v[0], &text, NULL), PR_OK);
    assert_string_equal(pr_str_cstr(&text), "be\nsay:1");
    assert_int_equal(pr_prompter_end_of_turn(p), 256); /* eos_token */
    pr_prompter_free(p);
    pr_str_done(&text);
    struct pr_grades *g = grade(s, NULL);
    json_t *doc;
    assert_int_equal(pr_grades_document(g, &doc, NULL), PR_OK);
    assert_string_equal(json_string_value(json_object_get(doc, "template")), "none");
    NEAR(real(doc, "accuracy"), 1);
    json_decref(doc);
    pr_grades_free(g);
    pr_suite_free(s);
    fake.template = "chat";
}

static void the_end_of_turn_is_no_white_space(void **state)
{
    (void)state;
    static const char *const templates[] = {"chat", "spaced", NULL};
    for (int i = 0; i < 3; i++) {
        struct pr_prompter *p;
        size_t n;
        fake.template = templates[i];
        assert_int_equal(pr_prompter_new(fake_checkpoint(), NULL, &p, NULL), PR_OK);
        assert_int_equal(pr_prompter_end_of_turn(p), 256);
        (void)pr_prompter_stops(p, &n);
        assert_int_equal(n, 1);
        pr_prompter_free(p);
    }
    fake.template = "chat";
}

static void a_checkpoint_that_changed_makes_the_grade_void(void **state)
{
    (void)state;
    struct pr_suite *s = suite("{\"prompt\":\"say:1\",\"golden\":\"1\"}\n");
    struct pr_grades *g = NULL;
    struct pr_error e;
    fake.changed = true;
    assert_int_equal(
        pr_grade_suite(fake_checkpoint(), fake_engine(), s, NULL, &g, &e), PR_E_CHANGED);
    fake.changed = false;
    fake.template = "broken";
    assert_int_equal(
        pr_grade_suite(fake_checkpoint(), fake_engine(), s, NULL, &g, &e), PR_E_FORMAT);
    assert_non_null(strstr(e.message, "chat template: line 1"));
    fake.template = "chat";
    assert_null(g);
    pr_suite_free(s);
}

static int seen;

static int stop_at_two(void *ctx, const struct pr_grade *g)
{
    (void)ctx;
    assert_true(g->graded);
    return ++seen == 2;
}

static void grades_come_as_they_are_finished_and_can_be_stopped(void **state)
{
    (void)state;
    struct pr_suite *s =
        suite("{\"prompt\":\"say:1\",\"golden\":\"1\"}\n{\"prompt\":\"say:2\",\"golden\":\"1\"}\n"
              "{\"prompt\":\"say:3\",\"golden\":\"1\"}\n");
    struct pr_grades *g = NULL;
    struct pr_error e;
    struct pr_grade_options o = {.on_grade = stop_at_two};
    assert_int_equal(
        pr_grade_suite(fake_checkpoint(), fake_engine(), s, &o, &g, &e), PR_E_CANCELLED);
    assert_int_equal(seen, 2);
    pr_suite_free(s);
}

static void settings_are_part_of_the_key(void **state)
{
    (void)state;
    struct pr_suite *s = suite("{\"prompt\":\"say:1\",\"golden\":\"1\"}\n");
    json_t *vars = json_pack("{s:b}", "enable_thinking", 0);
    struct pr_grade_options o[] = {
        {0}, {.max_new_tokens = 9}, {.prompt.template_vars = vars}, {.prompt.now_utc_ms = 1}};
    char keys[4][PR_SHA256_HEX];
    for (int i = 0; i < 4; i++) {
        struct pr_grades *g = grade(s, &o[i]);
        memcpy(keys[i], g->settings_fingerprint, PR_SHA256_HEX);
        pr_grades_free(g);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(keys[i], keys[k]);
    }
    json_decref(vars);
    pr_suite_free(s);
}

static void two_checkpoints_are_compared_by_example(void **state)
{
    (void)state;
    struct pr_suite *s = suite("{\"id\":\"a\",\"prompt\":\"say:1\",\"golden\":\"1\"}\n"
                               "{\"id\":\"b\",\"prompt\":\"say:2\",\"golden\":\"x2\"}\n"
                               "{\"id\":\"c\",\"prompt\":\"say:3\",\"golden\":\"4\"}\n"
                               "{\"id\":\"d\",\"prompt\":\"say:5\",\"golden\":\"5\"}\n");
    struct pr_grades *first = grade(s, NULL);
    fake.wrong = true; /* an x comes before each answer */
    struct pr_grades *second = grade(s, NULL);
    fake.wrong = false;
    json_t *doc;
    struct pr_error e;
    if (pr_compare(first, second, NULL, &doc, &e))
        fail_msg("%s", e.message);
    assert_int_equal(real(doc, "n_paired"), 4);
    assert_int_equal(json_array_size(json_object_get(doc, "gained")), 1);
    assert_int_equal(json_array_size(json_object_get(doc, "lost")), 2);
    assert_string_equal(json_string_value(json_array_get(json_object_get(doc, "gained"), 0)), "b");
    assert_int_equal(json_array_size(json_object_get(doc, "examples")), 3);
    const json_t *acc = json_object_get(json_object_get(doc, "metrics"), "accuracy");
    NEAR(real(acc, "difference"), -0.25);
    NEAR(real(acc, "p_mcnemar"), 1);
    const json_t *loss = json_object_get(json_object_get(doc, "metrics"), "loss_mean_per_example");
    NEAR(real(loss, "difference"), 0);
    const json_t *pooled = json_object_get(json_object_get(doc, "metrics"), "loss");
    NEAR(real(pooled, "first"), 0.5);
    json_decref(doc);
    pr_grades_free(second);
    /* The same ids for other questions are no pairs. */
    struct pr_suite *other = suite("{\"id\":\"a\",\"prompt\":\"say:1\",\"golden\":\"1\"}\n"
                                   "{\"id\":\"b\",\"prompt\":\"say:9\",\"golden\":\"9\"}\n");
    second = grade(other, NULL);
    assert_int_equal(pr_compare(first, second, NULL, &doc, &e), PR_OK);
    assert_int_equal(real(doc, "n_paired"), 1);
    assert_int_equal(real(doc, "n_unpaired"), 4);
    assert_true(json_is_false(json_object_get(doc, "same_suite")));
    json_decref(doc);
    pr_grades_free(second);
    pr_suite_free(other);
    other = suite("{\"id\":\"a\",\"prompt\":\"say:8\",\"golden\":\"8\"}\n");
    second = grade(other, NULL);
    assert_int_equal(pr_compare(first, second, NULL, &doc, &e), PR_E_FORMAT);
    pr_grades_free(first);
    pr_grades_free(second);
    pr_suite_free(other);
    pr_suite_free(s);
}

static json_t *read_json(const char *path)
{
    json_t *v = NULL;
    struct pr_error e;
    if (pr_json_read(AT_FDCWD, path, 1 << 20, 0, &v, &e))
        fail_msg("%s", e.message);
    return v;
}

static void the_harness_finds_its_files(void **state)
{
    (void)state;
    struct pr_suite *s = suite("{\"id\":\"a\",\"prompt\":\"say:1\",\"golden\":\"1\"}\n{\"id\":"
                               "\"b\",\"prompt\":\"say:2\",\"golden\":\"1\"}\n"
                               "{\"id\":\"c\",\"prompt\":\"w\",\"golden\":\"H\",\"choices\":[\"G\","
                               "\"H\"],\"check\":\"choice\"}\n"
                               "{\"text\":\"abcd\"}\n");
    struct pr_grades *g = grade(s, NULL);
    struct pr_error e;
    char *results, **names;
    size_t n, samples = 0;
    char *out = pr_path_join(dir, "lm");
    if (pr_lm_eval_write(out, g, fake_checkpoint(), NULL, &results, &e))
        fail_msg("%s", e.message);
    json_t *doc = read_json(results);
    const json_t *r = json_object_get(json_object_get(doc, "results"), "s");
    NEAR(real(r, "exact_match,none"), 0.5);
    NEAR(real(r, "exact_match_stderr,none"), 0.5);
    NEAR(real(json_object_get(json_object_get(doc, "results"), "s_choice"), "acc,none"), 0);
    static const char *const keys[] = {"results", "group_subtasks", "configs", "versions", "n-shot",
        "higher_is_better", "n-samples", "config", "git_hash", "date", "task_hashes",
        "model_source", "model_name", "model_name_sanitized", "chat_template", "chat_template_sha",
        "total_evaluation_time_seconds"};
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!json_object_get(doc, keys[i]))
            fail_msg("results lack %s", keys[i]);
    json_decref(doc);
    char *folder = pr_path_join(out, "checkpoint-7");
    assert_int_equal(pr_dir_list(folder, &names, &n, &e), PR_OK);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        char *path = pr_path_join(folder, names[i]), *text, *line;
        size_t len;
        if (!strncmp(names[i], "samples_s_2", 11)) {
            assert_int_equal(pr_file_read(AT_FDCWD, path, 1 << 20, &text, &len, &e), PR_OK);
            *(line = strchr(text, '\n')) = 0;
            json_t *v = NULL;
            assert_int_equal(pr_json_parse(text, strlen(text), 0, NULL, &v, NULL, &e), PR_OK);
            static const char *const fields[] = {"doc_id", "doc", "target", "arguments", "resps",
                "filtered_resps", "filter", "metrics", "doc_hash", "prompt_hash", "target_hash",
                "exact_match"};
            for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
                if (!json_object_get(v, fields[k]))
                    fail_msg("samples lack %s", fields[k]);
            assert_string_equal(
                json_string_value(json_object_get(
                    json_object_get(json_object_get(v, "arguments"), "gen_args_0"), "arg_0")),
                "[user]say:1<eot>\n[assistant]");
            assert_string_equal(
                json_string_value(json_array_get(json_object_get(v, "filtered_resps"), 0)), "1");
            json_decref(v);
            pr_free(text);
            samples++;
        }
        unlink(path);
        pr_free(path);
    }
    assert_int_equal(samples, 1);
    pr_names_free(names, n);
    rmdir(folder);
    rmdir(out);
    pr_free(folder);
    pr_free(out);
    pr_free(results);
    pr_grades_free(g);
    pr_suite_free(s);
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(dir) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    return rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_example_is_scored_and_asked),
        cmocka_unit_test(think_blocks_count_in_the_loss_and_not_in_the_answer),
        cmocka_unit_test(a_prompt_may_open_the_think_block),
        cmocka_unit_test(numbers_that_are_none_are_counted_and_never_averaged),
        cmocka_unit_test(examples_that_cannot_be_asked_say_why),
        cmocka_unit_test(plain_text_has_a_loss_and_no_verdict),
        cmocka_unit_test(choices_are_ranked_by_likelihood_plain_and_per_length),
        cmocka_unit_test(a_model_without_a_template_gets_plain_text),
        cmocka_unit_test(the_end_of_turn_is_no_white_space),
        cmocka_unit_test(a_checkpoint_that_changed_makes_the_grade_void),
        cmocka_unit_test(grades_come_as_they_are_finished_and_can_be_stopped),
        cmocka_unit_test(settings_are_part_of_the_key),
        cmocka_unit_test(two_checkpoints_are_compared_by_example),
        cmocka_unit_test(the_harness_finds_its_files),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
