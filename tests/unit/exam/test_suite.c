/* Formats and suites: every accepted form of a line, every odd file, ids, selection, fingerprints.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "exam/suite.h"

static char dir[] = "/tmp/proctor-suite-XXXXXX";
static char warned[1024];

static void remember(void *ctx, const char *text)
{
    (void)ctx;
    snprintf(warned, sizeof warned, "%s", text);
}

static struct pr_suite *load(
    const char *name, const char *content, enum pr_code want, struct pr_error *e)
{
    char *path = pr_path_join(dir, name);
    const char *paths[] = {path};
    struct pr_suite *s = NULL;
    assert_int_equal(pr_file_write_atomic(path, content, strlen(content), e), PR_OK);
    enum pr_code code = pr_suite_load(paths, 1, NULL, &s, e);
    if (code != want)
        fail_msg("%s: code %d (%s)", name, code, code ? e->message : "ok");
    unlink(path);
    pr_free(path);
    return s;
}

static void every_format_is_read(void **state)
{
    (void)state;
    static const struct {
        const char *line, *format, *golden, *roles, *last;
    } t[] = {
        {"{\"prompt\":\"a\",\"golden\":\"b\"}", "prompt/golden", "b", "user", "a"},
        {"{\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":"
         "\"a\"},"
         "{\"role\":\"assistant\",\"content\":\"x\"},{\"role\":\"user\",\"content\":\"c\"},"
         "{\"role\":\"assistant\",\"content\":\"b\"}]}",
            "messages", "b", "system user assistant user", "c"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},"
         "{\"type\":\"text\",\"text\":\"z\"}]},{\"role\":\"assistant\",\"content\":\"b\"}]}",
            "messages", "b", "user", "az"},
        {"{\"conversations\":[{\"from\":\"system\",\"value\":\"s\"},{\"from\":\"human\",\"value\":"
         "\"a\"},"
         "{\"from\":\"gpt\",\"value\":\"b\"}]}",
            "sharegpt", "b", "system user", "a"},
        {"{\"conversations\":[{\"from\":\"human\",\"value\":\"a\"},{\"from\":\"tool\",\"value\":"
         "\"t\"},"
         "{\"from\":\"gpt\",\"value\":\"b\"}],\"system\":\"s\"}",
            "sharegpt", "b", "system user tool", "t"},
        {"{\"instruction\":\"do\",\"input\":\"this\",\"output\":\"b\"}", "alpaca", "b", "user",
            "do\n\nthis"},
        {"{\"instruction\":\"do\",\"input\":\"\",\"output\":\"b\"}", "alpaca", "b", "user", "do"},
        {"{\"instruction\":\"do\",\"output\":\"b\"}", "alpaca", "b", "user", "do"},
        {"{\"prompt\":\"a\",\"completion\":\"b\"}", "prompt/completion", "b", "user", "a"},
        {"{\"prompt\":[{\"role\":\"user\",\"content\":\"a\"}],\"completion\":[{\"role\":"
         "\"assistant\","
         "\"content\":\"b\"}]}",
            "prompt/completion", "b", "user", "a"},
        {"{\"question\":\"a\",\"answer\":\"b\"}", "question/answer", "b", "user", "a"},
        {"{\"input\":\"a\",\"output\":\"b\"}", "input/output", "b", "user", "a"},
        {"{\"input\":\"a\",\"target\":\"b\"}", "input/target", "b", "user", "a"},
        {"{\"text\":\"<|im_start|>user\\na<|im_end|>\\n<|im_start|>assistant\\nb<|im_end|>\\n\"}",
            "text", "b", "user", "a"},
        {"{\"messages\":null,\"prompt\":\"a\",\"golden\":\"b\"}", "prompt/golden", "b", "user",
            "a"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct pr_error e;
        struct pr_suite *s = load("f.jsonl", t[i].line, PR_OK, &e);
        struct pr_example *x = &s->v[0];
        assert_string_equal(x->format->name, t[i].format);
        assert_string_equal(x->golden.s, t[i].golden);
        assert_string_equal(x->check.type->name, "exact");
        char roles[200] = "";
        for (size_t k = 0; k < json_array_size(x->messages); k++)
            snprintf(roles + strlen(roles), sizeof roles - strlen(roles), "%s%s", k ? " " : "",
                json_string_value(json_object_get(json_array_get(x->messages, k), "role")));
        assert_string_equal(roles, t[i].roles);
        const json_t *last = json_array_get(x->messages, json_array_size(x->messages) - 1);
        assert_string_equal(json_string_value(json_object_get(last, "content")), t[i].last);
        pr_suite_free(s);
    }
}

static void unusable_lines_say_why(void **state)
{
    (void)state;
    static const struct {
        const char *line, *why;
    } t[] = {
        {"{\"prompt\":\"What?\"}", "has 'prompt' but lacks 'golden' or 'completion'"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}]}", "no assistant turn"},
        {"{\"messages\":[{\"role\":\"assistant\",\"content\":\"a\"}]}", "nothing comes before"},
        {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]},"
         "{\"role\":\"assistant\",\"content\":\"a\"}]}",
            "type 'image'"},
        {"{\"messages\":{}}", "an array was expected"},
        {"{\"messages\":[7]}", "lacks a 'role'"},
        {"{\"a\":1}", "fits no format"},
        {"[1]", "an object was expected"},
        {"7", "JSON"},
        {"{\"prompt\":\"a\",\"golden\":\"b\",\"id\":{}}", "'id' is an object"},
        {"{\"text\":\"\"}", "'text' is empty"},
        {"{\"text\":\"<|im_start|>user\\na<|im_end|>\"}", "no assistant turn"},
    };
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct pr_error e;
        struct pr_suite *s = load("f.jsonl", t[i].line, PR_E_FORMAT, &e);
        if (!strstr(e.message, t[i].why) || !strstr(e.message, "f.jsonl:1: "))
            fail_msg("%s: %s", t[i].line, e.message);
        assert_int_equal(s->n, 0);
        assert_int_equal(s->n_skipped, 1);
        pr_suite_free(s);
    }
}

static void a_refused_line_is_shown_without_its_control_characters(void **state)
{
    (void)state;
    struct pr_error e;
    char line[400] = "{\"prompt\":\"\033[2J\xff";
    memset(line + strlen(line), 'x', 300);
    struct pr_suite *s = load("f.jsonl", line, PR_E_FORMAT, &e);
    assert_non_null(strstr(s->issues[0].text, ": {\"prompt\":\"?[2J\ufffdxxx"));
    assert_non_null(strstr(s->issues[0].text, "x\u2026"));
    assert_true(strlen(s->issues[0].text) < 250);
    pr_suite_free(s);
}

static void plain_text_has_no_golden_answer(void **state)
{
    (void)state;
    struct pr_error e;
    struct pr_suite *s = load("f.jsonl", "{\"text\":\"Once upon\"}", PR_OK, &e);
    assert_null(s->v[0].golden.s);
    assert_null(s->v[0].messages);
    assert_null(s->v[0].check.type);
    assert_string_equal(s->v[0].text.s, "Once upon");
    pr_suite_free(s);
}

static void unknown_roles_are_warned_and_kept(void **state)
{
    (void)state;
    struct pr_arena arena = {0};
    struct pr_example x;
    struct pr_example_options o = {.warn = remember};
    json_t *v = json_pack("{s:[{s:s,s:s},{s:s,s:s}]}", "conversations", "from", "narrator", "value",
        "a", "from", "gpt", "value", "b");
    assert_int_equal(pr_example_parse(v, &o, &arena, &x, NULL), PR_OK);
    assert_string_equal(warned, "unknown role 'narrator'");
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(x.messages, 0), "role")), "narrator");
    pr_example_done(&x);
    pr_arena_done(&arena);
    json_decref(v);
}

static void malformed_files_give_their_expected_outcome(void **state)
{
    (void)state;
    const char *root = getenv("PR_SOURCE_ROOT");
    char path[4096], *line;
    int fd;
    size_t n, checked = 0;
    snprintf(path, sizeof path, "%s/tests/fixtures/malformed/MANIFEST.jsonl", root ? root : ".");
    assert_int_equal(pr_file_open(AT_FDCWD, path, false, &fd, NULL, NULL), PR_OK);
    struct pr_lines lines;
    pr_lines_init(&lines, fd, 1 << 20);
    while (pr_lines_next(&lines, &line, &n, NULL) == PR_LINE_OK) {
        json_t *v = NULL;
        assert_int_equal(pr_json_parse(line, n, 0, NULL, &v, NULL, NULL), PR_OK);
        const char *name = json_string_value(json_object_get(v, "path"));
        const char *expect = json_string_value(json_object_get(v, "expect"));
        bool is = !strcmp(json_string_value(json_object_get(v, "kind")), "dataset") &&
                  !json_object_get(v, "generate");
        snprintf(path, sizeof path, "%s/tests/fixtures/malformed/%s", root ? root : ".", name);
        const char *paths[] = {path};
        struct pr_suite *s = NULL;
        struct pr_error e;
        if (is) {
            enum pr_code code = pr_suite_load(paths, 1, NULL, &s, &e);
            const char *got = code                         ? "reject"
                              : s->n_skipped + s->n_warned ? "accept_with_warning"
                                                           : "accept";
            if (strcmp(got, expect))
                fail_msg("%s: %s, expected %s", name, got, expect);
            /* Notes say "N good examples"/"N examples", and "line 2 named". */
            const char *note = json_string_value(json_object_get(v, "note"));
            if (note && *note >= '1' && *note <= '9')
                assert_int_equal(s->n, *note - '0');
            if (note && strstr(note, "line 2"))
                assert_int_equal(s->issues[0].line, 2);
            checked++;
            pr_suite_free(s);
        }
        json_decref(v);
    }
    pr_lines_done(&lines);
    close(fd);
    assert_true(checked >= 9);
}

