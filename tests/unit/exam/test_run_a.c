/* Grading a real training run end to end: every example and every aggregate against the independent
 * float64 reference (tests/fixtures/run_a). */
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

static char *fixture(const char *name)
{
    const char *root = getenv("PR_SOURCE_ROOT");
    char *base = pr_path_join(root ? root : ".", "tests/fixtures/run_a");
    char *path = pr_path_join(base, name);
    pr_free(base);
    return path;
}

static struct pr_suite *load_suite(const char *name)
{
    char *path = fixture(name);
    const char *paths[] = {path};
    struct pr_suite *s;
    struct pr_error e;
    if (pr_suite_load(paths, 1, NULL, &s, &e))
        fail_msg("%s", e.message);
    pr_free(path);
    return s;
}

static struct pr_grades *grade(const char *checkpoint, const struct pr_suite *s)
{
    char *dir = fixture(checkpoint);
    struct pr_checkpoint_options co = {.weights = true};
    struct pr_engine_options eo = {.math = PR_MATH_F32};
    struct pr_grade_options go = {.max_new_tokens = 32};
    struct pr_checkpoint *c;
    struct pr_engine *engine;
    struct pr_grades *g;
    struct pr_error e;
    if (pr_checkpoint_open(dir, &co, &c, &e) || pr_engine_new(c, &eo, &engine, &e) ||
        pr_grade_suite(c, engine, s, &go, &g, &e))
        fail_msg("%s", e.message);
    pr_engine_free(engine);
    pr_checkpoint_free(c);
    pr_free(dir);
    return g;
}

static double real(const json_t *o, const char *key)
{
    return json_number_value(json_object_get(o, key));
}

static void near(const char *what, double got, double want, double eps)
{
    if (!(fabs(got - want) <= eps))
        fail_msg("%s: %.10g, the reference says %.10g", what, got, want);
}

/* Every example: loss, tokens, answer, correctness, confidence.  Returns the largest loss
 * difference. */
static double compare_examples(const struct pr_grades *g, const char *name)
{
    struct pr_str rel = PR_STR_INIT(200);
    struct pr_lines lines;
    struct pr_error e;
    char *text;
    int fd;
    size_t n, i = 0;
    double worst = 0;
    pr_str_printf(&rel, "reference/%s.jsonl", name);
    char *path = fixture(pr_str_cstr(&rel));
    assert_int_equal(pr_file_open(AT_FDCWD, path, false, &fd, NULL, &e), PR_OK);
    pr_lines_init(&lines, fd, 1 << 20);
    for (; pr_lines_next(&lines, &text, &n, &e) == PR_LINE_OK; i++) {
        json_t *want = NULL;
        const struct pr_grade *got = &g->v[i];
        assert_int_equal(pr_json_parse(text, n, 0, NULL, &want, NULL, &e), PR_OK);
        const char *id = got->example->id;
        assert_string_equal(id, json_string_value(json_object_get(want, "id")));
        assert_int_equal(got->answer_tokens, real(want, "answer_tokens"));
        near(id, got->loss, real(want, "loss"), 2e-5);
        worst = fmax(worst, fabs(got->loss - real(want, "loss")));
        /* Where the two best tokens are this close, float32 may rightly choose the other. */
        if (real(want, "min_margin") >= 1e-4) {
            assert_int_equal(
                got->correct == PR_VERDICT_RIGHT, json_is_true(json_object_get(want, "correct")));
            near(id, got->confidence, real(want, "confidence"), 2e-5);
            assert_int_equal(
                got->output_tokens, json_array_size(json_object_get(want, "greedy_ids")));
            assert_int_equal(!got->truncated, json_is_true(json_object_get(want, "finished")));
        }
        json_decref(want);
    }
    assert_int_equal(i, 300);
    pr_lines_done(&lines);
    close(fd);
    pr_free(path);
    pr_str_done(&rel);
    return worst;
}

static void compare_groups(const json_t *got, const json_t *want)
{
    const char *name;
    json_t *w;
    json_object_foreach ((json_t *)want, name, w) {
        const json_t *g = json_object_get(got, name);
        assert_int_equal(real(g, "n"), real(w, "n"));
        near(name, real(g, "accuracy"), real(w, "accuracy"), 1e-12);
        near(name, real(g, "loss_mean_per_example"), real(w, "mean_loss"), 1e-5);
    }
}

