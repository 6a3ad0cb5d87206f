/* Pins, the audit, and deliveries of alerts. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "base/sha256.h"
#include "gradebook/actions.h"

#define DAY 86400000LL

static char *copy(const char *s)
{
    return (char *)(uintptr_t)s;
}

static void a_pin_is_kept_once_and_only_of_what_is_there(void **state)
{
    struct book *b = *state;
    struct pr_error why;
    struct pr_pin *pins;
    size_t n;
    int64_t id = add_checkpoint(b->g, "/run/checkpoint-1", "i", "m", 1, "run", "h", 1);
    MUST(pr_gradebook_pin(b->g, id, "someone", 5, e));
    MUST(pr_gradebook_pin(b->g, id, "another", 9, e));
    MUST(pr_gradebook_pins(b->g, &pins, &n, e));
    assert_int_equal(n, 1);
    assert_int_equal(pins[0].checkpoint, id);
    assert_int_equal(pins[0].at_ms, 5);
    assert_string_equal(pins[0].who, "someone");
    pr_pins_free(pins, n);
    assert_int_equal(pr_gradebook_pin(b->g, 99, "someone", 5, &why), PR_E_NOT_FOUND);
    assert_string_equal(why.message, "there is no checkpoint 99");
    MUST(pr_gradebook_unpin(b->g, id, e));
    assert_int_equal(pr_gradebook_unpin(b->g, id, &why), PR_E_NOT_FOUND);
}

/* A checkpoint with n graded answers, long enough to be texts of their own. */
static int64_t graded(struct book *b, const struct pr_suite *s, int m)
{
    char path[64];
    snprintf(path, sizeof path, "/run/checkpoint-%d", m);
    int64_t id = add_checkpoint(b->g, path, "i", path, m, "run", "h", m * DAY);
    struct pr_checkpoint_row row = row_of(b->g, id);
    for (size_t i = 0; i < s->n; i++) {
        struct pr_grade x;
        char digest[PR_SHA256_HEX];
        plain_grade(&s->v[i], (uint64_t)m, &x);
        pr_sha256_hex(s->v[i].digest, digest);
        MUST(pr_gradebook_put_grade(
            b->g, row.model, settings_of(b->g, row.model), digest, &x, m * DAY, NULL, e));
        pr_grade_done(&x);
    }
    pr_checkpoint_row_done(&row);
    return id;
}

static bool has_texts(struct book *b, const struct pr_suite *s, int64_t checkpoint)
{
    struct pr_checkpoint_row row = row_of(b->g, checkpoint);
    struct pr_grades *grades;
    MUST(pr_gradebook_grades(b->g, &row, settings_of(b->g, row.model), s, true, &grades, e));
    bool has = grades->v[0].answer != NULL;
    pr_grades_free(grades);
    pr_checkpoint_row_done(&row);
    return has;
}

static void texts_of_a_pinned_checkpoint_stay(void **state)
{
    struct book *b = *state;
    int64_t suite, ids[20];
    bool more = true;
    struct pr_suite *s = make_suite("validation", 8, false);
    MUST(pr_gradebook_put_suite(b->g, s, 1, &suite, e));
    for (int i = 0; i < 20; i++)
        ids[i] = graded(b, s, i + 1);
    MUST(pr_gradebook_pin(b->g, ids[2], "someone", 5, e));
    struct pr_retention r = {.now_ms = 100 * DAY, .texts_days = 30};
    while (more)
        MUST(pr_gradebook_compact(b->g, &r, &more, e));
    assert_true(has_texts(b, s, ids[2]));
    assert_false(has_texts(b, s, ids[3]));
    MUST(pr_gradebook_unpin(b->g, ids[2], e));
    for (more = true; more;)
        MUST(pr_gradebook_compact(b->g, &r, &more, e));
    assert_false(has_texts(b, s, ids[2]));
    assert_sound(b->g);
    pr_suite_free(s);
}

static void the_audit_is_read_newest_first_a_page_at_a_time(void **state)
{
    struct book *b = *state;
    struct pr_action_row *v;
    size_t n;
    for (int i = 0; i < 5; i++) {
        struct pr_action_row a = {.at_ms = 10 + i,
            .who = copy("token"),
            .origin = copy("127.0.0.1"),
            .action = copy("pin"),
            .target = i ? copy("checkpoint 1") : NULL,
            .outcome = copy(i % 2 ? "refused" : "done"),
            .reason = i % 2 ? copy("why not") : NULL};
        MUST(pr_gradebook_put_action(b->g, &a, NULL, e));
    }
    MUST(pr_gradebook_actions(b->g, 0, 2, &v, &n, e));
    assert_int_equal(n, 2);
    assert_int_equal(v[0].at_ms, 14);
    assert_string_equal(v[1].reason, "why not");
    int64_t before = v[1].id;
    pr_action_rows_free(v, n);
    MUST(pr_gradebook_actions(b->g, before, 0, &v, &n, e));
    assert_int_equal(n, 3);
    assert_int_equal(v[2].at_ms, 10);
    assert_null(v[2].target);
    pr_action_rows_free(v, n);
}

