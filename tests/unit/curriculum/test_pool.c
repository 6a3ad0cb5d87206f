/* Pools: which levels there are and in which order, answer tokens, and that a pool is its examples
 * and not its files. */
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

#include "base/alloc.h"
#include "base/file.h"
#include "curriculum/pool.h"

static char *fixture(const char *name)
{
    const char *root = getenv("PR_SOURCE_ROOT");
    char *base = pr_path_join(root ? root : ".", "tests/fixtures/run_a");
    char *path = pr_path_join(base, name);
    pr_free(base);
    return path;
}

/* ---- levels ---- */

/* A suite of n examples of each of the names, the i-th name i+1 times as often where `rising`. */
static struct pr_suite *suite_of(const char *const *names, size_t n, bool rising)
{
    char **lines = NULL;
    size_t n_lines = 0, cap = 0;
    struct pr_suite *s;
    struct pr_error e;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < (rising ? i + 1 : 1); k++) {
            json_t *pack = json_object(), *line = json_object();
            struct pr_str text = PR_STR_INIT(1 << 16);
            pr_json_set_int(line, "id", (int64_t)n_lines);
            pr_json_set_str(line, "prompt", "p");
            pr_json_set_str(line, "golden", "g");
            if (*names[i])
                pr_json_set_str(line, "difficulty", names[i]);
            pr_json_set(pack, "line", line);
            pr_json_dump(pack, 0, 0, &text);
            json_decref(pack);
            PR_PUSH(lines, n_lines, cap, pr_str_take(&text));
        }
    }
    if (pr_suite_from_lines("test", (const char *const *)lines, n_lines, false, &s, &e))
        fail_msg("%s", e.message);
    pr_names_free(lines, n_lines);
    return s;
}

static json_t *json(const char *text)
{
    json_t *v = NULL;
    struct pr_error e;
    if (pr_json_parse(text, strlen(text), PR_JSON_ANY, NULL, &v, NULL, &e))
        fail_msg("%s", e.message);
    return v;
}

/* The names' levels as "easy medium …". */
static void expect_levels(
    const char *const *names, size_t n, const char *progress, const char *expected)
{
    struct pr_suite *s = suite_of(names, n, false);
    json_t *p = progress ? json(progress) : NULL;
    struct pr_str text = PR_STR_INIT(1 << 12);
    struct pr_levels l;
    uint8_t level[64];
    pr_levels_of(s, p, level, &l);
    for (size_t k = 0; k < l.n; k++)
        pr_str_printf(&text, "%s%s", k ? " " : "", l.v[k].name);
    assert_string_equal(pr_str_cstr(&text), expected);
    for (size_t i = 0; i < s->n; i++)
        assert_string_equal(l.v[level[i]].name, s->v[i].difficulty);
    pr_str_done(&text);
    json_decref(p);
    pr_suite_free(s);
}

static void levels_rise_and_the_unspecified_come_last(void **state)
{
    (void)state;
    static const char *const names[] = {"", "zeta", "hard", "10", "easy", "9", "alpha", "medium"};
    expect_levels(names, 8, NULL, "easy medium hard 9 10 alpha zeta unspecified");
    expect_levels(names, 8, "{\"zeta\":[3.0,0.5],\"alpha\":[0.1,0.9,null]}",
        "easy medium hard 9 10 zeta alpha unspecified");
    /* One loss of the two tells nothing about their order. */
    expect_levels(names, 8, "{\"zeta\":[0.5]}", "easy medium hard 9 10 alpha zeta unspecified");
    expect_levels(names + 4, 1, NULL, "easy");
}

static void of_too_many_names_the_rarest_are_unspecified(void **state)
{
    (void)state;
    char texts[40][8];
    const char *names[40];
    struct pr_levels l;
    for (size_t i = 0; i < 40; i++) {
        snprintf(texts[i], sizeof texts[i], "n%02zu", i);
        names[i] = texts[i];
    }
    struct pr_suite *s = suite_of(names, 40, true);
    uint8_t *level = pr_alloc(s->n);
    size_t merged = 0;
    pr_levels_of(s, NULL, level, &l);
    assert_int_equal(l.n, PR_MAX_LEVELS);
    assert_string_equal(l.v[l.n - 1].name, PR_UNSPECIFIED);
    for (size_t k = 0; k + 1 < l.n; k++)
        assert_string_equal(l.v[k].name, names[40 - 15 + k]);
    for (size_t i = 0; i < 40 - 15; i++)
        merged += i + 1;
    assert_int_equal(l.v[l.n - 1].n, merged);
    for (size_t i = 0; i < s->n; i++)
        assert_true(level[i] < l.n);
    pr_free(level);
    pr_suite_free(s);
}