static void a_line_of_ten_megabytes_is_used_and_warned(void **state)
{
    (void)state;
    struct pr_str text = PR_STR_INIT(1 << 24);
    struct pr_error e;
    pr_str_puts(&text, "{\"golden\":\"1\",\"prompt\":\"");
    for (int i = 0; i < 10000; i++)
        pr_str_printf(&text, "%01000d", 0);
    pr_str_puts(&text, "\"}\n{\"prompt\":\"a\",\"golden\":\"b\"}");
    struct pr_suite *s = load("f.jsonl", pr_str_cstr(&text), PR_OK, &e);
    assert_int_equal(s->n, 2);
    assert_int_equal(s->n_warned, 1);
    assert_int_equal(s->issues[0].line, 1);
    pr_suite_free(s);
    /* And past the maximum it is skipped, the rest of the file read. */
    char *path = pr_path_join(dir, "g.jsonl");
    const char *paths[] = {path};
    struct pr_suite_options o = {.max_line = 1 << 20};
    assert_int_equal(pr_file_write_atomic(path, text.data, text.len, &e), PR_OK);
    assert_int_equal(pr_suite_load(paths, 1, &o, &s, &e), PR_OK);
    assert_int_equal(s->n, 1);
    assert_int_equal(s->n_skipped, 1);
    pr_suite_free(s);
    unlink(path);
    pr_free(path);
    pr_str_done(&text);
}

