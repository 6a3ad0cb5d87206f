/* The reference run's own grades in a hand-made gradebook; see hand_made.h. */
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

#include "base/alloc.h"
#include "base/file.h"
#include "hand_made.h"

static char *under_root(const char *folder, const char *name)
{
    const char *root = getenv("PR_SOURCE_ROOT");
    char *base = pr_path_join(root ? root : ".", folder);
    char *path = pr_path_join(base, name);
    pr_free(base);
    return path;
}

bool hand_made_run_a_whole(void)
{
    char *path = under_root("../shared/assets/run_a", "reference");
    bool there = pr_path_is_dir(path);
    pr_free(path);
    return there;
}

char *hand_made_run_a_path(const char *name)
{
    return under_root(
        hand_made_run_a_whole() ? "../shared/assets/run_a" : "tests/fixtures/run_a", name);
}

/* One line of the reference: rows are in the suite's order. */
static void read_row(const char *text, size_t n, struct hand_made_answer *ret)
{
    json_t *row = NULL;
    HAND_MADE_OK(pr_json_parse(text, n, 0, NULL, &row, NULL, &hand_made_error));
    ret->loss = json_number_value(json_object_get(row, "loss"));
    ret->confidence = json_number_value(json_object_get(row, "confidence"));
    ret->right = json_is_true(json_object_get(row, "correct"));
    ret->truncated = !json_is_true(json_object_get(row, "finished"));
    ret->empty = !ret->truncated && !*json_string_value(json_object_get(row, "greedy_answer"));
    json_decref(row);
}

static bool read_rows(const char *path, struct hand_made_answer *v, size_t n)
{
    struct pr_lines lines;
    char *text;
    int fd;
    size_t len, i = 0;
    if (pr_file_open(AT_FDCWD, path, false, &fd, NULL, NULL))
        return false;
    pr_lines_init(&lines, fd, 1 << 20);
    for (; pr_lines_next(&lines, &text, &len, &hand_made_error) == PR_LINE_OK; i++) {
        assert_true(i < n);
        read_row(text, len, &v[i]);
    }
    assert_int_equal(i, n);
    pr_lines_done(&lines);
    close(fd);
    return true;
}

size_t hand_made_run_a(struct hand_made *h, const int64_t *steps, int64_t *ret_suite, int64_t *ids)
{
    char *path = hand_made_run_a_path("validation.jsonl");
    const char *paths[] = {path};
    struct pr_suite *s;
    size_t found = 0;
    HAND_MADE_OK(pr_suite_load(paths, 1, NULL, &s, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_begin(h->g, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_put_suite(h->g, s, h->now_ms, ret_suite, &hand_made_error));
    HAND_MADE_OK(pr_gradebook_commit(h->g, &hand_made_error));
    for (size_t i = 0; steps[i]; i++) {
        struct hand_made_answer *v = pr_zalloc(s->n * sizeof *v);
        char name[80];
        snprintf(name, sizeof name, "reference/checkpoint-%lld.jsonl", (long long)steps[i]);
        char *rows = hand_made_run_a_path(name);
        ids[i] = 0;
        if (read_rows(rows, v, s->n)) {
            ids[i] = hand_made_checkpoint(h, "run_a", steps[i], NULL);
            hand_made_grade(h, ids[i], *ret_suite, v, s->n);
            found++;
        }
        pr_free(rows);
        pr_free(v);
    }
    pr_suite_free(s);
    pr_free(path);
    return found;
}