static void a_long_name_is_cut_between_characters(void **state)
{
    (void)state;
    static const char *const names[] = {"0123456789012345678901234567890é and so on",
        "012345678901234567890123456789é", "0123456789012345678901234567890è"};
    struct pr_suite *s = suite_of(names, 3, false);
    struct pr_levels l;
    uint8_t level[3];
    pr_levels_of(s, NULL, level, &l);
    assert_int_equal(l.n, 2);
    assert_string_equal(l.v[level[0]].name, "0123456789012345678901234567890");
    assert_int_equal(level[0], level[2]);
    assert_string_equal(l.v[level[1]].name, "012345678901234567890123456789");
    pr_suite_free(s);
}

static void progress_gives_the_newest_losses_of_each_level(void **state)
{
    (void)state;
    const struct pr_levels l = {.v = {{.name = "easy"}, {.name = "odd"}}, .n = 2};
    struct pr_level_progress p[2];
    struct pr_error e;
    json_t *v = json("{\"easy\":[10,9,8,null,6,5,4,3,2,1],\"other\":[1]}");
    assert_int_equal(pr_levels_progress(&l, v, p, &e), PR_OK);
    assert_int_equal(p[0].n, 8);
    assert_true(p[0].loss[0] == 8 && isnan(p[0].loss[1]) && p[0].loss[7] == 1);
    assert_int_equal(p[1].n, 0);
    json_decref(v);
    assert_int_equal(pr_levels_progress(&l, NULL, p, &e), PR_OK);
    assert_int_equal(p[0].n, 0);
    static const char *const bad[] = {"[1]", "{\"easy\":1}", "{\"easy\":[\"1\"]}"};
    for (size_t i = 0; i < 3; i++) {
        v = json(bad[i]);
        assert_int_equal(pr_levels_progress(&l, v, p, &e), PR_E_FORMAT);
        json_decref(v);
    }
}

/* ---- pools ---- */

struct tokenizer {
    struct pr_checkpoint *c;
    struct pr_prompter *p;
};
static struct tokenizer tokenizer_of(const char *name)
{
    char *dir = fixture(name);
    struct pr_checkpoint_options co = {0};
    struct tokenizer t;
    struct pr_error e;
    if (pr_checkpoint_open(dir, &co, &t.c, &e) || pr_prompter_new(t.c, NULL, &t.p, &e))
        fail_msg("%s", e.message);
    pr_free(dir);
    return t;
}
static void tokenizer_done(struct tokenizer *t)
{
    pr_prompter_free(t->p);
    pr_checkpoint_free(t->c);
}

static struct pr_curriculum_pool load(const char *const *paths, size_t n,
    const struct pr_prompter *p, size_t samples, uint32_t max_position)
{
    struct pr_curriculum_pool_options o = {
        .paths = paths, .n_paths = n, .samples = samples, .start = p, .max_position = max_position};
    struct pr_curriculum_pool pool;
    struct pr_error e;
    if (pr_curriculum_pool_load(&o, &pool, &e))
        fail_msg("%s", e.message);
    return pool;
}

/* The reference counted them with Hugging Face's tokenizer and template. */
static void answer_tokens_are_those_of_the_reference(void **state)
{
    (void)state;
    struct tokenizer t = tokenizer_of("checkpoints/checkpoint-4500");
    char *path = fixture("validation.jsonl"), *ref = fixture("reference/checkpoint-4500.jsonl");
    const char *const paths[] = {path};
    struct pr_curriculum_pool pool = load(paths, 1, t.p, 0, 0);
    struct pr_lines lines;
    char *text;
    size_t n, seen = 0;
    uint64_t total = 0;
    int fd;
    assert_int_equal(pr_file_open(AT_FDCWD, ref, false, &fd, NULL, NULL), PR_OK);
    pr_lines_init(&lines, fd, 1 << 20);
    while (pr_lines_next(&lines, &text, &n, NULL) == PR_LINE_OK) {
        json_t *row = json(text);
        const char *id = json_string_value(json_object_get(row, "id"));
        for (size_t i = 0; i < pool.n; i++) {
            if (strcmp(pool.suite->v[i].id, id) != 0)
                continue;
            assert_int_equal(
                pool.tokens[i], json_integer_value(json_object_get(row, "answer_tokens")));
            total += pool.tokens[i];
            seen++;
        }
        json_decref(row);
    }
    assert_int_equal(seen, 300);
    assert_int_equal(
        pool.levels.v[0].tokens + pool.levels.v[1].tokens + pool.levels.v[2].tokens, total);
    assert_int_equal(pool.levels.v[0].n, 100);
    pr_lines_done(&lines);
    close(fd);
    pr_curriculum_pool_done(&pool);
    tokenizer_done(&t);
    pr_free(path);
    pr_free(ref);
}

static char *write_lines(const char *folder, const char *name, const char *const *lines, size_t n)
{
    struct pr_str text = PR_STR_INIT(1 << 16);
    struct pr_error e;
    for (size_t i = 0; i < n; i++)
        pr_str_printf(&text, "%s\n", lines[i]);
    char *path = pr_path_join(folder, name);
    if (pr_file_write_atomic(path, pr_str_cstr(&text), text.len, &e))
        fail_msg("%s", e.message);
    pr_str_done(&text);
    return path;
}

