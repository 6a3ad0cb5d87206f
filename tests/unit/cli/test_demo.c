/* The checkpoint that the demo damages on purpose. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define PR_FIXTURES PR_SOURCE_ROOT "/tests/fixtures"
#include "../model/temp_folder.h"
#include "cli/demo.h"
#include "model/checkpoint.h"

static struct pr_error e;
#define OK(call)                                                                                   \
    do {                                                                                           \
        if ((call) != PR_OK)                                                                       \
            fail_msg("%s: %s", #call, e.message);                                                  \
    } while (0)

static int64_t step_of(const char *folder)
{
    char *path = pr_path_join(folder, "trainer_state.json");
    json_t *state;
    OK(pr_json_read(AT_FDCWD, path, (size_t)1 << 28, PR_JSON_NAN, &state, &e));
    int64_t step = json_integer_value(json_object_get(state, "global_step"));
    json_decref(state);
    pr_free(path);
    return step;
}

static void the_damaged_one_is_whole_a_step_of_its_own_and_not_gone_on_from(void **state)
{
    (void)state;
    static const char good[] = PR_DEMO_MODELS "/checkpoint-4500",
                      bad[] = PR_DEMO_MODELS "/checkpoint-4501";
    bool complete = false;
    char *a, *b;
    size_t n, m;
    OK(pr_mkdirs(PR_DEMO_MODELS, &e));
    temp_copy_folder("run_a/checkpoints/checkpoint-4500", good);
    OK(pr_mkdirs(PR_DEMO_MODELS "/checkpoint-4500/proctor", &e)); /* the optimizer's state */
    OK(pr_mkdirs(PR_DEMO_MODELS "/.damaged.tmp", &e)); /* of an attempt that was interrupted */
    OK(pr_demo_damage(4500, &e));
    OK(pr_checkpoint_complete(bad, &complete, &e, &e));
    assert_true(complete);
    assert_int_equal(step_of(bad), 4501);
    assert_int_equal(step_of(good), 4500);
    assert_false(pr_path_exists(PR_DEMO_MODELS "/checkpoint-4501/proctor"));
    assert_false(pr_path_exists(PR_DEMO_MODELS "/.damaged.tmp"));
    OK(pr_file_read(
        AT_FDCWD, PR_DEMO_MODELS "/checkpoint-4500/model.safetensors", 1 << 28, &a, &n, &e));
    OK(pr_file_read(
        AT_FDCWD, PR_DEMO_MODELS "/checkpoint-4501/model.safetensors", 1 << 28, &b, &m, &e));
    assert_int_equal(n, m);
    assert_int_not_equal(memcmp(a, b, n), 0);
    pr_free(a);
    pr_free(b);
}

static int enter(void **state)
{
    return temp_setup(state) || chdir(temp_root);
}

static int leave(void **state)
{
    return chdir("/") || temp_teardown(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_damaged_one_is_whole_a_step_of_its_own_and_not_gone_on_from, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