static void deliveries_are_found_when_they_are_due(void **state)
{
    struct book *b = *state;
    struct pr_delivery *v;
    size_t n;
    int64_t next, alert, last;
    MUST(pr_gradebook_raise(b->g, "monitor", "k", 0, PR_ALERT_WARNING, "text", 5, NULL, e));
    MUST(pr_gradebook_open_alert(b->g, "monitor", "k", &alert, e));
    assert_true(alert > 0);
    MUST(pr_gradebook_next_delivery(b->g, 10, &next, e));
    assert_int_equal(next, 0);
    struct pr_delivery a = {.alert = alert,
                           .channel = copy("phone"),
                           .level = PR_ALERT_CRITICAL,
                           .next_ms = 100,
                           .made_ms = 5},
                       c = {.channel = copy("mail"),
                           .kind = PR_DELIVERY_REPEAT,
                           .state = PR_DELIVERY_HELD,
                           .next_ms = 50,
                           .made_ms = 6};
    MUST(pr_gradebook_put_delivery(b->g, &a, e));
    MUST(pr_gradebook_put_delivery(b->g, &c, e));
    MUST(pr_gradebook_next_delivery(b->g, 10, &next, e));
    assert_int_equal(next, 50);
    MUST(pr_gradebook_deliveries(b->g, &(struct pr_delivery_filter){.due_ms = 60}, &v, &n, e));
    assert_int_equal(n, 1);
    assert_string_equal(v[0].channel, "mail");
    assert_int_equal(v[0].kind, PR_DELIVERY_REPEAT);
    assert_int_equal(v[0].state, PR_DELIVERY_HELD);
    pr_deliveries_free(v, n);
    a.state = PR_DELIVERY_SENT;
    a.attempts = 2;
    a.ended_ms = 120;
    a.next_ms = 0;
    MUST(pr_gradebook_put_delivery(b->g, &a, e));
    MUST(pr_gradebook_deliveries(b->g, &(struct pr_delivery_filter){.alert = alert}, &v, &n, e));
    assert_int_equal(n, 1);
    assert_int_equal(v[0].attempts, 2);
    assert_int_equal(v[0].ended_ms, 120);
    assert_int_equal(v[0].level, PR_ALERT_CRITICAL);
    pr_deliveries_free(v, n);
    MUST(pr_gradebook_deliveries(b->g, &(struct pr_delivery_filter){.open_only = true}, &v, &n, e));
    assert_int_equal(n, 1);
    pr_deliveries_free(v, n);
    MUST(pr_gradebook_sent_since(b->g, "phone", 100, &n, &last, e));
    assert_int_equal(n, 1);
    assert_int_equal(last, 120);
    MUST(pr_gradebook_sent_since(b->g, "phone", 120, &n, &last, e));
    assert_int_equal(n, 0);
    assert_int_equal(last, 0);
}

static void ended_deliveries_go_when_their_alert_is_over(void **state)
{
    struct book *b = *state;
    int64_t alert;
    bool more;
    MUST(pr_gradebook_raise(b->g, "monitor", "k", 0, PR_ALERT_WARNING, "text", 5, NULL, e));
    MUST(pr_gradebook_open_alert(b->g, "monitor", "k", &alert, e));
    struct pr_delivery d = {.alert = alert,
        .channel = copy("phone"),
        .state = PR_DELIVERY_SENT,
        .made_ms = 5,
        .ended_ms = 6};
    MUST(pr_gradebook_put_delivery(b->g, &d, e));
    struct pr_retention r = {.now_ms = 100 * DAY, .orders_days = 30};
    MUST(pr_gradebook_compact(b->g, &r, &more, e));
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM deliveries"), 1);
    MUST(pr_gradebook_clear(b->g, "monitor", "k", 7, e));
    MUST(pr_gradebook_compact(b->g, &r, &more, e));
    assert_int_equal(number_of(b->path, "SELECT count(*) FROM deliveries"), 0);
}

static void one_alert_is_found_by_its_id(void **state)
{
    struct book *b = *state;
    struct pr_alert a;
    struct pr_error why;
    size_t n;
    int64_t id;
    MUST(pr_gradebook_raise(b->g, "monitor", "k", 0, PR_ALERT_WARNING, "text", 5, NULL, e));
    MUST(pr_gradebook_open_alert(b->g, "monitor", "k", &id, e));
    MUST(pr_gradebook_alert(b->g, id, &a, e));
    assert_string_equal(a.text, "text");
    assert_int_equal(a.raised_ms, 5);
    pr_alert_done(&a);
    assert_int_equal(pr_gradebook_alert(b->g, id + 1, &a, &why), PR_E_NOT_FOUND);
    MUST(pr_gradebook_count_open_alerts(b->g, &n, e));
    assert_int_equal(n, 1);
    MUST(pr_gradebook_clear(b->g, "monitor", "k", 7, e));
    MUST(pr_gradebook_open_alert(b->g, "monitor", "k", &id, e));
    assert_int_equal(id, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, book_setup, book_teardown)
        T(a_pin_is_kept_once_and_only_of_what_is_there),
        T(texts_of_a_pinned_checkpoint_stay),
        T(the_audit_is_read_newest_first_a_page_at_a_time),
        T(deliveries_are_found_when_they_are_due),
        T(ended_deliveries_go_when_their_alert_is_over),
        T(one_alert_is_found_by_its_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
