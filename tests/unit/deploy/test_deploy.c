/* Whole deployments of a real folder, its server being a program: what fails is undone, what was
 * interrupted is finished, and the user's own folder is told without a mark. */
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
#include "deploy/deploy.h"
#include "deploy/weighed.h"

#define MODEL PR_FIXTURES "/models/qwen3-tiny"
#define OTHER PR_FIXTURES "/models/llama-tiny"

static char *top, *target, *refuse;
static atomic_bool stop;
static bool stops; /* before the server is told */
static struct pr_deploy_settings settings;
static struct pr_deploy_call call;
static struct pr_deploy_outcome out;
static struct pr_error e;

static void ok(enum pr_code code)
{
    if (code)
        fail_msg("%s", e.message);
}

static void step(void *ctx, const char *name, const char *version)
{
    (void)ctx;
    (void)version;
    if (stops && !strcmp(name, "reloading"))
        atomic_store(&stop, true);
}

static void put(const char *dir, const char *name)
{
    char *path = pr_path_join(dir, name);
    ok(pr_file_write_atomic(path, "x", 1, &e));
    pr_free(path);
}

static bool has_own(const char *dir)
{
    char *path = pr_path_join(dir, "mine");
    bool has = pr_path_exists(path);
    pr_free(path);
    return has;
}

/* TARGET is a folder of the user's own; its server refuses to load once for each file `refuse`. */
static int setup(void **state)
{
    (void)state;
    char name[] = "/tmp/test-deploy-XXXXXX";
    if (!mkdtemp(name))
        return 1;
    top = pr_strdup(name);
    target = pr_path_join(top, "served");
    refuse = pr_path_join(top, "refuse");
    if (mkdir(target, 0755))
        return 1;
    ok(pr_copy_checkpoint(MODEL, target, NULL, &e));
    put(target, "mine");
    static char driver[] = "command";
    settings = (struct pr_deploy_settings){
        .target = target, .driver = driver, .timeout_seconds = 5, .keep_versions = 3};
    settings.command = json_pack("[ssss]", "/bin/sh", "-c", "! rm \"$0\" 2>/dev/null", refuse);
    atomic_store(&stop, false);
    stops = false;
    call = (struct pr_deploy_call){.settings = &settings, .stop = &stop, .step = step};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    enum pr_code code = pr_remove_tree(top, &e);
    json_decref(settings.command);
    pr_free(top);
    pr_free(target);
    pr_free(refuse);
    return code;
}

static enum pr_code deploy(const char *from, const char *name)
{
    char fingerprint[65];
    const struct pr_place place = {.lock = -1};
    ok(pr_place_fingerprint(&place, from, fingerprint, &e));
    const struct pr_deploy_wanted w = {
        .from = from, .checkpoint = name, .fingerprint = fingerprint};
    return pr_deploy_run(&call, &w, &out, &e);
}

/* The name among the versions of the user's own folder; pr_free; NULL: it is not there. */
static char *own_version(void)
{
    json_t *status = NULL;
    const json_t *x;
    size_t i;
    char *ret = NULL;
    ok(pr_deploy_status(&settings, &status, &e));
    json_array_foreach (json_object_get(status, "versions"), i, x)
        if (has_own(json_string_value(json_object_get(x, "path"))) && !ret)
            ret = pr_strdup(json_string_value(json_object_get(x, "version")));
    json_decref(status);
    return ret;
}

static void going_back_to_the_users_own_folder_is_undone_when_it_fails(void **state)
{
    (void)state;
    ok(deploy(OTHER, "other"));
    assert_int_equal(out.end, PR_DEPLOY_END_DONE);
    char *own = own_version();
    assert_non_null(own);
    put(top, "refuse");
    ok(pr_deploy_back(&call, own, &out, &e));
    assert_int_equal(out.end, PR_DEPLOY_END_ROLLED_BACK);
    assert_false(has_own(target));
    char *again = own_version();
    assert_non_null(again);
    assert_string_equal(again, own);
    ok(pr_deploy_back(&call, own, &out, &e));
    assert_int_equal(out.end, PR_DEPLOY_END_DONE);
    assert_true(has_own(target));
    pr_free(own);
    pr_free(again);
}