static void the_same_examples_are_the_same_pool_whatever_the_files(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{\"prompt\":\"1 + 1 =\",\"golden\":\"2\",\"difficulty\":\"easy\"}",
        "{\"prompt\":\"2 + 2 =\",\"golden\":\"4\",\"difficulty\":\"easy\"}",
        "{\"prompt\":\"12 + 12 =\",\"golden\":\"24\",\"difficulty\":\"hard\"}",
        "{\"prompt\":\"3 + 5 =\",\"golden\":\"8\",\"difficulty\":\"hard\"}"};
    static const char *const turned[] = {lines[3], lines[2], lines[0]};
    char folder[] = "/tmp/proctor-test-XXXXXX";
    assert_non_null(mkdtemp(folder));
    char *a = write_lines(folder, "a.jsonl", lines, 4),
         *b = write_lines(folder, "b.jsonl", turned, 3),
         *c = write_lines(folder, "c.jsonl", lines + 1, 1);
    const char *const one[] = {a}, *const two[] = {b, c};
    for (size_t samples = 0; samples < 4; samples++) {
        struct pr_curriculum_pool x = load(one, 1, NULL, samples, 0),
                                  y = load(two, 2, NULL, samples, 0);
        assert_int_equal(x.n, samples ? samples : 4);
        assert_int_equal(x.n, y.n);
        assert_string_equal(x.fingerprint, y.fingerprint);
        for (size_t i = 0; i < x.n; i++)
            assert_string_equal(x.suite->v[i].id, y.suite->v[i].id);
        assert_null(x.tokens);
        pr_curriculum_pool_done(&x);
        pr_curriculum_pool_done(&y);
    }
    struct pr_curriculum_pool x = load(one, 1, NULL, 0, 0), z = load(two, 1, NULL, 0, 0);
    assert_string_not_equal(x.fingerprint, z.fingerprint);
    pr_curriculum_pool_done(&x);
    pr_curriculum_pool_done(&z);
    char *const files[] = {a, b, c};
    for (size_t i = 0; i < 3; i++) {
        unlink(files[i]);
        pr_free(files[i]);
    }
    rmdir(folder);
}

static void what_cannot_be_trained_on_is_left_out_and_counted(void **state)
{
    (void)state;
    static const char *const lines[] = {"{\"prompt\":\"1 + 1 =\",\"golden\":\"2\"}",
        "{\"prompt\":\"say it\",\"golden\":\"one two three four five six seven eight nine ten\"}",
        "{\"text\":\"a plain text of some words\"}", "{\"text\":\"a\"}"};
    char folder[] = "/tmp/proctor-test-XXXXXX";
    struct tokenizer t = tokenizer_of("checkpoints/checkpoint-4500");
    struct pr_error e;
    assert_non_null(mkdtemp(folder));
    char *path = write_lines(folder, "pool.jsonl", lines, 4);
    const char *const paths[] = {path};
    /* The one-token text has nothing to predict; the long answer passes 24 positions. */
    struct pr_curriculum_pool all = load(paths, 1, t.p, 0, 0), some = load(paths, 1, t.p, 0, 24);
    assert_int_equal(all.n, 3);
    assert_int_equal(all.n_left_out, 1);
    assert_int_equal(some.n, 2);
    assert_int_equal(some.n_left_out, 2);
    assert_non_null(strstr(some.left_out, "pool.jsonl:"));
    assert_string_equal(all.fingerprint, some.fingerprint); /* of what was chosen */
    for (size_t i = 0; i < some.n; i++)
        assert_true(some.tokens[i] > 0 && some.tokens[i] < 24);
    pr_curriculum_pool_done(&all);
    pr_curriculum_pool_done(&some);
    struct pr_curriculum_pool_options o = {
        .paths = paths, .n_paths = 1, .start = t.p, .max_position = 2};
    assert_int_equal(pr_curriculum_pool_load(&o, &all, &e), PR_E_FORMAT);
    assert_non_null(strstr(e.message, "none of the pool's 4 examples"));
    unlink(path);
    rmdir(folder);
    pr_free(path);
    tokenizer_done(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(levels_rise_and_the_unspecified_come_last),
        cmocka_unit_test(of_too_many_names_the_rarest_are_unspecified),
        cmocka_unit_test(a_long_name_is_cut_between_characters),
        cmocka_unit_test(progress_gives_the_newest_losses_of_each_level),
        cmocka_unit_test(answer_tokens_are_those_of_the_reference),
        cmocka_unit_test(the_same_examples_are_the_same_pool_whatever_the_files),
        cmocka_unit_test(what_cannot_be_trained_on_is_left_out_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
