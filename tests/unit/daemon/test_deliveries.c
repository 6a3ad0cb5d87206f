/* Alerts on their way, in a real supervisor whose channel is a program of the test's: what is told
 * when, while the clock on the wall goes as the test wants it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/remove.h"
#include "daemon/supervisor_internal.h"
#include "gradebook/actions.h"

#define MAX_WAIT_MS 30000
#define POLL_MS     2
#define MINUTE      60000LL
#define HOUR        (60 * MINUTE)

static struct pr_error e;
static void must(enum pr_code code)
{
    if (code)
        fail_msg("%s", e.message);
}

/* ---- the clock ---- */

static int64_t ahead_ms;

static int64_t monotonic(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int64_t utc(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000 + ahead_ms;
}

static const struct pr_clock wall = {.monotonic_ns = monotonic, .utc_ms = utc};

/* ---- a base folder with a supervisor and a channel ---- */

struct world {
    char base[64], told[96], broken[96]; /* told: a line a message; broken: the channel fails */
    struct pr_config config;
    struct pr_loop *loop;
    struct pr_supervisor *s;
    struct pr_timer poll;
    bool (*until)(struct world *w, int64_t n);
    int64_t n, give_up_ns;
};

static void configure(struct world *w, const char *alerts)
{
    char yaml[2000];
    if (w->config.base_dir)
        pr_config_done(&w->config);
    snprintf(yaml, sizeof yaml,
        "machine: {role: training}\n"
        "alerts:\n  disk_free_gb: 0\n%s"
        "  channels:\n    own: {kind: command, command: [/bin/sh, -c,\n"
        "      'test ! -e %s && cat >> %s || { echo it is broken; exit 1; }']}\n",
        alerts, w->broken, w->told);
    must(pr_config_parse(yaml, strlen(yaml), "proctor.yaml", w->base, &w->config, &e));
}

static void begin(struct world *w)
{
    must(pr_loop_new(&w->loop, &e));
    must(pr_supervisor_new(&w->config, w->loop, &w->s, &e));
}

static void end(struct world *w)
{
    pr_supervisor_free(w->s);
    pr_loop_free(w->loop);
    w->s = NULL;
    w->loop = NULL;
}

static int setup(void **state)
{
    struct world *w = pr_zalloc(sizeof *w);
    ahead_ms = 0;
    pr_clock_override = &wall;
    snprintf(w->base, sizeof w->base, "/tmp/proctor-deliveries-XXXXXX");
    if (!mkdtemp(w->base))
        return -1;
    snprintf(w->told, sizeof w->told, "%s/told", w->base);
    snprintf(w->broken, sizeof w->broken, "%s/broken", w->base);
    configure(w, "");
    begin(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    if (w->s)
        end(w);
    pr_config_done(&w->config);
    pr_clock_override = NULL;
    int failed = pr_remove_tree(w->base, NULL) ? -1 : 0;
    pr_free(w);
    return failed;
}

static void poll_it(void *ctx)
{
    struct world *w = ctx;
    if (w->until(w, w->n))
        pr_loop_stop(w->loop, 0);
    else if (pr_clock_monotonic_ns() > w->give_up_ns)
        pr_loop_stop(w->loop, 1);
    else
        pr_timer_after(w->loop, &w->poll, POLL_MS);
}

static bool wait_for(struct world *w, bool (*until)(struct world *w, int64_t n), int64_t n)
{
    w->until = until;
    w->n = n;
    w->give_up_ns = pr_clock_monotonic_ns() + MAX_WAIT_MS * 1000000LL;
    w->poll = (struct pr_timer){.fired = poll_it, .ctx = w};
    pr_timer_after(w->loop, &w->poll, 0);
    return pr_loop_run(w->loop) == 0;
}

/* ---- what came of it ---- */

static struct pr_delivery *rows;
static size_t n_rows;

static void read_rows(struct world *w)
{
    pr_deliveries_free(rows, n_rows);
    rows = NULL;
    must(pr_gradebook_deliveries(w->s->g, &(struct pr_delivery_filter){0}, &rows, &n_rows, &e));
}

/* Every row is over. */
static bool all_ended(struct world *w, int64_t n)
{
    read_rows(w);
    for (size_t i = 0; i < n_rows; i++)
        if (!rows[i].ended_ms)
            return false;
    return n_rows >= (size_t)n;
}

/* The first row was tried so often, and nothing is on its way. */
static bool tried(struct world *w, int64_t n)
{
    read_rows(w);
    return n_rows && rows[0].attempts >= n && rows[0].state != PR_DELIVERY_SENDING;
}

static void assert_row(
    size_t i, enum pr_delivery_kind kind, enum pr_delivery_state state, const char *reason)
{
    assert_true(i < n_rows);
    assert_string_equal(pr_delivery_kind_name(rows[i].kind), pr_delivery_kind_name(kind));
    assert_string_equal(pr_delivery_state_name(rows[i].state), pr_delivery_state_name(state));
    if (!reason != !rows[i].reason || (reason && !strstr(rows[i].reason, reason)))
        fail_msg("reason '%s'", rows[i].reason ? rows[i].reason : "none");
}

/* The messages that the channel took. */
static size_t n_told(struct world *w, size_t *ret_alerts)
{
    char *text;
    size_t len, n = 0;
    *ret_alerts = 0;
    if (!pr_path_exists(w->told))
        return 0;
    must(pr_file_read(AT_FDCWD, w->told, 1 << 20, &text, &len, &e));
    for (char *line = text, *stop; (stop = strchr(line, '\n')); line = stop + 1, n++) {
        json_t *doc;
        must(pr_json_parse(line, (size_t)(stop - line), 0, NULL, &doc, NULL, &e));
        *ret_alerts += json_array_size(json_object_get(doc, "alerts"));
        json_decref(doc);
    }
    pr_free(text);
    return n;
}

static void raise_it(struct world *w, const char *key, enum pr_alert_level level)
{
    pr_sv_alert(w->s, key, 0, level, "about %s", key);
    assert_true(pr_sv_end(w->s));
}

static void clear_it(struct world *w, const char *key)
{
    pr_sv_clear(w->s, key);
    assert_true(pr_sv_end(w->s));
}

static void break_it(struct world *w, bool broken)
{
    if (broken)
        must(pr_file_write_atomic(w->broken, "", 0, &e));
    else
        unlink(w->broken);
}

static int64_t open_alert(struct world *w, const char *key)
{
    int64_t id;
    must(pr_gradebook_open_alert(w->s->g, PR_SV_NAME, key, &id, &e));
    return id;
}

/* The wall's clock goes on, and the supervisor looks at it. */
static void pass(struct world *w, int64_t ms)
{
    ahead_ms += ms;
    pr_sv_deliveries_soon(w->s);
}

/* ---- tests ---- */

static void a_few_alerts_are_a_message_each(void **state)
{
    struct world *w = *state;
    size_t alerts;
    raise_it(w, "a", PR_ALERT_WARNING);
    raise_it(w, "b", PR_ALERT_CRITICAL);
    raise_it(w, "a", PR_ALERT_WARNING); /* again: nothing new */
    assert_true(wait_for(w, all_ended, 2));
    assert_int_equal(n_told(w, &alerts), 2);
    assert_int_equal(n_rows, 2);
    clear_it(w, "a");
    assert_true(wait_for(w, all_ended, 3));
    assert_row(2, PR_DELIVERY_RESOLVED, PR_DELIVERY_SENT, NULL);
    assert_int_equal(n_told(w, &alerts), 3);
}

static void a_storm_is_one_message(void **state)
{
    struct world *w = *state;
    size_t alerts;
    for (int i = 0; i < 25; i++) {
        char key[20];
        snprintf(key, sizeof key, "k%d", i);
        pr_sv_alert(w->s, key, 0, PR_ALERT_WARNING, "about %s", key);
    }
    assert_true(pr_sv_end(w->s));
    assert_true(wait_for(w, all_ended, 25));
    assert_int_equal(n_told(w, &alerts), 1);
    assert_int_equal(alerts, 25);
    assert_row(24, PR_DELIVERY_FIRING, PR_DELIVERY_SENT, "in one message with 24 others");
    /* What follows within the minute waits for its end, and goes together. */
    raise_it(w, "late", PR_ALERT_CRITICAL);
    raise_it(w, "later", PR_ALERT_CRITICAL);
    pass(w, 30000);
    assert_true(wait_for(w, tried, 1)); /* a turn of the loop */
    assert_int_equal(n_told(w, &alerts), 1);
    pass(w, 31000);
    assert_true(wait_for(w, all_ended, 27));
    assert_int_equal(n_told(w, &alerts), 3);
}

static void a_rising_level_is_told_and_takes_the_place_of_what_waits(void **state)
{
    struct world *w = *state;
    break_it(w, true);
    raise_it(w, "a", PR_ALERT_WARNING);
    assert_true(wait_for(w, tried, 1));
    assert_row(0, PR_DELIVERY_FIRING, PR_DELIVERY_WAITING, "it is broken");
    raise_it(w, "a", PR_ALERT_CRITICAL);
    break_it(w, false);
    pass(w, 10000);
    assert_true(wait_for(w, all_ended, 2));
    assert_row(0, PR_DELIVERY_FIRING, PR_DELIVERY_DROPPED, "its level rose");
    assert_row(1, PR_DELIVERY_FIRING, PR_DELIVERY_SENT, NULL);
}

static void what_was_seen_is_not_told(void **state)
{
    struct world *w = *state;
    break_it(w, true);
    raise_it(w, "a", PR_ALERT_CRITICAL);
    assert_true(wait_for(w, tried, 1));
    json_t *m = json_object(), *answer;
    pr_json_set_str(m, "action", "acknowledge");
    pr_json_set_int(m, "alert", open_alert(w, "a"));
    answer = pr_supervisor_act(w->s, m);
    assert_string_equal(json_string_value(json_object_get(answer, "type")), "done");
    json_decref(answer);
    json_decref(m);
    pass(w, 10000);
    assert_true(wait_for(w, all_ended, 1));
    assert_row(0, PR_DELIVERY_FIRING, PR_DELIVERY_DROPPED, "acknowledged before it was sent");
    clear_it(w, "a"); /* it was never told, so its end is not */
    assert_true(wait_for(w, all_ended, 1));
    assert_int_equal(n_rows, 1);
}

static void a_critical_alert_is_repeated_until_somebody_has_seen_it(void **state)
{
    struct world *w = *state;
    size_t alerts;
    end(w);
    configure(w, "  repeat_minutes: 10\n");
    begin(w);
    raise_it(w, "a", PR_ALERT_CRITICAL);
    raise_it(w, "b", PR_ALERT_WARNING); /* not critical: said once */
    assert_true(wait_for(w, all_ended, 2));
    pass(w, 9 * MINUTE);
    assert_true(wait_for(w, all_ended, 2));
    assert_int_equal(n_rows, 2);
    pass(w, 2 * MINUTE);
    assert_true(wait_for(w, all_ended, 3));
    assert_row(2, PR_DELIVERY_REPEAT, PR_DELIVERY_SENT, NULL);
    must(pr_gradebook_acknowledge(w->s->g, open_alert(w, "a"), utc(), &e));
    pass(w, 30 * MINUTE);
    assert_true(wait_for(w, all_ended, 3));
    assert_int_equal(n_told(w, &alerts), 3);
    clear_it(w, "a");
    assert_true(wait_for(w, all_ended, 4));
    assert_row(3, PR_DELIVERY_RESOLVED, PR_DELIVERY_SENT, NULL);
}

static void a_channel_that_takes_nothing_for_a_day_is_given_up_and_shown(void **state)
{
    struct world *w = *state;
    break_it(w, true);
    raise_it(w, "a", PR_ALERT_CRITICAL);
    for (int64_t i = 1; i < 10; i++) {
        assert_true(wait_for(w, tried, i));
        assert_row(0, PR_DELIVERY_FIRING, PR_DELIVERY_WAITING, "exit status 1: it is broken");
        pass(w, 2 * HOUR + 40 * MINUTE);
    }
    assert_true(wait_for(w, tried, 10));
    assert_true(wait_for(w, all_ended, 1));
    assert_row(0, PR_DELIVERY_FIRING, PR_DELIVERY_FAILED, "it is broken");
    assert_true(open_alert(w, "channel:own") > 0);
    assert_int_equal(n_rows, 1); /* that is shown, and not sent */
    break_it(w, false);
    raise_it(w, "b", PR_ALERT_WARNING);
    assert_true(wait_for(w, all_ended, 2));
    assert_int_equal(open_alert(w, "channel:own"), 0);
    assert_int_equal(n_rows, 2);
}

static void what_failed_goes_at_once_when_the_channel_works_again(void **state)
{
    struct world *w = *state;
    break_it(w, true);
    raise_it(w, "a", PR_ALERT_WARNING);
    assert_true(wait_for(w, tried, 1));
    pass(w, 10000);
    assert_true(wait_for(w, tried, 2));
    read_rows(w);
    assert_true(rows[0].next_ms > utc() + 5000); /* it would wait ten seconds */
    break_it(w, false);
    raise_it(w, "b", PR_ALERT_WARNING);
    assert_true(wait_for(w, all_ended, 2));
    assert_row(0, PR_DELIVERY_FIRING, PR_DELIVERY_SENT, NULL);
}

static void a_channel_that_is_not_configured_any_more_is_told_nothing(void **state)
{
    struct world *w = *state;
    break_it(w, true);
    raise_it(w, "a", PR_ALERT_WARNING);
    assert_true(wait_for(w, tried, 1));
    json_object_clear(w->config.alerts.channels);
    pr_supervisor_reload(w->s, &w->config);
    assert_true(wait_for(w, all_ended, 1));
    assert_row(0, PR_DELIVERY_FIRING, PR_DELIVERY_DROPPED, "not configured any more");
}

/* As a process leaves it that was killed while it sent. */
static void leave_sending(struct world *w, bool cleared)
{
    struct pr_delivery d = {.channel = (char *)(uintptr_t) "own",
        .level = PR_ALERT_WARNING,
        .state = PR_DELIVERY_SENDING,
        .next_ms = 1,
        .made_ms = 1};
    must(pr_gradebook_raise(
        w->s->g, PR_SV_NAME, "a", 0, PR_ALERT_WARNING, "about a", utc(), NULL, &e));
    d.alert = open_alert(w, "a");
    must(pr_gradebook_put_delivery(w->s->g, &d, &e));
    if (cleared)
        must(pr_gradebook_clear(w->s->g, PR_SV_NAME, "a", utc(), &e));
    end(w);
    begin(w);
}

static void what_was_on_its_way_at_a_kill_is_sent_again_while_it_holds(void **state)
{
    struct world *w = *state;
    size_t alerts;
    leave_sending(w, false);
    assert_true(wait_for(w, all_ended, 1));
    assert_row(0, PR_DELIVERY_FIRING, PR_DELIVERY_SENT, NULL);
    assert_int_equal(n_told(w, &alerts), 1);
}

static void what_may_have_arrived_before_a_kill_has_its_end_told(void **state)
{
    struct world *w = *state;
    size_t alerts;
    leave_sending(w, true);
    assert_true(wait_for(w, all_ended, 2));
    assert_row(0, PR_DELIVERY_FIRING, PR_DELIVERY_SENT, "proctor ended while it was being sent");
    assert_row(1, PR_DELIVERY_RESOLVED, PR_DELIVERY_SENT, NULL);
    assert_int_equal(n_told(w, &alerts), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(a_few_alerts_are_a_message_each),
        T(a_storm_is_one_message),
        T(a_rising_level_is_told_and_takes_the_place_of_what_waits),
        T(what_was_seen_is_not_told),
        T(a_critical_alert_is_repeated_until_somebody_has_seen_it),
        T(a_channel_that_takes_nothing_for_a_day_is_given_up_and_shown),
        T(what_failed_goes_at_once_when_the_channel_works_again),
        T(a_channel_that_is_not_configured_any_more_is_told_nothing),
        T(what_was_on_its_way_at_a_kill_is_sent_again_while_it_holds),
        T(what_may_have_arrived_before_a_kill_has_its_end_told),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    pr_deliveries_free(rows, n_rows);
    return failed;
}
