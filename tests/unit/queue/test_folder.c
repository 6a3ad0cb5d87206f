/* Queue folders: what is listed, and that moves lose, double and overwrite nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"
#include "queue/folder.h"

static char base[] = "/tmp/proctor-queue-XXXXXX";

static void put(enum pr_queue q, const char *name, const char *text)
{
    struct pr_error e;
    if (pr_queue_put(base, q, name, text, strlen(text), &e))
        fail_msg("%s", e.message);
}

/* What a file of a queue holds; "" for one that is not there. */
static const char *holds(enum pr_queue q, const char *name)
{
    static char text[100];
    char *path = pr_queue_path(base, q, name), *read = NULL;
    size_t n;
    text[0] = 0;
    if (!pr_file_read(AT_FDCWD, path, sizeof text - 1, &read, &n, NULL))
        memcpy(text, read, n + 1);
    pr_free(read);
    pr_free(path);
    return text;
}

static size_t count(enum pr_queue q)
{
    struct pr_queue_file *v;
    size_t n;
    assert_int_equal(pr_queue_list(base, q, &v, &n, NULL), PR_OK);
    pr_queue_files_free(v, n);
    return n;
}

static enum pr_code move(const char *name, enum pr_queue from, enum pr_queue to, char **ret)
{
    struct pr_error e;
    char *path = pr_queue_path(base, from, name);
    struct pr_queue_file f = {.name = (char *)(uintptr_t)name, .path = path, .queue = from};
    enum pr_code code = pr_queue_move(base, &f, to, ret, &e);
    pr_free(path);
    return code;
}

static void names_are_found(void **state)
{
    (void)state;
    enum pr_queue q = PR_N_QUEUES;
    for (int i = 0; i < PR_N_QUEUES; i++) {
        assert_true(pr_queue_find(pr_queue_name((enum pr_queue)i), &q));
        assert_int_equal(q, i);
    }
    assert_false(pr_queue_find("nowhere", &q));
    assert_true(pr_queue_waits(PR_QUEUE_LOW));
    assert_false(pr_queue_waits(PR_QUEUE_PROCESSING));
}

static void a_folder_that_is_not_there_is_empty(void **state)
{
    (void)state;
    assert_int_equal(count(PR_QUEUE_CORRECTIONS), 0);
}

static void only_training_files_are_listed(void **state)
{
    (void)state;
    struct pr_queue_file *v;
    size_t n;
    put(PR_QUEUE_LOW, "b.jsonl", "2");
    put(PR_QUEUE_LOW, "a.json", "1");
    put(PR_QUEUE_LOW, "b.jsonl.manifest.json", "{}");
    put(PR_QUEUE_LOW, "notes.txt", "x");
    char *hidden = pr_queue_path(base, PR_QUEUE_LOW, ".c.jsonl"),
         *folder = pr_queue_path(base, PR_QUEUE_LOW, "d.jsonl");
    assert_int_equal(pr_file_write_atomic(hidden, "x", 1, NULL), PR_OK);
    assert_int_equal(pr_mkdirs(folder, NULL), PR_OK);
    assert_int_equal(pr_queue_list(base, PR_QUEUE_LOW, &v, &n, NULL), PR_OK);
    assert_int_equal(n, 2);
    assert_string_equal(v[0].name, "a.json");
    assert_string_equal(v[1].name, "b.jsonl");
    assert_int_equal(v[1].bytes, 1);
    assert_true(v[0].mtime_ms > 0);
    pr_queue_files_free(v, n);
    pr_free(hidden);
    pr_free(folder);
}

static void a_file_is_put_whole_or_not_at_all(void **state)
{
    (void)state;
    struct pr_error e;
    put(PR_QUEUE_HIGH, "once.jsonl", "first");
    assert_int_equal(pr_queue_put(base, PR_QUEUE_HIGH, "once.jsonl", "second", 6, &e), PR_E_IO);
    assert_non_null(strstr(e.message, "queue/high/once.jsonl"));
    assert_string_equal(holds(PR_QUEUE_HIGH, "once.jsonl"), "first");
    assert_int_equal(pr_queue_put(base, PR_QUEUE_HIGH, "../x.jsonl", "x", 1, &e), PR_E_IO);
    assert_int_equal(pr_queue_put(base, PR_QUEUE_HIGH, ".x.jsonl", "x", 1, &e), PR_E_IO);
    char *folder = pr_queue_path(base, PR_QUEUE_HIGH, NULL), **names;
    size_t n;
    assert_int_equal(pr_dir_list(folder, &names, &n, &e), PR_OK);
    assert_int_equal(n, 1); /* nothing hidden is left */
    pr_names_free(names, n);
    pr_free(folder);
}

