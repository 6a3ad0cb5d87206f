/* The order file: the examples in their order, each as its file has it, and the same example again
 * for whoever reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "curriculum/probe_internal.h"

static const char *const lines[] = {
    "{\"id\": 7, \"prompt\": \"7 + 0 =\", \"golden\": \"7\", \"mine\": {\"deep\": [1, null]}}",
    "{\"question\": \"Größe? \\u2028 \\\"x\\\"\", \"answer\": \"a\\nb\"}",
    "{\"id\": \"m\", \"difficulty\": \"Medium\", \"messages\": [{\"role\": \"user\", \"content\": "
    "\"hi\"}, {\"role\": \"assistant\", \"content\": \"ho\"}]}",
    "{\"id\": \"c\", \"prompt\": \"p\", \"golden\": \"g\", \"check\": {\"command\": [\"judge\"]}}"};
#define N (sizeof lines / sizeof *lines)

struct scratch {
    char folder[32], *pool_file, *order_file;
    struct pr_curriculum_pool pool;
};

static struct scratch *setup(void)
{
    struct scratch *s = pr_zalloc(sizeof *s);
    struct pr_str text = PR_STR_INIT(1 << 16);
    struct pr_error e;
    memcpy(s->folder, "/tmp/proctor-test-XXXXXX", 25);
    assert_non_null(mkdtemp(s->folder));
    for (size_t i = 0; i < N; i++)
        pr_str_printf(&text, "%s\n", lines[i]);
    s->pool_file = pr_path_join(s->folder, "hard_pool.jsonl");
    s->order_file = pr_path_join(s->folder, "order.jsonl");
    const char *const paths[] = {s->pool_file};
    struct pr_curriculum_pool_options o = {.paths = paths, .n_paths = 1};
    if (pr_file_write_atomic(s->pool_file, pr_str_cstr(&text), text.len, &e) ||
        pr_curriculum_pool_load(&o, &s->pool, &e))
        fail_msg("%s", e.message);
    assert_int_equal(s->pool.n, N);
    pr_str_done(&text);
    return s;
}

static void teardown(struct scratch *s)
{
    pr_curriculum_pool_done(&s->pool);
    unlink(s->pool_file);
    unlink(s->order_file);
    rmdir(s->folder);
    pr_free(s->pool_file);
    pr_free(s->order_file);
    pr_free(s);
}

static json_t *next_line(struct pr_lines *l)
{
    char *text;
    size_t n;
    json_t *v = NULL;
    if (pr_lines_next(l, &text, &n, NULL) != PR_LINE_OK)
        return NULL;
    assert_int_equal(pr_json_parse(text, n, PR_JSON_STRICT, NULL, &v, NULL, NULL), PR_OK);
    return v;
}

/* Everything that the line of the file says is in the line of the order. */
static void expect_whole(const json_t *got, const struct pr_example *x)
{
    const char *key;
    json_t *value;
    json_object_foreach (x->source, key, value)
        if (strcmp(key, "id") != 0)
            assert_true(json_equal(json_object_get(got, key), value));
    assert_string_equal(json_string_value(json_object_get(got, "id")), x->id);
}

static void each_line_is_the_whole_example_in_its_turn(void **state)
{
    (void)state;
    struct scratch *s = setup();
    static const size_t order[] = {2, 0, 3, 1, 2, 2};
    const size_t n = sizeof order / sizeof *order;
    struct pr_lines l;
    struct pr_error e;
    int fd;
    assert_int_equal(pr_probe_order_write(&s->pool, order, n, s->order_file, &e), PR_OK);
    assert_int_equal(pr_file_open(AT_FDCWD, s->order_file, true, &fd, NULL, &e), PR_OK);
    pr_lines_init(&l, fd, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        json_t *got = next_line(&l);
        const struct pr_example *x = &s->pool.suite->v[order[i]];
        assert_non_null(got);
        expect_whole(got, x);
        const char *difficulty = json_string_value(json_object_get(got, "difficulty"));
        assert_string_equal(difficulty, strcmp(x->difficulty, "medium") ? "hard" : "Medium");
        json_decref(got);
    }
    assert_null(next_line(&l));
    pr_lines_done(&l);
    close(fd);
    teardown(s);
}

/* A trainer that reads it as a data set has the very examples of the pool. */
static void read_as_a_data_set_it_is_the_pool(void **state)
{
    (void)state;
    struct scratch *s = setup();
    static const size_t order[] = {3, 1, 0, 2};
    const char *const paths[] = {s->order_file};
    struct pr_suite_options so = {.allow_commands = true};
    struct pr_suite *again;
    struct pr_error e;
    assert_int_equal(pr_probe_order_write(&s->pool, order, N, s->order_file, &e), PR_OK);
    if (pr_suite_load(paths, 1, &so, &again, &e))
        fail_msg("%s", e.message);
    assert_int_equal(again->n, N);
    for (size_t i = 0; i < N; i++)
        assert_memory_equal(again->v[i].digest, s->pool.suite->v[order[i]].digest, PR_SHA256_LEN);
    assert_string_equal(again->fingerprint, s->pool.fingerprint);
    pr_suite_free(again);
    teardown(s);
}

static void nothing_that_is_there_is_written_over(void **state)
{
    (void)state;
    struct scratch *s = setup();
    static const size_t order[] = {0};
    struct pr_error e;
    assert_int_equal(symlink(s->pool_file, s->order_file), 0);
    assert_int_equal(pr_probe_order_write(&s->pool, order, 1, s->order_file, &e), PR_E_IO);
    assert_non_null(strstr(e.message, "order.jsonl"));
    teardown(s);
}

/* ---- commands ---- */

static void a_command_is_checked_before_anything_is_started(void **state)
{
    (void)state;
    static const struct {
        const char *argv[4];
        const char *expected; /* NULL: fine */
    } cases[] = {
        {{"train", "{order}", "{out}"}, NULL},
        {{"train", "--in={order}", "--all={start}{out}{seed}{tokens}{learning_rate}"}, NULL},
        {{"train", "{order}{}{ out }{A}{1}{", "{out}"}, NULL},
        {{"train", "{order}"}, "no {out}"},
        {{"train", "{out}"}, "no {order}"},
        {{"train", "{order}", "{outs}"}, "no placeholder {outs}"},
        {{""}, "no program"},
        {{NULL}, "no program"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pr_error e;
        enum pr_code code = pr_probe_command_check(cases[i].argv, &e);
        assert_int_equal(code, cases[i].expected ? PR_E_USAGE : PR_OK);
        if (cases[i].expected)
            assert_non_null(strstr(e.message, cases[i].expected));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_line_is_the_whole_example_in_its_turn),
        cmocka_unit_test(read_as_a_data_set_it_is_the_pool),
        cmocka_unit_test(nothing_that_is_there_is_written_over),
        cmocka_unit_test(a_command_is_checked_before_anything_is_started),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