static void repeated_ids_name_both_places_and_the_first_counts(void **state)
{
    (void)state;
    struct pr_error e;
    struct pr_suite *s = load("r.jsonl",
        "{\"id\":\"q\",\"prompt\":\"a\",\"golden\":\"1\"}\n\n{\"id\":\"q\",\"prompt\":\"b\","
        "\"golden\":\"2\"}\n"
        "{\"prompt\":\"c\",\"golden\":\"3\"}\n{\"prompt\":\"c\",\"golden\":\"3\",\"skill\":\"s\"}"
        "\n",
        PR_OK, &e);
    assert_int_equal(s->n, 2);
    assert_int_equal(s->n_skipped, 2);
    assert_int_equal(s->n_repeated, 2);
    assert_string_equal(s->v[0].golden.s, "1");
    assert_int_equal(strlen(s->v[1].id), 16);
    struct pr_str text = PR_STR_INIT(4096);
    pr_suite_issue_text(s, &s->issues[0], &text);
    assert_non_null(strstr(text.data, "r.jsonl:3: "));
    assert_non_null(strstr(text.data, "r.jsonl:1"));
    pr_str_done(&text);
    pr_suite_free(s);
}

static void difficulty_comes_from_the_line_then_the_file(void **state)
{
    (void)state;
    static const struct {
        const char *file, *want;
    } t[] = {{"easy.jsonl", "easy"}, {"easy_50.jsonl", "easy"}, {"hard-2.jsonl", "hard"},
        {"MEDIUM.jsonl", "medium"}, {"easygoing.jsonl", "unspecified"},
        {"not_easy.jsonl", "unspecified"}};
    struct pr_error e;
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        struct pr_suite *s = load(t[i].file,
            "{\"prompt\":\"a\",\"golden\":\"1\"}\n{\"prompt\":\"b\",\"golden\":\"1\","
            "\"difficulty\":\"Hard\"}\n"
            "{\"prompt\":\"c\",\"golden\":\"1\",\"difficulty\":\"olympiad\"}",
            PR_OK, &e);
        assert_string_equal(s->v[0].difficulty, t[i].want);
        assert_string_equal(s->v[1].difficulty, "hard");
        assert_string_equal(s->v[2].difficulty, "olympiad");
        pr_suite_free(s);
    }
}

