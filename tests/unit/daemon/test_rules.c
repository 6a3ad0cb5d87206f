/* The supervisor's own rules: what they raise, when that is over, and that a value which wavers
 * around its limit raises one alert. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/rules.h"

#define MINUTE 60000000000LL

/* What was said, a line each: "+disk 1 …", "-disk". */
static char said[20000];

static void raise_it(void *ctx, const char *key, enum pr_alert_level level, const char *text)
{
    (void)ctx;
    size_t n = strlen(said);
    snprintf(said + n, sizeof said - n, "+%s %d %s\n", key, (int)level, text);
}

static void clear_it(void *ctx, const char *key)
{
    (void)ctx;
    size_t n = strlen(said);
    snprintf(said + n, sizeof said - n, "-%s\n", key);
}

static struct pr_rules *rules;
static struct pr_rule_input in;

static int begin(void **state)
{
    (void)state;
    rules = pr_rules_new();
    in = (struct pr_rule_input){.now_ns = 1000 * MINUTE, .disk_free = NAN};
    said[0] = 0;
    return 0;
}

static int finish(void **state)
{
    (void)state;
    pr_rules_free(rules);
    return 0;
}

static const char *look(void)
{
    said[0] = 0;
    pr_rules_look(rules, &in, raise_it, clear_it, NULL);
    return said;
}

static void assert_says(const char *what)
{
    if (!strstr(look(), what))
        fail_msg("'%s' does not say '%s'", said, what);
}

static void assert_silent(const char *key)
{
    if (strstr(look(), key))
        fail_msg("'%s' was said", said);
}

/* A training at a step; total 0: not known. */
static void train(const char *source, int64_t step, int64_t total)
{
    json_decref((json_t *)(uintptr_t)in.training);
    json_t *t = json_object();
    pr_json_set_str(t, "source", source);
    pr_json_set_int(t, "current_step", step);
    if (total)
        pr_json_set_int(t, "total_steps", total);
    pr_json_set_real(t, "loss", 1.5, NULL);
    in.training = t;
}

static void drop_training(void)
{
    json_decref((json_t *)(uintptr_t)in.training);
    in.training = NULL;
}

static void pass(int64_t minutes)
{
    in.now_ns += minutes * MINUTE;
}

static void a_training_that_stands_still_is_said_once_until_it_goes_on(void **state)
{
    (void)state;
    in.stalled_minutes = 30;
    train("training_status.json", 100, 1000);
    assert_silent("training-stalled");
    pass(29);
    assert_silent("training-stalled");
    pass(1);
    assert_says(
        "+training-stalled 1 the training stands still: it is at step 100 for more than 30");
    pass(30);
    assert_silent("training-stalled");
    train("training_status.json", 101, 1000);
    assert_says("-training-stalled");
    pass(1);
    assert_silent("training-stalled");
    drop_training();
}

static void a_training_without_files_is_said_to_have_none(void **state)
{
    (void)state;
    in.stalled_minutes = 30;
    train("training_status.json", 100, 1000);
    pr_json_set_str((json_t *)(uintptr_t)in.training, "status", "waiting for training files");
    assert_silent("training-stalled");
    pass(30);
    assert_says("+training-stalled 1 the training stands still: it is at step 100 for more than 30 "
                "minutes, and its queue of training files is empty");
    drop_training();
}

static void a_training_whose_steps_take_long_does_not_stand_still(void **state)
{
    (void)state;
    in.stalled_minutes = 30;
    train("training_status.json", 1, 1000);
    look();
    for (int64_t step = 2; step < 6; step++) { /* the first wait is not known for one yet */
        pass(25);
        look();
        pass(20);
        train("training_status.json", step, 1000);
        look();
    }
    pass(45);
    assert_silent("training-stalled");
    pass(95);
    assert_says("+training-stalled");
    drop_training();
}

static void a_training_that_is_over_or_not_known_does_not_stand_still(void **state)
{
    (void)state;
    in.stalled_minutes = 30;
    train("training_status.json", 1000, 1000);
    look();
    pass(100);
    assert_silent("+");
    train("training_status.json", 500, 1000);
    look();
    pr_json_set_str((json_t *)(uintptr_t)in.training, "status", "Completed");
    pass(100);
    assert_silent("+");
    drop_training();
    pass(100);
    assert_silent("training-stalled");
}

