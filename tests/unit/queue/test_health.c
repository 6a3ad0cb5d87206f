/* Queue health by a clock of our own: when a file counts as stuck, and that time for checking is
 * bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/remove.h"
#include "queue/folder.h"
#include "queue/health.h"

static char base[] = "/tmp/proctor-health-XXXXXX";
static double later_hours;
static int64_t monotonic;

static int64_t utc_ms(void)
{
    return (int64_t)time(NULL) * 1000 + (int64_t)(later_hours * 3.6e6);
}

/* Each look at the clock takes a second. */
static int64_t monotonic_ns(void)
{
    return monotonic += 1000000000;
}

static const struct pr_clock clock_of_ours = {.utc_ms = utc_ms, .monotonic_ns = monotonic_ns};

static void put(enum pr_queue q, const char *name, const char *text)
{
    assert_int_equal(pr_queue_put(base, q, name, text, strlen(text), NULL), PR_OK);
}

static const char *light(const struct pr_queue_health_options *o, const char *code, json_t **ret)
{
    static char level[16];
    struct pr_error e;
    size_t i;
    json_t *r;
    level[0] = 0;
    if (pr_queue_health(base, o, ret, &e))
        fail_msg("%s", e.message);
    json_array_foreach (json_object_get(*ret, "reasons"), i, r)
        if (!strcmp(json_string_value(json_object_get(r, "code")), code))
            strncpy(level, json_string_value(json_object_get(r, "level")), sizeof level - 1);
    return level;
}

static void a_file_is_stuck_after_12_hours_and_critical_after_24(void **state)
{
    (void)state;
    static const struct {
        double hours;
        const char *level;
    } t[] = {{0, ""}, {11.9, ""}, {12.1, "yellow"}, {23.9, "yellow"}, {24.1, "red"}, {1000, "red"}};
    put(PR_QUEUE_PROCESSING, "p.jsonl", "{\"text\":\"p\"}\n");
    put(PR_QUEUE_NORMAL, "n.jsonl", "{\"text\":\"n, which is longer\"}\n");
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        json_t *doc;
        later_hours = t[i].hours;
        assert_string_equal(light(NULL, "stuck", &doc), t[i].level);
        assert_string_equal(
            json_string_value(json_object_get(doc, "status")), *t[i].level ? t[i].level : "green");
        json_decref(doc);
    }
    later_hours = 0;
}

static void what_the_time_does_not_allow_is_said_and_done_by_the_next_call(void **state)
{
    (void)state;
    json_t *doc;
    struct pr_queue_health_options o = {.check_seconds = 0.5};
    put(PR_QUEUE_LOW, "l.jsonl", "{\"text\":\"one\"}\n{\"text\":\"two\"}\n");
    assert_string_equal(light(&o, "unchecked", &doc), "yellow");
    assert_true(json_is_null(json_object_get(json_object_get(doc, "waiting"), "examples")));
    assert_int_equal(json_integer_value(json_object_get(doc, "unchecked")), 1);
    json_decref(doc);
    o.check_seconds = 1000;
    assert_string_equal(light(&o, "unchecked", &doc), "");
    assert_int_equal(
        json_integer_value(json_object_get(json_object_get(doc, "waiting"), "examples")), 3);
    json_decref(doc);
    o.check_seconds = 0.5; /* nothing is left to check */
    assert_string_equal(light(&o, "unchecked", &doc), "");
    json_decref(doc);
}

static void a_rate_from_elsewhere_counts_with_its_source(void **state)
{
    (void)state;
    json_t *doc;
    struct pr_queue_health_options o = {.tokens_per_second = 0.001, .rate_source = "there"};
    assert_string_equal(light(&o, "runs_out", &doc), "");
    double bytes = json_number_value(json_object_get(json_object_get(doc, "waiting"), "bytes"));
    double hours = json_real_value(json_object_get(doc, "hours_left"));
    assert_true(
        hours > 0.999 * bytes / 4 / 0.001 / 3600 && hours < 1.001 * bytes / 4 / 0.001 / 3600);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(doc, "throughput"), "source")), "there");
    json_decref(doc);
}

static int set_up(void **state)
{
    (void)state;
    pr_clock_override = &clock_of_ours;
    return mkdtemp(base) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    pr_clock_override = NULL;
    return pr_remove_tree(base, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_stuck_after_12_hours_and_critical_after_24),
        cmocka_unit_test(what_the_time_does_not_allow_is_said_and_done_by_the_next_call),
        cmocka_unit_test(a_rate_from_elsewhere_counts_with_its_source),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
