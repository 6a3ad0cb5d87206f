/* trainer_state.json: values and their absence told apart, odd histories noted, broken ones
 * refused. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/checkpoint.h"
#include "model/trainer_state.h"
#include "temp_folder.h"

static struct pr_trainer_state parsed(const char *text, struct pr_notes *notes)
{
    struct pr_trainer_state s;
    struct pr_error e;
    if (pr_trainer_state_parse(text, strlen(text), "trainer_state.json", &s, notes, &e))
        fail_msg("%s", e.message);
    return s;
}

static void refused(const char *text, const char *why)
{
    struct pr_trainer_state s;
    struct pr_error e = {0};
    assert_int_equal(
        pr_trainer_state_parse(text, strlen(text), "t.json", &s, NULL, &e), PR_E_FORMAT);
    if (!strstr(e.message, why) || !strstr(e.message, "t.json: "))
        fail_msg("'%s' does not say '%s'", e.message, why);
}

static void a_real_state_is_read(void **state)
{
    (void)state;
    struct pr_trainer_state s;
    struct pr_notes notes = {0};
    struct pr_error e;
    assert_int_equal(
        pr_trainer_state_read(AT_FDCWD,
            PR_FIXTURES "/run_a/checkpoints/checkpoint-1574/trainer_state.json", &s, &notes, &e),
        0);
    assert_int_equal(s.global_step, 1574);
    assert_true(fabs(s.best_metric - 0.7912571963833098) < 1e-15);
    assert_string_equal(s.best_checkpoint, "output/checkpoint-1554");
    assert_int_equal(s.log[0].step, 25);
    assert_int_equal(
        s.log[0].has, PR_LOG_EPOCH | PR_LOG_GRAD_NORM | PR_LOG_LEARNING_RATE | PR_LOG_LOSS);
    assert_true(isnan(s.log[0].eval_loss) && s.log[0].loss == 5.942921848297119);
    size_t evals = 0;
    for (size_t i = 0; i < s.n_log; i++)
        evals += (s.log[i].has & PR_LOG_EVAL_LOSS) != 0;
    assert_true(evals > 0 && evals < s.n_log);
    assert_int_equal(notes.n, 0);
    pr_trainer_state_done(&s);
}

static void nan_is_a_value_and_no_warning(void **state)
{
    (void)state;
    struct pr_notes notes = {0};
    struct pr_trainer_state s =
        parsed("{\"global_step\":3,\"log_history\":[{\"step\":1,\"loss\":NaN,"
               "\"grad_norm\":Infinity},{\"step\":1,\"eval_loss\":-Infinity},{\"step\":3}]}",
            &notes);
    assert_int_equal(s.log[0].has, PR_LOG_LOSS | PR_LOG_GRAD_NORM);
    assert_true(isnan(s.log[0].loss) && isnan(s.log[0].grad_norm));
    assert_int_equal(s.log[2].has, 0);
    assert_int_equal(s.max_steps, -1);
    assert_true(isnan(s.epoch) && isnan(s.best_metric) && !s.best_checkpoint);
    assert_int_equal(notes.n, 0);
    pr_trainer_state_done(&s);
}

static void odd_histories_are_noted(void **state)
{
    (void)state;
    struct pr_notes notes = {0};
    struct pr_trainer_state s = parsed("{\"global_step\":3}", &notes);
    assert_false(s.has_log);
    assert_int_equal(notes.n, 1);
    assert_string_equal(notes.v[0], "there is no 'log_history'");
    pr_trainer_state_done(&s);
    pr_notes_done(&notes);
    s = parsed("{\"global_step\":9,\"log_history\":[{\"step\":1},{\"step\":5},{\"step\":5},{"
               "\"step\":2},{\"step\":9},"
               "{\"step\":8}]}",
        &notes);
    assert_int_equal(s.n_log, 6);
    assert_int_equal(notes.n, 1);
    assert_string_equal(
        notes.v[0], "'log_history': steps go back 2 times, first from 5 to 2 at entry 3");
    pr_trainer_state_done(&s);
    pr_notes_done(&notes);
}

static void broken_states_are_refused_by_field(void **state)
{
    (void)state;
    refused("[]", "an array, an object was expected");
    refused("{}", "'global_step' is missing");
    refused("{\"global_step\":-1}", "'global_step' is -1");
    refused("{\"global_step\":1.5}", "'global_step' is a number");
    refused("{\"global_step\":1,\"log_history\":{}}", "'log_history' is an object");
    refused("{\"global_step\":1,\"log_history\":[{\"step\":0},7]}", "'log_history'[1]: an integer");
    refused("{\"global_step\":1,\"log_history\":[{\"loss\":1}]}",
        "'log_history'[0]: 'step' is missing");
    refused("{\"global_step\":1,", "not valid JSON");
}

/* ---- origin ---- */

