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
    static const char good[] = PR_DEMO_TRAINER "/checkpoint-4500",
                      bad[] = PR_DEMO_TRAINER "/checkpoint-4501";
    bool complete = false;
    char *a, *b;
    size_t n, m;
    OK(pr_mkdirs(PR_DEMO_TRAINER, &e));
    temp_copy_folder("run_a/checkpoints/checkpoint-4500", good);
    OK(pr_mkdirs(PR_DEMO_TRAINER "/checkpoint-4500/proctor", &e)); /* the optimizer's state */
    OK(pr_mkdirs(PR_DEMO_TRAINER "/.damaged.tmp", &e)); /* of an attempt that was interrupted */
    OK(pr_demo_damage(4500, &e));
    OK(pr_checkpoint_complete(bad, &complete, &e, &e));
    assert_true(complete);
    assert_int_equal(step_of(bad), 4501);
    assert_int_equal(step_of(good), 4500);
    assert_false(pr_path_exists(PR_DEMO_TRAINER "/checkpoint-4501/proctor"));
    assert_false(pr_path_exists(PR_DEMO_TRAINER "/.damaged.tmp"));
    OK(pr_file_read(
        AT_FDCWD, PR_DEMO_TRAINER "/checkpoint-4500/model.safetensors", 1 << 28, &a, &n, &e));
    OK(pr_file_read(
        AT_FDCWD, PR_DEMO_TRAINER "/checkpoint-4501/model.safetensors", 1 << 28, &b, &m, &e));
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

/* One pair of probes has a difference and no error: it is not shown as a figure. */
static void what_probes_show_comes_with_its_error_or_not_at_all(void **state)
{
    (void)state;
    static const char early[] =
        "{\"n_probes\": 6, \"decision\": \"undecided\", \"strategies_tested\": [{\"strategy\": "
        "\"adaptive\", \"difference_to_random\": 0.5, \"difference_se\": null}]}",
                      later[] =
                          "{\"n_probes\": 12, \"decision\": \"undecided\", \"strategies_tested\": "
                          "[{\"strategy\": \"adaptive\", \"difference_to_random\": 0.034, "
                          "\"difference_se\": 0.0061}, {\"strategy\": \"hard_first\", "
                          "\"difference_to_random\": -0.5, \"difference_se\": null}]}";
    static const char file[] = "status/curriculum_optimization.json";
    struct pr_demo_shown shown = {0};
    struct pr_str out = PR_STR_INIT(1 << 16);
    OK(pr_mkdirs("status", &e));
    OK(pr_file_write_atomic(file, early, sizeof early - 1, &e));
    pr_demo_news(&shown, &out);
    assert_non_null(strstr(pr_str_cstr(&out), "6 probes, undecided; too few yet"));
    assert_null(strstr(pr_str_cstr(&out), "0.5"));
    OK(pr_file_write_atomic(file, later, sizeof later - 1, &e));
    pr_str_clear(&out);
    pr_demo_news(&shown, &out);
    assert_non_null(strstr(pr_str_cstr(&out), "adaptive +0.034 ± 0.006"));
    assert_null(strstr(pr_str_cstr(&out), "hard_first"));
    pr_str_done(&out);
    pr_demo_shown_done(&shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_damaged_one_is_whole_a_step_of_its_own_and_not_gone_on_from, enter, leave),
        cmocka_unit_test_setup_teardown(
            what_probes_show_comes_with_its_error_or_not_at_all, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