static struct pr_suite *numbered(size_t easy, size_t hard, bool reverse, struct pr_error *e)
{
    struct pr_str text = PR_STR_INIT(1 << 20);
    for (size_t i = 0; i < easy + hard; i++) {
        size_t k = reverse ? easy + hard - 1 - i : i;
        pr_str_printf(&text,
            "{\"id\":\"n%zu\",\"prompt\":\"%zu\",\"golden\":\"1\",\"difficulty\":\"%s\"}\n", k, k,
            k < easy ? "easy" : "hard");
    }
    struct pr_suite *s = load("n.jsonl", pr_str_cstr(&text), PR_OK, e);
    pr_str_done(&text);
    return s;
}

static void selection_is_stratified_and_independent_of_order(void **state)
{
    (void)state;
    struct pr_error e;
    struct pr_suite *a = numbered(90, 30, false, &e), *b = numbered(90, 30, true, &e);
    assert_string_equal(a->fingerprint, b->fingerprint);
    pr_suite_select(a, 20);
    pr_suite_select(b, 20);
    assert_int_equal(a->n, 20);
    assert_int_equal(b->n, 20);
    assert_int_equal(a->n_all, 120);
    size_t easy = 0, common = 0;
    for (size_t i = 0; i < 20; i++) {
        easy += !strcmp(a->v[i].difficulty, "easy");
        for (size_t k = 0; k < 20; k++)
            common += !strcmp(a->v[i].id, b->v[k].id);
    }
    assert_int_equal(easy, 15);
    assert_int_equal(common, 20);
    pr_suite_free(a);
    pr_suite_free(b);
    /* A rare difficulty keeps one; a smaller sample is part of a larger one of the same group. */
    a = numbered(200, 1, false, &e);
    pr_suite_select(a, 10);
    size_t hard = 0;
    for (size_t i = 0; i < a->n; i++)
        hard += !strcmp(a->v[i].difficulty, "hard");
    assert_int_equal(a->n, 10);
    assert_int_equal(hard, 1);
    pr_suite_free(a);
}

static void the_fingerprint_sees_what_a_grade_depends_on(void **state)
{
    (void)state;
    static const char *const variants[] = {
        "{\"id\":\"i\",\"prompt\":\"a\",\"golden\":\"1\"}",
        "{\"id\":\"j\",\"prompt\":\"a\",\"golden\":\"1\"}",
        "{\"id\":\"i\",\"prompt\":\"b\",\"golden\":\"1\"}",
        "{\"id\":\"i\",\"prompt\":\"a\",\"golden\":\"2\"}",
        "{\"id\":\"i\",\"prompt\":\"a\",\"golden\":\"1\",\"check\":\"numeric\"}",
        "{\"id\":\"i\",\"prompt\":\"a\",\"golden\":\"1\",\"skill\":\"s\"}",
        "{\"id\":\"i\",\"prompt\":\"a\",\"golden\":\"1\",\"difficulty\":\"easy\"}",
    };
    char seen[7][PR_SHA256_HEX];
    struct pr_error e;
    for (size_t i = 0; i < 7; i++) {
        struct pr_suite *s = load("v.jsonl", variants[i], PR_OK, &e);
        memcpy(seen[i], s->fingerprint, PR_SHA256_HEX);
        pr_suite_free(s);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(seen[i], seen[k]);
    }
    /* The format and further keys do not matter: the same questions are the same suite. */
    struct pr_suite *s = load("w.jsonl",
        "{\"id\":\"i\",\"messages\":[{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\","
        "\"content\":\"1\"}],\"source\":\"web\"}",
        PR_OK, &e);
    assert_string_equal(s->fingerprint, seen[0]);
    pr_suite_free(s);
}

