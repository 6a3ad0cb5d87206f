/* The intake of files, killed at each of its moments: no line is lost, none is there twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fault.h"
#include "data_book.h"
#include "systems/intake.h"

static enum pr_fault deadly;
static int passes;

static void die(enum pr_fault at)
{
    if (at == deadly && !passes--)
        _exit(9);
}

static enum pr_code take(struct data_book *b, struct pr_intake *ret, struct pr_error *e)
{
    const struct pr_intake_options o = {.base_dir = b->dir, .queue = PR_QUEUE_NORMAL};
    return pr_intake_run(&o, ret, e);
}

static bool take_and_die(struct data_book *b, enum pr_fault at, int nth)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (!child) {
        struct pr_intake i;
        struct pr_error e;
        deadly = at;
        passes = nth;
        pr_fault_hook = die;
        _exit(take(b, &i, &e) ? 1 : 0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WEXITSTATUS(status) == 9 || WEXITSTATUS(status) == 0);
    return WEXITSTATUS(status) == 9;
}

/* Three mixed files, one that is right, one of which nothing can be used. */
#define FILES 5

static void fill(struct data_book *b)
{
    data_put(b, "queue/unvalidated/high/a.jsonl",
        "{\"prompt\":\"a1\",\"golden\":\"1\"}\nbad a\n{\"prompt\":\"a2\",\"golden\":\"2\"}\n");
    data_put(b, "queue/unvalidated/b.jsonl", "bad b\n{\"prompt\":\"b1\",\"golden\":\"1\"}");
    data_put(b, "queue/unvalidated/c.json",
        "[{\"prompt\":\"c1\",\"golden\":\"1\"},{\"prompt\":\"\",\"golden\":\"bad c\"}]");
    data_put(b, "queue/unvalidated/good.jsonl", "{\"prompt\":\"g1\",\"golden\":\"1\"}\n");
    data_put(b, "queue/unvalidated/none.jsonl", "bad n\n");
}

/* Counts what is in the files of a folder under `key`, for those that it holds. */
static void count(struct data_book *b, const char *folder, const char *key, json_t *counts)
{
    char *list = data_names(b, folder), *rest = list;
    for (char *name; *list && (name = strsep(&rest, " "));) {
        char path[200];
        size_t i;
        json_t *rows, *row;
        snprintf(path, sizeof path, "%s/%s", folder, name);
        if (!strstr(name, ".jsonl"))
            continue;
        rows = data_lines(b, path);
        json_array_foreach (rows, i, row) {
            const char *what = json_string_value(json_object_get(row, key));
            assert_non_null(what);
            pr_json_set_int(counts, what, json_integer_value(json_object_get(counts, what)) + 1);
        }
        json_decref(rows);
    }
    pr_free(list);
}

