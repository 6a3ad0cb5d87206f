/* The log of a training of any length: short enough to be read again, and the same whether it was
 * resumed or not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "model/trainer_state.h"
#include "train/trainer_internal.h"

#define LINES 100000

static void a_stride_doubles_where_the_lines_would_be_too_many(void **state)
{
    static const int64_t cases[][2] = {{1, 1}, {100000, 1}, {100001, 2}, {200001, 2}, {200002, 4},
        {1500000, 16}, {INT64_C(1000000000000000), INT64_C(1) << 34}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(pr_trainer_log_stride(cases[i][0]), cases[i][1]);
}

/* Makes the steps up to `last`; of a batch without labels nothing is logged. */
static void go_on(struct pr_trainer *t, int64_t last)
{
    while (t->step < last) {
        int64_t s = ++t->step;
        double x = (double)s;
        struct pr_train_log line = {s, x / 3, 1 / x, 1e-3 / x, 1e-7 * x};
        if (s % 7 != 5)
            pr_trainer_log_add(t, &line);
        assert_true(t->n_log < 2 * LINES);
    }
}

/* As a checkpoint of t->step gives it back. */
static struct pr_trainer resumed(const struct pr_trainer *t)
{
    struct pr_trainer ret = {.step = t->step};
    json_t *list = pr_trainer_log_history(t), *v;
    size_t i;
    json_array_foreach (list, i, v) {
        struct pr_train_log line = {json_integer_value(json_object_get(v, "step")),
            json_real_value(json_object_get(v, "epoch")),
            json_real_value(json_object_get(v, "loss")),
            json_real_value(json_object_get(v, "grad_norm")),
            json_real_value(json_object_get(v, "learning_rate"))};
        PR_PUSH(ret.log, ret.n_log, ret.log_cap, line);
    }
    json_decref(list);
    return ret;
}

static void check(const struct pr_trainer *t, const json_t *list)
{
    size_t n = json_array_size(list);
    int64_t stride = pr_trainer_log_stride(t->step), newest = t->step - (t->step % 7 == 5);
    assert_true(n <= LINES + 1);
    for (size_t i = 0; i < n; i++) {
        int64_t step = json_integer_value(json_object_get(json_array_get(list, i), "step"));
        assert_true(i + 1 == n ? step == newest : step % stride == 0);
    }
}

static void a_long_log_is_thinned_and_the_same_after_any_stop(void **state)
{
    static const int64_t saves[] = {
        99999, 100000, 100001, 100006, 200002, 300012, 777777, 777782, 1500000};
    struct pr_trainer whole = {0}, parts = {0};
    (void)state;
    for (size_t i = 0; i < sizeof saves / sizeof *saves; i++) {
        go_on(&whole, saves[i]);
        go_on(&parts, saves[i]);
        json_t *a = pr_trainer_log_history(&whole), *b = pr_trainer_log_history(&parts);
        check(&whole, a);
        if (!json_equal(a, b))
            fail_msg("at step %lld", (long long)saves[i]);
        json_decref(a);
        json_decref(b);
        struct pr_trainer next = resumed(&parts);
        pr_free(parts.log);
        parts = next;
    }
    pr_free(whole.log);
    pr_free(parts.log);
}

static void the_longest_log_is_one_that_can_be_read(void **state)
{
    struct pr_trainer t = {.step = LINES};
    struct pr_str text = PR_STR_INIT(PR_TRAINER_STATE_MAX);
    (void)state;
    for (int64_t s = 1; s <= LINES; s++) {
        double x = -1.7976931348623157e-300 / 3; /* as many digits as there can be */
        struct pr_train_log line = {s, x, x, x, x};
        pr_trainer_log_add(&t, &line);
    }
    json_t *list = pr_trainer_log_history(&t);
    assert_int_equal(json_array_size(list), LINES);
    pr_json_dump(list, 2, 0, &text);
    assert_false(text.over);
    assert_true(text.len < PR_TRAINER_STATE_MAX / 4); /* there is more in the document */
    json_decref(list);
    pr_str_done(&text);
    pr_free(t.log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stride_doubles_where_the_lines_would_be_too_many),
        cmocka_unit_test(a_long_log_is_thinned_and_the_same_after_any_stop),
        cmocka_unit_test(the_longest_log_is_one_that_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