static void checkpoints_alone_tell_no_standstill_before_one_gap_was_seen(void **state)
{
    (void)state;
    in.stalled_minutes = 30;
    train("trainer_state.json", 100, 1000);
    look();
    pass(300);
    assert_silent("+");
    train("trainer_state.json", 200, 1000);
    look(); /* a checkpoint takes five hours */
    pass(301);
    assert_silent("+");
    pass(600);
    assert_says("+training-stalled");
    drop_training();
}

static void what_an_earlier_process_raised_stays_while_nothing_is_known(void **state)
{
    (void)state;
    in.stalled_minutes = 30;
    train("training_status.json", 100, 1000);
    assert_silent("training-stalled"); /* it may be open: neither raised nor cleared */
    in.stalled_minutes = 0;
    assert_says("-training-stalled"); /* the rule is off */
    drop_training();
}

static void a_loss_that_is_no_number_is_critical(void **state)
{
    (void)state;
    train("training_status.json", 100, 1000);
    assert_says("-training-loss");
    json_t *t = (json_t *)(uintptr_t)in.training;
    pr_json_set_null(t, "loss", "'loss' is not finite in training_status.json");
    assert_says("+training-loss 2 the training's loss is no number: 'loss' is not finite");
    assert_silent("training-loss");
    pr_json_set_null(t, "loss", "no source has it");
    assert_silent("training-loss");
    train("training_status.json", 101, 1000);
    assert_says("-training-loss");
    drop_training();
}

static void the_last_loss_that_was_logged_counts(void **state)
{
    (void)state;
    train("trainer_state.json", 100, 1000);
    json_t *t = (json_t *)(uintptr_t)in.training, *history = json_array();
    static const double losses[] = {1, NAN, 2};
    for (int i = 0; i < 3; i++) {
        json_t *p = json_object();
        pr_json_set_int(p, "step", 10 * i);
        pr_json_set_real(p, "loss", losses[i], "logged as not finite");
        json_array_append_new(history, p);
    }
    json_t *empty = json_object(); /* an evaluation: no loss at this step */
    pr_json_set_int(empty, "step", 30);
    pr_json_set(empty, "loss", json_null());
    json_array_append_new(history, empty);
    pr_json_set(t, "history", history);
    assert_says("-training-loss");
    json_t *last = json_object();
    pr_json_set_int(last, "step", 40);
    pr_json_set_real(last, "loss", INFINITY, "logged as not finite");
    json_array_append_new(history, last);
    assert_says("+training-loss 2 the training's loss is no number: NaN or infinity was logged at "
                "step 40");
    drop_training();
}

static void a_system_that_keeps_failing_is_named(void **state)
{
    (void)state;
    struct pr_rule_system s = {.name = "regression-monitor", .failures = 2, .reason = "why"};
    in.systems = &s;
    in.n_systems = 1;
    assert_silent("failing");
    s.failures = 3;
    assert_says("+failing:regression-monitor 1 regression-monitor failed 3 times in a row: why");
    s.failures = 4;
    assert_silent("failing");
    s.failures = 0;
    assert_says("-failing:regression-monitor");
    s.failures = 1;
    assert_silent("failing");
}

static void a_disk_that_wavers_around_its_limit_is_one_alert(void **state)
{
    (void)state;
    in.disk_free_gb = 10;
    int raised = 0, cleared = 0;
    for (int i = 0; i < 20; i++) {
        in.disk_free = (i % 2 ? 10.5 : 9.5) * 1e9;
        raised += strchr(look(), '+') != NULL;
        cleared += strstr(said, "-disk") != NULL;
    }
    assert_int_equal(raised, 1);
    assert_int_equal(cleared, 0);
    in.disk_free = 11e9;
    assert_says("-disk");
    in.disk_free = 2.4e9;
    assert_says("+disk 2 2.40 GB are free on the base folder's disk: when it is full");
    in.disk_free = 2.6e9; /* not enough more to count as less bad */
    assert_silent("disk");
    in.disk_free = 3e9;
    assert_says("+disk 1 3.00 GB are free on the base folder's disk, less than 10");
    in.disk_free = NAN;
    assert_silent("disk");
    in.disk_free_gb = 0;
    assert_says("-disk");
}