static void assert_once(const json_t *counts, const char *const *expected, size_t n)
{
    assert_int_equal(json_object_size(counts), n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(json_integer_value(json_object_get(counts, expected[i])), 1);
}

static void assert_nothing_hidden(struct data_book *b)
{
    static const char *const folders[] = {"queue/high", "queue/normal", "queue/low",
        "queue/rejected", "queue/rejected/originals", "queue/unvalidated"};
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
        assert_false(data_hidden(b, folders[i]));
}

static void assert_all_there(struct data_book *b)
{
    static const char *const valid[] = {"a1", "a2", "b1", "c1", "g1"};
    static const char *const texts[] = {
        "bad a", "bad b", "bad n", "{\"prompt\":\"\",\"golden\":\"bad c\"}"};
    json_t *waiting = json_object(), *refused = json_object();
    count(b, "queue/high", "prompt", waiting);
    count(b, "queue/normal", "prompt", waiting);
    count(b, "queue/rejected", "text", refused);
    assert_once(waiting, valid, sizeof valid / sizeof *valid);
    assert_once(refused, texts, sizeof texts / sizeof *texts);
    char *originals = data_names(b, "queue/rejected/originals"),
         *left = data_names(b, "queue/unvalidated");
    assert_string_equal(originals, "a.jsonl b.jsonl c.json none.jsonl");
    assert_string_equal(left, "high");
    assert_nothing_hidden(b);
    pr_free(originals);
    pr_free(left);
    json_decref(waiting);
    json_decref(refused);
}

static void killed_at_any_moment_it_is_finished_by_the_next_run(void **state)
{
    (void)state;
    static const enum pr_fault points[] = {PR_FAULT_QUEUE_REFUSED, PR_FAULT_QUEUE_CLEAN,
        PR_FAULT_QUEUE_TAKEN, PR_FAULT_QUEUE_PLACED, PR_FAULT_QUEUE_MOVED};
    static const int reached[] = {2, 2, 2, 2, 1};
    for (size_t p = 0; p < sizeof points / sizeof *points; p++) {
        int hits = 0;
        for (int nth = 0; nth < FILES; nth += 2) {
            struct data_book b;
            struct pr_intake i;
            data_folder_init(&b);
            fill(&b);
            hits += take_and_die(&b, points[p], nth);
            /* And once more, at the first moment that what is left offers. */
            take_and_die(&b, points[(p + 2) % 5], 0);
            HAND_MADE_OK(take(&b, &i, &hand_made_error));
            assert_int_equal(i.failed, 0);
            assert_all_there(&b);
            pr_intake_done(&i);
            data_folder_done(&b);
        }
        assert_int_equal(hits, reached[p]);
    }
}

/* A file of the same name comes while the one before is half moved. */
static void another_file_of_the_same_name_is_another_file(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_intake i;
    data_folder_init(&b);
    data_put(&b, "queue/unvalidated/x.jsonl", "{\"prompt\":\"x1\",\"golden\":\"1\"}\nbad 1\n");
    assert_true(take_and_die(&b, PR_FAULT_QUEUE_TAKEN, 0));
    data_put(&b, "queue/unvalidated/x.jsonl", "{\"prompt\":\"x2\",\"golden\":\"1\"}\nbad 2\n");
    HAND_MADE_OK(take(&b, &i, &hand_made_error));
    assert_int_equal(i.recovered, 2);
    json_t *waiting = json_object(), *refused = json_object();
    count(&b, "queue/normal", "prompt", waiting);
    count(&b, "queue/rejected", "text", refused);
    assert_once(waiting, (const char *const[]){"x1", "x2"}, 2);
    assert_once(refused, (const char *const[]){"bad 1", "bad 2"}, 2);
    assert_nothing_hidden(&b);
    json_decref(waiting);
    json_decref(refused);
    pr_intake_done(&i);
    data_folder_done(&b);
}

/* Hidden files of a file that was taken back before it was moved are of nothing any more. */
static void what_was_taken_back_is_forgotten(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_intake i;
    data_folder_init(&b);
    data_put(&b, "queue/unvalidated/x.jsonl", "{\"prompt\":\"x1\",\"golden\":\"1\"}\nbad 1\n");
    assert_true(take_and_die(&b, PR_FAULT_QUEUE_CLEAN, 0));
    char *path = pr_queue_path(b.dir, PR_QUEUE_UNVALIDATED, "x.jsonl");
    assert_int_equal(unlink(path), 0);
    HAND_MADE_OK(take(&b, &i, &hand_made_error));
    assert_int_equal(i.recovered, 0);
    assert_false(data_has(&b, "queue/normal/x.jsonl"));
    assert_nothing_hidden(&b);
    pr_free(path);
    pr_intake_done(&i);
    data_folder_done(&b);
}

static void a_name_as_long_as_can_be_is_no_trouble(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_intake i;
    char name[300];
    data_folder_init(&b);
    snprintf(name, sizeof name, "queue/unvalidated/%0240d.jsonl", 7);
    data_put(&b, name, "{\"prompt\":\"x1\",\"golden\":\"1\"}\nbad 1\n");
    HAND_MADE_OK(take(&b, &i, &hand_made_error));
    assert_int_equal(i.split, 1);
    json_t *waiting = json_object();
    count(&b, "queue/normal", "prompt", waiting);
    assert_once(waiting, (const char *const[]){"x1"}, 1);
    json_decref(waiting);
    pr_intake_done(&i);
    data_folder_done(&b);
}

/* A file that cannot be moved must not keep the others waiting. */
static void one_that_cannot_be_moved_does_not_stop_the_others(void **state)
{
    (void)state;
    struct data_book b;
    struct pr_intake i;
    data_folder_init(&b);
    data_put(&b, "queue/unvalidated/high/a.jsonl", "{\"prompt\":\"a1\",\"golden\":\"1\"}\n");
    data_put(&b, "queue/unvalidated/b.jsonl", "{\"prompt\":\"b1\",\"golden\":\"1\"}\n");
    data_put(&b, "queue/high", "a file where the folder should be");
    HAND_MADE_OK(take(&b, &i, &hand_made_error));
    assert_int_equal(i.failed, 1);
    assert_int_equal(i.moved, 1);
    assert_true(data_has(&b, "queue/unvalidated/high/a.jsonl"));
    assert_true(data_has(&b, "queue/normal/b.jsonl"));
    pr_intake_done(&i);
    data_folder_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_any_moment_it_is_finished_by_the_next_run),
        cmocka_unit_test(another_file_of_the_same_name_is_another_file),
        cmocka_unit_test(what_was_taken_back_is_forgotten),
        cmocka_unit_test(a_name_as_long_as_can_be_is_no_trouble),
        cmocka_unit_test(one_that_cannot_be_moved_does_not_stop_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
