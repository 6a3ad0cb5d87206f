/* What a look at a checkpoint's folder sees without reading a file: another folder, and every
 * change of what a checkpoint is read from, and of nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/file.h"
#include "base/remove.h"
#include "cli/glance.h"

static char root[] = "/tmp/proctor-glance-XXXXXX";

static const char *in(const char *folder, const char *name)
{
    static char paths[4][300];
    static unsigned next;
    char *p = paths[next++ % 4];
    snprintf(p, sizeof paths[0], "%s/%s%s%s", root, folder, name ? "/" : "", name ? name : "");
    return p;
}

/* In its place: the file keeps its inode. */
static void write_over(const char *folder, const char *name, const char *text)
{
    int fd = open(in(folder, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(pr_file_write_all(fd, text, strlen(text)), 0);
    close(fd);
}

/* As `touch -d` would have it: the same size, another time. */
static void set_time(const char *folder, const char *name, time_t seconds)
{
    const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, in(folder, name), times, 0), 0);
}

static struct pr_glance at(const char *folder)
{
    struct pr_glance ret;
    assert_true(pr_glance_at(in(folder, NULL), &ret));
    return ret;
}

static void changes_of_what_a_checkpoint_is_read_from_are_seen_and_no_others(void **state)
{
    static const char *const seen[] = {"config.json", "model.safetensors", "tokenizer.json",
        "chat_template.jinja", "model-00001-of-00002.safetensors", "adapter_config.json"};
    static const char *const unseen[] = {
        "trainer_state.json", "optimizer.pt", "a log", ".model.safetensors.x7", "safetensors"};
    struct pr_glance was, now;
    (void)state;
    assert_int_equal(mkdir(in("a", NULL), 0700), 0);
    was = at("a");
    for (size_t i = 0; i < sizeof seen / sizeof *seen; i++) {
        write_over("a", seen[i], "one"); /* it comes */
        now = at("a");
        assert_false(pr_glance_same(&was, &now));
        assert_true(pr_glance_same_folder(&was, &now));
        was = now;
        set_time("a", seen[i], 1000000000);
        now = at("a");
        assert_false(pr_glance_same(&was, &now));
        was = now;
        write_over("a", seen[i], "three");
        set_time("a", seen[i], 1000000000); /* another size, the same time */
        now = at("a");
        assert_false(pr_glance_same(&was, &now));
        was = now = at("a");
        assert_true(pr_glance_same(&was, &now));
    }
    for (size_t i = 0; i < sizeof unseen / sizeof *unseen; i++) {
        write_over("a", unseen[i], "one");
        now = at("a");
        assert_true(pr_glance_same(&was, &now));
    }
    assert_int_equal(unlink(in("a", seen[0])), 0); /* and it goes */
    now = at("a");
    assert_false(pr_glance_same(&was, &now));
}

static void another_folder_is_another_and_none_is_none(void **state)
{
    struct pr_glance a, b;
    (void)state;
    assert_int_equal(mkdir(in("b", NULL), 0700), 0);
    assert_int_equal(symlink("a", in("link", NULL)), 0);
    a = at("a");
    b = at("link");
    assert_true(pr_glance_same(&a, &b));
    b = at("b");
    assert_false(pr_glance_same_folder(&a, &b));
    assert_false(pr_glance_at(in("none", NULL), &b));
    write_over("b", "file", "no folder");
    assert_false(pr_glance_at(in("b", "file"), &b));
}

static int setup(void **state)
{
    (void)state;
    return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
    struct pr_error e;
    (void)state;
    return pr_remove_tree(root, &e) ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(changes_of_what_a_checkpoint_is_read_from_are_seen_and_no_others),
        cmocka_unit_test(another_folder_is_another_and_none_is_none),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