static struct pr_checkpoint_origin origin(const char *name)
{
    struct pr_checkpoint_origin o;
    struct pr_error e;
    if (pr_checkpoint_origin(temp_path(name), &o, &e))
        fail_msg("%s", e.message);
    assert_int_equal(strlen(o.run), 16);
    return o;
}

static void with_state(const char *dir, const char *text)
{
    char path[200];
    temp_mkdir(dir);
    snprintf(path, sizeof path, "%s/trainer_state.json", dir);
    temp_text(path, text);
}

#define FIRST  "{\"step\":1,\"loss\":2.5,\"eval_runtime\":1}"
#define SECOND "{\"step\":2,\"loss\":2.25}"

static void one_training_is_one_run_and_a_new_start_another(void **state)
{
    (void)state;
    with_state("r/checkpoint-1", "{\"global_step\":1,\"log_history\":[" FIRST "]}");
    with_state("r/checkpoint-2", "{\"global_step\":2,\"log_history\":[" FIRST "," SECOND "]}");
    with_state(
        "r/checkpoint-3", "{\"global_step\":3,\"log_history\":[{\"step\":1,\"loss\":2.5000001}]}");
    struct pr_checkpoint_origin a = origin("r/checkpoint-1"), b = origin("r/checkpoint-2"),
                                c = origin("r/checkpoint-3");
    assert_int_equal(b.step, 2);
    assert_string_equal(a.run, b.run);
    assert_string_not_equal(a.run, c.run);
    assert_string_not_equal(a.history, b.history);
    /* Times are not part of what a training is. */
    with_state("r/checkpoint-1",
        "{\"global_step\":1,\"log_history\":[{\"eval_runtime\":9,\"loss\":2.5,\"step\":1}]}");
    assert_string_equal(origin("r/checkpoint-1").run, a.run);
    assert_string_equal(origin("r/checkpoint-1").history, a.history);
    /* The same step reached again another way: the same run, another history. */
    with_state("r/checkpoint-2",
        "{\"global_step\":2,\"log_history\":[" FIRST ",{\"step\":2,\"loss\":2.26}]}");
    assert_string_equal(origin("r/checkpoint-2").run, b.run);
    assert_string_not_equal(origin("r/checkpoint-2").history, b.history);
    /* The same training in another folder is another run. */
    with_state("s/checkpoint-1", "{\"global_step\":1,\"log_history\":[" FIRST "]}");
    assert_string_not_equal(origin("s/checkpoint-1").run, a.run);
}

static void without_a_state_the_folders_name_gives_the_step(void **state)
{
    (void)state;
    temp_mkdir("r/checkpoint-12");
    temp_mkdir("r/checkpoint-13");
    temp_mkdir("r/final-3");
    struct pr_checkpoint_origin o = origin("r/checkpoint-12");
    assert_int_equal(o.step, 12);
    assert_string_equal(o.history, "");
    assert_string_equal(o.run, origin("r/checkpoint-13").run);
    assert_string_equal(o.run, origin("r/../r/checkpoint-13/").run);
    assert_int_equal(origin("r/final-3").step, -1);
    assert_string_not_equal(o.run, origin("r/final-3").run);
    struct pr_checkpoint_origin x;
    assert_int_equal(pr_checkpoint_origin(temp_path("none"), &x, NULL), PR_E_NOT_FOUND);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, temp_setup, temp_teardown)
    const struct CMUnitTest tests[] = {
        T(a_real_state_is_read),
        T(nan_is_a_value_and_no_warning),
        T(odd_histories_are_noted),
        T(broken_states_are_refused_by_field),
        T(one_training_is_one_run_and_a_new_start_another),
        T(without_a_state_the_folders_name_gives_the_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
