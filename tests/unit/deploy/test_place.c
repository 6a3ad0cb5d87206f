/* A target becomes a version and back, as a link and as a folder; a kill between two steps is made
 * up for; the user's own folder is never touched. */
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
#include "deploy/place.h"

#define MODEL PR_FIXTURES "/models/qwen3-tiny"
#define OTHER PR_FIXTURES "/models/llama-tiny"

static char *top, *target;
static struct pr_place place;
static struct pr_error e;

static void ok(enum pr_code code)
{
    if (code)
        fail_msg("%s", e.message);
}

static int setup(void **state)
{
    (void)state;
    char name[] = "/tmp/test-place-XXXXXX";
    if (!mkdtemp(name))
        return 1;
    top = pr_strdup(name);
    target = pr_path_join(top, "served");
    if (pr_place_open(target, &place, &e) || pr_place_lock(&place, &e))
        return 1;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pr_place_done(&place);
    enum pr_code code = pr_remove_tree(top, &e);
    pr_free(top);
    pr_free(target);
    return code;
}

/* Makes a version of a folder; its name, owned by the caller. */
static char *prepare(const char *from, const char *checkpoint)
{
    char fingerprint[65];
    ok(pr_place_fingerprint(&place, from, fingerprint, &e));
    char *version = pr_version_name(checkpoint, fingerprint);
    ok(pr_place_prepare(&place, from, version, fingerprint, checkpoint, NULL, &e));
    return version;
}

static void is(const char *version)
{
    json_t *now = pr_place_current(&place);
    const char *found = json_string_value(json_object_get(now, "version"));
    if (!version ? now != NULL : !found || strcmp(found, version) != 0)
        fail_msg("the target is %s, not %s", found ? found : "nothing", version ? version : "none");
    json_decref(now);
}

static void a_link_is_moved_from_version_to_version(void **state)
{
    (void)state;
    char *a = prepare(MODEL, "a"), *b = prepare(OTHER, "b");
    is(NULL);
    ok(pr_place_swap(&place, a, NULL, &e));
    is(a);
    char *link = pr_place_link(&place);
    assert_string_not_equal(link, "");
    assert_true(link[0] != '/'); /* so that both may be moved together */
    ok(pr_place_swap(&place, b, NULL, &e));
    is(b);
    ok(pr_place_relink(&place, link, &e));
    is(a);
    ok(pr_place_relink(&place, NULL, &e));
    is(NULL);
    pr_free(link);
    pr_free(a);
    pr_free(b);
}

static void make_own(void)
{
    char *file = pr_path_join(target, "mine");
    assert_int_equal(mkdir(target, 0755), 0);
    ok(pr_file_write_atomic(file, "x", 1, &e));
    pr_free(file);
}

static bool has_own(const char *dir)
{
    char *file = pr_path_join(dir, "mine");
    bool has = pr_path_exists(file);
    pr_free(file);
    return has;
}

static void a_folder_is_exchanged_and_keeps_its_name_among_the_versions(void **state)
{
    (void)state;
    char *a = prepare(MODEL, "a"), *b = prepare(OTHER, "b");
    char *own = pr_place_version(&place, "own"), *old = pr_place_version(&place, a);
    make_own();
    ok(pr_place_swap(&place, a, "own", &e));
    is(a);
    assert_true(has_own(own) && !pr_path_exists(old));
    ok(pr_place_swap(&place, b, a, &e));
    is(b);
    assert_true(pr_path_is_dir(old));
    int64_t inode = pr_place_inode(own);
    assert_false(pr_place_is(&place, "own", inode));
    ok(pr_place_swap(&place, "own", b, &e));
    assert_true(has_own(target) && !pr_path_exists(own));
    assert_true(pr_place_is(&place, "own", inode)); /* without a mark that says so */
    pr_free(own);
    pr_free(old);
    pr_free(a);
    pr_free(b);
}

/* Killed right after the exchange: the folder that was the target has the version's name. */
static void an_exchange_that_was_interrupted_is_tidied_up(void **state)
{
    (void)state;
    char *a = prepare(MODEL, "a"), *path = pr_place_version(&place, a);
    char *own = pr_place_version(&place, "own");
    make_own();
    assert_int_equal(renameat2(AT_FDCWD, path, AT_FDCWD, target, RENAME_EXCHANGE), 0);
    assert_true(has_own(path));
    for (int i = 0; i < 2; i++) { /* once more does no harm */
        ok(pr_place_tidy(&place, a, "own", &e));
        is(a);
        assert_true(has_own(own) && !pr_path_exists(path));
    }
    ok(pr_place_swap_back(&place, a, "own", &e)); /* the way back, tidied or not */
    assert_true(has_own(target) && pr_path_is_dir(path) && !pr_path_exists(own));
    assert_int_equal(renameat2(AT_FDCWD, path, AT_FDCWD, target, RENAME_EXCHANGE), 0);
    ok(pr_place_swap_back(&place, a, "own", &e));
    assert_true(has_own(target) && pr_path_is_dir(path) && !pr_path_exists(own));
    pr_free(own);
    pr_free(path);
    pr_free(a);
}

