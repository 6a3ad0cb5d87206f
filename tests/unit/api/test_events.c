/* Events and the streams that read them, without sockets and with a clock in hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "api/events.h"
#include "base/clock.h"

static int64_t now_ns;

static int64_t monotonic(void)
{
    return now_ns;
}

static int64_t utc(void)
{
    return 0;
}

static const struct pr_clock clock_in_hand = {monotonic, utc};

struct client {
    int parked, woken;
    bool gone;
    char text[1 << 16];
    size_t n;
};

static void park(void *ctx)
{
    ((struct client *)ctx)->parked++;
}

static void wake(void *ctx)
{
    ((struct client *)ctx)->woken++;
}

static bool alive(void *ctx)
{
    return !((struct client *)ctx)->gone;
}

static const struct pr_api_stream_calls calls = {park, wake, alive};

/* Reads with a buffer of this size until it is parked (0) or over (-1). */
static ssize_t read_all(struct pr_api_stream *s, struct client *c, size_t max)
{
    ssize_t n;
    while ((n = pr_api_stream_read(s, c->text + c->n, max)) > 0)
        c->n += (size_t)n;
    c->text[c->n] = 0;
    return n;
}

static void publish(struct pr_api_events *v, int i)
{
    json_t *o = json_object();
    pr_json_set_int(o, "i", i);
    pr_api_events_publish(v, "changed", o);
    json_decref(o);
}

static struct pr_api_events *start(void)
{
    now_ns = 1000000000;
    pr_clock_override = &clock_in_hand;
    return pr_api_events_new("b0", "1.0", 3);
}

#define HELLO(n)                                                                                   \
    "retry: 2000\nid: b0-" #n "\nevent: hello\ndata: {\"boot\":\"b0\",\"version\":\"1.0\"}\n\n"
#define EVENT(n) "id: b0-" #n "\nevent: changed\ndata: {\"i\":" #n "}\n\n"
#define RESET(n) "id: b0-" #n "\nevent: reset\ndata: {}\n\n"

static void a_stream_reads_what_comes_and_is_woken_once(void **state)
{
    struct pr_api_events *v = start();
    struct client c = {0};
    (void)state;
    publish(v, 1);
    struct pr_api_stream *s = pr_api_stream_new(v, NULL, &calls, &c);
    assert_int_equal(read_all(s, &c, 7), 0);
    assert_string_equal(c.text, HELLO(1));
    assert_int_equal(c.parked, 1);
    publish(v, 2);
    publish(v, 3);
    assert_int_equal(c.woken, 1);
    c.n = 0;
    assert_int_equal(read_all(s, &c, 13), 0);
    assert_string_equal(c.text, EVENT(2) EVENT(3));
    pr_api_stream_free(s);
    publish(v, 4);
    assert_int_equal(c.woken, 1);
    pr_api_events_free(v);
    pr_clock_override = NULL;
}

static void a_stream_goes_on_after_what_was_seen_last(void **state)
{
    struct pr_api_events *v = start();
    static const char *const unknown[] = {
        "b0-4", "b0-99", "b1-1", "b0-", "b0", "b0-1x", "b0--1", "x"};
    (void)state;
    for (int i = 1; i <= 3; i++)
        publish(v, i);
    struct client c = {0};
    struct pr_api_stream *s = pr_api_stream_new(v, "b0-1", &calls, &c);
    read_all(s, &c, 1000);
    assert_string_equal(c.text, HELLO(1) EVENT(2) EVENT(3));
    pr_api_stream_free(s);
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
        c = (struct client){0};
        s = pr_api_stream_new(v, unknown[i], &calls, &c);
        read_all(s, &c, 1000);
        assert_string_equal(c.text, HELLO(3) RESET(3));
        pr_api_stream_free(s);
    }
    pr_api_events_free(v);
    pr_clock_override = NULL;
}

static void who_falls_behind_by_a_ring_is_let_go_and_comes_back_to_a_reset(void **state)
{
    struct pr_api_events *v = start();
    struct client slow = {0}, back = {0};
    (void)state;
    struct pr_api_stream *s = pr_api_stream_new(v, NULL, &calls, &slow);
    assert_int_equal(read_all(s, &slow, 1000), 0);
    for (int i = 1; i <= PR_API_RING; i++)
        publish(v, i);
    assert_true(pr_api_stream_read(s, slow.text, 10) > 0); /* just there */
    publish(v, PR_API_RING + 1);
    assert_int_equal(pr_api_stream_read(s, slow.text, 10), -1);
    pr_api_stream_free(s);
    s = pr_api_stream_new(v, "b0-0", &calls, &back);
    read_all(s, &back, 1000);
    assert_string_equal(back.text, HELLO(4097) RESET(4097));
    pr_api_stream_free(s);
    back = (struct client){0};
    s = pr_api_stream_new(v, "b0-1", &calls, &back);
    assert_int_equal(pr_api_stream_read(s, back.text, 10), 10);
    assert_null(strstr(back.text, "reset"));
    pr_api_stream_free(s);
    pr_api_events_free(v);
    pr_clock_override = NULL;
}

static void silence_is_broken_every_fifteen_seconds(void **state)
{
    struct pr_api_events *v = start();
    struct client c = {0};
    (void)state;
    struct pr_api_stream *s = pr_api_stream_new(v, NULL, &calls, &c);
    read_all(s, &c, 1000);
    now_ns += 14 * INT64_C(1000000000);
    pr_api_events_tick(v);
    assert_int_equal(c.woken, 0);
    now_ns += INT64_C(1000000000);
    pr_api_events_tick(v);
    assert_int_equal(c.woken, 1);
    c.n = 0;
    assert_int_equal(read_all(s, &c, 1000), 0);
    assert_string_equal(c.text, ": \n\n");
    c.gone = true; /* signed out */
    now_ns += 15 * INT64_C(1000000000);
    pr_api_events_tick(v);
    assert_int_equal(read_all(s, &c, 1000), -1);
    pr_api_stream_free(s);
    pr_api_events_free(v);
    pr_clock_override = NULL;
}

static void there_are_so_many_streams_and_all_end_together(void **state)
{
    struct pr_api_events *v = start();
    struct client c[3] = {0};
    struct pr_api_stream *s[3];
    (void)state;
    for (int i = 0; i < 3; i++)
        s[i] = pr_api_stream_new(v, NULL, &calls, &c[i]);
    assert_null(pr_api_stream_new(v, NULL, &calls, &c[0]));
    pr_api_stream_free(s[1]);
    s[1] = pr_api_stream_new(v, NULL, &calls, &c[1]);
    assert_non_null(s[1]);
    assert_int_equal(pr_api_events_streams(v), 3);
    for (int i = 0; i < 3; i++)
        read_all(s[i], &c[i], 1000);
    pr_api_events_end(v);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(c[i].woken, 1);
        assert_int_equal(read_all(s[i], &c[i], 1000), -1);
        pr_api_stream_free(s[i]);
    }
    assert_null(pr_api_stream_new(v, NULL, &calls, &c[0]));
    pr_api_events_free(v);
    pr_clock_override = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_reads_what_comes_and_is_woken_once),
        cmocka_unit_test(a_stream_goes_on_after_what_was_seen_last),
        cmocka_unit_test(who_falls_behind_by_a_ring_is_let_go_and_comes_back_to_a_reset),
        cmocka_unit_test(silence_is_broken_every_fifteen_seconds),
        cmocka_unit_test(there_are_so_many_streams_and_all_end_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