/* As a kill right after the exchange leaves it: the journal does not know of it. */
static void forget_last_line(void)
{
    struct pr_str path = PR_STR_INIT(4096);
    char *text;
    size_t n;
    pr_str_printf(&path, "%s.versions/journal.jsonl", target);
    ok(pr_file_read(AT_FDCWD, pr_str_cstr(&path), 1 << 20, &text, &n, &e));
    for (n--; n && text[n - 1] != '\n';)
        n--;
    assert_non_null(strstr(text + n, "\"swapped\""));
    ok(pr_file_write_atomic(pr_str_cstr(&path), text, n, &e));
    pr_str_done(&path);
    pr_free(text);
}

static void going_back_to_the_users_own_folder_is_finished_after_a_kill(void **state)
{
    (void)state;
    bool found;
    ok(deploy(OTHER, "other"));
    char *own = own_version();
    stops = true;
    assert_int_equal(pr_deploy_back(&call, own, &out, &e), PR_E_CANCELLED);
    stops = false;
    atomic_store(&stop, false);
    forget_last_line();
    ok(pr_deploy_recover(&call, &found, &out, &e));
    assert_true(found && has_own(target));
    assert_int_equal(out.end, PR_DEPLOY_END_DONE);
    pr_free(own);
}

/* A checkpoint of the target's own name and content gets the very name that the user's own folder
 * would get; and that name may be taken by something else. */
static void the_users_own_folder_gets_a_name_that_is_free(void **state)
{
    (void)state;
    ok(deploy(MODEL, "served"));
    assert_int_equal(out.end, PR_DEPLOY_END_DONE);
    assert_false(has_own(target));
    char *own = own_version();
    assert_non_null(own);
    ok(pr_deploy_back(&call, own, &out, &e));
    assert_int_equal(out.end, PR_DEPLOY_END_DONE);
    assert_true(has_own(target));
    ok(deploy(OTHER, "other")); /* the first is in the way still */
    assert_int_equal(out.end, PR_DEPLOY_END_DONE);
    pr_free(own);
    own = own_version();
    assert_non_null(own);
    pr_free(own);
}

/* What was rolled back long ago is in the history that the gate is given. */
static void the_history_is_whole(void **state)
{
    (void)state;
    json_t *status = NULL;
    char *missing = pr_path_join(top, "missing");
    char fingerprint[] = "0123456789abcdef";
    const struct pr_deploy_wanted w = {
        .from = missing, .checkpoint = "c", .fingerprint = fingerprint};
    for (int i = 0; i < PR_DEPLOY_SHOWN + 5; i++) {
        ok(pr_deploy_run(&call, &w, &out, &e));
        assert_int_equal(out.end, PR_DEPLOY_END_FAILED);
    }
    ok(pr_deploy_status(&settings, &status, &e));
    assert_int_equal(json_array_size(json_object_get(status, "history")), PR_DEPLOY_SHOWN + 5);
    json_decref(status);
    pr_free(missing);
}

static size_t noted(const char *candidate, double p)
{
    json_t *status = NULL;
    ok(pr_deploy_status(&settings, &status, &e));
    const char *deployed =
        json_string_value(json_object_get(json_object_get(status, "current"), "fingerprint"));
    json_t *gate =
        json_pack("{s:{s:s},s:{s:f}}", "candidate", "fingerprint", candidate, "confirm", "p", p);
    ok(pr_weighed_note(&settings, status, gate, &e));
    size_t k = pr_weighed_rank(json_object_get(status, "weighed"), deployed, candidate);
    json_decref(gate);
    json_decref(status);
    return k;
}

static void candidates_are_counted_until_the_next_deployment(void **state)
{
    (void)state;
    assert_int_equal(noted("a", 0.2), 1);
    assert_int_equal(noted("b", 0.2), 2);
    assert_int_equal(noted("a", 0.1), 1);
    assert_int_equal(noted("c", 0.2), 3);
    ok(deploy(OTHER, "other"));
    assert_int_equal(noted("d", 0.2), 1);
    double sum = 0;
    for (size_t k = 1; k <= 100000; k++)
        sum += pr_weighed_share(0.05, k);
    assert_true(sum < 0.05 && sum > 0.0499);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            going_back_to_the_users_own_folder_is_undone_when_it_fails, setup, teardown),
        cmocka_unit_test_setup_teardown(
            going_back_to_the_users_own_folder_is_finished_after_a_kill, setup, teardown),
        cmocka_unit_test_setup_teardown(
            the_users_own_folder_gets_a_name_that_is_free, setup, teardown),
        cmocka_unit_test_setup_teardown(the_history_is_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(
            candidates_are_counted_until_the_next_deployment, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