/* Somebody else took the name that the old folder was to get: it is not what is served again. */
static void a_swap_that_cannot_be_tidied_up_is_undone(void **state)
{
    (void)state;
    char *a = prepare(MODEL, "a"), *path = pr_place_version(&place, a);
    char *own = pr_place_version(&place, "own");
    make_own();
    assert_int_equal(mkdir(own, 0755), 0);
    assert_int_not_equal(pr_place_swap(&place, a, "own", &e), PR_OK);
    is(a);
    ok(pr_place_swap_back(&place, a, "own", &e));
    for (int i = 0; i < 2; i++) {
        assert_true(has_own(target) && pr_path_is_dir(path) && pr_path_is_dir(own));
        ok(pr_place_swapped_back(&place, a, "own", &e));
    }
    pr_free(own);
    pr_free(path);
    pr_free(a);
}

static void what_is_not_what_was_asked_for_gets_no_place(void **state)
{
    (void)state;
    char *path = pr_place_version(&place, "v-1"), wrong[65];
    memset(wrong, '0', 64);
    wrong[64] = 0;
    assert_int_equal(pr_place_prepare(&place, MODEL, "v-1", wrong, "v", NULL, &e), PR_E_CHANGED);
    assert_false(pr_path_exists(path));
    assert_int_not_equal(pr_place_prepare(&place, top, "v-1", wrong, "v", NULL, &e), PR_OK);
    assert_int_equal(pr_place_prepare(&place, NULL, "v-1", wrong, "v", NULL, &e), PR_E_NOT_FOUND);
    assert_false(pr_path_exists(path));
    pr_free(path);
}

static void old_versions_go_and_the_users_own_stays(void **state)
{
    (void)state;
    char *a = prepare(MODEL, "a"), *b = prepare(MODEL, "b"), *c = prepare(MODEL, "c"),
         *d = prepare(MODEL, "d");
    char *own = pr_place_version(&place, "own"), *half = pr_path_join(place.versions, ".copying.x");
    assert_int_equal(mkdir(own, 0755), 0);
    assert_int_equal(mkdir(half, 0755), 0);
    ok(pr_place_swap(&place, d, NULL, &e));
    ok(pr_place_prune(&place, 2, a, &e)); /* a, and the newest of b and c */
    const char *const names[] = {a, b, c, d};
    for (size_t i = 0; i < 4; i++) {
        char *path = pr_place_version(&place, names[i]);
        assert_int_equal(pr_path_is_dir(path), i != 1);
        pr_free(path);
    }
    assert_true(pr_path_is_dir(own));
    assert_false(pr_path_exists(half));
    is(d);
    char *all[] = {a, b, c, d, own, half};
    for (size_t i = 0; i < 6; i++)
        pr_free(all[i]);
}

static void one_process_at_a_time(void **state)
{
    (void)state;
    struct pr_place other;
    ok(pr_place_open(target, &other, &e));
    assert_int_equal(pr_place_lock(&other, &e), PR_E_USAGE);
    assert_non_null(strstr(e.message, "another proctor"));
    pr_place_done(&other);
}

static void names_and_targets_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct pr_place other;
    enum pr_target_kind kind;
    assert_int_equal(pr_place_open("/", &other, &e), PR_E_USAGE);
    assert_int_equal(pr_place_open("x", &other, &e), PR_E_USAGE);
    assert_false(pr_version_is_name("../x"));
    assert_false(pr_version_is_name(".x"));
    assert_false(pr_version_is_name(""));
    char *name = pr_version_name("..a/b c", "0123456789abcdef");
    assert_true(pr_version_is_name(name));
    assert_string_equal(name, "abc-0123456789ab");
    pr_free(name);
    ok(pr_file_write_atomic(target, "x", 1, &e));
    assert_int_equal(pr_place_kind(&place, &kind, &e), PR_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_link_is_moved_from_version_to_version, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_folder_is_exchanged_and_keeps_its_name_among_the_versions, setup, teardown),
        cmocka_unit_test_setup_teardown(
            an_exchange_that_was_interrupted_is_tidied_up, setup, teardown),
        cmocka_unit_test_setup_teardown(
            what_is_not_what_was_asked_for_gets_no_place, setup, teardown),
        cmocka_unit_test_setup_teardown(a_swap_that_cannot_be_tidied_up_is_undone, setup, teardown),
        cmocka_unit_test_setup_teardown(old_versions_go_and_the_users_own_stays, setup, teardown),
        cmocka_unit_test_setup_teardown(one_process_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(
            names_and_targets_that_make_no_sense_are_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