static void heat(double celsius)
{
    json_decref((json_t *)(uintptr_t)in.machine);
    json_t *m = json_object(), *list = json_array(), *gpu = json_object();
    pr_json_set_int(gpu, "index", 1);
    pr_json_set_str(gpu, "name", "H200");
    pr_json_set_real(gpu, "temperature_celsius", celsius, NULL);
    json_array_append_new(list, gpu);
    pr_json_set(m, "gpus", list);
    in.machine = m;
}

static void a_hot_gpu_is_named_until_it_is_cooler_by_some_degrees(void **state)
{
    (void)state;
    in.gpu_celsius = 87;
    assert_silent("gpu");
    heat(86.9);
    assert_silent("gpu");
    heat(87);
    assert_says("+gpu:1 1 GPU 1 (H200) is at 87 degrees Celsius");
    heat(95);
    assert_silent("gpu");
    heat(85);
    assert_silent("gpu");
    heat(NAN);
    assert_silent("gpu");
    heat(84);
    assert_says("-gpu:1");
    json_decref((json_t *)(uintptr_t)in.machine);
}

static json_t *queue_reason(const char *level, const char *code, const char *file)
{
    json_t *o = json_object(), *files = json_array();
    pr_json_set_str(o, "level", level);
    pr_json_set_str(o, "code", code);
    pr_json_set_str(o, "text", file);
    json_array_append_new(files, json_string(file));
    pr_json_set(o, "files", files);
    return o;
}

/* A queue with so many reasons, the red ones first. */
static void queue_up(json_t *a, json_t *b)
{
    json_t *o = json_object(), *reasons = json_array();
    json_decref((json_t *)(uintptr_t)in.queue);
    if (a)
        json_array_append_new(reasons, a);
    if (b)
        json_array_append_new(reasons, b);
    pr_json_set(o, "reasons", reasons);
    in.queue = o;
}

static void files_that_are_stuck_or_cannot_be_used_are_told_and_an_empty_queue_is_not(void **state)
{
    (void)state;
    queue_up(queue_reason("yellow", "empty_queue", "none"), queue_reason("yellow", "backlog", "x"));
    assert_silent("+");
    queue_up(queue_reason("yellow", "stuck", "processing/a"), NULL);
    assert_says("+queue:stuck 1 the queue of training files: processing/a");
    assert_silent("queue");
    queue_up(queue_reason("red", "stuck", "processing/a"),
        queue_reason("yellow", "stuck", "processing/b"));
    assert_says("+queue:stuck 2 the queue of training files: processing/a");
    assert_silent("queue"); /* the yellow one beside it lowers nothing */
    queue_up(queue_reason("red", "stuck", "processing/c"), NULL);
    assert_says("+queue:stuck 2 the queue of training files: processing/c");
    queue_up(
        queue_reason("red", "invalid", "high/x"), queue_reason("yellow", "failed", "failed/y"));
    assert_says("-queue:stuck");
    json_decref((json_t *)(uintptr_t)in.queue);
    in.queue = NULL; /* it was not looked at */
    assert_silent("queue");
    queue_up(NULL, NULL);
    assert_says("-queue:invalid\n-queue:failed");
    json_decref((json_t *)(uintptr_t)in.queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, begin, finish)
        T(a_training_that_stands_still_is_said_once_until_it_goes_on),
        T(a_training_without_files_is_said_to_have_none),
        T(a_training_whose_steps_take_long_does_not_stand_still),
        T(a_training_that_is_over_or_not_known_does_not_stand_still),
        T(checkpoints_alone_tell_no_standstill_before_one_gap_was_seen),
        T(what_an_earlier_process_raised_stays_while_nothing_is_known),
        T(a_loss_that_is_no_number_is_critical),
        T(the_last_loss_that_was_logged_counts),
        T(a_system_that_keeps_failing_is_named),
        T(a_disk_that_wavers_around_its_limit_is_one_alert),
        T(a_hot_gpu_is_named_until_it_is_cooler_by_some_degrees),
        T(files_that_are_stuck_or_cannot_be_used_are_told_and_an_empty_queue_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