static void folders_hold_suites(void **state)
{
    (void)state;
    char *base = pr_path_join(dir, "validation"), *sub = pr_path_join(base, "chat");
    struct pr_error e;
    assert_int_equal(pr_mkdirs(sub, &e), PR_OK);
    static const char line[] = "{\"prompt\":\"a\",\"golden\":\"1\"}\n";
    static const char *const names[] = {"easy.jsonl", "hard_9.jsonl", "notes.txt"};
    char *files[4];
    for (int i = 0; i < 3; i++) {
        files[i] = pr_path_join(base, names[i]);
        char text[200];
        snprintf(text, sizeof text, "{\"prompt\":\"%d\",\"golden\":\"1\"}\n", i);
        assert_int_equal(pr_file_write_atomic(files[i], text, strlen(text), &e), PR_OK);
    }
    files[3] = pr_path_join(sub, "c.jsonl");
    assert_int_equal(pr_file_write_atomic(files[3], line, sizeof line - 1, &e), PR_OK);
    struct pr_suite_dir *dirs;
    size_t n;
    assert_int_equal(pr_suite_dirs(base, &dirs, &n, &e), PR_OK);
    assert_int_equal(n, 2);
    assert_string_equal(dirs[0].name, "validation");
    assert_string_equal(dirs[1].name, "chat");
    const char *paths[] = {dirs[0].path};
    struct pr_suite *s;
    assert_int_equal(pr_suite_load(paths, 1, NULL, &s, &e), PR_OK);
    assert_string_equal(s->name, "validation");
    assert_int_equal(s->n_files, 2);
    assert_int_equal(s->n, 2);
    assert_string_equal(s->v[1].difficulty, "hard");
    json_t *doc = pr_suite_json(s);
    assert_int_equal(
        json_integer_value(json_object_get(
            json_object_get(json_array_get(json_object_get(doc, "files"), 0), "formats"),
            "prompt/golden")),
        1);
    json_decref(doc);
    pr_suite_free(s);
    pr_suite_dirs_free(dirs, n);
    for (int i = 0; i < 4; i++) {
        unlink(files[i]);
        pr_free(files[i]);
    }
    rmdir(sub);
    assert_int_equal(pr_suite_dirs(base, &dirs, &n, &e), PR_E_NOT_FOUND);
    rmdir(base);
    pr_free(base);
    pr_free(sub);
}

static void json_files_with_examples_are_suites_too(void **state)
{
    (void)state;
    struct pr_error e;
    struct pr_suite *s = load("b.json",
        "{\"canary\": \"x\", \"examples\": [{\"input\": \"a\", \"target\": \"b\"},\n {\"input\": "
        "1}]}",
        PR_OK, &e);
    assert_int_equal(s->n, 1);
    assert_int_equal(s->n_skipped, 1);
    assert_int_equal(s->issues[0].line, 2);
    pr_suite_free(s);
    s = load("l.json",
        "{\"input\": \"a\", \"target\": \"b\"}\n{\"input\": \"c\", \"target\": \"b\"}\n", PR_OK,
        &e);
    assert_int_equal(s->n, 2);
    pr_suite_free(s);
}

static void real_data_sets_are_read_whole(void **state)
{
    (void)state;
    const char *root = getenv("PR_SOURCE_ROOT");
    static const struct {
        const char *path, *check;
        size_t n;
    } t[] = {{"gsm8k/test.jsonl", "final_number", 1319},
        {"bbh/boolean_expressions.json", "exact", 250},
        {"bbh/multistep_arithmetic_two.json", "exact", 250},
        {"bbh/object_counting.json", "exact", 250}};
    for (size_t i = 0; i < 4; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/../shared/assets/data/%s", root ? root : ".", t[i].path);
        if (!pr_path_exists(path)) {
            print_message("skipped: %s is not there\n", path);
            continue;
        }
        struct pr_error e;
        struct pr_suite *s;
        const char *paths[] = {path};
        assert_int_equal(pr_suite_load(paths, 1, NULL, &s, &e), PR_OK);
        assert_int_equal(s->n + s->n_repeated, t[i].n);
        assert_int_equal(s->n_skipped, s->n_repeated);
        for (size_t k = 0; k < s->n; k++)
            assert_string_equal(s->v[k].check.type->name, t[i].check);
        pr_suite_free(s);
    }
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
        cmocka_unit_test(every_format_is_read),
        cmocka_unit_test(unusable_lines_say_why),
        cmocka_unit_test(a_refused_line_is_shown_without_its_control_characters),
        cmocka_unit_test(plain_text_has_no_golden_answer),
        cmocka_unit_test(unknown_roles_are_warned_and_kept),
        cmocka_unit_test(malformed_files_give_their_expected_outcome),
        cmocka_unit_test(a_line_of_ten_megabytes_is_used_and_warned),
        cmocka_unit_test(repeated_ids_name_both_places_and_the_first_counts),
        cmocka_unit_test(difficulty_comes_from_the_line_then_the_file),
        cmocka_unit_test(selection_is_stratified_and_independent_of_order),
        cmocka_unit_test(the_fingerprint_sees_what_a_grade_depends_on),
        cmocka_unit_test(folders_hold_suites),
        cmocka_unit_test(json_files_with_examples_are_suites_too),
        cmocka_unit_test(real_data_sets_are_read_whole),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