static void a_move_takes_the_manifest_along(void **state)
{
    (void)state;
    char *name = NULL;
    put(PR_QUEUE_NORMAL, "m.jsonl", "data");
    put(PR_QUEUE_NORMAL, "m.jsonl.manifest.json", "from");
    assert_int_equal(move("m.jsonl", PR_QUEUE_NORMAL, PR_QUEUE_FAILED, &name), PR_OK);
    assert_string_equal(name, "m.jsonl");
    pr_free(name);
    assert_string_equal(holds(PR_QUEUE_FAILED, "m.jsonl"), "data");
    assert_string_equal(holds(PR_QUEUE_FAILED, "m.jsonl.manifest.json"), "from");
    assert_string_equal(holds(PR_QUEUE_NORMAL, "m.jsonl"), "");
    assert_string_equal(holds(PR_QUEUE_NORMAL, "m.jsonl.manifest.json"), "");
}

static void a_taken_name_gets_a_number(void **state)
{
    (void)state;
    char *name = NULL;
    put(PR_QUEUE_COMPLETED, "t.v1.jsonl", "old");
    put(PR_QUEUE_COMPLETED, "t.v1-2.jsonl", "older");
    put(PR_QUEUE_NORMAL, "t.v1.jsonl", "new");
    put(PR_QUEUE_NORMAL, "t.v1.jsonl.manifest.json", "its");
    assert_int_equal(move("t.v1.jsonl", PR_QUEUE_NORMAL, PR_QUEUE_COMPLETED, &name), PR_OK);
    assert_string_equal(name, "t.v1-3.jsonl");
    pr_free(name);
    assert_string_equal(holds(PR_QUEUE_COMPLETED, "t.v1.jsonl"), "old");
    assert_string_equal(holds(PR_QUEUE_COMPLETED, "t.v1-2.jsonl"), "older");
    assert_string_equal(holds(PR_QUEUE_COMPLETED, "t.v1-3.jsonl"), "new");
    assert_string_equal(holds(PR_QUEUE_COMPLETED, "t.v1-3.jsonl.manifest.json"), "its");
}

/* A name is free for a file and taken for its manifest: they stay together. */
static void a_taken_manifest_is_not_overwritten(void **state)
{
    (void)state;
    char *name = NULL;
    put(PR_QUEUE_COMPLETED, "w.jsonl.manifest.json", "another's");
    put(PR_QUEUE_NORMAL, "w.jsonl", "data");
    put(PR_QUEUE_NORMAL, "w.jsonl.manifest.json", "its");
    assert_int_equal(move("w.jsonl", PR_QUEUE_NORMAL, PR_QUEUE_COMPLETED, &name), PR_OK);
    assert_string_equal(name, "w-2.jsonl");
    pr_free(name);
    assert_string_equal(holds(PR_QUEUE_COMPLETED, "w.jsonl.manifest.json"), "another's");
    assert_string_equal(holds(PR_QUEUE_COMPLETED, "w-2.jsonl.manifest.json"), "its");
}

/* Killed between its two renames: the manifest is there, the file is not.  Again: both are. */
static void a_move_that_was_cut_short_is_finished_by_the_next(void **state)
{
    (void)state;
    put(PR_QUEUE_NORMAL, "k.jsonl", "data");
    put(PR_QUEUE_FAILED, "k.jsonl.manifest.json", "its");
    assert_int_equal(move("k.jsonl", PR_QUEUE_NORMAL, PR_QUEUE_FAILED, NULL), PR_OK);
    assert_string_equal(holds(PR_QUEUE_FAILED, "k.jsonl"), "data");
    assert_string_equal(holds(PR_QUEUE_FAILED, "k.jsonl.manifest.json"), "its");
}

static void a_file_that_is_gone_is_an_error_and_moves_nothing(void **state)
{
    (void)state;
    put(PR_QUEUE_NORMAL, "gone.jsonl.manifest.json", "its");
    assert_int_equal(move("gone.jsonl", PR_QUEUE_NORMAL, PR_QUEUE_FAILED, NULL), PR_E_NOT_FOUND);
    assert_string_equal(holds(PR_QUEUE_NORMAL, "gone.jsonl.manifest.json"), "its");
    assert_string_equal(holds(PR_QUEUE_FAILED, "gone.jsonl.manifest.json"), "");
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(base) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return pr_remove_tree(base, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(a_folder_that_is_not_there_is_empty),
        cmocka_unit_test(only_training_files_are_listed),
        cmocka_unit_test(a_file_is_put_whole_or_not_at_all),
        cmocka_unit_test(a_move_takes_the_manifest_along),
        cmocka_unit_test(a_taken_name_gets_a_number),
        cmocka_unit_test(a_taken_manifest_is_not_overwritten),
        cmocka_unit_test(a_move_that_was_cut_short_is_finished_by_the_next),
        cmocka_unit_test(a_file_that_is_gone_is_an_error_and_moves_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