static void compare_document(const struct pr_grades *g, const json_t *want)
{
    json_t *doc;
    struct pr_error e;
    if (pr_grades_document(g, &doc, &e))
        fail_msg("%s", e.message);
    assert_int_equal(real(doc, "n"), 300);
    assert_int_equal(real(doc, "n_accuracy"), 300);
    assert_int_equal(real(doc, "step"), real(want, "step"));
    near("accuracy", real(doc, "accuracy"), real(want, "accuracy"), 1e-12);
    near("mean loss", real(doc, "loss_mean_per_example"), real(want, "mean_loss"), 1e-5);
    near("loss", real(doc, "loss"), real(want, "token_mean_loss"), 1e-5);
    near("perplexity", real(doc, "perplexity"), exp(real(want, "token_mean_loss")), 1e-4);
    near("ece_15", real(doc, "ece_15"), real(json_object_get(want, "ece_15"), "ece"), 2e-5);
    compare_groups(json_object_get(doc, "by_difficulty"), json_object_get(want, "by_difficulty"));
    compare_groups(json_object_get(doc, "by_skill"), json_object_get(want, "by_skill"));
    json_decref(doc);
}

static void every_checkpoint_is_graded_as_the_reference_has_it(void **state)
{
    (void)state;
    struct pr_suite *s = load_suite("validation.jsonl");
    char *path = fixture("RESULTS.json");
    json_t *results = NULL, *want;
    size_t i, n = 0;
    assert_int_equal(pr_json_read(AT_FDCWD, path, 1 << 24, 0, &results, NULL), PR_OK);
    json_array_foreach (json_object_get(results, "checkpoints"), i, want) {
        char rel[200];
        const char *name = json_string_value(json_object_get(want, "checkpoint"));
        snprintf(rel, sizeof rel, "checkpoints/%s", name);
        char *dir = fixture(rel);
        if (pr_path_is_dir(dir)) {
            struct pr_grades *g = grade(rel, s);
            double worst = compare_examples(g, name);
            compare_document(g, want);
            print_message("%s: 300 examples, largest loss difference %.2g, %.2f s\n", name, worst,
                g->seconds);
            pr_grades_free(g);
            n++;
        }
        pr_free(dir);
    }
    assert_true(n >= 4);
    json_decref(results);
    pr_free(path);
    pr_suite_free(s);
}

/* The same questions as messages: other ids and labels, the same numbers to the last bit. */
static void the_format_of_the_examples_does_not_matter(void **state)
{
    (void)state;
    struct pr_suite *a = load_suite("validation.jsonl"), *b = load_suite("validation_chatml.jsonl");
    struct pr_grades *x = grade("checkpoints/checkpoint-2886", a);
    struct pr_grades *y = grade("checkpoints/checkpoint-2886", b);
    assert_int_equal(b->n + b->n_repeated, 300);
    size_t k = 0;
    for (size_t i = 0; i < y->n; i++, k++) {
        while (y->v[i].example->line != x->v[k].example->line)
            k++;
        assert_true(x->v[k].loss == y->v[i].loss);
        assert_true(x->v[k].confidence == y->v[i].confidence);
        assert_string_equal(x->v[k].answer, y->v[i].answer);
    }
    pr_grades_free(x);
    pr_grades_free(y);
    pr_suite_free(a);
    pr_suite_free(b);
}

/* RESULTS.json: 2926 is 2886 with weights moved so that about 20 right answers became wrong. */
static void damage_is_seen_in_the_paired_comparison(void **state)
{
    (void)state;
    struct pr_suite *s = load_suite("validation.jsonl");
    struct pr_grades *x = grade("checkpoints/checkpoint-2886", s);
    struct pr_grades *y = grade("checkpoints/checkpoint-2926", s);
    json_t *doc;
    struct pr_error e;
    if (pr_compare(x, y, NULL, &doc, &e))
        fail_msg("%s", e.message);
    const json_t *m = json_object_get(doc, "metrics"), *acc = json_object_get(m, "accuracy");
    near("accuracy", real(acc, "difference"), 0.4067 - 0.4633, 1e-4);
    assert_true(real(acc, "p_mcnemar") < 0.01);
    assert_true(json_number_value(json_array_get(json_object_get(acc, "ci95"), 1)) < 0);
    const json_t *loss = json_object_get(m, "loss_mean_per_example");
    near("loss", real(loss, "difference"), 0.5839 - 0.5468, 2e-4);
    assert_int_equal(json_array_size(json_object_get(doc, "lost")), real(acc, "n_lost"));
    json_decref(doc);
    pr_grades_free(x);
    pr_grades_free(y);
    pr_suite_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_checkpoint_is_graded_as_the_reference_has_it),
        cmocka_unit_test(the_format_of_the_examples_does_not_matter),
        cmocka_unit_test(damage_is_seen_in_the_paired_comparison),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
