/* Quiet hours by local time, with its summer time, and the back-off of what was not taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "daemon/quiet.h"

#define MINUTE 60000LL
#define HOUR   (60 * MINUTE)

/* Milliseconds of a UTC time. */
static int64_t utc(int year, int month, int day, int hour, int minute)
{
    struct tm tm = {.tm_year = year - 1900,
        .tm_mon = month - 1,
        .tm_mday = day,
        .tm_hour = hour,
        .tm_min = minute};
    return (int64_t)timegm(&tm) * 1000;
}

static void zone(const char *name)
{
    setenv("TZ", name, 1);
    tzset();
}

static struct pr_quiet hours(const char *text)
{
    struct pr_quiet q;
    struct pr_error e;
    if (pr_quiet_parse(text, &q, &e))
        fail_msg("%s", e.message);
    return q;
}

static void nothing_is_quiet_without_hours(void **state)
{
    (void)state;
    struct pr_quiet q = hours(NULL);
    assert_int_equal(pr_quiet_until(&q, utc(2026, 1, 1, 3, 0)), 0);
}

static void hours_within_a_day(void **state)
{
    (void)state;
    zone("UTC0");
    struct pr_quiet q = hours("12:30-14:00");
    assert_int_equal(pr_quiet_until(&q, utc(2026, 1, 1, 12, 29)), 0);
    assert_int_equal(pr_quiet_until(&q, utc(2026, 1, 1, 12, 30)), utc(2026, 1, 1, 14, 0));
    assert_int_equal(pr_quiet_until(&q, utc(2026, 1, 1, 13, 59) + 59999), utc(2026, 1, 1, 14, 0));
    assert_int_equal(pr_quiet_until(&q, utc(2026, 1, 1, 14, 0)), 0);
}

static void hours_over_midnight(void **state)
{
    (void)state;
    zone("UTC0");
    struct pr_quiet q = hours("22:00-07:00");
    assert_int_equal(pr_quiet_until(&q, utc(2026, 1, 1, 21, 59)), 0);
    assert_int_equal(pr_quiet_until(&q, utc(2026, 1, 1, 22, 0)), utc(2026, 1, 2, 7, 0));
    assert_int_equal(pr_quiet_until(&q, utc(2026, 1, 2, 3, 0)), utc(2026, 1, 2, 7, 0));
    assert_int_equal(pr_quiet_until(&q, utc(2026, 1, 2, 7, 0)), 0);
    q = hours("20:00-24:00");
    assert_int_equal(pr_quiet_until(&q, utc(2026, 1, 1, 23, 0)), utc(2026, 1, 2, 0, 0));
}

/* Central Europe: the clock goes from 02:00 to 03:00 on 2026-03-29, from 03:00 to 02:00 on
 * 2026-10-25. */
static void hours_are_those_of_the_clock_on_the_wall(void **state)
{
    (void)state;
    zone("CET-1CEST,M3.5.0/2,M10.5.0/3");
    struct pr_quiet q = hours("22:00-07:00");
    /* 22:30 in winter is 21:30 UTC; the night is an hour shorter, 07:00 is 05:00 UTC. */
    assert_int_equal(pr_quiet_until(&q, utc(2026, 3, 28, 21, 30)), utc(2026, 3, 29, 5, 0));
    assert_int_equal(pr_quiet_until(&q, utc(2026, 10, 24, 21, 0)), utc(2026, 10, 25, 6, 0));
    /* 02:30 does not exist: what ends then ends at 03:00 of summer time. */
    q = hours("00:00-02:30");
    assert_int_equal(pr_quiet_until(&q, utc(2026, 3, 29, 0, 0)), utc(2026, 3, 29, 1, 0));
    /* 02:30 exists twice: it is quiet again from the second 02:00 on. */
    assert_int_equal(pr_quiet_until(&q, utc(2026, 10, 24, 23, 0)), utc(2026, 10, 25, 0, 30));
    assert_int_equal(pr_quiet_until(&q, utc(2026, 10, 25, 1, 0)), utc(2026, 10, 25, 1, 30));
    zone("UTC0");
}

static void what_is_no_time_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "22", "22:00", "22:00-", "22:00-25:00", "22:60-07:00",
        "22:00-07:00 ", "22:00-07:00x", "-1:00-07:00", "24:00-07:00", "07:00-07:00", "23:00-24:30"};
    struct pr_error e;
    struct pr_quiet q;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (!pr_quiet_parse(texts[i], &q, &e))
            fail_msg("'%s' was taken", texts[i]);
        assert_non_null(strstr(e.message, "alerts.quiet_hours"));
        assert_false(q.any);
    }
}

static void waits_grow_to_an_hour(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 1);
    int64_t expected = 5000;
    for (int64_t n = 1; n < 40; n++) {
        for (int i = 0; i < 50; i++) {
            int64_t ms = pr_retry_ms(n, -1, &r);
            assert_in_range(ms, expected * 3 / 4, expected * 5 / 4);
        }
        expected = expected * 2 < HOUR ? expected * 2 : HOUR;
    }
    assert_true(pr_retry_ms(3, -1, &r) != pr_retry_ms(3, -1, &r));
}

static void what_a_server_asks_for_is_waited(void **state)
{
    (void)state;
    struct pr_rng r;
    pr_rng_seed(&r, 1);
    assert_int_equal(pr_retry_ms(1, 60, &r), 60000);
    assert_in_range(pr_retry_ms(1, 1, &r), 3750, 6250);
    assert_int_equal(pr_retry_ms(1, 2000000000, &r), 24 * HOUR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_quiet_without_hours),
        cmocka_unit_test(hours_within_a_day),
        cmocka_unit_test(hours_over_midnight),
        cmocka_unit_test(hours_are_those_of_the_clock_on_the_wall),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(waits_grow_to_an_hour),
        cmocka_unit_test(what_a_server_asks_for_is_waited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
